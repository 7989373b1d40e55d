/* Weights and states between their stored order in memory and the logical row-major order of files and hashes. */
#include "rt.h"
#include <stdlib.h>
#include <string.h>

size_t var_count(const GcVar *v) {
  size_t n = 1;
  for (int i = 0; i < v->rank; i++) n *= (size_t)v->dim[i];
  return n;
}

static bool row_major(const GcVar *v) {
  if (v->panel && v->rank) return false;
  for (int i = 0; i < v->rank; i++) if (v->stored[i] != i) return false;
  return true;
}

/* Copies between the two orders, walking logical indices. Without panels an element lies at the sum of index times
 * stride; with them at (panels before) + (row within the panel) * (this panel's width) + column. */
static void copy(const GcVar *v, unsigned char *stored, unsigned char *logical, bool load) {
  size_t stride[GC_MAX_RANK] = {0}, index[GC_MAX_RANK] = {0}, n = var_count(v), rows = 1;
  size_t size = gc_dtype_size[v->dtype], split = v->panel ? v->panel_axis : GC_MAX_RANK;
  for (int i = v->rank - 1; i >= 0; i--) {
    int axis = v->stored[i];
    if ((size_t)axis == split) continue;
    stride[axis] = rows;
    rows *= (size_t)v->dim[axis];
  }
  for (size_t k = 0; k < n; k++) {
    size_t at = 0;
    for (int i = 0; i < v->rank; i++) at += index[i] * stride[i];
    if (v->panel) {
      size_t c = index[split], first = c - c % v->panel, left = (size_t)v->dim[split] - first;
      size_t width = left < v->panel ? left : v->panel;
      at = first * rows + at * width + (c - first);
    }
    if (load) memcpy(stored + at * size, logical + k * size, size);
    else memcpy(logical + k * size, stored + at * size, size);
    for (int i = v->rank - 1; i >= 0 && ++index[i] == (size_t)v->dim[i]; i--) index[i] = 0;
  }
}

void var_to_logical(const GcVar *v, const void *mem, void *dst) {
  unsigned char *p = (unsigned char *)(uintptr_t)mem + v->offset;
  if (row_major(v)) memcpy(dst, p, var_count(v) * gc_dtype_size[v->dtype]);
  else copy(v, p, dst, false);
}

void var_from_logical(const GcVar *v, void *mem, const void *src) {
  unsigned char *p = (unsigned char *)mem + v->offset;
  if (row_major(v)) memcpy(p, src, var_count(v) * gc_dtype_size[v->dtype]);
  else copy(v, p, (unsigned char *)(uintptr_t)src, true);
}

static uint64_t hash_into(uint64_t h, const GcVar *v, const void *mem) {
  size_t n = var_count(v) * gc_dtype_size[v->dtype];
  if (row_major(v)) return gc_hash(h, (const unsigned char *)mem + v->offset, n);
  void *p = rt_alloc(n);
  var_to_logical(v, mem, p);
  h = gc_hash(h, p, n);
  free(p);
  return h;
}

uint64_t var_hash(const GcVar *v, const void *mem) {
  return hash_into(0, v, mem);
}

static int by_name(const void *a, const void *b) {
  return strcmp((*(const GcVar *const *)a)->name, (*(const GcVar *const *)b)->name);
}

uint64_t vars_hash(const GcModel *m, const void *mem) {
  const GcVar **v = rt_array((size_t)m->nvars, sizeof *v);
  int n = 0;
  for (int i = 0; i < m->nvars; i++) if (m->vars[i].kind != GC_OPTIM) v[n++] = &m->vars[i];
  qsort(v, (size_t)n, sizeof *v, by_name);
  uint64_t h = 0;
  for (int i = 0; i < n; i++) {
    h = gc_hash(h, v[i]->name, strlen(v[i]->name));
    h = gc_hash(h, v[i]->dim, v[i]->rank * sizeof v[i]->dim[0]);
    h = hash_into(h, v[i], mem);
  }
  free(v);
  return h;
}

const GcVar *vars_not_finite(const GcModel *m, const void *mem) {
  for (int i = 0; i < m->nvars; i++) {
    const GcVar *v = &m->vars[i];
    if (v->kind != GC_PARAM || v->dtype != GC_F32) continue;
    const float *p = (const float *)((const unsigned char *)mem + v->offset);
    float sum = 0; /* NaN and Inf stay in a sum of differences; finite values add zeros */
    for (size_t k = 0, n = var_count(v); k < n; k++) sum += p[k] - p[k];
    if (sum != 0) return v;
  }
  return NULL;
}
