/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a script. Its lines, of words between blanks; values may be nan, inf, -inf, -0:
 *   program NAME [RATIO]             what follows belongs to it
 *   set WEIGHT DTYPE [2,3] values    before a call or step: a weight or state
 *   call EXPORT                      then its inputs and results, in order:
 *   in DTYPE [2,3] values
 *   out DTYPE [2,3] values
 *   step                             a training step; then `in` lines, its fields
 *   get WEIGHT DTYPE [2,3] values    what a weight or state must be
 *   loss f32 [] value                what the last step's loss must be
 * after out, get and loss, if need be:
 *   tol t...                         absolute, an element each
 *   single values                    what it is in single precision, where that is another value
 *   zeros                            signs of zeros count */
#include "golden.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Reader {
  const char *path;
  char *word; /* rest of the line */
  int line;
} Reader;

static _Noreturn void bad(const Reader *r, const char *what) {
  fprintf(stderr, "%s:%d: %s\n", r->path, r->line, what);
  exit(2);
}

static char *next(Reader *r) {
  char *w = r->word + strspn(r->word, " \n");
  if (!*w) return NULL;
  r->word = w + strcspn(w, " \n");
  if (*r->word) *r->word++ = 0;
  return w;
}

static char *need(Reader *r) {
  char *w = next(r);
  if (!w) bad(r, "a word is missing");
  return w;
}

static double *values(Reader *r, int64_t n) {
  double *v = calloc((size_t)n + 1, sizeof *v);
  for (int64_t i = 0; i < n; i++) {
    char *w = need(r), *end;
    v[i] = strtod(w, &end);
    if (*end) bad(r, "not a number");
  }
  if (next(r)) bad(r, "too many values");
  return v;
}

static Array array(Reader *r) {
  Array a = {.count = 1};
  const char *kind = need(r);
  int k = 0;
  while (k <= K_BF16 && strcmp(kind_name[k], kind)) k++;
  if (k > K_BF16) bad(r, "no element type");
  a.kind = (Kind)k;
  char *p = need(r);
  if (*p != '[') bad(r, "no shape");
  for (p++; *p && *p != ']'; p += *p == ',') {
    a.dim[a.rank] = strtol(p, &p, 10);
    a.count *= a.dim[a.rank++];
  }
  a.v = values(r, a.count);
  return a;
}

static Action *add(Script *s, Reader *r, Act act, bool named) {
  if (s->n == s->cap) {
    s->cap = s->cap ? 2 * s->cap : 64;
    s->v = realloc(s->v, (size_t)s->cap * sizeof *s->v);
  }
  Action *a = &s->v[s->n++];
  *a = (Action){.act = act, .line = r->line, .name = named ? strdup(need(r)) : ""};
  return a;
}

static Expected *expect(Reader *r, Action *a, double ratio) {
  if (a->nout == MAX_ARRAYS) bad(r, "too many results");
  Expected *e = &a->out[a->nout++];
  *e = (Expected){.want = array(r), .ratio = ratio};
  return e;
}

static void line(Script *s, Reader *r, double *ratio, Expected **last) {
  const char *w = next(r);
  Action *a = s->n ? &s->v[s->n - 1] : NULL;
  if (!w || *w == '#') return;
  if (!strcmp(w, "program")) {
    add(s, r, A_PROGRAM, true);
    const char *x = next(r);
    *ratio = x ? strtod(x, NULL) : 600; /* 2^-24 against 1e-10 */
  } else if (!strcmp(w, "set")) {
    a = add(s, r, A_SET, true);
    a->in[a->nin++] = array(r);
  } else if (!strcmp(w, "call")) add(s, r, A_CALL, true);
  else if (!strcmp(w, "step")) add(s, r, A_STEP, false);
  else if (!strcmp(w, "get")) *last = expect(r, add(s, r, A_GET, true), *ratio);
  else if (!strcmp(w, "loss")) *last = expect(r, add(s, r, A_LOSS, false), *ratio);
  else if (a && !strcmp(w, "in") && a->nin < MAX_ARRAYS) a->in[a->nin++] = array(r);
  else if (a && !strcmp(w, "out")) *last = expect(r, a, *ratio);
  else if (*last && !strcmp(w, "tol")) (*last)->tol = values(r, (*last)->want.count);
  else if (*last && !strcmp(w, "single")) (*last)->single = values(r, (*last)->want.count);
  else if (*last && !strcmp(w, "zeros")) (*last)->signed_zeros = true;
  else bad(r, "unknown word");
}

Script script_read(const char *path) {
  Script s = {0};
  Reader r = {.path = path};
  Expected *last = NULL;
  double ratio = 1;
  char *text = NULL;
  size_t cap = 0;
  FILE *f = fopen(path, "r");
  if (!f) bad(&r, "cannot be read");
  for (r.line = 1; getline(&text, &cap, f) >= 0; r.line++) {
    r.word = text;
    line(&s, &r, &ratio, &last);
  }
  free(text);
  fclose(f);
  return s;
}
