/* SPDX-License-Identifier: Apache-2.0 */
/* Index notation in all its forms, and weights declared where they are used. */
#include "tests/random/nn/nn.h"
#include <string.h>

static bool indexable(const Ty *t) { return t->t == DT_F32 && t->rank > 0 && t->rank < 4; }

/* A param or state of the def; in a def without weights a constant. Its number. */
static int weight(Prog *p, Ty t) {
  static const char *const init[] = {
    "kaiming", "normal(0.5)", "xavier", "uniform(-1, 1)", "normal(std = 0.1, mean = 0.5)", "0.5", "1", "0"};
  if (!p->layers || t.rank == 0 || pc(p, 15)) {
    t.t = DT_F32;
    return bind(p, t, t.rank ? "cumsum(ones(%s), axis = 0) * 0.25 - 0.5" : "0.75 * ones(%s)", ty_sizes(&t))->id;
  }
  for (int i = 0; i < p->n; i++) /* what is there already, sometimes */
    if (ty_same(&p->v[i].ty, &t) && p->v[i].ty.t == DT_F32 && pc(p, 40)) return p->v[i].id;
  const char *from = init[pr(p, pc(p, 80) ? 5 : 8)];
  if (t.rank < 2 && (from[0] == 'k' || from[0] == 'x')) from = init[1];
  if (pc(p, 12)) put(&p->body, "    @%s\n", pc(p, 50) ? "freeze" : "nodecay");
  put(&p->body, "    param v%d: %s = %s\n", p->next, ty_text(&t), from);
  return bound_as(p, p->next++, t)->id;
}

bool make_weight(Prog *p) {
  const Value *a = pv(p, indexable);
  if (!a || !p->layers) return false;
  Value x = *a;
  Ty t = x.ty;
  while (t.rank && t.dim[0] < 0) t = ty_without(t, 0);
  if (!ty_known(&t) || ty_count(p, &t) == 0) return false;
  if (pc(p, 25)) { /* a running mean */
    int s = p->next++;
    put(&p->body, "    state v%d: f32 = %s\n    if training { v%d := 0.75 * v%d + 0.25 * mean(v%d) }\n", s,
        pc(p, 50) ? "0" : "1", s, s, x.id);
    return bind(p, x.ty, "v%d * 0.5 + v%d", x.id, s);
  }
  int w = weight(p, t);
  return bind(p, x.ty, pc(p, 50) ? "v%d * v%d" : "v%d + v%d", x.id, w);
}

/* "b, c, " for the first n axes of a. */
static const char *lead(int n) {
  static const char *const text[] = {"", "b, ", "b, c, ", "b, c, d, "};
  return text[n];
}

static bool form(Prog *p, Ty t, const char *left, const char *right) {
  if (ty_count(p, &t) > p->max_elements || t.rank > 6) return false;
  if (p->layers && pc(p, 5)) put(&p->body, "    @checkpoint\n");
  put(&p->body, "    v%d[%s] = %s\n", p->next, left, right);
  return bound_as(p, p->next++, t);
}

/* The last axis against a matrix, by a product or another operation. */
static bool contracted(Prog *p, const Value *a, const char *fold) {
  static const char *const term[] = {"v%d[%si] * v%d[i, o]", "v%d[%si] + v%d[i, o]", "max(v%d[%si], v%d[i, o])",
                                     "tanh(v%d[%si] * v%d[i, o])"};
  Value x = *a;
  int n = x.ty.rank - 1, o = pdim(p);
  if (x.ty.dim[n] < 1) return false;
  int w = weight(p, ty_of(DT_F32, 2, x.ty.dim[n], o));
  Ty t = x.ty;
  t.dim[n] = o;
  char left[40], inner[120], right[160];
  snprintf(left, sizeof left, "%so", lead(n));
  snprintf(inner, sizeof inner, term[pc(p, 60) ? 0 : pr(p, 4)], x.id, lead(n), w);
  snprintf(right, sizeof right, "%s[i](%s)", fold, inner);
  return form(p, t, left, right);
}

/* A convolution along the last axis: stride and dilation by factors. */
static bool windowed(Prog *p, const Value *a, const char *fold) {
  Value x = *a;
  int n = x.ty.rank - 1, length = x.ty.dim[n], stride = pc(p, 60) ? 1 : 2, dilation = pc(p, 75) ? 1 : 2;
  if (length < 1) return false;
  int max = (length - 1) / dilation + 1, k = 1 + (int)pr(p, (uint32_t)(max < 4 ? max : 4));
  Ty t = x.ty;
  t.dim[n] = (length - dilation * (k - 1) - 1) / stride + 1;
  bool channels = n >= 2 && x.ty.dim[n - 1] > 0 && pc(p, 60);
  char left[40], right[200], at[40], s[12] = "", d[12] = "";
  if (stride > 1) snprintf(s, sizeof s, "%d*", stride);
  if (dilation > 1) snprintf(d, sizeof d, "%d*", dilation);
  snprintf(at, sizeof at, "%st + %sk", s, d);
  if (channels) { /* [.., c, t] with [o, c, k] */
    int o = pdepth(p), w = weight(p, ty_of(DT_F32, 3, o, x.ty.dim[n - 1], k));
    t.dim[n - 1] = o;
    snprintf(left, sizeof left, "%so, t", lead(n - 1));
    snprintf(right, sizeof right, "%s[i, k](v%d[%si, %s] * v%d[o, i, k])", fold, x.id, lead(n - 1), at, w);
  } else {
    int w = weight(p, ty_of(DT_F32, 1, k));
    snprintf(left, sizeof left, "%st", lead(n));
    snprintf(right, sizeof right, "%s[k](v%d[%s%s] * v%d[k])", fold, x.id, lead(n), at, w);
  }
  return form(p, t, left, right);
}

/* Every element against every other of the last axis. */
static bool pairwise(Prog *p, const Value *a, const char *fold) {
  static const char *const term[] = {"max(v%1$d[%2$si] - v%1$d[%2$sj], 0)", "v%1$d[%2$si] * v%1$d[%2$sj]",
                                     "abs(v%1$d[%2$si] - v%1$d[%2$sj])", "f32(v%1$d[%2$sj] <= v%1$d[%2$si])"};
  int n = a->ty.rank - 1;
  if (a->ty.dim[n] < 1) return false;
  char left[40], inner[100], right[160];
  Ty t = a->ty;
  snprintf(inner, sizeof inner, term[pr(p, 4)], a->id, lead(n));
  bool all = pc(p, 35);
  if (all) t.dim[t.rank++] = t.dim[n];
  snprintf(left, sizeof left, all ? "%si, j" : "%si", lead(n));
  if (all) snprintf(right, sizeof right, "%s", inner);
  else snprintf(right, sizeof right, "%s[j](%s)", fold, inner);
  return form(p, t, left, right);
}

bool make_index_notation(Prog *p) {
  const char *fold = (const char *const[]){"sum", "sum", "sum", "max", "min"}[pr(p, 5)];
  const Value *a = pv(p, indexable);
  if (!a) return false;
  int n = a->ty.rank - 1, last = a->ty.dim[n];
  char right[120];
  switch (pr(p, 8)) {
  case 0:
  case 1: return contracted(p, a, fold);
  case 2:
  case 3: return windowed(p, a, fold);
  case 4: return pairwise(p, a, fold);
  case 5: /* a diagonal, or an outer product */
    if (n == 1 && a->ty.dim[0] == last && last > 0) {
      snprintf(right, sizeof right, "v%d[b, b]", a->id);
      return form(p, ty_of(DT_F32, 1, last), "b", right);
    }
    if (n > 1 || last < 1) return false;
    snprintf(right, sizeof right, "v%d[%si] * v%d[%si]", a->id, lead(n), a->id, lead(n));
    return form(p, a->ty, n ? "b, i" : "i", right);
  case 6: { /* rows by an index that was computed */
    if (a->ty.rank < 2 || a->ty.dim[0] < 1 || last < 1) return false;
    Value x = *a;
    int m = pdim(p), at = p->next++;
    put(&p->body, "    v%d = i32(cumsum(ones(%d), axis = 0) * 0.75)\n", at, m);
    Ty t = x.ty;
    t.dim[0] = m;
    char left[40];
    snprintf(left, sizeof left, n == 1 ? "i, j" : n == 2 ? "i, c, j" : "i, c, d, j");
    snprintf(right, sizeof right, "v%d[v%d[i], %sj] * 0.5", x.id, at, n == 1 ? "" : n == 2 ? "c, " : "c, d, ");
    return form(p, t, left, right);
  }
  default: { /* a transposition within a sum */
    if (n != 1 || last < 1 || a->ty.dim[0] < 0) return false;
    snprintf(right, sizeof right, "v%d[i, j] * 2", a->id);
    return form(p, ty_of(DT_F32, 2, last, a->ty.dim[0]), "j, i", right);
  }
  }
}
