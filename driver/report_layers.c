/* SPDX-License-Identifier: Apache-2.0 */
/* gradc report --layers: a row for each layer. */
#include "driver/report_layers.h"
#include "driver/profile_row.h"
#include "driver/report_plan.h"
#include "driver/table.h"
#include "driver/toolchain.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- measured times: the program's `bench --profile --json` ---- */

static bool add_line(Ctx *c, Layers *l, const char *line) {
  ProfileRow r = profile_row(c, line);
  Layer *x = r.layer && r.ms >= 0 ? layers_row(l, r.layer) : NULL;
  if (x) x->measured = (x->measured < 0 ? 0 : x->measured) + r.ms * 1e-3;
  return r.ms >= 0;
}

static int run_profile(Args *a, Layers *l, const WorkFolder *f) {
  CcArgs k = cc_command(a->c, work_folder_path(f, "program"));
  char *text = NULL;
  size_t n;
  bool any = false;
  cc_words(&k, "bench --profile --json --threads 1");
  CcResult r = cc_run(f, &k, 1);
  if (!r.fault) r = work_folder_read(f, "0.log", &text, &n);
  for (char *line = text ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n")) any |= add_line(a->c, l, line);
  free(text);
  if (any) return EXIT_OK;
  diag_error(a->c, E_USAGE, 0, 1, "`--profile` ran the program's `bench --profile`: %s",
             r.fault ? r.text : "it printed no times of kernels");
  return EXIT_MODEL;
}

static int measure(Args *a, Layers *l) {
  WorkFolder f;
  if (!temp_make(a->c, &f)) return EXIT_RESOURCES;
  int status = toolchain_build(a, &f, "program");
  if (status == EXIT_OK) status = run_profile(a, l, &f);
  temp_remove(&f);
  return status;
}

/* ---- the table ---- */

enum { LAYER, SHAPE, PARAMETERS, MACS, BYTES, PREDICTED, MEASURED, LINE };

static void add_columns(Table *t, bool timed, bool measured) {
  table_column(t, "layer", 9, false);
  table_column(t, "shape", 7, false);
  table_column(t, "parameters", 8, true);
  table_column(t, "MACs", 8, true);
  table_column(t, "bytes", 4, true);
  table_column(t, timed ? "ms" : "ms (unknown)", 5, true);
  table_column(t, measured ? "measured" : "", measured ? 6 : 0, true);
  table_column(t, "line", 7, false);
}

static const char *count(Ctx *c, double v) { return v > 0 ? grouped(c, v) : "-"; }

static const char *ms(Ctx *c, double seconds) { return seconds >= 0 ? ctx_strf(c, "%.4f", 1e3 * seconds) : ""; }

static void set_row(Table *t, int at, const Layer *x, bool timed, const Layers *l) {
  Ctx *c = t->c;
  table_set_cell(t, LAYER, at, x->name);
  table_set_cell(t, SHAPE, at, x->type ? type_text(l->m, x->type) : "");
  table_set_cell(t, PARAMETERS, at, count(c, x->parameters));
  table_set_cell(t, MACS, at, count(c, x->macs));
  table_set_cell(t, BYTES, at, count(c, x->bytes));
  table_set_cell(t, PREDICTED, at, !timed ? "" : x->kernels ? ms(c, x->seconds) : "-");
  table_set_cell(t, MEASURED, at, ms(c, x->measured));
  const char *in = x->host ? ctx_strf(c, "  in the kernel of %s", x->host->name) : "";
  table_set_cell(t, LINE, at, ctx_strf(c, "%s%s", cost_location(c, x->at), in));
}

static Layer total_of(const Layers *l) {
  Layer all = {.name = "total", .kernels = 1, .measured = -1};
  for (int i = 0; i < l->n; i++) {
    const Layer *x = &l->row[i];
    all.parameters += x->parameters;
    all.macs += x->macs;
    all.bytes += x->bytes;
    all.seconds += x->seconds;
    if (x->measured >= 0) all.measured = (all.measured < 0 ? 0 : all.measured) + x->measured;
  }
  return all;
}

static void print_text(Ctx *c, const Layers *l, bool timed) {
  Layer all = total_of(l);
  int n = 0;
  for (int i = 0; i < l->n; i++) n += layer_is_shown(&l->row[i]);
  Table t = table_new(c, n + 1);
  add_columns(&t, timed, all.measured >= 0);
  for (int i = 0, at = 0; i < l->n; i++)
    if (layer_is_shown(&l->row[i])) set_row(&t, at++, &l->row[i], timed, l);
  set_row(&t, n, &all, timed, l);
  table_print(&t, terminal_width(1));
}

int report_layers(Args *a, Layers *l, const Cost *k) {
  if (!l->m->nscope) {
    Diag *d = diag_error(a->c, E_USAGE, 0, 1, "IR text does not say which calls its nodes come from");
    diag_help(a->c, d, "report the layers of the .nn file");
    return EXIT_USAGE;
  }
  layers_cost(l, k);
  int status = args_has(a, OPT_profile) ? measure(a, l) : EXIT_OK;
  if (status != EXIT_OK) return status;
  for (int i = 0; i < l->n && args_has(a, OPT_json); i++) {
    if (!layer_is_shown(&l->row[i])) continue;
    Str s = {.c = a->c};
    layers_json(&s, l, &l->row[i]);
    puts(s.s);
  }
  if (!args_has(a, OPT_json)) print_text(a->c, l, k->timed);
  return EXIT_OK;
}
