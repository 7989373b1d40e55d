/* SPDX-License-Identifier: Apache-2.0 */
/* gradc report --cuda: memory of a device, and the launches of a step. */
#include "driver/report_cuda.h"
#include "driver/report_plan.h"
#include "lib/device_cost.h"
#include <stdio.h>
#include <string.h>

static const char *gpu_name(const Args *a) { return args_has(a, OPT_gpu) ? a->value[OPT_gpu] : "h100"; }

static bool refuse(Args *a, const char *text) {
  diag_error(a->c, E_USAGE, 0, 1, "%s", text);
  return false;
}

bool report_check(Args *a) {
  static const OptionId of_c[] = {OPT_memory, OPT_roofline, OPT_svg,  OPT_isa,   OPT_cc,
                                  OPT_cflags, OPT_layers,   OPT_html, OPT_target};
  if (args_has(a, OPT_run_folder) && !args_has(a, OPT_html)) return refuse(a, "`--run` needs --html");
  if (args_has(a, OPT_profile) && !args_has(a, OPT_layers)) return refuse(a, "`--profile` needs --layers");
  if (args_has(a, OPT_target) && args_has(a, OPT_layers))
    return refuse(a, "`--target` and `--layers` exclude each other");
  if (!args_has(a, OPT_cuda)) return !args_has(a, OPT_gpu) || refuse(a, "`--gpu` needs --cuda");
  for (size_t i = 0; i < sizeof of_c / sizeof *of_c; i++)
    if (args_has(a, of_c[i]))
      return refuse(a, ctx_strf(a->c, "`--cuda` and `%s` exclude each other", option_info[of_c[i]].flag));
  if (target_cuda.knows_machine(gpu_name(a))) return true;
  Diag *d = diag_error(a->c, E_USAGE, 0, 1, "there is no GPU `%s`", gpu_name(a));
  diag_help(a->c, d, "known are %s", target_cuda.machine_list(a->c));
  return false;
}

static void print_launches(const DeviceCost *r) {
  int width = 6;
  for (int i = 0; i < r->step.n; i++)
    if ((int)strlen(r->step.v[i].kernel) > width) width = (int)strlen(r->step.v[i].kernel);
  printf("%10s %6s  %-5s %-6s %-*s %s\n", "ms", "times", "limit", "form", width, "kernel", "line");
  for (int i = 0; i < r->step.n; i++) {
    const LaunchCost *l = &r->step.v[i];
    SourcePos at = source_pos(r->c, l->loc);
    const char *limit;
    double ms = 1e3 * device_cost_seconds(r, l, &limit);
    printf("%10.4f %6.0f  %-5s %-6s %-*s ", ms, l->times, limit, l->form, width, l->kernel);
    if (at.line) printf("%s:%d", at.file, at.line);
    putchar('\n');
  }
}

static void print_text(const DeviceCost *r) {
  printf("device memory       %18s bytes\n", grouped(r->c, (double)r->all));
  printf("  weights and state %18s\n", grouped(r->c, (double)r->weights));
  printf("  arena             %18s\n", grouped(r->c, (double)r->m->arena_bytes));
  printf("  scratch           %18s\n", grouped(r->c, (double)(r->step.scratch_bytes)));
  printf("  inputs, results   %18s\n", grouped(r->c, (double)r->slots));
  printf("launches per %s   %18s\n", r->m->ntrain ? "step" : "call", grouped(r->c, r->launches));
  printf("predicted time      %18.3f ms on %s: the longer of arithmetic and memory accesses, and 2 us a launch\n\n",
         1e3 * r->seconds, r->gpu);
  print_launches(r);
}

int report_cuda(Args *a, Module *m) {
  DeviceCost cost;
  Str s = {.c = a->c};
  if (!device_cost(m, gpu_name(a), &cost)) return EXIT_MODEL;
  if (!args_has(a, OPT_json)) {
    print_text(&cost);
    return EXIT_OK;
  }
  device_cost_json(&s, &cost);
  fputs(s.s, stdout);
  return EXIT_OK;
}
