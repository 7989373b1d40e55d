/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of .npy files, version 1.0: a head, then the elements. */
#ifndef GRADC_NPY_H
#define GRADC_NPY_H
#include "json_array.h"
void npy_head(JsonText *t, GcDType type, int rank, const int64_t *dim);
void npy_put(JsonText *t, GcDType type, const void *p, uint64_t n); /* appends n elements; bf16 as f32 */
#endif
