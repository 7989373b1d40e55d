// SPDX-License-Identifier: Apache-2.0
/* Operands, attributes and results of a node. */
#include "import/import.h"
#include <string.h>

enum { LITERAL = 16 }; /* elements of a constant that is printed rather than stored */

int64_t shape_count(const Shape *s) {
  int64_t n = 1;
  for (int i = 0; i < s->rank; i++) n *= s->dim[i];
  return n;
}

Shape shape_of(int type, int rank, const int64_t *dim) {
  Shape s = {.type = type, .rank = rank};
  for (int i = 0; i < rank; i++) s.dim[i] = dim[i];
  return s;
}

Value *onnx_value(Import *m, Shape s) {
  Value *v = ctx_alloc(m->c, sizeof *v);
  v->s = s;
  v->onnx = "";
  return v;
}

const char *shape_list(Ctx *c, const int64_t *dim, int n) {
  Str s = {.c = c};
  str_puts(&s, "[");
  for (int i = 0; i < n; i++) str_printf(&s, "%s%lld", i ? ", " : "", (long long)dim[i]);
  str_puts(&s, "]");
  return s.s;
}

const char *type_name(int type) { return dtype_info[onnx_type(type)->dtype].name; }

const char *type_of(Ctx *c, const Shape *s) {
  return ctx_strf(c, "%s%s", type_name(s->type), s->rank ? shape_list(c, s->dim, s->rank) : "");
}

/* ---- constants ---- */

static const char *number_text(Ctx *c, const Tensor *t, int64_t i) {
  double v = tensor_carried(t, i);
  if (v == 0 && __builtin_signbit(v)) return "-0.0";
  return dtype_number_text(c, onnx_type(t->type)->dtype, v);
}

static int64_t put_literal(Str *b, const Tensor *t, int axis, int64_t at) {
  if (axis == t->rank) {
    str_puts(b, number_text(b->c, t, at));
    return at + 1;
  }
  str_puts(b, "[");
  for (int64_t i = 0; i < t->dim[axis]; i++) {
    if (i) str_puts(b, ", ");
    at = put_literal(b, t, axis + 1, at);
  }
  str_puts(b, "]");
  return at;
}

const char *tensor_text(Ctx *c, const Tensor *t) {
  const char *type = type_name(t->type), *all = shape_list(c, t->dim, t->rank);
  Str b = {.c = c};
  if (t->count == 0) return ctx_strf(c, "%s(zeros(%.*s))", type, (int)strlen(all) - 2, all + 1);
  put_literal(&b, t, 0, 0);
  return ctx_strf(c, "%s(%s)", type, b.s);
}

static bool uniform(const Tensor *t) {
  for (int64_t i = 1; i < t->count; i++) {
    double a = tensor_carried(t, 0), b = tensor_carried(t, i);
    if (a != b || __builtin_signbit(a) != __builtin_signbit(b)) return false;
  }
  return true;
}

static const char *stored(Import *m, Value *v) {
  ImportWeight *w = VEC_PUSH(m->c, m->weight, m->nweight, m->capw);
  w->name = import_name(m, v->onnx, "constant");
  w->v = v;
  w->param = v->weight && v->s.type == ONNX_FLOAT;
  return w->name;
}

static const char *constant_text(Import *m, Value *v) {
  const Tensor *t = v->known;
  const char *type = type_name(v->s.type), *all = shape_list(m->c, v->s.dim, v->s.rank);
  if (t->count == 0) return tensor_text(m->c, t);
  if (v->weight && v->s.type == ONNX_FLOAT && v->s.rank) return stored(m, v);
  if (t->count <= LITERAL) return tensor_text(m->c, t);
  if (uniform(t)) return ctx_strf(m->c, "broadcast_to(%s(%s), %s)", type, number_text(m->c, t, 0), all);
  return stored(m, v);
}

const char *onnx_text(Import *m, Value *v) {
  if (v->failed) return "failed";
  if (!v->text && v->known) v->text = constant_text(m, v);
  return v->text ? v->text : "failed";
}

const char *op_table(Oper *o, const char *name, int type, const void *data, int rank, const int64_t *dim) {
  Value *v = onnx_value(o->m, shape_of(type, rank, dim));
  v->onnx = name;
  v->known = ctx_alloc(o->m->c, sizeof *v->known);
  *v->known = (Tensor){.type = type, .rank = rank, .count = shape_count(&v->s), .data = data};
  memcpy(v->known->dim, v->s.dim, sizeof v->known->dim);
  return onnx_text(o->m, v);
}

/* ---- operands ---- */

const Shape *op_shape(Oper *o, int i) {
  static const Shape none = {.type = ONNX_FLOAT};
  if (has_in(o, i)) return &o->in[i]->s;
  op_refuse(o, E_ONNX_NODE, "operand %d is missing", i + 1);
  return &none;
}

const char *op_x(Oper *o, int i) {
  op_shape(o, i);
  return has_in(o, i) ? onnx_text(o->m, o->in[i]) : "failed";
}

const char *op_scalar(Oper *o, int i) {
  if (!has_in(o, i) || !o->in[i]->known || o->in[i]->known->count != 1) return NULL;
  const char *s = number_text(o->m->c, o->in[i]->known, 0);
  return s[0] == '-' ? op_str(o, "(%s)", s) : s;
}

const char *op_operand(Oper *o, int i) {
  const char *s = op_scalar(o, i);
  if (!s || o->in[i]->s.type == ONNX_BOOL || o->in[i]->text) return op_x(o, i);
  for (int k = 0; k < o->nin; k++)
    if (o->in[k] && !o->in[k]->known && o->in[k]->s.rank >= o->in[i]->s.rank && o->in[k]->s.type == o->in[i]->s.type)
      return s;
  return op_x(o, i);
}

void op_refuse(Oper *o, int code, const char *fmt, ...) {
  if (o->refused) return;
  o->refused = true;
  va_list ap;
  va_start(ap, fmt);
  const char *why = ctx_vstrf(o->m->c, fmt, ap);
  va_end(ap);
  Import *m = o->m;
  const char *op = *o->n->domain ? ctx_strf(m->c, "%s.%s", o->n->domain, o->n->op) : o->n->op;
  for (int i = 0; i < m->nrefusal; i++)
    if (m->refusal[i].code == code && !strcmp(m->refusal[i].op, op) && !strcmp(m->refusal[i].why, why)) {
      m->refusal[i].others++;
      return;
    }
  const char *node = *o->n->name ? o->n->name : o->n->nout ? o->n->out[0] : "";
  *VEC_PUSH(m->c, m->refusal, m->nrefusal, m->capr) = (Refusal){code, node, op, why, 0};
}

const char *op_str(Oper *o, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const char *s = ctx_vstrf(o->m->c, fmt, ap);
  va_end(ap);
  return s;
}

/* ---- results ---- */

static Value *result(Oper *o, int i, Shape s) {
  Value *v = o->out[i];
  v->s = s;
  v->inputs = o->inputs;
  return v;
}

static void add_line(Oper *o, const char *name, const char *text, const char *type) {
  Import *m = o->m;
  *VEC_PUSH(m->c, m->line, m->nline, m->capl) = (Line){name, text, type, o->n->name, o->n->op, o->n->space, o->number};
}

void op_give(Oper *o, int i, Shape s, const char *fmt, ...) {
  if (o->refused || !has_out(o, i)) return;
  Value *v = result(o, i, s);
  va_list ap;
  va_start(ap, fmt);
  const char *text = ctx_vstrf(o->m->c, fmt, ap);
  va_end(ap);
  v->text = import_name(o->m, v->onnx, "y");
  add_line(o, v->text, text, type_of(o->m->c, &s));
}

void op_give_known(Oper *o, int i, Shape s, const void *data) {
  if (o->refused || !has_out(o, i)) return;
  Value *v = result(o, i, s);
  v->known = ctx_alloc(o->m->c, sizeof *v->known);
  *v->known = (Tensor){.type = s.type, .rank = s.rank, .count = shape_count(&s), .data = data};
  for (int k = 0; k < s.rank; k++) v->known->dim[k] = s.dim[k];
}

const char *op_let(Oper *o, const char *name, const char *fmt, ...) {
  if (o->refused) return "failed";
  va_list ap;
  va_start(ap, fmt);
  const char *text = ctx_vstrf(o->m->c, fmt, ap), *to = import_name(o->m, name, "t");
  va_end(ap);
  add_line(o, to, text, NULL);
  return to;
}

/* ---- attributes and operands that are known at import ---- */

const OnnxAttr *op_attr(const Oper *o, const char *name) {
  for (int i = 0; i < o->n->nattr; i++)
    if (!strcmp(o->n->attr[i].name, name)) return &o->n->attr[i];
  return NULL;
}

int64_t op_int(const Oper *o, const char *name, int64_t otherwise) {
  const OnnxAttr *a = op_attr(o, name);
  return a ? a->i : otherwise;
}

double op_float(const Oper *o, const char *name, double otherwise) {
  const OnnxAttr *a = op_attr(o, name);
  return a ? (double)a->f : otherwise;
}

const char *op_string(Oper *o, const char *name, const char *otherwise) {
  const OnnxAttr *a = op_attr(o, name);
  if (!a) return otherwise;
  return pb_size(a->s) ? ctx_intern(o->m->c, (const char *)a->s.p, pb_size(a->s)) : "";
}

const int64_t *op_ints(const Oper *o, const char *name, int *n) {
  static const int64_t none[1];
  const OnnxAttr *a = op_attr(o, name);
  *n = a ? a->ni : 0;
  return !a ? NULL : a->ints ? a->ints : none;
}

bool op_known(Oper *o, int i, const Tensor **t) {
  static const Tensor none = {.type = ONNX_INT64, .count = 0};
  op_shape(o, i);
  *t = has_in(o, i) && o->in[i]->known ? o->in[i]->known : &none;
  if (*t != &none || o->refused) return !o->refused;
  o->m->wanted |= o->in[i]->inputs;
  op_refuse(o, E_ONNX_SHAPE, "operand %d, `%s`, decides about shapes, and is not known at import", i + 1, o->n->in[i]);
  return false;
}

bool op_known_ints(Oper *o, int i, const int64_t **v, int *n) {
  const Tensor *t;
  *n = 0;
  *v = NULL;
  if (!op_known(o, i, &t)) return false;
  int64_t *to = ctx_alloc(o->m->c, sizeof *to * (size_t)(t->count + 1));
  if (t->count > 1 << 20) op_refuse(o, E_ONNX_NODE, "operand %d has too many elements", i + 1);
  for (int64_t k = 0; k < t->count && !o->refused; k++) to[k] = tensor_integer(t, k);
  *n = (int)t->count;
  *v = to;
  return !o->refused;
}

bool op_axes(Oper *o, const char *attr, int i, int rank, int64_t *axis, int *n) {
  const int64_t *v = i >= 0 && has_in(o, i) ? NULL : op_ints(o, attr, n);
  if (i >= 0 && has_in(o, i) && !op_known_ints(o, i, &v, n)) return false;
  if (!v) {
    *n = -1;
    return true;
  }
  for (int k = 0; k < *n; k++) {
    if (v[k] < -rank || v[k] >= rank || *n > MAX_RANK) {
      op_refuse(o, E_ONNX_NODE, "axis %lld is out of range", (long long)v[k]);
      return false;
    }
    axis[k] = v[k] < 0 ? v[k] + rank : v[k];
  }
  return true;
}

int op_axis(Oper *o, const char *name, int64_t otherwise, int rank) {
  int64_t a = op_int(o, name, otherwise);
  if (a >= -rank && a < rank) return (int)(a < 0 ? a + rank : a);
  op_refuse(o, E_ONNX_NODE, "axis %lld is out of range", (long long)a);
  return -1;
}

bool op_float_type(Oper *o, int i) {
  int type = op_shape(o, i)->type;
  if (!dtype_is_float(onnx_type(type)->dtype)) op_refuse(o, E_ONNX_TYPE, "of %s", onnx_type(type)->name);
  return !o->refused;
}

bool onnx_broadcast(Oper *o, Shape *to, const Shape *s) {
  int rank = to->rank > s->rank ? to->rank : s->rank;
  Shape r = {.type = to->type, .rank = rank};
  for (int i = 1; i <= rank; i++) {
    int64_t a = i <= to->rank ? to->dim[to->rank - i] : 1, b = i <= s->rank ? s->dim[s->rank - i] : 1;
    if (a != b && a != 1 && b != 1) {
      op_refuse(o, E_ONNX_NODE, "shapes do not broadcast");
      return false;
    }
    r.dim[rank - i] = a == 1 ? b : a;
  }
  *to = r;
  return true;
}
