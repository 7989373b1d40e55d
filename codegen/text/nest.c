/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the values of one nest as scalars. A value is computed in the innermost loop that it depends on, or inlined
 * into its only use if that is in the same loop. */
#include "codegen/text/nest.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void nest_line(NestText *c, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  str_printf(c->o, "%*s%s\n", 2 * c->indent, "", ctx_vstrf(c->p->c, fmt, ap));
  va_end(ap);
}

void nest_open_block(NestText *c, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  str_printf(c->o, "%*s%s {\n", 2 * c->indent++, "", ctx_vstrf(c->p->c, fmt, ap));
  va_end(ap);
}

void nest_close_block(NestText *c) {
  c->indent--;
  nest_line(c, "}");
}

NestText nest_inner_scope(const NestText *c) {
  NestText copy = *c;
  size_t bytes = (size_t)(c->n->nval + 1) * sizeof *c->text;
  copy.text = ctx_alloc(c->p->c, bytes);
  memcpy(copy.text, c->text, bytes);
  return copy;
}

const char *nest_index_type(const NestText *c) { return c->s->narrow ? "int" : c->p->target->index_type; }

const char *nest_buf_name(NestText *c, int buf) {
  c->p->named[buf] = true;
  return c->k->arg[buf].name;
}

bool nest_is_vector(const NestText *c, int v) { return c->s->lane >= 0 && c->n->val[v].needs >> c->s->lane & 1; }

/* ---- derived axes ---- */

static void axis_text(NestText *c, int a) {
  const Axis *x = &c->n->axes.axis[a];
  const char *extent = text_dim(c->p, x->extent), *type = nest_index_type(c);
  if (x->kind == AX_INDIRECT) {
    DType t = (DType)c->n->val[x->value].type;
    bool wide = t == DT_I64 || t == DT_U32; /* may have more bits than ptrdiff_t */
    const char *clamp = wide ? "gc_clamp64" : "gc_clamp";
    helper_use(c->p, clamp);
    nest_line(c, "const %s i%d = %s(%s, %s);", type, a, clamp, c->text[x->value], extent);
    return;
  }
  const char *e = text_affine(c->p, &x->e);
  if (x->div == 1) {
    nest_line(c, "const %s %s%d = %s;", type, c->s->use.select >> a & 1 ? "e" : "i", a, e);
    c->valid[a] = ctx_strf(c->p->c, "%s%d >= 0 && %s%d < %s", c->s->use.select >> a & 1 ? "e" : "i", a,
                           c->s->use.select >> a & 1 ? "e" : "i", a, extent);
  } else {
    nest_line(c, "const %s e%d = %s;", type, a, e);
    c->valid[a] = ctx_strf(c->p->c, "e%d >= 0 && e%d %% %lld == 0 && e%d < %s * %lld", a, a, (long long)x->div, a,
                           text_is_atomic(extent) ? extent : ctx_strf(c->p->c, "(%s)", extent), (long long)x->div);
    if (!(c->s->use.select >> a & 1) && c->s->use.indexed >> a & 1)
      nest_line(c, "const %s i%d = e%d / %lld;", type, a, a, (long long)x->div);
  }
  if (c->s->use.select >> a & 1) { /* an invalid index must not be loaded from; 0 is always valid */
    nest_line(c, "const int ok%d = %s;", a, c->valid[a]);
    if (c->s->use.indexed >> a & 1 && x->div == 1) nest_line(c, "const %s i%d = ok%d ? e%d : 0;", type, a, a, a);
    else if (c->s->use.indexed >> a & 1)
      nest_line(c, "const %s i%d = ok%d ? e%d / %lld : 0;", type, a, a, a, (long long)x->div);
    c->valid[a] = ctx_strf(c->p->c, "ok%d", a);
  } else if (c->s->use.skip >> a & 1) {
    nest_line(c, "if (!(%s)) continue;", c->valid[a]);
  }
}

static bool axes_ready(const NestText *c, const Affine *e) {
  for (int i = 0; i < c->n->axes.n; i++)
    if (e->coef[i] && c->n->axes.axis[i].kind != AX_LOOP && !c->axis_done[i]) return false;
  return true;
}

/* ---- values ---- */

/* An element of a buffer; gc_panel_at finds it in a matrix in panels. */
const char *nest_element(NestText *c, int buf, const Affine *at) {
  const KBuf *b = &c->k->buf[buf];
  const char *x = nest_buf_name(c, buf), *e = text_affine(c->p, at);
  if (!b->cols || c->s->panels_resolved) return ctx_strf(c->p->c, "%s[%s]", x, e);
  helper_use(c->p, "gc_panel_at");
  return ctx_strf(c->p->c, "%s[gc_panel_at(%s, %lld, %lld)]", x, e, (long long)b->cols, (long long)b->rows);
}

static const char *load_text(NestText *c, const KVal *v) {
  const ParallelText *t = nest_parallel(c);
  const char *at = t && t->load ? t->load(c, v) : NULL;
  return text_after_load(c->p, (DType)v->type, at ? at : nest_element(c, v->buf, &v->at));
}

static const char *index_text(NestText *c, const KVal *v) {
  DType t = (DType)v->type;
  const char *e = text_affine(c->p, &v->at);
  if (!text_is_atomic(e)) e = ctx_strf(c->p->c, "(%s)", e);
  if (dtype_is_half(t)) return text_cast(c->p, t, DT_F32, ctx_strf(c->p->c, "(float)%s", e));
  if (dtype_is_float(t)) return ctx_strf(c->p->c, "(%s)%s", dtype_info[t].c, e);
  if (t == DT_BOOL) return ctx_strf(c->p->c, "(%s != 0)", e);
  long long top = (long long)dtype_highest(t);
  if (dtype_info[t].bytes >= 4) return ctx_strf(c->p->c, "(%s)%s", dtype_info[t].c, e);
  return ctx_strf(c->p->c, "(%s)(%s > %lld ? %lld : %s)", dtype_info[t].c, e, top, top, e);
}

static const char *run_text(NestText *c, const KVal *v) {
  if (strcmp(v->name, "epoch")) return ctx_strf(c->p->c, "(float)run->%s", v->name);
  return "(float)(run->steps_per_epoch ? run->step / run->steps_per_epoch : 0)";
}

static const char *random_text(NestText *c, const KVal *v) {
  prim_use(c->p, "random");
  prim_use(c->p, "random_key");
  const char *at = text_affine(c->p, &v->at);
  const char *high = ctx_strf(c->p->c, "(uint32_t)((uint64_t)(%s) >> 32)", at);
  return ctx_strf(c->p->c,
                  "p_random((uint32_t)(%s), %s, (uint32_t)key%d, (uint32_t)(key%d >> 32), run->step, "
                  "pass, iteration)",
                  at, high, v->stream, v->stream);
}

const char *nest_guards(NestText *c, const KVal *v) {
  Str s = {.c = c->p->c};
  for (int i = 0; i < c->n->axes.n; i++)
    if (v->guards >> i & 1) str_printf(&s, "%sok%d", s.n ? " && " : "", i);
  return s.s;
}

const char *nest_constant(NestText *c, const KVal *v) {
  bool minus_zero = v->c == 0 && signbit(v->c) && dtype_info[v->type].kind == 'f';
  if (!minus_zero) return text_number(c->p, (DType)v->type, v->c);
  helper_use(c->p, "gc_minus_zero");
  return v->type == DT_F64 ? "(double)gc_minus_zero()" : "gc_minus_zero()";
}

static const char *select_text(NestText *c, const KVal *v) {
  const char *around = nest_constant(c, v);
  return ctx_strf(c->p->c, "(%s ? %s : %s)", nest_guards(c, v), c->text[v->arg[0]], around);
}

static const char *value_text(NestText *c, const KVal *v) {
  switch (v->kind) {
  case KV_CONST: return nest_constant(c, v);
  case KV_LOAD: return load_text(c, v);
  case KV_INDEX: return index_text(c, v);
  case KV_RANDOM: return random_text(c, v);
  case KV_RUN: return run_text(c, v);
  case KV_SELECT: return select_text(c, v);
  case KV_ACC: return text_cast(c->p, (DType)v->type, dtype_computed(v->type), nest_acc_name(c, v->arg[0]));
  case KV_OP: break;
  }
  const char *arg[3] = {"0", "0", "0"};
  for (int i = 0; i < v->nargs; i++) arg[i] = c->text[v->arg[i]];
  DType from = (DType)c->n->val[v->arg[0]].type;
  c->p->at = v->node;
  return text_op(c->p, (Op)v->op, (DType)v->type, from, arg);
}

/* A value is inlined into its only use if that is in the same loop, and the text is short. */
static bool is_inlined(const NestText *c, int i, const char *text) {
  const KVal *v = &c->n->val[i];
  if (v->kind == KV_CONST || v->kind == KV_ACC) return true;
  if (v->kind == KV_RANDOM || v->kind == KV_RUN) return false;
  return c->s->use.uses[i] == 1 && c->s->use.same_loop[i] && strlen(text) < (v->kind == KV_LOAD ? 80 : 48);
}

static bool has_branch(const NestText *c, int i) {
  return c->n->val[i].kind == KV_SELECT && c->s->branch[c->n->val[i].arg[0]] == i;
}

static void value_emit(NestText *c, int i);

/* A select of vectors as a branch: values that only it uses are computed if all guards hold. */
static void branch_emit(NestText *c, int i) {
  const KVal *v = &c->n->val[i];
  const char *around = nest_lanes(c)->splat(c, v->type, text_number(c->p, (DType)v->type, v->c));
  nest_line(c, "%s v%d%s = %s;", nest_lanes(c)->type(v->type), i, c->suffix, around);
  nest_open_block(c, "if (%s)", nest_guards(c, v));
  for (int k = 1; k < i; k++)
    if (c->s->branch[k] == i) value_emit(c, k);
  nest_line(c, "v%d%s = %s;", i, c->suffix, nest_lanes(c)->arg(c, v->arg[0]));
  nest_close_block(c);
  c->text[i] = ctx_strf(c->p->c, "v%d%s", i, c->suffix);
}

static void value_emit(NestText *c, int i) {
  if (has_branch(c, i)) {
    branch_emit(c, i);
    return;
  }
  bool vector = nest_is_vector(c, i);
  const char *text = vector ? nest_lanes(c)->value(c, i) : value_text(c, &c->n->val[i]);
  if (is_inlined(c, i, text)) {
    c->text[i] = text;
    return;
  }
  const int type = dtype_computed(c->n->val[i].type);
  nest_line(c, "const %s v%d%s = %s;", vector ? nest_lanes(c)->type(type) : dtype_info[type].c, i, c->suffix, text);
  c->text[i] = ctx_strf(c->p->c, "v%d%s", i, c->suffix);
}

/* True if the axes that guard a select are printed: a load of extent 1 does not depend on them. */
static bool guards_ready(const NestText *c, const KVal *v) {
  for (int a = 0; v->kind == KV_SELECT && a < c->n->axes.n; a++)
    if (v->guards >> a & 1 && !c->axis_done[a]) return false;
  return true;
}

/* True if its axes and operands are printed, and those of the values in its branch. */
static bool is_ready(const NestText *c, int i) {
  for (int k = has_branch(c, i) ? 1 : i; k <= i; k++) {
    const KVal *v = &c->n->val[k];
    if (k != i && c->s->branch[k] != i) continue;
    if (!axes_ready(c, &v->at) || !guards_ready(c, v)) return false;
    for (int a = 0; a < v->nargs && v->kind != KV_ACC; a++)
      if (!c->text[v->arg[a]] && c->s->branch[v->arg[a]] != i) return false;
  }
  return true;
}

/* Prints all values and derived axes of loop `level`, for phase >= 0 only those of that phase. Repeats until nothing is
 * added, since an axis may depend on a value (a gathered index) and a value on an axis. */
void nest_values(NestText *c, int phase, int level) {
  const KNest *n = c->n;
  bool again = true;
  while (again) {
    again = false;
    for (int a = 0; a < n->axes.n; a++) {
      const Axis *x = &n->axes.axis[a];
      if (x->kind == AX_LOOP || c->axis_done[a] || !(c->s->use.axes[phase + 1] >> a & 1)) continue;
      if (nest_loop_level(c->n, phase, x->needs) != level) continue;
      if (x->kind == AX_INDIRECT ? !c->text[x->value] : !axes_ready(c, &x->e)) continue;
      c->axis_done[a] = again = true;
      axis_text(c, a);
    }
    for (int i = 1; i < n->nval; i++) {
      const KVal *v = &n->val[i];
      if (c->text[i] || !c->s->use.uses[i] || c->s->branch[i] || (phase >= 0 && v->phase != phase)) continue;
      if (nest_loop_level(c->n, phase, v->needs) != level || !is_ready(c, i)) continue;
      again = true;
      value_emit(c, i);
    }
  }
}
