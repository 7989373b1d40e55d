/* SPDX-License-Identifier: Apache-2.0 */
/* Run folders, as `train` writes them (docs/runtime.md): what they were made with, and their curves. */
#ifndef GRADC_RUN_FOLDER_H
#define GRADC_RUN_FOLDER_H
#include "ir/ctx.h"

typedef struct RunMember {
  const char *name, *value; /* the value as text: of strings without quotes */
  bool fixed;               /* a constant as it is in the file, not set from outside */
  bool text;                /* a string */
} RunMember;

/* A column of metrics.csv: its rows that have a value. Values that are not finite are NaN or infinite. */
typedef struct RunCurve {
  const char *name; /* acc, val_acc */
  const char *base; /* acc */
  bool val;
  int rises; /* 1: larger is better, -1: smaller, 0: not known */
  int n, cap;
  double *step, *v;       /* malloced */
  double last;            /* NaN: none */
  double best, best_step; /* best is NaN where rises is 0 and where no value is finite */
} RunCurve;

typedef enum RunState { RUN_DONE, RUN_ACTIVE, RUN_STOPPED } RunState;
typedef struct RunFolder {
  const char *path, *name, *model; /* name: the last part of the path */
  RunMember *member; /* constants, then seed, plan, data ... of run.json, and `source`, a hash of the model's text */
  int nmember, capmember;
  RunCurve *curve; /* in the order of the columns */
  int ncurve;
  double steps, seconds; /* the last step; from the first to the last change of the folder */
  RunState state;
} RunFolder;

bool run_folder_is(Ctx *c, const char *path); /* it has a run.json or metrics.csv */
/* False: reported. Text is in the Ctx. */
bool run_folder_read(Ctx *c, const char *path, RunFolder *r);
void run_folder_free(RunFolder *r);                           /* the curves */
const char *run_member(const RunFolder *r, const char *name); /* NULL: it has none */
RunCurve *run_curve(const RunFolder *r, const char *name);    /* NULL: likewise */
/* The runs in these folders: each is one, or has some in it, in natural order; without the points of their curves,
 * which may be many, unless asked for. A sweep's own files among them are left out. NULL: reported. */
RunFolder *run_folders(Ctx *c, const char *const *path, int npath, bool points, int *n);
/* The members that the runs do not all have, or not with the same value, in the order of the first run that has them.
 * Constants that no run sets follow from others, unless the models' texts differ, too. */
const char **run_differences(Ctx *c, const RunFolder *r, int n, int *count);
#endif
