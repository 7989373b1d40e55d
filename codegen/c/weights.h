/* Trained weights in portable programs: c_weights.c. All do nothing where EmitOptions has no values. */
#ifndef GRADC_C_WEIGHTS_H
#define GRADC_C_WEIGHTS_H
#include "codegen/c/graph.h"

void c_weights_init(CGraph *c);                   /* tables, and the statements of NAME_init that copy them */
const char *c_weights_place(CPrint *p, int var);  /* the pointer to a weight in read-only memory */
void c_weights_functions(CPrint *p, Str *functions, Str *header); /* NAME_load or NAME_map */
#endif
