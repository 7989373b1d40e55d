/* SPDX-License-Identifier: Apache-2.0 */
/* Scalar and vector instantiations of prim/prim.h: prim_NAME, v4_NAME, v8_NAME, v16_NAME; of 8 and 16 lanes with the
 * processor's instructions, as the native target defines them. */
#include "../../prim/prim_scalar.h"
#define PRIM_1(name) prim_##name

#ifndef SCALAR_ONLY
#ifdef __AVX__
#include <immintrin.h>
#endif
#define VECTOR_TYPES(n) \
  typedef float f##n __attribute__((vector_size(4 * n))); \
  typedef int32_t i##n __attribute__((vector_size(4 * n))); \
  typedef uint32_t u##n __attribute__((vector_size(4 * n))); \
  typedef double d##n __attribute__((vector_size(8 * n)));
VECTOR_TYPES(4) VECTOR_TYPES(8) VECTOR_TYPES(16)

#define PRIM_LANES 4
#define PRIM(name) v4_##name
#define PRIM_F f4
#define PRIM_I i4
#define PRIM_U u4
#define PRIM_D d4
#include "../../prim/prim.h"

#ifdef __AVX__
#define GC_AT_LEAST(a, b) ((f8)_mm256_max_ps((__m256)(a), (__m256)(b)))
#define GC_AT_MOST(a, b) ((f8)_mm256_min_ps((__m256)(a), (__m256)(b)))
#endif
#define PRIM_LANES 8
#define PRIM(name) v8_##name
#define PRIM_F f8
#define PRIM_I i8
#define PRIM_U u8
#define PRIM_D d8
#include "../../prim/prim.h"

#undef GC_AT_LEAST
#undef GC_AT_MOST
#ifdef __AVX512F__
#define GC_AT_LEAST(a, b) ((f16)_mm512_max_ps((__m512)(a), (__m512)(b)))
#define GC_AT_MOST(a, b) ((f16)_mm512_min_ps((__m512)(a), (__m512)(b)))
#endif
#define PRIM_LANES 16
#define PRIM(name) v16_##name
#define PRIM_F f16
#define PRIM_I i16
#define PRIM_U u16
#define PRIM_D d16
#include "../../prim/prim.h"
#endif
