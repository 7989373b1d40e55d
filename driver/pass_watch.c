/* SPDX-License-Identifier: Apache-2.0 */
/* --time-passes, --stats: a row for each pass, on standard error. */
#include "driver/pass_watch.h"
#include "driver/report_plan.h"
#include "passes/analysis/cost_model.h"
#include <stdio.h>

void pass_watch(void *arg, int number, PassId pass, double seconds, const Module *m) {
  PassWatch *w = arg;
  PassRow r = {.number = number, .pass = pass, .seconds = seconds};
  for (int i = 0; i < m->ngraph; i++) {
    const Graph *g = m->graph[i];
    for (Id n = 1; n < (Id)g->n; n++) {
      OpClass cls = node_info(g, n)->cls;
      if (cls == CL_LEAF) continue;
      r.values++;
      r.products += cls == CL_CONTRACT || cls == CL_CONV || cls == CL_ATTEND;
      r.clones += attr_get(m, node_get(g, n)->attr)->clone != 0;
    }
    uint32_t kernels = 0;
    for (int n = 1; n < g->nanno; n++)
      if (g->anno[n].kernel > kernels) kernels = g->anno[n].kernel;
    r.kernels += (int)kernels;
    r.arena += g->arena > 0 ? g->arena : 0;
  }
  *VEC_PUSH(w->c, w->v, w->n, w->cap) = r;
}

void pass_watch_print(const PassWatch *w, bool times, bool stats) {
  double all = 0;
  for (int i = 0; i < w->n; i++) all += w->v[i].seconds;
  fprintf(stderr, "%4s  %-12s", "", "pass");
  if (times) fprintf(stderr, " %10s %6s", "ms", "%");
  if (stats) fprintf(stderr, " %9s %9s %9s %9s %16s", "values", "products", "clones", "kernels", "arenas");
  fputs("\n", stderr);
  for (int i = 0; i < w->n; i++) {
    const PassRow *r = &w->v[i];
    fprintf(stderr, "%4d  %-12s", r->number, pass_info[r->pass].name);
    if (times) fprintf(stderr, " %10.3f %6.1f", 1e3 * r->seconds, all > 0 ? 100 * r->seconds / all : 0);
    if (stats)
      fprintf(stderr, " %9d %9d %9d %9d %16s", r->values, r->products, r->clones, r->kernels,
              grouped(w->c, (double)r->arena));
    fputs("\n", stderr);
  }
  if (times) fprintf(stderr, "%4s  %-12s %10.3f\n", "", "all", 1e3 * all);
}
