/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of reductions in their strict order: over the row-major index of the reduced axes in chunks of 1024;
 * within a chunk 16 lanes (element i of the chunk to lane i mod 16, then lane i takes lane i + 8, + 4, + 2, + 1) where
 * the input's last axis is reduced, else one; the chunks' results are combined in order, starting with the first.
 * Every lane starts from +0 (the smallest value for max, the largest for min), also one that gets no element.
 *
 * Floats compute in double and round to their own type after every step: a sum of two f32 rounded to double and then to
 * f32 is their f32 sum (53 >= 2 * 24 + 2 bits). Integers compute in 64 bits and wrap to their own type. */
#include "interp.h"
#include <math.h>
#include <string.h>

enum { CHUNK = 1024, LANES = 16 };

/* A float, or an integer of any type. */
typedef union Num {
  double f;
  int64_t i;
} Num;

static Num num_get(const Val *v, int64_t i) {
  return dtype_is_float(v->type) ? (Num){.f = val_get(v, i)} : (Num){.i = val_int(v, i)};
}

static void num_set(Val *v, int64_t i, Num x) {
  if (dtype_is_float(v->type)) val_set(v, i, x.f);
  else val_set_int(v, i, x.i);
}

/* The op's body on two numbers, as an element of the type that `cell` stores (one element): f32 rounded, integers
 * wrapped. */
static Num combine(Op op, Val *cell, Num a, Num b) {
  if (dtype_is_float(cell->type)) {
    double y = body_f64(op, a.f, b.f, 0);
    return (Num){.f = cell->type == DT_F64 ? y : (float)y};
  }
  val_set_int(cell, 0, body_i64(op, a.i, b.i, 0));
  return (Num){.i = val_int(cell, 0)};
}

static bool prefers(Op op, DType t, Num a, Num b) {
  return dtype_is_float(t) ? body_f64(op, a.f, b.f, 0) != 0 : body_i64(op, a.i, b.i, 0) != 0;
}

typedef struct Reduction {
  Op op; /* whose body combines two values */
  Num start;
  bool lanes; /* the last axis is reduced */
  Val *cell;
  int64_t count;         /* elements per result */
  const int64_t *offset; /* of each of them from the first, in x */
} Reduction;

static Num reduce_chunk(const Reduction *r, const Val *x, const int64_t *offset, int64_t n, int64_t base) {
  int lanes = r->lanes ? LANES : 1;
  Num lane[LANES];
  for (int i = 0; i < lanes; i++) lane[i] = r->start;
  for (int64_t i = 0; i < n; i++) {
    Num *l = &lane[i % lanes];
    *l = combine(r->op, r->cell, *l, num_get(x, base + offset[i]));
  }
  for (int half = lanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) lane[i] = combine(r->op, r->cell, lane[i], lane[i + half]);
  return lane[0];
}

static Num reduce_one(const Reduction *r, const Val *x, int64_t base) {
  Num total = r->start;
  for (int64_t i = 0; i < r->count; i += CHUNK) {
    Num chunk = reduce_chunk(r, x, r->offset + i, r->count - i < CHUNK ? r->count - i : CHUNK, base);
    total = i ? combine(r->op, r->cell, total, chunk) : chunk;
  }
  return total;
}

/* Offsets in x of all points of the axes that are in (or not in) `axes`, row-major. */
static int64_t *offsets_of(Eval *e, const Val *x, const AttrVal *axes, bool reduced, int64_t *count, Val **holder) {
  bool in_axes[MAX_RANK] = {0};
  int64_t dim[MAX_RANK], stride[MAX_RANK], own[MAX_RANK];
  int rank = 0;
  val_strides(x, own);
  for (int i = 0; i < axes->n; i++) in_axes[axes->v[i]] = true;
  *count = 1;
  for (int i = 0; i < x->rank; i++)
    if (in_axes[i] == reduced) {
      dim[rank] = x->dim[i];
      stride[rank++] = own[i];
      *count *= x->dim[i];
    }
  int64_t *offset = eval_scratch(e, (size_t)*count * sizeof *offset, holder), k = 0;
  Walk w;
  walk_init(&w, rank, dim);
  walk_add(&w, 0, stride);
  for (bool more = walk_begin(&w); more; more = walk_next(&w))
    for (int64_t i = 0; i < w.len; i++) offset[k++] = w.at[0] + i * w.step[0];
  return offset;
}

/* What a reduction of that type starts from. */
static Num start_of(Op op, DType t) {
  bool lowest = op_info[op].flags & OPF_INIT_LOWEST, highest = op_info[op].flags & OPF_INIT_HIGHEST;
  if (dtype_is_float(t)) return (Num){.f = lowest ? -INFINITY : highest ? INFINITY : 0};
  return (Num){.i = lowest ? dtype_lowest(t) : highest ? dtype_highest(t) : 0};
}

static bool last_axis_reduced(const Val *x, const AttrVal *axes) {
  for (int i = 0; i < axes->n; i++)
    if (axes->v[i] == x->rank - 1) return true;
  return false;
}

void eval_reduce(Eval *e, Id n) {
  const Val *x = eval_in(e, n, 0);
  const AttrVal *axes = node_attr(e->g, n, ATTR(sum, axes));
  Op op = (Op)node_get(e->g, n)->op;
  Val *y = eval_out(e, n), *held[3];
  int64_t results;
  Reduction r = {.op = op,
                 .start = start_of(op, x->type),
                 .lanes = last_axis_reduced(x, axes),
                 .cell = held[2] = eval_new_shape(e, x->type, 0, NULL)};
  r.offset = offsets_of(e, x, axes, true, &r.count, &held[0]);
  const int64_t *base = offsets_of(e, x, axes, false, &results, &held[1]);
  for (int64_t i = 0; i < results; i++) num_set(y, i, reduce_one(&r, x, base[i]));
  for (int i = 0; i < 3; i++) val_release(held[i]);
}

/* The first of the elements that the body prefers to all others: of NaN, where there is one. */
void eval_argmax(Eval *e, Id n) {
  const Val *x = eval_in(e, n, 0);
  const AttrVal *axes = node_attr(e->g, n, ATTR(sum, axes));
  Op op = (Op)node_get(e->g, n)->op;
  Val *y = eval_out(e, n), *held[2];
  int64_t count, results;
  const int64_t *offset = offsets_of(e, x, axes, true, &count, &held[0]);
  const int64_t *base = offsets_of(e, x, axes, false, &results, &held[1]);
  for (int64_t i = 0; i < results; i++) {
    Num best = start_of(op, x->type);
    int64_t at = 0;
    for (int64_t k = 0; k < count; k++) {
      Num v = num_get(x, base[i] + offset[k]);
      if (prefers(op, x->type, best, v)) best = v, at = k;
    }
    val_set_int(y, i, at);
  }
  val_release(held[0]);
  val_release(held[1]);
}

/* Sequential from +0 along the axis, or from its end. */
void eval_cumsum(Eval *e, Id n) {
  const Val *x = eval_in(e, n, 0);
  int axis = (int)node_attr(e->g, n, ATTR(cumsum, axis))->i;
  bool reverse = node_attr(e->g, n, ATTR(cumsum, reverse))->i != 0;
  Val *y = eval_out(e, n), *held, *cell = eval_new_shape(e, x->type, 0, NULL);
  int64_t stride[MAX_RANK], results, length = x->dim[axis];
  val_strides(x, stride);
  const int64_t *base = offsets_of(e, x, &(AttrVal){.v = &(int64_t){axis}, .n = 1}, false, &results, &held);
  for (int64_t i = 0; length && i < results; i++) {
    Num total = start_of(OP_cumsum, x->type);
    for (int64_t k = 0; k < length; k++) {
      int64_t at = base[i] + (reverse ? length - 1 - k : k) * stride[axis];
      total = combine(OP_sum, cell, total, num_get(x, at));
      num_set(y, at, total);
    }
  }
  val_release(held);
  val_release(cell);
}
