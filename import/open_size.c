// SPDX-License-Identifier: Apache-2.0
/* A size that stays open: the program is imported with several sizes; a number that depends on the size is found by
 * where the texts differ, and must be linear in it. */
#include "import/import.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_word(int c) { return isalnum(c) || c == '_' || c == '.'; }

/* The number at p, if an integer begins there. */
static bool integer(const char *p, char before, int64_t *v, size_t *n) {
  if (!isdigit((unsigned char)*p) || is_word((unsigned char)before)) return false;
  *n = strspn(p, "0123456789");
  *v = strtoll(p, NULL, 10);
  return *n < 18 && !is_word((unsigned char)p[*n]);
}

/* a * name + b with the values v at the sizes; false: there is no such form. */
static bool put_linear(Str *b, const char *name, const int64_t *size, const int64_t *v) {
  int64_t step = size[1] - size[0], a = (v[1] - v[0]) / step, more = v[0] - a * size[0];
  for (int i = 0; i < OPEN_SIZES; i++)
    if (v[i] != a * size[i] + more) return false;
  if (a == 1 && !more) str_puts(b, name);
  else if (!more) str_printf(b, "(%lld * %s)", (long long)a, name);
  else if (a == 1) str_printf(b, "(%s + %lld)", name, (long long)more);
  else str_printf(b, "(%lld * %s + %lld)", (long long)a, name, (long long)more);
  return true;
}

/* The `dim` stands before the def, below the comment of the first line. */
const char *import_open(Ctx *c, const char *const *text, const int64_t *size, const char *name, int64_t bound,
                        size_t *n) {
  const char *p[OPEN_SIZES];
  Str b = {.c = c};
  memcpy(p, text, sizeof p);
  while (*p[0]) {
    int64_t v[OPEN_SIZES];
    size_t length[OPEN_SIZES];
    char before = p[0] == text[0] ? ' ' : p[0][-1];
    bool numbers = true, same = true;
    for (int i = 0; i < OPEN_SIZES; i++) numbers = numbers && integer(p[i], before, &v[i], &length[i]);
    for (int i = 1; i < OPEN_SIZES; i++) same &= numbers ? v[i] == v[0] : *p[i] == *p[0];
    if (!same && (!numbers || !put_linear(&b, name, size, v))) return NULL;
    if (same) str_put(&b, p[0], numbers ? length[0] : 1);
    for (int i = 0; i < OPEN_SIZES; i++) p[i] += numbers ? length[i] : 1;
    if (b.n && b.s[b.n - 1] == '\n' && p[0] == strchr(text[0], '\n') + 1)
      str_printf(&b, "dim %s <= %lld\n\n", name, (long long)bound);
  }
  *n = b.n;
  return *p[1] || *p[2] ? NULL : b.s;
}

/* ---- constants that have the size in their shape ---- */

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
  str_printf(&b, "    %s = broadcast_to(%s", w.name, first.name);
  if (steps) {
    int64_t dim[MAX_RANK];
    for (int k = 0; k < s->rank; k++) dim[k] = k == axis ? s->dim[k] : 1;
    *VEC_PUSH(m->c, m->weight, m->nweight, m->capw) = slice_weight(m, &w, w.v->known, axis, true);
    str_printf(&b, " + reshape(iota(%lld), %s) * %s_step", (long long)s->dim[axis], shape_list(m->c, dim, s->rank),
               w.name);
  }
  str_printf(&b, ", %s)\n", shape_list(m->c, s->dim, s->rank));
  m->weight[i] = first;
  if (m->body.n) str_put(&b, m->body.s, m->body.n);
  m->body = b;
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
