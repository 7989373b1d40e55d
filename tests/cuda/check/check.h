/* SPDX-License-Identifier: Apache-2.0 */
/* Runs kernels over the host form, in several orders and with asynchronous work early and late, and compares the
 * results with each other and with a reference. With checks of memory it also measures the memory transactions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int passed, failed;
static uint32_t rng = 1;
static uint32_t bits(void) {
  rng = rng * 1664525u + 1013904223u;
  return rng >> 8;
}
static float normal(void) { /* nearly: mean 0, deviation 1 */
  float s = 0;
  for (int i = 0; i < 4; i++) s += (float)bits() / 16777216.0f;
  return (s - 2) * 1.7f;
}
static double from_bf16(uint16_t h) {
  uint32_t u = (uint32_t)h << 16;
  float x;
  memcpy(&x, &u, 4);
  return x;
}
/* Global memory with n values; bf16 by cutting off, which is exact afterwards. */
static float *floats(size_t n, float scale) {
  float *p = gc_host_alloc(n * 4);
  for (size_t i = 0; i < n; i++) p[i] = normal() * scale;
  gc_host_wrote(p, n * 4);
  return p;
}
static uint16_t *halves(size_t n) {
  uint16_t *p = gc_host_alloc(n * 2);
  for (size_t i = 0; i < n; i++) {
    float x = normal();
    uint32_t u;
    memcpy(&u, &x, 4);
    p[i] = (uint16_t)(u >> 16);
  }
  gc_host_wrote(p, n * 2);
  return p;
}

typedef struct Check {
  const char *name;
  int (*run)(void); /* the launches; false: an error was found */
  void *out;
  size_t bytes;
  double (*error)(const void *out); /* in units of its bound */
  int measured;                     /* a size at which the memory transactions are those of the table */
} Check;

static const struct {
  const char *name;
  GcOrder order;
  int late, workers;
} schedules[] = {
  {"rising", GC_ORDER_RISING, 0, 1},
  {"rising, late", GC_ORDER_RISING, GC_LATE_COPY | GC_LATE_MMA, 1},
  {"falling, late", GC_ORDER_FALLING, GC_LATE_COPY | GC_LATE_MMA, 1},
  {"falling, late mma", GC_ORDER_FALLING, GC_LATE_MMA, 1},
  {"random, late copy", GC_ORDER_RANDOM, GC_LATE_COPY, 1},
  {"three workers", GC_ORDER_RANDOM, GC_LATE_MMA, 3},
};

/* One run of c; the result must be `first` again, which *first keeps of the first run. */
static int run_once(const Check *c, const char *schedule, unsigned char **first) {
  memset(c->out, 0xff, c->bytes);
  if (!c->run()) return 0;
  double e = c->error(c->out);
  int ok = e <= 1;
  if (!ok) printf("wrong: %s, %s: error %.3g of its bound\n", c->name, schedule, e);
  if (*first && memcmp(*first, c->out, c->bytes)) ok = 0, printf("other bits: %s, %s\n", c->name, schedule);
  if (!*first) *first = memcpy(malloc(c->bytes), c->out, c->bytes);
  return ok;
}
static void check(const Check *c) {
  unsigned char *first = NULL;
  int ok = 1;
  setvbuf(stdout, NULL, _IOLBF, 0); /* a crash loses nothing */
  for (int i = 0; i < 2; i++) {
    gc_host = (GcHost){.order = i ? GC_ORDER_RANDOM : GC_ORDER_RISING, .late = GC_LATE_COPY | GC_LATE_MMA, .seed = 7};
    ok &= run_once(c, i ? "checks, random" : "checks, rising", &first);
  }
  if (c->measured)
    printf("traffic\t%s\t%llu\t%llu\t%llu\t%llu\n", c->name, gc_host.traffic.sectors, gc_host.traffic.sectors_min,
           gc_host.traffic.wavefronts, gc_host.traffic.wavefronts_min);
  for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++) {
    gc_host = (GcHost){.order = schedules[i].order,
                       .late = schedules[i].late,
                       .seed = 7,
                       .workers = schedules[i].workers,
                       .no_checks = 1};
    ok &= run_once(c, schedules[i].name, &first);
  }
  free(first);
  if (!ok) printf("FAIL  %s\n", c->name);
  ok ? passed++ : failed++;
}
static int finish(void) {
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
