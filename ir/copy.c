/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of a module in a private Ctx, for trials: freeing that Ctx frees all that a pass made. Records that never
 * change (types, attributes, names, constants) are shared with the original, which must outlive the copy. */
#include "ir.h"
#include "tables.h"
#include <string.h>

static void *copied(Ctx *c, const void *v, int n, size_t size) {
  return n ? ctx_grow(c, (void *)v, size * (size_t)n, size * (size_t)n) : NULL;
}

/* A growing array: the copy has room for what there is. */
#define COPY(c, x, v, n, cap) ((x)->v = copied((c), (x)->v, (x)->n, sizeof *(x)->v), (x)->cap = (x)->n)

static void copy_intern_pool(Ctx *c, InternPool *p) {
  p->rec = copied(c, p->rec, p->cap, sizeof *p->rec);
  p->hash = copied(c, p->hash, p->cap, sizeof *p->hash);
  p->slot = copied(c, p->slot, p->nslots, sizeof *p->slot);
}

static Graph *copy_graph(Module *m, const Graph *from) {
  Ctx *c = m->c;
  Graph *g = ctx_alloc(c, sizeof *g);
  *g = *from;
  g->m = m;
  COPY(c, g, node, n, capn);
  COPY(c, g, in, nins, capins);
  COPY(c, g, port, nport, capport);
  COPY(c, g, out, nout, capout);
  COPY(c, g, anno, nanno, capanno);
  g->out_of = copied(c, g->out_of, g->nout_of, sizeof *g->out_of);
  g->cons = copied(c, g->cons, (int)g->capcons, sizeof *g->cons);
  return g;
}

static void follow(const Module *m, Graph **g) {
  if (*g) *g = m->graph[(*g)->index];
}

Module *module_copy(Ctx *c, const Module *from) {
  Module *m = ctx_alloc(c, sizeof *m);
  *m = *from;
  m->c = c;
  m->opt.remarks = 0;
  m->tab = copied(c, from->tab, 1, sizeof *m->tab);
  InternPool *const pools[] = {&m->tab->types, &m->tab->polys, &m->tab->attrs, &m->tab->vars};
  for (int i = 0; i < 4; i++) copy_intern_pool(c, pools[i]);
  COPY(c, m, size, nsize, capsize);
  COPY(c, m, var, nvar, capvar);
  COPY(c, m, graph, ngraph, capgraph);
  COPY(c, m, data, ndata, capdata);
  COPY(c, m, train, ntrain, captrain);
  COPY(c, m, test, ntest, captest);
  COPY(c, m, constant, nconstant, capconstant);
  COPY(c, m, stored, nstored, capstored);
  for (int i = 0; i < m->ngraph; i++) m->graph[i] = copy_graph(m, from->graph[i]);
  for (int i = 0; i < m->ndata; i++) {
    follow(m, &m->data[i].bind);
    follow(m, &m->data[i].augment);
  }
  for (int i = 0; i < m->ntest; i++) follow(m, &m->test[i].graph);
  for (int i = 0; i < m->ntrain; i++) {
    TrainInfo *t = &m->train[i];
    Graph **const graphs[] = {&t->step, &t->pass, &t->update, &t->eval, &t->eval_done};
    for (int k = 0; k < 5; k++) follow(m, graphs[k]);
  }
  return m;
}
