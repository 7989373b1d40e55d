/* SPDX-License-Identifier: Apache-2.0 */
/* Entering and leaving the graph being built. */
#include "frontend/elab/elab_graph.h"
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_state.h"

GraphState el_enter(Elab *e, Graph *g, bool training, Frame *f, File *file) {
  GraphState outer = e->cur;
  *f = (Frame){.file = file, .ndots = -1};
  g->training = training;
  e->cur = (GraphState){
    .b = {.g = g, .loc = g->loc}, .root = g, .f = f, .training = training, .rate = 1, .memo = el_memo_new(e)};
  e->stamp++;
  return outer;
}

GraphState el_enter_settings(Elab *e, const Ast *section, Frame *f) {
  Graph *g = graph_new(e->m, "settings", GK_TEST, section->caret);
  e->m->ngraph--;
  return el_enter(e, g, false, f, e->file);
}

GraphState el_enter_init(Elab *e) {
  GraphState outer = e->cur;
  e->cur.b = (Builder){.g = e->init, .loc = e->init->loc};
  e->cur.root = e->init;
  e->cur.body = NULL;
  e->cur.training = false;
  e->cur.origin_at = NULL;
  e->cur.norigin_at = 0;
  return outer;
}

void el_leave(Elab *e, const GraphState *outer) { e->cur = *outer; }

/* The C interface of a single train section has no suffix, whether the section has a name or not. */
const char *el_graph_name(Elab *e, const char *stem, const char *section) {
  const Ast *file = e->file->ast;
  int n = 0;
  for (int i = 0; i < file->n; i++) n += file->kid[i]->kind == AST_TRAIN;
  return section && n > 1 ? ctx_strf(e->c, "%s_%s", stem, section) : stem;
}

/* Only an index that comes directly from an input has a range, which the caller's values are checked against. */
void el_set_index_range(Elab *e, Id id, int64_t n) {
  if (e->cur.body || n < 0) return;
  Columns of = node_columns(e->cur.b.g, id);
  if (!node_is_input(e->cur.b.g, of.input) || dtype_is_float(el_type(e, of.input)->dtype)) return;
  *VEC_PUSH(e->c, e->cur.range, e->cur.nrange, e->cur.caprange) = (InputRange){of, n};
}

bool el_in_field(const Elab *e) { return e->cur.root && e->cur.root->kind == GK_BIND; }
