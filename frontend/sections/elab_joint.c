/* SPDX-License-Identifier: Apache-2.0 */
/* Optimizers over (w, g, loss), with a loop of their own: w is all weights of the section as one vector. The rule
 * returns [w, again]; while `again` holds, the step is evaluated at the new w on the same records, as the same step.
 * Loss and metrics are those of its first evaluation. */
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_weight.h"
#include "frontend/sections/elab_train.h"
#include <string.h>

static const Ast *third_parameter(Value rule) {
  const Ast *sig = rule.kind == V_FN && rule.fn->def ? rule.fn->def->ast : NULL;
  return sig && sig->n > 4 ? sig->kid[4] : NULL;
}

bool el_takes_loss(Value rule) {
  const Ast *p = third_parameter(rule);
  return p && !strcmp(p->text, "loss");
}

/* What a step that is evaluated several times cannot have; NULL: nothing. */
static const char *conflict(Elab *e, const Section *s, const TrainInfo *t, const Groups *optim, const Update *u,
                            int n) {
  static const char *const setting[] = {"clip", "grad_noise", "ema"};
  if (optim->n > 1) return "other optimizers";
  if (t->accumulate > 1) return "accumulate";
  if (t->precision == DT_F16) return "precision = f16";
  for (int i = 0; i < 3; i++)
    if (el_setting(s, setting[i])) return setting[i];
  for (int i = 0; i < s->block->n; i++)
    if (s->block->kid[i]->kind == AST_ASSIGN) return "an assignment to weights";
  for (int i = 0; i < t->nobserved; i++)
    if (t->observed[i]) return "the values of a validation";
  for (int i = 0; i < n; i++)
    if (e->var[u[i].var].rate != 1) return "@lr";
  return NULL;
}

static bool supported(Elab *e, const Section *s, const TrainInfo *t, const Groups *optim, const Update *u, int n) {
  const char *with = conflict(e, s, t, optim, u, n);
  if (!with) return true;
  return el_reject(e, E_UNSUPPORTED_OPTIMIZER, optim->g[0].ast,
                   "an optimizer that takes the `loss`, such as lbfgs, and %s are not in this version", with);
}

static Dim elements(Elab *e, int var) { return type_count(e->m, e->m->var[var].type); }

/* Values of the weights' shapes, one after the other. */
static Id joined(Elab *e, const Update *u, int n, bool grad) {
  Id *part = ctx_alloc(e->c, (size_t)n * sizeof *part);
  for (int i = 0; i < n; i++) {
    Dim count = elements(e, u[i].var);
    part[i] = b_reshape(&e->cur.b, grad ? u[i].grad : u[i].weight, 1, &count);
  }
  return n == 1 ? part[0] : b_concat(&e->cur.b, part, n, 0);
}

static void write_parts(Elab *e, const Update *u, int n, Id all, Loc loc) {
  Dim at = 0;
  for (int i = 0; i < n; i++) {
    const Type t = *type_get(e->m, e->m->var[u[i].var].type);
    Dim end = at + elements(e, u[i].var);
    el_write_var(e, u[i].var, b_reshape(&e->cur.b, b_slice(&e->cur.b, all, &at, &end, NULL), t.rank, t.dim), loc);
    at = end;
  }
}

/* [w, again] of the rule; its states belong to the section. */
static bool call_rule(Elab *e, const Group *g, const Value *v, Value *result) {
  Call k = {.name = "optim",
            .at = g->ast->at,
            .len = g->ast->len,
            .caret = g->ast->caret,
            .caret_len = g->ast->caret_len,
            .n = 3};
  Arg arg[3];
  for (int i = 0; i < k.n; i++) arg[i] = (Arg){.v = v[i], .set = true, .at = k.caret, .len = k.caret_len};
  k.arg = arg;
  CallSite *site = site_root(e, "optim", true);
  site->joint = true;
  Frame f = {
    .up = e->cur.f, .file = e->cur.f->file, .site = site, .ndots = -1, .call = k.caret, .call_len = k.caret_len};
  e->cur.f = &f;
  Value r = el_call(e, g->fn.fn, &k);
  e->cur.f = f.up;
  if (v_bad(r)) return false;
  bool two = r.kind == V_LIST && r.list->n == 2;
  for (int i = 0; i < 2 && two; i++) {
    Id id = el_tensor(e, r.list->v[i], i ? DT_BOOL : DT_F32, NULL);
    if (!id) return false;
    result[i] = v_tensor(e, id);
  }
  if (two && el_type_id(e, result[0].id) == el_type_id(e, v[0].id) && !el_type(e, result[1].id)->rank) return true;
  return el_reject(e, E_RESULT_TYPE, g->ast, "the optimizer gives %s, not [%s, bool]", v_text(e, r),
                   el_type_text(e, el_type_id(e, v[0].id)));
}

/* Results that keep the value of the first evaluation. */
static bool hold_results(Elab *e, const Ast *at, Id again) {
  Graph *g = e->cur.root;
  for (int i = 0, n = g->nout; i < n; i++) {
    if (g->out[i].var >= 0) continue;
    int var = el_section_var(e, ctx_strf(e->c, "first_%s", g->out[i].name), 0);
    Id held = b_where(&e->cur.b, again, el_read_var(e, var, at->caret), g->out[i].value);
    g->out[i].value = held;
    graph_write(g, var, held, at->caret);
  }
  return true;
}

bool el_joint_update(Elab *e, const Section *s, const TrainInfo *t, const Groups *optim, Update *u, int n, Id loss) {
  const Group *g = &optim->g[0];
  const Builder *b = &e->cur.b;
  if (!supported(e, s, t, optim, u, n)) return false;
  e->cur.b.loc = g->ast->caret;
  Value v[3] = {v_tensor(e, joined(e, u, n, false)), v_tensor(e, joined(e, u, n, true)), v_tensor(e, loss)}, result[2];
  int var = el_section_var(e, AGAIN_STATE, 0);
  e->m->var[var].role = VAR_AGAIN;
  Id before = b_cast(b, el_read_var(e, var, b->loc), DT_BOOL);
  if (!call_rule(e, g, v, result)) return false;
  write_parts(e, u, n, result[0].id, b->loc);
  graph_write(e->cur.root, var, b_cast(b, result[1].id, DT_F32), b->loc);
  return hold_results(e, g->ast, before);
}
