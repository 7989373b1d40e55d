/* SPDX-License-Identifier: Apache-2.0 */
/* Words of other languages and libraries, for the help of errors. */
#ifndef GRADC_FOREIGN_H
#define GRADC_FOREIGN_H
#include "ir/ctx.h"

typedef enum ForeignKind {
  FOREIGN_NAME,
  FOREIGN_ARG,
  FOREIGN_TYPE,
  FOREIGN_SETTING,
  FOREIGN_DATA,
  FOREIGN_WORD,
  FOREIGN_METHOD,
  FOREIGN_ALIAS,
  FOREIGN_ITEM,
  FOREIGN_SYMBOL
} ForeignKind;

/* The help of foreign.def; NULL: there is no such row. */
const char *foreign_help(ForeignKind kind, const char *word);
/* The same of a name, with `tensor` in the place of `$`. */
const char *foreign_name(Ctx *c, const char *word, const char *tensor);
/* That of the symbol at the beginning of s[0..n), whose bytes it stores in *len. */
const char *foreign_symbol(const char *s, size_t n, size_t *len);
/* Whether the first part of a dotted name is a module of another library, such as nn, torch, F or np. */
bool foreign_module(const char *dotted);
/* Whether two names differ at most by case, underscores, and a last word `loss`: MSELoss and mse. */
bool foreign_same(const char *a, const char *b);
#endif
