/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of calls. The thread that runs the model takes what waits, in order, and joins calls of one export along
 * its first axis. */
#ifndef GRADC_SERVE_BATCHER_H
#define GRADC_SERVE_BATCHER_H
#include "runtime/session.h"
#include "serve/metrics.h"
#include <pthread.h>

typedef struct Served { /* an export */
  const GcGraph *g;
  int batch;        /* the run-time size that counts records; -1: calls are not joined */
  int64_t limit;    /* records of a call */
  void **in, **out; /* for `limit` records; NULL: calls are not joined */
} Served;

typedef struct Job { /* a call; all arrays are the caller's until it is done */
  const Served *of;
  void **in, **out;
  int64_t size[GC_MAX_SIZES];
  int status;                    /* of the call: see GcFn */
  double since;                  /* rt_now() when it was queued */
  void (*done)(struct Job *job); /* on the thread of the model */
  void *owner;
  struct Job *next;
} Job;

typedef struct Batcher {
  Session *sess;
  Metrics *metrics;
  double wait; /* seconds that a call waits for others at most */
  int limit;   /* jobs that may wait */
  pthread_mutex_t lock;
  pthread_cond_t wake;
  Job *first, **last;
  int n;
  bool stop;   /* batcher_run returns when the queue is empty */
  bool reload; /* call reload() before the next batch */
  void (*refresh)(struct Batcher *b);
  void *owner;
} Batcher;
void batcher_begin(Batcher *b);
void batcher_end(Batcher *b);
/* Chooses how calls of an export are joined: along a run-time size that is the first axis of all inputs and outputs and
 * nothing else, if rows of a trial have the same bits in a batch and alone; at most `most` records. *why: why not. */
void batcher_plan(Session *sess, Served *s, int64_t most, const char **why);
/* Queues a job; false: the queue is full, or stopping. before(arg) is called first, so that done() comes after it. */
bool batcher_offer(Batcher *b, Job *job, void (*before)(void *arg), void *arg);
int batcher_length(Batcher *b);
void batcher_ask(Batcher *b, bool *what); /* sets b->stop or b->reload and wakes the thread */
void batcher_run(Batcher *b);
#endif
