/* SPDX-License-Identifier: Apache-2.0 */
/* Runs C compilers: the only place where gradc starts another program. Failures are values: the callers report them. */
#ifndef GRADC_CC_RUN_H
#define GRADC_CC_RUN_H
#include "ir/ctx.h"

typedef enum CcFault {
  CC_OK,
  CC_SYSTEM,      /* a file operation failed */
  CC_NOT_STARTED, /* the compiler could not be started */
  CC_KILLED,      /* it was ended by a signal */
  CC_REFUSED      /* it reported an error */
} CcFault;
typedef struct CcResult {
  CcFault fault;
  const char *text;
} CcResult; /* text: what failed and the compiler's output */

/* A private folder for the files of a compilation, in $TMPDIR or /tmp. */
typedef struct WorkFolder {
  Ctx *c;
  const char *path;
} WorkFolder;
CcResult work_folder_make(Ctx *c, WorkFolder *f);
void work_folder_remove(const WorkFolder *f); /* with all that is in it; allocates nothing from the Ctx */
const char *work_folder_path(const WorkFolder *f, const char *name);
CcResult work_folder_write(const WorkFolder *f, const char *name, const void *p, size_t n); /* a new file */
CcResult work_folder_read(const WorkFolder *f, const char *name, char **p, size_t *n);      /* malloced */

/* A list of arguments; a command if its first one is the compiler. */
typedef struct CcArgs {
  Ctx *c;
  const char **v;
  int n, cap;
} CcArgs;
CcArgs cc_command(Ctx *c, const char *cc); /* cc NULL: cc */
void cc_arg(CcArgs *k, const char *arg);
void cc_args(CcArgs *k, const char *const *arg, int n);
void cc_words(CcArgs *k, const char *s); /* arguments separated by white space; s may be NULL */
/* The file that runs under this name: itself if it has a slash, else the first in $PATH. NULL: none. */
const char *cc_find(Ctx *c, const char *name);
/* What a program prints for --version; "": it cannot be run. */
const char *cc_version(Ctx *c, const char *program);
/* The level of optimisation for kernels, words. Asks the compiler for its version. */
const char *cc_level(Ctx *c, const char *cc); /* cc NULL: cc */

/* Runs the commands in parallel, without a shell, and waits for all of them. Their output goes to log files in the
 * folder. Returns the first failure. */
CcResult cc_run(const WorkFolder *f, CcArgs *k, int n);
#endif
