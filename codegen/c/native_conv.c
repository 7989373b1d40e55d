/* Convolutions of the native dialect, as contractions over an image (gemm.inc): the rows of a convolution and of its dX
 * are pixels, its sum runs over taps and channels; the rows of dW are taps and channels, its sum runs over pixels.
 *
 * Where the stride s of dX is above 1, only some taps reach a pixel: those k for which x + lo - k * d is divisible
 * by s. They depend on the pixel's residue r = x mod s alone, so dX is one contraction for each residue: with
 * x = s * i + r, k = t + step * j, step = s / gcd(s, d), t the first tap that fits, the gradient's pixel is
 * i + (r + lo - t * d) / s - j * (step * d / s). */
#include "codegen/c/native.h"

static int64_t gcd(int64_t a, int64_t b) {
  return b ? gcd(b, a % b) : a;
}

/* The image's load with the indices that must lie in it put in: its stride along each loop axis, and its start. */
static bool flatten(Module *m, const KNest *n, const Affine *at, Affine *flat) {
  *flat = affine_const(at->k);
  for (int i = 0; i < n->axes.n; i++) {
    const Axis *x = &n->axes.axis[i];
    if (!at->coef[i]) continue;
    Affine e = x->kind == AX_LOOP ? affine_axis(i) : x->e;
    if (x->kind == AX_TABLE) return false;
    if (x->kind == AX_QUOTIENT && x->div != 1) e = affine_const(0); /* put_residue adds it */
    e = affine_scale(m, &e, at->coef[i]);
    *flat = affine_add(m, flat, &e);
  }
  return true;
}

static int find(const NativeAxes *x, int axis) {
  for (int i = 0; i < x->n; i++)
    if (x->axis[i] == axis) return i;
  return -1;
}

/* The index that quotient axis q checks: which axis of m and which of k it depends on, each at most one. */
static bool put_image(CPrint *p, const KNest *n, NativeGemm *g, int q) {
  const Axis *x = &n->axes.axis[q];
  NativeImage *im = &g->image;
  if (im->n == NATIVE_IMAGE) return false;
  int d = im->n++;
  im->m[d] = im->k[d] = 0, im->ms[d] = im->ks[d] = "0";
  for (int a = 0; a < n->axes.n; a++) {
    if (!x->e.coef[a]) continue;
    int m = find(&g->m, a), k = find(&g->k, a);
    if (m >= 0) im->m[d] = m, im->ms[d] = c_dim(p, x->e.coef[a]);
    else if (k >= 0) im->k[d] = k, im->ks[d] = c_dim(p, x->e.coef[a]);
    else return false;
  }
  im->at[d] = c_dim(p, x->e.k);
  im->size[d] = c_dim(p, x->extent);
  return true;
}

/* One residue of a strided dX: see above. e = x + lo - k * d, of which the quotient by s is the pixel. */
static bool put_residue(CPrint *p, const KNest *n, NativeGemm *g, int q, Dim pixel, const KVal *right) {
  const Axis *x = &n->axes.axis[q];
  Module *m = p->m;
  int64_t s = x->div, lo, d = 0, dil, kc = 1, extent, px, wk = 0;
  int row = -1, tap = -1;
  for (int a = 0; a < n->axes.n; a++) {
    if (!x->e.coef[a]) continue;
    if (find(&g->m, a) >= 0) row = find(&g->m, a);
    else if ((tap = find(&g->k, a)) < 0) return false;
  }
  if (row < 0 || x->e.coef[g->m.axis[row]] != 1) return false;
  if (!dim_number(m, x->e.k, &lo) || !dim_number(m, pixel, &px)) return false;
  if (!dim_number(m, n->axes.axis[g->m.axis[row]].extent, &extent)) return false;
  if (tap >= 0) {
    int a = g->k.axis[tap];
    if (!dim_number(m, x->e.coef[a], &d) || !dim_number(m, right->at.coef[a], &wk)) return false;
    if (!dim_number(m, n->axes.axis[a].extent, &kc)) return false;
  }
  dil = -d;
  int64_t step = s / gcd(s, dil ? dil : s), back = step * dil / s;
  Ctx *c = p->c;
  const char *r = ctx_strf(c, "r%d", q), *t = ctx_strf(c, "t%d", q), *at = ctx_strf(c, "at%d", q);
  g->before = ctx_strf(c, "%s  for (long %s = 0; %s < %lld; %s++) {\n  long %s = 0;\n"
                          "  while (%s < %lld && (%s + %lld - %s * %lld) %% %lld) %s++;\n"
                          "  const long %s = (%s + %lld - %s * %lld) / %lld;\n",
                       g->before ? g->before : "", r, r, (long long)s, r, t, t, (long long)kc, r, (long long)lo, t,
                       (long long)dil, (long long)s, t, at, r, (long long)lo, t, (long long)dil, (long long)s);
  g->after = ctx_strf(c, "  }\n%s", g->after ? g->after : "");
  g->m.dim[row] = ctx_strf(c, "(%lld - %s) / %lld", (long long)(extent + s - 1), r, (long long)s);
  g->m.s0[row] = ctx_strf(c, "%lld", (long long)px);
  g->m.residue[row] = r, g->m.step[row] = s;
  g->a_at = ctx_strf(c, "%s + %s * %lld", g->a_at, at, (long long)px);
  g->b_at = ctx_strf(c, "%s + %s * %lld", g->b_at, t, (long long)wk);
  NativeImage *im = &g->image;
  if (im->n == NATIVE_IMAGE) return false;
  int i = im->n++;
  im->m[i] = row, im->ms[i] = "1", im->k[i] = 0, im->ks[i] = "0";
  im->at[i] = at, im->size[i] = c_dim(p, x->extent);
  if (tap < 0) { /* one tap: there, or not: then it lies outside of every image */
    im->at[i] = ctx_strf(c, "%s ? -%lld : %s", t, (long long)1 << 40, at);
    return true;
  }
  im->k[i] = tap, im->ks[i] = ctx_strf(c, "%lld", (long long)-back);
  g->k.dim[tap] = ctx_strf(c, "(%lld - %s) / %lld", (long long)(kc + step - 1), t, (long long)step);
  g->k.s0[tap] = ctx_strf(c, "%lld", (long long)(-back * px));
  g->k.s1[tap] = ctx_strf(c, "%lld", (long long)(wk * step));
  return true;
}

static bool find_roles(CPrint *p, const Kernel *k, const KNest *n, NativeGemm *g, bool weights) {
  NativeSum s;
  Affine left;
  if (!native_sum(p, k, n, &s) || !flatten(p->m, n, &s.left.load->at, &left)) return false;
  const Affine *image = &s.left.load->at, *right = &s.right.load->at;
  g->a_buf = s.left.load->buf, g->a_at = c_dim(p, left.k), g->a_form = s.left.form;
  g->b_buf = s.right.load->buf, g->b_at = c_dim(p, right->k), g->b_form = s.right.form;
  bool fits = true;
  for (int i = 0; i < n->axes.n; i++) fits &= !right->coef[i] || n->axes.axis[i].kind == AX_LOOP;
  for (int i = 0; i < n->nouter && fits; i++) {
    int a = n->outer[i];
    Dim s0 = left.coef[a], s1 = right->coef[a];
    if (s0 && s1) fits = native_axis(p, &g->batch, n, a, s0, s1);
    else fits = native_axis(p, s1 ? &g->n : &g->m, n, a, s1 ? s1 : s0, 0);
  }
  for (int i = 0; i < n->phase[0].naxis && fits; i++) {
    int a = n->phase[0].axis[i];
    fits = native_axis(p, &g->k, n, a, left.coef[a], right->coef[a]);
  }
  if (!fits) return false;
  native_sort(n, &g->m);
  native_sort(n, &g->n);
  /* Taps are segments of the sum: behind them comes an axis of channels, if of one. Zeros stand in for what lies
   * outside only where channels lie side by side. */
  int last = g->k.n ? g->k.axis[g->k.n - 1] : -1;
  bool crosses = last < 0;
  for (int i = 0; i < n->axes.n && !crosses; i++)
    crosses = n->axes.axis[i].kind == AX_QUOTIENT && n->axes.axis[i].e.coef[last];
  if (!weights && crosses) fits = native_axis(p, &g->k, n, -1, 1, 1);
  else if (!weights) fits = left.coef[last] == 1;
  for (int i = 0; i < n->axes.n && fits; i++) {
    /* An index into an axis of 1 that moves no address is checked, too. */
    if (n->axes.axis[i].kind != AX_QUOTIENT || !(image->coef[i] || n->phase[0].skip >> i & 1)) continue;
    fits = n->axes.axis[i].div == 1 ? put_image(p, n, g, i) : put_residue(p, n, g, i, image->coef[i], s.right.load);
    if (weights && g->image.k[g->image.n - 1] == g->k.n - 1) g->image.last = g->image.n;
  }
  return fits;
}

bool native_conv(CPrint *p, const Kernel *k, Str *s) {
  NativeGemm g = {0};
  bool weights = node_get(k->gs->g, k->group->root)->op == OP_conv_dw;
  if (k->nnest != 1 || !find_roles(p, k, k->nest[0], &g, weights) || !native_worth(&g)) return false;
  native_call(p, k, &g, native_epilogue(p, k, &g), s);
  return true;
}
