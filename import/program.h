/* SPDX-License-Identifier: Apache-2.0 */
/* The program that an import writes: lines of one net, which become defs by the modules of the model. Sizes that stay
 * open are in the text of types and lines by then. */
#ifndef GRADC_PROGRAM_H
#define GRADC_PROGRAM_H
#include "import/import.h"

/* What a line refers to: an input of the graph, a weight or another line. */
typedef enum ThingKind { THING_INPUT, THING_WEIGHT, THING_LINE } ThingKind;
typedef struct Thing {
  const char *name, *type; /* type NULL: not known */
  ThingKind kind;
  int at; /* its number among those of the kind */
} Thing;

/* A line's text in parts: of a reference the thing, of others the text; integers by themselves. */
typedef enum PieceKind { PIECE_TEXT, PIECE_INT, PIECE_THING } PieceKind;
typedef struct Piece {
  PieceKind kind;
  int thing;
  const char *text;
} Piece;
typedef struct Pieces {
  Piece *p;
  int n, cap;
} Pieces;

typedef struct Program {
  Ctx *c;
  Thing *thing; /* inputs, weights, lines */
  int nthing, nin, nweight, nline, nresult;
  Line *line;       /* by line */
  Pieces *piece;    /* of its text, by line */
  Pieces *result;   /* of the results' texts */
  const char *open; /* a size that is a bounded dimension; NULL: none */
  const ImportWeight *weight;
  const char *const **path; /* by line: its module, see program_scopes */
} Program;

Program program_of(Import *m);
/* The text with what it refers to, which `thing` finds by name; without: integers alone. */
Pieces pieces_of(Ctx *c, const char *text, int (*thing)(void *user, const char *name), void *user);
/* The program of imports that differ in one size, which is called `name` in it; false: something is not linear in the
 * size. *used: something depends on it. */
bool program_open(Program *to, const Program *p, const int64_t *size, const char *name, bool *used);

/* scope.c. The module of each line as parts of a path, with NULL after the last. */
const char *const **program_scopes(const Program *p);
const char *program_class(const Program *p, const char *dotted); /* of the module of that full name; NULL: not known */

/* outline.c. A part of the program that becomes a def: its lines in order, some of them in parts of their own. */
typedef struct Group Group;
typedef struct Unit {
  int line;     /* -1: a part */
  Group *group; /* NULL: a line */
} Unit;
struct Def;
struct Group {
  const char *const *path; /* NULL-terminated */
  int depth;
  Group *up;
  Unit *unit;
  int nunit, nline, height; /* nline: with those of parts; height: 0 without parts */
  int *in, *weight, *out;   /* things: from outside, weights that only it has, lines that others read */
  int nin, nweight, nout;
  struct Def *def;
  const char **arg; /* values of the def's static arguments */
};
Group *program_outline(Program *p);
const char *group_path(Ctx *c, const Group *g); /* its module, dotted */

/* defs.c. Gives groups of one structure one def. */
typedef struct Def {
  const char *name;
  Group **of; /* the first is what the text is made from */
  int nof;
  const char **var;  /* sizes and static arguments */
  int nvar, nshape;  /* the first nshape are sizes in the types of arguments */
  const char **text; /* by integer of the first group: what stands there */
  int ntext;
} Def;
typedef struct Defs {
  Def **def; /* in order: those that others call come first */
  int n, cap;
} Defs;
Defs program_defs(const Program *p, Group *root);
#endif
