/* SPDX-License-Identifier: Apache-2.0 */
/* The source csv: parses the columns that the fields name into the fields' raw types, once. */
#include "columns.h"
#include "session.h"
#include <string.h>

typedef struct Rows {
  Columns columns;
  unsigned char **field; /* per field: n records of raw_count elements */
  uint64_t *line;        /* of each record */
  uint64_t cap;
} Rows;

static bool leaves_out(const Data *d) { return d->d->missing == GC_MISSING_SKIP || d->d->on_error; }

static void reserve(Data *d, Rows *k) {
  if (d->n < k->cap) return;
  k->cap = k->cap ? k->cap * 2 : 1024;
  for (int f = 0; f < d->d->nfields; f++) k->field[f] = rt_realloc(k->field[f], rt_mul(k->cap, d->raw_bytes[f]));
  k->line = rt_realloc(k->line, rt_mul(k->cap, sizeof *k->line));
  if (leaves_out(d)) d->number = rt_realloc(d->number, rt_mul(k->cap, sizeof *d->number));
}

/* False: a value is missing, and its record is left out. */
static bool parse_record(Data *d, Rows *k, const Csv *c) {
  bool whole = true;
  for (int f = 0; f < d->d->nfields && !k->columns.fault; f++) {
    Cell at = {.record = d->n + d->skipped + d->faulty,
               .field = f,
               .type = data_raw_type(d, f),
               .to = k->field[f] + d->n * d->raw_bytes[f]};
    for (at.i = 0; at.i < d->d->fields[f].raw_count && !k->columns.fault; at.i++)
      whole &= columns_read(&k->columns, c, &at);
  }
  return whole;
}

static void renumber(const Data *d, int f, int i, const int *order) {
  const Rows *k = d->source;
  GcDType t = data_raw_type(d, f);
  for (uint64_t r = 0; r < d->n; r++) {
    unsigned char *p = k->field[f] + r * d->raw_bytes[f];
    num_store(t, p, (size_t)i, order[(int)num_load(t, p, (size_t)i)]);
  }
}

/* Gives the classes that these files have their numbers, in sorted order. */
static void finish(Data *const *part, int n) {
  const GcData *g = part[0]->d;
  for (int f = 0; f < g->nfields; f++)
    for (int i = 0; i < g->fields[f].raw_count; i++) {
      Classes *all = ((const Rows *)part[0]->source)->columns.classes[f][i];
      if (!all || all->known) continue;
      int *order = classes_sort(all);
      for (int k = 0; k < n; k++) renumber(part[k], f, i, order);
      rt_free(order);
    }
}

static void check_counts(const Data *d) {
  for (int f = 0; f < d->d->nfields; f++) {
    const GcField *g = &d->d->fields[f];
    if (d->raw_count[f] != (size_t)g->raw_count)
      rt_die(E_RECORD_SHAPE, "data %s: `%s` takes %zu values of %d columns", d->d->name, g->name, d->raw_count[f],
             g->raw_count);
  }
}

static void open_csv(Data *d) {
  Rows *k = d->source = rt_alloc(sizeof *k);
  check_counts(d);
  k->field = rt_array((size_t)d->d->nfields, sizeof *k->field);
  char err[ERR_TEXT];
  Bytes b;
  if (!io_read_data(d->path[0], &b, err)) rt_die(E_DATA_READ, "%s", err);
  if (b.n >= 2 && (!memcmp(b.p, "\xFF\xFE", 2) || !memcmp(b.p, "\xFE\xFF", 2)))
    rt_die(E_DATA_READ, "%s: the text is UTF-16\nsave it as UTF-8: iconv -f UTF-16 -t UTF-8", d->path[0]);
  Csv c;
  csv_begin(&c, &b, d->d->sep, d->d->decimal);
  columns_begin(&k->columns, d->sess, d->d, d->path[0]);
  while (columns_next(&k->columns, &c, d->n + d->skipped + d->faulty)) {
    reserve(d, k);
    columns_mark(&k->columns);
    bool whole = !k->columns.fault && parse_record(d, k, &c);
    if (!whole || k->columns.fault) columns_drop(&k->columns);
    if (k->columns.fault) {
      data_fault(d, k->columns.fault);
      k->columns.fault = NULL;
    } else if (whole) {
      if (leaves_out(d)) d->number[d->n] = d->n + d->skipped + d->faulty;
      k->line[d->n++] = c.line;
    } else {
      data_gap(d, "in line", c.line);
    }
  }
  rt_free(c.f);
  rt_free(b.p);
}

static void read_csv(const Data *d, uint64_t record, int field, void *raw) {
  const Rows *k = d->source;
  memcpy(raw, k->field[field] + record * d->raw_bytes[field], d->raw_bytes[field]);
}

static void close_csv(Data *d) {
  Rows *k = d->source;
  for (int f = 0; f < d->d->nfields; f++) rt_free(k->field[f]);
  columns_end(&k->columns);
  rt_free(k->field);
  rt_free(k->line);
  rt_free(k);
}

/* Missing values are NaN until the means are known. */
static void fill(Data *d) { learned_fill(d, ((const Rows *)d->source)->field); }

static char *place(const Data *d, uint64_t record, int field) {
  const GcField *f = &d->d->fields[field];
  const Rows *k = d->source;
  const Classes *all = f->raw_count == 1 ? k->columns.classes[field][0] : NULL;
  char *s = rt_printf(" (line %llu)", (unsigned long long)k->line[record]);
  if (f->columns) s = rt_printf("%s\n--> %s", s, f->columns->where);
  return all ? rt_printf("%s\nthere are %d classes: %s", s, all->n, classes_list(all)) : s;
}

const DataSource csv_source = {"csv", 1, 1, open_csv, read_csv, close_csv, finish, fill, place, NULL};
