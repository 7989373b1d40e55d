/* Cutting a scan's body, extended by derivative nodes, into two bodies: the first scan keeps what it computed and
 * stacks what the second one reads of it; the second scan computes the derivatives. */
#include "passes/autodiff.h"
#include <string.h>

static void push_id(Ctx *c, IdList *l, Id n) { *VEC_PUSH(c, l->v, l->n, l->cap) = n; }

static void push_source(Ctx *c, SourceList *l, Id w, Id outer) {
  *VEC_PUSH(c, l->v, l->n, l->cap) = (Source){w, outer};
}

void cut_begin(Cut *c, Sweep *sweep, Id scan, const char *suffix) {
  Graph *g = sweep->s.g;
  *c = (Cut){.sweep = sweep, .g = g, .node = scan, .extended = scan, .scan = scan_of(g, scan), .suffix = suffix};
  Graph *body = c->scan.body;
  Rebuild r = graph_rebuild_begin(body); /* never ended: a copy of the body, in no module */
  for (Id n = 1; n < (Id)body->n; n++)
    if (!r.map[n]) graph_copy_node(&r, n);
  c->w = r.new;
  c->nprimal = r.new->n;
  c->out = ctx_alloc(g->m->c, (size_t)body->nout * sizeof *c->out);
  for (int i = 0; i < body->nout; i++) c->out[i] = r.map[body->out[i].value];
}

static const char *port_name(Graph *g, const char *name) {
  for (int i = 0; i < g->nport; i++)
    if (!strcmp(node_attr(g, g->port[i], 0)->s, name)) {
      name = ctx_strf(g->m->c, "%s_", name);
      i = -1;
    }
  return name;
}

Id cut_port(Cut *c, const char *name, TypeId type) {
  return graph_input(c->w, port_name(c->w, name), type, node_get(c->g, c->node)->loc);
}

/* Number of the body's own port that n is; -1: none. */
static int own_port(const Cut *c, Id n) {
  for (int i = 0; i < c->scan.body->nport; i++)
    if (c->w->port[i] == n) return i;
  return -1;
}

/* ---- what belongs to the primal ---- */

static void mark_invariant(Cut *c) {
  Graph *w = c->w;
  for (int i = c->scan.nx + c->scan.nc; i < c->scan.body->nport; i++) c->invariant[w->port[i]] = true;
  for (Id n = 1; n < (Id)w->n; n++) {
    const Node *d = node_get(w, n);
    if (!c->primal[n] || node_is_input(w, n) || (op_info[d->op].flags & RNG) ||
        op_info[d->op].cls == CL_SCAN)
      continue;
    bool same = true;
    for (uint32_t i = 0; i < d->nin; i++) same &= c->invariant[node_in(w, n, (int)i)];
    c->invariant[n] = same;
  }
}

static void remap(const Id *map, Id *v, int n) {
  for (int i = 0; i < n; i++) v[i] = map[v[i]];
}

static void remap_sources(const Id *map, SourceList *l) {
  for (int i = 0; i < l->n; i++) l->v[i].w = map[l->v[i].w];
}

void cut_primal(Cut *c, Sweep *inner, Id *ids, int nids) {
  Graph *w = c->w;
  const Id *map = inner->next ? sweep_repoint(inner) : NULL;
  Ctx *ctx = w->m->c;
  size_t cap = 3 * (size_t)w->n + (size_t)c->scan.nc + 1; /* room for a sum of every node, and zeros */
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
  for (Id n = 1; n < (Id)w->n; n++) /* the extra results of the body's own extended scans */
    if (node_info(w, n)->cls == CL_TUPLE && c->primal[node_in(w, n, 0)]) c->primal[n] = true;
  for (int i = c->scan.nc; i < c->scan.body->nout; i++) c->kept_at[c->out[i]] = i + 1;
  mark_invariant(c);
}

/* Whether the second body computes a primal node again: what does not change from turn to turn, and views that are no
 * smaller than what they show. */
static bool recomputed(const Cut *c, Id n) {
  if (c->invariant[n]) return true;
  if (node_info(c->w, n)->cls != CL_VIEW) return false;
  Module *m = c->w->m;
  return dim_bound(m, type_count(m, node_get(c->w, node_in(c->w, n, 0))->type)) <=
         dim_bound(m, type_count(m, node_get(c->w, n)->type));
}

static void keep(Cut *c, Id n) {
  if (c->kept_at[n]) return;
  push_id(c->g->m->c, &c->kept, n);
  c->kept_at[n] = c->scan.body->nout + c->kept.n;
}

/* ---- values over all turns, for the outer graph ---- */

bool cut_can_stack(const Cut *c, Id n) {
  const Type *t = node_type(c->w, n);
  return t->dtype != DT_TUPLE && t->rank >= c->scan.axis && t->rank < MAX_RANK && !c->invariant[n];
}

static const Source *find_source(const SourceList *l, Id n) {
  for (int i = 0; i < l->n; i++)
    if (l->v[i].w == n) return &l->v[i];
  return NULL;
}

static int find_id(const IdList *l, Id n) {
  for (int i = 0; i < l->n; i++)
    if (l->v[i] == n) return i;
  return -1;
}

void cut_result(Cut *c, Id n) {
  if (find_id(&c->y, n) < 0) push_id(c->g->m->c, &c->y, n);
}

Id cut_result_of(const Cut *c, Id second, Id n) { return b_get(c->g, second, c->carry.n + find_id(&c->y, n)); }

void cut_stack(Cut *c, Id n) {
  if (c->primal[n]) {
    int port = own_port(c, n);
    if (port < 0 || port >= c->scan.nx) keep(c, n);
  } else if (!find_source(&c->x, n)) {
    cut_result(c, n);
  }
}

Id cut_stacked(const Cut *c, Id second, Id n) {
  if (!c->primal[n]) {
    const Source *s = find_source(&c->x, n);
    return s ? s->outer : cut_result_of(c, second, n);
  }
  int port = own_port(c, n);
  return port >= 0 && port < c->scan.nx ? node_in(c->g, c->node, port) : b_get(c->g, c->extended, c->kept_at[n] - 1);
}

/* ---- the two bodies ---- */

static Graph *body_new(const Cut *c, const char *suffix) {
  Module *m = c->g->m;
  const Graph *body = c->scan.body;
  const char *name = ctx_strf(m->c, "%s_%s", body->name, suffix);
  for (int i = 2; graph_find(m, name); i++) name = ctx_strf(m->c, "%s_%s%d", body->name, suffix, i);
  Graph *g = graph_new(m, name, GK_BODY, body->loc);
  g->training = body->training;
  return g;
}

/* Values of a rank below the axis are stacked with further axes of size 1. */
static Id widened(Graph *g, Id n, int axis) {
  const Type *t = node_type(g, n);
  Dim dim[MAX_RANK];
  for (int i = 0; i < axis; i++) dim[i] = i < t->rank ? t->dim[i] : 1;
  return t->rank >= axis ? n : b_reshape(g, n, axis, dim);
}

/* False where a node was refused (too many of them, or too large) and reported. */
static bool body_whole(const Graph *g) {
  for (int i = 0; i < g->nout; i++)
    if (!g->out[i].value) return false;
  return true;
}

/* The first scan's body with the kept values as further results, and that scan. */
static void extend_first(Cut *c) {
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
    r.map[w->port[i]] = graph_input(to, node_attr(w, w->port[i], 0)->s, p->type, p->loc);
  }
  for (Id n = 1; n < (Id)w->n; n++)
    if (need[n] && !r.map[n]) graph_copy_node(&r, n);
  for (int i = 0; i < body->nout; i++) graph_result(to, body->out[i].name, r.map[c->out[i]], body->out[i].loc);
  for (int i = 0; i < c->kept.n; i++) {
    Id n = c->kept.v[i];
    Loc loc = to->loc = node_get(w, n)->loc;
    graph_result(to, ctx_strf(ctx, "keep%d", to->nout), widened(to, r.map[n], c->scan.axis), loc);
  }
  Scan s = c->scan;
  s.body = to;
  c->extended = 0;
  if (!body_whole(to)) return;
  const Node *d = node_get(c->g, c->node);
  c->extended = scan_node(c->g, &s, c->g->in + d->in, (int)d->nin, d->loc);
  if (!c->extended) return;
  *VEC_PUSH(ctx, c->sweep->ext, c->sweep->next, c->sweep->capext) = (Extended){c->node, c->extended};
}

/* Marks what the second body computes (in need), and lists what it reads of the primal. */
static void find_sources(Cut *c, bool *need) {
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

static void add_port(Cut *c, Rebuild *r, const Source *s, bool scanned) {
  Graph *w = r->old, *to = r->new;
  const Node *d = node_get(w, s->w);
  TypeId type = d->type;
  if (scanned) type = scan_turn_type(w->m, node_type(c->g, s->outer), c->scan.axis);
  const char *name = node_is_input(w, s->w) ? node_attr(w, s->w, 0)->s : ctx_strf(w->m->c, "v%d", to->nport);
  to->loc = d->loc;
  Id p = graph_input(to, port_name(to, name), type, d->loc);
  r->map[s->w] = b_reshape(to, p, node_type(w, s->w)->rank, node_type(w, s->w)->dim);
}

static Graph *second_body(Cut *c, const bool *need) {
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

Id cut_finish(Cut *c, bool reverse) {
  Graph *g = c->g;
  Ctx *ctx = g->m->c;
  bool *need = ctx_alloc(ctx, (size_t)c->w->n);
  find_sources(c, need);
  if (c->kept.n) extend_first(c);
  if (!c->extended) return 0;
  for (int i = 0; i < c->x.n; i++)
    if (!c->x.v[i].outer) c->x.v[i].outer = b_get(g, c->extended, c->kept_at[c->x.v[i].w] - 1);
  Scan s = {.body = second_body(c, need), .nx = c->x.n, .nc = c->carry.n, .axis = c->scan.axis, .reverse = reverse,
            .length = c->scan.length};
  if (!body_whole(s.body)) return 0;
  IdList in = {0};
  const SourceList *lists[] = {&c->x, &c->carry, &c->captured};
  for (int k = 0; k < 3; k++)
    for (int i = 0; i < lists[k]->n; i++) push_id(ctx, &in, lists[k]->v[i].outer);
  return scan_node(g, &s, in.v, in.n, node_get(g, c->node)->loc);
}
