/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of diagnostics, for source.c, diag.c, diag_print.c and diag_json.c only. */
#ifndef GRADC_DIAG_STATE_H
#define GRADC_DIAG_STATE_H
#include "ctx_state.h"
#include "diag.h"

typedef struct Source {
  const char *name, *text;
  size_t n;
  Loc start;      /* Locs start .. start + n belong to it; the last is its end of file */
  uint32_t *line; /* offset of each line's first byte, made on first use */
  int nline, capline;
  int at_line, at_col; /* not 0: source_at's, a known location in an unknown text */
} Source;

typedef struct Label {
  Loc at;
  int len;
  bool primary;
  const char *text; /* "": none */
} Label;

typedef struct DiagLine {
  const char *head, *text;
} DiagLine; /* "help" or "note" */

typedef struct Frame {
  const char *def;
  Loc call;
} Frame;

struct Diag {
  int code;
  bool warn;
  const char *msg;
  Label *label; /* [0] is the primary one */
  int nlabel, caplabel;
  DiagLine *line;
  int nline, capline;
  Frame *frame; /* outermost first */
  int nframe;
  Diag *next;
};

typedef struct Within {
  Loc at;
  int scope;
} Within; /* of Loc LOC_WITHIN + index */
#define LOC_WITHIN ((Loc)1 << 31)

typedef struct DiagState {
  Within *within;
  int nwithin, capwithin;
  int *within_slot; /* hash table: 1 + index in within; 0: free */
  int nwithin_slot;
  Source *src;
  int nsrc, capsrc;
  Loc next; /* of the source added next */
  Diag *first, **last;
  Diag scrap;                  /* receives the labels of errors that are not kept */
  int errors, unseen, kept[2]; /* kept: errors, warnings */
  uint64_t *seen;              /* hashes of distinct diagnostics: the same text elaborates several times */
  int nseen, capseen;
  Frame *frame;
  int nframe, capframe;
} DiagState;

DiagState *diag_state(Ctx *c);
const Source *source_of(Ctx *c, Loc at);                                    /* NULL: nowhere */
int source_line(Ctx *c, const Source *s, Loc at);                           /* from 0 */
const char *source_line_text(Ctx *c, const Source *s, int line, size_t *n); /* without the newline */
#endif
