/* SPDX-License-Identifier: Apache-2.0 */
/* Partitions a scan's body, extended by derivative nodes, into two bodies: the first scan computes what it did and
 * stacks the values that the second one reads; the second scan computes the derivatives. */
#include "passes/autodiff/autodiff.h"
#include <string.h>

static void push_id(Ctx *c, IdList *l, Id n) { *VEC_PUSH(c, l->v, l->n, l->cap) = n; }

static void push_source(Ctx *c, ScanInputs *l, Id w, Id outer) {
  *VEC_PUSH(c, l->v, l->n, l->cap) = (ScanInput){w, outer};
}

void partition_begin(ScanPartition *c, Sweep *sweep, Id scan, const char *suffix) {
  Graph *g = sweep->b.g;
  *c = (ScanPartition){.sweep = sweep, .b = &sweep->b, .g = g, .node = scan, .extended = scan, .suffix = suffix};
  c->scan = scan_of(g, scan);
  Graph *body = c->scan.body;
  Rebuild r = graph_rebuild_begin(body); /* never ended: a copy of the body outside of the module */
  for (Id n = 1; n < (Id)body->n; n++)
    if (!r.map[n]) graph_copy_node(&r, n);
  c->w = r.new;
  c->nprimal = r.new->n;
  c->out = ctx_alloc(g->m->c, (size_t)body->nout * sizeof *c->out);
  for (int i = 0; i < body->nout; i++) c->out[i] = r.map[body->out[i].value];
}

Id partition_port(ScanPartition *c, const char *name, TypeId type) {
  return graph_input(c->w, graph_new_port(c->w, NULL, name), type, node_get(c->g, c->node)->loc);
}

/* Which of the body's own ports n is; -1: none. */
static int own_port(const ScanPartition *c, Id n) {
  int port = node_port(c->w, n);
  return port < c->scan.body->nport ? port : -1;
}

/* ---- primal nodes ---- */

static void mark_invariant(ScanPartition *c) {
  Graph *w = c->w;
  for (int i = c->scan.nx + c->scan.nc; i < c->scan.body->nport; i++) c->invariant[w->port[i]] = true;
  for (Id n = 1; n < (Id)w->n; n++) {
    const Node *d = node_get(w, n);
    if (!c->primal[n] || node_is_input(w, n) || (op_info[d->op].flags & OPF_RANDOM) || op_info[d->op].cls == CL_SCAN)
      continue;
    bool same = true;
    for (uint32_t i = 0; i < d->nin; i++) same &= c->invariant[node_in(w, n, (int)i)];
    c->invariant[n] = same;
  }
}

static void remap(const Id *map, Id *v, int n) {
  for (int i = 0; i < n; i++) v[i] = map[v[i]];
}

static void remap_sources(const Id *map, ScanInputs *l) {
  for (int i = 0; i < l->n; i++) l->v[i].inner = map[l->v[i].inner];
}

void partition_primal(ScanPartition *c, Sweep *inner, Id *ids, int nids) {
  Graph *w = c->w;
  const Id *map = inner->next ? sweep_replace_scans(inner) : NULL;
  Ctx *ctx = w->m->c;
  size_t cap = 3 * (size_t)w->n + (size_t)c->scan.nc + 1; /* room for an accumulation per node, and zeros */
  c->primal = ctx_alloc(ctx, cap);
  c->invariant = ctx_alloc(ctx, cap);
  c->kept_at = ctx_alloc(ctx, cap * sizeof *c->kept_at);
  for (Id n = 1; n < (Id)c->nprimal; n++) c->primal[map ? map[n] : n] = true;
  if (map) {
    remap(map, c->out, c->scan.body->nout);
    remap(map, ids, nids);
    remap_sources(map, &c->x);
    remap_sources(map, &c->carry);
    remap_sources(map, &c->captured);
  }
  for (Id n = 1; n < (Id)w->n; n++) /* extra results of extended scans within the body */
    if (node_info(w, n)->cls == CL_TUPLE && c->primal[node_in(w, n, 0)]) c->primal[n] = true;
  for (int i = c->scan.nc; i < c->scan.body->nout; i++) c->kept_at[c->out[i]] = i + 1;
  mark_invariant(c);
}

/* Primal nodes that the second body recomputes: loop-invariant ones, and views that are no smaller than their
 * operand. */
static bool recomputed(const ScanPartition *c, Id n) {
  if (c->invariant[n]) return true;
  if (node_info(c->w, n)->cls != CL_VIEW) return false;
  Module *m = c->w->m;
  return dim_bound(m, type_count(m, node_get(c->w, node_in(c->w, n, 0))->type)) <=
         dim_bound(m, type_count(m, node_get(c->w, n)->type));
}

static void keep(ScanPartition *c, Id n) {
  if (c->kept_at[n]) return;
  push_id(c->g->m->c, &c->kept, n);
  c->kept_at[n] = c->scan.body->nout + c->kept.n;
}

/* ---- values over all iterations, for the outer graph ---- */

bool partition_can_stack(const ScanPartition *c, Id n) {
  const Type *t = node_type(c->w, n);
  return t->dtype != DT_TUPLE && t->rank >= c->scan.axis && t->rank < MAX_RANK && !c->invariant[n];
}

static const ScanInput *find_source(const ScanInputs *l, Id n) {
  for (int i = 0; i < l->n; i++)
    if (l->v[i].inner == n) return &l->v[i];
  return NULL;
}

static int find_id(const IdList *l, Id n) {
  for (int i = 0; i < l->n; i++)
    if (l->v[i] == n) return i;
  return -1;
}

void partition_result(ScanPartition *c, Id n) {
  if (find_id(&c->y, n) < 0) push_id(c->g->m->c, &c->y, n);
}

Id partition_result_of(const ScanPartition *c, Id second, Id n) {
  return b_get(c->b, second, c->carry.n + find_id(&c->y, n));
}

void partition_stack(ScanPartition *c, Id n) {
  if (c->primal[n]) {
    int port = own_port(c, n);
    if (port < 0 || port >= c->scan.nx) keep(c, n);
  } else if (!find_source(&c->x, n)) {
    partition_result(c, n);
  }
}

Id partition_stacked(const ScanPartition *c, Id second, Id n) {
  if (!c->primal[n]) {
    const ScanInput *s = find_source(&c->x, n);
    return s ? s->outer : partition_result_of(c, second, n);
  }
  int port = own_port(c, n);
  return port >= 0 && port < c->scan.nx ? node_in(c->g, c->node, port) : b_get(c->b, c->extended, c->kept_at[n] - 1);
}

/* ---- the two bodies ---- */

static Graph *body_new(const ScanPartition *c, const char *suffix) {
  const Graph *body = c->scan.body;
  return graph_new_body(body, ctx_strf(c->g->m->c, "%s_%s", body->name, suffix), "");
}

/* Values of lower rank than the axis get trailing axes of size 1 before they are stacked. */
static Id widened(const Builder *b, Id n, int axis) {
  const Type *t = node_type(b->g, n);
  Dim dim[MAX_RANK];
  for (int i = 0; i < axis; i++) dim[i] = i < t->rank ? t->dim[i] : 1;
  return t->rank >= axis ? n : b_reshape(b, n, axis, dim);
}

/* False if a node was refused (graph or tensor too large); that was reported. */
static bool body_is_complete(const Graph *g) {
  for (int i = 0; i < g->nout; i++)
    if (!g->out[i].value) return false;
  return true;
}

/* Makes the first scan's body with the kept values as extra results, and that scan. */
static void extend_first(ScanPartition *c) {
  Graph *w = c->w, *to = body_new(c, "keep");
  const Graph *body = c->scan.body;
  Ctx *ctx = w->m->c;
  bool *need = ctx_alloc(ctx, (size_t)w->n);
  Rebuild r = {w, to, ctx_alloc(ctx, (size_t)w->n * sizeof(Id))};
  for (int i = 0; i < body->nout; i++) need[c->out[i]] = true;
  for (int i = 0; i < c->kept.n; i++) need[c->kept.v[i]] = true;
  for (Id n = (Id)w->n - 1; n > 0; n--)
    for (uint32_t i = 0; need[n] && i < node_get(w, n)->nin; i++) need[node_in(w, n, (int)i)] = true;
  for (int i = 0; i < body->nport; i++) {
    const Node *p = node_get(w, w->port[i]);
    r.map[w->port[i]] = graph_input(to, node_name(w, w->port[i]), p->type, p->loc);
  }
  for (Id n = 1; n < (Id)w->n; n++)
    if (need[n] && !r.map[n]) graph_copy_node(&r, n);
  for (int i = 0; i < body->nout; i++) graph_result(to, body->out[i].name, r.map[c->out[i]], body->out[i].loc);
  for (int i = 0; i < c->kept.n; i++) {
    Id n = c->kept.v[i];
    Builder b = {.g = to, .loc = node_get(w, n)->loc};
    graph_result(to, ctx_strf(ctx, "keep%d", to->nout), widened(&b, r.map[n], c->scan.axis), b.loc);
  }
  Scan s = c->scan;
  s.body = to;
  c->extended = 0;
  if (!body_is_complete(to)) return;
  const Node *d = node_get(c->g, c->node);
  c->extended = scan_node(c->b, &s, c->g->in + d->in, (int)d->nin);
  if (!c->extended) return;
  *VEC_PUSH(ctx, c->sweep->ext, c->sweep->next, c->sweep->capext) = (Extended){c->node, c->extended};
}

/* Marks in `need` the nodes of the second body, and lists the primal values that it reads. */
static void find_sources(ScanPartition *c, bool *need) {
  Graph *w = c->w;
  Ctx *ctx = w->m->c;
  for (int i = 0; i < c->next.n; i++) need[c->next.v[i]] = true;
  for (int i = 0; i < c->y.n; i++) need[c->y.v[i]] = true;
  for (Id n = (Id)w->n - 1; n > 0; n--) {
    if (!need[n] || node_is_input(w, n) || (c->primal[n] && !recomputed(c, n))) continue;
    for (uint32_t i = 0; i < node_get(w, n)->nin; i++) need[node_in(w, n, (int)i)] = true;
  }
  for (Id n = 1; n < (Id)w->n; n++) {
    if (!need[n] || !c->primal[n] || (!node_is_input(w, n) && recomputed(c, n))) continue;
    int port = node_is_input(w, n) ? own_port(c, n) : -1;
    if (port >= c->scan.nx + c->scan.nc) {
      push_source(ctx, &c->captured, n, node_in(c->g, c->node, port));
    } else {
      if (port < 0 || port >= c->scan.nx) keep(c, n);
      push_source(ctx, &c->x, n, port >= 0 && port < c->scan.nx ? node_in(c->g, c->node, port) : 0);
    }
  }
}

static void add_port(ScanPartition *c, Rebuild *r, const ScanInput *s, bool scanned) {
  Graph *w = r->old, *to = r->new;
  const Node *d = node_get(w, s->inner);
  TypeId type = d->type;
  if (scanned) type = scan_slice_type(w->m, node_type(c->g, s->outer), c->scan.axis);
  const char *name = node_is_input(w, s->inner) ? node_name(w, s->inner) : ctx_strf(w->m->c, "v%d", to->nport);
  Builder b = {.g = to, .loc = d->loc};
  Id p = graph_input(to, graph_new_port(to, NULL, name), type, d->loc);
  r->map[s->inner] = b_reshape(&b, p, node_type(w, s->inner)->rank, node_type(w, s->inner)->dim);
}

static Graph *second_body(ScanPartition *c, const bool *need) {
  Graph *w = c->w, *to = body_new(c, c->suffix);
  Rebuild r = {w, to, ctx_alloc(w->m->c, (size_t)w->n * sizeof(Id))};
  for (int i = 0; i < c->x.n; i++) add_port(c, &r, &c->x.v[i], true);
  for (int i = 0; i < c->carry.n; i++) add_port(c, &r, &c->carry.v[i], false);
  for (int i = 0; i < c->captured.n; i++) add_port(c, &r, &c->captured.v[i], false);
  for (Id n = 1; n < (Id)w->n; n++)
    if (need[n] && !r.map[n]) graph_copy_node(&r, n);
  for (int i = 0; i < c->next.n; i++)
    graph_result(to, ctx_strf(w->m->c, "next%d", i), r.map[c->next.v[i]], node_get(w, c->next.v[i])->loc);
  for (int i = 0; i < c->y.n; i++)
    graph_result(to, ctx_strf(w->m->c, "y%d", i), r.map[c->y.v[i]], node_get(w, c->y.v[i])->loc);
  return to;
}

Id partition_finish(ScanPartition *c, bool reverse) {
  Graph *g = c->g;
  Ctx *ctx = g->m->c;
  bool *need = ctx_alloc(ctx, (size_t)c->w->n);
  find_sources(c, need);
  if (c->kept.n) extend_first(c);
  if (!c->extended) return 0;
  for (int i = 0; i < c->x.n; i++)
    if (!c->x.v[i].outer) c->x.v[i].outer = b_get(c->b, c->extended, c->kept_at[c->x.v[i].inner] - 1);
  Scan s = {.body = second_body(c, need),
            .nx = c->x.n,
            .nc = c->carry.n,
            .axis = c->scan.axis,
            .reverse = reverse,
            .length = c->scan.length};
  if (!body_is_complete(s.body)) return 0;
  IdList in = {0};
  const ScanInputs *lists[] = {&c->x, &c->carry, &c->captured};
  for (int k = 0; k < 3; k++)
    for (int i = 0; i < lists[k]->n; i++) push_id(ctx, &in, lists[k]->v[i].outer);
  return scan_node(c->b, &s, in.v, in.n);
}
