/* SPDX-License-Identifier: Apache-2.0 */
/* Index notation: names of indices, their extents, definitions. */
#include "frontend/elab/elab_index.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_state.h"

IxVal ix_none(void) { return (IxVal){.v = v_error()}; }

int ix_find(const Index *x, const char *name) {
  for (int i = x->nactive - 1; i >= 0; i--)
    if (x->var[x->active[i]].name == name) return x->active[i];
  return -1;
}

bool ix_mentions(const Index *x, const Ast *a) {
  if (!a) return false;
  if (a->kind == AST_REDUCE) return true;
  if (a->kind == AST_NAME && ix_find(x, a->text) >= 0) return true;
  for (int i = 0; i < a->n; i++)
    if (ix_mentions(x, a->kid[i])) return true;
  return false;
}

/* ---- scopes of indices ---- */

bool ix_push(Elab *e, Index *x, const Ast *names, int from, const Ast *binder) {
  int first = x->nvar;
  for (int i = from; i < names->n; i++) {
    const Ast *a = names->kid[i];
    if (a->kind != AST_NAME) return el_reject(e, E_INDEX_NOTATION, a, "an index is a name");
    for (int k = first; k < x->nvar; k++)
      if (x->var[k].name == a->text) return el_reject(e, E_INDEX_NOTATION, a, "index `%s` occurs twice", a->text);
    if (x->nvar == IX_MAX) return el_reject(e, E_INDEX_NOTATION, a, "more than %d indices in one expression", IX_MAX);
    x->active[x->nactive++] = x->nvar;
    x->var[x->nvar++] = (IxVar){.name = a->text, .at = a};
  }
  if (binder && x->nbinder < IX_MAX) {
    x->binder[x->nbinder].reduce = binder;
    x->binder[x->nbinder++].first = first;
  }
  return true;
}

void ix_pop(Index *x, const Ast *names, int from) { x->nactive -= names->n - from; }

void ix_enter(Index *x, const Ast *reduce) {
  for (int i = 0; i < x->nbinder; i++)
    if (x->binder[i].reduce == reduce)
      for (int k = 1; k < reduce->n; k++) x->active[x->nactive++] = x->binder[i].first + k - 1;
}

Value ix_base(Elab *e, Index *x, const Ast *a) {
  for (int i = 0; i < x->nbase; i++)
    if (x->base[i].ast == a) return x->base[i].v;
  Value v = el_expr(e, a);
  if (!v_bad(v)) v = v_tensor(e, el_tensor(e, v, DT_COUNT, a));
  int k = x->nbase;
  VEC_PUSH(e->c, x->base, x->nbase, x->capbase)->ast = a;
  x->base[k].v = v;
  return v;
}

/* ---- an axis's index as a linear function ---- */

static bool linear_static(Elab *e, const Ast *a, IxLinear *f, bool *fits) {
  Value v;
  if (a->kind == AST_NAME && !el_lookup(e, a->text, a, &v))
    return el_reject(e, E_INDEX_NOTATION, a, "`%s` is neither an index on the left nor one of a reduction", a->text);
  v = el_expr(e, a);
  *fits = v.kind == V_INT;
  *f = (IxLinear){.offset = *fits ? v.i : 0};
  return !v_bad(v);
}

static bool linear_add(Elab *e, const Ast *at, IxLinear *f, const IxLinear *g, int64_t scale) {
  if (__builtin_add_overflow(f->offset, g->offset * scale, &f->offset))
    return el_reject(e, E_INT_OVERFLOW, at, "overflow");
  for (int i = 0; i < g->n; i++) {
    int k = 0;
    while (k < f->n && f->var[k] != g->var[i]) k++;
    if (k == IX_TERMS) return el_reject(e, E_INDEX_NOTATION, at, "an index of more than %d terms", IX_TERMS);
    if (k == f->n) {
      f->var[f->n] = g->var[i];
      f->coef[f->n++] = 0;
    }
    f->coef[k] += g->coef[i] * scale;
  }
  return true;
}

static bool linear_scale(Elab *e, const Ast *at, IxLinear *f, int64_t s) {
  if (s > INT32_MAX || s < -INT32_MAX || f->offset > INT32_MAX || f->offset < -INT32_MAX)
    return el_reject(e, E_INT_OVERFLOW, at, "a factor this large");
  f->offset *= s;
  for (int i = 0; i < f->n; i++) {
    if (f->coef[i] > INT32_MAX || f->coef[i] < -INT32_MAX)
      return el_reject(e, E_INT_OVERFLOW, at, "a factor this large");
    f->coef[i] *= s;
  }
  return true;
}

bool ix_linear(Elab *e, Index *x, const Ast *a, IxLinear *f, bool *fits) {
  *fits = true;
  *f = (IxLinear){0};
  if (!ix_mentions(x, a)) return linear_static(e, a, f, fits);
  if (a->kind == AST_NAME) {
    *f = (IxLinear){.n = 1, .var = {ix_find(x, a->text)}, .coef = {1}};
    return true;
  }
  if (a->kind == AST_UNARY && a->op == AST_NEG) return ix_linear(e, x, a->kid[0], f, fits) && linear_scale(e, a, f, -1);
  if (a->kind != AST_BINARY || (a->op != AST_ADD && a->op != AST_SUB && a->op != AST_MUL)) {
    *fits = false;
    return true;
  }
  IxLinear r;
  bool other;
  if (!ix_linear(e, x, a->kid[0], f, fits) || !ix_linear(e, x, a->kid[1], &r, &other)) return false;
  *fits &= other;
  if (!*fits) return true;
  if (a->op != AST_MUL) return linear_add(e, a, f, &r, a->op == AST_ADD ? 1 : -1);
  if (f->n && r.n) {
    *fits = false;
    return true;
  }
  if (!f->n) {
    IxLinear t = *f;
    *f = r;
    r = t;
  }
  return linear_scale(e, a, f, r.offset);
}

/* ---- extents ---- */

static bool reads_tensor(const Ast *a) {
  if (!a || a->kind == AST_INDEX || a->kind == AST_CALL || a->kind == AST_PIPE || a->kind == AST_REDUCE)
    return a != NULL;
  for (int i = 0; i < a->n; i++)
    if (reads_tensor(a->kid[i])) return true;
  return false;
}

static bool find_uses(Elab *e, Index *x, const Ast *a) {
  if (!a) return true;
  if (a->kind == AST_REDUCE) {
    if (!ix_push(e, x, a, 1, a)) return false;
    bool ok = find_uses(e, x, a->kid[0]);
    ix_pop(x, a, 1);
    return ok;
  }
  for (int i = a->kind == AST_INDEX; i < a->n; i++)
    if (!find_uses(e, x, a->kid[i])) return false;
  if (a->kind != AST_INDEX || !ix_mentions(x, a)) return true;
  Value base = ix_base(e, x, a->kid[0]);
  if (v_bad(base)) return false;
  const Type *t = el_type(e, base.id);
  if (a->n - 1 != t->rank) {
    Diag *d = el_error(e, E_INDEX_NOTATION, a, "%d ind%s for a tensor of %s", a->n - 1, a->n == 2 ? "ex" : "ices",
                       el_axes(e, t->rank));
    el_label_operand(e, d, a->kid[0], base);
    return false;
  }
  for (int i = 1; i < a->n; i++) {
    const Ast *item = a->kid[i];
    IxLinear f;
    bool fits;
    if (item->kind == AST_SLICE || item->kind == AST_DOTS)
      return el_reject(e, E_INDEX_NOTATION, item, "slices and `...` cannot be mixed with indices");
    if (!ix_linear(e, x, item, &f, &fits)) return false;
    if (!fits && !reads_tensor(item))
      return el_reject(e, E_INDEX_NOTATION, item,
                       "an index is a sum of index names with integer factors, or an int tensor");
    if (fits && f.n) *VEC_PUSH(e->c, x->use, x->nuse, x->capuse) = (IxUse){item, t->dim[i - 1], f};
  }
  return true;
}

static bool is_plain(const IxLinear *f) { return f->n == 1 && f->coef[0] == 1 && f->offset == 0; }

static bool bind_plain_use(Elab *e, Index *x, const IxUse *u) {
  IxVar *v = &x->var[u->f.var[0]];
  if (!v->known) {
    v->extent = u->size;
    v->known = true;
    v->at = u->at;
  }
  if (dim_equal(e->m, v->extent, u->size)) return true;
  Diag *d =
    el_error(e, E_INDEX_NOTATION, u->at, "index `%s` runs over an axis of %s here", v->name, dim_text(e->m, u->size));
  diag_label(e->c, d, v->at->at, v->at->len, "and over one of %s here", dim_text(e->m, v->extent));
  return false;
}

/* The maximum of the other terms; -1 if an extent is not a known number. */
static int64_t max_index(const Index *x, const IxLinear *f, int but) {
  int64_t far = f->offset;
  for (int i = 0; i < f->n; i++) {
    if (i == but) continue;
    const IxVar *v = &x->var[f->var[i]];
    if (!v->known || !dim_is_const(v->extent)) return -1;
    if (f->coef[i] > 0) far += f->coef[i] * (v->extent - 1);
  }
  return far;
}

/* A use with one unknown index: its extent is the largest that fits the axis, as for the output of a convolution. */
static bool solve_use(Elab *e, Index *x, const IxUse *u, bool *moved) {
  int open = -1;
  for (int i = 0; i < u->f.n; i++) {
    if (x->var[u->f.var[i]].known) continue;
    if (open >= 0) return true;
    open = i;
  }
  if (open < 0 || u->f.coef[open] <= 0 || !dim_is_const(u->size)) return true;
  int64_t far = max_index(x, &u->f, open);
  if (far < 0) return true;
  IxVar *v = &x->var[u->f.var[open]];
  if (far > u->size - 1)
    return el_reject(e, E_NEGATIVE_SIZE, u->at, "the other indices reach %lld, beyond an axis of %s", (long long)far,
                     dim_text(e->m, u->size));
  v->extent = (u->size - 1 - far) / u->f.coef[open] + 1;
  v->known = true;
  v->at = u->at;
  *moved = true;
  return true;
}

static bool check_use(Elab *e, Index *x, const IxUse *u) {
  if (is_plain(&u->f)) return true;
  int64_t low = u->f.offset, high = max_index(x, &u->f, -1);
  bool known = dim_is_const(u->size);
  for (int i = 0; i < u->f.n; i++) {
    const IxVar *v = &x->var[u->f.var[i]];
    known &= dim_is_const(v->extent);
    if (known && u->f.coef[i] < 0) low += u->f.coef[i] * (v->extent - 1);
  }
  if (!known && e->m->open_sizes) return false;
  if (!known) return el_reject(e, E_INDEX_NOTATION, u->at, "sums of indices need sizes that are known at compile time");
  if (low >= 0 && high < u->size) return true;
  return el_reject(e, E_INDEX_RANGE, u->at, "this index runs from %lld to %lld; the axis has size %s", (long long)low,
                   (long long)high, dim_text(e->m, u->size));
}

bool ix_extents(Elab *e, Index *x, const Ast *expr) {
  if (!find_uses(e, x, expr)) return false;
  for (int i = 0; i < x->nuse; i++)
    if (is_plain(&x->use[i].f) && !bind_plain_use(e, x, &x->use[i])) return false;
  for (bool moved = true; moved;) {
    moved = false;
    for (int i = 0; i < x->nuse; i++)
      if (!solve_use(e, x, &x->use[i], &moved)) return false;
  }
  for (int i = 0; i < x->nvar; i++) {
    if (x->var[i].known) continue;
    if (e->stmt && e->stmt == e->unknown_in) return false; /* probably a misspelt index */
    Diag *d = el_error(e, E_INDEX_NOTATION, x->var[i].at, "nothing determines how far index `%s` runs", x->var[i].name);
    diag_help(e->c, d, "some input needs an axis that `%s` indexes alone", x->var[i].name);
    return false;
  }
  for (int i = 0; i < x->nuse; i++)
    if (!check_use(e, x, &x->use[i])) return false;
  return true;
}

/* ---- entry points ---- */

static Index *index_open(Elab *e) {
  Index *x = ctx_alloc(e->c, sizeof *x);
  x->up = e->index;
  e->index = x;
  return x;
}

/* The free indices of the value must be those on the left; transposes the value to their order. */
static Value finish(Elab *e, Index *x, const Ast *at, IxVal v, int n, const int *label) {
  if (v_bad(v.v)) return v.v;
  for (int i = 0; i < v.n; i++) {
    int k = 0;
    while (k < n && label[k] != v.label[i]) k++;
    if (k == n)
      return el_fail(e, E_INDEX_NOTATION, at, "index `%s` is neither on the left nor reduced", x->var[v.label[i]].name);
  }
  if (!n) return v.v;
  if (v.v.kind != V_TENSOR) v = (IxVal){.v = v_tensor(e, el_tensor(e, v.v, DT_F32, at))};
  return v_bad(v.v) ? v.v : ix_order(e, x, v, n, label, true).v;
}

/* y[i, j] = e */
Value el_index_def(Elab *e, const Ast *s) {
  Index *x = index_open(e);
  Value v = v_error();
  int label[MAX_RANK], n = s->n - 1;
  if (n > MAX_RANK) {
    el_fail(e, E_SHAPE_MISMATCH, s, "a tensor has at most %d axes", MAX_RANK);
  } else if (ix_push(e, x, s, 1, NULL) && ix_extents(e, x, s->kid[0])) {
    for (int i = 0; i < n; i++) label[i] = i;
    v = finish(e, x, s, ix_eval(e, x, s->kid[0]), n, label);
  }
  e->index = x->up;
  scope_set(e->c, &e->cur.f->scope, s->text, v, s->caret, s->caret_len);
  return v_bad(v) ? v : v_none();
}

/* sum[i](x[i]) in an expression */
Value el_index_reduce(Elab *e, const Ast *a) {
  Index *x = index_open(e);
  Value v = ix_extents(e, x, a) ? finish(e, x, a, ix_eval(e, x, a), 0, NULL) : v_error();
  e->index = x->up;
  return v;
}
