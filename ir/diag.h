/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics: the source map, errors as values with several carets, their printing, and the table of codes.
 * A diagnostic is: a code of errors.def, a primary location, labelled secondary locations, the chain of instantiations
 * that was active, and help lines. Nothing is printed before diag_print. */
#ifndef GRADC_DIAG_H
#define GRADC_DIAG_H
#include "ctx.h"
#include <stdio.h>

typedef struct Diag Diag;

/* Adds a source; the text is copied. Returns the Loc of its first byte. `name` is its name in messages. */
Loc source_add(Ctx *c, const char *name, const char *text, size_t n);
bool source_read(Ctx *c, const char *path, Loc *start); /* false: could not be read (see errno) */
const char *source_text(Ctx *c, Loc start, size_t *n);  /* the text that contains `start` */
bool source_is_text(Ctx *c, Loc start);                 /* false: UTF-16 or a binary file, and reported */
const char *source_part(Ctx *c, Loc at, int len);       /* a copy of so many bytes from `at` on */
/* The i-th text that was added, from 0; NULL: there is none. */
const char *source_of_number(Ctx *c, int i, const char **text, size_t *n);
int source_word(Ctx *c, Loc at);                            /* bytes of the word that begins there, at least 1 */
Loc source_at(Ctx *c, const char *file, int line, int col); /* in a source that is not available (IR dumps) */
typedef struct SourcePos {
  const char *file;
  int line, col;
} SourcePos; /* from 1; file "" when Loc is 0 */
SourcePos source_pos(Ctx *c, Loc at);
/* The same place, in a scope: one of the calls that lead there (Module.scope). For all other functions it is that
 * place. Nodes made from it keep the scope through all passes, as they keep their location. */
Loc source_within(Ctx *c, Loc at, int scope);
int source_scope(Ctx *c, Loc at);                       /* 0: none */
Loc source_plain(Ctx *c, Loc at);                       /* without the scope */
void source_utf16(Ctx *c, Loc at, int *line, int *col); /* from 0, columns in units of UTF-16 */
int utf16_units(const char *s, size_t n);               /* of UTF-8 */

/* Codes by name: E_MATMUL_DIMS is 214, printed as E0214. */
enum ErrorCode {
#define E(code, name, title, text) E_##name = code,
#include "errors.def"
#undef E
};

/* `code` is one of ErrorCode, or of the runtime. `len` bytes from `at` are underlined (>= 1). */
Diag *diag_error(Ctx *c, int code, Loc at, int len, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
Diag *diag_warn(Ctx *c, int code, Loc at, int len, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void diag_label(Ctx *c, Diag *d, Loc at, int len, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Text after the primary caret. */
void diag_primary(Ctx *c, Diag *d, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void diag_help(Ctx *c, Diag *d, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void diag_note(Ctx *c, Diag *d, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The chain of instantiations ("in `block` called at gpt.nn:22"): every diagnostic gets a copy of the present one. */
void diag_push_frame(Ctx *c, const char *def, Loc call);
void diag_pop_frame(Ctx *c);

void diag_promote(Ctx *c); /* the warnings so far become errors */

/* For trials: diag_drop removes all that was reported since the mark was taken. */
typedef struct DiagMark {
  Diag **last;
  int errors, unseen, kept[2], nseen;
} DiagMark;
typedef struct DiagPlace {
  int code;
  Loc at;
} DiagPlace;
DiagMark diag_mark(Ctx *c);
int diag_places(const DiagMark *m, DiagPlace *p, int max); /* of the first errors since then, at most max */
void diag_keep(Ctx *c, const DiagMark *m, DiagPlace p);    /* removes all since then but the first error there */
void diag_drop(Ctx *c, const DiagMark *m);
void diag_forget(Ctx *c, const DiagMark *m, Loc from, Loc to); /* removes the errors since then in from .. to */

int diag_unseen(const Ctx *c);                /* errors that are only counted */
int diag_errors(const Ctx *c);                /* number of errors so far; over 20 further ones are only counted */
const char *diag_text(Ctx *c, const Diag *d); /* one rendered diagnostic, no colour */
void diag_print(Ctx *c, FILE *f, bool color); /* all, in order of occurrence, each once */
/* One of them as values, in order of occurrence, from 0; false: there is no i-th. */
typedef struct DiagView {
  int code, len; /* len: bytes that are underlined */
  bool warn;
  SourcePos at;
  const char *msg, *help; /* help: its lines and those of notes; "" */
} DiagView;
bool diag_view(Ctx *c, int i, DiagView *v, const Diag **d);
/* The i-th as one JSON object, without a newline; NULL: there is none. Members: uri (the path as it was given), range
 * (lines and UTF-16 columns from 0), severity (1: error, 2: warning), code, source, message, help, and
 * relatedInformation: other places, and the calls that led there. */
const char *diag_json(Ctx *c, int i);
/* The i-th as a Diagnostic of the Language Server Protocol for the source that contains `in`: one whose place is in
 * another file stands at the innermost call that leads there, else at `elsewhere`. Its message ends with the help. */
typedef struct DiagLsp {
  Loc in;
  const char *(*uri)(void *user, Ctx *c, const char *file);
  Loc (*elsewhere)(void *user, const char *file); /* a place in `in` for the faults of another file */
  void *user;
} DiagLsp;
const char *diag_lsp(Ctx *c, int i, const DiagLsp *lsp);
const char *diag_suggest(Ctx *c, const char *word, const char *const *words, int n); /* nearest, or NULL */

typedef struct DiagCode {
  int code;
  const char *title, *text;
} DiagCode;
const DiagCode *diag_code(int code); /* NULL: no such code */
const DiagCode *diag_codes(int *n);  /* rows of errors.def */
#endif
