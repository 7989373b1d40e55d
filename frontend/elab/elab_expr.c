/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions. */
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_seen.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_stmt.h"

/* ---- element-wise operations on tensors and numbers ---- */

static bool all_ints(Value v) {
  if (v.kind != V_LIST) return v.kind == V_INT;
  for (int i = 0; i < v.list->n; i++)
    if (!all_ints(v.list->v[i])) return false;
  return true;
}

/* The element type for numbers among the operands: that of the first tensor with one of its own. */
static DType common_type(Elab *e, const Value *v, int n) {
  bool ints = true;
  for (int i = 0; i < n; i++)
    if ((v[i].kind == V_TENSOR && !v[i].int_choice) || v[i].kind == V_STATE) {
      Id id = el_local_node(e, v[i]);
      if (id) return (DType)el_type(e, id)->dtype;
    }
  bool lists = false, bools = false;
  for (int i = 0; i < n; i++) {
    lists |= v[i].kind == V_LIST;
    bools |= v[i].kind == V_BOOL;
    ints &= all_ints(v[i]);
  }
  return bools || (ints && lists) ? DT_COUNT : DT_F32;
}

/* Names of tensors whose element types an operation refuses: other operations refuse them for the same reason. */
static void types_are_wrong(Elab *e, const Call *k, const Id *in, int n) {
  bool wrong = false;
  for (int i = 0; i < n; i++) {
    int t = el_type(e, in[i])->dtype;
    wrong |= t != el_type(e, in[0])->dtype || !dtype_is_float(t);
  }
  for (int i = 0; i < n && i < k->n && wrong; i++)
    if (k->arg[i].v.kind == V_TENSOR) el_poison_name(e, k->arg[i].ast);
}

/* Of two tensors whose last axes differ. */
static void help_sizes(Elab *e, Diag *d, const Id *in) {
  const Type *a = el_type(e, in[0]), *b = el_type(e, in[1]);
  if (a->dtype != b->dtype || !a->rank || !b->rank) return;
  Dim x = a->dim[a->rank - 1], y = b->dim[b->rank - 1];
  if (x == y || x == 1 || y == 1) return;
  if (b->rank > 1 && x == b->dim[b->rank - 2]) diag_help(e->c, d, "a matrix product is written `a @ b`");
  else diag_help(e->c, d, "axes are compared from the last one on: two sizes are equal, or one of them is 1");
}

static void label_failed(Elab *e, const Call *k, const Id *in, int n) {
  Diag *d = e->m->last;
  if (d) el_label_call(e, d, k);
  if (d && n == 2) help_sizes(e, d, in);
  if (d) el_note_sizes(e, d);
  e->m->last = NULL;
}

/* The steps of a choice between two numbers, each a static int or such a choice; 0: it is none, or too deep. */
static int choice_depth(const Value *v) {
  enum { MOST = 8 };
  int most = 0;
  for (int i = 0; i < 2; i++) {
    if (v[i].kind != V_INT && !(v[i].kind == V_TENSOR && v[i].int_choice)) return 0;
    if (v[i].kind == V_TENSOR && v[i].int_choice > most) most = v[i].int_choice;
  }
  return most < MOST ? most + 1 : 0;
}

Value el_op(Elab *e, int op, const Value *v, int n, AttrId attr, const Call *k) {
  Id in[4];
  for (int i = 0; i < n; i++)
    if (v_bad(v[i])) return v_error();
  bool where = op_info[op].flags & OPF_SELECT;
  DType t = common_type(e, v + where, n - where);
  for (int i = 0; i < n; i++) {
    const Ast *at = k && i < k->n ? k->arg[i].ast : NULL;
    in[i] = el_tensor(e, v[i], where && !i ? DT_BOOL : t, at);
    if (!in[i]) return v_error();
    if (t == DT_COUNT && !(where && !i)) t = (DType)el_type(e, in[i])->dtype;
  }
  e->m->last = NULL;
  Builder at = k ? el_builder(e, k->caret) : e->cur.b;
  Id r = b_node(&at, (Op)op, in, n, attr);
  if (!r && k) {
    label_failed(e, k, in, n);
    types_are_wrong(e, k, in, n);
  }
  Value y = v_tensor(e, r);
  if (r && where) y.int_choice = choice_depth(v + 1);
  return y;
}

/* The table has no > and >=: they are < and <= of exchanged operands. */
int el_operator(int op, bool *swapped) {
  *swapped = op == AST_GT || op == AST_GE;
  return op_find_spelling(ast_op_text(op == AST_GT ? AST_LT : op == AST_GE ? AST_LE : op), 2);
}

static Value tensor_binary(Elab *e, int op, Value a, Value b, const Ast *at, const Ast *left, const Ast *right);

/* x ** p as a cheaper operation, where the number p has one; else V_NONE. x * x, unlike a power, has no pole at 0. */
static Value special_power(Elab *e, Value x, Value power, const Ast *at, const Ast *left, const Ast *right) {
  double p;
  if (!v_tensorlike(x) || v_tensorlike(power) || !v_number(power, &p)) return v_none();
  if (p == 2) return tensor_binary(e, AST_MUL, x, x, at, left, left);
  Id t = el_tensor(e, x, DT_F32, left);
  if (!t) return v_error();
  if (!dtype_is_float(el_type(e, t)->dtype)) return v_none();
  if (p == 1) return v_tensor(e, t);
  if (p == -1) return tensor_binary(e, AST_DIV, v_float(1), x, at, right, left);
  Id r = b_power(&e->cur.b, t, p);
  return r ? v_tensor(e, r) : v_none();
}

/* Whether `column`, [..., n, 1], meets `row`, [..., n]: together they are [..., n, n]. */
static bool meets_as_column(const Type *column, const Type *row) {
  int n = row->rank;
  if (!n || column->rank != n + 1 || column->dim[n] != 1 || row->dim[n - 1] == 1) return false;
  for (int i = 0; i < n; i++)
    if (column->dim[i] != row->dim[i]) return false;
  return true;
}

/* In a section, predictions [B, 1] against targets [B] are a mistake that trains without an error. An axis that this
 * expression adds, x[:, none], asks for all pairs. */
static void warn_all_pairs(Elab *e, Value result, const Ast *at, const Value *v, const Ast *left, const Ast *right) {
  if (e->cur.f->name || e->index || result.kind != V_TENSOR || !v_tensorlike(v[0]) || !v_tensorlike(v[1])) return;
  const Type *t[2];
  for (int i = 0; i < 2; i++) {
    Id id = v[i].kind == V_LIST ? 0 : el_local_node(e, v[i]);
    if (!id) return;
    t[i] = el_type(e, id);
  }
  bool first = meets_as_column(t[0], t[1]);
  if (!first && !meets_as_column(t[1], t[0])) return;
  const Ast *column = first ? left : right;
  if (column->kind == AST_INDEX || el_reported(e, E_ALL_PAIRS, at, "")) return;
  Diag *d = diag_warn(e->c, E_ALL_PAIRS, at->caret, at->caret_len, "%s and %s give %s: every record meets every other",
                      v_text(e, v[0]), v_text(e, v[1]), v_text(e, result));
  const Ast *row = first ? right : left;
  const char *name = row->kind == AST_NAME ? row->text : "y";
  diag_help(e->c, d, "`%s[:, none]` meets its own record; if all pairs are meant, `%s[none, :]`", name, name);
}

static Value tensor_binary(Elab *e, int op, Value a, Value b, const Ast *at, const Ast *left, const Ast *right) {
  Value power = op == AST_POW ? special_power(e, a, b, at, left, right) : v_none();
  if (power.kind != V_NONE) return power;
  bool swapped;
  int code = el_operator(op, &swapped);
  if (swapped) {
    Value x = a;
    const Ast *y = left;
    a = b;
    b = x;
    left = right;
    right = y;
  }
  Arg arg[2] = {{.ast = left, .v = a, .set = true}, {.ast = right, .v = b, .set = true}};
  Call k = {.name = ast_op_text(op),
            .at = at->at,
            .caret = at->caret,
            .len = at->len,
            .caret_len = at->caret_len,
            .arg = arg,
            .n = 2};
  Value v[2] = {a, b};
  if (code < 0) return el_fail(e, E_OPERAND_KIND, at, "`%s` does not take tensors", ast_op_text(op));
  Value y = el_op(e, code, v, 2, 0, &k);
  warn_all_pairs(e, y, at, v, left, right);
  return y;
}

Value el_binary(Elab *e, int op, Value a, Value b, const Ast *at, const Ast *left, const Ast *right) {
  if (v_bad(a) || v_bad(b)) return v_error();
  if (a.kind == V_NONE || b.kind == V_NONE)
    return el_fail(e, E_NO_VALUE, a.kind == V_NONE ? left : right, "this has no value");
  if (a.kind == V_FN || b.kind == V_FN) {
    if (op == AST_EQ || op == AST_NE) return el_static_binary(e, op, a, b, at);
    el_poison_name(e, a.kind == V_FN ? left : right);
    return el_fail(e, E_FN_VALUE, at, "%s is not an operand of `%s`; call it", v_text(e, a.kind == V_FN ? a : b),
                   ast_op_text(op));
  }
  if (op == AST_MATMUL) {
    Id x = el_tensor(e, a, DT_F32, left), y = x ? el_tensor(e, b, DT_F32, right) : 0;
    return y ? v_tensor(e, el_matmul(e, x, y, at, left, right)) : v_error();
  }
  bool floats = a.kind == V_FLOAT || b.kind == V_FLOAT, sizes = a.kind == V_SIZE || b.kind == V_SIZE;
  bool tensor = a.kind == V_TENSOR || b.kind == V_TENSOR || a.kind == V_STATE || b.kind == V_STATE;
  bool lists = a.kind == V_LIST || b.kind == V_LIST;
  if ((a.kind == V_STR || b.kind == V_STR) && (op == AST_EQ || op == AST_NE))
    return el_static_binary(e, op, a, b, at); /* a word such as "same" in the place of a number, a list or a tensor */
  if (lists && !tensor && (op == AST_EQ || op == AST_NE)) return el_static_binary(e, op, a, b, at);
  if (lists && op == AST_ADD && a.kind == b.kind && !(v_tensorlike(a) && v_tensorlike(b))) {
    Value both = v_list(e, a.list->n + b.list->n, NULL);
    for (int i = 0; i < both.list->n; i++) both.list->v[i] = i < a.list->n ? a.list->v[i] : b.list->v[i - a.list->n];
    return el_check_extent(e, both, at->caret, at->caret_len);
  }
  if (tensor || lists || (floats && sizes)) return tensor_binary(e, op, a, b, at, left, right);
  return el_static_binary(e, op, a, b, at);
}

Value el_unary(Elab *e, int op, Value a, const Ast *at) {
  if (v_bad(a)) return a;
  if (op == AST_NOT && a.kind == V_BOOL) return v_bool(!a.i);
  if (op == AST_NEG && a.kind == V_INT)
    return a.i == INT64_MIN ? el_fail(e, E_INT_OVERFLOW, at, "overflow") : v_int(-a.i);
  if (op == AST_NEG && a.kind == V_FLOAT) return v_float(-a.f);
  if (op == AST_NEG && a.kind == V_SIZE) return v_dim(e, dim_sub(e->m, 0, a.i));
  if (!v_tensorlike(a)) return el_fail(e, E_OPERAND_KIND, at, "`%s` does not take %s", ast_op_text(op), v_kind(a));
  Arg arg = {.ast = at->kid[0], .v = a, .set = true};
  Call k = {.name = ast_op_text(op),
            .at = at->at,
            .caret = at->caret,
            .len = at->len,
            .caret_len = at->caret_len,
            .arg = &arg,
            .n = 1};
  return el_op(e, op_find_spelling(ast_op_text(op), 1), &a, 1, 0, &k);
}

static Value logical(Elab *e, const Ast *a) {
  Value l = el_expr(e, a->kid[0]);
  if (l.kind == V_BOOL && l.i == (a->op == AST_OR)) return l;
  Value r = el_expr(e, a->kid[1]);
  if (v_bad(l) || v_bad(r) || (l.kind == V_BOOL && r.kind == V_BOOL)) return v_bad(l) ? l : r;
  if (!(l.kind == V_BOOL || v_tensorlike(l)) || !(r.kind == V_BOOL || v_tensorlike(r)))
    return el_fail(e, E_OPERAND_KIND, a, "`%s` takes bools, not %s and %s", ast_op_text(a->op), v_kind(l), v_kind(r));
  return tensor_binary(e, a->op, l, r, a, a->kid[0], a->kid[1]);
}

static Value transpose(Elab *e, const Ast *a) {
  Value v = el_expr(e, a->kid[0]);
  Id x = v_bad(v) ? 0 : el_tensor(e, v, DT_COUNT, a->kid[0]);
  if (!x) return v_error();
  int rank = el_type(e, x)->rank;
  if (rank < 2) {
    Diag *d = el_error(e, E_AXIS_RANGE, a, "`'` exchanges the last two axes; this tensor has %d", rank);
    el_label_operand(e, d, a->kid[0], v);
    return v_error();
  }
  int64_t perm[MAX_RANK];
  for (int i = 0; i < rank; i++) perm[i] = i;
  perm[rank - 1] = rank - 2;
  perm[rank - 2] = rank - 1;
  return v_tensor(e, b_transpose(&e->cur.b, x, perm));
}

static Value list(Elab *e, const Ast *a) {
  Value v = v_list(e, a->n, NULL);
  bool bad = false;
  for (int i = 0; i < a->n; i++) {
    v.list->v[i] = el_expr(e, a->kid[i]);
    if (v.list->v[i].kind == V_STATE) v.list->v[i] = v_tensor(e, el_local_node(e, v.list->v[i]));
    bad |= v_bad(v.list->v[i]);
  }
  return bad ? v_error() : el_check_extent(e, v, a->caret, a->caret_len);
}

static Value range(Elab *e, const Ast *a) {
  Value lo = el_static(e, a->kid[0]), hi = el_static(e, a->kid[1]);
  if (v_bad(lo) || v_bad(hi)) return v_error();
  if (lo.kind != V_INT || hi.kind != V_INT)
    return el_fail(e, E_ARG_KIND, a, "a range runs between ints, not from %s to %s", v_kind(lo), v_kind(hi));
  uint64_t n = hi.i > lo.i ? (uint64_t)hi.i - (uint64_t)lo.i : 0;
  if (n > EL_MAX_ELEMENTS)
    return el_fatal(e, E_TOO_MANY_ELEMENTS, a->caret, a->caret_len, "a range of more than %d numbers", EL_MAX_ELEMENTS);
  Value v = v_list(e, (int)n, NULL);
  for (int i = 0; i < (int)n; i++) v.list->v[i] = v_int(lo.i + i);
  return v;
}

static Value name(Elab *e, const Ast *a) {
  Value v;
  if (el_lookup(e, a->text, a, &v) || el_weight_named(e, a, &v)) return v;
  el_unknown_name(e, a, a->text);
  return v_error();
}

static Value expr(Elab *e, const Ast *a) {
  switch (a->kind) {
  case AST_INT: return v_int(a->i);
  case AST_FLOAT: return v_float(a->f);
  case AST_STR: return v_str(a->text);
  case AST_BOOL: return v_bool(a->i != 0);
  case AST_NAME: return name(e, a);
  case AST_LIST: return list(e, a);
  case AST_CALL: return el_call_ast(e, a, NULL, NULL);
  case AST_INDEX: return el_subscript(e, a);
  case AST_REDUCE: return el_index_reduce(e, a);
  case AST_UNARY: return el_unary(e, a->op, el_expr(e, a->kid[0]), a);
  case AST_BINARY: {
    if (a->op == AST_AND || a->op == AST_OR) return logical(e, a);
    Value l = el_expr(e, a->kid[0]), r = el_expr(e, a->kid[1]);
    return el_binary(e, a->op, l, r, a, a->kid[0], a->kid[1]);
  }
  case AST_TRANSPOSE: return transpose(e, a);
  case AST_PIPE: {
    Value v = el_expr(e, a->kid[0]);
    return v_bad(v) ? v : el_call_ast(e, a->kid[1], &v, a->kid[0]);
  }
  case AST_RANGE: return range(e, a);
  case AST_IF: return el_if(e, a);
  case AST_BLOCK: return el_block(e, a);
  default: return el_fail(e, E_MISPLACED, a, "%s is not allowed here", ast_kind_name(a->kind));
  }
}

Value el_expr(Elab *e, const Ast *a) {
  if (e->fatal) return v_error();
  if (e->nesting >= EL_MAX_NESTING)
    return el_fatal(e, E_CALL_DEPTH, a->caret, a->caret_len, "calls and expressions nest too deeply");
  if (++e->steps > EL_MAX_STEPS)
    return el_fatal(e, E_TOO_MANY_ELEMENTS, a->caret, a->caret_len, "elaboration takes more than %d steps",
                    EL_MAX_STEPS);
  e->nesting++;
  Builder outer = e->cur.b;
  e->cur.b = el_builder(e, a->caret);
  const Graph *g = e->cur.b.g;
  int from = g ? g->n : 0;
  Value v = expr(e, a);
  e->cur.b = outer;
  e->nesting--;
  if (v.kind == V_STATE) v = v_tensor(e, el_local_node(e, v));
  if (e->seen) el_saw(e, a, v, g, from);
  return v;
}

Value el_static(Elab *e, const Ast *a) {
  Value v = el_expr(e, a);
  if (v.kind == V_TENSOR)
    return el_fail(e, E_NOT_STATIC, a, "this must be known at compile time; it is a tensor, %s", v_text(e, v));
  return v;
}
