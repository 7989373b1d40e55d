/* gradc report: what a model costs before it runs. */
#include "codegen/machine.h"
#include "driver/report.h"
#include "passes/flops.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TENSORS = 8 };

typedef struct Cost {
  Ctx *c;
  Module *m;
  Rates rates;                   /* of one core of the machine that --isa names */
  double parameters, trained, flops; /* trained: of the parameters, those that training changes */
  double recomputed, seconds;    /* of the flops, those of values computed before; the time of a step or call */
  int64_t activations;
  const Lives *fullest;          /* the graph with the most bytes alive; NULL: none */
  const Live *top; int ntop;     /* the largest of its values alive at the peak */
  Gradients gradients;           /* of all training graphs; bytes: of the one with the most */
  Loc kept_by, gathered_by;      /* clip = norm(..), accumulate; 0: neither */
  bool memory;                   /* --memory: */
  int64_t stack;                 /* -1: not known, */
  const char *why;
} Cost;

static void cost_of_graph(Cost *k, Graph *g) {
  const Lives *l = lives_make(g);
  Gradients grads = gradients_find(l);
  k->gradients.weights += grads.weights;
  k->gradients.unbuffered += grads.unbuffered;
  if (grads.bytes > k->gradients.bytes) k->gradients.bytes = grads.bytes;
  if (l->kept > k->activations) k->activations = l->kept;
  if (k->fullest && l->peak <= k->fullest->peak) return;
  k->fullest = l;
  k->top = lives_at_peak(l, &k->ntop);
  if (k->ntop > MOST_TENSORS) k->ntop = MOST_TENSORS;
}

/* ---- the module: its training step, or its exports when it does not train ---- */

static bool is_trained(const Module *m, int var) {
  for (int i = 0; i < m->ngraph; i++) {
    const Graph *g = m->graph[i];
    for (int k = 0; graph_trains(g) && k < g->nout; k++)
      if (g->out[k].var == var) return true;
  }
  return false;
}

static void cost_of_run(Cost *k, Graph *g, double times) {
  k->flops += graph_flops(g) * times;
  k->recomputed += graph_recomputed(g) * times;
  k->seconds += graph_seconds(g, &k->rates) * times;
}

static void cost_of_module(Cost *k) {
  Module *m = k->m;
  for (int i = 0; i < m->nvar; i++) {
    if (m->var[i].kind != VK_PARAM) continue;
    double n = (double)dim_bound(m, type_count(m, m->var[i].type));
    k->parameters += n;
    if (is_trained(m, i)) k->trained += n;
  }
  for (int i = 0; i < m->ntrain; i++) {
    const TrainInfo *t = &m->train[i];
    if (t->step) cost_of_run(k, t->step, 1);
    if (t->pass) cost_of_run(k, t->pass, (double)(t->accumulate > 0 ? t->accumulate : 1));
    if (t->update) cost_of_run(k, t->update, 1);
    if (t->step) cost_of_graph(k, t->step);
    if (t->pass) cost_of_graph(k, t->pass);
    if (t->update) cost_of_graph(k, t->update);
    if (t->clip_at) k->kept_by = t->clip_at;
    if (t->accumulate_at) k->gathered_by = t->accumulate_at;
  }
  for (int i = 0; i < m->ngraph && !m->ntrain; i++)
    if (m->graph[i]->kind == GK_EXPORT) {
      if (k->flops == 0) cost_of_run(k, m->graph[i], 1);
      cost_of_graph(k, m->graph[i]);
    }
}

/* ---- printing ---- */

static const char *place_text(Ctx *c, Loc loc) {
  SourcePos p = source_pos(c, loc);
  return p.line ? ctx_strf(c, "%s:%d:%d", p.file, p.line, p.col) : "";
}

/* What is computed again, of what would be computed without that. */
static double recompute_percent(const Cost *k) {
  return k->recomputed > 0 ? 100 * k->recomputed / (k->flops - k->recomputed) : 0;
}

static void put_bytes(Str *s, const char *key, int64_t n) { str_printf(s, ",\"%s\":%lld", key, (long long)n); }

/* What keeps gradients: {"gradients_kept_by":"clip","gradients_kept_at":"m.nn:5:3"}, or nothing. */
static void put_why(Str *s, const Cost *k) {
  Loc at = k->gathered_by ? k->gathered_by : k->kept_by;
  if (!at) return;
  str_printf(s, ",\"gradients_kept_by\":\"%s\",\"gradients_kept_at\":", k->gathered_by ? "accumulate" : "clip");
  put_json_text(s, place_text(k->c, at));
}

static void print_json(const Cost *k) {
  const Module *m = k->m;
  Str s = {.c = k->c};
  str_printf(&s, "{\"parameters\":%.0f,\"flops_per_step\":%.0f", k->parameters, k->flops);
  put_bytes(&s, "ram_bytes", m->total_bytes);
  put_bytes(&s, "activation_bytes", k->activations);
  str_printf(&s, ",\"trained_parameters\":%.0f", k->trained);
  str_printf(&s, ",\"recompute_flops_percent\":%.3f,\"predicted_step_ms\":%.6g", recompute_percent(k),
             1e3 * k->seconds);
  put_bytes(&s, "head_bytes", m->head_bytes);
  put_bytes(&s, "persistent_bytes", m->persistent_bytes);
  put_bytes(&s, "arena_bytes", m->arena_bytes);
  put_bytes(&s, "live_peak_bytes", k->fullest ? k->fullest->peak : 0);
  put_bytes(&s, "gradient_bytes", k->gradients.bytes);
  put_why(&s, k);
  if (k->memory) put_bytes(&s, "stack_bytes", k->stack);
  str_puts(&s, ",\"tensors\":[");
  for (int i = 0; i < k->ntop; i++) {
    const Node *d = node_get(k->fullest->g, k->top[i].node);
    SourcePos p = source_pos(k->c, d->loc);
    str_printf(&s, "%s{\"op\":\"%s\",\"type\":\"%s\",\"bytes\":%lld,\"file\":", i ? "," : "", op_info[d->op].name,
               type_text(k->m, d->type), (long long)k->top[i].bytes);
    put_json_text(&s, p.file);
    str_printf(&s, ",\"line\":%d}", p.line);
  }
  str_puts(&s, "]}");
  puts(s.s);
}

static void print_gradients(const Cost *k) {
  const Gradients *g = &k->gradients;
  printf("  of it, gradients  %18s\n", grouped(k->c, (double)g->bytes));
  if (k->gathered_by)
    printf("    gathered beside the optimizer's state: `accumulate`, %s\n", place_text(k->c, k->gathered_by));
  else if (k->kept_by)
    printf("    all alive at once: clip = norm(...) needs them together, %s\n", place_text(k->c, k->kept_by));
  else
    printf("    %d of %d are used up in the kernel that makes them%s\n", g->unbuffered, g->weights,
           g->unbuffered < g->weights ? "; the others have several parts or readers" : "");
}

static void print_text(const Cost *k) {
  const Module *m = k->m;
  printf("parameters          %18s\n", grouped(k->c, k->parameters));
  if (m->ntrain && k->trained < k->parameters) {
    printf("  trained           %18s\n", grouped(k->c, k->trained));
    printf("  frozen            %18s\n", grouped(k->c, k->parameters - k->trained));
  }
  printf("FLOPs per %s      %18s\n", m->ntrain ? "step" : "call", grouped(k->c, k->flops));
  if (k->recomputed > 0) printf("  of it, recomputed %18.2f %% more\n", recompute_percent(k));
  printf("predicted time      %18.3f ms on one core\n", 1e3 * k->seconds);
  printf("memory, all         %18s bytes\n", grouped(k->c, (double)m->total_bytes));
  printf("  weights and state %18s\n", grouped(k->c, (double)(m->head_bytes + m->persistent_bytes)));
  printf("  arena             %18s\n", grouped(k->c, (double)m->arena_bytes));
  printf("  of it, activations%18s\n", grouped(k->c, (double)k->activations));
  if (k->gradients.weights) print_gradients(k);
  if (k->memory && k->stack >= 0) printf("stack, deepest      %18s\n", grouped(k->c, (double)k->stack));
  else if (k->memory) printf("stack, deepest               not known: %s\n", k->why);
  if (k->ntop && !k->memory) printf("\nlargest tensors of the arena at its peak of %s bytes:\n", grouped(k->c, (double)k->fullest->peak));
  for (int i = 0; i < k->ntop && !k->memory; i++) {
    const Node *d = node_get(k->fullest->g, k->top[i].node);
    printf("  %14s  %-22s %-12s %s\n", grouped(k->c, (double)k->top[i].bytes), type_text(k->m, d->type),
           op_info[d->op].name, place_text(k->c, d->loc));
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

static Rates rates_of(const Args *a) {
  const Machine *m = machine_find(a->value[OPT_isa] ? a->value[OPT_isa] : "native");
  Pace p = machine_pace(m ? m : machine_find("generic"));
  return (Rates){1e9 * p.contract, 1e9 * p.element, 1e9 * p.bytes};
}

int cmd_report(Args *a) {
  Cost k = {.c = a->c, .m = load_planned(a, a->operand[0]), .rates = rates_of(a)};
  if (!k.m) return EXIT_MODEL;
  cost_of_module(&k);
  k.memory = args_has(a, OPT_memory) || args_has(a, OPT_svg);
  if (k.memory) k.stack = report_stack(a, &k.why);
  if (args_has(a, OPT_json)) print_json(&k);
  else print_text(&k);
  return k.memory ? draw(a, &k) : EXIT_WELL;
}
