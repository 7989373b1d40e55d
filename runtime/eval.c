/* Evaluation: every record of the hold-out once, in a fixed order, the last batch smaller. Scalars are averaged over
 * the batches in double, weighted by records; what an evaluation writes into states is undone. */
#include "rt.h"
#include <stdlib.h>
#include <string.h>

typedef struct Batch {
  unsigned char **field;
  uint64_t n;
} Batch;

static Batch batch_new(const Data *d, uint64_t n) {
  Batch b = {rt_array((size_t)d->d->nfields, sizeof *b.field), n};
  for (int f = 0; f < d->d->nfields; f++) b.field[f] = rt_mem(rt_mul(n, d->bytes[f]));
  return b;
}

static unsigned char *states_copy(App *a, unsigned char *copy) { /* NULL: saves them, else puts them back */
  size_t at = 0, total = 1;
  for (int i = 0; i < a->m->nvars; i++) if (a->m->vars[i].kind == GC_STATE) total += a->m->vars[i].bytes;
  unsigned char *to = copy ? copy : rt_alloc(total);
  for (int i = 0; i < a->m->nvars; i++) {
    const GcVar *v = &a->m->vars[i];
    if (v->kind != GC_STATE) continue;
    unsigned char *p = (unsigned char *)a->mem + v->offset;
    if (copy) memcpy(p, to + at, v->bytes);
    else memcpy(to + at, p, v->bytes);
    at += v->bytes;
  }
  return to;
}

static uint64_t average(App *a, bool all, double *sum) {
  const GcGraph *g = a->t->eval;
  Data *d = a->data;
  uint64_t total = all ? d->n : d->nhold, batch = (uint64_t)a->t->batch;
  Batch b = batch_new(d, batch);
  float *value = rt_array((size_t)a->t->navg, sizeof *value);
  void **out = rt_array((size_t)a->t->navg, sizeof *out);
  for (int i = 0; i < a->t->navg; i++) out[i] = &value[i];
  if (g->nsizes == 0 && total % batch)
    rt_die(686, "%s: %llu records do not fill batches of %llu, and the model fixes its batch", g->name,
           (unsigned long long)total, (unsigned long long)batch);
  for (uint64_t at = 0; at < total; at += batch) {
    uint64_t n = total - at < batch ? total - at : batch;
    if (all) for (uint64_t i = 0; i < n; i++) {
      for (int f = 0; f < d->d->nfields; f++) d->to[f] = b.field[f] + i * d->bytes[f];
      data_get(d, at + i, 0, d->to);
    } else data_batch(d, 0, at, n, true, b.field);
    int64_t size = (int64_t)n;
    int status = app_call(a, g, (const void *const *)b.field, out, g->nsizes ? &size : NULL);
    if (status != -1) app_check(g, status); /* -1: the figures themselves will show it */
    for (int i = 0; i < a->t->navg; i++) sum[i] += (double)value[i] * (double)n;
  }
  free(value);
  free(out);
  return total;
}

void eval_scores(App *a, bool all, Scores *s) {
  const GcTrain *t = a->t;
  if (!t->eval || !t->eval->fn) rt_die(687, "%s has no evaluation", a->m->name);
  double *sum = rt_array((size_t)t->navg, sizeof *sum);
  float *avg = rt_array((size_t)t->navg, sizeof *avg), *result = rt_array((size_t)t->nmetrics + 1, sizeof *result);
  unsigned char *states = states_copy(a, NULL);
  s->records = average(a, all, sum);
  for (int i = 0; i < t->navg; i++) avg[i] = (float)(sum[i] / (double)s->records);
  if (t->eval_done && t->eval_done->fn) {
    const void **in = rt_array((size_t)t->navg, sizeof *in);
    void **out = rt_array((size_t)t->nmetrics + 1, sizeof *out);
    for (int i = 0; i < t->navg; i++) in[i] = &avg[i];
    for (int i = 0; i <= t->nmetrics; i++) out[i] = &result[i];
    int status = app_call(a, t->eval_done, in, out, NULL);
    if (status != -1) app_check(t->eval_done, status);
    free(in);
    free(out);
  } else memcpy(result, avg, ((size_t)t->nmetrics + 1) * sizeof *result);
  states_copy(a, states);
  free(states);
  free(sum);
  free(avg);
  s->loss = result[0];
  s->metric = result + 1;
}

int gc_eval(App *a) {
  app_needs_train(a);
  if (a->t->data < 0 || !a->t->eval) rt_die(687, "%s has no data to evaluate on", a->m->name);
  char *weights = run_weights(a);
  app_memory(a);
  a->data = data_open(a, &a->m->data[a->t->data], app_seed(a));
  app_init(a);
  weights_load(a, weights);
  Scores s;
  bool all = a->data->nhold == 0;
  eval_scores(a, all, &s);
  if (a->o.json) {
    char *scores = report_scores(a, &s);
    rt_out("{\"event\":\"eval\",\"records\":%llu,%s,\"weights_hash\":\"%016llx\"}\n", (unsigned long long)s.records,
           scores, (unsigned long long)vars_hash(a->m, a->mem));
  } else {
    rt_out("%llu records%s, weights %s\n", (unsigned long long)s.records, all ? "" : " held out", weights);
    report_scores_text(a, &s, all ? "" : "test ");
  }
  rt_out_flush();
  if (s.loss - s.loss != 0) rt_die(670, "the loss is not finite");
  return 0;
}
