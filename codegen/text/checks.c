/* SPDX-License-Identifier: Apache-2.0 */
/* Checks at the start of a graph's function: it returns an error before it changes anything. */
#include "codegen/text/graph.h"
#include <string.h>

/* Integer inputs that index a tensor must be within its bounds; fields of the data section have their own range. */
int64_t input_range(const Graph *g, int port) {
  Id n = g->port[port];
  const Type *t = node_type(g, n);
  int64_t range = 0;
  if (dtype_is_float(t->dtype) || t->dtype == DT_BOOL) return 0;
  bool training = g->kind != GK_EXPORT && g->kind != GK_BIND && g->kind != GK_TEST;
  for (int d = 0; d < g->m->ndata && training; d++)
    for (int f = 0; f < g->m->data[d].nfield; f++)
      if (!strcmp(g->m->data[d].field[f].name, node_name(g, n))) range = g->m->data[d].field[f].range;
  for (Id k = 1; k < (Id)g->n; k++) {
    Dim length;
    Id indices = node_indices(g, k, &length);
    if (!indices || node_skip_moves(g, indices) != n) continue;
    int64_t most = dim_bound(g->m, length);
    if (!range || most < range) range = most;
  }
  return range;
}

static bool uses_run(const Graph *g, const char *name) {
  for (Id n = 1; n < (Id)g->n; n++)
    if (node_is_run(g, n) && !strcmp(node_name(g, n), name)) return true;
  return false;
}

static bool reads_mapped(const Emitter *p, const Graph *g) {
  for (Id n = 1; n < (Id)g->n && p->o->weights_as == WEIGHTS_EXTERN; n++)
    if (node_var(g, n) >= 0 && p->m->var[node_var(g, n)].rom) return true;
  return false;
}

/* Run-time sizes must be in 0 .. bound and meet the graph's constraints. Their statuses follow those of the inputs. */
void size_checks_print(GraphText *c) {
  Emitter *p = c->p;
  uint32_t sizes = graph_sizes(c->g);
  for (int i = 0, k = 0; i < p->m->nsize; i++)
    if (sizes >> i & 1)
      graph_stmt(c, "if (n_%s < 0 || n_%s > %lld) return %d;", p->m->size[i].name, p->m->size[i].name,
                 (long long)p->m->size[i].bound, c->g->nport + ++k);
  SizeConstraints list = graph_constraints((Graph *)c->g);
  for (int i = 0; i < list.n; i++) {
    uint32_t last = 31 - (uint32_t)__builtin_clz(dim_sizes(p->m, list.v[i].dim));
    graph_stmt(c, "if (%s < 0) return %d;", text_dim(p, list.v[i].dim),
               c->g->nport + 1 + __builtin_popcount(sizes & ((1u << last) - 1)));
  }
}

/* The range of an integer input that its C type does not keep; 0: none. */
static int64_t checked_range(const Graph *g, int port) {
  int64_t range = input_range(g, port);
  int bytes = dtype_info[node_type(g, g->port[port])->dtype].bytes;
  int64_t top = bytes < 4 ? (int64_t)1 << (8 * bytes) : INT64_MAX;
  return range < top ? range : 0;
}

bool graph_checks_inputs(const Graph *g) {
  for (int i = 0; i < g->nport; i++)
    if (checked_range(g, i)) return true;
  return uses_run(g, "steps") || uses_run(g, "epoch");
}

void input_checks_print(GraphText *c) {
  Emitter *p = c->p;
  const Graph *g = c->g;
  for (int i = 0; i < g->nport; i++) {
    int64_t range = checked_range(g, i);
    const Type *t = node_type(g, g->port[i]);
    if (!range) continue;
    const char *low = dtype_info[t->dtype].kind == 'i' ? ctx_strf(p->c, "%s[i] < 0 || ", c->in[i]) : "";
    graph_stmt(c, "for (ptrdiff_t i = 0; i < %s; i++)", text_dim(p, type_count(p->m, node_get(g, g->port[i])->type)));
    graph_stmt(c, "  if (%s%s[i] >= %lld) return %d;", low, c->in[i], (long long)range, i + 1);
  }
  if (reads_mapped(p, g)) c->uses_run = true, graph_stmt(c, "if (!run->weights) return -3;");
  if (uses_run(g, "steps")) c->uses_run = true, graph_stmt(c, "if (!run->steps) return -2;");
  if (uses_run(g, "epoch")) c->uses_run = true, graph_stmt(c, "if (!run->steps_per_epoch) return -2;");
}

void checks_print(GraphText *c) {
  size_checks_print(c);
  input_checks_print(c);
}
