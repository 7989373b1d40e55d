/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/c/machine.h"
#include <math.h>
#include <string.h>
#include <time.h>
#if defined __x86_64__ && defined __GNUC__
#include <cpuid.h>
#endif

/* Register tiles: mr * nv accumulators plus nv vectors of the right operand and a broadcast fit the register file
 * (32 registers: 6x4, 16 registers: 6x2), and loads per multiply-add stay under 0.46. */
#define CACHES 1.25e6, 32e6
#define AVX2 "-mavx2 -mfma -mf16c"
#define AVX512 AVX2 " -mavx512f -mavx512bw -mavx512vl"
#define WIDE " -mprefer-vector-width=512"
static const Machine table[] = {
  {"avx512",
   "-march=native" WIDE,
   AVX512 WIDE,
   WIDE,
   16,
   6,
   4,
   384,
   264,
   {200e9, 80e9, 12.5e9, 200e9, 125e9, 28e9, CACHES, 16}},
  {"avx2", AVX2, AVX2, "", 8, 6, 2, 256, 168, {80e9, 30e9, 12.5e9, 80e9, 60e9, 25e9, CACHES, 8}},
  {"neon", "", "", "", 4, 6, 4, 256, 120, {30e9, 12e9, 8e9, 30e9, 30e9, 15e9, CACHES, 4}},
  {"generic", "", "", "", 4, 4, 2, 256, 120, {25e9, 10e9, 10e9, 25e9, 30e9, 15e9, CACHES, 4}},
};

/* Processors of which one core was measured, and its clock then: multiply-adds in registers, loads from a cache that
 * just holds them. */
typedef struct Measured {
  Rates rates;
  double clock;
} Measured;
static const Measured ZEN4 = {{117e9, 47e9, 24.5e9, 230e9, 117e9, 72e9, 1e6, 32e6, 16}, 3.66e9};
static const Measured SAPPHIRE_RAPIDS = {{209e9, 84e9, 12.5e9, 3350e9, 170e9, 26e9, 2e6, 64e6, 16}, 3.27e9};

/* Values of -march (on Arm, -mcpu) of gcc and clang, by row. Those of the last row get generic code, and their
 * throughput has not been measured. */
static const struct {
  const char *row, *names;
} marches[] = {
  {"avx512", " x86-64-v4 skylake-avx512 cascadelake cooperlake cannonlake icelake-client icelake-server tigerlake"
             " rocketlake sapphirerapids emeraldrapids graniterapids graniterapids-d diamondrapids znver4 znver5 "},
  {"avx2", " x86-64-v3 core-avx2 haswell broadwell skylake alderlake raptorlake meteorlake arrowlake arrowlake-s"
           " lunarlake pantherlake gracemont sierraforest grandridge clearwaterforest znver1 znver2 znver3 "},
  {"generic", " x86-64 x86-64-v2 core2 nehalem westmere corei7 sandybridge ivybridge bonnell silvermont goldmont"
              " tremont k8 amdfam10 barcelona btver1 btver2 bdver1 bdver2 bdver3 bdver4 i386 i486 i586 i686 armv6"
              " armv6-m armv7-a armv7-m armv7e-m armv8-a armv8.1-a armv8.2-a armv8.3-a armv8.4-a armv8.5-a armv9-a"
              " armv8-m.base armv8-m.main cortex-m0 cortex-m0plus cortex-m3 cortex-m4 cortex-m7 cortex-m23 cortex-m33"
              " cortex-m55 cortex-m85 cortex-a5 cortex-a7 cortex-a8 cortex-a9 cortex-a15 cortex-a53 cortex-a55"
              " cortex-a57 cortex-a72 cortex-a73 cortex-a75 cortex-a76 cortex-a78 neoverse-n1 neoverse-n2 neoverse-v1"
              " neoverse-v2 apple-m1 apple-m2 rv32i rv32im rv32imac rv32imafc rv32imafdc rv32gc rv64imac rv64gc"
              " rv64gcv z13 z14 z15 z16 power8 power9 power10 "},
};

enum { MARCHES = sizeof marches / sizeof *marches };

const Machine *machine_at(int i) { return i >= 0 && i < (int)(sizeof table / sizeof *table) ? &table[i] : NULL; }

bool machine_here(const Machine *m) {
#if defined __x86_64__
  return strcmp(m->name, "neon");
#elif defined __aarch64__
  return !*m->cflags;
#else
  return !strcmp(m->name, "generic");
#endif
}

bool machine_runs(const Machine *m) {
  if (!*m->cflags) return true; /* baseline code */
#if defined __x86_64__ && defined __GNUC__
  __builtin_cpu_init();
  if (m->vec == 8) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

static const char *native(void) {
#if defined __aarch64__
  return "neon";
#endif
  for (int i = 0; machine_at(i); i++)
    if (*table[i].cflags && machine_runs(&table[i])) return table[i].name;
  return "generic";
}

const Machine *machine_find(const char *isa) {
  if (!strcmp(isa, "native")) isa = native();
  for (int i = 0; machine_at(i); i++)
    if (!strcmp(table[i].name, isa)) return &table[i];
  return NULL;
}

/* The row of marches with this name; -1: none. */
static int march_list(const char *march) {
  size_t n = strlen(march);
  for (int i = 0; n && i < MARCHES; i++)
    for (const char *at = marches[i].names; (at = strchr(at, ' ')) && *++at;)
      if (!strncmp(at, march, n) && at[n] == ' ') return i;
  return -1;
}

const Machine *machine_of_march(const char *march) {
  int i = march_list(march);
  return machine_find(i < 0 ? "generic" : marches[i].row);
}

bool machine_known(const char *isa) { return machine_find(isa) || march_list(isa) >= 0; }

const char *machine_list(Ctx *c) {
  Str s = {.c = c};
  str_puts(&s, "native");
  for (int i = 0; machine_at(i); i++) str_printf(&s, " %s", table[i].name);
  str_puts(&s, ", and the -march names ");
  for (int i = 0; i < MARCHES; i++) str_puts(&s, marches[i].names + 1);
  return s.s;
}

const char *machine_text(Ctx *c) {
  const Machine *m = machine_find("native");
  return ctx_strf(c, "%s, %d f32 in a vector", m->name, m->vec);
}

#if defined __x86_64__ && defined __GNUC__
/* The row for the processor that gradc runs on; NULL: it was not measured. */
static const Measured *measured_here(const Machine *m) {
  unsigned a, b, c, d;
  __builtin_cpu_init();
  if (m->vec != 16) return NULL;
  if (__builtin_cpu_is("amdfam19h")) return &ZEN4;
  bool tiles = __get_cpuid_count(7, 0, &a, &b, &c, &d) && d >> 24 & 1; /* AMX */
  return tiles ? &SAPPHIRE_RAPIDS : NULL;
}

/* Cycles per second, in steps of 0.05e9, from a chain of multiplications of 3 cycles each; interruptions only make a
 * round slower. Takes 2 ms. */
static double clock_here(void) {
  enum { ROUNDS = 12, STEPS = 15000, CHAIN = 16, LATENCY = 3 };
  double best = 0;
  for (int r = 0; r < ROUNDS; r++) {
    struct timespec from, to;
    unsigned long x = 3;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < STEPS; i++) __asm__ volatile(".rept 16\n\timul %0, %0\n\t.endr" : "+r"(x));
    clock_gettime(CLOCK_MONOTONIC, &to);
    double s = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
    double clock = (double)STEPS * CHAIN * LATENCY / s;
    if (clock > best) best = clock;
  }
  return floor(best / 0.05e9 + 0.5) * 0.05e9;
}
#endif

/* The row of an isa; NULL: its throughput is not known. */
static const Machine *machine_with_rates(const char *isa) {
  const Machine *m = machine_find(isa);
  int i = m ? 0 : march_list(isa);
  if (i < 0 || i == MARCHES - 1) return NULL;
  return m ? m : machine_find(marches[i].row);
}

bool machine_rates(const char *isa, Rates *r) {
  const Machine *m = machine_with_rates(isa);
  if (!m) return false;
  *r = m->rates;
#if defined __x86_64__ && defined __GNUC__
  const Measured *here = measured_here(m);
  if (here) *r = here->rates;
#endif
  return true;
}

bool machine_rates_by_clock(Rates *r) {
  if (!machine_rates("native", r)) return false;
#if defined __x86_64__ && defined __GNUC__
  const Measured *here = measured_here(machine_find("native"));
  double faster = here ? clock_here() / here->clock : 1;
  r->contract *= faster;
  r->element *= faster;
  r->half *= faster;
  r->l2 *= faster;
#endif
  return true;
}
