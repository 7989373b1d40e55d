/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cost.h"
#include "codegen/target.h"
#include <string.h>

enum { MAX_TENSORS = 8 };

static void cost_of_graph(Cost *k, Graph *g) {
  const Liveness *l = liveness_make(g);
  GradientBuffers grads = gradient_buffers_find(l);
  k->gradients.weights += grads.weights;
  k->gradients.unbuffered += grads.unbuffered;
  if (grads.bytes > k->gradients.bytes) k->gradients.bytes = grads.bytes;
  if (l->kept > k->activations) k->activations = l->kept;
  if (k->fullest && l->peak <= k->fullest->peak) return;
  k->fullest = l;
  k->top = live_at_peak(l, &k->ntop);
  if (k->ntop > MAX_TENSORS) k->ntop = MAX_TENSORS;
}

/* ---- the module: its training step, or its exports if it does not train ---- */

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
  k->macs += graph_macs(g) * times;
  k->work += graph_work(g) * times;
  k->recomputed += graph_recomputed(g) * times;
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
    if (t->clip_at) k->clip = t->clip_at;
    if (t->accumulate_at) k->accumulate = t->accumulate_at;
  }
  for (int i = 0; i < m->ngraph && !m->ntrain; i++)
    if (m->graph[i]->kind == GK_EXPORT) {
      if (k->flops == 0) cost_of_run(k, m->graph[i], 1);
      cost_of_graph(k, m->graph[i]);
    }
}

bool cost_isa(Ctx *c, const char *isa) {
  if (!isa || target_native.knows_machine(isa)) return true;
  Diag *d = diag_error(c, E_USAGE, 0, 1, "there is no machine `%s`", isa);
  diag_help(c, d, "known are %s", target_native.machine_list(c));
  return false;
}

Cost cost_of(Module *m, const char *isa) {
  Cost k = {.c = m->c, .m = m};
  k.timed = target_native.step_costs(m, isa, &k.steps);
  cost_of_module(&k);
  return k;
}

/* ---- as text ---- */

const char *cost_location(Ctx *c, Loc loc) {
  SourcePos p = source_pos(c, loc);
  return p.line ? ctx_strf(c, "%s:%d:%d", p.file, p.line, p.col) : "";
}

double cost_recompute_percent(const Cost *k) {
  return k->recomputed > 0 ? 100 * k->recomputed / (k->flops - k->recomputed) : 0;
}

static void put_bytes(Str *s, const char *key, int64_t n) { str_printf(s, ",\"%s\":%lld", key, (long long)n); }

/* The reason for gradient buffers: "gradients_kept_by":"clip","gradients_kept_at":"m.nn:5:3", or nothing. */
static void put_why(Str *s, const Cost *k) {
  Loc at = k->accumulate ? k->accumulate : k->clip;
  if (!at) return;
  str_printf(s, ",\"gradients_kept_by\":\"%s\",\"gradients_kept_at\":", k->accumulate ? "accumulate" : "clip");
  str_json(s, cost_location(k->c, at));
}

void cost_json(Str *s, const Cost *k) {
  const Module *m = k->m;
  str_printf(s, "{\"parameters\":%.0f,\"flops_per_step\":%.0f", k->parameters, k->flops);
  put_bytes(s, "ram_bytes", m->total_bytes);
  put_bytes(s, "activation_bytes", k->activations);
  str_printf(s, ",\"trained_parameters\":%.0f", k->trained);
  str_printf(s, ",\"recompute_flops_percent\":%.3f,\"predicted_step_ms\":", cost_recompute_percent(k));
  if (k->timed) str_printf(s, "%.6g", 1e3 * k->steps.seconds);
  else str_puts(s, "null");
  put_bytes(s, "head_bytes", m->head_bytes);
  put_bytes(s, "persistent_bytes", m->persistent_bytes);
  put_bytes(s, "arena_bytes", m->arena_bytes);
  put_bytes(s, "live_peak_bytes", k->fullest ? k->fullest->peak : 0);
  put_bytes(s, "gradient_bytes", k->gradients.bytes);
  put_why(s, k);
  if (k->memory) put_bytes(s, "stack_bytes", k->stack);
  str_puts(s, ",\"tensors\":[");
  for (int i = 0; i < k->ntop; i++) {
    const Node *d = node_get(k->fullest->g, k->top[i].node);
    SourcePos p = source_pos(k->c, d->loc);
    str_printf(s, "%s{\"op\":\"%s\",\"type\":\"%s\",\"bytes\":%lld,\"file\":", i ? "," : "", op_info[d->op].name,
               type_text(k->m, d->type), (long long)k->top[i].bytes);
    str_json(s, p.file);
    str_printf(s, ",\"line\":%d}", p.line);
  }
  str_puts(s, "]}");
}
