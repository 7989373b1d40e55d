/* SPDX-License-Identifier: Apache-2.0 */
/* All bodies rely on IEEE 754: every operation is rounded to its own type. Flags that change this are refused, and what
 * differs by a compiler's default is set. PRIM_BY_FLAGS: products are contracted as the flags say. */
#if defined __FAST_MATH__ || (defined __FINITE_MATH_ONLY__ && __FINITE_MATH_ONLY__) || defined __ASSOCIATIVE_MATH__ || \
  defined __RECIPROCAL_MATH__
#error "-Ofast, -ffast-math and its flags change results: compile this file with -fno-fast-math after them"
#endif
#ifndef PRIM_BY_FLAGS
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wignored-pragmas" /* some targets lack float_control */
#pragma float_control(precise, on)
#pragma clang diagnostic pop
#if __clang_major__ >= 12
#pragma clang fp reassociate(off)
#endif
#pragma STDC FP_CONTRACT OFF
#elif defined __GNUC__
#pragma GCC optimize("fp-contract=off")
#if __GNUC__ < 12 /* these have no macros for the flags that -ffast-math implies */
#pragma GCC optimize("no-associative-math", "no-reciprocal-math", "signed-zeros")
#endif
#endif
#endif
#if defined __FLT_EVAL_METHOD__ && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16 && __FLT_EVAL_METHOD__ != 32
#if defined __GNUC__ && !defined __clang__ && defined __SSE2__
#pragma GCC target("fpmath=sse")
#elif defined __GNUC__ && !defined __clang__ && defined __s390__
#pragma GCC optimize("excess-precision=fast") /* -std=c99 computes floats as doubles there */
#else
#error "floats are computed in a wider type (FLT_EVAL_METHOD is not 0): on x86 add -msse2 -mfpmath=sse"
#endif
#endif
