/* SPDX-License-Identifier: Apache-2.0 */
/* gradc_data: the data section, read as the training binary reads it. */
#include "lib/lib.h"
#include "runtime/learned.h"
#include "runtime/device.h"
#include "runtime/num.h"
#include "runtime/step.h"
#include <string.h>

struct gradc_data {
  HostHeap heap; /* owns this struct and all records */
  gradc_model *m;
  Session sess; /* a copy of the model's, with other files */
  Data *data;
};

typedef struct OpenCall {
  gradc_data *d;
  const char *path;
} OpenCall;

static void open_data(void *arg) {
  OpenCall *k = arg;
  Session *sess = &k->d->sess;
  session_needs_train(sess);
  if (sess->t->data < 0) rt_die(E_NO_SUCH_PART, "%s trains without data", sess->m->name);
  const GcData *g = &sess->m->data[sess->t->data];
  sess->o.data.n = k->path != NULL;
  if (k->path) sess->o.data.v[0] = rt_printf("%s=%s", g->name, k->path);
  k->d->data = data_open(sess, g, session_seed(sess));
  validate_open(sess);
}

/* What the model learned of its data outlives the data: the model's weights files have it. */
static void keep_learned(void *arg) {
  const gradc_data *d = arg;
  d->m->sess.learned = learned_copy(d->sess.learned);
}

typedef struct FoldCall {
  gradc_model *m;
  int k, n;
} FoldCall;

static void set_fold(void *arg) {
  const FoldCall *c = arg;
  if (c->n && (c->n < 2 || c->k < 1 || c->k > c->n))
    rt_die(E_BAD_CALL, "fold %d of %d: there are 2 or more, counted from 1", c->k, c->n);
  c->m->sess.o.fold = (Fold){(uint32_t)c->k, (uint32_t)c->n};
}

gradc_status gradc_fold(gradc_model *m, int k, int n, gradc_error **error) {
  FoldCall c = {m, k, n};
  return model_call(m, set_fold, &c, error);
}

gradc_status gradc_data_open(gradc_model *m, const char *path, gradc_data **data, gradc_error **error) {
  HostHeap h;
  if (!m || !data) return error_null(error);
  *data = NULL;
  host_heap_init(&h, &m->heap.alloc);
  gradc_data *d = host_heap_alloc(&h, sizeof *d);
  if (!d) return error_out_of_memory(error);
  d->heap = h;
  d->heap.last = &d->heap.first;
  d->m = m;
  d->sess = m->sess;
  OpenCall k = {d, path};
  int code = host_heap_try(&d->heap, open_data, &k);
  if (!code) code = host_heap_try(&m->heap, keep_learned, d);
  if (!code) {
    *data = d;
    return GRADC_OK;
  }
  gradc_status s = error_of_heap(&d->heap, code, error);
  gradc_data_close(d);
  return s;
}

void gradc_data_close(gradc_data *d) {
  if (d) host_heap_free(&d->heap);
}

uint64_t gradc_data_records(const gradc_data *d) { return d ? d->data->ntrain : 0; }
uint64_t gradc_data_held_out(const gradc_data *d) { return d ? d->data->nhold : 0; }

typedef struct BatchCall {
  gradc_data *d;
  int64_t epoch;
  uint64_t at, n;
  const gradc_array *field;
  int nfields;
} BatchCall;

static void batch(void *arg) {
  BatchCall *k = arg;
  const gradc_model *m = k->d->m;
  uint64_t records = k->epoch < 0 ? k->d->data->nhold : k->d->data->ntrain;
  if (k->nfields != m->info.fields || !k->field)
    rt_die(E_ARRAY_MISMATCH, "the data section takes an array for each of %d field%s, not %d", m->info.fields,
           m->info.fields == 1 ? "" : "s", k->field ? k->nfields : 0);
  if (k->n > records || k->at > records - k->n)
    rt_die(E_BAD_CALL, "records %llu to %llu are out of range: there are %llu", (unsigned long long)k->at,
           (unsigned long long)(k->at + k->n), (unsigned long long)records);
  unsigned char **to = rt_array((size_t)k->nfields + 1, sizeof *to);
  size_t *bytes = rt_array((size_t)k->nfields + 1, sizeof *bytes); /* of what is memory of the device */
  for (int f = 0; f < k->nfields; f++) {
    int64_t shape[GRADC_MAX_RANK];
    memcpy(shape, m->field[f].shape, sizeof shape);
    shape[0] = (int64_t)k->n;
    array_check(&k->field[f], &m->field[f], shape, "field");
    to[f] = k->field[f].data;
    if (!m->sess.dev || !device_has(m->sess.dev, to[f])) continue;
    bytes[f] = gc_dtype_size[m->field[f].dtype];
    for (int i = 0; i < m->field[f].rank; i++) bytes[f] *= (size_t)shape[i];
    to[f] = rt_alloc(bytes[f]);
  }
  data_batch(k->d->data, k->epoch < 0 ? 0 : (uint64_t)k->epoch, k->at, k->n, k->epoch < 0, to);
  for (int f = 0; f < k->nfields; f++)
    if (bytes[f]) device_copy(m->sess.dev, k->field[f].data, to[f], bytes[f]);
}

gradc_status gradc_data_batch(gradc_data *d, int64_t epoch, uint64_t at, uint64_t n, const gradc_array *fields,
                              int nfields, gradc_error **error) {
  BatchCall k = {d, epoch, at, n, fields, nfields};
  return d ? model_call(d->m, batch, &k, error) : error_null(error);
}

/* ---- validation ---- */

typedef struct ValidateCall {
  gradc_data *d;
  float *results;
} ValidateCall;

/* The model's session, with the records of d. */
static Session with_data(const gradc_data *d) {
  Session sess = d->m->sess;
  sess.data = d->data;
  sess.other = d->sess.other;
  return sess;
}

int gradc_validation_due(const gradc_data *d) {
  if (!d) return 0;
  Session sess = with_data(d);
  return sess.nsections < 2 && validate_pending(&sess);
}

static void validate(void *arg) {
  ValidateCall *k = arg;
  Session sess = with_data(k->d);
  Scores s;
  if (!k->results) rt_die(E_BAD_CALL, "results is NULL");
  if (sess.nsections > 1) rt_die(E_BAD_CALL, "%s has several train sections, and no validations", sess.m->name);
  if (!score_records(score_set(&sess, false))) rt_die(E_BAD_CALL, "there is nothing to validate on: no hold-out");
  validate_run(&sess, &s);
  k->d->m->sess.seen = sess.seen;
  k->results[0] = s.loss;
  memcpy(k->results + 1, s.metric, (size_t)k->d->m->info.metrics * sizeof *s.metric);
  scores_free(&sess, &s);
}

gradc_status gradc_validate(gradc_data *d, float *results, gradc_error **error) {
  ValidateCall k = {d, results};
  return d ? model_call(d->m, validate, &k, error) : error_null(error);
}

int64_t gradc_validate_every(const gradc_model *m) { return m && m->sess.t ? m->sess.t->validate : 0; }
uint32_t gradc_validated(const gradc_model *m) { return m ? m->sess.seen.step : 0; }
uint32_t gradc_best_step(const gradc_model *m) {
  return m && m->sess.t && m->sess.t->best.score ? m->sess.seen.best.step : 0;
}
int gradc_stops_early(const gradc_model *m) { return m && m->sess.t && validate_ends(&m->sess); }
