/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays as JSON: nested lists of numbers. */
#ifndef GRADC_JSON_ARRAY_H
#define GRADC_JSON_ARRAY_H
#include "json.h"
#include "num.h"

typedef struct JsonArray {
  GcDType type;
  void *to;         /* receives the elements, row-major; set by the caller, as are type and room */
  uint64_t room, n; /* in elements: of `to`; read */
  bool gaps;        /* set by the caller: null is read for integers too, as 0 */
  uint64_t missing; /* elements that are null or NaN */
  bool over;        /* it has more elements than room */
  int rank;         /* 0: a number without a list */
  int64_t dim[GC_MAX_RANK];
} JsonArray;
/* Reads the next value: a number, or lists of equal lengths of what is read. true and false are 1 and 0; null, NaN and
 * Infinity are read for floats. */
bool json_array(Json *j, JsonArray *a);

typedef struct JsonText { /* grows; p is NULL while it is empty */
  char *p;
  size_t n, cap;
} JsonText;
void json_put(JsonText *t, const char *s, size_t n);
void json_puts(JsonText *t, const char *s);
/* Appends an array in nested lists, flat: in one. What is not finite becomes null. */
void json_put_array(JsonText *t, GcDType type, const void *p, int rank, const int64_t *dim, bool flat);
#endif
