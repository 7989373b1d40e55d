/* SPDX-License-Identifier: Apache-2.0 */
/* `gradc import --check`: a model on given inputs, through compiled C, beside expected results. */
#ifndef GRADC_ONNX_CHECK_H
#define GRADC_ONNX_CHECK_H
#include "driver/driver.h"
#include "import/import.h"

/* Imports folder/model.onnx for each test_data_set_N and compares. Prints a line for each. Returns the exit status. */
int onnx_check_folder(Args *a, const char *folder);
#endif
