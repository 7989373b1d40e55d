/* SPDX-License-Identifier: Apache-2.0 */
/* The gradient suite. A case is a graph with inputs and float results; its variables are the float inputs and the
 * weights. Each is checked in the float64 interpreter, with random values and random cotangents u and tangents t:
 *   transpose   <J t, u> = <t, J' u>
 *   forward     J' u, element by element against jvp with unit tangents
 *   differences J' u against central differences of <f, u>
 *   second      grad of <J' u, t> against jvp of J' u and against central differences of J' u along t */
#ifndef GRADC_TESTS_GRAD_SUITE_H
#define GRADC_TESTS_GRAD_SUITE_H
#include "ir/interp.h"

enum { MAX_PORTS = 32 };
typedef struct Range {
  double lo, hi;
} Range;
typedef struct Case {
  const char *name;
  Module *m;
  Graph *f;
  Range range[MAX_PORTS];      /* of the values of each port; lo = hi: the default of its type */
  Graph *tangents, *gradients; /* made by case_derive */
} Case;
typedef struct Suite {
  Ctx *c;
  Case *v;
  int n, cap;
  bool seen[OP_COUNT]; /* ops that have a case */
  Str nn;              /* text of all .nn files */
  int passed, failed;
} Suite;

void cases_read_table(Suite *s, const char *path); /* one op a line: ops.cases */
void cases_read_ir(Suite *s, const char *path);    /* every graph that is no body */
void cases_read_nn(Suite *s, const char *path);    /* every `export def` */
Case *case_add(Suite *s, const char *name, Module *m, Graph *f);
void case_derive(Case *k);      /* adds the graphs with grad and jvp nodes; the module then needs pass_autodiff */
bool case_check(const Case *k); /* prints what differs */
void std_check(Suite *s);       /* every def of std on tensors has a case */
void strict_check(Suite *s);
void expand_check(Suite *s, const char *path); /* one file of expand/ */
#endif
