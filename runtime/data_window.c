/* SPDX-License-Identifier: Apache-2.0 */
/* The sources text and tokens: a file of elements, bytes of a text or little-endian u16 or u32 tokens. Record i is the
 * window that starts at element i * (window - 1); an incomplete last window is left out. */
#include "data.h"

static void open_window(Data *d) {
  const GcData *g = d->d;
  char err[ERR_TEXT];
  Bytes *b = d->source = rt_alloc(sizeof *b);
  if (!io_read_data(d->path[0], b, err)) rt_die(E_DATA_READ, "%s", err);
  uint64_t w = (uint64_t)g->window, size = gc_dtype_size[g->element], n = b->n / size;
  const char *what = size > 1 ? "tokens" : "bytes";
  if (g->window < 2)
    rt_die(E_RECORD_SHAPE, "data %s: a window of %lld %s is too short", g->name, (long long)g->window, what);
  if (b->n % size)
    rt_die(E_TRUNCATED_TOKEN,
           "%s: record %llu: its last token is truncated: %zu bytes are not a multiple of the size of %s", d->path[0],
           (unsigned long long)(n / (w - 1)) + 1, b->n, gc_dtype_name[g->element]);
  if (n < w)
    rt_die(E_RECORD_COUNT, "%s: %llu %s, fewer than one window of %llu", d->path[0], (unsigned long long)n, what,
           (unsigned long long)w);
  d->n = (n - w) / (w - 1) + 1;
  for (int f = 0; f < g->nfields; f++)
    if (d->raw_count[f] != w)
      rt_die(E_RECORD_SHAPE, "data %s: `%s` takes %zu elements of a window of %llu", g->name, g->fields[f].name,
             d->raw_count[f], (unsigned long long)w);
}

static void read_window(const Data *d, uint64_t record, int field, void *raw) {
  size_t size = gc_dtype_size[d->d->element];
  const unsigned char *s = ((const Bytes *)d->source)->p + record * (uint64_t)(d->d->window - 1) * size;
  for (size_t i = 0; i < d->raw_count[field]; i++) {
    uint32_t v = 0;
    for (size_t k = size; k > 0; k--) v = v << 8 | s[i * size + k - 1];
    data_convert(d, record, field, raw, i, v);
  }
}

static void close_window(Data *d) {
  rt_free(((Bytes *)d->source)->p);
  rt_free(d->source);
}

const DataSource text_source = {"text", 1, 1, open_window, read_window, close_window, NULL, NULL, NULL, NULL};
const DataSource tokens_source = {"tokens", 1, 1, open_window, read_window, close_window, NULL, NULL, NULL, NULL};
