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

char *predict_signature(const GcGraph *g) {
  char *s = rt_strdup("");
  for (int i = 0; i < g->nin; i++) {
    char *shape = num_shape(g->in[i].rank, g->in[i].dim, g->in[i].dtype, g->dims);
    s = rt_printf("%s%s%s: %s", s, i ? ", " : "", g->in[i].name, shape);
  }
  return s;
}

/* ---- sizes ---- */

uint64_t predict_elements(const Predictor *p) {
  uint64_t n = 0;
  for (int i = 0; i < p->g->nin; i++) n += session_elements(p->g, &p->g->in[i], p->size);
  return n;
}

bool predict_fit(Predictor *p, uint64_t n) {
  int last = p->g->nsizes - 1;
  if (p->need == n) return true;
  for (int64_t v = 0; last >= 0 && v <= p->g->size_bound[last]; v++) {
    p->size[last] = v;
    p->need = predict_elements(p);
    if (p->need == n) return true;
  }
  return false;
}

_Noreturn void predict_misfit(const Predictor *p, uint64_t record, uint64_t n, const char *what) {
  const GcGraph *g = p->g;
  int last = g->nsizes - 1;
  unsigned long long r = record + 1, have = n;
  if (last < 0)
    rt_die(E_COLUMN_COUNT, "%s: record %llu has %llu %s, `%s` takes %llu (%s)", p->name, r, have, what, g->name,
           (unsigned long long)p->need, predict_signature(g));
  rt_die(E_SIZE_RANGE, "%s: record %llu has %llu %s: no `%s` from 0 to %lld fits `%s` (%s)", p->name, r, have, what,
         g->sizes[last], (long long)g->size_bound[last], g->name, predict_signature(g));
}

static void prepare(Predictor *p) {
  const GcGraph *g = p->g;
  p->size = rt_array((size_t)g->nsizes + 1, sizeof *p->size);
  for (int i = 0; i < g->nsizes; i++) p->size[i] = i + 1 < g->nsizes ? 1 : g->size_bound[i];
  p->need = predict_elements(p);
  p->in = rt_array((size_t)g->nin + 1, sizeof *p->in);
  p->out = rt_array((size_t)g->nout + 1, sizeof *p->out);
  for (int i = 0; i < g->nin; i++) p->in[i] = session_buffer(g, &g->in[i]);
  for (int i = 0; i < g->nout; i++) p->out[i] = session_buffer(g, &g->out[i]);
}

/* ---- records ---- */

void predict_run(Predictor *p, uint64_t record) {
  const GcGraph *g = p->g;
  if (!rows_fill(p->sess, g, p->in)) {
    predict_write_missing(p, record);
    return;
  }
  int status = session_call(p->sess, g, (const void *const *)p->in, p->out, p->size);
  if (status > 0 && status <= g->nin)
    rt_die(E_VALUE_RANGE, "%s: record %llu: a value of `%s` is out of range%s", p->name, (unsigned long long)record + 1,
           g->in[status - 1].name, session_range_text(&g->in[status - 1]));
  if (status > g->nin && status <= g->nin + g->nsizes)
    rt_die(E_SIZE_RANGE, "%s: record %llu: `%s` cannot be %lld in `%s` (%s)", p->name, (unsigned long long)record + 1,
           g->sizes[status - g->nin - 1], (long long)p->size[status - g->nin - 1], g->name, predict_signature(g));
  if (status != -1) session_check(g, status);
  predict_write(p, record);
  if (rt_out_failed()) rt_out_flush();
}

void predict_put(Predictor *p, uint64_t record, uint64_t at, const CsvField *text, double v) {
  const GcPort *q = p->g->in;
  uint64_t i = at;
  for (uint64_t n; i >= (n = session_elements(p->g, q, p->size)); q++) i -= n;
  void *to = p->in[q - p->g->in];
  NumRead read = text                            ? num_read(q->dtype, to, i, text->s, text->n)
                 : num_store(q->dtype, to, i, v) ? NUM_OK
                                                 : NUM_NOT_IN_TYPE;
  double x = read == NUM_OK ? num_load(q->dtype, to, i) : 0;
  int64_t range = session_range(q, i);
  if (read == NUM_OK && (range <= 0 || (x >= 0 && x < (double)range))) return;
  char shown[NUM_TEXT], *line = p->line ? rt_printf(" (line %llu)", (unsigned long long)p->line) : rt_strdup("");
  char *where = rt_printf("%s: record %llu, field %llu: `%s`", p->name, (unsigned long long)record + 1,
                          (unsigned long long)at, text ? csv_shown(text) : num_show(v, shown));
  if (read != NUM_OK)
    rt_die(E_FIELD_VALUE, "%s is not %s%s", where, read == NUM_NO_NUMBER ? "a number" : gc_dtype_name[q->dtype], line);
  rt_die(E_VALUE_RANGE, "%s is out of range: `%s` must be between 0 and %lld%s", where, q->name, (long long)range - 1,
         line);
}

/* Inputs that are fields take the cells that their lines in the data section take. */
static void from_rows(Predictor *p, Csv *c) {
  uint64_t record = 0;
  Rows rows;
  rows_begin(&rows, p->sess, p->g, p->name);
  for (RowRead r; (r = rows_next(&rows, c, record, p->in)) != ROW_END; record++) {
    p->line = c->line;
    if (r == ROW_READ) predict_run(p, record);
    else predict_write_missing(p, record); /* keeps records of the output beside those of the file */
  }
  rows_end(&rows);
  if (record == 0) rt_die(E_RECORD_COUNT, "%s: no records", p->name);
}

static void from_csv(Predictor *p, Bytes *b) {
  const GcData *d = rows_data(p->sess, p->g);
  if (d && strcmp(d->kind, "csv") != 0) d = NULL;
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
    if (!predict_fit(p, (uint64_t)n)) predict_misfit(p, record, (uint64_t)n, "columns");
    p->line = c.line;
    for (int i = 0; i < n; i++) predict_put(p, record, (uint64_t)i, &c.f[i], 0);
    predict_run(p, record++);
  }
  if (record == 0) rt_die(E_RECORD_COUNT, "%s: no records", p->name);
}

/* Bytes as tokens: one window of the input's length after the other, an incomplete last one left out. If the length is
 * a run-time size, one record: the end of the text, as long as the size allows. */
static void from_text(Predictor *p, Bytes *b) {
  const GcGraph *g = p->g;
  if (g->nin != 1)
    rt_die(E_COLUMN_COUNT, "%s: text fills one input, `%s` has %d (%s)", p->name, g->name, g->nin,
           predict_signature(g));
  size_t start = g->nsizes && b->n > p->need ? b->n - p->need : 0;
  if (g->nsizes && b->n && !predict_fit(p, b->n - start)) predict_misfit(p, 0, b->n, "bytes");
  if (b->n - start < p->need || p->need == 0)
    rt_die(E_RECORD_COUNT, "%s: %zu bytes, `%s` takes %llu (%s)", p->name, b->n, g->name, (unsigned long long)p->need,
           predict_signature(g));
  uint64_t r = 0;
  for (size_t at = start; at + p->need <= b->n; at += p->need, r++) {
    for (uint64_t i = 0; i < p->need; i++) predict_put(p, r, i, NULL, b->p[at + i]);
    predict_run(p, r);
  }
}

/* The field with the picture that the only input takes. *dim: of its raw value. */
static const GcField *picture_field(const Predictor *p, const int64_t **dim) {
  const GcData *d = rows_data(p->sess, p->g);
  int f = 0;
  if (!d || strcmp(d->kind, "images") || p->g->nin != 1)
    rt_die(E_PICTURE, "%s: `%s` takes no picture (%s)\nan input that is named like the field with the picture does",
           p->name, p->g->name, predict_signature(p->g));
  while (strcmp(d->fields[f].name, p->g->in[0].name)) f++;
  *dim = d->bind ? d->bind->in[f].dim : d->fields[f].dim;
  return &d->fields[f];
}

static void from_picture(Predictor *p, const Bytes *b) {
  char err[ERR_TEXT];
  const int64_t *dim;
  const GcField *f = picture_field(p, &dim);
  if (!picture_value(b, p->name, f, dim, (GcDType)p->g->in[0].dtype, p->in[0], err)) rt_die(E_PICTURE, "%s", err);
  predict_run(p, 0);
}

/* Pictures that cannot be used are errors, or with `on_error = skip` of the section counted. */
static void from_folder(Predictor *p) {
  char err[ERR_TEXT];
  const int64_t *dim;
  const GcField *f = picture_field(p, &dim);
  GcData as = {.on_error = rows_data(p->sess, p->g)->on_error};
  Data d = {.d = &as};
  const char *folder = p->name;
  char **list = images_list(folder, &d);
  uint64_t faulty = d.faulty;
  for (uint64_t i = 0; i < d.n; i++) {
    p->name = p->file = list[i];
    bool read = picture_read(p->name, f, dim, (GcDType)p->g->in[0].dtype, p->in[0], err);
    if (!read && !as.on_error) rt_die(E_PICTURE, "%s", err);
    if (read) predict_run(p, i);
    else data_fault(&d, rt_strdup(err));
  }
  unsigned long long out = d.faulty, all = d.n + faulty;
  if (out == all) rt_die(E_PICTURE, "%s: none of %llu pictures can be used; the first: %s", folder, all, d.first_fault);
  if (out)
    rt_note("%s: %llu of %llu pictures cannot be used and are left out; the first: %s", folder, out, all,
            d.first_fault);
}

static bool ends(const char *s, const char *tail) {
  size_t n = strlen(s), t = strlen(tail);
  if (n > 3 && !strcmp(s + n - 3, ".gz")) n -= 3;
  return n >= t && !memcmp(s + n - t, tail, t);
}

/* Decides by the file's name; otherwise text is what is not a list of numbers, for a single integer input. */
static bool is_text(const Predictor *p, const Bytes *b) {
  if (ends(p->name, ".txt")) return true;
  if (ends(p->name, ".csv") || p->g->nin != 1 || gc_is_float(p->g->in[0].dtype)) return false;
  for (size_t i = 0; i < b->n && i < 4096; i++)
    if (!b->p[i] || !strchr("0123456789+-.eE, \t\r\n\"", b->p[i])) return true;
  return false;
}

int gc_predict(Session *sess) {
  Predictor p = {.sess = sess, .g = choose(sess)};
  predict_format(sess);
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
  predict_write_begin(&p);
  if (!p.g->nin) predict_run(&p, 0);
  else if (folder) from_folder(&p);
  else if (picture_is(&b)) from_picture(&p, &b);
  else if (b.n >= 6 && !memcmp(b.p, "\x93NUMPY", 6)) predict_npy(&p, &b);
  else if (b.n >= 4 && !memcmp(b.p, "PK\3\4", 4)) predict_npz(&p, &b);
  else if (ends(p.name, ".jsonl") || ends(p.name, ".ndjson")) predict_jsonl(&p, &b);
  else if (is_text(&p, &b)) from_text(&p, &b);
  else if (ends(p.name, ".npy") || ends(p.name, ".npz"))
    rt_die(E_ARRAY_FORMAT, "%s: not a %s file", p.name, ends(p.name, ".npy") ? ".npy" : ".npz");
  else if (b.n && (b.p[0] == '{' || b.p[0] == '[')) predict_jsonl(&p, &b);
  else from_csv(&p, &b);
  predict_write_end(&p);
  return 0;
}
