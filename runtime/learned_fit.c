/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of standardize, minmax and `missing = mean`: of the records to train on, in double. */
#include "device.h"
#include "learned.h"
#include "session.h"
#include <math.h>
#include <string.h>

typedef struct Sums { /* of one column */
  double n, sum, squares, min, max;
} Sums;

/* Passes over the records to train on: the second sums squares of the distance from `mean`. */
static void pass(Data *d, const DataSource *k, const GcNorm *g, const double *mean, Sums *s) {
  GcDType t = data_raw_type(d, g->field);
  void *raw = d->raw[g->field];
  for (uint64_t r = 0; r < d->ntrain; r++) {
    uint64_t at = d->d->sample ? data_training_record(d, r) : data_train_record(d, 0, r);
    const Data *p = data_part(d, &at);
    k->read(p, at, g->field, raw);
    for (int i = 0; i < g->count; i++) {
      double v = num_load(t, raw, (size_t)(g->at + i));
      if (v != v) continue; /* missing */
      if (mean) {
        s[i].squares += (v - mean[i]) * (v - mean[i]);
        continue;
      }
      s[i].min = !s[i].n || v < s[i].min ? v : s[i].min;
      s[i].max = !s[i].n || v > s[i].max ? v : s[i].max;
      s[i].sum += v;
      s[i].n++;
    }
  }
}

static void set(Session *sess, int var, int i, double v) {
  const GcVar *x = &sess->m->vars[var - 1];
  num_store((GcDType)x->dtype, (char *)sess->mem + x->offset, (size_t)i, v);
}

static void fit(Data *d, const DataSource *k, const GcNorm *g) {
  Session *sess = d->sess;
  Sums *s = rt_array((size_t)g->count, sizeof *s);
  double *mean = rt_array((size_t)g->count, sizeof *mean);
  pass(d, k, g, NULL, s);
  for (int i = 0; i < g->count; i++) mean[i] = s[i].n ? s[i].sum / s[i].n : 0;
  if (g->kind == GC_MEAN_STD) pass(d, k, g, mean, s);
  for (int i = 0; i < g->count; i++) {
    double std = s[i].n ? sqrt(s[i].squares / s[i].n) : 0, range = s[i].max - s[i].min;
    set(sess, g->var[0], i, g->kind == GC_MIN_MAX ? s[i].min : mean[i]);
    if (g->kind != GC_FILL) set(sess, g->var[1], i, g->kind == GC_MIN_MAX ? range > 0 ? range : 1 : std > 0 ? std : 1);
  }
  for (int j = 0; j < 2; j++)
    if (g->var[j]) mirror_up(sess, sess->m->vars[g->var[j] - 1].offset, sess->m->vars[g->var[j] - 1].bytes);
  rt_free(s);
  rt_free(mean);
}

static int section_of(const Session *sess, const GcData *d) {
  int i = 0;
  while (i < sess->m->ndata && strcmp(sess->m->data[i].name, d->learned)) i++;
  return i;
}

double learned_mean(const Session *sess, const GcData *d, int field, size_t i) {
  for (int n = 0; n < d->nnorms; n++) {
    const GcVar *mean = &sess->m->vars[d->norms[n].var[0] - 1];
    if (d->norms[n].kind == GC_FILL && d->norms[n].field == field)
      return num_load((GcDType)mean->dtype, (const char *)sess->mem + mean->offset, i);
  }
  return NAN;
}

void learned_fill(const Data *d, unsigned char *const *raw) {
  for (int n = 0; n < d->d->nnorms; n++) {
    const GcNorm *g = &d->d->norms[n];
    GcDType t = data_raw_type(d, g->field);
    for (uint64_t r = 0; r < d->n && g->kind == GC_FILL; r++)
      for (size_t i = 0; i < (size_t)g->count; i++) {
        unsigned char *p = raw[g->field] + r * d->raw_bytes[g->field];
        double v = num_load(t, p, i);
        if (v != v) num_store(t, p, i, learned_mean(d->sess, d->d, g->field, i));
      }
  }
}

void learned_fit(Data *d) {
  const DataSource *k = data_source(d->d);
  if (!learned_needs(d->d)) return;
  Learned *l = learned_of(d->sess);
  int at = section_of(d->sess, d->d);
  if (!l->fitted[at] && l->path)
    rt_die(E_TENSORS_MISMATCH, "%s has no numbers of the columns of data %s, such as `%s`", l->path, d->d->name,
           d->sess->m->vars[d->d->norms[0].var[0] - 1].name);
  for (int pass = 0; pass < 2; pass++) { /* numbers are those of the columns as the model sees them: means come first */
    for (int i = 0; i < d->d->nnorms && !l->fitted[at]; i++)
      if ((d->d->norms[i].kind == GC_FILL) == !pass) fit(d, k, &d->d->norms[i]);
    for (int i = 0; i < d->nparts && !pass && k->fill; i++) k->fill(d->part[i]);
    if (!pass && !d->nparts && k->fill) k->fill(d);
  }
  l->fitted[at] = true;
}
