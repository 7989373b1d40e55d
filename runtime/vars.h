/* SPDX-License-Identifier: Apache-2.0 */
/* Weights and states between their order in memory and the logical row-major order of files and hashes. */
#ifndef GRADC_VARS_H
#define GRADC_VARS_H
#include "model.h"
#include <stdbool.h>

size_t var_count(const GcVar *v);      /* elements */
bool var_is_row_major(const GcVar *v); /* in memory too */
void var_to_logical(const GcVar *v, const void *mem, void *dst);
void var_from_logical(const GcVar *v, void *mem, const void *src);
uint64_t var_hash(const GcVar *v, const void *mem);
uint64_t vars_hash(const GcModel *m, const void *mem);           /* of weights and states, sorted by name */
const GcVar *vars_not_finite(const GcModel *m, const void *mem); /* the first weight with NaN or Inf; NULL: none */
#endif
