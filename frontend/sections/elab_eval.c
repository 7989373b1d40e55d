/* SPDX-License-Identifier: Apache-2.0 */
/* Splits an evaluation into eval_step, called for every batch, and eval_done, called once. What crosses over:
 * - means: each scalar that is computed from non-scalars is averaged over the batches; scalar arithmetic on such
 *   averages is done at the end. A metric that is a tensor is averaged element by element.
 * - totals and rows: total(x) is the sum of x over the batches, collect(x) has the records of all batches. In the
 *   evaluation's graph they are inputs, and what depends on them is computed at the end. */
#include "frontend/builtins/elab_total.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_state.h"
#include "frontend/sections/elab_train.h"

/* When a node is computed. INVARIANT: independent of data (constants, rates, scalar weights). BATCH: per batch.
 * FINAL: of means, totals, rows and invariants only. */
typedef enum Stage { STAGE_INVARIANT, STAGE_BATCH, STAGE_FINAL } Stage;

typedef struct Split {
  Graph *from, *done;
  const GraphState *cur; /* its totals */
  Stage *stage;
  bool *total;   /* it depends on a total or on rows */
  bool *average; /* it is on the list */
  Id *map;       /* in `done` */
  Id *list;      /* what crosses over, in order of first use: averages, and inputs that stand for totals and rows */
  int n, cap;
} Split;

static bool float_scalar(const Graph *g, Id n) {
  const Type *t = node_type(g, n);
  return t->dtype == DT_F32 && t->rank == 0;
}

static const Gathered *gathered(const Split *s, Id n) {
  for (int i = 0; i < s->cur->ngathered; i++)
    if (s->cur->gathered[i].to == n) return &s->cur->gathered[i];
  return NULL;
}

/* The number of records that were collected is known at the end only, that of a batch changes with it. */
static Stage stage_of_size(const Split *s, Id n) {
  Dim d = node_attr(s->from, n, ATTR(size, dim))->i;
  for (int i = 0; i < s->cur->ngathered; i++)
    if (s->cur->gathered[i].records == d) return STAGE_INVARIANT;
  return STAGE_BATCH;
}

/* A total meets a value of one batch. */
static void mixed(Elab *e, const Split *s, Id n, Id in) {
  Diag *d = el_error_at(e, E_TOTAL_MIX, node_get(s->from, n)->loc, 1,
                        "this combines a total of all records with %s of one batch",
                        node_is_size(s->from, in) ? "the size" : el_type_text(e, node_get(s->from, in)->type));
  diag_label(e->c, d, node_get(s->from, in)->loc, 1, "of one batch");
  diag_help(e->c, d, "total(x) adds x over the batches, collect(x) has the records of all of them");
}

/* A scalar divided by the size of its batch still belongs to the batch: sum(x) / n is averaged as one. */
static Stage stage_of(Elab *e, Split *s, Id n) {
  const Node *d = node_get(s->from, n);
  bool scalar = float_scalar(s->from, n);
  s->total[n] = node_is_input(s->from, n) && gathered(s, n);
  if (s->total[n]) return STAGE_FINAL;
  if (node_is_size(s->from, n)) return stage_of_size(s, n);
  if (node_is_input(s->from, n) || op_info[d->op].flags & OPF_RANDOM) return STAGE_BATCH;
  if (op_info[d->op].cls == CL_LEAF) return STAGE_INVARIANT;
  Stage p = STAGE_INVARIANT;
  for (int i = 0; i < (int)d->nin; i++) s->total[n] |= s->total[node_in(s->from, n, i)];
  for (int i = 0; i < (int)d->nin; i++) {
    Id in = node_in(s->from, n, i);
    if (s->stage[in] == STAGE_INVARIANT) continue;
    bool mean = float_scalar(s->from, in) && !node_is_size(s->from, in);
    if (s->total[n] && s->stage[in] == STAGE_BATCH && !mean) {
      mixed(e, s, n, in);
      return STAGE_INVARIANT; /* so that it is reported once */
    }
    p = STAGE_FINAL;
    if (!s->total[n] && (!scalar || !float_scalar(s->from, in))) return STAGE_BATCH;
    if (s->stage[in] == STAGE_BATCH && node_is_size(s->from, in)) return STAGE_BATCH;
  }
  return p;
}

static void cross(Elab *e, Split *s, Id n) {
  if (s->average[n]) return;
  s->average[n] = true;
  *VEC_PUSH(e->c, s->list, s->n, s->cap) = n;
}

/* Lists what result n needs, in the order in which its arithmetic reads them. */
static void find_crossing(Elab *e, Split *s, Id n, bool *seen) {
  if (seen[n]) return;
  seen[n] = true;
  if (s->stage[n] == STAGE_BATCH || gathered(s, n)) {
    cross(e, s, n);
  } else if (s->stage[n] == STAGE_FINAL) {
    for (int i = 0; i < (int)node_get(s->from, n)->nin; i++) find_crossing(e, s, node_in(s->from, n, i), seen);
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

static const char *crossing_name(Elab *e, const Split *s, int i, const char **name, const Id *result, int n) {
  static const char *const stem[] = {"mean", "total", "rows"};
  for (int k = 0; k < n; k++)
    if (result[k] == s->list[i]) return name[k];
  const Gathered *x = gathered(s, s->list[i]);
  return ctx_strf(e->c, "%s_%d", stem[x ? x->how : GATHER_MEAN], i + 1);
}

/* What eval_step computes for a total is what the total is of; the inputs that stood for totals are no inputs of it. */
static void cut_batch(Elab *e, Split *s) {
  Graph *g = s->from;
  int ports = 0;
  for (int i = 0; i < g->nport; i++)
    if (!gathered(s, g->port[i])) g->port[ports++] = g->port[i];
  if (ports == g->nport) return;
  g->nport = ports;
  IdList nodes = {0};
  Id *root = ctx_alloc(e->c, (size_t)g->nout * sizeof *root);
  for (int i = 0; i < g->nout; i++) root[i] = g->out[i].value;
  graph_postorder(g, g->nout, root, 1, NULL, ctx_alloc(e->c, (size_t)g->n), &nodes);
  Rebuild r = graph_rebuild_begin(g);
  for (int i = 0; i < nodes.n; i++)
    if (!r.map[nodes.v[i]]) graph_copy_node(&r, nodes.v[i]);
  graph_rebuild_end(&r);
}

static bool check_writes(Elab *e, const Split *s) {
  for (int i = 0; i < s->from->nout; i++)
    if (s->total[s->from->out[i].value]) {
      el_error_at(e, E_TOTAL_MIX, s->from->out[i].loc, 1,
                  "a state cannot have a total of all records: it is written after every batch");
      return false;
    }
  return true;
}

/* What eval_step gathers is of a batch. */
static bool check_gathered(Elab *e, const Split *s) {
  for (int i = 0; i < s->cur->ngathered; i++) {
    const Gathered *x = &s->cur->gathered[i];
    if (!s->total[x->from]) continue;
    Diag *d = el_error_at(e, E_TOTAL_MIX, node_get(s->from, x->to)->loc, 1,
                          "this adds or collects what depends on a total of all records");
    diag_label(e->c, d, node_get(s->from, x->from)->loc, 1, "known after the last batch");
    return false;
  }
  return true;
}

static void finish(Elab *e, Split *s, TrainInfo *t, const char **name, const Id *result, int n) {
  Graph *eval = s->from;
  s->done = t->eval_done =
    graph_new(e->m, el_graph_name(e, "eval_done", t->name[0] ? t->name : NULL), GK_EVAL_DONE, eval->loc);
  for (int i = 0; i < s->n; i++)
    s->map[s->list[i]] =
      graph_input(s->done, crossing_name(e, s, i, name, result, n), node_get(eval, s->list[i])->type, eval->loc);
  for (int i = 0; i < n; i++) graph_result(s->done, name[i], copy_final(e, s, result[i]), eval->loc);
}

bool el_split_eval(Elab *e, Graph *eval, TrainInfo *t, const char **name, const Id *result, int n) {
  Split s = {.from = eval, .cur = &e->cur};
  size_t nodes = (size_t)eval->n;
  s.stage = ctx_alloc(e->c, nodes * sizeof *s.stage);
  s.average = ctx_alloc(e->c, nodes);
  s.total = ctx_alloc(e->c, nodes);
  s.map = ctx_alloc(e->c, nodes * sizeof *s.map);
  int before = diag_errors(e->c);
  bool *seen = ctx_alloc(e->c, nodes);
  for (Id i = 1; i < (Id)eval->n && diag_errors(e->c) == before; i++) s.stage[i] = stage_of(e, &s, i);
  if (diag_errors(e->c) > before || !check_writes(e, &s) || !check_gathered(e, &s)) return false;
  for (int i = 0; i < n; i++) {
    if (s.stage[result[i]] == STAGE_INVARIANT) cross(e, &s, result[i]);
    find_crossing(e, &s, result[i], seen);
  }
  bool trivial = s.n == n;
  for (int i = 0; i < n && trivial; i++) trivial = s.list[i] == result[i] && !gathered(&s, s.list[i]);
  t->navg = s.n;
  t->gather = ctx_alloc(e->c, (size_t)s.n + 1);
  for (int i = 0; i < s.n; i++) {
    const Gathered *x = gathered(&s, s.list[i]);
    t->gather[i] = x ? (uint8_t)x->how : GATHER_MEAN;
    graph_result(eval, crossing_name(e, &s, i, name, result, n), x ? x->from : s.list[i], eval->loc);
  }
  if (!trivial) finish(e, &s, t, name, result, n);
  cut_batch(e, &s);
  return true;
}
