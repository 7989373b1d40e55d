#include "machine.h"
#include <string.h>

/* Register tiles: mr * nv accumulators plus nv vectors of the right operand and a broadcast fit the register file
 * (32 registers: 6x4, 16 registers: 6x2), and loads per multiply-add stay under 0.46. */
#define AVX2 "-mavx2 -mfma -mf16c"
#define AVX512 AVX2 " -mavx512f -mavx512bw -mavx512vl"
#define WIDE " -mprefer-vector-width=512"
static const Machine table[] = {
  {"avx512", "-march=native" WIDE, AVX512 WIDE, WIDE, 16, 6, 4, 384, 264, {200, 80, 12.5}},
  {"avx2", AVX2, AVX2, "", 8, 6, 2, 256, 168, {80, 30, 12.5}},
  {"neon", "", "", "", 4, 6, 4, 256, 120, {30, 12, 8}},
  {"generic", "", "", "", 4, 4, 2, 256, 120, {25, 10, 10}},
};

/* What gcc and clang take for -march, by row. */
static const struct { const char *row, *names; } marches[] = {
  {"avx512", " x86-64-v4 skylake-avx512 cascadelake cooperlake cannonlake icelake-client icelake-server tigerlake"
             " rocketlake sapphirerapids emeraldrapids graniterapids graniterapids-d diamondrapids znver4 znver5 "},
  {"avx2", " x86-64-v3 core-avx2 haswell broadwell skylake alderlake raptorlake meteorlake arrowlake arrowlake-s"
           " lunarlake pantherlake gracemont sierraforest grandridge clearwaterforest znver1 znver2 znver3 "},
};

const Machine *machine_at(int i) {
  return i >= 0 && i < (int)(sizeof table / sizeof *table) ? &table[i] : NULL;
}

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
  if (!*m->cflags) return true; /* plain vectors, which every processor has code for */
#if defined __x86_64__ && defined __GNUC__
  __builtin_cpu_init();
  if (m->vec == 8) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

Pace machine_pace(const Machine *m) {
  Pace p = m->pace;
#if defined __x86_64__ && defined __GNUC__
  __builtin_cpu_init();
  if (m->vec == 16 && __builtin_cpu_is("amdfam19h")) p.contract /= 2, p.element /= 2; /* Zen 4: 512 bits in two turns */
#endif
  return p;
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

const Machine *machine_of_march(const char *march) {
  size_t n = strlen(march);
  for (size_t i = 0; i < sizeof marches / sizeof *marches; i++)
    for (const char *at = marches[i].names; (at = strchr(at, ' ')) && *++at;)
      if (!strncmp(at, march, n) && at[n] == ' ') return machine_find(marches[i].row);
  return machine_find("generic");
}
