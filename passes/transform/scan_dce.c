/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/transform/scan_dce.h"

/* Nodes of the body that the marked results depend on. */
static bool *needed_nodes(const Graph *body, const bool *out) {
  bool *need = ctx_array(body->m->c, body->n, sizeof *need);
  for (int i = 0; i < body->nout; i++)
    if (out[i]) need[body->out[i].value] = true;
  for (Id n = (Id)body->n - 1; n > 0; n--)
    for (uint32_t i = 0; need[n] && i < node_get(body, n)->nin; i++) need[node_in(body, n, (int)i)] = true;
  return need;
}

ScanLive *scan_live_find(const Graph *g, Id scan, const bool *read) {
  const Scan s = scan_of(g, scan);
  const Graph *b = s.body;
  ScanLive *t = ctx_alloc(g->m->c, sizeof *t);
  *t = (ScanLive){ctx_array(g->m->c, b->nout, sizeof(bool)), ctx_array(g->m->c, b->nport, sizeof(bool)), true};
  for (int i = 0; i < b->nout; i++) t->all &= t->out[i] = i < s.nc || read[i];
  const bool *need = needed_nodes(b, t->out);
  for (int i = 0; i < b->nport; i++) t->all &= t->port[i] = (i >= s.nx && i < s.nx + s.nc) || need[b->port[i]];
  return t;
}

static Graph *copy_live_body(const Graph *body, const ScanLive *t) {
  Graph *to = graph_new_body(body, body->name, "_");
  const bool *need = needed_nodes(body, t->out);
  Rebuild r = {(Graph *)body, to, ctx_array(body->m->c, body->n, sizeof(Id))};
  for (int i = 0; i < body->nport; i++) {
    const Node *p = node_get(body, body->port[i]);
    if (t->port[i]) r.map[body->port[i]] = graph_input(to, node_name(body, body->port[i]), p->type, p->loc);
  }
  for (Id n = 1; n < (Id)body->n; n++)
    if (need[n] && !r.map[n]) graph_copy_node(&r, n);
  for (int i = 0; i < body->nout; i++)
    if (t->out[i]) graph_result(to, body->out[i].name, r.map[body->out[i].value], body->out[i].loc);
  return to;
}

/* Keeps clone number and hints. */
static AttrId attr_as_before(const Graph *g, Id n, AttrId attr) {
  const Attr *a = attr_get(g->m, node_get(g, n)->attr);
  return attr_with(g->m, (Op)node_get(g, n)->op, attr, a->clone, a->hints);
}

Id scan_dce_copy(Rebuild *r, Id scan, const ScanLive *t) {
  Graph *old = r->old;
  const Node *d = node_get(old, scan);
  Scan s = scan_of(old, scan), w = s;
  Id *in = ctx_array(old->m->c, (int)d->nin, sizeof *in);
  int nin = 0;
  w.nx = 0;
  for (int i = 0; i < (int)d->nin; i++) {
    if (!t->port[i]) continue;
    in[nin++] = r->map[node_in(old, scan, i)];
    w.nx += i < s.nx;
  }
  w.body = copy_live_body(s.body, t);
  AttrId attr = attr_as_before(old, scan, scan_attr(old->m, &w));
  return r->map[scan] = graph_node(r->new, (Op)d->op, in, nin, attr, d->loc);
}

Id scan_dce_copy_get(Rebuild *r, Id get, const ScanLive *t) {
  int at = (int)node_attr(r->old, get, ATTR(get, index))->i, to = 0;
  for (int i = 0; i < at; i++) to += t->out[i];
  const Node *d = node_get(r->old, get);
  AttrId attr = attr_as_before(r->old, get, attr_make(r->old->m, (Op)d->op, &(AttrVal){.i = to}));
  return r->map[get] = graph_node(r->new, (Op)d->op, &r->map[node_in(r->old, get, 0)], 1, attr, d->loc);
}
