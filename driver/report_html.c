/* SPDX-License-Identifier: Apache-2.0 */
/* The data of the page, as JSON in driver/report.html: source, IR after each pass with what changed, portable C,
 * layers, kernels, the memory plan as SVG, curves of a run. The plan is that of portable C: no weight is in panels. */
#include "driver/report_html.h"
#include "codegen/codegen.h"
#include "codegen/target.h"
#include "driver/report_cuda.h"
#include "driver/report_plan.h"
#include "driver/report_roofline.h"
#include "driver/run_folder.h"
#include "ir/graph_text.h"
#include "lib/embed.h"
#include "lib/layers.h"
#include "passes/pass.h"
#include "passes/transform/strip.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_POINTS = 2000 };

/* ---- IR after each pass ---- */

typedef struct Stages {
  Ctx *c;
  Str out;
  Module *last;
  const char *text;
} Stages;

/* The module of a printed text, for comparison with the next. */
static Module *parsed(Ctx *c, const char *pass, const char *text, size_t n) {
  Module *m = ir_parse(c, source_add(c, pass, text, n));
  return diag_errors(c) ? NULL : m;
}

static void add_stage(void *arg, int number, const char *pass, const char *text, size_t n) {
  Stages *s = arg;
  Str diff = {.c = s->c};
  const char *copy = ctx_strf(s->c, "%.*s", (int)n, text);
  bool same = s->text && !strcmp(copy, s->text);
  Module *m = same ? s->last : parsed(s->c, pass, copy, n);
  if (!same && m && s->last && !ir_diff(&diff, s->last, m)) str_puts(&diff, "annotations");
  str_printf(&s->out, "%s{\"pass\":\"%s%s\",\"text\":", number ? "," : "", number ? "" : "elaboration",
             number ? pass : "");
  str_json(&s->out, copy);
  str_puts(&s->out, ",\"diff\":");
  str_json(&s->out, diff.s ? diff.s : "");
  str_puts(&s->out, "}");
  s->last = m;
  s->text = copy;
}

static bool run_stages(Module *m, Stages *s) {
  Str text = {.c = m->c};
  module_drop_tests(m);
  ir_print(&text, m);
  add_stage(s, 0, "", text.s, text.n);
  return passes_run(m, &(PassRun){.dump_after = "all", .dump = add_stage, .dump_arg = s});
}

/* ---- kernels, curves ---- */

static void put_kernels(Str *o, const Cost *k) {
  double flops = 0, bytes = 0;
  for (int i = 0; i < k->steps.n; i++) {
    const KernelCost *c = &k->steps.v[i].cost;
    if (c->compute > 0) flops = fmax(flops, c->flops / c->compute);
    if (c->memory > 0) bytes = fmax(bytes, c->bytes / c->memory);
  }
  str_printf(o, ",\"peak\":{\"flops\":%.6g,\"bytes\":%.6g},\"kernels\":[", flops, bytes);
  if (k->timed) roofline_json(o, k, ",");
  str_puts(o, "]");
}

static void put_numbers(Str *o, const char *key, const double *v, int n, int by) {
  str_printf(o, ",\"%s\":[", key);
  for (int i = 0; i < n; i += by) str_printf(o, isfinite(v[i]) ? "%s%.6g" : "%snull", i ? "," : "", v[i]);
  str_puts(o, "]");
}

/* Charts: a score and that of validations are in one. */
static void put_curves(Str *o, const RunFolder *r) {
  int charts = 0;
  for (int i = 0; i < r->ncurve; i++) {
    const char *base = r->curve[i].base;
    bool first = true;
    for (int k = 0; k < i; k++) first &= strcmp(r->curve[k].base, base) != 0;
    if (!first) continue;
    str_printf(o, "%s{\"name\":", charts++ ? "," : "");
    str_json(o, base);
    str_puts(o, ",\"curves\":[");
    for (int k = i, n = 0; k < r->ncurve; k++) {
      const RunCurve *u = &r->curve[k];
      if (strcmp(u->base, base) != 0 || !u->n) continue;
      str_printf(o, "%s{\"name\":", n++ ? "," : "");
      str_json(o, u->name);
      put_numbers(o, "x", u->step, u->n, 1 + u->n / MAX_POINTS);
      put_numbers(o, "y", u->v, u->n, 1 + u->n / MAX_POINTS);
      str_puts(o, "}");
    }
    str_puts(o, "]}");
  }
}

/* ---- the page ---- */

static void put_text(Str *o, const char *key, const char *text) {
  str_printf(o, ",\"%s\":", key);
  str_json(o, text ? text : "");
}

static bool put_data(Args *a, Module *m, Layers *l, const Stages *s, Str *o) {
  Cost k = cost_of(m, a->value[OPT_isa]);
  Graph *g = largest_plan(m);
  Plan plan = {0};
  if (g) plan = plan_of(m, g);
  layers_cost(l, &k);
  str_printf(o, "{\"parameters\":%.0f,\"memory\":%lld", k.parameters, (long long)m->total_bytes);
  put_text(o, "file", m->file);
  put_text(o, "source", m->source);
  put_text(o, "graph", l->g ? l->g->name : g ? g->name : "");
  put_text(o, "svg", g ? report_svg_text(&plan).s : "");
  str_printf(o, ",\"stages\":[%s],\"layers\":[", s->out.s);
  for (int i = 0, n = 0; i < l->n; i++) {
    if (!layer_is_shown(&l->row[i])) continue;
    if (n++) str_puts(o, ",");
    layers_json(o, l, &l->row[i]);
  }
  str_puts(o, "]");
  put_kernels(o, &k);
  EmitOptions e = {.version = GRADC_VERSION, .flags = "", .builtin = embed_text, .header = "model.h"};
  Artifacts c = {0};
  if (!emit_program(m, &target_portable, &e, &c)) return false;
  put_text(o, "c", c.code.s);
  return true;
}

/* The template with the data, in which no tag can end the script. */
static bool save_page(Args *a, const Str *data) {
  size_t n;
  const char mark[] = "@DATA@", *page = embed_text("driver/report.html", &n), *at = strstr(page, mark);
  Str o = {.c = a->c};
  str_put(&o, page, (size_t)(at - page));
  for (const char *p = data->s, *end; *p; p = end) {
    end = p + strcspn(p, "<");
    str_put(&o, p, (size_t)(end - p));
    if (*end) str_puts(&o, "\\u003c"), end++;
  }
  str_puts(&o, at + sizeof mark - 1);
  return save_file(a->c, a->value[OPT_html], o.s, o.n, 0);
}

int report_html(Args *a) {
  Module *m = load_module(a, a->operand[0]);
  if (!m) return EXIT_MODEL;
  if (!report_check(a)) return EXIT_USAGE;
  if (!m->source) {
    diag_error(a->c, E_USAGE, 0, 1, "`--html` is of a .nn file: IR text has no source");
    return EXIT_USAGE;
  }
  target_set_options(&target_portable, &m->opt);
  Layers l = layers_find(m);
  Stages s = {.c = a->c, .out = {.c = a->c}};
  Str data = {.c = a->c};
  if (!run_stages(m, &s) || !put_data(a, m, &l, &s, &data)) return EXIT_MODEL;
  str_puts(&data, ",\"curves\":[");
  RunFolder r;
  if (args_has(a, OPT_run_folder)) {
    if (!run_folder_read(a->c, a->value[OPT_run_folder], &r)) return EXIT_MODEL;
    put_curves(&data, &r);
    run_folder_free(&r);
  }
  str_puts(&data, "]}");
  return save_page(a, &data) ? EXIT_OK : EXIT_RESOURCES;
}
