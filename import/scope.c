// SPDX-License-Identifier: Apache-2.0
/* The module that each line is of. Exporters say it: PyTorch's in the "namespace" of nodes or, as TensorFlow's, in
 * their names. Lines of nodes that say nothing are placed by the names of their weights, those without weights by their
 * neighbours, and lines of a model that says nothing at all by what repeats. */
#include "import/program.h"
#include <ctype.h>
#include <string.h>

enum { PARTS = 24, REPEAT_LEAST = 4, REPEAT_MOST = 4000 };

/* Parts of a path that is being read. */
typedef struct Parts {
  const char *part[PARTS + 1];
  int n;
} Parts;

static void add_part(Ctx *c, Parts *p, const char *s, size_t n) {
  if (n && p->n < PARTS) p->part[p->n++] = ctx_intern(c, s, n);
}

/* "layer1/layer1.0": the second is the full name of what is in the first. */
static void add_inner(Ctx *c, Parts *p, const char *s, size_t n) {
  if (p->n) {
    const char *last = p->part[p->n - 1];
    size_t k = strlen(last);
    if (n > k + 1 && !strncmp(s, last, k) && s[k] == '.') p->n--;
  }
  add_part(c, p, s, n);
}

/* The name of a node without its last part; false: it has one only. */
static bool node_parts(Ctx *c, const char *name, Parts *p) {
  char mark = strchr(name, '/') ? '/' : '.';
  const char *end = strrchr(name, mark);
  if (!end) return false;
  for (const char *s = name; s < end;) {
    size_t n = (size_t)(end - s), k = 0;
    while (k < n && s[k] != mark) k++;
    if (mark == '/') add_inner(c, p, s, k);
    else add_part(c, p, s, k);
    s += k + 1;
  }
  return true;
}

/* "name: class/name: class/node: target": the name before the last, in full. */
static bool space_parts(Ctx *c, const char *space, Parts *p) {
  const char *last = NULL, *before = NULL;
  for (const char *s = space; s; s = strchr(s, '/')) {
    s += *s == '/';
    before = last;
    last = s;
  }
  if (!before || !strstr(before, ": ")) return false;
  add_part(c, p, before, (size_t)(strstr(before, ": ") - before));
  return true;
}

/* The parts between dots; a number belongs to the part in front of it. */
static const char *const *split(Ctx *c, const Parts *from) {
  Parts to = {.n = 0};
  for (int i = 0; i < from->n; i++)
    for (const char *s = from->part[i]; *s;) {
      size_t n = strcspn(s, "."), digits = strspn(s, "0123456789");
      const char *last = to.n ? to.part[to.n - 1] : NULL;
      if (digits == n && n && last) to.part[to.n - 1] = ctx_name(c, ctx_strf(c, "%s.%.*s", last, (int)n, s));
      else add_part(c, &to, s, n);
      s += n + (s[n] == '.');
    }
  const char **path = ctx_array(c, to.n, sizeof *path);
  for (int i = 0; i < to.n; i++) path[i] = to.part[i];
  return path;
}

static int path_length(const char *const *p) {
  int n = 0;
  while (p && p[n]) n++;
  return n;
}

static const char *const *common(Ctx *c, const char *const *a, const char *const *b) {
  int n = 0;
  while (a[n] && a[n] == b[n]) n++;
  const char **path = ctx_array(c, n, sizeof *path);
  for (int i = 0; i < n; i++) path[i] = a[i];
  return path;
}

/* What is common to the names of the line's weights, without the last part; NULL: it has none with a path. */
static const char *const *weight_path(const Program *p, int line) {
  const char *const *path = NULL;
  for (int i = 0; i < p->piece[line].n; i++) {
    const Piece *q = &p->piece[line].p[i];
    if (q->kind != PIECE_THING || p->thing[q->thing].kind != THING_WEIGHT) continue;
    const char *name = p->weight[p->thing[q->thing].at].v->onnx;
    Parts parts = {.n = 0};
    if (strchr(name, ':') || strchr(name, '/') || !node_parts(p->c, name, &parts)) continue;
    const char *const *own = split(p->c, &parts);
    path = path ? common(p->c, path, own) : own;
  }
  return path;
}

static bool reads(const Program *p, int line, bool weights) {
  for (int i = 0; i < p->piece[line].n; i++) {
    const Piece *q = &p->piece[line].p[i];
    if (q->kind == PIECE_THING && (p->thing[q->thing].kind == THING_WEIGHT) == weights) return true;
  }
  return false;
}

/* Lines that nothing was said of and that have weights, or no operand but those, go to their readers. */
static void place_constants(const Program *p, const char *const **path) {
  const char *const **want = ctx_array(p->c, p->nline, sizeof *want);
  for (int k = p->nline - 1; k >= 0; k--) {
    if (!path[k] && want[k] && (reads(p, k, true) || !reads(p, k, false))) path[k] = want[k];
    for (int i = 0; i < p->piece[k].n && path[k]; i++) {
      const Piece *q = &p->piece[k].p[i];
      if (q->kind != PIECE_THING || p->thing[q->thing].kind != THING_LINE) continue;
      int at = p->thing[q->thing].at;
      want[at] = want[at] ? common(p->c, want[at], path[k]) : path[k];
    }
  }
}

static void place_between(const Program *p, const char *const **path) {
  static const char *const none[1];
  const char *const **next = ctx_array(p->c, p->nline, sizeof *next), *const *last = none;
  for (int k = p->nline - 1; k >= 0; k--) next[k] = path[k] ? path[k] : k + 1 < p->nline ? next[k + 1] : none;
  for (int k = 0; k < p->nline; k++) {
    if (path[k]) last = path[k];
    else path[k] = common(p->c, last, next[k]);
  }
}

/* ---- repetition ---- */

/* Lines of the same operators, of the same kinds of operands. */
static uint64_t line_hash(const Program *p, int line) {
  uint64_t h = 0;
  for (int i = 0; i < p->piece[line].n; i++) {
    const Piece *q = &p->piece[line].p[i];
    if (q->kind == PIECE_TEXT) h = hash_bytes(q->text, strlen(q->text), h);
    else h = hash_bytes(q->kind == PIECE_INT ? "#" : p->thing[q->thing].kind == THING_WEIGHT ? "w" : "v", 1, h);
  }
  return h;
}

/* The stretch of lines that has most repetitions of a part: its period, start and length. */
static int longest(const uint64_t *hash, int n, int *start, int *length) {
  int best = 0;
  *length = 0;
  for (int period = REPEAT_LEAST; 2 * period <= n; period++)
    for (int i = 0, run = 0; i + period < n; i++) {
      run = hash[i] == hash[i + period] ? run + 1 : 0;
      int whole = run / period * period;
      if (!whole || whole + period <= *length) continue;
      *length = whole + period;
      *start = i + 1 - whole;
      best = period;
    }
  return best;
}

static void place_repeated(const Program *p, const char *const **path) {
  uint64_t *hash = ctx_array(p->c, p->nline, sizeof *hash);
  int start = 0, length;
  if (p->nline > REPEAT_MOST) return;
  for (int i = 0; i < p->nline; i++) hash[i] = line_hash(p, i);
  int period = longest(hash, p->nline, &start, &length);
  for (int i = 0; i < length; i++) {
    const char **one = ctx_array(p->c, 1, sizeof *one);
    one[0] = ctx_name(p->c, ctx_strf(p->c, "block.%d", i / period));
    path[start + i] = one;
  }
}

/* Lines of one node get what is common to them. */
static void keep_nodes(const Program *p, const char *const **path) {
  for (int i = 0, n; i < p->nline; i += n) {
    const char *const *all = NULL;
    for (n = 0; i + n < p->nline && p->line[i + n].number == p->line[i].number; n++) {
      if (n && !p->line[i].number) break; /* no node */
      if (path[i + n]) all = all ? common(p->c, all, path[i + n]) : path[i + n];
    }
    for (int k = 0; k < n; k++) path[i + k] = all;
  }
}

const char *const **program_scopes(const Program *p) {
  const char *const **path = ctx_array(p->c, p->nline, sizeof *path);
  int known = 0, deep = 0;
  for (int i = 0; i < p->nline; i++) {
    const Line *l = &p->line[i];
    Parts parts = {.n = 0};
    bool said = (l->space && space_parts(p->c, l->space, &parts)) || node_parts(p->c, l->node, &parts);
    path[i] = said ? split(p->c, &parts) : weight_path(p, i);
    known += path[i] != NULL;
    deep += path_length(path[i]) > 0;
  }
  if (!deep) {
    for (int i = 0; i < p->nline; i++) path[i] = NULL;
    place_repeated(p, path);
  }
  keep_nodes(p, path);
  place_constants(p, path);
  place_between(p, path);
  keep_nodes(p, path);
  return path;
}

const char *program_class(const Program *p, const char *dotted) {
  const char *mark = ctx_strf(p->c, "/%s: ", dotted);
  for (int i = 0; i < p->nline; i++) {
    const char *at = p->line[i].space ? strstr(p->line[i].space, mark) : NULL;
    if (!at) continue;
    at += strlen(mark);
    const char *name = at;
    for (; *at && *at != '/'; at++)
      if (*at == '.') name = at + 1;
    return ctx_intern(p->c, name, (size_t)(at - name));
  }
  return NULL;
}
