/* SPDX-License-Identifier: Apache-2.0 */
/* The state of an elaboration.
 *
 * An expression elaborates to a Value: a static one (number, string, list, function) or a tensor, which is a node of
 * the graph being built. A call of a def opens a Frame with its own Scope.
 *
 * After an error the value is V_ERROR, and every operation on it gives V_ERROR without a message, so that each
 * mistake is reported once. A statement that failed is not elaborated again in another graph. */
#ifndef GRADC_ELAB_STATE_H
#define GRADC_ELAB_STATE_H
#include "frontend/elab.h"
#include "frontend/elab/elab_graph.h"

/* Limits. ELEMENTS: of a list, a range, a static loop. STEPS: expressions and iterations of one elaboration. */
enum {
  EL_MAX_CALLS = 256,
  EL_MAX_NESTING = 3000,
  EL_MAX_ELEMENTS = 1000000,
  EL_MAX_STEPS = 8 * EL_MAX_ELEMENTS,
  EL_MAX_TEXT = 4096
};

struct Frame {
  Frame *up;
  const char *name; /* of the def; NULL for sections */
  File *file;
  Scope scope;
  CallSite *site;
  struct {
    const char *def;
    int n;
  } * count; /* calls so far */
  int ncount, capcount;
  Dim dots[MAX_RANK]; /* the axes that `...` matched */
  int ndots;          /* -1: not known yet */
  Loc call;
  int call_len;
  bool lacks_names;           /* a binding had the wrong number of names: one may be missing */
  bool reported;              /* that weights are declared in a call from a section */
  const Ast *sig;             /* the DEF whose arguments are being bound */
  struct PendingDim *pending; /* patterns of arguments that other arguments must solve first */
  int npending, cappending;
};

typedef struct ShapeOrigin {
  const char *def, *why;
  Loc at;
} ShapeOrigin; /* why a node has its shape, for messages */

struct Elab {
  Ctx *c;
  Module *m;
  const ElabOptions *o;
  GraphState cur; /* the graph being built */
  Graph *init;
  int stamp; /* number of the graph */

  File *file; /* the main one */
  File *std;  /* all built-in files: their names; their texts follow one another */
  File **files;
  int nfiles, capfiles;

  VarInfo *var;
  int nvar, capvar;
  const char *section; /* name of the train section being elaborated */
  const char *draws;   /* the same while its graphs are made, if the file has several: they draw other numbers */
  const char *stream;  /* random streams are named by it, not by the call path */
  int nstream;
  uint32_t nregion;     /* statements under @checkpoint so far */
  uint32_t nunique;     /* constants that el_make_unique has made */
  int writes;           /* of states so far */
  struct Index *index;  /* index notation being elaborated */
  struct DataCtx *data; /* data section being elaborated */
  bool field_training;  /* one of its lines asked for `training` */
  CallSite **scoped;    /* those with a scope, in its order */
  int nscoped, capscoped;
  CallSite **root; /* of the states of data sections */
  int nroot, caproot;
  int *asserts;       /* inside a test: number of its assertions so far */
  int trial;          /* > 0: a def that nothing calls is tried (elab_trial.c); counts the roots of its weights */
  int depth, nesting; /* of calls; of calls and expressions */
  int64_t steps;

  /* What was reported, so that one mistake gives one message. */
  int errors; /* of files before this one */
  bool fatal;
  bool unparsed;      /* statements are missing, so nothing can be elaborated */
  bool no_fields;     /* a data section without fields was reported: the names of fields are unknown */
  const Ast **failed; /* statements */
  int nfailed, capfailed;
  Table unknown;                /* names reported as unknown */
  const Ast *stmt, *unknown_in; /* the innermost statement; the last one with an unknown name */
  struct Reported *reported;    /* arguments reported as not fitting their parameter */
  int nreported, capreported;
  ShapeOrigin *origin;
  int norigin, caporigin;
  struct Seen *seen;  /* for ElabOptions.watch; NULL: nobody watches */
  const Ast **effect; /* expression statements that write a state */
  int neffect, capeffect;
};

static inline bool el_failed(const Elab *e) { return diag_errors(e->c) > e->errors; }
#endif
