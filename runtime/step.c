/* A training step over its passes, and scores over any number of records. */
#include "rt.h"
#include <string.h>

/* The loss and metrics of a step are the means over its passes: the head holds them once the last pass is added. */
static void add_pass(App *a, int64_t pass) {
  float *head = &a->run->loss;
  for (int i = 0; i <= a->t->nmetrics; i++) {
    a->sum[i] = pass ? a->sum[i] + head[i] : head[i];
    if (pass + 1 == a->t->accumulate) head[i] = a->sum[i] / (float)a->t->accumulate;
  }
}

int step_run(App *a, FieldsFn *fields, void *arg, int32_t *bad) {
  const GcTrain *t = a->t;
  uint64_t take = (uint64_t)t->batch;
  if (t->accumulate <= 1) return app_call_pass(a, t->step, fields(arg, 0, take), 0, bad);
  for (int64_t k = 0; k < t->accumulate; k++) {
    int status = app_call_pass(a, t->pass, fields(arg, (uint64_t)k * take, take), (uint32_t)k, bad);
    if (status || (bad && *bad)) return status ? status : -1;
    add_pass(a, k);
  }
  return app_call_pass(a, t->update, NULL, 0, bad);
}

/* They are the variables `optim.WEIGHT.grad`. */
void step_forget(App *a) {
  for (int i = 0; a->t->accumulate > 1 && i < a->m->nvars; i++) {
    const GcVar *v = &a->m->vars[i];
    size_t n = strlen(v->name);
    if (v->kind == GC_OPTIM && n > 5 && !strcmp(v->name + n - 5, ".grad"))
      memset((unsigned char *)a->mem + v->offset, 0, v->bytes);
  }
}

void step_check(App *a, int status) {
  if (status == -1) return;
  if (status > 0 && a->t->accumulate > 1) app_check(a->t->pass, status);
  app_check(a->t->accumulate > 1 ? a->t->update : a->t->step, status);
}

/* ---- scores ---- */

unsigned char *states_copy(App *a, unsigned char *copy) {
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

/* The last batch is smaller. Scalars are averaged over the batches in double, weighted by records. Returns the status
 * of a batch that was refused, which ends it. */
static int average(App *a, FieldsFn *fields, void *arg, uint64_t total, double *sum) {
  const GcGraph *g = a->t->eval;
  uint64_t batch = (uint64_t)a->t->batch;
  float *value = rt_array((size_t)a->t->navg, sizeof *value);
  void **out = rt_array((size_t)a->t->navg, sizeof *out);
  for (int i = 0; i < a->t->navg; i++) out[i] = &value[i];
  if (g->nsizes == 0 && total % batch)
    rt_die(686, "%s: %llu records do not fill batches of %llu, and the model fixes its batch", g->name,
           (unsigned long long)total, (unsigned long long)batch);
  int status = 0;
  for (uint64_t at = 0; at < total && !status; at += batch) {
    uint64_t n = total - at < batch ? total - at : batch;
    int64_t size = (int64_t)n;
    status = app_call(a, g, fields(arg, at, n), out, g->nsizes ? &size : NULL);
    if (status == -1) status = 0; /* the figures themselves will show it */
    for (int i = 0; i < a->t->navg; i++) sum[i] += (double)value[i] * (double)n;
  }
  rt_free(value);
  rt_free(out);
  return status;
}

int score_run(App *a, FieldsFn *fields, void *arg, uint64_t records, Scores *s) {
  const GcTrain *t = a->t;
  if (!t->eval || !t->eval->fn) rt_die(687, "%s has no evaluation", a->m->name);
  double *sum = rt_array((size_t)t->navg, sizeof *sum);
  float *avg = rt_array((size_t)t->navg, sizeof *avg), *result = rt_array((size_t)t->nmetrics + 1, sizeof *result);
  unsigned char *states = states_copy(a, NULL);
  int refused = average(a, fields, arg, records, sum);
  states_copy(a, states);
  rt_free(states);
  if (refused == -2) return -2;
  app_check(t->eval, refused);
  s->records = records;
  for (int i = 0; i < t->navg; i++) avg[i] = (float)(sum[i] / (double)records);
  if (t->eval_done && t->eval_done->fn) {
    const void **in = rt_array((size_t)t->navg, sizeof *in);
    void **out = rt_array((size_t)t->nmetrics + 1, sizeof *out);
    for (int i = 0; i < t->navg; i++) in[i] = &avg[i];
    for (int i = 0; i <= t->nmetrics; i++) out[i] = &result[i];
    int status = app_call(a, t->eval_done, in, out, NULL);
    if (status == -2) return -2;
    if (status != -1) app_check(t->eval_done, status);
    rt_free(in);
    rt_free(out);
  } else memcpy(result, avg, ((size_t)t->nmetrics + 1) * sizeof *result);
  rt_free(sum);
  rt_free(avg);
  s->loss = result[0];
  s->metric = result + 1;
  return 0;
}
