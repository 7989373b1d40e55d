/* SPDX-License-Identifier: Apache-2.0 */
/* Vector types, and the functions that the text of vector.c calls: loads and stores of full and partial vectors. */
#include "codegen/c/native_text.h"
#include "codegen/c/vector.h"

static const char TYPES[] =
  "typedef float gc_vf __attribute__((vector_size(4 * GC_LANES)));\n"
  "typedef int32_t gc_vi __attribute__((vector_size(4 * GC_LANES)));\n"
  "typedef uint32_t gc_vu __attribute__((vector_size(4 * GC_LANES)));\n"
  "typedef double gc_vd __attribute__((vector_size(8 * GC_LANES)));\n"
  "typedef float gc_uf __attribute__((vector_size(4 * GC_LANES), aligned(4), may_alias));\n"
  "typedef int32_t gc_ui __attribute__((vector_size(4 * GC_LANES), aligned(4), may_alias));\n"
  "typedef uint32_t gc_uu __attribute__((vector_size(4 * GC_LANES), aligned(4), may_alias));\n"
  "typedef uint8_t gc_ub __attribute__((vector_size(GC_LANES), aligned(1), may_alias));\n"
  "typedef char gc_sb __attribute__((vector_size(GC_LANES)));\n"
  "#define GC_SPLAT(s) ((float)(s) - (gc_vf){0})\n"
  "#define GC_SPLATI(s) ((int32_t)(s) - (gc_vi){0})\n"
  "#define GC_SPLATU(s) ((uint32_t)(s) - (gc_vu){0})\n"
  "#ifdef __clang__\n#define GC_ROTATE(v, ...) __builtin_shufflevector(v, v, __VA_ARGS__)\n"
  "#else\n#define GC_ROTATE(v, ...) __builtin_shuffle(v, (gc_vi){__VA_ARGS__})\n#endif\n"
  "#ifdef __clang__\n#define GC_UNROLL _Pragma(\"clang loop unroll(full)\")\n"
  "#else\n#define GC_UNROLL _Pragma(\"GCC unroll 16\")\n#endif\n"
  "#define GC_FIRST(n) ((gc_vi)(GC_LANE < GC_SPLATI(n)))\n"
  "static inline gc_vi gc_isel(gc_vi m, gc_vi a, gc_vi b) { return (a & m) | (b & ~m); }\n"
  "static inline gc_vf gc_sel(gc_vi m, gc_vf a, gc_vf b) { return (gc_vf)gc_isel(m, (gc_vi)a, (gc_vi)b); }\n";

/* Full and partial vectors of each type: T name, vector, unaligned vector, element. */
static const char ACCESS[] =
  "#define GC_ACCESS(T, V, U, E) \\\n"
  "  static inline V gc_load_##T(const E *p) { return *(const U *)p; } \\\n"
  "  static inline void gc_store_##T(E *p, V v) { *(U *)p = v; } \\\n"
  "  static inline V gc_gather_##T(const E *p, ptrdiff_t step, ptrdiff_t n) { \\\n"
  "    V v = {0}; \\\n"
  "    for (ptrdiff_t l = 0; l < GC_LANES; l++) if (l < n) v[l] = p[l * step]; \\\n"
  "    return v; \\\n"
  "  } \\\n"
  "  static inline void gc_scatter_##T(E *p, ptrdiff_t step, V v, ptrdiff_t n) { \\\n"
  "    for (ptrdiff_t l = 0; l < GC_LANES; l++) if (l < n) p[l * step] = v[l]; \\\n"
  "  }\n"
  "GC_ACCESS(f, gc_vf, gc_uf, float)\nGC_ACCESS(i, gc_vi, gc_ui, int32_t)\nGC_ACCESS(u, gc_vu, gc_uu, uint32_t)\n"
  "#ifdef GC_LOADM\n"
  "#define GC_MASK(n) ((uint16_t)((n) >= 16 ? 0xffff : (n) <= 0 ? 0 : (1u << (n)) - 1))\n"
  "#define GC_PARTIAL(T, V, E) \\\n"
  "  static inline V gc_loadn_##T(const E *p, ptrdiff_t n) { return (V)GC_LOADM(p, GC_MASK(n)); } \\\n"
  "  static inline void gc_storen_##T(E *p, V v, ptrdiff_t n) { GC_STOREM(p, v, GC_MASK(n)); }\n"
  "#else\n"
  "#define GC_PARTIAL(T, V, E) \\\n"
  "  static inline V gc_loadn_##T(const E *p, ptrdiff_t n) { return gc_gather_##T(p, 1, n); } \\\n"
  "  static inline void gc_storen_##T(E *p, V v, ptrdiff_t n) { gc_scatter_##T(p, 1, v, n); }\n"
  "#endif\n"
  "GC_PARTIAL(f, gc_vf, float)\nGC_PARTIAL(i, gc_vi, int32_t)\nGC_PARTIAL(u, gc_vu, uint32_t)\n";

/* A bool in memory is a byte, in a vector a mask. */
static const char BOOLS[] =
  "static inline gc_vi gc_load_b(const uint8_t *p) {\n"
  "#ifdef GC_LOADM\n"
  "  return (gc_vi)(GC_WIDEN(p) != 0);\n"
  "#else\n"
  "  return (gc_vi)(__builtin_convertvector(*(const gc_ub *)p, gc_vi) != 0);\n"
  "#endif\n}\n"
  "static inline gc_vi gc_gather_b(const uint8_t *p, ptrdiff_t step, ptrdiff_t n) {\n"
  "  gc_vi v = {0};\n"
  "  for (ptrdiff_t l = 0; l < GC_LANES; l++) if (l < n) v[l] = -(int32_t)(p[l * step] != 0);\n"
  "  return v;\n}\n"
  "static inline void gc_scatter_b(uint8_t *p, ptrdiff_t step, gc_vi v, ptrdiff_t n) {\n"
  "  for (ptrdiff_t l = 0; l < GC_LANES; l++) if (l < n) p[l * step] = (uint8_t)(v[l] & 1);\n}\n"
  "static inline void gc_store_b(uint8_t *p, gc_vi v) {\n"
  "#ifdef GC_LOADM\n"
  "  GC_NARROW(p, v & 1);\n"
  "#else\n"
  "  *(gc_ub *)p = __builtin_convertvector(v & 1, gc_ub);\n"
  "#endif\n}\n"
  "static inline gc_vi gc_loadn_b(const uint8_t *p, ptrdiff_t n) { return gc_gather_b(p, 1, n); }\n"
  "static inline void gc_storen_b(uint8_t *p, gc_vi v, ptrdiff_t n) { gc_scatter_b(p, 1, v, n); }\n";

/* Instructions that the vector extensions lack: masked loads and stores, conversions between bytes and words, the
 * greater and the lesser of two vectors, which is the second one where that is NaN, and the square root, which is
 * correctly rounded like that of prim.h and much faster. Builtins, since the headers of intrinsics take longer to
 * compile than a model. */
static const char PROCESSOR[] =
  "#if defined __AVX512F__ && GC_LANES == 16\n"
  "#define GC_LOADM(p, m) __builtin_ia32_loadups512_mask((const float *)(p), (gc_vf){0}, m)\n"
  "#define GC_STOREM(p, v, m) __builtin_ia32_storeups512_mask((float *)(p), (gc_vf)(v), m)\n"
  "#define GC_NARROW(p, v) (*(gc_ub *)(p) = (gc_ub)__builtin_ia32_pmovdb512_mask(v, (gc_sb){0}, 0xffff))\n"
  "#ifdef __clang__\n"
  "#define GC_WIDEN(p) __builtin_convertvector(*(const gc_ub *)(p), gc_vi)\n"
  "#define gc_sqrt(x) ((gc_vf)__builtin_ia32_sqrtps512(x, 4))\n"
  "#define GC_AT_LEAST(c, x) ((gc_vf)__builtin_ia32_maxps512(c, x, 4))\n"
  "#define GC_AT_MOST(c, x) ((gc_vf)__builtin_ia32_minps512(c, x, 4))\n"
  "#else\n"
  "#define GC_WIDEN(p) ((gc_vi)__builtin_ia32_pmovzxbd512_mask((gc_sb) * (const gc_ub *)(p), (gc_vi){0}, 0xffff))\n"
  "#define gc_sqrt(x) ((gc_vf)__builtin_ia32_sqrtps512_mask(x, (gc_vf){0}, -1, 4))\n"
  "#define GC_AT_LEAST(c, x) ((gc_vf)__builtin_ia32_maxps512_mask(c, x, (gc_vf){0}, -1, 4))\n"
  "#define GC_AT_MOST(c, x) ((gc_vf)__builtin_ia32_minps512_mask(c, x, (gc_vf){0}, -1, 4))\n"
  "#endif\n"
  "#elif defined __AVX__ && GC_LANES == 8\n#define gc_sqrt(x) ((gc_vf)__builtin_ia32_sqrtps256(x))\n"
  "#define GC_AT_LEAST(c, x) ((gc_vf)__builtin_ia32_maxps256(c, x))\n"
  "#define GC_AT_MOST(c, x) ((gc_vf)__builtin_ia32_minps256(c, x))\n"
  "#elif defined __SSE2__ && GC_LANES == 4\n#define gc_sqrt(x) ((gc_vf)__builtin_ia32_sqrtps(x))\n"
  "#elif defined __aarch64__ && GC_LANES == 4\n#include <arm_neon.h>\n"
  "#define gc_sqrt(x) ((gc_vf)vsqrtq_f32((float32x4_t)(x)))\n"
  "#else\n#define gc_sqrt(x) v_sqrt(x)\n#endif\n";

/* Vectors of f64 have as many elements as the others. Masks are narrowed to i32, and widened to select. */
static const char DOUBLES[] =
  "typedef int64_t gc_vl __attribute__((vector_size(8 * GC_LANES)));\n"
  "typedef double gc_ud __attribute__((vector_size(8 * GC_LANES), aligned(8), may_alias));\n"
  "static inline gc_vd gc_load_d(const double *p) { return *(const gc_ud *)p; }\n"
  "static inline void gc_store_d(double *p, gc_vd v) { *(gc_ud *)p = v; }\n"
  "static inline gc_vd gc_gather_d(const double *p, ptrdiff_t step, ptrdiff_t n) {\n"
  "  double t[GC_LANES] = {0};\n  for (ptrdiff_t l = 0; l < GC_LANES && l < n; l++) t[l] = p[l * step];\n"
  "  return gc_load_d(t);\n}\n"
  "static inline void gc_scatter_d(double *p, ptrdiff_t step, gc_vd v, ptrdiff_t n) {\n"
  "  double t[GC_LANES];\n  gc_store_d(t, v);\n"
  "  for (ptrdiff_t l = 0; l < GC_LANES && l < n; l++) p[l * step] = t[l];\n}\n"
  "#ifdef __clang__\n#define GC_ROTATED GC_ROTATE\n"
  "#else\n#define GC_ROTATED(v, ...) __builtin_shuffle(v, (gc_vl){__VA_ARGS__})\n#endif\n"
  "#define GC_SPLATD(s) ((double)(s) - (gc_vd){0})\n"
  "#define GC_NARROWED(m) __builtin_convertvector(m, gc_vi)\n"
  "static inline gc_vd gc_loadn_d(const double *p, ptrdiff_t n) { return gc_gather_d(p, 1, n); }\n"
  "static inline void gc_storen_d(double *p, gc_vd v, ptrdiff_t n) { gc_scatter_d(p, 1, v, n); }\n"
  "static inline gc_vd gc_seld(gc_vi m, gc_vd a, gc_vd b) {\n"
  "  gc_vl w = __builtin_convertvector(m, gc_vl);\n  return (gc_vd)(((gc_vl)a & w) | ((gc_vl)b & ~w));\n}\n";

/* 16-bit floats in memory are vectors of their bits. The instruction that rounds to bf16 treats subnormal numbers as 0,
 * so vectors with such a number are rounded by integer operations. */
static const char HALVES[] =
  "typedef uint16_t gc_vw __attribute__((vector_size(2 * GC_LANES)));\n"
  "typedef int16_t gc_sw __attribute__((vector_size(2 * GC_LANES)));\n"
  "typedef uint16_t gc_uw __attribute__((vector_size(2 * GC_LANES), aligned(2), may_alias));\n"
  "/* The even and the odd elements of a vector of bf16. */\n"
  "#define GC_EVEN(u) ((gc_vf)((u) << 16))\n#define GC_ODD(u) ((gc_vf)((u) & 0xffff0000u))\n"
  "#if defined __AVX512F__ && GC_LANES == 16 && !defined __clang__\n"
  "#define GC_WIDE(w) ((gc_vu)__builtin_ia32_pmovzxwd512_mask((gc_sw)(w), (gc_vi){0}, 0xffff))\n"
  "#define GC_LOW(u) ((gc_vw)__builtin_ia32_pmovdw512_mask((gc_vi)(u), (gc_sw){0}, 0xffff))\n"
  "#else\n"
  "#define GC_WIDE(w) __builtin_convertvector(w, gc_vu)\n#define GC_LOW(u) __builtin_convertvector(u, gc_vw)\n"
  "#endif\n"
  "static inline gc_vw gc_gather_w(const uint16_t *p, ptrdiff_t step, ptrdiff_t n) {\n"
  "  gc_vw v = {0};\n  for (ptrdiff_t l = 0; l < GC_LANES; l++) if (l < n) v[l] = p[l * step];\n  return v;\n}\n"
  "static inline void gc_scatter_w(uint16_t *p, ptrdiff_t step, gc_vw v, ptrdiff_t n) {\n"
  "  for (ptrdiff_t l = 0; l < GC_LANES; l++) if (l < n) p[l * step] = v[l];\n}\n"
  "#if GC_LANES == 16 && defined __AVX512BW__ && defined __AVX512VL__\n"
  "#define gc_loadn_w(p, n) ((gc_vw)__builtin_ia32_loaddquhi256_mask((const void *)(p), (gc_sw){0}, GC_MASK(n)))\n"
  "#define gc_storen_w(p, v, n) __builtin_ia32_storedquhi256_mask((void *)(p), (gc_sw)(v), GC_MASK(n))\n"
  "#else\n"
  "#define gc_loadn_w(p, n) gc_gather_w(p, 1, n)\n#define gc_storen_w(p, v, n) gc_scatter_w(p, 1, v, n)\n"
  "#endif\n"
  "#define GC_HALF(T) \\\n"
  "  static inline gc_vf gc_load_##T(const uint16_t *p) { return gc_wide_##T(*(const gc_uw *)p); } \\\n"
  "  static inline gc_vf gc_loadn_##T(const uint16_t *p, ptrdiff_t n) { return gc_wide_##T(gc_loadn_w(p, n)); } \\\n"
  "  static inline gc_vf gc_gather_##T(const uint16_t *p, ptrdiff_t step, ptrdiff_t n) { \\\n"
  "    return gc_wide_##T(gc_gather_w(p, step, n)); } \\\n"
  "  static inline void gc_store_##T(uint16_t *p, gc_vf v) { *(gc_uw *)p = gc_half_##T(v); } \\\n"
  "  static inline void gc_storen_##T(uint16_t *p, gc_vf v, ptrdiff_t n) { gc_storen_w(p, gc_half_##T(v), n); } \\\n"
  "  static inline void gc_scatter_##T(uint16_t *p, ptrdiff_t step, gc_vf v, ptrdiff_t n) { \\\n"
  "    gc_scatter_w(p, step, gc_half_##T(v), n); } \\\n"
  "  static inline gc_vf gc_round_##T(gc_vf v) { return gc_wide_##T(gc_half_##T(v)); }\n";
static const char HALF_BF16[] = "static inline gc_vf gc_wide_bh(gc_vw w) { return (gc_vf)(GC_WIDE(w) << 16); }\n"
                                "static inline gc_vw gc_half_bh(gc_vf v) {\n"
                                "#if GC_LANES == 16 && defined __AVX512BF16__ && defined __AVX512DQ__\n"
                                "  gc_vw w;\n  __asm__(\"vcvtneps2bf16 %1, %0\" : \"=v\"(w) : \"v\"(v));\n"
                                "  if (!__builtin_ia32_fpclassps512_mask(v, 0x20, 0xffff)) return w;\n"
                                "#endif\n  return GC_LOW(v_to_bf16(v));\n}\n"
                                "GC_HALF(bh)\n";
static const char HALF_F16[] =
  "#if GC_LANES == 16 && defined __AVX512F__\n"
  "#ifdef __clang__\n#define GC_ALL 0xffff\n#else\n#define GC_ALL -1 /* a signed mask */\n#endif\n"
  "#define gc_wide_h(w) ((gc_vf)__builtin_ia32_vcvtph2ps512_mask((gc_sw)(w), (gc_vf){0}, GC_ALL, 4))\n"
  "#define gc_half_h(v) ((gc_vw)__builtin_ia32_vcvtps2ph512_mask(v, 0, (gc_sw){0}, 0xffff))\n"
  "#elif GC_LANES == 8 && defined __F16C__\n"
  "#define gc_wide_h(w) ((gc_vf)__builtin_ia32_vcvtph2ps256((gc_sw)(w)))\n"
  "#define gc_half_h(v) ((gc_vw)__builtin_ia32_vcvtps2ph256(v, 0))\n"
  "#elif GC_LANES == 4 && defined __aarch64__\n"
  "#define gc_wide_h(w) ((gc_vf)vcvt_f32_f16((float16x4_t)(w)))\n"
  "#define gc_half_h(v) ((gc_vw)vcvt_f16_f32((float32x4_t)(v)))\n"
  "#else\n"
  "#define gc_wide_h(w) v_from_f16(GC_WIDE(w))\n#define gc_half_h(v) GC_LOW(v_to_f16(v))\n"
  "#endif\nGC_HALF(h)\n";

void vector_prims_print(Emitter *p, Str *o) {
  prim_print_form(p, PRIM_VECTOR,
                  "#define PRIM(name) v_##name\n#define PRIM_1(name) p_##name\n#define PRIM_F gc_vf\n"
                  "#define PRIM_I gc_vi\n#define PRIM_U gc_vu\n#define PRIM_D gc_vd\n"
                  "#define PRIM_LANES GC_LANES\n",
                  o);
  if (p->prim[PRIM_VECTOR]) str_puts(o, "#undef PRIM_1\n");
}

void vector_halves_print(Emitter *p, Str *o) {
  const NativeText *x = p->native;
  if (!x->halves) return;
  str_printf(o, "#define GC_FAST %d\n%s", x->o.contract, HALVES);
  if (x->halves >> DT_BF16 & 1) str_puts(o, HALF_BF16);
  if (x->halves >> DT_F16 & 1) str_puts(o, HALF_F16);
  str_puts(o, "\n");
}

static void print_lane(Str *o, int lanes) {
  str_puts(o, "#define GC_LANE ((gc_vi){");
  for (int i = 0; i < lanes; i++) str_printf(o, "%s%d", i ? ", " : "", i);
  str_puts(o, "})\n");
}

void vector_types_print(Emitter *p, Str *o) {
  const NativeText *x = p->native;
  int lanes = x->o.machine->vec;
  if (!x->vectors && !p->prim[PRIM_VECTOR]) return;
  str_printf(o, "#define GC_LANES %d\n%s", lanes, TYPES);
  print_lane(o, lanes);
  str_puts(o, PROCESSOR);
  str_puts(o, ACCESS);
  str_puts(o, BOOLS);
  if (x->doubles) str_puts(o, DOUBLES);
  str_puts(o, "\n");
}
