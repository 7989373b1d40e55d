/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GRADC_ONNX_CASE_H
#define GRADC_ONNX_CASE_H
#include "driver/driver.h"

/* ONNX's test data for an export, as `gradc import --check` reads it: input_N.pb, made up, and output_N.pb, by the
 * interpreter. values: of the weights, by var. Run-time sizes are 4, or the nearest that is allowed. */
int onnx_write_case(Module *m, const Graph *g, const void *const *values, const char *folder);
#endif
