/* SPDX-License-Identifier: Apache-2.0 */
/* The source csv: parses the columns that the fields name into the fields' raw types, once. */
#include "data.h"
#include <string.h>

typedef struct Columns {
  unsigned char **field; /* per field: n records of raw_count elements */
  uint64_t *line;        /* of each record */
  uint64_t cap;
} Columns;

/* Whether all fields that the data section names are words. With a number among them it is an invalid record. */
static bool is_header(const Data *d, const Csv *c) {
  int words = 0;
  for (int f = 0; f < d->d->nfields; f++) {
    int n = csv_names(c->f + d->d->fields[f].raw_first, d->d->fields[f].raw_count);
    if (n < 0) return false;
    words += n;
  }
  return words > 0;
}

static void reserve(Data *d, Columns *k) {
  if (d->n < k->cap) return;
  k->cap = k->cap ? k->cap * 2 : 1024;
  for (int f = 0; f < d->d->nfields; f++) k->field[f] = rt_realloc(k->field[f], rt_mul(k->cap, d->raw_bytes[f]));
  k->line = rt_realloc(k->line, rt_mul(k->cap, sizeof *k->line));
}

static void parse_record(Data *d, Columns *k, const Csv *c) {
  for (int f = 0; f < d->d->nfields; f++) {
    const GcField *g = &d->d->fields[f];
    unsigned char *dst = k->field[f] + d->n * d->raw_bytes[f];
    GcDType type = data_raw_type(d, f);
    for (int i = 0; i < g->raw_count; i++) {
      const CsvField *t = &c->f[g->raw_first + i];
      NumRead r = num_read(type, dst, (size_t)i, t->s, t->n);
      const char *want = NULL;
      double v = r == NUM_OK ? num_load(type, dst, (size_t)i) : 0;
      if (r == NUM_NO_NUMBER || v - v != 0) want = t->n ? "a number" : "a number, and the field is empty";
      if (r == NUM_NOT_IN_TYPE) want = gc_dtype_name[type];
      if (want)
        rt_die(E_FIELD_VALUE, "%s: record %llu, field %d: `%s` is not %s (line %llu)%s", d->path[0],
               (unsigned long long)d->n + 1, g->raw_first + i, csv_shown(t), want, (unsigned long long)c->line,
               d->n || d->d->header >= 0 ? "" : "\n`header = true` says that the first line holds names");
    }
  }
}

static void check_columns(const Data *d) {
  for (int f = 0; f < d->d->nfields; f++) {
    const GcField *g = &d->d->fields[f];
    if (d->raw_count[f] != (size_t)g->raw_count)
      rt_die(E_RECORD_SHAPE, "data %s: `%s` takes %zu values of %d columns", d->d->name, g->name, d->raw_count[f],
             g->raw_count);
  }
}

static void open_csv(Data *d) {
  Columns *k = d->source = rt_alloc(sizeof *k);
  check_columns(d);
  k->field = rt_array((size_t)d->d->nfields, sizeof *k->field);
  char err[ERR_TEXT];
  Bytes b;
  if (!io_read_data(d->path[0], &b, err)) rt_die(E_DATA_READ, "%s", err);
  int need = 0, width = 0;
  for (int f = 0; f < d->d->nfields; f++) {
    int end = d->d->fields[f].raw_first + d->d->fields[f].raw_count;
    if (end > need) need = end;
  }
  Csv c;
  csv_begin(&c, &b);
  for (int n; (n = csv_next(&c)) != 0;) {
    unsigned long long record = d->n + 1, line = c.line;
    if (n < 0)
      rt_die(E_COLUMN_COUNT, "%s: record %llu: a quoted field is not closed, or text follows it (line %llu)",
             d->path[0], record, line);
    bool first = width == 0;
    if (first) width = n;
    if (n < need)
      rt_die(E_COLUMN_COUNT,
             "%s: record %llu, field %d: missing: the record has %d columns, the data section names field(%d) "
             "(line %llu)",
             d->path[0], record, n, n, need - 1, line);
    if (n != width)
      rt_die(E_COLUMN_COUNT, "%s: record %llu has %d columns, the first one has %d (line %llu)", d->path[0], record, n,
             width, line);
    if (first && (d->d->header == 1 || (d->d->header < 0 && is_header(d, &c)))) continue;
    reserve(d, k);
    parse_record(d, k, &c);
    k->line[d->n++] = line;
  }
  rt_free(c.f);
  rt_free(b.p);
}

static void read_csv(const Data *d, uint64_t record, int field, void *raw) {
  const Columns *k = d->source;
  memcpy(raw, k->field[field] + record * d->raw_bytes[field], d->raw_bytes[field]);
}

static void close_csv(Data *d) {
  Columns *k = d->source;
  for (int f = 0; f < d->d->nfields; f++) rt_free(k->field[f]);
  rt_free(k->field);
  rt_free(k->line);
  rt_free(k);
}

const DataSource csv_source = {"csv", 1, 1, open_csv, read_csv, close_csv};
