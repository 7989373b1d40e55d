/* SPDX-License-Identifier: Apache-2.0 */
/* Models on a device: over the host form's driver, in strict mode, they have the bits of those on the CPU. Arrays of
 * calls are memory of the host or of the device. What keeps a model from running there is an error as others. */
#include "tests/lib/suite.h"

static gradc_options device_options(const char *device) {
  gradc_options o = options_make();
  o.device = device;
  return o;
}

static gradc_model *compile_on(const char *device) {
  gradc_model *m = NULL;
  gradc_options o = device_options(device);
  OK(gradc_compile(&(gradc_source){"model.nn", NULL, 0}, &o, &m, &e));
  if (!m) exit(1);
  OK(gradc_plan(m, 60, 20, &e));
  return m;
}

static uint64_t hash_of(gradc_model *m) {
  uint64_t h = 0;
  OK(gradc_weights_hash(m, &h, &e));
  return h;
}

static void same_training(gradc_model *cpu, gradc_model *device) {
  Batch b;
  float want[2], got[2];
  for (unsigned s = 0; s < 5; s++) {
    batch_fill(&b, 8, s);
    OK(gradc_step(cpu, b.field, 2, &e));
    OK(gradc_step(device, b.field, 2, &e));
    CHECK(gradc_loss(cpu) == gradc_loss(device) && gradc_metric(cpu, 0) == gradc_metric(device, 0));
  }
  CHECK(gradc_steps(device) == 5 && hash_of(cpu) == hash_of(device));
  batch_fill(&b, 7, 100);
  OK(gradc_evaluate(cpu, b.field, 2, want, &e));
  OK(gradc_evaluate(device, b.field, 2, got, &e));
  CHECK(!memcmp(want, got, sizeof want));
  uint64_t before = hash_of(device);
  batch_fill(&b, 8, 6);
  b.y[7] = 3;
  FAILS(GRADC_BAD_DATA, 617, "`y` is out of range", gradc_step(device, b.field, 2, &e));
  b.y[7] = 0;
  b.x[1] = 1.0f / 0.0f;
  FAILS(GRADC_NOT_FINITE, 670, "model.nn:", gradc_step(device, b.field, 2, &e));
  CHECK(hash_of(device) == before && gradc_steps(device) == 5);
}

/* Checkpoints move between the devices. */
static void files(gradc_model *cpu, gradc_model *device) {
  OK(gradc_save_checkpoint(device, "device.safetensors", &e));
  OK(gradc_init(cpu, 1, &e));
  OK(gradc_load_checkpoint(cpu, "device.safetensors", &e));
  CHECK(gradc_steps(cpu) == 5 && hash_of(cpu) == hash_of(device));
  OK(gradc_init(device, 2, &e));
  CHECK(hash_of(cpu) != hash_of(device));
  OK(gradc_save(cpu, "cpu.safetensors", &e));
  OK(gradc_load(device, "cpu.safetensors", &e));
  CHECK(hash_of(cpu) == hash_of(device));
  OK(gradc_load_checkpoint(device, "device.safetensors", &e)); /* with the optimizer's state */
}

/* Memory of the device as inputs, results, fields and weights: where it is, and copied if it is not aligned. */
static void memory(gradc_model *cpu, gradc_model *device) {
  enum { ROWS = 5 };
  float *x = NULL, y[ROWS * 4], got[ROWS * 4];
  Batch b;
  batch_fill(&b, ROWS, 9);
  int both = gradc_find_export(device, "both"), w = gradc_find_weight(device, "n.linear_2.b");
  OK(gradc_device_alloc(device, 64 * sizeof *x, (void **)&x, &e));
  for (int at = 0; at < 8; at += 5) {
    float logits[ROWS * 3];
    gradc_array in = {x + at, GRADC_F32, 2, (int64_t[]){ROWS, 4}};
    gradc_array out[] = {{logits, GRADC_F32, 2, (int64_t[]){ROWS, 3}}, {x + 32 + at, GRADC_F32, 2, in.shape}};
    OK(gradc_device_copy(device, x + at, b.x, sizeof y, &e));
    for (int k = 0; k < 3; k++) OK(gradc_call(device, both, &in, 1, out, 2, NULL, &e));
    OK(gradc_device_copy(device, got, x + 32 + at, sizeof got, &e));
    in.data = b.x, out[1].data = y;
    for (int k = 0; k < 3; k++) OK(gradc_call(cpu, both, &in, 1, out, 2, NULL, &e)); /* a state counts calls */
    CHECK(!memcmp(y, got, sizeof y));
  }
  batch_fill(&b, 8, 3);
  OK(gradc_device_copy(device, x, b.x, 32 * sizeof *x, &e));
  OK(gradc_step(cpu, b.field, 2, &e));
  b.field[0].data = x;
  OK(gradc_device_wait(device, NULL, &e));
  OK(gradc_step(device, b.field, 2, &e));
  CHECK(hash_of(cpu) == hash_of(device) && gradc_device_stream(device));
  void *view = gradc_view_weight(device, w);
  CHECK(view != NULL);
  OK(gradc_device_copy(device, view, (float[]){1, 2, 3}, 3 * sizeof *x, &e));
  gradc_array bias = {x, GRADC_F32, 1, (int64_t[]){3}};
  OK(gradc_read_weight(device, w, &bias, &e));
  OK(gradc_write_weight(cpu, w, &(gradc_array){(float[]){1, 2, 3}, GRADC_F32, 1, bias.shape}, &e));
  CHECK(hash_of(cpu) == hash_of(device));
  OK(gradc_write_weight(device, w, &bias, &e));
  CHECK(hash_of(cpu) == hash_of(device));
  gradc_device_free(device, x);
  FAILS(GRADC_BAD_CALL, 801, "runs on the CPU", gradc_device_alloc(cpu, 1, (void **)&x, &e));
}

/* A model whose driver is told to fail. */
static void fails(const char *variable, const char *value, const char *device, int code, const char *words) {
  gradc_model *m = NULL;
  gradc_options o = device_options(device);
  setenv(variable, value, 1);
  FAILS(GRADC_RESOURCES, code, words, gradc_compile(&(gradc_source){"model.nn", NULL, 0}, &o, &m, &e));
  CHECK(!m);
  unsetenv(variable);
}

/* `gemm` of the options: words of the error; NULL: a model that trains. */
static void gemm(const char *device, const char *way, int strict, const char *words) {
  gradc_model *m = NULL;
  gradc_options o = device_options(device);
  Batch b;
  o.gemm = way, o.strict = strict;
  if (words) {
    FAILS(GRADC_BAD_CALL, 500, words, gradc_compile(&(gradc_source){"model.nn", NULL, 0}, &o, &m, &e));
    return;
  }
  OK(gradc_compile(&(gradc_source){"model.nn", NULL, 0}, &o, &m, &e));
  OK(gradc_plan(m, 60, 20, &e));
  batch_fill(&b, 8, 0);
  OK(gradc_step(m, b.field, 2, &e));
  gradc_free(m);
}

static void faults(void) {
  gradc_model *m = NULL;
  gradc_options o = device_options("tpu");
  FAILS(GRADC_BAD_CALL, 500, "no device `tpu`", gradc_compile(&(gradc_source){"model.nn", NULL, 0}, &o, &m, &e));
  fails("GRADC_CUDA_DRIVER", "/none", "cuda:0", 690, "needs an NVIDIA driver");
  fails("GC_DRIVER_DEVICES", "0", "cuda-host", 692, "there is no GPU");
  fails("GC_DRIVER_BYTES", "2000", "cuda-host", 695, "of which 2000 are free");
  fails("GC_DRIVER_FAIL", "9", "cuda-host", 697, "cu");
  gemm("cuda-host", "cublas", 0, "there is no `gemm` cublas");
  gemm("cuda-host", "cublaslt", 1, "needs `strict` 0");
  gemm("cpu", "cublaslt", 0, "needs a device");
  gemm("cuda-host", "cublaslt", 0, NULL);
  setenv("GC_DRIVER_FAIL", "200:719", 1);
  m = compile_on("cuda-host");
  unsetenv("GC_DRIVER_FAIL");
  gradc_status s = GRADC_OK;
  gradc_error *e = NULL;
  Batch b;
  batch_fill(&b, 8, 0);
  for (int i = 0; i < 100 && !s; i++) s = gradc_step(m, b.field, 2, &e);
  expect(s, e, GRADC_RESOURCES, 696, "kernel", __FILE__, __LINE__);
  gradc_error_free(e);
  gradc_free(m);
}

void test_device(void) {
  gradc_model *cpu = compile_on("cpu"), *device = compile_on("cuda-host");
  CHECK(!strcmp(gradc_model_info(cpu)->device, "cpu") && !strcmp(gradc_model_info(device)->device, "cuda-host"));
  CHECK(gradc_model_info(device)->memory_bytes > gradc_model_info(cpu)->memory_bytes);
  same_training(cpu, device);
  files(cpu, device);
  memory(cpu, device);
  gradc_free(device);
  gradc_free(cpu);
  faults();
}
