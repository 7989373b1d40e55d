/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of views and other data movement: copies, as values are dense. */
#include "interp.h"
#include "view.h"
#include <string.h>

/* Elements of `size` bytes between two strided runs. */
static void copy_run(char *to, int64_t to_step, const char *from, int64_t from_step, int64_t n, int size) {
  if (size == 4)
    for (int64_t i = 0; i < n; i++) ((uint32_t *)to)[i * to_step] = ((const uint32_t *)from)[i * from_step];
  else
    for (int64_t i = 0; i < n; i++) memcpy(to + i * to_step * size, from + i * from_step * size, (size_t)size);
}

/* Copies from src to dst along a walk whose operand 0 is in dst and operand 1 in src. */
static void copy_walk(Walk *w, Val *dst, const Val *src) {
  int size = dtype_info[dst->type].bytes;
  for (bool more = walk_begin(w); more; more = walk_next(w))
    copy_run((char *)dst->data + w->at[0] * size, w->step[0], (const char *)src->data + w->at[1] * size, w->step[1],
             w->len, size);
}

void eval_reshape(Eval *e, Id n) {
  const Type *t = node_type(e->g, n);
  int64_t dim[MAX_RANK];
  for (int i = 0; i < t->rank; i++) dim[i] = eval_dim(e, t->dim[i]);
  eval_set(e, n, eval_share(e, eval_in(e, n, 0), t->rank, dim));
}

/* The offset in x of the view's element 0, and the strides in x of its axes. */
static int64_t view_strides(Eval *e, Id n, const Val *x, const Val *y, int64_t *stride) {
  ViewMap v;
  int64_t own[MAX_RANK], base = 0;
  view_map(e->g, n, &v);
  val_strides(x, own);
  for (int i = 0; i < v.rank; i++) {
    const ViewAxis *a = &v.axis[i];
    int64_t first = eval_dim(e, a->start), lo = first, hi = first;
    for (int k = 0; k < a->n; k++) {
      int64_t reach = a->stride[k] * (y->dim[a->axis[k]] - 1);
      *(reach < 0 ? &lo : &hi) += reach;
      stride[a->axis[k]] += own[i] * a->stride[k];
    }
    if (y->count && (lo < 0 || hi >= x->dim[i]))
      eval_fail(e, n, "%s: outside of axis %d at these sizes", node_info(e->g, n)->name, i);
    base += own[i] * first;
  }
  return base;
}

void eval_view(Eval *e, Id n) {
  const Val *x = eval_in(e, n, 0);
  Val *y = eval_out(e, n);
  int64_t stride[MAX_RANK] = {0}, base = view_strides(e, n, x, y, stride);
  Walk w;
  walk_init(&w, y->rank, y->dim);
  walk_add_val(&w, y);
  walk_add(&w, base, stride);
  copy_walk(&w, y, x);
}

void eval_pad(Eval *e, Id n) {
  const Val *x = eval_in(e, n, 0);
  Val *y = eval_out(e, n);
  int64_t own[MAX_RANK], stride[MAX_RANK], base = 0;
  double value = node_attr(e->g, n, ATTR(pad, value))->f;
  for (int64_t i = 0; i < y->count; i++) val_set(y, i, value);
  val_strides(y, own);
  for (int i = 0; i < y->rank; i++) {
    int64_t start = eval_dim_attr(e, n, ATTR(pad, start), i), step = node_attr(e->g, n, ATTR(pad, step))->v[i];
    if (start < 0 || (x->dim[i] && start + (x->dim[i] - 1) * step >= y->dim[i]))
      eval_fail(e, n, "pad: does not fit axis %d at these sizes", i);
    stride[i] = own[i] * step;
    base += own[i] * start;
  }
  Walk w;
  walk_init(&w, x->rank, x->dim);
  walk_add(&w, base, stride);
  walk_add_val(&w, x);
  copy_walk(&w, y, x);
}

void eval_concat(Eval *e, Id n) {
  int axis = (int)node_attr(e->g, n, ATTR(concat, axis))->i;
  Val *y = eval_out(e, n);
  int64_t stride[MAX_RANK], at = 0;
  val_strides(y, stride);
  for (int i = 0; i < (int)node_get(e->g, n)->nin; i++) {
    const Val *x = eval_in(e, n, i);
    Walk w;
    walk_init(&w, x->rank, x->dim);
    walk_add(&w, at * stride[axis], stride);
    walk_add_val(&w, x);
    copy_walk(&w, y, x);
    at += x->dim[axis];
  }
}
