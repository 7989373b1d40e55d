/* SPDX-License-Identifier: Apache-2.0 */
#include "predict.h"
#include "session.h"
#include <string.h>

static const GcField *field_of(const GcData *d, const char *name) {
  for (int f = 0; f < d->nfields; f++)
    if (!strcmp(d->fields[f].name, name)) return &d->fields[f];
  return NULL;
}

static bool is_learning(const GcData *d) { return d->learned && !strcmp(d->learned, d->name); }

static uint64_t raw_elements(const GcData *d, int f) {
  const GcField *x = &d->fields[f];
  uint64_t n = 1;
  int rank = d->bind ? d->bind->in[f].rank : x->rank;
  for (int i = 0; i < rank; i++) n *= (uint64_t)(d->bind ? d->bind->in[f].dim[i] : x->dim[i]);
  return n;
}

static bool has_inputs(const GcData *d, const GcGraph *g) {
  for (int i = 0; i < g->nin; i++) {
    const GcField *f = field_of(d, g->in[i].name);
    if (!f || !f->rows || session_elements(g, &g->in[i], NULL) != raw_elements(d, (int)(f - d->fields))) return false;
    for (int k = 0; k < g->in[i].rank; k++)
      if (g->in[i].dim[k] < 0) return false;
  }
  return g->nin > 0;
}

const GcData *rows_data(const Session *sess, const GcGraph *g) {
  for (int i = 0; i < sess->m->ndata; i++)
    if (is_learning(&sess->m->data[i]) && has_inputs(&sess->m->data[i], g)) return &sess->m->data[i];
  return NULL;
}

void rows_begin(Rows *r, Session *sess, const GcGraph *g, const char *path) {
  const GcData *d = rows_data(sess, g);
  GcField *f = rt_array((size_t)g->nin, sizeof *f);
  *r = (Rows){.sess = sess, .g = g, .d = *d};
  for (int i = 0; i < g->nin; i++) f[i] = *field_of(d, g->in[i].name);
  r->d.fields = f;
  r->d.on_error = 0;
  r->d.nfields = g->nin;
  columns_begin(&r->columns, sess, &r->d, path);
  r->columns.trained = learned_of(sess)->path ? learned_of(sess)->path : "the model";
}

void rows_end(Rows *r) { columns_end(&r->columns); }

static void in_order(Rows *r, Csv *c, int n) {
  int at = 0;
  for (int f = 0; f < r->d.nfields; f++)
    for (int i = 0; i < r->d.fields[f].raw_count; i++) r->columns.cell[f][i] = at++;
  r->columns.named = false;
  r->columns.width = n;
  if (n == at) return;
  rt_die(E_COLUMN_COUNT, "%s: line %llu has %d columns and no names, the inputs of `%s` take %d%s", r->columns.path,
         (unsigned long long)c->line, n, r->g->name, at,
         r->columns.named ? "\na first line with the names of the columns says which are meant" : "");
}

/* The first record. False: it is a header. */
static bool first(Rows *r, Csv *c, int n) {
  bool names = r->d.header >= 0 && r->columns.named ? r->d.header == 1 : csv_names(c->f, n, r->d.decimal) > 0;
  r->begun = true;
  if (!names || !r->columns.named) in_order(r, c, n);
  else columns_head(&r->columns, c, n);
  return !names;
}

bool rows_fill(const Session *sess, const GcGraph *g, void *const *in) {
  const GcData *d = rows_data(sess, g);
  for (int k = 0; k < g->nin && d && d->missing; k++) {
    GcDType t = (GcDType)g->in[k].dtype;
    int f = (int)(field_of(d, g->in[k].name) - d->fields);
    uint64_t n = gc_is_float(t) ? raw_elements(d, f) : 0;
    for (uint64_t i = 0; i < n; i++) {
      double v = num_load(t, in[k], i);
      if (v == v) continue;
      if (d->missing == GC_MISSING_SKIP) return false;
      num_store(t, in[k], i, d->missing == GC_MISSING_MEAN ? learned_mean(sess, d, f, i) : 0);
    }
  }
  return true;
}

static RowRead read_row(Rows *r, const Csv *c, uint64_t record, void *const *in) {
  bool whole = true;
  for (int f = 0; f < r->d.nfields; f++) {
    Cell at = {.record = record, .field = f, .type = (GcDType)r->g->in[f].dtype, .to = in[f]};
    for (at.i = 0; at.i < r->d.fields[f].raw_count; at.i++) whole &= columns_read(&r->columns, c, &at);
  }
  return whole ? ROW_READ : ROW_MISSING;
}

RowRead rows_next(Rows *r, Csv *c, uint64_t record, void *const *in) {
  if (!r->begun) {
    int n = csv_next(c);
    if (n == 0) return ROW_END;
    if (n < 0)
      rt_die(E_COLUMN_COUNT, "%s: record 1: a quoted field is not closed, or text follows it (line %llu)",
             r->columns.path, (unsigned long long)c->line);
    if (first(r, c, n)) return read_row(r, c, record, in);
  }
  return columns_next(&r->columns, c, record) ? read_row(r, c, record, in) : ROW_END;
}

/* ---- results ---- */

static bool is_input(const GcGraph *g, const char *name) {
  for (int i = 0; i < g->nin; i++)
    if (!strcmp(g->in[i].name, name)) return true;
  return false;
}

const Classes *rows_results(Session *sess, const GcGraph *g) {
  const Classes *found = NULL;
  int n = 0;
  for (int i = 0; i < sess->m->ndata; i++) {
    const GcData *d = &sess->m->data[i];
    for (int f = 0; f < d->nfields && is_learning(d); f++) {
      const GcField *x = &d->fields[f];
      if (is_input(g, x->name) || x->raw_count != 1 || !x->columns || x->columns->cell != GC_CLASS) continue;
      found = classes_find(sess, x->columns, 0);
      n++;
    }
  }
  return n == 1 && found && found->known ? found : NULL;
}

const char *rows_quoted(const char *s) {
  if (!strpbrk(s, ",\"\n\r")) return s;
  char *q = rt_alloc(2 * strlen(s) + 3), *o = q; /* small, and seldom */
  *o++ = '"';
  for (; *s; s++) {
    if (*s == '"') *o++ = '"';
    *o++ = *s;
  }
  *o = '"';
  return q;
}

const char *rows_name(const Classes *k, GcDType t, const void *p, uint64_t i, char to[NUM_TEXT]) {
  double v = num_load(t, p, i);
  if (!k || gc_is_float(t) || t == GC_BOOL || v < 0 || v >= k->n) return num_text(t, p, i, to);
  return rows_quoted(k->name[(int)v]);
}
