/* Loops, accumulations in their strict order, and stores of one nest. */
#include "codegen/c/nest.h"
#include <string.h>

/* ---- uses ---- */

static void use_axes(CNest *c, int phase, const Affine *e);

static void use_axis(CNest *c, int phase, int a) {
  const Axis *x = &c->n->axes.axis[a];
  if (x->kind == AX_LOOP || c->used_axes[phase + 1] >> a & 1) return;
  c->used_axes[phase + 1] |= 1u << a;
  c->used_axes[0] |= 1u << a;
  if (x->kind == AX_QUOTIENT) use_axes(c, phase, &x->e);
}

static void use_axes(CNest *c, int phase, const Affine *e) {
  for (int i = 0; i < c->n->axes.n; i++)
    if (e->coef[i]) use_axis(c, phase, i);
}

static void use_value(CNest *c, int v, int phase, int level) {
  const KVal *x = &c->n->val[v];
  c->same_loop[v] = (!c->uses[v] || c->same_loop[v]) && x->phase == phase && cn_level(c, phase, x->needs) == level;
  if (c->uses[v]++) return;
  level = cn_level(c, x->phase, x->needs);
  for (int i = 0; i < x->nargs && x->kind != KV_ACC; i++) use_value(c, x->arg[i], x->phase, level);
  for (int i = 0; i < c->n->axes.n; i++) {
    bool guard = x->guards >> i & 1;
    if (guard) c->select |= 1u << i;
    if (!x->at.coef[i] && !guard) continue;
    use_axis(c, x->phase, i);
    if (phase != x->phase) use_axis(c, phase, i);
  }
  for (int i = 0; i < c->n->axes.n; i++) /* the indices that tables need */
    if (c->n->axes.axis[i].kind == AX_TABLE && c->used_axes[0] >> i & 1 && c->uses[c->n->axes.axis[i].value] == 0) {
      use_value(c, c->n->axes.axis[i].value, x->phase, -1);
      c->same_loop[c->n->axes.axis[i].value] = false;
    }
}

static int inner_level(const CNest *c, int phase) {
  return c->n->nouter + c->n->phase[phase].naxis;
}

static void find_uses(CNest *c) {
  const KNest *n = c->n;
  for (int i = 0; i < n->nacc; i++) {
    use_value(c, n->acc[i].value, n->acc[i].phase, inner_level(c, n->acc[i].phase));
    use_axes(c, n->acc[i].phase, &n->acc[i].index);
  }
  for (int i = 0; i < n->nstore; i++) {
    const KStore *s = &n->store[i];
    use_value(c, s->value, s->phase, s->level == KS_INNER ? inner_level(c, s->phase) : n->nouter);
    use_axes(c, s->phase, &s->at);
    for (int k = 0; k < n->axes.n; k++) /* scatter: the table's index */
      if (s->at.coef[k] && n->axes.axis[k].kind == AX_TABLE) {
        use_value(c, n->axes.axis[k].value, s->phase, -1);
        c->same_loop[n->axes.axis[k].value] = false;
      }
    int others = 0; /* several stores: all values first, as a store may lie on what another one loads */
    for (int k = 0; k < n->nstore; k++) others += n->store[k].phase == s->phase && k != i;
    if (others) c->same_loop[s->value] = false;
  }
  for (int p = 0; p < n->nphase; p++)
    for (int a = 0; a < n->axes.n; a++) {
      if (!(n->phase[p].skip >> a & 1)) continue;
      use_axis(c, p, a);
      if (cn_level(c, p, n->axes.axis[a].needs) <= n->nouter) c->select |= 1u << a;
      else c->skip |= 1u << a;
    }
}

/* ---- accumulations ---- */

const char *cn_acc(CNest *c, int acc) {
  Op op = (Op)c->n->acc[acc].op;
  return ctx_strf(c->p->c, op == OP_argmax || op == OP_argmin ? "at%d" : "s%d", acc);
}

static bool is_arg(const KAcc *a) {
  return a->op == OP_argmax || a->op == OP_argmin;
}

/* What an accumulation starts from. */
static const char *acc_zero(CNest *c, const KAcc *a) {
  DType t = (DType)a->type;
  if (a->op == OP_sum) return c_number(c->p, t, 0);
  double inf = 1.0 / 0.0, v = a->op == OP_reduce_max || a->op == OP_argmax ? -inf : inf;
  return c_number(c->p, t, v);
}

static const char *acc_body(CNest *c, const KAcc *a, const char *s, const char *v) {
  const char *arg[3] = {s, v, "0"};
  c->p->at = a->node;
  return c_body(c->p, (Op)a->op, (DType)a->type, (DType)a->type, arg);
}

static void add_to(CNest *c, const KAcc *a, const char *s, const char *v) {
  if (a->op == OP_sum && dtype_is_float(a->type)) cn_line(c, "%s += %s;", s, v);
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

/* How the chunks of a phase's strict order are walked: not at all (all terms in one), as an outer loop over chunks of
 * its only axis, or by counting terms. */
typedef enum Chunking { ONE_CHUNK, CHUNK_LOOP, CHUNK_COUNT } Chunking;
typedef struct PhaseAcc { Chunking how; bool lanes, any, counts; } PhaseAcc;

static PhaseAcc phase_acc(CNest *c, int phase) {
  PhaseAcc r = {0};
  int64_t terms;
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase) continue;
    r.any = true;
    if (a->order == KO_SEQ || is_arg(a)) continue;
    r.lanes |= a->order == KO_LANES;
    if (!phase_terms(c, phase, &terms) || terms > STRICT_CHUNK)
      r.how = c->n->phase[phase].naxis == 1 ? CHUNK_LOOP : CHUNK_COUNT;
  }
  r.counts = r.how == CHUNK_COUNT || (r.lanes && c->n->phase[phase].naxis > 1);
  return r;
}

static bool in_chunks(const KAcc *a, PhaseAcc r) {
  return a->order != KO_SEQ && !is_arg(a) && r.how != ONE_CHUNK;
}

static bool in_lanes(const KAcc *a) {
  return a->order == KO_LANES && !is_arg(a);
}

static const char *ctype(int t) {
  return dtype_info[t].c;
}

/* Declares what each accumulation of the phase needs before its loops. */
static void acc_declare(CNest *c, int phase, PhaseAcc r) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase) continue;
    const char *zero = acc_zero(c, a);
    if (is_arg(a)) cn_line(c, "int32_t at%d = 0;", i);
    if (is_arg(a)) cn_line(c, "%s m%d = %s;", ctype(a->type), i, zero);
    else if (!in_lanes(a) || in_chunks(a, r)) cn_line(c, "%s s%d = %s;", ctype(a->type), i, zero);
  }
  if (r.counts) cn_line(c, "int32_t term = 0;");
  if (r.how == CHUNK_COUNT) cn_line(c, "int chunks = 0;");
}

/* Starts a chunk: its lanes, or its one partial result. */
static void chunk_begin(CNest *c, int phase, PhaseAcc r, bool declare) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase || a->order == KO_SEQ || is_arg(a)) continue;
    const char *zero = acc_zero(c, a), *type = ctype(a->type);
    if (in_lanes(a)) {
      if (declare && a->op == OP_sum) cn_line(c, "%s l%d[16] = {0};", type, i);
      else if (declare) cn_line(c, "%s l%d[16];", type, i);
      if (!declare || a->op != OP_sum) cn_line(c, "for (int l = 0; l < 16; l++) l%d[l] = %s;", i, zero);
    } else if (in_chunks(a, r)) {
      cn_line(c, "%sc%d = %s;", declare ? ctx_strf(c->p->c, "%s ", type) : "", i, zero);
    }
  }
}

static void acc_term(CNest *c, int phase, PhaseAcc r) {
  const KPhase *p = &c->n->phase[phase];
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase) continue;
    const char *v = c->text[a->value], *s = ctx_strf(c->p->c, "s%d", i);
    if (is_arg(a)) {
      const char *m = ctx_strf(c->p->c, "m%d", i);
      if (!c_atomic(v)) {
        cn_line(c, "const %s w%d = %s;", ctype(a->type), i, v);
        v = ctx_strf(c->p->c, "w%d", i);
      }
      cn_line(c, "if %s m%d = %s, at%d = (int32_t)(%s);", acc_body(c, a, m, v), i, v, i, c_affine(c->p, &a->index));
      continue;
    }
    if (in_lanes(a)) {
      const char *at = r.counts ? "term" : p->naxis ? ctx_strf(c->p->c, r.how == CHUNK_LOOP ? "(i%d - b0)" : "i%d", p->axis[0])
                                                    : "0";
      s = ctx_strf(c->p->c, "l%d[%s & 15]", i, at);
    } else if (in_chunks(a, r)) {
      s = ctx_strf(c->p->c, "c%d", i);
    }
    add_to(c, a, s, v);
  }
}

static const char *fold_lanes(CNest *c, const KAcc *a, int i) {
  const char *name = a->op == OP_sum ? "sum" : a->op == OP_reduce_max ? "max" : "min";
  return ctx_strf(c->p->c, "gc_%s16_%s(l%d)", name, dtype_info[a->type].name, i);
}

/* Ends a chunk: its result starts or joins the total. `first`: C text that is true for the first chunk. */
static void chunk_end(CNest *c, int phase, PhaseAcc r, const char *first) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase || a->order == KO_SEQ || is_arg(a)) continue;
    if (in_lanes(a)) c_helper_fold(c->p, a->op, (DType)a->type);
    if (!in_chunks(a, r)) {
      if (in_lanes(a)) cn_line(c, "const %s s%d = %s;", ctype(a->type), i, fold_lanes(c, a, i));
      continue;
    }
    const char *part = ctx_strf(c->p->c, "c%d", i), *s = ctx_strf(c->p->c, "s%d", i);
    if (in_lanes(a)) cn_line(c, "const %s c%d = %s;", ctype(a->type), i, fold_lanes(c, a, i));
    cn_line(c, "s%d = %s ? %s : %s;", i, first, part, acc_body(c, a, s, part));
  }
}

/* ---- stores and loops ---- */

void cn_stores(CNest *c, int phase, KStoreAt level) {
  for (int i = 0; i < c->n->nstore; i++) {
    const KStore *s = &c->n->store[i];
    if (s->phase != phase || s->level != level) continue;
    const char *at = c_affine(c->p, &s->at), *y = cn_buf(c, s->buf);
    cn_line(c, "%s[%s] %s %s;", y, at, s->add ? "+=" : "=", c->text[s->value]);
  }
}

static void open_loop(CNest *c, int a) {
  const char *n = c_dim(c->p, c->n->axes.axis[a].extent);
  cn_open_block(c, "for (ptrdiff_t i%d = 0; i%d < %s; i%d++)", a, a, n, a);
}

static void inner_loops(CNest *c, int phase, PhaseAcc r) {
  const KPhase *p = &c->n->phase[phase];
  int opened = p->naxis;
  for (int k = 0; k < p->naxis; k++) {
    int a = p->axis[k];
    if (r.how == CHUNK_LOOP) {
      const char *n = c_dim(c->p, c->n->axes.axis[a].extent);
      cn_open_block(c, "for (ptrdiff_t b0 = 0; b0 < %s; b0 += %d)", n, STRICT_CHUNK);
      cn_line(c, "const ptrdiff_t b1 = %s - b0 < %d ? %s : b0 + %d;", n, STRICT_CHUNK, n, STRICT_CHUNK);
      chunk_begin(c, phase, r, true);
      cn_open_block(c, "for (ptrdiff_t i%d = b0; i%d < b1; i%d++)", a, a, a);
    } else {
      open_loop(c, a);
    }
    cn_values(c, phase, c->n->nouter + k + 1);
  }
  acc_term(c, phase, r);
  cn_stores(c, phase, KS_INNER);
  if (r.counts) cn_line(c, "term++;");
  if (r.how == CHUNK_COUNT) {
    cn_open_block(c, "if (term == %d)", STRICT_CHUNK);
    cn_open_block(c, " ");
    chunk_end(c, phase, r, "chunks == 0");
    cn_close_block(c);
    chunk_begin(c, phase, r, false);
    cn_line(c, "term = 0, chunks++;");
    cn_close_block(c);
  }
  for (; opened > 0; opened--) cn_close_block(c);
  if (r.how == CHUNK_LOOP) chunk_end(c, phase, r, "b0 == 0"), cn_close_block(c);
}

static void print_phase(CNest *c, int phase) {
  const KNest *n = c->n;
  const KPhase *p = &n->phase[phase];
  PhaseAcc r = phase_acc(c, phase);
  for (int a = 0; a < n->axes.n; a++)
    if (cn_level(c, phase, n->axes.axis[a].needs) > n->nouter) c->made[a] = false;
  cn_values(c, phase, n->nouter);
  cn_stores(c, phase, KS_OUTER);
  acc_declare(c, phase, r);
  if (r.how != CHUNK_LOOP) chunk_begin(c, phase, r, true);
  const char *valid = NULL;
  for (int a = 0; a < n->axes.n; a++)
    if (p->skip >> a & 1 && c->select >> a & 1)
      valid = valid ? ctx_strf(c->p->c, "%s && %s", valid, c->valid[a]) : c->valid[a];
  bool inner = r.any;
  for (int i = 0; i < n->nstore; i++) inner |= n->store[i].phase == phase && n->store[i].level == KS_INNER;
  if (inner) {
    if (valid) cn_open_block(c, "if (%s)", valid);
    inner_loops(c, phase, r);
    if (valid) cn_close_block(c);
  }
  if (r.how == ONE_CHUNK) chunk_end(c, phase, r, "");
  if (r.how == CHUNK_COUNT) {
    cn_open_block(c, "if (term || chunks == 0)");
    chunk_end(c, phase, r, "chunks == 0");
    cn_close_block(c);
  }
}

CNest cn_begin(CPrint *p, const Kernel *k, const KNest *n, Str *o) {
  CNest c = {.p = p, .k = k, .n = n, .o = o, .indent = 1};
  c.text = ctx_alloc(p->c, (size_t)(n->nval + 1) * sizeof *c.text);
  c.uses = ctx_alloc(p->c, (size_t)(n->nval + 1) * sizeof *c.uses);
  c.same_loop = ctx_alloc(p->c, (size_t)(n->nval + 1) * sizeof *c.same_loop);
  c.used_axes = ctx_alloc(p->c, (size_t)(n->nphase + 1) * sizeof *c.used_axes);
  find_uses(&c);
  return c;
}

void c_nest(CPrint *p, const Kernel *k, const KNest *n, Str *o) {
  CNest c = cn_begin(p, k, n, o);
  for (int d = 0; d < n->nouter; d++) {
    cn_values(&c, -1, d);
    open_loop(&c, n->outer[d]);
  }
  for (int i = 0; i < n->nphase; i++) print_phase(&c, i);
  for (int d = 0; d < n->nouter; d++) cn_close_block(&c);
}
