/* Rules on reductions, contractions and scattered sums. */
#include "passes/rewrite.h"
#include "ir/contract.h"
#include <math.h>
#include <string.h>

/* Whether the reduction runs over axes of size 1 only: each result is made of one element. */
static bool over_units(const Graph *g, Id n) {
  const AttrVal *axes = node_attr(g, n, 0);
  const Type *x = node_type(g, rw_in(g, n, 0));
  for (int i = 0; i < axes->n; i++)
    if (x->dim[axes->v[i]] != 1) return false;
  return true;
}

static Id as_reshape(Graph *g, Id n) {
  return b_reshape(g, rw_in(g, n, 0), node_type(g, n)->rank, node_type(g, n)->dim);
}
static Id reduce_units(Graph *g, Id n) { return over_units(g, n) ? as_reshape(g, n) : 0; }
static Id argmax_units(Graph *g, Id n) { return over_units(g, n) ? b_full(g, node_get(g, n)->type, 0) : 0; }

/* A sum starts from +0, which turns -0 into +0. */
static Id sum_units(Graph *g, Id n) {
  if (!over_units(g, n)) return 0;
  Id x = as_reshape(g, n);
  return rw_float(g, n) ? b_op2(g, OP_add, x, b_like(g, x, 0)) : x;
}

/* The sum of n equal elements is n times one of them (rounded once instead of often). None at all have the sum 0, and n
 * times an infinity has not: so n is a number. */
static Id sum_of_broadcast(Graph *g, Id n) {
  Id b = rw_in(g, n, 0);
  if (!rw_is(g, b, OP_broadcast) || dtype_is_half(node_type(g, n)->dtype)) return 0;
  Id x = rw_in(g, b, 0);
  const Type *wide = node_type(g, b), *narrow = node_type(g, x), *t = node_type(g, n);
  const AttrVal *axes = node_attr(g, n, 0);
  bool reduced[MAX_RANK] = {false}, keep = node_attr(g, n, 1)->i;
  Dim count = 1, dim[MAX_RANK];
  int rank = 0;
  for (int i = 0; i < axes->n; i++) reduced[axes->v[i]] = true;
  for (int a = 0; a < wide->rank; a++) {
    int own = a - (wide->rank - narrow->rank);
    Dim d = own < 0 ? 1 : narrow->dim[own];
    if (reduced[a] && d != 1) return 0;
    if (reduced[a]) count = dim_mul(g->m, count, wide->dim[a]);
    if (!reduced[a] || keep) dim[rank++] = d;
  }
  if (!dim_is_const(count) || !count) return 0;
  Id one = b_broadcast(g, b_reshape(g, x, rank, dim), t->rank, t->dim);
  return b_op2(g, OP_mul, one, b_const(g, (DType)t->dtype, (double)count));
}

/* Whether x, broadcast to n's operand, is the same along the axes of the sum n. */
static bool is_same_along(const Graph *g, Id n, Id x) {
  const AttrVal *axes = node_attr(g, n, 0);
  const Type *t = node_type(g, x);
  int lead = node_type(g, rw_in(g, n, 0))->rank - t->rank;
  for (int i = 0; i < axes->n; i++)
    if (axes->v[i] >= lead && t->dim[axes->v[i] - lead] != 1) return false;
  return true;
}

/* The sum of x over n's axes, these kept; and such a value as the result of n. */
static Id sum_kept(Graph *g, Id n, Id x) {
  const AttrVal *axes = node_attr(g, n, 0);
  return b_sum(g, x, axes->n, axes->v, true);
}
static Id as_result(Graph *g, Id n, Id x) { return b_reshape(g, x, node_type(g, n)->rank, node_type(g, n)->dim); }

static Id sum_of_neg(Graph *g, Id n) {
  Id x = rw_in(g, n, 0);
  return rw_is(g, x, OP_neg) && rw_wide(g, n) ? as_result(g, n, b_op1(g, OP_neg, sum_kept(g, n, rw_in(g, x, 0)))) : 0;
}

/* Whether m is the mean of x over n's axes, these kept: its sum times or divided by a number. */
static bool is_mean(const Graph *g, Id n, Id m, Id x) {
  bool times = rw_is(g, m, OP_mul);
  double c, count;
  if (!times && !rw_is(g, m, OP_div)) return false;
  Id s = rw_in(g, m, 0);
  const AttrVal *axes = node_attr(g, n, 0), *own = node_attr(g, s, 0);
  if (!rw_is(g, s, OP_sum) || rw_in(g, s, 0) != x || !b_is_const(g, rw_in(g, m, 1), &c)) return false;
  if (node_type(g, s)->rank != node_type(g, x)->rank || own->n != axes->n) return false;
  if (memcmp(own->v, axes->v, (size_t)axes->n * sizeof *axes->v)) return false;
  Dim d = 1;
  for (int i = 0; i < axes->n; i++) d = dim_mul(g->m, d, node_type(g, x)->dim[axes->v[i]]);
  count = (double)d;
  return dim_is_const(d) && fabs((times ? c * count : c / count) - 1) < 1e-6;
}

/* x of x * c, c * x, x / c, x + x and -x, c being the same for all that the sum n adds up; 0: p is none of these. */
static Id unscaled(const Graph *g, Id n, Id p) {
  if (rw_is(g, p, OP_neg)) return rw_in(g, p, 0);
  if (rw_is(g, p, OP_add)) return rw_in(g, p, 0) == rw_in(g, p, 1) ? rw_in(g, p, 0) : 0;
  if (!rw_is(g, p, OP_mul) && !rw_is(g, p, OP_div)) return 0;
  if (is_same_along(g, n, rw_in(g, p, 1))) return rw_in(g, p, 0);
  return rw_is(g, p, OP_mul) && is_same_along(g, n, rw_in(g, p, 0)) ? rw_in(g, p, 1) : 0;
}

/* In a gradient through batch norm this is a pass over the batch. */
static Id sum_of_deviations(Graph *g, Id n) {
  if (!rw_wide(g, n)) return 0;
  Id d = rw_in(g, n, 0);
  for (Id x; (x = unscaled(g, n, d)) && type_same_dims(node_type(g, x), node_type(g, d));) d = x;
  bool fits = rw_is(g, d, OP_sub) && is_mean(g, n, rw_in(g, d, 1), rw_in(g, d, 0));
  return fits ? b_full(g, node_get(g, n)->type, 0) : 0;
}

/* ---- contractions ---- */

/* Labels of operand k (0, 1) of a spec "A,B->C": start and length. */
static const char *labels(const char *spec, int k, int *len) {
  const char *comma = strchr(spec, ','), *arrow = strstr(spec, "->");
  *len = (int)(k ? arrow - comma - 1 : comma - spec);
  return k ? comma + 1 : spec;
}

static bool is_contracted(const char *spec, char label) { return !strchr(strstr(spec, "->"), label); }

/* A transposed operand: its labels are permuted instead. The order of the sum is that of the contracted labels in the
 * left operand, so there they must keep it. */
static Id contract_of_transpose(Graph *g, Id n) {
  const char *spec = node_attr(g, n, 0)->s;
  for (int k = 0; k < 2; k++) {
    int len;
    const char *old = labels(spec, k, &len);
    char *to = ctx_strf(g->m->c, "%s", spec), *own = to + (old - spec);
    Id in[2] = {rw_in(g, n, 0), rw_in(g, n, 1)}, x = contract_operand(g, in[k], own);
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
    return b_contract(g, in[0], in[1], to);
  }
  return 0;
}

/* ---- scattered sums ---- */

/* A few rows scattered over many, as those of an embedding's gradient over its vocabulary: summed up among themselves,
 * each at the first one of the same index, one row lower; row 0 stays zero. The result gathers these rows, and as a
 * gather it needs no memory where its reader is a kernel of elements: the update of the weight. To tell which rows
 * are the same takes rows * rows comparisons, which must be fewer than the elements that are no longer stored. */
enum { FEW = 4, WIDE = 16 };
static Id scatter_of_few(Graph *g, Id n) {
  const Type *t = node_type(g, n), *index = node_type(g, rw_in(g, n, 0)), *upd = node_type(g, rw_in(g, n, 1));
  Dim rows = 1, many, wide = 1, dim[MAX_RANK];
  if (node_attr(g, n, 1)->i != 0 || t->rank < 2) return 0;
  for (int i = 0; i < index->rank; i++) rows = dim_mul(g->m, rows, index->dim[i]);
  for (int i = 1; i < t->rank; i++) wide = dim_mul(g->m, wide, t->dim[i]);
  many = t->dim[0];
  if (!dim_is_const(rows) || !dim_is_const(wide) || !dim_is_const(many)) return 0;
  if (rows < 1 || wide < WIDE || many / FEW < rows || rows > many * wide / rows) return 0;
  DType type = (DType)upd->dtype;
  Dim one[1] = {rows}, square[2] = {rows, rows};
  memcpy(dim, t->dim, sizeof dim);
  dim[0] = rows;
  Id at = b_reshape(g, b_within(g, rw_in(g, n, 0), many), 1, one);
  Id down = b_broadcast(g, b_reshape(g, at, 2, (Dim[]){rows, 1}), 2, square);
  Id same = b_op2(g, OP_eq, down, b_broadcast(g, at, 2, square));
  Id first = b_reduce(g, OP_argmax, b_cast(g, same, DT_I32), 1, (int64_t[]){1}, false);
  Id own = b_iota(g, DT_I32, 1, one, 0), row = b_add(g, own, b_const(g, DT_I32, 1));
  Id values = b_reshape(g, rw_in(g, n, 1), t->rank, dim);
  dim[0] = rows + 1;
  Id sums = b_scatter_add(g, b_add(g, first, b_const(g, DT_I32, 1)), values, t->rank, dim, 0);
  Id mark = b_op3(g, OP_where, b_op2(g, OP_eq, first, own), b_cast(g, row, type), b_const(g, type, 0));
  return b_gather(g, sums, b_cast(g, b_scatter_add(g, at, mark, 1, &many, 0), DT_I32), 0);
}

const Rewrite rewrite_sum[] = {
  {OP_reduce_max, 0, EXACT, reduce_units, "the maximum of one element"},
  {OP_reduce_min, 0, EXACT, reduce_units, "the minimum of one element"},
  {OP_argmax, 0, EXACT, argmax_units, "the place of the only element"},
  {OP_argmin, 0, EXACT, argmax_units, "the place of the only element"},
  {OP_sum, 0, EXACT, sum_units, "the sum of one element, + 0"},
  {OP_sum, 0, FAST, sum_of_broadcast, "the sum of equal elements"},
  {OP_sum, 0, FAST, sum_of_neg, "the sum of -x"},
  {OP_sum, 0, FAST, sum_of_deviations, "the sum of deviations from the mean, all scaled alike, is 0"},
  {OP_contract, 0, EXACT, contract_of_transpose, "a contraction of a transposed operand"},
  {OP_scatter_add, 0, EXACT, scatter_of_few, "a few rows scattered over many, as a gather of sums"},
  {0, 0, 0, NULL, NULL}
};
