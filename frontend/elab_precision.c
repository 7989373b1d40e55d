/* Precision of training: the setting, and the scaling of the loss that f16 needs.
 *
 * Gradients below 2^-24 are 0 in f16. So the loss is multiplied by a scale, of which its gradients are multiples, and
 * these are divided by it again, exactly, since it is a power of 2. A step in which some gradient overflows is left
 * out: nothing is written but the scale, which is halved. The formulas are defs of runtime/optim.nn; the scale, the
 * count of good steps and that of steps left out are states of the section, beside those of its optimizer. Under
 * accumulation an overflow in one pass undoes what the passes before have written: the first one holds the states. */
#include "frontend/elab_priv.h"
#include <math.h>
#include <string.h>

enum { LEAST_SCALE = -24, MOST_SCALE = 60 }; /* powers of 2; below, training has failed */

/* ---- the setting: f32, bf16, f16, bf16(master = f32), f16(scale = 65536, interval = 2000) ---- */

static bool number_of(Elab *e, const Ast *a, double least, double most, double *v) {
  Value x = el_static(e, a->kid[0]);
  if (v_bad(x)) return false;
  if (v_number(x, v) && *v >= least && *v <= most) return true;
  el_fail(e, 307, a->kid[0], "`%s` is a number from %s to %s, not %s", a->text, v_text(e, v_float(least)),
          v_text(e, v_float(most)), v_text(e, x));
  return false;
}

static bool argument(Elab *e, const Ast *a, TrainInfo *t) {
  const char *name = a->kind == AST_NAMED ? a->text : "";
  if (!strcmp(name, "master")) {
    const Ast *m = a->kid[0];
    if (m->kind == AST_NAME && !strcmp(m->text, "f32")) return true;
    return el_fail(e, 702, m, "weights of another type than f32 are not in this version"), false;
  }
  if (t->precision == DT_F16 && !strcmp(name, "interval")) return number_of(e, a, 1, 1 << 24, &t->scale_interval);
  if (t->precision == DT_F16 && !strcmp(name, "scale")) {
    int power;
    if (!number_of(e, a, ldexp(1, LEAST_SCALE), ldexp(1, MOST_SCALE), &t->scale)) return false;
    if (frexp(t->scale, &power) == 0.5) return true;
    return el_fail(e, 307, a->kid[0], "the scale of the loss is a power of 2"), false;
  }
  const char *of = dtype_info[t->precision].name;
  Diag *d = el_error(e, 307, a, "`%s` is no argument of %s", *name ? name : el_source(e, a), of);
  diag_help(e->c, d, "bf16 takes master, f16 takes master, scale and interval");
  return false;
}

bool el_precision(Elab *e, const Section *s, TrainInfo *t) {
  static const char *const words[] = {"f32", "bf16", "f16"};
  const Ast *a = el_setting_value(s, "precision"), *name = a && a->kind == AST_CALL ? a->kid[0] : a;
  t->precision = DT_F32;
  t->scale = 65536;
  t->scale_interval = 2000;
  t->scale_var = t->skipped_var = -1;
  if (!a) return true;
  int dtype = name->kind == AST_NAME ? dtype_find(name->text) : -1;
  if (dtype == DT_F32 || (dtype >= 0 && dtype_is_half(dtype))) {
    t->precision = (DType)dtype;
    bool well = true;
    for (int i = 1; a->kind == AST_CALL && i < a->n; i++) well &= argument(e, a->kid[i], t);
    return well;
  }
  if (dtype == DT_F64) return el_fail(e, 702, a, "`precision = %s` is not in this version", el_source(e, a)), false;
  Diag *d = el_error(e, 307, a, "`precision` is f32, bf16 or f16, not %s", el_source(e, a));
  const char *near = name->kind == AST_NAME ? diag_suggest(e->c, name->text, words, 3) : NULL;
  if (near) diag_help(e->c, d, "did you mean `%s`?", near);
  return false;
}

/* ---- the scale ---- */

/* The tensor that a def of runtime/optim.nn makes of these values; 0: failed. */
static Id call(Elab *e, const LossScale *s, const char *def, int n, const Value *v) {
  Call from = {.name = def, .at = s->at->at, .len = s->at->len, .mark = s->at->mark, .mark_len = s->at->mark_len};
  Arg arg[4];
  for (int i = 0; i < n; i++) arg[i] = (Arg){.v = v[i], .set = true, .at = from.mark, .len = from.mark_len};
  Value x = el_call_def(e, def, arg, n, &from);
  return v_bad(x) ? 0 : x.id;
}

static Value read(Elab *e, int var) { return v_tensor(e, el_read_var(e, var, e->g->loc)); }

/* The value at the start of the graph, whatever was written since. */
static Value old(Elab *e, int var) { return v_tensor(e, graph_var(e->root, var, e->g->loc)); }

Id el_scale_loss(Elab *e, LossScale *s, TrainInfo *t, const Ast *at, Id loss) {
  *s = (LossScale){.on = t->precision == DT_F16, .t = t, .at = at};
  if (!s->on) return loss;
  t->scale_var = el_section_var(e, SCALE_RESULT, t->scale);
  t->skipped_var = el_section_var(e, "skipped_steps", 0);
  s->good = el_section_var(e, "good_steps", 0);
  return b_mul(e->g, loss, read(e, t->scale_var).id);
}

void el_unscale(Elab *e, const LossScale *s, Update *u, int n) {
  for (int i = 0; i < n && s->on; i++)
    u[i].grad = call(e, s, "unscale", 2, (Value[]){v_tensor(e, u[i].grad), read(e, s->t->scale_var)});
}

void el_find_overflow(Elab *e, LossScale *s, const Update *u, int n) {
  Id most = b_const(e->g, DT_F32, 0);
  if (!s->on) return;
  for (int i = 0; i < n; i++)
    most = call(e, s, "largest", 2, (Value[]){v_tensor(e, u[i].grad), v_tensor(e, most)});
  s->fits = call(e, s, "is_number", 1, (Value[]){v_tensor(e, most)});
}

/* The scale as a result: a number for as long as it is worth going on. */
static void scale_result(Elab *e, const LossScale *s, Id scale) {
  Value v[] = {v_tensor(e, scale), v_float(ldexp(1, LEAST_SCALE))};
  graph_result(e->g, SCALE_RESULT, call(e, s, "while_at_least", 2, v), s->at->mark);
}

/* The states that the pass writes: what they were before the first one of a step. */
static void hold_states(Elab *e, LossScale *s) {
  Graph *g = e->root;
  for (int i = 0, n = g->nout; i < n; i++) {
    int var = g->out[i].var;
    if (var < 0 || e->m->var[var].kind != VK_STATE) continue;
    if (!s->nheld) s->pass = el_section_var(e, "pass", 0);
    Held h = {var, el_optim_var(e, &(Update){.var = var, .inst = inst_root(e, "optim", true)}, "held")};
    Value v[] = {read(e, s->pass), old(e, var), old(e, h.copy)};
    graph_write(g, h.copy, call(e, s, "in_first_pass", 3, v), s->at->mark);
    *VEC_PUSH(e->c, s->held, s->nheld, s->capheld) = h;
  }
  if (s->nheld) graph_write(g, s->pass, call(e, s, "next", 1, (Value[]){read(e, s->pass)}), s->at->mark);
}

void el_scale_pass(Elab *e, LossScale *s) {
  if (!s->on) return;
  hold_states(e, s);
  scale_result(e, s, read(e, s->t->scale_var).id);
}

/* Every write so far keeps the old value where a gradient overflowed, and the passes' writes are undone. */
static void guard_writes(Elab *e, const LossScale *s) {
  Graph *g = e->root;
  Value v[3] = {v_tensor(e, s->fits)};
  for (int i = 0; i < g->nout; i++) {
    if (g->out[i].var < 0) continue;
    v[1] = v_tensor(e, g->out[i].value), v[2] = old(e, g->out[i].var);
    g->out[i].value = call(e, s, "where_fits", 3, v);
  }
  for (int i = 0; i < s->nheld; i++) {
    v[1] = old(e, s->held[i].var), v[2] = old(e, s->held[i].copy);
    graph_write(g, s->held[i].var, call(e, s, "where_fits", 3, v), s->at->mark);
  }
  if (s->nheld) graph_write(g, s->pass, b_const(g, DT_F32, 0), s->at->mark);
}

void el_scale_step(Elab *e, const LossScale *s) {
  if (!s->on) return;
  Value fits = v_tensor(e, s->fits), interval = v_float(s->t->scale_interval);
  Value scale = read(e, s->t->scale_var), good = read(e, s->good), skipped = read(e, s->t->skipped_var);
  Id next = call(e, s, "next_scale", 4, (Value[]){fits, scale, good, interval});
  guard_writes(e, s);
  graph_write(e->root, s->t->scale_var, next, s->at->mark);
  graph_write(e->root, s->good, call(e, s, "next_good", 3, (Value[]){fits, good, interval}), s->at->mark);
  graph_write(e->root, s->t->skipped_var, call(e, s, "next_skipped", 2, (Value[]){fits, skipped}), s->at->mark);
  scale_result(e, s, next);
}
