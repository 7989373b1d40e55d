/* Elaboration: a .nn file becomes a module of graphs. Every graph elaborates the same source anew: calls are
 * instantiated, shape variables unified, static `if` and `for` unrolled, weights created under their call paths. */
#ifndef GRADC_ELAB_H
#define GRADC_ELAB_H
#include "ir/ir.h"

typedef struct ElabOptions {
  Options opt; /* becomes Module.opt, with the file's budget where it sets none */
  /* Text of a file that the compiler carries ("std/nn.nn", "runtime/optim.nn"), or NULL: the front end does not know
   * where the table lives. */
  const char *(*carried)(const char *name, size_t *n);
  Loc expression; /* a source that becomes the last export, `expression`; it sees what the file sees. 0: none */
  /* The axes of a record of an npy or idx file, as its header has them; -1: the file is not there. NULL: none is. */
  int (*shape)(const char *model, const char *path, bool idx, int64_t *dim);
  const char *search; /* folders where imports are looked for that are not beside their file, "a:b"; NULL: none */
} ElabOptions;

/* Elaborates the source that begins at `start` (from source_add or source_read); `path` is where it came from and what
 * imports are relative to. Never NULL; the module is of use only when diag_errors(c) stayed 0.
 *
 * Graphs, in this order: `init`; then per section in file order `train_step` (or `train_pass`, `train_update`),
 * `eval_step`, `eval_done`; one per `export def` under its name; `test_1`, `test_2` ...; per data section `bind_NAME`.
 * Names of a named train section get its name: `train_step_NAME`. Bodies of scans stand where they arose. */
Module *elaborate(Ctx *c, Loc start, const char *path, const ElabOptions *o);
#endif
