/* SPDX-License-Identifier: Apache-2.0 */
/* Every entry point in its intended use. */
#include "tests/lib/suite.h"
#include <math.h>

static gradc_model *compile(const char *path) {
  gradc_model *m = NULL;
  gradc_options o = options_make();
  OK(gradc_compile(&(gradc_source){path, NULL, 0}, &o, &m, &e));
  if (!m) exit(1);
  return m;
}

static uint64_t hash_of(gradc_model *m) {
  uint64_t h = 0;
  OK(gradc_weights_hash(m, &h, &e));
  return h;
}

/* ---- tables ---- */

static void tables(gradc_model *m) {
  const gradc_info *i = gradc_model_info(m);
  CHECK(!strcmp(i->name, "model") && i->trains && i->evaluates && i->fields == 2 && i->metrics == 1 && i->exports == 5);
  CHECK(i->batch == 8 && i->epochs == 3 && i->steps == 0 && i->seed == 5 && i->threads == 1);
  CHECK(i->parameters == 4 * 16 + 16 + 16 * 3 + 3 + 40);
  CHECK(i->memory_bytes > i->weight_bytes && i->memory_bytes == i->weight_bytes + i->arena_bytes);
  CHECK(!strcmp(i->backend, "cc and dlopen") && !gradc_warnings(m) && !strcmp(gradc_version(), GRADC_VERSION));
  const gradc_tensor *x = gradc_field(m, 0), *y = gradc_field(m, 1);
  const gradc_tensor *w = gradc_weight(m, gradc_find_weight(m, "n.linear_1.w"));
  CHECK(x && !strcmp(x->name, "x") && x->dtype == GRADC_F32 && x->rank == 2 && x->shape[0] == 8 && x->shape[1] == 4);
  CHECK(y && y->dtype == GRADC_I32 && y->rank == 1 && y->shape[0] == 8 && y->range == 3 && !gradc_field(m, 2));
  CHECK(w && w->kind == GRADC_PARAM && w->rank == 2 && w->shape[0] == 4 && w->shape[1] == 16 && !gradc_weight(m, -1));
  int kinds[3] = {0};
  for (int k = 0; k < i->weights; k++) kinds[gradc_weight(m, k)->kind]++;
  CHECK(kinds[GRADC_PARAM] == 5 && kinds[GRADC_STATE] == 1 && kinds[GRADC_OPTIMIZER] > 5);
  const gradc_function *f = gradc_export(m, gradc_find_export(m, "halves"));
  CHECK(f && f->inputs == 1 && f->outputs == 1 && f->sizes == 1);
  CHECK(f && f->size_bound[0] == 8 && !strcmp(f->size_name[0], "T"));
  CHECK(f && f->input[0].shape[0] == -1 && !strcmp(f->input[0].dim[0], "2*T") && !strcmp(f->output[0].dim[0], "T"));
  CHECK(!gradc_export(m, 5) && gradc_find_export(m, "none") == -1 && gradc_find_weight(m, "none") == -1);
  CHECK(!strcmp(gradc_metric_name(m, 0), "acc") && !gradc_metric_name(m, 1) && isnan(gradc_metric(m, 1)));
}

/* ---- training ---- */

static void train(gradc_model *m) {
  Batch b;
  float first = 0, result[2], all[2], part[2][2];
  OK(gradc_plan(m, 60, 20, &e));
  for (unsigned s = 0; s < 60; s++) {
    batch_fill(&b, 8, s);
    OK(gradc_step(m, b.field, 2, &e));
    if (!s) first = gradc_loss(m);
  }
  CHECK(gradc_steps(m) == 60 && gradc_loss(m) < first && gradc_metric(m, 0) > 0.5f);
  uint64_t before = hash_of(m);
  batch_fill(&b, 7, 100);
  OK(gradc_evaluate(m, b.field, 2, all, &e)); /* a batch of 4, and one of 3 */
  b.x_shape[0] = b.y_shape[0] = 4;
  OK(gradc_evaluate(m, b.field, 2, part[0], &e));
  b.x_shape[0] = b.y_shape[0] = 3;
  b.field[0].data = b.x + 16, b.field[1].data = b.y + 4;
  OK(gradc_evaluate(m, b.field, 2, part[1], &e));
  for (int k = 0; k < 2; k++) CHECK(all[k] == (float)((part[0][k] * 4.0 + part[1][k] * 3.0) / 7));
  b.x_shape[0] = b.y_shape[0] = 1;
  OK(gradc_evaluate(m, b.field, 2, result, &e));
  CHECK(isfinite(result[0]) && hash_of(m) == before); /* states too */
}

/* ---- exports ---- */

static void calls(gradc_model *m) {
  float x[8 * 4], two[8 * 4], logits[8 * 3], out[8];
  int32_t class[8], tok[3] = {9, 0, 9};
  int64_t five4[] = {5, 4}, five3[] = {5, 3}, five[] = {5}, six[] = {6}, three[] = {3}, size = 0, shape[GRADC_MAX_RANK];
  for (int i = 0; i < 32; i++) x[i] = (float)i / 16 - 1;
  gradc_array in = {x, GRADC_F32, 2, five4}, outs[] = {{logits, GRADC_F32, 2, five3}, {two, GRADC_F32, 2, five4}};
  gradc_array classes = {class, GRADC_I32, 1, five};
  OK(gradc_infer_sizes(m, 1, &in, 1, &size, &e));
  CHECK(size == 5);
  OK(gradc_output_shape(m, 1, 0, &size, shape, &e));
  CHECK(shape[0] == 5 && shape[1] == 3);
  OK(gradc_call(m, gradc_find_export(m, "both"), &in, 1, outs, 2, NULL, &e));
  OK(gradc_call(m, gradc_find_export(m, "classify"), &in, 1, &classes, 1, &size, &e));
  for (int i = 0; i < 5; i++) {
    const float *l = logits + 3 * i;
    CHECK(l[class[i]] >= l[0] && l[class[i]] >= l[1] && l[class[i]] >= l[2] && two[4 * i + 1] == 2 * x[4 * i + 1]);
  }
  float rows[3 * 4], table[40];
  gradc_array t = {tok, GRADC_I32, 1, three}, r = {rows, GRADC_F32, 2, (int64_t[]){3, 4}};
  gradc_array e0 = {table, GRADC_F32, 2, (int64_t[]){10, 4}};
  OK(gradc_call(m, gradc_find_export(m, "look"), &t, 1, &r, 1, NULL, &e));
  OK(gradc_read_weight(m, gradc_find_weight(m, "t.e"), &e0, &e));
  CHECK(!memcmp(rows, table + 36, 16) && !memcmp(rows + 4, table, 16) && !memcmp(rows, rows + 8, 16));
  gradc_array h = {x, GRADC_F32, 1, six}, o = {out, GRADC_F32, 1, three};
  size = 3;
  OK(gradc_call(m, gradc_find_export(m, "halves"), &h, 1, &o, 1, &size, &e));
  CHECK(out[0] == x[0] + x[3] && out[2] == x[2] + x[5]);
  h.shape = three, o.shape = (int64_t[]){0}, h.data = o.data = NULL; /* nothing is an array, too */
  size = 0;
  h.shape = o.shape;
  OK(gradc_call(m, gradc_find_export(m, "halves"), &h, 1, &o, 1, &size, &e));
}

/* ---- weights ---- */

static void weights(gradc_model *m) {
  const gradc_info *info = gradc_model_info(m);
  int views = 0;
  for (int i = 0; i < info->weights; i++) {
    const gradc_tensor *t = gradc_weight(m, i);
    size_t n = 1;
    for (int k = 0; k < t->rank; k++) n *= (size_t)t->shape[k];
    float *v = malloc(n * sizeof *v), *w = malloc(n * sizeof *w), *in_place = gradc_view_weight(m, i);
    gradc_array a = {v, t->dtype, t->rank, t->shape}, b = {w, t->dtype, t->rank, t->shape};
    for (size_t k = 0; k < n; k++) v[k] = (float)k / 8 - 1;
    OK(gradc_write_weight(m, i, &a, &e));
    OK(gradc_read_weight(m, i, &b, &e));
    CHECK(!memcmp(v, w, n * sizeof *v));
    if (in_place) views++, CHECK(!memcmp(v, in_place, n * sizeof *v));
    free(v);
    free(w);
  }
  CHECK(views > 0 && !gradc_view_weight(m, info->weights));
}

static void keep(void *user, const char *name, const char *text, size_t size) {
  char *to = user;
  CHECK(strlen(text) == size);
  snprintf(to + strlen(to), 4000 - strlen(to), "%s:%.300s\n", name, text);
}

/* w.safetensors in a model with another head and another name for the rest. */
static void parts(void) {
  static const char nn[] = "def f(x: f32[B, 4]) { x |> linear(16) |> relu |> linear(5) }\nuse body = f()\n"
                           "export def g(x: f32[1, 4]) { body(x) }\n";
  static const char *const map[] = {"n=body", "n.linear_2="};
  gradc_model *other = NULL, *model = compile("model.nn");
  gradc_options o = options_make();
  char got[4096] = "";
  float a[64], b[64];
  int64_t shape[] = {4, 16};
  OK(gradc_load(model, "w.safetensors", &e));
  OK(gradc_compile(&(gradc_source){"head.nn", nn, sizeof nn - 1}, &o, &other, &e));
  OK(gradc_load_part(other, "w.safetensors", map, 2, 1, keep, got, &e));
  CHECK(strstr(got, "{\"read\":2,\"initial\":[\"body.linear_2.w\",\"body.linear_2.b\"],\"left_over\":["));
  CHECK(strstr(got, "\"n.linear_2.w\"") && strstr(got, "\"t.e\""));
  gradc_array from = {a, GRADC_F32, 2, shape}, to = {b, GRADC_F32, 2, shape};
  OK(gradc_read_weight(model, gradc_find_weight(model, "n.linear_1.w"), &from, &e));
  OK(gradc_read_weight(other, gradc_find_weight(other, "body.linear_1.w"), &to, &e));
  CHECK(!memcmp(a, b, sizeof a));
  FAILS(GRADC_BAD_DATA, 641, "`body.linear_2.b` (from `n.linear_2.b`) is f32[3] in the file, the model has f32[5]",
        gradc_load_part(other, "w.safetensors", map, 1, 1, NULL, NULL, &e));
  FAILS(GRADC_BAD_DATA, 644, "no tensor",
        gradc_load_part(other, "w.safetensors", (const char *[]){"m=body"}, 1, 1, NULL, NULL, &e));
  FAILS(GRADC_BAD_CALL, 601, "'old=new'",
        gradc_load_part(other, "w.safetensors", (const char *[]){"m"}, 1, 1, NULL, NULL, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_load_part(other, "w.safetensors", NULL, 1, 1, NULL, NULL, &e));
  gradc_free(other);
  gradc_free(model);
}

static void files(gradc_model *m) {
  gradc_model *other = compile("model.nn");
  Batch b;
  uint64_t h = hash_of(m);
  CHECK(hash_of(other) != h);
  OK(gradc_save(m, "w.safetensors", &e));
  OK(gradc_load(other, "w.safetensors", &e));
  CHECK(hash_of(other) == h);
  OK(gradc_init(m, 3, &e));
  OK(gradc_plan(m, 10, 5, &e));
  for (unsigned s = 0; s < 10; s++) {
    batch_fill(&b, 8, s);
    OK(gradc_step(m, b.field, 2, &e));
    if (s == 4) OK(gradc_save_checkpoint(m, "c.safetensors", &e));
  }
  OK(gradc_load_checkpoint(other, "c.safetensors", &e));
  CHECK(gradc_steps(other) == 5);
  for (unsigned s = 5; s < 10; s++) {
    batch_fill(&b, 8, s);
    OK(gradc_step(other, b.field, 2, &e));
  }
  CHECK(hash_of(other) == hash_of(m) && gradc_loss(other) == gradc_loss(m));
  gradc_free(other);
}

/* ---- data ---- */

typedef struct Row {
  float x[4];
  int32_t y;
} Row;
static int row_compare(const void *a, const void *b) { return memcmp(a, b, sizeof(Row)); }

/* Appends the records of an epoch, or those held out. */
static int rows_of(gradc_data *d, int64_t epoch, Row *to) {
  int n = (int)(epoch < 0 ? gradc_data_held_out(d) : gradc_data_records(d));
  for (int i = 0; i < n; i++) {
    gradc_array a[] = {{to[i].x, GRADC_F32, 2, (int64_t[]){1, 4}}, {&to[i].y, GRADC_I32, 1, (int64_t[]){1}}};
    OK(gradc_data_batch(d, epoch, (uint64_t)i, 1, a, 2, &e));
  }
  return n;
}

/* The folds have every record once; what a fold does not hold out is trained on. */
static void folds(gradc_model *m) {
  enum { ALL = 100, FOLDS = 7 };
  Row all[ALL], held[ALL], one[ALL];
  gradc_data *d = NULL;
  OK(gradc_data_open(m, NULL, &d, &e));
  int first = rows_of(d, -1, all), n = first + rows_of(d, 0, all + first), nheld = 0;
  gradc_data_close(d);
  CHECK(n == ALL);
  qsort(all, ALL, sizeof *all, row_compare);
  for (int k = 1; k <= FOLDS; k++) {
    OK(gradc_fold(m, k, FOLDS, &e));
    OK(gradc_data_open(m, NULL, &d, &e));
    int h = rows_of(d, -1, held + nheld);
    CHECK(h == ALL * k / FOLDS - ALL * (k - 1) / FOLDS);
    memcpy(one, held + nheld, (size_t)h * sizeof *one);
    CHECK(h + rows_of(d, 3, one + h) == ALL);
    qsort(one, ALL, sizeof *one, row_compare);
    CHECK(!memcmp(one, all, sizeof all));
    nheld += h;
    gradc_data_close(d);
  }
  CHECK(nheld == ALL);
  qsort(held, ALL, sizeof *held, row_compare);
  CHECK(!memcmp(held, all, sizeof all));
  FAILS(GRADC_BAD_CALL, 801, "counted from 1", gradc_fold(m, 0, 3, &e));
  OK(gradc_fold(m, 1, 101, &e));
  FAILS(GRADC_BAD_CALL, 601, "only 100 records", gradc_data_open(m, NULL, &d, &e));
  OK(gradc_fold(m, 0, 0, &e));
}

/* Metrics that are tensors. */
static void scores(void) {
  static const char nn[] =
    "use n = linear(3)\ndata d { source = csv(\"points.csv\"); x: f32[4] = field(0:4); y: i32 = field(4) }\n"
    "train { data = d; batch = 8; steps = 4; loss = cross_entropy(n(x), y); optim = sgd(lr = 0.1)\n"
    "metric.c = confusion(argmax(n(x)), y, 3)\nmetric.f = f1(argmax(n(x)), y, 3, \"macro\") }\n";
  gradc_model *m = NULL;
  gradc_options o = options_make();
  Batch b;
  float results[2], c[9], sum = 0;
  int64_t shape[] = {3, 3};
  gradc_array a = {c, GRADC_F32, 2, shape};
  OK(gradc_compile(&(gradc_source){"scores.nn", nn, sizeof nn - 1}, &o, &m, &e));
  const gradc_tensor *t = gradc_score_tensor(m, 0);
  CHECK(t && !strcmp(t->name, "c") && t->rank == 2 && t->shape[1] == 3 && !gradc_score_tensor(m, 1));
  CHECK(gradc_model_info(m)->metrics == 1);
  batch_fill(&b, 8, 0);
  FAILS(GRADC_BAD_CALL, 801, "no evaluation", gradc_read_score(m, 0, &a, &e));
  OK(gradc_evaluate(m, b.field, 2, results, &e));
  OK(gradc_read_score(m, 0, &a, &e));
  for (int i = 0; i < 9; i++) sum += c[i];
  CHECK(sum == 8);
  FAILS(GRADC_BAD_CALL, 804, "no metric 1", gradc_read_score(m, 1, &a, &e));
  shape[0] = 2;
  FAILS(GRADC_BAD_CALL, 802, "metric `c` is f32[3, 3]", gradc_read_score(m, 0, &a, &e));
  gradc_free(m);
}

static uint32_t per_epoch(const gradc_model *m, const gradc_data *d) {
  return (uint32_t)(gradc_data_records(d) / (uint64_t)gradc_model_info(m)->batch);
}

/* After the last step of an epoch one is due, until it is done: the means over the hold-out, in batches of 4. */
static void validation(gradc_model *m, gradc_data *d, uint32_t steps) {
  float got[2] = {0}, part[2];
  double want[2] = {0};
  Batch b;
  OK(gradc_init(m, 3, &e));
  OK(gradc_plan(m, 4 * steps, steps, &e));
  CHECK(!gradc_validated(m) && !gradc_best_step(m) && !gradc_stops_early(m));
  batch_fill(&b, 8, 0);
  for (uint32_t i = 0; i < steps; i++) {
    CHECK(!gradc_validation_due(d));
    OK(gradc_data_batch(d, 0, 8 * i, 8, b.field, 2, &e));
    OK(gradc_step(m, b.field, 2, &e));
  }
  CHECK(gradc_validation_due(d));
  OK(gradc_validate(d, got, &e));
  CHECK(!gradc_validation_due(d) && gradc_validated(m) == steps);
  batch_fill(&b, 4, 0);
  for (uint64_t at = 0; at < 20; at += 4) {
    OK(gradc_data_batch(d, -1, at, 4, b.field, 2, &e));
    OK(gradc_evaluate(m, b.field, 2, part, &e));
    for (int k = 0; k < 2; k++) want[k] += part[k] * 4.0;
  }
  CHECK(got[0] == (float)(want[0] / 20) && got[1] == (float)(want[1] / 20));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_validate(d, NULL, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_validate(NULL, got, &e));
  OK(gradc_init(m, 3, &e));
  CHECK(!gradc_validated(m));
}

static void data(gradc_model *m) {
  gradc_data *d = NULL, *again = NULL;
  Batch b, c;
  OK(gradc_data_open(m, NULL, &d, &e));
  CHECK(gradc_data_records(d) == 80 && gradc_data_held_out(d) == 20);
  batch_fill(&b, 8, 0);
  batch_fill(&c, 8, 1);
  OK(gradc_data_batch(d, 0, 72, 8, b.field, 2, &e));
  OK(gradc_data_batch(d, 1, 72, 8, c.field, 2, &e));
  CHECK(memcmp(b.x, c.x, sizeof b.x)); /* another epoch, another order */
  OK(gradc_data_batch(d, -1, 12, 8, b.field, 2, &e));
  OK(gradc_data_open(m, "more.csv", &again, &e));
  CHECK(gradc_data_records(again) == 160);
  gradc_data_close(again);
  validation(m, d, per_epoch(m, d));
  gradc_data_close(d);
}

/* ---- sources and options ---- */

static void sources(uint64_t h) {
  static const char nn[] = "export def twice(x: f32[3]) -> f32[3] { x * 2 }\n";
  gradc_source text = {"in/memory.nn", nn, sizeof nn - 1}, file = {"model.nn", NULL, 0};
  gradc_options o = options_make();
  gradc_model *m = NULL;
  float v[3] = {1, 2, 3};
  gradc_array a = {v, GRADC_F32, 1, (int64_t[]){3}};
  OK(gradc_compile(&text, NULL, &m, &e)); /* whatever compiles here, with the user's cache */
  OK(gradc_call(m, 0, &a, 1, &a, 1, NULL, &e));
  CHECK(v[2] == 6 && !strcmp(gradc_model_info(m)->name, "memory") && !gradc_model_info(m)->trains);
  gradc_free(m);
  o.off = "fuse,order,simplify";
  o.isa = "generic";
  o.threads = 2;
  o.ram = 1 << 20;
  OK(gradc_compile(&file, &o, &m, &e));
  CHECK(hash_of(m) == h); /* strict: no option changes a bit */
  gradc_free(m);
  char got[4096] = "";
  o = options_make();
  OK(gradc_emit_c(&file, &o, keep, got, &e));
  CHECK(strstr(got, "model.c:/*") && strstr(got, "model.h:/*"));
  static const char constant[] = "const K = 2\nexport def twice(x: f32[3]) -> f32[3] { x * K }\n";
  gradc_source k = {"k.nn", constant, sizeof constant - 1};
  o.set = (const char *const[]){"K=5"};
  o.nset = 1;
  OK(gradc_compile(&k, &o, &m, &e));
  v[2] = 3;
  OK(gradc_call(m, 0, &a, 1, &a, 1, NULL, &e));
  CHECK(v[2] == 15);
  gradc_free(m);
  static const char *const wrong[] = {"L=5", "K=5.5", "K"};
  static const int code[] = {321, 322, 500};
  for (int i = 0; i < 3; i++) {
    o.set = &wrong[i];
    gradc_error *refused = NULL;
    CHECK(gradc_check(&k, &o, &refused) == (i == 2 ? GRADC_BAD_CALL : GRADC_BAD_MODEL));
    CHECK(gradc_error_at(refused, 0)->code == code[i]);
    gradc_error_free(refused);
  }
  o = options_make();
  *got = 0;
  OK(gradc_dump(&text, &o, "", keep, got, &e));
  CHECK(strstr(got, "memory.ir:module") && !strstr(got, "kernel"));
  *got = 0;
  OK(gradc_dump(&text, &o, NULL, keep, got, &e));
  *got = 0;
  OK(gradc_dump(&text, &o, "fuse", keep, got, &e));
  OK(gradc_check(&file, &o, &e));
  *got = 0;
  OK(gradc_report(&file, &o, keep, got, &e));
  OK(gradc_compile(&file, &o, &m, &e));
  char bytes[64];
  snprintf(bytes, sizeof bytes, "\"ram_bytes\":%zu,", gradc_model_info(m)->memory_bytes);
  CHECK(strstr(got, "model.json:{\"parameters\":") && strstr(got, bytes));
  gradc_free(m);
}

void test_api(void) {
  gradc_model *m = compile("model.nn");
  uint64_t h = hash_of(m);
  tables(m);
  train(m);
  calls(m);
  OK(gradc_init(m, 5, &e));
  CHECK(hash_of(m) == h && gradc_steps(m) == 0); /* the file's seed */
  weights(m);
  files(m);
  parts();
  data(m);
  folds(m);
  gradc_free(m);
  scores();
  sources(h);
}
