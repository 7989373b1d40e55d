/* SPDX-License-Identifier: Apache-2.0 */
/* Text to tokens. The array has all tokens of a source, including comments and newlines, so that the parser can look
 * ahead when it recovers and `fmt` sees the original text. Lexical errors are reported here, once, and leave a
 * TK_BAD token at which the parser drops the statement without another message. */
#ifndef GRADC_LEX_H
#define GRADC_LEX_H
#include "frontend/syntax/nn.h"
#include "ir/ctx.h"

enum { TK_EOF = 0 };
enum { LEX_MAX_NESTING = 256 };

typedef struct Token {
  uint8_t kind; /* TK_... */
  bool first;   /* of its line */
  bool soft;    /* NEWLINE: does not end the statement */
  int len;
  Loc at;
  int match;        /* index of the partner of a bracket; BAD bracket: where to resume, or 0; else 0 */
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
  bool stop; /* nested too deeply or too long: not parsed */
  struct {
    Loc from, to;
  } * broken; /* ranges around unmatched brackets, where further errors are not reported */
  int nbroken, capbroken;
} Tokens;

Tokens *lex_source(Ctx *c, Loc start);
Tokens *lex_part(Ctx *c, Loc start, const char *text, size_t n); /* of n bytes from the middle of a source */
void lex_lines(Ctx *c, Tokens *ts); /* second half of lex_source: hints, brackets, newlines */

bool lex_opens(int kind); /* ( [ { and `@name(` */
bool lex_closes(int kind);
bool lex_word(int kind);        /* a reserved word, in the position where it is one */
const char *lex_keyword(int i); /* the i-th reserved word, also of those that are words in some places only; NULL */
bool lex_binary(int kind);      /* takes an operand on its right: a newline after it is ignored */
#endif
