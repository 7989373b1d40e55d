/* Index notation: arithmetic and reductions over values whose axes carry indices. */
#include "frontend/elab_index.h"
#include <string.h>

bool ix_has(const IxVal *v, int label) {
  for (int i = 0; i < v->n; i++)
    if (v->label[i] == label) return true;
  return false;
}

int ix_union(int n, int *label, const IxVal *v) {
  for (int i = 0; i < v->n && n >= 0; i++) {
    int k = 0;
    while (k < n && label[k] != v->label[i]) k++;
    if (k < n) continue;
    if (n == MAX_RANK) return -1;
    label[n++] = v->label[i];
  }
  return n;
}

IxVal ix_order(Elab *e, Index *x, IxVal v, int n, const int *label, bool widen) {
  IxVal r = {.v = v.v, .n = n};
  int64_t perm[MAX_RANK] = {0};
  Dim dim[MAX_RANK], full[MAX_RANK];
  int m = 0;
  memcpy(r.label, label, (size_t)n * sizeof *label);
  if (v.v.kind != V_TENSOR) return v;
  for (int i = 0; i < n; i++) {
    full[i] = x->var[label[i]].extent;
    dim[i] = 1;
    for (int k = 0; k < v.n; k++)
      if (v.label[k] == label[i]) {
        perm[m++] = k;
        dim[i] = full[i];
      }
  }
  Id id = b_transpose(e->g, v.v.id, perm);
  bool leading = true; /* absent axes in front come by broadcasting */
  for (int i = 0; i < n - m; i++) leading &= !ix_has(&v, label[i]);
  if (!leading || widen) id = b_reshape(e->g, id, n, dim);
  if (widen) id = b_broadcast(e->g, id, n, full);
  r.v = v_tensor(e, id);
  return r;
}

static bool align(Elab *e, Index *x, const Ast *at, IxVal *v, int n, IxVal *r, bool widen) {
  int m = 0;
  for (int i = 0; i < n && m >= 0; i++) m = ix_union(m, r->label, &v[i]);
  if (m < 0) return el_fail(e, 218, at, "more than %d indices meet here", MAX_RANK), false;
  r->n = m;
  for (int i = 0; i < n; i++) {
    if (v_bad(v[i].v)) return false;
    v[i] = ix_order(e, x, v[i], m, r->label, widen);
  }
  return true;
}

/* ---- operations ---- */

static IxVal unary(Elab *e, Index *x, const Ast *a) {
  IxVal v = ix_eval(e, x, a->kid[0]);
  v.v = el_unary(e, a->op, v.v, a);
  return v;
}

static IxVal binary(Elab *e, Index *x, const Ast *a) {
  IxVal v[2] = {ix_eval(e, x, a->kid[0]), ix_eval(e, x, a->kid[1])}, r = {0};
  if (a->op == AST_MATMUL) return r.v = el_fail(e, 218, a, "`@` has no place in index notation; write the sum"), r;
  if (!align(e, x, a, v, 2, &r, false)) return ix_none();
  r.v = el_binary(e, a->op, v[0].v, v[1].v, a, a->kid[0], a->kid[1]);
  return r;
}

/* Whether node n was made of the arguments by element-wise operations alone. */
static bool elementwise(Elab *e, Id n, const IxVal *arg, int nargs) {
  bool *need = ctx_alloc(e->c, (size_t)n + 1), *given = ctx_alloc(e->c, (size_t)e->g->n);
  for (int i = 0; i < nargs; i++)
    if (arg[i].v.kind == V_TENSOR) given[arg[i].v.id] = true;
  need[n] = true;
  for (; n >= 1; n--) {
    const Node *d = node_get(e->g, n);
    OpClass cls = op_info[d->op].cls;
    if (!need[n] || given[n] || (cls == CL_LEAF && node_type(e->g, n)->rank == 0)) continue;
    if (cls != CL_ELEM) return false;
    for (int i = 0; i < (int)d->nin; i++) need[node_in(e->g, n, i)] = true;
  }
  return true;
}

static IxVal call(Elab *e, Index *x, const Ast *a, const Ast *first) {
  const Ast *callee = a->kind == AST_CALL ? a->kid[0] : a;
  int given = a->kind == AST_CALL ? a->n - 1 : 0, n = 0;
  IxVal *v = ctx_alloc(e->c, (size_t)(given + 1) * sizeof *v), r = {0};
  Call k = {.name = "?", .at = a->at, .len = a->len, .mark = a->mark, .mark_len = a->mark_len};
  k.arg = ctx_alloc(e->c, (size_t)(given + 1) * sizeof *k.arg);
  for (int i = first ? 0 : 1; i <= given; i++) {
    const Ast *p = i ? a->kid[i] : first, *y = p->kind == AST_NAMED ? p->kid[0] : p;
    v[n] = ix_eval(e, x, y);
    k.arg[n++] = (Arg){.name = p->kind == AST_NAMED ? p->text : NULL, .ast = y, .set = true, .at = p->at,
                       .len = p->len};
  }
  if (!align(e, x, a, v, n, &r, true)) return ix_none();
  k.n = n;
  for (int i = 0; i < n; i++) k.arg[i].v = v[i].v;
  if (callee->kind == AST_NAME) k.name = callee->text;
  r.v = el_call_value(e, callee, &k);
  if (v_bad(r.v)) return ix_none();
  if (r.v.kind != V_TENSOR || (el_ty(e, r.v.id)->rank == r.n && elementwise(e, r.v.id, v, n))) return r;
  r.v = el_fail(e, 218, callee, "`%s` is not element-wise, so its meaning in index notation is not clear", k.name);
  return r;
}

/* ---- reductions ---- */

IxVal ix_reduce(Elab *e, IxVal v, const char *how, int n, const int *label) {
  int64_t axes[MAX_RANK];
  int m = 0, keep = 0;
  IxVal r = v;
  if (v.v.kind != V_TENSOR) return v;
  for (int i = 0; i < v.n; i++) {
    bool over = false;
    for (int k = 0; k < n; k++) over |= label[k] == v.label[i];
    if (over) axes[m++] = i;
    else r.label[keep++] = v.label[i];
  }
  r.n = keep;
  if (m) r.v = v_tensor(e, b_reduce(e->g, (Op)op_find_token(how, 1), v.v.id, m, axes, false));
  return r;
}

static void spec_of(const IxVal *v, const int *all, int n, char *s) {
  for (int i = 0; i < v->n; i++) {
    int k = 0;
    while (k < n && all[k] != v->label[i]) k++;
    s[i] = (char)('a' + k);
  }
  s[v->n] = 0;
}

/* sum over `label` of a * b, as one contraction where they meet in both */
static IxVal product(Elab *e, Index *x, const Ast *at, IxVal a, IxVal b, int n, const int *label) {
  int only[2][IX_MAX] = {{0}}, nonly[2] = {0}, both[IX_MAX], nboth = 0;
  for (int i = 0; i < n; i++) {
    bool in_a = ix_has(&a, label[i]), in_b = ix_has(&b, label[i]);
    if (in_a && in_b) both[nboth++] = label[i];
    else if (in_a || in_b) only[in_b][nonly[in_b]++] = label[i];
  }
  a = ix_reduce(e, a, "sum", nonly[0], only[0]);
  b = ix_reduce(e, b, "sum", nonly[1], only[1]);
  IxVal r = {0};
  if (!nboth) {
    IxVal v[2] = {a, b};
    if (!align(e, x, at, v, 2, &r, false)) return ix_none();
    r.v = el_binary(e, AST_MUL, v[0].v, v[1].v, at, at, at);
    return r;
  }
  int all[2 * MAX_RANK], m = 0;
  char la[MAX_RANK + 1], lb[MAX_RANK + 1], out[MAX_RANK + 1];
  for (int i = 0; i < a.n; i++) all[m++] = a.label[i];
  for (int i = 0; i < b.n; i++)
    if (!ix_has(&a, b.label[i])) all[m++] = b.label[i];
  for (int i = 0; i < m; i++) {
    bool summed = false;
    for (int k = 0; k < nboth; k++) summed |= both[k] == all[i];
    if (summed) continue;
    if (r.n == MAX_RANK) return r.v = el_fail(e, 218, at, "more than %d indices meet here", MAX_RANK), r;
    r.label[r.n++] = all[i];
  }
  spec_of(&a, all, m, la);
  spec_of(&b, all, m, lb);
  spec_of(&r, all, m, out);
  r.v = v_tensor(e, el_contract(e, a.v.id, la, b.v.id, lb, out, at->mark));
  return r;
}

static bool is_float_tensor(Elab *e, const IxVal *v) {
  return v->v.kind == V_TENSOR && dtype_is_float(el_ty(e, v->v.id)->dtype);
}

/* What a mean is taken of: 16-bit floats as f32, so that it is rounded once, to *type. */
static IxVal widened(Elab *e, IxVal v, DType *type) {
  if (!is_float_tensor(e, &v) || !dtype_is_half(el_ty(e, v.v.id)->dtype)) return v;
  *type = (DType)el_ty(e, v.v.id)->dtype;
  v.v = v_tensor(e, b_cast(e->g, v.v.id, DT_F32));
  return v;
}

static IxVal reduce(Elab *e, Index *x, const Ast *a) {
  DType type = DT_COUNT; /* of a mean of 16-bit floats */
  int label[IX_MAX], n = a->n - 1, was = x->nactive;
  bool sum = !strcmp(a->text, "sum"), mean = !strcmp(a->text, "mean");
  ix_enter(x, a);
  for (int i = 0; i < n; i++) label[i] = ix_find(x, a->kid[i + 1]->text);
  const Ast *body = a->kid[0];
  IxVal r, l = {.v = v_none()}, m = {.v = v_none()};
  bool pair = (sum || mean) && body->kind == AST_BINARY && body->op == AST_MUL;
  if (pair) {
    l = ix_eval(e, x, body->kid[0]);
    m = ix_eval(e, x, body->kid[1]);
    if (v_bad(l.v) || v_bad(m.v)) return x->nactive = was, ix_none();
    bool floats = is_float_tensor(e, &l) && is_float_tensor(e, &m);
    bool differ = floats && el_ty(e, l.v.id)->dtype != el_ty(e, m.v.id)->dtype;
    if (mean && !differ) l = widened(e, l, &type), m = widened(e, m, &type);
    if (floats && !differ) {
      r = product(e, x, body, l, m, n, label);
    } else {
      IxVal v[2] = {l, m};
      r = (IxVal){0};
      if (!align(e, x, body, v, 2, &r, false)) return x->nactive = was, ix_none();
      r.v = el_binary(e, AST_MUL, v[0].v, v[1].v, body, body->kid[0], body->kid[1]);
      l = r;
      r = ix_reduce(e, r, "sum", n, label);
      m = (IxVal){.v = v_none()};
    }
  } else {
    l = ix_eval(e, x, body);
    if (mean) l = widened(e, l, &type);
    r = ix_reduce(e, l, mean ? "sum" : a->text, n, label);
  }
  x->nactive = was;
  Dim times = 1, count = 1;
  for (int i = 0; i < n; i++) {
    count = dim_mul(e->m, count, x->var[label[i]].extent);
    if (!ix_has(&l, label[i]) && !ix_has(&m, label[i])) times = dim_mul(e->m, times, x->var[label[i]].extent);
  }
  if (v_bad(r.v) || (!sum && !mean)) return r;
  if (times != 1) r.v = el_binary(e, AST_MUL, r.v, v_dim(e, times), a, a, a); /* constant along these indices */
  if (mean && !v_bad(r.v)) {
    double f;
    Value by = v_dim(e, count);
    r.v = el_binary(e, AST_DIV, r.v.kind == V_INT && v_number(r.v, &f) ? v_float(f) : r.v, by, a, a, a);
  }
  if (type != DT_COUNT && r.v.kind == V_TENSOR) r.v = v_tensor(e, b_cast(e->g, r.v.id, type));
  return r;
}

IxVal ix_eval(Elab *e, Index *x, const Ast *a) {
  if (e->fatal) return ix_none();
  if (e->nesting >= EL_MAX_NESTING) {
    el_fatal(e, 213, a->mark, a->mark_len, "calls and expressions nest too deeply");
    return ix_none();
  }
  IxVal r = {0};
  Loc old = e->g->loc;
  e->nesting++;
  e->g->loc = a->mark;
  int i;
  if (!ix_mentions(x, a)) {
    r.v = el_expr(e, a);
    if (r.v.kind == V_TENSOR && el_ty(e, r.v.id)->rank)
      r.v = el_fail(e, 218, a, "%s without indices in index notation", v_text(e, r.v));
  } else if (a->kind == AST_NAME && (i = ix_find(x, a->text)) >= 0) {
    r = (IxVal){.v = v_tensor(e, b_iota(e->g, DT_I32, 1, &x->var[i].extent, 0)), .n = 1, .label = {i}};
  } else if (a->kind == AST_INDEX) {
    r = ix_read(e, x, a);
  } else if (a->kind == AST_UNARY) {
    r = unary(e, x, a);
  } else if (a->kind == AST_BINARY) {
    r = binary(e, x, a);
  } else if (a->kind == AST_CALL) {
    r = call(e, x, a, NULL);
  } else if (a->kind == AST_PIPE) {
    r = call(e, x, a->kid[1], a->kid[0]);
  } else if (a->kind == AST_REDUCE) {
    r = reduce(e, x, a);
  } else {
    r.v = el_fail(e, 218, a, "%s cannot stand in index notation", ast_kind_name(a->kind));
  }
  e->g->loc = old;
  e->nesting--;
  return r;
}
