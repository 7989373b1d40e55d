/* The evaluation's two halves. Each scalar that is computed from non-scalars is averaged over the batches; the scalar
 * arithmetic above such averages is done once, at the end, in a graph of its own. */
#include "frontend/elab_priv.h"
#include <string.h>

/* What a node is to the split. FREE: no data below it (constants, rates, scalar weights). BATCH: of one batch.
 * ABOVE: a float scalar made of averages and free values only. */
typedef enum Part { FREE, BATCH, ABOVE } Part;

typedef struct Split {
  Graph *from, *done;
  Part *part;
  bool *average;   /* BATCH scalars that something above reads */
  Id *port, *map;  /* in `done` */
  Id *list;        /* averages, in order of first use */
  int n, cap;
} Split;

static bool float_scalar(const Graph *g, Id n) {
  const Type *t = node_type(g, n);
  return t->dtype == DT_F32 && t->rank == 0;
}

/* A scalar divided by a batch's own size is still of the batch: sum(x) / n averages as a whole. */
static Part part_of(const Split *s, Id n) {
  const Node *d = node_get(s->from, n);
  bool scalar = float_scalar(s->from, n);
  if (node_is_input(s->from, n) || node_is_size(s->from, n) || op_info[d->op].flags & RNG) return BATCH;
  if (op_info[d->op].cls == CL_LEAF) return FREE;
  Part p = FREE;
  for (int i = 0; i < (int)d->nin; i++) {
    Id in = node_in(s->from, n, i);
    if (s->part[in] == FREE) continue;
    if (!scalar || !float_scalar(s->from, in)) return BATCH;
    if (s->part[in] == BATCH && node_is_size(s->from, in)) return BATCH;
    p = ABOVE;
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
  if (s->part[n] == BATCH) {
    average(e, s, n);
  } else if (s->part[n] == ABOVE) {
    for (int i = 0; i < (int)node_get(s->from, n)->nin; i++) find_averages(e, s, node_in(s->from, n, i), seen);
  }
}

static Id copy_above(Elab *e, Split *s, Id n) {
  if (s->map[n]) return s->map[n];
  const Node *d = node_get(s->from, n);
  Id *in = ctx_alloc(e->c, (d->nin + 1) * sizeof *in);
  for (int i = 0; i < (int)d->nin; i++) in[i] = copy_above(e, s, node_in(s->from, n, i));
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
  s.part = ctx_alloc(e->c, nodes * sizeof *s.part);
  s.average = ctx_alloc(e->c, nodes);
  s.map = ctx_alloc(e->c, nodes * sizeof *s.map);
  bool *seen = ctx_alloc(e->c, nodes), identity = true;
  for (Id i = 1; i < (Id)eval->n; i++) s.part[i] = part_of(&s, i);
  for (int i = 0; i < n; i++) {
    if (s.part[result[i]] == FREE) average(e, &s, result[i]);
    find_averages(e, &s, result[i], seen);
  }
  identity = s.n == n;
  for (int i = 0; i < n && identity; i++) identity = s.list[i] == result[i];
  t->navg = s.n;
  for (int i = 0; i < s.n; i++) graph_result(eval, average_name(e, &s, i, name, result, n), s.list[i], eval->loc);
  if (identity) return true;
  s.done = t->eval_done = graph_new(e->m, el_graph_name(e, "eval_done", t->name[0] ? t->name : NULL), GK_EVAL_DONE,
                                    eval->loc);
  for (int i = 0; i < s.n; i++)
    s.map[s.list[i]] = graph_input(s.done, average_name(e, &s, i, name, result, n), el_scalar(e, DT_F32), eval->loc);
  for (int i = 0; i < n; i++) graph_result(s.done, name[i], copy_above(e, &s, result[i]), eval->loc);
  return true;
}
