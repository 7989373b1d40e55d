/* SPDX-License-Identifier: Apache-2.0 */
/* A text of definitions, to print those that others use. A definition begins at the start of a line and ends before the
 * next one that begins there; lines of the preprocessor around definitions are printed if one of them is. */
#ifndef GRADC_CUDA_DEFINITIONS_H
#define GRADC_CUDA_DEFINITIONS_H
#include "ir/ctx.h"

typedef struct Definition { /* or a line of the preprocessor around them, which has no name */
  const char *text, *name;
  size_t n, name_n;
  bool used, kernel;
} Definition;

typedef struct Definitions {
  Ctx *c;
  Definition *v;
  int n, cap;
} Definitions;

void definitions_add(Definitions *d, const char *s, size_t n); /* splits a text, which must outlive d */
/* Marks as used the names in a text, and those in their definitions. */
void definitions_use(Definitions *d, const char *s, size_t n);
void definitions_put(const Definitions *d, Str *out); /* those that are used, in their order */
#endif
