/* SPDX-License-Identifier: Apache-2.0 */
/* The epilogue of a GEMM: the kernel's nest without its accumulation. */
#include "codegen/gemm.h"

static void add_axes(KNest *n, const GemmAxes *x) {
  for (int i = 0; i < x->n; i++) n->outer[n->nouter++] = x->axis[i];
}

static bool is_used(const Kernel *k, const GemmDesc *g, int buf) {
  const KNest *n = k->nest[0];
  if ((buf != g->a.load->buf && buf != g->b.load->buf) || k->buf[buf].written) return true;
  for (int v = 1; v < n->nval; v++)
    if (n->val[v].kind == KV_LOAD && n->val[v].buf == buf && n->val[v].phase > 0) return true;
  return false;
}

static void add_arg(Epilogue *e, Ctx *c, KArg a) { *VEC_PUSH(c, e->arg, e->narg, e->caparg) = a; }

static void find_args(Epilogue *e, Ctx *c, const Kernel *k, const GemmDesc *g) {
  for (int i = 0; i < k->narg; i++) {
    const KArg *a = &k->arg[i];
    if (a->kind == KA_THREAD || (a->kind == KA_BUF && !is_used(k, g, a->index))) continue;
    add_arg(e, c, a->kind == KA_STREAM ? (KArg){KA_KEY, a->index, ctx_strf(c, "key%d", a->index)} : *a);
  }
  for (int i = 0; i < g->m.n; i++)
    if (g->m.residue[i]) add_arg(e, c, (KArg){KA_RESIDUE, i, ctx_strf(c, "r%d", g->residue[g->m.residue[i] - 1].axis)});
}

Epilogue *gemm_epilogue(const Kernel *k, const GemmDesc *g) {
  Ctx *c = k->gs->g->m->c;
  const KNest *from = k->nest[0];
  Epilogue *e = ctx_alloc(c, sizeof *e);
  KNest *n = &e->nest;
  *n = *from;
  n->nacc = n->nouter = 0;
  n->phase = ctx_alloc(c, sizeof *n->phase * (size_t)n->nphase); /* zeros: no inner axes */
  n->val = ctx_alloc(c, sizeof *n->val * (size_t)(n->nval + 1));
  memcpy(n->val, from->val, sizeof *n->val * (size_t)n->nval);
  n->store = ctx_alloc(c, sizeof *n->store * (size_t)(n->nstore + 1));
  memcpy(n->store, from->store, sizeof *n->store * (size_t)n->nstore);
  add_axes(n, &g->batch);
  add_axes(n, &g->m);
  add_axes(n, &g->n);
  find_args(e, c, k, g);
  return e;
}

/* Marks a value that a store needs, with its operands. */
static void mark(const KNest *n, int v, bool *live) {
  if (live[v]) return;
  live[v] = true;
  for (int i = 0; i < n->val[v].nargs && n->val[v].kind != KV_ACC; i++) mark(n, n->val[v].arg[i], live);
}

bool epilogue_join(Epilogue *e, Module *m, int i, int j) {
  KNest *n = &e->nest;
  bool *live = ctx_alloc(m->c, (size_t)n->nval + 1);
  for (int s = 0; s < n->nstore; s++) mark(n, n->store[s].value, live);
  for (int v = 1; v < n->nval; v++)
    if (!live[v]) n->val[v].at = affine_const(0), n->val[v].needs = 0; /* of the accumulation */
  return nest_join_axes(n, m, i, j);
}
