/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of a csv file: found in its header, and their cells as numbers, classes and dates. */
#include "columns.h"
#include "session.h"
#include <math.h>
#include <string.h>
#include <strings.h>

const GcColumn *column_of(const GcField *f, int *i) {
  const GcColumn *c = f->columns;
  for (; c && *i >= c->count; c++) *i -= c->count;
  return c;
}

static char *place(const GcColumn *c) { return c && c->where ? rt_printf("\n--> %s", c->where) : rt_strdup(""); }

void columns_begin(Columns *k, Session *sess, const GcData *d, const char *path) {
  *k = (Columns){.sess = sess, .d = d, .path = path, .trained = sess ? learned_of(sess)->path : NULL};
  k->cell = rt_array((size_t)d->nfields + 1, sizeof *k->cell);
  k->classes = rt_array((size_t)d->nfields + 1, sizeof *k->classes);
  k->nclasses = rt_array((size_t)d->nfields + 1, sizeof *k->nclasses);
  for (int f = 0; f < d->nfields; f++) {
    const GcField *g = &d->fields[f];
    k->cell[f] = rt_array((size_t)g->raw_count + 1, sizeof **k->cell);
    k->classes[f] = rt_array((size_t)g->raw_count + 1, sizeof **k->classes);
    k->nclasses[f] = rt_array((size_t)g->raw_count + 1, sizeof **k->nclasses);
    for (int n = 0; n < g->raw_count; n++) {
      int i = n;
      const GcColumn *c = column_of(g, &i);
      k->cell[f][n] = c ? c->at + i : g->raw_first + n;
      if (c && c->first) k->named = true;
      if (c && c->key && sess) k->classes[f][n] = classes_find(sess, c, i);
    }
  }
}

void columns_end(Columns *k) {
  for (int f = 0; f < k->d->nfields; f++) {
    rt_free(k->cell[f]);
    rt_free(k->classes[f]);
    rt_free(k->nclasses[f]);
  }
  rt_free(k->classes);
  rt_free(k->nclasses);
  for (int i = 0; i < k->nhead; i++) rt_free(k->head[i]);
  rt_free(k->cell);
  rt_free(k->head);
}

/* ---- the header ---- */

static char *names(const Columns *k) {
  char *s = rt_strdup("");
  for (int i = 0; i < k->nhead && strlen(s) < 300; i++) s = rt_printf("%s%s%s", s, i ? ", " : "", k->head[i]);
  return strlen(s) < 300 ? s : rt_printf("%s, ...", s);
}

static int find_name(const Columns *k, const Csv *c, const GcColumn *col, const char *name) {
  int at = -1, n = 0;
  for (int i = 0; i < k->nhead; i++)
    if (!strcmp(k->head[i], name) && !n++) at = i;
  if (n == 1) return at;
  unsigned long long line = c->line;
  if (n)
    rt_die(E_UNKNOWN_COLUMN, "%s: %d columns have the name `%s` (line %llu)%s\nfield(%d) names the first of them",
           k->path, n, name, line, place(col), at);
  const char *near = rt_suggest(name, (const char *const *)k->head, k->nhead);
  char *help = near ? rt_printf("did you mean `%s`?", near) : rt_printf("its columns are %s", names(k));
  if (csv_names(c->f, k->nhead, k->d->decimal) < 0)
    help = rt_strdup("the first line has numbers; names of columns belong there");
  rt_die(E_UNKNOWN_COLUMN, "%s: there is no column `%s` (line %llu)%s\n%s", k->path, name, line, place(col), help);
}

/* A range of names: all between the two, as they stand in this file. */
static void resolve_range(const Columns *k, const Csv *c, const GcColumn *col, int *cell) {
  int at = find_name(k, c, col, col->first), end = find_name(k, c, col, col->last);
  if (end - at + 1 != col->count)
    rt_die(E_UNKNOWN_COLUMN, "%s: from `%s` to `%s` there are %d columns, the model takes %d (line %llu)%s", k->path,
           col->first, col->last, end < at ? 0 : end - at + 1, col->count, (unsigned long long)c->line, place(col));
  for (int i = 0; i < col->count; i++) cell[i] = at + i;
}

/* Keeps the names that a field's range has in the file to train on. */
static void keep_names(const Columns *k, const GcField *g, const int *cell, Classes *names) {
  for (int i = 0; i < g->raw_count; i++) classes_add(names, k->head[cell[i]], strlen(k->head[cell[i]]));
  names->known = names->n == g->raw_count; /* else two are alike */
}

/* A field's columns: those of the training by their names, whatever their order is here. */
static void resolve(Columns *k, const Csv *c) {
  for (int f = 0; f < k->d->nfields; f++) {
    const GcField *g = &k->d->fields[f];
    Classes *names = k->sess ? columns_names(k->sess, k->d, g) : NULL;
    bool known = names && names->known && names->n == g->raw_count;
    for (int n = 0; n < g->raw_count && g->ncolumns;) {
      int i = n;
      const GcColumn *col = column_of(g, &i);
      for (i = 0; i < col->count && col->first && known; i++)
        k->cell[f][n + i] = find_name(k, c, col, names->name[n + i]);
      if (col->first && !known) resolve_range(k, c, col, &k->cell[f][n]);
      n += col->count;
    }
    if (names && !known && !k->trained) keep_names(k, g, k->cell[f], names);
  }
}

void columns_head(Columns *k, const Csv *c, int n) {
  k->width = n;
  k->head = rt_array((size_t)k->width + 1, sizeof *k->head);
  k->nhead = k->width;
  for (int i = 0; i < k->width; i++) {
    CsvField f = csv_trim(c->f[i]);
    k->head[i] = rt_printf("%.*s", (int)f.n, f.s);
  }
  resolve(k, c);
}

/* Whether the first record is a header: all columns of numbers and dates that the data section takes are words. With a
 * number among them it is an invalid record. */
static bool is_header(const Columns *k, const Csv *c) {
  int words = 0;
  if (k->d->header >= 0 || k->named) return k->d->header == 1 || k->named;
  for (int f = 0; f < k->d->nfields; f++)
    for (int i = 0; i < k->d->fields[f].raw_count; i++) {
      int in = i, n;
      double days;
      const GcColumn *col = column_of(&k->d->fields[f], &in);
      const CsvField *t = &c->f[k->cell[f][i]];
      if (col && col->cell == GC_CLASS) continue;
      n = csv_names(t, 1, k->d->decimal);
      if (n < 0 || (col && col->cell == GC_DATE && csv_date(t, &days))) return false;
      words += n;
    }
  return words > 0;
}

/* ---- records ---- */

static void check_width(const Columns *k, const Csv *c, int n, unsigned long long record) {
  unsigned long long line = c->line;
  for (int f = 0; f < k->d->nfields; f++)
    for (int i = 0; i < k->d->fields[f].raw_count; i++)
      if (k->cell[f][i] >= n) {
        int in = i, least = k->cell[f][i];
        const GcColumn *col = column_of(&k->d->fields[f], &in);
        rt_die(E_COLUMN_COUNT,
               "%s: record %llu, field %d: missing: the record has %d columns, the data section names field(%d) "
               "(line %llu)%s",
               k->path, record, n, n, least, line, place(col));
      }
}

bool columns_next(Columns *k, Csv *c, uint64_t before) {
  unsigned long long record = before + 1;
  bool first = k->width == 0;
  int n = csv_next(c);
  if (!n) return false;
  if (n < 0)
    rt_die(E_COLUMN_COUNT, "%s: record %llu: a quoted field is not closed, or text follows it (line %llu)", k->path,
           record, (unsigned long long)c->line);
  if (first) k->width = n;
  if (n == k->width && !first) return true;
  if (!first && k->d->on_error) {
    k->fault = rt_printf("%s: record %llu has %d columns, the first one has %d (line %llu)", k->path, record, n,
                         k->width, (unsigned long long)c->line);
    return true;
  }
  if (!first && n < k->width) check_width(k, c, n, record);
  if (!first)
    rt_die(E_COLUMN_COUNT, "%s: record %llu has %d columns, the first one has %d (line %llu)", k->path, record, n,
           k->width, (unsigned long long)c->line);
  if (!k->named) check_width(k, c, n, record);
  if (!is_header(k, c)) return true;
  columns_head(k, c, n);
  return columns_next(k, c, before);
}

static char *label(const Columns *k, const Cell *at) {
  int i = at->i, cell = k->cell[at->field][at->i];
  const GcColumn *c = column_of(&k->d->fields[at->field], &i);
  return c && c->first ? rt_printf("column `%s`", k->head[cell]) : rt_printf("field %d", cell);
}

/* What may be meant by a cell that is not a number. */
static const char *advice(const Columns *k, const Cell *at, const CsvField *t) {
  double v;
  char other = k->d->decimal == ',' ? '.' : ',';
  if (memchr(t->s, other, t->n) && csv_number(GC_F64, &v, 0, t, other) == NUM_OK)
    return other == ',' ? "\n`decimal = \",\"` says that numbers have a decimal comma"
                        : "\n`decimal = \",\"` says that numbers have a comma; without it they have a point";
  return at->record || k->d->header >= 0 || k->named ? "" : "\n`header = true` says that the first line holds names";
}

/* False: `on_error = skip` leaves the record out. */
static bool refuse(Columns *k, const Csv *c, const Cell *at, int code, const char *why, const char *help) {
  int i = at->i;
  const GcColumn *col = column_of(&k->d->fields[at->field], &i);
  char *text = rt_printf("%s: record %llu, %s: `%s` %s (line %llu)", k->path, (unsigned long long)at->record + 1,
                         label(k, at), csv_shown(&c->f[k->cell[at->field][at->i]]), why, (unsigned long long)c->line);
  if (!k->d->on_error) rt_die(code, "%s%s%s", text, place(col), help);
  k->fault = text;
  return false;
}

static bool is_missing(const CsvField *f) {
  static const char *const words[] = {"", "na", "nan", "?"};
  CsvField t = csv_trim(*f);
  for (int i = 0; i < COUNT(words); i++)
    if (strlen(words[i]) == t.n && !strncasecmp(words[i], t.s, t.n)) return true;
  return false;
}

static bool read_class(Columns *k, const Csv *c, const Cell *at, const CsvField *f) {
  Classes *all = k->classes[at->field][at->i];
  CsvField t = csv_trim(*f);
  if (!t.n) return refuse(k, c, at, E_FIELD_VALUE, "is not a class: the field is empty", "");
  if (!all) return refuse(k, c, at, E_UNKNOWN_CLASS, "is no class: the model has no names", "");
  if (!all->known && k->trained)
    return refuse(k, c, at, E_UNKNOWN_CLASS, "is no class of training",
                  rt_printf("\n%s has no names of classes", k->trained));
  int n = all->known ? classes_number(all, t.s, t.n) : classes_add(all, t.s, t.n);
  if (n < 0) {
    char *word = rt_printf("%.*s", (int)t.n, t.s);
    const char *near = rt_suggest(word, (const char *const *)all->name, all->n);
    return refuse(k, c, at, E_UNKNOWN_CLASS, "is no class of training",
                  near ? rt_printf("\ndid you mean `%s`?", near)
                       : rt_printf("\nthe classes are %s", classes_list(all)));
  }
  if (!num_store(at->type, at->to, (size_t)at->i, n))
    return refuse(k, c, at, E_FIELD_VALUE, rt_printf("is class %d, which is not %s", n, gc_dtype_name[at->type]), "");
  return true;
}

void columns_mark(Columns *k) {
  for (int f = 0; f < k->d->nfields; f++)
    for (int i = 0; i < k->d->fields[f].raw_count; i++)
      if (k->classes[f][i]) k->nclasses[f][i] = k->classes[f][i]->n;
}

void columns_drop(Columns *k) {
  for (int f = 0; f < k->d->nfields; f++)
    for (int i = 0; i < k->d->fields[f].raw_count; i++)
      if (k->classes[f][i]) classes_drop(k->classes[f][i], k->nclasses[f][i]);
}

/* A missing value; false: its record is left out. */
static bool fill(Columns *k, const Csv *c, const Cell *at, const GcColumn *col) {
  if (k->d->missing == GC_MISSING_SKIP) return false;
  if (col && col->cell == GC_CLASS)
    return refuse(k, c, at, E_FIELD_VALUE, "is missing, and a class has no mean",
                  "\n`missing = skip` leaves such records out");
  if (k->d->missing == GC_MISSING_MEAN && !gc_is_float(at->type))
    return refuse(k, c, at, E_FIELD_VALUE, rt_printf("is missing, and the mean is not %s", gc_dtype_name[at->type]),
                  "");
  return num_store(at->type, at->to, (size_t)at->i, k->d->missing == GC_MISSING_ZERO ? 0 : NAN);
}

bool columns_read(Columns *k, const Csv *c, const Cell *at) {
  int i = at->i;
  const CsvField *t = &c->f[k->cell[at->field][at->i]];
  const GcColumn *col = column_of(&k->d->fields[at->field], &i);
  bool date = col && col->cell == GC_DATE, missing = is_missing(t);
  if (missing && k->d->missing) return fill(k, c, at, col);
  if (col && col->cell == GC_CLASS) return read_class(k, c, at, t);
  double days = 0;
  NumRead r = !date                 ? csv_number(at->type, at->to, (size_t)at->i, t, k->d->decimal)
              : !csv_date(t, &days) ? NUM_NO_NUMBER
              : num_store(at->type, at->to, (size_t)at->i, days) ? NUM_OK
                                                                 : NUM_NOT_IN_TYPE;
  double v = r == NUM_OK ? num_load(at->type, at->to, (size_t)at->i) : 0;
  const char *kind = date ? "a date, such as 2024-02-29 or 2024-02-29T12:00" : "a number", *want = NULL;
  if (r == NUM_NO_NUMBER || v - v != 0) want = t->n ? kind : rt_printf("%s, and the field is empty", kind);
  if (r == NUM_NOT_IN_TYPE) want = gc_dtype_name[at->type];
  if (want)
    return refuse(k, c, at, E_FIELD_VALUE, rt_printf("is not %s", want),
                  missing
                    ? rt_printf("\n`missing = 0 | mean | skip` of the data section says what missing values are%s",
                                advice(k, at, t))
                    : advice(k, at, t));
  return true;
}
