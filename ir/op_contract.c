/* SPDX-License-Identifier: Apache-2.0 */
/* Contractions: matrix product and einsum of two operands, over labelled axes. */
#include "contract.h"
#include "grad.h"
#include "interp.h"
#include "interp_gemm.h"
#include "rule.h"
#include "view.h"
#include <string.h>

/* ---- the spec ---- */

static int find_axis(const Contract *c, char label) {
  for (int i = 0; i < c->naxis; i++)
    if (c->axis[i].label == label) return i;
  return -1;
}

static bool is_label(char ch) { return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z'); }

/* The labels of one operand, up to `end`; NULL or what is wrong. */
static const char *split_labels(const char **s, char end, char *label) {
  int n = 0;
  for (; is_label(**s); (*s)++) {
    if (n == MAX_RANK) return "an operand has more than 8 axes";
    if (memchr(label, **s, (size_t)n)) return "a label occurs twice in one operand";
    label[n++] = **s;
  }
  label[n] = 0;
  if (**s != end) return "it must read LEFT,RIGHT->RESULT with one letter an axis";
  if (end) (*s)++;
  return NULL;
}

static const char *split_spec(const char *s, char label[3][MAX_RANK + 1]) {
  const char *wrong = split_labels(&s, ',', label[OPERAND_LEFT]);
  if (!wrong) wrong = split_labels(&s, '-', label[OPERAND_RIGHT]);
  if (wrong) return wrong;
  if (*s++ != '>') return "it must read LEFT,RIGHT->RESULT with one letter an axis";
  return split_labels(&s, 0, label[OPERAND_RESULT]);
}

static const char *add_axis(Contract *c, char label, char labels[3][MAX_RANK + 1]) {
  ContractAxis *x = &c->axis[c->naxis];
  *x = (ContractAxis){.label = label};
  for (int o = 0; o < 3; o++) {
    const char *p = strchr(labels[o], label);
    x->at[o] = p ? (int)(p - labels[o]) : -1;
  }
  bool left = x->at[OPERAND_LEFT] >= 0, right = x->at[OPERAND_RIGHT] >= 0, result = x->at[OPERAND_RESULT] >= 0;
  if (!left && !right) return "a label of the result is in neither operand";
  if (!result && left != right) return "a label that the result lacks must be in both operands";
  x->role = !result ? AX_K : left && right ? AX_BATCH : left ? AX_M : AX_N;
  c->of[x->role][c->n[x->role]++] = c->naxis++;
  return NULL;
}

const char *contract_parse(const char *spec, Contract *c) {
  char labels[3][MAX_RANK + 1];
  *c = (Contract){0};
  const char *wrong = split_spec(spec, labels);
  for (const char *p = labels[OPERAND_RESULT]; !wrong && *p; p++) wrong = add_axis(c, *p, labels);
  for (int o = OPERAND_LEFT; o <= OPERAND_RIGHT; o++)
    for (const char *p = labels[o]; !wrong && *p; p++)
      if (find_axis(c, *p) < 0) wrong = add_axis(c, *p, labels);
  return wrong;
}

static int operand_rank(const Contract *c, int operand) {
  int n = 0;
  for (int i = 0; i < c->naxis; i++) n += c->axis[i].at[operand] >= 0;
  return n;
}

/* Row-major strides of an operand whose axes have their dims. */
static void set_strides(Module *m, Contract *c, int operand) {
  Dim stride = 1;
  for (int at = operand_rank(c, operand) - 1; at >= 0; at--)
    for (int i = 0; i < c->naxis; i++)
      if (c->axis[i].at[operand] == at) {
        c->axis[i].stride[operand] = stride;
        stride = dim_mul(m, stride, c->axis[i].dim);
      }
}

void contract_of(const Graph *g, Id n, Contract *c) {
  contract_parse(node_attr(g, n, ATTR(contract, spec))->s, c);
  for (int i = 0; i < c->naxis; i++) {
    ContractAxis *x = &c->axis[i];
    int o = x->at[OPERAND_LEFT] >= 0 ? OPERAND_LEFT : OPERAND_RIGHT;
    x->dim = node_type(g, node_in(g, n, o))->dim[x->at[o]];
  }
  for (int o = 0; o < 3; o++) set_strides(g->m, c, o);
}

Id contract_operand(const Graph *g, Id x, char *labels) {
  int to[MAX_RANK];
  for (; view_permutes(g, x, to); x = node_in(g, x, 0)) {
    char old[MAX_RANK];
    int rank = node_type(g, x)->rank;
    memcpy(old, labels, (size_t)rank);
    for (int i = 0; i < rank; i++) labels[i] = old[to[i]];
  }
  return x;
}

Dim contract_count(Module *m, const Contract *c, AxisRole role) {
  Dim d = 1;
  for (int i = 0; i < c->n[role]; i++) d = dim_mul(m, d, c->axis[c->of[role][i]].dim);
  return d;
}

/* ---- rules ---- */

static bool contract_dims(Graph *g, const OpCall *k, Contract *c, const Type *const t[2]) {
  for (int i = 0; i < c->naxis; i++) {
    ContractAxis *x = &c->axis[i];
    Dim d[2];
    for (int o = 0; o < 2; o++) d[o] = x->at[o] >= 0 ? t[o]->dim[x->at[o]] : -1;
    x->dim = x->at[0] >= 0 ? d[0] : d[1];
    if (x->at[0] < 0 || x->at[1] < 0 || dim_equal(g->m, d[0], d[1])) continue;
    const char *a = dim_text(g->m, d[0]), *b = dim_text(g->m, d[1]);
    if (x->role == AX_K) shape_fail(g, k, E_MATMUL_DIMS, "matmul: inner dimensions differ (%s vs %s)", a, b);
    else shape_fail(g, k, E_MATMUL_DIMS, "matmul: batch dimensions differ (%s vs %s)", a, b);
    return false;
  }
  return true;
}

TypeId shape_contract(Graph *g, const OpCall *k) {
  const Type *t[2] = {call_type(g, k, 0), NULL};
  if (!t[0] || !(t[1] = call_type(g, k, 1))) return 0;
  const char *spec = call_attr(g, k, ATTR(contract, spec))->s;
  Contract c;
  const char *wrong = spec ? contract_parse(spec, &c) : "it is missing";
  if (wrong) return shape_fail(g, k, E_IR_MALFORMED, "contract: spec \"%s\": %s", spec ? spec : "", wrong);
  for (int o = 0; o < 2; o++) {
    if (!dtype_is_float(t[o]->dtype) || t[o]->dtype != t[0]->dtype)
      return shape_fail(g, k, E_DTYPE_MISMATCH, "matmul: operands must be floats of one type (%s and %s)",
                        dtype_info[t[0]->dtype].name, dtype_info[t[1]->dtype].name);
    if (operand_rank(&c, o) != t[o]->rank)
      return shape_fail(g, k, E_IR_MALFORMED, "contract: spec \"%s\" gives operand %d %d axes, its type is %s", spec,
                        o + 1, operand_rank(&c, o), type_text(g->m, node_get(g, k->in[o])->type));
  }
  if (!contract_dims(g, k, &c, t)) return 0;
  Dim dim[MAX_RANK];
  int rank = operand_rank(&c, OPERAND_RESULT);
  for (int i = 0; i < rank; i++) dim[i] = c.axis[i].dim;
  return type_make(g->m, (DType)t[0]->dtype, rank, dim);
}

/* "LEFT,RIGHT->RESULT" with operands and result in other roles: every label of an operand is in the other or in the
 * result, so a contraction's two adjoints are contractions. */
static const char *respec(Graph *g, const char *spec, int left, int right, int result) {
  char label[3][MAX_RANK + 1];
  split_spec(spec, label);
  return ctx_strf(g->m->c, "%s,%s->%s", label[left], label[right], label[result]);
}

void vjp_contract(Grad *s, Id n, Id dy) {
  Graph *g = s->b->g;
  const char *spec = node_attr(g, n, ATTR(contract, spec))->s;
  Id a = node_in(g, n, 0), b = node_in(g, n, 1);
  if (grad_wants(s, 0))
    grad_to(s, 0, b_contract(s->b, dy, b, respec(g, spec, OPERAND_RESULT, OPERAND_RIGHT, OPERAND_LEFT)));
  if (grad_wants(s, 1))
    grad_to(s, 1, b_contract(s->b, a, dy, respec(g, spec, OPERAND_LEFT, OPERAND_RESULT, OPERAND_RIGHT)));
}

/* Any op that is linear in each of its two operands. */
Id jvp_product(Grad *s, Id n, const Id *tangent) {
  Graph *g = s->b->g;
  Id sum = 0;
  for (int i = 0; i < 2; i++) {
    if (!tangent[i]) continue;
    Id in[2] = {node_in(g, n, 0), node_in(g, n, 1)};
    in[i] = tangent[i];
    Id term = b_node(s->b, (Op)node_get(g, n)->op, in, 2, node_get(g, n)->attr);
    sum = sum ? b_op2(s->b, OP_add, sum, term) : term;
  }
  return sum;
}

/* ---- evaluation ---- */

/* Element offsets in `operand` of the index space of a role's axes, row-major; held by *hold. */
static const int64_t *role_offsets(Eval *e, const Contract *c, AxisRole role, int operand, Val **hold) {
  int64_t n = 1, dim[MAX_RANK], stride[MAX_RANK];
  int rank = c->n[role];
  for (int i = 0; i < rank; i++) {
    const ContractAxis *x = &c->axis[c->of[role][i]];
    dim[i] = eval_dim(e, x->dim);
    stride[i] = eval_dim(e, x->stride[operand]);
    n *= dim[i];
  }
  *hold = eval_new_shape(e, DT_F64, 1, &n); /* memory that the run owns; 8 bytes an element */
  int64_t *off = (*hold)->data, ix[MAX_RANK] = {0}, at = 0;
  for (int64_t i = 0; i < n; i++) {
    off[i] = at;
    for (int r = rank - 1; r >= 0; r--) {
      at += stride[r];
      if (++ix[r] < dim[r]) break;
      at -= stride[r] * dim[r];
      ix[r] = 0;
    }
  }
  return off;
}

static bool contiguous(const int64_t *off, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (off[i] != i) return false;
  return true;
}

/* The offsets and scratch rows of one contraction. The roles of the operands are chosen so that `row` is the one whose
 * own axes are the lanes of gemm_row; products commute, so either choice gives the same bits. */
enum { SCRATCH = 13 };
typedef struct Plan {
  DType t;
  const char *row, *one; /* operands: of the lanes, of the multipliers */
  char *result;
  int64_t n, m, k; /* lanes, multiplier rows, contracted */
  const int64_t *row_n, *row_k, *one_m, *one_k, *res_n, *res_m, *row_b, *one_b, *res_b;
  Val *hold[SCRATCH];
  bool row_plain, one_plain, res_plain;
  char *panel, *x, *y; /* packed [k][n], [k], [n] */
  const int64_t *panel_at;
} Plan;

static void contract_batch(const Plan *p, int64_t b, int64_t size) {
  const char *row = p->row + p->row_b[b] * size, *one = p->one + p->one_b[b] * size;
  char *result = p->result + p->res_b[b] * size;
  if (!p->row_plain)
    for (int64_t i = 0; i < p->k; i++)
      gemm_gather(p->t, p->panel + i * p->n * size, row + p->row_k[i] * size, p->row_n, p->n);
  for (int64_t i = 0; i < p->m; i++) {
    const char *x = one + p->one_m[i] * size;
    char *y = result + p->res_m[i] * size;
    if (!p->one_plain) gemm_gather(p->t, p->x, x, p->one_k, p->k);
    gemm_row(p->t, p->res_plain ? y : p->y, p->n, p->one_plain ? x : p->x, p->row_plain ? row : p->panel, p->panel_at,
             p->k);
    if (!p->res_plain) gemm_scatter(p->t, y, p->y, p->res_n, p->n);
  }
}

static char *scratch(Eval *e, Plan *p, int i, int64_t n) {
  p->hold[i] = eval_new_shape(e, p->t, 1, &n);
  return p->hold[i]->data;
}

void eval_contract(Eval *e, Id n) {
  Contract c;
  contract_of(e->g, n, &c);
  bool left_lanes = eval_dim(e, contract_count(e->g->m, &c, AX_N)) < 4;
  int row = left_lanes ? OPERAND_LEFT : OPERAND_RIGHT, one = !row;
  AxisRole lanes = left_lanes ? AX_M : AX_N, rest = left_lanes ? AX_N : AX_M;
  Val *y = eval_out(e, n);
  Plan p = {.t = y->type, .row = eval_in(e, n, row)->data, .one = eval_in(e, n, one)->data, .result = y->data};
  Val **h = p.hold;
  p.row_n = role_offsets(e, &c, lanes, row, &h[0]);
  p.res_n = role_offsets(e, &c, lanes, OPERAND_RESULT, &h[1]);
  p.one_m = role_offsets(e, &c, rest, one, &h[2]);
  p.res_m = role_offsets(e, &c, rest, OPERAND_RESULT, &h[3]);
  p.row_k = role_offsets(e, &c, AX_K, row, &h[4]);
  p.one_k = role_offsets(e, &c, AX_K, one, &h[5]);
  p.row_b = role_offsets(e, &c, AX_BATCH, row, &h[6]);
  p.one_b = role_offsets(e, &c, AX_BATCH, one, &h[7]);
  p.res_b = role_offsets(e, &c, AX_BATCH, OPERAND_RESULT, &h[8]);
  p.n = h[0]->count, p.m = h[2]->count, p.k = h[4]->count;
  p.row_plain = contiguous(p.row_n, p.n);
  p.one_plain = contiguous(p.one_k, p.k);
  p.res_plain = contiguous(p.res_n, p.n);
  p.panel_at = p.row_k;
  if (!p.row_plain) {
    p.panel = scratch(e, &p, 9, p.k * p.n);
    int64_t *at = (h[12] = eval_new_shape(e, DT_F64, 1, &p.k))->data;
    for (int64_t i = 0; i < p.k; i++) at[i] = i * p.n;
    p.panel_at = at;
  }
  p.x = scratch(e, &p, 10, p.k);
  p.y = scratch(e, &p, 11, p.n);
  for (int64_t b = 0; b < h[6]->count; b++) contract_batch(&p, b, (int64_t)(p.t == DT_F64 ? 8 : 4));
  for (int i = 0; i < SCRATCH; i++) val_release(h[i]);
}
