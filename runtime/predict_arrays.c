/* SPDX-License-Identifier: Apache-2.0 */
/* Records that are arrays: npy, npz, JSON lines. */
#include "json_record.h"
#include "predict.h"
#include "session.h"
#include <string.h>

/* ---- npy and npz ---- */

/* Takes run-time sizes from a shape, axis by axis of an input. */
static void sizes_from(Predictor *p, const GcPort *q, int rank, const int64_t *dim) {
  const GcGraph *g = p->g;
  if (rank != q->rank) return;
  for (int i = 0; i < rank; i++)
    for (int s = 0; s < g->nsizes && q->dim[i] < 0; s++)
      if (!strcmp(g->dims[-1 - q->dim[i]].text, g->sizes[s]) && dim[i] >= 0 && dim[i] <= g->size_bound[s])
        p->size[s] = dim[i];
  p->need = predict_elements(p);
}

static void sizes_from_file(Predictor *p, const GcPort *q, const ArrayFile *a) {
  int64_t dim[GC_MAX_RANK];
  for (int i = 1; i < a->rank; i++) dim[i - 1] = a->dim[i] > INT64_MAX ? -1 : (int64_t)a->dim[i];
  sizes_from(p, q, a->rank - 1, dim);
}

/* n arrays, which are the inputs, or one that holds the elements of all. */
static void from_arrays(Predictor *p, ArrayFile *a, int n) {
  uint64_t records = a[0].n, per_record = 0, all = 0;
  for (int i = 0; i < n; i++) {
    if (n == p->g->nin) sizes_from_file(p, &p->g->in[i], &a[i]);
    per_record += a[i].per_record;
    all += a[i].n * a[i].per_record;
  }
  bool scalars = p->g->nsizes && a[0].rank == 1; /* a record of such an input has at least one axis */
  if ((scalars || !predict_fit(p, per_record)) && predict_fit(p, all)) { /* a single record, without a record axis */
    for (int i = 0; i < n; i++) a[i].per_record *= a[i].n;
    records = 1;
    per_record = all;
  }
  if (!predict_fit(p, per_record)) predict_misfit(p, 0, per_record, "elements");
  for (int i = 0; i < n && n > 1; i++)
    if (a[i].per_record != session_elements(p->g, &p->g->in[i], p->size))
      rt_die(E_COLUMN_COUNT, "%s: a record of `%s` has %llu elements, `%s` takes %llu (%s)", p->name, p->g->in[i].name,
             (unsigned long long)a[i].per_record, p->g->name,
             (unsigned long long)session_elements(p->g, &p->g->in[i], p->size), predict_signature(p->g));
  if (records == 0) rt_die(E_RECORD_COUNT, "%s: no records", p->name);
  for (uint64_t r = 0; r < records; r++) {
    uint64_t at = 0;
    for (int i = 0; i < n; i++)
      for (uint64_t k = 0; k < a[i].per_record; k++) {
        uint64_t from = r * a[i].per_record + k;
        char wide[NUM_TEXT];
        CsvField text = {.s = wide};
        bool is_wide = array_file_wide(&a[i], from, wide);
        text.n = is_wide ? strlen(wide) : 0;
        predict_put(p, r, at++, is_wide ? &text : NULL, array_file_get(&a[i], from));
      }
    predict_run(p, r);
  }
}

void predict_npy(Predictor *p, Bytes *b) {
  ArrayFile a = {.file = *b};
  char err[ERR_TEXT];
  if (!array_file_npy(&a, err)) rt_die(E_ARRAY_FORMAT, "%s: %s", p->name, err);
  from_arrays(p, &a, 1);
}

void predict_npz(Predictor *p, Bytes *b) {
  int n = p->g->nin;
  ArrayFile *a = rt_array((size_t)n, sizeof *a);
  bool owned;
  char err[ERR_TEXT];
  for (int i = 0; i < n; i++) {
    if (!array_file_npz(&a[i], b, (ArrayName){.name = p->g->in[i].name}, &owned, err))
      rt_die(E_ARRAY_FORMAT, "%s: %s", p->name, err);
    if (a[i].n != a[0].n)
      rt_die(E_RECORD_COUNT, "%s: `%s` has %llu records, `%s` has %llu", p->name, p->g->in[i].name,
             (unsigned long long)a[i].n, p->g->in[0].name, (unsigned long long)a[0].n);
  }
  from_arrays(p, a, n);
}

/* ---- JSON lines: an object with a value for each input, or the value of the only input ---- */

typedef struct Line {
  Predictor *p;
  uint64_t record;
  JsonArray *value; /* of each input */
  bool *given;
} Line;

static _Noreturn void wrong(const Line *k, int input, const char *why) {
  char *of = input < 0 ? rt_strdup("") : rt_printf("`%s`: ", k->p->g->in[input].name);
  rt_die(E_FIELD_VALUE, "%s: record %llu: %s%s (line %llu)", k->p->name, (unsigned long long)k->record + 1, of, why,
         (unsigned long long)k->p->line);
}

static void read_value(Line *k, int i, Json *j) {
  const GcGraph *g = k->p->g;
  k->value[i].type = (GcDType)g->in[i].dtype;
  k->value[i].to = k->p->in[i];
  k->value[i].room = session_elements(g, &g->in[i], NULL);
  if (k->given[i]) wrong(k, i, "is there twice");
  if (!json_array(j, &k->value[i])) wrong(k, i, j->err);
  k->given[i] = true;
}

static void read_object(Line *k, Json *j) {
  const GcGraph *g = k->p->g;
  if (json_accept(j, '}')) return;
  do {
    char *key = json_string(j);
    if (!key || !json_expect(j, ':')) wrong(k, -1, j->err);
    int i = 0;
    while (i < g->nin && strcmp(key, g->in[i].name) != 0) i++;
    rt_free(key);
    if (i < g->nin) read_value(k, i, j);
    else if (!json_skip(j, 0)) wrong(k, -1, j->err);
  } while (json_accept(j, ','));
  if (!json_expect(j, '}')) wrong(k, -1, j->err);
}

static void check_sizes(Line *k) {
  Predictor *p = k->p;
  uint64_t n = 0;
  for (int i = 0; i < p->g->nin; i++) {
    sizes_from(p, &p->g->in[i], k->value[i].rank, k->value[i].dim);
    n += k->value[i].n;
  }
  if (!predict_fit(p, n)) predict_misfit(p, k->record, n, "numbers");
  for (int i = 0; i < p->g->nin; i++) {
    uint64_t need = session_elements(p->g, &p->g->in[i], p->size);
    if (k->value[i].n != need)
      wrong(k, i, rt_printf("%llu numbers, not %llu", (unsigned long long)k->value[i].n, (unsigned long long)need));
  }
}

static void read_line(Line *k, const char *s, const char *end) {
  const GcGraph *g = k->p->g;
  char err[ERR_TEXT];
  Json j = {s, end, err};
  memset(k->given, 0, (size_t)g->nin * sizeof *k->given);
  if (json_accept(&j, '{')) read_object(k, &j);
  else if (g->nin == 1) read_value(k, 0, &j);
  else wrong(k, -1, rt_printf("not an object with a value for each input of `%s`", g->name));
  if (!json_end(&j)) wrong(k, -1, err);
  for (int i = 0; i < g->nin; i++)
    if (!k->given[i]) wrong(k, i, "is missing");
  check_sizes(k);
  predict_run(k->p, k->record++);
}

/* ---- JSON lines whose inputs are fields of jsonl: objects as those that were trained on ---- */

static _Noreturn void refused(const Predictor *p, const JsonRecords *k, uint64_t record) {
  const char *where = k->field >= 0 ? k->d->fields[k->field].columns->where : NULL;
  rt_die(k->code, "%s: record %llu: %s (line %llu)%s%s%s%s", p->name, (unsigned long long)record + 1, k->why,
         (unsigned long long)p->line, where ? "\n--> " : "", where ? where : "", k->help ? "\n" : "",
         k->help ? k->help : "");
}

/* Where the raw values of fields belong that are inputs. */
static void **inputs_of(const Predictor *p, const GcData *d) {
  void **to = rt_array((size_t)d->nfields + 1, sizeof *to);
  for (int f = 0; f < d->nfields; f++)
    for (int i = 0; i < p->g->nin; i++)
      if (!strcmp(d->fields[f].name, p->g->in[i].name)) to[f] = p->in[i];
  return to;
}

static uint64_t from_objects(Predictor *p, const GcData *d, const Bytes *b) {
  JsonRecords k;
  void **to = inputs_of(p, d);
  uint64_t record = 0;
  json_records_begin(&k, p->sess, d);
  if (!k.trained) k.trained = "the model";
  const char *at = (const char *)b->p, *stop = at + b->n;
  for (const char *end; at < stop; at = end + 1) {
    end = memchr(at, '\n', (size_t)(stop - at));
    if (!end) end = stop;
    p->line++;
    if (strspn(at, " \t\r") >= (size_t)(end - at)) continue;
    if (json_record(&k, at, (size_t)(end - at), to)) predict_run(p, record++);
    else if (k.missing) predict_write_missing(p, record++);
    else refused(p, &k, record);
  }
  json_records_end(&k);
  rt_free(to);
  return record;
}

static bool has_objects(const Bytes *b) {
  const char *s = (const char *)b->p;
  size_t blank = strspn(s, " \t\r\n");
  return blank < b->n && s[blank] == '{';
}

void predict_jsonl(Predictor *p, Bytes *file) {
  const size_t mark = io_mark(file);
  const Bytes text = {file->p + mark, file->n - mark}, *b = &text;
  const GcData *d = rows_data(p->sess, p->g);
  if (d && !strcmp(d->kind, "jsonl") && has_objects(b)) {
    if (!from_objects(p, d, b)) rt_die(E_RECORD_COUNT, "%s: no records", p->name);
    return;
  }
  Line k = {.p = p};
  k.value = rt_array((size_t)p->g->nin, sizeof *k.value);
  k.given = rt_array((size_t)p->g->nin, sizeof *k.given);
  const char *at = (const char *)b->p, *stop = at + b->n;
  for (const char *end; at < stop; at = end + 1) {
    end = memchr(at, '\n', (size_t)(stop - at));
    if (!end) end = stop;
    p->line++;
    if (strspn(at, " \t\r") < (size_t)(end - at)) read_line(&k, at, end);
  }
  if (k.record == 0) rt_die(E_RECORD_COUNT, "%s: no records", p->name);
}
