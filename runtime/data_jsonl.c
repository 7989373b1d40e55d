/* SPDX-License-Identifier: Apache-2.0 */
/* The source jsonl: a JSON object a line (json_record.h). Blank lines are no records. */
#include "json_record.h"
#include "session.h"
#include <string.h>

typedef struct Objects {
  JsonRecords records;
  unsigned char **field; /* per field: n raw values */
  uint64_t *line;        /* of each record */
  uint64_t cap;
} Objects;

static bool leaves_out(const Data *d) { return d->d->missing == GC_MISSING_SKIP || d->d->on_error; }

static void reserve(Data *d, Objects *k) {
  if (d->n < k->cap) return;
  k->cap = k->cap ? k->cap * 2 : 1024;
  for (int f = 0; f < d->d->nfields; f++) k->field[f] = rt_realloc(k->field[f], rt_mul(k->cap, d->raw_bytes[f]));
  k->line = rt_realloc(k->line, rt_mul(k->cap, sizeof *k->line));
  if (leaves_out(d)) d->number = rt_realloc(d->number, rt_mul(k->cap, sizeof *d->number));
}

void jsonl_refused(Data *d, const JsonRecords *k, uint64_t line) {
  if (k->missing) {
    data_gap(d, "in line", line);
    return;
  }
  char *text = rt_printf("%s:%llu: %s", d->path[0], (unsigned long long)line, k->why);
  if (d->d->on_error) {
    data_fault(d, text);
    return;
  }
  const char *where = k->field >= 0 ? d->d->fields[k->field].columns->where : NULL;
  rt_die(k->code, "%s%s%s%s%s", text, where ? "\n--> " : "", where ? where : "", k->help ? "\n" : "",
         k->help ? k->help : "");
}

static void add(Data *d, Objects *k, const char *s, size_t n, uint64_t line) {
  reserve(d, k);
  for (int f = 0; f < d->d->nfields; f++) d->raw[f] = k->field[f] + d->n * d->raw_bytes[f];
  if (!json_record(&k->records, s, n, d->raw)) {
    jsonl_refused(d, &k->records, line);
    return;
  }
  if (leaves_out(d)) d->number[d->n] = d->n + d->skipped + d->faulty;
  k->line[d->n++] = line;
}

static void open_jsonl(Data *d) {
  Objects *k = d->source = rt_alloc(sizeof *k);
  char err[ERR_TEXT];
  Bytes b;
  void **raw = d->raw;
  if (!io_read_data(d->path[0], &b, err)) rt_die(E_DATA_READ, "%s", err);
  k->field = rt_array((size_t)d->d->nfields, sizeof *k->field);
  d->raw = rt_array((size_t)d->d->nfields, sizeof *d->raw);
  json_records_begin(&k->records, d->sess, d->d);
  uint64_t line = 0;
  for (const char *s = (const char *)b.p + io_mark(&b), *end = (const char *)b.p + b.n, *next; s < end; s = next) {
    const char *stop = memchr(s, '\n', (size_t)(end - s));
    next = stop ? stop + 1 : end;
    line++;
    size_t n = (size_t)((stop ? stop : end) - s);
    if (strspn(s, " \t\r") < n) add(d, k, s, n, line);
  }
  rt_free(d->raw);
  d->raw = raw;
  rt_free(b.p);
}

static void renumber(const Data *d, int f, const int *order) {
  const Objects *k = d->source;
  GcDType t = data_raw_type(d, f);
  for (uint64_t r = 0; r < d->n; r++) {
    unsigned char *p = k->field[f] + r * d->raw_bytes[f];
    num_store(t, p, 0, order[(int)num_load(t, p, 0)]);
  }
}

/* With `missing` a member may be absent, but not from all records. */
static void check_found(Data *const *part, int n, int f) {
  const GcColumn *c = part[0]->d->fields[f].columns;
  bool found = false, any = false;
  for (int i = 0; i < n; i++) {
    found |= ((const Objects *)part[i]->source)->records.found[f];
    any |= part[i]->n + part[i]->skipped > 0;
  }
  if (any && !found)
    rt_die(E_UNKNOWN_COLUMN, "%s: no record has a member `%s`\n--> %s", part[0]->path[0], c->first, c->where);
}

/* Gives the classes that these files have their numbers, in sorted order. */
static void finish(Data *const *part, int n) {
  for (int f = 0; f < part[0]->d->nfields; f++) check_found(part, n, f);
  for (int f = 0; f < part[0]->d->nfields; f++) {
    Classes *all = ((const Objects *)part[0]->source)->records.classes[f];
    if (!all || all->known) continue;
    int *order = classes_sort(all);
    for (int i = 0; i < part[0]->d->nfields; i++)
      for (int k = 0; k < n; k++)
        if (((const Objects *)part[k]->source)->records.classes[i] == all) renumber(part[k], i, order);
    rt_free(order);
  }
}

static void fill(Data *d) { learned_fill(d, ((const Objects *)d->source)->field); }

static void read_jsonl(const Data *d, uint64_t record, int field, void *raw) {
  const Objects *k = d->source;
  memcpy(raw, k->field[field] + record * d->raw_bytes[field], d->raw_bytes[field]);
}

static void close_jsonl(Data *d) {
  Objects *k = d->source;
  for (int f = 0; f < d->d->nfields; f++) rt_free(k->field[f]);
  json_records_end(&k->records);
  rt_free(k->field);
  rt_free(k->line);
  rt_free(k);
}

static char *place(const Data *d, uint64_t record, int field) {
  (void)record;
  const Classes *all = ((const Objects *)d->source)->records.classes[field];
  char *s = rt_printf("\n--> %s", d->d->fields[field].columns->where);
  return all ? rt_printf("%s\nthere are %d classes: %s", s, all->n, classes_list(all)) : s;
}

static char *name_of(const Data *d, uint64_t record) {
  return rt_printf("%s:%llu", d->path[0], (unsigned long long)((const Objects *)d->source)->line[record]);
}

const DataSource jsonl_source = {"jsonl", 1, 1, open_jsonl, read_jsonl, close_jsonl, finish, fill, place, name_of};

/* In the first record that has it. */
static int shape_of_text(const Bytes *b, const char *member, int64_t *dim) {
  int rank = -1;
  const char *end = (const char *)b->p + b->n;
  for (const char *s = (const char *)b->p + io_mark(b), *stop; s < end && rank < 0; s = stop + 1) {
    stop = memchr(s, '\n', (size_t)(end - s));
    if (!stop) stop = end;
    rank = json_record_shape(s, (size_t)(stop - s), member, dim);
  }
  return rank;
}

bool jsonl_shape(ArrayFile *a, const char *path, const char *member) {
  enum { HEAD = 1 << 20 };
  int64_t dim[GC_MAX_RANK];
  FILE *f = fopen(path, "rb");
  if (!f) return false;
  Bytes b = {rt_alloc(HEAD + 1), 0}, text;
  b.n = fread(b.p, 1, HEAD, f);
  fclose(f);
  text = b;
  int rank = !gz_is(&b) || gz_head(&b, &text) ? shape_of_text(&text, member, dim) : -1;
  if (text.p != b.p) rt_free(text.p);
  rt_free(b.p);
  if (rank < 0 || rank >= GC_MAX_RANK) return false;
  *a = (ArrayFile){.rank = rank + 1};
  for (int i = 0; i < rank; i++) a->dim[i + 1] = (uint64_t)dim[i];
  return true;
}
