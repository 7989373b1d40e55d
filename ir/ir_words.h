/* SPDX-License-Identifier: Apache-2.0 */
/* Words of the IR text that printer and parser share. */
#ifndef GRADC_IR_WORDS_H
#define GRADC_IR_WORDS_H
#include "ir.h"

#define X(id, name) name,
static const char *const graph_kind_name[] = {GRAPH_KINDS(X)};
static const char *const var_kind_name[] = {VAR_KINDS(X)};
static const char *const space_name[] = {SPACES(X)};
#undef X
enum { NKINDS = sizeof graph_kind_name / sizeof *graph_kind_name, NSPACES = SP_OUT + 1 };

const char *number_text(Ctx *c, double v); /* the shortest decimal that reads back as v; nan, inf, -inf */
#endif
