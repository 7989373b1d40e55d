/* SPDX-License-Identifier: Apache-2.0 */
/* Prints vectorized loops: full vectors, then a tail of fewer lanes by the same code; and reductions along the lane
 * axis, whose 16 strict lanes are one vector or several. */
#include "codegen/c/targets.h"
#include "codegen/c/vector.h"
#include <string.h>

static bool is_multiple(const NestText *c, int axis, int step) {
  int64_t extent;
  return dim_number(c->p->m, c->n->axes.axis[axis].extent, &extent) && extent % step == 0;
}

/* Prints `body` for indices [from, to) of `axis` in steps of `step`, and for the tail unless no_tail. In the body the
 * index is i and the number of the axis; j and that number if a step has several vectors. */
void emit_main_and_tail(NestText *c, int axis, const char *from, const char *to, int step, bool no_tail,
                        void (*body)(NestText *, int), int phase) {
  size_t n = (size_t)c->n->nval + 1;
  const char **text = ctx_alloc(c->p->c, n * sizeof *text);
  bool made[MAX_AXES];
  int64_t extent;
  bool none = dim_number(c->p->m, c->n->axes.axis[axis].extent, &extent) && extent < step; /* no full vector */
  memcpy(text, c->text, n * sizeof *text);
  memcpy(made, c->axis_done, sizeof made);
  nest_open_block(c, " ");
  const char *at = ctx_strf(c->p->c, "%c%d", step > c->s->vec ? 'j' : 'i', axis);
  nest_line(c, "ptrdiff_t %s = %s;", at, from);
  if (!none) {
    nest_open_block(c, "for (; %s + %d <= %s; %s += %d)", at, step, to, at, step);
    body(c, phase);
    nest_close_block(c);
  }
  if (!no_tail) {
    memcpy(c->text, text, n * sizeof *text);
    memcpy(c->axis_done, made, sizeof made);
    nest_open_block(c, "if (%s < %s)", at, to);
    nest_line(c, "const ptrdiff_t tail = %s - %s;", to, at);
    c->remaining = "tail";
    body(c, phase);
    c->remaining = NULL;
    nest_close_block(c);
  }
  nest_close_block(c);
}

/* The nest of the lanes `ahead` of these. */
static const KNest *shifted_nest(const NestText *c, int ahead) {
  Module *m = c->p->m;
  KNest *n = ctx_alloc(c->p->c, sizeof *n);
  *n = *c->n;
  n->val = ctx_alloc(c->p->c, (size_t)(n->nval + 1) * sizeof *n->val);
  n->store = ctx_alloc(c->p->c, (size_t)(n->nstore + 1) * sizeof *n->store);
  memcpy(n->val, c->n->val, (size_t)n->nval * sizeof *n->val);
  memcpy(n->store, c->n->store, (size_t)n->nstore * sizeof *n->store);
  for (int i = 1; i < n->nval + n->nstore; i++) {
    Affine *at = i < n->nval ? &n->val[i].at : &n->store[i - n->nval].at;
    at->k = dim_add(m, at->k, dim_mul(m, at->coef[c->s->lane], dim_of(m, ahead)));
  }
  return n;
}

/* The loop over blocks of several vectors, as far as there are full ones. */
static void blocks_of_vectors(NestText *c, const char *at, const char *to, void (*body)(NestText *, int)) {
  int n = c->s->block, step = n * c->s->vec;
  NestText *block = ctx_alloc(c->p->c, (size_t)n * sizeof *block);
  for (int i = 0; i < n; i++) block[i] = nest_inner_scope(c);
  for (int i = 1; i < n; i++) {
    block[i].n = shifted_nest(c, i * c->s->vec);
    block[i].suffix = ctx_strf(c->p->c, "_%d", i);
    block[i - 1].next = &block[i];
  }
  nest_open_block(&block[0], "for (; %s + %d <= %s; %s += %d)", at, step, to, at, step);
  for (int i = 1; i < n; i++) block[i].indent = block[0].indent;
  body(&block[0], 0);
  nest_close_block(&block[0]);
}

enum { ROWS_AHEAD = 16, LINE_BYTES = 64, MIN_FETCHED = 256 << 10 };

/* Prefetches what a later iteration reads. A block is a part of each row, and the next row a stride away, which no
 * hardware prefetcher follows. At the end of a matrix the address is outside of it, and does nothing. */
void emit_fetch(NestText *c, int phase) {
  const KPhase *p = &c->n->phase[phase];
  int a = p->axis[p->naxis - 1], wide = c->s->block * c->s->vec;
  double rows = (double)dim_bound(c->p->m, c->n->axes.axis[a].extent);
  for (int i = 1; i < c->n->nval; i++) {
    const KVal *v = &c->n->val[i];
    int64_t stride;
    if (v->kind != KV_LOAD || !c->s->use.uses[i] || v->phase != phase || v->at.coef[c->s->lane] != 1) continue;
    if (!dim_number(c->p->m, v->at.coef[a], &stride) || stride <= wide || c->k->buf[v->buf].cols) continue;
    int bytes = dtype_info[c->k->buf[v->buf].type].bytes;
    if (rows * (double)stride * bytes < MIN_FETCHED) continue;
    for (int64_t line = 0; line < wide; line += LINE_BYTES / bytes) {
      Affine at = v->at;
      at.k = dim_add(c->p->m, at.k, dim_of(c->p->m, ROWS_AHEAD * stride + line));
      nest_line(c, "__builtin_prefetch(&%s);", nest_element(c, v->buf, &at));
    }
  }
}

void emit_outer_vectors(NestText *c, void (*body)(NestText *, int)) {
  int axis = c->s->lane, step = c->s->vec;
  const char *from = native_axis_begin(c, axis), *to = native_axis_end(c, axis);
  if (c->s->block == 1) {
    emit_main_and_tail(c, axis, from, to, step, is_multiple(c, axis, step), body, 0);
    return;
  }
  const char *at = ctx_strf(c->p->c, "i%d", axis), *first = ctx_strf(c->p->c, "from%d", axis);
  nest_line(c, "ptrdiff_t %s = %s;", first, from);
  nest_open_block(c, " ");
  nest_line(c, "ptrdiff_t %s = %s;", at, first);
  blocks_of_vectors(c, at, to, body);
  nest_line(c, "%s = %s;", first, at);
  nest_close_block(c);
  emit_main_and_tail(c, axis, first, to, step, is_multiple(c, axis, step), body, 0);
}

/* ---- reductions along the lane axis ---- */

static int vectors_per_step(const NestText *c, int phase) { /* as many as the strict lanes fill */
  for (int i = 0; i < c->n->nacc; i++)
    if (c->n->acc[i].phase == phase && !acc_is_arg(&c->n->acc[i])) return STRICT_LANES / c->s->vec;
  return 1;
}

/* The best value of argmax, argmin so far and its index. They have no chunks, so these are declared outside. */
static void declare_args(NestText *c, int phase) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase || !acc_is_arg(a)) continue;
    nest_line(c, "%s mv%d = %s;", vec_type(a->type), i, acc_identity(c, a, true));
    nest_line(c, "gc_vi atv%d = {0};", i);
  }
}

static void declare_lanes(NestText *c, int phase, bool declare) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase || acc_is_arg(a)) continue;
    const char *zero = acc_identity(c, a, true), *type = declare ? ctx_strf(c->p->c, "%s ", vec_type(a->type)) : "";
    for (int u = 0; u < STRICT_LANES / c->s->vec; u++) nest_line(c, "%sl%d_%d = %s;", type, i, u, zero);
  }
}

static void add_lanes(NestText *c, int phase, int u) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase) continue;
    const char *v = vec_arg(c, a->value), *zero = acc_identity(c, a, true);
    if (c->remaining) v = vec_select(c, a->type, ctx_strf(c->p->c, "GC_FIRST(%s)", c->remaining), v, zero);
    if (acc_is_arg(a)) {
      nest_line(c, "const %s w%d = %s;", vec_type(a->type), i, v);
      argmax_step(c, a, ctx_strf(c->p->c, "mv%d", i), ctx_strf(c->p->c, "atv%d", i), ctx_strf(c->p->c, "w%d", i),
                  vec_index(c, &a->index));
      continue;
    }
    const char *l = ctx_strf(c->p->c, "l%d_%d", i, u);
    if (acc_is_sum(a) && dtype_is_float(a->type)) nest_line(c, "%s += %s;", l, v);
    else nest_line(c, "%s = %s;", l, acc_combine(c, a, l, v, true));
  }
}

/* One step along the lane axis: a vector, or as many as the strict lanes fill. */
static void vector_block(NestText *c, int phase) {
  const KPhase *p = &c->n->phase[phase];
  int count = vectors_per_step(c, phase), level = c->n->nouter + p->naxis, axis = p->axis[p->naxis - 1];
  size_t n = (size_t)c->n->nval + 1;
  const char **text = ctx_alloc(c->p->c, n * sizeof *text), *tail = c->remaining;
  bool made[MAX_AXES];
  memcpy(text, c->text, n * sizeof *text);
  memcpy(made, c->axis_done, sizeof made);
  for (int u = 0; u < count; u++) {
    if (count > 1) {
      memcpy(c->text, text, n * sizeof *text);
      memcpy(c->axis_done, made, sizeof made);
      nest_open_block(c, " ");
      nest_line(c, "const ptrdiff_t i%d = j%d + %d;", axis, axis, u * c->s->vec);
      if (tail) {
        nest_line(c, "const ptrdiff_t rest = tail - %d;", u * c->s->vec);
        c->remaining = "rest";
      }
    }
    nest_values(c, phase, level);
    add_lanes(c, phase, u);
    nest_stores(c, phase, KS_INNER);
    if (count > 1) nest_close_block(c);
  }
  c->remaining = tail;
}

/* A function that reduces the strict lanes by halves: first the vectors, then the lanes of one vector. */
static const char *reduce_helper(NestText *c, const KAcc *a) {
  Emitter *p = c->p;
  const char *type = vec_type(a->type);
  const char *name = ctx_strf(p->c, "gc_reduce_%s_%s", op_info[a->op].spelling, dtype_info[a->type].name);
  int count = STRICT_LANES / c->s->vec;
  Str s = {.c = p->c};
  bool made;
  str_printf(&s, "static inline %s %s(%s *l) {\n", dtype_info[a->type].c, name, type);
  for (int h = count / 2; h; h /= 2)
    for (int u = 0; u < h; u++)
      str_printf(&s, "  l[%d] = %s;\n", u,
                 acc_combine(c, a, ctx_strf(p->c, "l[%d]", u), ctx_strf(p->c, "l[%d]", u + h), true));
  str_printf(&s, "  %s v = l[0];\n", type);
  for (int h = c->s->vec / 2; h; h /= 2) {
    Str w = {.c = p->c};
    str_puts(&w, a->type == DT_F64 ? "GC_ROTATED(v" : "GC_ROTATE(v");
    for (int i = 0; i < c->s->vec; i++) str_printf(&w, ", %d", (i + h) % c->s->vec);
    str_puts(&w, ")");
    str_printf(&s, "  v = %s;\n", acc_combine(c, a, "v", w.s, true));
  }
  str_puts(&s, "  return v[0];\n}\n");
  text_intern(p, s.s, &made);
  if (made) str_printf(&p->helpers, "%s\n", s.s);
  return name;
}

static const char *arg_helper(NestText *c, const KAcc *a) {
  Emitter *p = c->p;
  const char *type = dtype_info[a->type].c,
             *name = ctx_strf(p->c, "gc_%s_%s", op_info[a->op].spelling, dtype_info[a->type].name);
  Str s = {.c = p->c};
  bool made;
  str_printf(&s,
             "/* the first index of the best value of all lanes */\nstatic inline int32_t %s(%s m, gc_vi at) {\n"
             "  %s best = m[0];\n  int32_t r = at[0];\n"
             "  for (int i = 1; i < GC_LANES; i++)\n"
             "    if (%s || (!%s && at[i] < r)) best = m[i], r = at[i];\n  return r;\n}\n",
             name, vec_type(a->type), type, acc_combine(c, a, "best", "m[i]", false),
             acc_combine(c, a, "m[i]", "best", false));
  text_intern(p, s.s, &made);
  if (made) str_printf(&p->helpers, "%s\n", s.s);
  return name;
}

/* Reduces the lanes to the result; chunks: combines it with the total, unless the condition `first` holds. */
static void reduce_lanes(NestText *c, int phase, const char *first, bool chunks) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase || acc_is_arg(a)) continue;
    Str list = {.c = c->p->c};
    for (int u = 0; u < STRICT_LANES / c->s->vec; u++) str_printf(&list, "%sl%d_%d", u ? ", " : "", i, u);
    const char *type = dtype_info[a->type].c,
               *call = ctx_strf(c->p->c, "%s((%s[]){%s})", reduce_helper(c, a), vec_type(a->type), list.s);
    if (!chunks) {
      nest_line(c, "const %s s%d = %s;", type, i, call);
      continue;
    }
    const char *s = ctx_strf(c->p->c, "s%d", i), *chunk = ctx_strf(c->p->c, "c%d", i);
    nest_line(c, "const %s c%d = %s;", type, i, call);
    if (c->s->chunks) nest_parallel(c)->chunk_store(c, i, chunk);
    else nest_line(c, "s%d = %s ? c%d : %s;", i, first, i, acc_combine(c, a, s, chunk, false));
  }
}

static void declare_totals(NestText *c, int phase) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase == phase && !acc_is_arg(a))
      nest_line(c, "%s s%d = %s;", dtype_info[a->type].c, i, acc_identity(c, a, false));
  }
}

/* With several inner axes, counts terms after each step of 16, and ends the chunk after 1024 terms. */
static void count_block(NestText *c, int phase) {
  nest_line(c, "term%d += %d;", phase, STRICT_LANES);
  nest_open_block(c, "if (term%d == %d)", phase, STRICT_CHUNK);
  nest_open_block(c, " ");
  reduce_lanes(c, phase, acc_is_first_chunk(c, phase), true);
  nest_close_block(c);
  declare_lanes(c, phase, false);
  nest_line(c, "term%d = 0, chunks%d++;", phase, phase);
  nest_close_block(c);
}

static void counted_block(NestText *c, int phase) {
  nest_open_block(c, " ");
  vector_block(c, phase);
  nest_close_block(c);
  count_block(c, phase);
}

void emit_inner_vectors(NestText *c, int phase, StrictOrder r) {
  const KPhase *p = &c->n->phase[phase];
  int last = p->naxis - 1, axis = p->axis[last], step = c->s->vec * vectors_per_step(c, phase);
  const char *n = text_dim(c->p, c->n->axes.axis[axis].extent);
  bool no_tail = is_multiple(c, axis, step);
  declare_args(c, phase);
  if (r.how != ONE_CHUNK && !c->s->chunks) declare_totals(c, phase);
  if (r.how != CHUNK_LOOP) declare_lanes(c, phase, true);
  if (r.how == CHUNK_COUNT) nest_line(c, "int32_t term%d = 0, chunks%d = 0;", phase, phase);
  for (int k = 0; k < last; k++) {
    nest_open_loop(c, p->axis[k]);
    nest_values(c, phase, c->n->nouter + k + 1);
  }
  if (r.how == CHUNK_LOOP) {
    const char *from = c->s->chunks ? "lo" : "0";
    if (c->s->chunks) n = "hi";
    nest_open_block(c, "for (ptrdiff_t b0 = %s; b0 < %s; b0 += %d)", from, n, STRICT_CHUNK);
    nest_line(c, "const ptrdiff_t b1 = %s - b0 < %d ? %s : b0 + %d;", n, STRICT_CHUNK, n, STRICT_CHUNK);
    declare_lanes(c, phase, true);
    emit_main_and_tail(c, axis, "b0", "b1", step, no_tail, vector_block, phase);
    reduce_lanes(c, phase, "b0 == 0", true);
    nest_close_block(c);
  } else {
    emit_main_and_tail(c, axis, native_axis_begin(c, axis), native_axis_end(c, axis), step, no_tail,
                       r.how == CHUNK_COUNT ? counted_block : vector_block, phase);
  }
  for (int k = 0; k < last; k++) nest_close_block(c);
  if (r.how == ONE_CHUNK) reduce_lanes(c, phase, "", false);
  if (r.how == CHUNK_COUNT) {
    nest_open_block(c, "if (term%d || chunks%d == 0)", phase, phase);
    reduce_lanes(c, phase, acc_is_first_chunk(c, phase), true);
    nest_close_block(c);
  }
  for (int i = 0; i < c->n->nacc; i++)
    if (c->n->acc[i].phase == phase && acc_is_arg(&c->n->acc[i]))
      nest_line(c, "const int32_t at%d = %s(mv%d, atv%d);", i, arg_helper(c, &c->n->acc[i]), i, i);
}
