/* SPDX-License-Identifier: Apache-2.0 */
/* Every element-wise row of the op table, over all element types and over shapes that broadcast, against a reference
 * in double with an independent index calculation. A row without a reference here fails. */
#include "suite.h"
#include <math.h>
#include <string.h>

typedef double Ref(double a, double b, double c);
#define REF(name, expr) \
  static double r_##name(double a, double b, double c) { \
    (void)a, (void)b, (void)c; \
    return expr; \
  }
static double remainder_of(double a, double b) {
  double r = fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
/* By bisection of erf. */
static double erfinv_of(double x) {
  double low = 0, high = 6, a = fabs(x);
  if (!(a < 1)) return a == 1 ? copysign(INFINITY, x) : NAN;
  for (int i = 0; i < 200; i++) {
    double y = (low + high) / 2;
    if (a < 0.5 ? erf(y) < a : erfc(y) > 1 - a) low = y;
    else high = y;
  }
  return copysign(high, x);
}
/* By its series from 30 on. */
static double digamma_of(double x) {
  double y = 0, z;
  if (x == 0) return copysign(INFINITY, -x);
  if (x < 0) return x == floor(x) ? NAN : digamma_of(1 - x) - M_PI / tan(M_PI * (x - floor(x)));
  for (; x < 30; x++) y -= 1 / x;
  z = 1 / (x * x);
  return y + log(x) - 0.5 / x - z * (1 / 12.0 - z * (1 / 120.0 - z * (1 / 252.0 - z * (1 / 240.0 - z / 132))));
}
REF(erfinv, erfinv_of(a))
REF(lgamma, lgamma(a))
REF(digamma, digamma_of(a))
REF(neg, -a)
REF(abs, fabs(a))
REF(sign, a > 0 ? 1 : a < 0 ? -1 : a)
REF(floor, floor(a))
REF(ceil, ceil(a))
REF(round, rint(a))
REF(exp, exp(a))
REF(expm1, expm1(a))
REF(log, log(a))
REF(log1p, log1p(a))
REF(sqrt, sqrt(a))
REF(rsqrt, 1 / sqrt(a))
REF(sin, sin(a))
REF(cos, cos(a))
REF(tanh, tanh(a))
REF(sigmoid, 1 / (1 + exp(-a)))
REF(erf, erf(a))
REF(tan, tan(a))
REF(asin, asin(a))
REF(acos, acos(a))
REF(atan, atan(a))
REF(sinh, sinh(a))
REF(cosh, cosh(a))
REF(asinh, asinh(a))
REF(acosh, acosh(a))
REF(atanh, atanh(a))
REF(erfc, erfc(a))
REF(atan2, atan2(a, b))
static double left_shift(double a, double b) {
  return b < 0 || b > 63 ? 0 : (double)(int64_t)((uint64_t)(int64_t)a << (int)b);
}
static double right_shift(double a, double b) {
  return b < 0 || b > 63 ? (a < 0 ? -1 : 0) : (double)((int64_t)a >> (int)b);
}
REF(bitand, (double)((int64_t)a &(int64_t)b))
REF(bitor, (double)((int64_t)a | (int64_t)b))
REF(bitxor, (double)((int64_t)a ^ (int64_t)b))
REF(bitnot, (double)~(int64_t)a)
REF(shl, left_shift(a, b))
REF(shr, right_shift(a, b))
REF(not, !a)
REF(same, a)
REF(add, a + b)
REF(sub, a - b)
REF(mul, a *b)
REF(div, a / b)
REF(idiv, floor(a / b))
REF(mod, remainder_of(a, b))
REF(pow, pow(a, b))
REF(max, a != a || a > b ? a : b)
REF(min, a != a || a < b ? a : b)
REF(eq, a == b)
REF(ne, a != b)
REF(lt, a < b)
REF(le, a <= b)
REF(and, a &&b)
REF(or, a || b)
REF(where, a ? b : c)

/* takes: n numbers, f floats, i integers, b bools, a all types, w a condition and two of any type */
typedef struct Row {
  const char *name;
  Ref *ref;
  char takes;
} Row;
static const Row rows[] = {
  {"neg", r_neg, 'n'},       {"abs", r_abs, 'n'},
  {"sign", r_sign, 'n'},     {"floor", r_floor, 'n'},
  {"ceil", r_ceil, 'n'},     {"round", r_round, 'n'},
  {"exp", r_exp, 'f'},       {"expm1", r_expm1, 'f'},
  {"log", r_log, 'f'},       {"log1p", r_log1p, 'f'},
  {"sqrt", r_sqrt, 'f'},     {"rsqrt", r_rsqrt, 'f'},
  {"sin", r_sin, 'f'},       {"cos", r_cos, 'f'},
  {"tanh", r_tanh, 'f'},     {"sigmoid", r_sigmoid, 'f'},
  {"erf", r_erf, 'f'},       {"tan", r_tan, 'f'},
  {"asin", r_asin, 'f'},     {"acos", r_acos, 'f'},
  {"atan", r_atan, 'f'},     {"sinh", r_sinh, 'f'},
  {"cosh", r_cosh, 'f'},     {"asinh", r_asinh, 'f'},
  {"acosh", r_acosh, 'f'},   {"atanh", r_atanh, 'f'},
  {"erfc", r_erfc, 'f'},     {"erfinv", r_erfinv, 'f'},
  {"lgamma", r_lgamma, 'f'}, {"digamma", r_digamma, 'f'},
  {"bitand", r_bitand, 'i'}, {"bitor", r_bitor, 'i'},
  {"bitxor", r_bitxor, 'i'}, {"bitnot", r_bitnot, 'i'},
  {"shl", r_shl, 'i'},       {"shr", r_shr, 'i'},
  {"not", r_not, 'b'},       {"stop_gradient", r_same, 'a'},
  {"copy", r_same, 'a'},     {"add", r_add, 'n'},
  {"sub", r_sub, 'n'},       {"mul", r_mul, 'n'},
  {"div", r_div, 'f'},       {"idiv", r_idiv, 'n'},
  {"mod", r_mod, 'n'},       {"pow", r_pow, 'f'},
  {"atan2", r_atan2, 'f'},   {"max", r_max, 'n'},
  {"min", r_min, 'n'},       {"eq", r_eq, 'a'},
  {"ne", r_ne, 'a'},         {"lt", r_lt, 'a'},
  {"le", r_le, 'a'},         {"and", r_and, 'b'},
  {"or", r_or, 'b'},         {"where", r_where, 'w'},
};

typedef struct Shape {
  int rank;
  int64_t dim[MAX_RANK];
} Shape;
/* For each case the operands' shapes, and the result's when all three are broadcast. */
static const Shape shapes[][3] = {
  {{0, {0}}, {0, {0}}, {0, {0}}},
  {{1, {1}}, {1, {1}}, {1, {1}}},
  {{1, {7}}, {1, {7}}, {1, {7}}},
  {{1, {0}}, {1, {1}}, {0, {0}}},
  {{3, {2, 0, 3}}, {1, {3}}, {1, {1}}},
  {{2, {3, 1}}, {2, {1, 5}}, {1, {5}}},
  {{0, {0}}, {2, {2, 3}}, {2, {2, 1}}},
  {{3, {2, 3, 4}}, {2, {3, 1}}, {3, {2, 1, 1}}},
  {{4, {1, 3, 1, 2}}, {4, {2, 1, 4, 1}}, {1, {2}}},
};

static bool takes(char what, DType t) {
  return what == 'a' || what == 'w' || (what == 'n' && t != DT_BOOL) || (what == 'f' && dtype_is_float(t)) ||
         (what == 'i' && t != DT_BOOL && !dtype_is_float(t)) || (what == 'b' && t == DT_BOOL);
}

/* Values of a type that show its edges: signs, zeros, halves, wrap-around. */
static double sample(DType t, uint32_t *state) {
  static const double edge[] = {0, -0.0, 1, -1, 0.5, -0.5, 2.5, 1e30, -1e30, 1e-42, INFINITY, -INFINITY, NAN};
  uint32_t r = next_random(state);
  switch (dtype_info[t].kind) {
  case 'b': return r & 1;
  case 'f': return r % 5 == 0 ? (float)edge[r / 5 % 13] : (double)(float)((int)(r >> 8) % 4001 / 500.0 - 4);
  case 'i': return (double)((int)(r >> 4) % 41 - 20);
  default: return (double)((r >> 4) % 250);
  }
}

/* Element i of the result is element broadcast_index of an operand. */
static int64_t broadcast_index(const Result *y, int64_t i, const Shape *x) {
  int64_t index[MAX_RANK], at = 0;
  for (int a = y->rank - 1; a >= 0; a--) {
    index[a] = i % y->dim[a];
    i /= y->dim[a];
  }
  for (int a = 0; a < x->rank; a++) at = at * x->dim[a] + (x->dim[a] == 1 ? 0 : index[a + y->rank - x->rank]);
  return at;
}

/* The value of an integer in a storage type: its low bits. */
static double wrap(DType t, double x) {
  int64_t n = 0;
  if (dtype_info[t].kind == 'f') return x;
  if (x == x && fabs(x) < 1e15) n = (int64_t)x;
  Val one = {.type = t, .data = &(int64_t){0}};
  val_set_int(&one, 0, n);
  return val_get(&one, 0);
}

/* x as a number of the 16-bit type; the gap between it and the next one. */
static double half_of(DType t, double x) {
  Val one = {.type = t, .count = 1, .data = &(double){0}};
  val_set(&one, 0, x);
  return val_get(&one, 0);
}

static double half_gap(DType t, double x) {
  int e = 0, min_exponent = t == DT_F16 ? -14 : -126;
  frexp(x, &e);
  return ldexp(1, (e - 1 < min_exponent ? min_exponent : e - 1) - (t == DT_F16 ? 10 : 7));
}

static bool close(DType t, double got, double want) {
  if (dtype_is_half(t)) { /* where the exact result is almost the midpoint of two numbers, either is right */
    if (same_bits(got, half_of(t, want)) || got == half_of(t, want)) return true;
    return isfinite(got) && isfinite(want) && fabs(got - want) <= 0.5001 * half_gap(t, want);
  }
  if (t == DT_F32) {
    float w = (float)want;
    if (isinf(w) || isnan(w) || want == 0) return isnan(w) ? isnan(got) : got == w;
    return fabs(got - want) <= 2 * fmax(fabs(want) * 0x1p-23, 0x1p-149);
  }
  return same_bits(got, want) || got == want || fabs(got - want) <= 4e-15 * fabs(want);
}

static void check_row(Suite *s, const Row *row, DType t, const Shape *shape, bool f64) {
  Op op = (Op)op_find(row->name);
  int arity = op_info[op].arity;
  Graph *g = fresh(s);
  static const char *const names[] = {"a", "b", "c"};
  double *data[3] = {0};
  uint32_t state = 12345;
  Id in[3];
  for (int i = 0; i < arity; i++) {
    DType own = row->takes == 'w' && i == 0 ? DT_BOOL : t;
    in[i] = port(g, names[i], own, shape[i].rank, shape[i].dim);
    int64_t count = 1;
    for (int k = 0; k < shape[i].rank; k++) count *= shape[i].dim[k];
    data[i] = ctx_alloc(s->c, (size_t)(count + 1) * sizeof **data);
    for (int64_t k = 0; k < count; k++) {
      double x = sample(own, &state);
      data[i][k] = dtype_is_half(own) ? half_of(own, x) : x;
    }
  }
  graph_result(g, "y", graph_node(g, op, in, arity, 0, 0), 0);
  const Result *y = run_graph(s, g, f64, (const double *const *)data);
  if (!y) return;
  int64_t wrong = 0;
  DType kind = op_info[op].flags & OPF_BOOL_RESULT ? DT_BOOL : f64 && t == DT_F32 ? DT_F64 : t;
  DType storage = dtype_computed(kind);
  for (int64_t i = 0; i < y->count; i++) {
    double v[3] = {0};
    for (int k = 0; k < arity; k++) v[k] = data[k][broadcast_index(y, i, &shape[k])];
    bool divides = op == OP_idiv || op == OP_mod; /* exact for quotients below 2^23 only */
    if (divides && dtype_is_float(t) && !(fabs(v[0] / v[1]) < 8e6 && fabs(v[1]) < INFINITY)) continue;
    bool by_zero = !dtype_is_float(t) && v[1] == 0 && divides;
    double want = by_zero ? 0 : wrap(kind, row->ref(v[0], v[1], v[2]));
    wrong += !close(kind, y->v[i], want);
  }
  check(s, !wrong && y->type == storage, "%s %s%s: %lld of %lld elements wrong (%s)", row->name, dtype_info[t].name,
        f64 ? " in double" : "", (long long)wrong, (long long)y->count, shape_text(s, y->rank, y->dim));
}

/* cast: every pair of types, at the edges. */
static void check_casts(Suite *s) {
  static const double v[] = {0,    1,    -1,       2.5,      -2.5,         127,           128,          255,
                             256,  -129, 65535.5,  70000,    2147483648.0, -2147483649.0, 4294967295.0, 5e9,
                             1e30, NAN,  INFINITY, -INFINITY};
  enum { N = sizeof v / sizeof *v };
  for (int from = 0; from < DT_COUNT; from++)
    for (int to = 0; to < DT_COUNT; to++) {
      Graph *g = fresh(s);
      Id x = port(g, "x", (DType)from, 1, &(int64_t){N});
      graph_result(g, "y", graph_node(g, OP_cast, &x, 1, attr_make(g->m, OP_cast, &(AttrVal){.i = to}), 0), 0);
      const Result *y = run_graph(s, g, false, (const double *const[]){v});
      int wrong = 0;
      for (int i = 0; y && i < N; i++) {
        const DTypeInfo *d = &dtype_info[to];
        double lo = d->kind == 'i' ? -ldexp(1, 8 * d->bytes - 1) : 0;
        double hi = ldexp(1, 8 * d->bytes - (d->kind == 'i')) - 1;
        Val tmp = {.type = (DType)from, .data = &(double){0}};
        val_set(&tmp, 0, v[i]); /* the port's value: v as `from` */
        double x0 = val_get(&tmp, 0), want = x0;
        if (d->kind == 'b') want = x0 != 0;
        else if (to == DT_F32) want = (float)x0;
        else if (dtype_is_half(to)) want = half_of((DType)to, (float)x0);
        else if (d->kind != 'f') want = isnan(x0) ? 0 : fmin(fmax(trunc(x0), lo), hi);
        wrong += !same_bits(y->v[i] + 0.0, want + 0.0);
      }
      check(s, y && !wrong, "cast %s to %s: %d wrong", dtype_info[from].name, dtype_info[to].name, wrong);
    }
}

void test_elem(Suite *s) {
  for (int op = 1; op < OP_COUNT; op++) {
    const Row *row = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
      if (!strcmp(rows[i].name, op_info[op].name)) row = &rows[i];
    if (op_info[op].cls != CL_ELEM || op == OP_cast) continue;
    check(s, row != NULL, "no reference for `%s`", op_info[op].name);
    for (int t = 0; row && t < DT_COUNT; t++) {
      if (!takes(row->takes, (DType)t)) continue;
      for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        check_row(s, row, (DType)t, shapes[k], false);
        if (t == DT_F32) check_row(s, row, (DType)t, shapes[k], true);
      }
    }
  }
  check_casts(s);
}
