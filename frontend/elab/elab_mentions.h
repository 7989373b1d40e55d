/* SPDX-License-Identifier: Apache-2.0 */
/* Which lines of a block or a file read or bind a name: one sorted table, since each name is looked up. */
#ifndef GC_ELAB_MENTIONS_H
#define GC_ELAB_MENTIONS_H
#include "frontend/elab/elab_state.h"

typedef struct Mention {
  const char *name;
  int line;
  bool binds; /* after all that the line reads */
} Mention;

typedef struct Mentions {
  Mention *of;
  int n, cap;
} Mentions;

void mention(Elab *e, Mentions *m, const char *name, int line, bool binds);
/* All names that a tree reads: of an expression, a shape, a called def, a state that is written; of `net.w` also `net`;
 * without those that its statements bind. */
void mention_reads(Elab *e, Mentions *m, const Ast *a, int line);
void mentions_sort(Mentions *m);
Mentions mentions_of_lines(Elab *e, const Ast *block); /* what each line reads, sorted */
/* The first mention of the name from that line on, or NULL. The table is sorted. */
const Mention *mentions_first(const Mentions *m, const char *name, int line);
#endif
