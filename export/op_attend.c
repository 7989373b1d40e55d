// SPDX-License-Identifier: Apache-2.0
/* Attention, by MatMul and Softmax. */
#include "export/export.h"
#include "ir/attend.h"

/* Whether something reads the logarithms of the sums. */
static bool reads_sums(const GraphExport *e, Id attend) {
  for (Id n = attend + 1; n < (Id)e->g->n; n++)
    if (e->needed[n] && node_info(e->g, n)->cls == CL_TUPLE && node_in(e->g, n, 0) == attend &&
        node_attr(e->g, n, ATTR(get, index))->i == 1)
      return true;
  return false;
}

/* bool[T, S], [B, 1, 1, S] or [B, 1, T, S]: the keys that each query sees; NULL: all. */
static const char *keys_seen(Export *x, const Attend *a) {
  const char *key = export_range(x, a->s, ONNX_INT64), *causal = NULL, *length = NULL;
  if (a->causal) { /* the last query is at the last key */
    const char *query = export_range(x, a->t, ONNX_INT64);
    query = NODE(x, "Add", query, export_dim(x, dim_sub(x->m, a->s, a->t)));
    query = export_reshape(x, query, (Dim[]){a->t, 1}, 2);
    causal = NODE(x, "LessOrEqual", key, query);
  }
  if (a->in[AT_LENGTHS]) {
    const char *n = export_cast(x, x->at->value[a->in[AT_LENGTHS]], ONNX_INT32, ONNX_INT64);
    n = export_reshape(x, n, (Dim[]){a->batch, 1, 1, 1}, 4);
    length = NODE(x, "Less", key, n);
  }
  return causal && length ? NODE(x, "And", causal, length) : causal ? causal : length;
}

/* Heads of queries that share keys become rows of one matrix, and back. */
static const char *joined(Export *x, const char *v, const Attend *a, Dim last) {
  if (a->shared == 1) return v;
  return export_reshape(x, v, (Dim[]){a->batch, a->heads, dim_mul(x->m, a->shared, a->t), last}, 4);
}

static const char *separate(Export *x, const char *v, const Attend *a, Dim last) {
  if (a->shared == 1) return v;
  return export_reshape(x, v, (Dim[]){a->batch, dim_mul(x->m, a->heads, a->shared), a->t, last}, 4);
}

/* Weights of the keys. Scores that are not seen are the least number, and 0 after exp: also where a query sees none.
 * some: every query sees a key. sums: where it is not NULL, receives the logarithms. */
static const char *weights(Export *x, const char *score, const char *seen, bool some, int type, const char **sums) {
  const char *last = export_const_ints(x, (int64_t[]){-1}, 1);
  if (seen) score = NODE(x, "Where", seen, score, export_number(x, type, -3.0e38));
  if (some && !sums) {
    export_int(x, "axis", -1);
    return NODE(x, "Softmax", score);
  }
  const char *most = NODE(x, "ReduceMax", score, last);
  const char *e = NODE(x, "Exp", NODE(x, "Sub", score, most));
  if (seen) e = NODE(x, "Where", seen, e, export_number(x, type, 0));
  const char *sum = NODE(x, "ReduceSum", e, last);
  if (sums) {
    const char *log = NODE(x, "Add", most, NODE(x, "Log", sum));
    *sums = NODE(x, "Squeeze", log, last);
  }
  if (!some) {
    const char *none = NODE(x, "Equal", sum, export_number(x, type, 0));
    sum = NODE(x, "Where", none, export_number(x, type, 1), sum);
  }
  return NODE(x, "Div", e, sum);
}

void write_attend(Export *x, Id n) {
  Attend a = attend_of(x->at->g, n);
  int type = export_computed(a.type), own = export_type(a.type);
  const char **out = ctx_array(x->c, 2, sizeof *out), *sums = NULL;
  const char *seen = a.causal || a.in[AT_LENGTHS] ? keys_seen(x, &a) : NULL;
  const char *q = joined(x, export_in_as(x, 0, type), &a, a.d);
  const char *k = export_transpose(x, export_in_as(x, 1, type), (int64_t[]){0, 1, 3, 2}, 4);
  q = NODE(x, "Mul", q, export_number(x, type, a.scale));
  const char *score = separate(x, NODE(x, "MatMul", q, k), &a, a.s);
  bool some = !a.in[AT_LENGTHS] && (!a.causal || dim_lower_bound(x->m, dim_sub(x->m, a.s, a.t)) >= 0);
  const char *p = weights(x, score, seen, some, type, reads_sums(x->at, n) ? &sums : NULL);
  p = NODE(x, "MatMul", joined(x, p, &a, a.s), export_in_as(x, 2, type));
  out[0] = export_cast(x, separate(x, p, &a, a.e), type, own);
  out[1] = sums;
  x->at->tuple[n] = out;
}

/* The matrix times one whose rows it has as columns: sums over queries, of all heads that share keys. */
static const char *by_keys(Export *x, const char *rows, const char *v) {
  return NODE(x, "MatMul", export_transpose(x, rows, (int64_t[]){0, 1, 3, 2}, 4), v);
}

/* The weights again, from the logarithms of the sums, and the gradients of q, k and v from that of the result. */
void write_attend_back(Export *x, Id n) {
  Attend a = attend_of(x->at->g, n);
  int type = export_computed(a.type), own = export_type(a.type);
  const char **out = ctx_array(x->c, 3, sizeof *out), *last = export_const_ints(x, (int64_t[]){-1}, 1);
  const char *seen = a.causal || a.in[AT_LENGTHS] ? keys_seen(x, &a) : NULL;
  const char *q = joined(x, export_in_as(x, AT_Q, type), &a, a.d), *k = export_in_as(x, AT_K, type);
  const char *g = joined(x, export_in_as(x, AT_G, type), &a, a.e), *scale = export_number(x, type, a.scale);
  const char *across = export_transpose(x, k, (int64_t[]){0, 1, 3, 2}, 4);
  const char *score = separate(x, NODE(x, "MatMul", NODE(x, "Mul", q, scale), across), &a, a.s);
  const char *lse = NODE(x, "Unsqueeze", export_in_as(x, AT_LSE, type), last);
  if (seen) score = NODE(x, "Where", seen, score, lse); /* of the others exp may overflow */
  const char *p = NODE(x, "Exp", NODE(x, "Sub", score, lse));
  if (seen) p = NODE(x, "Where", seen, p, export_number(x, type, 0));
  out[2] = by_keys(x, joined(x, p, &a, a.s), g);
  const char *v = export_transpose(x, export_in_as(x, AT_V, type), (int64_t[]){0, 1, 3, 2}, 4);
  const char *dp = separate(x, NODE(x, "MatMul", g, v), &a, a.s);
  dp = NODE(x, "Sub", dp, NODE(x, "Unsqueeze", export_in_as(x, AT_DELTA, type), last));
  const char *ds = joined(x, NODE(x, "Mul", NODE(x, "Mul", p, dp), scale), &a, a.s);
  out[0] = separate(x, NODE(x, "MatMul", ds, k), &a, a.d);
  out[1] = by_keys(x, ds, q);
  for (int i = 0; i < 3; i++) out[i] = export_cast(x, out[i], type, own);
  x->at->tuple[n] = out;
}
