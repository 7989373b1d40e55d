/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GRADC_REPORT_CUDA_H
#define GRADC_REPORT_CUDA_H
#include "driver/driver.h"

bool report_check(Args *a);          /* --cuda, --gpu and what they exclude; false: reported */
int report_cuda(Args *a, Module *m); /* --cuda: memory and times on a GPU, of a planned module; the exit status */
#endif
