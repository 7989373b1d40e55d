/* SPDX-License-Identifier: Apache-2.0 */
/* What the interfaces of emitted programs share: parameters of functions, the run header. */
#include "codegen/text/graph.h"
#include "passes/analysis/model_memory.h"

bool interface_has(const Module *m, const Graph *g) {
  return g->kind == GK_INIT || g->kind == GK_EXPORT || (graph_trains(g) && !m->opt.infer_only);
}

static bool reads_run(const Graph *g) {
  for (Id n = 1; n < (Id)g->n; n++)
    if (node_is_run(g, n)) return true;
  return false;
}

bool interface_counts(const Module *m) {
  bool counts = m->opt.device || head_calls(m) >= 0;
  for (int i = 0; i < m->ngraph; i++) counts |= interface_has(m, m->graph[i]) && graph_trains(m->graph[i]);
  for (int i = 0; i < m->ngraph; i++) counts |= m->graph[i]->kind != GK_TEST && reads_run(m->graph[i]);
  return counts;
}

void interface_params(GraphText *c, Str *s) {
  const Graph *g = c->g;
  const Module *m = c->p->m;
  for (int i = 0; i < g->nport; i++) str_printf(s, ", const %s *%s", ctype_of(g, g->port[i]), c->in[i]);
  uint32_t sizes = graph_sizes(g);
  for (int i = 0; i < m->nsize; i++)
    if (sizes >> i & 1) str_printf(s, ", ptrdiff_t n_%s", m->size[i].name);
  for (int i = 0, k = 0; i < g->nout && !graph_trains(g); i++)
    if (g->out[i].var < 0) str_printf(s, ", %s *%s", ctype_of(g, g->out[i].value), c->out[k++]);
}

void interface_run(Emitter *p, Str *h) {
  const Module *m = p->m;
  int nmetric;
  const char **metric = head_metrics(m, &nmetric);
  if (interface_counts(m))
    str_printf(h,
               "/* The run header, at the start of mem. train_step counts `step`. */\n%s {\n  uint64_t seed;\n"
               "  uint32_t step, steps, steps_per_epoch;\n  float loss;\n",
               p->run);
  else
    str_printf(h, "/* At the start of mem: what init draws values by. */\n%s {\n  uint64_t seed;\n  uint32_t step;\n",
               p->run);
  for (int i = 0; i < nmetric; i++) str_printf(h, "  float %s;\n", metric_identifier(p, metric[i]));
  if (head_calls(m) >= 0)
    str_puts(h, "  uint32_t calls; /* number of calls of functions that draw random numbers, which depend on it */\n");
  if (head_sections(m))
    str_printf(h, "  uint32_t done[%d]; /* steps of each train section, which `step` is while it runs */\n",
               head_sections(m));
  if (head_status(m) >= 0 && head_others(m)) str_printf(h, "  float others[%d];\n", head_others(m));
  if (head_status(m) >= 0) str_puts(h, "  int32_t status;\n");
  if (head_sums(m))
    str_printf(h, "  float sums[%d]; /* of loss and metrics, over the passes of a step */\n", head_sums(m));
  if (m->rom_bytes && p->o->weights_as == WEIGHTS_EXTERN)
    str_printf(h, "  const unsigned char *weights; /* set by %s_map */\n", m->name);
  str_puts(h, "};\n");
}

void interface_sums(const Emitter *p, const Graph *pass, int64_t *from, int64_t *to) {
  *from = INT64_MAX;
  *to = 0;
  for (int i = 0; i < pass->nout; i++) {
    const Var *v = pass->out[i].var < 0 ? NULL : &p->m->var[pass->out[i].var];
    if (!v || v->kind != VK_OPTIM) continue;
    int64_t end = v->offset + type_bytes(p->m, v->type);
    if (v->offset < *from) *from = v->offset;
    if (end > *to) *to = end;
  }
}
