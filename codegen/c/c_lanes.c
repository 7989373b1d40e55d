/* Loops in vectors: full ones, then one partial vector through the same code; and reductions along the lane axis,
 * whose 16 strict lanes are one vector or several. */
#include "codegen/c/nest.h"
#include <string.h>

/* Prints `body` for vectors [from, to) of `axis`, in steps of `step`, and for what is left. whole: nothing ever is. The
 * body's index is i and the axis' number, or j and that where a step has several vectors. */
void cn_lane_copies(CNest *c, int axis, const char *from, const char *to, int step, bool whole,
                    void (*body)(CNest *, int), int phase) {
  size_t n = (size_t)c->n->nval + 1;
  const char **text = ctx_alloc(c->p->c, n * sizeof *text);
  bool made[MAX_AXES];
  int64_t extent;
  bool none = dim_number(c->p->m, c->n->axes.axis[axis].extent, &extent) && extent < step; /* no full vector */
  memcpy(text, c->text, n * sizeof *text);
  memcpy(made, c->made, sizeof made);
  cn_open_block(c, " ");
  const char *at = ctx_strf(c->p->c, "%c%d", step > c->vec ? 'j' : 'i', axis);
  cn_line(c, "ptrdiff_t %s = %s;", at, from);
  if (!none) {
    cn_open_block(c, "for (; %s + %d <= %s; %s += %d)", at, step, to, at, step);
    body(c, phase);
    cn_close_block(c);
  }
  if (!whole) {
    memcpy(c->text, text, n * sizeof *text);
    memcpy(c->made, made, sizeof made);
    cn_open_block(c, "if (%s < %s)", at, to);
    cn_line(c, "const ptrdiff_t left = %s - %s;", to, at);
    c->left = "left";
    body(c, phase);
    c->left = NULL;
    cn_close_block(c);
  }
  cn_close_block(c);
}

/* ---- branches ---- */

/* The select in whose branch a value stands that `user` has as its operand. */
static int branch_of(const CNest *c, int user) {
  bool select = c->n->val[user].kind == KV_SELECT && cnv_is(c, user);
  return c->under[user] ? c->under[user] : select ? user : 0;
}

/* The guards of a select hold for all lanes or for none: they make a branch, which leaves out what only that select
 * needs, in its loop. The windows of a fold that an element is in are few of those that it might be in. */
void cnv_branches(CNest *c) {
  const KNest *n = c->n;
  int *uses = ctx_alloc(c->p->c, (size_t)(n->nval + 1) * sizeof *uses); /* in the branch c->under */
  for (int i = n->nval - 1; i > 0; i--) { /* operands stand before their users */
    const KVal *v = &n->val[i], *s = &n->val[c->under[i]];
    bool own = c->under[i] && uses[i] == c->uses[i] && v->kind != KV_CONST && v->kind != KV_ACC;
    bool same = own && v->phase == s->phase && cn_level(c, v->phase, v->needs) == cn_level(c, s->phase, s->needs);
    if (!same) c->under[i] = 0;
    int branch = branch_of(c, i);
    for (int k = 0; k < v->nargs && v->kind != KV_ACC && c->uses[i]; k++) {
      int x = v->arg[k];
      if (!c->under[x]) c->under[x] = branch;
      uses[x] += branch && c->under[x] == branch;
    }
  }
}

/* ---- reductions along the lane axis ---- */

static int vectors_of(const CNest *c, int phase) { /* in a block of strict lanes */
  for (int i = 0; i < c->n->nacc; i++)
    if (c->n->acc[i].phase == phase && !ca_is_arg(&c->n->acc[i])) return STRICT_LANES / c->vec;
  return 1;
}

/* The best so far and where it is: of all chunks together, so outside of their loop. */
static void declare_args(CNest *c, int phase) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase || !ca_is_arg(a)) continue;
    cn_line(c, "%s mv%d = %s;", cnv_type(a->type), i, ca_zero(c, a, true));
    cn_line(c, "gc_vi atv%d = {0};", i);
  }
}

static void declare_lanes(CNest *c, int phase, bool declare) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase || ca_is_arg(a)) continue;
    const char *zero = ca_zero(c, a, true), *type = declare ? ctx_strf(c->p->c, "%s ", cnv_type(a->type)) : "";
    for (int u = 0; u < STRICT_LANES / c->vec; u++) cn_line(c, "%sl%d_%d = %s;", type, i, u, zero);
  }
}

static void add_lanes(CNest *c, int phase, int u) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase) continue;
    const char *v = cnv_arg(c, a->value), *zero = ca_zero(c, a, true);
    if (c->left) v = cnv_select(c, a->type, ctx_strf(c->p->c, "GC_FIRST(%s)", c->left), v, zero);
    if (ca_is_arg(a)) {
      cn_line(c, "const %s w%d = %s;", cnv_type(a->type), i, v);
      ca_arg_term(c, a, ctx_strf(c->p->c, "mv%d", i), ctx_strf(c->p->c, "atv%d", i), ctx_strf(c->p->c, "w%d", i),
                  cnv_index(c, &a->index));
      continue;
    }
    const char *l = ctx_strf(c->p->c, "l%d_%d", i, u);
    if (ca_is_sum(a) && dtype_is_float(a->type)) cn_line(c, "%s += %s;", l, v);
    else cn_line(c, "%s = %s;", l, ca_body(c, a, l, v, true));
  }
}

/* One block of the lane axis: a vector, or as many as make up the strict lanes. */
static void lane_block(CNest *c, int phase) {
  const KPhase *p = &c->n->phase[phase];
  int count = vectors_of(c, phase), level = c->n->nouter + p->naxis, axis = p->axis[p->naxis - 1];
  size_t n = (size_t)c->n->nval + 1;
  const char **text = ctx_alloc(c->p->c, n * sizeof *text), *left = c->left;
  bool made[MAX_AXES];
  memcpy(text, c->text, n * sizeof *text);
  memcpy(made, c->made, sizeof made);
  for (int u = 0; u < count; u++) {
    if (count > 1) {
      memcpy(c->text, text, n * sizeof *text);
      memcpy(c->made, made, sizeof made);
      cn_open_block(c, " ");
      cn_line(c, "const ptrdiff_t i%d = j%d + %d;", axis, axis, u * c->vec);
      if (left) cn_line(c, "const ptrdiff_t here = left - %d;", u * c->vec), c->left = "here";
    }
    cn_values(c, phase, level);
    add_lanes(c, phase, u);
    cn_stores(c, phase, KS_INNER);
    if (count > 1) cn_close_block(c);
  }
  c->left = left;
}

/* The fold of a vector by halves, after that of the vectors of a block. */
static const char *fold_helper(CNest *c, const KAcc *a) {
  CPrint *p = c->p;
  const char *type = cnv_type(a->type);
  const char *name = ctx_strf(p->c, "gc_fold_%s_%s", op_info[a->op].token, dtype_info[a->type].name);
  int count = STRICT_LANES / c->vec;
  Str s = {.c = p->c};
  bool made;
  str_printf(&s, "static inline %s %s(%s *l) {\n", dtype_info[a->type].c, name, type);
  for (int h = count / 2; h; h /= 2)
    for (int u = 0; u < h; u++)
      str_printf(&s, "  l[%d] = %s;\n", u, ca_body(c, a, ctx_strf(p->c, "l[%d]", u), ctx_strf(p->c, "l[%d]", u + h),
                                                   true));
  str_printf(&s, "  %s v = l[0];\n", type);
  for (int h = c->vec / 2; h; h /= 2) {
    Str w = {.c = p->c};
    str_puts(&w, a->type == DT_F64 ? "GC_TURND(v" : "GC_TURN(v");
    for (int i = 0; i < c->vec; i++) str_printf(&w, ", %d", (i + h) % c->vec);
    str_puts(&w, ")");
    str_printf(&s, "  v = %s;\n", ca_body(c, a, "v", w.s, true));
  }
  str_puts(&s, "  return v[0];\n}\n");
  c_intern(p, s.s, &made);
  if (made) str_printf(&p->helpers, "%s\n", s.s);
  return name;
}

static const char *arg_helper(CNest *c, const KAcc *a) {
  CPrint *p = c->p;
  const char *type = dtype_info[a->type].c, *name = ctx_strf(p->c, "gc_%s_%s", op_info[a->op].token,
                                                             dtype_info[a->type].name);
  Str s = {.c = p->c};
  bool made;
  str_printf(&s, "/* the first of the best of all lanes */\nstatic inline int32_t %s(%s m, gc_vi at) {\n"
                 "  %s best = m[0];\n  int32_t r = at[0];\n"
             "  for (int i = 1; i < GC_LANES; i++)\n"
             "    if (%s || (!%s && at[i] < r)) best = m[i], r = at[i];\n  return r;\n}\n",
             name, cnv_type(a->type), type, ca_body(c, a, "best", "m[i]", false), ca_body(c, a, "m[i]", "best", false));
  c_intern(p, s.s, &made);
  if (made) str_printf(&p->helpers, "%s\n", s.s);
  return name;
}

/* Folds the lanes: into the result, or into the total of chunks, of which `first` tells the first. */
static void fold_lanes(CNest *c, int phase, const char *first, bool chunks) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase || ca_is_arg(a)) continue;
    Str list = {.c = c->p->c};
    for (int u = 0; u < STRICT_LANES / c->vec; u++) str_printf(&list, "%sl%d_%d", u ? ", " : "", i, u);
    const char *type = dtype_info[a->type].c, *call = ctx_strf(c->p->c, "%s((%s[]){%s})", fold_helper(c, a),
                                                               cnv_type(a->type), list.s);
    if (!chunks) {
      cn_line(c, "const %s s%d = %s;", type, i, call);
      continue;
    }
    const char *s = ctx_strf(c->p->c, "s%d", i), *part = ctx_strf(c->p->c, "c%d", i);
    cn_line(c, "const %s c%d = %s;", type, i, call);
    cn_line(c, "s%d = %s ? c%d : %s;", i, first, i, ca_body(c, a, s, part, false));
  }
}

static void declare_totals(CNest *c, int phase) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase == phase && !ca_is_arg(a)) cn_line(c, "%s s%d = %s;", dtype_info[a->type].c, i, ca_zero(c, a, false));
  }
}

/* After a block of 16 of several inner axes: terms are counted, and chunks end where 1024 of them are full. */
static void count_block(CNest *c, int phase) {
  cn_line(c, "term%d += %d;", phase, STRICT_LANES);
  cn_open_block(c, "if (term%d == %d)", phase, STRICT_CHUNK);
  cn_open_block(c, " ");
  fold_lanes(c, phase, ca_first(c, phase), true);
  cn_close_block(c);
  declare_lanes(c, phase, false);
  cn_line(c, "term%d = 0, chunks%d++;", phase, phase);
  cn_close_block(c);
}

static void counted_block(CNest *c, int phase) {
  cn_open_block(c, " ");
  lane_block(c, phase);
  cn_close_block(c);
  count_block(c, phase);
}

void cn_inner_lanes(CNest *c, int phase, PhaseAcc r) {
  const KPhase *p = &c->n->phase[phase];
  int last = p->naxis - 1, axis = p->axis[last], step = c->vec * vectors_of(c, phase);
  const char *n = c_dim(c->p, c->n->axes.axis[axis].extent);
  int64_t extent;
  bool whole = dim_number(c->p->m, c->n->axes.axis[axis].extent, &extent) && extent % step == 0;
  bool shared = c->split == axis;
  declare_args(c, phase);
  if (r.how != ONE_CHUNK) declare_totals(c, phase);
  if (r.how != CHUNK_LOOP) declare_lanes(c, phase, true);
  if (r.how == CHUNK_COUNT) cn_line(c, "int32_t term%d = 0, chunks%d = 0;", phase, phase);
  for (int k = 0; k < last; k++) {
    cn_open_loop(c, p->axis[k]);
    cn_values(c, phase, c->n->nouter + k + 1);
  }
  if (r.how == CHUNK_LOOP) {
    cn_open_block(c, "for (ptrdiff_t b0 = 0; b0 < %s; b0 += %d)", n, STRICT_CHUNK);
    cn_line(c, "const ptrdiff_t b1 = %s - b0 < %d ? %s : b0 + %d;", n, STRICT_CHUNK, n, STRICT_CHUNK);
    declare_lanes(c, phase, true);
    cn_lane_copies(c, axis, "b0", "b1", step, whole, lane_block, phase);
    fold_lanes(c, phase, "b0 == 0", true);
    cn_close_block(c);
  } else {
    cn_lane_copies(c, axis, shared ? "lo" : "0", shared ? "hi" : n, step, whole, r.how == CHUNK_COUNT ? counted_block
                   : lane_block, phase);
  }
  for (int k = 0; k < last; k++) cn_close_block(c);
  if (r.how == ONE_CHUNK) fold_lanes(c, phase, "", false);
  if (r.how == CHUNK_COUNT) {
    cn_open_block(c, "if (term%d || chunks%d == 0)", phase, phase);
    fold_lanes(c, phase, ca_first(c, phase), true);
    cn_close_block(c);
  }
  for (int i = 0; i < c->n->nacc; i++)
    if (c->n->acc[i].phase == phase && ca_is_arg(&c->n->acc[i]))
      cn_line(c, "const int32_t at%d = %s(mv%d, atv%d);", i, arg_helper(c, &c->n->acc[i]), i, i);
}
