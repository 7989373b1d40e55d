/* SPDX-License-Identifier: Apache-2.0 */
/* The sources uniform and normal: a record is a pure function of the seed and its number, so nothing is stored.
 * field(0) is the record, one value per column. */
#include "data.h"

static void open_synth(Data *d) {
  const GcData *g = d->d;
  if (g->n < 1 || g->ncols < 1)
    rt_die(E_RECORD_SHAPE, "data %s: no records or columns (n = %lld)", g->name, (long long)g->n);
  for (int f = 0; f < g->nfields; f++)
    if (g->fields[f].raw_first != 0 || d->raw_count[f] != (size_t)g->ncols)
      rt_die(E_RECORD_SHAPE, "data %s: `%s` takes %zu elements of field(%d); the source has field(0), of %d", g->name,
             g->fields[f].name, d->raw_count[f], g->fields[f].raw_first, g->ncols);
  d->n = (uint64_t)g->n;
}

static void read_synth(const Data *d, uint64_t record, int field, void *raw) {
  const GcData *g = d->d;
  uint32_t r[4];
  for (int c = 0; c < g->ncols; c++) {
    if (c % 4 == 0) gc_philox(d->seed, record, 0x64617461u + ((uint64_t)c << 32), r);
    double v = g->kind[0] == 'u' ? g->lo[c] + (g->hi[c] - g->lo[c]) * ((r[c % 4] + 0.5) * 0x1p-32)
                                 : g->lo[c] + g->hi[c] * gc_normal(r[c % 4]);
    data_convert(d, record, field, raw, (size_t)c, v);
  }
}

static void close_synth(Data *d) { (void)d; }

const DataSource uniform_source = {"uniform", 0, 0, open_synth, read_synth, close_synth, NULL, NULL, NULL, NULL};
const DataSource normal_source = {"normal", 0, 0, open_synth, read_synth, close_synth, NULL, NULL, NULL, NULL};
