/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/transform/widen_f64.h"
#include "ir/build.h"

static DType widened(int t) { return dtype_is_float(t) ? DT_F64 : (DType)t; }

static TypeId wide_type(Module *m, TypeId type) {
  const Type *t = type_get(m, type);
  return t->dtype == widened(t->dtype) ? type : type_make(m, DT_F64, t->rank, t->dim);
}

/* Random numbers and the run's counters are f32 by definition: a cast follows them. */
static bool stays_f32(const Graph *g, Id n) { return node_info(g, n)->flags & OPF_RANDOM || node_is_run(g, n); }

/* Attributes that name an element type, as those of casts. */
static AttrId wide_attr(Module *m, Op op, AttrId a) {
  const Attr *old = attr_get(m, a);
  AttrVal *v = ctx_alloc(m->c, sizeof *v * (size_t)(old->n + 1));
  bool any = false;
  for (int i = 0; i < old->n; i++) {
    v[i] = old->v[i];
    if (op_info[op].field[i].kind != AK_DTYPE || v[i].i == widened((int)v[i].i)) continue;
    v[i].i = DT_F64;
    any = true;
  }
  return any ? attr_with(m, op, attr_make(m, op, v), old->clone, old->hints) : a;
}

/* Bodies first: a scan's type derives from its body's. */
static void widen(Module *m, int number, bool *done) {
  Graph *g = m->graph[number];
  if (done[number]) return;
  done[number] = true;
  for (Id n = 1; n < (Id)g->n; n++) {
    Node *d = &g->node[n];
    const OpInfo *info = node_info(g, n);
    for (int i = 0; i < info->nfields; i++)
      if (info->field[i].kind == AK_GRAPH) widen(m, (int)node_attr(g, n, i)->i, done);
    if (info->cls == CL_LEAF && !stays_f32(g, n)) d->type = wide_type(m, d->type);
    d->attr = wide_attr(m, (Op)d->op, d->attr);
  }
  g->precision = DT_F32;
  g->tf32 = false;
  Rebuild r = graph_rebuild_begin(g); /* all other types are derived */
  for (Id n = 1; n < (Id)g->n; n++) {
    if (r.map[n]) continue;
    graph_copy_node(&r, n);
    Builder b = {.g = r.new, .loc = node_get(g, n)->loc};
    if (stays_f32(g, n)) r.map[n] = b_cast(&b, r.map[n], DT_F64);
  }
  graph_rebuild_end(&r);
}

void module_widen_f64(Module *m) {
  bool *done = ctx_alloc(m->c, (size_t)m->ngraph + 1);
  for (int i = 0; i < m->nvar; i++) m->var[i].type = wide_type(m, m->var[i].type);
  for (int i = 0; i < m->ngraph; i++) widen(m, i, done);
}
