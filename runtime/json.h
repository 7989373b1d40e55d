/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON reader over text, and the quoting of strings. A function that fails leaves a message in Json.err. */
#ifndef GRADC_JSON_H
#define GRADC_JSON_H
#include <stdbool.h>
#include <stdint.h>

enum { JSON_DEPTH = 64 };
typedef struct Json {
  const char *p, *end;
  char *err; /* ERR_TEXT bytes */
} Json;
bool json_accept(Json *j, char c);   /* skips white space; consumes `c` if it is next */
bool json_expect(Json *j, char c);   /* json_accept; anything else is an error */
char *json_string(Json *j);          /* NULL: error */
bool json_u64(Json *j, uint64_t *v); /* a non-negative integer without exponent */
bool json_skip(Json *j, int depth);  /* any value */
bool json_end(Json *j);              /* only white space may follow */
char *json_quote(const char *s);     /* "…" with escapes */
#endif
