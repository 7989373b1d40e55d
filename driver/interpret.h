/* SPDX-License-Identifier: Apache-2.0 */
/* Runs graphs of a module in the reference interpreter, and reports failures. */
#ifndef GRADC_INTERPRET_H
#define GRADC_INTERPRET_H
#include "driver/driver.h"
#include "ir/interp.h"

bool interpret_init(Interp *in); /* initialises every weight and state: zeros, then `init`; false: reported */
bool interpret_run(Interp *in, const Graph *g, Val *const *ports, Val **results); /* false: reported */
void interpret_drop(Val **v, int n);
const char *val_text(Ctx *c, DType t, const Val *v); /* elements of type t: "0.5", "[1, 2, 3, … 97 more]" */
#endif
