/* SPDX-License-Identifier: Apache-2.0 */
/* ldmatrix and mma.sync: fragments as in the PTX manual, "Matrix Fragments for mma.m16n8k16" and its relatives. */
#include "codegen/cuda/host/host.h"

typedef struct RowAddress {
  gc_saddr a;
  uint32_t *r;
} RowAddress;

static void load_matrix(void **slot, int i, int trans) {
  uint16_t e[8][8];
  for (int r = 0; r < 8; r++) memcpy(e[r], shared_at(((RowAddress *)slot[i * 8 + r])->a, 16), 16);
  for (int l = 0; l < WARP; l++) {
    int r = l / 4, c = l % 4 * 2;
    uint32_t lo = trans ? e[c][r] : e[r][c], hi = trans ? e[c + 1][r] : e[r][c + 1];
    ((RowAddress *)slot[l])->r[i] = lo | hi << 16;
  }
}
void gc_host_ldmatrix(uint32_t *r, gc_saddr a, int trans, int line) {
  RowAddress m = {a, r};
  fiber()->line = line;
  check_aligned(a, 16);
  access_here(shared_at(a, 16), 16, false, CALLER);
  if (!meet_warp(&m, line)) return;
  if (my_warp()->alive < WARP) error_at(NULL, "an instruction of the whole warp without all lanes");
  else
    for (int i = 0; i < 4; i++) load_matrix(my_warp()->slot + block->current / WARP * WARP % GROUP, i, trans);
  meeting_over(my_warp());
}

typedef struct MmaArgs {
  void *d;
  const uint32_t *a, *b;
} MmaArgs;
typedef float Row __attribute__((vector_size(32)));

/* Operand e of those that a register holds: 2 of 16 bits, 4 of 8, or one tf32. */
static float operand(uint32_t r, GcOperand type, int e) {
  if (type == GC_S8) return (float)(int8_t)(r >> 8 * e);
  if (type == GC_TF32) return float_of(r & ~0x1fffu);
  return type == GC_F16 ? f16_to_f32(r >> 16 * e & 0xffff) : bf16_to_f32(r >> 16 * e & 0xffff);
}
/* Lane l holds, of each group of 4 * per columns (k), the `per` from l % 4 * per on; of row l / 4, and of a also of the
 * row 8 below. Sums of products of s8 are below 2^24, exact in f32. */
static void mma_run(void **slot, GcOperand type) {
  int per = type == GC_S8 ? 4 : type == GC_TF32 ? 1 : 2, k = per * 8;
  float a[16][32];
  Row b[32];
  for (int l = 0; l < WARP; l++) {
    const MmaArgs *x = slot[l];
    for (int i = 0; i < 4; i++)
      for (int e = 0; e < per; e++) a[l / 4 + i % 2 * 8][l % 4 * per + i / 2 * per * 4 + e] = operand(x->a[i], type, e);
    for (int i = 0; i < 2; i++)
      for (int e = 0; e < per; e++) b[l % 4 * per + i * per * 4 + e][l / 4] = operand(x->b[i], type, e);
  }
  for (int r = 0; r < 16; r++) {
    Row s = {0};
    for (int i = 0; i < k; i++) s += a[r][i] * b[i];
    for (int c = 0; c < 8; c++) {
      void *d = ((const MmaArgs *)slot[r % 8 * 4 + c / 2])->d;
      if (type == GC_S8) ((int32_t *)d)[r / 8 * 2 + c % 2] += (int32_t)s[c];
      else ((float *)d)[r / 8 * 2 + c % 2] += s[c];
    }
  }
}
void gc_host_mma(void *d, const uint32_t *a, const uint32_t *b, GcOperand type, int line) {
  MmaArgs m = {d, a, b};
  if (!meet_warp(&m, line)) return;
  if (my_warp()->alive < WARP) error_at(NULL, "an instruction of the whole warp without all lanes");
  else mma_run(my_warp()->slot + block->current / WARP * WARP % GROUP, type);
  if (checking) gc_host.traffic.mma++;
  meeting_over(my_warp());
}
