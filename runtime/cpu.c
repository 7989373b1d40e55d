/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that the processor and its operating system have the instructions that a model was compiled with. This file is
 * compiled for the baseline of its target, and runs before any code of the model. */
#include "pool.h"
#include "rt.h"
#include <string.h>
#if defined __x86_64__ || defined __i386__
#include <cpuid.h>

enum { EAX, EBX, ECX, EDX };
enum { YMM = 6, ZMM = 0xE6 }; /* registers that the operating system must keep: bits of XCR0 */
typedef struct Feature {
  const char *name;
  unsigned leaf, sub, reg, bit, state;
} Feature;
static const Feature features[] = {
  {"sse2", 1, 0, EDX, 26, 0},
  {"sse3", 1, 0, ECX, 0, 0},
  {"ssse3", 1, 0, ECX, 9, 0},
  {"fma", 1, 0, ECX, 12, YMM},
  {"sse4.1", 1, 0, ECX, 19, 0},
  {"sse4.2", 1, 0, ECX, 20, 0},
  {"movbe", 1, 0, ECX, 22, 0},
  {"popcnt", 1, 0, ECX, 23, 0},
  {"avx", 1, 0, ECX, 28, YMM},
  {"f16c", 1, 0, ECX, 29, YMM},
  {"bmi", 7, 0, EBX, 3, 0},
  {"avx2", 7, 0, EBX, 5, YMM},
  {"bmi2", 7, 0, EBX, 8, 0},
  {"gfni", 7, 0, ECX, 8, 0},
  {"avx512f", 7, 0, EBX, 16, ZMM},
  {"avx512dq", 7, 0, EBX, 17, ZMM},
  {"avx512ifma", 7, 0, EBX, 21, ZMM},
  {"avx512er", 7, 0, EBX, 27, ZMM},
  {"avx512cd", 7, 0, EBX, 28, ZMM},
  {"avx512bw", 7, 0, EBX, 30, ZMM},
  {"avx512vl", 7, 0, EBX, 31, ZMM},
  {"avx512vbmi", 7, 0, ECX, 1, ZMM},
  {"avx512vbmi2", 7, 0, ECX, 6, ZMM},
  {"avx512vnni", 7, 0, ECX, 11, ZMM},
  {"avx512bitalg", 7, 0, ECX, 12, ZMM},
  {"avx512vpopcntdq", 7, 0, ECX, 14, ZMM},
  {"avx512fp16", 7, 0, EDX, 23, ZMM},
  {"avxvnni", 7, 1, EAX, 4, YMM},
  {"avx512bf16", 7, 1, EAX, 5, ZMM},
  {"avxifma", 7, 1, EAX, 23, YMM},
  {"avxvnniint8", 7, 1, EDX, 4, YMM},
  {"avxneconvert", 7, 1, EDX, 5, YMM},
  {"lzcnt", 0x80000001, 0, ECX, 5, 0},
  {"xop", 0x80000001, 0, ECX, 11, YMM},
  {"fma4", 0x80000001, 0, ECX, 16, YMM},
  {"tbm", 0x80000001, 0, ECX, 21, 0},
};

static unsigned kept_registers(void) {
  unsigned r[4], low, high;
  if (!__get_cpuid(1, &r[EAX], &r[EBX], &r[ECX], &r[EDX]) || !(r[ECX] >> 27 & 1)) return 0; /* OSXSAVE */
  __asm__ volatile(".byte 0x0f, 0x01, 0xd0" : "=a"(low), "=d"(high) : "c"(0));              /* xgetbv */
  return low;
}

static bool has(const Feature *f) {
  unsigned r[4];
  if (f->sub && (!__get_cpuid_count(f->leaf, 0, &r[EAX], &r[EBX], &r[ECX], &r[EDX]) || r[EAX] < f->sub)) return false;
  return __get_cpuid_count(f->leaf, f->sub, &r[EAX], &r[EBX], &r[ECX], &r[EDX]) && (r[f->reg] >> f->bit & 1) &&
         (kept_registers() & f->state) == f->state;
}

#elif defined __linux__
#include <sys/auxv.h>

typedef struct Feature {
  const char *name;
  unsigned long which, bit;
} Feature; /* of the kernel's auxiliary vector */
static const Feature features[] = {
#if defined __aarch64__
  {"atomics", AT_HWCAP, 8},
  {"asimdhp", AT_HWCAP, 10},
  {"asimdrdm", AT_HWCAP, 12},
  {"jscvt", AT_HWCAP, 13},
  {"fcma", AT_HWCAP, 14},
  {"asimddp", AT_HWCAP, 20},
  {"sve", AT_HWCAP, 22},
  {"asimdfhm", AT_HWCAP, 23},
  {"sve2", AT_HWCAP2, 1},
  {"frint", AT_HWCAP2, 8},
  {"i8mm", AT_HWCAP2, 13},
  {"bf16", AT_HWCAP2, 14},
#elif defined __arm__
  {"neon", AT_HWCAP, 12},
  {"vfpv4", AT_HWCAP, 16},
  {"idiva", AT_HWCAP, 17},
#elif defined __riscv
  {"v", AT_HWCAP, 'v' - 'a'},
#elif defined __s390x__
  {"vx", AT_HWCAP, 11},
#endif
  {"", 0, 0},
};

static bool has(const Feature *f) { return getauxval(f->which) >> f->bit & 1; }

#else
typedef struct Feature {
  const char *name;
} Feature;
static const Feature features[] = {{""}};
static bool has(const Feature *f) {
  (void)f;
  return true;
}
#endif

static const Feature *find(const char *name, size_t n) {
  for (int i = 0; i < COUNT(features); i++)
    if (strlen(features[i].name) == n && !strncmp(features[i].name, name, n)) return &features[i];
  return NULL;
}

/* Whether the list has this word. */
static bool holds(const char *words, const char *word, size_t n) {
  for (const char *p = words; p && (p = strstr(p, word)); p++)
    if ((p == words || p[-1] == ' ') && strcspn(p, ", ") == n) return true;
  return false;
}

char *cpu_missing(const char *needs) {
  char *lacks = NULL;
  for (const char *p = needs; p && *(p += strspn(p, " ")); p += strcspn(p, " ")) {
    size_t n = strcspn(p, " ");
    char *name = rt_printf("%.*s", (int)n, p);
    const Feature *f = find(name, n);
    if ((!f || !has(f)) && !holds(lacks, name, n)) {
      char *more = rt_printf("%s%s%s", lacks ? lacks : "", lacks ? ", " : "", name);
      rt_free(lacks);
      lacks = more;
    }
    rt_free(name);
  }
  return lacks;
}
