/* SPDX-License-Identifier: Apache-2.0 */
/* Trains the digits model and lets it read one, on a GPU, as a part of a CUDA program:
 *   gradc emit --cuda ../models/digits.nn -o .
 *   nvcc --fmad=false -gencode arch=compute_90a,code=sm_90a cuda.cu digits.cu -o digits && ./digits */
#include "digits.h"
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 32, PIXELS = 64, STEPS = 50 };

static void check(cudaError_t e) {
  if (e == cudaSuccess) return;
  fprintf(stderr, "%s\n", cudaGetErrorString(e));
  exit(1);
}

/* Memory of the device with a copy of these bytes. */
static void *on_device(const void *from, size_t bytes) {
  void *p;
  check(cudaMalloc(&p, bytes));
  check(cudaMemcpy(p, from, bytes, cudaMemcpyHostToDevice));
  return p;
}

int main(void) {
  static float x[BATCH * PIXELS], seven[PIXELS];
  static int32_t y[BATCH];
  for (int i = 0; i < BATCH * PIXELS; i++) {
    y[i / PIXELS] = i / PIXELS % 10;
    x[i] = i % PIXELS / 6 == y[i / PIXELS] ? 1.0f : 0.0f; /* a bar where the digit says */
  }
  for (int i = 0; i < PIXELS; i++) seven[i] = i / 6 == 7 ? 16.0f : 0.0f;

  void *mem;
  cudaStream_t stream;
  cudaGraphExec_t step;
  struct digits_run run;
  check(cudaMalloc(&mem, digits_BYTES));
  check(cudaStreamCreate(&stream));
  const float *fields = (const float *)on_device(x, sizeof x);
  const int32_t *labels = (const int32_t *)on_device(y, sizeof y);

  check(digits_init(mem, 1, stream));
  check(cudaMemcpyAsync(&run, mem, sizeof run, cudaMemcpyDeviceToHost, stream));
  check(cudaStreamSynchronize(stream));
  run.steps = STEPS; /* the file plans in epochs, so this is for the caller to say */
  check(cudaMemcpyAsync(mem, &run, sizeof run, cudaMemcpyHostToDevice, stream));

  /* The graph reads what `fields` and `labels` hold when it is launched. Nothing waits for a step: one that fails keeps
   * the later ones from changing anything. */
  check(digits_graph(&step, mem, fields, labels));
  for (int i = 0; i < STEPS; i++) check(cudaGraphLaunch(step, stream));
  check(cudaMemcpyAsync(&run, mem, sizeof run, cudaMemcpyDeviceToHost, stream));
  check(cudaStreamSynchronize(stream));
  if (run.status) return fprintf(stderr, "step %u: status %d\n", (unsigned)run.step + 1, (int)run.status), 1;
  printf("step %u: loss %g, accuracy %g\n", (unsigned)run.step, run.loss, run.acc);

  int32_t answer = -1, *result = (int32_t *)on_device(&answer, sizeof answer);
  check(digits_predict(mem, (const float *)on_device(seven, sizeof seven), result, stream));
  check(cudaMemcpyAsync(&answer, result, sizeof answer, cudaMemcpyDeviceToHost, stream));
  check(cudaStreamSynchronize(stream));
  printf("this is a %d\n", (int)answer);
  check(cudaGraphExecDestroy(step));
  return answer != 7;
}
