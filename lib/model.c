/* SPDX-License-Identifier: Apache-2.0 */
/* A compiled model: its memory and threads, training, evaluation. */
#include "lib/lib.h"
#include "runtime/device.h"
#include "runtime/learned.h"
#include "runtime/num.h"
#include "runtime/step.h"
#include <math.h>
#include <string.h>

static void keep_learned(void *arg) {
  Session *sess = arg;
  sess->learned = learned_copy(sess->learned);
}

gradc_status model_call(const gradc_model *m, void (*fn)(void *arg), void *arg, gradc_error **error) {
  HostHeap h;
  if (!m) return error_null(error);
  host_heap_init(&h, &m->heap.alloc);
  void *before = device_enter(m);
  Session *sess = (Session *)&m->sess;
  struct Learned *known = sess->learned;
  int code = host_heap_try(&h, fn, arg);
  if (!code && sess->learned != known) code = host_heap_try((HostHeap *)&m->heap, keep_learned, sess);
  if (code) sess->learned = known; /* what the call made ends with it */
  device_leave(m, before);
  gradc_status s = code ? error_of_heap(&h, code, error) : GRADC_OK;
  host_heap_free(&h);
  return s;
}

/* ---- creation ---- */

static void start(void *arg) {
  gradc_model *m = arg;
  Session *sess = &m->sess;
  sess->t = sess->m->ntrain ? &sess->m->train[0] : NULL;
  session_memory(sess);
  if (sess->dev) sess->dev->any_memory = true;
  session_init(sess);
  if (sess->t && sess->t->steps > 0) sess->run->steps = (uint32_t)sess->t->steps;
  sections_plan(sess);
  section_enter(sess, 0);
  model_describe(m);
}

gradc_status model_start(Jit *jit, const gradc_options *o, int64_t device, gradc_error *warnings, gradc_model **model,
                         gradc_error **error) {
  HostHeap h;
  host_heap_init(&h, o->alloc);
  gradc_model *m = host_heap_alloc(&h, sizeof *m);
  if (!m) {
    jit_free(jit);
    gradc_error_free(warnings);
    return error_out_of_memory(error);
  }
  m->heap = h;
  m->heap.last = &m->heap.first;
  m->jit = jit;
  m->warnings = warnings;
  m->sess.m = jit_symbol(jit, "gc_model");
  m->sess.o.threads = o->threads;
  m->sess.o.device = device;
  int code = host_heap_try(&m->heap, start, m);
  device_leave(m, m->sess.dev ? m->sess.dev->before : NULL);
  if (!code) {
    *model = m;
    return GRADC_OK;
  }
  gradc_status s = error_of_heap(&m->heap, code, error);
  gradc_free(m);
  return s;
}

static void close_device(void *arg) { session_close(&((gradc_model *)arg)->sess); }

void gradc_free(gradc_model *m) {
  if (!m) return;
  if (m->sess.dev) host_heap_try(&m->heap, close_device, m);
  pool_free(m->sess.pool);
  jit_free(m->jit);
  gradc_error_free(m->warnings);
  host_heap_free(&m->heap);
}

const gradc_info *gradc_model_info(const gradc_model *m) { return m ? &m->info : NULL; }
const gradc_error *gradc_warnings(const gradc_model *m) { return m ? m->warnings : NULL; }

/* ---- training ---- */

typedef struct InitCall {
  gradc_model *m;
  uint64_t seed;
} InitCall;

static void init(void *arg) {
  InitCall *k = arg;
  Session *sess = &k->m->sess;
  sess->o.seed = k->seed;
  sess->o.seed_set = true;
  session_init(sess);
  for (int i = 0; i < sess->nsections; i++) sess->section[i].step = 0;
}

gradc_status gradc_init(gradc_model *m, uint64_t seed, gradc_error **error) {
  InitCall k = {m, seed};
  return model_call(m, init, &k, error);
}

gradc_status gradc_plan(gradc_model *m, uint32_t steps, uint32_t steps_per_epoch, gradc_error **error) {
  if (!m) return error_null(error);
  m->sess.run->steps = steps;
  m->sess.run->steps_per_epoch = steps_per_epoch;
  return GRADC_OK;
}

uint32_t gradc_planned_steps(const gradc_model *m, uint32_t *steps_per_epoch) {
  if (steps_per_epoch) *steps_per_epoch = m ? m->sess.run->steps_per_epoch : 0;
  return m ? m->sess.run->steps : 0;
}

uint32_t gradc_steps(const gradc_model *m) { return m ? m->sess.run->step : 0; }
float gradc_loss(const gradc_model *m) { return m ? m->sess.run->loss : NAN; }
float gradc_metric(const gradc_model *m, int i) {
  return m && i >= 0 && i < m->info.metrics ? *session_score(&m->sess, 1 + i) : NAN;
}
const char *gradc_metric_name(const gradc_model *m, int i) {
  return m && i >= 0 && i < m->info.metrics ? m->sess.t->metrics[i] : NULL;
}

/* ---- train sections ---- */

typedef struct SectionCall {
  gradc_model *m;
  const char *name;
} SectionCall;

static void choose(void *arg) {
  SectionCall *k = arg;
  Session *sess = &k->m->sess;
  for (int i = 0; i < sess->nsections; i++) {
    if (strcmp(sess->section[i].t->name, k->name)) continue;
    section_leave(sess);
    section_enter(sess, i);
    model_describe_section(k->m);
    return;
  }
  rt_die(E_NO_SUCH_ENTRY, "%s has no train section `%s`", sess->m->name, k->name);
}

gradc_status gradc_section(gradc_model *m, const char *name, gradc_error **error) {
  SectionCall k = {m, name};
  return name ? model_call(m, choose, &k, error) : error_null(error);
}

const char *gradc_section_name(const gradc_model *m, int i) {
  return m && i >= 0 && i < m->info.sections ? m->sess.section[i].t->name : NULL;
}

/* The fields of a call: the address of each, and the bytes of one of its records. */
typedef struct FieldsCall {
  gradc_model *m;
  const gradc_array *field;
  int n;
  const void **at;
  size_t *bytes;
  uint64_t records;
  float *results;
} FieldsCall;

static const void *const *fields_at(void *arg, uint64_t at, uint64_t n) {
  const FieldsCall *k = arg;
  if (k->n && at + n > k->records) return NULL;
  for (int f = 0; f < k->n; f++) k->at[f] = (const unsigned char *)k->field[f].data + at * k->bytes[f];
  return k->at;
}

/* Checks that all fields have this number of records (0: that of the first field), and prepares `fields_at`. Returns
 * the number of records. */
static uint64_t check_fields(FieldsCall *k, int64_t records) {
  const gradc_model *m = k->m;
  session_needs_train(&m->sess);
  if (k->n != m->info.fields)
    rt_die(E_ARRAY_MISMATCH, "the data section takes an array for each of %d field%s, not %d", m->info.fields,
           m->info.fields == 1 ? "" : "s", k->n);
  if (k->n && !k->field) rt_die(E_ARRAY_MISMATCH, "the fields are NULL");
  if (!records && k->n && k->field[0].rank > 0 && k->field[0].shape) records = k->field[0].shape[0];
  if (k->n && records <= 0) rt_die(E_ARRAY_MISMATCH, "there are no records");
  k->at = rt_array((size_t)k->n + 1, sizeof *k->at);
  k->bytes = rt_array((size_t)k->n + 1, sizeof *k->bytes);
  for (int f = 0; f < k->n; f++) {
    const gradc_tensor *t = &m->field[f];
    int64_t shape[GRADC_MAX_RANK];
    memcpy(shape, t->shape, sizeof shape);
    shape[0] = records;
    array_check(&k->field[f], t, shape, "field");
    k->bytes[f] = gc_dtype_size[t->dtype];
    for (int i = 1; i < t->rank; i++) k->bytes[f] *= (size_t)t->shape[i];
  }
  return k->records = (uint64_t)records;
}

/* Nothing was updated: runs the step again in check mode, to find the first node that is not finite. */
static int32_t find_nonfinite(FieldsCall *k) {
  int32_t bad = 0;
  step_run(&k->m->sess, fields_at, k, &bad);
  return bad;
}

static _Noreturn void not_finite(const Session *sess, int32_t bad) {
  if (bad > 0 && bad <= sess->m->nnodes) {
    const GcNode *n = &sess->m->nodes[bad - 1];
    rt_die(E_LOSS_NOT_FINITE, "%s:%d: the result of `%s` is not finite in step %u", n->file, n->line, n->op,
           sess->run->step + 1);
  }
  rt_die(E_LOSS_NOT_FINITE, "the loss is not finite in step %u", sess->run->step + 1);
}

static void check_planned(int status) {
  if (status == -2)
    rt_die(E_NO_STEPS, "the model uses `steps` or `epoch`, but the file does not fix them\ngradc_plan sets them");
}

static void step(void *arg) {
  FieldsCall *k = arg;
  Session *sess = &k->m->sess;
  check_fields(k, k->m->info.batch);
  GcRun before = *sess->run;
  /* if a microbatch fails, the earlier ones have already written states */
  unsigned char *states = sess->t->accumulate > 1 ? states_copy(sess, NULL) : NULL;
  int status = step_run(sess, fields_at, k, NULL);
  int32_t bad = status == -1 ? find_nonfinite(k) : 0;
  sess->run->step = before.step + !status;
  if (!status) return;
  *sess->run = before;
  if (states) states_copy(sess, states);
  step_clear_gradients(sess);
  if (status == -1) not_finite(sess, bad);
  check_planned(status);
  step_check(sess, status);
}

gradc_status gradc_step(gradc_model *m, const gradc_array *fields, int n, gradc_error **error) {
  FieldsCall k = {.m = m, .field = fields, .n = n};
  return model_call(m, step, &k, error);
}

static void evaluate(void *arg) {
  FieldsCall *k = arg;
  Session *sess = &k->m->sess;
  Scores s;
  if (!k->results) rt_die(E_BAD_CALL, "results is NULL");
  check_planned(score_run(sess, fields_at, k, check_fields(k, 0), &s));
  k->results[0] = s.loss;
  memcpy(k->results + 1, s.metric, (size_t)k->m->info.metrics * sizeof *s.metric);
  for (int i = 0; i < k->m->nscore; i++)
    memcpy(k->m->scores[i], s.tensor[i],
           (size_t)session_elements(sess->t->eval, score_tensor(sess->t, i), NULL) * sizeof(float));
  k->m->scored = true;
}

static void validate_on(void *arg) {
  FieldsCall *k = arg;
  Session *sess = &k->m->sess;
  if (sess->nsections > 1) rt_die(E_BAD_CALL, "%s has several train sections, and no validations", sess->m->name);
  evaluate(k);
  Scores s = {.loss = k->results[0], .metric = k->results + 1};
  validate_count(sess, &s);
}

gradc_status gradc_validate_on(gradc_model *m, const gradc_array *fields, int n, float *results, gradc_error **error) {
  FieldsCall k = {.m = m, .field = fields, .n = n, .results = results};
  return model_call(m, validate_on, &k, error);
}

gradc_status gradc_evaluate(gradc_model *m, const gradc_array *fields, int n, float *results, gradc_error **error) {
  FieldsCall k = {.m = m, .field = fields, .n = n, .results = results};
  return model_call(m, evaluate, &k, error);
}

typedef struct ScoreCall {
  const gradc_model *m;
  int i;
  const gradc_array *a;
} ScoreCall;

static void read_score(void *arg) {
  const ScoreCall *k = arg;
  const gradc_tensor *t = gradc_score_tensor(k->m, k->i);
  if (!t)
    rt_die(E_NO_SUCH_ENTRY, "%s has no metric %d that is a tensor: there are %d", k->m->info.name, k->i, k->m->nscore);
  if (!k->a) rt_die(E_BAD_CALL, "the array is NULL");
  if (!k->m->scored) rt_die(E_BAD_CALL, "there was no evaluation: gradc_evaluate computes `%s`", t->name);
  array_check(k->a, t, t->shape, "metric");
  size_t bytes = sizeof(float);
  for (int i = 0; i < t->rank; i++) bytes *= (size_t)t->shape[i];
  struct Device *dev = k->m->sess.dev;
  if (dev && device_has(dev, k->a->data)) device_copy(dev, k->a->data, k->m->scores[k->i], bytes);
  else memcpy(k->a->data, k->m->scores[k->i], bytes);
}

gradc_status gradc_read_score(gradc_model *m, int i, const gradc_array *a, gradc_error **error) {
  ScoreCall k = {m, i, a};
  return model_call(m, read_score, &k, error);
}
