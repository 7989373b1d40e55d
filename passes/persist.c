/* Layout of head, weights and optimizer state. */
#include "passes/persist.h"
#include <stdlib.h>
#include <string.h>

/* Small models have no room to round to cache lines; in large ones that is next to nothing, and vectors that straddle
 * two lines take twice as long. The same under every budget: a plan's bytes do not depend on it. */
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

int64_t head_offset(const Module *m, const char *name, int index) {
  int n;
  const char **metric = head_metrics(m, &n);
  if (!strcmp(name, "loss")) return HEAD_LOSS;
  for (int i = 0; i < n; i++)
    if (same_metric(name, metric[i])) return HEAD_METRICS + 4 * i;
  return HEAD_METRICS + 4 * (int64_t)(index > 0 ? index - 1 : 0);
}

/* Sort key of a var: region, then (optimizer) which state of its weight, then the weight's hints, then the weight. */
typedef struct Place { int region, slot; uint32_t hints; int owner, var; } Place;

static int place_order(const void *a, const void *b) {
  const Place *x = a, *y = b;
  if (x->region != y->region) return x->region - y->region;
  if (x->slot != y->slot) return x->slot - y->slot;
  if (x->hints != y->hints) return x->hints < y->hints ? -1 : 1;
  if (x->owner != y->owner) return x->owner - y->owner;
  return x->var - y->var;
}

/* The longest prefix of the name, ending at a point, that names a param. */
static int owner_of(Module *m, const char *name, const char **rest) {
  char *buf = ctx_strf(m->c, "%s", name);
  for (char *dot = strrchr(buf, '.'); dot; dot = strrchr(buf, '.')) {
    *dot = 0;
    int v = var_find(m, buf);
    *rest = name + (dot - buf) + 1;
    if (v >= 0 && m->var[v].kind == VK_PARAM) return v;
  }
  return -1;
}

int persist_owner(Module *m, const char *name, const char **rest) {
  for (int drop = 0; drop <= 2; drop++) { /* "optim." and the section's name stand before the weight's */
    int v = owner_of(m, name, rest);
    const char *dot = strchr(name, '.');
    if (v >= 0) return v;
    if (!dot) break;
    name = dot + 1;
  }
  *rest = name;
  return -1;
}

static int slot_number(Module *m, const char ***slots, int *n, int *cap, const char *name) {
  name = ctx_name(m->c, name);
  for (int i = 0; i < *n; i++)
    if ((*slots)[i] == name) return i;
  *(const char **)vec_push(m->c, (void **)slots, n, cap, sizeof **slots) = name;
  return *n - 1;
}

/* Given, and written by no graph: never written at all. */
static void find_rom(Module *m) {
  for (int v = 0; v < m->nvar; v++) m->var[v].rom = m->opt.rom && m->var[v].given;
  for (int i = 0; i < m->ngraph; i++)
    for (int o = 0; o < m->graph[i]->nout; o++)
      if (m->graph[i]->out[o].var >= 0) m->var[m->graph[i]->out[o].var].rom = false;
}

void persist_plan(Module *m) {
  int nslot = 0, capslot = 0, nmetric;
  const char **slots = NULL;
  head_metrics(m, &nmetric);
  int64_t at = HEAD_METRICS + 4 * (int64_t)nmetric + (head_calls(m) >= 0 ? 4 : 0);
  if (m->opt.rom) at = (at + 7) / 8 * 8 + 8; /* the pointer to mapped weights */
  m->head_bytes = at = plan_round(m, at);
  Place *p = ctx_alloc(m->c, sizeof *p * (size_t)(m->nvar + 1));
  for (int v = 0; v < m->nvar; v++) {
    const char *rest;
    const Var *x = &m->var[v];
    p[v] = (Place){.region = x->kind == VK_OPTIM, .hints = x->hints, .owner = v, .var = v};
    int owner = x->kind == VK_OPTIM ? persist_owner(m, x->name, &rest) : -1;
    if (x->kind == VK_OPTIM) p[v].slot = slot_number(m, &slots, &nslot, &capslot, owner < 0 ? "" : rest);
    if (owner >= 0) p[v].owner = owner, p[v].hints = m->var[owner].hints;
    if (x->kind == VK_STATE) p[v].slot = 1; /* states follow the weights */
  }
  qsort(p, (size_t)m->nvar, sizeof *p, place_order);
  find_rom(m);
  m->rom_bytes = 0;
  for (int i = 0; i < m->nvar; i++) {
    Var *v = &m->var[p[i].var];
    int64_t *top = v->rom ? &m->rom_bytes : &at;
    v->offset = *top;
    int64_t bytes = type_bytes(m, v->type);
    *top += plan_round(m, bytes ? bytes : 1); /* no two have one place */
  }
  m->persistent_bytes = at - m->head_bytes;
}
