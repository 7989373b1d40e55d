/* SPDX-License-Identifier: Apache-2.0 */
/* Decides which values of a graph are stored in 16 bits.
 *
 * A value belongs to a domain, which follows from the precision classes of the op table:
 *   WEAK  weights, constants, random numbers, and what is computed from them alone: adapts to other operands
 *   STAT  results of reductions and what is computed from them (mean and deviation of a norm), the exponents that
 *         attention keeps: never rounded
 *   LOW   results of contractions, rows of an embedding, and element-wise results of these
 *   FULL  results of reductions combined with others (norms, softmax, losses); inputs, states, the optimizer
 * Stored in 16 bits:
 *   - every operand of a contraction, for all readers;
 *   - of LOW: values with several readers, and results of contractions that another kernel reads;
 *   - of FULL: values kept for the backward pass: there, and through views; the norm or softmax itself reads f32.
 * What only statements with the hint read (the optimizer: gradients of weights) stays f32. */
#include "passes/precision/precision.h"
#include "ir/attend.h"
#include "ir/view.h"
#include <string.h>

typedef enum Domain { WEAK, STAT, LOW, FULL } Domain;

typedef struct Readers {
  Id first;
  bool many;        /* more than one node reads it */
  bool plain;       /* at least one reader without the hint */
  bool operand;     /* read by a lowered contraction */
  bool other;       /* read by another node, or a result */
  bool non_fusible; /* read from memory: by a node that is not element-wise and not a reduction */
  bool backward;    /* read by the backward pass, without the hint */
} Readers;

bool is_fp32(const Graph *g, Id n) { return attr_get(g->m, node_get(g, n)->attr)->hints & HINT_FP32; }

static bool is_f32(const Graph *g, Id n) { return node_type(g, n)->dtype == DT_F32; }
static char class_of(const Graph *g, Id n) { return node_info(g, n)->precision_class; }

bool moves_data(const Graph *g, Id n) { return node_info(g, n)->cls == CL_VIEW || node_info(g, n)->cls == CL_CONCAT; }

bool is_fp32_weight(const Graph *g, const bool *full, Id x) {
  while (node_info(g, x)->cls == CL_VIEW) x = node_in(g, x, 0);
  int v = node_var(g, x);
  return (full && full[x]) || (v >= 0 && g->m->var[v].hints & HINT_FP32);
}

static bool is_lowered(const Graph *g, const bool *full, Id n) {
  bool sum = class_of(g, n) == 'c' && node_info(g, n)->cls != CL_SCAN;
  return sum && is_f32(g, node_info(g, n)->cls == CL_ATTEND ? node_in(g, n, 0) : n) && !is_fp32(g, n) &&
         !is_fp32_weight(g, full, node_in(g, n, 0)) && !is_fp32_weight(g, full, node_in(g, n, 1));
}

bool is_half_row(const Graph *g, const bool *lowered, Id n) {
  Id x = node_info(g, n)->cls == CL_TUPLE ? node_in(g, n, 0) : 0;
  return x && lowered[x] && attend_gives_rows(g, x, (int)node_attr(g, n, ATTR(get, index))->i);
}

/* ---- domains ---- */

static Domain domain_of_leaf(const Graph *g, Id n) {
  int v = node_var(g, n);
  bool weight = v >= 0 && g->m->var[v].kind == VK_PARAM;
  return node_info(g, n)->flags & OPF_CALLER_MEMORY && !weight ? FULL : WEAK;
}

/* The domain of an element-wise op, view or gather from its operands; STAT combined with LOW is FULL. */
static Domain domain_of_inputs(const Graph *g, Id n, const uint8_t *domain) {
  bool stat = false, low = false;
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
    Id x = node_in(g, n, (int)i);
    if (!is_f32(g, x)) continue;
    if (domain[x] == FULL) return FULL;
    stat |= domain[x] == STAT;
    low |= domain[x] == LOW;
  }
  return low ? stat ? FULL : LOW : stat ? STAT : WEAK;
}

static Domain domain_of(const Graph *g, Id n, const uint8_t *domain, const bool *lowered) {
  OpClass cls = node_info(g, n)->cls;
  Domain d = domain_of_inputs(g, n, domain);
  if (cls == CL_LEAF) return domain_of_leaf(g, n);
  if (is_half_row(g, lowered, n)) return LOW;
  if (cls == CL_TUPLE && node_info(g, node_in(g, n, 0))->cls == CL_ATTEND) return STAT; /* lse: exponents */
  if (is_fp32(g, n) || cls == CL_TUPLE || cls == CL_SCAN) return FULL;
  switch (class_of(g, n)) {
  case 'c': return lowered[n] ? LOW : FULL;
  case 'r': return cls == CL_REDUCE ? STAT : FULL;
  case 'i': return d == WEAK ? LOW : d;
  default: return d;
  }
}

/* ---- readers ---- */

/* An output counts as a reader with the number g->n: it has no node. */
static void add_reader(Readers *r, Id reader) {
  r->many |= r->first && r->first != reader;
  if (!r->first) r->first = reader;
}

static void read_by(const Graph *g, const PrecisionPlan *h, Readers *r, Id n, int i) {
  OpClass cls = node_info(g, n)->cls;
  bool hinted = is_fp32(g, n), operand = h->lowered[n] && (cls != CL_ATTEND || attend_reads_rows(g, n, i));
  add_reader(r, n);
  r->plain |= !hinted;
  r->operand |= operand;
  r->other |= !operand;
  r->non_fusible |= cls != CL_ELEM && cls != CL_REDUCE;
  r->backward |= !hinted && !h->forward[n];
}

/* Views are read through, and so are masks: a mask's reader evaluates the comparison itself. */
static bool is_read_through(const Graph *g, Id n) {
  return moves_data(g, n) || (node_info(g, n)->cls == CL_ELEM && node_info(g, n)->flags & OPF_BOOL_RESULT);
}

static void read_through(Readers *x, const Readers *view) {
  if (!view->first) return;
  add_reader(x, view->first);
  x->many |= view->many;
  x->plain |= view->plain;
  x->operand |= view->operand;
  x->other |= view->other;
  x->non_fusible |= view->non_fusible;
  x->backward |= view->backward;
}

static Readers *find_readers(const Graph *g, const PrecisionPlan *h) {
  Readers *r = ctx_alloc(g->m->c, sizeof *r * (size_t)g->n);
  for (int i = 0; i < g->nout; i++) {
    add_reader(&r[g->out[i].value], (Id)g->n);
    r[g->out[i].value].other = true;
  }
  for (Id n = (Id)g->n - 1; n > 0; n--)
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
      Readers *x = &r[node_in(g, n, (int)i)];
      if (is_read_through(g, n)) read_through(x, &r[n]);
      else read_by(g, h, x, n, (int)i);
    }
  return r;
}

/* ---- decisions ---- */

static StoredAs choose_storage(const Graph *g, Id n, Domain d, const Readers *r, const bool *forward) {
  OpClass cls = node_info(g, n)->cls;
  bool made = cls != CL_LEAF && !moves_data(g, n) && cls != CL_SCAN;
  if (!made || !is_f32(g, n) || !node_type(g, n)->rank || is_fp32(g, n) || d == WEAK || !r->plain) return STORED_F32;
  if (r->operand) return STORED_HALF;
  if (cls == CL_TUPLE) /* stacked */
    return d != STAT && forward[node_in(g, n, 0)] && r->backward ? STORED_HALF : STORED_F32;
  bool sum = class_of(g, n) == 'c' || class_of(g, n) == 'i';
  bool epilogue = r->first < (Id)g->n && node_info(g, r->first)->cls == CL_ELEM;
  if (d == LOW) return r->many || r->non_fusible || (sum && !epilogue) ? STORED_HALF : STORED_F32;
  return d == FULL && forward[n] && r->backward ? HALF_FOR_BACKWARD : STORED_F32;
}

/* What the loss depends on; in a graph without one (a body), everything. */
static bool *find_forward(const Graph *g) {
  bool *f = ctx_alloc(g->m->c, (size_t)g->n);
  int loss = graph_loss(g);
  if (loss < 0) memset(f, 1, (size_t)g->n);
  else f[g->out[loss].value] = true;
  for (Id n = (Id)g->n - 1; n > 0; n--)
    for (uint32_t i = 0; f[n] && i < node_get(g, n)->nin; i++) f[node_in(g, n, (int)i)] = true;
  return f;
}

/* The only reader of n, if it is a transpose; else 0. */
static Id transposed_by(const Graph *g, Id n, const uint32_t *reads, const Id *reader) {
  int to[MAX_RANK];
  return reads[n] == 1 && view_permutes(g, reader[n], to) ? reader[n] : 0;
}

/* A transpose folded into a contraction (layout) is rounded after it. */
static void round_after_transposes(const Graph *g, const bool *lowered, uint8_t *stored_as) {
  Ctx *c = g->m->c;
  uint32_t *reads = ctx_alloc(c, sizeof *reads * (size_t)g->n);
  Id *reader = ctx_alloc(c, sizeof *reader * (size_t)g->n);
  for (int i = 0; i < g->nout; i++) reads[g->out[i].value] = 2;
  for (Id n = 1; n < (Id)g->n; n++)
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
      Id x = node_in(g, n, (int)i);
      reads[x]++;
      reader[x] = n;
    }
  for (Id n = 1; n < (Id)g->n; n++) {
    Id by = lowered[n] && stored_as[n] == STORED_HALF ? transposed_by(g, n, reads, reader) : 0;
    if (!by) continue;
    stored_as[by] = STORED_HALF;
    stored_as[n] = STORED_F32;
  }
}

PrecisionPlan precision_plan(const Graph *g, const bool *full) {
  Ctx *c = g->m->c;
  uint8_t *domain = ctx_alloc(c, (size_t)g->n), *stored_as = ctx_alloc(c, (size_t)g->n);
  bool *lowered = ctx_alloc(c, (size_t)g->n);
  for (Id n = 1; n < (Id)g->n; n++) lowered[n] = is_lowered(g, full, n);
  for (Id n = 1; n < (Id)g->n; n++) domain[n] = (uint8_t)domain_of(g, n, domain, lowered);
  PrecisionPlan h = {.forward = find_forward(g), .lowered = lowered, .stored_as = stored_as};
  const Readers *r = find_readers(g, &h);
  bool *multiplied = ctx_alloc(c, (size_t)g->n);
  for (Id n = 1; n < (Id)g->n; n++) multiplied[n] = r[n].operand && !r[n].other;
  h.multiplied = multiplied;
  for (Id n = 1; n < (Id)g->n; n++) stored_as[n] = (uint8_t)choose_storage(g, n, (Domain)domain[n], &r[n], h.forward);
  for (Id n = 1; n < (Id)g->n; n++)
    if (is_half_row(g, lowered, n)) stored_as[n] = STORED_HALF;
  round_after_transposes(g, lowered, stored_as);
  return h;
}
