/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of image inputs, which belong to the caller and are row-major. */
#ifndef GRADC_COPY_INPUTS_H
#define GRADC_COPY_INPUTS_H
#include "ir/ir.h"

/* Copies image inputs of several channels for the convolutions that read them, once; layout stores the copy
 * channels-last. */
void copy_image_inputs(Graph *g);
#endif
