/* Source text to syntax tree. */
#ifndef GRADC_PARSE_H
#define GRADC_PARSE_H
#include "frontend/ast.h"

/* The tree of the source that begins at `start` (from source_add): a FILE node, never NULL. Faulty statements are
 * reported as diagnostics and left out of it; diag_errors tells whether there were any. */
Ast *parse_source(Ctx *c, Loc start);

/* The same for a source that is the body of `export def expression()`. */
Ast *parse_expression(Ctx *c, Loc start);

/* The source in canonical layout: indentation, spacing, blank lines. Comments stay where they were. Formatting what
 * was formatted changes nothing. NULL if the source has errors, which are then reported. */
char *fmt_source(Ctx *c, Loc start);
#endif
