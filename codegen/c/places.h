/* Where what persists lies in portable programs: c_places.c. */
#ifndef GRADC_C_PLACES_H
#define GRADC_C_PLACES_H
#include "codegen/c/graph.h"

/* NAME_AT_..., NAME_set_weight and NAME_get_weight; nothing where no weight lies in mem. */
void c_places(CPrint *p, Str *functions, Str *header);
#endif
