/* SPDX-License-Identifier: Apache-2.0 */
/* One GEMM of those that a strided convolution's gradient by the image consists of: its residues are numbers, so that
 * its shape is known, and checks of taps that are always inside are removed. */
#include "codegen/gemm.h"

int64_t gemm_residues(const GemmDesc *g) {
  int64_t n = 1;
  for (int i = 0; i < g->nresidue; i++) n *= g->residue[i].modulus;
  return n;
}

int64_t gemm_residue_value(const GemmDesc *g, int64_t number, int i) {
  for (int j = g->nresidue - 1; j > i; j--) number /= g->residue[j].modulus;
  return number % g->residue[i].modulus;
}

static int64_t first_tap(const GemmResidue *x, int64_t r) {
  int64_t t = 0;
  while (t < x->taps && (r + x->lo - t * x->dilation) % x->modulus) t++;
  return t;
}

/* False: no tap has this residue. */
static bool take(Module *m, const GemmResidue *x, int64_t r, int number, GemmDesc *g) {
  int64_t t = first_tap(x, r), pixel = (r + x->lo - t * x->dilation) / x->modulus;
  int64_t rows = divide_up(x->extent - r, x->modulus);
  g->m.dim[x->row] = dim_of(m, rows), g->m.count *= (double)rows / (double)x->extent;
  if (x->tap >= 0) g->k.dim[x->tap] = dim_of(m, divide_up(x->taps - t, x->tap_step));
  g->a.offset = dim_add(m, g->a.offset, dim_of(m, pixel * x->a_stride));
  g->b.offset = dim_add(m, g->b.offset, dim_of(m, t * x->b_stride));
  g->m.residue[x->row] = 0;
  if (x->tap >= 0) g->k.residue[x->tap] = 0;
  for (int d = 0; d < g->taps.n; d++)
    if (g->taps.residue[d] == number) g->taps.residue[d] = 0, g->taps.at[d] = dim_of(m, pixel);
  return t < x->taps;
}

/* Adds what an axis of this extent, of stride s, adds to an index at least and at most. False: that is not known. */
static bool add_range(Module *m, Dim dim, Dim s, int64_t *low, int64_t *high) {
  int64_t n, step;
  if (!dim_number(m, s, &step)) return false;
  if (!step) return true;
  if (!dim_number(m, dim, &n)) return false;
  if (n > 0) *(step < 0 ? low : high) += (n - 1) * step;
  return true;
}

static bool is_inside(Module *m, const GemmDesc *g, int d) {
  const GemmTaps *t = &g->taps;
  int64_t low, high, size;
  if (!dim_number(m, t->at[d], &low) || !dim_number(m, t->size[d], &size)) return false;
  high = low;
  return add_range(m, g->m.dim[t->m[d]], t->ms[d], &low, &high) &&
         add_range(m, g->k.dim[t->k[d]], t->ks[d], &low, &high) && low >= 0 && high < size;
}

GemmDesc gemm_of_residue(Module *m, const GemmDesc *g, int64_t number) {
  GemmDesc x = *g;
  bool any = true;
  for (int i = 0; i < g->nresidue; i++) any &= take(m, &g->residue[i], gemm_residue_value(g, number, i), i + 1, &x);
  if (!any) x.k.dim[0] = dim_of(m, 0);
  x.nresidue = 0;
  for (int d = x.taps.n - 1; d >= 0; d--)
    if (is_inside(m, &x, d)) gemm_remove_check(&x.taps, d);
  return x;
}
