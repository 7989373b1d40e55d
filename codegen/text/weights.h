/* SPDX-License-Identifier: Apache-2.0 */
/* Trained weights in portable programs. These functions do nothing if EmitOptions has no values. */
#ifndef GRADC_TEXT_WEIGHTS_H
#define GRADC_TEXT_WEIGHTS_H
#include "codegen/text/graph.h"

void weights_init(GraphText *c);                   /* tables, and the statements of NAME_init that copy them */
const char *weights_location(Emitter *p, int var); /* the pointer to a weight in read-only memory */
void weights_functions(Emitter *p, Str *functions, Str *header); /* NAME_load or NAME_map */
void weights_file(Emitter *p, Str *file); /* the file that these read; empty if weights are embedded */
#endif
