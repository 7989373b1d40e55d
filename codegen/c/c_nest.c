/* The loops of one nest in scalar C. Each value stands in the outermost loop that it depends on; one that is used once,
 * there, is written where it is used. */
#include "codegen/c/nest.h"
#include <stdlib.h>
#include <string.h>

void cn_line(CNest *c, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  str_printf(c->o, "%*s%s\n", 2 * c->indent, "", ctx_vstrf(c->p->c, fmt, ap));
  va_end(ap);
}

void cn_open_block(CNest *c, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  str_printf(c->o, "%*s%s {\n", 2 * c->indent++, "", ctx_vstrf(c->p->c, fmt, ap));
  va_end(ap);
}

void cn_close_block(CNest *c) {
  c->indent--;
  cn_line(c, "}");
}

const char *cn_buf(CNest *c, int buf) {
  const KBuf *b = &c->k->buf[buf];
  int number = 0;
  for (int i = 0; i < buf; i++) number += c->k->buf[i].written == b->written;
  c->p->named[buf] = true;
  return ctx_strf(c->p->c, "%c%d", b->written ? 'y' : 'x', number);
}

/* Values that need an inner axis stand in no outer loop. */
int cn_level(const CNest *c, int phase, uint32_t needs) {
  uint32_t outer = 0;
  for (int i = 0; i < c->n->nouter; i++) outer |= 1u << c->n->outer[i];
  if (phase < 0) return needs & ~outer ? MAX_AXES : nest_level(c->n, NULL, needs);
  return nest_level(c->n, &c->n->phase[phase], needs);
}

/* ---- derived axes ---- */

static void axis_text(CNest *c, int a) {
  const Axis *x = &c->n->axes.axis[a];
  const char *extent = c_dim(c->p, x->extent);
  if (x->kind == AX_TABLE) {
    c->p->helper |= CH_CLAMP;
    cn_line(c, "const ptrdiff_t i%d = gc_clamp(%s, %s);", a, c->text[x->value], extent);
    return;
  }
  const char *e = c_affine(c->p, &x->e);
  if (x->div == 1) {
    cn_line(c, "const ptrdiff_t %s%d = %s;", c->select >> a & 1 ? "e" : "i", a, e);
    c->valid[a] = ctx_strf(c->p->c, "%s%d >= 0 && %s%d < %s", c->select >> a & 1 ? "e" : "i", a,
                           c->select >> a & 1 ? "e" : "i", a, extent);
  } else {
    cn_line(c, "const ptrdiff_t e%d = %s;", a, e);
    c->valid[a] = ctx_strf(c->p->c, "e%d >= 0 && e%d %% %lld == 0 && e%d < %s * %lld", a, a, (long long)x->div, a,
                           c_atomic(extent) ? extent : ctx_strf(c->p->c, "(%s)", extent), (long long)x->div);
    if (!(c->select >> a & 1) && c->indexed >> a & 1) cn_line(c, "const ptrdiff_t i%d = e%d / %lld;", a, a,
                                                              (long long)x->div);
  }
  if (c->select >> a & 1) { /* where it is not valid nothing may be loaded from there: 0 is always a place */
    cn_line(c, "const int ok%d = %s;", a, c->valid[a]);
    if (c->indexed >> a & 1 && x->div == 1) cn_line(c, "const ptrdiff_t i%d = ok%d ? e%d : 0;", a, a, a);
    else if (c->indexed >> a & 1) cn_line(c, "const ptrdiff_t i%d = ok%d ? e%d / %lld : 0;", a, a, a,
                                          (long long)x->div);
    c->valid[a] = ctx_strf(c->p->c, "ok%d", a);
  } else if (c->skip >> a & 1) {
    cn_line(c, "if (!(%s)) continue;", c->valid[a]);
  }
}

static bool axes_ready(const CNest *c, const Affine *e) {
  for (int i = 0; i < c->n->axes.n; i++)
    if (e->coef[i] && c->n->axes.axis[i].kind != AX_LOOP && !c->made[i]) return false;
  return true;
}

/* ---- values ---- */

/* An element of a buffer, wherever a matrix in panels has it. */
const char *cn_element(CNest *c, int buf, const Affine *at) {
  const KBuf *b = &c->k->buf[buf];
  const char *x = cn_buf(c, buf), *e = c_affine(c->p, at);
  if (!b->cols || c->panels_open) return ctx_strf(c->p->c, "%s[%s]", x, e);
  c->p->helper |= CH_PANEL;
  return ctx_strf(c->p->c, "%s[gc_panel_at(%s, %lld, %lld)]", x, e, (long long)b->cols, (long long)b->rows);
}

static const char *load_text(CNest *c, const KVal *v) {
  return c_widened(c->p, (DType)v->type, cn_element(c, v->buf, &v->at));
}

static const char *index_text(CNest *c, const KVal *v) {
  DType t = (DType)v->type;
  const char *e = c_affine(c->p, &v->at);
  if (!c_atomic(e)) e = ctx_strf(c->p->c, "(%s)", e);
  if (dtype_is_half(t)) return c_cast(c->p, t, DT_F32, ctx_strf(c->p->c, "(float)%s", e));
  if (dtype_is_float(t)) return ctx_strf(c->p->c, "(%s)%s", dtype_info[t].c, e);
  if (t == DT_BOOL) return ctx_strf(c->p->c, "(%s != 0)", e);
  int64_t top = ((int64_t)1 << (8 * dtype_info[t].bytes - (dtype_info[t].kind == 'i'))) - 1;
  if (dtype_info[t].bytes == 4) return ctx_strf(c->p->c, "(%s)%s", dtype_info[t].c, e);
  return ctx_strf(c->p->c, "(%s)(%s > %lld ? %lld : %s)", dtype_info[t].c, e, (long long)top, (long long)top, e);
}

static const char *run_text(CNest *c, const KVal *v) {
  if (strcmp(v->name, "epoch")) return ctx_strf(c->p->c, "(float)run->%s", v->name);
  return "(float)(run->steps_per_epoch ? run->step / run->steps_per_epoch : 0)";
}

static const char *random_text(CNest *c, const KVal *v) {
  c_prim_use(c->p, "random");
  c_prim_use(c->p, "random_key");
  const char *at = c_affine(c->p, &v->at);
  const char *high = ctx_strf(c->p->c, "(uint32_t)((uint64_t)(%s) >> 32)", at);
  return ctx_strf(c->p->c, "p_random((uint32_t)(%s), %s, (uint32_t)key%d, (uint32_t)(key%d >> 32), run->step, "
                           "pass, turn)",
                  at, high, v->stream, v->stream);
}

const char *cn_guards(CNest *c, const KVal *v) {
  Str s = {.c = c->p->c};
  for (int i = 0; i < c->n->axes.n; i++)
    if (v->guards >> i & 1) str_printf(&s, "%sok%d", s.n ? " && " : "", i);
  return s.s;
}

static const char *select_text(CNest *c, const KVal *v) {
  return ctx_strf(c->p->c, "(%s ? %s : %s)", cn_guards(c, v), c->text[v->arg[0]], c_number(c->p, (DType)v->type, v->c));
}

static const char *value_text(CNest *c, const KVal *v) {
  switch (v->kind) {
  case KV_CONST: return c_number(c->p, (DType)v->type, v->c);
  case KV_LOAD: return load_text(c, v);
  case KV_INDEX: return index_text(c, v);
  case KV_RANDOM: return random_text(c, v);
  case KV_RUN: return run_text(c, v);
  case KV_SELECT: return select_text(c, v);
  case KV_ACC: return c_cast(c->p, (DType)v->type, dtype_computed(v->type), cn_acc(c, v->arg[0]));
  case KV_OP: break;
  }
  const char *arg[3] = {"0", "0", "0"};
  for (int i = 0; i < v->nargs; i++) arg[i] = c->text[v->arg[i]];
  DType from = (DType)c->n->val[v->arg[0]].type;
  c->p->at = v->node;
  return c_body(c->p, (Op)v->op, (DType)v->type, from, arg);
}

/* Whether a value is written in place of its only use, which must stand in the same loop. */
static bool is_inlined(const CNest *c, int i, const char *text) {
  const KVal *v = &c->n->val[i];
  if (v->kind == KV_CONST || v->kind == KV_ACC) return true;
  if (v->kind == KV_RANDOM || v->kind == KV_RUN) return false;
  return c->uses[i] == 1 && c->same_loop[i] && strlen(text) < (v->kind == KV_LOAD ? 80 : 48);
}

static bool has_branch(const CNest *c, int i) {
  return c->n->val[i].kind == KV_SELECT && c->under[c->n->val[i].arg[0]] == i;
}

static void value_emit(CNest *c, int i);

/* A select of vectors: what nothing else needs is computed where all guards hold. */
static void branch_emit(CNest *c, int i) {
  const KVal *v = &c->n->val[i];
  const char *around = cnv_splat(c, v->type, c_number(c->p, (DType)v->type, v->c));
  cn_line(c, "%s v%d = %s;", cnv_type(v->type), i, around);
  cn_open_block(c, "if (%s)", cn_guards(c, v));
  for (int k = 1; k < i; k++)
    if (c->under[k] == i) value_emit(c, k);
  cn_line(c, "v%d = %s;", i, cnv_arg(c, v->arg[0]));
  cn_close_block(c);
  c->text[i] = ctx_strf(c->p->c, "v%d", i);
}

static void value_emit(CNest *c, int i) {
  if (has_branch(c, i)) {
    branch_emit(c, i);
    return;
  }
  bool vector = cnv_is(c, i);
  const char *text = vector ? cnv_text(c, i) : value_text(c, &c->n->val[i]);
  if (is_inlined(c, i, text)) {
    c->text[i] = text;
    return;
  }
  const int type = dtype_computed(c->n->val[i].type);
  cn_line(c, "const %s v%d = %s;", vector ? cnv_type(type) : dtype_info[type].c, i, text);
  c->text[i] = ctx_strf(c->p->c, "v%d", i);
}

/* Its axes and operands are there, and those of what stands in its branch. */
static bool is_ready(const CNest *c, int i) {
  for (int k = has_branch(c, i) ? 1 : i; k <= i; k++) {
    const KVal *v = &c->n->val[k];
    if (k != i && c->under[k] != i) continue;
    if (!axes_ready(c, &v->at)) return false;
    for (int a = 0; a < v->nargs && v->kind != KV_ACC; a++)
      if (!c->text[v->arg[a]] && c->under[v->arg[a]] != i) return false;
  }
  return true;
}

/* All values and derived axes that stand in loop `level` (and, outside of inner loops only, in phase `phase`). Repeats
 * until nothing is added: an axis may need a value (a table's index), a value an axis. */
void cn_values(CNest *c, int phase, int level) {
  const KNest *n = c->n;
  bool again = true;
  while (again) {
    again = false;
    for (int a = 0; a < n->axes.n; a++) {
      const Axis *x = &n->axes.axis[a];
      if (x->kind == AX_LOOP || c->made[a] || !(c->used_axes[phase + 1] >> a & 1)) continue;
      if (cn_level(c, phase, x->needs) != level) continue;
      if (x->kind == AX_TABLE ? !c->text[x->value] : !axes_ready(c, &x->e)) continue;
      c->made[a] = again = true;
      axis_text(c, a);
    }
    for (int i = 1; i < n->nval; i++) {
      const KVal *v = &n->val[i];
      if (c->text[i] || !c->uses[i] || c->under[i] || (phase >= 0 && v->phase != phase)) continue;
      if (cn_level(c, phase, v->needs) != level || !is_ready(c, i)) continue;
      again = true;
      value_emit(c, i);
    }
  }
}
