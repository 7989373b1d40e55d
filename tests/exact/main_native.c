/* SPDX-License-Identifier: Apache-2.0 */
/* Trains a natively compiled model (gc_model) on the batches of exact.h with argv[2] threads for argv[1] steps, and
 * prints the lines that reference.c prints. */
#include "exact.h"
#include "runtime/model.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 8 };
static pthread_barrier_t gate;
static void meet(void *pool, int tid) {
  (void)pool, (void)tid;
  pthread_barrier_wait(&gate);
}

typedef struct Share {
  const GcGraph *g;
  GcCall call;
  int status;
} Share;
static void *share(void *arg) {
  Share *s = arg;
  s->status = s->g->fn(&s->call);
  return NULL;
}

static int run(const GcGraph *g, GcCall call, int threads) {
  pthread_t id[MAX_THREADS];
  Share s[MAX_THREADS];
  for (int t = 0; t < threads; t++) {
    s[t] = (Share){g, call, 0};
    s[t].call.tid = t;
    s[t].call.nthreads = threads;
    if (t && pthread_create(&id[t], NULL, share, &s[t])) exit(3);
  }
  share(&s[0]);
  for (int t = 1; t < threads; t++) pthread_join(id[t], NULL);
  return s[0].status;
}

static const int bytes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 2, 2, 8};

static int64_t elements(const GcGraph *g, const GcPort *p, const int64_t *size) { /* size NULL: at the bounds */
  int64_t n = 1;
  for (int d = 0; d < p->rank; d++) {
    const GcDim *o = p->dim[d] < 0 ? &g->dims[-1 - p->dim[d]] : NULL;
    int64_t sum = o && !size ? o->bound : 0;
    for (int t = 0; o && size && t < o->nterm; t++) {
      int64_t x = o->term[t].coef;
      for (int s = 0; s < g->nsizes; s++)
        for (int e = 0; e < o->term[t].exp[s]; e++) x *= size[s];
      sum += x;
    }
    n *= o ? sum : p->dim[d];
  }
  return n;
}

static void call_export(const GcGraph *g, GcCall call, int r, int threads) {
  void *in[16], *out[16];
  int64_t size[GC_MAX_SIZES];
  uint64_t h = 0xcbf29ce484222325u;
  if (r && !g->nsizes) return;
  for (int s = 0; s < g->nsizes; s++) size[s] = exact_size(r, s, g->size_bound[s]);
  for (int i = 0; i < g->nin; i++) {
    const GcPort *p = &g->in[i];
    in[i] = calloc((size_t)elements(g, p, NULL) + 1, 8);
    for (int64_t k = 0; r < 5 && k < elements(g, p, size); k++)
      exact_put(in[i], p->dtype >= GC_F32 && p->dtype <= GC_BF16, bytes[p->dtype], p->range, r, i, k);
  }
  for (int i = 0; i < g->nout; i++) out[i] = calloc((size_t)elements(g, &g->out[i], NULL) + 1, 8);
  call.in = (const void *const *)in;
  call.out = out;
  call.size = size;
  int status = run(g, call, threads);
  for (int i = 0; i < g->nout && !status; i++)
    h = exact_hash(h, out[i], elements(g, &g->out[i], size) * bytes[g->out[i].dtype], bytes[g->out[i].dtype]);
  exact_call_line(g->name, r, status, h);
  for (int i = 0; i < g->nin; i++) free(in[i]);
  for (int i = 0; i < g->nout; i++) free(out[i]);
}

static void fill(const GcGraph *g, uint32_t f, void *to, uint32_t step, uint32_t pass) {
  const GcPort *p = &g->in[f];
  int64_t n = elements(g, p, NULL);
  for (int64_t i = 0; i < n; i++) {
    uint32_t at = (uint32_t)(pass * n + i);
    if (p->dtype == GC_F32) ((float *)to)[i] = exact_float(step, f, at);
    else if (p->dtype == GC_I32) ((int32_t *)to)[i] = exact_int(step, f, at, p->range);
    else ((unsigned char *)to)[i] = (unsigned char)exact_int(step, f, at, p->range);
  }
}

static int step(const GcTrain *t, GcCall call, uint32_t number, int threads) {
  const GcGraph *g = t->update ? t->pass : t->step;
  GcRun *head = call.mem;
  void *in[16] = {0};
  float sum = 0;
  int status = 0;
  for (int f = 0; f < g->nin; f++) in[f] = malloc((size_t)elements(g, &g->in[f], NULL) * 8 + 64);
  call.in = (const void *const *)in;
  for (uint32_t k = 0; k < t->accumulate && !status; k++) {
    for (int f = 0; f < g->nin; f++) fill(g, (uint32_t)f, in[f], number, k);
    call.microbatch = k;
    status = run(g, call, threads);
    sum = k ? sum + head->loss : head->loss;
  }
  for (int f = 0; f < g->nin; f++) free(in[f]);
  if (!t->update) return status;
  call.microbatch = 0;
  head->loss = sum / (float)t->accumulate;
  return status ? status : run(t->update, call, threads);
}

int main(int argc, char **argv) {
  int steps = argc > 1 ? atoi(argv[1]) : 1, threads = argc > 2 ? atoi(argv[2]) : 1;
  const GcTrain *t = &gc_model.train[0];
  void *mem = aligned_alloc(4096, (gc_model.bytes + 4095) / 4096 * 4096);
  if (!mem || threads < 1 || threads > MAX_THREADS) return 2;
  memset(mem, 0, gc_model.bytes);
  pthread_barrier_init(&gate, NULL, (unsigned)threads);
  GcRun *head = mem;
  head->seed = t->seed;
  GcCall call = {.mem = mem, .barrier = meet};
  run(gc_model.init, call, threads);
  head->seed = t->seed;
  head->steps = (uint32_t)steps;
  head->steps_per_epoch = 7;
  for (int s = 0; s < steps; s++) {
    head->step = (uint32_t)s;
    int status = step(t, call, (uint32_t)s, threads);
    exact_step_line(s + 1, status, head->loss);
  }
  for (int k = 0; k < gc_model.nexports; k++)
    for (int r = 0; r < EXACT_CALLS; r++) call_export(&gc_model.exports[k], call, r, threads);
  for (int k = 0; k < gc_model.nvars; k++) {
    const GcVar *v = &gc_model.vars[k];
    int64_t n = 1;
    uint64_t h = 0xcbf29ce484222325u;
    for (int d = 0; d < v->rank; d++) n *= v->dim[d];
    for (int64_t i = 0; i < n; i++) {
      int64_t at = exact_at(i, v->rank, v->dim, v->stored, v->panel, v->panel_axis);
      h = exact_hash(h, (char *)mem + v->offset + at * bytes[v->dtype], bytes[v->dtype], bytes[v->dtype]);
    }
    exact_var_line(v->name, h);
  }
  return 0;
}
