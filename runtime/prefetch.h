/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of training that threads prepare while steps run: `workers` and `prefetch` of a data section. Which records a
 * batch has is a function of its number, so results do not depend on them. */
#ifndef GRADC_PREFETCH_H
#define GRADC_PREFETCH_H
#include "data.h"

typedef struct BatchPlan { /* batch b has n records of an epoch of `batches` such batches */
  uint64_t n, batches;
  uint64_t end; /* batches of the run */
} BatchPlan;
void batch_fill(Data *d, const BatchPlan *p, uint64_t b, unsigned char *const *dst);

typedef struct Prefetch Prefetch;
Prefetch *prefetch_new(const Data *d, const BatchPlan *p); /* NULL: the section has no workers */
/* The fields of batch b, valid until the next call. The batches are asked for in order; NULL: this one is not among
 * those that are ahead, so that the caller prepares it. Dies of what a thread has died of. */
unsigned char **prefetch_take(Prefetch *f, uint64_t b);
void prefetch_end(Prefetch *f); /* f may be NULL. Ends the threads */
#endif
