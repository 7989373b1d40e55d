/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs in the DOT language of Graphviz. */
#include "ir.h"
#include "graph_text.h"
#include <string.h>

static void put_escaped(Str *s, const char *text) {
  for (; *text; text++) str_printf(s, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
}

static const char *colour(OpClass cls) {
  switch (cls) {
  case CL_LEAF: return "#e8e8e8";
  case CL_CONTRACT:
  case CL_CONV:
  case CL_ATTEND: return "#bcd6f5";
  case CL_REDUCE:
  case CL_CUM:
  case CL_SORT: return "#f7dfb5";
  case CL_SCAN: return "#d9c8ef";
  case CL_VIEW: return "#f6f6f6";
  default: return "#ffffff";
  }
}

/* "%3 max(%2, 0)\nf32[B,8]\nkernel 1, line 2" */
static void put_node(Str *s, Graph *g, const uint32_t *number, Id n) {
  Str text = {.c = g->m->c};
  const char *type = type_text(g->m, node_get(g, n)->type);
  int line = source_pos(g->m->c, node_get(g, n)->loc).line;
  uint32_t kernel = (int)n < g->nanno ? g->anno[n].kernel : 0;
  graph_put_value(&text, g, number, n);
  const char *value = text.s + strlen(type) + 1;
  str_printf(s, "    g%d_%u [fillcolor=\"%s\", label=\"%%%u ", g->index, number[n], colour(node_info(g, n)->cls),
             number[n]);
  if (strlen(value) > 60) value = ctx_strf(g->m->c, "%.57s...", value);
  put_escaped(s, value);
  str_puts(s, "\\n");
  put_escaped(s, type);
  if (kernel || line) str_puts(s, "\\n");
  if (kernel) str_printf(s, "kernel %u%s", kernel, line ? ", " : "");
  if (line) str_printf(s, "line %d", line);
  str_puts(s, "\"];\n");
}

static void put_graph(Str *s, Graph *g) {
  const uint32_t *number = graph_numbers(g);
  str_printf(s, "  subgraph cluster_%d {\n    label=\"%s\";\n", g->index, g->name);
  for (Id n = 1; n < (Id)g->n; n++)
    if (number[n]) put_node(s, g, number, n);
  for (Id n = 1; n < (Id)g->n; n++)
    for (uint32_t i = 0; number[n] && i < node_get(g, n)->nin; i++) {
      uint32_t from = number[node_in(g, n, (int)i)];
      if (from) str_printf(s, "    g%d_%u -> g%d_%u;\n", g->index, from, g->index, number[n]);
    }
  for (int i = 0; i < g->nout; i++) {
    str_printf(s, "    g%d_out%d [shape=ellipse, label=\"", g->index, i);
    put_escaped(s, g->out[i].name);
    str_printf(s, "%s\"];\n", g->out[i].var >= 0 ? " :=" : "");
    if (number[g->out[i].value])
      str_printf(s, "    g%d_%u -> g%d_out%d;\n", g->index, number[g->out[i].value], g->index, i);
  }
  str_puts(s, "  }\n");
}

void ir_dot(Str *s, Module *m) {
  str_printf(s,
             "digraph \"%s\" {\n  node [shape=box, style=filled, fontname=\"monospace\", fontsize=10];\n"
             "  edge [color=\"#555555\"];\n",
             m->name);
  for (int i = 0; i < m->ngraph; i++) put_graph(s, m->graph[i]);
  str_puts(s, "}\n");
}
