/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the caller's arrays against the types and shapes of the model. */
#include "lib/lib.h"
#include "runtime/num.h"
#include <string.h>

static const char *shape_text(int dtype, int rank, const int64_t *shape) {
  char *s = rt_strdup(dtype >= GRADC_BOOL && dtype <= GRADC_I64 ? gc_dtype_name[dtype] : "no element type");
  for (int i = 0; i < rank; i++) s = rt_printf("%s%s%lld", s, i ? ", " : "[", (long long)shape[i]);
  return rank ? rt_printf("%s]", s) : s;
}

void array_check(const gradc_array *a, const gradc_tensor *t, const int64_t *shape, const char *who) {
  uint64_t n = 1;
  if (a->rank && !a->shape) rt_die(E_ARRAY_MISMATCH, "%s `%s`: its shape is NULL", who, t->name);
  bool fits = a->rank == t->rank && a->dtype == t->dtype;
  for (int i = 0; fits && i < t->rank; i++) fits = a->shape[i] == shape[i];
  if (a->rank < 0 || a->rank > 2 * GRADC_MAX_RANK)
    rt_die(E_ARRAY_MISMATCH, "%s `%s`: an array of rank %d", who, t->name, a->rank);
  if (!fits)
    rt_die(E_ARRAY_MISMATCH, "%s `%s` is %s, the array is %s", who, t->name, shape_text(t->dtype, t->rank, shape),
           shape_text(a->dtype, a->rank, a->shape));
  for (int i = 0; i < t->rank; i++) n *= (uint64_t)shape[i];
  if (n && !a->data) rt_die(E_ARRAY_MISMATCH, "%s `%s`: its data is NULL", who, t->name);
  if ((uintptr_t)a->data % gc_dtype_size[t->dtype])
    rt_die(E_ARRAY_MISMATCH, "%s `%s`: its data is not aligned to its elements of %d bytes", who, t->name,
           gc_dtype_size[t->dtype]);
}
