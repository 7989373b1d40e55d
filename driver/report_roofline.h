/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GRADC_REPORT_ROOFLINE_H
#define GRADC_REPORT_ROOFLINE_H
#include "lib/cost.h"

/* The kernels of a step on one core, those that take longest first; json: a line for each. Nothing if the machine was
 * not measured. */
void roofline_json(Str *o, const Cost *k, const char *between); /* the rows, as objects */
void report_roofline(const Cost *k, bool json);
#endif
