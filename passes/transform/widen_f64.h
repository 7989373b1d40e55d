/* SPDX-License-Identifier: Apache-2.0 */
/* Gives every float of a module 64 bits: weights, states and graphs. Not a pass, since it changes what is computed.
 * Needs: no pass has run. */
#ifndef GRADC_WIDEN_F64_H
#define GRADC_WIDEN_F64_H
#include "ir/ir.h"

void module_widen_f64(Module *m);
#endif
