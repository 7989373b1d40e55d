#include "passes/thin.h"
#include "ir/build.h"
#include "ir/scan.h"
#include "passes/joint.h"
#include "passes/mincut.h"
#include <string.h>

typedef struct Source { Id inner, outer; } Source; /* a node of the forward body; the outer value that it is a turn of */
typedef struct SourceList { Source *v; int n, cap; } SourceList;

typedef struct Pair {
  Graph *g;
  const bool *late;
  ThinMode mode;
  uint32_t clone;
  Id first, second;        /* the forward and the backward scan */
  Scan a, b;
  int *element;            /* per node of the forward body: 1 + the stacked result that it is; 0: none */
  Id *asked;               /* per node of the forward body: the port of the backward body that shows it; 0: none */
  bool *again;             /* per node of the forward body: the backward body computes it */
  const uint8_t *cost;
  int *number, nnumber;    /* vertices, as in recompute.c */
} Pair;

static uint32_t region(const Graph *g, Id n) { return attr_get(g->m, node_get(g, n)->attr)->hints / HINT_REGION; }

/* ---- pairs ---- */

/* The scan of which input i of the scan n shows stacked turns, and which result; 0: none. */
static Id stacked_by(const Graph *g, Id n, int i, int *element) {
  Scan s = scan_of(g, n);
  Id x = node_in(g, n, i), from = node_info(g, x)->cls == CL_TUPLE ? node_in(g, x, 0) : 0;
  if (!from || i >= s.nx || node_info(g, from)->cls != CL_SCAN) return 0;
  Scan f = scan_of(g, from);
  *element = (int)node_attr(g, x, 0)->i;
  return *element >= f.nc && f.axis == s.axis && f.length == s.length ? from : 0;
}

/* The forward scan of which the backward scan n reads most; 0: none. */
static Id find_first(const Graph *g, const bool *late, Id n) {
  Id best = 0;
  int most = 0, e;
  for (int i = 0; i < scan_of(g, n).nx; i++) {
    Id from = stacked_by(g, n, i, &e);
    int count = 0;
    if (!from || late[from]) continue;
    for (int k = 0; k < scan_of(g, n).nx; k++) count += stacked_by(g, n, k, &e) == from;
    if (count > most) most = count, best = from;
  }
  return best;
}

static void *per_node(const Graph *g, size_t size) { return ctx_alloc(g->m->c, size * (size_t)g->n); }

static void read_pair(Pair *p) {
  const Graph *g = p->g, *body;
  int e;
  p->a = scan_of(g, p->first);
  p->b = scan_of(g, p->second);
  body = p->a.body;
  p->element = per_node(body, sizeof *p->element);
  p->asked = per_node(body, sizeof *p->asked);
  p->again = per_node(body, sizeof *p->again);
  p->number = per_node(body, sizeof *p->number);
  for (int i = body->nout - 1; i >= p->a.nc; i--) p->element[body->out[i].value] = i + 1;
  for (int i = 0; i < p->b.nx; i++)
    if (stacked_by(g, p->second, i, &e) == p->first) p->asked[body->out[e].value] = p->b.body->port[i];
}

/* ---- the cut ---- */

static int own_port(const Graph *body, Id n) {
  for (int i = 0; i < body->nport; i++)
    if (body->port[i] == n) return i;
  return -1;
}

/* Whether the backward part has the outer value anyhow: for another reader than this scan. */
static bool is_kept_anyhow(const Pair *p, Id x) {
  if (joint_is_free(p->g, x)) return true;
  for (Id n = x + 1; n < (Id)p->g->n; n++)
    for (uint32_t i = 0; p->late[n] && n != p->second && i < node_get(p->g, n)->nin; i++)
      if (node_in(p->g, n, (int)i) == x) return true;
  return false;
}

static Id get_of(const Graph *g, Id scan, int element) {
  for (Id n = scan + 1; n < (Id)g->n; n++)
    if (node_info(g, n)->cls == CL_TUPLE && node_in(g, n, 0) == scan && node_attr(g, n, 0)->i == element) return n;
  return 0;
}

static bool may_repeat(const Pair *p, Id n);

/* Bytes that it takes to have a node of the forward body at hand in the backward body. */
static int64_t weight(const Pair *p, Id n) {
  const Graph *g = p->g, *body = p->a.body;
  if (p->mode == THIN_REGIONS && region(body, n) && may_repeat(p, n)) return CUT_NEVER; /* @checkpoint says so */
  const Type *t = node_type(body, n);
  int port = own_port(body, n);
  if (port >= 0 && (port < p->a.nx || port >= p->a.nx + p->a.nc)) {
    Id x = node_in(g, p->first, port);
    return p->mode != THIN_FREE || is_kept_anyhow(p, x) ? 0 : type_bytes(g->m, node_get(g, x)->type);
  }
  if (t->dtype == DT_TUPLE || t->rank < p->a.axis || t->rank == MAX_RANK) return CUT_NEVER;
  Id stack = p->element[n] ? get_of(g, p->first, p->element[n] - 1) : 0;
  if (stack && is_kept_anyhow(p, stack)) return 0;
  return type_bytes(g->m, scan_stacked_type(g->m, t, p->a.axis, p->a.length));
}

/* What a statement under @checkpoint computes inside: no other region and no carry reads it. */
static bool is_inside(const Pair *p, Id n) {
  const Graph *body = p->a.body;
  uint32_t mine = region(body, n);
  for (int i = 0; i < p->a.nc; i++)
    if (body->out[i].value == n) return false;
  for (Id r = n + 1; r < (Id)body->n && mine; r++)
    for (uint32_t i = 0; i < node_get(body, r)->nin; i++)
      if (node_in(body, r, (int)i) == n && region(body, r) != mine) return false;
  return mine != 0;
}

static bool may_repeat(const Pair *p, Id n) {
  const Graph *body = p->a.body;
  OpClass cls = node_info(body, n)->cls;
  if (joint_is_transparent(body, n) || joint_is_random(body, n)) return true;
  if (cls == CL_LEAF || cls == CL_SCAN || cls == CL_TUPLE) return false;
  if (p->mode == THIN_REGIONS) return is_inside(p, n);
  return p->mode == THIN_ALL || (joint_is_cheap(body, n) && p->cost[n] <= MAX_COST);
}

/* From what is asked for down through all that may be computed again: vertices 2 number and 2 number + 1. */
static void number_nodes(Pair *p) {
  const Graph *body = p->a.body;
  for (Id n = (Id)body->n - 1; n > 0; n--) {
    if (!p->asked[n] && !p->number[n]) continue;
    p->number[n] = ++p->nnumber;
    for (uint32_t i = 0; may_repeat(p, n) && i < node_get(body, n)->nin; i++) {
      Id x = node_in(body, n, (int)i);
      if (!joint_is_free(body, x) || own_port(body, x) >= 0) p->number[x] = 1;
    }
  }
}

/* Sets `again`; false: nothing that is asked for would be computed again. */
static bool cut(Pair *p) {
  const Graph *body = p->a.body;
  enum { SOURCE, SINK };
  bool any = false;
  bool *given = per_node(body, sizeof *given); /* the backward body has it, and once */
  for (Id n = 1; n < (Id)body->n; n++) given[n] = p->asked[n] != 0;
  p->cost = joint_costs(body, given);
  number_nodes(p);
  Net *net = net_new(p->g->m->c, 2 * p->nnumber + 2);
  for (Id n = 1; n < (Id)body->n; n++) {
    int in = 2 * p->number[n];
    bool repeat = in && may_repeat(p, n);
    if (!in) continue;
    net_edge(net, in, in + 1, weight(p, n));
    if (!repeat) net_edge(net, SOURCE, in, CUT_NEVER);
    if (p->asked[n]) net_edge(net, in + 1, SINK, CUT_NEVER);
    for (uint32_t i = 0; repeat && i < node_get(body, n)->nin; i++) {
      int from = 2 * p->number[node_in(body, n, (int)i)];
      if (from) net_edge(net, from + 1, in, CUT_NEVER);
    }
  }
  const bool *behind = net_cut(net, SOURCE, SINK);
  for (Id n = 1; n < (Id)body->n; n++) {
    int in = 2 * p->number[n];
    p->again[n] = in && behind[in];
    any |= p->again[n] && p->asked[n];
    if (in && !behind[in] && behind[in + 1] && weight(p, n) >= CUT_NEVER) return false; /* there is no cut */
  }
  return any;
}

/* ---- the new bodies ---- */

static const char *fresh_name(const Module *m, const char *stem) {
  const char *name = stem;
  for (int i = 2; graph_find((Module *)m, name); i++) name = ctx_strf(m->c, "%s_%d", stem, i);
  return name;
}

static void add(const Pair *p, SourceList *l, Id inner, Id outer) {
  *VEC_PUSH(p->g->m->c, l->v, l->n, l->cap) = (Source){inner, outer};
}

/* What the clones read that the backward body does not see: further stacks (outer 0), turns of what the forward scan
 * reads, captured values. */
static void find_sources(const Pair *p, SourceList *turns, SourceList *captured) {
  const Graph *body = p->a.body;
  bool *seen = per_node(body, sizeof *seen);
  for (Id n = 1; n < (Id)body->n; n++)
    for (uint32_t i = 0; p->again[n] && i < node_get(body, n)->nin; i++) {
      Id x = node_in(body, n, (int)i);
      int port = own_port(body, x);
      bool stack = port < 0 || (port >= p->a.nx && port < p->a.nx + p->a.nc);
      if (seen[x] || p->again[x] || p->asked[x] || (port < 0 && joint_is_free(body, x))) continue;
      seen[x] = true;
      add(p, port < p->a.nx || stack ? turns : captured, x, stack ? 0 : node_in(p->g, p->first, port));
    }
}

/* The forward body with the values in `turns` that are not stacked yet as further results; NULL: all are. */
static Graph *stack_more(Pair *p, const SourceList *turns) {
  Graph *body = p->a.body, *to = NULL;
  Rebuild r = {body, NULL, per_node(body, sizeof(Id))};
  for (int i = 0; i < turns->n; i++) {
    Id n = turns->v[i].inner;
    if (turns->v[i].outer || p->element[n]) continue;
    if (!to) {
      r.new = to = graph_new(p->g->m, fresh_name(p->g->m, body->name), GK_BODY, body->loc);
      to->training = body->training;
      for (int k = 0; k < body->nport; k++) {
        const Node *d = node_get(body, body->port[k]);
        r.map[body->port[k]] = graph_input(to, node_attr(body, body->port[k], 0)->s, d->type, d->loc);
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

static Id new_port(Graph *to, TypeId type, Loc loc) {
  const char *name = ctx_strf(to->m->c, "again%d", to->nport);
  for (int i = 0; i < to->nport; i++)
    if (!strcmp(node_attr(to, to->port[i], 0)->s, name)) name = ctx_strf(to->m->c, "%s_", name), i = -1;
  return graph_input(to, name, type, loc);
}

static void old_ports(Rebuild *r, int from, int end) {
  for (int i = from; i < end; i++) {
    Id p = r->old->port[i];
    const Node *d = node_get(r->old, p);
    r->map[p] = graph_input(r->new, node_attr(r->old, p, 0)->s, d->type, d->loc);
  }
}

static void new_ports(Rebuild *f, const SourceList *l, Loc loc) {
  for (int i = 0; i < l->n; i++)
    f->map[l->v[i].inner] = new_port(f->new, node_get(f->old, l->v[i].inner)->type, loc);
}

/* A clone of the forward body's node n, with the constants that it reads. */
static void clone_node(const Pair *p, Rebuild *f, Id n) {
  const Node *d = node_get(f->old, n);
  for (uint32_t i = 0; i < d->nin; i++) {
    Id x = node_in(f->old, n, (int)i);
    if (!f->map[x]) graph_copy_node(f, x);
  }
  graph_copy_as(f, n, attr_with(f->old->m, (Op)d->op, d->attr, p->clone, attr_get(f->old->m, d->attr)->hints));
}

/* The backward body with clones in the place of what it is no longer shown. */
static Graph *clone_into(const Pair *p, const SourceList *turns, const SourceList *captured) {
  Graph *a = p->a.body, *b = p->b.body;
  Graph *to = graph_new(p->g->m, fresh_name(p->g->m, b->name), GK_BODY, b->loc);
  Rebuild r = {b, to, per_node(b, sizeof(Id))}, f = {a, to, per_node(a, sizeof(Id))};
  to->training = b->training;
  old_ports(&r, 0, p->b.nx);
  new_ports(&f, turns, b->loc);
  old_ports(&r, p->b.nx, b->nport);
  new_ports(&f, captured, b->loc);
  for (Id n = 1; n < (Id)a->n; n++) {
    if (p->asked[n] && !p->again[n]) f.map[n] = r.map[p->asked[n]];
    if (!p->again[n]) continue;
    clone_node(p, &f, n);
    if (p->asked[n]) r.map[p->asked[n]] = f.map[n];
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
  return r->map[n] = graph_node(r->new, (Op)d->op, in, nin, attr_with(m, (Op)d->op, scan_attr(m, s), a->clone, a->hints),
                                d->loc);
}

static void new_first(Rebuild *r, const Pair *p, Graph *body) {
  const Node *d = node_get(r->old, p->first);
  Id *in = ctx_alloc(r->old->m->c, sizeof *in * (d->nin + 1));
  for (uint32_t i = 0; i < d->nin; i++) in[i] = r->map[node_in(r->old, p->first, (int)i)];
  Scan s = p->a;
  s.body = body;
  scan_like(r, p->first, &s, in, (int)d->nin);
}

static void new_second(Rebuild *r, const Pair *p, const SourceList *turns, const SourceList *captured) {
  const Node *d = node_get(r->old, p->second);
  Id *in = ctx_alloc(r->old->m->c, sizeof *in * (d->nin + (size_t)(turns->n + captured->n) + 1));
  int n = 0, nx = p->b.nx;
  for (int i = 0; i < nx; i++) in[n++] = r->map[node_in(r->old, p->second, i)];
  for (int i = 0; i < turns->n; i++) {
    Source s = turns->v[i];
    r->new->loc = d->loc;
    in[n++] = s.outer ? r->map[s.outer] : b_get(r->new, r->map[p->first], p->element[s.inner] - 1);
  }
  for (int i = nx; i < (int)d->nin; i++) in[n++] = r->map[node_in(r->old, p->second, i)];
  for (int i = 0; i < captured->n; i++) in[n++] = r->map[captured->v[i].outer];
  Scan s = p->b;
  s.body = clone_into(p, turns, captured);
  s.nx += turns->n;
  scan_like(r, p->second, &s, in, n);
}

static void apply(Pair *p) {
  SourceList turns = {0}, captured = {0};
  find_sources(p, &turns, &captured);
  Graph *more = stack_more(p, &turns);
  Rebuild r = graph_rebuild_begin(p->g);
  for (Id n = 1; n < (Id)p->g->n; n++) {
    if (r.map[n]) continue;
    if (n == p->first && more) new_first(&r, p, more);
    else if (n == p->second) new_second(&r, p, &turns, &captured);
    else graph_copy_node(&r, n);
  }
  graph_rebuild_end(&r);
}

/* A change leaves the pair such that nothing more is computed again: the cut is the one nearest to the readers. */
bool thin_scans(Graph *g, ThinMode mode, uint32_t clone) {
  bool any = false;
  const bool *late = joint_late(g);
  for (Id n = 1; late && n < (Id)g->n; n++) {
    if (!late[n] || node_info(g, n)->cls != CL_SCAN) continue;
    Pair p = {.g = g, .late = late, .mode = mode, .clone = clone, .first = find_first(g, late, n), .second = n};
    if (!p.first) continue;
    read_pair(&p);
    if (!cut(&p)) continue;
    apply(&p);
    late = joint_late(g);
    any = true;
  }
  return any;
}
