/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/algo/heap.h"

static bool key_less(HeapKey a, HeapKey b) { return a.cost != b.cost ? a.cost < b.cost : a.item < b.item; }

void heap_push(Ctx *c, Heap *h, int64_t cost, int item) {
  (void)VEC_PUSH(c, h->v, h->n, h->cap);
  int i = h->n - 1;
  HeapKey k = {cost, item};
  for (; i > 0 && key_less(k, h->v[(i - 1) / 2]); i = (i - 1) / 2) h->v[i] = h->v[(i - 1) / 2];
  h->v[i] = k;
}

HeapKey heap_pop(Heap *h) {
  HeapKey top = h->v[0], k = h->v[--h->n];
  int i = 0;
  for (int kid; (kid = 2 * i + 1) < h->n; i = kid) {
    if (kid + 1 < h->n && key_less(h->v[kid + 1], h->v[kid])) kid++;
    if (!key_less(h->v[kid], k)) break;
    h->v[i] = h->v[kid];
  }
  h->v[i] = k;
  return top;
}
