/* SPDX-License-Identifier: Apache-2.0 */
/* What the server counts, in the text format of Prometheus. */
#ifndef GRADC_SERVE_METRICS_H
#define GRADC_SERVE_METRICS_H
#include "runtime/json_array.h"
#include <pthread.h>

enum { METRICS_BUCKETS = 20, METRICS_STATUSES = 16 };
typedef struct Histogram {
  int n; /* buckets with an upper bound; one more has the rest */
  double bound[METRICS_BUCKETS];
  uint64_t count[METRICS_BUCKETS + 1];
  double sum;
} Histogram;
typedef struct Metrics {
  pthread_mutex_t lock;
  Histogram seconds, batch;
  struct {
    int status;
    uint64_t n;
  } requests[METRICS_STATUSES];
  uint64_t reloads, reload_errors;
} Metrics;
void metrics_begin(Metrics *m);
void metrics_end(Metrics *m);
void metrics_request(Metrics *m, int status, double seconds); /* an answer, so long after the request's first byte */
void metrics_batch(Metrics *m, int64_t records);              /* a call of the model */
void metrics_reload(Metrics *m, bool ok);
void metrics_text(Metrics *m, int queued, int in_flight, JsonText *to);
#endif
