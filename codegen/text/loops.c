/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the loops and stores of one nest. */
#include "codegen/text/nest.h"
#include <string.h>

static void print_store(NestText *c, const KStore *s) {
  const ParallelText *t = nest_parallel(c);
  const char *at = t && t->store ? t->store(c, s) : NULL, *when = t && t->store_if ? t->store_if(c, s) : NULL;
  if (!at) at = nest_element(c, s->buf, &s->at);
  if (when) when = ctx_strf(c->p->c, "if (%s) ", when);
  nest_line(c, "%s%s %s %s;", when ? when : "", at, s->add ? "+=" : "=",
            text_before_store(c->p, (DType)c->k->buf[s->buf].type, c->text[s->value]));
}

void nest_stores(NestText *c, int phase, KStoreAt level) {
  for (int i = 0; i < c->n->nstore; i++) {
    const KStore *s = &c->n->store[i];
    if (s->phase != phase || s->level != level) continue;
    if (c->s->lane >= 0 && (c->s->lane_outer || level == KS_INNER)) nest_lanes(c)->store(c, s);
    else print_store(c, s);
  }
}

/* The blocks of lanes in the loops of c, which is the first one. */
static NestText *next_block(const NestText *c, NestText *x) {
  if (x->next) x->next->indent = c->indent;
  return x->next;
}
#define EACH_BLOCK(x, c) for (NestText * (x) = (c); (x); (x) = next_block(c, x))

static const char *extent_of(NestText *c, int a) { return text_dim(c->p, c->n->axes.axis[a].extent); }

void nest_open_loop(NestText *c, int a) {
  if (schedule_is_point(c->s, a)) return;
  if (a == c->s->par_axis) nest_parallel(c)->open(c, a);
  else nest_open_block(c, "for (%s i%d = 0; i%d < %s; i%d++)", nest_index_type(c), a, a, extent_of(c, a), a);
}

void nest_close_loop(NestText *c, int a) {
  if (schedule_is_point(c->s, a)) return;
  if (a == c->s->par_axis && nest_parallel(c)->close) nest_parallel(c)->close(c, a);
  else nest_close_block(c);
}

static void end_count(NestText *c, int phase, StrictOrder r) {
  if (r.counts) nest_line(c, "term%d++;", phase);
  if (r.how != CHUNK_COUNT) return;
  nest_open_block(c, "if (term%d == %d)", phase, STRICT_CHUNK);
  nest_open_block(c, " ");
  EACH_BLOCK(x, c) acc_chunk_end(x, phase, r, acc_is_first_chunk(c, phase));
  nest_close_block(c);
  EACH_BLOCK(x, c) acc_chunk_begin(x, phase, r, false);
  nest_line(c, "term%d = 0, chunks%d++;", phase, phase);
  nest_close_block(c);
}

static void inner_loops(NestText *c, int phase, StrictOrder r) {
  const KPhase *p = &c->n->phase[phase];
  for (int k = 0; k < p->naxis; k++) {
    int a = p->axis[k];
    if (r.how == CHUNK_LOOP) {
      const char *n = extent_of(c, a), *type = nest_index_type(c);
      const char *from = c->s->chunks ? "lo" : "0";
      if (c->s->chunks) n = "hi";
      nest_open_block(c, "for (%s b0 = %s; b0 < %s; b0 += %d)", type, from, n, STRICT_CHUNK);
      nest_line(c, "const %s b1 = %s - b0 < %d ? %s : b0 + %d;", type, n, STRICT_CHUNK, n, STRICT_CHUNK);
      EACH_BLOCK(x, c) acc_chunk_begin(x, phase, r, true);
      nest_open_block(c, "for (%s i%d = b0; i%d < b1; i%d++)", type, a, a, a);
    } else {
      if (acc_unrolls(c, r)) nest_line(c, "GC_UNROLL");
      nest_open_loop(c, a);
    }
    if (c->next && k == p->naxis - 1) nest_lanes(c)->fetch(c, phase);
    EACH_BLOCK(x, c) nest_values(x, phase, c->n->nouter + k + 1);
  }
  EACH_BLOCK(x, c) {
    acc_term(x, phase, r);
    nest_stores(x, phase, KS_INNER);
  }
  end_count(c, phase, r);
  for (int k = 0; k < p->naxis; k++) nest_close_loop(c, p->axis[k]);
  if (r.how != CHUNK_LOOP) return;
  EACH_BLOCK(x, c) acc_chunk_end(x, phase, r, "b0 == 0");
  nest_close_block(c);
}

static const char *outer_conditions(const NestText *c, const KPhase *p) {
  const char *valid = NULL;
  for (int a = 0; a < c->n->axes.n; a++)
    if (p->skip >> a & 1 && c->s->use.select >> a & 1)
      valid = valid ? ctx_strf(c->p->c, "%s && %s", valid, c->valid[a]) : c->valid[a];
  return valid;
}

static void print_totals(NestText *c) {
  int a = c->n->phase[0].axis[0];
  if (!chunk_has_totals(c)) return;
  EACH_BLOCK(x, c) chunk_totals_declare(x);
  nest_open_block(c, "for (%s b0 = 0; b0 < %s; b0 += %d)", nest_index_type(c), extent_of(c, a), STRICT_CHUNK);
  EACH_BLOCK(x, c) chunk_totals_combine(x);
  nest_close_block(c);
}

/* With chunks, the first thread alone stores in a phase that all of them run. */
static void outer_stores(NestText *c, int phase) {
  bool first = c->s->chunks && c->n->nstore > 1 && c->n->phase[phase].naxis;
  if (first) nest_open_block(c, "if (%s)", nest_parallel(c)->is_first);
  nest_stores(c, phase, KS_OUTER);
  if (first) nest_close_block(c);
}

static void print_phase(NestText *c, int phase) {
  const KNest *n = c->n;
  const KPhase *p = &n->phase[phase];
  StrictOrder r = strict_order(c->n, phase);
  for (int a = 0; a < n->axes.n; a++)
    if (nest_loop_level(c->n, phase, n->axes.axis[a].needs) > n->nouter) c->axis_done[a] = false;
  if (c->s->chunks) print_totals(c);
  EACH_BLOCK(x, c) {
    for (int i = c->s->chunks ? 0 : phase; i <= phase; i++) nest_values(x, i, n->nouter);
    outer_stores(x, phase);
  }
  bool inner = r.any;
  for (int i = 0; i < n->nstore; i++) inner |= n->store[i].phase == phase && n->store[i].level == KS_INNER;
  if (inner && c->s->lane >= 0 && !c->s->lane_outer && p->naxis) {
    nest_lanes(c)->inner_loops(c, phase, r);
    return;
  }
  if (inner && p->naxis && nest_parallel(c) && nest_parallel(c)->inner_loops) {
    nest_parallel(c)->inner_loops(c, phase, r);
    return;
  }
  EACH_BLOCK(x, c) {
    acc_declare(x, phase, r);
    if (r.how != CHUNK_LOOP) acc_chunk_begin(x, phase, r, true);
  }
  const char *valid = outer_conditions(c, p);
  if (inner) {
    if (valid) nest_open_block(c, "if (%s)", valid);
    inner_loops(c, phase, r);
    if (valid) nest_close_block(c);
  }
  EACH_BLOCK(x, c)
  if (r.how == ONE_CHUNK) acc_chunk_end(x, phase, r, "");
  if (r.how == CHUNK_COUNT) {
    nest_open_block(c, "if (term%d || chunks%d == 0)", phase, phase);
    EACH_BLOCK(x, c) acc_chunk_end(x, phase, r, acc_is_first_chunk(c, phase));
    nest_close_block(c);
  }
}

static void print_phases(NestText *c, int unused) {
  (void)unused;
  for (int i = 0; i < c->n->nphase; i++)
    if (!c->s->chunks || i == c->phase) print_phase(c, i);
}

NestText nest_text(Emitter *p, const Kernel *k, const NestSchedule *s, Str *o) {
  NestText c = {.p = p, .k = k, .s = s, .n = s->nest, .o = o, .indent = 1, .suffix = ""};
  c.parallel = p->target->parallel;
  c.text = ctx_alloc(p->c, (size_t)(s->nest->nval + 1) * sizeof *c.text);
  return c;
}

void nest_loops(NestText *c) {
  const KNest *n = c->n;
  const NestSchedule *s = c->s;
  bool vectors = s->lane >= 0 && s->lane_outer;
  int loops = n->nouter - vectors;
  for (int d = 0; d < loops; d++) {
    nest_values(c, -1, d);
    nest_open_loop(c, n->outer[d]);
  }
  if (vectors) nest_values(c, -1, loops);
  if (vectors) nest_lanes(c)->outer_loop(c, print_phases);
  else if (n->attend) nest_attend(c);
  else if (n->sort) nest_sort(c);
  else print_phases(c, 0);
  for (int d = loops - 1; d >= 0; d--) nest_close_loop(c, n->outer[d]);
}

void nest_print_text(NestText *c) {
  const NestSchedule *s = c->s;
  if (s->lane >= 0) nest_lanes(c)->begin(c);
  if (s->par_axis >= 0 || s->grid || s->chunks) nest_parallel(c)->begin(c);
  if (s->chunks) nest_chunks(c);
  else nest_loops(c);
}

void nest_print(Emitter *p, const Kernel *k, const NestSchedule *s, Str *o) {
  NestText c = nest_text(p, k, s, o);
  nest_print_text(&c);
}
