/* SPDX-License-Identifier: Apache-2.0 */
/* grad FILE... : the gradient suite over tables of ops (.cases), graphs (.ir), defs (.nn), and files of expand/. */
#include "suite.h"
#include "passes/pass.h"
#include <stdio.h>
#include <string.h>

static bool ends(const char *s, const char *end) {
  size_t n = strlen(s), k = strlen(end);
  return n >= k && !strcmp(s + n - k, end);
}

/* A row has a gradient rule and a case here, or says that it has no gradient; leaves, and what autodiff expands, need
 * neither. So a new op without a checked gradient fails. */
static const char *uncovered(const OpInfo *o, bool seen) {
  const OpInfo *none = &op_info[OP_grad];
  bool rule = o->vjp != none->vjp, nograd = o->flags & OPF_NO_GRAD;
  if (o->cls == CL_LEAF || o->cls == CL_META) return NULL;
  if (rule == nograd) return rule ? "a gradient rule, and OPF_NO_GRAD" : "neither a gradient rule nor OPF_NO_GRAD";
  return rule && !seen ? "no case" : NULL;
}

static void check_coverage(Suite *s) {
  for (int i = 1; i < OP_COUNT; i++) {
    const char *lacks = uncovered(&op_info[i], s->seen[i]);
    if (!lacks) continue;
    printf("FAIL `%s` has %s\n", op_info[i].name, lacks);
    s->failed++;
  }
}

/* Ops that a line of a table cannot give a case. */
static bool structural(const Graph *g, Id n) {
  return node_info(g, n)->cls == CL_SCAN || node_info(g, n)->cls == CL_TUPLE;
}

/* Cases of one module are neighbours: their derivatives are made first, then expanded together. */
static void run_module(Suite *s, int from, int to) {
  int before = diag_errors(s->c);
  for (int i = from; i < to; i++)
    for (Id n = 1; n < (Id)s->v[i].f->n; n++) s->seen[node_get(s->v[i].f, n)->op] |= structural(s->v[i].f, n);
  for (int i = from; i < to; i++) case_derive(&s->v[i]);
  pass_autodiff(s->v[from].m);
  ir_verify(s->v[from].m);
  bool sound = diag_errors(s->c) == before;
  for (int i = from; i < to; i++) {
    bool ok = sound && case_check(&s->v[i]);
    if (!sound) printf("FAIL %s: reported errors\n", s->v[i].name);
    if (ok) s->passed++;
    else s->failed++;
  }
}

int main(int argc, char **argv) {
  Suite s = {.c = ctx_new()};
  bool table = false;
  for (int i = 1; i < argc; i++) {
    if (ends(argv[i], ".cases")) cases_read_table(&s, argv[i]), table = true;
    else if (strstr(argv[i], "expand/")) expand_check(&s, argv[i]);
    else if (ends(argv[i], ".nn")) cases_read_nn(&s, argv[i]);
    else cases_read_ir(&s, argv[i]);
  }
  for (int i = 0, k; i < s.n; i = k) {
    for (k = i + 1; k < s.n && s.v[k].m == s.v[i].m;) k++;
    run_module(&s, i, k);
  }
  if (table) check_coverage(&s), strict_check(&s);
  if (s.nn.s) std_check(&s);
  diag_print(s.c, stderr, false);
  printf("gradients: %d passed, %d failed\n", s.passed, s.failed);
  ctx_free(s.c);
  return s.failed != 0;
}
