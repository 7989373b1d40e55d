/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"
#include <stdio.h>
#include <string.h>

void check(Suite *s, bool ok, const char *fmt, ...) {
  if (ok) {
    s->passed++;
    return;
  }
  va_list ap;
  va_start(ap, fmt);
  s->failed++;
  printf("FAIL ");
  vprintf(fmt, ap);
  printf("\n");
  va_end(ap);
}

Graph *fresh(Suite *s) { return graph_new(module_new(s->c, "test"), "test", GK_TEST, 0); }

TypeId type_of(Graph *g, DType t, int rank, const int64_t *dim) { return type_make(g->m, t, rank, dim); }

Id port(Graph *g, const char *name, DType t, int rank, const int64_t *dim) {
  return graph_input(g, name, type_of(g, t, rank, dim), 0);
}

uint32_t next_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  return *state ^= *state << 5;
}

const char *shape_text(Suite *s, int rank, const int64_t *dim) {
  Str t = {.c = s->c};
  str_puts(&t, "[");
  for (int i = 0; i < rank; i++) str_printf(&t, "%s%lld", i ? "," : "", (long long)dim[i]);
  str_puts(&t, "]");
  return t.s;
}

bool same_bits(double a, double b) { return (a != a && b != b) || !memcmp(&a, &b, sizeof a); }

static const Result *copy_result(Suite *s, const Val *v) {
  Result *r = ctx_alloc(s->c, sizeof *r);
  double *d = ctx_alloc(s->c, (size_t)v->count * sizeof *d + 1);
  *r = (Result){.type = v->type, .rank = v->rank, .count = v->count, .v = d};
  memcpy(r->dim, v->dim, sizeof r->dim);
  for (int64_t i = 0; i < v->count; i++) d[i] = val_get(v, i);
  return r;
}

const Result *run_graph(Suite *s, Graph *g, bool f64, const double *const *data) {
  Interp *in = interp_new(g->m, f64);
  Val *ports[8], *out = NULL;
  const Result *r = NULL;
  s->seen[node_get(g, g->out[0].value)->op] = true;
  for (int i = 0; i < g->nport; i++) {
    ports[i] = interp_value(in, node_get(g, g->port[i])->type);
    for (int64_t k = 0; k < ports[i]->count; k++) val_set(ports[i], k, data[i][k]);
  }
  if (interp_run(in, g, ports, &out)) {
    r = copy_result(s, out);
    val_release(out);
  } else {
    check(s, false, "%s: %s", node_info(g, g->out[0].value)->name, in->error);
  }
  interp_free(in);
  return r;
}

/* A row of the table whose values nothing tests fails here. */
static void check_coverage(Suite *s) {
  for (int op = 1; op < OP_COUNT; op++) check(s, s->seen[op], "no test of the values of `%s`", op_info[op].name);
}

int main(void) {
  Suite s = {.c = ctx_new()};
  test_elem(&s);
  test_view(&s);
  test_reduce(&s);
  test_contract(&s);
  test_attend(&s);
  test_rules(&s);
  test_interp(&s);
  check_coverage(&s);
  printf("ops: %d passed, %d failed\n", s.passed, s.failed);
  ctx_free(s.c);
  return s.failed != 0;
}
