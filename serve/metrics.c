/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/metrics.h"
#include "runtime/rt.h"

void metrics_begin(Metrics *m) {
  static const double seconds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                   0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};
  *m = (Metrics){0};
  pthread_mutex_init(&m->lock, NULL);
  m->seconds.n = COUNT(seconds);
  for (int i = 0; i < COUNT(seconds); i++) m->seconds.bound[i] = seconds[i];
  m->batch.n = 13;
  for (int i = 0; i < m->batch.n; i++) m->batch.bound[i] = 1 << i;
}

void metrics_end(Metrics *m) { pthread_mutex_destroy(&m->lock); }

static void observe(Histogram *h, double v) {
  int i = 0;
  while (i < h->n && v > h->bound[i]) i++;
  h->count[i]++;
  h->sum += v;
}

void metrics_request(Metrics *m, int status, double seconds) {
  pthread_mutex_lock(&m->lock);
  observe(&m->seconds, seconds);
  int i = 0;
  while (i + 1 < METRICS_STATUSES && m->requests[i].status && m->requests[i].status != status) i++;
  m->requests[i].status = status;
  m->requests[i].n++;
  pthread_mutex_unlock(&m->lock);
}

void metrics_batch(Metrics *m, int64_t records) {
  pthread_mutex_lock(&m->lock);
  observe(&m->batch, (double)records);
  pthread_mutex_unlock(&m->lock);
}

void metrics_reload(Metrics *m, bool ok) {
  pthread_mutex_lock(&m->lock);
  *(ok ? &m->reloads : &m->reload_errors) += 1;
  pthread_mutex_unlock(&m->lock);
}

static void line(JsonText *t, const char *name, const char *label, double v) {
  char text[200];
  snprintf(text, sizeof text, "%s%s %.17g\n", name, label, v);
  json_puts(t, text);
}

static void head(JsonText *t, const char *name, const char *type, const char *help) {
  char text[300];
  snprintf(text, sizeof text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
  json_puts(t, text);
}

static void histogram(JsonText *t, const char *name, const char *help, const Histogram *h) {
  char series[100], label[60];
  uint64_t sum = 0;
  head(t, name, "histogram", help);
  snprintf(series, sizeof series, "%s_bucket", name);
  for (int i = 0; i <= h->n; i++) {
    sum += h->count[i];
    if (i < h->n) snprintf(label, sizeof label, "{le=\"%g\"}", h->bound[i]);
    else snprintf(label, sizeof label, "{le=\"+Inf\"}");
    line(t, series, label, (double)sum);
  }
  snprintf(series, sizeof series, "%s_sum", name);
  line(t, series, "", h->sum);
  snprintf(series, sizeof series, "%s_count", name);
  line(t, series, "", (double)sum);
}

void metrics_text(Metrics *m, int queued, int in_flight, JsonText *to) {
  char label[60];
  pthread_mutex_lock(&m->lock);
  Metrics k = *m;
  pthread_mutex_unlock(&m->lock);
  head(to, "gradc_requests_total", "counter", "Answers, by HTTP status.");
  for (int i = 0; i < METRICS_STATUSES && k.requests[i].status; i++) {
    snprintf(label, sizeof label, "{status=\"%d\"}", k.requests[i].status);
    line(to, "gradc_requests_total", label, (double)k.requests[i].n);
  }
  histogram(to, "gradc_request_seconds", "Time from a request's first byte to its answer.", &k.seconds);
  histogram(to, "gradc_batch_size", "Records of a call of the model.", &k.batch);
  head(to, "gradc_queue_length", "gauge", "Requests that wait for the model.");
  line(to, "gradc_queue_length", "", queued);
  head(to, "gradc_requests_in_flight", "gauge", "Requests begun and not answered.");
  line(to, "gradc_requests_in_flight", "", in_flight);
  head(to, "gradc_weights_reloads_total", "counter", "Weights read again, by result.");
  line(to, "gradc_weights_reloads_total", "{result=\"ok\"}", (double)k.reloads);
  line(to, "gradc_weights_reloads_total", "{result=\"error\"}", (double)k.reload_errors);
}
