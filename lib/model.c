/* A compiled model: its memory and threads, training, evaluation. */
#include "lib/lib.h"
#include <math.h>
#include <string.h>

gradc_status model_call(const gradc_model *m, void (*fn)(void *arg), void *arg, gradc_error **error) {
  Heap h;
  if (!m) return error_null(error);
  heap_init(&h, &m->heap.alloc);
  int code = heap_try(&h, fn, arg);
  gradc_status s = code ? error_of_heap(&h, code, error) : GRADC_OK;
  heap_free(&h);
  return s;
}

/* ---- its life ---- */

static void start(void *arg) {
  gradc_model *m = arg;
  App *a = &m->app;
  a->t = a->m->ntrain ? &a->m->train[0] : NULL;
  app_memory(a);
  app_init(a);
  if (a->t && a->t->steps > 0) a->run->steps = (uint32_t)a->t->steps;
  model_describe(m);
}

/* The model takes over jit and warnings, whether or not it is made. */
gradc_status model_start(Jit *jit, const gradc_options *o, gradc_error *warnings, gradc_model **model,
                        gradc_error **error) {
  Heap h;
  heap_init(&h, o->alloc);
  gradc_model *m = heap_get(&h, sizeof *m);
  if (!m) {
    jit_free(jit);
    gradc_error_free(warnings);
    return error_out_of_memory(error);
  }
  m->heap = h;
  m->heap.last = &m->heap.first;
  m->jit = jit;
  m->warnings = warnings;
  m->app.m = jit_symbol(jit, "gc_model");
  m->app.o.threads = o->threads;
  int code = heap_try(&m->heap, start, m);
  if (!code) return *model = m, GRADC_OK;
  gradc_status s = error_of_heap(&m->heap, code, error);
  gradc_free(m);
  return s;
}

void gradc_free(gradc_model *m) {
  if (!m) return;
  pool_free(m->app.pool);
  jit_free(m->jit);
  gradc_error_free(m->warnings);
  heap_free(&m->heap);
}

const gradc_info *gradc_model_info(const gradc_model *m) { return m ? &m->info : NULL; }
const gradc_error *gradc_warnings(const gradc_model *m) { return m ? m->warnings : NULL; }

/* ---- training ---- */

typedef struct InitCall { gradc_model *m; uint64_t seed; } InitCall;

static void init(void *arg) {
  InitCall *k = arg;
  k->m->app.o.seed = k->seed;
  k->m->app.o.seed_set = true;
  app_init(&k->m->app);
}

gradc_status gradc_init(gradc_model *m, uint64_t seed, gradc_error **error) {
  InitCall k = {m, seed};
  return model_call(m, init, &k, error);
}

gradc_status gradc_plan(gradc_model *m, uint32_t steps, uint32_t steps_per_epoch, gradc_error **error) {
  if (!m) return error_null(error);
  m->app.run->steps = steps;
  m->app.run->steps_per_epoch = steps_per_epoch;
  return GRADC_OK;
}

uint32_t gradc_planned_steps(const gradc_model *m, uint32_t *steps_per_epoch) {
  if (steps_per_epoch) *steps_per_epoch = m ? m->app.run->steps_per_epoch : 0;
  return m ? m->app.run->steps : 0;
}

uint32_t gradc_steps(const gradc_model *m) { return m ? m->app.run->step : 0; }
float gradc_loss(const gradc_model *m) { return m ? m->app.run->loss : NAN; }
float gradc_metric(const gradc_model *m, int i) {
  return m && i >= 0 && i < m->info.metrics ? (&m->app.run->loss)[1 + i] : NAN;
}
const char *gradc_metric_name(const gradc_model *m, int i) {
  return m && i >= 0 && i < m->info.metrics ? m->app.t->metrics[i] : NULL;
}

/* Fields of a call: where each lies, and the bytes of one of its records. */
typedef struct FieldsCall {
  gradc_model *m;
  const gradc_array *field;
  int n;
  const void **at;
  size_t *bytes;
  float *results;
} FieldsCall;

static const void *const *take(void *arg, uint64_t at, uint64_t n) {
  const FieldsCall *k = arg;
  (void)n;
  for (int f = 0; f < k->n; f++) k->at[f] = (const unsigned char *)k->field[f].data + at * k->bytes[f];
  return k->at;
}

/* Checks the fields, `records` of them (0: as many as the first one has), and prepares `take`. Returns the number. */
static uint64_t check_fields(FieldsCall *k, int64_t records) {
  const gradc_model *m = k->m;
  app_needs_train(&m->app);
  if (k->n != m->info.fields)
    rt_die(E_ARRAY, "the data section has %d fields, %d arrays were given", m->info.fields, k->n);
  if (k->n && !k->field) rt_die(E_ARRAY, "the fields are NULL");
  if (!records && k->n && k->field[0].rank > 0 && k->field[0].shape) records = k->field[0].shape[0];
  if (k->n && records <= 0) rt_die(E_ARRAY, "there are no records");
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
  return (uint64_t)records;
}

/* Nothing was updated, so the step can be run again, now looking at every node. */
static int32_t find_bad(FieldsCall *k) {
  int32_t bad = 0;
  step_run(&k->m->app, take, k, &bad);
  return bad;
}

static _Noreturn void not_finite(const App *a, int32_t bad) {
  if (bad > 0 && bad <= a->m->nnodes) {
    const GcNode *n = &a->m->nodes[bad - 1];
    rt_die(670, "%s:%d: the result of `%s` is not finite in step %u", n->file, n->line, n->op, a->run->step + 1);
  }
  rt_die(670, "the loss is not finite in step %u", a->run->step + 1);
}

static void check_planned(int status) {
  if (status == -2) rt_die(684, "`steps` or `epoch` is needed, but the file does not fix them\ngradc_plan sets them");
}

static void step(void *arg) {
  FieldsCall *k = arg;
  App *a = &k->m->app;
  check_fields(k, k->m->info.batch);
  GcRun before = *a->run;
  unsigned char *states = a->t->accumulate > 1 ? states_copy(a, NULL) : NULL; /* earlier passes have written them */
  int status = step_run(a, take, k, NULL);
  int32_t bad = status == -1 ? find_bad(k) : 0;
  a->run->step = before.step + !status;
  if (!status) return;
  *a->run = before;
  if (states) states_copy(a, states);
  step_forget(a);
  if (status == -1) not_finite(a, bad);
  check_planned(status);
  step_check(a, status);
}

gradc_status gradc_step(gradc_model *m, const gradc_array *fields, int n, gradc_error **error) {
  FieldsCall k = {.m = m, .field = fields, .n = n};
  return model_call(m, step, &k, error);
}

static void evaluate(void *arg) {
  FieldsCall *k = arg;
  App *a = &k->m->app;
  Scores s;
  if (!k->results) rt_die(E_CALL, "there is no place for the results");
  check_planned(score_run(a, take, k, check_fields(k, 0), &s));
  k->results[0] = s.loss;
  memcpy(k->results + 1, s.metric, (size_t)k->m->info.metrics * sizeof *s.metric);
}

gradc_status gradc_evaluate(gradc_model *m, const gradc_array *fields, int n, float *results, gradc_error **error) {
  FieldsCall k = {.m = m, .field = fields, .n = n, .results = results};
  return model_call(m, evaluate, &k, error);
}
