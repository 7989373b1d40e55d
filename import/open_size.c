// SPDX-License-Identifier: Apache-2.0
/* Constants that have an open size in their shape: the program is imported with several sizes, and such a constant is
 * computed from a slice of it. */
#include "import/import.h"
#include <string.h>

static size_t element_bytes(const Tensor *t) {
  int bits = onnx_type(t->type)->bits;
  return bits < 8 ? 1 : (size_t)bits / 8;
}

/* The axis on which two shapes differ; -1: none, -2: several, or other types. */
static int other_axis(const Tensor *a, const Tensor *b) {
  int axis = -1;
  if (a->type != b->type || a->rank != b->rank) return -2;
  for (int i = 0; i < a->rank; i++)
    if (a->dim[i] != b->dim[i]) axis = axis == -1 ? i : -2;
  return axis;
}

/* Element `at` of slice k along the axis. */
static int64_t place(const Tensor *t, int axis, int64_t k, int64_t at) {
  int64_t inner = 1;
  for (int i = axis + 1; i < t->rank; i++) inner *= t->dim[i];
  return (at / inner * t->dim[axis] + k) * inner + at % inner;
}

/* Whether slice k is slice 0 of `first`, plus k times the difference of its first two if the elements are integers. */
static bool is_linear(const Tensor *first, const Tensor *t, int axis, bool *steps) {
  int64_t n = first->count / first->dim[axis];
  bool integral = t->type == ONNX_INT64 || t->type == ONNX_INT32;
  size_t bytes = element_bytes(t);
  for (int64_t k = 0; k < t->dim[axis]; k++)
    for (int64_t i = 0; i < n; i++) {
      int64_t at = place(t, axis, k, i), zero = place(first, axis, 0, i), one = place(first, axis, 1, i);
      if (!memcmp((const char *)t->data + at * (int64_t)bytes, (const char *)first->data + zero * (int64_t)bytes,
                  bytes))
        continue;
      int64_t step = integral ? tensor_integer(first, one) - tensor_integer(first, zero) : 0;
      if (!step || tensor_integer(t, at) != tensor_integer(first, zero) + k * step) return false;
      *steps = true;
    }
  return true;
}

/* A weight of one slice: the first, or the step between slices. */
static ImportWeight slice_weight(Import *m, const ImportWeight *w, const Tensor *t, int axis, bool step) {
  Value *v = onnx_value(m, w->v->s);
  Tensor *one = ctx_alloc(m->c, sizeof *one);
  int64_t n = t->count / t->dim[axis], bytes = (int64_t)element_bytes(t);
  char *to = ctx_alloc(m->c, (size_t)(n * bytes) + 1);
  for (int64_t i = 0; i < n; i++) {
    int64_t zero = place(t, axis, 0, i),
            diff = step ? tensor_integer(t, place(t, axis, 1, i)) - tensor_integer(t, zero) : 0;
    memcpy(to + i * bytes, step ? (const char *)&diff : (const char *)t->data + zero * bytes, (size_t)bytes);
  }
  *one = *t;
  one->dim[axis] = v->s.dim[axis] = 1;
  one->count = n;
  one->data = to;
  v->known = one;
  v->onnx = w->v->onnx;
  return (ImportWeight){ctx_strf(m->c, "%s_%s", w->name, step ? "step" : "first"), v, w->param};
}

static void replace_weight(Import *m, int i, int axis, bool steps) {
  ImportWeight w = m->weight[i], first = slice_weight(m, &w, w.v->known, axis, false);
  const Shape *s = &w.v->s;
  Str b = {.c = m->c};
  str_printf(&b, "broadcast_to(%s", first.name);
  if (steps) {
    int64_t dim[MAX_RANK];
    for (int k = 0; k < s->rank; k++) dim[k] = k == axis ? s->dim[k] : 1;
    *VEC_PUSH(m->c, m->weight, m->nweight, m->capw) = slice_weight(m, &w, w.v->known, axis, true);
    str_printf(&b, " + reshape(iota(%lld), %s) * %s_step", (long long)s->dim[axis], shape_list(m->c, dim, s->rank),
               w.name);
  }
  str_printf(&b, ", %s)", shape_list(m->c, s->dim, s->rank));
  m->weight[i] = first;
  Line line = {.name = w.name, .text = b.s, .type = type_of(m->c, s), .node = "", .op = "Constant"};
  (void)VEC_PUSH(m->c, m->line, m->nline, m->capl);
  memmove(m->line + 1, m->line, (size_t)(m->nline - 1) * sizeof *m->line);
  m->line[0] = line;
}

bool import_open_weights(Import *m) {
  int n = m[0].nweight;
  for (int k = 1; k < OPEN_SIZES; k++)
    if (m[k].nweight != n) return false;
  for (int i = 0; i < n; i++) {
    const Tensor *t = m[0].weight[i].v->known;
    bool steps = false;
    int axis = -1;
    for (int k = 1; k < OPEN_SIZES; k++) {
      axis = other_axis(t, m[k].weight[i].v->known);
      if (axis == -2) return false;
      if (axis == -1 && memcmp(t->data, m[k].weight[i].v->known->data, (size_t)t->count * element_bytes(t)))
        return false;
    }
    for (int k = 0; axis >= 0 && k < OPEN_SIZES; k++)
      if (!is_linear(t, m[k].weight[i].v->known, axis, &steps)) return false;
    for (int k = 0; axis >= 0 && k < OPEN_SIZES; k++) replace_weight(&m[k], i, axis, steps);
  }
  return true;
}
