/* SPDX-License-Identifier: Apache-2.0 */
/* A training step over its microbatches, and scores over any number of records. */
#include "device.h"
#include "rt.h"
#include "step.h"
#include <string.h>

/* Loss and metrics of a step are the means over its microbatches, in the run header after the last of them. */
static void add_microbatch(Session *sess, int64_t k) {
  float *score = &sess->run->loss;
  for (int i = 0; i <= sess->t->nmetrics; i++) {
    sess->sum[i] = k ? sess->sum[i] + score[i] : score[i];
    if (k + 1 == sess->t->accumulate) score[i] = sess->sum[i] / (float)sess->t->accumulate;
  }
}

static int call_train(Session *sess, const GcGraph *g, FieldsFn *fields, void *arg, uint32_t k, int32_t *bad) {
  uint64_t n = (uint64_t)sess->t->batch;
  if (g->on_device && !bad) return device_train(sess, g, fields, arg, k);
  return session_call_train(sess, g, fields(arg, k * n, n), k, bad);
}

int step_run(Session *sess, FieldsFn *fields, void *arg, int32_t *bad) {
  const GcTrain *t = sess->t;
  if (t->accumulate <= 1) return call_train(sess, t->step, fields, arg, 0, bad);
  for (int64_t k = 0; k < t->accumulate; k++) {
    int status = call_train(sess, t->pass, fields, arg, (uint32_t)k, bad);
    if (status || (bad && *bad)) return status ? status : -1;
    add_microbatch(sess, k);
  }
  return session_call_train(sess, t->update, NULL, 0, bad);
}

void step_clear_gradients(Session *sess) {
  for (int i = 0; sess->t->accumulate > 1 && i < sess->m->nvars; i++) {
    const GcVar *v = &sess->m->vars[i];
    if (!v->is_grad_sum) continue;
    memset((unsigned char *)sess->mem + v->offset, 0, v->bytes);
    mirror_up(sess, v->offset, v->bytes);
  }
}

void step_check(Session *sess, int status) {
  if (status == -1) return;
  if (status > 0 && sess->t->accumulate > 1) session_check(sess->t->pass, status);
  session_check(sess->t->accumulate > 1 ? sess->t->update : sess->t->step, status);
}

/* ---- scores ---- */

unsigned char *states_copy(Session *sess, unsigned char *copy) {
  size_t at = 0, total = 1;
  for (int i = 0; i < sess->m->nvars; i++)
    if (sess->m->vars[i].kind == GC_STATE) total += sess->m->vars[i].bytes;
  unsigned char *to = copy ? copy : rt_alloc(total);
  for (int i = 0; i < sess->m->nvars; i++) {
    const GcVar *v = &sess->m->vars[i];
    if (v->kind != GC_STATE) continue;
    unsigned char *p = (unsigned char *)sess->mem + v->offset;
    if (!copy) mirror_down_part(sess, v->offset, v->bytes);
    if (copy) memcpy(p, to + at, v->bytes);
    else memcpy(to + at, p, v->bytes);
    if (copy) mirror_up(sess, v->offset, v->bytes);
    at += v->bytes;
  }
  return to;
}

/* Averages the scalars over all batches in double, weighted by records; the last batch may be smaller. Returns the
 * first status that is neither 0 nor -1. */
static int average(Session *sess, FieldsFn *fields, void *arg, uint64_t total, double *sum) {
  const GcGraph *g = sess->t->eval;
  uint64_t batch = (uint64_t)sess->t->batch;
  float *value = rt_array((size_t)sess->t->navg, sizeof *value);
  void **out = rt_array((size_t)sess->t->navg, sizeof *out);
  for (int i = 0; i < sess->t->navg; i++) out[i] = &value[i];
  if (g->nsizes == 0 && total % batch)
    rt_die(E_FIXED_BATCH, "%s: %llu records are not a multiple of %llu, and the model fixes its batch", g->name,
           (unsigned long long)total, (unsigned long long)batch);
  int status = 0;
  for (uint64_t at = 0; at < total && !status; at += batch) {
    uint64_t n = total - at < batch ? total - at : batch;
    int64_t size = (int64_t)n;
    status = session_call(sess, g, fields(arg, at, n), out, g->nsizes ? &size : NULL);
    if (status == -1) status = 0; /* the scores are NaN or Inf then */
    for (int i = 0; i < sess->t->navg; i++) sum[i] += (double)value[i] * (double)n;
  }
  rt_free(value);
  rt_free(out);
  return status;
}

int score_run(Session *sess, FieldsFn *fields, void *arg, uint64_t records, Scores *s) {
  const GcTrain *t = sess->t;
  if (!t->eval || !t->eval->fn) rt_die(E_NO_SUCH_PART, "%s has no evaluation", sess->m->name);
  double *sum = rt_array((size_t)t->navg, sizeof *sum);
  float *avg = rt_array((size_t)t->navg, sizeof *avg), *result = rt_array((size_t)t->nmetrics + 1, sizeof *result);
  unsigned char *states = states_copy(sess, NULL);
  int refused = average(sess, fields, arg, records, sum);
  states_copy(sess, states);
  rt_free(states);
  if (refused == -2) return -2;
  session_check(t->eval, refused);
  s->records = records;
  for (int i = 0; i < t->navg; i++) avg[i] = (float)(sum[i] / (double)records);
  if (t->eval_done && t->eval_done->fn) {
    const void **in = rt_array((size_t)t->navg, sizeof *in);
    void **out = rt_array((size_t)t->nmetrics + 1, sizeof *out);
    for (int i = 0; i < t->navg; i++) in[i] = &avg[i];
    for (int i = 0; i <= t->nmetrics; i++) out[i] = &result[i];
    int status = session_call(sess, t->eval_done, in, out, NULL);
    if (status == -2) return -2;
    if (status != -1) session_check(t->eval_done, status);
    rt_free(in);
    rt_free(out);
  } else memcpy(result, avg, ((size_t)t->nmetrics + 1) * sizeof *result);
  rt_free(sum);
  rt_free(avg);
  s->loss = result[0];
  s->metric = result + 1;
  return 0;
}
