/* Accumulations of a nest in their strict order. */
#include "codegen/c/nest.h"

bool ca_is_arg(const KAcc *a) {
  return op_info[a->op].flags & ARG;
}

bool ca_is_sum(const KAcc *a) {
  return !(op_info[a->op].flags & (FROM_LOWEST | FROM_HIGHEST));
}

const char *cn_acc(CNest *c, int acc) {
  return ctx_strf(c->p->c, ca_is_arg(&c->n->acc[acc]) ? "at%d" : "s%d", acc);
}

/* Each lane has sums of its own: the accumulators are vectors. */
static bool is_vector(const CNest *c) {
  return c->lane >= 0 && c->lane_outer;
}

static const char *acc_type(const CNest *c, const KAcc *a) {
  return is_vector(c) ? cnv_type(a->type) : dtype_info[a->type].c;
}

const char *ca_zero(CNest *c, const KAcc *a, bool vector) {
  DType t = (DType)a->type;
  double inf = 1.0 / 0.0;
  const char *zero = c_number(c->p, t, ca_is_sum(a) ? 0 : op_info[a->op].flags & FROM_LOWEST ? -inf : inf);
  return vector ? cnv_splat(c, t, zero) : zero;
}

static const char *acc_zero(CNest *c, const KAcc *a) {
  return ca_zero(c, a, is_vector(c));
}

const char *ca_body(CNest *c, const KAcc *a, const char *s, const char *v, bool vector) {
  const char *arg[3] = {s, v, "0"};
  DType t = ca_is_arg(a) ? DT_BOOL : (DType)a->type; /* whether v is better */
  c->p->at = a->node;
  if (vector) return cnv_body(c, (Op)a->op, t, (DType)a->type, arg);
  return c_body(c->p, (Op)a->op, t, (DType)a->type, arg);
}

static const char *acc_body(CNest *c, const KAcc *a, const char *s, const char *v) {
  return ca_body(c, a, s, v, is_vector(c));
}

static void add_to(CNest *c, const KAcc *a, const char *s, const char *v) {
  if (ca_is_sum(a) && dtype_is_float(a->type)) cn_line(c, "%s += %s;", s, v);
  else cn_line(c, "%s = %s;", s, acc_body(c, a, s, v));
}

/* Number of terms of a phase; false: depends on run-time sizes. */
static bool phase_terms(CNest *c, int phase, int64_t *terms) {
  const KPhase *p = &c->n->phase[phase];
  *terms = 1;
  for (int i = 0; i < p->naxis; i++) {
    int64_t e = dim_bound(c->p->m, c->n->axes.axis[p->axis[i]].extent);
    if (__builtin_mul_overflow(*terms, e, terms)) return false;
  }
  return true;
}

PhaseAcc ca_phase(CNest *c, int phase) {
  PhaseAcc r = {0};
  int64_t terms;
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase) continue;
    r.any = true;
    if (a->order == KO_SEQ || ca_is_arg(a)) continue;
    r.lanes |= a->order == KO_LANES;
    if (!phase_terms(c, phase, &terms) || terms > STRICT_CHUNK)
      r.how = c->n->phase[phase].naxis == 1 ? CHUNK_LOOP : CHUNK_COUNT;
  }
  r.counts = r.how == CHUNK_COUNT || (r.lanes && c->n->phase[phase].naxis > 1);
  return r;
}

static bool in_chunks(const KAcc *a, PhaseAcc r) {
  return a->order != KO_SEQ && !ca_is_arg(a) && r.how != ONE_CHUNK;
}

static bool in_lanes(const KAcc *a) {
  return a->order == KO_LANES && !ca_is_arg(a);
}

/* Declares what each accumulation of the phase needs before its loops. */
void ca_declare(CNest *c, int phase, PhaseAcc r) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase) continue;
    const char *zero = acc_zero(c, a);
    if (ca_is_arg(a)) cn_line(c, is_vector(c) ? "gc_vi at%d = {0};" : "int32_t at%d = 0;", i);
    if (ca_is_arg(a)) cn_line(c, "%s m%d = %s;", acc_type(c, a), i, zero);
    else if (!in_lanes(a) || in_chunks(a, r)) cn_line(c, "%s s%d = %s;", acc_type(c, a), i, zero);
  }
  if (r.counts) cn_line(c, "int32_t term%d = 0;", phase);
  if (r.how == CHUNK_COUNT) cn_line(c, "int32_t chunks%d = 0;", phase);
}

/* Whether the counted chunk that ends is the phase's first. */
const char *ca_first(const CNest *c, int phase) {
  return ctx_strf(c->p->c, "chunks%d == 0", phase);
}

/* Starts a chunk: its lanes, or its one partial result. */
void ca_chunk_begin(CNest *c, int phase, PhaseAcc r, bool declare) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase || a->order == KO_SEQ || ca_is_arg(a)) continue;
    const char *zero = acc_zero(c, a), *type = acc_type(c, a);
    if (in_lanes(a)) {
      if (declare && ca_is_sum(a)) cn_line(c, "%s l%d[16] = {0};", type, i);
      else if (declare) cn_line(c, "%s l%d[16];", type, i);
      if (!declare || !ca_is_sum(a)) cn_line(c, "for (int l = 0; l < 16; l++) l%d[l] = %s;", i, zero);
    } else if (in_chunks(a, r)) {
      cn_line(c, "%sc%d = %s;", declare ? ctx_strf(c->p->c, "%s ", type) : "", i, zero);
    }
  }
}

/* Lanes where v is better than the best so far take it and its index. */
void ca_arg_term(CNest *c, const KAcc *a, const char *m, const char *at, const char *v, const char *index) {
  const char *better = ca_body(c, a, m, v, true);
  cn_line(c, "%s = gc_isel(%s, %s, %s);", at, better, index, at);
  cn_line(c, "%s = %s;", m, cnv_select(c, a->type, better, v, m));
}

void ca_term(CNest *c, int phase, PhaseAcc r) {
  const KPhase *p = &c->n->phase[phase];
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase) continue;
    const char *v = is_vector(c) ? cnv_arg(c, a->value) : c->text[a->value], *s = ctx_strf(c->p->c, "s%d", i);
    if (ca_is_arg(a) && is_vector(c)) {
      ca_arg_term(c, a, ctx_strf(c->p->c, "m%d", i), ctx_strf(c->p->c, "at%d", i), v,
                  ctx_strf(c->p->c, "GC_SPLATI((int32_t)(%s))", c_affine(c->p, &a->index)));
      continue;
    }
    if (ca_is_arg(a)) {
      const char *m = ctx_strf(c->p->c, "m%d", i);
      if (!c_atomic(v)) {
        cn_line(c, "const %s w%d = %s;", acc_type(c, a), i, v);
        v = ctx_strf(c->p->c, "w%d", i);
      }
      cn_line(c, "if %s m%d = %s, at%d = (int32_t)(%s);", acc_body(c, a, m, v), i, v, i, c_affine(c->p, &a->index));
      continue;
    }
    if (in_lanes(a)) {
      const char *at = r.counts ? ctx_strf(c->p->c, "term%d", phase)
                     : p->naxis ? ctx_strf(c->p->c, r.how == CHUNK_LOOP ? "(i%d - b0)" : "i%d", p->axis[0]) : "0";
      s = ctx_strf(c->p->c, "l%d[%s & 15]", i, at);
    } else if (in_chunks(a, r)) {
      s = ctx_strf(c->p->c, "c%d", i);
    }
    add_to(c, a, s, v);
  }
}

/* Fold of the 16 lanes of a chunk by halves. */
static void ca_helper_fold(CNest *c, const KAcc *a) {
  CPrint *p = c->p;
  const char *name = op_info[a->op].token, *type = acc_type(c, a);
  Str s = {.c = p->c};
  bool made;
  str_printf(&s, "static %s gc_%s16_%s%s(%s *l) {\n  for (int h = 8; h; h /= 2)\n"
                 "    for (int i = 0; i < h; i++) l[i] = %s;\n"
             "  return l[0];\n}\n", type, name, is_vector(c) ? "v" : "", dtype_info[a->type].name, type, acc_body(c,
                 a, "l[i]", "l[i + h]"));
  c_intern(p, s.s, &made);
  if (made) str_printf(&p->helpers, "/* lane i takes lane i + 8, + 4, + 2, + 1 */\n%s\n", s.s);
}

static const char *fold_lanes(CNest *c, const KAcc *a, int i) {
  const char *name = op_info[a->op].token;
  return ctx_strf(c->p->c, "gc_%s16_%s%s(l%d)", name, is_vector(c) ? "v" : "", dtype_info[a->type].name, i);
}

/* Ends a chunk: its result starts or joins the total. `first`: C text that is true for the first chunk. */
void ca_chunk_end(CNest *c, int phase, PhaseAcc r, const char *first) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase || a->order == KO_SEQ || ca_is_arg(a)) continue;
    if (in_lanes(a)) ca_helper_fold(c, a);
    if (!in_chunks(a, r)) {
      if (in_lanes(a)) cn_line(c, "const %s s%d = %s;", acc_type(c, a), i, fold_lanes(c, a, i));
      continue;
    }
    const char *part = ctx_strf(c->p->c, "c%d", i), *s = ctx_strf(c->p->c, "s%d", i);
    if (in_lanes(a)) cn_line(c, "const %s c%d = %s;", acc_type(c, a), i, fold_lanes(c, a, i));
    cn_line(c, "s%d = %s ? %s : %s;", i, first, part, acc_body(c, a, s, part));
  }
}
