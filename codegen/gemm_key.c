/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/gemm.h"

typedef struct Key {
  Module *m;
  uint64_t hash;
  bool fixed; /* all sizes are numbers */
} Key;

static void add_number(Key *k, int64_t n) { k->hash = hash_bytes(&n, sizeof n, k->hash); }

static void add_dims(Key *k, int n, const Dim *d) {
  for (int i = 0; i < n; i++) {
    int64_t x = 0;
    k->fixed &= dim_number(k->m, d[i], &x);
    add_number(k, x);
  }
}

static void add_axes(Key *k, const GemmAxes *x) {
  add_number(k, x->n);
  add_dims(k, x->n, x->dim);
  add_dims(k, x->n, x->s0);
  add_dims(k, x->n, x->s1);
}

static void add_taps(Key *k, const GemmTaps *t) {
  add_number(k, t->n);
  add_number(k, t->last);
  for (int i = 0; i < t->n; i++) add_number(k, t->m[i] * GEMM_AXES + t->k[i]);
  add_dims(k, t->n, t->ms);
  add_dims(k, t->n, t->ks);
  add_dims(k, t->n, t->size);
}

const char *gemm_key(Module *m, const GemmDesc *g, DType t) {
  Key k = {m, 0, true};
  if (g->a.storage || g->b.storage) return NULL;
  const GemmAxes *const axes[] = {&g->batch, &g->m, &g->n, &g->k};
  for (size_t i = 0; i < sizeof axes / sizeof *axes; i++) add_axes(&k, axes[i]);
  add_taps(&k, &g->taps);
  add_number(&k, g->panels);
  add_number(&k, g->panel_rows);
  add_number(&k, g->weights + 2 * g->depthwise);
  add_number(&k, g->group);
  add_number(&k, g->nresidue);
  if (!k.fixed) return NULL;
  return ctx_strf(m->c, "%s %.0fx%.0fx%.0f %08x", dtype_info[t].name, gemm_count(&g->batch) * gemm_count(&g->m),
                  gemm_count(&g->k), gemm_count(&g->n), (unsigned)(k.hash ^ k.hash >> 32));
}
