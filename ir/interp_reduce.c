/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of reductions in their strict order: over the row-major index of the reduced axes in chunks of 1024;
 * within a chunk 16 lanes (element i of the chunk to lane i mod 16, then lane i takes lane i + 8, + 4, + 2, + 1) where
 * the input's last axis is reduced, else one; the chunks' results are combined in order, starting with the first.
 * Every lane starts from +0 (the smallest value for max, the largest for min), also one that gets no element.
 *
 * All types compute in double and round to their own after every step: a sum of two f32 rounded to double and then to
 * f32 is their f32 sum (53 >= 2 * 24 + 2 bits), and integers of 32 bits are exact in double. */
#include "interp.h"
#include <math.h>
#include <string.h>

enum { CHUNK = 1024, LANES = 16 };

/* x as an element of the type that `cell` (one element) stores: f32 rounded, integers wrapped. */
static double settle(Val *cell, double x) {
  if (cell->type == DT_F64) return x;
  if (cell->type == DT_F32) return (float)x;
  val_set_int(cell, 0, (int64_t)x);
  return val_get(cell, 0);
}

typedef struct Reduction {
  Op op; /* whose body combines two values */
  double start;
  bool lanes; /* the last axis is reduced */
  Val *cell;
  int64_t count;         /* elements per result */
  const int64_t *offset; /* of each of them from the first, in x */
} Reduction;

static double combine(const Reduction *r, double a, double b) { return settle(r->cell, body_f64(r->op, a, b, 0)); }

static double reduce_chunk(const Reduction *r, const Val *x, const int64_t *offset, int64_t n, int64_t base) {
  int lanes = r->lanes ? LANES : 1;
  double lane[LANES];
  for (int i = 0; i < lanes; i++) lane[i] = r->start;
  for (int64_t i = 0; i < n; i++) {
    double *l = &lane[i % lanes];
    *l = combine(r, *l, val_get(x, base + offset[i]));
  }
  for (int half = lanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) lane[i] = combine(r, lane[i], lane[i + half]);
  return lane[0];
}

static double reduce_one(const Reduction *r, const Val *x, int64_t base) {
  double total = r->start;
  for (int64_t i = 0; i < r->count; i += CHUNK) {
    double chunk = reduce_chunk(r, x, r->offset + i, r->count - i < CHUNK ? r->count - i : CHUNK, base);
    total = i ? combine(r, total, chunk) : chunk;
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
static double start_of(Op op, DType t) {
  const DTypeInfo *d = &dtype_info[t];
  bool lowest = op_info[op].flags & OPF_INIT_LOWEST, highest = op_info[op].flags & OPF_INIT_HIGHEST;
  if (!lowest && !highest) return 0;
  if (d->kind == 'f') return lowest ? -INFINITY : INFINITY;
  int bits = 8 * d->bytes - (d->kind == 'i');
  return highest ? ldexp(1, bits) - 1 : d->kind == 'i' ? -ldexp(1, bits) : 0;
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
  for (int64_t i = 0; i < results; i++) val_set(y, i, reduce_one(&r, x, base[i]));
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
    double best = start_of(op, x->type);
    int64_t at = 0;
    for (int64_t k = 0; k < count; k++) {
      double v = val_get(x, base[i] + offset[k]);
      if (body_f64(op, best, v, 0) != 0) best = v, at = k;
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
    double total = 0;
    for (int64_t k = 0; k < length; k++) {
      int64_t at = base[i] + (reverse ? length - 1 - k : k) * stride[axis];
      total = settle(cell, total + val_get(x, at));
      val_set(y, at, total);
    }
  }
  val_release(held);
  val_release(cell);
}
