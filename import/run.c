// SPDX-License-Identifier: Apache-2.0
/* An import from start to end: inputs on which shapes depend become constants, and refusals diagnostics. */
#include "import/import.h"
#include <string.h>

/* Makes wanted inputs constants whose elements are given; false: none of them is. */
static bool fix_inputs(Import *m) {
  const OnnxGraph *g = m->model->graph;
  bool any = false;
  for (int i = 0; i < g->nin; i++)
    for (int k = 0; k < m->ngiven && m->wanted >> (i < 62 ? i : 62) & 1; k++) {
      Given *v = &m->given[k];
      if (v->constant || strcmp(v->name, g->in[i].name)) continue;
      v->constant = any = true;
    }
  return any;
}

bool import_run(Import *m) {
  while (!import_graph(m)) {
    if (!fix_inputs(m)) return false;
    Import again = {.c = m->c, .model = m->model, .folder = m->folder, .bound = m->bound, .given = m->given};
    again.nbound = m->nbound;
    again.ngiven = m->ngiven;
    *m = again;
  }
  return true;
}

const char *refusal_text(Import *m, const Refusal *r) {
  const char *more = r->others ? ctx_strf(m->c, " and %lld more", (long long)r->others) : "";
  return ctx_strf(m->c, "%s `%s`%s: %s", r->op, r->node, more, r->why);
}

void import_report(Import *m, const char *path) {
  for (int i = 0; i < m->nrefusal; i++)
    diag_error(m->c, m->refusal[i].code, 0, 1, "%s: %s", path, refusal_text(m, &m->refusal[i]));
}
