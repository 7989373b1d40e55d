/* SPDX-License-Identifier: Apache-2.0 */
/* total(x) and collect(x): values over all batches of an evaluation. */
#ifndef GRADC_ELAB_TOTAL_H
#define GRADC_ELAB_TOTAL_H
#include "ir/ir.h"

/* In the graph of an evaluation: the input `to` stands for what is gathered of `from`. */
typedef struct Gathered {
  Id from, to;
  GatherHow how;
  Dim records; /* of rows: their number, a run-time size */
} Gathered;
#endif
