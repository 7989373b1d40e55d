/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GRADC_PASS_WATCH_H
#define GRADC_PASS_WATCH_H
#include "passes/pass.h"

/* The module after a pass: values that are no leaves, contractions and convolutions among them, recomputed ones. */
typedef struct PassRow {
  int number;
  PassId pass;
  double seconds;
  int values, products, clones, kernels;
  int64_t arena; /* of all graphs */
} PassRow;
typedef struct PassWatch {
  Ctx *c;
  PassRow *v;
  int n, cap;
} PassWatch;
void pass_watch(void *arg, int number, PassId pass, double seconds, const Module *m); /* for PassRun.watch */
void pass_watch_print(const PassWatch *w, bool times, bool stats);
#endif
