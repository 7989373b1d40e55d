/* SPDX-License-Identifier: Apache-2.0 */
/* peak.c - the machine's f32 FMA peak, measured: `peak [THREADS...]` prints GFLOP/s per number of threads (1 and 2).
 *
 * Each thread runs independent chains of fused multiply-adds in registers, in the widest vectors of the target; there
 * are more chains than the latency of an FMA times its throughput. The figure is the best of ROUNDS, so it is an upper
 * bound for any kernel.
 *
 *   cc -O3 -march=native -mprefer-vector-width=512 -ffp-contract=fast -pthread peak.c -o peak
 */
#define _POSIX_C_SOURCE 200112L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined __AVX512F__
#define VECTOR_BYTES 64
#elif defined __AVX__
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

enum { LANES = VECTOR_BYTES / 4, CHAINS = 12, STEPS = 10000000, ROUNDS = 15, MAX_THREADS = 64 };

typedef float Vec __attribute__((vector_size(VECTOR_BYTES)));

typedef struct Probe {
  pthread_barrier_t *start;
  float seed, result;
  double begin[ROUNDS], end[ROUNDS];
} Probe;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Twelve named accumulators: an array of vectors may be kept in memory. x -> x*m + a stays near 1, never denormal. */
static float chains(float seed) {
  Vec m = (Vec){0} + 0.999f, a = (Vec){0} + 0.001f;
  Vec c0 = m + seed, c1 = c0 + seed, c2 = c1 + seed, c3 = c2 + seed, c4 = c3 + seed, c5 = c4 + seed;
  Vec c6 = c5 + seed, c7 = c6 + seed, c8 = c7 + seed, c9 = c8 + seed, c10 = c9 + seed, c11 = c10 + seed;
  for (int i = 0; i < STEPS; i++) {
    c0 = c0 * m + a, c1 = c1 * m + a, c2 = c2 * m + a, c3 = c3 * m + a;
    c4 = c4 * m + a, c5 = c5 * m + a, c6 = c6 * m + a, c7 = c7 * m + a;
    c8 = c8 * m + a, c9 = c9 * m + a, c10 = c10 * m + a, c11 = c11 * m + a;
  }
  Vec s = c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11;
  return s[0] + s[LANES - 1];
}

static void *probe(void *arg) {
  Probe *p = arg;
  for (int r = 0; r < ROUNDS; r++) {
    pthread_barrier_wait(p->start);
    p->begin[r] = now();
    p->result += chains(p->seed);
    p->end[r] = now();
  }
  return NULL;
}

static int measure(int threads) {
  static Probe probes[MAX_THREADS];
  pthread_t id[MAX_THREADS];
  pthread_barrier_t start;
  pthread_barrier_init(&start, NULL, (unsigned)threads);
  for (int i = 0; i < threads; i++) {
    probes[i] = (Probe){.start = &start, .seed = 1e-3f * (float)(i + 1)};
    if (pthread_create(&id[i], NULL, probe, &probes[i]) != 0) return perror("peak: pthread_create"), 1;
  }
  for (int i = 0; i < threads; i++) pthread_join(id[i], NULL);
  pthread_barrier_destroy(&start);

  double best = 0, flops = 2.0 * LANES * CHAINS * (double)STEPS * threads;
  float used = 0; /* keeps the chains alive */
  for (int r = 0; r < ROUNDS; r++) {
    double begin = probes[0].begin[r], end = probes[0].end[r];
    for (int i = 1; i < threads; i++) {
      if (probes[i].begin[r] < begin) begin = probes[i].begin[r];
      if (probes[i].end[r] > end) end = probes[i].end[r];
    }
    if (flops / (end - begin) > best) best = flops / (end - begin);
  }
  for (int i = 0; i < threads; i++) used += probes[i].result;
  printf("{\"threads\":%d,\"vector_bits\":%d,\"gflops\":%.1f%s}\n", threads, VECTOR_BYTES * 8, best * 1e-9,
         used == used ? "" : ",\"bad\":true");
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2) return measure(1) || measure(2);
  for (int i = 1; i < argc; i++) {
    int n = atoi(argv[i]);
    if (n < 1 || n > MAX_THREADS) return fprintf(stderr, "peak: %s: threads from 1 to %d\n", argv[i], MAX_THREADS), 2;
    if (measure(n) != 0) return 1;
  }
  return 0;
}
