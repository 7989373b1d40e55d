/* SPDX-License-Identifier: Apache-2.0 */
/* Checks at the start of a graph's function: it returns an error before it changes anything. */
#include "codegen/text/graph.h"
#include <string.h>

/* Integer inputs that index a tensor must be within its bounds; fields of the data section have their own ranges. */
Ranges input_ranges(const Graph *g, int port) {
  Id n = g->port[port];
  const Type *t = node_type(g, n);
  Ranges r = {0};
  if (dtype_is_float(t->dtype) || t->dtype == DT_BOOL) return r;
  bool training = g->kind != GK_EXPORT && g->kind != GK_BIND && g->kind != GK_TEST;
  for (int d = 0; d < g->m->ndata && training; d++)
    for (int f = 0; f < g->m->data[d].nfield; f++)
      if (!strcmp(g->m->data[d].field[f].name, node_name(g, n)))
        r = ranges_copy(g->m->c, &g->m->data[d].field[f].range);
  for (Id k = 1; k < (Id)g->n; k++) {
    Dim length;
    Id indices = node_indices(g, k, &length);
    if (!indices) continue;
    Columns of = node_columns(g, indices);
    if (of.input == n) ranges_limit(g->m->c, &r, &of, dim_bound(g->m, length));
  }
  return r;
}

int64_t input_range(const Graph *g, int port) {
  Ranges r = input_ranges(g, port);
  return ranges_least(&r);
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

/* The ranges of an integer input that its C type does not keep. */
static Ranges checked_ranges(const Graph *g, int port) {
  Ranges r = input_ranges(g, port);
  int bytes = dtype_info[node_type(g, g->port[port])->dtype].bytes;
  int64_t least = ranges_least(&r), top = bytes < 4 ? (int64_t)1 << (8 * bytes) : INT64_MAX;
  return least && least < top ? r : (Ranges){0};
}

static void print_ranges(GraphText *c, int port, const Ranges *r, const char *low, const char *count) {
  const char *x = c->in[port];
  Str list = {.c = c->p->c};
  for (int i = 0; i < r->n; i++) str_printf(&list, "%s%lld", i ? ", " : "", (long long)r->v[i]);
  graph_stmt(c, "for (ptrdiff_t i = 0; i < %s; i++) {", count);
  graph_stmt(c, "  static const long long range[%d] = {%s}; /* of columns */", r->n, list.s);
  graph_stmt(c, "  if (range[i %% %d] && (%s%s[i] >= range[i %% %d])) return %d;", r->n, low, x, r->n, port + 1);
  graph_stmt(c, "}");
}

bool graph_checks_inputs(const Graph *g) {
  for (int i = 0; i < g->nport; i++)
    if (checked_ranges(g, i).n) return true;
  return uses_run(g, "steps") || uses_run(g, "epoch");
}

void input_checks_print(GraphText *c) {
  Emitter *p = c->p;
  const Graph *g = c->g;
  for (int i = 0; i < g->nport; i++) {
    Ranges range = checked_ranges(g, i);
    const Type *t = node_type(g, g->port[i]);
    const char *count = text_dim(p, type_count(p->m, node_get(g, g->port[i])->type));
    const char *low = dtype_info[t->dtype].kind == 'i' ? ctx_strf(p->c, "%s[i] < 0 || ", c->in[i]) : "";
    if (range.n > 1) print_ranges(c, i, &range, low, count);
    if (range.n != 1) continue;
    graph_stmt(c, "for (ptrdiff_t i = 0; i < %s; i++)", count);
    graph_stmt(c, "  if (%s%s[i] >= %lld) return %d;", low, c->in[i], (long long)range.v[0], i + 1);
  }
  if (reads_mapped(p, g)) c->uses_run = true, graph_stmt(c, "if (!run->weights) return -3;");
  if (uses_run(g, "steps")) c->uses_run = true, graph_stmt(c, "if (!run->steps) return -2;");
  if (uses_run(g, "epoch")) c->uses_run = true, graph_stmt(c, "if (!run->steps_per_epoch) return -2;");
}

void checks_print(GraphText *c) {
  size_checks_print(c);
  input_checks_print(c);
}
