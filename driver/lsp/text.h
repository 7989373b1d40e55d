/* SPDX-License-Identifier: Apache-2.0 */
/* Positions in text, and URIs of files. */
#ifndef GRADC_LSP_TEXT_H
#define GRADC_LSP_TEXT_H
#include "ir/ctx.h"

/* The byte of a position: line from 0, column in units of UTF-16. One after the end of its line is that end, one in a
 * surrogate pair its beginning, one after the last line the end of the text. */
size_t text_offset(const char *s, size_t n, int64_t line, int64_t column);

/* "file:///a/b%20c.nn" -> "/a/b c.nn"; another URI is its own path. */
const char *uri_path(Ctx *c, const char *uri);
const char *path_uri(Ctx *c, const char *path);
const char *path_plain(Ctx *c, const char *path); /* without `.`, `..` and repeated slashes */
#endif
