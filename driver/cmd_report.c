/* SPDX-License-Identifier: Apache-2.0 */
/* gradc report: what a model costs before it runs. */
#include "driver/board.h"
#include "driver/report_cuda.h"
#include "driver/report_html.h"
#include "driver/report_layers.h"
#include "driver/report_plan.h"
#include "driver/report_roofline.h"
#include "lib/cost.h"
#include "lib/pipeline.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_gradients(const Cost *k) {
  const GradientBuffers *g = &k->gradients;
  printf("    gradients       %18s\n", grouped(k->c, (double)g->bytes));
  if (k->accumulate)
    printf("      accumulated in the optimizer's state: `accumulate`, %s\n", cost_location(k->c, k->accumulate));
  else if (k->clip)
    printf("      all alive at once: clip = norm(...) needs them together, %s\n", cost_location(k->c, k->clip));
  else
    printf("      %d of %d are consumed in the kernel that computes them%s\n", g->unbuffered, g->weights,
           g->unbuffered < g->weights ? "; the others have several terms or readers" : "");
}

/* --target: what counts in qemu predict (bench/embedded.csv). json: a line of its own. */
static void report_target(const Cost *k, const Board *b, bool json) {
  double instructions = k->macs * b->per_mac + k->work * b->per_work;
  if (json)
    printf("{\"target\":\"%s\",\"macs\":%.0f,\"predicted_instructions\":%.0f}\n", b->name, k->macs, instructions);
  else
    printf("instructions        %18s on %s: %.1f each of %s multiply-adds, %.1f of %s other multiplications\n",
           grouped(k->c, instructions), b->title, b->per_mac, grouped(k->c, k->macs), b->per_work,
           grouped(k->c, k->work));
}

static void print_json(const Cost *k) {
  Str s = {.c = k->c};
  cost_json(&s, k);
  puts(s.s);
}

static void print_text(const Cost *k) {
  const Module *m = k->m;
  printf("parameters          %18s\n", grouped(k->c, k->parameters));
  if (m->ntrain && k->trained < k->parameters) {
    printf("  trained           %18s\n", grouped(k->c, k->trained));
    printf("  frozen            %18s\n", grouped(k->c, k->parameters - k->trained));
  }
  printf("FLOPs per %s      %18s\n", m->ntrain ? "step" : "call", grouped(k->c, k->flops));
  if (k->recomputed > 0) printf("  recomputed        %18.2f %% more\n", cost_recompute_percent(k));
  if (k->timed) printf("predicted time      %18.3f ms on one core\n", 1e3 * k->steps.seconds);
  else printf("predicted time               not known: there are no measurements of this machine\n");
  printf("total memory        %18s bytes\n", grouped(k->c, (double)m->total_bytes));
  printf("  weights and state %18s\n", grouped(k->c, (double)(m->head_bytes + m->persistent_bytes)));
  printf("  arena             %18s\n", grouped(k->c, (double)m->arena_bytes));
  printf("    activations     %18s\n", grouped(k->c, (double)k->activations));
  if (k->gradients.weights) print_gradients(k);
  if (k->memory && k->stack >= 0) printf("maximum stack       %18s\n", grouped(k->c, (double)k->stack));
  else if (k->memory) printf("maximum stack                not known: %s\n", k->why);
  if (k->ntop && !k->memory)
    printf("\nlargest tensors of the arena at its peak of %s bytes:\n", grouped(k->c, (double)k->fullest->peak));
  for (int i = 0; i < k->ntop && !k->memory; i++) {
    const Node *d = node_get(k->fullest->g, k->top[i].node);
    printf("  %14s  %-22s %-12s %s\n", grouped(k->c, (double)k->top[i].bytes), type_text(k->m, d->type),
           op_info[d->op].name, cost_location(k->c, d->loc));
  }
}

/* Draws the plan of the graph with the largest arena. */
static int draw(Args *a, const Cost *k) {
  Graph *g = largest_plan(k->m);
  if (!g) return EXIT_OK;
  Plan p = plan_of(k->m, g);
  if (args_has(a, OPT_svg) && !report_svg(&p, a->value[OPT_svg])) return EXIT_RESOURCES;
  if (args_has(a, OPT_json)) report_lines(&p);
  else report_terminal(&p);
  return EXIT_OK;
}

int cmd_report(Args *a) {
  if (!output_check(a, OPT_svg, ".c .h .nn .ir", "a picture", NULL)) return EXIT_USAGE;
  if (!output_check(a, OPT_html, ".c .h .nn .ir .svg", "a page", NULL)) return EXIT_USAGE;
  if (!cost_isa(a->c, a->value[OPT_isa])) return EXIT_USAGE;
  if (args_has(a, OPT_html)) return report_html(a);
  Module *m = load_module(a, a->operand[0]);
  if (!m) return EXIT_MODEL;
  Layers layers = layers_find(m);
  if (!pipeline_plan(m)) return EXIT_MODEL;
  if (!report_check(a)) return EXIT_USAGE;
  if (args_has(a, OPT_cuda)) return report_cuda(a, m);
  Cost k = cost_of(m, a->value[OPT_isa]);
  if (args_has(a, OPT_layers)) return report_layers(a, &layers, &k);
  k.memory = args_has(a, OPT_memory) || args_has(a, OPT_svg);
  if (k.memory) k.stack = report_stack(a, m, &k.why);
  if (args_has(a, OPT_json)) print_json(&k);
  else print_text(&k);
  if (args_has(a, OPT_target)) report_target(&k, board_find(a->value[OPT_target]), args_has(a, OPT_json));
  if (args_has(a, OPT_roofline)) report_roofline(&k, args_has(a, OPT_json));
  return k.memory ? draw(a, &k) : EXIT_OK;
}
