/* The descriptor of a natively compiled model, as C tables of runtime/model.h. */
#ifndef GRADC_C_MODEL_H
#define GRADC_C_MODEL_H
#include "codegen/c/c.h"

void c_string(Str *o, const char *s);   /* as a C literal; NULL: "" */
void c_model(CPrint *p, Str *out);      /* needs the graphs printed as graph_INDEX, and p->nodes complete */
#endif
