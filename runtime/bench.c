/* `bench`: times the training step, or an export, on data held in memory. Five calls warm up. */
#include "rt.h"
#include <stdlib.h>
#include <string.h>

enum { WARM_UP = 5, LEAST = 10, MOST = 2000 };
static const double SECONDS = 2; /* without --steps: until this long, LEAST to MOST steps */

static void fill_port(const GcGraph *g, const GcPort *p, void *dst, uint64_t stream) {
  uint64_t n = app_elements(g, p, NULL), top = p->range > 0 ? (uint64_t)p->range : 2;
  uint32_t r[4];
  for (uint64_t i = 0; i < n; i++) {
    if (i % 4 == 0) gc_philox(0x62656E6368u, i, stream, r);
    if (top > 128 && p->range <= 0) top = 128;
    double v = p->dtype >= GC_F32 ? gc_normal(r[i % 4]) : (double)((r[i % 4] * top) >> 32);
    num_store(p->dtype, dst, i, v);
  }
}

static void **inputs(const GcGraph *g) {
  void **v = rt_array((size_t)g->nin + 1, sizeof *v);
  for (int i = 0; i < g->nin; i++) {
    v[i] = app_buffer(g, &g->in[i]);
    fill_port(g, &g->in[i], v[i], (uint64_t)i);
  }
  return v;
}

static void **outputs(const GcGraph *g) {
  void **v = rt_array((size_t)g->nout + 1, sizeof *v);
  for (int i = 0; i < g->nout; i++) v[i] = app_buffer(g, &g->out[i]);
  return v;
}

typedef struct Bench {
  App *app;
  const GcGraph *g;    /* the step, the pass, or the export */
  void **in, **out;
  double *ms;
  int64_t n;
  double flops;
} Bench;

static void once(Bench *b) {
  App *a = b->app;
  int status;
  if (a->o.infer) {
    status = app_call(a, b->g, (const void *const *)b->in, b->out, NULL);
    if (status == -1) status = 0;
  } else {
    uint32_t step = a->run->step;
    const void *const *in = (const void *const *)b->in;
    status = 0;
    for (uint32_t k = 0; k < a->t->accumulate && !status; k++) status = app_call_pass(a, b->g, in, k, NULL);
    if (!status && a->t->accumulate > 1) status = app_call_pass(a, a->t->update, NULL, 0, NULL);
    a->run->step = step + 1;
  }
  app_check(b->g, status);
}

static int by_value(const void *x, const void *y) {
  double a = *(const double *)x, b = *(const double *)y;
  return (a > b) - (a < b);
}

static void measure(Bench *b) {
  int64_t asked = b->app->o.steps, most = asked >= 0 ? asked : MOST;
  b->ms = rt_array((size_t)most + 1, sizeof *b->ms);
  for (int i = 0; i < WARM_UP; i++) once(b);
  double begin = rt_now();
  while (b->n < most && (asked >= 0 || b->n < LEAST || rt_now() - begin < SECONDS)) {
    double t = rt_now();
    once(b);
    b->ms[b->n++] = (rt_now() - t) * 1e3;
  }
  qsort(b->ms, (size_t)b->n, sizeof *b->ms, by_value);
}

static void report(const Bench *b) {
  const App *a = b->app;
  double median = b->ms[b->n / 2], least = b->ms[0], p90 = b->ms[(b->n - 1) * 9 / 10];
  if (b->n % 2 == 0) median = 0.5 * (median + b->ms[b->n / 2 - 1]);
  double gflops = median > 0 ? b->flops / median * 1e-6 : 0;
  if (a->o.json) {
    rt_out("{\"event\":\"bench\",\"model\":\"%s\",\"graph\":\"%s\",\"steps\":%lld,\"threads\":%d,\"step_ms\":"
           "{\"median\":%.6g,\"min\":%.6g,\"p90\":%.6g},\"gflops\":%.6g,\"arena_bytes\":%zu,\"peak_rss_bytes\":%llu}\n",
           a->m->name, b->g->name, (long long)b->n, a->threads, median, least, p90, gflops, a->m->arena_bytes,
           (unsigned long long)rt_peak_rss());
  } else {
    rt_out("%s of %s, %lld times, %d thread%s\n", b->g->name, a->m->name, (long long)b->n, a->threads,
           a->threads == 1 ? "" : "s");
    rt_out("median %.6g ms, min %.6g ms, p90 %.6g ms\n", median, least, p90);
    rt_out("%.4g GFLOP/s, arena %zu bytes, peak resident %llu bytes\n", gflops, a->m->arena_bytes,
           (unsigned long long)rt_peak_rss());
  }
  rt_out_flush();
}

/* The first batch of the data section where its files are there; random values in range where they are not. */
static void **step_inputs(App *a, const GcGraph *g) {
  void **in = inputs(g);
  if (a->t->data < 0 || !data_available(a, &a->m->data[a->t->data])) return in;
  Data *d = data_open(a, &a->m->data[a->t->data], app_seed(a));
  uint64_t batch = (uint64_t)a->t->batch;
  if (d->ntrain < batch || d->d->nfields != g->nin) return in;
  data_batch(d, 0, 0, batch, false, (unsigned char *const *)in);
  a->run->steps_per_epoch = (uint32_t)(d->ntrain / batch / (uint64_t)a->t->accumulate);
  return in;
}

int gc_bench(App *a) {
  Bench b = {.app = a};
  const GcTrain *t = a->t;
  if (a->o.steps == 0) rt_die(601, "--steps 0: nothing to time");
  if (a->o.infer && a->m->nexports == 0) rt_die(687, "%s has no `export def`", a->m->name);
  if (!a->o.infer) app_needs_train(a);
  app_memory(a);
  app_init(a);
  if (a->o.weights) weights_load(a, a->o.weights);
  if (a->o.infer) {
    b.g = &a->m->exports[0];
    b.in = inputs(b.g);
    b.out = outputs(b.g);
    b.flops = b.g->flops;
  } else {
    b.g = t->accumulate > 1 ? t->pass : t->step;
    b.in = step_inputs(a, b.g);
    b.flops = b.g->flops * (double)t->accumulate + (t->accumulate > 1 && t->update ? t->update->flops : 0);
    a->run->steps = (uint32_t)((a->o.steps >= 0 ? a->o.steps : MOST) + WARM_UP);
    if (!a->run->steps_per_epoch) a->run->steps_per_epoch = a->run->steps;
  }
  measure(&b);
  report(&b);
  return 0;
}
