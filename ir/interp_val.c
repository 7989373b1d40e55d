/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of values, and walks over index spaces. */
#include "interp.h"
#include "prim/prim_scalar.h"
#include <string.h>

/* ---- floats of 16 bits: as bits in data from outside, as the f32 of that value everywhere else ---- */

static float half_get(DType t, uint16_t h) { return t == DT_F16 ? prim_from_f16(h) : prim_from_bf16(h); }

static uint16_t half_of(DType t, float x) { return (uint16_t)(t == DT_F16 ? prim_to_f16(x) : prim_to_bf16(x)); }

void val_round(Val *v, DType t) {
  float *x = v->data;
  for (int64_t i = 0; v->type == DT_F32 && dtype_is_half(t) && i < v->count; i++) x[i] = half_get(t, half_of(t, x[i]));
}

void val_store(const Val *v, DType t, void *to) {
  Val array = {.type = t, .count = v->count, .data = to};
  val_fill(&array, v->type, v->data);
}

/* ---- elements ---- */

double val_get(const Val *v, int64_t i) {
  if (dtype_is_half(v->type)) return half_get(v->type, ((const uint16_t *)v->data)[i]);
  switch (v->type) {
#define X(e, name, bytes, c, kind, form) \
  case DT_##e: return (double)((const c *)v->data)[i];
    DTYPES(X)
#undef X
  default: return 0;
  }
}

int64_t val_int(const Val *v, int64_t i) {
  switch (v->type) {
#define X(e, name, bytes, c, kind, form) \
  case DT_##e: return (int64_t)((const c *)v->data)[i];
    DTYPES(X)
#undef X
  default: return 0;
  }
}

const char *val_number_text(Ctx *c, DType t, const Val *v, int64_t i) {
  return v->type == DT_I64 ? ctx_strf(c, "%lld", (long long)val_int(v, i)) : dtype_number_text(c, t, val_get(v, i));
}

void val_set_int(Val *v, int64_t i, int64_t x) {
  uint64_t low = (uint64_t)x;
  switch (v->type) {
#define X(e, name, bytes, c, kind, form) \
  case DT_##e: ((c *)v->data)[i] = (c)low; break;
    DTYPES(X)
#undef X
  default: break;
  }
}

void val_set(Val *v, int64_t i, double x) {
  switch (v->type) {
  case DT_F32: ((float *)v->data)[i] = (float)x; break;
  case DT_F64: ((double *)v->data)[i] = x; break;
  case DT_F16:
  case DT_BF16: ((uint16_t *)v->data)[i] = half_of(v->type, (float)x); break;
  default: val_set_int(v, i, dtype_to_int(v->type, x));
  }
}

void val_convert(Val *to, int64_t i, const Val *from, int64_t at) {
  if (dtype_is_float(from->type)) {
    val_set(to, i, val_get(from, at));
    return;
  }
  int64_t x = val_int(from, at);
  if (dtype_is_float(to->type)) val_set(to, i, to->type == DT_F64 ? (double)x : (float)x);
  else val_set_int(to, i, dtype_saturate(to->type, x));
}

void val_fill(Val *v, DType from, const void *p) {
  Val src = {.type = from, .data = (void *)p};
  if (v->type == from) memcpy(v->data, p, (size_t)v->count * (size_t)dtype_info[from].bytes);
  else
    for (int64_t i = 0; i < v->count; i++) val_convert(v, i, &src, i);
}

void val_strides(const Val *v, int64_t *stride) {
  int64_t s = 1;
  for (int i = v->rank - 1; i >= 0; i--) {
    stride[i] = s;
    s *= v->dim[i];
  }
}

/* ---- walks ---- */

void walk_init(Walk *w, int rank, const int64_t *dim) {
  memset(w, 0, sizeof *w);
  w->rank = rank;
  if (rank) memcpy(w->dim, dim, (size_t)rank * sizeof *dim);
}

int walk_add(Walk *w, int64_t base, const int64_t *stride) {
  int k = w->n++;
  if (w->rank) memcpy(w->stride[k], stride, (size_t)w->rank * sizeof *stride);
  w->base[k] = base;
  return k;
}

int walk_add_val(Walk *w, const Val *v) {
  int64_t own[MAX_RANK], stride[2 * MAX_RANK] = {0};
  int lead = w->rank - v->rank;
  val_strides(v, own);
  for (int i = 0; i < v->rank; i++) stride[lead + i] = v->dim[i] == 1 ? 0 : own[i];
  return walk_add(w, 0, stride);
}

/* Joins axis a with the one after it, where a step of a equals the extent of the other for every operand. */
static bool axes_join(const Walk *w, int a) {
  for (int k = 0; k < w->n; k++)
    if (w->stride[k][a] != w->stride[k][a + 1] * w->dim[a + 1]) return false;
  return true;
}

static void axis_remove(Walk *w, int a) {
  w->rank--;
  for (int i = a; i < w->rank; i++) {
    w->dim[i] = w->dim[i + 1];
    for (int k = 0; k < w->n; k++) w->stride[k][i] = w->stride[k][i + 1];
  }
}

bool walk_begin(Walk *w) {
  for (int i = 0; i < w->rank; i++)
    if (!w->dim[i]) return false;
  for (int i = w->rank - 1; i >= 0; i--)
    if (w->dim[i] == 1) axis_remove(w, i);
  for (int i = w->rank - 2; i >= 0; i--)
    if (axes_join(w, i)) {
      w->dim[i + 1] *= w->dim[i];
      axis_remove(w, i);
    }
  w->outer = w->rank ? w->rank - 1 : 0;
  w->len = w->rank ? w->dim[w->outer] : 1;
  memset(w->index, 0, sizeof w->index);
  for (int k = 0; k < w->n; k++) {
    w->step[k] = w->rank ? w->stride[k][w->outer] : 0;
    w->at[k] = w->base[k];
  }
  return true;
}

bool walk_next(Walk *w) {
  for (int i = w->outer - 1; i >= 0; i--) {
    for (int k = 0; k < w->n; k++) w->at[k] += w->stride[k][i];
    if (++w->index[i] < w->dim[i]) return true;
    for (int k = 0; k < w->n; k++) w->at[k] -= w->stride[k][i] * w->dim[i];
    w->index[i] = 0;
  }
  return false;
}
