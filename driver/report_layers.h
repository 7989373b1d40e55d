/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GRADC_REPORT_LAYERS_H
#define GRADC_REPORT_LAYERS_H
#include "driver/driver.h"
#include "lib/layers.h"

/* gradc report --layers, with --profile also measured. Returns the exit status. */
int report_layers(Args *a, Layers *l, const Cost *k);
#endif
