/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays, whose first axis counts records: the sources npy and idx, a file for each field, and npz and safetensors, one
 * file with all. */
#include "learned.h"
#include <math.h>
#include <string.h>

typedef struct Arrays {
  bool filled;   /* the means of missing values are known */
  Bytes file;    /* npz, safetensors */
  ArrayFile *of; /* per field */
  bool *owned;   /* its memory is its own */
} Arrays;

/* The array of a field, for messages. */
static char *array_text(const Data *d, int f) {
  const GcField *g = &d->d->fields[f];
  const GcColumn *c = g->columns;
  return c && c->first ? rt_printf("field(\"%s\")", c->first) : rt_printf("field(%d)", g->raw_first);
}

static const char *path_of(const Data *d, int f) {
  int i = d->d->fields[f].raw_first;
  return d->path[d->npaths > 1 ? i : 0];
}

/* Places in the .nn, for the first line of a message, and its other lines. */
static _Noreturn void refuse(const Data *d, int f, int code, char *text) {
  const GcColumn *c = d->d->fields[f].columns;
  char *help = strchr(text, '\n');
  if (help) *help++ = 0;
  rt_die(code, "%s: %s%s%s%s%s", path_of(d, f), text, c && c->where ? "\n--> " : "", c && c->where ? c->where : "",
         help ? "\n" : "", help ? help : "");
}

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
  char *name = array_text(d, f);
  refuse(d, f, E_RECORD_SHAPE,
         rt_printf("a record is %s, `%s` takes %s as %s\nreshape(%s, ...) or permute(%s, ...) says how",
                   shape_text(a->rank - 1, has), g->name, name, shape_text(rank, want), name, name));
}

/* A value, or what replaces it if it is missing: NaN. */
static double value(const Data *d, int f, uint64_t at, size_t i) {
  const Arrays *k = d->source;
  double v = array_file_get(&k->of[f], at + i);
  if (v == v || !d->d->missing || d->d->missing == GC_MISSING_SKIP) return v;
  if (d->d->missing == GC_MISSING_ZERO) return 0;
  return k->filled ? learned_mean(d->sess, d->d, f, i) : NAN;
}

static bool complete(Data *d, uint64_t record) {
  for (int f = 0; f < d->d->nfields; f++) {
    const ArrayFile *a = &((const Arrays *)d->source)->of[f];
    for (uint64_t i = 0; i < a->per_record; i++) {
      double v = array_file_get(a, record * a->per_record + i);
      if (v != v) return false;
    }
  }
  return true;
}

static bool fits(Data *d, uint64_t record) {
  for (int f = 0; f < d->d->nfields; f++) {
    uint64_t n = ((const Arrays *)d->source)->of[f].per_record;
    for (uint64_t i = 0; i < n; i++)
      if (!data_fits(d, record, f, (size_t)i, value(d, f, record * n, (size_t)i))) return false;
  }
  return true;
}

static bool usable(Data *d, uint64_t record) {
  if (d->d->missing != GC_MISSING_SKIP || complete(d, record)) return !d->d->on_error || fits(d, record);
  data_gap(d, "is record", record + 1);
  return false;
}

static void check_records(Data *d) {
  Arrays *k = d->source;
  d->n = k->of[0].n;
  for (int f = 0; f < d->d->nfields; f++) {
    if (k->of[f].n != d->n)
      rt_die(E_RECORD_COUNT, "%s: %llu records%s%s, but %s has %llu", path_of(d, f), (unsigned long long)k->of[f].n,
             k->file.p ? " in " : "", k->file.p ? array_text(d, f) : "", k->file.p ? array_text(d, 0) : path_of(d, 0),
             (unsigned long long)d->n);
    check_shape(d, f, &k->of[f]);
  }
  data_keep_usable(d, usable);
}

static Arrays *begin(Data *d) {
  Arrays *k = d->source = rt_alloc(sizeof *k);
  k->of = rt_array((size_t)d->d->nfields + 1, sizeof *k->of);
  k->owned = rt_array((size_t)d->d->nfields + 1, sizeof *k->owned);
  return k;
}

/* An earlier field of the same array; -1: there is none. */
static int same_array(const Data *d, int f) {
  const GcField *g = d->d->fields;
  for (int i = 0; i < f; i++) {
    const char *a = g[i].columns ? g[i].columns->first : NULL, *b = g[f].columns ? g[f].columns->first : NULL;
    if (g[i].raw_first == g[f].raw_first && !a == !b && (!a || !strcmp(a, b))) return i;
  }
  return -1;
}

static void open_files(Data *d, bool (*parse)(ArrayFile *, char *)) {
  Arrays *k = begin(d);
  char err[ERR_TEXT];
  for (int f = 0; f < d->d->nfields; f++) {
    const GcField *g = &d->d->fields[f];
    int same = same_array(d, f);
    if (g->raw_first >= d->npaths)
      rt_die(E_RECORD_SHAPE, "data %s: `%s` uses field(%d), but there are %d files", d->d->name, g->name, g->raw_first,
             d->npaths);
    if (same >= 0) {
      k->of[f] = k->of[same];
      continue;
    }
    k->owned[f] = true;
    if (!io_read_data(path_of(d, f), &k->of[f].file, err)) rt_die(E_DATA_READ, "%s", err);
    if (!parse(&k->of[f], err)) rt_die(E_ARRAY_FORMAT, "%s: %s", path_of(d, f), err);
  }
  check_records(d);
}

static void open_npy(Data *d) { open_files(d, array_file_npy); }

static void open_idx(Data *d) { open_files(d, array_file_idx); }

static void open_named(Data *d, bool (*parse)(ArrayFile *, const Bytes *, ArrayName, bool *, char *)) {
  Arrays *k = begin(d);
  char err[ERR_TEXT];
  if (!io_read_data(d->path[0], &k->file, err)) rt_die(E_DATA_READ, "%s", err);
  for (int f = 0; f < d->d->nfields; f++) {
    const GcField *g = &d->d->fields[f];
    int same = same_array(d, f);
    if (same >= 0) {
      k->of[f] = k->of[same];
      continue;
    }
    ArrayName of = {g->columns ? g->columns->first : NULL, g->raw_first};
    if (!parse(&k->of[f], &k->file, of, &k->owned[f], err)) refuse(d, f, E_ARRAY_FORMAT, err);
  }
  check_records(d);
}

static void open_npz(Data *d) { open_named(d, array_file_npz); }

static void open_safetensors(Data *d) { open_named(d, array_file_safetensors); }

static void read_array(const Data *d, uint64_t record, int field, void *raw) {
  const ArrayFile *a = &((const Arrays *)d->source)->of[field];
  uint64_t first = data_number(d, record) * a->per_record;
  for (uint64_t i = 0; i < a->per_record; i++) {
    char wide[NUM_TEXT];
    if (array_file_wide(a, first + i, wide) && num_read(data_raw_type(d, field), raw, i, wide, strlen(wide)) == NUM_OK)
      continue;
    data_convert(d, record, field, raw, i, value(d, field, first, (size_t)i));
  }
}

static void fill(Data *d) { ((Arrays *)d->source)->filled = true; }

static void close_array(Data *d) {
  Arrays *k = d->source;
  for (int f = 0; f < d->d->nfields; f++)
    if (k->owned[f]) rt_free(k->of[f].file.p);
  rt_free(k->file.p);
  rt_free(k->of);
  rt_free(k->owned);
  rt_free(k);
}

const DataSource npy_source = {"npy", 1, 64, open_npy, read_array, close_array, NULL, fill, NULL, NULL};
const DataSource idx_source = {"idx", 1, 64, open_idx, read_array, close_array, NULL, fill, NULL, NULL};
const DataSource npz_source = {"npz", 1, 1, open_npz, read_array, close_array, NULL, fill, NULL, NULL};
const DataSource safetensors_source = {"safetensors", 1,    1,   open_safetensors, read_array, close_array, NULL,
                                       fill,          NULL, NULL};
