/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/transform/scan_remat.h"
#include "ir/build.h"
#include "ir/scan.h"
#include "passes/analysis/joint.h"
#include "passes/algo/mincut.h"
#include <string.h>

typedef struct Pair {
  Graph *g;
  const bool *is_backward;
  RematMode mode;
  uint32_t clone;
  Id fwd_scan, bwd_scan; /* the forward and the backward scan */
  Scan fwd, bwd;
  int *element;    /* per node of the forward body: 1 + number of the result that stacks it; 0: none */
  Id *bwd_port;    /* per node of the forward body: port of the backward body bound to its stack, or 0 */
  bool *recompute; /* per node of the forward body: the backward body recomputes it */
  const uint8_t *cost;
  int *number, nnumber; /* vertices, as in recompute.c */
} Pair;

/* ---- pairs of scans ---- */

/* The scan that stacks input i of the scan n, and the number of its result; 0: none. */
static Id stacked_by(const Graph *g, Id n, int i, int *element) {
  Scan s = scan_of(g, n);
  Id x = node_in(g, n, i), from = node_info(g, x)->cls == CL_TUPLE ? node_in(g, x, 0) : 0;
  if (!from || i >= s.nx || node_info(g, from)->cls != CL_SCAN) return 0;
  Scan f = scan_of(g, from);
  *element = (int)node_attr(g, x, ATTR(get, index))->i;
  return *element >= f.nc && f.axis == s.axis && f.length == s.length ? from : 0;
}

/* The forward scan of which the backward scan n reads most stacks; 0: none. */
static Id find_fwd_scan(const Graph *g, const bool *is_backward, Id n) {
  Id best = 0;
  int max = 0, e;
  for (int i = 0; i < scan_of(g, n).nx; i++) {
    Id from = stacked_by(g, n, i, &e);
    int count = 0;
    if (!from || is_backward[from]) continue;
    for (int k = 0; k < scan_of(g, n).nx; k++) count += stacked_by(g, n, k, &e) == from;
    if (count <= max) continue;
    max = count;
    best = from;
  }
  return best;
}

static void read_pair(Pair *p) {
  const Graph *g = p->g, *body;
  int e;
  p->fwd = scan_of(g, p->fwd_scan);
  p->bwd = scan_of(g, p->bwd_scan);
  body = p->fwd.body;
  p->element = ctx_array(body->m->c, body->n, sizeof *p->element);
  p->bwd_port = ctx_array(body->m->c, body->n, sizeof *p->bwd_port);
  p->recompute = ctx_array(body->m->c, body->n, sizeof *p->recompute);
  p->number = ctx_array(body->m->c, body->n, sizeof *p->number);
  for (int i = body->nout - 1; i >= p->fwd.nc; i--) p->element[body->out[i].value] = i + 1;
  for (int i = 0; i < p->bwd.nx; i++)
    if (stacked_by(g, p->bwd_scan, i, &e) == p->fwd_scan) p->bwd_port[body->out[e].value] = p->bwd.body->port[i];
}

/* ---- the cut ---- */

/* The backward pass has the outer value in any case: another node reads it. */
static bool is_kept_regardless(const Pair *p, Id x) {
  if (joint_is_leaf(p->g, x)) return true;
  for (Id n = x + 1; n < (Id)p->g->n; n++)
    for (uint32_t i = 0; p->is_backward[n] && n != p->bwd_scan && i < node_get(p->g, n)->nin; i++)
      if (node_in(p->g, n, (int)i) == x) return true;
  return false;
}

static Id get_of(const Graph *g, Id scan, int element) {
  for (Id n = scan + 1; n < (Id)g->n; n++)
    if (node_info(g, n)->cls == CL_TUPLE && node_in(g, n, 0) == scan && node_attr(g, n, ATTR(get, index))->i == element)
      return n;
  return 0;
}

static bool may_recompute(const Pair *p, Id n);

/* Bytes to make a node of the forward body available in the backward body. */
static int64_t cut_capacity(const Pair *p, Id n) {
  const Graph *g = p->g, *body = p->fwd.body;
  if (p->mode == REMAT_REGIONS && node_region(body, n) && may_recompute(p, n)) return CUT_NEVER;
  const Type *t = node_type(body, n);
  int port = node_port(body, n);
  if (port >= 0 && (port < p->fwd.nx || port >= p->fwd.nx + p->fwd.nc)) {
    Id x = node_in(g, p->fwd_scan, port);
    return p->mode != REMAT_FREE || is_kept_regardless(p, x) ? 0 : node_bytes(g, x);
  }
  if (t->dtype == DT_TUPLE || t->rank < p->fwd.axis || t->rank == MAX_RANK) return CUT_NEVER;
  Id stack = p->element[n] ? get_of(g, p->fwd_scan, p->element[n] - 1) : 0;
  if (stack && is_kept_regardless(p, stack)) return 0;
  return type_bytes(g->m, scan_stacked_type(g->m, t, p->fwd.axis, p->fwd.length));
}

/* Inside of a @checkpoint region: no other region and no carry reads it. */
static bool is_inside(const Pair *p, Id n) {
  const Graph *body = p->fwd.body;
  uint32_t mine = node_region(body, n);
  for (int i = 0; i < p->fwd.nc; i++)
    if (body->out[i].value == n) return false;
  for (Id r = n + 1; r < (Id)body->n && mine; r++)
    for (uint32_t i = 0; i < node_get(body, r)->nin; i++)
      if (node_in(body, r, (int)i) == n && node_region(body, r) != mine) return false;
  return mine != 0;
}

static bool may_recompute(const Pair *p, Id n) {
  const Graph *body = p->fwd.body;
  OpClass cls = node_info(body, n)->cls;
  if (joint_is_free_view(body, n) || joint_is_random(body, n)) return true;
  if (cls == CL_LEAF || cls == CL_SCAN || cls == CL_TUPLE) return false;
  if (p->mode == REMAT_REGIONS) return is_inside(p, n);
  return p->mode == REMAT_ALL || (joint_is_fusible(body, n) && p->cost[n] <= MAX_RECOMPUTE_COST);
}

/* Numbers what is needed and all that may be recomputed for it: vertices 2 number and 2 number + 1. */
static void number_nodes(Pair *p) {
  const Graph *body = p->fwd.body;
  for (Id n = (Id)body->n - 1; n > 0; n--) {
    if (!p->bwd_port[n] && !p->number[n]) continue;
    p->number[n] = ++p->nnumber;
    for (uint32_t i = 0; may_recompute(p, n) && i < node_get(body, n)->nin; i++) {
      Id x = node_in(body, n, (int)i);
      if (!joint_is_leaf(body, x) || node_port(body, x) >= 0) p->number[x] = 1;
    }
  }
}

/* Sets `recompute`; false: no stacked value would be recomputed. */
static bool cut(Pair *p) {
  const Graph *body = p->fwd.body;
  enum { SOURCE, SINK };
  bool any = false;
  bool *given = ctx_array(body->m->c, body->n, sizeof *given); /* available to the backward body, and computed once */
  for (Id n = 1; n < (Id)body->n; n++) given[n] = p->bwd_port[n] != 0;
  p->cost = joint_costs(body, given);
  number_nodes(p);
  Net *net = net_new(p->g->m->c, 2 * p->nnumber + 2);
  for (Id n = 1; n < (Id)body->n; n++) {
    int in = 2 * p->number[n];
    bool recomputes = in && may_recompute(p, n);
    if (!in) continue;
    net_edge(net, in, in + 1, cut_capacity(p, n));
    if (!recomputes) net_edge(net, SOURCE, in, CUT_NEVER);
    if (p->bwd_port[n]) net_edge(net, in + 1, SINK, CUT_NEVER);
    for (uint32_t i = 0; recomputes && i < node_get(body, n)->nin; i++) {
      int from = 2 * p->number[node_in(body, n, (int)i)];
      if (from) net_edge(net, from + 1, in, CUT_NEVER);
    }
  }
  const bool *on_sink_side = net_cut(net, SOURCE, SINK);
  for (Id n = 1; n < (Id)body->n; n++) {
    int in = 2 * p->number[n];
    p->recompute[n] = in && on_sink_side[in];
    any |= p->recompute[n] && p->bwd_port[n];
    bool is_cut = in && !on_sink_side[in] && on_sink_side[in + 1];
    if (is_cut && cut_capacity(p, n) >= CUT_NEVER) return false; /* there is no finite cut */
  }
  return any;
}

/* ---- the new bodies ---- */

static void add_source(const Pair *p, ScanInputs *l, Id inner, Id outer) {
  *VEC_PUSH(p->g->m->c, l->v, l->n, l->cap) = (ScanInput){inner, outer};
}

/* Lists what the clones read and the backward body has no port for: new stacks (outer 0), slices of what the forward
 * scan reads, captured values. */
static void find_sources(const Pair *p, ScanInputs *scanned, ScanInputs *captured) {
  const Graph *body = p->fwd.body;
  bool *seen = ctx_array(body->m->c, body->n, sizeof *seen);
  for (Id n = 1; n < (Id)body->n; n++)
    for (uint32_t i = 0; p->recompute[n] && i < node_get(body, n)->nin; i++) {
      Id x = node_in(body, n, (int)i);
      int port = node_port(body, x);
      bool stack = port < 0 || (port >= p->fwd.nx && port < p->fwd.nx + p->fwd.nc);
      if (seen[x] || p->recompute[x] || p->bwd_port[x] || (port < 0 && joint_is_leaf(body, x))) continue;
      seen[x] = true;
      add_source(p, port < p->fwd.nx || stack ? scanned : captured, x, stack ? 0 : node_in(p->g, p->fwd_scan, port));
    }
}

/* The forward body with further results for the values in `scanned` that are not stacked yet; NULL: all are. */
static Graph *stack_results(Pair *p, const ScanInputs *scanned) {
  Graph *body = p->fwd.body, *to = NULL;
  Rebuild r = {body, NULL, ctx_array(body->m->c, body->n, sizeof(Id))};
  for (int i = 0; i < scanned->n; i++) {
    Id n = scanned->v[i].inner;
    if (scanned->v[i].outer || p->element[n]) continue;
    if (!to) {
      r.new = to = graph_new_body(body, body->name, "_");
      for (int k = 0; k < body->nport; k++) {
        const Node *d = node_get(body, body->port[k]);
        r.map[body->port[k]] = graph_input(to, node_name(body, body->port[k]), d->type, d->loc);
      }
      for (Id k = 1; k < (Id)body->n; k++)
        if (!r.map[k]) graph_copy_node(&r, k);
      for (int k = 0; k < body->nout; k++)
        graph_result(to, body->out[k].name, r.map[body->out[k].value], body->out[k].loc);
    }
    p->element[n] = to->nout + 1;
    graph_result(to, ctx_strf(p->g->m->c, "keep%d", to->nout), r.map[n], node_get(body, n)->loc);
  }
  return to;
}

/* `from` has the ports that follow. */
static Id add_port(Graph *to, const Graph *from, TypeId type, Loc loc) {
  const char *name = ctx_strf(to->m->c, "again%d", to->nport);
  return graph_input(to, graph_new_port(to, from, name), type, loc);
}

static void copy_ports(Rebuild *r, int from, int end) {
  for (int i = from; i < end; i++) {
    Id p = r->old->port[i];
    const Node *d = node_get(r->old, p);
    r->map[p] = graph_input(r->new, node_name(r->old, p), d->type, d->loc);
  }
}

static void add_ports(Rebuild *f, const Graph *from, const ScanInputs *l) {
  for (int i = 0; i < l->n; i++) {
    const Node *d = node_get(f->old, l->v[i].inner);
    f->map[l->v[i].inner] = add_port(f->new, from, d->type, d->loc);
  }
}

/* Clones the forward body's node n, and copies the constants that it reads. */
static void clone_node(const Pair *p, Rebuild *f, Id n) {
  const Node *d = node_get(f->old, n);
  for (uint32_t i = 0; i < d->nin; i++) {
    Id x = node_in(f->old, n, (int)i);
    if (!f->map[x]) graph_copy_node(f, x);
  }
  graph_copy_as(f, n, attr_with(f->old->m, (Op)d->op, d->attr, p->clone, attr_get(f->old->m, d->attr)->hints));
}

/* The backward body with clones in place of ports. */
static Graph *clone_into(const Pair *p, const ScanInputs *scanned, const ScanInputs *captured) {
  Graph *a = p->fwd.body, *b = p->bwd.body;
  Graph *to = graph_new_body(b, b->name, "_");
  Rebuild r = {b, to, ctx_array(b->m->c, b->n, sizeof(Id))}, f = {a, to, ctx_array(a->m->c, a->n, sizeof(Id))};
  copy_ports(&r, 0, p->bwd.nx);
  add_ports(&f, b, scanned);
  copy_ports(&r, p->bwd.nx, b->nport);
  add_ports(&f, b, captured);
  for (Id n = 1; n < (Id)a->n; n++) {
    if (p->bwd_port[n] && !p->recompute[n]) f.map[n] = r.map[p->bwd_port[n]];
    if (!p->recompute[n]) continue;
    clone_node(p, &f, n);
    if (p->bwd_port[n]) r.map[p->bwd_port[n]] = f.map[n];
  }
  for (Id n = 1; n < (Id)b->n; n++)
    if (!r.map[n]) graph_copy_node(&r, n);
  for (int i = 0; i < b->nout; i++) graph_result(to, b->out[i].name, r.map[b->out[i].value], b->out[i].loc);
  return to;
}

/* ---- the graph ---- */

static Id scan_like(Rebuild *r, Id n, const Scan *s, const Id *in, int nin) {
  Module *m = r->old->m;
  const Node *d = node_get(r->old, n);
  const Attr *a = attr_get(m, d->attr);
  AttrId attr = attr_with(m, (Op)d->op, scan_attr(m, s), a->clone, a->hints);
  return r->map[n] = graph_node(r->new, (Op)d->op, in, nin, attr, d->loc);
}

static void rebuild_fwd_scan(Rebuild *r, const Pair *p, Graph *body) {
  const Node *d = node_get(r->old, p->fwd_scan);
  Id *in = ctx_alloc(r->old->m->c, sizeof *in * (d->nin + 1));
  for (uint32_t i = 0; i < d->nin; i++) in[i] = r->map[node_in(r->old, p->fwd_scan, (int)i)];
  Scan s = p->fwd;
  s.body = body;
  scan_like(r, p->fwd_scan, &s, in, (int)d->nin);
}

static void rebuild_bwd_scan(Rebuild *r, const Pair *p, const ScanInputs *scanned, const ScanInputs *captured) {
  const Node *d = node_get(r->old, p->bwd_scan);
  Id *in = ctx_alloc(r->old->m->c, sizeof *in * (d->nin + (size_t)(scanned->n + captured->n) + 1));
  int n = 0, nx = p->bwd.nx;
  Builder b = {.g = r->new, .loc = d->loc};
  for (int i = 0; i < nx; i++) in[n++] = r->map[node_in(r->old, p->bwd_scan, i)];
  for (int i = 0; i < scanned->n; i++) {
    ScanInput s = scanned->v[i];
    in[n++] = s.outer ? r->map[s.outer] : b_get(&b, r->map[p->fwd_scan], p->element[s.inner] - 1);
  }
  for (int i = nx; i < (int)d->nin; i++) in[n++] = r->map[node_in(r->old, p->bwd_scan, i)];
  for (int i = 0; i < captured->n; i++) in[n++] = r->map[captured->v[i].outer];
  Scan s = p->bwd;
  s.body = clone_into(p, scanned, captured);
  s.nx += scanned->n;
  scan_like(r, p->bwd_scan, &s, in, n);
}

static void apply(Pair *p) {
  ScanInputs scanned = {0}, captured = {0};
  find_sources(p, &scanned, &captured);
  Graph *extended = stack_results(p, &scanned);
  Rebuild r = graph_rebuild_begin(p->g);
  for (Id n = 1; n < (Id)p->g->n; n++) {
    if (r.map[n]) continue;
    if (n == p->fwd_scan && extended) rebuild_fwd_scan(&r, p, extended);
    else if (n == p->bwd_scan) rebuild_bwd_scan(&r, p, &scanned, &captured);
    else graph_copy_node(&r, n);
  }
  graph_rebuild_end(&r);
}

/* After a change nothing more can be recomputed for the pair: the cut is the one nearest to the readers. */
bool remat_scans(Graph *g, RematMode mode, uint32_t clone) {
  bool any = false;
  const bool *is_backward = joint_backward(g);
  for (Id n = 1; is_backward && n < (Id)g->n; n++) {
    if (!is_backward[n] || node_info(g, n)->cls != CL_SCAN) continue;
    Pair p = {.g = g, .is_backward = is_backward, .mode = mode, .clone = clone, .bwd_scan = n};
    p.fwd_scan = find_fwd_scan(g, is_backward, n);
    if (!p.fwd_scan) continue;
    read_pair(&p);
    if (!cut(&p)) continue;
    apply(&p);
    is_backward = joint_backward(g);
    any = true;
  }
  return any;
}
