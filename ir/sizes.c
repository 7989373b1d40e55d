/* SPDX-License-Identifier: Apache-2.0 */
/* Run-time sizes of graphs. */
#include "sizes.h"

uint32_t dim_sizes(Module *m, Dim d) {
  int n;
  const DimTerm *t = dim_terms(m, d, &n);
  uint32_t sizes = 0;
  for (int i = 0; i < n; i++)
    for (int s = 0; s < m->nsize; s++)
      if (t[i].exp[s]) sizes |= 1u << s;
  return sizes;
}

static uint32_t type_sizes(Module *m, const Type *t) {
  uint32_t sizes = 0;
  if (t->dtype == DT_TUPLE)
    for (uint32_t i = 0; i < t->ntuple; i++) sizes |= type_sizes(m, type_get(m, t->elem[i]));
  else
    for (int i = 0; i < t->rank; i++) sizes |= dim_sizes(m, t->dim[i]);
  return sizes;
}

uint32_t graph_sizes(const Graph *g) {
  uint32_t sizes = 0;
  for (int i = 0; i < g->nport; i++) sizes |= type_sizes(g->m, node_type(g, g->port[i]));
  return sizes;
}

/* The body graph of an attribute, NULL for other kinds. */
static Graph *body_of(const Graph *g, Id n, int field) {
  return node_info(g, n)->field[field].kind == AK_GRAPH ? g->m->graph[node_attr(g, n, field)->i] : NULL;
}

uint32_t node_sizes(const Graph *g, Id n) {
  const OpInfo *info = node_info(g, n);
  uint32_t sizes = type_sizes(g->m, node_type(g, n));
  for (int f = 0; f < info->nfields; f++) {
    const AttrVal *v = node_attr(g, n, f);
    const Graph *body = body_of(g, n, f);
    if (info->field[f].kind == AK_DIM) sizes |= dim_sizes(g->m, v->i);
    for (int i = 0; info->field[f].kind == AK_DIMS && i < v->n; i++) sizes |= dim_sizes(g->m, v->v[i]);
    for (Id b = 1; body && b < (Id)body->n; b++) sizes |= node_sizes(body, b);
  }
  return sizes;
}

/* ---- constraints ---- */

void constraint_add(Module *m, Dim d) {
  SizeConstraints *s = m->constraints;
  for (int i = 0; i < s->n; i++)
    if (s->v[i].dim == d) return;
  *VEC_PUSH(m->c, s->v, s->n, s->cap) = (SizeConstraint){d, s->node};
}

/* Runs the shape rules of all nodes once more, now recording constraints. A dimension of a value is one, too:
 * some come about by arithmetic that no rule compares. */
static void collect(Graph *g, bool own) {
  Module *m = g->m;
  for (Id n = 1; n < (Id)g->n; n++) {
    const Node *d = node_get(g, n);
    const Type *t = type_get(m, d->type);
    if (own) m->constraints->node = n;
    node_shape(g, n);
    for (int i = 0; t->dtype != DT_TUPLE && i < t->rank; i++)
      if (dim_lower_bound(m, t->dim[i]) < 0) constraint_add(m, t->dim[i]);
    for (int f = 0; f < op_info[d->op].nfields; f++)
      if (body_of(g, n, f)) collect(body_of(g, n, f), false);
  }
}

SizeConstraints graph_constraints(Graph *g) {
  SizeConstraints s = {0};
  if (!g->m->nsize) return s;
  g->m->constraints = &s;
  collect(g, true);
  g->m->constraints = NULL;
  return s;
}

/* a T + k >= 0 where T is the size; 0: d is something else. */
static int64_t least_of(Module *m, Dim d, int size) {
  int n;
  int64_t a = 0, k = 0;
  const DimTerm *t = dim_terms(m, d, &n);
  if (dim_sizes(m, d) != 1u << size) return 0;
  for (int i = 0; i < n; i++) {
    if (t[i].exp[size] > 1) return 0;
    *(t[i].exp[size] ? &a : &k) = t[i].coef;
  }
  return a > 0 && k < 0 ? (a - 1 - k) / a : 0;
}

int64_t size_least(Module *m, const SizeConstraints *s, int size) {
  int64_t least = 1;
  for (int i = 0; i < s->n; i++) {
    int64_t x = least_of(m, s->v[i].dim, size);
    if (x > least) least = x;
  }
  return least < m->size[size].bound ? least : m->size[size].bound;
}
