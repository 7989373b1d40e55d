// SPDX-License-Identifier: Apache-2.0
/* Nodes, their names and attributes; constants; sizes. Numbers of fields are those of onnx.proto. */
#include "export/export.h"
#include <string.h>

/* ---- names ---- */

static bool take(Export *x, const char *name) {
  for (uint64_t h = hash_bytes(name, strlen(name), 0);; h++) {
    const char **at = &x->taken[h & (uint64_t)(x->captaken - 1)];
    if (*at && !strcmp(*at, name)) return false;
    if (*at) continue;
    *at = name;
    x->ntaken++;
    return true;
  }
}

static void grow(Export *x) {
  const char **old = x->taken;
  int n = x->captaken;
  x->captaken = n ? 2 * n : 256;
  x->taken = ctx_array(x->c, x->captaken, sizeof *x->taken);
  x->ntaken = 0;
  for (int i = 0; i < n; i++)
    if (old[i]) take(x, old[i]);
}

const char *export_unique(Export *x, const char *name) {
  if (2 * x->ntaken >= x->captaken) grow(x);
  const char *s = ctx_strf(x->c, "%s", name);
  for (int i = 2; !take(x, s); i++) s = ctx_strf(x->c, "%s_%d", name, i);
  return s;
}

/* The call that the node comes from, and the operator. */
static const char *node_label(Export *x, const char *op) {
  Loc at = x->n ? node_get(x->at->g, x->n)->loc : 0;
  const char *path = scope_path(x->m, source_scope(x->c, at));
  return export_unique(x, *path ? ctx_strf(x->c, "%s.%s", path, op) : op);
}

/* ---- attributes: AttributeProto ---- */

static size_t attr_open(Export *x, const char *name, int kind) {
  if (!x->attr.c) x->attr.c = x->c;
  size_t open = pb_open(&x->attr, 5);
  pb_put_text(&x->attr, 1, name);
  pb_put_int(&x->attr, 20, kind);
  return open;
}

void export_int(Export *x, const char *name, int64_t v) {
  size_t open = attr_open(x, name, 2);
  pb_put_int(&x->attr, 3, v);
  pb_close(&x->attr, open);
}

void export_ints(Export *x, const char *name, const int64_t *v, int n) {
  size_t open = attr_open(x, name, 7);
  for (int i = 0; i < n; i++) pb_put_int(&x->attr, 8, v[i]); /* not packed: onnx.proto is of version 2 */
  pb_close(&x->attr, open);
}

void export_text(Export *x, const char *name, const char *s) {
  size_t open = attr_open(x, name, 3);
  pb_put_text(&x->attr, 4, s);
  pb_close(&x->attr, open);
}

void export_graph(Export *x, const char *name, const Str *graph) {
  size_t open = attr_open(x, name, 5);
  pb_put_bytes(&x->attr, 6, graph->s, graph->n);
  pb_close(&x->attr, open);
}

/* ---- nodes: NodeProto ---- */

void export_flush(Export *x) {
  ExportNode *n = &x->last;
  Str *b = &x->at->node;
  if (!n->op) return;
  size_t open = pb_open(b, 1);
  for (int i = 0; i < n->nin; i++) pb_put_text(b, 1, n->in[i]);
  for (int i = 0; i < n->nout; i++) pb_put_text(b, 2, n->out[i]);
  pb_put_text(b, 3, n->out[0]);
  pb_put_text(b, 4, n->op);
  if (n->attr.n) str_put(b, n->attr.s, n->attr.n);
  if (*n->place) pb_put_text(b, 6, n->place);
  pb_close(b, open);
  n->op = NULL;
  x->nodes++;
}

static const char *place_of(Export *x) {
  SourcePos at = source_pos(x->c, x->n ? node_get(x->at->g, x->n)->loc : 0);
  return *at.file ? ctx_strf(x->c, "%s:%d:%d", at.file, at.line, at.col) : "";
}

void export_node_of(Export *x, const char *op, int nin, const char *const *in, int nout, const char **out) {
  export_flush(x);
  const char **from = ctx_array(x->c, nin, sizeof *from);
  if (nin) memcpy(from, in, (size_t)nin * sizeof *from);
  for (int i = 0; i < nout; i++) out[i] = node_label(x, op);
  x->last = (ExportNode){.op = op, .in = from, .out = out, .nin = nin, .nout = nout, .attr = x->attr};
  x->last.place = place_of(x);
  x->attr = (Str){.c = x->c};
}

const char *export_node(Export *x, const char *op, int nin, const char *const *in) {
  const char **out = ctx_array(x->c, 1, sizeof *out);
  export_node_of(x, op, nin, in, 1, out);
  return out[0];
}

/* ---- constants ---- */

static const char *list_name(Export *x, const char *type, const int64_t *v, int n) {
  Str b = {.c = x->c};
  str_puts(&b, type);
  for (int i = 0; i < n && i < 12; i++) str_printf(&b, "%s%lld", i ? "," : ":", (long long)v[i]);
  if (n > 12) str_printf(&b, ",..%016llx", (unsigned long long)hash_bytes(v, (size_t)n * sizeof *v, 0));
  return b.s;
}

static void put_constant(Export *x, const char *name, int type, const int64_t *dim, int rank, const void *p, size_t n) {
  size_t open = pb_open(&x->init, 5);
  for (int i = 0; i < rank; i++) pb_put_int(&x->init, 1, dim[i]);
  pb_put_int(&x->init, 2, type);
  pb_put_text(&x->init, 8, name);
  pb_put_bytes(&x->init, 9, p, n);
  pb_close(&x->init, open);
}

const char *export_const_table(Export *x, const int64_t *v, const int64_t *dim, int rank) {
  int64_t n = 1;
  for (int i = 0; i < rank; i++) n *= dim[i];
  const char *name = list_name(x, "ints", v, (int)n);
  if (!rank) name = ctx_strf(x->c, "%s/", name);
  for (int i = 1; i < rank; i++) name = ctx_strf(x->c, "%s%c%lld", name, i == 1 ? '/' : 'x', (long long)dim[i]);
  if (2 * x->ntaken >= x->captaken) grow(x);
  if (take(x, name)) put_constant(x, name, ONNX_INT64, dim, rank, v, (size_t)n * sizeof *v);
  return name;
}

const char *export_const_ints(Export *x, const int64_t *v, int n) {
  return export_const_table(x, v, (int64_t[]){n}, 1);
}

const char *export_number(Export *x, int type, double v) {
  DType t = (DType)onnx_type(type)->dtype;
  bool wide = type == ONNX_INT64 || type == ONNX_UINT64;
  const char *name =
    ctx_strf(x->c, "%s:%s", wide ? "i64" : dtype_info[t].name, dtype_number_text(x->c, wide ? DT_F64 : (int)t, v));
  if (type == ONNX_UINT64) name = ctx_strf(x->c, "u%s", name + 1);
  if (2 * x->ntaken >= x->captaken) grow(x);
  if (!take(x, name)) return name;
  int64_t i = dtype_to_int(DT_I64, v);
  float f = (float)v;
  uint16_t half = 0;
  if (dtype_is_half(t)) dtype_round_half(t, v, &half);
  const void *p = t == DT_F32 ? (void *)&f : t == DT_F64 ? (void *)&v : dtype_is_half(t) ? (void *)&half : (void *)&i;
  put_constant(x, name, type, NULL, 0, p, wide ? 8 : (size_t)dtype_info[t].bytes);
  return name;
}

/* ---- sizes ---- */

static const char *term_text(Export *x, const DimTerm *t) {
  const char *v = NULL;
  for (int s = 0; s < x->m->nsize && s < 8; s++)
    for (int e = 0; e < t->exp[s]; e++) {
      const char *size = x->size[s] ? x->size[s] : "";
      if (!*size) export_refuse(x, "a size that no input has", "");
      v = v ? NODE(x, "Mul", v, size) : size;
    }
  if (!v) return export_const_ints(x, &t->coef, 1);
  return t->coef == 1 ? v : NODE(x, "Mul", v, export_const_ints(x, &t->coef, 1));
}

const char *export_dim(Export *x, Dim d) {
  if (dim_is_const(d)) return export_const_ints(x, &d, 1);
  int n;
  const DimTerm *t = dim_terms(x->m, d, &n);
  const char *v = NULL;
  for (int i = 0; i < n; i++) {
    const char *term = term_text(x, &t[i]);
    v = v ? NODE(x, "Add", v, term) : term;
  }
  return v;
}

const char *export_dims(Export *x, const Dim *d, int n) {
  bool fixed = true;
  for (int i = 0; i < n; i++) fixed &= dim_is_const(d[i]);
  if (fixed) return export_const_ints(x, d, n);
  const char *part[2 * MAX_RANK];
  for (int i = 0; i < n; i++) part[i] = export_dim(x, d[i]);
  export_int(x, "axis", 0);
  return export_node(x, "Concat", n, part);
}

/* One open size is found by the operator. */
const char *export_reshape(Export *x, const char *v, const Dim *d, int n) {
  Dim to[2 * MAX_RANK];
  int open = 0, empty = 0;
  for (int i = 0; i < n; i++) {
    to[i] = dim_is_const(d[i]) ? d[i] : -1;
    open += !dim_is_const(d[i]);
    empty += d[i] == 0;
  }
  if (empty) export_int(x, "allowzero", 1);
  Str attr = x->attr; /* of Reshape, after the nodes of its shape */
  x->attr = (Str){.c = x->c};
  const char *shape = open == 1 && !empty ? export_const_ints(x, to, n) : export_dims(x, d, n);
  x->attr = attr;
  return NODE(x, "Reshape", v, shape);
}

const char *export_expand(Export *x, const char *v, const Dim *d, int n) {
  const char *shape = export_dims(x, d, n);
  return NODE(x, "Expand", v, shape);
}

const char *export_transpose(Export *x, const char *v, const int64_t *perm, int n) {
  bool same = true;
  for (int i = 0; i < n; i++) same &= perm[i] == i;
  if (same) return v;
  export_ints(x, "perm", perm, n);
  return NODE(x, "Transpose", v);
}

const char *export_range(Export *x, Dim n, int type) {
  const char *zero = export_number(x, ONNX_INT64, 0), *one = export_number(x, ONNX_INT64, 1), *end;
  if (dim_is_const(n)) {
    end = export_number(x, ONNX_INT64, (double)n);
  } else {
    end = export_dim(x, n);
    end = NODE(x, "Reshape", end, export_const_ints(x, NULL, 0));
  }
  return export_cast(x, NODE(x, "Range", zero, end, one), ONNX_INT64, type);
}

/* ---- element types ---- */

int export_type(int dtype) {
  if (dtype == DT_I64) return ONNX_INT64; /* which an import narrows */
  for (int i = 1; i < ONNX_TYPE_COUNT; i++)
    if (onnx_type(i)->dtype == dtype && onnx_type(i)->bits == 8 * dtype_info[dtype].bytes) return i;
  return ONNX_NONE;
}

int export_computed(int dtype) {
  switch (dtype_info[dtype].kind) {
  case 'f': return dtype == DT_F64 ? ONNX_DOUBLE : ONNX_FLOAT;
  case 'u': return dtype == DT_U32 ? ONNX_INT64 : ONNX_INT32;
  case 'i': return dtype == DT_I64 ? ONNX_INT64 : ONNX_INT32;
  default: return ONNX_INT32;
  }
}

const char *export_cast(Export *x, const char *v, int from, int to) {
  if (from == to) return v;
  export_int(x, "to", to);
  return NODE(x, "Cast", v);
}

const char *export_in(Export *x, int i) { return x->at->value[node_in(x->at->g, x->n, i)]; }

const char *export_in_as(Export *x, int i, int type) {
  return export_cast(x, export_in(x, i), export_type(export_in_type(x, i)->dtype), type);
}

void export_give(Export *x, const char *v, int type) {
  x->at->value[x->n] = export_cast(x, v, type, export_type(export_out_type(x)->dtype));
}
