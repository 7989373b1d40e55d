/* SPDX-License-Identifier: Apache-2.0 */
/* fold: constant folding: evaluates at compile time what depends on constants alone.
 *
 * needs:  nothing
 * keeps:  every bit (the strict interpreter computes it, and an op's arithmetic is the same everywhere)
 * breaks: nothing
 *
 * The nodes to fold are copied into a graph of their own, which runs once in the interpreter; then the graph is rebuilt
 * with constants in their place. Only small results are folded: constants are printed into the generated code. */
#include "ir/build.h"
#include "ir/interp.h"
#include "passes/pass.h"
#include "passes/costs.h"
#include <math.h>

/* Marks nodes of OPF_CONST_FOLD ops whose operands are all constant. */
static int find_constants(const Graph *g, bool *folds) {
  int n = 0;
  for (Id k = 1; k < (Id)g->n; k++) {
    const Node *d = node_get(g, k);
    if (!(op_info[d->op].flags & OPF_CONST_FOLD)) continue;
    Dim count = type_count(g->m, d->type);
    bool all = dim_is_const(count) && count > 0 && count <= MAX_FOLD && !attr_get(g->m, d->attr)->clone;
    for (uint32_t i = 0; all && i < d->nin; i++) {
      Id x = node_in(g, k, (int)i);
      all = folds[x] || node_is_const(g, x);
    }
    folds[k] = all;
    n += all;
  }
  return n;
}

/* Folded nodes that other nodes read: only these need a value. */
static bool *find_edges(const Graph *g, const bool *folds) {
  bool *edge = ctx_alloc(g->m->c, (size_t)g->n);
  for (Id k = 1; k < (Id)g->n; k++)
    for (uint32_t i = 0; !folds[k] && i < node_get(g, k)->nin; i++) edge[node_in(g, k, (int)i)] = true;
  for (int i = 0; i < g->nout; i++) edge[g->out[i].value] = true;
  for (Id k = 1; k < (Id)g->n; k++) edge[k] &= folds[k];
  return edge;
}

/* The nodes to fold and their constants as a graph with the edges as results, outside of the module. */
static Graph *make_program(Graph *g, const bool *folds, const bool *edge, Id *order, int *norder) {
  Module *m = g->m;
  Graph *p = graph_new(m, "fold", GK_TEST, 0);
  Id *map = ctx_alloc(m->c, sizeof *map * (size_t)g->n), *in = NULL;
  int nin = 0, capin = 0;
  m->ngraph--;
  for (Id k = 1; k < (Id)g->n; k++) {
    if (!folds[k]) continue;
    const Node *d = node_get(g, k);
    nin = 0;
    for (uint32_t i = 0; i < d->nin; i++) {
      Id x = node_in(g, k, (int)i);
      if (!map[x]) map[x] = graph_leaf(p, (Op)node_get(g, x)->op, node_get(g, x)->type, node_get(g, x)->attr, 0);
      *VEC_PUSH(m->c, in, nin, capin) = map[x];
    }
    map[k] = graph_node(p, (Op)d->op, in, nin, d->attr, d->loc);
    if (!edge[k]) continue;
    graph_result(p, "", map[k], 0);
    order[(*norder)++] = k;
  }
  return p;
}

/* The value as a constant; 0 if it has a NaN, whose bits depend on the machine, or an integer that no double holds. */
static Id constant_of(const Builder *b, TypeId type, const Val *v) {
  double x[MAX_FOLD] = {0};
  bool same = true;
  for (int64_t i = 0; i < v->count; i++) {
    x[i] = val_get(v, i);
    if (isnan(x[i]) || (v->type == DT_I64 && !ints_are_exact((const int64_t *)v->data + i, 1))) return 0;
    same &= x[i] == x[0] && signbit(x[i]) == signbit(x[0]);
  }
  return same ? b_full(b, type, x[0]) : b_tensor(b, type, x, (int)v->count);
}

static void replace(Graph *g, const Id *order, int norder, Val *const *value) {
  Rebuild r = graph_rebuild_begin(g);
  for (int i = 0; i < norder; i++) {
    const Node *d = node_get(g, order[i]);
    r.map[order[i]] = constant_of(&(Builder){.g = r.new, .loc = d->loc}, d->type, value[i]);
  }
  for (Id n = 1; n < (Id)g->n; n++)
    if (!r.map[n]) graph_copy_node(&r, n);
  graph_rebuild_end(&r);
}

static void fold_graph(Graph *g) {
  bool *folds = ctx_alloc(g->m->c, (size_t)g->n);
  if (!find_constants(g, folds)) return;
  bool *edge = find_edges(g, folds);
  Id *order = ctx_alloc(g->m->c, sizeof *order * (size_t)g->n);
  int norder = 0;
  Graph *p = make_program(g, folds, edge, order, &norder);
  if (!norder) return;
  Interp *in = interp_new(g->m, false);
  Val **value = ctx_alloc(g->m->c, sizeof *value * (size_t)norder);
  if (in && interp_run(in, p, NULL, value)) replace(g, order, norder, value);
  for (int i = 0; i < norder; i++) val_release(value[i]);
  if (in) interp_free(in);
}

void pass_fold(Module *m) {
  for (int i = 0; i < m->ngraph; i++) fold_graph(m->graph[i]);
}
