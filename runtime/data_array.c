/* SPDX-License-Identifier: Apache-2.0 */
/* The sources npy and idx: one file per field, records along the first axis. */
#include "data.h"
#include <string.h>

static char *shape_text(int rank, const int64_t *dim) {
  char *s = rt_strdup("[");
  for (int i = 0; i < rank; i++) s = rt_printf("%s%s%lld", s, i ? ", " : "", (long long)dim[i]);
  return rt_printf("%s]", s);
}

/* The file's shape must be that of the field: with the same number of elements in another shape the data would be
 * permuted. */
static void check_shape(const Data *d, int f, const ArrayFile *a) {
  const GcField *g = &d->d->fields[f];
  const GcGraph *bind = d->d->bind;
  int rank = bind ? bind->in[f].rank : g->rank;
  const int64_t *want = bind ? bind->in[f].dim : g->dim;
  int64_t has[GC_MAX_RANK] = {0};
  for (int i = 1; i < a->rank; i++) has[i - 1] = (int64_t)a->dim[i];
  bool same = rank == a->rank - 1;
  for (int i = 0; i < rank && same; i++) same = has[i] == want[i];
  if (g->raw_count ? same : a->per_record == d->raw_count[f]) return;
  rt_die(E_RECORD_SHAPE,
         "%s: a record is %s, `%s` takes field(%d) as %s\n"
         "reshape(field(%d), ...) or permute(field(%d), ...) says how",
         d->path[g->raw_first], shape_text(a->rank - 1, has), g->name, g->raw_first, shape_text(rank, want),
         g->raw_first, g->raw_first);
}

static void open_files(Data *d, bool (*parse)(ArrayFile *, char *)) {
  ArrayFile *a = d->source = rt_array((size_t)d->npaths, sizeof *a);
  for (int i = 0; i < d->npaths; i++) {
    char err[ERR_TEXT];
    if (!io_read_data(d->path[i], &a[i].file, err)) rt_die(E_DATA_READ, "%s", err);
    if (!parse(&a[i], err)) rt_die(E_ARRAY_FORMAT, "%s: %s", d->path[i], err);
    if (a[i].n != a[0].n)
      rt_die(E_RECORD_COUNT, "%s: %llu records, but %s has %llu", d->path[i], (unsigned long long)a[i].n, d->path[0],
             (unsigned long long)a[0].n);
  }
  d->n = a[0].n;
  for (int f = 0; f < d->d->nfields; f++) {
    const GcField *g = &d->d->fields[f];
    if (g->raw_first >= d->npaths)
      rt_die(E_RECORD_SHAPE, "data %s: `%s` uses field(%d), but there are %d files", d->d->name, g->name, g->raw_first,
             d->npaths);
    check_shape(d, f, &a[g->raw_first]);
  }
}

static void open_npy(Data *d) { open_files(d, array_file_npy); }

static void open_idx(Data *d) { open_files(d, array_file_idx); }

static void read_array(const Data *d, uint64_t record, int field, void *raw) {
  const GcField *g = &d->d->fields[field];
  const ArrayFile *a = &((const ArrayFile *)d->source)[g->raw_first];
  for (uint64_t i = 0; i < a->per_record; i++)
    data_convert(d, record, field, raw, i, array_file_get(a, record * a->per_record + i));
}

static void close_array(Data *d) {
  ArrayFile *a = d->source;
  for (int i = 0; i < d->npaths; i++) rt_free(a[i].file.p);
  rt_free(a);
}

const DataSource npy_source = {"npy", 1, 64, open_npy, read_array, close_array, NULL, NULL, NULL};
const DataSource idx_source = {"idx", 1, 64, open_idx, read_array, close_array, NULL, NULL, NULL};
