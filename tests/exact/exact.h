/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the reference (interpreter) and the programs that run generated C: batches from a formula, hashes of
 * tensors in logical order, and the lines that are compared as text. */
#ifndef EXACT_H
#define EXACT_H
#include <stdint.h>
#include <stdio.h>

/* Element i of field f in step s: floats are multiples of 1/64 in [-2, 2), integers are in [0, range). */
static inline uint32_t exact_word(uint32_t s, uint32_t f, uint32_t i) {
  uint32_t x = s * 2654435761u ^ f * 40503u ^ i * 2246822519u;
  x ^= x >> 15;
  x *= 2246822519u;
  x ^= x >> 13;
  x *= 3266489917u;
  return x ^ x >> 16;
}
static inline float exact_float(uint32_t s, uint32_t f, uint32_t i) {
  return (float)((int)(exact_word(s, f, i) >> 24) - 128) / 64.0f;
}
static inline int32_t exact_int(uint32_t s, uint32_t f, uint32_t i, int64_t range) {
  return (int32_t)(exact_word(s, f, i) % (uint32_t)(range > 0 ? range : 2));
}

/* Of elements of `size` bytes, the low one first on any machine. */
static inline uint64_t exact_hash(uint64_t h, const void *p, int64_t bytes, int size) {
  const unsigned char *s = p;
  const union {
    uint16_t u;
    unsigned char low;
  } order = {1};
  for (int64_t i = 0; i < bytes; i += size)
    for (int b = 0; b < size; b++) h = (h ^ s[i + (order.low ? b : size - 1 - b)]) * 0x100000001b3u;
  return h;
}

/* Position of logical element i in a stored tensor: axes in stored order, the last panel narrower. */
static inline int64_t exact_at(int64_t i, int rank, const int64_t *dim, const uint8_t *perm, int64_t panel, int axis) {
  int64_t index[8] = {0}, at = 0, lead = 1;
  for (int d = rank - 1; d >= 0; i /= dim[d--]) index[d] = i % dim[d];
  if (!panel) {
    for (int d = 0; d < rank; d++) at = at * dim[perm[d]] + index[perm[d]];
    return at;
  }
  int64_t p = index[axis] / panel, left = dim[axis] - p * panel, width = left < panel ? left : panel;
  for (int d = 0; d < rank; d++)
    if (perm[d] != axis) at = at * dim[perm[d]] + index[perm[d]], lead *= dim[perm[d]];
  return p * panel * lead + at * width + index[axis] % panel;
}

/* Exports are called CALLS times: at the bounds, at 1, at odd values, at others, with sizes of 0, above the bound,
 * below 0. The value of size k in call r. */
enum { EXACT_CALLS = 7 };
static inline int64_t exact_size(int r, int k, int64_t bound) {
  switch (r) {
  case 0: return bound;
  case 1: return 1;
  case 2: return ((bound + k) / 2) | 1;
  case 3: return 1 + (int64_t)(exact_word(5, (uint32_t)k, 0) % (uint32_t)bound);
  case 4: return 0;
  case 5: return k ? 1 : bound + 1;
  default: return k ? 1 : -1;
  }
}

/* One value of an export's input f, as exact_float and exact_int give it for step 1000 + call. */
static inline void exact_put(void *p, int is_float, int bytes, int64_t range, int call, int f, int64_t i) {
  uint32_t s = 1000 + (uint32_t)call;
  if (is_float) ((float *)p)[i] = exact_float(s, (uint32_t)f, (uint32_t)i);
  else if (bytes == 4) ((int32_t *)p)[i] = exact_int(s, (uint32_t)f, (uint32_t)i, range);
  else ((unsigned char *)p)[i] = (unsigned char)exact_int(s, (uint32_t)f, (uint32_t)i, range);
}
static inline void exact_call_line(const char *name, int call, int status, uint64_t h) {
  printf("call %s %d status %d %08lx%08lx\n", name, call, status, (unsigned long)(h >> 32),
         (unsigned long)(h & 0xffffffffu));
}

static inline void exact_step_line(int step, int status, float loss) {
  union {
    float f;
    uint32_t u;
  } b = {loss};
  printf("step %d status %d loss %08lx %.9g\n", step, status, (unsigned long)b.u, loss);
}
static inline void exact_var_line(const char *name, uint64_t h) {
  printf("var %s %08lx%08lx\n", name, (unsigned long)(h >> 32), (unsigned long)(h & 0xffffffffu));
}
#endif
