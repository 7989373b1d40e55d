/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation failures: every call of the interface with its first, second, ... allocation failing once, or from there
 * on. The call reports it, the same call then succeeds, and in the end no memory is left. */
#include "tests/lib/suite.h"

typedef struct Faults {
  long count, at;    /* the allocation that fails, from 1; 0: none */
  bool from;         /* so do all that follow */
  long live, struck; /* bytes handed out; failures */
} Faults;

static void *hook(void *user, void *p, size_t old, size_t n) {
  Faults *f = user;
  if (n && ++f->count >= f->at && f->at && (f->from || f->count == f->at)) {
    f->struck++;
    return NULL;
  }
  f->live += (long)n - (long)old;
  if (n) return realloc(p, n);
  free(p);
  return NULL;
}

static Faults faults;
static bool gone; /* a call failed and a repetition did not succeed: the scenario ends */

/* The call may fail only by an injected fault, and then succeeds when repeated. */
static bool did(gradc_status s, gradc_error *e, const char *what, int line, bool *again) {
  bool fault = s == GRADC_RESOURCES && gradc_error_at(e, 0) && gradc_error_at(e, 0)->code == 660 && faults.struck;
  gradc_error_free(e);
  *again = fault && !*again && !faults.from;
  if (s && !*again) gone = true;
  check(s == GRADC_OK || (fault && (*again || faults.from)), what, __FILE__, line);
  return s == GRADC_OK;
}
#define DO(call) \
  for (bool again_ = false; !gone;) { \
    gradc_error *e = NULL; \
    gradc_status status_ = call; \
    if (did(status_, e, #call, __LINE__, &again_) || !again_) break; \
  }

static void ignore(void *user, const char *name, const char *text, size_t size) {
  (void)user, (void)name, (void)text, (void)size;
}

static const gradc_alloc alloc = {hook, &faults};
static gradc_model *model;

static gradc_options options(void) {
  gradc_options o = options_make();
  o.alloc = &alloc;
  o.threads = 2;
  return o;
}

/* ---- scenarios ---- */

static void compiling(void) {
  gradc_options o = options();
  DO(gradc_compile(&(gradc_source){"model.nn", NULL, 0}, &o, &model, &e));
}

static void wrong_source(void) {
  gradc_options o = options();
  gradc_error *e = NULL;
  static const char nn[] = "def f(x: f32[2]) { x + relo(x) }\nuse g = f()\nexport def h(x: f32[2]) { g(x) + z }\n";
  gradc_status s = gradc_compile(&(gradc_source){"text.nn", nn, sizeof nn - 1}, &o, &model, &e);
  CHECK(e && !model && (s == GRADC_BAD_MODEL || (s == GRADC_RESOURCES && faults.struck)));
  gradc_error_free(e);
}

static void texts(void) {
  gradc_options o = options();
  gradc_source s = {"model.nn", NULL, 0};
  DO(gradc_check(&s, &o, &e));
  DO(gradc_dump(&s, &o, "cse", ignore, NULL, &e));
  DO(gradc_emit_c(&s, &o, ignore, NULL, &e));
  DO(gradc_report(&s, &o, ignore, NULL, &e));
}

static int ignore_token(void *user, int32_t token) {
  (void)user, (void)token;
  return 0;
}

static void tokens(void) {
  gradc_tokenizer *t = NULL;
  int32_t id[16];
  char text[40];
  size_t n = 0;
  DO(gradc_tokenizer_open("tokenizer.json", &alloc, &t, &e));
  if (t) DO(gradc_encode(t, "a text", 6, 1, id, 16, &n, &e));
  if (t) DO(gradc_decode(t, id, n < 16 ? n : 0, text, sizeof text, &n, &e));
  gradc_tokenizer_free(t);
}

static void running(void) {
  Batch b;
  float result[2], x[8] = {0}, out[12];
  uint64_t hash;
  int64_t two4[] = {2, 4}, size[1], shape[GRADC_MAX_RANK];
  gradc_array in = {x, GRADC_F32, 2, two4}, to[] = {{out, GRADC_F32, 2, (int64_t[]){2, 3}}, {x, GRADC_F32, 2, two4}};
  gradc_array e0 = {(float[40]){0}, GRADC_F32, 2, (int64_t[]){10, 4}};
  int e_at = gradc_find_weight(model, "t.e");
  gradc_data *d = NULL;
  DO(gradc_init(model, 1, &e));
  DO(gradc_plan(model, 10, 5, &e));
  DO(gradc_data_open(model, NULL, &d, &e));
  batch_fill(&b, 8, 0);
  if (d) DO(gradc_data_batch(d, 0, 0, 8, b.field, 2, &e));
  DO(gradc_step(model, b.field, 2, &e));
  DO(gradc_evaluate(model, b.field, 2, result, &e));
  DO(gradc_infer_sizes(model, 1, &in, 1, size, &e));
  DO(gradc_output_shape(model, 1, 0, size, shape, &e));
  DO(gradc_call(model, 1, &in, 1, to, 2, NULL, &e));
  DO(gradc_generate(model, -1, (int32_t[]){1}, 1, NULL, 2, ignore_token, NULL, &e));
  DO(gradc_read_weight(model, e_at, &e0, &e));
  DO(gradc_write_weight(model, e_at, &e0, &e));
  DO(gradc_weights_hash(model, &hash, &e));
  DO(gradc_save(model, "f.safetensors", &e));
  DO(gradc_load(model, "f.safetensors", &e));
  DO(gradc_save_checkpoint(model, "f.checkpoint", &e));
  DO(gradc_load_checkpoint(model, "f.checkpoint", &e));
  gradc_data_close(d);
}

static void wrong_calls(void) {
  Batch b;
  gradc_error *e = NULL;
  batch_fill(&b, 7, 0);
  gradc_status s = gradc_step(model, b.field, 2, &e);
  CHECK(e && (s == GRADC_BAD_CALL || s == GRADC_RESOURCES));
  gradc_error_free(e);
  e = NULL;
  s = gradc_load(model, "points.csv", &e);
  CHECK(e && (s == GRADC_BAD_DATA || s == GRADC_RESOURCES));
  gradc_error_free(e);
}

/* Until the scenario has no N-th allocation: every one up to `dense` (without FULL=1, of a compiled model every
 * seventh), then at growing distances. */
static void sweep(const char *name, void (*scenario)(void), bool has_model, long dense) {
  const char *full = getenv("FULL");
  long runs = 0, all = 0, stride = has_model && !(full && !strcmp(full, "1")) ? 7 : 1;
  for (long n = 1, more = 1; more; n += n < dense ? stride : 1 + n / 8) {
    for (int from = 0; from < 2; from++) {
      faults = (Faults){0};
      gone = false;
      model = NULL;
      gradc_options o = options();
      if (has_model) OK(gradc_compile(&(gradc_source){"model.nn", NULL, 0}, &o, &model, &e));
      if (has_model && !model) return;
      faults.count = 0, faults.at = n, faults.from = from;
      scenario();
      faults.at = 0;
      more = faults.struck, all = faults.count, runs++;
      gradc_free(model);
      CHECK(faults.live == 0);
    }
  }
  printf("%s: %ld allocations, %ld runs\n", name, all, runs);
  CHECK(runs > 4);
}

void test_faults(void) {
  sweep("compiling", compiling, false, 12);
  sweep("a wrong source", wrong_source, false, 12);
  sweep("texts", texts, false, 8);
  sweep("tokens", tokens, false, 12);
  sweep("running", running, true, 400);
  sweep("wrong calls", wrong_calls, true, 400);
}
