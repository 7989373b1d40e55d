/* SPDX-License-Identifier: Apache-2.0 */
/* The tuning constants of costs.def. */
#ifndef GRADC_COSTS_H
#define GRADC_COSTS_H

enum {
#define COST(name, value, unit, why) name = value,
#include "passes/costs.def"
#undef COST
};
#endif
