/* SPDX-License-Identifier: Apache-2.0 */
/* Layout of head, weights and optimizer state. */
#include "passes/analysis/model_memory.h"
#include <stdlib.h>
#include <string.h>

/* Small models cannot afford to round to cache lines; large ones can, and vectors that straddle two lines take twice as
 * long. Independent of the budget's size, so that a plan's bytes are too. */
int64_t plan_align(const Module *m) {
  enum { LINE = 64, REGISTER = 16, SMALL = 64 << 10 };
  int64_t bytes = m->opt.ram ? 0 : SMALL;
  for (int i = 0; i < m->nvar && bytes < SMALL; i++) bytes += type_bytes((Module *)m, m->var[i].type);
  return bytes < SMALL ? REGISTER : LINE;
}

int64_t plan_round(const Module *m, int64_t bytes) {
  int64_t a = plan_align(m);
  return (bytes + a - 1) / a * a;
}

/* An input or result in a slot, as device_call.c of the runtime places it. */
static int64_t port_bytes(const Graph *g, Id n) {
  enum { ALIGN = 256 };
  int64_t bytes = type_bytes(g->m, node_get(g, n)->type);
  return ((bytes < 0 ? (int64_t)1 << 47 : bytes) + ALIGN - 1) / ALIGN * ALIGN;
}

static int64_t slot_bytes(const Graph *g) {
  int64_t bytes = 0;
  for (int i = 0; i < g->nport; i++) bytes += port_bytes(g, g->port[i]);
  for (int i = 0; i < g->nout && !graph_trains(g); i++)
    if (g->out[i].var < 0) bytes += port_bytes(g, g->out[i].value);
  return bytes;
}

int64_t plan_slots(const Module *m) {
  enum { SLOTS = 2 }; /* one is filled while the other is read */
  int64_t most = 0;
  for (int i = 0; i < m->ngraph && m->opt.slots; i++) {
    int64_t n = graph_on_device(m->graph[i]) ? slot_bytes(m->graph[i]) : 0;
    if (n > most) most = n;
  }
  return SLOTS * most;
}

int64_t plan_budget(const Module *m) {
  int64_t left = m->opt.ram - plan_slots(m);
  return !m->opt.ram ? 0 : left > 1 ? left : 1;
}

static bool same_metric(const char *result, const char *metric) {
  static const char prefix[] = "metric.";
  if (!strncmp(result, prefix, sizeof prefix - 1)) result += sizeof prefix - 1;
  if (!strncmp(metric, prefix, sizeof prefix - 1)) metric += sizeof prefix - 1;
  return !strcmp(result, metric);
}

const char **head_metrics(const Module *m, int *n) {
  const char **name = NULL;
  int cap = 0;
  *n = 0;
  for (int t = 0; t < m->ntrain; t++)
    for (int i = 0; i < m->train[t].nmetric; i++) {
      int k = 0;
      while (k < *n && !same_metric(name[k], m->train[t].metric[i])) k++;
      if (k == *n) *(const char **)vec_push(m->c, (void **)&name, n, &cap, sizeof *name) = m->train[t].metric[i];
    }
  if (module_scales(m)) *(const char **)vec_push(m->c, (void **)&name, n, &cap, sizeof *name) = SCALE_RESULT;
  return name;
}

int64_t head_calls(const Module *m) {
  int n;
  head_metrics(m, &n);
  for (int i = 0; i < m->ngraph; i++)
    if (m->graph[i]->kind == GK_EXPORT && m->graph[i]->draws) return HEAD_METRICS + 4 * (int64_t)n;
  return -1;
}

int head_sections(const Module *m) { return m->ntrain > 1 && !m->opt.device ? m->ntrain : 0; }

int head_others(const Module *m) {
  int n, most = 0;
  head_metrics(m, &n);
  for (int i = 0; i < m->ngraph; i++) {
    int results = 0;
    for (int o = 0; o < m->graph[i]->nout && graph_trains(m->graph[i]); o++) results += m->graph[i]->out[o].var < 0;
    if (results > most) most = results;
  }
  n += 1 + (head_calls(m) >= 0);
  return most > n ? most - n : 0;
}

int64_t head_status(const Module *m) {
  int n;
  head_metrics(m, &n);
  return m->opt.device ? HEAD_METRICS + 4 * ((int64_t)n + (head_calls(m) >= 0) + head_others(m)) : -1;
}

int head_sums(const Module *m) {
  int n, passes = 0;
  head_metrics(m, &n);
  for (int t = 0; t < m->ntrain; t++) passes += m->train[t].pass != NULL;
  return m->opt.device && passes ? 1 + n : 0;
}

int64_t head_offset(const Module *m, const char *name, int index) {
  int n;
  const char **metric = head_metrics(m, &n);
  if (!strcmp(name, "loss")) return HEAD_LOSS;
  for (int i = 0; i < n; i++)
    if (same_metric(name, metric[i])) return HEAD_METRICS + 4 * i;
  return HEAD_METRICS + 4 * (int64_t)(index > 0 ? index - 1 : 0);
}

/* Sort key of a var: region, then state number within the optimizer, then the weight's hints, then the weight. */
typedef struct VarKey {
  int region, slot;
  uint32_t hints;
  int owner, var;
} VarKey;

static int compare_keys(const void *a, const void *b) {
  const VarKey *x = a, *y = b;
  if (x->region != y->region) return x->region - y->region;
  if (x->slot != y->slot) return x->slot - y->slot;
  if (x->hints != y->hints) return x->hints < y->hints ? -1 : 1;
  if (x->owner != y->owner) return x->owner - y->owner;
  return x->var - y->var;
}

static int slot_number(Module *m, const char ***slots, int *n, int *cap, const char *name) {
  name = ctx_name(m->c, name);
  for (int i = 0; i < *n; i++)
    if ((*slots)[i] == name) return i;
  *(const char **)vec_push(m->c, (void **)slots, n, cap, sizeof **slots) = name;
  return *n - 1;
}

/* Read-only: given from outside, and written by no graph. */
static void find_rom(Module *m) {
  for (int v = 0; v < m->nvar; v++) m->var[v].rom = m->opt.rom && m->var[v].given;
  for (int i = 0; i < m->ngraph; i++)
    for (int o = 0; o < m->graph[i]->nout; o++)
      if (m->graph[i]->out[o].var >= 0) m->var[m->graph[i]->out[o].var].rom = false;
}

void plan_model_memory(Module *m) {
  int nslot = 0, capslot = 0, nmetric;
  const char **slots = NULL;
  head_metrics(m, &nmetric);
  int64_t at = HEAD_METRICS + 4 * ((int64_t)nmetric + (head_calls(m) >= 0) + head_sections(m));
  if (m->opt.device) at = head_status(m) + 4 + 4 * (int64_t)head_sums(m);
  if (m->opt.rom) at = (at + 7) / 8 * 8 + 8; /* pointer to mapped weights */
  m->head_bytes = at = plan_round(m, at);
  VarKey *p = ctx_alloc(m->c, sizeof *p * (size_t)(m->nvar + 1));
  for (int v = 0; v < m->nvar; v++) {
    const Var *x = &m->var[v];
    p[v] = (VarKey){.region = x->kind == VK_OPTIM, .hints = x->hints, .owner = v, .var = v};
    if (x->kind == VK_OPTIM) p[v].slot = slot_number(m, &slots, &nslot, &capslot, x->slot);
    if (x->owner >= 0) {
      p[v].owner = x->owner;
      p[v].hints = m->var[x->owner].hints;
    }
    if (x->kind == VK_STATE) p[v].slot = 1; /* states come after the weights */
  }
  qsort(p, (size_t)m->nvar, sizeof *p, compare_keys);
  find_rom(m);
  m->rom_bytes = 0;
  for (int i = 0; i < m->nvar; i++) {
    Var *v = &m->var[p[i].var];
    int64_t *top = v->rom ? &m->rom_bytes : &at;
    v->offset = *top;
    int64_t bytes = type_bytes(m, v->type);
    *top += plan_round(m, bytes ? bytes : 1); /* distinct offsets even if empty */
  }
  m->persistent_bytes = at - m->head_bytes;
}
