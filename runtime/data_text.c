/* text: bytes as tokens. Record i is the window that starts at i * (window - 1); a short tail is left out. */
#include "rt.h"
#include <stdlib.h>

static void open_text(Data *d) {
  char err[ERR_TEXT];
  Bytes *b = d->source = rt_alloc(sizeof *b);
  if (!io_read_data(d->path[0], b, err)) rt_die(611, "%s", err);
  uint64_t w = (uint64_t)d->d->window;
  if (d->d->window < 2) rt_die(616, "data %s: a window of %lld bytes", d->d->name, (long long)d->d->window);
  if (b->n < w)
    rt_die(615, "%s: %zu bytes, fewer than one window of %llu", d->path[0], b->n, (unsigned long long)w);
  d->n = (b->n - w) / (w - 1) + 1;
  for (int f = 0; f < d->d->nfields; f++)
    if (d->raw_count[f] != w)
      rt_die(616, "data %s: `%s` takes %zu elements of a window of %llu", d->d->name, d->d->fields[f].name,
             d->raw_count[f], (unsigned long long)w);
}

static void read_text(const Data *d, uint64_t record, int field, void *raw) {
  const Bytes *b = d->source;
  const unsigned char *s = b->p + record * (uint64_t)(d->d->window - 1);
  for (size_t i = 0; i < d->raw_count[field]; i++) data_convert(d, record, field, raw, i, s[i]);
}

static void close_text(Data *d) {
  free(((Bytes *)d->source)->p);
  free(d->source);
}

const SourceKind source_text = {"text", 1, 1, open_text, read_text, close_text};
