/* Text to tokens. All tokens of a source lie in one array, comments and newlines included, so that the parser can look
 * ahead when it recovers and `fmt` sees what the author wrote. Faults are reported here, once, and leave a TK_BAD token
 * at which the parser gives up the statement without a word of its own. */
#ifndef GRADC_LEX_H
#define GRADC_LEX_H
#include "frontend/nn.h"
#include "ir/ctx.h"

enum { TK_EOF = 0 };
enum { LEX_MAX_NESTING = 256 };

typedef struct Token {
  uint8_t kind; /* TK_... */
  bool first;   /* of its line */
  bool soft;    /* NEWLINE: does not end the statement */
  int len;
  Loc at;
  int match;    /* index of the bracket's partner; BAD bracket: where to go on, or 0; else 0 */
  const char *text; /* NAME and keywords, HINT (without `@`): the name. STR: decoded. INT, FLOAT: as written */
  union {
    int64_t i;
    double f;
  };
} Token;

typedef struct Tokens {
  Token *t; /* the last one is TK_EOF */
  int n, cap;
  const char *src; /* the text, which begins at Loc `start` */
  size_t size;
  Loc start;
  bool stop; /* nested too deeply or too long: not to be parsed */
  struct { Loc from, to; } *torn; /* items in which a bracket closes nothing: what is wrong there else is the same fault */
  int ntorn, captorn;
} Tokens;

Tokens *lex_source(Ctx *c, Loc start);
void lex_lines(Ctx *c, Tokens *ts); /* second half of lex_source: hints, brackets, newlines */

bool lex_opens(int kind);  /* ( [ { and `@name(` */
bool lex_closes(int kind);
bool lex_word(int kind);   /* a word of the language, in the place where it is one */
bool lex_binary(int kind); /* takes an operand on its right: a newline behind it does not count */
#endif
