/* SPDX-License-Identifier: Apache-2.0 */
/* What a program computes: its initial weights, three training steps, evaluations of several sizes, every export at
 * several sizes, its tests; as numbers with names, in an order that does not depend on the way they are computed. */
#include "codegen/text/graph.h"
#include "tests/random/nn/nn.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Run {
  Interp *in;
  Code *code;
  int threads;
  double noise;
  uint64_t seed;
  Trace *t;
  Why *why;
} Run;

static void add(Run *r, const char *name, DType t, const Val *v) {
  Item *i = VEC_PUSH(r->t->c, r->t->item, r->t->n, r->t->cap);
  *i = (Item){name, t, v->count, ctx_alloc(r->t->c, (size_t)(v->count + 1) * sizeof(double)), 0};
  for (int64_t k = 0; k < v->count; k++) i->v[k] = val_get(v, k);
}

static void add_number(Run *r, const char *name, double x) {
  Item *i = VEC_PUSH(r->t->c, r->t->item, r->t->n, r->t->cap);
  *i = (Item){name, DT_F64, 1, ctx_alloc(r->t->c, sizeof(double)), 0};
  i->v[0] = x;
}

/* Zeros are perturbed too, in proportion to the largest element, so that no values stay equal by chance. */
static void shake(Run *r, Val *v, Gen g) {
  double max = 0.01;
  if (!(r->noise > 0) || !dtype_is_float(v->type)) return;
  for (int64_t i = 0; i < v->count; i++) max = fmax(max, fabs(val_get(v, i)));
  for (int64_t i = 0; i < v->count; i++) {
    double own = (double)rnd(&g, 2001) / 1000 - 1, common = (double)rnd(&g, 2001) / 1000 - 1;
    val_set(v, i, val_get(v, i) * (1 + r->noise * own) + r->noise * common * max);
  }
}

/* ---- inputs: exact in every type of float ---- */

static double sample(Gen *g, const char *name, DType t, int64_t range) {
  if (t == DT_BOOL) return rnd(g, 2);
  if (!dtype_is_float(t)) return rnd(g, range > 0 ? (uint32_t)range : 6);
  if (!strncmp(name, "whole", 5)) return rnd(g, 400);
  double v = ((int)rnd(g, 256) - 128) / 64.0;
  if (!strncmp(name, "tie", 3)) return (int)rnd(g, 3) - 1;
  if (!strncmp(name, "big", 3)) return t == DT_F16 ? 32 * (1000 + (double)rnd(g, 900)) : 0x1p40 * v;
  return v;
}

static Val *input(Run *r, const Graph *g, int p, uint64_t use, int64_t range) {
  const Node *n = node_get(g, g->port[p]);
  DType t = (DType)type_get(g->m, n->type)->dtype;
  Val *v = interp_value(r->in, n->type);
  Gen gen = gen_of(r->seed, 1000 + 64 * use + (uint64_t)p);
  for (int64_t i = 0; i < v->count; i++) val_set(v, i, sample(&gen, node_name(g, g->port[p]), t, range));
  shake(r, v, gen_of(r->seed, 77777 + 64 * use + (uint64_t)p + (uint64_t)(r->noise * 1e12)));
  return v;
}

/* ---- graphs ---- */

static bool run_graph(Run *r, const Graph *g, const char *label, uint64_t use, const int64_t *range) {
  Val *port[64] = {0}, *res[64] = {0};
  for (int p = 0; p < g->nport; p++) port[p] = input(r, g, p, use, range ? range[p] : input_range(g, p));
  bool ok = r->code ? code_run(r->code, r->threads, r->in, g, port, res) : interp_run(r->in, g, port, res);
  if (!ok) snprintf(r->why->text, sizeof r->why->text, "%s: %s", label, r->in->error);
  for (int o = 0, k = 0; o < g->nout && ok && r->in->finite; o++) /* else it ended before there were results */
    if (g->out[o].var < 0) {
      add(r, ctx_strf(r->t->c, "%s: %s", label, g->out[o].name), (DType)node_type(g, g->out[o].value)->dtype, res[k]);
      k++;
    }
  for (int i = 0; i < 64; i++) val_release(port[i]), val_release(res[i]);
  return ok;
}

static void add_vars(Run *r, const char *label) {
  Module *m = r->in->m;
  for (int v = 0; v < m->nvar; v++)
    if (r->in->var[v])
      add(r, ctx_strf(r->t->c, "%s: %s", label, m->var[v].name), (DType)type_get(m, m->var[v].type)->dtype,
          r->in->var[v]);
}

/* The change by the first step, which also shows gradients that hardly move a weight. */
static void add_changes(Run *r) {
  Module *m = r->in->m;
  Trace *t = r->t;
  for (int v = 0; v < m->nvar; v++) {
    const char *before = ctx_strf(t->c, "init: %s", m->var[v].name);
    int k = 0;
    while (k < t->n && strcmp(t->item[k].name, before)) k++;
    if (k == t->n || m->var[v].kind != VK_PARAM) continue;
    add(r, ctx_strf(t->c, "step 1 changes: %s", m->var[v].name), DT_F64, r->in->var[v]);
    Item *i = &t->item[t->n - 1];
    for (int64_t e = 0; e < i->n; e++) {
      i->slack = fmax(i->slack, 0x1p-22 * fabs(i->v[e]));
      i->v[e] -= t->item[k].v[e];
    }
  }
}

/* Of a section its own plan, or its share of the longest one. */
static uint32_t planned(const Module *m, const TrainInfo *t) {
  int64_t rounds = 0;
  for (int i = 0; i < m->ntrain; i++) {
    int64_t last = m->train[i].steps * m->train[i].every;
    rounds = last > rounds ? last : rounds;
  }
  return t->steps > 0 ? (uint32_t)t->steps : rounds > 0 ? (uint32_t)(rounds / t->every) : 10;
}

static void field_ranges(const Module *m, const TrainInfo *t, const Graph *g, int64_t *range) {
  for (int p = 0; p < g->nport && t->data >= 0; p++) range[p] = ranges_least(&m->data[t->data].field[p].range);
}

/* A step of a section, its s-th. */
static bool train_step(Run *r, const TrainInfo *t, const char *section, int s) {
  Ctx *c = r->t->c;
  int64_t range[64] = {0};
  uint64_t use = (uint64_t)(10 * s + 200 * (t - r->in->m->train));
  bool ok = true;
  field_ranges(r->in->m, t, t->step ? t->step : t->pass, range);
  r->in->step = (uint32_t)s;
  r->in->steps = planned(r->in->m, t);
  for (int k = 0; k < (t->step ? 1 : t->accumulate) && ok; k++) {
    r->in->pass = (uint32_t)k;
    ok = run_graph(r, t->step ? t->step : t->pass, ctx_strf(c, "%sstep %d pass %d", section, s + 1, k),
                   use + (uint64_t)k, range);
  }
  r->in->pass = 0;
  if (ok && t->update && r->in->finite)
    ok = run_graph(r, t->update, ctx_strf(c, "%sstep %d update", section, s + 1), 0, NULL);
  if (!ok) return false;
  add_number(r, ctx_strf(c, "%sstep %d: finite", section, s + 1), r->in->finite);
  if (s == 0 && !*section) add_changes(r);
  if (s != 1) add_vars(r, ctx_strf(c, "%sstep %d", section, s + 1));
  return true;
}

static bool evaluate(Run *r, const TrainInfo *t, const char *section) {
  const Module *m = r->in->m;
  int64_t range[64] = {0};
  if (!t->eval || (r->code && !code_has(r->code, t->eval))) return true;
  field_ranges(m, t, t->eval, range);
  for (int e = 0; e < 3; e++) {
    for (int i = 0; i < m->nsize; i++)
      r->in->size[i] = e == 0 ? m->size[i].bound : e == 1 ? 1 : (m->size[i].bound + 1) / 2;
    if (!run_graph(r, t->eval, ctx_strf(r->t->c, "%seval %d", section, e), 500 + (uint64_t)e, range)) return false;
  }
  return true;
}

/* Rounds of all sections, then their evaluations. */
static bool train(Run *r) {
  enum { ROUNDS = 3 };
  const Module *m = r->in->m;
  bool ok = true;
  for (int round = 1; round <= ROUNDS && r->in->finite; round++)
    for (int i = 0; i < m->ntrain && r->in->finite; i++) {
      const TrainInfo *t = &m->train[i];
      const char *section = i ? ctx_strf(r->t->c, "section %d ", i + 1) : "";
      if (round % t->every == 0 && !train_step(r, t, section, (int)(round / t->every) - 1)) return false;
    }
  for (int i = 0; i < m->ntrain && ok; i++) {
    r->in->step = (uint32_t)(ROUNDS / m->train[i].every);
    r->in->steps = planned(m, &m->train[i]);
    ok = evaluate(r, &m->train[i], i ? ctx_strf(r->t->c, "section %d ", i + 1) : "");
  }
  return ok;
}

/* The graphs of one kind, at several values of the run-time sizes. */
static bool run_all(Run *r, GraphKind kind) {
  Module *m = r->in->m;
  for (int i = 0; i < m->ngraph; i++) {
    const Graph *g = m->graph[i];
    if (g->kind != kind) continue;
    int calls = kind == GK_EXPORT && graph_sizes(g) ? 3 : 1;
    for (int e = 0; e < calls; e++) {
      for (int k = 0; k < m->nsize; k++)
        r->in->size[k] = e == 0 ? m->size[k].bound : e == 1 ? 1 : (m->size[k].bound + 1) / 2;
      if (!run_graph(r, g, ctx_strf(r->t->c, "%s %d", g->name, e), 600 + (uint64_t)e, NULL)) return false;
    }
  }
  return true;
}

bool trace_program(Interp *in, Code *code, int threads, double noise, uint64_t seed, Trace *t, Why *why) {
  Run r = {in, code, threads, noise, seed, t, why};
  Module *m = in->m;
  in->seed = m->ntrain ? m->train[0].seed : 1;
  in->steps = m->ntrain ? planned(m, &m->train[0]) : 10;
  in->steps_per_epoch = 2;
  if (!run_all(&r, GK_INIT)) return false;
  for (int v = 0; v < m->nvar; v++) {
    if (!in->var[v] || m->var[v].kind == VK_OPTIM) continue;
    Val *copy = interp_value(in, m->var[v].type);
    for (int64_t i = 0; i < copy->count; i++) val_set(copy, i, val_get(in->var[v], i));
    shake(&r, copy, gen_of(seed, 99000 + (uint64_t)v + (uint64_t)(noise * 1e12)));
    interp_set_var(in, v, copy);
  }
  add_vars(&r, "init");
  return train(&r) && run_all(&r, GK_EXPORT) && (code || run_all(&r, GK_TEST));
}

bool trace_same(const Trace *want, const Trace *got, const char *how, Why *why) {
  for (int i = 0, k; i < got->n; i++) {
    const Item *g = &got->item[i];
    for (k = 0; k < want->n && strcmp(want->item[k].name, g->name);) k++;
    if (k == want->n)
      return snprintf(why->text, sizeof why->text, "other bits, %s: no %s is expected here", how, g->name), false;
    const Item *w = &want->item[k];
    if (w->n != g->n)
      return snprintf(why->text, sizeof why->text, "other bits, %s: %s has another size", how, g->name), false;
    for (int64_t e = 0; e < g->n; e++) {
      if (!memcmp(&w->v[e], &g->v[e], sizeof(double)) || (isnan(w->v[e]) && isnan(g->v[e]))) continue;
      snprintf(why->text, sizeof why->text, "other bits, %s: %s[%lld] is %.9g, not %.9g", how, g->name, (long long)e,
               g->v[e], w->v[e]);
      return false;
    }
  }
  return got->n > 0 || want->n == 0;
}

bool trace_loss(Interp *in, uint64_t seed, double *loss, Why *why) {
  Trace t = {.c = in->m->c};
  Run r = {in, NULL, 1, 0, seed, &t, why};
  const TrainInfo *k = &in->m->train[0];
  int64_t range[64] = {0};
  field_ranges(in->m, k, k->step, range);
  in->step = 0;
  if (!run_graph(&r, k->step, "loss", 0, range)) return false;
  *loss = t.n ? t.item[0].v[0] : NAN; /* a step whose loss is not finite has no results */
  return true;
}
