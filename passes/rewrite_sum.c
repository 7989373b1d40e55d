/* Rules on reductions and contractions. */
#include "passes/rewrite.h"
#include "ir/contract.h"
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

/* The sum of n equal elements is n times one of them (rounded once instead of often). */
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
  Id one = b_broadcast(g, b_reshape(g, x, rank, dim), t->rank, t->dim);
  DType type = (DType)t->dtype;
  return b_op2(g, OP_mul, one, dim_is_const(count) ? b_const(g, type, (double)count) : b_size(g, type, count));
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

const Rewrite rewrite_sum[] = {
  {OP_reduce_max, 0, EXACT, reduce_units, "the maximum of one element"},
  {OP_reduce_min, 0, EXACT, reduce_units, "the minimum of one element"},
  {OP_argmax, 0, EXACT, argmax_units, "the place of the only element"},
  {OP_argmin, 0, EXACT, argmax_units, "the place of the only element"},
  {OP_sum, 0, FAST, reduce_units, "the sum of one element"},
  {OP_sum, 0, EXACT, sum_units, "the sum of one element, + 0"},
  {OP_sum, 0, FAST, sum_of_broadcast, "the sum of equal elements"},
  {OP_contract, 0, EXACT, contract_of_transpose, "a contraction of a transposed operand"},
  {0, 0, 0, NULL, NULL}
};
