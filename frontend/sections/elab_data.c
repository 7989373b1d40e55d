/* SPDX-License-Identifier: Apache-2.0 */
/* Data sections: settings, and the graph that computes the fields of one record from its raw values. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_graph.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_stmt.h"
#include "frontend/elab/elab_weight.h"
#include "frontend/sections/elab_data.h"
#include <string.h>

const Setting el_data_settings[] = {
  {"source", 0},   {"holdout", 0}, {"shuffle", 0}, {"header", 0},   {"sep", 0},     {"decimal", 0},  {"missing", 0},
  {"on_error", 0}, {"cache", 0},   {"sample", 0},  {"stratify", 0}, {"workers", 0}, {"prefetch", 0},
};
const int el_data_nsettings = sizeof el_data_settings / sizeof *el_data_settings;

int el_data_find(const Module *m, const char *name) {
  for (int i = 0; i < m->ndata; i++)
    if (!strcmp(m->data[i].name, name)) return i;
  return -1;
}

static bool bool_setting(Elab *e, const Section *s, const char *name, bool fallback, bool *v) {
  const Ast *a = el_setting_value(s, name);
  *v = fallback;
  if (!a) return true;
  Value x = el_static(e, a);
  if (x.kind == V_BOOL) {
    *v = x.i != 0;
    return true;
  }
  if (!v_bad(x)) el_fail(e, E_SETTING_VALUE, a, "`%s` is true or false, not %s", name, v_text(e, x));
  return false;
}

static bool on_error_setting(Elab *e, const Section *s, DataInfo *d) {
  const Ast *a = el_setting_value(s, "on_error");
  if (!a) return true;
  d->on_error = a->kind == AST_NAME && !strcmp(a->text, "skip");
  if (!d->on_error && (a->kind != AST_NAME || strcmp(a->text, "stop")))
    return el_reject(e, E_SETTING_VALUE, a, "`on_error` is stop or skip, not %s", el_source(e, a));
  return !d->on_error || !d->ncols ||
         el_reject(e, E_SETTING_CONFLICT, a, "`on_error = skip` is for files, not %s", d->kind);
}

/* How records are kept: by default in memory if they fit. */
static bool cache_setting(Elab *e, const Section *s, DataInfo *d) {
  enum { CACHE_NONE = 1, CACHE_ALL };
  bool all = false;
  if (!bool_setting(e, s, "cache", false, &all)) return false;
  if (el_setting_value(s, "cache")) d->cache = all ? CACHE_ALL : CACHE_NONE;
  return true;
}

/* Threads that prepare batches, and how many of these. */
static bool workers_setting(Elab *e, const Section *s, DataInfo *d) {
  enum { MOST_WORKERS = 256, MOST_AHEAD = 4096 };
  const Ast *w = el_setting_value(s, "workers"), *p = el_setting_value(s, "prefetch");
  int64_t workers = p ? 1 : 0, ahead = 0;
  if (w && !el_setting_int(e, s, "workers", 0, 0, &workers)) return false;
  if (p && !el_setting_int(e, s, "prefetch", 1, 1, &ahead)) return false;
  if (workers > MOST_WORKERS || ahead > MOST_AHEAD)
    return el_reject(e, E_SETTING_VALUE, workers > MOST_WORKERS ? w : p, "at most %d workers and %d batches",
                     MOST_WORKERS, MOST_AHEAD);
  if (d->stream && (w || p))
    return el_reject(e, E_SETTING_CONFLICT, w ? w : p, "the records of a stream come one after the other, without %s",
                     w ? "`workers`" : "`prefetch`");
  if (p && !workers) return el_reject(e, E_SETTING_CONFLICT, p, "`prefetch` is of `workers`, of which there are none");
  d->workers = (int)workers;
  d->prefetch = (int)ahead;
  return true;
}

static bool settings(Elab *e, const Section *s, DataInfo *d) {
  const Ast *h = el_setting_value(s, "holdout");
  bool ok = bool_setting(e, s, "shuffle", true, &d->shuffle);
  d->header = -1;
  d->decimal = '.';
  if (h) {
    Value x = el_static(e, h);
    if (!v_number(x, &d->holdout) || d->holdout < 0 || d->holdout >= 1) {
      if (!v_bad(x)) {
        Diag *g = el_error(e, E_SETTING_VALUE, h, "`holdout` is a fraction from 0 up to, not including, 1, not %s",
                           v_text(e, x));
        if (x.kind == V_STR) el_help_number(e, g, x);
        if (d->holdout >= 1 && d->holdout < 100) diag_help(e->c, g, "%g %% is %g", d->holdout, d->holdout / 100);
      }
      ok = false;
    }
  }
  return el_source_setting(e, s, d) && el_csv_settings(e, s, d) && el_missing_setting(e, s, d) &&
         on_error_setting(e, s, d) && cache_setting(e, s, d) && workers_setting(e, s, d) &&
         el_stream_settings(e, s, d) && ok;
}

/* ---- one line ---- */

TypeId el_line_type(Elab *e, const DataCtx *x, TypeId raw) {
  Frame f;
  DiagMark mark = diag_mark(e->c);
  int failed = e->nfailed, graphs = e->m->ngraph;
  bool fatal = e->fatal;
  DataCtx inner = *x, *data = e->data;
  inner.trial = true;
  Scope around = {0};
  for (int i = 0; i < e->cur.f->scope.n; i++) {
    const Binding *b = &e->cur.f->scope.b[i];
    scope_set(e->c, &around, b->name, b->v, b->at, b->len);
  }
  Graph *g = graph_new(e->m, "trial", GK_BIND, x->line->caret);
  GraphState saved = el_enter(e, g, e->cur.training, &f, e->file);
  f.site = site_root(e, "trial", false);
  f.scope = around;
  inner.raw = graph_input(g, x->field->name, raw, x->line->caret);
  e->data = &inner;
  Value v = el_expr(e, x->line->kid[1]);
  Id id = v_bad(v) ? 0 : el_tensor(e, v, DT_F32, x->line->kid[1]);
  TypeId type = id ? el_type_id(e, id) : 0;
  e->data = data;
  el_leave(e, &saved);
  e->m->ngraph = graphs;
  e->nfailed = failed;
  e->fatal = fatal;
  diag_drop(e->c, &mark);
  return type;
}

TypeId el_find_order(Elab *e, const DataCtx *x, int at, int rank, Dim *dim) {
  enum { MAX_TRIED_RANK = 5 };
  DType t = (DType)type_get(e->m, x->field->type)->dtype;
  TypeId raw = 0;
  if (at == rank) {
    raw = type_make(e->m, t, rank, dim);
    return el_line_type(e, x, raw) == x->field->type ? raw : 0;
  }
  for (int i = at; i < rank && !raw && rank <= MAX_TRIED_RANK; i++) {
    bool again = false;
    for (int k = at; k < i; k++) again |= dim[k] == dim[i];
    if (again) continue;
    Dim d = dim[i];
    for (int k = i; k > at; k--) dim[k] = dim[k - 1];
    dim[at] = d;
    raw = el_find_order(e, x, at + 1, rank, dim);
    for (int k = at; k < i; k++) dim[k] = dim[k + 1];
    dim[i] = d;
  }
  return raw;
}

/* The type of a record in the line's file: from its header; if the file is missing, one that gives the declared
 * type. */
static TypeId record_type(Elab *e, DataCtx *x) {
  const Type *t = type_get(e->m, x->field->type);
  const ColumnInfo *c = x->field->column;
  int64_t dim[MAX_RANK + 1];
  const char *path = x->d->paths[el_is_archive(x->d) ? 0 : x->lo];
  int rank =
    e->o->shape && !x->d->stream ? e->o->shape(e->file->path, path, x->d->kind, c->first, (int)x->lo, dim) : -1;
  x->found = rank >= 0 && rank <= MAX_RANK;
  if (x->found && x->field->pad && rank) dim[0] = x->field->pad;
  for (int i = 0; i < rank && x->found; i++) x->found = dim[i] <= INT32_MAX && (dim[i] || !x->field->pad);
  if (x->found) return type_make(e->m, (DType)t->dtype, rank, dim);
  dims_copy(dim, t->dim, t->rank);
  TypeId raw = el_find_order(e, x, 0, t->rank, dim);
  return raw ? raw : x->field->type;
}

/* How many field(i) are passed directly to reshape, which accepts any shape. */
static int reshaped(const Ast *a) {
  if (!a) return 0;
  const Ast *call = a->kind == AST_PIPE ? a->kid[1] : a, *first = NULL;
  if (call->kind == AST_CALL && call->kid[0]->kind == AST_NAME && !strcmp(call->kid[0]->text, "reshape"))
    first = a->kind == AST_PIPE ? a->kid[0] : a->n > 1 ? a->kid[1] : NULL;
  int n = first && el_is_field(first);
  for (int i = 0; i < a->n; i++) n += reshaped(a->kid[i]);
  return n;
}

/* Makes the line's port: its raw values in the line's element type. */
static bool raw_input(Elab *e, DataCtx *x, int named) {
  DataInfo *d = x->d;
  FieldInfo *f = x->field;
  const Type *t = type_get(e->m, f->type);
  const Ast *expr = x->line->kid[1];
  bool array = true;
  f->raw_first = (int)x->lo;
  f->raw_count = 1;
  x->files = el_is_arrays(d);
  if (d->window) {
    if (named) return el_reject(e, E_FIELD, expr, "`%s` has no fields; its record is `window`", d->kind);
    f->raw_first = 0;
    f->raw_type = type_make(e->m, (DType)t->dtype, 1, &(Dim){d->window});
  } else if (!named) {
    Diag *g = el_error(e, E_FIELD, expr, "this line names no field(i) of its source");
    diag_help(e->c, g,
              el_is_csv(d) ? "columns are `field(3)`, `field(0:16)` or by name `field(\"alcohol\")`"
                           : "it is written `field(0)`, with round brackets");
    return false;
  } else if (el_is_csv(d)) {
    if (!el_csv_columns(e, x)) return false;
  } else if (el_is_images(d)) {
    if (!el_picture_field(e, x)) return false;
  } else if (el_is_jsonl(d) && !el_list_field(e, x, &array)) {
    return false;
  } else if (!array) {
    x->files = false;
  } else if (x->run) {
    return el_reject(e, E_FIELD, expr, "one line reads one file; runs such as field(0:64) are columns of csv");
  } else if (x->files) {
    int files = d->group ? d->group : d->npaths;
    if (f->ncolumn > 1) return el_reject(e, E_FIELD, expr, "one line reads one array of `%s`", d->kind);
    if (x->lo >= files && !el_is_archive(d))
      return el_reject(e, E_FIELD, expr, "field(%lld): the source has %d file%s", (long long)x->lo, files,
                       files == 1 ? "" : "s");
    f->raw_count = reshaped(expr) < named || el_item(e, e->file, ctx_name(e->c, "reshape"));
    f->raw_type = record_type(e, x);
  } else {
    if (x->lo) return el_reject(e, E_FIELD, expr, "`%s` has one field, field(0): all its columns", d->kind);
    /* Made-up numbers are real numbers: the line converts them. */
    if (!dtype_is_float((DType)t->dtype)) f->raw_dtype = DT_F32;
    f->raw_type = type_make(e->m, f->raw_dtype, 1, &(Dim){d->ncols});
  }
  x->raw = graph_input(e->cur.b.g, f->name, f->raw_type, x->line->caret);
  if (d->window) scope_set(e->c, &e->cur.f->scope, ctx_name(e->c, "window"), v_tensor(e, x->raw), 0, 1);
  return true;
}

static void wrong_shape(Elab *e, const DataCtx *x, Id id) {
  const Ast *expr = x->line->kid[1];
  const char *raw = el_type_text(e, el_type_id(e, x->raw)), *path = "", *array = NULL;
  if (x->field->ncolumn) array = x->field->column->first;
  array = array ? ctx_strf(e->c, "field(\"%s\")", array) : ctx_strf(e->c, "field(%d)", (int)x->lo);
  if (x->files) path = x->d->paths[el_is_archive(x->d) ? 0 : x->lo];
  Diag *d = el_error(e, E_FIELD, expr, "`%s` is %s here, but its line says %s", x->field->name,
                     el_type_text(e, el_type_id(e, id)), el_type_text(e, x->field->type));
  diag_label(e->c, d, x->line->kid[0]->at, x->line->kid[0]->len, "the field's shape");
  if (expr->kind == AST_CALL && expr->n == 2 && expr->kid[1]->kind == AST_SLICE)
    diag_help(e->c, d, "the end of a range of numbers is not part of it: field(0:16) is columns 0 to 15");
  if (x->found) diag_note(e->c, d, "%s is %s: the records of \"%s\"", array, raw, path);
  else if (x->files)
    diag_note(e->c, d, "\"%s\" is missing, so its shape is unknown; %s is taken to be %s", path, array, raw);
  if (type_count(e->m, el_type_id(e, id)) == type_count(e->m, x->field->type))
    diag_help(e->c, d, "permute(...), rearrange(...) or reshape(...) says which number goes where");
}

static Id fill_line(Elab *e, const DataCtx *x, Value v) {
  const Ast *expr = x->line->kid[1];
  const Type *t = type_get(e->m, x->field->type);
  Id id = v_bad(v) ? 0 : el_tensor(e, v, (DType)t->dtype, expr);
  if (!id) return 0;
  if (el_type(e, id)->dtype != t->dtype) {
    Diag *d = el_error(e, E_DTYPE_MISMATCH, expr, "`%s` is %s, but its line says %s", x->field->name,
                       el_type_text(e, el_type_id(e, id)), el_type_text(e, x->field->type));
    bool whole = !dtype_is_float(el_type(e, id)->dtype);
    diag_help(e->c, d, "%s(...) converts%s", dtype_info[t->dtype].name,
              whole ? ctx_strf(e->c, ", or the line says `%s: %s`", x->field->name, el_type_text(e, el_type_id(e, id)))
                    : "");
    return 0;
  }
  /* A flat record fills the shape row by row. */
  bool fills = !x->files && !el_is_images(x->d) && el_type(e, id)->rank <= 1 &&
               type_count(e->m, el_type_id(e, id)) == type_count(e->m, x->field->type);
  if (el_type_id(e, id) == x->field->type || fills) return b_reshape(&e->cur.b, id, t->rank, t->dim);
  wrong_shape(e, x, id);
  return 0;
}

/* Returns whether the field is its raw value, only seen in another shape. */
static bool field_line(Elab *e, const Ast *line, DataInfo *d, int *cap, bool *identity) {
  TypeId type = el_augmentation_known(e, line->kid[1]) ? el_declared(e, line->kid[0]) : 0;
  if (!type) return false;
  FieldInfo *f = VEC_PUSH(e->c, d->field, d->nfield, *cap);
  DType raw = (DType)type_get(e->m, type)->dtype;
  *f = (FieldInfo){.name = line->text, .type = type, .raw_dtype = raw, .loc = line->caret};
  DataCtx x = {.d = d, .field = f, .line = line};
  int named = 0;
  e->data = &x;
  bool ok = el_find_fields(e, line->kid[1], &x, &named) && raw_input(e, &x, named);
  ok = ok && el_missing_means(e, &x);
  Id id = ok ? fill_line(e, &x, el_expr(e, line->kid[1])) : 0;
  f->rows |= f->nnorm > 0;
  if (id) el_mixup_check(e, &x);
  e->data = NULL;
  if (!id) { /* its name is bound to an error where the data is used */
    d->nfield--;
    return false;
  }
  bool viewed = node_info(e->cur.b.g, id)->flags & OPF_ROW_MAJOR_VIEW && node_in(e->cur.b.g, id, 0) == x.raw;
  *identity &= id == x.raw || (viewed && !(x.files && f->raw_count));
  graph_result(e->cur.b.g, f->name, id, line->caret);
  return true;
}

static bool defined_before(Elab *e, const Ast *block, int line) {
  const char *name = block->kid[line]->text;
  for (int i = 0; i < line; i++)
    if (block->kid[i]->kind == AST_FIELD && block->kid[i]->text == name) {
      el_fail(e, E_DUPLICATE_NAME, block->kid[line], "field `%s` is defined twice", name);
      return true;
    }
  return false;
}

/* The fields of a section, in a new graph of that name. Returns whether all are their raw values, in other shapes. */
static bool fields(Elab *e, const Section *s, DataInfo *d, const char *name, bool training) {
  Frame f;
  int cap = 0;
  Graph *g = d->bind = graph_new(e->m, ctx_strf(e->c, "%s_%s", name, d->name), GK_BIND, d->loc);
  GraphState saved = el_enter(e, g, training, &f, e->file);
  f.site = site_root(e, d->name, false);
  bool identity = true, ok = training || (el_settings(e, s) && settings(e, s, d));
  for (int i = 0; i < s->block->n && ok; i++) {
    const Ast *b = s->block->kid[i];
    if (b->kind == AST_FIELD) {
      if (defined_before(e, s->block, i)) identity = false;
      else if (!field_line(e, b, d, &cap, &identity)) identity = false;
    } else if (b->kind == AST_FOR || (b->kind == AST_BIND && !(b->n == 2 && el_is_setting(s, b->kid[0]->text)))) {
      el_stmt(e, b);
    }
  }
  if (!training && ok) el_sample_settings(e, s, d);
  if (!training) el_random_check(e, g);
  el_leave(e, &saved);
  d->fails = !ok;
  return identity;
}

void el_data_section(Elab *e, const Ast *a) {
  Section s = {a, a->kid[0], el_data_settings, el_data_nsettings, "data"};
  int before = diag_errors(e->c);
  DataInfo *d = VEC_PUSH(e->c, e->m->data, e->m->ndata, e->m->capdata), random;
  *d = (DataInfo){.name = a->text, .kind = "", .learned = el_learned_from(e, a->text), .loc = a->caret};
  e->field_training = false;
  bool identity = fields(e, &s, d, "bind", false);
  if (!d->fails && !d->nfield && diag_errors(e->c) == before) {
    el_fail(e, E_MISSING_SETTING, a, "data section `%s` has no fields", a->text);
    e->no_fields = true;
  }
  if (!d->nfield) return;
  if (e->field_training && diag_errors(e->c) == before) {
    random = *d;
    random.field = NULL;
    random.nfield = 0;
    fields(e, &s, &random, "augment", true);
    d->augment = random.bind;
    return;
  }
  if (!identity) return;
  Graph *g = d->bind;
  d->bind = NULL; /* the loader only reshapes */
  for (int i = 0; i < d->nfield; i++) d->field[i].raw_type = d->field[i].type;
  if (e->m->graph[e->m->ngraph - 1] == g) e->m->ngraph--;
}
