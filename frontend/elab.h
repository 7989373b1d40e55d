/* SPDX-License-Identifier: Apache-2.0 */
/* Elaboration: a .nn file becomes a module of graphs. Every graph elaborates the source again: calls are
 * instantiated, shape variables unified, static `if` and `for` unrolled, weights created under their call paths. */
#ifndef GRADC_ELAB_H
#define GRADC_ELAB_H
#include "ir/ir.h"

/* For editors: what elaboration read, and what the expressions of the files were. Lists end with the Ctx. */
typedef struct ElabSeen {
  Loc at; /* the expression */
  int len;
  const char *text; /* "f32[8, 10]", "3", "a list" */
  int64_t bytes;    /* of a tensor, at the bounds of its sizes; -1: none, or not known */
  double flops;     /* of computing it once, with what is in it */
} ElabSeen;
typedef struct ElabSource {
  const char *path;
  Loc start;
} ElabSource;
typedef struct ElabWatch {
  /* The text of an imported file that is being edited; NULL: its file is read. */
  const char *(*text)(void *user, const char *path, size_t *n);
  void *user;
  double (*flops)(const Graph *g, Id n); /* of a node */
  ElabSeen *seen;                        /* of one expression at most 3, of calls that differ */
  int nseen, capseen;
  ElabSource *source; /* the file and its imports */
  int nsource, capsource;
} ElabWatch;

typedef struct ElabOptions {
  Options opt; /* becomes Module.opt, with the file's budget if it has none */
  /* Text of a file that the compiler carries ("std/nn.nn", "runtime/optim.nn"), or NULL: the front end does not know
   * where the table lives. */
  const char *(*builtin)(const char *name, size_t *n);
  Loc expression; /* a source that becomes the last export, `expression`, in the scope of the file; 0: none */
  /* Axes of one record of an array in a file of a source's kind, from its header; array: its name in the file, NULL: it
   * has a number. -1: no such file or array. NULL: no file can be read. */
  int (*shape)(const char *model, const char *path, const char *kind, const char *array, int number, int64_t *dim);
  const char *const *set; /* constants set from outside: `nset` texts NAME=VALUE */
  int nset;
  /* The cells of the first line of a csv file, in *name; -1: no such file. sep 0: found. NULL: no file can be read. */
  int (*columns)(Ctx *c, const char *model, const char *path, char sep, char decimal, const char ***name);
  const char *search; /* folders searched for imports that are not beside the importing file, "a:b"; NULL: none */
  ElabWatch *watch;   /* NULL: nobody watches */
} ElabOptions;

/* The built-in files, as `builtin` names them; then NULL. */
extern const char *const elab_builtin_files[];
/* The i-th setting of a `data`, `train` or `target` section that this version has; NULL: there are no more. */
const char *elab_setting(const char *section, int i);
/* The i-th hint, without `@`; NULL: there are no more. */
const char *elab_hint(int i);

/* What a model in this file is called: the stem of its name, with `_` for what an identifier cannot have. */
const char *elab_stem(Ctx *c, const char *path);

/* The length of NAME in a setting NAME=VALUE; 0: it is none. */
size_t setting_name(const char *text);

/* Elaborates the source that begins at `start` (from source_add or source_read); imports are relative to `path`. Never
 * NULL; the module may be used only if diag_errors(c) is still 0.
 *
 * Graphs, in this order: `init`; then per section in file order `train_step` (or `train_pass`, `train_update`),
 * `eval_step`, `eval_done`; one per `export def` under its name; `test_1`, `test_2` ...; per data section
 * `bind_NAME`. With several train sections, the section's name is appended: `train_step_NAME`. The body of a scan
 * precedes the graphs that are created after it. */
Module *elaborate(Ctx *c, Loc start, const char *path, const ElabOptions *o);
#endif
