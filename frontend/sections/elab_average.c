/* SPDX-License-Identifier: Apache-2.0 */
/* `ema`: averages of the weights that a train section updates. An average is a state `ema.WEIGHT`, which the update
 * writes last and which evaluations and exports read in place of the weight, unless the setting says otherwise. */
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_weight.h"
#include "frontend/sections/elab_train.h"
#include <string.h>

static bool is_word(const Ast *a) {
  return a->kind == AST_CALL && a->kid[0]->kind == AST_NAME && !strcmp(a->kid[0]->text, "average");
}

static bool argument(Elab *e, const Ast *a, unsigned *uses) {
  unsigned bit = a->kind != AST_NAMED         ? 0
                 : !strcmp(a->text, "eval")   ? AVERAGE_EVAL
                 : !strcmp(a->text, "export") ? AVERAGE_EXPORT
                                              : 0;
  if (!bit) {
    Diag *d = el_error(e, E_SETTING_VALUE, a, "`%s` is not an argument of average",
                       a->kind == AST_NAMED ? a->text : el_source(e, a));
    diag_help(e->c, d, "average takes the decay, eval and export");
    return false;
  }
  Value v = el_static(e, a->kid[0]);
  if (v_bad(v)) return false;
  if (v.kind != V_BOOL)
    return el_reject(e, E_SETTING_VALUE, a->kid[0], "`%s` is true or false, not %s", a->text, v_text(e, v));
  if (!v.i) *uses &= ~bit;
  return true;
}

/* ema = 0.999, or average(0.999, eval = false, export = false); the decay may be an expression over the step. */
static bool read_setting(Elab *e, const Ast *a, Value *decay, unsigned *uses) {
  const Ast *number = a;
  *uses = AVERAGE_KEPT | AVERAGE_EVAL | AVERAGE_EXPORT;
  if (is_word(a)) {
    if (a->n < 2 || a->kid[1]->kind == AST_NAMED)
      return el_reject(e, E_SETTING_VALUE, a, "average takes the decay first: average(0.999, eval = false)");
    number = a->kid[1];
    for (int i = 2; i < a->n; i++)
      if (!argument(e, a->kid[i], uses)) return false;
  }
  double x;
  *decay = el_expr(e, number);
  if (v_bad(*decay)) return false;
  bool scalar = decay->kind == V_TENSOR && !el_type(e, decay->id)->rank;
  if (scalar || (v_number(*decay, &x) && x >= 0 && x < 1)) return true;
  return el_reject(e, E_SETTING_VALUE, number, "the decay of `ema` is a number from 0 to below 1, not %s",
                   v_text(e, *decay));
}

static int average_of(const Elab *e, int weight) {
  for (int v = 0; v < e->nvar; v++)
    if (e->var[v].average && e->var[v].weight == weight) return v;
  return -1;
}

/* The state for the average of a weight; -1: another section averages it. */
static int add_average(Elab *e, const Ast *a, const Update *u, unsigned uses) {
  const Var *w = &e->m->var[u->var];
  int other = average_of(e, u->var);
  if (other >= 0) {
    Diag *d = el_error(e, E_SETTING_CONFLICT, a, "two sections average `%s.%s`", el_site_path(e, e->var[u->var].site),
                       e->var[u->var].name);
    diag_label(e->c, d, e->var[other].loc, e->var[other].len, "the other one");
    return -1;
  }
  *VEC_PUSH(e->c, e->var, e->nvar, e->capvar) = (VarInfo){.site = site_root(e, "ema", false),
                                                          .name = e->var[u->var].name,
                                                          .init = v_int(0),
                                                          .weight = u->var,
                                                          .average = (uint8_t)uses,
                                                          .rate = 1,
                                                          .loc = a->caret,
                                                          .len = a->caret_len};
  int v = var_add(e->m, ctx_strf(e->c, "ema#%d", u->var), VK_STATE, w->type, 0, w->loc);
  e->m->var[v].owner = u->var;
  return v;
}

bool el_average(Elab *e, const Ast *a, const Update *u, int n) {
  Value decay;
  unsigned uses;
  if (!read_setting(e, a, &decay, &uses)) return false;
  Call from = {.name = "ema", .at = a->at, .len = a->len, .caret = a->caret, .caret_len = a->caret_len};
  for (int i = 0; i < n; i++) {
    e->cur.b.loc = a->caret;
    int v = add_average(e, a, &u[i], uses);
    if (v < 0) return false;
    Value x[3] = {v_tensor(e, el_read_var(e, v, a->caret)), v_tensor(e, el_read_var(e, u[i].var, a->caret)), decay};
    Arg arg[3];
    for (int k = 0; k < 3; k++) arg[k] = (Arg){.v = x[k], .set = true, .at = a->caret, .len = a->caret_len};
    Value y = el_call_def(e, "_averaged", arg, 3, &from);
    if (y.kind != V_TENSOR) return false;
    el_write_var(e, v, y.id, a->caret);
  }
  return true;
}

void el_read_averages(Elab *e) {
  int *eval = ctx_alloc(e->c, (size_t)(e->nvar + 1) * sizeof *eval);
  int *export = ctx_alloc(e->c, (size_t)(e->nvar + 1) * sizeof *export);
  bool any = false;
  for (int v = 0; v < e->nvar; v++) eval[v] = export[v] = -1;
  for (int v = 0; v < e->nvar; v++) {
    if (e->var[v].average & AVERAGE_EVAL) eval[e->var[v].weight] = v;
    if (e->var[v].average & AVERAGE_EXPORT) export[e->var[v].weight] = v;
    any |= e->var[v].average != 0;
  }
  for (int i = 0; any && i < e->m->ngraph; i++) {
    Graph *g = e->m->graph[i];
    if (g->kind == GK_EVAL_STEP || g->kind == GK_EVAL_DONE) vars_read_as(g, eval);
    if (g->kind == GK_EXPORT) vars_read_as(g, export);
  }
}
