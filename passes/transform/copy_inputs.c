/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/transform/copy_inputs.h"
#include "ir/build.h"

static bool has_channels(const Graph *g, Id n) {
  const Type *t = node_type(g, n);
  return t->rank >= 3 && t->dim[1] != 1;
}

/* A convolution that reads an image input of several channels. */
static bool reads_input(const Graph *g, Id n) {
  if (node_info(g, n)->cls != CL_CONV || g->kind == GK_BODY) return false;
  return node_is_input(g, node_in(g, n, 0)) && has_channels(g, node_in(g, n, 0));
}

void copy_image_inputs(Graph *g) {
  bool any = false;
  for (Id n = 1; n < (Id)g->n && !any; n++) any = reads_input(g, n);
  if (!any) return;
  Rebuild r = graph_rebuild_begin(g);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (r.map[n]) continue;
    if (!reads_input(g, n)) {
      graph_copy_node(&r, n);
      continue;
    }
    const Node *d = node_get(g, n);
    Builder b = {.g = r.new, .loc = d->loc};
    Id in[2] = {b_copy(&b, r.map[node_in(g, n, 0)], 0), r.map[node_in(g, n, 1)]};
    r.map[n] = graph_node(r.new, (Op)d->op, in, 2, d->attr, d->loc);
  }
  graph_rebuild_end(&r);
}
