/* Cases written in the language: every `export def` of a .nn file is one, and the losses and metrics of a training step;
 * weights are variables too. */
#include "suite.h"
#include "driver/embed.h"
#include "frontend/elab.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *carried(const char *name, size_t *n) {
  const Embedded *e = embed_find(name);
  if (e) *n = e->n;
  return e ? e->text : NULL;
}

/* g without its writes, which would change the weights from run to run. */
static Graph *without_writes(Graph *g) {
  Graph *f = graph_new(g->m, ctx_strf(g->m->c, "%s_results", g->name), GK_TEST, g->loc);
  Rebuild r = {g, f, ctx_alloc(g->m->c, (size_t)g->n * sizeof(Id))};
  f->training = g->training;
  for (int i = 0; i < g->nport; i++)
    r.map[g->port[i]] = graph_input(f, node_attr(g, g->port[i], 0)->s, node_get(g, g->port[i])->type, 0);
  for (Id n = 1; n < (Id)g->n; n++)
    if (!r.map[n]) graph_copy_node(&r, n);
  for (int i = 0; i < g->nout; i++)
    if (g->out[i].var < 0) graph_result(f, g->out[i].name, r.map[g->out[i].value], g->out[i].loc);
  return f;
}

void cases_read_nn(Suite *s, const char *path) {
  Loc start;
  if (!source_read(s->c, path, &start)) perror(path), exit(1);
  Module *m = elaborate(s->c, start, path, &(ElabOptions){.carried = carried, .opt = {.strict = true, .align = 64}});
  if (diag_errors(s->c)) {
    diag_print(s->c, stderr, false);
    exit(1);
  }
  const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
  int n = m->ngraph;
  for (int i = 0; i < n; i++) {
    Graph *g = m->graph[i];
    if (g->kind == GK_EXPORT || g->kind == GK_TRAIN_STEP)
      case_add(s, ctx_strf(s->c, "%s %s", base, g->name), m, without_writes(g));
  }
}
