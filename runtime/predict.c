/* SPDX-License-Identifier: Apache-2.0 */
/* `predict`: runs an export on every record of a file. A record fills the inputs of the export in order. If their
 * shapes have run-time sizes, the length of the record determines the last size, and the others are 1; the shape of an
 * npy record with as many axes as the only input determines all of them. */
#include "checkpoint.h"
#include "data.h"
#include "picture.h"
#include "predict.h"
#include "run.h"
#include <string.h>

typedef struct Predictor {
  Session *sess;
  const GcGraph *g;
  const char *name; /* of the input, for messages */
  int64_t *size;
  void **in, **out;
  uint64_t need;          /* elements of a record at these sizes */
  uint64_t line;          /* of the record in its file; 0: the file has no lines */
  const Classes *results; /* the names of integers that it gives; NULL: they have none */
} Predictor;

static const GcGraph *choose(const Session *sess) {
  const GcModel *m = sess->m;
  if (m->nexports == 0) rt_die(E_NO_SUCH_PART, "%s has no `export def`", m->name);
  if (!sess->o.fn) return &m->exports[0];
  for (int i = 0; i < m->nexports; i++)
    if (!strcmp(m->exports[i].name, sess->o.fn)) return &m->exports[i];
  char *names = rt_strdup(m->exports[0].name);
  for (int i = 1; i < m->nexports; i++) names = rt_printf("%s, %s", names, m->exports[i].name);
  rt_die(E_UNKNOWN_OPTION, "--fn %s: no such export\nthere %s %s", sess->o.fn, m->nexports == 1 ? "is" : "are", names);
}

static char *signature(const GcGraph *g) {
  char *s = rt_strdup("");
  for (int i = 0; i < g->nin; i++) {
    char *shape = num_shape(g->in[i].rank, g->in[i].dim, g->in[i].dtype, g->dims);
    s = rt_printf("%s%s%s: %s", s, i ? ", " : "", g->in[i].name, shape);
  }
  return s;
}

/* ---- sizes ---- */

static uint64_t elements(const Predictor *p) {
  uint64_t n = 0;
  for (int i = 0; i < p->g->nin; i++) n += session_elements(p->g, &p->g->in[i], p->size);
  return n;
}

/* Sets the last size so that a record has n elements; false: there is no such size. */
static bool fit(Predictor *p, uint64_t n) {
  int last = p->g->nsizes - 1;
  if (p->need == n) return true;
  for (int64_t v = 0; last >= 0 && v <= p->g->size_bound[last]; v++) {
    p->size[last] = v;
    p->need = elements(p);
    if (p->need == n) return true;
  }
  return false;
}

/* Reports a record of n elements that fits no sizes. */
static _Noreturn void misfit(const Predictor *p, uint64_t record, uint64_t n, const char *what) {
  const GcGraph *g = p->g;
  int last = g->nsizes - 1;
  unsigned long long r = record + 1, have = n;
  if (last < 0)
    rt_die(E_COLUMN_COUNT, "%s: record %llu has %llu %s, `%s` takes %llu (%s)", p->name, r, have, what, g->name,
           (unsigned long long)p->need, signature(g));
  rt_die(E_SIZE_RANGE, "%s: record %llu has %llu %s: no `%s` from 0 to %lld fits `%s` (%s)", p->name, r, have, what,
         g->sizes[last], (long long)g->size_bound[last], g->name, signature(g));
}

static void prepare(Predictor *p) {
  const GcGraph *g = p->g;
  p->size = rt_array((size_t)g->nsizes + 1, sizeof *p->size);
  for (int i = 0; i < g->nsizes; i++) p->size[i] = i + 1 < g->nsizes ? 1 : g->size_bound[i];
  p->need = elements(p);
  p->in = rt_array((size_t)g->nin + 1, sizeof *p->in);
  p->out = rt_array((size_t)g->nout + 1, sizeof *p->out);
  for (int i = 0; i < g->nin; i++) p->in[i] = session_buffer(g, &g->in[i]);
  for (int i = 0; i < g->nout; i++) p->out[i] = session_buffer(g, &g->out[i]);
}

/* ---- records ---- */

static void run(Predictor *p, uint64_t record) {
  const GcGraph *g = p->g;
  int status = session_call(p->sess, g, (const void *const *)p->in, p->out, p->size);
  if (status > 0 && status <= g->nin)
    rt_die(E_VALUE_RANGE, "%s: record %llu: a value of `%s` is out of range%s", p->name, (unsigned long long)record + 1,
           g->in[status - 1].name,
           g->in[status - 1].range > 0 ? rt_printf(" (0 to %lld)", (long long)g->in[status - 1].range - 1) : "");
  if (status > g->nin && status <= g->nin + g->nsizes)
    rt_die(E_SIZE_RANGE, "%s: record %llu: `%s` cannot be %lld in `%s` (%s)", p->name, (unsigned long long)record + 1,
           g->sizes[status - g->nin - 1], (long long)p->size[status - g->nin - 1], g->name, signature(g));
  if (status != -1) session_check(g, status);
  bool first = true;
  for (int i = 0; i < g->nout; i++) {
    uint64_t n = session_elements(g, &g->out[i], p->size);
    char text[NUM_TEXT];
    for (uint64_t k = 0; k < n; k++, first = false)
      rt_out("%s%s", first ? "" : ",", rows_name(p->results, g->out[i].dtype, p->out[i], k, text));
  }
  rt_out("\n");
  if (rt_out_failed()) rt_out_flush();
}

/* Stores element `at` of a record, counted over all inputs in order: the text, or v if there is none. */
static void put(Predictor *p, uint64_t record, uint64_t at, const CsvField *text, double v) {
  const GcPort *q = p->g->in;
  uint64_t i = at;
  for (uint64_t n; i >= (n = session_elements(p->g, q, p->size)); q++) i -= n;
  void *to = p->in[q - p->g->in];
  NumRead read = text                            ? num_read(q->dtype, to, i, text->s, text->n)
                 : num_store(q->dtype, to, i, v) ? NUM_OK
                                                 : NUM_NOT_IN_TYPE;
  double x = read == NUM_OK ? num_load(q->dtype, to, i) : 0;
  if (read == NUM_OK && (q->range <= 0 || (x >= 0 && x < (double)q->range))) return;
  char shown[NUM_TEXT], *line = p->line ? rt_printf(" (line %llu)", (unsigned long long)p->line) : rt_strdup("");
  char *where = rt_printf("%s: record %llu, field %llu: `%s`", p->name, (unsigned long long)record + 1,
                          (unsigned long long)at, text ? csv_shown(text) : num_show(v, shown));
  if (read != NUM_OK)
    rt_die(E_FIELD_VALUE, "%s is not %s%s", where, read == NUM_NO_NUMBER ? "a number" : gc_dtype_name[q->dtype], line);
  rt_die(E_VALUE_RANGE, "%s is out of range: `%s` must be between 0 and %lld%s", where, q->name,
         (long long)q->range - 1, line);
}

/* Inputs that are fields take the cells that their lines in the data section take. */
static void from_rows(Predictor *p, Csv *c) {
  uint64_t record = 0;
  Rows rows;
  rows_begin(&rows, p->sess, p->g, p->name);
  for (RowRead r; (r = rows_next(&rows, c, record, p->in)) != ROW_END; record++) {
    p->line = c->line;
    if (r == ROW_READ) run(p, record);
    else rt_out("\n"); /* keeps lines of the output beside those of the file */
  }
  rows_end(&rows);
  if (record == 0) rt_die(E_RECORD_COUNT, "%s: no records", p->name);
}

static void from_csv(Predictor *p, Bytes *b) {
  const GcData *d = rows_data(p->sess, p->g);
  if (d && !strcmp(d->kind, "images")) d = NULL;
  Csv c;
  csv_begin(&c, b, d ? d->sep : 0, d ? d->decimal : 0);
  if (d) {
    from_rows(p, &c);
    return;
  }
  uint64_t record = 0;
  bool first = true;
  for (int n; (n = csv_next(&c)) != 0; first = false) {
    unsigned long long r = record + 1, line = c.line;
    if (n < 0)
      rt_die(E_COLUMN_COUNT, "%s: record %llu: a quoted field is not closed, or text follows it (line %llu)", p->name,
             r, line);
    if (first && csv_names(c.f, n, 0) > 0) continue;
    if (!fit(p, (uint64_t)n)) misfit(p, record, (uint64_t)n, "columns");
    p->line = c.line;
    for (int i = 0; i < n; i++) put(p, record, (uint64_t)i, &c.f[i], 0);
    run(p, record++);
  }
  if (record == 0) rt_die(E_RECORD_COUNT, "%s: no records", p->name);
}

/* Takes the sizes from the shape of a record, axis by axis of the only input. */
static void sizes_from_shape(Predictor *p, const ArrayFile *a) {
  const GcGraph *g = p->g;
  const GcPort *q = &g->in[0];
  if (g->nin != 1 || a->rank - 1 != q->rank) return;
  for (int i = 0; i < q->rank; i++)
    for (int s = 0; s < g->nsizes && q->dim[i] < 0; s++)
      if (!strcmp(g->dims[-1 - q->dim[i]].text, g->sizes[s]) && a->dim[i + 1] <= (uint64_t)g->size_bound[s])
        p->size[s] = (int64_t)a->dim[i + 1];
  p->need = elements(p);
}

static void from_npy(Predictor *p, Bytes *b) {
  ArrayFile a = {.file = *b};
  char err[ERR_TEXT];
  if (!array_file_npy(&a, err)) rt_die(E_ARRAY_FORMAT, "%s: %s", p->name, err);
  sizes_from_shape(p, &a);
  bool scalars = p->g->nsizes && a.rank == 1; /* a record of such an input has at least one axis */
  if ((scalars || !fit(p, a.per_record)) && fit(p, a.n * a.per_record)) { /* a single record, without a record axis */
    a.per_record *= a.n;
    a.n = 1;
  }
  if (!fit(p, a.per_record)) misfit(p, 0, a.per_record, "elements");
  if (a.n == 0) rt_die(E_RECORD_COUNT, "%s: no records", p->name);
  for (uint64_t r = 0; r < a.n; r++) {
    for (uint64_t i = 0; i < a.per_record; i++) put(p, r, i, NULL, array_file_get(&a, r * a.per_record + i));
    run(p, r);
  }
}

/* Bytes as tokens: one window of the input's length after the other, an incomplete last one left out. If the length is
 * a run-time size, one record: the end of the text, as long as the size allows. */
static void from_text(Predictor *p, Bytes *b) {
  const GcGraph *g = p->g;
  if (g->nin != 1)
    rt_die(E_COLUMN_COUNT, "%s: text fills one input, `%s` has %d (%s)", p->name, g->name, g->nin, signature(g));
  size_t start = g->nsizes && b->n > p->need ? b->n - p->need : 0;
  if (g->nsizes && b->n && !fit(p, b->n - start)) misfit(p, 0, b->n, "bytes");
  if (b->n - start < p->need || p->need == 0)
    rt_die(E_RECORD_COUNT, "%s: %zu bytes, `%s` takes %llu (%s)", p->name, b->n, g->name, (unsigned long long)p->need,
           signature(g));
  uint64_t r = 0;
  for (size_t at = start; at + p->need <= b->n; at += p->need, r++) {
    for (uint64_t i = 0; i < p->need; i++) put(p, r, i, NULL, b->p[at + i]);
    run(p, r);
  }
}

/* The field with the picture that the only input takes. *dim: of its raw value. */
static const GcField *picture_field(const Predictor *p, const int64_t **dim) {
  const GcData *d = rows_data(p->sess, p->g);
  int f = 0;
  if (!d || strcmp(d->kind, "images") || p->g->nin != 1)
    rt_die(E_PICTURE, "%s: `%s` takes no picture (%s)\nan input that is named like the field with the picture does",
           p->name, p->g->name, signature(p->g));
  while (strcmp(d->fields[f].name, p->g->in[0].name)) f++;
  *dim = d->bind ? d->bind->in[f].dim : d->fields[f].dim;
  return &d->fields[f];
}

static void from_picture(Predictor *p, const Bytes *b) {
  char err[ERR_TEXT];
  const int64_t *dim;
  const GcField *f = picture_field(p, &dim);
  if (!picture_value(b, p->name, f, dim, (GcDType)p->g->in[0].dtype, p->in[0], err)) rt_die(E_PICTURE, "%s", err);
  run(p, 0);
}

/* The names of pictures, before their results. */
static void from_folder(Predictor *p) {
  char err[ERR_TEXT];
  const int64_t *dim;
  const GcField *f = picture_field(p, &dim);
  int n;
  char **list = images_list(p->name, &n);
  for (int i = 0; i < n; i++) {
    p->name = list[i];
    if (!picture_read(p->name, f, dim, (GcDType)p->g->in[0].dtype, p->in[0], err)) rt_die(E_PICTURE, "%s", err);
    rt_out("%s,", rows_quoted(list[i]));
    run(p, (uint64_t)i);
  }
}

static bool ends(const char *s, const char *tail) {
  size_t n = strlen(s), t = strlen(tail);
  if (n > 3 && !strcmp(s + n - 3, ".gz")) n -= 3;
  return n >= t && !memcmp(s + n - t, tail, t);
}

/* Decides by the file's name; otherwise text is what is not a list of numbers, for a single integer input. */
static bool is_text(const Predictor *p, const Bytes *b) {
  if (ends(p->name, ".txt")) return true;
  if (ends(p->name, ".csv") || p->g->nin != 1 || p->g->in[0].dtype >= GC_F32) return false;
  for (size_t i = 0; i < b->n && i < 4096; i++)
    if (!b->p[i] || !strchr("0123456789+-.eE, \t\r\n\"", b->p[i])) return true;
  return false;
}

int gc_predict(Session *sess) {
  Predictor p = {.sess = sess, .g = choose(sess)};
  if (p.g->nin && !sess->o.input) rt_die(E_OPTION_VALUE, "predict needs --input FILE (`-`: standard input)");
  if (!p.g->nin && sess->o.input) rt_die(E_OPTION_VALUE, "`%s` has no inputs, so --input cannot be used", p.g->name);
  p.name = sess->o.input && strcmp(sess->o.input, "-") ? sess->o.input : "standard input";
  Bytes b;
  char err[ERR_TEXT];
  char *weights = run_weights(sess);
  const char *path = sess->o.input;
  if (p.g->nin && strcmp(path, "-") && !io_exists(path)) rt_die(E_FILE_MISSING, "cannot open `%s`", path);
  bool folder = p.g->nin && io_is_folder(path);
  if (p.g->nin && !folder && !io_read_data(path, &b, err)) rt_die(E_DATA_READ, "%s", err);
  session_memory(sess);
  session_init(sess);
  if (weights) weights_load(sess, weights);
  prepare(&p);
  p.results = rows_results(sess, p.g);
  if (!p.g->nin) run(&p, 0);
  else if (folder) from_folder(&p);
  else if (picture_is(&b)) from_picture(&p, &b);
  else if (b.n >= 6 && !memcmp(b.p, "\x93NUMPY", 6)) from_npy(&p, &b);
  else if (is_text(&p, &b)) from_text(&p, &b);
  else if (ends(p.name, ".npy")) rt_die(E_ARRAY_FORMAT, "%s: not a .npy file", p.name);
  else from_csv(&p, &b);
  rt_out_flush();
  return 0;
}
