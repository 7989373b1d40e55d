/* SPDX-License-Identifier: Apache-2.0 */
/* A training step over its microbatches, and scores over any number of records. */
#include "device.h"
#include "num.h"
#include "rt.h"
#include "step.h"
#include <string.h>

/* Loss and metrics of a step are the means over its microbatches, in the run header after the last of them. */
static void add_microbatch(Session *sess, int64_t k) {
  for (int i = 0; i <= sess->t->nmetrics; i++) {
    float *score = session_score(sess, i);
    sess->sum[i] = k ? sess->sum[i] + *score : *score;
    if (k + 1 == sess->t->accumulate) *score = sess->sum[i] / (float)sess->t->accumulate;
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

/* What is gathered of an output of the evaluation's graph. */
typedef struct Gather {
  const GcPort *port;
  GcGather how;
  size_t n;          /* elements of a call; of rows: of one */
  double *sum;       /* of each element, weighted by records for a mean */
  unsigned char *to; /* the output of a call; rows: of all so far */
  size_t bytes;      /* of a call; of a row */
} Gather;

static size_t row_elements(const GcPort *p) {
  size_t n = 1;
  for (int i = 1; i < p->rank; i++) n = rt_mul(n, (size_t)p->dim[i]);
  return n;
}

static Gather *gathers_new(const GcTrain *t, uint64_t total) {
  Gather *all = rt_array((size_t)t->navg + 1, sizeof *all);
  for (int i = 0; i < t->navg; i++) {
    Gather *x = &all[i];
    x->port = &t->eval->out[i];
    x->how = t->gather ? (GcGather)t->gather[i] : GC_MEAN;
    x->n = x->how == GC_ROWS ? row_elements(x->port) : (size_t)session_elements(t->eval, x->port, NULL);
    x->bytes = rt_mul(x->n, gc_dtype_size[x->port->dtype]);
    /* the last call of rows may write up to a batch after them */
    x->to = rt_alloc(rt_mul(x->bytes, x->how == GC_ROWS ? total + (uint64_t)t->batch : 1) + 64);
    if (x->how != GC_ROWS) x->sum = rt_array(x->n + 1, sizeof *x->sum);
  }
  return all;
}

static void gathers_free(Gather *all, int n) {
  for (int i = 0; i < n; i++) {
    rt_free(all[i].sum);
    rt_free(all[i].to);
  }
  rt_free(all);
}

/* The records after the last full batch, of a graph that takes full ones alone: in the fewest batches in which each of
 * them is as often as any other. Means over these batches are means over the records. */
typedef struct Rest {
  const GcGraph *g;
  uint64_t n, batch, calls;
  unsigned char **record, **in; /* of each input: of the records, and of a batch */
  size_t *bytes;                /* of a record */
} Rest;

static uint64_t common_divisor(uint64_t a, uint64_t b) {
  while (b) {
    uint64_t r = a % b;
    a = b;
    b = r;
  }
  return a;
}

static Rest rest_new(const GcTrain *t, const void *const *fields, uint64_t n) {
  const GcGraph *g = t->eval;
  Rest r = {.g = g, .n = n, .batch = (uint64_t)t->batch};
  r.calls = n / common_divisor(n, r.batch);
  r.record = rt_array((size_t)g->nin + 1, sizeof *r.record);
  r.in = rt_array((size_t)g->nin + 1, sizeof *r.in);
  r.bytes = rt_array((size_t)g->nin + 1, sizeof *r.bytes);
  for (int i = 0; i < g->nin; i++) {
    size_t all = rt_mul(session_elements(g, &g->in[i], NULL), gc_dtype_size[g->in[i].dtype]);
    r.bytes[i] = all / r.batch;
    r.in[i] = rt_alloc(all + 64);
    r.record[i] = rt_alloc(rt_mul(n, r.bytes[i]) + 1);
    memcpy(r.record[i], fields[i], n * r.bytes[i]);
  }
  return r;
}

static void rest_free(Rest *r) {
  for (int i = 0; i < r->g->nin; i++) {
    rt_free(r->in[i]);
    rt_free(r->record[i]);
  }
  rt_free(r->in);
  rt_free(r->record);
  rt_free(r->bytes);
}

static void rest_fill(const Rest *r, uint64_t call) {
  for (int i = 0; i < r->g->nin; i++)
    for (uint64_t k = 0; k < r->batch; k++)
      memcpy(r->in[i] + k * r->bytes[i], r->record[i] + (call * r->batch + k) % r->n * r->bytes[i], r->bytes[i]);
}

/* Adds the sums over all calls. The first one has given the rows. */
static void rest_add(const Rest *r, Gather *x, const double *sum) {
  double calls = (double)r->calls, each = (double)(r->batch * r->calls / r->n);
  for (size_t k = 0; k < x->n && x->how != GC_ROWS; k++)
    x->sum[k] += x->how == GC_MEAN ? sum[k] / calls * (double)r->n : sum[k] / each;
}

static int gather_rest(Session *sess, const void *const *fields, uint64_t at, uint64_t n, Gather *all) {
  const GcTrain *t = sess->t;
  Rest r = rest_new(t, fields, n);
  void **out = rt_array((size_t)t->navg + 1, sizeof *out), **spare = rt_array((size_t)t->navg + 1, sizeof *spare);
  double **sum = rt_array((size_t)t->navg + 1, sizeof *sum);
  int status = 0;
  for (int i = 0; i < t->navg; i++) {
    bool rows = all[i].how == GC_ROWS;
    spare[i] = rt_alloc(rt_mul(all[i].bytes, rows ? r.batch : 1) + 64);
    sum[i] = rt_array(all[i].n + 1, sizeof **sum);
  }
  for (uint64_t c = 0; c < r.calls && !status; c++) {
    rest_fill(&r, c);
    for (int i = 0; i < t->navg; i++) out[i] = all[i].how == GC_ROWS && !c ? all[i].to + at * all[i].bytes : spare[i];
    status = session_call(sess, t->eval, (const void *const *)r.in, out, NULL);
    if (status == -1) status = 0;
    for (int i = 0; i < t->navg; i++)
      for (size_t k = 0; k < all[i].n && all[i].how != GC_ROWS; k++)
        sum[i][k] += num_load(all[i].port->dtype, spare[i], k);
  }
  for (int i = 0; i < t->navg; i++) {
    rest_add(&r, &all[i], sum[i]);
    rt_free(spare[i]);
    rt_free(sum[i]);
  }
  rt_free(spare);
  rt_free(sum);
  rt_free(out);
  rest_free(&r);
  return status;
}

static void gather_add(Gather *x, uint64_t n) {
  double weight = x->how == GC_MEAN ? (double)n : 1;
  for (size_t k = 0; k < x->n && x->how != GC_ROWS; k++) x->sum[k] += num_load(x->port->dtype, x->to, k) * weight;
}

/* Calls the graph for all batches; the last may be smaller. Returns the first status that is neither 0 nor -1. */
static int gather(Session *sess, FieldsFn *fields, void *arg, uint64_t total, Gather *all) {
  const GcTrain *t = sess->t;
  const GcGraph *g = t->eval;
  uint64_t batch = (uint64_t)t->batch;
  void **out = rt_array((size_t)t->navg + 1, sizeof *out);
  int status = 0;
  for (uint64_t at = 0; at < total && !status; at += batch) {
    uint64_t n = total - at < batch ? total - at : batch;
    int64_t size = (int64_t)n;
    for (int i = 0; i < t->navg; i++) out[i] = all[i].to + (all[i].how == GC_ROWS ? at * all[i].bytes : 0);
    const void *const *in = fields(arg, at, n);
    if (in && n < batch && !g->nsizes) {
      status = gather_rest(sess, in, at, n, all);
      break;
    }
    status = in ? session_call(sess, g, in, out, g->nsizes ? &size : NULL) : SCORE_ENDED;
    if (status == -1) status = 0; /* the scores are NaN or Inf then */
    for (int i = 0; i < t->navg; i++) gather_add(&all[i], n);
  }
  rt_free(out);
  return status;
}

/* Means and totals, rounded to their type, where the outputs were. */
static void gather_finish(Gather *x, uint64_t total) {
  double records = x->how == GC_MEAN ? (double)total : 1;
  for (size_t k = 0; k < x->n && x->how != GC_ROWS; k++) num_store(x->port->dtype, x->to, k, x->sum[k] / records);
}

const GcPort *score_tensor(const GcTrain *t, int i) {
  const GcGraph *g = t->eval_done && t->eval_done->fn ? t->eval_done : t->eval;
  return i >= 0 && i < t->ntensors && g ? &g->out[1 + t->nmetrics + i] : NULL;
}

static void scores_new(const GcTrain *t, Scores *s, void **out) {
  float *result = rt_array((size_t)t->nmetrics + 1, sizeof *result);
  for (int i = 0; i <= t->nmetrics; i++) out[i] = &result[i];
  s->metric = result + 1;
  s->tensor = rt_array((size_t)t->ntensors + 1, sizeof *s->tensor);
  for (int i = 0; i < t->ntensors; i++)
    out[1 + t->nmetrics + i] = s->tensor[i] =
      rt_array((size_t)session_elements(t->eval, score_tensor(t, i), NULL) + 16, sizeof(float));
}

void scores_free(const Session *sess, Scores *s) {
  if (s->metric) rt_free(s->metric - 1);
  for (int i = 0; s->tensor && i < sess->t->ntensors; i++) rt_free(s->tensor[i]);
  rt_free(s->tensor);
  *s = (Scores){0};
}

/* The sizes of eval_done are numbers of records. */
static int score_done(Session *sess, uint64_t records, const Gather *all, void **out) {
  const GcGraph *g = sess->t->eval_done;
  const void **in = rt_array((size_t)g->nin + 1, sizeof *in);
  int64_t size[GC_MAX_SIZES];
  for (int i = 0; i < g->nsizes; i++) size[i] = (int64_t)records;
  for (int i = 0; i < g->nin; i++) in[i] = all[i].to;
  int status = session_call(sess, g, in, out, g->nsizes ? size : NULL);
  rt_free(in);
  return status;
}

void score_check(const Session *sess, uint64_t records) {
  const GcTrain *t = sess->t;
  if (!t->eval || !t->eval->fn) rt_die(E_NO_SUCH_PART, "%s has no evaluation", sess->m->name);
  const GcGraph *done = t->eval_done && t->eval_done->fn ? t->eval_done : NULL;
  for (int i = 0; done && i < done->nsizes; i++)
    if (records > (uint64_t)done->size_bound[i])
      rt_die(E_TOO_MANY_RECORDS, "%s: a metric collects at most %lld records, there are %llu\ncollect(x, most = %llu)",
             sess->m->name, (long long)done->size_bound[i], (unsigned long long)records, (unsigned long long)records);
}

int score_run(Session *sess, FieldsFn *fields, void *arg, uint64_t records, Scores *s) {
  const GcTrain *t = sess->t;
  score_check(sess, records);
  int nout = 1 + t->nmetrics + t->ntensors, status = 0;
  Gather *all = gathers_new(t, records);
  unsigned char *states = states_copy(sess, NULL);
  int refused = gather(sess, fields, arg, records, all);
  states_copy(sess, states);
  rt_free(states);
  if (refused == SCORE_ENDED) gathers_free(all, t->navg);
  if (refused == -2 || refused == SCORE_ENDED) return refused;
  session_check(t->eval, refused);
  void **out = rt_array((size_t)nout, sizeof *out);
  scores_new(t, s, out);
  s->records = records;
  for (int i = 0; i < t->navg; i++) gather_finish(&all[i], records);
  if (t->eval_done && t->eval_done->fn) status = score_done(sess, records, all, out);
  else
    for (int i = 0; i < nout; i++) memcpy(out[i], all[i].to, all[i].bytes);
  if (status == -2) return -2;
  if (status != -1) session_check(t->eval_done, status);
  s->loss = s->metric[-1];
  rt_free(out);
  gathers_free(all, t->navg);
  return 0;
}
