/* SPDX-License-Identifier: Apache-2.0 */
/* Reading cases. */
#include "suite.h"
#include "ir/build.h"
#include "ir/ir_reader.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Case *case_add(Suite *s, const char *name, Module *m, Graph *f) {
  Case *k = VEC_PUSH(s->c, s->v, s->n, s->cap);
  *k = (Case){.name = ctx_name(s->c, name), .m = m, .f = f};
  if (f->nport <= MAX_PORTS) return k;
  fprintf(stderr, "%s: more than %d inputs\n", name, MAX_PORTS);
  exit(1);
}

static double bound(Reader *r) {
  double sign = rd_take(r, "-") ? -1 : 1;
  return sign * rd_number(r);
}

/* `op(type [lo to hi], ...) {attributes}` */
static void read_line(Suite *s, const char *file, int line, const char *text, size_t n) {
  Module *m = module_new(s->c, "case");
  Reader r = {.c = s->c, .m = m, .p = text, .end = text + n, .text = text};
  r.start = source_add(s->c, file, text, n);
  const char *word = rd_word(&r);
  int op = op_find(word);
  if (op < 0) rd_fail(&r, "`%s` is not an op", word);
  Graph *g = r.g = graph_new(m, "f", GK_TEST, 0);
  Range range[MAX_PORTS] = {0};
  Id in[MAX_PORTS], id = 0;
  rd_expect(&r, "(");
  do {
    int i = g->nport;
    TypeId t = rd_type(&r);
    if (r.failed || i == MAX_PORTS) break;
    in[i] = graph_input(g, ctx_strf(s->c, "x%d", i), t, 0);
    rd_blanks(&r);
    if (rd_peek(&r, ",") || rd_peek(&r, ")")) continue;
    range[i].lo = bound(&r);
    rd_expect(&r, "to");
    range[i].hi = bound(&r);
  } while (rd_take(&r, ","));
  rd_expect(&r, ")");
  AttrId a = rd_attrs(&r, (Op)op);
  if (!r.failed) id = graph_node(g, (Op)op, in, g->nport, a, r.start);
  if (r.failed || !id) {
    diag_print(s->c, stderr, false);
    exit(1);
  }
  const Type *t = node_type(g, id);
  if (t->dtype != DT_TUPLE) graph_result(g, "y", id, 0);
  for (uint32_t i = 0; t->dtype == DT_TUPLE && i < t->ntuple; i++)
    graph_result(g, ctx_strf(s->c, "y%u", i), b_get(&(Builder){.g = g}, id, (int)i), 0);
  Case *k = case_add(s, ctx_strf(s->c, "%s:%d %s", file, line, word), m, g);
  memcpy(k->range, range, sizeof range);
  s->seen[op] = true;
}

void cases_read_table(Suite *s, const char *path) {
  FILE *f = fopen(path, "r");
  char text[1024];
  if (!f) perror(path), exit(1);
  const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
  for (int line = 1; fgets(text, sizeof text, f); line++)
    if (text[0] != '#' && text[0] != '\n') read_line(s, base, line, text, strcspn(text, "\n"));
  fclose(f);
}

void cases_read_ir(Suite *s, const char *path) {
  Loc start;
  if (!source_read(s->c, path, &start)) perror(path), exit(1);
  Module *m = ir_parse(s->c, start);
  if (diag_errors(s->c)) {
    diag_print(s->c, stderr, false);
    exit(1);
  }
  const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
  int n = m->ngraph;
  for (int i = 0; i < n; i++)
    if (m->graph[i]->kind != GK_BODY) case_add(s, ctx_strf(s->c, "%s %s", base, m->graph[i]->name), m, m->graph[i]);
}
