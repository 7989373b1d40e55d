/* SPDX-License-Identifier: Apache-2.0 */
/* Loads, stores, and conversions. */
#include "codegen/cuda/host/host.h"
#include <math.h>

unsigned char *shared_at(gc_saddr a, int bytes) {
  if (a + (gc_u64)bytes <= (gc_u64)block->shared_bytes) return block->shared + a;
  error_at(NULL, "outside of shared memory");
  return block->shared;
}
void check_aligned(uintptr_t a, int bytes) {
  if (a & (unsigned)(bytes - 1)) error_at(NULL, "an address is not aligned");
}

/* With the checks, or an address that is not good. */
static __attribute__((noinline, cold)) unsigned char *shared_checked(gc_saddr a, int bytes, bool write,
                                                                     const void *pc) {
  check_aligned(a, bytes);
  unsigned char *p = shared_at(a, bytes);
  access_here(p, bytes, write, pc);
  return p;
}
/* Inlined with a number of bytes, which is a power of two. */
static inline __attribute__((always_inline)) unsigned char *shared_access(gc_saddr a, int bytes, bool write, int line,
                                                                          const void *pc) {
  Block *b = block;
  b->fiber[b->current].line = line;
  bool good = !(a & (gc_saddr)(bytes - 1)) & (a + (gc_u64)bytes <= (gc_u64)b->shared_bytes) & !checking;
  return __builtin_expect(good, 1) ? b->shared + a : shared_checked(a, bytes, write, pc);
}
void gc_host_lds(void *v, gc_saddr a, int n, int line) {
  if (n == 16) memcpy(v, shared_access(a, 16, false, line, CALLER), 16);
  else memcpy(v, shared_access(a, n, false, line, CALLER), (size_t)n);
}
void gc_host_sts(gc_saddr a, const void *v, int n, int line) {
  if (n == 16) memcpy(shared_access(a, 16, true, line, CALLER), v, 16);
  else memcpy(shared_access(a, n, true, line, CALLER), v, (size_t)n);
}
float gc_host_lds_f32(gc_saddr a, int line) {
  float v;
  memcpy(&v, shared_access(a, 4, false, line, CALLER), 4);
  return v;
}
void gc_host_sts_f32(gc_saddr a, float v, int line) { memcpy(shared_access(a, 4, true, line, CALLER), &v, 4); }
uint32_t gc_host_lds_u32(gc_saddr a, int line) {
  uint32_t v;
  memcpy(&v, shared_access(a, 4, false, line, CALLER), 4);
  return v;
}
void gc_host_sts_u32(gc_saddr a, uint32_t v, int line) { memcpy(shared_access(a, 4, true, line, CALLER), &v, 4); }

void gc_host_ldg(void *v, const void *p, int n, int line) {
  fiber()->line = line;
  check_aligned((uintptr_t)p, n);
  if (checking) access_here(p, n, false, CALLER);
  if (n == 16) memcpy(v, p, 16);
  else memcpy(v, p, (size_t)n);
}
void gc_host_stg(void *p, const void *v, int n, int line) {
  fiber()->line = line;
  check_aligned((uintptr_t)p, n);
  if (checking) access_here(p, n, true, CALLER);
  if (n == 16) memcpy(p, v, 16);
  else memcpy(p, v, (size_t)n);
}

float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, 4);
  return x;
}
static uint32_t bits_of(float x) {
  uint32_t u;
  memcpy(&u, &x, 4);
  return u;
}
static float flush(float x) { return fabsf(x) < 0x1p-126f ? copysignf(0, x) : x; }
float gc_ex2(float x) { return flush(exp2f(flush(x))); }
float gc_lg2(float x) { return log2f(flush(x)); }
float gc_rcp(float x) { return flush(1 / flush(x)); }

static uint32_t f32_to_bf16(float x) {
  uint32_t u = bits_of(x);
  return x != x ? 0x7fff : (u + 0x7fff + (u >> 16 & 1)) >> 16;
}
float bf16_to_f32(uint32_t h) { return float_of(h << 16); }
uint32_t gc_pack_bf16(float lo, float hi) { return f32_to_bf16(lo) | f32_to_bf16(hi) << 16; }

static uint32_t f32_to_f16(float x) {
  uint32_t u = bits_of(x), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
  if (a > 0x7f800000) return 0x7fff;
  if (a >= 0x477ff000) return sign | 0x7c00;                                    /* 65520 and above */
  if (a < 0x38800000) return sign | (bits_of(float_of(a) + 0.5f) - 0x3f000000); /* the sum rounds to 2^-24 */
  return sign | ((a - 0x38000000 + 0xfff + (a >> 13 & 1)) >> 13);
}
float f16_to_f32(uint32_t h) {
  uint32_t sign = (h & 0x8000) << 16, a = h & 0x7fff;
  if (a >= 0x7c00) return float_of(sign | 0x7f800000 | (a & 0x3ff) << 13);
  if (a < 0x400) return float_of(sign | bits_of((float)a * 0x1p-24f));
  return float_of(sign | ((a << 13) + 0x38000000));
}
uint32_t gc_pack_f16(float lo, float hi) { return f32_to_f16(lo) | f32_to_f16(hi) << 16; }

uint32_t gc_tf32(float x) {
  uint32_t u = bits_of(x);
  return x != x ? 0x7fffffff : (u & 0x7fffffff) == 0x7f800000 ? u : (u + 0x1000) & ~0x1fffu;
}
