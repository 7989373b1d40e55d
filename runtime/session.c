/* SPDX-License-Identifier: Apache-2.0 */
/* A running model: its memory, its threads, the calls of its graphs. */
#include "device.h"
#include "learned.h"
#include "num.h"
#include "rt.h"
#include "session.h"
#include <string.h>

uint64_t session_seed(const Session *sess) {
  return sess->o.seed_set ? sess->o.seed : sess->t ? sess->m->train[0].seed : 0;
}

void session_needs_train(const Session *sess) {
  if (!sess->t) rt_die(E_NO_SUCH_PART, "%s has no train section", sess->m->name);
}

static int max_threads(int threads, const GcGraph *g) {
  return g && g->fn && g->max_threads > threads ? g->max_threads : threads;
}

static void check_processor(const GcModel *m) {
  char *lacks = cpu_missing(m->needs);
  if (lacks)
    rt_die(E_CPU_FEATURE,
           "this processor lacks %s, which %s was built for\n"
           "build it on this machine, or with --isa=generic for any processor of this architecture",
           lacks, m->name);
}

void session_memory(Session *sess) {
  const GcModel *m = sess->m;
  check_processor(m);
  int threads = max_threads(1, m->init);
  for (int i = 0; i < m->ntrain; i++) {
    const GcTrain *t = &m->train[i];
    const GcGraph *g[] = {t->step, t->pass, t->update, t->eval, t->eval_done};
    for (int k = 0; k < COUNT(g); k++) threads = max_threads(threads, g[k]);
  }
  for (int i = 0; i < m->nexports; i++) threads = max_threads(threads, &m->exports[i]);
  sess->threads = sess->o.threads > 0 ? (int)sess->o.threads : pool_default_threads();
  int limit = pool_max_threads();
  if (sess->threads > limit)
    rt_die(E_OPTION_VALUE, "%d threads: this machine allows at most %d\nwithout --threads there is one thread per core",
           sess->threads, limit);
  sess->pool = pool_new(sess->threads < threads ? sess->threads : threads, true);
  sess->mem = rt_alloc_block(m->bytes);
  sections_make(sess);
  sess->run = sess->mem;
  sess->run->seed = session_seed(sess);
  if (m->device) device_open(sess);
}

void session_close(Session *sess) {
  device_close(sess->dev);
  sess->dev = NULL;
}

const float *session_scalar(const Session *sess, int var) {
  if (!var) return NULL;
  size_t at = sess->m->vars[var - 1].offset;
  mirror_down_part(sess, at, sizeof(float));
  return (const float *)(const void *)((const char *)sess->mem + at);
}

static int call(Session *sess, const GcGraph *g, GcCall *c) {
  int nthreads = sess->threads < g->max_threads ? sess->threads : g->max_threads;
  c->mem = sess->mem;
  if (!c->size) c->size = g->size_bound;
  if (g->on_device) return device_call(sess, g, c);
  mirror_down(sess); /* a device's weights, for what the host runs for itself */
  c->profile = sess->profile;
  if (c->profile) c->profile->since = rt_now();
  return pool_run(sess->pool, g->fn, c, c->first_nonfinite ? 1 : nthreads);
}

int session_call(Session *sess, const GcGraph *g, const void *const *in, void *const *out, const int64_t *size) {
  GcCall c = {.in = in, .out = out, .size = size};
  return call(sess, g, &c);
}

int session_call_train(Session *sess, const GcGraph *g, const void *const *in, uint32_t microbatch, int32_t *bad) {
  GcCall c = {.in = in, .microbatch = microbatch, .first_nonfinite = bad};
  return call(sess, g, &c);
}

const char *session_range_text(const GcPort *p) {
  if (p->range <= 0) return "";
  if (!p->nranges) return rt_printf(" (0 to %lld)", (long long)p->range - 1);
  const char *s = " (by column";
  for (int i = 0; i < p->nranges && i < 8; i++)
    s = p->ranges[i] ? rt_printf("%s%s 0 to %lld", s, i ? "," : ":", (long long)p->ranges[i] - 1)
                     : rt_printf("%s%s any", s, i ? "," : ":");
  return rt_printf("%s%s)", s, p->nranges > 8 ? ", ..." : "");
}

void session_check(const GcGraph *g, int status) {
  if (status == 0) return;
  if (status > 0 && status <= g->nin)
    rt_die(E_VALUE_RANGE, "%s: a value of `%s` is out of range%s", g->name, g->in[status - 1].name,
           session_range_text(&g->in[status - 1]));
  if (status > g->nin && status <= g->nin + g->nsizes)
    rt_die(E_SIZE_RANGE, "%s: invalid value of `%s`", g->name, g->sizes[status - g->nin - 1]);
  if (status == -1) rt_die(E_LOSS_NOT_FINITE, "%s: the result is not finite", g->name);
  if (status == -2) rt_die(E_NO_STEPS, "%s: the model uses `steps` or `epoch`, but there is no plan", g->name);
  rt_die(E_MODEL_FAILED, "%s: failed with status %d", g->name, status);
}

void session_init(Session *sess) {
  void *kept = learned_keep(sess);
  sess->run->seed = session_seed(sess);
  sess->run->step = 0; /* the random numbers depend on it */
  sess->seen = (Validations){0};
  const GcGraph *init = sess->m->init;
  if (init && init->fn) session_check(init, session_call(sess, init, NULL, NULL, NULL));
  learned_restore(sess, kept);
  sess->run->seed = session_seed(sess);
}

int64_t session_dim(const GcGraph *g, int64_t dim, const int64_t *size) {
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

int session_size_of(const GcGraph *g, int64_t dim) {
  if (dim >= 0) return -1;
  const GcDim *d = &g->dims[-1 - dim];
  int found = -1, powers = 0;
  if (d->nterm != 1 || d->term[0].coef != 1) return -1;
  for (int s = 0; s < g->nsizes; s++) {
    powers += d->term[0].exp[s];
    if (d->term[0].exp[s]) found = s;
  }
  return powers == 1 ? found : -1;
}

uint64_t session_elements(const GcGraph *g, const GcPort *p, const int64_t *size) {
  uint64_t n = 1;
  for (int i = 0; i < p->rank; i++) {
    const GcDim *d = p->dim[i] < 0 ? &g->dims[-1 - p->dim[i]] : NULL;
    n *= (uint64_t)(!d ? p->dim[i] : size ? session_dim(g, p->dim[i], size) : d->bound);
  }
  return n;
}

void *session_buffer(const GcGraph *g, const GcPort *p) {
  return rt_alloc_block(rt_mul(session_elements(g, p, NULL), gc_dtype_size[p->dtype]) + 64);
}
