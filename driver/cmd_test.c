/* SPDX-License-Identifier: Apache-2.0 */
/* gradc test: runs the test blocks on the initial weights of the file's seed, in strict mode.
 *
 * Each result of a test graph is an assertion, a bool of any shape that must be true everywhere. If it is a comparison,
 * its two sides are added as results, so that a failure can show them. */
#include "driver/executor.h"
#include <stdio.h>
#include <string.h>

/* One assertion: its operator, the number of the result that is its left side (0: not a comparison; the right side
 * follows), and the element type of both sides. */
typedef struct Assertion {
  Loc loc;
  const char *op;
  int side;
  DType type;
} Assertion;
typedef struct Test {
  Graph *g;
  const char *title;
  Assertion *assertion;
  int n, nvalue;
} Test;
typedef struct Tests {
  Args *a;
  Executor e;
  int passed, failed;
} Tests;

static bool holds(const Val *v) {
  for (int64_t i = 0; i < v->count; i++)
    if (val_get(v, i) == 0) return false;
  return true;
}

static void print_failure(const Tests *t, const Assertion *s, Val *const *value) {
  Ctx *c = t->a->c;
  SourcePos p = source_pos(c, s->loc);
  printf("  %s:%d:%d", p.file, p.line, p.col);
  if (s->side)
    printf(": %s  is not %s  %s", val_text(c, s->type, value[s->side]), s->op,
           val_text(c, s->type, value[s->side + 1]));
  putchar('\n');
}

static Test make_test(Ctx *c, const TestInfo *info) {
  Graph *g = info->graph;
  int n = interp_nresults(g);
  Test t = {g, info->title, ctx_alloc(c, sizeof *t.assertion * (size_t)(n + 1)), n, n};
  for (int i = 0, k = 0; k < n; i++) {
    if (g->out[i].var >= 0) continue;
    Id v = g->out[i].value;
    t.assertion[k] = (Assertion){g->out[i].loc, node_info(g, v)->name, 0, DT_BOOL};
    if (node_info(g, v)->flags & OPF_BOOL_RESULT && node_get(g, v)->nin == 2) {
      t.assertion[k].side = t.nvalue;
      t.assertion[k].type = (DType)node_type(g, node_in(g, v, 0))->dtype;
      graph_result(g, "left", node_in(g, v, 0), 0);
      graph_result(g, "right", node_in(g, v, 1), 0);
      t.nvalue += 2;
    }
    k++;
  }
  return t;
}

static void report_test(Tests *t, const char *name, bool ok) {
  if (ok) t->passed++;
  else t->failed++;
  if (!args_has(t->a, OPT_json)) {
    printf("%s  %s\n", ok ? "ok    " : "failed", name);
    return;
  }
  Str s = {.c = t->a->c};
  str_puts(&s, "{\"test\":");
  str_json(&s, name);
  str_printf(&s, ",\"ok\":%s}\n", ok ? "true" : "false");
  fputs(s.s, stdout);
}

static bool run_test(Tests *t, const Test *k) {
  Val **value = ctx_alloc(t->a->c, sizeof *value * (size_t)(k->nvalue + 1));
  if (!executor_init(&t->e) || !executor_run(&t->e, k->g, NULL, value)) {
    report_test(t, k->title, false);
    return false;
  }
  bool ok = true;
  for (int i = 0; i < k->n; i++) ok &= holds(value[i]);
  report_test(t, k->title, ok);
  for (int i = 0; i < k->n && !ok && !args_has(t->a, OPT_json); i++)
    if (!holds(value[i])) print_failure(t, &k->assertion[i], value);
  interpret_drop(value, k->nvalue);
  return true;
}

static int test_file(Tests *t, const char *path) {
  Ctx *c = t->a->c;
  Module *m = load_module(t->a, path);
  if (!m) return EXIT_MODEL;
  int n = m->ntest;
  if (!n && !args_has(t->a, OPT_json)) printf("%s has no tests, such as `test \"one\" { assert 1 == 1 }`\n", path);
  if (!n) return EXIT_OK;
  Test *test = ctx_alloc(c, sizeof *test * (size_t)n);
  Graph **want = ctx_alloc(c, sizeof *want * (size_t)n);
  for (int i = 0; i < n; i++) {
    test[i] = make_test(c, &m->test[i]);
    want[i] = test[i].g;
  }
  int status = executor_open(&t->e, t->a, m, want, n, 1, false);
  for (int i = 0; i < n && status == EXIT_OK; i++)
    if (!run_test(t, &test[i])) status = EXIT_MODEL;
  executor_close(&t->e);
  return status;
}

int cmd_test(Args *a) {
  Tests t = {.a = a};
  int status = EXIT_OK;
  for (int i = 0; i < a->noperand; i++) {
    int file = test_file(&t, a->operand[i]);
    if (file != EXIT_OK) status = file;
  }
  if (!args_has(a, OPT_json)) printf("%d passed, %d failed\n", t.passed, t.failed);
  return status == EXIT_OK && t.failed ? EXIT_MODEL : status;
}
