/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/analysis/budget.h"
#include "passes/analysis/liveness.h"
#include "passes/pass.h"
#include "passes/analysis/model_memory.h"
#include <stdlib.h>

enum { MOST_SHOWN = 6 };

int budget_choose(const Plan *v, int n, int64_t ram) {
  int fast = -1, small = 0;
  for (int i = 0; i < n; i++) {
    if (v[i].bytes < v[small].bytes || (v[i].bytes == v[small].bytes && v[i].seconds < v[small].seconds)) small = i;
    if (ram && v[i].bytes > ram) continue;
    if (fast < 0 || v[i].seconds < v[fast].seconds) fast = i;
  }
  return fast < 0 ? small : fast;
}

bool trial_is_dominated(const PlanTrial *t, Plan least) {
  for (int i = 0; i < t->n; i++)
    if (t->known[i].bytes <= least.bytes && t->known[i].seconds <= least.seconds) return true;
  return false;
}

/* ---- largest users of memory ---- */

/* What one source location holds in the arena, or as weights with their optimizer state. */
typedef struct Holder {
  Loc at;
  bool weights;
  int count, nstate;
  int64_t bytes, largest_bytes;
  const char *largest;
} Holder;

typedef struct Holders {
  Module *m;
  Holder *v;
  int n, cap;
} Holders;

static int by_bytes(const void *a, const void *b) {
  const Holder *x = a, *y = b;
  if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
  return x->at != y->at ? (x->at > y->at) - (x->at < y->at) : x->weights - y->weights;
}

static Holder *holder_at(Holders *h, Loc at, bool weights) {
  for (int i = 0; i < h->n; i++)
    if (h->v[i].at == at && h->v[i].weights == weights) return &h->v[i];
  Holder *x = VEC_PUSH(h->m->c, h->v, h->n, h->cap);
  *x = (Holder){.at = at, .weights = weights, .largest_bytes = -1};
  return x;
}

static void add(Holder *h, int64_t bytes, const char *text) {
  h->count++;
  h->bytes += bytes;
  if (bytes <= h->largest_bytes) return;
  h->largest_bytes = bytes;
  h->largest = text;
}

static void add_values(Holders *h, Graph *g) {
  int n;
  const LiveRange *v = live_at_peak(liveness_make(g), &n);
  for (int i = 0; i < n; i++) {
    const Node *d = node_get(g, v[i].node);
    add(holder_at(h, d->loc, false), v[i].bytes, type_text(h->m, d->type));
  }
}

static void add_vars(Holders *h) {
  Module *m = h->m;
  for (int i = 0; i < m->nvar; i++) {
    const Var *v = &m->var[i];
    if (v->rom) continue;
    Holder *x = holder_at(h, v->owner < 0 ? v->loc : m->var[v->owner].loc, true);
    if (v->owner < 0) add(x, type_bytes(m, v->type), ctx_strf(m->c, "`%s`, %s", v->name, type_text(m, v->type)));
    else x->bytes += type_bytes(m, v->type), x->nstate++;
  }
}

static const char *text_of(Ctx *c, const Holder *h) {
  const char *what = h->weights ? "weights" : "tensors", *with = !h->nstate ? "" : " with the optimizer's state";
  const char *many = h->count > 1 ? ctx_strf(c, "%d %s up to ", h->count, what) : "";
  return ctx_strf(c, "%s%s%s: %lld bytes", many, h->largest ? h->largest : "state", with, (long long)h->bytes);
}

/* ---- the report ---- */

static int64_t bytes_of_kind(Module *m, VarKind kind) {
  int64_t n = 0;
  for (int i = 0; i < m->nvar; i++)
    if (m->var[i].kind == kind && !m->var[i].rom) n += plan_round(m, type_bytes(m, m->var[i].type));
  return n;
}

static void say_what_helps(Module *m, Diag *d) {
  int64_t optim = bytes_of_kind(m, VK_OPTIM), batch = 0;
  bool gathers = false;
  for (int i = 0; i < m->ntrain; i++) {
    if (m->train[i].batch > batch) batch = m->train[i].batch;
    gathers |= m->train[i].accumulate > 1;
  }
  for (int p = 0; p < PASS_COUNT; p++)
    if (pass_off(m, (PassId)p)) diag_help(m->c, d, "without --no-%s it takes less", pass_info[p].name);
  if (batch > 1 && m->arena_bytes > 0)
    diag_help(m->c, d, "a batch smaller than %lld shrinks the arena%s", (long long)batch,
              gathers ? "" : "; `accumulate` keeps the records of a step");
  if (optim > 0)
    diag_help(m->c, d, "the optimizer keeps %lld bytes%s", (long long)optim,
              gathers ? ", the gathered gradients among them" : "; sgd without momentum keeps none");
}

static void report(Module *m) {
  Ctx *c = m->c;
  Graph *g = largest_plan(m);
  int64_t slots = plan_slots(m);
  Holders h = {.m = m};
  add_vars(&h);
  if (g) add_values(&h, g);
  if (h.n) qsort(h.v, (size_t)h.n, sizeof *h.v, by_bytes);
  Loc at = m->opt.ram_at || !h.n ? m->opt.ram_at : h.v[0].at;
  Diag *d =
    diag_error(c, E_RAM_BUDGET, at, source_word(c, at), "`%s` takes %lld bytes%s, its budget is %lld", m->name,
               (long long)(m->total_bytes + slots), m->opt.slots ? " of the device" : "", (long long)m->opt.ram);
  for (int i = (h.n < MOST_SHOWN ? h.n : MOST_SHOWN) - 1; i >= 0; i--)
    if (i == 0 && !m->opt.ram_at) diag_primary(c, d, "%s", text_of(c, &h.v[i]));
    else if (h.v[i].at) diag_label(c, d, h.v[i].at, source_word(c, h.v[i].at), "%s", text_of(c, &h.v[i]));
  int64_t optim = bytes_of_kind(m, VK_OPTIM);
  diag_note(c, d, "head %lld, weights and states %lld, optimizer %lld, arena %lld bytes%s", (long long)m->head_bytes,
            (long long)(m->persistent_bytes - optim), (long long)optim, (long long)m->arena_bytes,
            g && m->arena_bytes ? ctx_strf(c, " (of graph `%s`)", g->name) : "");
  if (slots) diag_note(c, d, "two slots for the inputs and results of calls: %lld bytes", (long long)slots);
  say_what_helps(m, d);
  diag_help(c, d, "the least budget that works is %lld bytes", (long long)(m->total_bytes + slots));
}

bool budget_met(Module *m) {
  if (!m->opt.ram || m->total_bytes + plan_slots(m) <= m->opt.ram) return true;
  report(m);
  return false;
}
