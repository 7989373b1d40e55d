// SPDX-License-Identifier: Apache-2.0
/* Contractions and convolutions. */
#include "export/export.h"
#include "ir/contract.h"
#include <string.h>

/* Whether the labels are those of MatMul: left BATCH M… K, right BATCH K N, result BATCH M… N; several M without a
 * batch only, or a vector in place of a matrix. */
static bool is_matmul(const char *l, const char *r, const char *o) {
  size_t nl = strlen(l), nr = strlen(r), no = strlen(o), batch = 0;
  while (batch < nl && batch < nr && batch < no && l[batch] == r[batch] && o[batch] == l[batch]) batch++;
  if (nl <= batch || nr <= batch) return false;
  size_t m = nl - batch - 1, n = nr - batch - 1;
  if (l[nl - 1] != r[batch] || strchr(o, r[batch]) || n > 1 || no != batch + m + n) return false;
  if (batch && (m != 1 || n != 1)) return false;
  return !memcmp(o + batch, l + batch, m) && (!n || o[no - 1] == r[nr - 1]);
}

void write_contract(Export *x, Id n) {
  const char *spec = node_attr(x->at->g, n, ATTR(contract, spec))->s, *comma = strchr(spec, ','),
             *arrow = strstr(spec, "->");
  const char *l = ctx_strf(x->c, "%.*s", (int)(comma - spec), spec);
  char *r = ctx_strf(x->c, "%.*s", (int)(arrow - comma) - 1, comma + 1);
  int type = export_computed(export_out_type(x)->dtype);
  const char *a = export_in_as(x, 0, type), *b = export_in_as(x, 1, type);
  if (is_matmul(l, r, arrow + 2)) {
    export_give(x, NODE(x, "MatMul", a, b), type);
    return;
  }
  size_t k = strlen(r);
  char *swapped = ctx_strf(x->c, "%s", r);
  if (k >= 2) swapped[k - 1] = r[k - 2], swapped[k - 2] = r[k - 1];
  if (k >= 2 && is_matmul(l, swapped, arrow + 2)) {
    int64_t perm[MAX_RANK];
    for (int i = 0; i < (int)k; i++) perm[i] = i;
    perm[k - 1] = (int64_t)k - 2, perm[k - 2] = (int64_t)k - 1;
    b = export_transpose(x, b, perm, (int)k);
    export_give(x, NODE(x, "MatMul", a, b), type);
    return;
  }
  export_text(x, "equation", spec);
  export_give(x, NODE(x, "Einsum", a, b), type);
}

/* ---- convolutions ---- */

static void put_geometry(Export *x, const ConvGeom *c, const int64_t *stride, const int64_t *dilation) {
  int64_t pads[2 * CONV_SPATIAL];
  memcpy(pads, c->lo, (size_t)c->spatial * sizeof *pads);
  memcpy(pads + c->spatial, c->hi, (size_t)c->spatial * sizeof *pads);
  export_ints(x, "strides", stride, c->spatial);
  export_ints(x, "pads", pads, 2 * c->spatial);
  export_ints(x, "dilations", dilation, c->spatial);
}

void write_conv(Export *x, Id n) {
  ConvGeom c;
  conv_of(x->at->g, n, &c);
  int type = export_computed(export_out_type(x)->dtype);
  const char *image = export_in_as(x, 0, type), *w = export_in_as(x, 1, type);
  put_geometry(x, &c, c.stride, c.dilation);
  export_int(x, "group", c.groups);
  export_give(x, NODE(x, "Conv", image, w), type);
}

/* The adjoint in x. Rows of x that no window ends at are `output_padding`. */
void write_conv_dx(Export *x, Id n) {
  ConvGeom c;
  conv_of(x->at->g, n, &c);
  int type = export_computed(export_out_type(x)->dtype);
  int64_t more[CONV_SPATIAL];
  for (int i = 0; i < c.spatial; i++) {
    if (!dim_is_const(c.x[i])) {
      export_refuse(x, "the gradient of a convolution over run-time sizes", "give the image a fixed size");
      return;
    }
    more[i] = c.x[i] - ((c.y[i] - 1) * c.stride[i] + c.dilation[i] * (c.k[i] - 1) + 1 - c.lo[i] - c.hi[i]);
  }
  const char *image = export_in_as(x, 0, type), *w = export_in_as(x, 1, type);
  put_geometry(x, &c, c.stride, c.dilation);
  export_ints(x, "output_padding", more, c.spatial);
  export_int(x, "group", c.groups);
  export_give(x, NODE(x, "ConvTranspose", image, w), type);
}

/* The adjoint in w: x as an image of B channels, y as its weight, stride and dilation exchanged. Of the result, the
 * first k positions. */
void write_conv_dw(Export *x, Id n) {
  ConvGeom c;
  conv_of(x->at->g, n, &c);
  int type = export_computed(export_out_type(x)->dtype), rank = c.spatial + 2;
  int64_t perm[MAX_RANK] = {1, 0, 2, 3, 4}, zero[CONV_SPATIAL] = {0}, axes[CONV_SPATIAL] = {2, 3, 4};
  if (c.groups != 1) {
    export_refuse(x, "the gradient of the weight of a grouped convolution", "leave it out of the export");
    return;
  }
  const char *image = export_transpose(x, export_in_as(x, 0, type), perm, rank);
  const char *dy = export_transpose(x, export_in_as(x, 1, type), perm, rank);
  put_geometry(x, &c, c.dilation, c.stride);
  const char *v = NODE(x, "Conv", image, dy);
  v = NODE(x, "Slice", v, export_const_ints(x, zero, c.spatial), export_const_ints(x, c.k, c.spatial),
           export_const_ints(x, axes, c.spatial));
  export_give(x, export_transpose(x, v, perm, rank), type);
}
