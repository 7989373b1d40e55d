/* From a source to a module: the way that the command and the library share. */
#ifndef GRADC_UNIT_H
#define GRADC_UNIT_H
#include "ir/ir.h"

typedef struct Unit {
  const char *path;    /* where its source came from */
  const char *search;  /* folders for imports, "a:b"; NULL: none */
  Loc expression;      /* as in ElabOptions */
  bool ir;             /* IR text, whatever the file is called */
  bool warnings_are_errors;
  Options opt;
} Unit;

bool unit_read(Ctx *c, const char *path, Loc *start);     /* a file; false: reported */
Module *unit_module(Ctx *c, const Unit *u, Loc start);    /* of the source that begins there; NULL: reported */
bool unit_plan(Module *m);          /* all passes, tests left out, and the budget is kept; false: reported */
bool unit_one_train(const Module *m);          /* native code has one training step; false: reported */
bool unit_has_plan(const Module *m);           /* what its training needs to run as a program; false: reported */
/* The axes of a record of an npy or idx file, their sizes into `dim`, by the file's header; -1: it is not there. `path` is
 * as the data section of `model` has it. */
int file_shape(const char *model, const char *path, bool idx, int64_t *dim);
/* The folder of the model, whole, so that its code finds data from wherever it runs; NULL: there is no such file. */
const char *unit_folder(Ctx *c, const char *path);
#endif
