/* SPDX-License-Identifier: Apache-2.0 */
#include "npy.h"
#include "rt.h"
#include <string.h>

/* NumPy has no bf16: "" is not used. */
static GcDType stored_as(GcDType t) { return t == GC_BF16 ? GC_F32 : t; }

void npy_head(JsonText *t, GcDType type, int rank, const int64_t *dim) {
  static const char *const descr[] = {"|b1", "|u1", "|i1", "u2", "i2", "u4", "i4", "f4", "f8", "f2", "", "i8"};
  _Static_assert(COUNT(descr) == GC_DTYPES, "a type per GcDType");
  const char *d = descr[stored_as(type)];
  const uint16_t one = 1;
  const char *order = *d == '|' ? "" : *(const char *)&one ? "<" : ">";
  char *shape = rt_strdup("");
  for (int i = 0; i < rank; i++) {
    char *longer = rt_printf("%s%lld%s", shape, (long long)dim[i], rank == 1 ? "," : i + 1 < rank ? ", " : "");
    rt_free(shape);
    shape = longer;
  }
  char *head = rt_printf("{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }", order, d, shape);
  size_t n = strlen(head), all = (10 + n + 1 + 63) / 64 * 64; /* the elements begin at a multiple of 64 */
  unsigned char first[] = {
    0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)(all - 10), (unsigned char)((all - 10) >> 8)};
  json_put(t, (const char *)first, sizeof first);
  json_put(t, head, n);
  for (size_t i = 10 + n; i + 1 < all; i++) json_puts(t, " ");
  json_puts(t, "\n");
  rt_free(shape);
  rt_free(head);
}

void npy_put(JsonText *t, GcDType type, const void *p, uint64_t n) {
  if (type != GC_BF16) {
    json_put(t, p, (size_t)n * gc_dtype_size[type]);
    return;
  }
  for (uint64_t i = 0; i < n; i++) {
    float f = (float)num_load(type, p, (size_t)i);
    json_put(t, (const char *)&f, sizeof f);
  }
}
