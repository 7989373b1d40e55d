/* SPDX-License-Identifier: Apache-2.0 */
/* The status of a model: what fails changes no weight and counts no step, nor does any later step, until the caller
 * sets the status to 0. Compiled with -DKEPT=N, the bytes before the arena, and the emitted mlp.cu in the include
 * path. */
#include "mlp.cu"
#include <math.h>
#include <stdio.h>
#include <string.h>

static int passed, failed;
static float x[64 * 64];
static int32_t y[64];
static unsigned char before[KEPT];

/* One step; it must leave this status, and change the weights only if that is 0. */
static void step(void *mem, const char *what, int status) {
  struct mlp_run *run = mem;
  uint32_t at = run->step;
  memcpy(before, mem, KEPT);
  int good = mlp_train_step(mem, x, y, 0) == cudaSuccess && run->status == status && run->step == at + !status;
  size_t head = sizeof *run;
  good &= !memcmp(before + head, (unsigned char *)mem + head, KEPT - head) == (status != 0);
  if (!good) printf("%s: status %d, step %u after %u\n", what, (int)run->status, (unsigned)run->step, (unsigned)at);
  if (good) passed++;
  else failed++;
}

int main(void) {
  void *mem = aligned_alloc(64, mlp_BYTES / 64 * 64 + 64);
  struct mlp_run *run = mem;
  for (int i = 0; i < 64 * 64; i++) x[i] = (float)(i % 7) / 8;
  for (int i = 0; i < 64; i++) y[i] = i % 10;
  mlp_init(mem, 1, 0);
  step(mem, "a step", 0);
  y[3] = 10;
  step(mem, "a label out of range", 2);
  y[3] = 9;
  step(mem, "the step after it", 2);
  run->status = 0;
  step(mem, "a step once the status is 0", 0);
  x[5] = NAN;
  step(mem, "a loss that is not finite", -1);
  x[5] = 0;
  step(mem, "the step after it", -1);
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
