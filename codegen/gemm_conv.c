/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions as implicit GEMMs. In a convolution and its gradient dX, m runs over pixels and k over taps and
 * channels; in the gradient dW, m runs over taps and channels and k over pixels.
 *
 * With a stride s > 1, pixel x of dX has a contribution from those taps k only for which x + lo - k * d is divisible by
 * s (d: the dilation). They depend on the residue r = x mod s alone, so dX is one GEMM for each residue (GemmResidue):
 * with x = s * i + r, k = t + step * j, step = s / gcd(s, d), and t the first such tap, the pixel of the output's
 * gradient is i + (r + lo - t * d) / s - j * (step * d / s). */
#include "codegen/gemm.h"

static int64_t gcd(int64_t a, int64_t b) { return b ? gcd(b, a % b) : a; }

/* Rewrites the address of a load over loop axes alone. False: it has an indirect axis. */
static bool flatten(const KNest *n, const Affine *at, Affine *flat) {
  Module *m = n->axes.m;
  *flat = affine_const(at->k);
  for (int i = 0; i < n->axes.n; i++) {
    const Axis *x = &n->axes.axis[i];
    if (!at->coef[i]) continue;
    Affine e = x->kind == AX_LOOP ? affine_axis(i) : x->e;
    if (x->kind == AX_INDIRECT) return false;
    if (x->kind == AX_QUOTIENT && x->div != 1) e = affine_const(0); /* left to add_residue */
    e = affine_scale(m, &e, at->coef[i]);
    *flat = affine_add(m, flat, &e);
  }
  return true;
}

static int role_of(const GemmAxes *x, int axis) {
  for (int i = 0; i < x->n; i++)
    if (x->axis[i] == axis) return i;
  return -1;
}

/* Adds the bounds check of quotient axis q, which may depend on one axis of m and one of k. */
static bool add_taps(const KNest *n, GemmDesc *g, int q) {
  const Axis *x = &n->axes.axis[q];
  GemmTaps *t = &g->taps;
  if (t->n == GEMM_TAP_AXES) return false;
  int d = t->n++;
  for (int a = 0; a < n->axes.n; a++) {
    if (!x->e.coef[a]) continue;
    int m = role_of(&g->m, a), k = role_of(&g->k, a);
    if (m >= 0) {
      t->m[d] = m;
      t->ms[d] = x->e.coef[a];
    } else if (k >= 0) {
      t->k[d] = k;
      t->ks[d] = x->e.coef[a];
    } else {
      return false;
    }
  }
  t->at[d] = x->e.k;
  t->size[d] = x->extent;
  return true;
}

/* The residues of quotient axis q, whose index is (x + lo - k * d) / s. False: it is of another form. */
static bool residue_of(const KNest *n, const GemmDesc *g, int q, Dim pixel, GemmResidue *r) {
  const Axis *x = &n->axes.axis[q];
  Module *m = n->axes.m;
  int64_t d = 0;
  *r = (GemmResidue){.axis = q, .row = -1, .tap = -1, .modulus = x->div, .taps = 1};
  for (int a = 0; a < n->axes.n; a++) {
    if (!x->e.coef[a]) continue;
    if (role_of(&g->m, a) >= 0) r->row = role_of(&g->m, a);
    else if ((r->tap = role_of(&g->k, a)) < 0) return false;
  }
  if (r->row < 0 || x->e.coef[g->m.axis[r->row]] != 1) return false;
  if (!dim_number(m, x->e.k, &r->lo) || !dim_number(m, pixel, &r->a_stride)) return false;
  if (!dim_number(m, n->axes.axis[g->m.axis[r->row]].extent, &r->extent)) return false;
  if (r->tap >= 0) {
    int a = g->k.axis[r->tap];
    if (!dim_number(m, x->e.coef[a], &d) || !dim_number(m, g->b.load->at.coef[a], &r->b_stride)) return false;
    if (!dim_number(m, n->axes.axis[a].extent, &r->taps)) return false;
  }
  r->dilation = -d;
  r->tap_step = r->modulus / gcd(r->modulus, r->dilation ? r->dilation : r->modulus);
  return true;
}

static bool add_residue(const KNest *n, GemmDesc *g, int q, Dim pixel) {
  GemmResidue r;
  GemmTaps *t = &g->taps;
  if (!residue_of(n, g, q, pixel, &r) || t->n == GEMM_TAP_AXES) return false;
  Module *m = n->axes.m;
  int64_t back = r.tap_step * r.dilation / r.modulus; /* pixels from one tap of a residue to the next */
  int d = t->n++, number = g->nresidue + 1;
  g->residue[g->nresidue++] = r;
  g->m.residue[r.row] = number;
  g->m.s0[r.row] = dim_of(m, r.a_stride);
  t->m[d] = r.row;
  t->ms[d] = 1;
  t->residue[d] = number;
  t->size[d] = n->axes.axis[q].extent;
  if (r.tap < 0) return true;
  t->k[d] = r.tap;
  t->ks[d] = dim_of(m, -back);
  g->k.residue[r.tap] = number;
  g->k.s0[r.tap] = dim_of(m, -back * r.a_stride);
  g->k.s1[r.tap] = dim_of(m, r.b_stride * r.tap_step);
  return true;
}

void gemm_remove_check(GemmTaps *t, int d) {
  for (int i = d; i + 1 < t->n; i++) {
    t->m[i] = t->m[i + 1], t->k[i] = t->k[i + 1], t->ms[i] = t->ms[i + 1], t->ks[i] = t->ks[i + 1];
    t->at[i] = t->at[i + 1], t->size[i] = t->size[i + 1], t->residue[i] = t->residue[i + 1];
  }
  t->n--;
}

/* Whether the last axis of k is channels, contiguous in the image. If it is a tap, an axis of one channel is added.
 * False: there are too many axes. */
static bool end_with_channels(const KNest *n, GemmDesc *g, const Affine *a) {
  int last = g->k.n ? g->k.axis[g->k.n - 1] : -1;
  bool is_tap = last < 0;
  for (int i = 0; i < n->axes.n && !is_tap; i++)
    is_tap = n->axes.axis[i].kind == AX_QUOTIENT && n->axes.axis[i].e.coef[last];
  g->segments = is_tap || a->coef[last] == 1;
  return !is_tap || gemm_add_axis(&g->k, n, -1, 1, 1);
}

bool gemm_conv(const Kernel *k, const KNest *n, GemmDesc *g) {
  bool weights = node_get(k->gs->g, k->group->root)->op == OP_conv_dw;
  const Affine *image = &g->a.load->at, *b = &g->b.load->at;
  Affine a;
  if (!flatten(n, image, &a)) return false;
  g->a.offset = a.k;
  g->b.offset = b->k;
  bool fits = true;
  for (int i = 0; i < n->axes.n; i++) fits &= !b->coef[i] || n->axes.axis[i].kind == AX_LOOP;
  if (!fits || !gemm_add_axes(g, n, &a, b)) return false;
  gemm_sort_axes(n, &g->m);
  gemm_sort_axes(n, &g->n);
  g->segments = g->weights = weights;
  fits = weights || end_with_channels(n, g, &a);
  for (int i = 0; i < n->axes.n && fits; i++) {
    /* An index into an axis of extent 1 does not change the address, but still has bounds. */
    if (n->axes.axis[i].kind != AX_QUOTIENT || !(image->coef[i] || n->phase[0].skip >> i & 1)) continue;
    fits = n->axes.axis[i].div == 1 ? add_taps(n, g, i) : add_residue(n, g, i, image->coef[i]);
    int d = g->taps.n - 1; /* ks[d] is 0 if the axis of k has extent 1, and so is not in the nest */
    if (fits && weights && g->taps.ks[d] && g->taps.k[d] == g->k.n - 1) g->taps.last = d + 1;
  }
  return fits;
}
