/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/analysis/gradient_buffers.h"
#include "passes/analysis/model_memory.h"
#include <string.h>

typedef struct Finder {
  const Graph *g;
  Module *m;
  const bool *forward;
  int *weight; /* per node: 1 + the weight on whose path from gradient to update it is */
  Id *stack;
  int n, cap;
} Finder;

/* The weight that this output writes, or whose optimizer state it writes. */
static int weight_of(Module *m, const Out *o) {
  if (o->var < 0) return -1;
  return m->var[o->var].kind == VK_PARAM ? o->var : m->var[o->var].owner;
}

static Dim count(const Module *m, TypeId t) { return type_count((Module *)m, t); }

/* Upwards from the written value, through element-wise ops and views on tensors of the weight's size. */
static void walk(Finder *f, int weight, Id from) {
  const Type *w = type_get(f->m, f->m->var[weight].type);
  f->n = 0;
  *VEC_PUSH(f->m->c, f->stack, f->n, f->cap) = from;
  while (f->n) {
    Id n = f->stack[--f->n];
    const OpInfo *info = node_info(f->g, n);
    const Type *t = node_type(f->g, n);
    if (f->weight[n] || f->forward[n] || info->cls == CL_LEAF || t->dtype == DT_TUPLE) continue;
    if (count(f->m, node_get(f->g, n)->type) != count(f->m, f->m->var[weight].type) || (w->rank && !t->rank)) continue;
    f->weight[n] = weight + 1;
    if (info->cls != CL_ELEM && info->cls != CL_VIEW) continue; /* the node that computes the gradient */
    for (uint32_t i = 0; i < node_get(f->g, n)->nin; i++)
      *VEC_PUSH(f->m->c, f->stack, f->n, f->cap) = node_in(f->g, n, (int)i);
  }
}

/* Peak bytes of these values; sets buffered[w] for weights that have any in memory. */
static int64_t peak_bytes(const Finder *f, const Liveness *l, bool *buffered) {
  int steps = l->gs->n;
  int64_t *change = ctx_alloc(f->m->c, sizeof *change * (size_t)(steps + 2)), live = 0, peak = 0;
  for (int i = 0; i < l->n; i++) {
    const LiveRange *v = &l->v[i];
    if (!f->weight[v->node]) continue;
    buffered[f->weight[v->node] - 1] = true;
    change[v->start] += v->bytes;
    change[v->end + 1] -= v->bytes;
  }
  for (int t = 0; t < steps; t++)
    if ((live += change[t]) > peak) peak = live;
  return peak;
}

GradientBuffers gradient_buffers_find(const Liveness *l) {
  const Graph *g = l->g;
  Module *m = g->m;
  Finder f = {.g = g, .m = m, .forward = l->forward, .weight = ctx_alloc(m->c, sizeof(int) * (size_t)g->n)};
  bool *seen = ctx_alloc(m->c, (size_t)m->nvar + 1), *buffered = ctx_alloc(m->c, (size_t)m->nvar + 1);
  GradientBuffers r = {.weight = f.weight};
  for (int i = 0; i < g->nout; i++) {
    int w = weight_of(m, &g->out[i]);
    if (w < 0) continue;
    seen[w] = true;
    walk(&f, w, g->out[i].value);
  }
  r.bytes = peak_bytes(&f, l, buffered);
  for (int i = 0; i < m->nvar; i++) {
    r.weights += seen[i];
    r.unbuffered += seen[i] && !buffered[i];
  }
  return r;
}
