/* SPDX-License-Identifier: Apache-2.0 */
/* gc_needs: the instructions that the compiler may use beyond the baseline of its target, by the names of
 * runtime/cpu.c. Included by the generated code, which is compiled with the flags of the model. Left out are
 * instructions that compilers use only through intrinsics (AES, SHA ...), and AMX, which the code checks for itself.
 * GC_NEEDS: more names. */
static const char gc_needs[] = ""
#if defined __x86_64__ || defined __i386__
#ifdef __SSE2__
                               " sse2"
#endif
#ifdef __SSE3__
                               " sse3"
#endif
#ifdef __SSSE3__
                               " ssse3"
#endif
#ifdef __SSE4_1__
                               " sse4.1"
#endif
#ifdef __SSE4_2__
                               " sse4.2"
#endif
#ifdef __POPCNT__
                               " popcnt"
#endif
#ifdef __LZCNT__
                               " lzcnt"
#endif
#ifdef __MOVBE__
                               " movbe"
#endif
#ifdef __BMI__
                               " bmi"
#endif
#ifdef __BMI2__
                               " bmi2"
#endif
#ifdef __TBM__
                               " tbm"
#endif
#ifdef __AVX__
                               " avx"
#endif
#ifdef __F16C__
                               " f16c"
#endif
#ifdef __FMA__
                               " fma"
#endif
#ifdef __FMA4__
                               " fma4"
#endif
#ifdef __XOP__
                               " xop"
#endif
#ifdef __AVX2__
                               " avx2"
#endif
#ifdef __GFNI__
                               " gfni"
#endif
#ifdef __AVXVNNI__
                               " avxvnni"
#endif
#ifdef __AVXIFMA__
                               " avxifma"
#endif
#ifdef __AVXVNNIINT8__
                               " avxvnniint8"
#endif
#ifdef __AVXNECONVERT__
                               " avxneconvert"
#endif
#ifdef __AVX512F__
                               " avx512f"
#endif
#ifdef __AVX512CD__
                               " avx512cd"
#endif
#ifdef __AVX512BW__
                               " avx512bw"
#endif
#ifdef __AVX512DQ__
                               " avx512dq"
#endif
#ifdef __AVX512VL__
                               " avx512vl"
#endif
#ifdef __AVX512ER__
                               " avx512er"
#endif
#ifdef __AVX512IFMA__
                               " avx512ifma"
#endif
#ifdef __AVX512VBMI__
                               " avx512vbmi"
#endif
#ifdef __AVX512VBMI2__
                               " avx512vbmi2"
#endif
#ifdef __AVX512VNNI__
                               " avx512vnni"
#endif
#ifdef __AVX512BITALG__
                               " avx512bitalg"
#endif
#ifdef __AVX512VPOPCNTDQ__
                               " avx512vpopcntdq"
#endif
#ifdef __AVX512BF16__
                               " avx512bf16"
#endif
#ifdef __AVX512FP16__
                               " avx512fp16"
#endif
#elif defined __aarch64__
#ifdef __ARM_FEATURE_ATOMICS
                               " atomics"
#endif
#ifdef __ARM_FEATURE_QRDMX
                               " asimdrdm"
#endif
#ifdef __ARM_FEATURE_FP16_VECTOR_ARITHMETIC
                               " asimdhp"
#endif
#ifdef __ARM_FEATURE_DOTPROD
                               " asimddp"
#endif
#ifdef __ARM_FEATURE_COMPLEX
                               " fcma"
#endif
#ifdef __ARM_FEATURE_JCVT
                               " jscvt"
#endif
#ifdef __ARM_FEATURE_FP16_FML
                               " asimdfhm"
#endif
#ifdef __ARM_FEATURE_FRINT
                               " frint"
#endif
#ifdef __ARM_FEATURE_BF16_VECTOR_ARITHMETIC
                               " bf16"
#endif
#ifdef __ARM_FEATURE_MATMUL_INT8
                               " i8mm"
#endif
#ifdef __ARM_FEATURE_SVE
                               " sve"
#endif
#ifdef __ARM_FEATURE_SVE2
                               " sve2"
#endif
#elif defined __arm__
#ifdef __ARM_NEON
                               " neon"
#endif
#ifdef __ARM_FEATURE_FMA
                               " vfpv4"
#endif
#ifdef __ARM_FEATURE_IDIV
                               " idiva"
#endif
#elif defined __riscv && defined __riscv_v
                               " v"
#elif defined __s390x__ && defined __VX__
                               " vx"
#endif
  GC_NEEDS; /* of the prebuilt objects linked with this code */
