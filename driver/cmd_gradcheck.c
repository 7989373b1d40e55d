/* SPDX-License-Identifier: Apache-2.0 */
/* gradc gradcheck: checks the gradient of the training loss with respect to every weight, in float64.
 *
 * Two graphs are derived from the elaborated training graph: the loss alone, and the loss with grad(loss, w) and
 * jvp(loss, w, t) for every weight w and an input t. On random inputs (integers within their range) reverse mode is
 * compared with central differences at a few elements of each weight, and <grad, t> with forward mode for a random t.
 * Values that block gradients (stop_gradient, floor, ...) are held constant during the differences, at their value in
 * the second graph; inside the body of a scan they are not. */
#include "driver/executor.h"
#include "ir/build.h"
#include "passes/analysis/cost_model.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ELEMENTS = 6 };
static const double TOLERANCE = 1e-6, FORWARD_TOLERANCE = 1e-10;
static const double MAX_FLOPS = 1e10; /* of all differences together; beyond it fewer elements are checked */

typedef struct Check {
  Args *a;
  Ctx *c;
  Module *m;
  Executor *e;
  const TrainInfo *train;
  Graph *loss, *grads; /* inputs of `loss`: the fields, the held values; of `grads`: the fields, the tangents */
  int *var;
  int nvar;          /* weights checked */
  const char **type; /* as the file has them */
  Val **w;           /* their values */
  int elements;      /* of each */
  Val **port, **loss_port;
  int nfield, nheld;
  uint64_t random;
} Check;

/* ---- the two graphs ---- */

static Id copy_node(Graph *to, const Graph *g, Id n, const Id *map) {
  const Node *d = node_get(g, n);
  if (node_is_input(g, n)) return graph_input(to, node_name(g, n), d->type, d->loc);
  if (op_info[d->op].cls == CL_LEAF) return graph_leaf(to, (Op)d->op, d->type, d->attr, d->loc);
  Id *in = ctx_alloc(g->m->c, sizeof *in * (d->nin + 1));
  for (uint32_t i = 0; i < d->nin; i++) in[i] = map[node_in(g, n, (int)i)];
  return graph_node(to, (Op)d->op, in, (int)d->nin, d->attr, d->loc);
}

static Id loss_of(const Graph *g) {
  int i = graph_loss(g);
  return i < 0 ? 0 : g->out[i].value;
}

static bool is_held(const Graph *g, Id n) {
  return node_info(g, n)->flags & OPF_NO_GRAD && node_get(g, n)->nin && dtype_is_float(node_type(g, n)->dtype);
}

/* Copies what the loss of `from` depends on to a new graph; map: the new nodes. hold: held values become inputs. */
static Graph *loss_graph(Module *m, const Graph *from, const char *name, Id *map, bool hold) {
  Graph *g = graph_new(m, name, GK_TEST, from->loc);
  bool *needed = ctx_alloc(m->c, (size_t)from->n);
  g->training = from->training;
  needed[loss_of(from)] = true;
  for (int i = 0; i < from->nport; i++) needed[from->port[i]] = true;
  for (Id n = (Id)from->n - 1; n > 0; n--)
    for (uint32_t i = 0; needed[n] && i < node_get(from, n)->nin && !(hold && is_held(from, n)); i++)
      needed[node_in(from, n, (int)i)] = true;
  for (int i = 0; i < from->nport; i++) map[from->port[i]] = copy_node(g, from, from->port[i], map);
  for (Id n = 1; n < (Id)from->n; n++)
    if (needed[n] && !map[n])
      map[n] = hold && is_held(from, n) ? graph_input(g, ctx_strf(m->c, "held %d", (int)n), node_get(from, n)->type, 0)
                                        : copy_node(g, from, n, map);
  graph_result(g, "loss", map[loss_of(from)], 0);
  return g;
}

static bool make_graphs(Check *k) {
  const Graph *from = k->train->step ? k->train->step : k->train->pass;
  Module *m = k->m;
  if (!from || !loss_of(from)) return false;
  int n = from->n;
  Id *map = ctx_alloc(k->c, sizeof *map * (size_t)n), *held = ctx_alloc(k->c, sizeof *held * (size_t)n);
  k->loss = loss_graph(m, from, ctx_strf(k->c, "gradcheck_loss%s", k->train->name), held, true);
  k->grads = loss_graph(m, from, ctx_strf(k->c, "gradcheck_grads%s", k->train->name), map, false);
  k->nfield = from->nport;
  k->nheld = k->loss->nport - k->nfield;
  k->var = ctx_alloc(k->c, sizeof *k->var * (size_t)(m->nvar + 1));
  k->type = ctx_alloc(k->c, sizeof *k->type * (size_t)(m->nvar + 1));
  k->w = ctx_alloc(k->c, sizeof *k->w * (size_t)(m->nvar + 1));
  for (Id i = 1; i < (Id)n; i++) {
    int v = map[i] ? node_var(from, i) : -1;
    if (v < 0 || m->var[v].kind != VK_PARAM || !dtype_is_float(node_type(from, i)->dtype)) continue;
    if (m->var[v].hints & HINT_FREEZE) continue;
    Id loss = map[loss_of(from)], w = map[i];
    Id t = graph_input(k->grads, ctx_strf(k->c, "tangent %s", m->var[v].name), m->var[v].type, 0);
    Builder b = {.g = k->grads, .loc = m->var[v].loc};
    graph_result(k->grads, "grad", b_grad(&b, loss, w), 0);
    graph_result(k->grads, "jvp", b_jvp(&b, loss, w, t), 0);
    k->type[k->nvar] = type_text(m, m->var[v].type);
    k->var[k->nvar++] = v;
  }
  for (Id i = 1; i < (Id)n; i++) /* in the order of the ports of `loss` */
    if (held[i] && is_held(from, i)) graph_result(k->grads, "held", map[i], 0);
  return k->nvar > 0;
}

/* ---- inputs ---- */

static double uniform(Check *k) { /* in [0, 1), by splitmix64 */
  uint64_t z = (k->random += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static bool make_inputs(Check *k) {
  k->port = ctx_alloc(k->c, sizeof *k->port * (size_t)(k->grads->nport + 1));
  const DataInfo *d = k->train->data >= 0 ? &k->m->data[k->train->data] : NULL;
  for (int i = 0; i < k->grads->nport; i++) {
    TypeId type = node_get(k->grads, k->grads->port[i])->type;
    Val *v = k->port[i] = interp_value(k->e->in, type);
    if (!v) return false;
    int64_t range = d && i < d->nfield && d->field[i].range.n ? ranges_least(&d->field[i].range) : 2;
    bool real = dtype_is_float(type_get(k->m, type)->dtype);
    for (int64_t e = 0; e < v->count; e++) val_set(v, e, real ? 2 * uniform(k) - 1 : floor(uniform(k) * (double)range));
  }
  return true;
}

/* ---- the comparison ---- */

static bool loss_at(Check *k, int i, int64_t e, double x, double *loss) {
  Val *result, *w = k->w[i];
  double old = val_get(w, e);
  val_set(w, e, x);
  executor_set_var(k->e, k->var[i], w);
  bool ok = executor_run(k->e, k->loss, k->loss_port, &result);
  val_set(w, e, old);
  executor_set_var(k->e, k->var[i], w);
  if (!ok) return false;
  *loss = val_get(result, 0);
  val_release(result);
  return true;
}

static double error_of(double a, double b) { return fabs(a - b) / fmax(1e-3, fmax(fabs(a), fabs(b))); }

/* The relative error of one element of the gradient against central differences. The better of two step sizes counts,
 * as one of them may cross a kink such as that of relu. */
static bool element_error(Check *k, int weight, int64_t e, double grad, double *error) {
  double x = val_get(k->w[weight], e);
  *error = INFINITY;
  for (int i = 0; i < 2 && !(*error <= TOLERANCE); i++) {
    double h = (i ? 1e-6 : 3e-5) * fmax(1, fabs(x)), up, down;
    if (!loss_at(k, weight, e, x + h, &up) || !loss_at(k, weight, e, x - h, &down)) return false;
    double err = error_of((up - down) / (2 * h), grad);
    if (err < *error || !(*error == *error)) *error = err;
  }
  return true;
}

static void put_number(Str *s, const char *key, double x) {
  str_printf(s, ",\"%s\":%s", key, isfinite(x) ? dtype_number_text(s->c, DT_F64, x) : "null");
}

static bool check_weight(Check *k, int i, const Val *grad, const Val *jvp, bool *failed) {
  const Var *v = &k->m->var[k->var[i]];
  const Val *w = k->w[i], *t = k->port[k->nfield + i];
  double worst = 0, dot = 0, err;
  int64_t n = w->count < k->elements ? w->count : k->elements;
  for (int64_t e = 0; e < n; e++) {
    int64_t at = w->count <= k->elements ? e : (int64_t)(uniform(k) * (double)w->count);
    if (!element_error(k, i, at, val_get(grad, at), &err)) return false;
    if (isfinite(worst) && !(err <= worst)) worst = err;
  }
  for (int64_t e = 0; e < w->count; e++) dot += val_get(grad, e) * val_get(t, e);
  double forward = error_of(dot, val_get(jvp, 0));
  bool ok = worst <= TOLERANCE && forward <= FORWARD_TOLERANCE;
  if (!ok) *failed = true;
  if (args_has(k->a, OPT_json)) {
    Str s = {.c = k->c};
    str_puts(&s, "{\"weight\":");
    str_json(&s, v->name);
    str_printf(&s, ",\"ok\":%s,\"elements\":%lld", ok ? "true" : "false", (long long)n);
    put_number(&s, "error", worst);
    put_number(&s, "forward_error", forward);
    str_puts(&s, "}\n");
    fputs(s.s, stdout);
  } else {
    printf("%s  %-36s %-16s  differences %.1e (%lld)  forward mode %.1e\n", ok ? "ok    " : "failed", v->name,
           k->type[i], isnan(worst) ? NAN : worst, (long long)n, isnan(forward) ? NAN : forward);
  }
  return true;
}

static bool check_train(Check *k, bool *failed) {
  int n = interp_nresults(k->grads);
  double evaluations = MAX_FLOPS / (graph_flops(k->loss) * 2 * k->nvar + 1);
  k->elements = evaluations < 1 ? 1 : evaluations > ELEMENTS ? ELEMENTS : (int)evaluations;
  for (int i = 0; i < k->nvar; i++) k->w[i] = executor_var(k->e, k->var[i]);
  Val **result = ctx_alloc(k->c, sizeof *result * (size_t)(n + 1));
  if (!make_inputs(k) || !executor_run(k->e, k->grads, k->port, result)) return false;
  bool ok = true;
  k->loss_port = ctx_alloc(k->c, sizeof *k->loss_port * (size_t)(k->nfield + k->nheld + 1));
  for (int i = 0; i < k->nfield + k->nheld; i++)
    k->loss_port[i] = i < k->nfield ? k->port[i] : result[1 + 2 * k->nvar + i - k->nfield];
  for (int i = 0; i < k->nvar && ok; i++) ok = check_weight(k, i, result[1 + 2 * i], result[2 + 2 * i], failed);
  interpret_drop(result, n);
  interpret_drop(k->port, k->grads->nport);
  return ok;
}

/* Makes the two graphs of each train section, and adds them to `want`. Returns their number. */
static int make_all_graphs(Args *a, Module *m, Check *k, Executor *e, Graph **want) {
  int n = 0;
  for (int i = 0; i < m->ntrain; i++) {
    k[i] = (Check){.a = a, .c = a->c, .m = m, .e = e, .train = &m->train[i], .random = 1};
    if (!make_graphs(&k[i])) {
      k[i].loss = NULL;
      continue;
    }
    want[n++] = k[i].loss;
    want[n++] = k[i].grads;
  }
  return n;
}

int cmd_gradcheck(Args *a) {
  Executor e;
  Module *m = load_module(a, a->operand[0]);
  if (!m) return EXIT_MODEL;
  int sections = m->ntrain;
  Check *k = ctx_alloc(a->c, sizeof *k * (size_t)(sections + 1));
  Graph **want = ctx_alloc(a->c, sizeof *want * (size_t)(2 * sections + 1));
  int n = make_all_graphs(a, m, k, &e, want);
  if (!n) {
    diag_error(a->c, E_NOTHING_TO_CHECK, 0, 1, "%s has no train section whose loss depends on a weight", a->operand[0]);
    return EXIT_MODEL;
  }
  double calls = 0;
  for (int i = 0; i < sections; i++) calls += 4.0 * ELEMENTS * k[i].nvar; /* at most */
  int status = executor_open(&e, a, m, want, n, calls, true);
  bool failed = false;
  if (status == EXIT_OK) {
    e.in->steps = 100;
    e.in->steps_per_epoch = 10;
    if (!executor_init(&e)) status = EXIT_MODEL;
  }
  for (int i = 0; i < sections && status == EXIT_OK; i++)
    if (k[i].loss && !check_train(&k[i], &failed)) status = EXIT_MODEL;
  executor_close(&e);
  return failed ? EXIT_MODEL : status;
}
