/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap of (cost, item): the lowest cost first, of equal costs the lowest item. */
#ifndef GRADC_HEAP_H
#define GRADC_HEAP_H
#include "ir/ctx.h"

typedef struct HeapKey {
  int64_t cost;
  int item;
} HeapKey;
typedef struct Heap {
  HeapKey *v;
  int n, cap;
} Heap;
void heap_push(Ctx *c, Heap *h, int64_t cost, int item);
HeapKey heap_pop(Heap *h);
#endif
