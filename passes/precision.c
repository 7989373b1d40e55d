/* precision: lets a training graph with `precision = bf16 | f16` keep and multiply numbers of 16 bits.
 *
 * needs:  autodiff (what the backward part reads of the forward part is known)
 * keeps:  ports, outputs and their types: weights, states and gradients of weights stay f32
 * breaks: nothing; afterwards Graph.precision is f32 and no node has the fp32 hint
 *
 * Arithmetic stays f32. A value that is handed over in 16 bits (precision_find.c) is rounded by a cast, stored as that,
 * and read through a cast back, which is exact: so a contraction of two such reads is one of 16-bit operands with sums
 * in f32. Casts back sink through views to those who compute. Weights and inputs are rounded where a contraction reads
 * them; no copy of them is made. Scans take and stack 16-bit values, carry f32, and get a body of their own. */
#include "passes/pass.h"
#include "passes/precision.h"
#include "ir/interp.h"
#include "ir/scan.h"
#include "ir/view.h"

typedef struct Lower {
  Graph *old, *g;
  DType half;
  const bool *full; /* as halves_find has it */
  Halves h;
  Id *map;         /* per old node: in f32, as those read it who compute at once */
  Id *rounded;     /* per old node: in 16 bits; 0: is not handed over so */
} Lower;

static Lower lower_of(Graph *old, DType half, const bool *full);
static Graph *lower_body(Lower *l, const bool *port_half, const bool *out_half);

static AttrId unhinted(Module *m, const Node *d) {
  const Attr *a = attr_get(m, d->attr);
  return a->hints & HINT_FP32 ? attr_with(m, (Op)d->op, d->attr, a->clone, a->hints & ~(uint32_t)HINT_FP32) : d->attr;
}

static bool moves(const Graph *g, Id n) {
  return node_info(g, n)->cls == CL_VIEW || node_info(g, n)->cls == CL_CONCAT;
}

/* Old node x in 16 bits, as old node n is to read it; 0: in f32. */
static Id half_for(const Lower *l, Id n, Id x) {
  bool later = !l->h.forward[n] || moves(l->old, n);
  return l->h.handed[x] == IN_HALF_LATER && !later ? 0 : l->rounded[x];
}

static Id read_for(const Lower *l, Id n, Id x) {
  Id h = half_for(l, n, x);
  return h ? b_cast(l->g, h, DT_F32) : l->map[x];
}

static Id copy_node(Lower *l, Id n, const Id *in) {
  const Node *d = node_get(l->old, n);
  AttrId a = unhinted(l->g->m, d);
  if (op_info[d->op].cls == CL_LEAF) return graph_leaf(l->g, (Op)d->op, d->type, a, d->loc);
  return graph_node(l->g, (Op)d->op, in, (int)d->nin, a, d->loc);
}

/* ---- views and gathers: of the 16-bit value ---- */

/* What a view shows outside of its input must be a number of the type. */
static bool keeps_rounding(const Lower *l, Id n) {
  ViewMap v;
  uint16_t bits;
  Val one = {.type = l->half, .count = 1, .data = &bits};
  if (node_info(l->old, n)->cls != CL_VIEW || !view_map(l->old, n, &v)) return true;
  val_set(&one, 0, v.around);
  return val_get(&one, 0) == v.around;
}

static bool moves_halves(Lower *l, Id n, Id *in) {
  const Node *d = node_get(l->old, n);
  bool gathers = op_info[d->op].cls == CL_GATHER;
  if (!(moves(l->old, n) || gathers) || !keeps_rounding(l, n)) return false;
  for (uint32_t i = 0; i < d->nin; i++) {
    Id x = node_in(l->old, n, (int)i);
    in[i] = gathers && i > 0 ? l->map[x] : half_for(l, n, x);
    if (!in[i]) return false;
  }
  return true;
}

/* ---- contractions ---- */

static Id operand(Lower *l, Id n, Id x) {
  Id h = half_for(l, n, x);
  return b_cast(l->g, h ? h : b_cast(l->g, l->map[x], l->half), DT_F32);
}

/* ---- scans ---- */

/* What every turn of a scan multiplies with the same number is rounded in front of it, once. */
static Id round_captured(Lower *l, Id x, bool multiplied) {
  bool rounds = multiplied && node_type(l->old, x)->dtype == DT_F32 && !l->rounded[x];
  return rounds ? b_cast(l->g, l->map[x], l->half) : 0;
}

/* The body's ports that show weights with the hint. */
static const bool *full_ports(const Lower *l, Id n, const Graph *body) {
  bool *full = ctx_alloc(body->m->c, (size_t)body->n);
  for (int i = 0; i < body->nport; i++) full[body->port[i]] = is_fp32_weight(l->old, l->full, node_in(l->old, n, i));
  return full;
}

static Id lower_scan(Lower *l, Id n, Id *in) {
  Graph *old = l->old;
  Scan s = scan_of(old, n);
  Lower body = lower_of(s.body, l->half, full_ports(l, n, s.body));
  bool *port = ctx_alloc(old->m->c, (size_t)s.body->nport + 1), *out = ctx_alloc(old->m->c, (size_t)s.body->nout + 1);
  int nin = (int)node_get(old, n)->nin;
  for (int i = 0; i < nin; i++) {
    bool captured = i >= s.nx + s.nc;
    Id x = node_in(old, n, i), h = i < s.nx || captured ? half_for(l, n, x) : 0;
    if (captured && !h) h = round_captured(l, x, body.h.multiplied[s.body->port[i]]);
    port[i] = h != 0;
    in[i] = h ? h : read_for(l, n, x);
  }
  for (Id k = n + 1; k < (Id)old->n; k++) { /* its results */
    if (node_info(old, k)->cls != CL_TUPLE || node_in(old, k, 0) != n) continue;
    int64_t i = node_attr(old, k, 0)->i;
    out[i] = i >= s.nc && l->h.handed[k] == IN_HALF;
  }
  s.body = lower_body(&body, port, out);
  return scan_node(l->g, &s, in, nin, node_get(old, n)->loc);
}

/* ---- graphs ---- */

static void lower_node(Lower *l, Id n) {
  Graph *old = l->old;
  const Node *d = node_get(old, n);
  Id few[8], *in = d->nin > 8 ? ctx_alloc(old->m->c, d->nin * sizeof *in) : few;
  l->g->loc = d->loc;
  if (moves_halves(l, n, in)) {
    l->rounded[n] = copy_node(l, n, in);
    l->map[n] = b_cast(l->g, l->rounded[n], DT_F32);
    return;
  }
  if (op_info[d->op].cls == CL_SCAN) {
    l->map[n] = lower_scan(l, n, in);
    return;
  }
  for (uint32_t i = 0; i < d->nin; i++) {
    Id x = node_in(old, n, (int)i);
    in[i] = l->h.lowered[n] ? operand(l, n, x) : read_for(l, n, x);
  }
  l->map[n] = copy_node(l, n, in);
  if (l->h.handed[n] == IN_FULL) return;
  l->rounded[n] = b_cast(l->g, l->map[n], l->half); /* of a scan's result that has 16 bits: itself */
  if (l->h.handed[n] == IN_HALF) l->map[n] = b_cast(l->g, l->rounded[n], DT_F32);
}

static void lower_nodes(Lower *l) {
  for (Id n = 1; n < (Id)l->old->n; n++)
    if (!l->map[n]) lower_node(l, n);
}

static Lower lower_of(Graph *old, DType half, const bool *full) {
  Lower l = {.old = old, .half = half, .full = full, .h = halves_find(old, full)};
  l.rounded = ctx_alloc(old->m->c, sizeof *l.rounded * (size_t)old->n);
  return l;
}

/* Rounds the results of a body that have 16 bits as soon as they are there, so that what computes them may do that. */
static void lower_results(Lower *l, const bool *out_half) {
  Graph *old = l->old;
  bool *half = ctx_alloc(old->m->c, (size_t)old->n);
  for (int i = 0; i < old->nout; i++) half[old->out[i].value] |= out_half[i];
  for (Id n = 1; n < (Id)old->n; n++) {
    if (!l->map[n]) lower_node(l, n);
    if (half[n]) b_cast(l->g, l->map[n], l->half);
  }
}

/* A body whose ports and results of that number have 16 bits. */
static Graph *lower_body(Lower *l, const bool *port_half, const bool *out_half) {
  Graph *old = l->old;
  Module *m = old->m;
  const char *name = ctx_strf(m->c, "%s.%s", old->name, dtype_info[l->half].name);
  for (int k = 2; graph_find(m, name); k++) name = ctx_strf(m->c, "%s.%s_%d", old->name, dtype_info[l->half].name, k);
  l->g = graph_new(m, name, GK_BODY, old->loc);
  l->g->training = old->training;
  l->map = ctx_alloc(m->c, sizeof *l->map * (size_t)old->n);
  for (int i = 0; i < old->nport; i++) {
    Id p = old->port[i];
    const Type *t = node_type(old, p);
    TypeId type = port_half[i] ? type_make(m, l->half, t->rank, t->dim) : node_get(old, p)->type;
    Id to = graph_input(l->g, node_attr(old, p, 0)->s, type, node_get(old, p)->loc);
    l->rounded[p] = port_half[i] ? to : 0;
    l->map[p] = b_cast(l->g, to, (DType)t->dtype);
  }
  lower_results(l, out_half);
  for (int i = 0; i < old->nout; i++) {
    Id v = l->map[old->out[i].value];
    l->g->loc = old->out[i].loc;
    graph_result(l->g, old->out[i].name, out_half[i] ? b_cast(l->g, v, l->half) : v, old->out[i].loc);
  }
  return l->g;
}

static void lower_graph(Graph *g) {
  Lower l = lower_of(g, g->precision, NULL);
  Rebuild r = graph_rebuild_begin(g);
  l.g = r.new;
  l.map = r.map;
  lower_nodes(&l);
  graph_rebuild_end(&r);
  g->precision = DT_F32;
}

/* The hint has done its work. */
static void drop_hints(Graph *g) {
  bool any = false;
  for (Id n = 1; n < (Id)g->n; n++) any |= is_fp32(g, n);
  if (!any) return;
  Rebuild r = graph_rebuild_begin(g);
  Lower l = {.old = g, .g = r.new};
  Id *in = NULL;
  int nin = 0, cap = 0;
  for (Id n = 1; n < (Id)g->n; n++) {
    if (r.map[n]) continue;
    nin = 0;
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++)
      *VEC_PUSH(g->m->c, in, nin, cap) = r.map[node_in(g, n, (int)i)];
    r.map[n] = copy_node(&l, n, in);
  }
  graph_rebuild_end(&r);
}

void pass_precision(Module *m) {
  for (int i = 0, n = m->ngraph; i < n; i++)
    if (dtype_is_half(m->graph[i]->precision)) lower_graph(m->graph[i]);
  for (int i = 0; i < m->ngraph; i++) drop_hints(m->graph[i]);
}
