/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values of messages. The text is not trusted. */
#ifndef GRADC_LSP_VALUE_H
#define GRADC_LSP_VALUE_H
#include "ir/ctx.h"

typedef enum JsonKind { J_NULL, J_BOOL, J_NUMBER, J_STRING, J_ARRAY, J_OBJECT } JsonKind;
typedef struct JsonValue JsonValue;
struct JsonValue {
  JsonKind kind;
  const char *key;  /* of a member of an object */
  const char *text; /* STRING: decoded, valid UTF-8, n bytes and a NUL; NUMBER, BOOL, NULL: as written */
  size_t n;
  int64_t i;     /* NUMBER: if it is an integer that fits, else 0; BOOL: 0 or 1 */
  bool integral; /* a NUMBER whose value is i */
  JsonValue *first, *next;
};

/* NULL: the text is no JSON, *why says where it is not. Half surrogate pairs and bytes that are not UTF-8 become
 * U+FFFD. */
JsonValue *value_parse(Ctx *c, const char *s, size_t n, const char **why);

/* The member at the end of a path of names, "textDocument.uri"; NULL: there is none. `v` may be NULL. */
const JsonValue *value_at(const JsonValue *v, const char *path);
const char *value_text(const JsonValue *v, const char *path);              /* NULL: no string */
int64_t value_int(const JsonValue *v, const char *path, int64_t fallback); /* the fallback also for other kinds */
#endif
