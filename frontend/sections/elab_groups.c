/* SPDX-License-Identifier: Apache-2.0 */
/* Which weights of a train section an entry of `optim` or `clip` is for: adamw(gen, lr = ...) names instances or
 * weights before its other arguments, and an entry without a name has the weights that no other one names. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/sections/elab_train.h"
#include <string.h>

/* Takes the names out of the call, which is then one without them. */
static bool read_entry(Elab *e, const Ast *a, Group *g) {
  *g = (Group){.ast = a, .call = a};
  if (a->kind != AST_CALL) return true;
  Ast *rest = ctx_alloc(e->c, sizeof *rest);
  *rest = *a;
  rest->kid = ctx_alloc(e->c, (size_t)a->n * sizeof *rest->kid);
  rest->n = 0;
  g->part = ctx_alloc(e->c, (size_t)a->n * sizeof *g->part);
  for (int i = 0; i < a->n; i++) {
    PartKind kind = i ? el_part(e, a->kid[i], &g->part[g->npart]) : PART_OTHER;
    if (kind == PART_UNKNOWN) {
      el_unknown_part(e, a->kid[i]);
      return false;
    }
    if (kind == PART_FOUND) g->npart++;
    else rest->kid[rest->n++] = a->kid[i];
  }
  g->call = rest;
  return true;
}

bool el_groups(Elab *e, const Ast *a, Groups *gs) {
  int n = a->kind == AST_LIST ? a->n : 1;
  *gs = (Groups){.g = ctx_alloc(e->c, (size_t)(n + 1) * sizeof *gs->g), .n = n};
  if (!n) return el_reject(e, E_SETTING_VALUE, a, "this list has no entry");
  const Group *rest = NULL;
  for (int i = 0; i < n; i++) {
    Group *g = &gs->g[i];
    if (!read_entry(e, a->kind == AST_LIST ? a->kid[i] : a, g)) return false;
    if (g->npart) continue;
    if (rest) {
      Diag *d = el_error(e, E_WEIGHT_GROUP, g->ast, "two entries are for all weights that no other one names");
      diag_label(e->c, d, rest->ast->at, rest->ast->len, "the other one");
      diag_help(e->c, d, "name instances or weights first: `%s(net, ...)`",
                g->call->kind == AST_CALL ? el_source(e, g->call->kid[0]) : el_source(e, g->call));
      return false;
    }
    rest = g;
  }
  return true;
}

static bool has(const Elab *e, const Group *g, int var) {
  for (int i = 0; i < g->npart; i++)
    if (el_part_has(e, &g->part[i], var)) return true;
  return false;
}

/* The entry of the weight; -1: none; -2: two, which is reported. */
static int entry_of(Elab *e, const Groups *gs, int var) {
  int found = -1, rest = -1;
  for (int i = 0; i < gs->n; i++) {
    if (!gs->g[i].npart) rest = i;
    if (!has(e, &gs->g[i], var)) continue;
    if (found >= 0) {
      const Ast *a = gs->g[i].ast, *b = gs->g[found].ast;
      Diag *d = el_error(e, E_WEIGHT_GROUP, a, "two entries are for `%s.%s`", el_site_path(e, e->var[var].site),
                         e->var[var].name);
      diag_label(e->c, d, b->at, b->len, "the other one");
      return -2;
    }
    found = i;
  }
  return found >= 0 ? found : rest;
}

bool el_find_groups(Elab *e, const Groups *gs, const Update *u, int n, int *group) {
  int *count = ctx_alloc(e->c, (size_t)gs->n * sizeof *count);
  for (int i = 0; i < n; i++) {
    group[i] = entry_of(e, gs, u[i].var);
    if (group[i] == -2) return false;
    if (group[i] >= 0) count[group[i]]++;
  }
  for (int i = 0; i < gs->n; i++) {
    const Group *g = &gs->g[i];
    if (count[i] || (!g->npart && gs->n == 1)) continue;
    return el_reject(e, E_NOTHING_TO_TRAIN, g->ast,
                     g->npart ? "the loss depends on no weight named here that may change"
                              : "the other entries name all weights that the loss depends on");
  }
  return true;
}

/* ---- target := expression ---- */

/* Binds every name of weights in the expression to the value that it has for weight `var` of `to`. */
static bool bind_parts(Elab *e, const Ast *a, const Part *to, int var) {
  Part p;
  PartKind kind = el_part(e, a, &p);
  if (kind == PART_UNKNOWN) el_unknown_part(e, a);
  if (kind == PART_UNKNOWN) return false;
  if (kind == PART_FOUND) {
    int from = el_part_same(e, to, var, &p);
    if (from < 0)
      return el_reject(e, E_UNKNOWN_WEIGHT, a, "`%s` has no weight in the place of `%s.%s`", a->text,
                       el_site_path(e, e->var[var].site), e->var[var].name);
    scope_set(e->c, &e->cur.f->scope, a->text, v_tensor(e, el_read_var(e, from, a->caret)), a->caret, a->caret_len);
    return true;
  }
  for (int i = 0; i < a->n; i++)
    if (a->kid[i] && !bind_parts(e, a->kid[i], to, var)) return false;
  return true;
}

static Id assigned_value(Elab *e, const Ast *s, const Part *to, int var) {
  Frame f = *e->cur.f, *outer = e->cur.f;
  f.scope = (Scope){0};
  for (int i = 0; i < outer->scope.n; i++) {
    const Binding *b = &outer->scope.b[i];
    scope_set(e->c, &f.scope, b->name, b->v, b->at, b->len);
  }
  e->cur.f = &f;
  Value v = bind_parts(e, s->kid[0], to, var) ? el_expr(e, s->kid[0]) : v_error();
  e->cur.f = outer;
  const Type *t = type_get(e->m, e->m->var[var].type);
  Id x = v_bad(v) ? 0 : el_tensor(e, v, (DType)t->dtype, s->kid[0]);
  if (x && !el_type(e, x)->rank && el_type(e, x)->dtype == t->dtype) x = b_broadcast(&e->cur.b, x, t->rank, t->dim);
  if (!x || el_type_id(e, x) == e->m->var[var].type) return x;
  el_error(e, E_STATE_SHAPE, s, "`%s.%s` is %s, but %s is written", el_site_path(e, e->var[var].site), e->var[var].name,
           el_type_text(e, e->m->var[var].type), el_type_text(e, el_type_id(e, x)));
  return 0;
}

static bool assign(Elab *e, const Ast *s) {
  Ast name = {.kind = AST_NAME, .text = s->text, .at = s->caret, .caret = s->caret, .len = s->caret_len};
  name.caret_len = s->caret_len;
  Part to;
  PartKind kind = el_part(e, &name, &to);
  if (kind == PART_OTHER)
    return el_reject(e, E_WRITE_TARGET, s, "`%s` is neither a `use` nor a weight of one", s->text);
  int n = 0;
  for (int v = 0, all = e->m->nvar; v < all && kind == PART_FOUND; v++) {
    bool one = to.var == v && e->m->var[v].kind == VK_STATE;
    if (!el_part_has(e, &to, v) || (e->m->var[v].kind != VK_PARAM && !one)) continue;
    e->cur.b.loc = s->caret;
    Id x = assigned_value(e, s, &to, v);
    if (!x) return false;
    el_write_var(e, v, x, s->caret);
    n++;
  }
  if (!n) el_unknown_part(e, &name);
  return n > 0;
}

bool el_assign_weights(Elab *e, const Ast *block) {
  bool ok = true;
  for (int i = 0; i < block->n; i++)
    if (block->kid[i]->kind == AST_ASSIGN) ok &= assign(e, block->kid[i]);
  return ok;
}
