/* SPDX-License-Identifier: Apache-2.0 */
/* precision: stores and multiplies 16-bit numbers in a training graph with `precision = bf16 | f16`; marks contractions
 * whose operands may be rounded to tf32 in one with `precision = tf32`.
 *
 * needs:  autodiff (which forward values the backward pass reads)
 * keeps:  ports, outputs and their types: weights, states and gradients of weights stay f32
 * breaks: nothing; afterwards Graph.precision is f32, Graph.tf32 false, and no node has the @fp32 hint
 *
 * Arithmetic stays f32. A value stored in 16 bits (precision/plan.c) is rounded by a cast and read through a cast back,
 * which is exact: so a contraction of two such reads multiplies 16-bit operands and accumulates in f32. Casts back sink
 * through views to the computing readers. Weights and inputs are rounded where a contraction reads them, without a
 * stored copy. Scans take and stack 16-bit values, carry f32, and get a body of their own. */
#include "passes/pass.h"
#include "passes/precision/precision.h"
#include "ir/attend.h"
#include "ir/remark.h"
#include "ir/interp.h"
#include "ir/scan.h"
#include "ir/view.h"

typedef struct Lowering {
  Graph *old;
  Builder b; /* of the new graph */
  DType half;
  uint32_t hints;   /* that a copied node gets, too */
  const bool *full; /* as in precision_plan */
  PrecisionPlan plan;
  Id *map;     /* per old node: in f32, as readers that compute at once see it */
  Id *rounded; /* per old node: in 16 bits; 0: not stored so */
} Lowering;

static Lowering lowering_init(Graph *old, DType half, const bool *full);
static Graph *lower_body(Lowering *l, const bool *port_half, const bool *out_half);

/* The node's attributes without HINT_FP32, and with `more`. */
static AttrId rehinted(Module *m, const Node *d, uint32_t more) {
  const Attr *a = attr_get(m, d->attr);
  uint32_t hints = (a->hints & ~(uint32_t)HINT_FP32) | more;
  return hints == a->hints ? d->attr : attr_with(m, (Op)d->op, d->attr, a->clone, hints);
}

/* Old node x in 16 bits for its reader n; 0: n reads f32. */
static Id half_for(const Lowering *l, Id n, Id x) {
  bool later = !l->plan.forward[n] || moves_data(l->old, n);
  return l->plan.stored_as[x] == HALF_FOR_BACKWARD && !later ? 0 : l->rounded[x];
}

static Id read_for(const Lowering *l, Id n, Id x) {
  Id h = half_for(l, n, x);
  return h ? b_cast(&l->b, h, DT_F32) : l->map[x];
}

static Id copy_node(Lowering *l, Id n, const Id *in) {
  const Node *d = node_get(l->old, n);
  AttrId a = rehinted(l->b.g->m, d, l->hints);
  if (op_info[d->op].cls == CL_LEAF) return graph_leaf(l->b.g, (Op)d->op, d->type, a, d->loc);
  return graph_node(l->b.g, (Op)d->op, in, (int)d->nin, a, d->loc);
}

/* ---- views and gathers of 16-bit values ---- */

/* The value of a view outside of its input (padding) is representable. */
static bool keeps_rounding(const Lowering *l, Id n) {
  ViewMap v;
  if (node_info(l->old, n)->cls != CL_VIEW || !view_map(l->old, n, &v)) return true;
  return dtype_round_half(l->half, v.pad_value, NULL) == v.pad_value;
}

static bool moves_halves(Lowering *l, Id n, Id *in) {
  const Node *d = node_get(l->old, n);
  bool gathers = op_info[d->op].cls == CL_GATHER;
  if (!(moves_data(l->old, n) || gathers) || !keeps_rounding(l, n)) return false;
  for (uint32_t i = 0; i < d->nin; i++) {
    Id x = node_in(l->old, n, (int)i);
    in[i] = gathers && i > 0 ? l->map[x] : half_for(l, n, x);
    if (!in[i]) return false;
  }
  return true;
}

/* ---- contractions ---- */

static Id operand(Lowering *l, Id n, Id x) {
  Id h = half_for(l, n, x);
  return b_cast(&l->b, h ? h : b_cast(&l->b, l->map[x], l->half), DT_F32);
}

/* ---- attention ---- */

/* Takes and gives rows of 16 bits, which it widens itself, unless the target has a faster form for f32. */
static void lower_attend(Lowering *l, Id n, Id *in) {
  bool widens = l->b.g->m->opt.wide_rows && !l->b.g->m->opt.strict;
  for (uint32_t i = 0; i < node_get(l->old, n)->nin; i++) {
    Id x = node_in(l->old, n, (int)i), h = attend_reads_rows(l->old, n, (int)i) ? half_for(l, n, x) : 0;
    if (!h && attend_reads_rows(l->old, n, (int)i)) h = b_cast(&l->b, l->map[x], l->half);
    in[i] = !h ? read_for(l, n, x) : widens ? b_cast(&l->b, h, DT_F32) : h;
  }
  l->map[n] = copy_node(l, n, in);
}

/* ---- scans ---- */

/* An f32 value that every iteration multiplies is rounded once, before the scan. */
static Id round_captured(Lowering *l, Id x, bool multiplied) {
  bool rounds = multiplied && node_type(l->old, x)->dtype == DT_F32 && !l->rounded[x];
  return rounds ? b_cast(&l->b, l->map[x], l->half) : 0;
}

/* Ports of the body that are bound to weights with the hint. */
static const bool *full_ports(const Lowering *l, Id n, const Graph *body) {
  bool *full = ctx_alloc(body->m->c, (size_t)body->n);
  for (int i = 0; i < body->nport; i++) full[body->port[i]] = is_fp32_weight(l->old, l->full, node_in(l->old, n, i));
  return full;
}

static Id lower_scan(Lowering *l, Id n, Id *in) {
  Graph *old = l->old;
  Scan s = scan_of(old, n);
  Lowering body = lowering_init(s.body, l->half, full_ports(l, n, s.body));
  bool *port = ctx_alloc(old->m->c, (size_t)s.body->nport + 1), *out = ctx_alloc(old->m->c, (size_t)s.body->nout + 1);
  int nin = (int)node_get(old, n)->nin;
  for (int i = 0; i < nin; i++) {
    bool captured = i >= s.nx + s.nc;
    Id x = node_in(old, n, i), h = i < s.nx || captured ? half_for(l, n, x) : 0;
    if (captured && !h) h = round_captured(l, x, body.plan.multiplied[s.body->port[i]]);
    port[i] = h != 0;
    in[i] = h ? h : read_for(l, n, x);
  }
  for (Id k = n + 1; k < (Id)old->n; k++) { /* the scan's results */
    if (node_info(old, k)->cls != CL_TUPLE || node_in(old, k, 0) != n) continue;
    int64_t i = node_attr(old, k, ATTR(get, index))->i;
    out[i] = i >= s.nc && l->plan.stored_as[k] == STORED_HALF;
  }
  s.body = lower_body(&body, port, out);
  return scan_node(&l->b, &s, in, nin);
}

/* ---- graphs ---- */

static void lower_node(Lowering *l, Id n) {
  Graph *old = l->old;
  const Node *d = node_get(old, n);
  Id few[8], *in = d->nin > 8 ? ctx_alloc(old->m->c, d->nin * sizeof *in) : few;
  l->b.loc = d->loc;
  if (moves_halves(l, n, in)) {
    l->rounded[n] = copy_node(l, n, in);
    l->map[n] = b_cast(&l->b, l->rounded[n], DT_F32);
    return;
  }
  if (op_info[d->op].cls == CL_SCAN) {
    l->map[n] = lower_scan(l, n, in);
    return;
  }
  if (op_info[d->op].cls == CL_ATTEND && l->plan.lowered[n]) {
    lower_attend(l, n, in);
    return;
  }
  for (uint32_t i = 0; i < d->nin; i++) {
    Id x = node_in(old, n, (int)i);
    in[i] = l->plan.lowered[n] ? operand(l, n, x) : read_for(l, n, x);
  }
  l->map[n] = copy_node(l, n, in);
  if (l->plan.stored_as[n] == STORED_F32) return;
  l->rounded[n] = b_cast(&l->b, l->map[n], l->half); /* of a scan or attention, a 16-bit result itself */
  if (l->plan.stored_as[n] == STORED_HALF) l->map[n] = b_cast(&l->b, l->rounded[n], DT_F32);
}

static void lower_nodes(Lowering *l) {
  for (Id n = 1; n < (Id)l->old->n; n++)
    if (!l->map[n]) lower_node(l, n);
}

static Lowering lowering_init(Graph *old, DType half, const bool *full) {
  Lowering l = {.old = old, .half = half, .full = full, .plan = precision_plan(old, full)};
  l.rounded = ctx_alloc(old->m->c, sizeof *l.rounded * (size_t)old->n);
  return l;
}

/* Rounds 16-bit results of a body as soon as they are computed, so that the rounding can be fused. */
static void lower_results(Lowering *l, const bool *out_half) {
  Graph *old = l->old;
  bool *half = ctx_alloc(old->m->c, (size_t)old->n);
  for (int i = 0; i < old->nout; i++) half[old->out[i].value] |= out_half[i];
  for (Id n = 1; n < (Id)old->n; n++) {
    if (!l->map[n]) lower_node(l, n);
    if (half[n]) b_cast(&l->b, l->map[n], l->half);
  }
}

/* A body whose marked ports and results have 16 bits. */
static Graph *lower_body(Lowering *l, const bool *port_half, const bool *out_half) {
  Graph *old = l->old;
  Module *m = old->m;
  Graph *to = graph_new_body(old, ctx_strf(m->c, "%s.%s", old->name, dtype_info[l->half].name), "_");
  l->b = (Builder){.g = to, .loc = to->loc};
  l->map = ctx_alloc(m->c, sizeof *l->map * (size_t)old->n);
  for (int i = 0; i < old->nport; i++) {
    Id p = old->port[i];
    const Type *t = node_type(old, p);
    TypeId type = port_half[i] ? type_make(m, l->half, t->rank, t->dim) : node_get(old, p)->type;
    Id in = graph_input(to, node_name(old, p), type, node_get(old, p)->loc);
    l->rounded[p] = port_half[i] ? in : 0;
    l->map[p] = b_cast(&l->b, in, (DType)t->dtype);
  }
  lower_results(l, out_half);
  for (int i = 0; i < old->nout; i++) {
    Id v = l->map[old->out[i].value];
    l->b.loc = old->out[i].loc;
    graph_result(to, old->out[i].name, out_half[i] ? b_cast(&l->b, v, l->half) : v, old->out[i].loc);
  }
  return to;
}

static const char *why_full(const Lowering *l, Id n) {
  const Graph *g = l->old;
  if (is_fp32(g, n)) return "@fp32";
  if (node_type(g, n)->dtype != DT_F32) return "its operands are no f32";
  return "a weight under @fp32 is its operand";
}

static void say_node(const Lowering *l, Id n) {
  Graph *g = l->old;
  Loc at = node_get(g, n)->loc;
  const char *half = dtype_info[l->half].name, *text = remark_node(g, n);
  if (l->plan.lowered[n]) remark(g->m, REMARK_PRECISION, at, "%s multiplies %s and adds in f32", text, half);
  else if (node_info(g, n)->precision_class == 'c' && node_info(g, n)->cls != CL_SCAN)
    remark(g->m, REMARK_PRECISION, at, "%s stays in f32: %s", text, why_full(l, n));
  if (l->plan.stored_as[n] == STORED_HALF)
    remark(g->m, REMARK_PRECISION, at, "%s is rounded to %s where it is stored", text, half);
  else if (l->plan.stored_as[n] == HALF_FOR_BACKWARD)
    remark(g->m, REMARK_PRECISION, at, "%s is rounded to %s for the backward pass; the forward pass reads f32", text,
           half);
  else if (node_info(g, n)->cls == CL_REDUCE && node_type(g, n)->dtype == DT_F32 && l->plan.forward[n])
    remark(g->m, REMARK_PRECISION, at, "%s stays in f32: sums are not rounded", text);
}

static void lower_graph(Graph *g) {
  Lowering l = lowering_init(g, g->precision, NULL);
  for (Id n = 1; n < (Id)g->n && remarks_on(g->m, REMARK_PRECISION); n++) say_node(&l, n);
  Rebuild r = graph_rebuild_begin(g);
  l.b = (Builder){.g = r.new};
  l.map = r.map;
  lower_nodes(&l);
  graph_rebuild_end(&r);
  g->precision = DT_F32;
}

/* ---- tf32 ---- */

/* The contractions, convolutions and attention that may round their operands; full as in precision_plan. */
static const bool *tf32_nodes(Graph *g, const bool *full) {
  const bool *lowered = precision_plan(g, full).lowered;
  bool *tf32 = ctx_alloc(g->m->c, (size_t)g->n);
  for (Id n = 1; n < (Id)g->n; n++) {
    OpClass cls = node_info(g, n)->cls;
    tf32[n] = lowered[n] && (cls == CL_CONTRACT || cls == CL_CONV || cls == CL_ATTEND);
    if (tf32[n] && remarks_on(g->m, REMARK_PRECISION))
      remark(g->m, REMARK_PRECISION, node_get(g, n)->loc, "%s may round its operands to tf32 on a GPU",
             remark_node(g, n));
  }
  return tf32;
}

static Graph *marked_body(Graph *old, const bool *full);

static bool has_some(const Graph *g, const bool *tf32) {
  bool some = false;
  for (Id n = 1; n < (Id)g->n; n++) some |= tf32[n] || node_info(g, n)->cls == CL_SCAN;
  return some;
}

/* Copies the nodes without the @fp32 hint. Those of tf32, and of the bodies of scans then, get HINT_TF32; NULL: none
 * does. */
static void copy_marked(Lowering *l, const bool *tf32) {
  Graph *old = l->old;
  Id *in = NULL;
  int nin = 0, cap = 0;
  for (Id n = 1; n < (Id)old->n; n++) {
    if (l->map[n]) continue;
    nin = 0;
    for (uint32_t i = 0; i < node_get(old, n)->nin; i++)
      *VEC_PUSH(old->m->c, in, nin, cap) = l->map[node_in(old, n, (int)i)];
    l->b.loc = node_get(old, n)->loc;
    if (tf32 && node_info(old, n)->cls == CL_SCAN) {
      Scan s = scan_of(old, n);
      s.body = marked_body(s.body, full_ports(l, n, s.body));
      l->map[n] = scan_node(&l->b, &s, in, nin);
      continue;
    }
    l->hints = tf32 && tf32[n] ? HINT_TF32 : 0;
    l->map[n] = copy_node(l, n, in);
  }
}

/* A copy, since other graphs may have the body, too. */
static Graph *marked_body(Graph *old, const bool *full) {
  Module *m = old->m;
  const bool *tf32 = tf32_nodes(old, full);
  if (!has_some(old, tf32)) return old;
  Graph *to = graph_new_body(old, ctx_strf(m->c, "%s.tf32", old->name), "_");
  Lowering l = {.old = old, .b = {.g = to, .loc = to->loc}, .full = full};
  l.map = ctx_alloc(m->c, sizeof *l.map * (size_t)old->n);
  for (int i = 0; i < old->nport; i++) {
    Id p = old->port[i];
    l.map[p] = graph_input(to, node_name(old, p), node_get(old, p)->type, node_get(old, p)->loc);
  }
  copy_marked(&l, tf32);
  for (int i = 0; i < old->nout; i++) graph_result(to, old->out[i].name, l.map[old->out[i].value], old->out[i].loc);
  return to;
}

/* Removes the @fp32 hint, which nothing after this pass needs. */
static void change_hints(Graph *g, const bool *tf32) {
  bool any = tf32;
  for (Id n = 1; n < (Id)g->n; n++) any |= is_fp32(g, n);
  if (!any) return;
  Rebuild r = graph_rebuild_begin(g);
  Lowering l = {.old = g, .b = {.g = r.new}, .map = r.map};
  copy_marked(&l, tf32);
  graph_rebuild_end(&r);
}

static void mark_tf32(Graph *g) {
  const bool *tf32 = tf32_nodes(g, NULL);
  g->tf32 = false;
  change_hints(g, tf32);
}

void pass_precision(Module *m) {
  for (int i = 0, n = m->ngraph; i < n; i++)
    if (dtype_is_half(m->graph[i]->precision)) lower_graph(m->graph[i]);
  for (int i = 0; i < m->ngraph; i++)
    if (m->graph[i]->tf32) mark_tf32(m->graph[i]);
    else change_hints(m->graph[i], NULL);
}
