/* Which values of a graph are handed over in 16 bits.
 *
 * A value belongs to a domain, which follows from the precision classes of the op table:
 *   WEAK  weights, constants, random numbers, and what is made of them alone: it follows what it meets
 *   STAT  results of reductions, and what is made of them: the mean and deviation of a norm. Never rounded.
 *   LOW   results of contractions, rows of an embedding, and element-wise what is made of them
 *   FULL  what reductions have touched: norms, softmax, losses; inputs, states, the optimizer
 * What is handed over in 16 bits:
 *   - every operand of a contraction, to all who read it;
 *   - of LOW, what has several readers, and results of contractions that are read in another kernel;
 *   - of FULL, what the forward part keeps for the backward part: there, and through views; the norm or softmax that
 *     made it goes on in f32.
 * What only statements with the hint read (the optimizer: gradients of weights) stays f32. */
#include "passes/precision.h"
#include "ir/view.h"
#include <string.h>

typedef enum Domain { WEAK, STAT, LOW, FULL } Domain;

typedef struct Readers {
  Id first;
  bool many;      /* more than one node */
  bool plain;     /* one at least without the hint */
  bool operand;   /* a lowered contraction */
  bool other;     /* another node, or a result */
  bool apart;     /* one that takes it from memory: no element-wise op, no reduction */
  bool back;      /* one of the backward part, without the hint */
} Readers;

bool is_fp32(const Graph *g, Id n) { return attr_get(g->m, node_get(g, n)->attr)->hints & HINT_FP32; }

static bool is_f32(const Graph *g, Id n) { return node_type(g, n)->dtype == DT_F32; }
static char class_of(const Graph *g, Id n) { return node_info(g, n)->prec; }
static bool is_view(const Graph *g, Id n) { return node_info(g, n)->cls == CL_VIEW || node_info(g, n)->cls == CL_CONCAT; }

bool is_fp32_weight(const Graph *g, const bool *full, Id x) {
  while (node_info(g, x)->cls == CL_VIEW) x = node_in(g, x, 0);
  int v = node_var(g, x);
  return (full && full[x]) || (v >= 0 && g->m->var[v].hints & HINT_FP32);
}

static bool is_lowered(const Graph *g, const bool *full, Id n) {
  bool sum = class_of(g, n) == 'c' && node_info(g, n)->cls != CL_SCAN;
  return sum && is_f32(g, n) && !is_fp32(g, n) && !is_fp32_weight(g, full, node_in(g, n, 0)) &&
         !is_fp32_weight(g, full, node_in(g, n, 1));
}

/* ---- domains ---- */

static Domain domain_of_leaf(const Graph *g, Id n) {
  int v = node_var(g, n);
  bool weight = v >= 0 && g->m->var[v].kind == VK_PARAM;
  return node_info(g, n)->flags & MEMORY && !weight ? FULL : WEAK;
}

/* Of an element-wise op, a view or an index: that of what it reads; what a reduction gave lifts what it meets. */
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
  if (is_fp32(g, n) || cls == CL_TUPLE || cls == CL_SCAN) return FULL;
  switch (class_of(g, n)) {
  case 'c': return lowered[n] ? LOW : FULL;
  case 'r': return cls == CL_REDUCE ? STAT : FULL;
  case 'i': return d == WEAK ? LOW : d;
  default: return d;
  }
}

/* ---- readers ---- */

static void add_reader(Readers *r, Id reader) {
  r->many |= r->first && r->first != reader;
  if (!r->first) r->first = reader;
}

static void read_by(const Graph *g, const Halves *h, Readers *r, Id n) {
  OpClass cls = node_info(g, n)->cls;
  bool hinted = is_fp32(g, n);
  add_reader(r, n);
  r->plain |= !hinted;
  r->operand |= h->lowered[n];
  r->other |= !h->lowered[n];
  r->apart |= cls != CL_ELEM && cls != CL_REDUCE;
  r->back |= !hinted && !h->forward[n];
}

/* Views are read through, and masks: what reads a comparison compares for itself. */
static bool is_read_through(const Graph *g, Id n) {
  return is_view(g, n) || (node_info(g, n)->cls == CL_ELEM && node_info(g, n)->flags & BOOLEAN);
}

static void read_through(Readers *x, const Readers *view) {
  if (!view->first) return;
  add_reader(x, view->first);
  x->many |= view->many;
  x->plain |= view->plain;
  x->operand |= view->operand;
  x->other |= view->other;
  x->apart |= view->apart;
  x->back |= view->back;
}

static Readers *find_readers(const Graph *g, const Halves *h) {
  Readers *r = ctx_alloc(g->m->c, sizeof *r * (size_t)g->n);
  for (int i = 0; i < g->nout; i++) {
    add_reader(&r[g->out[i].value], (Id)g->n);
    r[g->out[i].value].other = true;
  }
  for (Id n = (Id)g->n - 1; n > 0; n--)
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
      Readers *x = &r[node_in(g, n, (int)i)];
      if (is_read_through(g, n)) read_through(x, &r[n]);
      else read_by(g, h, x, n);
    }
  return r;
}

/* ---- decisions ---- */

static Handed handed_over(const Graph *g, Id n, Domain d, const Readers *r, const bool *forward) {
  OpClass cls = node_info(g, n)->cls;
  bool made = cls != CL_LEAF && !is_view(g, n) && cls != CL_SCAN;
  if (!made || !is_f32(g, n) || !node_type(g, n)->rank || is_fp32(g, n) || d == WEAK || !r->plain) return IN_FULL;
  if (r->operand) return IN_HALF;
  if (cls == CL_TUPLE) return forward[node_in(g, n, 0)] && r->back ? IN_HALF : IN_FULL; /* what a scan stacks */
  bool sum = class_of(g, n) == 'c' || class_of(g, n) == 'i';
  if (d == LOW) return r->many || r->apart || (sum && node_info(g, r->first)->cls != CL_ELEM) ? IN_HALF : IN_FULL;
  return d == FULL && forward[n] && r->back ? IN_HALF_LATER : IN_FULL;
}

/* What the loss depends on; of a graph without one, a body, everything. */
static bool *find_forward(const Graph *g) {
  bool *f = ctx_alloc(g->m->c, (size_t)g->n);
  int loss = graph_loss(g);
  if (loss < 0) memset(f, 1, (size_t)g->n);
  else f[g->out[loss].value] = true;
  for (Id n = (Id)g->n - 1; n > 0; n--)
    for (uint32_t i = 0; f[n] && i < node_get(g, n)->nin; i++) f[node_in(g, n, (int)i)] = true;
  return f;
}

/* The only node that reads n, if it is a view that exchanges axes; 0: none is. */
static Id turned_by(const Graph *g, Id n, const uint32_t *reads, const Id *reader) {
  int to[MAX_RANK];
  return reads[n] == 1 && view_permutes(g, reader[n], to) ? reader[n] : 0;
}

/* A contraction takes a transpose of its result into itself (layout): it is rounded behind that. */
static void round_behind_transposes(const Graph *g, const bool *lowered, uint8_t *handed) {
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
    Id by = lowered[n] && handed[n] == IN_HALF ? turned_by(g, n, reads, reader) : 0;
    if (by) handed[by] = IN_HALF, handed[n] = IN_FULL;
  }
}

Halves halves_find(const Graph *g, const bool *full) {
  Ctx *c = g->m->c;
  uint8_t *domain = ctx_alloc(c, (size_t)g->n), *handed = ctx_alloc(c, (size_t)g->n);
  bool *lowered = ctx_alloc(c, (size_t)g->n);
  for (Id n = 1; n < (Id)g->n; n++) lowered[n] = is_lowered(g, full, n);
  for (Id n = 1; n < (Id)g->n; n++) domain[n] = (uint8_t)domain_of(g, n, domain, lowered);
  Halves h = {.forward = find_forward(g), .lowered = lowered, .handed = handed};
  const Readers *r = find_readers(g, &h);
  bool *multiplied = ctx_alloc(c, (size_t)g->n);
  for (Id n = 1; n < (Id)g->n; n++) multiplied[n] = r[n].operand && !r[n].other;
  h.multiplied = multiplied;
  for (Id n = 1; n < (Id)g->n; n++) handed[n] = (uint8_t)handed_over(g, n, (Domain)domain[n], &r[n], h.forward);
  round_behind_transposes(g, lowered, handed);
  return h;
}
