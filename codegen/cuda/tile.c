/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/cuda/tile.h"
#include <string.h>

/* ---- widths ---- */

enum { VECTOR_BYTES = 16 };

static int64_t gcd(int64_t a, int64_t b) {
  if (a < 0) a = -a;
  if (b < 0) b = -b;
  while (b) {
    int64_t r = a % b;
    a = b;
    b = r;
  }
  return a;
}

int64_t dim_divisor(Module *m, Dim d) {
  int n;
  const DimTerm *t = dim_terms(m, d, &n);
  int64_t g = 0;
  for (int i = 0; i < n; i++) g = gcd(g, t[i].coef);
  return g;
}

int64_t tile_alignment(const Graph *g, Id n) {
  const Annotation *a = &g->anno[n];
  int var = node_var(g, n);
  int64_t bytes = dtype_info[node_type(g, n)->dtype].bytes, at = VECTOR_BYTES;
  bool part = g->kind == GK_BODY || g->kind == GK_TRAIN_PASS;
  if (var >= 0 && g->m->var[var].rom) return bytes;
  if (var >= 0) at = g->m->var[var].offset;
  else if (node_is_input(g, n) || a->space == SP_OUT)
    at = part ? dim_divisor(g->m, type_count(g->m, node_get(g, n)->type)) * bytes : 0;
  else if (a->space == SP_VAR) at = g->m->var[a->index].offset;
  else at = a->offset;
  return gcd(at, VECTOR_BYTES);
}

static bool depends(const Axes *x, const Affine *at, int axis) { return affine_needs(x, at) >> axis & 1; }

/* No derived axis of the address depends on these loop axes. */
static bool is_direct(const Axes *x, const Affine *at, uint32_t inner) {
  for (int i = 0; i < x->n; i++)
    if (at->coef[i] && x->axis[i].needs & inner && x->axis[i].kind != AX_LOOP) return false;
  return true;
}

/* Elements of a vector at this address; 1: there is none. */
static int width(const Kernel *k, const KNest *n, int buf, const Affine *at, int axis, uint32_t inner) {
  const Axes *x = &n->axes;
  const KBuf *b = &k->buf[buf];
  int64_t bytes = dtype_info[b->type].bytes, most, one;
  if (!dim_number(x->m, at->coef[axis], &one) || one != 1 || b->cols || b->table || !is_direct(x, at, inner)) return 1;
  most = gcd(tile_alignment(k->gs->g, b->node), dim_divisor(x->m, at->k) * bytes);
  for (int i = 0; i < x->n; i++)
    if (i != axis && at->coef[i]) most = gcd(most, dim_divisor(x->m, at->coef[i]) * bytes);
  return (int)(most > bytes ? most / bytes : 1);
}

static void add(Tile *t, const KNest *n, bool store, int phase, int buf, const Affine *at) {
  for (int i = 0; i < t->n && !store; i++) {
    TileAccess *a = &t->access[i];
    if (a->store || a->buf != buf || !affine_same(a->at, at)) continue;
    a->phases |= 1u << phase;
    return;
  }
  *VEC_PUSH(n->axes.m->c, t->access, t->n, t->cap) = (TileAccess){store, 1u << phase, buf, at};
}

Tile tile_along(const Kernel *k, const NestSchedule *s, int axis, uint32_t inner, int most) {
  const KNest *n = s->nest;
  Tile t = {.axis = axis, .vec = most};
  for (int i = 1; i < n->nval + n->nstore; i++) {
    const KVal *v = i < n->nval ? &n->val[i] : NULL;
    const KStore *w = v ? NULL : &n->store[i - n->nval];
    if (v && (v->kind != KV_LOAD || !s->use.uses[i])) continue;
    const int buf = v ? v->buf : w->buf, wide = VECTOR_BYTES / dtype_info[k->buf[buf].type].bytes;
    const Affine *at = v ? &v->at : &w->at;
    if (!depends(&n->axes, at, axis)) continue;
    int one = w && w->add ? 1 : width(k, n, buf, at, axis, inner);
    if (one > wide) one = wide;
    if (one < t.vec) t.vec = one;
    if (is_direct(&n->axes, at, inner)) add(&t, n, w, v ? v->phase : w->phase, buf, at);
  }
  return t;
}

int tile_load(const Tile *t, const KVal *v) {
  for (int i = 0; i < t->n; i++)
    if (!t->access[i].store && t->access[i].buf == v->buf && affine_same(t->access[i].at, &v->at)) return i;
  return -1;
}

int tile_store(const Tile *t, const KStore *s) {
  for (int i = 0; i < t->n; i++)
    if (t->access[i].store && t->access[i].at == &s->at) return i;
  return -1;
}

/* ---- as text ---- */

const char *tile_name(NestText *c, const Tile *t, int i) {
  return ctx_strf(c->p->c, "%c%d", t->access[i].store ? 'w' : 't', i);
}

void tile_declare(NestText *c, const Tile *t, int i, int vectors) {
  nest_line(c, "%s %s[%d];", dtype_info[c->k->buf[t->access[i].buf].type].c, tile_name(c, t, i), t->vec * vectors);
}

typedef struct Transfer {
  const TileAccess *a;
  const char *array, *offset, *buf, *at; /* at: index of element 0 */
  int bytes;
} Transfer;

static const char *one_text(NestText *c, const Transfer *x, const char *u) {
  Ctx *m = c->p->c;
  const char *part = *u           ? ctx_strf(m, "%s%s", *x->offset ? x->offset + 3 : "", *x->offset ? " + u" : "u")
                     : *x->offset ? x->offset + 3
                                  : "0";
  const char *array = ctx_strf(m, "%s[%s]", x->array, part), *memory = ctx_strf(m, "%s[%s%s]", x->buf, x->at, u);
  return x->a->store ? ctx_strf(m, "%s = %s", memory, array) : ctx_strf(m, "%s = %s", array, memory);
}

static const char *all_text(NestText *c, const Transfer *x) {
  const char *array = ctx_strf(c->p->c, "%s%s", x->array, x->offset);
  if (x->a->store) return ctx_strf(c->p->c, "gc_stg_%d(%s + %s, %s)", x->bytes, x->buf, x->at, array);
  return ctx_strf(c->p->c, "gc_ldg_%d(%s, %s + %s)", x->bytes, array, x->buf, x->at);
}

void tile_transfer(NestText *c, const Tile *t, int i, const TileAt *at) {
  const TileAccess *a = &t->access[i];
  int bytes = dtype_info[c->k->buf[a->buf].type].bytes * t->vec;
  Affine from = *a->at;
  Dim along = from.coef[t->axis];
  from.coef[t->axis] = 0;
  const char *base = text_affine(c->p, &from), *index = at->first;
  if (along != 1) index = ctx_strf(c->p->c, "(%s) * %s", text_dim(c->p, along), index);
  if (strcmp(base, "0")) index = ctx_strf(c->p->c, "%s + %s", base, index);
  Transfer x = {a, tile_name(c, t, i), at->offset, nest_buf_name(c, a->buf), index, bytes};
  if (t->vec == 1) {
    nest_line(c, "%s;", one_text(c, &x, ""));
    return;
  }
  bool vector = bytes >= 4;
  if (vector && at->full) nest_line(c, "if (%s) %s;", at->full, all_text(c, &x));
  else if (vector) nest_line(c, "%s;", all_text(c, &x));
  if (vector && !at->full) return;
  if (vector) nest_open_block(c, "else");
  nest_line(c, "GC_UNROLL for (int u = 0; u < %d; u++)", t->vec);
  if (at->full) nest_line(c, "  if (%s + u < %s) %s;", at->first, at->end, one_text(c, &x, " + u"));
  else nest_line(c, "  %s;", one_text(c, &x, " + u"));
  if (vector) nest_close_block(c);
}
