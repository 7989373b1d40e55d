/* SPDX-License-Identifier: Apache-2.0 */
/* gradc eval: the value of one expression. */
#include "driver/executor.h"
#include <stdio.h>
#include <string.h>

/* JSON has neither NaN nor Inf. */
static void put_number(Str *s, DType t, const Val *v, int64_t i, bool json) {
  double x = val_get(v, i);
  str_puts(s, json && x - x != 0 ? "null" : val_number_text(s->c, t, v, i));
}

/* Prints nested lists of elements of type t, each row on a separate line. */
static int64_t put_value(Str *s, DType t, const Val *v, int axis, int64_t at, bool json) {
  if (axis == v->rank) {
    put_number(s, t, v, at, json);
    return at + 1;
  }
  str_puts(s, "[");
  for (int64_t i = 0; i < v->dim[axis]; i++) {
    bool line = !json && axis + 1 < v->rank;
    if (i && line) str_printf(s, ",\n%*s", axis + 1, "");
    else if (i) str_puts(s, ", ");
    at = put_value(s, t, v, axis + 1, at, json);
  }
  str_puts(s, "]");
  return at;
}

static void print_result(Executor *e, const Graph *g, const Out *o, const Val *v) {
  bool json = args_has(e->a, OPT_json);
  Str s = {.c = e->a->c};
  if (json) {
    str_puts(&s, "{\"type\":");
    str_json(&s, type_text(e->m, node_get(g, o->value)->type));
    str_puts(&s, ",\"value\":");
  }
  put_value(&s, (DType)node_type(g, o->value)->dtype, v, 0, 0, json);
  str_puts(&s, json ? "}\n" : "\n");
  fwrite(s.s, 1, s.n, stdout);
}

static Graph *last_export(const Module *m) {
  for (int i = m->ngraph - 1; i >= 0; i--)
    if (m->graph[i]->kind == GK_EXPORT) return m->graph[i];
  return NULL;
}

int cmd_eval(Args *a) {
  Executor e;
  if (!args_has(a, OPT_expression)) {
    Diag *d = diag_error(a->c, E_USAGE, 0, 1, "`gradc eval` needs `-e EXPR`");
    diag_help(a->c, d, "gradc eval %s -e '1 + 1'", a->operand[0]);
    return EXIT_USAGE;
  }
  const char *dot = strrchr(a->operand[0], '.');
  if (dot && !strcmp(dot, ".ir")) {
    diag_error(a->c, E_USAGE, 0, 1, "`gradc eval` takes a .nn file: IR text has no names that an expression could use");
    return EXIT_USAGE;
  }
  Module *m = load_module(a, a->operand[0]);
  Graph *g = m ? last_export(m) : NULL;
  if (!g) return EXIT_MODEL;
  Val **value = ctx_alloc(a->c, sizeof *value * (size_t)(interp_nresults(g) + 1));
  int status = executor_open(&e, a, m, &g, 1, 1, false);
  if (status == EXIT_OK && (!executor_init(&e) || !executor_run(&e, g, NULL, value))) status = EXIT_MODEL;
  for (int i = 0, k = 0; status == EXIT_OK && i < g->nout; i++)
    if (g->out[i].var < 0) print_result(&e, g, &g->out[i], value[k++]);
  if (status == EXIT_OK) interpret_drop(value, interp_nresults(g));
  executor_close(&e);
  return status;
}
