/* SPDX-License-Identifier: Apache-2.0 */
/* Every error: the status, the code, the message, and that the model is unchanged. */
#include "tests/lib/suite.h"
#include <math.h>
#include <stddef.h>

static gradc_status compile_text(const char *nn, const gradc_options *o, gradc_model **m, gradc_error **e) {
  return gradc_compile(&(gradc_source){"text.nn", nn, strlen(nn)}, o, m, e);
}

static void ignore(void *user, const char *name, const char *text, size_t size) {
  (void)user, (void)name, (void)text, (void)size;
}

static void compiling(void) {
  gradc_options o = options_make();
  gradc_model *m = (gradc_model *)&o;
  gradc_source s = {"model.nn", NULL, 0}, none = {NULL, NULL, 0}, gone = {"gone.nn", NULL, 0};
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_compile(NULL, &o, &m, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_compile(&none, &o, &m, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_compile(&s, &o, NULL, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_emit_c(&s, &o, NULL, NULL, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_dump(&s, &o, NULL, NULL, NULL, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_report(&s, &o, NULL, NULL, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_check(NULL, &o, &e));
  FAILS(GRADC_BAD_MODEL, 501, "gone.nn: No such file", gradc_compile(&gone, &o, &m, &e));
  CHECK(!m);
  FAILS(GRADC_BAD_MODEL, 501, "gone.nn: No such file", gradc_report(&gone, &o, ignore, NULL, &e));
  FAILS(GRADC_BAD_MODEL, 410, "no pass", gradc_dump(&s, &o, "nothing", ignore, NULL, &e));
  o.search = NULL;
  FAILS(GRADC_BAD_MODEL, 231, "shared.nn", gradc_compile(&s, &o, &m, &e));
  o = options_make();
  o.off = "order,autodiff";
  FAILS(GRADC_BAD_CALL, 500, "`autodiff` is not a pass", gradc_compile(&s, &o, &m, &e));
  o = options_make();
  o.ram = 100;
  FAILS(GRADC_BAD_MODEL, 508, "the least budget that works", gradc_compile(&s, &o, &m, &e));
  o = options_make();
  o.cc = "no-such-compiler";
  FAILS(GRADC_BAD_MODEL, 503, "no-such-compiler", gradc_compile(&s, &o, &m, &e));
  o = options_make();
  o.cflags = "-no-such-flag";
  o.cache = "";
  FAILS(GRADC_BAD_MODEL, 504, "no-such-flag", gradc_compile(&s, &o, &m, &e));
  o = options_make();
  o.size = offsetof(gradc_options, search); /* a caller that knows no search path */
  FAILS(GRADC_BAD_MODEL, 231, "shared.nn", gradc_compile(&s, &o, &m, &e));
  o = options_make();
  setenv("GRADC_CUDA_DRIVER", "/none", 1);
  FAILS(GRADC_RESOURCES, 690, "/none", compile_text("target gpu { device = cuda }\n", &o, &m, &e));
  unsetenv("GRADC_CUDA_DRIVER");
  CHECK(gradc_compile(&gone, NULL, &m, NULL) == GRADC_BAD_MODEL); /* who does not want to know */
}

/* Location, length, help and rendering of errors in a source. */
static void diagnostics(void) {
  static const char nn[] =
    "def f(x: f32[2]) {\n    x + relo(x)\n}\nuse g = f()\nexport def h(x: f32[2]) { g(x) + z }\n";
  gradc_model *m;
  gradc_error *e = NULL;
  gradc_options o = options_make();
  CHECK(compile_text(nn, &o, &m, &e) == GRADC_BAD_MODEL && gradc_error_count(e) == 2);
  const gradc_diagnostic *d = gradc_error_at(e, 0), *z = gradc_error_at(e, 1);
  CHECK(d && !strcmp(d->file, "text.nn") && d->line == 2 && d->column == 9 && d->length == 4 && !d->warning);
  CHECK(d && strstr(d->message, "relo") && strstr(d->help, "relu") && strstr(d->text, "error[E"));
  CHECK(d && strstr(d->text, "    x + relo(x)\n") && strstr(d->text, "^^^^"));
  CHECK(z && z->line == 5 && strstr(gradc_error_text(e), z->text));
  gradc_error_free(e);
  FAILS(GRADC_BAD_MODEL, d ? 107 : 0, "text.nn:1", compile_text("def", &o, &m, &e));
}

static void training(gradc_model *m) {
  Batch b;
  float result[2];
  uint64_t before, after;
  OK(gradc_weights_hash(m, &before, &e));
  batch_fill(&b, 8, 0);
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_step(NULL, b.field, 2, &e));
  FAILS(GRADC_BAD_CALL, 802, "2 fields, not 1", gradc_step(m, b.field, 1, &e));
  FAILS(GRADC_BAD_CALL, 802, "NULL", gradc_step(m, NULL, 2, &e));
  FAILS(GRADC_BAD_MODEL, 684, "gradc_plan", gradc_step(m, b.field, 2, &e));
  CHECK(gradc_planned_steps(m, NULL) == 0);
  OK(gradc_plan(m, 10, 5, &e));
  uint32_t per_epoch;
  CHECK(gradc_planned_steps(m, &per_epoch) == 10 && per_epoch == 5 && !gradc_planned_steps(NULL, &per_epoch));
  b.x_shape[0] = 7;
  FAILS(GRADC_BAD_CALL, 802, "field `x` is f32[8, 4], the array is f32[7, 4]", gradc_step(m, b.field, 2, &e));
  batch_fill(&b, 8, 0);
  b.field[1].dtype = GRADC_U32;
  FAILS(GRADC_BAD_CALL, 802, "field `y` is i32[8], the array is u32[8]", gradc_step(m, b.field, 2, &e));
  b.field[1].dtype = (gradc_dtype)99;
  FAILS(GRADC_BAD_CALL, 802, "no element type", gradc_step(m, b.field, 2, &e));
  batch_fill(&b, 8, 0);
  b.field[0].rank = 3000;
  FAILS(GRADC_BAD_CALL, 802, "rank 3000", gradc_step(m, b.field, 2, &e));
  b.field[0].rank = 2, b.field[0].shape = NULL;
  FAILS(GRADC_BAD_CALL, 802, "its shape is NULL", gradc_step(m, b.field, 2, &e));
  batch_fill(&b, 8, 0);
  b.field[0].data = NULL;
  FAILS(GRADC_BAD_CALL, 802, "its data is NULL", gradc_step(m, b.field, 2, &e));
  b.field[0].data = (char *)b.x + 1;
  FAILS(GRADC_BAD_CALL, 802, "not aligned", gradc_step(m, b.field, 2, &e));
  batch_fill(&b, 8, 0);
  b.y[1] = 3;
  FAILS(GRADC_BAD_DATA, 617, "`y` is out of range (0 to 2)", gradc_step(m, b.field, 2, &e));
  FAILS(GRADC_BAD_DATA, 617, "`y` is out of range", gradc_evaluate(m, b.field, 2, result, &e));
  batch_fill(&b, 8, 0);
  b.y[6] = -1; /* in the second batch */
  FAILS(GRADC_BAD_DATA, 617, "`y` is out of range", gradc_evaluate(m, b.field, 2, result, &e));
  FAILS(GRADC_BAD_DATA, 617, "`y` is out of range", gradc_step(m, b.field, 2, &e));
  batch_fill(&b, 8, 0);
  b.x[3] = NAN;
  FAILS(GRADC_NOT_FINITE, 670, "model.nn:", gradc_step(m, b.field, 2, &e));
  batch_fill(&b, 8, 0);
  FAILS(GRADC_BAD_CALL, 801, "results", gradc_evaluate(m, b.field, 2, NULL, &e));
  b.x_shape[0] = 0;
  FAILS(GRADC_BAD_CALL, 802, "no records", gradc_evaluate(m, b.field, 2, result, &e));
  OK(gradc_weights_hash(m, &after, &e));
  CHECK(before == after && gradc_steps(m) == 0);
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_init(NULL, 1, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_plan(NULL, 1, 1, &e));
  CHECK(gradc_steps(NULL) == 0 && isnan(gradc_loss(NULL)) && !gradc_model_info(NULL) && !gradc_weight(NULL, 0));
}

/* With a state, in one microbatch and in two: after a refused step training continues as without it. */
static void refused_steps(const char *batch) {
  static const char form[] =
    "def net(x: f32[B, 4]) -> f32[B, 3] { x |> linear(6) |> batchnorm |> linear(3) }\nuse n = net()\n"
    "data points { source = csv(\"points.csv\"); x: f32[4] = field(0:4); y: i32 = field(4) }\n"
    "train { data = points; %s; steps = 10; loss = cross_entropy(n(x), y); optim = adam(lr = 1e-2) }\n";
  gradc_options o = options_make();
  gradc_model *m[2] = {NULL, NULL};
  uint64_t h[2];
  char nn[600];
  Batch b;
  snprintf(nn, sizeof nn, form, batch);
  for (int i = 0; i < 2; i++) {
    OK(compile_text(nn, &o, &m[i], &e));
    for (unsigned s = 0; s < 3; s++) {
      batch_fill(&b, 8, s);
      b.x[21] = NAN; /* in the second half */
      if (i) FAILS(GRADC_NOT_FINITE, 670, "text.nn:1", gradc_step(m[i], b.field, 2, &e));
      batch_fill(&b, 8, s);
      OK(gradc_step(m[i], b.field, 2, &e));
    }
    OK(gradc_weights_hash(m[i], &h[i], &e));
  }
  CHECK(h[0] == h[1]);
  gradc_free(m[0]);
  gradc_free(m[1]);
}

static void calling(gradc_model *m) {
  float x[9 * 4] = {0}, out[9 * 4];
  int32_t tok[2] = {1, 10};
  int64_t nine4[] = {9, 4}, two4[] = {2, 4}, two[] = {2}, three[] = {3}, nine[] = {9}, size = 1, shape[8];
  gradc_array in = {x, GRADC_F32, 2, two4}, to = {out, GRADC_I32, 1, two}, t = {tok, GRADC_I32, 1, two};
  int classify = gradc_find_export(m, "classify"), halves = gradc_find_export(m, "halves");
  FAILS(GRADC_BAD_CALL, 804, "no export 9", gradc_call(m, 9, &in, 1, &to, 1, NULL, &e));
  FAILS(GRADC_BAD_CALL, 802, "takes 1 input, not 2", gradc_call(m, classify, &in, 2, &to, 1, NULL, &e));
  FAILS(GRADC_BAD_CALL, 802, "has 1 output, not 0", gradc_call(m, classify, &in, 1, NULL, 1, NULL, &e));
  to.shape = three;
  FAILS(GRADC_BAD_CALL, 802, "output `out` is i32[2], the array is i32[3]",
        gradc_call(m, classify, &in, 1, &to, 1, NULL, &e));
  in.shape = nine4, to.shape = nine;
  FAILS(GRADC_BAD_CALL, 803, "`T` of `classify` must be between 0 and 8, not 9",
        gradc_call(m, classify, &in, 1, &to, 1, NULL, &e));
  in.shape = two4, to.shape = two;
  FAILS(GRADC_BAD_CALL, 802, "input `x` is f32[1, 4]", gradc_call(m, classify, &in, 1, &to, 1, &size, &e));
  in.rank = 1;
  FAILS(GRADC_BAD_CALL, 803, "cannot be inferred from the shapes", gradc_call(m, halves, &in, 1, &to, 1, NULL, &e));
  to = (gradc_array){out, GRADC_F32, 2, two4};
  FAILS(GRADC_BAD_DATA, 617, "`tok` is out of range (0 to 9)",
        gradc_call(m, gradc_find_export(m, "look"), &t, 1, &to, 1, NULL, &e));
  FAILS(GRADC_BAD_CALL, 804, "no output 1", gradc_output_shape(m, classify, 1, &size, shape, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_output_shape(m, classify, 0, NULL, shape, &e));
  in.rank = 2;
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_infer_sizes(m, classify, &in, 1, NULL, &e));
  size = -1;
  FAILS(GRADC_BAD_CALL, 803, "not -1", gradc_output_shape(m, classify, 0, &size, shape, &e));
}

static void weights(gradc_model *m) {
  float v[3];
  uint64_t before, after;
  gradc_array a = {v, GRADC_F32, 1, (int64_t[]){3}};
  int e0 = gradc_find_weight(m, "t.e");
  OK(gradc_weights_hash(m, &before, &e));
  FAILS(GRADC_BAD_CALL, 802, "weight `t.e` is f32[10, 4], the array is f32[3]", gradc_write_weight(m, e0, &a, &e));
  FAILS(GRADC_BAD_CALL, 804, "no weight -1", gradc_read_weight(m, -1, &a, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_read_weight(m, e0, NULL, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_weights_hash(m, NULL, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_save(m, NULL, &e));
  FAILS(GRADC_RESOURCES, 663, "cannot write", gradc_save(m, "no/such/folder/w.safetensors", &e));
  FAILS(GRADC_BAD_MODEL, 682, "cannot open", gradc_load(m, "gone.safetensors", &e));
  FAILS(GRADC_BAD_DATA, 640, "not a safetensors file", gradc_load(m, "points.csv", &e));
  FAILS(GRADC_BAD_DATA, 642, "not a checkpoint", gradc_load_checkpoint(m, "w.safetensors", &e));
  gradc_model *other = NULL;
  gradc_options o = options_make();
  static const char nn[] =
    "def g(x: f32[2]) { param w: f32[2] = 1\n x * w }\nuse h = g()\nexport def f(x: f32[2]) { h(x) }\n";
  OK(compile_text(nn, &o, &other, &e));
  gradc_error *e = NULL;
  CHECK(gradc_load(other, "w.safetensors", &e) == GRADC_BAD_DATA && gradc_error_count(e) >= 6);
  CHECK(strstr(gradc_error_text(e), "`h.w` is missing"));
  CHECK(strstr(gradc_error_text(e), "the model has no `n.linear_1.w`"));
  gradc_error_free(e);
  FAILS(GRADC_BAD_MODEL, 687, "no train section", gradc_step(other, NULL, 0, &e));
  gradc_data *d = NULL;
  FAILS(GRADC_BAD_MODEL, 687, "no train section", gradc_data_open(other, NULL, &d, &e));
  gradc_free(other);
  OK(gradc_weights_hash(m, &after, &e));
  CHECK(before == after);
}

static void data(gradc_model *m) {
  gradc_data *d = NULL;
  Batch b;
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_data_open(m, NULL, NULL, &e));
  FAILS(GRADC_BAD_MODEL, 680, "gone.csv", gradc_data_open(m, "gone.csv", &d, &e));
  FAILS(GRADC_BAD_DATA, 610, "`word` is not a number", gradc_data_open(m, "bad.csv", &d, &e));
  CHECK(!d);
  OK(gradc_data_open(m, NULL, &d, &e));
  batch_fill(&b, 8, 0);
  FAILS(GRADC_BAD_CALL, 801, "there are 80", gradc_data_batch(d, 0, 73, 8, b.field, 2, &e));
  FAILS(GRADC_BAD_CALL, 801, "there are 20", gradc_data_batch(d, -1, UINT64_MAX, 8, b.field, 2, &e));
  FAILS(GRADC_BAD_CALL, 802, "2 fields, not 1", gradc_data_batch(d, 0, 0, 8, b.field, 1, &e));
  FAILS(GRADC_BAD_CALL, 802, "field `x` is f32[5, 4]", gradc_data_batch(d, 0, 0, 5, b.field, 2, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_data_batch(NULL, 0, 0, 5, b.field, 2, &e));
  gradc_data_close(d);
  gradc_data_close(NULL);
  gradc_free(NULL);
  gradc_error_free(NULL);
}

void test_errors(void) {
  gradc_options o = options_make();
  gradc_model *m = NULL;
  compiling();
  diagnostics();
  OK(gradc_compile(&(gradc_source){"model.nn", NULL, 0}, &o, &m, &e));
  training(m);
  refused_steps("batch = 8");
  refused_steps("batch = 4; accumulate = 2");
  calling(m);
  weights(m);
  data(m);
  gradc_free(m);
}
