/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics as values: collecting them, the table of codes, suggestions. Printing is in diag_print.c. */
#include "diag_state.h"
#include <ctype.h>
#include <string.h>

enum { KEEP = 20, SEEN_MAX = 1024 };

DiagState *diag_state(Ctx *c) {
  if (!c->diag) {
    c->diag = ctx_alloc(c, sizeof *c->diag);
    c->diag->last = &c->diag->first;
  }
  return c->diag;
}

/* Every graph that elaborates the text may find the same error: it is shown once. */
static bool seen_before(Ctx *c, DiagState *d, int code, Loc at, const char *msg) {
  uint64_t h = hash_bytes(msg, strlen(msg), (uint64_t)code << 32 | at);
  for (int i = 0; i < d->nseen; i++)
    if (d->seen[i] == h) return true;
  if (d->nseen < SEEN_MAX) *VEC_PUSH(c, d->seen, d->nseen, d->capseen) = h;
  return false;
}

static Diag *scrap(DiagState *d) {
  d->scrap = (Diag){0};
  return &d->scrap;
}

static Diag *diag_new(Ctx *c, bool warn, int code, Loc at, int len, const char *msg) {
  DiagState *d = diag_state(c);
  at = source_plain(c, at);
  if (len == 1) len = source_word(c, at);
  if (!warn) d->errors++;
  if (seen_before(c, d, code, at, msg)) return scrap(d);
  if (d->kept[warn] >= KEEP) {
    if (!warn) d->unseen++;
    return scrap(d);
  }
  d->kept[warn]++;
  Diag *g = ctx_alloc(c, sizeof *g);
  g->code = code;
  g->warn = warn;
  g->msg = msg;
  *VEC_PUSH(c, g->label, g->nlabel, g->caplabel) = (Label){at, len, true, ""};
  g->nframe = d->nframe;
  g->frame = ctx_grow(c, NULL, 0, (size_t)d->nframe * sizeof *g->frame);
  if (d->nframe) memcpy(g->frame, d->frame, (size_t)d->nframe * sizeof *g->frame);
  *d->last = g;
  d->last = &g->next;
  return g;
}

/* Runs the format and stores the text in `s`. */
#define FORMAT(s) \
  va_list ap; \
  va_start(ap, fmt); \
  s = ctx_vstrf(c, fmt, ap); \
  va_end(ap)

Diag *diag_error(Ctx *c, int code, Loc at, int len, const char *fmt, ...) {
  const char *msg;
  FORMAT(msg);
  return diag_new(c, false, code, at, len, msg);
}

Diag *diag_warn(Ctx *c, int code, Loc at, int len, const char *fmt, ...) {
  const char *msg;
  FORMAT(msg);
  return diag_new(c, true, code, at, len, msg);
}

void diag_label(Ctx *c, Diag *d, Loc at, int len, const char *fmt, ...) {
  if (d->nlabel == 0) return; /* not kept */
  Label *l = VEC_PUSH(c, d->label, d->nlabel, d->caplabel);
  *l = (Label){source_plain(c, at), len, false, ""};
  FORMAT(l->text);
}

void diag_primary(Ctx *c, Diag *d, const char *fmt, ...) {
  if (d->nlabel == 0) return;
  FORMAT(d->label[0].text);
}

void diag_help(Ctx *c, Diag *d, const char *fmt, ...) {
  if (d->nlabel == 0) return;
  DiagLine *l = VEC_PUSH(c, d->line, d->nline, d->capline);
  l->head = "help";
  FORMAT(l->text);
}

void diag_note(Ctx *c, Diag *d, const char *fmt, ...) {
  if (d->nlabel == 0) return;
  DiagLine *l = VEC_PUSH(c, d->line, d->nline, d->capline);
  l->head = "note";
  FORMAT(l->text);
}

void diag_push_frame(Ctx *c, const char *def, Loc call) {
  DiagState *d = diag_state(c);
  *VEC_PUSH(c, d->frame, d->nframe, d->capframe) = (Frame){def, call};
}

void diag_pop_frame(Ctx *c) {
  DiagState *d = diag_state(c);
  if (d->nframe) d->nframe--;
}

void diag_promote(Ctx *c) {
  DiagState *s = diag_state(c);
  for (Diag *d = s->first; d; d = d->next) {
    s->errors += d->warn;
    d->warn = false;
  }
}

DiagMark diag_mark(Ctx *c) {
  const DiagState *d = diag_state(c);
  return (DiagMark){d->last, d->errors, d->unseen, {d->kept[0], d->kept[1]}, d->nseen};
}

int diag_places(const DiagMark *m, DiagPlace *p, int max) {
  int n = 0;
  for (const Diag *d = *m->last; d && n < max; d = d->next)
    if (!d->warn) p[n++] = (DiagPlace){d->code, d->label[0].at};
  return n;
}

void diag_forget(Ctx *c, const DiagMark *m, Loc from, Loc to) {
  DiagState *s = diag_state(c);
  Diag **at = m->last;
  bool any = false;
  while (*at) {
    Diag *d = *at;
    bool drop = !d->warn && d->label[0].at >= from && d->label[0].at <= to;
    any |= drop;
    if (drop) *at = d->next, s->errors--, s->kept[0]--;
    else at = &d->next;
  }
  s->last = at;
  if (any) s->unseen = m->unseen; /* their locations were not recorded */
}

void diag_keep(Ctx *c, const DiagMark *m, DiagPlace p) {
  DiagState *d = diag_state(c);
  Diag *k = *m->last;
  while (k && (k->warn || k->code != p.code || k->label[0].at != p.at)) k = k->next;
  int seen = d->nseen; /* what is kept is not reported again */
  diag_drop(c, m);
  if (!k) return;
  d->nseen = seen;
  *d->last = k;
  k->next = NULL;
  d->last = &k->next;
  d->errors++;
  d->kept[0]++;
}

void diag_drop(Ctx *c, const DiagMark *m) {
  DiagState *d = diag_state(c);
  d->last = m->last;
  *d->last = NULL;
  d->errors = m->errors;
  d->unseen = m->unseen;
  d->kept[0] = m->kept[0];
  d->kept[1] = m->kept[1];
  d->nseen = m->nseen;
}

int diag_unseen(const Ctx *c) { return c->diag ? c->diag->unseen : 0; }

int diag_errors(const Ctx *c) { return c->diag ? c->diag->errors : 0; }

bool diag_view(Ctx *c, int i, DiagView *v, const Diag **d) {
  const Diag *x = diag_state(c)->first;
  while (x && i-- > 0) x = x->next;
  if (!(*d = x)) return false;
  Str help = {.c = c};
  for (int k = 0; k < x->nline; k++) str_printf(&help, "%s%s", k ? "\n" : "", x->line[k].text);
  *v = (DiagView){x->code, x->label[0].len, x->warn, source_pos(c, x->label[0].at), x->msg, help.s ? help.s : ""};
  return true;
}

static const DiagCode CODES[] = {
#define E(code, name, title, text) {code, title, text},
#include "errors.def"
#undef E
};

const DiagCode *diag_codes(int *n) {
  *n = (int)(sizeof CODES / sizeof *CODES);
  return CODES;
}

const DiagCode *diag_code(int code) {
  for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++)
    if (CODES[i].code == code) return &CODES[i];
  return NULL;
}

/* Edits (insert, delete, change, swap of neighbours) that make b of a, letters of either case alike. */
static int distance(const char *a, int na, const char *b, int nb) {
  enum { MAX = 48 };
  int row[3][MAX + 1];
  if (na > MAX || nb > MAX) return MAX;
  for (int j = 0; j <= nb; j++) row[0][j] = j;
  for (int i = 1; i <= na; i++) {
    int *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
    now[0] = i;
    for (int j = 1; j <= nb; j++) {
      int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
      int d = up[j - 1] + (x != y);
      if (up[j] + 1 < d) d = up[j] + 1;
      if (now[j - 1] + 1 < d) d = now[j - 1] + 1;
      bool swap = i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) && y == tolower((unsigned char)a[i - 2]);
      if (swap && up2[j - 2] + 1 < d) d = up2[j - 2] + 1;
      now[j] = d;
    }
  }
  return row[na % 3][nb];
}

const char *diag_suggest(Ctx *c, const char *word, const char *const *words, int n) {
  (void)c;
  const char *best = NULL;
  int len = (int)strlen(word), limit = 1 + (len < 2 ? 0 : len < 5 ? 1 : len < 9 ? 2 : 3);
  for (int i = 0; i < n; i++) {
    if (!words[i] || !strcmp(words[i], word)) continue;
    int n_i = (int)strlen(words[i]), longer = n_i > len ? n_i - len : len - n_i;
    int d = longer < limit ? distance(word, len, words[i], n_i) : limit; /* at least what one is longer */
    if (d < limit) {
      limit = d;
      best = words[i];
    }
  }
  return best;
}
