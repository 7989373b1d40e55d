/* SPDX-License-Identifier: Apache-2.0 */
/* Records for ElabOptions.watch what the expressions of the user's files were. */
#ifndef GRADC_ELAB_SEEN_H
#define GRADC_ELAB_SEEN_H
#include "frontend/elab.h"
#include "frontend/elab/elab_value.h"

struct Seen *el_watch(Ctx *c, ElabWatch *w);
/* The value of `a`, whose nodes begin at number `from` of graph g (NULL: none). Only if e->seen is there. */
void el_saw(Elab *e, const Ast *a, Value v, const Graph *g, int from);
#endif
