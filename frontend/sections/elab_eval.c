/* SPDX-License-Identifier: Apache-2.0 */
/* Splits an evaluation into eval_step and eval_done. Each scalar that is computed from non-scalars is averaged over
 * the batches; scalar arithmetic on such averages is done once, at the end, in eval_done. */
#include "frontend/elab/elab_graph.h"
#include "frontend/elab/elab_state.h"
#include "frontend/sections/elab_train.h"

/* When a node is computed. INVARIANT: independent of data (constants, rates, scalar weights). BATCH: per batch.
 * FINAL: a float scalar computed from averages and invariants only. */
typedef enum Stage { STAGE_INVARIANT, STAGE_BATCH, STAGE_FINAL } Stage;

typedef struct Split {
  Graph *from, *done;
  Stage *stage;
  bool *average;  /* STAGE_BATCH scalars that something above reads */
  Id *port, *map; /* in `done` */
  Id *list;       /* averages, in order of first use */
  int n, cap;
} Split;

static bool float_scalar(const Graph *g, Id n) {
  const Type *t = node_type(g, n);
  return t->dtype == DT_F32 && t->rank == 0;
}

/* A scalar divided by the size of its batch still belongs to the batch: sum(x) / n is averaged as one. */
static Stage stage_of(const Split *s, Id n) {
  const Node *d = node_get(s->from, n);
  bool scalar = float_scalar(s->from, n);
  if (node_is_input(s->from, n) || node_is_size(s->from, n) || op_info[d->op].flags & OPF_RANDOM) return STAGE_BATCH;
  if (op_info[d->op].cls == CL_LEAF) return STAGE_INVARIANT;
  Stage p = STAGE_INVARIANT;
  for (int i = 0; i < (int)d->nin; i++) {
    Id in = node_in(s->from, n, i);
    if (s->stage[in] == STAGE_INVARIANT) continue;
    if (!scalar || !float_scalar(s->from, in)) return STAGE_BATCH;
    if (s->stage[in] == STAGE_BATCH && node_is_size(s->from, in)) return STAGE_BATCH;
    p = STAGE_FINAL;
  }
  return p;
}

static void average(Elab *e, Split *s, Id n) {
  if (s->average[n]) return;
  s->average[n] = true;
  *VEC_PUSH(e->c, s->list, s->n, s->cap) = n;
}

/* Lists the averages that result n needs, in the order in which its arithmetic reads them. */
static void find_averages(Elab *e, Split *s, Id n, bool *seen) {
  if (seen[n]) return;
  seen[n] = true;
  if (s->stage[n] == STAGE_BATCH) {
    average(e, s, n);
  } else if (s->stage[n] == STAGE_FINAL) {
    for (int i = 0; i < (int)node_get(s->from, n)->nin; i++) find_averages(e, s, node_in(s->from, n, i), seen);
  }
}

static Id copy_final(Elab *e, Split *s, Id n) {
  if (s->map[n]) return s->map[n];
  const Node *d = node_get(s->from, n);
  Id *in = ctx_alloc(e->c, (d->nin + 1) * sizeof *in);
  for (int i = 0; i < (int)d->nin; i++) in[i] = copy_final(e, s, node_in(s->from, n, i));
  s->map[n] = op_info[d->op].cls == CL_LEAF ? graph_leaf(s->done, (Op)d->op, d->type, d->attr, d->loc)
                                            : graph_node(s->done, (Op)d->op, in, (int)d->nin, d->attr, d->loc);
  return s->map[n];
}

static const char *average_name(Elab *e, const Split *s, int i, const char **name, const Id *result, int n) {
  for (int k = 0; k < n; k++)
    if (result[k] == s->list[i]) return name[k];
  return ctx_strf(e->c, "mean_%d", i + 1);
}

bool el_split_eval(Elab *e, Graph *eval, TrainInfo *t, const char **name, const Id *result, int n) {
  Split s = {.from = eval};
  size_t nodes = (size_t)eval->n;
  s.stage = ctx_alloc(e->c, nodes * sizeof *s.stage);
  s.average = ctx_alloc(e->c, nodes);
  s.map = ctx_alloc(e->c, nodes * sizeof *s.map);
  bool *seen = ctx_alloc(e->c, nodes), trivial = true;
  for (Id i = 1; i < (Id)eval->n; i++) s.stage[i] = stage_of(&s, i);
  for (int i = 0; i < n; i++) {
    if (s.stage[result[i]] == STAGE_INVARIANT) average(e, &s, result[i]);
    find_averages(e, &s, result[i], seen);
  }
  trivial = s.n == n;
  for (int i = 0; i < n && trivial; i++) trivial = s.list[i] == result[i];
  t->navg = s.n;
  for (int i = 0; i < s.n; i++) graph_result(eval, average_name(e, &s, i, name, result, n), s.list[i], eval->loc);
  if (trivial) return true;
  s.done = t->eval_done =
    graph_new(e->m, el_graph_name(e, "eval_done", t->name[0] ? t->name : NULL), GK_EVAL_DONE, eval->loc);
  for (int i = 0; i < s.n; i++)
    s.map[s.list[i]] = graph_input(s.done, average_name(e, &s, i, name, result, n), el_scalar(e, DT_F32), eval->loc);
  for (int i = 0; i < n; i++) graph_result(s.done, name[i], copy_final(e, &s, result[i]), eval->loc);
  return true;
}
