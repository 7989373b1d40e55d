// SPDX-License-Identifier: Apache-2.0
/* Operators that read images at places that are computed: grids, regions, offsets of kernels. Along each axis a place
 * has taps, indices with weights; their products over the axes weight the pixels. */
#include "import/import.h"
#include "import/template.h"
#include "import/window.h"
#include <math.h>
#include <string.h>

static const char *flag(bool v) { return v ? "true" : "false"; }

static int64_t product(const int64_t *v, int n) {
  int64_t all = 1;
  for (int i = 0; i < n; i++) all *= v[i];
  return all;
}

/* ---- grids ---- */

typedef struct Taps {
  const char *index, *weight; /* [N, P, taps of each axis] */
  int64_t n;                  /* of all axes */
} Taps;

/* The taps of all axes, from those of each: `axis[i]` is a list [indices, weights] of [N, P, k]. */
static Taps join_taps(Oper *o, const char *const *axis, const int64_t *size, int r, int64_t N, int64_t P, int64_t k) {
  Str index = {.c = o->m->c}, weight = {.c = o->m->c};
  int64_t stride[MAX_RANK], all = 1;
  row_strides(size, r, stride);
  for (int i = 0; i < r; i++) {
    int64_t d[5] = { N, P, 1, 1, 1 };
    d[2 + i] = k;
    all *= k;
    const char *list = shape_list(o->m->c, d, 2 + r);
    str_printf(&index, "%sreshape(%s[0], %s) * %lld", i ? " + " : "", axis[i], list, (long long)stride[i]);
    str_printf(&weight, "%sreshape(%s[1], %s)", i ? " * " : "", axis[i], list);
  }
  return (Taps){index.s, weight.s, all};
}

void op_grid_sample(Oper *o) {
  Shape x = *op_shape(o, 0), g = *op_shape(o, 1), s = x;
  int r = x.rank - 2;
  if (o->refused || r < 1 || r > 3 || g.rank != x.rank || g.dim[r + 1] != r || g.dim[0] != x.dim[0] ||
      !op_float_type(o, 0))
    return op_refuse(o, E_ONNX_NODE, "the grid does not fit the image");
  const char *mode = op_string(o, "mode", "linear"), *padding = op_string(o, "padding_mode", "zeros"), *axis[3];
  bool corners = op_int(o, "align_corners", 0) != 0, cubic = strstr(mode, "cubic") != NULL;
  int64_t k = cubic ? 4 : !strcmp(mode, "nearest") ? 1 : 2, P
  = product(g.dim + 1, r), N = x.dim[0], d[2] = { N, P };
  for (int i = 0; i < r; i++) {
    s.dim[2 + i] = g.dim[1 + i];
    axis[i] =
      op_let(o, "taps", "onnx_grid_taps(reshape(%s[..., %d], %s), %lld, %lld, \"%s\", %s)", op_x(o, 1), r - 1 - i,
             shape_list(o->m->c, d, 2), (long long)x.dim[2 + i], (long long)k, padding, flag(corners));
  }
  if (P == 0 || N == 0 || x.dim[1] == 0)
    return op_give(o, 0, s, "broadcast_to(%s(0), %s)", type_name(s.type), shape_list(o->m->c, s.dim, s.rank));
  Taps t = join_taps(o, axis, x.dim + 2, r, N, P, k);
  op_give(o, 0, s, "reshape(onnx_sample(%s, reshape(%s, [%lld, %lld, %lld]), reshape(%s, [%lld, %lld, %lld])), %s)",
          op_x(o, 0), t.index, (long long)N, (long long)P, (long long)t.n, t.weight, (long long)N, (long long)P,
          (long long)t.n, shape_list(o->m->c, s.dim, s.rank));
}

/* The grid of a transformation [N, r, r + 1] for images of the size [N, C, ...]: x is the last axis. */
void op_affine_grid(Oper *o) {
  const Shape *t = op_shape(o, 0);
  const int64_t *v;
  int n;
  Str b = {.c = o->m->c};
  if (!op_known_ints(o, 1, &v, &n)) return;
  int r = n - 2;
  if (r < 2 || r > 3 || t->rank != 3 || t->dim[1] != r || t->dim[2] != r + 1)
    return op_refuse(o, E_ONNX_NODE, "the transformation does not fit");
  Shape s = {.type = t->type, .rank = r + 2, .dim = {t->dim[0]}};
  int64_t of[5] = {t->dim[0], 1, 1, 1, 1};
  of[1 + r] = s.dim[1 + r] = r;
  for (int i = 0; i < r; i++) {
    int64_t along[5] = {1, 1, 1, 1, 1};
    along[r - i] = s.dim[r - i] = v[1 + r - i];
    str_printf(&b, "reshape(%s[:, :, %d], %s) * reshape(%s(onnx_coordinates(%lld, %s)), %s) + ", op_x(o, 0), i,
               shape_list(o->m->c, of, r + 2), type_name(s.type), (long long)v[1 + r - i],
               flag(op_int(o, "align_corners", 0) != 0), shape_list(o->m->c, along, r + 2));
  }
  op_give(o, 0, s, "%sreshape(%s[:, :, %d], %s)", b.s, op_x(o, 0), r, shape_list(o->m->c, of, r + 2));
}

/* ---- regions of interest [R, 4] ---- */

/* The largest number of samples along an axis of a bin: sampling_ratio, or by the size of the largest region. */
static int64_t most_samples(Oper *o, int axis, double scale, int64_t bins) {
  const Tensor *t;
  int64_t most = op_int(o, "sampling_ratio", 0);
  if (most > 0) return most;
  if (!op_known(o, 1, &t)) return 0;
  for (int64_t i = 0; i < t->dim[0]; i++) {
    double extent = (tensor_number(t, 4 * i + 2 + axis) - tensor_number(t, 4 * i + axis)) * scale;
    if (extent < 1 && strcmp(op_string(o, "coordinate_transformation_mode", "half_pixel"), "half_pixel")) extent = 1;
    int64_t n = (int64_t)ceil(extent / (double)bins) + 1; /* one more: f32 may round up */
    most = n > most ? n : most;
  }
  if (most > 1 << 10) op_refuse(o, E_ONNX_NODE, "a region of too many samples");
  return most;
}

void op_roi_align(Oper *o) {
  const Shape *x = op_shape(o, 0), *roi = op_shape(o, 1);
  static const char *const size[] = {"output_height", "output_width"};
  int64_t bins[2], most[2], R = roi->dim[0];
  double scale = op_float(o, "spatial_scale", 1);
  const char *taps[2], *how = op_string(o, "coordinate_transformation_mode", o->opset < 16 ? "" : "half_pixel");
  bool half = !strcmp(how, "half_pixel"), average = strcmp(op_string(o, "mode", "avg"), "max") != 0;
  if (x->rank != 4 || roi->rank != 2 || roi->dim[1] != 4 || !op_float_type(o, 0))
    return op_refuse(o, E_ONNX_NODE, "the regions do not fit");
  for (int i = 0; i < 2; i++) {
    bins[i] = op_int(o, size[i], 1);
    if (bins[i] < 1) return op_refuse(o, E_ONNX_NODE, "a size is out of range");
    most[i] = most_samples(o, 1 - i, scale, bins[i]);
    if (o->refused) return;
    taps[i] = op_let(o, "taps", "onnx_roi_taps(f32(%s[:, %d]) * %s, f32(%s[:, %d]) * %s, [%lld, %lld, %lld, %lld], %s)",
                     op_x(o, 1), 1 - i, op_num(o, scale), op_x(o, 1), 3 - i, op_num(o, scale), (long long)x->dim[2 + i],
                     (long long)bins[i], (long long)most[i], (long long)op_int(o, "sampling_ratio", 0), flag(half));
  }
  Shape s = shape_of(x->type, 4, (int64_t[]){R, x->dim[1], bins[0], bins[1]});
  op_give(o, 0, s, "%s(onnx_roi_align(%s, %s, %s, i32(%s), %s))", type_name(s.type), op_x(o, 0), taps[0], taps[1],
          op_x(o, 2), flag(average));
}

/* Regions [R, 5]: record, x1, y1, x2, y2, in pixels. */
void op_max_roi_pool(Oper *o) {
  const Shape *x = op_shape(o, 0), *roi = op_shape(o, 1);
  int n;
  const int64_t *bins = op_ints(o, "pooled_shape", &n);
  if (x->rank != 4 || roi->rank != 2 || roi->dim[1] != 5 || n != 2 || bins[0] < 1 || bins[1] < 1)
    return op_refuse(o, E_ONNX_NODE, "the regions do not fit");
  const char *scale = op_num(o, op_float(o, "spatial_scale", 1)), *mask[2];
  for (int i = 0; i < 2; i++)
    mask[i] = op_let(o, "inside", "onnx_roi_bins(%s[:, %d] * %s, %s[:, %d] * %s, %lld, %lld)", op_x(o, 1), 2 - i, scale,
                     op_x(o, 1), 4 - i, scale, (long long)x->dim[2 + i], (long long)bins[i]);
  Shape s = shape_of(x->type, 4, (int64_t[]){roi->dim[0], x->dim[1], bins[0], bins[1]});
  op_give(o, 0, s, "onnx_max_roi_pool(%s[i32(%s[:, 0])], %s, %s)", op_x(o, 0), op_x(o, 1), mask[0], mask[1]);
}

/* ---- kernels whose pixels move ---- */

void op_deform_conv(Oper *o) {
  Shape x = *op_shape(o, 0), k = *op_shape(o, 1), off = *op_shape(o, 2), s = x;
  int64_t group = op_int(o, "group", 1), parts = op_int(o, "offset_group", 1);
  Windows w;
  if (x.rank != 4 || k.rank != 4 || off.rank != 4) return op_refuse(o, E_ONNX_NODE, "not of images");
  if (!windows_read(o, k.dim + 2, &w) || !op_float_type(o, 0)) return;
  int64_t K = w.k[0] * w.k[1], N = x.dim[0], C = x.dim[1], P
  = w.out[0] * w.out[1];
  bool fits = group > 0 && parts > 0 && k.dim[1] * group == C && k.dim[0] % group == 0 && C % parts == 0 &&
              off.dim[1] == parts * K * 2 && off.dim[2] == w.out[0] && off.dim[3] == w.out[1] && off.dim[0] == N;
  if (!fits || shape_count(&off) == 0) return op_refuse(o, E_ONNX_NODE, "the offsets do not fit");
  const char *axis[2], *name = op_let(o, "moved", "reshape(%s, [%lld, %lld, 2, %lld])", op_x(o, 2),
                                      (long long)(N * parts), (long long)K, (long long)P);
  int64_t d[2] = { N * parts, K * P };
  for (int i = 0; i < 2; i++) {
    int64_t grid[4] = {w.k[i], w.out[i], w.stride[i], w.dilation[i]};
    axis[i] =
      op_let(o, "taps", "onnx_taps(reshape(%s[:, :, %d] + onnx_kernel_places(%s, %lld, %lld, %lld, %s), %s), %lld, 2)",
             name, i, shape_list(o->m->c, grid, 4), (long long)-w.before[i], (long long)w.k[1 - i],
             (long long)w.out[1 - i], flag(i == 0), shape_list(o->m->c, d, 2), (long long)x.dim[2 + i]);
  }
  Taps t = join_taps(o, axis, x.dim + 2, 2, N * parts, K * P, 2);
  int64_t split[4] = {N * parts, C / parts, x.dim[2], x.dim[3]}, flat[3] = { N * parts, K * P, 4 };
  const char *list = shape_list(o->m->c, flat, 3);
  const char *y = op_str(o, "onnx_sample(reshape(%s, %s), reshape(%s, %s), reshape(%s, %s))", op_x(o, 0),
                         shape_list(o->m->c, split, 4), t.index, list, t.weight, list);
  int64_t seen[4] = { N * parts, C / parts, K, P }, masks[4] = { N * parts, 1, K, P };
  y = op_str(o, "reshape(%s, %s)", y, shape_list(o->m->c, seen, 4));
  if (has_in(o, 4)) y = op_str(o, "%s * reshape(%s, %s)", y, op_x(o, 4), shape_list(o->m->c, masks, 4));
  int64_t columns[4] = { N, group, C / group * K, P }, rows[3] = {group, k.dim[0] / group, C / group * K};
  y = op_let(o, "columns", "reshape(%s, %s)", y, shape_list(o->m->c, columns, 4));
  s.dim[1] = k.dim[0];
  s.dim[2] = w.out[0];
  s.dim[3] = w.out[1];
  const char *bias = has_in(o, 3) ? op_str(o, " + reshape(%s, [%lld, 1, 1])", op_x(o, 3), (long long)k.dim[0]) : "";
  op_give(o, 0, s, "reshape(reshape(%s, %s) @ %s, %s)%s", op_x(o, 1), shape_list(o->m->c, rows, 3), y,
          shape_list(o->m->c, s.dim, 4), bias);
}
