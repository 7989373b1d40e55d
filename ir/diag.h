/* Diagnostics: the source map, errors as values with several carets, their printing, and the table of codes.
 * A diagnostic is: a code of errors.def, a primary place, labelled secondary places, the chain of instantiations
 * that was active, and help lines. Nothing is printed before diag_print. */
#ifndef GRADC_DIAG_H
#define GRADC_DIAG_H
#include "ctx.h"
#include <stdio.h>

typedef struct Diag Diag;

/* Adds a source; the text is copied. Returns the Loc of its first byte. `name` is how messages call it. */
Loc source_add(Ctx *c, const char *name, const char *text, size_t n);
bool source_read(Ctx *c, const char *path, Loc *start);     /* false: could not be read (errno tells) */
const char *source_text(Ctx *c, Loc start, size_t *n);      /* the whole text that `start` lies in */
bool source_is_text(Ctx *c, Loc start);                      /* false: UTF-16 or a binary file, and reported */
const char *source_part(Ctx *c, Loc at, int len);           /* a copy of so many bytes from `at` on */
int source_word(Ctx *c, Loc at);                            /* bytes of the word that begins there, at least 1 */
Loc source_at(Ctx *c, const char *file, int line, int col); /* a place in a source that is not at hand (IR dumps) */
typedef struct SourcePos { const char *file; int line, col; } SourcePos; /* from 1; file "" when Loc is 0 */
SourcePos source_pos(Ctx *c, Loc at);

/* `code` is the number of an E(...) row, e.g. 214 for E0214. `len` bytes from `at` are underlined (>= 1). */
Diag *diag_error(Ctx *c, int code, Loc at, int len, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
Diag *diag_warn(Ctx *c, int code, Loc at, int len, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void diag_label(Ctx *c, Diag *d, Loc at, int len, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Text after the primary caret. */
void diag_primary(Ctx *c, Diag *d, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void diag_help(Ctx *c, Diag *d, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void diag_note(Ctx *c, Diag *d, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The chain of instantiations ("in `block` called at gpt.nn:22"): copied into every diagnostic made meanwhile. */
void diag_push_frame(Ctx *c, const char *def, Loc call);
void diag_pop_frame(Ctx *c);

void diag_promote(Ctx *c); /* the warnings so far become errors */

/* For what is tried: diag_drop forgets all that was reported since the mark was taken. */
typedef struct DiagMark { Diag **last; int errors, unseen, kept[2], nseen; } DiagMark;
typedef struct DiagPlace { int code; Loc at; } DiagPlace;
DiagMark diag_mark(Ctx *c);
int diag_places(const DiagMark *m, DiagPlace *p, int most); /* of the errors since then, the first ones */
void diag_keep(Ctx *c, const DiagMark *m, DiagPlace p);     /* forgets all since then but the first error there */
void diag_drop(Ctx *c, const DiagMark *m);
void diag_forget(Ctx *c, const DiagMark *m, Loc from, Loc to); /* the errors since then that stand in from .. to */

int diag_errors(const Ctx *c);                  /* number of errors so far; over 20 further ones are only counted */
const char *diag_text(Ctx *c, const Diag *d);    /* one rendered diagnostic, no colour */
void diag_print(Ctx *c, FILE *f, bool color);    /* all, in order of occurrence, each once */
/* One of them as values, in order of occurrence, from 0; false: there is no i-th. */
typedef struct DiagView {
  int code, len; /* len: bytes that are underlined */
  bool warn;
  SourcePos at;
  const char *msg, *help; /* help: its lines and those of notes; "" */
} DiagView;
bool diag_view(Ctx *c, int i, DiagView *v, const Diag **d);
const char *diag_suggest(Ctx *c, const char *word, const char *const *words, int n); /* nearest, or NULL */

typedef struct DiagCode { int code; const char *title, *text; } DiagCode;
const DiagCode *diag_code(int code);             /* NULL: no such code */
const DiagCode *diag_codes(int *n);
#endif
