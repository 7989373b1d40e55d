/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the ops: shape rules, evaluation, the interpreter. Each test makes its own small graph. */
#ifndef GRADC_TESTS_OPS_SUITE_H
#define GRADC_TESTS_OPS_SUITE_H
#include "ir/build.h"
#include "ir/interp.h"

typedef struct Suite {
  Ctx *c;
  int passed, failed;
  bool seen[OP_COUNT]; /* ops whose values were tested: marked by run_graph for the op of the result */
} Suite;

void check(Suite *s, bool ok, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
Graph *fresh(Suite *s); /* an empty graph of a new module */
TypeId type_of(Graph *g, DType t, int rank, const int64_t *dim);
Id port(Graph *g, const char *name, DType t, int rank, const int64_t *dim);
/* Runs a graph of one result in a new interpreter on the data given for its ports (dense, in their own dtypes). The
 * result is copied to memory that stays; NULL after a failed check. */
typedef struct Result {
  DType type;
  int rank;
  int64_t dim[MAX_RANK], count;
  const double *v;
} Result;
const Result *run_graph(Suite *s, Graph *g, bool f64, const double *const *data);
uint32_t next_random(uint32_t *state);
const char *shape_text(Suite *s, int rank, const int64_t *dim);
bool same_bits(double a, double b); /* equal, with the sign of zero; NaN equals NaN */

void test_elem(Suite *s);
void test_view(Suite *s);
void test_reduce(Suite *s);
void test_contract(Suite *s);
void test_attend(Suite *s);
void test_rules(Suite *s);
void test_interp(Suite *s);
#endif
