/* SPDX-License-Identifier: Apache-2.0 */
/* The trials of a sweep: values for constants, from lists and ranges. */
#ifndef GRADC_SWEEP_PLAN_H
#define GRADC_SWEEP_PLAN_H
#include "driver/driver.h"

typedef struct SweepAxis { /* one --set */
  const char *name;
  ConstKind kind;
  const char **item; /* values, or ranges A..B, A..B:lin5, A..B:log8 */
  int n, cap;
} SweepAxis;
typedef struct SweepTrial {
  const char **value; /* per axis */
  const char *name;   /* of its folder: LR=0.01,HIDDEN=64 */
} SweepTrial;
typedef struct SweepPlan {
  SweepAxis *axis;
  int naxis;
  SweepTrial *trial;
  int n, cap;
  bool unknown; /* the file has no such constant */
} SweepPlan;
enum { SWEEP_MOST = 10000 };

/* All combinations of the values of --set, the last axis fastest; or, random > 0, so many different ones, drawn with
 * this seed: of ranges any value between their ends, equally likely, or with `log` its logarithm. A larger number has
 * the trials of a smaller one. m has the constants. False: reported. */
bool sweep_plan(Args *a, const Module *m, int64_t random, uint64_t seed, SweepPlan *p);
#endif
