/* The running program: its memory, its threads, and the calls of its graphs. */
#include "rt.h"
#include <string.h>

uint64_t app_seed(const App *a) {
  return a->o.seed_set ? a->o.seed : a->t ? a->t->seed : 0;
}

void app_needs_train(const App *a) {
  if (!a->t) rt_die(687, "%s has no train section", a->m->name);
  if (a->m->ntrain > 1) rt_die(681, "several train sections are not there yet");
}

static int most(int parts, const GcGraph *g) {
  return g && g->fn && g->max_parts > parts ? g->max_parts : parts;
}

static void check_processor(const GcModel *m) {
  char *lacks = cpu_lacks(m->needs);
  if (lacks)
    rt_die(661, "this processor lacks %s, which %s was built for\n"
           "build it on this machine, or with --isa=generic for any of its kind", lacks, m->name);
}

void app_memory(App *a) {
  const GcModel *m = a->m;
  check_processor(m);
  int parts = most(1, m->init);
  for (int i = 0; i < m->ntrain; i++) {
    const GcTrain *t = &m->train[i];
    const GcGraph *g[] = {t->step, t->pass, t->update, t->eval, t->eval_done};
    for (int k = 0; k < COUNT(g); k++) parts = most(parts, g[k]);
  }
  for (int i = 0; i < m->nexports; i++) parts = most(parts, &m->exports[i]);
  a->threads = a->o.threads > 0 ? (int)a->o.threads : pool_cpus();
  int limit = pool_most();
  if (a->threads > limit)
    rt_die(601, "%d threads: at most %d, as this machine has use for no more\nwithout --threads there is one a core",
           a->threads, limit);
  a->pool = pool_new(a->threads < parts ? a->threads : parts, true);
  a->mem = rt_mem(m->bytes);
  if (a->t) a->sum = rt_array((size_t)a->t->nmetrics + 1, sizeof *a->sum);
  a->run = a->mem;
  a->run->seed = app_seed(a);
}

const float *app_scalar(const App *a, int var) {
  return var ? (const float *)(const void *)((const char *)a->mem + a->m->vars[var - 1].offset) : NULL;
}

static int call(App *a, const GcGraph *g, GcCall *c) {
  int parts = a->threads < g->max_parts ? a->threads : g->max_parts;
  c->mem = a->mem;
  if (!c->size) c->size = g->size_bound;
  return pool_run(a->pool, g->fn, c, c->bad ? 1 : parts);
}

int app_call(App *a, const GcGraph *g, const void *const *in, void *const *out, const int64_t *size) {
  GcCall c = {.in = in, .out = out, .size = size};
  return call(a, g, &c);
}

int app_call_pass(App *a, const GcGraph *g, const void *const *in, uint32_t pass, int32_t *bad) {
  GcCall c = {.in = in, .pass = pass, .bad = bad};
  return call(a, g, &c);
}

void app_check(const GcGraph *g, int status) {
  if (status == 0) return;
  if (status > 0 && status <= g->nin)
    rt_die(617, "%s: a value of `%s` is out of range%s", g->name, g->in[status - 1].name,
           g->in[status - 1].range > 0 ? rt_printf(" (0 to %lld)", (long long)g->in[status - 1].range - 1) : "");
  if (status > g->nin && status <= g->nin + g->nsizes)
    rt_die(619, "%s: this value of `%s` is not possible", g->name, g->sizes[status - g->nin - 1]);
  if (status == -1) rt_die(670, "%s: the result is not finite", g->name);
  if (status == -2) rt_die(684, "%s: `steps` or `epoch` is needed, but the plan does not give it", g->name);
  rt_die(685, "%s: failed with status %d", g->name, status);
}

void app_init(App *a) {
  a->run->seed = app_seed(a);
  a->run->step = 0; /* what is drawn depends on it */
  if (a->m->init && a->m->init->fn) app_check(a->m->init, app_call(a, a->m->init, NULL, NULL, NULL));
  a->run->seed = app_seed(a);
}

int64_t app_dim(const GcGraph *g, int64_t dim, const int64_t *size) {
  const GcDim *d = &g->dims[-1 - dim];
  int64_t sum = 0;
  for (int t = 0; t < d->nterm; t++) {
    int64_t x = d->term[t].coef;
    for (int s = 0; s < g->nsizes; s++)
      for (int e = 0; e < d->term[t].exp[s]; e++) x *= size[s];
    sum += x;
  }
  return sum < 0 ? 0 : sum;
}

uint64_t app_elements(const GcGraph *g, const GcPort *p, const int64_t *size) {
  uint64_t n = 1;
  for (int i = 0; i < p->rank; i++) {
    const GcDim *d = p->dim[i] < 0 ? &g->dims[-1 - p->dim[i]] : NULL;
    n *= (uint64_t)(!d ? p->dim[i] : size ? app_dim(g, p->dim[i], size) : d->bound);
  }
  return n;
}

void *app_buffer(const GcGraph *g, const GcPort *p) {
  return rt_mem(rt_mul(app_elements(g, p, NULL), gc_dtype_size[p->dtype]) + 64);
}
