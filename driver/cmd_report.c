/* gradc report: what a model costs before it runs. */
#include "driver/driver.h"
#include "passes/flops.h"
#include "passes/live.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TENSORS = 8 };

typedef struct Cost {
  Ctx *c;
  Module *m;
  double parameters, flops;
  int64_t activations;
  const Lives *fullest;          /* the graph with the most bytes alive; NULL: none */
  const Live *top; int ntop;     /* the largest of its values alive at the peak */
} Cost;

static void cost_of_graph(Cost *k, Graph *g) {
  const Lives *l = lives_make(g);
  if (l->kept > k->activations) k->activations = l->kept;
  if (k->fullest && l->peak <= k->fullest->peak) return;
  k->fullest = l;
  k->top = lives_at_peak(l, &k->ntop);
  if (k->ntop > MOST_TENSORS) k->ntop = MOST_TENSORS;
}

/* ---- the module: its training step, or its exports when it does not train ---- */

static void cost_of_module(Cost *k) {
  Module *m = k->m;
  for (int i = 0; i < m->nvar; i++)
    if (m->var[i].kind == VK_PARAM) k->parameters += (double)dim_bound(m, type_count(m, m->var[i].type));
  for (int i = 0; i < m->ntrain; i++) {
    const TrainInfo *t = &m->train[i];
    if (t->step) k->flops += graph_flops(t->step);
    if (t->pass) k->flops += graph_flops(t->pass) * (double)(t->accumulate > 0 ? t->accumulate : 1);
    if (t->update) k->flops += graph_flops(t->update);
    if (t->step) cost_of_graph(k, t->step);
    if (t->pass) cost_of_graph(k, t->pass);
    if (t->update) cost_of_graph(k, t->update);
  }
  for (int i = 0; i < m->ngraph && !m->ntrain; i++)
    if (m->graph[i]->kind == GK_EXPORT) {
      if (k->flops == 0) k->flops = graph_flops(m->graph[i]);
      cost_of_graph(k, m->graph[i]);
    }
}

/* ---- printing ---- */

static const char *place_text(Ctx *c, Loc loc) {
  SourcePos p = source_pos(c, loc);
  return p.line ? ctx_strf(c, "%s:%d:%d", p.file, p.line, p.col) : "";
}

static const char *grouped(Ctx *c, double v) { /* 1234567 as 1,234,567 */
  char *s = ctx_strf(c, "%.0f", v), *out = ctx_alloc(c, 2 * strlen(s) + 1);
  size_t n = strlen(s), k = 0;
  for (size_t i = 0; i < n; i++) {
    if (i && (n - i) % 3 == 0 && s[i - 1] != '-') out[k++] = ',';
    out[k++] = s[i];
  }
  return out;
}

static void put_bytes(Str *s, const char *key, int64_t n) { str_printf(s, ",\"%s\":%lld", key, (long long)n); }

static void print_json(const Cost *k) {
  const Module *m = k->m;
  Str s = {.c = k->c};
  str_printf(&s, "{\"parameters\":%.0f,\"flops_per_step\":%.0f", k->parameters, k->flops);
  put_bytes(&s, "ram_bytes", m->total_bytes);
  put_bytes(&s, "activation_bytes", k->activations);
  put_bytes(&s, "head_bytes", m->head_bytes);
  put_bytes(&s, "persistent_bytes", m->persistent_bytes);
  put_bytes(&s, "arena_bytes", m->arena_bytes);
  put_bytes(&s, "live_peak_bytes", k->fullest ? k->fullest->peak : 0);
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

static void print_text(const Cost *k) {
  const Module *m = k->m;
  printf("parameters          %18s\n", grouped(k->c, k->parameters));
  printf("FLOPs per %s      %18s\n", m->ntrain ? "step" : "call", grouped(k->c, k->flops));
  printf("memory, all         %18s bytes\n", grouped(k->c, (double)m->total_bytes));
  printf("  weights and state %18s\n", grouped(k->c, (double)(m->head_bytes + m->persistent_bytes)));
  printf("  arena             %18s\n", grouped(k->c, (double)m->arena_bytes));
  printf("  of it, activations%18s\n", grouped(k->c, (double)k->activations));
  if (k->ntop) printf("\nlargest tensors of the arena at its peak of %s bytes:\n", grouped(k->c, (double)k->fullest->peak));
  for (int i = 0; i < k->ntop; i++) {
    const Node *d = node_get(k->fullest->g, k->top[i].node);
    printf("  %14s  %-22s %-12s %s\n", grouped(k->c, (double)k->top[i].bytes), type_text(k->m, d->type),
           op_info[d->op].name, place_text(k->c, d->loc));
  }
}

int cmd_report(Args *a) {
  Cost k = {.c = a->c, .m = load_planned(a, a->operand[0])};
  if (!k.m) return EXIT_MODEL;
  cost_of_module(&k);
  if (args_has(a, OPT_json)) print_json(&k);
  else print_text(&k);
  return EXIT_WELL;
}
