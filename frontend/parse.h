/* SPDX-License-Identifier: Apache-2.0 */
/* Source text to syntax tree. */
#ifndef GRADC_PARSE_H
#define GRADC_PARSE_H
#include "frontend/syntax/ast.h"

/* The tree of the source that begins at `start` (from source_add): a FILE node, never NULL. Statements with errors
 * are reported and left out of it; diag_errors(c) counts them. */
Ast *parse_source(Ctx *c, Loc start);

/* The one item in n bytes of a source, from `start` on; NULL if there is another number of them. */
Ast *parse_item(Ctx *c, Loc start, const char *text, size_t n);

/* The same for a source that is the body of `export def expression()`. */
Ast *parse_expression(Ctx *c, Loc start);

/* The source in canonical layout: indentation, spacing, blank lines; comments are kept. Formatting twice gives the
 * same text. NULL if the source has errors, which are then reported. */
char *fmt_source(Ctx *c, Loc start);
#endif
