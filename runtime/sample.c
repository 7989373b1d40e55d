/* SPDX-License-Identifier: Apache-2.0 */
/* Which records a data section draws, by the value of one of its fields: `sample` and `stratify`. All of it is a
 * function of the seed, the epoch and the place in the epoch. */
#include "data.h"
#include "session.h"
#include <stdlib.h>
#include <string.h>

enum { STREAM_SAMPLE = 5 };

/* The raw values of a field, which is one number. */
static double *values(Data *d, int field) {
  const DataSource *k = data_source(d->d);
  double *v = rt_array(d->n + 1, sizeof *v);
  for (uint64_t r = 0; r < d->n; r++) {
    uint64_t at = r;
    const Data *p = data_part(d, &at);
    k->read(p, at, field, d->raw[field]);
    v[r] = num_load(data_raw_type(d, field), d->raw[field], 0);
  }
  return v;
}

typedef struct Ranked { /* a record, or a place among the records to train on */
  double key;
  uint64_t place, of;
} Ranked;

static int by_key(const void *x, const void *y) {
  const Ranked *a = x, *b = y;
  if (a->key != b->key) return a->key < b->key ? -1 : 1;
  return a->place < b->place ? -1 : a->place > b->place;
}

/* ---- stratify: of the records in the order of their classes, each n-th is held out ---- */

void sample_stratify(Data *d, Fold fold) {
  double *v = values(d, d->d->stratify - 1);
  Ranked *r = rt_array(d->n + 1, sizeof *r);
  bool *held = rt_array(d->n + 1, sizeof *held);
  for (uint64_t i = 0; i < d->n; i++) {
    uint64_t of = perm_at(&d->hold, i);
    r[i] = (Ranked){v[of], i, of};
  }
  qsort(r, d->n, sizeof *r, by_key);
  uint64_t nhold = 0, at[2] = {0};
  for (uint64_t j = 0; j < d->n; j++) {
    double before = (double)j * (double)d->nhold / (double)d->n, after = before + (double)d->nhold / (double)d->n;
    bool out = fold.n ? j % fold.n == fold.k - 1 : (uint64_t)(after + 1e-9) > (uint64_t)(before + 1e-9);
    held[r[j].place] = out;
    nhold += out;
  }
  d->nhold = nhold;
  d->hold_at = 0;
  d->listed = rt_array(d->n + 1, sizeof *d->listed);
  for (uint64_t i = 0; i < d->n; i++)
    if (held[i]) d->listed[at[0]++] = perm_at(&d->hold, i);
    else d->listed[nhold + at[1]++] = perm_at(&d->hold, i);
  rt_free(held);
  rt_free(r);
  rt_free(v);
}

/* ---- sample ---- */

static _Noreturn void refuse(const Data *d, uint64_t record, double v) {
  int f = d->d->sample_field;
  char text[NUM_TEXT];
  rt_die(E_FIELD_VALUE, "%s: `%s` is %s, but a weight is a finite number from 0 on%s", data_where(d, record, f),
         d->d->fields[f].name, num_show(v, text), data_place(d, record, f));
}

/* The weights of the records to train on: of BALANCED the classes have equal sums. */
static double *weights(const Data *d, const double *v) {
  double *w = rt_array(d->ntrain + 1, sizeof *w);
  Ranked *r = rt_array(d->ntrain + 1, sizeof *r);
  for (uint64_t i = 0; i < d->ntrain; i++) {
    uint64_t of = data_training_record(d, i);
    r[i] = (Ranked){v[of], i, of};
    w[i] = v[of];
    if (d->d->sample != GC_SAMPLE_WEIGHTED) continue;
    if (!(v[of] >= 0) || v[of] - v[of] != 0) refuse(d, of, v[of]);
  }
  if (d->d->sample == GC_SAMPLE_BALANCED) {
    qsort(r, d->ntrain, sizeof *r, by_key);
    for (uint64_t i = 0, end; i < d->ntrain; i = end) {
      for (end = i; end < d->ntrain && r[end].key == r[i].key; end++) {}
      for (uint64_t k = i; k < end; k++) w[r[k].place] = 1 / (double)(end - i);
    }
  }
  rt_free(r);
  return w;
}

void sample_open(Data *d) {
  if (!d->d->sample || !d->ntrain) return;
  d->value = values(d, d->d->sample_field);
  if (d->d->sample == GC_SAMPLE_STRATIFIED) return;
  double *w = weights(d, d->value), sum = 0;
  for (uint64_t i = 0; i < d->ntrain; i++) w[i] = sum += w[i];
  if (!(sum > 0) || sum - sum != 0)
    rt_die(E_FIELD_VALUE, "data %s: the sum of the weights `%s` is %g", d->d->name,
           d->d->fields[d->d->sample_field].name, sum);
  d->reached = w;
}

/* With replacement, in proportion to the weights. */
static uint64_t draw(const Data *d, uint64_t epoch, uint64_t at) {
  uint32_t r[4];
  gc_philox(d->seed ^ (uint64_t)STREAM_SAMPLE << 56 ^ epoch * 0x9E3779B97F4A7C15u, at, 0, r);
  uint64_t bits = (uint64_t)r[0] << 20 ^ r[1] >> 12; /* 52 of them */
  double to = (double)bits * 0x1p-52 * d->reached[d->ntrain - 1];
  uint64_t lo = 0, hi = d->ntrain - 1;
  while (lo < hi) {
    uint64_t mid = lo + (hi - lo) / 2;
    if (d->reached[mid] > to) hi = mid;
    else lo = mid + 1;
  }
  return lo;
}

/* The records of each class, in the epoch's order, are spread evenly over the epoch. */
static void spread(Data *d, uint64_t epoch) {
  Ranked *r = rt_array(d->ntrain + 1, sizeof *r);
  uint64_t class = 0;
  for (uint64_t i = 0; i < d->ntrain; i++) {
    uint64_t of = perm_at(&d->shuffle, i);
    r[i] = (Ranked){d->value[data_training_record(d, of)], i, of};
  }
  qsort(r, d->ntrain, sizeof *r, by_key);
  for (uint64_t i = 0, end; i < d->ntrain; i = end, class ++) {
    double first = r[i].key;
    uint32_t u[4];
    gc_philox(d->seed ^ (uint64_t)STREAM_SAMPLE << 56 ^ epoch * 0x9E3779B97F4A7C15u, class, 1, u);
    for (end = i; end < d->ntrain && r[end].key == first; end++) {}
    for (uint64_t k = i; k < end; k++) r[k].key = ((double)(k - i) + u[0] * 0x1p-32) / (double)(end - i);
  }
  qsort(r, d->ntrain, sizeof *r, by_key);
  if (!d->order) d->order = rt_array(d->ntrain + 1, sizeof *d->order);
  for (uint64_t i = 0; i < d->ntrain; i++) d->order[i] = r[i].of;
  rt_free(r);
}

uint64_t sample_record(Data *d, uint64_t epoch, uint64_t at, bool fresh) {
  if (d->reached) return data_training_record(d, draw(d, epoch, at));
  if (fresh) spread(d, epoch);
  return data_training_record(d, d->order[at]);
}
