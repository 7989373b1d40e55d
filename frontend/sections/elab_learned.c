/* SPDX-License-Identifier: Apache-2.0 */
/* What a model learns of its data beside its weights: the names of classes, and the numbers of standardize, minmax and
 * `missing = mean`, which are states. They come from the section to train on; exports apply them to raw values. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_graph.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_weight.h"
#include "frontend/sections/elab_data.h"
#include "ir/tables.h"
#include <string.h>

/* ---- the section to train on ---- */

static const Ast *setting_of(const Ast *train, const char *name) {
  const Ast *block = train->kid[0];
  for (int i = 0; i < block->n; i++) {
    const Ast *b = block->kid[i];
    if (b->kind == AST_BIND && b->n == 2 && !strcmp(b->kid[0]->text, name)) return b->kid[1];
  }
  return NULL;
}

const char *el_learned_from(const Elab *e, const char *data) {
  const Ast *file = e->file->ast;
  for (int i = 0; i < file->n; i++) {
    if (file->kid[i]->kind != AST_TRAIN) continue;
    const Ast *other = setting_of(file->kid[i], "validate.data"), *own = setting_of(file->kid[i], "data");
    if (other && own && other->kind == AST_NAME && own->kind == AST_NAME && !strcmp(other->text, data))
      return own->text;
  }
  return data;
}

/* Another section that the states are of; NULL: its own. */
static const char *trained_on(const DataCtx *x) { return x->d->learned == x->d->name ? NULL : x->d->learned; }

static CallSite *field_site(Elab *e, const DataCtx *x) {
  CallSite *root = NULL;
  for (int i = 0; i < e->nroot; i++)
    if (!strcmp(e->root[i]->name, x->d->learned)) root = e->root[i];
  if (!root) *VEC_PUSH(e->c, e->root, e->nroot, e->caproot) = root = site_root(e, x->d->learned, true);
  return site_at(e, root, x->field->name, 0);
}

/* ---- classes, date ---- */

/* The field(...) that a call of `classes` or `date` is of; NULL: it is another expression. */
const Ast *el_cell_call(Elab *e, const Ast *a, CellKind *kind) {
  const Ast *f = a->kind == AST_PIPE ? a->kid[0]
                 : a->n == 2         ? a->kid[1]
                                     : NULL,
            *call = a->kind == AST_PIPE ? a->kid[1] : a;
  const Ast *name = call->kind == AST_CALL ? call->kid[0] : call;
  bool alone = a->kind == AST_CALL || (a->kind == AST_PIPE && (call->kind == AST_NAME || call->n == 1));
  if (!alone || !f || !el_is_field(f) || name->kind != AST_NAME) return NULL;
  bool classes = !strcmp(name->text, "classes");
  *kind = classes ? CELL_CLASS : CELL_DATE;
  return (classes || !strcmp(name->text, "date")) && !el_item(e, e->file, name->text) ? f : NULL;
}

void el_name_classes(Elab *e, DataCtx *x) {
  FieldInfo *f = x->field;
  int n = 0, at = 0;
  for (int i = 0; i < f->ncolumn; i++) n += f->column[i].kind == CELL_CLASS ? f->column[i].count : 0;
  for (int i = 0; i < f->ncolumn; i++) {
    ColumnInfo *c = &f->column[i];
    if (c->kind != CELL_CLASS) continue;
    c->key = ctx_strf(e->c, "%s.%s", x->d->learned, f->name);
    c->number = n > 1 ? at + 1 : 0;
    at += c->count;
  }
}

static Value cell_call(Elab *e, Call *k, const char *what) {
  const Ast *a = el_arg_ast(k, 0);
  DataCtx *x = e->data;
  if (!x || !a || !el_is_field(a) || !(el_is_csv(x->d) || el_is_jsonl(x->d)))
    return el_arg_fail(e, E_FIELD, k, 0, "`%s` takes a field(...) of csv or jsonl, in the line of a data section",
                       what);
  return k->arg[0].v;
}

static Value fn_date(Elab *e, Call *k) { return cell_call(e, k, "date"); }

static Value fn_classes(Elab *e, Call *k) {
  Value v = cell_call(e, k, "classes");
  if (v_bad(v) || !dtype_is_float(el_type(e, v.id)->dtype)) return v;
  return v_tensor(e, b_cast(&e->cur.b, v.id, DT_I32));
}

/* ---- standardize, minmax ---- */

/* The place of the values of `a`, field(...) or date(field(...)), in the raw value, and their number; -1: it is another
 * expression. */
static int raw_place(Elab *e, const DataCtx *x, const Ast *a, int *count) {
  CellKind kind = CELL_NUMBER;
  const Ast *f = el_is_field(a) ? a : el_cell_call(e, a, &kind);
  int at = 0, i = 0;
  if (!f || kind == CELL_CLASS || x->field->pad || x->field->length) return -1;
  while (i < x->ncall && x->call[i].arg != f->kid[1]) i++;
  if (i == x->ncall) return -1;
  const ColumnInfo *c = &x->field->column[x->call[i].column];
  *count = el_is_csv(x->d) ? c->count : (int)type_count(e->m, el_type_id(e, x->raw));
  if (!el_is_csv(x->d)) return 0;
  for (const ColumnInfo *p = x->field->column; p < c; p++) at += p->count;
  return at;
}

static Value normalise(Elab *e, Call *k, NormKind kind, const char *name) {
  static const char *const names[][2] = {{"mean", "std"}, {"min", "range"}};
  DataCtx *x = e->data;
  const Ast *a = el_arg_ast(k, 0);
  int count = 0, at = -1;
  if (x && x->raw && !e->cur.body && a && (el_is_csv(x->d) || el_is_arrays(x->d))) at = raw_place(e, x, a, &count);
  if (at < 0)
    return el_arg_fail(e, E_FIELD, k, 0,
                       "`%s` takes field(...) or date(field(...)) of csv, jsonl or arrays, in the line of a data "
                       "section",
                       name);
  Value v = k->arg[0].v;
  if (!x->trial && !el_stream_line(e, x->d, a, name)) return v_error();
  if (!dtype_is_float(el_type(e, v.id)->dtype))
    return el_arg_fail(e, E_DTYPE_MISMATCH, k, 0, "`%s` gives floats, but the line is of %s", name,
                       dtype_info[el_type(e, v.id)->dtype].name);
  if (x->trial) return v;
  FieldInfo *f = x->field;
  CallSite *site = site_at(e, field_site(e, x), ctx_name(e->c, name), ++x->norms[kind]);
  NormInfo n = {.kind = kind, .at = at, .count = count};
  Id in[2];
  for (int i = 0; i < 2; i++) {
    n.var[i] = el_make_state(e, site, names[kind][i], el_type_id(e, v.id), i, trained_on(x), k->caret, k->caret_len);
    if (n.var[i] < 0) return v_error();
    in[i] = el_read_var(e, n.var[i], k->caret);
  }
  *VEC_PUSH(e->c, f->norm, f->nnorm, x->capnorm) = n;
  return v_tensor(e, b_div(&e->cur.b, b_sub(&e->cur.b, v.id, in[0]), in[1]));
}

static Value fn_standardize(Elab *e, Call *k) { return normalise(e, k, NORM_MEAN_STD, "standardize"); }
static Value fn_minmax(Elab *e, Call *k) { return normalise(e, k, NORM_MIN_MAX, "minmax"); }

/* The field of that name whose line takes raw rows; NULL: there is none. *of: its section. */
static const FieldInfo *raw_field(const Elab *e, const char *name, const DataInfo **of) {
  for (int i = 0; i < e->m->ndata; i++) {
    *of = &e->m->data[i];
    for (int f = 0; f < (*of)->nfield && (*of)->learned == (*of)->name; f++)
      if ((*of)->field[f].rows && !strcmp((*of)->field[f].name, name)) return &(*of)->field[f];
  }
  return NULL;
}

/* ---- raw: from the numbers of a line to those of its columns ---- */

/* The line of a field; NULL: there is none. */
static const Ast *line_of(const Elab *e, const DataInfo *d, const char *field) {
  const Ast *file = e->file->ast;
  for (int i = 0; i < file->n; i++) {
    if (file->kid[i]->kind != AST_DATA || strcmp(file->kid[i]->text, d->name)) continue;
    const Ast *block = file->kid[i]->kid[0];
    for (int k = 0; k < block->n; k++)
      if (block->kid[k]->kind == AST_FIELD && !strcmp(block->kid[k]->text, field)) return block->kid[k];
  }
  return NULL;
}

/* Whether the line is standardize(...) or minmax(...) and nothing else. */
static bool is_norm(const Ast *line) {
  const Ast *a = line ? line->kid[1] : NULL;
  if (a && a->kind == AST_PIPE) a = a->kid[1];
  if (a && a->kind == AST_CALL) a = a->kid[0];
  return a && a->kind == AST_NAME && (!strcmp(a->text, "standardize") || !strcmp(a->text, "minmax"));
}

static const NormInfo *only_norm(const FieldInfo *f) {
  const NormInfo *found = NULL;
  for (int i = 0; i < f->nnorm; i++) {
    if (f->norm[i].kind == NORM_FILL) continue;
    if (found) return NULL;
    found = &f->norm[i];
  }
  return found;
}

static Value fn_raw(Elab *e, Call *k) {
  const DataInfo *d;
  if (el_in_field(e))
    return el_arg_fail(e, E_FIELD, k, 0, "`raw` is for results; in a line, field(...) is the raw value");
  if (k->arg[1].v.kind != V_STR)
    return el_arg_fail(e, E_ARG_KIND, k, 1, "`raw` takes the name of a field in quotes, as in raw(y, \"price\")");
  const char *name = k->arg[1].v.s;
  const FieldInfo *f = raw_field(e, name, &d);
  const NormInfo *n = f ? only_norm(f) : NULL;
  if (!n || !is_norm(line_of(e, d, name)))
    return el_arg_fail(e, E_FIELD, k, 1, "`%s` is no field whose line is standardize(field(...)) or minmax(field(...))",
                       name);
  Id x = el_tensor(e, k->arg[0].v, DT_F32, el_arg_ast(k, 0)), in[2];
  if (!x) return v_error();
  DType t = (DType)el_type(e, x)->dtype;
  if (!dtype_is_float(t))
    return el_arg_fail(e, E_DTYPE_MISMATCH, k, 0, "`raw` takes floats, not %s", dtype_info[t].name);
  for (int i = 0; i < 2; i++) in[i] = b_cast(&e->cur.b, el_read_var(e, n->var[i], k->caret), t);
  return v_tensor(e, b_add(&e->cur.b, b_mul(&e->cur.b, x, in[1]), in[0]));
}

const Intrinsic el_learned_intrinsics[] = {{"raw", "x field", fn_raw},     {"classes", "field", fn_classes},
                                           {"date", "field", fn_date},     {"standardize", "field", fn_standardize},
                                           {"minmax", "field", fn_minmax}, {0}};

/* ---- missing ---- */

bool el_missing_setting(Elab *e, const Section *s, DataInfo *d) {
  const Ast *a = el_setting_value(s, "missing");
  if (!a) return true;
  if (!el_is_csv(d) && !el_is_arrays(d))
    return el_reject(e, E_SETTING_CONFLICT, a, "`missing` is for csv, jsonl and arrays, not %s", d->kind);
  d->missing = a->kind == AST_INT && !strcmp(el_source(e, a), "0") ? MISSING_ZERO
               : a->kind == AST_NAME && !strcmp(a->text, "mean")   ? MISSING_MEAN
               : a->kind == AST_NAME && !strcmp(a->text, "skip")   ? MISSING_SKIP
                                                                   : MISSING_ERROR;
  return d->missing || el_reject(e, E_SETTING_VALUE, a, "`missing` is 0, mean or skip, not %s", el_source(e, a));
}

/* The state with the means that replace missing values of the line. */
bool el_missing_means(Elab *e, DataCtx *x) {
  FieldInfo *f = x->field;
  bool any = false;
  for (int i = 0; i < f->ncolumn; i++) any |= f->column[i].kind != CELL_CLASS;
  if (x->d->missing != MISSING_MEAN || !any || f->pad || f->length || !dtype_is_float(f->raw_dtype)) return true;
  NormInfo n = {.kind = NORM_FILL, .count = (int)type_count(e->m, f->raw_type), .var = {-1, -1}};
  n.var[0] =
    el_make_state(e, field_site(e, x), "missing", f->raw_type, 0, trained_on(x), x->line->caret, x->line->caret_len);
  *VEC_PUSH(e->c, f->norm, f->nnorm, x->capnorm) = n;
  return n.var[0] >= 0;
}

/* ---- exports take raw values ---- */

typedef struct Inlined {
  Elab *e;
  const Graph *from;
  Id *map;
  Loc loc;
  bool batch, mixes; /* of several records; then: a node that is not element by element was found */
} Inlined;

static Id inlined(Inlined *k, Id n) {
  const Node *d = node_get(k->from, n);
  OpClass cls = op_info[d->op].cls;
  if (k->map[n]) return k->map[n];
  if (node_var(k->from, n) >= 0) return k->map[n] = el_read_var(k->e, node_var(k->from, n), k->loc);
  k->mixes |= k->batch && cls != CL_ELEM && cls != CL_LEAF;
  Id *in = ctx_alloc(k->e->c, (d->nin + 1) * sizeof *in);
  for (uint32_t i = 0; i < d->nin; i++) in[i] = inlined(k, node_in(k->from, n, (int)i));
  if (k->mixes) return k->map[n] = in[0];
  if (cls == CL_LEAF) return k->map[n] = graph_leaf(k->e->cur.b.g, (Op)d->op, d->type, d->attr, k->loc);
  return k->map[n] = b_node(&k->e->cur.b, (Op)d->op, in, (int)d->nin, d->attr);
}

/* How many records the input is; 0: its shape is not that of the field, with leading axes or without. Unknown: -1. */
static int64_t records_of(Elab *e, const FieldInfo *f, const Type *t) {
  const Type *own = type_get(e->m, f->type);
  int lead = t->rank - own->rank;
  int64_t n = 1;
  if (lead < 0 || t->dtype != own->dtype || memcmp(t->dim + lead, own->dim, (size_t)own->rank * sizeof *own->dim))
    return 0;
  for (int i = 0; i < lead && n > 0; i++) n = dim_is_const(t->dim[i]) ? n * t->dim[i] : -1;
  return n;
}

Id el_export_field(Elab *e, const Ast *p, Id port) {
  const DataInfo *d;
  const FieldInfo *f = raw_field(e, p->text, &d);
  const Type *t = f ? el_type(e, port) : NULL;
  int64_t n = f ? records_of(e, f, t) : 0;
  if (!f || !port) return port;
  if (!n || type_count(e->m, f->raw_type) != type_count(e->m, f->type)) {
    Diag *g = el_error(e, E_EXPORT, p, "`%s` is a field of data %s, so this input takes its columns: %s", p->text,
                       d->name, el_type_text(e, n ? f->raw_type : f->type));
    diag_label(e->c, g, f->loc, (int)strlen(f->name),
               n ? "the field has as many numbers as columns if it is to be an input"
                 : "the field; its shape may follow that of a batch");
    diag_help(e->c, g,
              n ? "take the columns as they are, and compute with them in a def" : "give the input another name");
    return 0;
  }
  if (!d->bind) return port;
  const Type *raw = type_get(e->m, f->raw_type);
  Dim dim[2 * MAX_RANK];
  Inlined k = {.e = e, .from = d->bind, .loc = p->caret, .batch = n != 1};
  k.map = ctx_alloc(e->c, (size_t)d->bind->n * sizeof *k.map);
  int lead = k.batch ? t->rank - type_get(e->m, f->type)->rank : 0;
  memcpy(dim, t->dim, (size_t)lead * sizeof *dim);
  memcpy(dim + lead, raw->dim, (size_t)raw->rank * sizeof *dim);
  Id result = 0, x = b_reshape(&e->cur.b, port, lead + raw->rank, dim);
  for (int i = 0; i < d->bind->nport; i++)
    if (!strcmp(node_name(d->bind, d->bind->port[i]), f->name)) k.map[d->bind->port[i]] = x;
  for (int i = 0; i < d->bind->nout; i++)
    if (!strcmp(d->bind->out[i].name, f->name)) result = d->bind->out[i].value;
  while (op_info[node_get(d->bind, result)->op].flags & OPF_ROW_MAJOR_VIEW && !k.map[result])
    result = node_in(d->bind, result, 0);
  Id y = inlined(&k, result);
  if (!k.mixes) return y ? b_reshape(&e->cur.b, y, t->rank, t->dim) : 0;
  Diag *g = el_error(e, E_EXPORT, p, "`%s` of several records: its line in data %s is not computed number by number",
                     p->text, d->name);
  diag_label(e->c, g, f->loc, (int)strlen(f->name), "the field");
  return 0;
}
