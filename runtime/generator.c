/* SPDX-License-Identifier: Apache-2.0 */
#include "generator.h"
#include "rand.h"
#include "rt.h"
#include <math.h>
#include <string.h>

/* ---- the export ---- */

bool generator_suits(const GcGraph *g) {
  const GcPort *in = g->in, *out = g->out;
  bool numbered = g->nin == 2 && in[1].dtype == GC_I32 && in[1].rank == 0 && g->nsizes == 1;
  return (g->nin == 1 || numbered) && g->nout == 1 && in->dtype == GC_I32 && in->rank == 2 && in->dim[0] == 1 &&
         out->dtype == GC_F32 && (out->rank == 2 || out->rank == 3) && out->dim[0] == 1 &&
         out->dim[out->rank - 1] > 1 && g->nsizes <= 1;
}

const GcGraph *generator_export(const Session *sess, const char *name) {
  const GcModel *m = sess->m;
  for (int nin = 2; nin; nin--)
    for (int i = 0; i < m->nexports; i++) {
      const GcGraph *g = &m->exports[i];
      if (g->nin == nin && generator_suits(g) && (!name || !strcmp(name, g->name))) return g;
    }
  if (name) rt_die(E_UNKNOWN_OPTION, "--fn %s: no export from tokens i32[1, T] to scores f32[1, V]", name);
  rt_die(E_NO_SUCH_PART, "%s has no export from tokens i32[1, T] to scores f32[1, V]", m->name);
}

void generator_begin(Generator *k, Session *sess, const GcGraph *g, const Sampling *s, const int32_t *prompt, int n,
                     int most) {
  int64_t dim = g->in->dim[1];
  *k = (Generator){.sess = sess, .g = g, .s = *s, .n = n};
  k->context = dim < 0 ? g->dims[-1 - dim].bound : dim;
  k->cached = g->nin == 2;
  k->vocab = (int)g->out->dim[g->out->rank - 1];
  k->in = session_buffer(g, g->in);
  k->out = session_buffer(g, g->out);
  k->heap = rt_array((size_t)k->vocab, sizeof *k->heap);
  k->id = rt_array((size_t)n + (size_t)most, sizeof *k->id);
  memcpy(k->id, prompt, (size_t)n * sizeof *prompt);
}

void generator_add(Generator *k, int id) { k->id[k->n++] = id; }

/* Of the tokens that are not in the states; if they are full, of the last half of all. */
static const float *scores_cached(Generator *k) {
  const GcGraph *g = k->g;
  if (k->n - k->first > k->context) {
    k->first = k->n - (int)(k->context + 1) / 2;
    k->done = 0;
  }
  int32_t at = k->done;
  int64_t T = k->n - k->first - at;
  memcpy(k->in, k->id + k->first + at, (size_t)T * sizeof *k->id);
  session_check(g, session_call(k->sess, g, (const void *[]){k->in, &at}, &k->out, &T));
  k->done += (int)T;
  return (const float *)k->out + (g->out->rank == 3 ? (T - 1) * k->vocab : 0);
}

/* The scores of what follows. */
static const float *scores(Generator *k) {
  const GcGraph *g = k->g;
  if (k->cached) return scores_cached(k);
  int64_t T = k->n < k->context ? k->n : k->context;
  if (!g->nsizes && T < k->context)
    rt_die(E_SIZE_RANGE, "`%s` takes %lld tokens, the prompt has %d\nof a bounded size, `dim T <= %lld`, it takes any",
           g->name, (long long)k->context, k->n, (long long)k->context);
  memcpy(k->in, k->id + k->n - T, (size_t)T * sizeof *k->id);
  session_check(g, session_call(k->sess, g, (const void *[]){k->in}, &k->out, &T));
  return (const float *)k->out + (g->out->rank == 3 ? (T - 1) * k->vocab : 0);
}

/* ---- sampling: the candidates are a heap, of which as many are sorted as are needed ---- */

static bool before(const Candidate *a, const Candidate *b) {
  return a->score != b->score ? a->score > b->score : a->id < b->id;
}

static void sift(Candidate *heap, int n, int at) {
  Candidate c = heap[at];
  for (int child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && before(&heap[child + 1], &heap[child])) child++;
    if (!before(&heap[child], &c)) break;
    heap[at] = heap[child];
  }
  heap[at] = c;
}

/* The i-th most likely, from 0; the first ones are known. */
static const Candidate *likely(Generator *k, int i) {
  for (; k->ntop <= i; k->ntop++) {
    Candidate best = k->heap[0];
    k->heap[0] = k->heap[--k->nheap];
    if (k->nheap) sift(k->heap, k->nheap, 0);
    k->heap[k->nheap] = best;
  }
  return &k->heap[k->vocab - 1 - i];
}

static double weight(Generator *k, int i) { return exp((likely(k, i)->score - k->most) / k->s.temperature); }

/* The number of candidates that top_p leaves of n, whose weights have this sum; *sum becomes that of these. */
static int cut(Generator *k, int n, double *sum) {
  int kept = 0;
  double part = 0;
  if (k->s.top_p >= 1) return n;
  while (kept < n && (kept == 0 || part < k->s.top_p * *sum)) part += weight(k, kept++);
  *sum = part;
  return kept;
}

static void make_heap(Generator *k, const float *score) {
  for (int i = 0; i < k->vocab; i++) k->heap[i] = (Candidate){i, score[i]};
  for (int i = k->vocab / 2; i--;) sift(k->heap, k->vocab, i);
  k->nheap = k->vocab;
  k->ntop = 0;
  k->most = k->heap[0].score;
}

/* The most likely, or one drawn: of the top k, of which the most likely that have top_p together, by their share. */
int generator_next(Generator *k) {
  const float *score = scores(k);
  uint64_t step = k->drawn++;
  int best = 0, n = k->s.top_k && k->s.top_k < k->vocab ? k->s.top_k : k->vocab;
  for (int i = 1; i < k->vocab; i++)
    if (score[i] > score[best]) best = i;
  if (k->s.temperature == 0) return best;
  double sum = 0;
  make_heap(k, score);
  for (int i = 0; i < n; i++) sum += n < k->vocab ? weight(k, i) : exp((score[i] - k->most) / k->s.temperature);
  n = cut(k, n, &sum);
  uint32_t bits[4];
  gc_philox(k->s.seed, step, 0x67656e, bits);
  double at = (bits[0] + 0.5) / 4294967296.0 * sum;
  int i = 0;
  while (i + 1 < n && (at -= weight(k, i)) >= 0) i++;
  return likely(k, i)->id;
}
