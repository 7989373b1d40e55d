#include "passes/trim.h"

static void *zeros(const Graph *g, int n, size_t size) { return ctx_alloc(g->m->c, size * (size_t)(n + 1)); }

/* Nodes of the body that the marked results depend on. */
static bool *needed_nodes(const Graph *body, const bool *out) {
  bool *need = zeros(body, body->n, sizeof *need);
  for (int i = 0; i < body->nout; i++)
    if (out[i]) need[body->out[i].value] = true;
  for (Id n = (Id)body->n - 1; n > 0; n--)
    for (uint32_t i = 0; need[n] && i < node_get(body, n)->nin; i++) need[node_in(body, n, (int)i)] = true;
  return need;
}

Trim *trim_find(const Graph *g, Id scan, const bool *read) {
  const Scan s = scan_of(g, scan);
  const Graph *b = s.body;
  Trim *t = ctx_alloc(g->m->c, sizeof *t);
  *t = (Trim){zeros(g, b->nout, sizeof(bool)), zeros(g, b->nport, sizeof(bool)), true};
  for (int i = 0; i < b->nout; i++) t->whole &= t->out[i] = i < s.nc || read[i];
  const bool *need = needed_nodes(b, t->out);
  for (int i = 0; i < b->nport; i++)
    t->whole &= t->port[i] = (i >= s.nx && i < s.nx + s.nc) || need[b->port[i]];
  return t;
}

static const char *name_of(Module *m, const Graph *body) {
  const char *name = body->name;
  for (int i = 2; graph_find(m, name); i++) name = ctx_strf(m->c, "%s_%d", body->name, i);
  return name;
}

static Graph *trim_body(Module *m, const Graph *body, const Trim *t) {
  Graph *to = graph_new(m, name_of(m, body), GK_BODY, body->loc);
  const bool *need = needed_nodes(body, t->out);
  Rebuild r = {(Graph *)body, to, zeros(body, body->n, sizeof(Id))};
  to->training = body->training;
  for (int i = 0; i < body->nport; i++) {
    const Node *p = node_get(body, body->port[i]);
    if (t->port[i]) r.map[body->port[i]] = graph_input(to, node_attr(body, body->port[i], 0)->s, p->type, p->loc);
  }
  for (Id n = 1; n < (Id)body->n; n++)
    if (need[n] && !r.map[n]) graph_copy_node(&r, n);
  for (int i = 0; i < body->nout; i++)
    if (t->out[i]) graph_result(to, body->out[i].name, r.map[body->out[i].value], body->out[i].loc);
  return to;
}

/* Clone number and hints stay. */
static AttrId as_before(const Graph *g, Id n, AttrId attr) {
  const Attr *a = attr_get(g->m, node_get(g, n)->attr);
  return attr_with(g->m, (Op)node_get(g, n)->op, attr, a->clone, a->hints);
}

Id trim_scan(Rebuild *r, Id scan, const Trim *t) {
  Graph *old = r->old;
  const Node *d = node_get(old, scan);
  Scan s = scan_of(old, scan), w = s;
  Id *in = zeros(old, (int)d->nin, sizeof *in);
  int nin = 0;
  w.nx = 0;
  for (int i = 0; i < (int)d->nin; i++) {
    if (!t->port[i]) continue;
    in[nin++] = r->map[node_in(old, scan, i)];
    w.nx += i < s.nx;
  }
  w.body = trim_body(old->m, s.body, t);
  AttrId attr = as_before(old, scan, scan_attr(old->m, &w));
  return r->map[scan] = graph_node(r->new, (Op)d->op, in, nin, attr, d->loc);
}

Id trim_get(Rebuild *r, Id get, const Trim *t) {
  int at = (int)node_attr(r->old, get, 0)->i, to = 0;
  for (int i = 0; i < at; i++) to += t->out[i];
  const Node *d = node_get(r->old, get);
  AttrId attr = as_before(r->old, get, attr_make(r->old->m, (Op)d->op, &(AttrVal){.i = to}));
  return r->map[get] = graph_node(r->new, (Op)d->op, &r->map[node_in(r->old, get, 0)], 1, attr, d->loc);
}
