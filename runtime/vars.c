/* SPDX-License-Identifier: Apache-2.0 */
/* Weights and states between their stored order in memory and the logical row-major order of files and hashes. */
#include "num.h"
#include "rand.h"
#include "rt.h"
#include "vars.h"
#include <stdlib.h>
#include <string.h>

size_t var_count(const GcVar *v) {
  size_t n = 1;
  for (int i = 0; i < v->rank; i++) n *= (size_t)v->dim[i];
  return n;
}

bool var_is_row_major(const GcVar *v) {
  if (v->panel && v->rank) return false;
  for (int i = 0; i < v->rank; i++)
    if (v->stored[i] != i) return false;
  return true;
}

typedef struct Span {
  size_t at, n; /* first element in memory; elements along the last axis that are contiguous from there on */
} Span;

/* Where logical index (index…, c) is stored. Without panels: at the sum of index times stride; `row` is that sum
 * without the last axis. With panels: at (panels before) + (row within the panel) * (width of the panel) + column. */
static Span span_at(const GcVar *v, const size_t *index, size_t row, size_t c, size_t stride, size_t rows) {
  int last = v->rank - 1;
  size_t columns = (size_t)v->dim[last];
  if (!v->panel) return (Span){row + c * stride, stride == 1 ? columns - c : 1};
  bool along = v->panel_axis == last;
  size_t x = along ? c : index[v->panel_axis], first = x - x % v->panel;
  size_t left = (size_t)v->dim[v->panel_axis] - first, width = left < v->panel ? left : v->panel;
  if (!along) row += c * stride;
  return (Span){first * rows + row * width + (x - first), along ? width - (x - first) : 1};
}

/* Copies between the two orders, in runs that are contiguous in both. */
static void copy(const GcVar *v, unsigned char *stored, unsigned char *logical, bool load) {
  size_t stride[GC_MAX_RANK] = {0}, index[GC_MAX_RANK] = {0}, rows = 1, size = gc_dtype_size[v->dtype];
  int last = v->rank - 1;
  for (int i = last; i >= 0; i--) {
    int axis = v->stored[i];
    if (v->panel && axis == v->panel_axis) continue;
    stride[axis] = rows;
    rows *= (size_t)v->dim[axis];
  }
  size_t columns = (size_t)v->dim[last], lines = columns ? var_count(v) / columns : 0;
  for (size_t k = 0; k < lines; k++) {
    size_t row = 0;
    for (int i = 0; i < last; i++) row += index[i] * stride[i];
    for (size_t c = 0; c < columns;) {
      Span p = span_at(v, index, row, c, stride[last], rows);
      unsigned char *a = stored + p.at * size, *b = logical + (k * columns + c) * size;
      if (p.n == 1 && size == 4) memcpy(load ? a : b, load ? b : a, 4);
      else memcpy(load ? a : b, load ? b : a, p.n * size);
      c += p.n;
    }
    for (int i = last - 1; i >= 0 && ++index[i] == (size_t)v->dim[i]; i--) index[i] = 0;
  }
}

void var_to_logical(const GcVar *v, const void *mem, void *dst) {
  unsigned char *p = (unsigned char *)(uintptr_t)mem + v->offset;
  if (var_is_row_major(v)) memcpy(dst, p, var_count(v) * gc_dtype_size[v->dtype]);
  else copy(v, p, dst, false);
}

void var_from_logical(const GcVar *v, void *mem, const void *src) {
  unsigned char *p = (unsigned char *)mem + v->offset;
  if (var_is_row_major(v)) memcpy(p, src, var_count(v) * gc_dtype_size[v->dtype]);
  else copy(v, p, (unsigned char *)(uintptr_t)src, true);
}

static uint64_t hash_into(uint64_t h, const GcVar *v, const void *mem) {
  size_t n = var_count(v) * gc_dtype_size[v->dtype];
  if (var_is_row_major(v)) return gc_hash(h, (const unsigned char *)mem + v->offset, n);
  void *p = rt_alloc(n);
  var_to_logical(v, mem, p);
  h = gc_hash(h, p, n);
  rt_free(p);
  return h;
}

uint64_t var_hash(const GcVar *v, const void *mem) { return hash_into(0, v, mem); }

static int by_name(const void *a, const void *b) {
  return strcmp((*(const GcVar *const *)a)->name, (*(const GcVar *const *)b)->name);
}

uint64_t vars_hash(const GcModel *m, const void *mem) {
  const GcVar **v = rt_array((size_t)m->nvars, sizeof *v);
  int n = 0;
  for (int i = 0; i < m->nvars; i++)
    if (m->vars[i].kind != GC_OPTIM) v[n++] = &m->vars[i];
  qsort(v, (size_t)n, sizeof *v, by_name);
  uint64_t h = 0;
  for (int i = 0; i < n; i++) {
    h = gc_hash(h, v[i]->name, strlen(v[i]->name));
    h = gc_hash(h, v[i]->dim, v[i]->rank * sizeof v[i]->dim[0]);
    h = hash_into(h, v[i], mem);
  }
  rt_free(v);
  return h;
}

const GcVar *vars_not_finite(const GcModel *m, const void *mem) {
  for (int i = 0; i < m->nvars; i++) {
    const GcVar *v = &m->vars[i];
    if (v->kind != GC_PARAM || !gc_is_float(v->dtype)) continue;
    const void *at = (const unsigned char *)mem + v->offset;
    const float *p = at;
    double sum = 0; /* x - x is 0 if x is finite, else NaN */
    for (size_t k = 0, n = var_count(v); k < n; k++) {
      double x = v->dtype == GC_F32 ? (double)p[k] : num_load(v->dtype, at, k);
      sum += x - x;
    }
    if (sum != 0) return v;
  }
  return NULL;
}
