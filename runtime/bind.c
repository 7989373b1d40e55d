/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of one record from its raw values: by the bind graph, or in training by `augment` and mixup. Random numbers
 * are a function of the seed, the epoch and the number of the record, so neither batches nor threads change them. */
#include "data.h"
#include "session.h"
#include <math.h>
#include <string.h>

enum { STREAM_MIXUP = 3 };

static void **buffers(const Data *d, const size_t *bytes) {
  void **v = rt_array((size_t)d->d->nfields + 1, sizeof *v);
  for (int f = 0; f < d->d->nfields; f++) v[f] = rt_alloc_block(bytes[f] + 64);
  return v;
}

bool data_augments(const GcData *d) {
  bool mixes = false;
  for (int f = 0; f < d->nfields; f++) mixes |= d->fields[f].mixup > 0;
  return mixes || d->augment;
}

Binder *binder_new(const Data *d, bool alone) {
  Binder *b = rt_alloc(sizeof *b);
  b->raw = buffers(d, d->raw_bytes);
  b->other = buffers(d, d->bytes);
  b->to = rt_array((size_t)d->d->nfields + 1, sizeof *b->to);
  /* mostly pages that nothing touches */
  b->mem = alone || d->d->augment ? rt_alloc_block(d->sess->m->bytes) : d->sess->mem;
  return b;
}

/* The numbers of standardize and the like, as they are now. */
void binder_renew(const Data *d, Binder *b) {
  for (int i = 0; i < d->d->nnorms && b->mem != d->sess->mem; i++)
    for (int k = 0; k < 2; k++) {
      const GcVar *v = d->d->norms[i].var[k] ? &d->sess->m->vars[d->d->norms[i].var[k] - 1] : NULL;
      if (v) memcpy((char *)b->mem + v->offset, (const char *)d->sess->mem + v->offset, v->bytes);
    }
}

static void check_bound(const Data *d, uint64_t record, int field, const void *p) {
  const GcField *f = &d->d->fields[field];
  size_t n = d->bytes[field] / gc_dtype_size[f->dtype];
  bool real = gc_is_float(f->dtype);
  if (!real && f->range <= 0) return;
  for (size_t i = 0; i < n; i++) {
    double v = num_load(f->dtype, p, i);
    int64_t range = real ? 0 : session_range(f, i);
    if (real && v - v != 0)
      rt_die(E_VALUE_NOT_FINITE, "%s: `%s` is not finite%s", data_where(d, record, field), f->name,
             data_place(d, record, field));
    if (range > 0 && (v < 0 || v >= (double)range))
      rt_die(E_VALUE_RANGE, "%s: %.0f is out of range: %s`%s` must be between 0 and %lld%s",
             data_where(d, record, field), v,
             f->nranges ? rt_printf("column %d of ", (int)(i % (size_t)f->nranges)) : "", f->name, (long long)range - 1,
             data_place(d, record, field));
  }
}

static void read_raw(const Data *d, uint64_t record, void *const *to) {
  uint64_t at = record;
  const Data *p = d->raw_kept ? d : data_part(d, &at);
  const DataSource *k = data_source(d->d);
  for (int f = 0; f < d->d->nfields; f++)
    if (d->raw_kept) memcpy(to[f], d->raw_kept[f] + record * d->raw_bytes[f], d->raw_bytes[f]);
    else k->read(p, at, f, to[f]);
}

/* Without mixup. epoch < 0: as fields are outside of training. */
static void bind(const Data *d, Binder *b, uint64_t record, int64_t epoch, void *const *dst) {
  const GcGraph *g = epoch >= 0 && d->d->augment ? d->d->augment : d->d->bind;
  read_raw(d, record, g ? b->raw : (void **)dst);
  if (g) {
    GcRun *run = b->mem;
    if (g == d->d->augment) {
      run->seed = d->seed ^ (record >> 32) << 32;
      run->step = (uint32_t)epoch;
    }
    GcCall c = {.mem = b->mem,
                .in = (const void *const *)b->raw,
                .out = dst,
                .nthreads = 1,
                .microbatch = (uint32_t)record,
                .record = record,
                .epoch = (uint64_t)epoch};
    int status = g->fn(&c);
    if (status > 0 && status <= d->d->nfields)
      rt_die(E_VALUE_RANGE, "%s: the value is out of range%s", data_where(d, record, status - 1),
             data_place(d, record, status - 1));
    session_check(g, status);
  }
  bool checked = epoch >= 0 && !d->d->augment && !d->d->stream; /* when it was opened */
  for (int f = 0; f < d->d->nfields && !checked; f++) check_bound(d, record, f, dst[f]);
}

/* ---- mixup ---- */

typedef struct Draws {
  uint64_t key, record, n;
  uint32_t word[4];
} Draws;

static double uniform(Draws *x) { /* in (0, 1) */
  if (x->n % 4 == 0) gc_philox(x->key, x->record, x->n / 4, x->word);
  return (x->word[x->n++ % 4] + 0.5) / 4294967296.0;
}

/* Beta(a, a), by Johnk's rejection from powers of uniform numbers; logarithms, as those underflow for small a. */
static float beta(Draws *x, double a) {
  for (;;) {
    double u = log(uniform(x)) / a, v = log(uniform(x)) / a, most = u > v ? u : v;
    double p = exp(u - most), q = exp(v - most);
    if (most + log(p + q) <= 0) return (float)(p / (p + q));
  }
}

static void mix(GcDType t, void *to, const void *other, size_t n, float share) {
  float *x = to;
  const float *y = other;
  for (size_t i = 0; i < n; i++)
    if (t == GC_F32) x[i] = share * x[i] + (1 - share) * y[i];
    else num_store(t, to, i, (double)share * num_load(t, to, i) + (double)(1 - share) * num_load(t, other, i));
}

static void mixup(const Data *d, Binder *b, uint64_t record, int64_t epoch, void *const *dst) {
  const GcField *f = d->d->fields;
  double alpha = 0;
  for (int i = 0; i < d->d->nfields; i++)
    if (f[i].mixup > 0) alpha = f[i].mixup;
  if (alpha <= 0 || !d->ntrain) return;
  Draws x = {.key = d->seed ^ (uint64_t)STREAM_MIXUP << 56 ^ (uint64_t)epoch * 0x9E3779B97F4A7C15u, .record = record};
  uint64_t at = (uint64_t)(uniform(&x) * 4294967296.0) << 21 ^ (uint64_t)(uniform(&x) * 4294967296.0);
  bind(d, b, data_training_record(d, at % d->ntrain), epoch, b->other);
  float share = beta(&x, alpha);
  for (int i = 0; i < d->d->nfields; i++)
    if (f[i].mixup > 0) mix(f[i].dtype, dst[i], b->other[i], d->bytes[i] / gc_dtype_size[f[i].dtype], share);
}

void data_bind(const Data *d, Binder *b, uint64_t record, int64_t epoch, void *const *dst) {
  if (d->bound) {
    for (int f = 0; f < d->d->nfields; f++) memcpy(dst[f], d->bound[f] + record * d->bytes[f], d->bytes[f]);
    return;
  }
  bind(d, b, record, epoch, dst);
  if (epoch >= 0) mixup(d, b, record, epoch, dst);
}
