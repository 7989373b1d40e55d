// SPDX-License-Identifier: Apache-2.0
/* Normalisation. */
#include "import/import.h"
#include "import/template.h"
#include <string.h>

/* A vector along axis 1 of a tensor of that rank. */
const char *op_channels(Oper *o, int i, int rank) {
  Str b = {.c = o->m->c};
  str_puts(&b, op_x(o, i));
  if (op_shape(o, i)->rank != 1) op_refuse(o, E_ONNX_NODE, "operand %d is no vector", i + 1);
  for (int k = 2; k < rank; k++) str_puts(&b, k == 2 ? "[:, none" : ", none");
  if (rank > 2) str_puts(&b, "]");
  return b.s;
}

static const char *axes_but(Oper *o, int rank, unsigned kept) {
  Str b = {.c = o->m->c};
  for (int i = 0; i < rank; i++)
    if (!(kept >> i & 1)) str_printf(&b, "%s%d", b.n ? ", " : "", i);
  return op_str(o, "[%s]", b.s ? b.s : "");
}

static const char *squeezed(Oper *o, const char *x, int rank) {
  return op_str(o, "squeeze(%s, %s)", x, axes_but(o, rank, 2));
}

/* The same, of operands that differ in type as f32. */
static const char *wide_channels(Oper *o, int i, const Shape *s, bool mixed) {
  const char *x = op_channels(o, i, s->rank);
  return mixed && op_shape(o, i)->type != ONNX_FLOAT ? op_str(o, "f32(%s)", x) : x;
}

/* In training: by the batch's mean and biased variance, and their running averages. */
void op_batchnorm(Oper *o) {
  Shape s = *op_shape(o, 0), v = *op_shape(o, 1);
  double eps = op_float(o, "epsilon", 1e-5), keep = op_float(o, "momentum", 0.9);
  if (!op_float_type(o, 0)) return;
  if (o->nin < 5 || v.rank != 1) return op_refuse(o, E_ONNX_NODE, "it takes five operands");
  bool mixed = false;
  for (int i = 1; i < 5; i++) mixed |= op_shape(o, i)->type != s.type;
  const char *mean = wide_channels(o, 3, &s, mixed), *var = wide_channels(o, 4, &s, mixed), *x = op_x(o, 0);
  if (mixed) x = op_let(o, "wide", "f32(%s)", x);
  if (op_int(o, "training_mode", 0)) {
    const char *axes = axes_but(o, s.rank, 2);
    mean = op_let(o, "mean", "mean(%s, axes = %s, keep = true)", x, axes);
    var = op_let(o, "variance", "var(%s, axes = %s, keep = true)", x, axes);
    op_give(o, 1, v, "%s * %s + %s * %s", op_x(o, 3), op_num(o, keep), squeezed(o, mean, s.rank),
            op_num(o, 1 - (float)keep));
    op_give(o, 2, v, "%s * %s + %s * %s", op_x(o, 4), op_num(o, keep), squeezed(o, var, s.rank),
            op_num(o, 1 - (float)keep));
  } else if (has_out(o, 1)) {
    return op_refuse(o, E_ONNX_NODE, "results of training, out of training mode");
  }
  const char *y = op_str(o, "(%s - %s) / sqrt(%s + %s) * %s + %s", x, mean, var, op_num(o, eps),
                         wide_channels(o, 1, &s, mixed), wide_channels(o, 2, &s, mixed));
  op_give(o, 0, s, mixed ? "%s(%s)" : "%s%s", mixed ? type_name(s.type) : "", y);
}

/* (x - mean) / sqrt(variance + eps) over axes. With places for them, mean and scale are results too. */
static const char *normalised(Oper *o, const char *x, const char *axes, double eps, const char **mean,
                              const char **scale) {
  if (!mean) return op_str(o, "onnx_normalized(%s, axes = %s, eps = %s)", x, axes, op_num(o, eps));
  *mean = op_let(o, "mean", "mean(%s, axes = %s, keep = true)", x, axes);
  const char *d = op_let(o, "centred", "%s - %s", x, *mean);
  *scale = op_let(o, "scale", "1.0 / sqrt(mean(%s * %s, axes = %s, keep = true) + %s)", d, d, axes, op_num(o, eps));
  return op_str(o, "%s * %s", d, *scale);
}

void op_instancenorm(Oper *o) {
  Shape s = *op_shape(o, 0);
  if (s.rank < 3 || !op_float_type(o, 0)) return op_refuse(o, E_ONNX_NODE, "without spatial axes");
  const char *y = normalised(o, op_x(o, 0), axes_but(o, s.rank, 3), op_float(o, "epsilon", 1e-5), NULL, NULL);
  op_give(o, 0, s, "%s * %s + %s", y, op_channels(o, 1, s.rank), op_channels(o, 2, s.rank));
}

static bool is_half(const Oper *o, int i) { return dtype_is_half(onnx_type(o->in[i]->s.type)->dtype); }

void op_layernorm(Oper *o) {
  Shape s = *op_shape(o, 0), m = s;
  int axis = op_axis(o, "axis", -1, s.rank);
  const char *mean = NULL, *scale = NULL;
  if (axis < 0 || !op_float_type(o, 0)) return;
  for (int i = axis; i < s.rank; i++) m.dim[i] = 1;
  const char *x = op_x(o, 0), *type = type_name(s.type);
  bool wide = is_half(o, 0) && op_int(o, "stash_type", 1) == 1;
  if (wide) x = op_let(o, "wide", "f32(%s)", x);
  bool more = has_out(o, 1) || has_out(o, 2);
  const char *axes = axis == s.rank - 1 ? "[-1]" : axes_but(o, s.rank, (1u << axis) - 1);
  const char *y = normalised(o, x, axes, op_float(o, "epsilon", 1e-5), more ? &mean : NULL, &scale);
  if (wide) y = op_str(o, "%s(%s)", type, y);
  if (has_in(o, 2)) op_give(o, 0, s, "%s * %s + %s", y, op_x(o, 1), op_x(o, 2));
  else op_give(o, 0, s, "%s * %s", y, op_x(o, 1));
  if (is_half(o, 0)) m.type = wide ? ONNX_FLOAT : s.type;
  if (!more) return;
  op_give(o, 1, m, "%s", mean);
  op_give(o, 2, m, "%s", scale);
}

void op_rmsnorm(Oper *o) {
  Shape s = *op_shape(o, 0);
  int axis = op_axis(o, "axis", -1, s.rank);
  if (axis < 0 || !op_float_type(o, 0)) return;
  const char *x = op_x(o, 0), *axes = axes_but(o, s.rank, (1u << axis) - 1);
  bool wide = is_half(o, 0) && op_int(o, "stash_type", 1) == 1;
  if (wide) x = op_let(o, "wide", "f32(%s)", x);
  const char *y = op_str(o, "%s / sqrt(mean(%s * %s, axes = %s, keep = true) + %s)", x, x, x, axes,
                         op_num(o, op_float(o, "epsilon", 1e-5)));
  if (wide) y = op_str(o, "%s(%s)", type_name(s.type), y);
  s.type = op_shape(o, 1)->type;
  if (s.type != op_shape(o, 0)->type) y = op_str(o, "%s(%s)", type_name(s.type), y);
  op_give(o, 0, s, "%s * %s", y, op_x(o, 1));
}

/* Scale and bias are of channels since version 21, of groups before. */
void op_groupnorm(Oper *o) {
  Shape s = *op_shape(o, 0);
  int64_t groups = op_int(o, "num_groups", 0), d[3] = {0};
  const char *list;
  if (s.rank < 3 || groups < 1 || s.dim[1] % groups)
    return op_refuse(o, E_ONNX_NODE, "groups do not divide the channels");
  d[0] = s.dim[0];
  d[1] = groups;
  d[2] = s.dim[0] > 0 ? shape_count(&s) / (s.dim[0] * groups) : 0;
  bool wide = is_half(o, 0) && op_int(o, "stash_type", 1) == 1;
  const char *x =
    op_let(o, "grouped", wide ? "f32(reshape(%s, %s))" : "reshape(%s, %s)", op_x(o, 0), shape_list(o->m->c, d, 3));
  const char *y = normalised(o, x, "[2]", op_float(o, "epsilon", 1e-5), NULL, NULL);
  if (wide) y = op_str(o, "%s(%s)", type_name(s.type), y);
  list = shape_list(o->m->c, s.dim, s.rank);
  if (op_shape(o, 1)->dim[0] != s.dim[1]) {
    return op_give(o, 0, s, "reshape((%s) * reshape(%s, [%lld, 1]) + reshape(%s, [%lld, 1]), %s)", y, op_x(o, 1),
                   (long long)groups, op_x(o, 2), (long long)groups, list);
  }
  op_give(o, 0, s, "reshape(%s, %s) * %s + %s", y, list, op_channels(o, 1, s.rank), op_channels(o, 2, s.rank));
}

void op_lrn(Oper *o) {
  Shape s = *op_shape(o, 0);
  int64_t size = op_int(o, "size", 1);
  if (s.rank < 2 || size < 1 || !op_float_type(o, 0)) return op_refuse(o, E_ONNX_NODE, "without channels");
  const char *x = op_x(o, 0);
  const char *sum =
    op_let(o, "squares", "sum(unfold(pad_with(%s * %s, [1], [%lld], [%lld], 0), [1], [%lld]), axes = [-1])", x, x,
           (long long)(size - 1) / 2, (long long)size / 2, (long long)size);
  op_give(o, 0, s, "%s / (%s + %s / %lld * %s) ** %s", x, op_num(o, op_float(o, "bias", 1)),
          op_num(o, op_float(o, "alpha", 1e-4)), (long long)size, sum, op_num(o, op_float(o, "beta", 0.75)));
}

void op_lpnorm(Oper *o) {
  Shape s = *op_shape(o, 0);
  int axis = op_axis(o, "axis", -1, s.rank);
  const char *x = op_x(o, 0);
  if (axis < 0 || !op_float_type(o, 0)) return;
  const char *n = op_int(o, "p", 2) == 1
                    ? op_let(o, "norm", "sum(abs(%s), axes = [%d], keep = true)", x, axis)
                    : op_let(o, "norm", "sqrt(sum(%s * %s, axes = [%d], keep = true))", x, x, axis);
  op_give(o, 0, s, "%s / where(%s == 0, 1, %s)", x, n, n);
}

void op_mvn(Oper *o) {
  Shape s = *op_shape(o, 0);
  int n;
  unsigned kept = ~(1u << 0 | 1u << 2 | 1u << 3);
  const int64_t *axes = op_ints(o, "axes", &n);
  if (axes) kept = ~0u;
  for (int i = 0; axes && i < n; i++) kept &= ~(1u << ((axes[i] + s.rank) % s.rank));
  const char *x = op_x(o, 0), *a = axes_but(o, s.rank, kept);
  op_give(o, 0, s, "(%s - mean(%s, axes = %s, keep = true)) / (std(%s, axes = %s, keep = true) + 1e-9)", x, x, a, x, a);
}
