/* SPDX-License-Identifier: Apache-2.0 */
/* Results as csv, JSON lines or one npy array. */
#include "predict.h"
#include "npy.h"
#include "session.h"
#include <string.h>

typedef enum Format { CSV, JSONL, NPY } Format;
typedef struct PredictWriter {
  Format format;
  IoFile file;   /* of -o */
  JsonText text; /* of a record; npy: of all */
  uint64_t n;    /* records of an npy array, whose shape is dim */
  int64_t dim[GC_MAX_RANK + 1];
} PredictWriter;

static const char *const format_name[] = {"csv", "jsonl", "npy"};

static int find_format(const char *name) {
  for (int i = 0; i < COUNT(format_name); i++)
    if (!strcmp(name, format_name[i])) return i;
  return -1;
}

static Format chosen(const Opts *o) {
  const char *dot = o->output ? strrchr(o->output, '.') : NULL;
  int by_name = dot ? find_format(dot + 1) : -1, f = o->format ? find_format(o->format) : by_name;
  if (o->format && f < 0) rt_die(E_OPTION_VALUE, "--format takes csv, jsonl or npy, not `%s`", o->format);
  if (o->output && f < 0)
    rt_die(E_OPTION_VALUE, "-o %s: the name does not end in .csv, .jsonl or .npy\n--format csv, jsonl or npy chooses",
           o->output);
  return f < 0 ? CSV : (Format)f;
}

void predict_format(const Session *sess) { chosen(&sess->o); }

void predict_write_begin(Predictor *p) {
  PredictWriter *w = p->to = rt_alloc(sizeof *w);
  w->format = chosen(&p->sess->o);
  if (w->format == NPY && p->g->nout != 1)
    rt_die(E_OPTION_VALUE, "`%s` has %d results, an npy file holds one array\n--format jsonl names each", p->g->name,
           p->g->nout);
  if (p->sess->o.output) io_create(&w->file, p->sess->o.output);
}

static void send(Predictor *p) {
  PredictWriter *w = p->to;
  if (p->sess->o.output) io_write(&w->file, w->text.p, w->text.n);
  else rt_out_put(w->text.p, w->text.n);
  w->text.n = 0;
}

static void shape_of(const Predictor *p, const GcPort *q, int64_t *dim) {
  for (int i = 0; i < q->rank; i++) dim[i] = q->dim[i] < 0 ? session_dim(p->g, q->dim[i], p->size) : q->dim[i];
}

static void csv_record(Predictor *p) {
  const GcGraph *g = p->g;
  JsonText *t = &p->to->text;
  char text[NUM_TEXT];
  bool first = !p->file;
  if (p->file) json_puts(t, rows_quoted(p->file));
  for (int i = 0; i < g->nout; i++) {
    uint64_t n = session_elements(g, &g->out[i], p->size);
    for (uint64_t k = 0; k < n; k++, first = false) {
      if (!first) json_puts(t, ",");
      json_puts(t, rows_name(p->results, (GcDType)g->out[i].dtype, p->out[i], k, text));
    }
  }
  json_puts(t, "\n");
}

static void put_key(JsonText *t, const char *name) {
  char *q = json_quote(name);
  json_puts(t, t->n ? "," : "{");
  json_puts(t, q);
  json_puts(t, ":");
  rt_free(q);
}

/* The name of the only integer, if it has one. */
static const char *class_of(const Predictor *p, int i) {
  const GcPort *q = &p->g->out[i];
  double v = !gc_is_float(q->dtype) && q->dtype != GC_BOOL ? num_load((GcDType)q->dtype, p->out[i], 0) : -1;
  bool named = p->results && session_elements(p->g, q, p->size) == 1 && v >= 0 && v < p->results->n;
  return named ? p->results->name[(int)v] : NULL;
}

static void json_record(Predictor *p) {
  JsonText *t = &p->to->text;
  for (int i = -1; i < p->g->nout; i++) {
    if (i < 0 && !p->file) continue;
    const char *word = i < 0 ? p->file : class_of(p, i);
    put_key(t, i < 0 ? "file" : p->g->out[i].name);
    char *quoted = word ? json_quote(word) : NULL;
    int64_t dim[GC_MAX_RANK];
    if (i >= 0) shape_of(p, &p->g->out[i], dim);
    if (quoted) json_puts(t, quoted);
    else json_put_array(t, (GcDType)p->g->out[i].dtype, p->out[i], p->g->out[i].rank, dim, false);
    rt_free(quoted);
  }
  json_puts(t, t->n ? "}\n" : "{}\n");
}

static void npy_record(Predictor *p, uint64_t record) {
  PredictWriter *w = p->to;
  const GcPort *q = &p->g->out[0];
  int64_t dim[GC_MAX_RANK];
  shape_of(p, q, dim);
  if (w->n && memcmp(dim, w->dim + 1, (size_t)q->rank * sizeof *dim) != 0)
    rt_die(E_SIZE_RANGE,
           "%s: record %llu: its result has another shape than the first, an npy file holds one array\n--format jsonl "
           "writes each with its shape",
           p->name, (unsigned long long)record + 1);
  memcpy(w->dim + 1, dim, (size_t)q->rank * sizeof *dim);
  w->n++;
  npy_put(&w->text, (GcDType)q->dtype, p->out[0], session_elements(p->g, q, p->size));
}

void predict_write(Predictor *p, uint64_t record) {
  if (p->to->format == NPY) {
    npy_record(p, record);
    return;
  }
  if (p->to->format == CSV) csv_record(p);
  else json_record(p);
  send(p);
}

void predict_write_missing(Predictor *p, uint64_t record) {
  if (p->to->format == NPY)
    rt_die(E_FIELD_VALUE,
           "%s: record %llu has missing values, so it has no result, for which an npy file has no place\n--format csv "
           "writes a blank line, jsonl null",
           p->name, (unsigned long long)record + 1);
  json_puts(&p->to->text, p->to->format == CSV ? "\n" : "null\n");
  send(p);
}

static void finish_npy(Predictor *p) {
  PredictWriter *w = p->to;
  JsonText all = w->text;
  w->text = (JsonText){0};
  w->dim[0] = (int64_t)w->n;
  npy_head(&w->text, (GcDType)p->g->out[0].dtype, p->g->out[0].rank + 1, w->dim);
  send(p);
  rt_free(w->text.p);
  w->text = all;
  if (all.n) send(p);
}

void predict_write_end(Predictor *p) {
  char err[ERR_TEXT];
  if (p->to->format == NPY) finish_npy(p);
  if (p->sess->o.output && !io_commit(&p->to->file, err)) rt_die(E_RUN_FILE, "%s", err);
  rt_out_flush();
}
