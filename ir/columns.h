/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of integer inputs that index tensors, by column: by their place along the last axis. */
#ifndef GRADC_COLUMNS_H
#define GRADC_COLUMNS_H
#include "graph.h"

enum { MAX_COLUMNS = 4096 }; /* of longer axes all have one limit */

/* What a node that moves and converts elements of `input` has of it: columns start, start + step ..., `count` of the
 * `of` that there are, or some of these. */
typedef struct Columns {
  Id input;
  int64_t start, step, count, of;
} Columns;
Columns node_columns(const Graph *g, Id n);

/* Values must be in [0, v[column]), or in [0, v[0]) if n is 1; 0: any value. n = 0: none has a limit. */
typedef struct Ranges {
  int n;
  int64_t *v;
} Ranges;
void ranges_limit(Ctx *c, Ranges *r, const Columns *k, int64_t most);
Ranges ranges_copy(Ctx *c, const Ranges *r);
int64_t ranges_least(const Ranges *r); /* what all columns admit; 0: any value */
#endif
