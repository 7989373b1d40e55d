/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of a unit of emitted modules: see emit.c. A check function reads inputs and expected bytes from its data
 * file in the order in which they were written, and ends the process at the first difference. */
#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *gr_data;

static void gr_take(void *p, size_t n) {
  if (fread(p, 1, n, gr_data) != n) printf("the data file is too short\n"), exit(2);
}

/* Exactly n bytes, so that the sanitizer finds accesses beyond them; unread bytes keep a pattern. */
static void *gr_bytes(size_t n) {
  void *p = NULL;
  if (posix_memalign(&p, 64, n ? n : 1)) exit(2);
  memset(p, 0xa5, n);
  return p;
}

static void *gr_input(size_t n) {
  void *p = gr_bytes(n);
  gr_take(p, n);
  return p;
}

/* kind: that of the element type; h: f16, w: bf16. */
static double gr_number(const unsigned char *p, char kind, size_t bytes) {
  float f;
  double d;
  int64_t i = 0;
  uint16_t w = 0;
  if (kind == 'h' || kind == 'w') memcpy(&w, p, 2);
  if (kind == 'h' && (w & 0x7fff) > 0x7c00) return NAN;
  if (kind == 'h') return ldexp((w & 0x3ff) + (w & 0x7c00 ? 1024 : 0), (w & 0x7c00 ? w >> 10 & 31 : 1) - 25);
  if (kind == 'w') return i = (int64_t)w << 16, memcpy(&f, &i, 4), f;
  if (kind == 'f' && bytes == 4) return memcpy(&f, p, 4), f;
  if (kind == 'f') return memcpy(&d, p, 8), d;
  memcpy(&i, p, bytes);
  return (double)i;
}

static void gr_expect(const char *label, char kind, size_t bytes, size_t count, const void *got) {
  unsigned char want[8];
  for (size_t i = 0; i < count; i++) {
    const unsigned char *g = (const unsigned char *)got + i * bytes;
    gr_take(want, bytes);
    double x = gr_number(want, kind, bytes), y = gr_number(g, kind, bytes);
    if (!memcmp(want, g, bytes) || (isnan(x) && isnan(y))) continue;
    printf("%s[%zu] is %.9g, the interpreter has %.9g\n", label, i, y, x);
    exit(1);
  }
}

static void gr_status(const char *label, int got) {
  int want;
  gr_take(&want, sizeof want);
  if (got != want) printf("%s: status %d, not %d\n", label, got, want), exit(1);
}

#ifdef GR_NATIVE
#include "model.h"
static pthread_barrier_t gr_gate;
static void gr_meet(void *pool, int tid) {
  (void)pool, (void)tid;
  pthread_barrier_wait(&gr_gate);
}

typedef struct GrThread {
  GcFn *fn;
  GcCall call;
  int status;
} GrThread;
static void *gr_thread(void *arg) {
  GrThread *p = arg;
  p->status = p->fn(&p->call);
  return NULL;
}

/* Runs the graph with so many threads; all must return the same status. */
static int gr_call(GcFn *fn, GcCall call, int threads) {
  pthread_t id[8];
  GrThread p[8];
  pthread_barrier_init(&gr_gate, NULL, (unsigned)threads);
  call.nthreads = threads;
  call.barrier = gr_meet;
  for (int i = 0; i < threads; i++) {
    p[i] = (GrThread){fn, call, 0};
    p[i].call.tid = i;
    if (i && pthread_create(&id[i], NULL, gr_thread, &p[i])) exit(2);
  }
  gr_thread(&p[0]);
  for (int i = 1; i < threads; i++) {
    pthread_join(id[i], NULL);
    if (p[i].status == p[0].status) continue;
    printf("threads 0 and %d: status %d and %d\n", i, p[0].status, p[i].status);
    exit(1);
  }
  pthread_barrier_destroy(&gr_gate);
  return p[0].status;
}
#endif
