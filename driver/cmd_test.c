/* gradc test: runs the test blocks in the strict interpreter, on the initial weights of the file's seed.
 *
 * Each result of a test graph is one assertion, a bool of any shape that must be true everywhere. Where it is a
 * comparison, its two sides are evaluated as further results, so that a failure can show them. */
#include "driver/interpret.h"
#include "passes/pass.h"
#include <stdio.h>
#include <string.h>

typedef struct Tests { Args *a; Module *m; Interp *in; int passed, failed; } Tests;

static bool holds(const Val *v) {
  for (int64_t i = 0; i < v->count; i++)
    if (val_get(v, i) == 0) return false;
  return true;
}

static void print_failure(const Tests *t, const Graph *g, const Out *o, Val *const *sides) {
  Ctx *c = t->a->c;
  Id n = o->value;
  SourcePos p = source_pos(c, o->loc);
  printf("  %s:%d:%d", p.file, p.line, p.col);
  if (sides) printf(": %s  is not %s  %s", val_text(c, sides[0]), node_info(g, n)->name, val_text(c, sides[1]));
  putchar('\n');
}

/* Adds the sides of comparisons to the results; side[i] is the number of result i's left side, 0: it has none. */
static int add_sides(Graph *g, int *side) {
  int n = interp_nresults(g), total = n;
  for (int i = 0, k = 0; k < n; i++) {
    if (g->out[i].var >= 0) continue;
    Id v = g->out[i].value;
    if (node_info(g, v)->flags & BOOLEAN && node_get(g, v)->nin == 2) {
      side[k] = total;
      graph_result(g, "left", node_in(g, v, 0), 0);
      graph_result(g, "right", node_in(g, v, 1), 0);
      total += 2;
    }
    k++;
  }
  return total;
}

static void report_test(Tests *t, const char *name, bool well) {
  if (well) t->passed++;
  else t->failed++;
  if (!args_has(t->a, OPT_json)) {
    printf("%s  %s\n", well ? "ok    " : "failed", name);
    return;
  }
  Str s = {.c = t->a->c};
  str_puts(&s, "{\"test\":");
  put_json_text(&s, name);
  str_printf(&s, ",\"ok\":%s}\n", well ? "true" : "false");
  fputs(s.s, stdout);
}

static bool run_test(Tests *t, Graph *g, const char *name) {
  Ctx *c = t->a->c;
  int n = interp_nresults(g), *side = ctx_alloc(c, sizeof *side * (size_t)(n + 1)), total = add_sides(g, side);
  Val **value = ctx_alloc(c, sizeof *value * (size_t)(total + 1));
  if (!interpret_init(t->in) || !interpret_run(t->in, g, NULL, value)) {
    report_test(t, name, false);
    return false;
  }
  bool well = true;
  for (int k = 0; k < n; k++) well &= holds(value[k]);
  report_test(t, name, well);
  for (int i = 0, k = 0; k < n && !well && !args_has(t->a, OPT_json); i++) {
    if (g->out[i].var >= 0) continue;
    if (!holds(value[k])) print_failure(t, g, &g->out[i], side[k] ? value + side[k] : NULL);
    k++;
  }
  interpret_drop(value, total);
  return true;
}

static bool test_file(Tests *t, const char *path) {
  t->m = load_module(t->a, path);
  if (!t->m || !passes_run(t->m, &(PassRun){.stop_after = "precision"})) return false;
  t->in = interpret_new(t->m, false);
  if (!t->in) return false;
  bool well = true;
  for (int i = 0; i < t->m->ntest && well; i++) well = run_test(t, t->m->test[i].graph, t->m->test[i].title);
  interp_free(t->in);
  return well;
}

int cmd_test(Args *a) {
  Tests t = {.a = a};
  bool well = true;
  for (int i = 0; i < a->noperand; i++) well &= test_file(&t, a->operand[i]);
  if (!args_has(a, OPT_json)) printf("%d passed, %d failed\n", t.passed, t.failed);
  return well && !t.failed ? EXIT_WELL : EXIT_MODEL;
}
