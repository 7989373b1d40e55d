/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products on a device by cuBLASLt, which is found when a model that needs it is opened. */
#ifndef GRADC_PRODUCT_H
#define GRADC_PRODUCT_H
#include "cublaslt.h"
#include "device.h"

void products_open(Device *dev); /* dies if the library is missing */
void products_close(Device *dev);
/* Enqueues a product in the stream of the device: no algorithm whose result depends on the order of blocks. Dies of
 * what the library refuses. */
void product_enqueue(Device *dev, const GcProduct *p, const void *a, const void *b, void *d, void *workspace);
#endif
