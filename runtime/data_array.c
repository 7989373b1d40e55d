/* npy and idx: one file per field, records along the first axis. */
#include "rt.h"
#include <string.h>

static void open_files(Data *d, bool (*parse)(Array *, char *)) {
  Array *a = d->source = rt_array((size_t)d->npaths, sizeof *a);
  for (int i = 0; i < d->npaths; i++) {
    char err[ERR_TEXT];
    if (!io_read_data(d->path[i], &a[i].file, err)) rt_die(611, "%s", err);
    if (!parse(&a[i], err)) rt_die(614, "%s: %s", d->path[i], err);
    if (a[i].n != a[0].n)
      rt_die(615, "%s: %llu records, but %s has %llu", d->path[i], (unsigned long long)a[i].n, d->path[0],
             (unsigned long long)a[0].n);
  }
  d->n = a[0].n;
  for (int f = 0; f < d->d->nfields; f++) {
    const GcField *g = &d->d->fields[f];
    if (g->raw_first >= d->npaths)
      rt_die(616, "data %s: `%s` wants field(%d), but there are %d files", d->d->name, g->name, g->raw_first,
             d->npaths);
    const Array *b = &a[g->raw_first];
    if (b->per != d->raw_count[f])
      rt_die(616, "%s: a record has %llu elements, `%s` takes %zu", d->path[g->raw_first], (unsigned long long)b->per,
             g->name, d->raw_count[f]);
  }
}

static void open_npy(Data *d) {
  open_files(d, array_npy);
}

static void open_idx(Data *d) {
  open_files(d, array_idx);
}

static void read_array(const Data *d, uint64_t record, int field, void *raw) {
  const GcField *g = &d->d->fields[field];
  const Array *a = &((const Array *)d->source)[g->raw_first];
  for (uint64_t i = 0; i < a->per; i++) data_convert(d, record, field, raw, i, array_get(a, record * a->per + i));
}

static void close_array(Data *d) {
  Array *a = d->source;
  for (int i = 0; i < d->npaths; i++) rt_free(a[i].file.p);
  rt_free(a);
}

const SourceKind kind_npy = {"npy", 1, 64, open_npy, read_array, close_array};
const SourceKind kind_idx = {"idx", 1, 64, open_idx, read_array, close_array};
