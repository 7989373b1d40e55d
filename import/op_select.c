// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* qsort_r */
/* Operators whose result has as many elements as their operands say: computed at import, from operands that are
 * constants. */
#include "import/import.h"
#include "import/template.h"
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 20 }; /* elements that are searched */

static bool known(Oper *o, int i, const Tensor **t) {
  if (!op_known(o, i, t)) return false;
  if ((*t)->count <= MOST) return true;
  op_refuse(o, E_ONNX_NODE, "operand %d has more than %d elements", i + 1, MOST);
  return false;
}

/* The slices of operand 0 along an axis, or its elements (axis -1), where the condition holds. */
void op_compress(Oper *o) {
  Shape s = *op_shape(o, 0);
  const Tensor *t;
  const char *x = op_x(o, 0);
  Str at = {.c = o->m->c}, all = {.c = o->m->c};
  int axis = op_attr(o, "axis") ? op_axis(o, "axis", 0, s.rank) : -1;
  if (o->refused || !known(o, 1, &t)) return;
  if (axis < 0) {
    x = op_str(o, "reshape(%s, [-1])", x);
    s = shape_of(s.type, 1, (int64_t[]){shape_count(&s)});
    axis = 0;
  }
  int64_t n = 0;
  for (int64_t i = 0; i < t->count && i < s.dim[axis]; i++)
    if (tensor_integer(t, i)) str_printf(&at, "%s%lld", n++ ? ", " : "", (long long)i);
  s.dim[axis] = n;
  for (int i = 0; i < axis; i++) str_puts(&all, ":, ");
  if (n) op_give(o, 0, s, "%s[%si32([%s])]", x, all.s ? all.s : "", at.s);
  else op_give(o, 0, s, "%s(broadcast_to(0, %s))", type_name(s.type), shape_list(o->m->c, s.dim, s.rank));
}

/* Indices [rank, n] of the elements that are not 0, in their order. */
void op_nonzero(Oper *o) {
  const Tensor *t;
  int64_t row[MAX_RANK], n = 0, at = 0;
  if (!known(o, 0, &t)) return;
  int rank = t->rank ? t->rank : 1;
  row_strides(t->dim, t->rank, row);
  for (int64_t i = 0; i < t->count; i++) n += tensor_number(t, i) != 0;
  int64_t *to = ctx_alloc(o->m->c, (size_t)(n * rank + 1) * 8);
  for (int64_t i = 0; i < t->count; i++) {
    if (tensor_number(t, i) == 0) continue;
    for (int k = 0; k < t->rank; k++) to[k * n + at] = i / row[k] % t->dim[k];
    at++;
  }
  op_give_known(o, 0, shape_of(ONNX_INT64, 2, (int64_t[]){rank, n}), to);
}

/* ---- unique slices along an axis ---- */

typedef struct Slices {
  const Tensor *t;
  int64_t n, inner, outer; /* slices; elements of the axes after it and before it */
} Slices;

static int64_t element(const Slices *s, int64_t slice, int64_t k) {
  return (k / s->inner * s->n + slice) * s->inner + k % s->inner;
}

static int order(const void *a, const void *b, void *arg) {
  const Slices *s = arg;
  int64_t i = *(const int64_t *)a, k = *(const int64_t *)b;
  for (int64_t e = 0; e < s->outer * s->inner; e++) {
    double x = tensor_number(s->t, element(s, i, e)), y = tensor_number(s->t, element(s, k, e));
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

static int stable(const void *a, const void *b, void *arg) {
  int64_t i = *(const int64_t *)a, k = *(const int64_t *)b;
  int r = order(a, b, arg);
  return r ? r : (i > k) - (i < k);
}

static int by_place(const void *a, const void *b, void *arg) {
  const int64_t *first = arg, i = first[*(const int64_t *)a], k = first[*(const int64_t *)b];
  return (i > k) - (i < k);
}

/* Groups of equal slices: `first` of each group, its count, and the group of each slice. */
typedef struct Groups {
  int64_t n, *first, *count, *of;
} Groups;

static Groups groups_of(Oper *o, Slices *s, bool sorted) {
  Ctx *c = o->m->c;
  size_t bytes = (size_t)(s->n + 1) * 8;
  int64_t *by = ctx_alloc(c, bytes), *rank = ctx_alloc(c, bytes), *place = ctx_alloc(c, bytes);
  Groups all = {0, ctx_alloc(c, bytes), ctx_alloc(c, bytes), ctx_alloc(c, bytes)}, g = all;
  for (int64_t i = 0; i < s->n; i++) by[i] = i;
  qsort_r(by, (size_t)s->n, sizeof *by, stable, s);
  for (int64_t i = 0; i < s->n; i++) {
    if (!i || order(&by[i - 1], &by[i], s)) all.first[all.n++] = by[i];
    all.of[by[i]] = all.n - 1;
    all.count[all.n - 1]++;
  }
  if (sorted) return all;
  g.first = ctx_alloc(c, bytes);
  g.count = ctx_alloc(c, bytes);
  for (int64_t i = 0; i < all.n; i++) rank[i] = i;
  qsort_r(rank, (size_t)all.n, sizeof *rank, by_place, all.first);
  for (int64_t i = 0; i < all.n; i++) {
    g.first[i] = all.first[rank[i]];
    g.count[i] = all.count[rank[i]];
    place[rank[i]] = i;
  }
  for (int64_t i = 0; i < s->n; i++) g.of[i] = place[all.of[i]];
  g.n = all.n;
  return g;
}

void op_unique(Oper *o) {
  const Tensor *t;
  if (!known(o, 0, &t)) return;
  int axis = op_attr(o, "axis") ? op_axis(o, "axis", 0, t->rank) : -1;
  if (o->refused) return;
  Shape s = shape_of(t->type, t->rank, t->dim);
  Slices x = {t, t->count, 1, 1};
  if (axis >= 0) {
    x.n = t->dim[axis];
    for (int i = 0; i < t->rank; i++) *(i < axis ? &x.outer : &x.inner) *= i == axis ? 1 : t->dim[i];
  } else {
    s = shape_of(t->type, 1, &x.n);
  }
  if (t->count == 0) return op_refuse(o, E_ONNX_NODE, "of no elements");
  Groups g = groups_of(o, &x, op_int(o, "sorted", 1) != 0);
  int64_t bytes = onnx_type(t->type)->bits < 8 ? 1 : onnx_type(t->type)->bits / 8;
  char *to = ctx_alloc(o->m->c, (size_t)(g.n * x.inner * x.outer * bytes) + 8);
  Slices y = {t, g.n, x.inner, x.outer};
  for (int64_t i = 0; i < g.n; i++)
    for (int64_t e = 0; e < x.inner * x.outer; e++)
      memcpy(to + element(&y, i, e) * bytes, (const char *)t->data + element(&x, g.first[i], e) * bytes, (size_t)bytes);
  s.dim[axis < 0 ? 0 : axis] = g.n;
  op_give_known(o, 0, s, to);
  op_give_known(o, 1, shape_of(ONNX_INT64, 1, &g.n), g.first);
  op_give_known(o, 2, shape_of(ONNX_INT64, 1, &x.n), g.of);
  op_give_known(o, 3, shape_of(ONNX_INT64, 1, &g.n), g.count);
}

/* ---- non-maximum suppression ---- */

/* low and high corner of a box: y, x, y, x. */
static void corners(const Tensor *t, int64_t box, bool centre, double *to) {
  double v[4];
  for (int k = 0; k < 4; k++) v[k] = tensor_number(t, 4 * box + k);
  for (int k = 0; k < 2; k++) {
    double a = centre ? v[1 - k] - v[3 - k] / 2 : v[k], b = centre ? v[1 - k] + v[3 - k] / 2 : v[2 + k];
    to[k] = a < b ? a : b;
    to[2 + k] = a < b ? b : a;
  }
}

static bool overlaps(const Tensor *t, int64_t a, int64_t b, bool centre, double threshold) {
  double p[4], q[4], common = 1, area_p, area_q;
  corners(t, a, centre, p);
  corners(t, b, centre, q);
  for (int k = 0; k < 2; k++) {
    double low = p[k] > q[k] ? p[k] : q[k], high = p[2 + k] < q[2 + k] ? p[2 + k] : q[2 + k];
    if (high <= low) return false;
    common *= high - low;
  }
  area_p = (p[2] - p[0]) * (p[3] - p[1]);
  area_q = (q[2] - q[0]) * (q[3] - q[1]);
  return (float)(common / (area_p + area_q - common)) > (float)threshold;
}

typedef struct Boxes {
  const Tensor *box, *score;
  int64_t n, most; /* boxes of a record; results of a class at most */
  double overlap, least;
  bool any, centre; /* any: without a least score */
} Boxes;

static int by_score(const void *a, const void *b, void *arg) {
  const Boxes *x = arg;
  int64_t i = *(const int64_t *)a, k = *(const int64_t *)b;
  double p = tensor_number(x->score, i), q = tensor_number(x->score, k);
  return p != q ? (p > q ? -1 : 1) : (i > k) - (i < k);
}

/* Appends the boxes of one class, whose scores begin at `start`; the new number of rows. */
static int64_t suppress(Oper *o, Boxes *x, int64_t record, int64_t class, int64_t start, int64_t *to, int64_t n) {
  int64_t *by = ctx_alloc(o->m->c, (size_t)(x->n + 1) * 8), count = 0, first = n;
  for (int64_t i = 0; i < x->n; i++)
    if (x->any || tensor_number(x->score, start + i) > x->least) by[count++] = start + i;
  qsort_r(by, (size_t)count, sizeof *by, by_score, x);
  for (int64_t i = 0; i < count && n - first < x->most; i++) {
    bool kept = true;
    for (int64_t k = first; k < n && kept; k++)
      kept = !overlaps(x->box, record * x->n + by[i] - start, record * x->n + to[3 * k + 2], x->centre, x->overlap);
    if (!kept) continue;
    to[3 * n] = record;
    to[3 * n + 1] = class;
    to[3 * n++ + 2] = by[i] - start;
  }
  return n;
}

void op_nms(Oper *o) {
  Boxes x = {.any = !has_in(o, 4), .centre = op_int(o, "center_point_box", 0) != 0};
  const Tensor *t[3] = {NULL};
  if (!known(o, 0, &x.box) || !known(o, 1, &x.score)) return;
  for (int i = 0; i < 3; i++)
    if (has_in(o, 2 + i) && !known(o, 2 + i, &t[i])) return;
  const Tensor *b = x.box, *s = x.score;
  if (b->rank != 3 || s->rank != 3 || b->dim[2] != 4 || s->dim[2] != b->dim[1] || s->dim[0] != b->dim[0])
    return op_refuse(o, E_ONNX_NODE, "boxes and scores do not fit");
  x.n = b->dim[1];
  x.most = t[0] && t[0]->count ? tensor_integer(t[0], 0) : 0;
  x.overlap = t[1] && t[1]->count ? tensor_number(t[1], 0) : 0;
  if (t[2] && t[2]->count) x.least = tensor_number(t[2], 0);
  else x.any = true;
  int64_t *to = ctx_alloc(o->m->c, (size_t)(3 * s->count + 1) * 8), n = 0;
  for (int64_t i = 0; i < s->dim[0]; i++)
    for (int64_t k = 0; k < s->dim[1]; k++) n = suppress(o, &x, i, k, (i * s->dim[1] + k) * x.n, to, n);
  op_give_known(o, 0, shape_of(ONNX_INT64, 2, (int64_t[]){n, 3}), to);
}

/* ---- what the language has no type for ---- */

/* arg: what it works on. */
void op_no_type(Oper *o) { op_refuse(o, E_ONNX_TYPE, "of %s", o->arg); }
void op_no_shape(Oper *o) { op_refuse(o, E_ONNX_SHAPE, "%s", o->arg); }
