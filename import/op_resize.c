// SPDX-License-Identifier: Apache-2.0
/* Resize and Upsample. All sizes are known, so each axis is resampled by a constant: the indices of the nearest
 * elements, or a matrix with the weights of those around each position. */
#include "import/import.h"
#include "import/template.h"
#include <math.h>
#include <string.h>

typedef struct Resize {
  const char *mode, *place, *nearest;
  double scale[MAX_RANK], start[MAX_RANK], end[MAX_RANK], cubic, outside;
  int64_t size[MAX_RANK];
  bool antialias, exclude;
} Resize;

/* The position in the operand of element i of the result, along an axis. */
static double origin(const Resize *r, int axis, int64_t in, int64_t i) {
  double out = (double)r->size[axis], n = (double)in, x = (double)i, scale = r->scale[axis];
  if (!strcmp(r->place, "asymmetric")) return x / scale;
  if (!strcmp(r->place, "align_corners")) return i ? x * (n - 1) / (scale * n - 1) : 0;
  if (!strcmp(r->place, "pytorch_half_pixel") && out == 1) return 0;
  if (!strcmp(r->place, "half_pixel_symmetric")) return n / 2 * (1 - out / (scale * n)) + (x + 0.5) / scale - 0.5;
  if (!strcmp(r->place, "tf_crop_and_resize")) {
    double a = r->start[axis], b = r->end[axis];
    return out > 1 ? a * (n - 1) + x * (b - a) * (n - 1) / (out - 1) : 0.5 * (a + b) * (n - 1);
  }
  if (!strcmp(r->place, "tf_half_pixel_for_nn")) return (x + 0.5) / scale;
  return (x + 0.5) / scale - 0.5;
}

static int64_t nearest(const Resize *r, double x, int64_t in) {
  double k = !strcmp(r->nearest, "floor")               ? floor(x)
             : !strcmp(r->nearest, "ceil")              ? ceil(x)
             : !strcmp(r->nearest, "round_prefer_ceil") ? floor(x + 0.5)
                                                        : ceil(x - 0.5);
  return k < 0 ? 0 : k > (double)(in - 1) ? in - 1 : (int64_t)k;
}

static double kernel(const Resize *r, double d) {
  d = fabs(d);
  if (r->mode[0] == 'l') return d < 1 ? 1 - d : 0;
  double a = r->cubic;
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/* The weights of one position; elements beyond an end count for the one at the end. */
static void weigh(const Resize *r, int axis, double x, int64_t in, float *row) {
  double s = r->antialias && r->scale[axis] < 1 ? r->scale[axis] : 1, reach = (r->mode[0] == 'l' ? 1 : 2) / s, sum = 0;
  int64_t from = (int64_t)floor(x - reach), to = (int64_t)ceil(x + reach);
  for (int64_t k = from; k <= to; k++)
    if (!r->exclude || (k >= 0 && k < in)) sum += kernel(r, ((double)k - x) * s);
  for (int64_t k = from; k <= to && sum != 0; k++) {
    if (r->exclude && (k < 0 || k >= in)) continue;
    row[k < 0 ? 0 : k >= in ? in - 1 : k] += (float)(kernel(r, ((double)k - x) * s) / sum);
  }
}

static const char *along_axis(Oper *o, const Resize *r, const char *x, Shape *s, int axis) {
  int64_t in = s->dim[axis], out = r->size[axis];
  Str b = {.c = o->m->c};
  for (int i = 0; i < axis; i++) str_puts(&b, ":, ");
  if (in * out > 1 << 26) return op_refuse(o, E_ONNX_NODE, "an axis that is too large"), x;
  int rank = s->rank;
  s->dim[axis] = out;
  if (r->mode[0] == 'n') {
    int64_t *at = ctx_alloc(o->m->c, (size_t)out * 8 + 8);
    for (int64_t i = 0; i < out; i++) at[i] = nearest(r, origin(r, axis, in, i), in);
    return op_let(o, "resized", "%s[%s%s]", x, b.s ? b.s : "", op_table(o, "nearest", ONNX_INT64, at, 1, &out));
  }
  float *row = ctx_alloc(o->m->c, (size_t)(in * out) * 4 + 8);
  for (int64_t i = 0; i < out; i++) weigh(r, axis, origin(r, axis, in, i), in, row + i * in);
  const char *type = s->type == ONNX_FLOAT ? "" : type_name(s->type);
  const char *w = op_table(o, "resize_weights", ONNX_FLOAT, row, 2, (int64_t[]){out, in});
  w = *type ? op_str(o, "%s(%s)'", type, w) : op_str(o, "%s'", w);
  if (axis == rank - 1) return op_let(o, "resized", "%s @ %s", x, w);
  return op_let(o, "resized", "movedim(movedim(%s, %d, -1) @ %s, -1, %d)", x, axis, w, axis);
}

/* Elements whose position is outside of the operand. */
static const char *extrapolated(Oper *o, const Resize *r, const char *y, const Shape *x, int axis) {
  int64_t out = r->size[axis], d[MAX_RANK];
  uint8_t *beyond = ctx_alloc(o->m->c, (size_t)out + 1);
  for (int i = 0; i < x->rank; i++) d[i] = i == axis ? out : 1;
  for (int64_t i = 0; i < out; i++) {
    double at = origin(r, axis, x->dim[axis], i);
    beyond[i] = at < 0 || at > (double)(x->dim[axis] - 1);
  }
  const char *where = op_table(o, "beyond", ONNX_BOOL, beyond, x->rank, d);
  return op_let(o, "resized", "where(%s, %s, %s)", where, op_num(o, r->outside), y);
}

static bool read_size(Oper *o, Resize *r, const Shape *x, const int64_t *axis, int n, int at) {
  const char *keep = op_string(o, "keep_aspect_ratio_policy", "stretch");
  bool larger = !strcmp(keep, "not_larger"), smaller = !strcmp(keep, "not_smaller");
  const Tensor *t;
  bool sizes = at == 2 && has_in(o, 3) && (!has_in(o, 2) || (o->in[2]->known && !o->in[2]->known->count));
  const OnnxAttr *old = op_attr(o, "scales"); /* of Upsample before version 9 */
  Tensor scales = {.type = ONNX_FLOAT};
  if (old) {
    scales.count = old->nf;
    scales.data = old->floats;
    t = &scales;
  } else if (!op_known(o, sizes ? 3 : at, &t)) {
    return false;
  }
  if (t->count != n) return op_refuse(o, E_ONNX_NODE, "another number of sizes than of axes"), false;
  double one = larger ? INFINITY : 0;
  for (int i = 0; i < n; i++) {
    double v = tensor_number(t, i), in = (double)x->dim[axis[i]];
    r->scale[axis[i]] = sizes ? v / in : v;
    r->size[axis[i]] = sizes ? (int64_t)v : (int64_t)floor(in * v);
    one = larger ? fmin(one, v / in) : fmax(one, v / in);
  }
  for (int i = 0; i < n && sizes && (larger || smaller); i++) {
    r->scale[axis[i]] = one;
    r->size[axis[i]] = (int64_t)floor(one * (double)x->dim[axis[i]] + 0.5);
  }
  for (int i = 0; i < x->rank; i++)
    if (r->size[i] < 1 || x->dim[i] < 1 || r->size[i] > 1 << 24)
      return op_refuse(o, E_ONNX_NODE, "a size is out of range"), false;
  return true;
}

static bool read_roi(Oper *o, Resize *r, const int64_t *axis, int n) {
  const Tensor *t;
  if (strcmp(r->place, "tf_crop_and_resize")) return true;
  if (!op_known(o, 1, &t)) return false;
  if (t->count != 2 * n) return op_refuse(o, E_ONNX_NODE, "the region does not fit"), false;
  for (int i = 0; i < n; i++) {
    r->start[axis[i]] = tensor_number(t, i);
    r->end[axis[i]] = tensor_number(t, n + i);
  }
  return true;
}

static void resize(Oper *o, Resize *r, int at) {
  Shape s = *op_shape(o, 0), x = s;
  int64_t axis[MAX_RANK];
  int n = -1;
  if (!op_axes(o, "axes", -1, s.rank, axis, &n)) return;
  for (int i = 0; i < s.rank; i++) {
    if (n < 0) axis[i] = i;
    r->scale[i] = 1;
    r->size[i] = s.dim[i];
    r->start[i] = 0;
    r->end[i] = 1;
  }
  if (n < 0) n = s.rank;
  if (!read_roi(o, r, axis, n) || !read_size(o, r, &s, axis, n, at)) return;
  if (r->mode[0] != 'n' && !op_float_type(o, 0)) return;
  const char *y = op_x(o, 0);
  bool crop = !strcmp(r->place, "tf_crop_and_resize");
  for (int i = 0; i < s.rank && !o->refused; i++)
    if (r->size[i] != s.dim[i] || r->scale[i] != 1 || (crop && (r->start[i] != 0 || r->end[i] != 1)))
      y = along_axis(o, r, y, &s, i);
  for (int i = 0; i < s.rank && crop && !o->refused; i++)
    if (r->start[i] < 0 || r->end[i] > 1) y = extrapolated(o, r, y, &x, i);
  op_give(o, 0, s, "%s", y);
}

void op_resize(Oper *o) {
  Resize r = {.mode = op_string(o, "mode", "nearest"), .nearest = op_string(o, "nearest_mode", "round_prefer_floor")};
  r.place = op_string(o, "coordinate_transformation_mode", "half_pixel");
  r.cubic = op_float(o, "cubic_coeff_a", -0.75);
  r.outside = op_float(o, "extrapolation_value", 0);
  r.antialias = op_int(o, "antialias", 0) != 0;
  r.exclude = op_int(o, "exclude_outside", 0) != 0;
  if (o->opset < 11) {
    r.place = "asymmetric";
    r.nearest = "floor";
  }
  resize(o, &r, o->opset < 11 ? 1 : 2);
}

void op_upsample(Oper *o) {
  Resize r = {.mode = op_string(o, "mode", "nearest"), .nearest = "floor", .place = "asymmetric"};
  resize(o, &r, 1);
}
