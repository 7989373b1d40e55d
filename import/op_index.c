// SPDX-License-Identifier: Apache-2.0
/* Reads and writes at indices, and paddings. Negative indices count from the end. */
#include "import/import.h"
#include "import/template.h"
#include <string.h>

/* Operand i as an index of an axis of n: its known elements made non-negative, others at run time. */
static const char *index_text(Oper *o, int i, int64_t n) {
  const Value *v = has_in(o, i) ? o->in[i] : NULL;
  if (!v || !v->known) return op_str(o, "onnx_index(%s, %lld)", op_x(o, i), (long long)n);
  Value *to = onnx_value(o->m, v->s);
  int64_t *data = ctx_alloc(o->m->c, (size_t)v->known->count * 8 + 8);
  for (int64_t k = 0; k < v->known->count; k++) {
    data[k] = tensor_integer(v->known, k);
    data[k] += data[k] < 0 ? n : 0;
    if (data[k] < 0 || data[k] >= n) op_refuse(o, E_ONNX_NODE, "an index is out of range");
  }
  to->known = ctx_alloc(o->m->c, sizeof *to->known);
  *to->known = *v->known;
  to->known->data = data;
  to->known->type = to->s.type = ONNX_INT64;
  to->onnx = v->onnx;
  if (v->s.rank == 0) return op_str(o, "%lld", (long long)data[0]);
  return onnx_text(o->m, to);
}

void op_gather(Oper *o) {
  const Shape *x = op_shape(o, 0), *index = op_shape(o, 1);
  int axis = op_axis(o, "axis", 0, x->rank), rank = x->rank - 1 + index->rank;
  Str b = {.c = o->m->c};
  if (axis < 0) return;
  if (rank > MAX_RANK) return op_refuse(o, E_ONNX_NODE, "more than %d axes", MAX_RANK);
  Shape s = {.type = x->type, .rank = rank};
  for (int i = 0; i < rank; i++)
    s.dim[i] = i < axis ? x->dim[i] : i < axis + index->rank ? index->dim[i - axis] : x->dim[i - index->rank + 1];
  if (fold_gather(o, s, axis)) return;
  for (int i = 0; i < axis; i++) str_puts(&b, ":, ");
  op_give(o, 0, s, "%s[%s%s]", op_x(o, 0), b.s ? b.s : "", index_text(o, 1, x->dim[axis]));
}

void op_gather_elements(Oper *o) {
  const Shape *x = op_shape(o, 0);
  Shape s = *op_shape(o, 1);
  int axis = op_axis(o, "axis", 0, x->rank);
  if (axis < 0) return;
  if (s.rank != x->rank) return op_refuse(o, E_ONNX_NODE, "the index has another number of axes");
  s.type = x->type;
  op_give(o, 0, s, "gather(%s, %s, %d)", op_x(o, 0), index_text(o, 1, x->dim[axis]), axis);
}

/* The flat place of each row of indices: sum of index k times its stride, in units of what the indices leave. */
static const char *flat_index(Oper *o, int i, const Shape *x, int from, int n) {
  Str b = {.c = o->m->c};
  int64_t stride[MAX_RANK];
  row_strides(x->dim + from, n, stride);
  for (int k = 0; k < n; k++)
    str_printf(&b, "%sonnx_index(%s[..., %d], %lld) * %lld", k ? " + " : "", op_x(o, i), k, (long long)x->dim[from + k],
               (long long)stride[k]);
  return b.s;
}

void op_gathernd(Oper *o) {
  const Shape *x = op_shape(o, 0), *index = op_shape(o, 1);
  int64_t batch = op_int(o, "batch_dims", 0), n = index->rank ? index->dim[index->rank - 1] : 0, rows = 1, blocks = 1;
  if (n < 1 || batch < 0 || batch + n > x->rank || batch >= index->rank)
    return op_refuse(o, E_ONNX_NODE, "the indices do not fit");
  Shape s = {.type = x->type};
  if (index->rank - 1 + x->rank - batch - n > MAX_RANK) return op_refuse(o, E_ONNX_NODE, "more than 8 axes");
  for (int i = 0; i < index->rank - 1; i++) s.dim[s.rank++] = index->dim[i];
  for (int i = (int)(batch + n); i < x->rank; i++) s.dim[s.rank++] = x->dim[i];
  for (int i = 0; i < n; i++) rows *= x->dim[batch + i];
  for (int i = 0; i < batch; i++) blocks *= x->dim[i];
  const char *at = op_let(o, "places", "%s", flat_index(o, 1, x, (int)batch, (int)n));
  int64_t flat[MAX_RANK + 1] = {blocks * rows}, own = 1;
  int rank = 1;
  for (int i = (int)(batch + n); i < x->rank; i++) flat[rank++] = x->dim[i];
  if (batch) {
    int64_t d[MAX_RANK] = {0};
    for (int i = 0; i < index->rank - 1; i++) d[i] = i < batch ? index->dim[i] : 1;
    for (int i = (int)batch; i < index->rank - 1; i++) own *= index->dim[i];
    at = op_let(o, "places", "%s + reshape(iota(%lld), %s) * %lld", at, (long long)blocks,
                shape_list(o->m->c, d, index->rank - 1), (long long)rows);
  }
  op_give(o, 0, s, "reshape(%s, %s)[%s]", op_x(o, 0), shape_list(o->m->c, flat, rank), at);
}

static const char *reduction(Oper *o) {
  static const char *const from[] = {"none", "add", "mul", "max", "min"}, *const to[] = {"set", "add", "mul", "max",
                                                                                         "min"};
  const char *how = op_string(o, "reduction", "none");
  for (int i = 0; i < 5; i++)
    if (!strcmp(how, from[i])) return to[i];
  op_refuse(o, E_ONNX_NODE, "reduction `%s`", how);
  return "";
}

/* In f32 or f64, which have the integers of 16 and 32 bits exactly. */
static const char *wide_type(int type) {
  int t = onnx_type(type)->dtype;
  return dtype_is_float(t) ? NULL : t == DT_I32 || t == DT_U32 ? "f64" : "f32";
}

void op_scatter_elements(Oper *o) {
  Shape s = *op_shape(o, 0);
  int axis = op_axis(o, "axis", 0, s.rank);
  const char *how = reduction(o), *wide = wide_type(s.type), *x = op_x(o, 0), *y = op_x(o, 2);
  if (axis < 0 || o->refused) return;
  if (wide) {
    x = op_str(o, "%s(%s)", wide, x);
    y = op_str(o, "%s(%s)", wide, y);
  }
  const char *r =
    op_str(o, "scatter(%s, %s, %s, axis = %d, how = \"%s\")", x, index_text(o, 1, s.dim[axis]), y, axis, how);
  op_give(o, 0, s, wide ? "%s(%s)" : "%s%s", wide ? type_name(s.type) : "", r);
}

void op_scatternd(Oper *o) {
  Shape s = *op_shape(o, 0);
  const Shape *index = op_shape(o, 1);
  int64_t n = index->rank ? index->dim[index->rank - 1] : 0, rows = 1, inner = 1, count = 1;
  if (n < 1 || n > s.rank) return op_refuse(o, E_ONNX_NODE, "the indices do not fit");
  for (int i = 0; i < s.rank; i++) *(i < n ? &rows : &inner) *= s.dim[i];
  for (int i = 0; i < index->rank - 1; i++) count *= index->dim[i];
  const char *how = reduction(o), *wide = wide_type(s.type), *x = op_x(o, 0), *y = op_x(o, 2);
  if (wide) {
    x = op_str(o, "%s(%s)", wide, x);
    y = op_str(o, "%s(%s)", wide, y);
  }
  const char *at = op_let(o, "places", "%s", flat_index(o, 1, &s, 0, (int)n));
  const char *r = op_str(o, "onnx_scatter_rows(%s, %s, %s, [%lld, %lld, %lld], \"%s\")", x, at, y, (long long)rows,
                         (long long)inner, (long long)count, how);
  op_give(o, 0, s, "%s(reshape(%s, %s))", wide ? type_name(s.type) : type_name(s.type), r,
          shape_list(o->m->c, s.dim, s.rank));
}

/* ---- paddings ---- */

typedef struct Pads {
  int64_t axis[MAX_RANK], before[MAX_RANK], after[MAX_RANK];
  int n;
} Pads;

static bool read_pads(Oper *o, Pads *p, int rank) {
  const int64_t *v, *axes = NULL;
  int n, naxes = rank;
  v = op_ints(o, "pads", &n);
  if (o->opset >= 11 && !op_known_ints(o, 1, &v, &n)) return false;
  if (has_in(o, 3) && !op_known_ints(o, 3, &axes, &naxes)) return false;
  if (!v || n != 2 * naxes || naxes > rank) return op_refuse(o, E_ONNX_NODE, "another number of paddings"), false;
  p->n = 0;
  for (int i = 0; i < naxes; i++) {
    int64_t a = axes ? axes[i] : i;
    a += a < 0 ? rank : 0;
    if (a < 0 || a >= rank) return op_refuse(o, E_ONNX_NODE, "an axis is out of range"), false;
    if (!v[i] && !v[naxes + i]) continue;
    p->axis[p->n] = a;
    p->before[p->n] = v[i];
    p->after[p->n++] = v[naxes + i];
  }
  return true;
}

/* The element of an axis of n that a mode of padding puts at place i, which may be outside. */
static int64_t padded_from(const char *mode, int64_t i, int64_t n) {
  int64_t period = mode[0] == 'r' ? 2 * (n - 1) : n;
  if (mode[0] == 'e') return i < 0 ? 0 : i >= n ? n - 1 : i;
  if (period == 0) return 0;
  i = (i % period + period) % period;
  return i < n ? i : period - i;
}

/* By an index for each axis: paddings that are larger than the axis, or negative. */
static void pad_by_index(Oper *o, Shape s, const Pads *p, const char *mode) {
  const Shape *in = op_shape(o, 0);
  const char *x = op_x(o, 0);
  for (int k = 0; k < p->n; k++) {
    int axis = (int)p->axis[k];
    int64_t n = s.dim[axis], *at = ctx_alloc(o->m->c, (size_t)n * 8 + 8);
    if (in->dim[axis] < 1) return op_refuse(o, E_ONNX_NODE, "a padding of mode %s of no elements", mode);
    Str all = {.c = o->m->c};
    for (int i = 0; i < axis; i++) str_puts(&all, ":, ");
    for (int64_t i = 0; i < n; i++) at[i] = padded_from(mode, i - p->before[k], in->dim[axis]);
    x = op_let(o, "padded", "%s[%s%s]", x, all.s ? all.s : "", op_table(o, "places", ONNX_INT64, at, 1, &n));
  }
  op_give(o, 0, s, "%s", x);
}

void op_pad(Oper *o) {
  Shape s = *op_shape(o, 0);
  Pads p;
  if (!read_pads(o, &p, s.rank)) return;
  const char *mode = op_string(o, "mode", "constant"), *x = op_x(o, 0), *value = "0";
  const char *name = !strcmp(mode, "edge") ? "replicate" : !strcmp(mode, "wrap") ? "circular" : mode;
  if (o->opset < 11) value = op_num(o, op_float(o, "value", 0));
  if (o->opset >= 11 && has_in(o, 2)) value = op_scalar(o, 2);
  if (value && s.type == ONNX_BOOL && has_in(o, 2)) value = strcmp(value, "true") ? "0" : "1";
  bool far = false, constant = !strcmp(mode, "constant");
  if (!constant && strcmp(mode, "reflect") && strcmp(mode, "edge") && strcmp(mode, "wrap"))
    return op_refuse(o, E_ONNX_NODE, "mode `%s`", mode);
  for (int i = 0; i < p.n; i++) {
    int64_t limit = s.dim[p.axis[i]] - !strcmp(mode, "reflect");
    far |= p.before[i] > limit || p.after[i] > limit || p.before[i] < 0 || p.after[i] < 0;
    s.dim[p.axis[i]] += p.before[i] + p.after[i];
    if (s.dim[p.axis[i]] < 0) return op_refuse(o, E_ONNX_NODE, "negative paddings that leave nothing");
  }
  if (!p.n) return op_alias(o, 0, 0);
  if (far && !constant) return pad_by_index(o, s, &p, mode);
  Ctx *c = o->m->c;
  const char *where =
    op_str(o, "%s, %s, %s", shape_list(c, p.axis, p.n), shape_list(c, p.before, p.n), shape_list(c, p.after, p.n));
  if (!constant) return op_give(o, 0, s, "pad(%s, %s, mode = \"%s\")", x, where, name);
  if (value) return op_give(o, 0, s, "pad(%s, %s, value = %s)", x, where, value);
  /* a value of run time: where the padding of ones is 0 */
  Shape in = *op_shape(o, 0);
  const char *ones = op_let(o, "inside", "pad(broadcast_to(f32(1), %s), %s)", shape_list(c, in.dim, in.rank), where);
  op_give(o, 0, s, "where(%s == 1, pad(%s, %s), %s)", ones, x, where,
          op_shape(o, 2)->rank ? op_str(o, "reshape(%s, [])", op_x(o, 2)) : op_x(o, 2));
}

/* To a shape along axes: cut or padded with 0 on both sides, the odd one at the end. */
void op_center_crop_pad(Oper *o) {
  Shape s = *op_shape(o, 0);
  const int64_t *v;
  int64_t axis[MAX_RANK];
  int n, naxes;
  Str index = {.c = o->m->c};
  Pads p = {.n = 0};
  if (!op_known_ints(o, 1, &v, &n) || !op_axes(o, "axes", -1, s.rank, axis, &naxes)) return;
  for (int i = 0; i < s.rank && naxes < 0; i++) axis[i] = i;
  if (n != (naxes < 0 ? s.rank : naxes)) return op_refuse(o, E_ONNX_NODE, "another number of sizes than of axes");
  int64_t from[MAX_RANK] = {0}, to[MAX_RANK];
  memcpy(to, s.dim, sizeof to);
  for (int i = 0; i < n; i++) {
    int64_t more = v[i] - s.dim[axis[i]];
    if (more < 0) {
      from[axis[i]] = -more / 2;
      to[axis[i]] = from[axis[i]] + v[i];
    } else if (more) {
      p.axis[p.n] = axis[i];
      p.before[p.n] = more / 2;
      p.after[p.n++] = more - more / 2;
    }
    s.dim[axis[i]] = v[i];
  }
  for (int i = 0; i < s.rank; i++)
    str_printf(&index, "%s%lld:%lld", i ? ", " : "", (long long)from[i], (long long)to[i]);
  const char *x = op_str(o, "%s[%s]", op_x(o, 0), index.s);
  Ctx *c = o->m->c;
  if (p.n)
    x = op_str(o, "pad_with(%s, %s, %s, %s, 0)", x, shape_list(c, p.axis, p.n), shape_list(c, p.before, p.n),
               shape_list(c, p.after, p.n));
  op_give(o, 0, s, "%s", x);
}
