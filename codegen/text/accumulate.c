/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the accumulations of a nest, in strict order. */
#include "codegen/text/nest.h"
#include <string.h>

/* A variable of an accumulation. */
static const char *variable(const NestText *c, const char *kind, int acc) {
  return ctx_strf(c->p->c, "%s%d%s", kind, acc, c->suffix);
}

const char *nest_acc_name(NestText *c, int acc) { return variable(c, acc_is_arg(&c->n->acc[acc]) ? "at" : "s", acc); }

/* Each lane has its own accumulators, so they are vectors. */
static bool is_vector(const NestText *c) { return c->s->lane >= 0 && c->s->lane_outer; }

bool acc_unrolls(const NestText *c, StrictOrder r) { return is_vector(c) && r.few; }

const char *acc_type(const NestText *c, const KAcc *a) {
  return is_vector(c) ? nest_lanes(c)->type(a->type) : dtype_info[a->type].c;
}

const char *acc_identity(NestText *c, const KAcc *a, bool vector) {
  DType t = (DType)a->type;
  double inf = 1.0 / 0.0;
  const char *zero = text_number(c->p, t, acc_is_sum(a) ? 0 : op_info[a->op].flags & OPF_INIT_LOWEST ? -inf : inf);
  return vector ? nest_lanes(c)->splat(c, t, zero) : zero;
}

const char *acc_start(NestText *c, const KAcc *a) { return acc_identity(c, a, is_vector(c)); }

const char *acc_combine(NestText *c, const KAcc *a, const char *s, const char *v, bool vector) {
  const char *arg[3] = {s, v, "0"};
  DType t = acc_is_arg(a) ? DT_BOOL : (DType)a->type; /* of argmax, argmin: true if v is better */
  c->p->at = a->node;
  if (vector) return nest_lanes(c)->op(c, (Op)a->op, t, (DType)a->type, arg);
  return text_op(c->p, (Op)a->op, t, (DType)a->type, arg);
}

const char *acc_step(NestText *c, const KAcc *a, const char *s, const char *v) {
  return acc_combine(c, a, s, v, is_vector(c));
}

static void add_to(NestText *c, const KAcc *a, const char *s, const char *v) {
  if (acc_is_sum(a) && dtype_is_float(a->type)) nest_line(c, "%s += %s;", s, v);
  else nest_line(c, "%s = %s;", s, acc_step(c, a, s, v));
}

/* Declares the variables that accumulations of the phase need before its loops. */
void acc_declare(NestText *c, int phase, StrictOrder r) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase) continue;
    const char *zero = acc_start(c, a);
    if (acc_is_arg(a) && is_vector(c)) nest_line(c, "%s at%d = {0};", nest_lanes(c)->type(DT_I32), i);
    else if (acc_is_arg(a)) nest_line(c, "int32_t at%d = 0;", i);
    if (acc_is_arg(a)) nest_line(c, "%s m%d = %s;", acc_type(c, a), i, zero);
    else if (!c->s->chunks && (!acc_has_lanes(a) || acc_has_chunks(a, r)))
      nest_line(c, "%s %s = %s;", acc_type(c, a), variable(c, "s", i), zero);
  }
  if (*c->suffix) return; /* blocks of lanes count together */
  if (r.counts) nest_line(c, "int32_t term%d = 0;", phase);
  if (r.how == CHUNK_COUNT) nest_line(c, "int32_t chunks%d = 0;", phase);
}

/* The condition that the chunk that ends now is the first of the phase, where terms are counted. */
const char *acc_is_first_chunk(const NestText *c, int phase) { return ctx_strf(c->p->c, "chunks%d == 0", phase); }

/* Starts a chunk: initialises its lanes, or its partial result. */
void acc_chunk_begin(NestText *c, int phase, StrictOrder r, bool declare) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase || a->order == KO_SEQ || acc_is_arg(a)) continue;
    const char *zero = acc_start(c, a), *type = acc_type(c, a);
    if (acc_has_lanes(a)) {
      const char *l = variable(c, "l", i);
      if (declare && acc_is_sum(a)) nest_line(c, "%s %s[%d] = {0};", type, l, r.width);
      else if (declare) nest_line(c, "%s %s[%d];", type, l, r.width);
      const char *unroll = acc_unrolls(c, r) ? "GC_UNROLL " : "";
      if (!declare || !acc_is_sum(a))
        nest_line(c, "%sfor (int l = 0; l < %d; l++) %s[l] = %s;", unroll, r.width, l, zero);
    } else if (acc_has_chunks(a, r)) {
      nest_line(c, "%s%s = %s;", declare ? ctx_strf(c->p->c, "%s ", type) : "", variable(c, "c", i), zero);
    }
  }
}

/* Replaces the best value so far, and its index, in the lanes where v is better. */
void argmax_step(NestText *c, const KAcc *a, const char *m, const char *at, const char *v, const char *index) {
  const char *better = acc_combine(c, a, m, v, true);
  nest_line(c, "%s = %s;", at, nest_lanes(c)->select(c, DT_I32, better, index, at));
  nest_line(c, "%s = %s;", m, nest_lanes(c)->select(c, a->type, better, v, m));
}

void acc_take(NestText *c, int i, const char *s) {
  const KAcc *a = &c->n->acc[i];
  const char *v = is_vector(c) ? nest_lanes(c)->arg(c, a->value) : c->text[a->value];
  if (!acc_is_arg(a)) {
    add_to(c, a, s, v);
    return;
  }
  if (is_vector(c)) {
    argmax_step(c, a, ctx_strf(c->p->c, "m%d", i), ctx_strf(c->p->c, "at%d", i), v,
                nest_lanes(c)->splat(c, DT_I32, ctx_strf(c->p->c, "(int32_t)(%s)", text_affine(c->p, &a->index))));
    return;
  }
  const char *m = ctx_strf(c->p->c, "m%d", i);
  if (!strcmp(v, acc_start(c, a))) { /* never better; compilers warn of a comparison with a type's limit */
    nest_line(c, "(void)%s;", m);
    return;
  }
  if (!text_is_atomic(v)) {
    nest_line(c, "const %s w%d = %s;", acc_type(c, a), i, v);
    v = ctx_strf(c->p->c, "w%d", i);
  }
  nest_line(c, "if %s m%d = %s, at%d = (int32_t)(%s);", acc_step(c, a, m, v), i, v, i, text_affine(c->p, &a->index));
}

/* The variable that takes the terms: of lanes one of an array, of chunks their partial result. */
static const char *term_variable(NestText *c, int i, StrictOrder r) {
  const KAcc *a = &c->n->acc[i];
  const KPhase *p = &c->n->phase[a->phase];
  if (acc_has_lanes(a)) {
    const char *at = r.counts   ? ctx_strf(c->p->c, "term%d", a->phase)
                     : p->naxis ? ctx_strf(c->p->c, r.how == CHUNK_LOOP ? "(i%d - b0)" : "i%d", p->axis[0])
                                : "0";
    return ctx_strf(c->p->c, "%s[%s & %d]", variable(c, "l", i), at, r.width - 1);
  }
  return variable(c, acc_has_chunks(a, r) ? "c" : "s", i);
}

void acc_term(NestText *c, int phase, StrictOrder r) {
  for (int i = 0; i < c->n->nacc; i++)
    if (c->n->acc[i].phase == phase) acc_take(c, i, term_variable(c, i, r));
}

/* A function that reduces the lanes of a chunk by halves. That of many vectors is not inlined: its body is long, and a
 * kernel of four blocks of columns has eight calls. */
static void reduce_helper(NestText *c, const KAcc *a, int width) {
  enum { INLINED = 4 };
  Emitter *p = c->p;
  const char *name = op_info[a->op].spelling, *type = acc_type(c, a);
  Str s = {.c = p->c};
  bool made;
  str_printf(&s,
             "static %s%s gc_%s%d_%s%s(%s *l) {\n  for (int h = %d; h; h /= 2)\n"
             "    for (int i = 0; i < h; i++) l[i] = %s;\n"
             "  return l[0];\n}\n",
             is_vector(c) && width > INLINED ? "__attribute__((noinline)) " : "", type, name, width,
             is_vector(c) ? "v" : "", dtype_info[a->type].name, type, width / 2, acc_step(c, a, "l[i]", "l[i + h]"));
  text_intern(p, s.s, &made);
  if (made)
    str_printf(&p->helpers, "/* lane i takes lane i + %d, then that of half the distance, and so on */\n%s\n",
               width / 2, s.s);
}

static const char *reduced_lanes(NestText *c, const KAcc *a, int i, StrictOrder r) {
  const char *lanes = variable(c, "l", i);
  int width = r.width;
  if (acc_unrolls(c, r)) {
    while (width /= 2)
      for (int l = 0; l < width; l++) {
        const char *x = ctx_strf(c->p->c, "%s[%d]", lanes, l), *y = ctx_strf(c->p->c, "%s[%d]", lanes, l + width);
        nest_line(c, "%s = %s;", x, acc_step(c, a, x, y));
      }
    return ctx_strf(c->p->c, "%s[0]", lanes);
  }
  reduce_helper(c, a, width);
  const char *name = op_info[a->op].spelling;
  return ctx_strf(c->p->c, "gc_%s%d_%s%s(%s)", name, width, is_vector(c) ? "v" : "", dtype_info[a->type].name, lanes);
}

/* Ends a chunk: its result becomes the total or is combined with it. `first`: a condition, true for the first chunk. */
void acc_chunk_end(NestText *c, int phase, StrictOrder r, const char *first) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase || a->order == KO_SEQ || acc_is_arg(a)) continue;
    const char *chunk = variable(c, "c", i), *s = variable(c, "s", i);
    if (!acc_has_chunks(a, r)) {
      if (acc_has_lanes(a)) nest_line(c, "const %s %s = %s;", acc_type(c, a), s, reduced_lanes(c, a, i, r));
      continue;
    }
    if (acc_has_lanes(a)) nest_line(c, "const %s %s = %s;", acc_type(c, a), chunk, reduced_lanes(c, a, i, r));
    if (c->s->chunks) nest_parallel(c)->chunk_store(c, i, chunk);
    else nest_line(c, "%s = %s ? %s : %s;", s, first, chunk, acc_step(c, a, s, chunk));
  }
}
