/* SPDX-License-Identifier: Apache-2.0 */
/* The operands and sizes of attention, for the ops' rules, the passes and codegen. */
#ifndef GRADC_ATTEND_H
#define GRADC_ATTEND_H
#include "ir.h"

enum { ATTEND_HEAD = 256 }; /* the longest rows of q, k and v */

/* Operands by role; `attend` has q, k, v and maybe the lengths, `attend_back` all. */
typedef enum AttendOperand { AT_Q, AT_K, AT_V, AT_LSE, AT_G, AT_DELTA, AT_LENGTHS, AT_OPERANDS } AttendOperand;

typedef struct Attend {
  Id in[AT_OPERANDS];       /* 0: there is none */
  Dim batch, heads, shared; /* heads of k and v; heads of queries that share one */
  Dim t, s;                 /* queries, keys */
  int64_t d, e;             /* lengths of the rows of q and k, and of v */
  double scale;
  bool causal, back; /* back: the node is an attend_back */
  DType type;
} Attend;
Attend attend_of(const Graph *g, Id n);
/* Whether operand i of the node, or element i of its result, has the type of q: the others are lengths, lse and delta.
 */
bool attend_reads_rows(const Graph *g, Id n, int i);
bool attend_gives_rows(const Graph *g, Id n, int i);
double attend_pairs(const Graph *g, Id n); /* pairs of a query and a key that it sees, at the bounds of the sizes */
#endif
