/* SPDX-License-Identifier: Apache-2.0 */
/* field(...): the columns of a csv file, by number or by name, and how such a file is written. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/sections/elab_data.h"
#include <string.h>

bool el_is_csv(const DataInfo *d) { return !strcmp(d->kind, "csv"); }

bool el_is_jsonl(const DataInfo *d) { return !strcmp(d->kind, "jsonl"); }

bool el_is_archive(const DataInfo *d) {
  return !strcmp(d->kind, "npz") || !strcmp(d->kind, "safetensors") || el_is_jsonl(d);
}

bool el_is_arrays(const DataInfo *d) { return !strcmp(d->kind, "npy") || !strcmp(d->kind, "idx") || el_is_archive(d); }

bool el_is_field(const Ast *a) {
  return a->kind == AST_CALL && a->kid[0]->kind == AST_NAME && !strcmp(a->kid[0]->text, "field");
}

/* ---- how the file is written: header, sep, decimal ---- */

static bool read_sep(Elab *e, DataInfo *d, const char *s, const Ast *at) {
  bool one = s && s[0] && !s[1];
  d->sep = one ? s[0] : 0;
  if (one && (d->sep == '\t' || (d->sep >= 32 && d->sep < 127 && !strchr("\"+-._0123456789", d->sep))) &&
      !((d->sep | 32) >= 'a' && (d->sep | 32) <= 'z'))
    return true;
  return el_reject(e, E_SETTING_VALUE, at, "`sep` is the character between two columns, such as \";\" or \"\\t\"");
}

bool el_csv_argument(Elab *e, DataInfo *d, const char *name, Value v, const Ast *at) {
  const char *s = v.kind == V_STR ? v.s : NULL;
  if (v_bad(v)) return false;
  if (!strcmp(name, "header")) {
    bool none = s && !strcmp(s, "none"); /* as in pandas */
    d->header = !none && v.i != 0;
    return none || v.kind == V_BOOL ||
           el_reject(e, E_SETTING_VALUE, at, "`header` is true or false, not %s", v_text(e, v));
  }
  if (!strcmp(name, "sep")) return read_sep(e, d, s, at);
  d->decimal = s ? s[0] : 0;
  if (s && !s[1] && (d->decimal == '.' || d->decimal == ',')) return true;
  return el_reject(e, E_SETTING_VALUE, at, "`decimal` is \".\" or \",\", not %s", v_text(e, v));
}

bool el_csv_settings(Elab *e, const Section *s, DataInfo *d) {
  static const char *const names[] = {"header", "sep", "decimal"};
  for (int i = 0; i < 3; i++) {
    const Ast *a = el_setting_value(s, names[i]);
    if (a && i && !el_is_csv(d))
      return el_reject(e, E_SETTING_CONFLICT, a, "`%s` is for csv, not %s", names[i], d->kind);
    if (a && !el_csv_argument(e, d, names[i], el_static(e, a), a)) return false;
  }
  if (d->sep != ',' || d->decimal != ',') return true;
  return el_reject(e, E_SETTING_CONFLICT, s->ast, "the comma cannot be both `sep` and `decimal` of data `%s`", d->name);
}

/* ---- field(i), field(a:b), field("name"), field("a":"b") ---- */

static bool bound_value(Elab *e, const Ast *a, Value *v) {
  if (a->kind == AST_NAME && !el_lookup(e, a->text, a, v)) {
    if (el_name_reported(e, a->text)) return false;
    Diag *d = el_error(e, E_UNKNOWN_NAME, a, "unknown name `%s`", a->text);
    diag_help(e->c, d, "the name of a column is in quotes: field(\"%s\")", a->text);
    return false;
  }
  *v = el_static(e, a);
  if (v_bad(*v)) return false;
  if (v->kind == V_STR) return v->s[0] || el_reject(e, E_FIELD, a, "the name of a column is empty");
  if (v->kind == V_INT && v->i >= 0 && v->i < INT32_MAX) return true;
  Diag *d =
    el_error(e, E_FIELD, a, "a field is named by a column's name or by its number from 0, not by %s", v_text(e, *v));
  if (v->kind == V_LIST) diag_help(e->c, d, "a range of columns is written field(0:16)");
  if (v->kind == V_INT) diag_help(e->c, d, "columns are counted from the first one; the last of 17 is field(16)");
  return false;
}

static bool numbers(Elab *e, const Ast *a, const Value *lo, const Value *hi, ColumnInfo *c) {
  c->at = (int)lo->i;
  c->count = hi ? (int)(hi->i - lo->i) : 1;
  return !hi || hi->i > lo->i || el_reject(e, E_FIELD, a, "this range of columns is empty");
}

static bool read_call(Elab *e, const Ast *call, ColumnInfo *c) {
  const Ast *a = call->n == 2 ? call->kid[1] : NULL;
  Value lo = v_int(0), hi;
  if (!a || a->kind == AST_NAMED)
    return el_reject(e, E_ARG_COUNT, call, "`field` takes one column or a range such as 0:64 or \"a\":\"c\"");
  *c = (ColumnInfo){.loc = call->at, .len = call->len, .run = a->kind == AST_SLICE};
  if (!c->run) {
    if (!bound_value(e, a, &lo)) return false;
    c->first = c->last = lo.kind == V_STR ? lo.s : NULL;
    return c->first ? (c->count = 1) : numbers(e, a, &lo, NULL, c);
  }
  if (!a->kid[1]) return el_reject(e, E_FIELD, a, "a range of columns needs its end, as in field(0:64)");
  if (a->kid[0] && !bound_value(e, a->kid[0], &lo)) return false;
  if (!bound_value(e, a->kid[1], &hi)) return false;
  if (lo.kind != hi.kind) return el_reject(e, E_FIELD, a, "a range of columns is of two names or of two numbers");
  if (lo.kind == V_INT) return numbers(e, a, &lo, &hi, c);
  c->first = lo.s;
  c->last = hi.s;
  c->count = !strcmp(c->first, c->last); /* the other ranges: as in the header */
  return true;
}

/* ---- names in the header ---- */

/* The names in the file's first line; false: there is no such file. */
static bool head(Elab *e, DataInfo *d) {
  if (!d->head_read)
    d->nhead = e->o->columns && d->npaths && !d->stream
                 ? e->o->columns(e->c, e->file->path, d->paths[0], d->sep, d->decimal, &d->head)
                 : -1;
  d->head_read = true;
  return d->nhead >= 0;
}

static const char *list_of(Elab *e, const DataInfo *d) {
  Str s = {.c = e->c};
  for (int i = 0; i < d->nhead && s.n < 300; i++) str_printf(&s, "%s%s", i ? ", " : "", d->head[i]);
  return s.n < 300 ? s.s : ctx_strf(e->c, "%s, ...", s.s);
}

static int find_name(Elab *e, const DataInfo *d, const char *name, const ColumnInfo *c) {
  int at = -1, n = 0;
  for (int i = 0; i < d->nhead; i++)
    if (!strcmp(d->head[i], name) && !n++) at = i;
  if (n == 1) return at;
  if (n > 1) {
    el_error_at(e, E_FIELD, c->loc, c->len, "%d columns of \"%s\" have the name `%s`; name it by its number", n,
                d->paths[0], name);
    return -1;
  }
  Diag *g = el_error_at(e, E_FIELD, c->loc, c->len, "\"%s\" has no column `%s`", d->paths[0], name);
  diag_note(e->c, g, "line 1 of \"%s\": %s", d->paths[0], list_of(e, d));
  const char *near = diag_suggest(e->c, name, d->head, d->nhead);
  const char *first = d->nhead ? d->head[0] : "";
  if (!strncmp(first, "\xFF\xFE", 2) || !strncmp(first, "\xFE\xFF", 2))
    diag_help(e->c, g, "the file is UTF-16: save it as UTF-8, as by iconv -f UTF-16 -t UTF-8");
  else if (near) diag_help(e->c, g, "did you mean `%s`?", near);
  return -1;
}

static bool several_arrays(Elab *e, const DataInfo *d, const ColumnInfo *c) {
  el_error_at(e, E_FIELD, c->loc, c->len, "one line reads one array of `%s`", d->kind);
  return false;
}

static bool resolve(Elab *e, DataInfo *d, ColumnInfo *c) {
  if (!c->first) return true;
  if (el_is_archive(d)) return !c->run || several_arrays(e, d, c);
  if (!el_is_csv(d)) {
    el_error_at(e, E_FIELD, c->loc, c->len,
                "a field of `%s` has a number; columns of csv, members of jsonl and arrays of npz have names", d->kind);
    return false;
  }
  if (!d->header) {
    el_error_at(e, E_FIELD, c->loc, c->len, "`header = false` says that the columns have no names");
    return false;
  }
  if (!head(e, d)) return true;
  int at = find_name(e, d, c->first, c), end = at < 0 || !c->run ? at : find_name(e, d, c->last, c);
  if (end < 0) return false;
  c->count = end - at + 1;
  if (c->count > 0) return true;
  el_error_at(e, E_FIELD, c->loc, c->len, "`%s` comes before `%s` in \"%s\"", c->last, c->first, d->paths[0]);
  return false;
}

/* ---- the columns of a line ---- */

static bool same_name(const char *a, const char *b) { return a && b ? !strcmp(a, b) : a == b; }

static bool same_columns(const ColumnInfo *a, const ColumnInfo *b) {
  return a->at == b->at && a->count == b->count && a->run == b->run && same_name(a->first, b->first) &&
         same_name(a->last, b->last) && a->kind == b->kind;
}

static void add_call(Elab *e, DataCtx *x, const Ast *arg, const ColumnInfo *c) {
  FieldInfo *f = x->field;
  int i = 0;
  while (i < f->ncolumn && !same_columns(&f->column[i], c)) i++;
  if (i == f->ncolumn) *VEC_PUSH(e->c, f->column, f->ncolumn, x->capcolumn) = *c;
  *VEC_PUSH(e->c, x->call, x->ncall, x->capcall) = (FieldCall){arg, i};
}

bool el_find_fields(Elab *e, const Ast *a, DataCtx *x, int *n) {
  CellKind kind = CELL_NUMBER;
  const Ast *cell = a && (el_is_csv(x->d) || el_is_jsonl(x->d)) ? el_cell_call(e, a, &kind) : NULL;
  if (!a) return true;
  if (cell && kind == CELL_CLASS && !el_stream_line(e, x->d, a, "classes")) return false;
  if (cell) a = cell;
  if (el_is_field(a)) {
    ColumnInfo c;
    if (!read_call(e, a, &c) || !resolve(e, x->d, &c)) return false;
    c.kind = cell ? kind : CELL_NUMBER;
    int64_t lo = c.at, hi = c.at + c.count;
    if (*n && (lo != x->lo || hi != x->hi)) x->run = true;
    if (!*n || lo < x->lo) x->lo = lo;
    if (!*n || hi > x->hi) x->hi = hi;
    x->run |= c.run;
    ++*n;
    add_call(e, x, a->kid[1], &c);
    return true;
  }
  for (int i = 0; i < a->n; i++)
    if (!el_find_fields(e, a->kid[i], x, n)) return false;
  return true;
}

static int total(const FieldInfo *f) {
  int n = 0;
  for (int i = 0; i < f->ncolumn; i++) n += f->column[i].count;
  return n;
}

static TypeId vector(Elab *e, const FieldInfo *f) {
  return type_make(e->m, (DType)type_get(e->m, f->type)->dtype, 1, &(Dim){total(f)});
}

/* The number of columns of the range of names `c` with which the expression has the declared type. */
static bool infer_count(Elab *e, DataCtx *x, ColumnInfo *c) {
  enum { MOST = 256 };
  int64_t all = type_count(e->m, x->field->type) - total(x->field);
  bool likely = all > 0 && all <= EL_MAX_ELEMENTS;
  for (int n = likely ? 0 : 1; n <= MOST; n++) { /* first as many as the shape has numbers */
    c->count = n ? n : (int)all;
    if (el_line_type(e, x, vector(e, x->field)) == x->field->type) return true;
  }
  c->count = likely ? (int)all : 1;
  if (el_line_type(e, x, vector(e, x->field))) return true; /* and its shape is refused */
  el_error_at(
    e, E_FIELD, c->loc, c->len,
    "how many columns are from `%s` to `%s`? \"%s\" is missing, and no number of them gives the declared shape",
    c->first, c->last, x->d->paths[0]);
  return false;
}

bool el_csv_columns(Elab *e, DataCtx *x) {
  FieldInfo *f = x->field;
  ColumnInfo *open = NULL;
  x->run = f->ncolumn > 1 || f->column[0].run;
  for (int i = 0; i < f->ncolumn; i++) {
    ColumnInfo *c = &f->column[i];
    if (c->count) continue;
    if (open) {
      el_error_at(e, E_FIELD, c->loc, c->len,
                  "how many columns are from `%s` to `%s`? \"%s\" is missing, so only one such range is possible",
                  c->first, c->last, x->d->paths[0]);
      return false;
    }
    open = c;
  }
  if (open && !infer_count(e, x, open)) return false;
  el_name_classes(e, x);
  for (int i = 0; i < f->ncolumn; i++) f->rows |= f->column[i].first || f->column[i].kind;
  f->raw_first = f->column[0].first ? 0 : f->column[0].at;
  f->raw_count = total(f);
  if (f->raw_count > EL_MAX_ELEMENTS) {
    el_error_at(e, E_TOO_MANY_ELEMENTS, x->line->caret, x->line->caret_len, "a line of more than %d columns",
                EL_MAX_ELEMENTS);
    return false;
  }
  f->raw_type = x->run ? vector(e, f) : el_scalar(e, (DType)type_get(e->m, f->type)->dtype);
  return true;
}

static Value fn_field(Elab *e, Call *k) {
  DataCtx *x = e->data;
  if (!x || !x->raw || e->cur.body)
    return el_arg_fail(e, E_FIELD, k, 0, "`field` is allowed only in the fields of a data section");
  if (!el_is_csv(x->d)) return v_tensor(e, x->raw);
  const Ast *arg = el_arg_ast(k, 0);
  int i = 0, at = 0;
  while (i < x->ncall && x->call[i].arg != arg) i++;
  if (i == x->ncall) return el_arg_fail(e, E_FIELD, k, 0, "`field` stands in the line of the field itself");
  const FieldInfo *f = x->field;
  if (f->ncolumn == 1) return v_tensor(e, x->raw);
  const ColumnInfo *c = &f->column[x->call[i].column];
  for (const ColumnInfo *p = f->column; p < c; p++) at += p->count;
  Id y = b_slice(&e->cur.b, x->raw, (Dim[]){at}, (Dim[]){at + c->count}, NULL);
  return v_tensor(e, c->run ? y : b_reshape(&e->cur.b, y, 0, NULL));
}

const Intrinsic el_data_intrinsics[] = {{"field", "i", fn_field}, {0}};
