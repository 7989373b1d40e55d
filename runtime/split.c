/* SPDX-License-Identifier: Apache-2.0 */
/* The split into training and hold-out records, and the shuffle. The hold-out is the beginning of a permutation
 * keyed by the seed, or the k-th of n equal parts of it (--fold); each epoch permutes the other records with its
 * own key. Permutations are computed, not stored, so that the step number is enough to resume. */
#include "data.h"
#include "session.h"
#include "stream.h"
#include <string.h>

enum { STREAM_HOLDOUT = 1, STREAM_EPOCH = 2 };

/* The k-th of n: from floor((k - 1) N / n) up to floor(k N / n), so that the folds have all records, each once. */
static uint64_t fold_begin(uint64_t n, Fold f, uint32_t k) { return n / f.n * k + n % f.n * k / f.n; }

static void hold_fold(Data *d, Fold f) {
  if (d->n < f.n)
    rt_die(E_OPTION_VALUE, "--fold %u/%u: there are only %llu records", f.k, f.n, (unsigned long long)d->n);
  d->hold_at = fold_begin(d->n, f, f.k - 1);
  d->nhold = fold_begin(d->n, f, f.k) - d->hold_at;
}

uint64_t split_prepare(Data *d) {
  const GcData *g = d->d;
  perm_init(&d->hold, d->n, d->seed, STREAM_HOLDOUT);
  d->nhold = (uint64_t)((double)d->n * g->holdout + 0.5);
  if (g->holdout > 0 && d->nhold == 0 && d->n > 1) d->nhold = 1;
  if (d->nhold > d->n) d->nhold = d->n;
  if (d->sess && d->sess->o.fold.n) hold_fold(d, d->sess->o.fold);
  if (g->stratify && d->nhold) sample_stratify(d, d->sess ? d->sess->o.fold : (Fold){0});
  d->ntrain = d->n - d->nhold;
  d->epoch = UINT64_MAX;
  sample_open(d);
  if (!g->shuffle && d->nhold) {
    unsigned char *held = rt_alloc(d->n);
    for (uint64_t i = 0; i < d->nhold; i++) held[data_hold_record(d, i)] = 1;
    d->in_order = rt_array(d->ntrain, sizeof *d->in_order);
    uint64_t n = 0;
    for (uint64_t r = 0; r < d->n; r++)
      if (!held[r]) d->in_order[n++] = r;
  }
  return d->nhold;
}

uint64_t data_hold_record(const Data *d, uint64_t at) {
  return d->listed ? d->listed[at] : perm_at(&d->hold, d->hold_at + at);
}

uint64_t data_training_record(const Data *d, uint64_t i) {
  if (d->listed) return d->listed[d->nhold + i];
  return d->nhold ? perm_at(&d->hold, i < d->hold_at ? i : d->nhold + i) : i;
}

uint64_t data_train_record(Data *d, uint64_t epoch, uint64_t at) {
  if (!d->d->shuffle) return d->in_order ? d->in_order[at] : at;
  bool fresh = d->epoch != epoch;
  if (fresh) {
    perm_init(&d->shuffle, d->ntrain, d->seed, STREAM_EPOCH + (epoch << 8));
    d->epoch = epoch;
  }
  if (d->d->sample) return sample_record(d, epoch, at, fresh);
  return data_training_record(d, perm_at(&d->shuffle, at));
}

void data_batch(Data *d, uint64_t epoch, uint64_t at, uint64_t n, bool hold, unsigned char *const *dst) {
  Binder *b = d->binder;
  if (d->d->stream) {
    stream_batch(d, at, n, dst);
    return;
  }
  for (uint64_t i = 0; i < n; i++) {
    uint64_t r = hold ? data_hold_record(d, at + i) : data_train_record(d, epoch, at + i);
    for (int f = 0; f < d->d->nfields; f++) b->to[f] = dst[f] + i * d->bytes[f];
    data_bind(d, b, r, hold ? -1 : (int64_t)epoch, b->to);
  }
}
