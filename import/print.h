/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a def of the program, and the names that it gives to weights. */
#ifndef GRADC_IMPORT_PRINT_H
#define GRADC_IMPORT_PRINT_H
#include "import/program.h"

typedef struct Printer {
  const Program *p;
  Ctx *c;
  const Defs *defs;
  Str b;
  /* of one def */
  const Def *def;
  const Group *g;
  Import names;       /* that are taken */
  const char **local; /* by thing */
  int *reads;         /* by thing: how often the def reads it */
  int integer;        /* the next one of the def's text */
} Printer;

/* locals.c. The names of things in the def that is printed next. */
void print_names(Printer *t);
/* print.c */
void print_def(Printer *t, const Def *d);
const char *print_text(Printer *t, const Pieces *p); /* with the def's names and integers */
#endif
