/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on reductions, contractions and scatter. */
#include "passes/simplify/rewrite.h"
#include "passes/costs.h"
#include "ir/contract.h"
#include <math.h>
#include <string.h>

/* The reduction is over axes of size 1 only: each result has one term. */
static bool over_units(const Builder *b, Id n) {
  const AttrVal *axes = node_attr(b->g, n, ATTR(sum, axes));
  const Type *x = node_type(b->g, rw_in(b, n, 0));
  for (int i = 0; i < axes->n; i++)
    if (x->dim[axes->v[i]] != 1) return false;
  return true;
}

static Id as_reshape(const Builder *b, Id n) {
  return b_reshape(b, rw_in(b, n, 0), node_type(b->g, n)->rank, node_type(b->g, n)->dim);
}
static Id reduce_units(const Builder *b, Id n) { return over_units(b, n) ? as_reshape(b, n) : 0; }
static Id argmax_units(const Builder *b, Id n) { return over_units(b, n) ? b_full(b, node_get(b->g, n)->type, 0) : 0; }

/* A sum starts from +0, which turns -0 into +0. */
static Id sum_units(const Builder *b, Id n) {
  if (!over_units(b, n)) return 0;
  Id x = as_reshape(b, n);
  return rw_float(b, n) ? b_op2(b, OP_add, x, b_like(b, x, 0)) : x;
}

/* The sum of n equal elements is n times one of them (one rounding instead of many). Not for n = 0 or unknown: the
 * empty sum is 0, but 0 times infinity is not. */
static Id sum_of_broadcast(const Builder *b, Id n) {
  Id y = rw_in(b, n, 0);
  if (!rw_is(b, y, OP_broadcast) || dtype_is_half(node_type(b->g, n)->dtype)) return 0;
  Id x = rw_in(b, y, 0);
  const Type *wide = node_type(b->g, y), *narrow = node_type(b->g, x), *t = node_type(b->g, n);
  const AttrVal *axes = node_attr(b->g, n, ATTR(sum, axes));
  bool reduced[MAX_RANK] = {false}, keep = node_attr(b->g, n, ATTR(sum, keep))->i;
  Dim count = 1, dim[MAX_RANK];
  int rank = 0;
  for (int i = 0; i < axes->n; i++) reduced[axes->v[i]] = true;
  for (int a = 0; a < wide->rank; a++) {
    int own = a - (wide->rank - narrow->rank);
    Dim d = own < 0 ? 1 : narrow->dim[own];
    if (reduced[a] && d != 1) return 0;
    if (reduced[a]) count = dim_mul(b->g->m, count, wide->dim[a]);
    if (!reduced[a] || keep) dim[rank++] = d;
  }
  if (!dim_is_const(count) || !count) return 0;
  Id one = b_broadcast(b, b_reshape(b, x, rank, dim), t->rank, t->dim);
  return b_op2(b, OP_mul, one, b_const(b, (DType)t->dtype, (double)count));
}

/* x, broadcast to n's operand, is constant along the axes of the sum n. */
static bool is_same_along(const Builder *b, Id n, Id x) {
  const AttrVal *axes = node_attr(b->g, n, ATTR(sum, axes));
  const Type *t = node_type(b->g, x);
  int lead = node_type(b->g, rw_in(b, n, 0))->rank - t->rank;
  for (int i = 0; i < axes->n; i++)
    if (axes->v[i] >= lead && t->dim[axes->v[i] - lead] != 1) return false;
  return true;
}

/* The sum of x over n's axes, which are kept; and such a value in the shape of n. */
static Id sum_kept(const Builder *b, Id n, Id x) {
  const AttrVal *axes = node_attr(b->g, n, ATTR(sum, axes));
  return b_sum(b, x, axes->n, axes->v, true);
}
static Id as_result(const Builder *b, Id n, Id x) {
  return b_reshape(b, x, node_type(b->g, n)->rank, node_type(b->g, n)->dim);
}

static Id sum_of_neg(const Builder *b, Id n) {
  Id x = rw_in(b, n, 0);
  return rw_is(b, x, OP_neg) && rw_wide(b, n) ? as_result(b, n, b_op1(b, OP_neg, sum_kept(b, n, rw_in(b, x, 0)))) : 0;
}

/* m is the mean of x over n's axes, which are kept: the sum times or divided by a number. */
static bool is_mean(const Builder *b, Id n, Id m, Id x) {
  bool times = rw_is(b, m, OP_mul);
  double c, count;
  if (!times && !rw_is(b, m, OP_div)) return false;
  Id s = rw_in(b, m, 0);
  const AttrVal *axes = node_attr(b->g, n, ATTR(sum, axes)), *own = node_attr(b->g, s, ATTR(sum, axes));
  if (!rw_is(b, s, OP_sum) || rw_in(b, s, 0) != x || !node_is_splat(b->g, rw_in(b, m, 1), &c)) return false;
  if (node_type(b->g, s)->rank != node_type(b->g, x)->rank || own->n != axes->n) return false;
  if (memcmp(own->v, axes->v, (size_t)axes->n * sizeof *axes->v)) return false;
  Dim d = 1;
  for (int i = 0; i < axes->n; i++) d = dim_mul(b->g->m, d, node_type(b->g, x)->dim[axes->v[i]]);
  count = (double)d;
  return dim_is_const(d) && fabs((times ? c * count : c / count) - 1) < 1e-6;
}

/* x of x * c, c * x, x / c, x + x or -x, where c is constant along the axes of the sum n; 0: p is none of these. */
static Id unscaled(const Builder *b, Id n, Id p) {
  if (rw_is(b, p, OP_neg)) return rw_in(b, p, 0);
  if (rw_is(b, p, OP_add)) return rw_in(b, p, 0) == rw_in(b, p, 1) ? rw_in(b, p, 0) : 0;
  if (!rw_is(b, p, OP_mul) && !rw_is(b, p, OP_div)) return 0;
  if (is_same_along(b, n, rw_in(b, p, 1))) return rw_in(b, p, 0);
  return rw_is(b, p, OP_mul) && is_same_along(b, n, rw_in(b, p, 0)) ? rw_in(b, p, 1) : 0;
}

/* Occurs in the gradient of batch norm, where it saves a walk over the batch. */
static Id sum_of_deviations(const Builder *b, Id n) {
  if (!rw_wide(b, n)) return 0;
  Id d = rw_in(b, n, 0);
  for (Id x; (x = unscaled(b, n, d)) && type_same_dims(node_type(b->g, x), node_type(b->g, d));) d = x;
  bool fits = rw_is(b, d, OP_sub) && is_mean(b, n, rw_in(b, d, 1), rw_in(b, d, 0));
  return fits ? b_full(b, node_get(b->g, n)->type, 0) : 0;
}

/* Occurs in the gradients of norms: the sum of the other factor is that of a bias as well, and is computed once. */
static Id sum_of_scaled(const Builder *b, Id n) {
  Id p = rw_in(b, n, 0), x = rw_is(b, p, OP_mul) && rw_wide(b, n) ? unscaled(b, n, p) : 0;
  if (!x || !type_same_dims(node_type(b->g, x), node_type(b->g, p))) return 0;
  Id scale = rw_in(b, p, rw_in(b, p, 0) == x);
  double number;
  if (node_is_splat(b->g, scale, &number)) return 0;
  return as_result(b, n, b_op2(b, OP_mul, sum_kept(b, n, x), scale));
}

/* ---- contractions ---- */

/* Labels of operand k (0, 1) of a spec "A,B->C": start and length. */
static const char *labels(const char *spec, int k, int *len) {
  const char *comma = strchr(spec, ','), *arrow = strstr(spec, "->");
  *len = (int)(k ? arrow - comma - 1 : comma - spec);
  return k ? comma + 1 : spec;
}

static bool is_contracted(const char *spec, char label) { return !strchr(strstr(spec, "->"), label); }

/* Permutes the labels of a transposed operand instead. The order of summation is that of the contracted labels in the
 * left operand, so these must keep their order. */
static Id contract_of_transpose(const Builder *b, Id n) {
  const char *spec = node_attr(b->g, n, ATTR(contract, spec))->s;
  for (int k = 0; k < 2; k++) {
    int len;
    const char *old = labels(spec, k, &len);
    char *to = ctx_strf(b->g->m->c, "%s", spec), *own = to + (old - spec);
    Id in[2] = {rw_in(b, n, 0), rw_in(b, n, 1)}, x = contract_operand(b->g, in[k], own);
    if (x == in[k]) continue;
    bool same = true;
    for (int i = 0, j = 0; k == 0 && same; i++, j++) {
      while (i < len && !is_contracted(spec, old[i])) i++;
      while (j < len && !is_contracted(spec, own[j])) j++;
      if (i >= len || j >= len) break;
      same = old[i] == own[j];
    }
    if (!same) continue;
    in[k] = x;
    return b_contract(b, in[0], in[1], to);
  }
  return 0;
}

/* ---- scatter ---- */

/* Scatters a few rows into many (an embedding's gradient, into its vocabulary) as a gather: rows of equal index are
 * summed into the first of them, one row lower, so that row 0 stays zero; the result gathers these sums. As a gather it
 * can be fused into an element-wise reader, the update of the weight, and takes no memory. To find equal indices takes
 * rows * rows comparisons, which must be fewer than the elements that are no longer stored. */
static Id scatter_of_few(const Builder *b, Id n) {
  const Type *t = node_type(b->g, n), *index = node_type(b->g, rw_in(b, n, 0)), *upd = node_type(b->g, rw_in(b, n, 1));
  Dim rows = 1, many, wide = 1, dim[MAX_RANK];
  if (node_attr(b->g, n, ATTR(scatter_add, axis))->i != 0 || t->rank < 2) return 0;
  for (int i = 0; i < index->rank; i++) rows = dim_mul(b->g->m, rows, index->dim[i]);
  for (int i = 1; i < t->rank; i++) wide = dim_mul(b->g->m, wide, t->dim[i]);
  many = t->dim[0];
  if (!dim_is_const(rows) || !dim_is_const(wide) || !dim_is_const(many)) return 0;
  if (rows < 1 || wide < MIN_SCATTER_WIDTH || many / FEW_ROWS < rows || rows > many * wide / rows) return 0;
  DType type = (DType)upd->dtype;
  Dim one[1] = {rows}, square[2] = {rows, rows};
  memcpy(dim, t->dim, (size_t)t->rank * sizeof *dim); /* a type has just its rank of dims */
  dim[0] = rows;
  Id at = b_reshape(b, b_within(b, rw_in(b, n, 0), many), 1, one);
  Id down = b_broadcast(b, b_reshape(b, at, 2, (Dim[]){rows, 1}), 2, square);
  Id same = b_op2(b, OP_eq, down, b_broadcast(b, at, 2, square));
  Id first = b_reduce(b, OP_argmax, b_cast(b, same, DT_I32), 1, (int64_t[]){1}, false);
  Id own = b_iota(b, DT_I32, 1, one, 0), row = b_add(b, own, b_const(b, DT_I32, 1));
  Id values = b_reshape(b, rw_in(b, n, 1), t->rank, dim);
  dim[0] = rows + 1;
  Id sums = b_scatter_add(b, b_add(b, first, b_const(b, DT_I32, 1)), values, t->rank, dim, 0);
  Id mark = b_op3(b, OP_where, b_op2(b, OP_eq, first, own), b_cast(b, row, type), b_const(b, type, 0));
  return b_gather(b, sums, b_cast(b, b_scatter_add(b, at, mark, 1, &many, 0), DT_I32), 0);
}

const Rewrite rewrite_reduce[] = {
  {OP_reduce_max, 0, EXACT, reduce_units, "the maximum of one element"},
  {OP_reduce_min, 0, EXACT, reduce_units, "the minimum of one element"},
  {OP_argmax, 0, EXACT, argmax_units, "the index of the only element"},
  {OP_argmin, 0, EXACT, argmax_units, "the index of the only element"},
  {OP_sum, 0, EXACT, sum_units, "the sum of one element, + 0"},
  {OP_sum, 0, FAST, sum_of_broadcast, "the sum of equal elements"},
  {OP_sum, 0, FAST, sum_of_neg, "the sum of -x"},
  {OP_sum, 0, FAST, sum_of_deviations, "the sum of deviations from the mean, all scaled alike, is 0"},
  {OP_sum, 0, FAST, sum_of_scaled, "the sum of products with one factor, a tensor"},
  {OP_contract, 0, EXACT, contract_of_transpose, "a contraction of a transposed operand"},
  {OP_scatter_add, 0, EXACT, scatter_of_few, "a few rows scattered over many, as a gather of sums"},
  {0, 0, 0, NULL, NULL},
};
