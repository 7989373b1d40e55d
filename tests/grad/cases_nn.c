/* SPDX-License-Identifier: Apache-2.0 */
/* Cases written in the language: every `export def` of a .nn file is one, and the losses and metrics of a training
 * step; weights are variables too. */
#include "suite.h"
#include "lib/embed.h"
#include "frontend/elab.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* g without its writes, which would change the weights from run to run. */
static Graph *without_writes(Graph *g) {
  Graph *f = graph_new(g->m, ctx_strf(g->m->c, "%s_results", g->name), GK_TEST, g->loc);
  Rebuild r = {g, f, ctx_alloc(g->m->c, (size_t)g->n * sizeof(Id))};
  f->training = g->training;
  for (int i = 0; i < g->nport; i++)
    r.map[g->port[i]] = graph_input(f, node_name(g, g->port[i]), node_get(g, g->port[i])->type, 0);
  for (Id n = 1; n < (Id)g->n; n++)
    if (!r.map[n]) graph_copy_node(&r, n);
  for (int i = 0; i < g->nout; i++)
    if (g->out[i].var < 0) graph_result(f, g->out[i].name, r.map[g->out[i].value], g->out[i].loc);
  return f;
}

void cases_read_nn(Suite *s, const char *path) {
  Loc start;
  if (!source_read(s->c, path, &start)) perror(path), exit(1);
  Module *m = elaborate(s->c, start, path, &(ElabOptions){.builtin = embed_text, .opt = {.strict = true}});
  if (diag_errors(s->c)) {
    diag_print(s->c, stderr, false);
    exit(1);
  }
  size_t size;
  const char *text = source_text(s->c, start, &size);
  s->nn.c = s->c;
  str_put(&s->nn, text, size);
  const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
  int n = m->ngraph;
  for (int i = 0; i < n; i++) {
    Graph *g = m->graph[i];
    if (g->kind == GK_EXPORT || g->kind == GK_TRAIN_STEP)
      case_add(s, ctx_strf(s->c, "%s %s", base, g->name), m, without_writes(g));
  }
}

static bool names_a_part(const char *file) {
  static const char *const parts[] = {"std/activation.nn",  "std/layer.nn",  "std/recurrent.nn", "std/position.nn",
                                      "std/transformer.nn", "std/window.nn", "std/resample.nn",  "std/norm.nn",
                                      "std/loss.nn",        "std/tensor.nn"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (!strcmp(file, parts[i])) return true;
  return false;
}

static bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool text_calls(const char *text, const char *name, size_t n) {
  for (const char *p = text; (p = strstr(p, name)); p++)
    if ((p == text || !is_name_char(p[-1])) && !is_name_char(p[n])) return true;
  return false;
}

/* Each function of a line `def name(x: f32[...` of an activation, layer, loss or tensor file must be in some case;
 * those whose names begin with _ are behind others. */
void std_check(Suite *s) {
  for (int i = 0; i < nembedded; i++) {
    if (!names_a_part(embedded[i].name)) continue;
    for (const char *line = embedded[i].text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
      if (strncmp(line, "def ", 4) || line[4] == '_') continue;
      size_t n = strcspn(line + 4, "("), first = strcspn(line + 4 + n, ",)");
      const char *name = ctx_strf(s->c, "%.*s", (int)n, line + 4);
      if (!memchr(line + 4 + n, '[', first) || text_calls(s->nn.s, name, n)) continue;
      printf("FAIL no case for `%s` of %s\n", name, embedded[i].name);
      s->failed++;
    }
  }
}
