/* SPDX-License-Identifier: Apache-2.0 */
/* gradc report --cuda: memory of a device, and the launches of a step. */
#include "driver/report_cuda.h"
#include "codegen/codegen.h"
#include "driver/report_plan.h"
#include "lib/embed.h"
#include "passes/analysis/model_memory.h"
#include <stdio.h>
#include <string.h>

typedef struct DeviceReport {
  Ctx *c;
  Module *m;
  const char *gpu;
  const LaunchCosts *step;
  int64_t weights, slots, all; /* bytes: weights, states and run header; slots of inputs and results; everything */
  double seconds, launches;    /* of a step */
} DeviceReport;

static const char *gpu_name(const Args *a) { return args_has(a, OPT_gpu) ? a->value[OPT_gpu] : "h100"; }

static bool refuse(Args *a, const char *text) {
  diag_error(a->c, E_USAGE, 0, 1, "%s", text);
  return false;
}

bool report_check(Args *a) {
  static const OptionId of_c[] = {OPT_memory, OPT_roofline, OPT_svg, OPT_isa, OPT_cc, OPT_cflags};
  if (!args_has(a, OPT_cuda)) return !args_has(a, OPT_gpu) || refuse(a, "`--gpu` needs --cuda");
  for (size_t i = 0; i < sizeof of_c / sizeof *of_c; i++)
    if (args_has(a, of_c[i]))
      return refuse(a, ctx_strf(a->c, "`--cuda` and `%s` exclude each other", option_info[of_c[i]].flag));
  if (target_cuda.knows_machine(gpu_name(a))) return true;
  Diag *d = diag_error(a->c, E_USAGE, 0, 1, "there is no GPU `%s`", gpu_name(a));
  diag_help(a->c, d, "known are %s", target_cuda.machine_list(a->c));
  return false;
}

static double seconds_of(const DeviceReport *r, const LaunchCost *l, const char **limit) {
  bool compute;
  double seconds = target_cuda.launch_seconds(r->gpu, l, &compute);
  *limit = compute ? "flop" : "bytes";
  return l->times * seconds;
}

static DeviceReport report_of(const Args *a, Module *m, const LaunchCosts *step) {
  DeviceReport r = {.c = a->c, .m = m, .gpu = gpu_name(a), .step = step};
  const char *limit;
  r.weights = m->head_bytes + m->persistent_bytes;
  r.slots = plan_slots(m);
  r.all = m->total_bytes + step->scratch_bytes + r.slots;
  for (int i = 0; i < step->n; i++) {
    r.launches += step->v[i].times;
    r.seconds += seconds_of(&r, &step->v[i], &limit);
  }
  return r;
}

static void print_json(const DeviceReport *r) {
  Str s = {.c = r->c};
  str_printf(&s,
             "{\"gpu\":\"%s\",\"device_bytes\":%lld,\"weight_bytes\":%lld,\"arena_bytes\":%lld,\"scratch_bytes\":%lld,"
             "\"slot_bytes\":%lld,\"launches\":%.0f,\"predicted_step_ms\":%.6g}\n",
             r->gpu, (long long)r->all, (long long)r->weights, (long long)r->m->arena_bytes,
             (long long)r->step->scratch_bytes, (long long)r->slots, r->launches, 1e3 * r->seconds);
  for (int i = 0; i < r->step->n; i++) {
    const LaunchCost *l = &r->step->v[i];
    SourcePos at = source_pos(r->c, l->loc);
    const char *limit;
    double ms = 1e3 * seconds_of(r, l, &limit);
    str_printf(&s, "{\"kernel\":\"%s\",\"file\":", l->kernel);
    str_json(&s, at.line ? at.file : "");
    str_printf(&s,
               ",\"line\":%d,\"form\":\"%s\",\"threads\":%d,\"shared_bytes\":%d,\"times\":%.0f,\"flops\":%.0f,"
               "\"bytes\":%.0f,\"ms\":%.6g,\"limit\":\"%s\"}\n",
               at.line, l->form, l->threads, l->shared_bytes, l->times, l->flops, l->bytes, ms, limit);
  }
  fputs(s.s, stdout);
}

static void print_text(const DeviceReport *r) {
  printf("device memory       %18s bytes\n", grouped(r->c, (double)r->all));
  printf("  weights and state %18s\n", grouped(r->c, (double)r->weights));
  printf("  arena             %18s\n", grouped(r->c, (double)r->m->arena_bytes));
  printf("  scratch           %18s\n", grouped(r->c, (double)(r->step->scratch_bytes)));
  printf("  inputs, results   %18s\n", grouped(r->c, (double)r->slots));
  printf("launches per %s   %18s\n", r->m->ntrain ? "step" : "call", grouped(r->c, r->launches));
  printf("predicted time      %18.3f ms on %s: the longer of arithmetic and memory accesses, and 2 us a launch\n\n",
         1e3 * r->seconds, r->gpu);
  printf("%10s %6s  %-5s %-6s %-20s %s\n", "ms", "times", "limit", "form", "kernel", "line");
  for (int i = 0; i < r->step->n; i++) {
    const LaunchCost *l = &r->step->v[i];
    SourcePos at = source_pos(r->c, l->loc);
    const char *limit;
    double ms = 1e3 * seconds_of(r, l, &limit);
    printf("%10.4f %6.0f  %-5s %-6s %-20s ", ms, l->times, limit, l->form, l->kernel);
    if (at.line) printf("%s:%d", at.file, at.line);
    putchar('\n');
  }
}

int report_cuda(Args *a, Module *m) {
  Artifacts out;
  if (!emit_program(m, &target_cuda, &(EmitOptions){.version = GRADC_VERSION, .builtin = embed_text}, &out))
    return EXIT_MODEL;
  DeviceReport r = report_of(a, m, &out.step);
  if (args_has(a, OPT_json)) print_json(&r);
  else print_text(&r);
  return EXIT_OK;
}
