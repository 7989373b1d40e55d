/* SPDX-License-Identifier: Apache-2.0 */
/* The sources text and tokens: a file of elements, bytes of a text or little-endian u16 or u32 tokens. Record i is the
 * window that starts at element i * (window - 1); an incomplete last window is left out. */
#include "data.h"

static uint32_t element(const Data *d, uint64_t at) {
  size_t size = gc_dtype_size[d->d->element];
  const unsigned char *s = ((const Bytes *)d->source)->p + at * size;
  uint32_t v = 0;
  for (size_t k = size; k > 0; k--) v = v << 8 | s[k - 1];
  return v;
}

static bool usable(Data *d, uint64_t record) {
  uint64_t first = record * (uint64_t)(d->d->window - 1);
  for (int f = 0; f < d->d->nfields; f++)
    for (size_t i = 0; i < d->raw_count[f]; i++)
      if (!data_fits(d, record, f, i, element(d, first + i))) return false;
  return true;
}

static void truncated(Data *d, const Bytes *b, uint64_t record) {
  char *text = rt_printf("%s: record %llu: its last token is truncated: %zu bytes are not a multiple of the size of %s",
                         d->path[0], (unsigned long long)record, b->n, gc_dtype_name[d->d->element]);
  if (!d->d->on_error) rt_die(E_TRUNCATED_TOKEN, "%s", text);
  data_fault(d, text);
}

static void open_window(Data *d) {
  const GcData *g = d->d;
  char err[ERR_TEXT];
  Bytes *b = d->source = rt_alloc(sizeof *b);
  if (!io_read_data(d->path[0], b, err)) rt_die(E_DATA_READ, "%s", err);
  uint64_t w = (uint64_t)g->window, size = gc_dtype_size[g->element], n = b->n / size;
  const char *what = size > 1 ? "tokens" : "bytes";
  if (g->window < 2)
    rt_die(E_RECORD_SHAPE, "data %s: a window of %lld %s is too short", g->name, (long long)g->window, what);
  if (b->n % size) truncated(d, b, n / (w - 1) + 1);
  if (n < w)
    rt_die(E_RECORD_COUNT, "%s: %llu %s, fewer than one window of %llu", d->path[0], (unsigned long long)n, what,
           (unsigned long long)w);
  d->n = (n - w) / (w - 1) + 1;
  for (int f = 0; f < g->nfields; f++)
    if (d->raw_count[f] != w)
      rt_die(E_RECORD_SHAPE, "data %s: `%s` takes %zu elements of a window of %llu", g->name, g->fields[f].name,
             d->raw_count[f], (unsigned long long)w);
  data_keep_usable(d, usable);
}

static void read_window(const Data *d, uint64_t record, int field, void *raw) {
  uint64_t first = data_number(d, record) * (uint64_t)(d->d->window - 1);
  for (size_t i = 0; i < d->raw_count[field]; i++) data_convert(d, record, field, raw, i, element(d, first + i));
}

static void close_window(Data *d) {
  rt_free(((Bytes *)d->source)->p);
  rt_free(d->source);
}

const DataSource text_source = {"text", 1, 1, open_window, read_window, close_window, NULL, NULL, NULL, NULL};
const DataSource tokens_source = {"tokens", 1, 1, open_window, read_window, close_window, NULL, NULL, NULL, NULL};
