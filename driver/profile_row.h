/* SPDX-License-Identifier: Apache-2.0 */
/* A line that `bench --profile --json` of a program prints. */
#ifndef GRADC_PROFILE_ROW_H
#define GRADC_PROFILE_ROW_H
#include "ir/ctx.h"

typedef struct ProfileRow {
  const char *layer, *gemm; /* of a kernel; NULL: it has none */
  double ms;                /* of a kernel, in a step or call; < 0: the line is of no kernel */
  double min_ms;            /* the least time of a step or call; < 0: the line does not say it */
} ProfileRow;
/* Fields that are missing, and all after a fault of the line, are as said above. */
ProfileRow profile_row(Ctx *c, const char *line);
#endif
