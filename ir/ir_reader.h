/* SPDX-License-Identifier: Apache-2.0 */
/* The IR text reader's inside, for parse.c (graphs) and parse_word.c (words, numbers, types, attributes). */
#ifndef GRADC_IR_READER_H
#define GRADC_IR_READER_H
#include "ir_words.h"

typedef struct Reader {
  Ctx *c;
  Module *m;
  Graph *g;
  const char *p, *end, *text;
  Loc start;
  bool failed;
  bool inexact; /* since it was cleared, an integer was read that no double holds */
  Id *val;      /* value %k -> node */
  int nval, capval;
  struct ForwardAlias {
    Id node;
    int64_t value;
    const char *at;
  } * forward; /* aliases of later values */
  int nforward, capforward;
} Reader;

/* All readers set r->failed after a diagnostic and return 0, "" or false from then on. */
bool rd_fail(Reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void rd_blanks(Reader *r);
bool rd_peek(Reader *r, const char *s);
bool rd_take(Reader *r, const char *s);
bool rd_expect(Reader *r, const char *s);
const char *rd_word(Reader *r);
const char *rd_quoted(Reader *r);
int64_t rd_natural(Reader *r, int64_t max);
double rd_number(Reader *r);
TypeId rd_type(Reader *r);
AttrId rd_attrs(Reader *r, Op op);
#endif
