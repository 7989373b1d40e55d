/* SPDX-License-Identifier: Apache-2.0 */
/* Access to weights, states and moments in portable programs. */
#ifndef GRADC_WEIGHT_ACCESS_H
#define GRADC_WEIGHT_ACCESS_H
#include "codegen/text/graph.h"

/* NAME_AT_..., NAME_set_weight and NAME_get_weight; nothing if no weight is in mem. */
void weight_access_print(Emitter *p, Str *functions, Str *header);
#endif
