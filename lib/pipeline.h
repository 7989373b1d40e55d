/* SPDX-License-Identifier: Apache-2.0 */
/* From source text to a planned module, shared by the command and the library. */
#ifndef GRADC_PIPELINE_H
#define GRADC_PIPELINE_H
#include "ir/ir.h"

typedef struct PipelineInput {
  const char *path;       /* of the source, for messages and relative paths */
  const char *search;     /* folders for imports, "a:b"; NULL: none */
  Loc expression;         /* as in ElabOptions */
  const char *const *set; /* likewise */
  int nset;
  bool ir; /* the source is IR text, whatever its name */
  bool warnings_are_errors;
  Options opt;
  struct ElabWatch *watch; /* as in ElabOptions; NULL: none */
} PipelineInput;

/* On an error these report it and return false or NULL. */
bool pipeline_read(Ctx *c, const char *path, Loc *start);           /* reads a file */
Module *pipeline_module(Ctx *c, const PipelineInput *u, Loc start); /* elaborates or parses the source at `start` */
/* Reports what `gradc check` finds beyond pipeline_module; all: runs all passes, else those that find faults. */
bool pipeline_check(Module *m, bool all);
bool pipeline_plan(Module *m);                 /* drops the tests, runs all passes, checks the memory budget */
bool pipeline_check_runnable(const Module *m); /* training has data, batch and steps, which IR text lacks */
/* Reads the shape of a record from the header of an npy or idx file: axes into `dim`, their number returned; -1: no
 * such file, or not of that format. `path` is written as in the data section of `model`. */
int file_shape(const char *model, const char *path, const char *kind, const char *array, int number, int64_t *dim);
/* The cells of the first line of a csv file; -1: no such file. As ElabOptions.columns. */
int file_columns(Ctx *c, const char *model, const char *path, char sep, char decimal, const char ***name);
/* The absolute path of the model's folder, so that data is found from any working directory; NULL: no such file. */
const char *pipeline_folder(Ctx *c, const char *path);
#endif
