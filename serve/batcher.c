/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/batcher.h"
#include "runtime/num.h"
#include "runtime/rt.h"
#include <math.h>
#include <string.h>
#include <time.h>

void batcher_begin(Batcher *b) {
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_mutex_init(&b->lock, NULL);
  pthread_cond_init(&b->wake, &attr);
  pthread_condattr_destroy(&attr);
  b->last = &b->first;
}

void batcher_end(Batcher *b) {
  pthread_cond_destroy(&b->wake);
  pthread_mutex_destroy(&b->lock);
}

/* ---- which calls can be joined ---- */

/* The size that is the first axis of all ports, and of nothing else; -1: there is none. */
static int batch_size_of(const GcGraph *g) {
  int found = -1;
  for (int i = 0; i < g->nin + g->nout; i++) {
    const GcPort *q = i < g->nin ? &g->in[i] : &g->out[i - g->nin];
    int s = q->rank ? session_size_of(g, q->dim[0]) : -1;
    if (s < 0 || (found >= 0 && s != found)) return -1;
    found = s;
    for (int d = 1; d < q->rank; d++)
      for (int t = 0; q->dim[d] < 0 && t < g->dims[-1 - q->dim[d]].nterm; t++)
        if (g->dims[-1 - q->dim[d]].term[t].exp[s]) return -1;
  }
  return g->nin ? found : -1;
}

static size_t row_bytes(const Served *s, const GcPort *q, const int64_t *size) {
  int64_t one[GC_MAX_SIZES];
  memcpy(one, size, sizeof one);
  one[s->batch] = 1;
  return (size_t)session_elements(s->g, q, one) * gc_dtype_size[q->dtype];
}

/* Numbers that differ from row to row and are in the range of the input. */
static void fill_trial(const GcGraph *g, int i, void *to, uint64_t n) {
  const GcPort *q = &g->in[i];
  for (uint64_t k = 0; k < n; k++) {
    uint64_t h = (k + 1) * 0x9E3779B97F4A7C15u >> 33;
    double v = gc_is_float(q->dtype) ? (double)(h % 2001) / 1000 - 1
                                     : (double)(h % (uint64_t)(q->range > 0          ? q->range
                                                               : q->dtype == GC_BOOL ? 2
                                                                                     : 100));
    num_store((GcDType)q->dtype, to, k, v);
  }
}

/* Whether each row of a full batch has the bits of a call with that row alone. */
static bool rows_are_alone(Session *sess, const Served *s, void **in, void **out, void **own) {
  const GcGraph *g = s->g;
  int64_t size[GC_MAX_SIZES] = {0};
  for (int i = 0; i < g->nsizes; i++) size[i] = g->size_bound[i];
  size[s->batch] = s->limit;
  for (int i = 0; i < g->nin; i++) fill_trial(g, i, in[i], session_elements(g, &g->in[i], size));
  if (session_call(sess, g, (const void *const *)in, out, size) > 0) return false;
  size[s->batch] = 1;
  const void **row = rt_array((size_t)g->nin, sizeof *row);
  bool same = true;
  for (int64_t r = 0; r < s->limit && same; r += r < 8 || r + 8 >= s->limit ? 1 : s->limit / 8) {
    for (int i = 0; i < g->nin; i++) row[i] = (char *)in[i] + (size_t)r * row_bytes(s, &g->in[i], size);
    same = session_call(sess, g, row, own, size) <= 0;
    for (int i = 0; i < g->nout && same; i++) {
      size_t n = row_bytes(s, &g->out[i], size);
      same = !memcmp(own[i], (char *)out[i] + (size_t)r * n, n);
    }
  }
  rt_free(row);
  return same;
}

void batcher_plan(Session *sess, Served *s, int64_t most, const char **why) {
  const GcGraph *g = s->g;
  s->batch = batch_size_of(g);
  *why = "no run-time size is the first axis of all its inputs and results";
  if (s->batch < 0) return;
  int64_t bound = g->size_bound[s->batch];
  s->limit = most > 0 && most < bound ? most : bound;
  *why = "--batch-max 1";
  bool joined = s->limit > 1;
  if (joined) {
    s->in = rt_array((size_t)g->nin, sizeof *s->in);
    s->out = rt_array((size_t)g->nout, sizeof *s->out);
    void **own = rt_array((size_t)g->nout, sizeof *own);
    for (int i = 0; i < g->nin; i++) s->in[i] = session_buffer(g, &g->in[i]);
    for (int i = 0; i < g->nout; i++) s->out[i] = session_buffer(g, &g->out[i]);
    for (int i = 0; i < g->nout; i++) own[i] = session_buffer(g, &g->out[i]);
    *why = "a record's result depends on the others in its call";
    joined = rows_are_alone(sess, s, s->in, s->out, own);
  }
  if (joined) *why = NULL;
  else s->batch = -1;
}

/* ---- the queue ---- */

bool batcher_offer(Batcher *b, Job *job, void (*before)(void *arg), void *arg) {
  pthread_mutex_lock(&b->lock);
  bool room = b->n < b->limit && !b->stop;
  if (room) {
    before(arg);
    job->next = NULL;
    job->since = rt_now();
    *b->last = job;
    b->last = &job->next;
    b->n++;
    pthread_cond_signal(&b->wake);
  }
  pthread_mutex_unlock(&b->lock);
  return room;
}

int batcher_length(Batcher *b) {
  pthread_mutex_lock(&b->lock);
  int n = b->n;
  pthread_mutex_unlock(&b->lock);
  return n;
}

void batcher_ask(Batcher *b, bool *what) {
  pthread_mutex_lock(&b->lock);
  *what = true;
  pthread_cond_signal(&b->wake);
  pthread_mutex_unlock(&b->lock);
}

static int64_t records(const Job *j) { return j->of->batch < 0 ? 1 : j->size[j->of->batch]; }

static bool joins(const Job *a, const Job *b) {
  if (a->of != b->of || a->of->batch < 0) return false;
  for (int i = 0; i < a->of->g->nsizes; i++)
    if (i != a->of->batch && a->size[i] != b->size[i]) return false;
  return true;
}

/* How many records of the jobs that join the first one fit into one call. */
static int64_t joined(const Batcher *b) {
  int64_t n = 0;
  for (const Job *j = b->first; j; j = j->next)
    if (joins(b->first, j) && n + records(j) <= b->first->of->limit) n += records(j);
  return n;
}

/* Takes the first job, and those that fit into its call. */
static Job *take(Batcher *b) {
  Job *batch = b->first, **end = &batch->next;
  int64_t n = records(batch);
  b->first = batch->next;
  b->n--;
  for (Job **at = &b->first; *at;) {
    Job *j = *at;
    if (!joins(batch, j) || n + records(j) > batch->of->limit) {
      at = &j->next;
      continue;
    }
    n += records(j);
    *at = j->next;
    b->n--;
    *end = j;
    end = &j->next;
  }
  *end = NULL;
  b->last = &b->first;
  while (*b->last) b->last = &(*b->last)->next;
  return batch;
}

static void wait_until(Batcher *b, double time) {
  struct timespec t = {.tv_sec = (time_t)time, .tv_nsec = (long)((time - floor(time)) * 1e9)};
  pthread_cond_timedwait(&b->wake, &b->lock, &t);
}

/* The next batch; NULL: stop. */
static Job *next_batch(Batcher *b) {
  Job *batch = NULL;
  pthread_mutex_lock(&b->lock);
  while (!batch && !(b->stop && !b->first)) {
    if (b->reload) {
      b->reload = false;
      pthread_mutex_unlock(&b->lock);
      b->refresh(b);
      pthread_mutex_lock(&b->lock);
    } else if (!b->first) pthread_cond_wait(&b->wake, &b->lock);
    else if (b->first->of->batch < 0 || b->stop || rt_now() >= b->first->since + b->wait ||
             joined(b) >= b->first->of->limit)
      batch = take(b);
    else wait_until(b, b->first->since + b->wait);
  }
  pthread_mutex_unlock(&b->lock);
  return batch;
}

/* ---- calls ---- */

static void call_alone(Batcher *b, Job *j) {
  metrics_batch(b->metrics, records(j));
  j->status = session_call(b->sess, j->of->g, (const void *const *)j->in, j->out, j->size);
}

/* Rows of a joined call from or to the arrays of its jobs. */
static void copy_rows(Job *batch, bool in) {
  const Served *s = batch->of;
  const GcPort *port = in ? s->g->in : s->g->out;
  for (int i = 0; i < (in ? s->g->nin : s->g->nout); i++) {
    size_t row = row_bytes(s, &port[i], batch->size);
    char *at = in ? s->in[i] : s->out[i];
    for (Job *j = batch; j; j = j->next) {
      size_t n = row * (size_t)records(j);
      memcpy(in ? at : j->out[i], in ? j->in[i] : at, n);
      at += n;
    }
  }
}

static void call_joined(Batcher *b, Job *batch) {
  const Served *s = batch->of;
  int64_t size[GC_MAX_SIZES], n = 0;
  memcpy(size, batch->size, sizeof size);
  for (Job *j = batch; j; j = j->next) n += records(j);
  size[s->batch] = n;
  copy_rows(batch, true);
  int status = session_call(b->sess, s->g, (const void *const *)s->in, s->out, size);
  if (status > 0) { /* a value of one of them is out of range: the others have results */
    for (Job *j = batch; j; j = j->next) call_alone(b, j);
    return;
  }
  metrics_batch(b->metrics, n);
  copy_rows(batch, false);
  for (Job *j = batch; j; j = j->next) j->status = status;
}

void batcher_run(Batcher *b) {
  for (Job *batch; (batch = next_batch(b));) {
    if (batch->next) call_joined(b, batch);
    else call_alone(b, batch);
    for (Job *j = batch, *next; j; j = next) {
      next = j->next;
      j->done(j);
    }
  }
}
