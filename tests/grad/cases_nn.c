/* Cases written in the language: every `export def` of a .nn file is one; its weights are variables too. */
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
  for (int i = 0; i < n; i++)
    if (m->graph[i]->kind == GK_EXPORT)
      case_add(s, ctx_strf(s->c, "%s %s", base, m->graph[i]->name), m, m->graph[i]);
}
