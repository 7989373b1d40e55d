/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of elements, reductions, views, products and derivatives. */
#include "tests/random/nn/nn.h"
#include <string.h>

static bool reducible(const Ty *t) { return ty_float(t) && t->rank > 0; }

bool make_elementwise(Prog *p) {
  static const char *const form[] = {
    "tanh(v%d)",
    "sigmoid(v%d)",
    "abs(v%d)",
    "sign(v%d)",
    "floor(v%d * 4)",
    "ceil(v%d)",
    "round(v%d * 2)",
    "exp(-abs(v%d))",
    "expm1(tanh(v%d))",
    "log(abs(v%d) + 0.5)",
    "log1p(abs(v%d))",
    "sqrt(abs(v%d) + 0.1)",
    "rsqrt(abs(v%d) + 0.5)",
    "sin(v%d)",
    "cos(v%d)",
    "erf(v%d)",
    "tan(tanh(v%d))",
    "asin(tanh(v%d))",
    "acos(sin(v%d))",
    "atan(v%d)",
    "sinh(tanh(v%d))",
    "cosh(tanh(v%d))",
    "asinh(v%d)",
    "acosh(abs(v%d) + 1.5)",
    "atanh(v%d / (abs(v%1$d) + 1))",
    "erfc(v%d)",
    "erfinv(tanh(v%d) * 0.75)",
    "lgamma(abs(v%d) + 0.5)",
    "digamma(abs(v%d) + 0.5)",
    "atan2(v%d, 0.5)",
    "-v%d",
    "v%d ** 2",
    "v%d / 3",
    "v%d * 0.5 + 1",
    "stop_gradient(v%d)",
    "mod(v%d, 3)",
    "v%d // 2",
    "min(v%d, 0.5)",
    "max(v%d, 0.25)",
    "max(v%d, 0)",
    "2 - v%d",
    "0.5 / (abs(v%d) + 1)",
    "where(%1$s, 0.0, 1.0)",
  };
  const Value *a = pv(p, ty_float);
  if (!a) return false;
  const char *f = form[pr(p, sizeof form / sizeof *form - 1)];
  char s[80];
  if (pc(p, 12)) snprintf(s, sizeof s, "where(v%d > 0.5, v%d, v%d * 0.25)", a->id, a->id, a->id);
  else if (pc(p, 6)) snprintf(s, sizeof s, "f32(i%d(v%d * 3)) * 0.25", pc(p, 50) ? 32 : 64, a->id);
  else snprintf(s, sizeof s, f, a->id);
  Ty t = a->ty;
  if (!strncmp(s, "f32(", 4)) t.t = DT_F32;
  return bind(p, t, "%s", s);
}

/* Whether b broadcasts to a without changing its shape. */
static bool fits(const Ty *a, const Ty *b) {
  if (b->rank > a->rank || a->t != b->t) return false;
  for (int i = 1; i <= b->rank; i++)
    if (b->dim[b->rank - i] != 1 && b->dim[b->rank - i] != a->dim[a->rank - i]) return false;
  return true;
}

bool make_broadcast(Prog *p) {
  static const char *const op[] = {
    "v%d + %s",           "v%d - %s",           "v%d * %s",          "max(v%d, %s)",
    "min(v%d, %s)",       "%2$s - v%1$d",       "v%d * sigmoid(%s)", "where(v%1$d > %2$s, v%1$d, 0.5)",
    "f32(v%1$d <= %2$s)", "v%d / (1 + abs(%s))"};
  const Value *a = pv(p, ty_float), *b = NULL;
  char other[80];
  if (!a) return false;
  for (int tries = 0; tries < 12 && !b; tries++) {
    const Value *v = pv(p, ty_float);
    if (v->id != a->id && fits(&a->ty, &v->ty)) b = v;
  }
  if (b && pc(p, 70)) snprintf(other, sizeof other, "v%d", b->id);
  else if (a->ty.rank && ty_count(p, &a->ty)) {
    static const char *const of[] = {"sum", "mean", "max", "min"};
    snprintf(other, sizeof other, "%s(v%d, axes = [%d], keep = true)", of[pr(p, 4)], a->id, axis_of(p, &a->ty));
  } else snprintf(other, sizeof other, "v%d", a->id);
  const char *f = op[pr(p, sizeof op / sizeof *op)];
  Ty t = a->ty;
  if (!strncmp(f, "f32(", 4)) t.t = DT_F32;
  char s[200];
  snprintf(s, sizeof s, f, a->id, other);
  return bind(p, t, "%s", s);
}

/* [.., N] against [.., N, 1], often reduced to [.., N] at once. */
bool make_outer(Prog *p) {
  static const char *const op[] = {"v%1$d - %2$s", "max(v%1$d - %2$s, 0)", "f32(v%1$d == %2$s)",
                                   "v%1$d * %2$s", "tanh(v%1$d + %2$s)",   "abs(v%1$d - %2$s)"};
  static const char *const fold[] = {"sum", "max", "mean", "min"};
  const Value *a = pv(p, ty_f32);
  if (!a || a->ty.rank != 1 || a->ty.dim[0] < 1) {
    const Value *b = pv(p, reducible);
    if (!b || ty_count(p, &b->ty) > 40 || !ty_known(&b->ty)) return false;
    a = bind(p, ty_of(DT_F32, 1, (int)ty_count(p, &b->ty)), "f32(reshape(v%d, [-1]))", b->id);
  }
  int n = a->ty.dim[0], x = a->id, y = x;
  if (n < 1 || n * n > p->max_elements) return false;
  if (pc(p, 50)) y = bind(p, a->ty, pc(p, 50) ? "cumsum(v%d, axis = 0) - 1" : "v%d * 0.5", x)->id;
  if (pc(p, 50)) { /* the one that was just computed along the rows */
    int row = y;
    y = x, x = row;
  }
  char other[60], s[160];
  snprintf(other, sizeof other, "reshape(v%d, [%d, 1])", y, n);
  snprintf(s, sizeof s, op[pr(p, sizeof op / sizeof *op)], x, other);
  if (pc(p, 30)) return bind(p, ty_of(DT_F32, 2, n, n), "%s", s);
  int id = bind(p, ty_of(DT_F32, 1, n), "%s(%s, axes = [%d])", fold[pr(p, 4)], s, (int)pr(p, 2))->id;
  if (pc(p, 40)) bind(p, ty_of(DT_F32, 1, n), "cumsum(v%d, axis = 0)", id);
  return true;
}

bool make_reduction(Prog *p) {
  static const char *const op[] = {"sum", "mean", "max", "min", "sum", "argmax", "argmin"};
  const Value *a = pv(p, reducible);
  if (!a) return false;
  const char *f = op[pr(p, 7)];
  bool arg = f[0] == 'a', keep = pc(p, 35);
  Ty t = a->ty;
  int id = a->id, axis = axis_of(p, &t), more = arg || t.rank < 2 || pc(p, 60) ? -1 : axis_of(p, &t);
  if (more == axis) more = -1;
  for (int i = t.rank - 1; i >= 0; i--) {
    if (i != axis && i != more) continue;
    if (f[0] != 's' && (t.dim[i] == 0)) return false;
    if (keep) t.dim[i] = 1;
    else t = ty_without(t, i);
  }
  if (arg)
    return bind(p, (t.t = DT_F32, t), "f32(%s(v%d, axis = %d%s)) * 0.125", f, id, axis, keep ? ", keep = true" : "");
  char axes[40];
  snprintf(axes, sizeof axes, more < 0 ? "%d" : "%d, %d", axis, more);
  return bind(p, t, "%s(v%d, axes = [%s]%s)", f, id, axes, keep ? ", keep = true" : "");
}

bool make_cumsum(Prog *p) {
  const Value *a = pv(p, reducible);
  if (!a) return false;
  return bind(p, a->ty, "cumsum(v%d, axis = %d%s)", a->id, axis_of(p, &a->ty), pc(p, 30) ? ", reverse = true" : "");
}

/* ---- views ---- */

static bool permuted(Prog *p, const Value *a) {
  int at[8];
  char s[60];
  Ty t = a->ty;
  size_t n = 0;
  for (int i = 0; i < t.rank; i++) at[i] = i;
  for (int i = t.rank - 1; i > 0; i--) {
    int j = (int)pr(p, (uint32_t)i + 1), k = at[i];
    at[i] = at[j], at[j] = k;
  }
  for (int i = 0; i < t.rank; i++)
    n += (size_t)snprintf(s + n, sizeof s - n, ", %d", at[i]), t.dim[i] = a->ty.dim[at[i]];
  return bind(p, t, "permute(v%d%s)", a->id, s);
}

/* A factor of n, above 1 where there is one. */
static int factor(Prog *p, int n) {
  int f[16], k = 0;
  for (int i = 2; i <= n && k < 16; i++)
    if (n % i == 0) f[k++] = i;
  return k ? f[pr(p, (uint32_t)k)] : 1;
}

/* Splits one axis in two, exchanges axes and joins some: "a (b c) d -> (c a) b d". */
static bool rearranged(Prog *p, const Value *a) {
  int axis = known_axis(p, &a->ty), part = axis < 0 ? 0 : factor(p, a->ty.dim[axis]), n = 0, size[9], at[9];
  if (axis < 0 || a->ty.rank > 5) return false;
  char left[60], right[60] = "", name[9];
  size_t l = 0, k = 0;
  for (int i = 0; i < a->ty.rank; i++) {
    if (i == axis) {
      l += (size_t)snprintf(left + l, sizeof left - l, "%s(%c %c)", i ? " " : "", 'a' + n, 'b' + n);
      name[n] = (char)('a' + n), size[n++] = a->ty.dim[i] / part;
      name[n] = (char)('a' + n), size[n++] = part;
    } else {
      l += (size_t)snprintf(left + l, sizeof left - l, "%s%c", i ? " " : "", 'a' + n);
      name[n] = (char)('a' + n), size[n++] = a->ty.dim[i];
    }
  }
  for (int i = 0; i < n; i++) at[i] = i;
  for (int i = n - 1; i > 0; i--) {
    int j = (int)pr(p, (uint32_t)i + 1), s = at[i];
    at[i] = at[j], at[j] = s;
  }
  Ty t = {.t = a->ty.t};
  for (int i = 0; i < n; i++) {
    bool join = i + 1 < n && size[at[i]] >= 0 && size[at[i + 1]] >= 0 && pc(p, 45);
    const char *blank = i ? " " : "";
    if (join) {
      k += (size_t)snprintf(right + k, sizeof right - k, "%s(%c %c)", blank, name[at[i]], name[at[i + 1]]);
      t.dim[t.rank++] = size[at[i]] * size[at[i + 1]], i++;
    } else {
      k += (size_t)snprintf(right + k, sizeof right - k, "%s%c", blank, name[at[i]]);
      t.dim[t.rank++] = size[at[i]];
    }
  }
  return bind(p, t, "rearrange(v%d, \"%s -> %s\", %c = %d)", a->id, left, right, 'a' + axis + 1, part);
}

static bool reshaped(Prog *p, const Value *a) {
  Ty t = {.t = a->ty.t};
  int i = 0, n = 1;
  for (int k = 0; k < a->ty.rank; k++)
    if (a->ty.dim[k] < 0 && k) return false;
  if (a->ty.rank && a->ty.dim[0] < 0) t.dim[t.rank++] = a->ty.dim[0], i = 1;
  for (; i < a->ty.rank; i++) n *= a->ty.dim[i];
  if (n == 0) return false;
  for (int parts = (int)pr(p, 3); parts > 0; parts--) {
    int f = factor(p, n);
    t.dim[t.rank++] = f;
    n /= f;
  }
  t.dim[t.rank++] = n;
  return bind(p, t, "reshape(v%d, [%s])", a->id, ty_dims(&t, 0));
}

static bool sliced(Prog *p, const Value *a) {
  int axis = known_axis(p, &a->ty);
  if (axis < 0) return false;
  char lead[40] = "";
  for (int i = 0; i < axis; i++) strcat(lead, ":, ");
  Ty t = a->ty;
  int n = t.dim[axis], from = (int)pr(p, (uint32_t)n), to = from + 1 + (int)pr(p, (uint32_t)(n - from));
  if (pc(p, 25)) return bind(p, ty_without(t, axis), "v%d[%s%d]", a->id, lead, from);
  t.dim[axis] = to - from;
  return bind(p, t, "v%d[%s%d:%d]", a->id, lead, from, to);
}

static bool joined(Prog *p, const Value *a) {
  int axis = known_axis(p, &a->ty);
  Value x = *a;
  if (axis < 0 || 2 * ty_count(p, &a->ty) > p->max_elements) return false;
  const Value *b = pv(p, ty_float);
  if (!ty_same(&b->ty, &x.ty) || b->ty.t != x.ty.t) b = &x;
  Ty t = x.ty;
  bool zeros = pc(p, 30) && t.t == DT_F32;
  t.dim[axis] = zeros ? 1 : t.dim[axis];
  if (zeros) {
    char z[80];
    snprintf(z, sizeof z, "zeros(%s)", ty_sizes(&t));
    t.dim[axis] = x.ty.dim[axis] + 1;
    return bind(p, t, pc(p, 50) ? "concat([%s, v%d], axis = %d)" : "concat([v%2$d, %1$s], axis = %3$d)", z, x.id, axis);
  }
  t.dim[axis] *= 2;
  return bind(p, t, "concat([v%d, v%d], axis = %d)", x.id, b->id, axis);
}

bool make_view(Prog *p) {
  const Value *a = pv(p, reducible);
  if (!a) return false;
  switch (pr(p, 9)) {
  case 0: return permuted(p, a);
  case 1:
  case 2: return rearranged(p, a);
  case 3: return reshaped(p, a);
  case 4: return sliced(p, a);
  case 5: return joined(p, a);
  case 6: return bind(p, a->ty, "reverse(v%d, axes = [%d])", a->id, axis_of(p, &a->ty));
  case 7: { /* rows by an index that was computed */
    const Value *at = pv(p, ty_f32);
    if (a->ty.dim[0] < 1 || !at || at->ty.rank != 1 || a->ty.rank > 3) return false;
    Ty t = a->ty;
    t.dim[0] = at->ty.dim[0];
    if (ty_count(p, &t) > p->max_elements) return false;
    return bind(p, t, "v%d[i%d(abs(v%d) * 3)]", a->id, pc(p, 50) ? 32 : 64, at->id);
  }
  default: {
    Ty t = a->ty;
    if (t.rank < 2) return false;
    int last = t.dim[t.rank - 1];
    t.dim[t.rank - 1] = t.dim[t.rank - 2], t.dim[t.rank - 2] = last;
    return bind(p, t, "v%d'", a->id);
  }
  }
}

/* ---- products and derivatives ---- */

bool make_matmul(Prog *p) {
  const Value *a = pv(p, reducible);
  if (!a || a->ty.rank < 2 || a->ty.rank > 4) return false;
  Value x = *a;
  Ty t = x.ty;
  t.dim[t.rank - 1] = t.dim[t.rank - 2];
  if (t.dim[t.rank - 1] >= 0 && ty_count(p, &t) <= p->max_elements && pc(p, 50))
    return bind(p, t, "v%d @ v%d' * 0.25", x.id, x.id);
  int k = x.ty.dim[t.rank - 1], n = pdim(p);
  t.dim[t.rank - 1] = n;
  if (k < 0 || ty_count(p, &t) > p->max_elements) return false;
  for (int i = 0; i < p->n; i++) {
    const Value *w = &p->v[i];
    if (w->ty.rank != 2 || w->ty.dim[0] != k || w->ty.dim[1] < 0 || w->ty.t != t.t || pc(p, 30)) continue;
    t.dim[t.rank - 1] = w->ty.dim[1];
    if (ty_count(p, &t) <= p->max_elements) return bind(p, t, "v%d @ v%d", x.id, w->id);
  }
  if (x.ty.t != DT_F32) return false;
  return bind(p, t, "v%d @ %s(%d, %d)", x.id, "ones", k, n);
}

/* What follows a product in a model: a bias, a mask, a function, a sum. */
bool make_epilogue_of(Prog *p) {
  int before = p->n;
  if (!(pc(p, 50) ? make_index_notation(p) : pc(p, 50) ? make_matmul(p) : make_std(p)) || p->n == before) return false;
  static const char *const form[] = {"dropout(v%d, 0.25)", "tanh(v%d)", "v%1$d * sigmoid(v%1$d)", "v%d + 0.5",
                                     "relu(v%d)"};
  Value y = p->v[p->n - 1];
  if (y.ty.t != DT_F32) return false;
  for (int i = 1 + (int)pr(p, 2); i > 0; i--) {
    char s[80];
    snprintf(s, sizeof s, form[pr(p, 5)], y.id);
    y = *bind(p, y.ty, "%s", s);
  }
  if (y.ty.rank && pc(p, 40)) bind(p, ty_without(y.ty, 0), "sum(v%d, axes = [0])", y.id);
  return true;
}

bool make_derivative(Prog *p) {
  static const char *const form[] = {
    "grad(sum(sin(v%1$d) * v%1$d), v%1$d)", "jvp(tanh(v%1$d) * v%1$d, v%1$d, cos(v%1$d))",
    "hvp(sum(v%1$d ** 3 * 0.1), v%1$d, v%1$d)", "grad(sum(grad(sum(v%1$d ** 3), v%1$d) * tanh(v%1$d)), v%1$d)"};
  const Value *a = pv(p, ty_f32);
  if (!a || a->ty.rank == 0) return false;
  char s[160];
  snprintf(s, sizeof s, form[pr(p, 4)], a->id);
  return bind(p, a->ty, "%s", s);
}
