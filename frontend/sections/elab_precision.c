/* SPDX-License-Identifier: Apache-2.0 */
/* Precision of training: the setting, and loss scaling for f16.
 *
 * Gradients below 2^-24 are 0 in f16. So the loss is multiplied by a power of 2, and its gradients are divided by it
 * again, which is exact. If a gradient overflows, the step is skipped: nothing is written except the scale, which is
 * halved. The formulas are defs of runtime/optim.nn; the scale and the counts of good and skipped steps are states
 * of the section, beside those of its optimizer. With accumulation, an overflow in one microbatch also undoes the
 * writes of the earlier ones: the first microbatch saves the states. */
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_weight.h"
#include "frontend/sections/elab_section.h"
#include "frontend/sections/elab_train.h"
#include <math.h>
#include <string.h>

enum { MIN_SCALE_LOG2 = -24, MAX_SCALE_LOG2 = 60 }; /* powers of 2; below, training has failed */

/* ---- the setting: f32, tf32, bf16, f16, bf16(master = f32), f16(scale = 65536, interval = 2000) ---- */

static bool number_of(Elab *e, const Ast *a, double min, double max, double *v) {
  Value x = el_static(e, a->kid[0]);
  if (v_bad(x)) return false;
  if (v_number(x, v) && *v >= min && *v <= max) return true;
  el_fail(e, E_SETTING_VALUE, a->kid[0], "`%s` is a number from %s to %s, not %s", a->text, v_text(e, v_float(min)),
          v_text(e, v_float(max)), v_text(e, x));
  return false;
}

static bool argument(Elab *e, const Ast *a, TrainInfo *t) {
  const char *name = a->kind == AST_NAMED ? a->text : "";
  if (!strcmp(name, "master")) {
    const Ast *m = a->kid[0];
    if (m->kind == AST_NAME && !strcmp(m->text, "f32")) return true;
    return el_reject(e, E_UNSUPPORTED_DTYPE, m, "weights of another type than f32 are not in this version");
  }
  if (t->precision == DT_F16 && !strcmp(name, "interval")) return number_of(e, a, 1, 1 << 24, &t->scale_interval);
  if (t->precision == DT_F16 && !strcmp(name, "scale")) {
    int power;
    if (!number_of(e, a, ldexp(1, MIN_SCALE_LOG2), ldexp(1, MAX_SCALE_LOG2), &t->scale)) return false;
    if (frexp(t->scale, &power) == 0.5) return true;
    return el_reject(e, E_SETTING_VALUE, a->kid[0], "the scale of the loss is a power of 2");
  }
  const char *of = dtype_info[t->precision].name;
  Diag *d = el_error(e, E_SETTING_VALUE, a, "`%s` is not an argument of %s", *name ? name : el_source(e, a), of);
  diag_help(e->c, d, "bf16 takes master, f16 takes master, scale and interval");
  return false;
}

bool el_precision(Elab *e, const Section *s, TrainInfo *t) {
  static const char *const words[] = {"f32", "tf32", "bf16", "f16"};
  const Ast *a = el_setting_value(s, "precision"), *name = a && a->kind == AST_CALL ? a->kid[0] : a;
  t->precision = DT_F32;
  t->scale = 65536;
  t->scale_interval = 2000;
  t->scale_var = t->skipped_var = -1;
  if (!a) return true;
  if (a->kind == AST_NAME && !strcmp(a->text, "tf32")) {
    t->tf32 = true;
    return true;
  }
  int dtype = name->kind == AST_NAME ? dtype_find(name->text) : -1;
  if (dtype == DT_F32 || (dtype >= 0 && dtype_is_half(dtype))) {
    t->precision = (DType)dtype;
    bool ok = true;
    for (int i = 1; a->kind == AST_CALL && i < a->n; i++) ok &= argument(e, a->kid[i], t);
    return ok;
  }
  if (dtype == DT_F64)
    return el_reject(e, E_UNSUPPORTED_DTYPE, a, "`precision = %s` is not in this version", el_source(e, a));
  Diag *d = el_error(e, E_SETTING_VALUE, a, "`precision` is f32, tf32, bf16 or f16, not %s", el_source(e, a));
  if (name->kind == AST_STR) diag_help(e->c, d, "it is written without quotes");
  const char *near = name->kind == AST_NAME ? diag_suggest(e->c, name->text, words, 4) : NULL;
  if (near) diag_help(e->c, d, "did you mean `%s`?", near);
  return false;
}

/* ---- the scale ---- */

/* The result of a def of runtime/optim.nn; 0: failed. */
static Id call(Elab *e, const LossScale *s, const char *def, int n, const Value *v) {
  Call from = {.name = def, .at = s->at->at, .len = s->at->len, .caret = s->at->caret, .caret_len = s->at->caret_len};
  Arg arg[4];
  for (int i = 0; i < n; i++) arg[i] = (Arg){.v = v[i], .set = true, .at = from.caret, .len = from.caret_len};
  Value x = el_call_def(e, def, arg, n, &from);
  return v_bad(x) ? 0 : x.id;
}

static Value read(Elab *e, int var) { return v_tensor(e, el_read_var(e, var, e->cur.b.loc)); }

/* The value at the start of the graph, whatever was written since. */
static Value initial(Elab *e, int var) { return v_tensor(e, graph_var(e->cur.root, var, e->cur.b.loc)); }

Id el_scale_loss(Elab *e, LossScale *s, TrainInfo *t, const Ast *at, Id loss) {
  *s = (LossScale){.on = t->precision == DT_F16, .t = t, .at = at};
  if (!s->on) return loss;
  t->scale_var = el_section_var(e, SCALE_RESULT, t->scale);
  t->skipped_var = el_section_var(e, "skipped_steps", 0);
  s->good_steps = el_section_var(e, "good_steps", 0);
  return b_mul(&e->cur.b, loss, read(e, t->scale_var).id);
}

void el_unscale(Elab *e, const LossScale *s, Update *u, int n) {
  for (int i = 0; i < n && s->on; i++)
    u[i].grad = call(e, s, "_unscale", 2, (Value[]){v_tensor(e, u[i].grad), read(e, s->t->scale_var)});
}

void el_find_overflow(Elab *e, LossScale *s, const Update *u, int n) {
  Id largest = b_const(&e->cur.b, DT_F32, 0);
  if (!s->on) return;
  for (int i = 0; i < n; i++)
    largest = call(e, s, "_largest", 2, (Value[]){v_tensor(e, u[i].grad), v_tensor(e, largest)});
  s->finite = call(e, s, "_is_number", 1, (Value[]){v_tensor(e, largest)});
}

/* The scale as a result: a number for as long as it is worth going on. */
static void scale_result(Elab *e, const LossScale *s, Id scale) {
  Value v[] = {v_tensor(e, scale), v_float(ldexp(1, MIN_SCALE_LOG2))};
  graph_result_as(e->cur.b.g, OUT_LOSS_SCALE, SCALE_RESULT, call(e, s, "_while_at_least", 2, v), s->at->caret);
}

/* Saves the states that microbatches write, as they were before the first one of a step. */
static void save_states(Elab *e, LossScale *s) {
  Graph *g = e->cur.root;
  for (int i = 0, n = g->nout; i < n; i++) {
    int var = g->out[i].var;
    if (var < 0 || e->m->var[var].kind != VK_STATE) continue;
    if (!s->nsaved) s->microbatch = el_section_var(e, "pass", 0);
    SavedState h = {var, el_optim_var(e, &(Update){.var = var, .site = site_root(e, "optim", true)}, "held")};
    Value v[] = {read(e, s->microbatch), initial(e, var), initial(e, h.copy)};
    graph_write(g, h.copy, call(e, s, "_in_first_pass", 3, v), s->at->caret);
    *VEC_PUSH(e->c, s->saved, s->nsaved, s->capsaved) = h;
  }
  if (s->nsaved) graph_write(g, s->microbatch, call(e, s, "_next", 1, (Value[]){read(e, s->microbatch)}), s->at->caret);
}

void el_scale_microbatch(Elab *e, LossScale *s) {
  if (!s->on) return;
  save_states(e, s);
  scale_result(e, s, read(e, s->t->scale_var).id);
}

/* Every write so far keeps the old value where a gradient overflowed, and the passes' writes are undone. */
static void guard_writes(Elab *e, const LossScale *s) {
  Graph *g = e->cur.root;
  Value v[3] = {v_tensor(e, s->finite)};
  for (int i = 0; i < g->nout; i++) {
    if (g->out[i].var < 0) continue;
    v[1] = v_tensor(e, g->out[i].value);
    v[2] = initial(e, g->out[i].var);
    g->out[i].value = call(e, s, "_where_fits", 3, v);
  }
  for (int i = 0; i < s->nsaved; i++) {
    v[1] = initial(e, s->saved[i].var);
    v[2] = initial(e, s->saved[i].copy);
    graph_write(g, s->saved[i].var, call(e, s, "_where_fits", 3, v), s->at->caret);
  }
  if (s->nsaved) graph_write(g, s->microbatch, b_const(&e->cur.b, DT_F32, 0), s->at->caret);
}

void el_scale_step(Elab *e, const LossScale *s) {
  if (!s->on) return;
  Value finite = v_tensor(e, s->finite), interval = v_float(s->t->scale_interval);
  Value scale = read(e, s->t->scale_var), good = read(e, s->good_steps), skipped = read(e, s->t->skipped_var);
  Id next = call(e, s, "_next_scale", 4, (Value[]){finite, scale, good, interval});
  guard_writes(e, s);
  graph_write(e->cur.root, s->t->scale_var, next, s->at->caret);
  graph_write(e->cur.root, s->good_steps, call(e, s, "_next_good", 3, (Value[]){finite, good, interval}), s->at->caret);
  graph_write(e->cur.root, s->t->skipped_var, call(e, s, "_next_skipped", 2, (Value[]){finite, skipped}), s->at->caret);
  scale_result(e, s, next);
}
