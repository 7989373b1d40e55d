/* gradc report: what a model costs before it runs. */
#include "driver/report.h"
#include "lib/cost.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_gradients(const Cost *k) {
  const Gradients *g = &k->gradients;
  printf("  of it, gradients  %18s\n", grouped(k->c, (double)g->bytes));
  if (k->gathered_by)
    printf("    gathered beside the optimizer's state: `accumulate`, %s\n", cost_place(k->c, k->gathered_by));
  else if (k->kept_by)
    printf("    all alive at once: clip = norm(...) needs them together, %s\n", cost_place(k->c, k->kept_by));
  else
    printf("    %d of %d are used up in the kernel that makes them%s\n", g->unbuffered, g->weights,
           g->unbuffered < g->weights ? "; the others have several parts or readers" : "");
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
  if (k->recomputed > 0) printf("  of it, recomputed %18.2f %% more\n", cost_recompute_percent(k));
  if (k->timed) printf("predicted time      %18.3f ms on one core\n", 1e3 * k->seconds);
  else printf("predicted time               not known: nobody has measured a machine of this name\n");
  printf("memory, all         %18s bytes\n", grouped(k->c, (double)m->total_bytes));
  printf("  weights and state %18s\n", grouped(k->c, (double)(m->head_bytes + m->persistent_bytes)));
  printf("  arena             %18s\n", grouped(k->c, (double)m->arena_bytes));
  printf("  of it, activations%18s\n", grouped(k->c, (double)k->activations));
  if (k->gradients.weights) print_gradients(k);
  if (k->memory && k->stack >= 0) printf("stack, deepest      %18s\n", grouped(k->c, (double)k->stack));
  else if (k->memory) printf("stack, deepest               not known: %s\n", k->why);
  if (k->ntop && !k->memory)
    printf("\nlargest tensors of the arena at its peak of %s bytes:\n", grouped(k->c, (double)k->fullest->peak));
  for (int i = 0; i < k->ntop && !k->memory; i++) {
    const Node *d = node_get(k->fullest->g, k->top[i].node);
    printf("  %14s  %-22s %-12s %s\n", grouped(k->c, (double)k->top[i].bytes), type_text(k->m, d->type),
           op_info[d->op].name, cost_place(k->c, d->loc));
  }
}

/* The plan of the graph that decides the arena's size. */
static int draw(Args *a, const Cost *k) {
  Graph *g = largest_plan(k->m);
  if (!g) return EXIT_WELL;
  Plan p = plan_of(k->m, g);
  if (args_has(a, OPT_svg) && !report_svg(&p, a->value[OPT_svg])) return EXIT_RESOURCES;
  if (args_has(a, OPT_json)) report_lines(&p);
  else report_map(&p);
  return EXIT_WELL;
}

int cmd_report(Args *a) {
  if (!output_fits(a, OPT_svg, ".c .h .nn .ir", "a picture", NULL)) return EXIT_USAGE;
  if (!cost_isa(a->c, a->value[OPT_isa])) return EXIT_USAGE;
  Module *m = load_planned(a, a->operand[0]);
  if (!m) return EXIT_MODEL;
  Cost k = cost_of(m, a->value[OPT_isa]);
  k.memory = args_has(a, OPT_memory) || args_has(a, OPT_svg);
  if (k.memory) k.stack = report_stack(a, m, &k.why);
  if (args_has(a, OPT_json)) print_json(&k);
  else print_text(&k);
  return k.memory ? draw(a, &k) : EXIT_WELL;
}
