/* SPDX-License-Identifier: Apache-2.0 */
/* gradc report --roofline: what `bench --profile` would measure. The rows have its form (runtime/bench_profile.c). */
#include "driver/report_roofline.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Row {
  const StepCost *of;
  const char *name, *line;
  double ms, roofline, flops, bytes; /* of all executions in a step */
  int at;
} Row;

static Row row_of(const Cost *k, int at) {
  const StepCost *s = &k->steps.v[at];
  const KernelCost *c = &s->cost;
  SourcePos p = source_pos(k->c, node_get(s->kernel->gs->g, s->kernel->group->root)->loc);
  const char *slash = p.line ? strrchr(p.file, '/') : NULL;
  return (Row){.of = s,
               .name = kernel_ops(k->c, s->kernel),
               .line = p.line ? ctx_strf(k->c, "%s:%d", slash ? slash + 1 : p.file, p.line) : "",
               .ms = 1e3 * s->times * c->seconds,
               .roofline = 1e3 * s->times * (c->compute > c->memory ? c->compute : c->memory),
               .flops = s->times * c->flops,
               .bytes = s->times * c->bytes,
               .at = at};
}

static int by_time(const void *x, const void *y) {
  const Row *a = x, *b = y;
  return a->ms == b->ms ? a->at - b->at : a->ms < b->ms ? 1 : -1;
}

static void put_json(Str *o, const Row *r) {
  str_puts(o, "{\"event\":\"kernel\",\"kernel\":");
  str_json(o, r->name);
  str_puts(o, ",\"line\":");
  str_json(o, r->line);
  str_printf(
    o, ",\"class\":\"%s\",\"form\":\"%s\",\"ms\":%.6g,\"flop\":%.9g,\"bytes\":%.9g,\"roofline_ms\":%.6g,\"layer\":",
    kernel_class_name[r->of->kernel->group->cls], r->of->form, r->ms, r->flops, r->bytes, r->roofline);
  const Kernel *k = r->of->kernel;
  str_json(o, scope_path(k->gs->g->m, group_scope(k->gs->g, k->group)));
  if (r->of->gemm) str_printf(o, ",\"gemm\":\"%s\"", r->of->gemm);
  str_puts(o, "}");
}

static void print_text(const Row *r, double all) {
  printf("%9.4f %5.1f %9.4f %6.1f %8.2f %7.2f  %-6s  %-18s %s\n", r->ms, 100 * r->ms / all, r->roofline,
         r->roofline > 0 ? r->ms / r->roofline : 0, r->flops / r->ms * 1e-6, r->bytes / r->ms * 1e-6, r->of->form,
         r->line, r->name);
}

static Row *rows_by_time(const Cost *k) {
  Row *row = ctx_alloc(k->c, sizeof *row * (size_t)(k->steps.n + 1));
  for (int i = 0; i < k->steps.n; i++) row[i] = row_of(k, i);
  qsort(row, (size_t)k->steps.n, sizeof *row, by_time);
  return row;
}

void roofline_json(Str *o, const Cost *k, const char *between) {
  const Row *row = rows_by_time(k);
  for (int i = 0; i < k->steps.n; i++) {
    if (i) str_puts(o, between);
    put_json(o, &row[i]);
  }
}

void report_roofline(const Cost *k, bool json) {
  Str s = {.c = k->c};
  if (json) {
    roofline_json(&s, k, "\n");
    if (s.n) puts(s.s);
    return;
  }
  const Row *row = rows_by_time(k);
  printf("\n       ms     %%  roofline  ratio  GFLOP/s    GB/s  form    line               kernel\n");
  for (int i = 0; i < k->steps.n; i++) print_text(&row[i], 1e3 * k->steps.seconds);
}
