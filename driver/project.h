/* SPDX-License-Identifier: Apache-2.0 */
/* gradc emit --project: a folder with a model's C and what builds and runs it on a board. */
#ifndef GRADC_PROJECT_H
#define GRADC_PROJECT_H
#include "codegen/codegen.h"
#include "driver/board.h"
#include "driver/driver.h"

typedef struct ProjectFile {
  const char *path; /* in the folder */
  const char *text;
  size_t n;
} ProjectFile;

typedef struct Project {
  Ctx *c;
  Module *m; /* after emit_program */
  const Board *board;
  const char *kind, *name; /* of --project; of the model's files, NAME.c */
  const char *commands;    /* for its README */
  const Artifacts *model;
  ProjectFile *file;
  int n, cap;
} Project;

/* project.c: fills p->file. */
void project_files(Project *p);
void project_add(Project *p, const char *path, const char *text, size_t n);
void project_add_template(Project *p, const char *path, const char *file); /* of codegen/c/project */
void project_add_board(Project *p);                          /* what the program for the board is compiled from */
extern const char *const project_flags, *const project_link; /* for the compiler, besides those of Board.cpu */
extern const char *const project_text;                       /* for the emulator: text by semihosting to its output */

/* project_folder.c: writes the files. A folder with files of others, or with files of the project that were changed
 * since, is refused unless `force`. Returns the exit status; not EXIT_OK: reported. */
int project_write(const Project *p, const char *dir, bool force);

/* project_measure.c: what the compiler for the board and the emulator say. */
typedef struct Measures {
  int64_t flash, ram, model_flash, stack; /* bytes: of the linked program; of the model's object; of its deepest call */
  double instructions;                    /* of a training step, or of a call of the first export */
  const char *build_why, *run_why;        /* why the former, why the last is not known; NULL: it is */
} Measures;
Measures project_measure(const Project *p);
/* Measures and prints them, as text or as JSON. */
void project_report(const Project *p, const char *dir, bool json);
#endif
