/* SPDX-License-Identifier: Apache-2.0 */
/* attend and attend_back: shapes, reverse mode, evaluation. Forward mode and the composed form of attend_back are in
 * op_attend_jvp.c. */
#include "attend.h"
#include "grad.h"
#include "interp.h"
#include "rule.h"
#include "prim/prim_scalar.h"
#include <stddef.h>

static const char *const operand_name[AT_OPERANDS] = {"q", "k", "v", "lse", "g", "delta", "lengths"};

/* The role of operand i. */
static AttendOperand role_of(Op op, int i) { return op == OP_attend && i == 3 ? AT_LENGTHS : (AttendOperand)i; }

Attend attend_of(const Graph *g, Id n) {
  Attend a = {.back = node_get(g, n)->op == OP_attend_back,
              .scale = node_attr(g, n, ATTR(attend, scale))->f,
              .causal = node_attr(g, n, ATTR(attend, causal))->i != 0};
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++)
    a.in[role_of((Op)node_get(g, n)->op, (int)i)] = node_in(g, n, (int)i);
  const Type *q = node_type(g, a.in[AT_Q]), *k = node_type(g, a.in[AT_K]);
  a.batch = q->dim[0], a.heads = k->dim[1], a.t = q->dim[2], a.s = k->dim[2];
  dim_div(g->m, q->dim[1], k->dim[1], &a.shared);
  a.d = q->dim[3], a.e = node_type(g, a.in[AT_V])->dim[3];
  a.type = (DType)q->dtype;
  return a;
}

bool attend_reads_rows(const Graph *g, Id n, int i) {
  AttendOperand role = role_of((Op)node_get(g, n)->op, i);
  return role <= AT_V || role == AT_G;
}

bool attend_gives_rows(const Graph *g, Id n, int i) { return node_get(g, n)->op == OP_attend_back || i == 0; }

double attend_pairs(const Graph *g, Id n) {
  Attend a = attend_of(g, n);
  Dim heads = dim_mul(g->m, dim_mul(g->m, a.batch, a.heads), a.shared);
  double t = (double)dim_bound(g->m, a.t), s = (double)dim_bound(g->m, a.s), seen = t * s;
  if (a.causal) seen = s >= t ? t * (s - t) + t * (t + 1) / 2 : s * (s + 1) / 2;
  return (double)dim_bound(g->m, heads) * seen;
}

/* ---- shapes ---- */

static bool is_shape(Graph *g, const OpCall *k, int i, int rank, const Dim *want) {
  const Type *t = node_type(g, k->in[i]);
  bool same = t->rank == rank;
  for (int a = 0; same && a < rank; a++) same = dim_equal(g->m, t->dim[a], want[a]);
  if (same) return true;
  TypeId need = type_make(g->m, (DType)t->dtype, rank, want);
  shape_fail(g, k, E_SHAPE_MISMATCH, "%s: %s is %s, the other operands ask for %s", op_info[k->op].name,
             operand_name[role_of(k->op, i)], type_text(g->m, node_get(g, k->in[i])->type), type_text(g->m, need));
  return false;
}

static bool check_dtypes(Graph *g, const OpCall *k) {
  int rows = node_type(g, k->in[0])->dtype;
  for (int i = 0; i < k->nin; i++) {
    const Type *t = call_type(g, k, i);
    if (!t) return false;
    AttendOperand role = role_of(k->op, i);
    bool sums = role == AT_LSE || role == AT_DELTA;
    int want = role == AT_LENGTHS ? (int)DT_I32 : sums ? (int)dtype_computed(rows) : rows;
    if (t->dtype == want && dtype_is_float(rows)) continue;
    shape_fail(g, k, E_DTYPE_MISMATCH, "%s: %s has the type %s, not %s", op_info[k->op].name, operand_name[role],
               dtype_info[t->dtype].name, dtype_is_float(rows) ? dtype_info[want].name : "of a float");
    return false;
  }
  return true;
}

/* q, k and v; then want[] is [batch, heads of q, T, E]. */
static bool check_rows(Graph *g, const OpCall *k, Dim *want) {
  const Type *t[3];
  for (int i = 0; i < 3; i++) {
    t[i] = node_type(g, k->in[i]);
    if (t[i]->rank == 4) continue;
    shape_fail(g, k, E_AXIS_RANGE, "%s: %s has %d ax%s, not 4", op_info[k->op].name, operand_name[i], t[i]->rank,
               t[i]->rank == 1 ? "is" : "es");
    return false;
  }
  Dim shared, keys[4] = {t[0]->dim[0], t[1]->dim[1], t[1]->dim[2], t[0]->dim[3]};
  if (!is_shape(g, k, AT_K, 4, keys)) return false;
  keys[3] = t[2]->dim[3];
  if (!is_shape(g, k, AT_V, 4, keys)) return false;
  if (t[1]->dim[1] == 0 || !dim_div(g->m, t[0]->dim[1], t[1]->dim[1], &shared)) {
    shape_fail(g, k, E_SHAPE_MISMATCH, "%s: %s heads of q cannot share %s heads of k and v", op_info[k->op].name,
               dim_text(g->m, t[0]->dim[1]), dim_text(g->m, t[1]->dim[1]));
    return false;
  }
  for (int i = 0; i < 3; i += 2) {
    Dim d = t[i]->dim[3];
    if (dim_is_const(d) && d >= 1 && d <= ATTEND_HEAD) continue;
    shape_fail(g, k, E_SHAPE_MISMATCH, "%s: rows of %s have %s elements; it needs a number of 1 to %d",
               op_info[k->op].name, operand_name[i], dim_text(g->m, d), ATTEND_HEAD);
    return false;
  }
  want[0] = t[0]->dim[0], want[1] = t[0]->dim[1], want[2] = t[0]->dim[2], want[3] = t[2]->dim[3];
  return true;
}

static bool check_operands(Graph *g, const OpCall *k, int least, Dim *want) {
  if (k->nin != least && k->nin != least + 1) {
    shape_fail(g, k, E_IR_MALFORMED, "%s: has %d operands, not %d or %d", op_info[k->op].name, k->nin, least,
               least + 1);
    return false;
  }
  if (!check_dtypes(g, k) || !check_rows(g, k, want)) return false;
  return k->nin == least || is_shape(g, k, least, 1, want);
}

TypeId shape_attend(Graph *g, const OpCall *k) {
  Dim o[4];
  if (!check_operands(g, k, AT_V + 1, o)) return 0;
  DType t = (DType)node_type(g, k->in[0])->dtype;
  TypeId elem[2] = {type_make(g->m, t, 4, o), type_make(g->m, dtype_computed(t), 3, o)};
  return type_tuple(g->m, 2, elem);
}

TypeId shape_attend_back(Graph *g, const OpCall *k) {
  Dim o[4];
  if (!check_operands(g, k, AT_DELTA + 1, o) || !is_shape(g, k, AT_LSE, 3, o) || !is_shape(g, k, AT_G, 4, o) ||
      !is_shape(g, k, AT_DELTA, 3, o))
    return 0;
  TypeId elem[3];
  for (int i = 0; i < 3; i++) elem[i] = node_get(g, k->in[i])->type;
  return type_tuple(g->m, 3, elem);
}

/* ---- reverse mode of attend ---- */

/* delta = sum of g * o over the last axis, less the adjoint of lse: what every score of a query's row has in common. */
static Id row_delta(const Grad *s, Id n, Id g, Id dlse) {
  const Builder *b = s->b;
  Id o = b_get(b, n, 0);
  DType t = dtype_computed(node_type(b->g, o)->dtype);
  Id sum = b_sum(b, b_mul(b, b_cast(b, g, t), b_cast(b, o, t)), 1, (int64_t[]){3}, false);
  return dlse ? b_sub(b, sum, dlse) : sum;
}

void vjp_attend(Grad *s, Id n, Id dy) {
  const Builder *b = s->b;
  Attend a = attend_of(b->g, n);
  Id g = grad_element(s, n, 0), dlse = grad_element(s, n, 1), in[AT_OPERANDS];
  (void)dy;
  if (!g) g = b_full(b, node_type(b->g, n)->elem[0], 0);
  a.in[AT_LSE] = b_get(b, n, 1), a.in[AT_G] = g, a.in[AT_DELTA] = row_delta(s, n, g, dlse);
  for (int i = 0; i < AT_OPERANDS; i++) in[i] = a.in[i];
  AttrVal v[] = {[ATTR(attend, scale)] = {.f = a.scale}, [ATTR(attend, causal)] = {.i = a.causal}};
  Id back = b_node(b, OP_attend_back, in, AT_OPERANDS - !in[AT_LENGTHS], attr_make(b->g->m, OP_attend_back, v));
  for (int i = 0; i < 3; i++)
    if (grad_wants(s, i)) grad_to(s, i, b_get(b, back, i));
}

/* ---- evaluation ---- */

/* Values are dense and row-major: an operand is its data, the strides of heads and rows follow from the sizes. */
typedef struct Rows {
  Val *v[AT_OPERANDS], *out[3];
  int64_t batch, heads, shared, t, s;
  int d, e, causal;
  double scale;
} Rows;

static Rows rows_of(Eval *e, Id n) {
  Attend a = attend_of(e->g, n);
  Rows r = {.batch = eval_dim(e, a.batch),
            .heads = eval_dim(e, a.heads),
            .shared = eval_dim(e, a.shared),
            .t = eval_dim(e, a.t),
            .s = eval_dim(e, a.s),
            .d = (int)a.d,
            .e = (int)a.e,
            .causal = a.causal,
            .scale = a.scale};
  for (uint32_t i = 0; i < node_get(e->g, n)->nin; i++)
    r.v[role_of((Op)node_get(e->g, n)->op, (int)i)] = eval_in(e, n, (int)i);
  for (uint32_t i = 0; i < node_type(e->g, n)->ntuple; i++) r.out[i] = eval_new(e, node_type(e->g, n)->elem[i]);
  return r;
}

static int64_t length_of(const Rows *r, int64_t b) { return r->v[AT_LENGTHS] ? val_int(r->v[AT_LENGTHS], b) : r->s; }

#define AT_MOST ATTEND_HEAD
#define AT_ROLLED
#define AT(name) name##_f32
#define AT_T float
#define AT_F float
#define AT_GET(x) (x)
#define AT_PUT(x) (x)
#define AT_EXP(x) prim_exp(x)
#define AT_LOG(x) prim_log(x)
#include "prim/prim_attend.h"
#define AT_MOST ATTEND_HEAD
#define AT_ROLLED
#define AT(name) name##_f64
#define AT_T double
#define AT_F double
#define AT_GET(x) (x)
#define AT_PUT(x) (x)
#define AT_EXP(x) prim_exp_f64(x)
#define AT_LOG(x) prim_log_f64(x)
#include "prim/prim_attend.h"

/* Query i of head h (one of q) of batch b: its row `at`, and the first row of its keys. */
#define ROWS(type, suffix) \
  static void forward_##suffix(const Rows *r, int64_t at, int64_t first, int64_t keys) { \
    type *o = r->out[0]->data, *lse = r->out[1]->data; \
    const type *q = r->v[AT_Q]->data, *k = r->v[AT_K]->data, *v = r->v[AT_V]->data; \
    attend_##suffix(q + at * r->d, 1, k + first * r->d, r->d, 1, v + first * r->e, r->e, 1, keys, r->d, r->e, \
                    (type)r->scale, o + at * r->e, 1, lse + at); \
  } \
  static void queries_##suffix(const Rows *r, int64_t at, int64_t first, int64_t keys) { \
    const type *q = r->v[AT_Q]->data, *k = r->v[AT_K]->data, *v = r->v[AT_V]->data, *g = r->v[AT_G]->data; \
    const type *lse = r->v[AT_LSE]->data, *delta = r->v[AT_DELTA]->data; \
    type *dq = r->out[0]->data; \
    attend_queries_##suffix(q + at * r->d, 1, k + first * r->d, r->d, 1, v + first * r->e, r->e, 1, lse[at], \
                            g + at * r->e, 1, delta[at], keys, r->d, r->e, (type)r->scale, dq + at * r->d, 1); \
  } \
  /* Key number `at`, seen by the queries from `from` on of the heads whose first row is `first`. */ \
  static void keys_##suffix##_row(const Rows *r, int64_t at, int64_t first, int64_t from) { \
    const type *q = r->v[AT_Q]->data, *k = r->v[AT_K]->data, *v = r->v[AT_V]->data, *g = r->v[AT_G]->data; \
    const type *lse = r->v[AT_LSE]->data, *delta = r->v[AT_DELTA]->data; \
    type *dk = r->out[1]->data, *dv = r->out[2]->data; \
    attend_keys_##suffix(q + first * r->d, r->t * r->d, r->d, 1, k + at * r->d, 1, v + at * r->e, 1, lse + first, \
                         r->t, 1, g + first * r->e, r->t * r->e, r->e, 1, delta + first, r->t, 1, r->shared, from, \
                         r->t, r->d, r->e, (type)r->scale, dk + at * r->d, 1, dv + at * r->e, 1); \
  }
ROWS(float, f32)
ROWS(double, f64)

typedef void RowFn(const Rows *r, int64_t at, int64_t first, int64_t n);

static void each_query(const Rows *r, RowFn *fn) {
  for (int64_t b = 0; b < r->batch; b++)
    for (int64_t h = 0; h < r->heads * r->shared; h++)
      for (int64_t i = 0; i < r->t; i++) {
        int64_t at = (b * r->heads * r->shared + h) * r->t + i, first = (b * r->heads + h / r->shared) * r->s;
        fn(r, at, first, keys_f32(i, r->t, r->s, r->causal, length_of(r, b)));
      }
}

static void each_key(const Rows *r, RowFn *fn) {
  for (int64_t b = 0; b < r->batch; b++)
    for (int64_t h = 0; h < r->heads; h++)
      for (int64_t j = 0; j < r->s; j++) {
        int64_t group = b * r->heads + h;
        fn(r, group * r->s + j, group * r->shared * r->t, first_query_f32(j, r->t, r->s, r->causal, length_of(r, b)));
      }
}

static void set_results(Eval *e, Id n, const Rows *r) {
  const Type *t = node_type(e->g, n);
  for (uint32_t i = 0; i < t->ntuple; i++) val_round(r->out[i], (DType)type_get(e->in->m, t->elem[i])->dtype);
  eval_set(e, n, eval_tuple(e, (int)t->ntuple, r->out));
}

void eval_attend(Eval *e, Id n) {
  Rows r = rows_of(e, n);
  each_query(&r, r.v[AT_Q]->type == DT_F64 ? forward_f64 : forward_f32);
  set_results(e, n, &r);
}

void eval_attend_back(Eval *e, Id n) {
  Rows r = rows_of(e, n);
  bool f64 = r.v[AT_Q]->type == DT_F64;
  each_query(&r, f64 ? queries_f64 : queries_f32);
  each_key(&r, f64 ? keys_f64_row : keys_f32_row);
  set_results(e, n, &r);
}
