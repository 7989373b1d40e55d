/* SPDX-License-Identifier: Apache-2.0 */
/* Queues of asynchronous work, closed into groups by commits. */
#include "codegen/cuda/host/host.h"
#include <stdlib.h>

void *queue_push(Queue *q, size_t size) {
  needs_fibers();
  if (q->n == q->capacity) {
    q->capacity = q->capacity ? 2 * q->capacity : 32;
    q->item = realloc(q->item, (size_t)q->capacity * size);
  }
  return (char *)q->item + (size_t)q->n++ * size;
}
void queue_commit(Queue *q) {
  if (q->ngroup == 64) error_at(NULL, "64 commits without a wait");
  else q->group[q->ngroup++] = q->n;
}
int queue_due(const Queue *q, int keep) { return q->ngroup > keep ? q->group[q->ngroup - keep - 1] : 0; }
void queue_pop(Queue *q, int n, int keep, size_t size) {
  int closed = q->ngroup > keep ? q->ngroup - keep : 0;
  if (!q->item) return;
  memmove(q->item, (char *)q->item + (size_t)n * size, (size_t)(q->n - n) * size);
  q->n -= n, q->ngroup -= closed;
  for (int i = 0; i < q->ngroup; i++) q->group[i] = q->group[i + closed] - n;
}
