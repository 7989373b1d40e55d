/* SPDX-License-Identifier: Apache-2.0 */
/* `bench`: times the training step or an export on data in memory, after WARM_UP calls. */
#include "checkpoint.h"
#include "data.h"
#include "learned.h"
#include "prefetch.h"
#include "report.h"
#include <stdlib.h>
#include <string.h>

enum { WARM_UP = 5, MIN_STEPS = 10, MAX_STEPS = 2000 };
static const double SECONDS = 2; /* how long to run without --steps, within MIN_STEPS .. MAX_STEPS */

static void fill_port(const GcGraph *g, const GcPort *p, void *dst, uint64_t stream) {
  uint64_t n = session_elements(g, p, NULL), top = p->range > 0 ? (uint64_t)p->range : 2;
  uint32_t r[4];
  for (uint64_t i = 0; i < n; i++) {
    if (i % 4 == 0) gc_philox(0x62656E6368u, i, stream, r);
    if (top > 128 && p->range <= 0) top = 128;
    double v = gc_is_float(p->dtype) ? gc_normal(r[i % 4]) : (double)((r[i % 4] * top) >> 32);
    num_store(p->dtype, dst, i, v);
  }
}

static void **inputs(const GcGraph *g) {
  void **v = rt_array((size_t)g->nin + 1, sizeof *v);
  for (int i = 0; i < g->nin; i++) {
    v[i] = session_buffer(g, &g->in[i]);
    fill_port(g, &g->in[i], v[i], (uint64_t)i);
  }
  return v;
}

static void **outputs(const GcGraph *g) {
  void **v = rt_array((size_t)g->nout + 1, sizeof *v);
  for (int i = 0; i < g->nout; i++) v[i] = session_buffer(g, &g->out[i]);
  return v;
}

typedef struct Bench {
  Session *sess;
  const GcGraph *g; /* the step, the microbatch, or the export */
  void **in, **out;
  double *ms;
  int64_t n;
  double begin, first; /* ms from the start to the end of the first call */
  double flops;
  Data *data; /* from which `in` is; NULL: it is made up */
} Bench;

static void once(Bench *b) {
  Session *sess = b->sess;
  int status;
  if (sess->o.infer) {
    status = session_call(sess, b->g, (const void *const *)b->in, b->out, NULL);
    if (status == -1) status = 0;
  } else {
    uint32_t step = sess->run->step;
    const void *const *in = (const void *const *)b->in;
    status = 0;
    for (uint32_t k = 0; k < sess->t->accumulate && !status; k++) status = session_call_train(sess, b->g, in, k, NULL);
    if (!status && sess->t->accumulate > 1) status = session_call_train(sess, sess->t->update, NULL, 0, NULL);
    sess->run->step = step + 1;
  }
  session_check(b->g, status);
}

static int by_value(const void *x, const void *y) {
  double a = *(const double *)x, b = *(const double *)y;
  return (a > b) - (a < b);
}

static void measure(Bench *b) {
  int64_t asked = b->sess->o.steps, max = asked >= 0 ? asked : MAX_STEPS;
  b->ms = rt_array((size_t)max + 1, sizeof *b->ms);
  for (int i = 0; i < WARM_UP; i++) {
    once(b);
    if (!i) b->first = (rt_now() - b->begin) * 1e3;
  }
  if (b->sess->o.profile) profile_begin(b->sess);
  double begin = rt_now();
  while (b->n < max && (asked >= 0 || b->n < MIN_STEPS || rt_now() - begin < SECONDS)) {
    double t = rt_now();
    once(b);
    b->ms[b->n] = (rt_now() - t) * 1e3;
    if (b->sess->profile) profile_call(b->sess, b->n);
    b->n++;
  }
  qsort(b->ms, (size_t)b->n, sizeof *b->ms, by_value);
}

static void report(const Bench *b) {
  const Session *sess = b->sess;
  double median = b->ms[b->n / 2], min = b->ms[0], p90 = b->ms[(b->n - 1) * 9 / 10];
  if (b->n % 2 == 0) median = 0.5 * (median + b->ms[b->n / 2 - 1]);
  double gflops = median > 0 ? b->flops / median * 1e-6 : 0;
  if (sess->o.json) {
    rt_out("{\"event\":\"bench\",\"model\":\"%s\",\"graph\":\"%s\",\"steps\":%lld,\"threads\":%d,\"step_ms\":"
           "{\"median\":%.6g,\"min\":%.6g,\"p90\":%.6g},\"first_ms\":%.6g,\"gflops\":%.6g,\"arena_bytes\":%zu,\"peak_"
           "rss_bytes\":%llu}\n",
           sess->m->name, b->g->name, (long long)b->n, sess->threads, median, min, p90, b->first, gflops,
           sess->m->arena_bytes, (unsigned long long)rt_peak_rss());
  } else {
    rt_out("%s of %s, %lld times, %d thread%s\n", b->g->name, sess->m->name, (long long)b->n, sess->threads,
           sess->threads == 1 ? "" : "s");
    rt_out("median %.6g ms, min %.6g ms, p90 %.6g ms\n", median, min, p90);
    rt_out("%.4g GFLOP/s, arena %zu bytes, peak resident %llu bytes\n", gflops, sess->m->arena_bytes,
           (unsigned long long)rt_peak_rss());
  }
  rt_out_flush();
}

/* ---- bench --data ---- */

enum { DATA_STEPS = 200 };

typedef struct DataTimes {
  double *alone; /* ms to make the batches of a step, */
  double with;   /* and with the step itself, as in a training: the mean, as workers finish several at a time */
  int64_t n;
} DataTimes;

static double median_of(double *ms, int64_t n) {
  qsort(ms, (size_t)n, sizeof *ms, by_value);
  return n % 2 ? ms[n / 2] : 0.5 * (ms[n / 2] + ms[n / 2 - 1]);
}

static void make_batch(Bench *b, const BatchPlan *p, Prefetch *ahead, uint64_t at) {
  unsigned char **made = ahead ? prefetch_take(ahead, at) : NULL;
  if (!made) batch_fill(b->data, p, at, (unsigned char *const *)b->in);
}

static void time_data(Bench *b, DataTimes *t) {
  Session *sess = b->sess;
  uint64_t calls = (uint64_t)sess->t->accumulate, batch = (uint64_t)sess->t->batch;
  BatchPlan p = {.n = batch, .batches = b->data->ntrain / batch / calls * calls, .end = UINT64_MAX};
  Prefetch *ahead = prefetch_new(b->data, &p);
  t->alone = rt_array(DATA_STEPS, sizeof *t->alone);
  double since = rt_now();
  while (t->n < DATA_STEPS && (t->n < MIN_STEPS || rt_now() - since < SECONDS)) {
    double begin = rt_now();
    for (uint64_t k = 0; k < calls; k++) make_batch(b, &p, NULL, (uint64_t)t->n * calls + k);
    t->alone[t->n++] = (rt_now() - begin) * 1e3;
  }
  since = rt_now();
  for (int64_t i = 0; i < t->n; i++) {
    for (uint64_t k = 0; k < calls; k++) make_batch(b, &p, ahead, (uint64_t)i * calls + k);
    once(b);
  }
  t->with = (rt_now() - since) * 1e3 / (double)t->n;
  prefetch_end(ahead);
}

static void report_data(Bench *b) {
  Session *sess = b->sess;
  DataTimes t = {0};
  const GcData *d = b->data->d;
  time_data(b, &t);
  double alone = median_of(t.alone, t.n), with = t.with, step = median_of(b->ms, b->n);
  const char *slower = alone > step ? "data" : "step";
  if (sess->o.json) {
    rt_out("{\"event\":\"bench_data\",\"data\":\"%s\",\"records\":%lld,\"data_ms\":%.6g,\"step_ms\":%.6g,"
           "\"both_ms\":%.6g,\"workers\":%d,\"slower\":\"%s\"}\n",
           d->name, (long long)(sess->t->batch * sess->t->accumulate), alone, step, with, d->workers, slower);
  } else {
    rt_out("data %s: %.6g ms for the %lld records of a step, which takes %.6g ms: the %s is slower\n", d->name, alone,
           (long long)(sess->t->batch * sess->t->accumulate), step, slower);
    rt_out("both, as in a training with workers = %d: %.6g ms\n", d->workers, with);
  }
  rt_out_flush();
}

/* The first batch of the data section, or random values in range if its files do not exist. */
static void **step_inputs(Bench *b) {
  Session *sess = b->sess;
  const GcGraph *g = b->g;
  void **in = inputs(g);
  if (sess->o.time_data && (sess->t->data < 0 || sess->m->data[sess->t->data].stream))
    rt_die(E_NO_SUCH_PART, "bench --data: %s has no data section whose batches can be made again", sess->m->name);
  if (sess->t->data < 0 || sess->m->data[sess->t->data].stream ||
      (!sess->o.time_data && !data_available(sess, &sess->m->data[sess->t->data])))
    return in;
  learned_read(sess, sess->o.weights);
  Data *d = data_open(sess, &sess->m->data[sess->t->data], session_seed(sess));
  uint64_t batch = (uint64_t)sess->t->batch;
  if (sess->o.time_data && (d->ntrain < batch * (uint64_t)sess->t->accumulate || d->d->nfields != g->nin))
    rt_die(E_NO_STEPS, "bench --data: %llu records to train on are not a step", (unsigned long long)d->ntrain);
  if (d->ntrain < batch || d->d->nfields != g->nin) return in;
  b->data = d;
  data_batch(d, 0, 0, batch, false, (unsigned char *const *)in);
  sess->run->steps_per_epoch = (uint32_t)(d->ntrain / batch / (uint64_t)sess->t->accumulate);
  return in;
}

int gc_bench(Session *sess) {
  Bench b = {.sess = sess, .begin = rt_now()};
  const GcTrain *t = sess->t;
  if (sess->o.steps == 0) rt_die(E_OPTION_VALUE, "--steps 0: nothing to time");
  if (sess->o.infer && sess->o.time_data) rt_die(E_OPTION_VALUE, "--data times training; --infer excludes it");
  if (sess->o.infer && sess->m->nexports == 0) rt_die(E_NO_SUCH_PART, "%s has no `export def`", sess->m->name);
  if (!sess->o.infer) session_needs_train(sess);
  session_memory(sess);
  session_init(sess);
  if (sess->o.weights) weights_load(sess, sess->o.weights);
  if (sess->o.infer) {
    b.g = &sess->m->exports[0];
    b.in = inputs(b.g);
    b.out = outputs(b.g);
    b.flops = b.g->flops;
  } else {
    b.g = t->accumulate > 1 ? t->pass : t->step;
    b.in = step_inputs(&b);
    b.flops = b.g->flops * (double)t->accumulate + (t->accumulate > 1 && t->update ? t->update->flops : 0);
    sess->run->steps = (uint32_t)((sess->o.steps >= 0 ? sess->o.steps : MAX_STEPS) + WARM_UP);
    if (!sess->run->steps_per_epoch) sess->run->steps_per_epoch = sess->run->steps;
  }
  measure(&b);
  if (sess->o.profile) profile_print(sess, b.n);
  report(&b);
  if (sess->o.time_data && b.data) report_data(&b);
  return 0;
}
