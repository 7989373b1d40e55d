/* SPDX-License-Identifier: Apache-2.0 */
/* Counts floating-point operations and estimates times. */
#include "passes/analysis/cost_model.h"
#include "passes/analysis/group.h"
#include "passes/costs.h"
#include "ir/attend.h"
#include "ir/contract.h"
#include "ir/scan.h"
#include <math.h>

typedef double CountFn(const Graph *g, Id n);

static double of_result(const Graph *g, Id n) { return (double)node_count(g, n); }
static double of_operand(const Graph *g, Id n) { return (double)node_count(g, node_in(g, n, 0)); }
static double of_updates(const Graph *g, Id n) { return (double)node_count(g, node_in(g, n, 1)); }

static double of_contract(const Graph *g, Id n) {
  Contract c;
  double flops = 2;
  contract_of(g, n, &c);
  for (int i = 0; i < c.naxis; i++) flops *= (double)dim_bound(g->m, c.axis[i].dim);
  return flops;
}

static double of_conv(const Graph *g, Id n) {
  ConvGeom c;
  conv_of(g, n, &c);
  double flops = 2 * (double)dim_bound(g->m, c.batch) * (double)c.out * (double)(c.in / c.groups);
  for (int i = 0; i < c.spatial; i++) flops *= (double)dim_bound(g->m, c.y[i]) * (double)c.k[i];
  return flops;
}

/* Two products, backward five. */
static double of_attend(const Graph *g, Id n) {
  Attend a = attend_of(g, n);
  double each = (double)(a.back ? 3 * a.d + 2 * a.e : a.d + a.e);
  return 2 * each * attend_pairs(g, n);
}

static double of_scan(const Graph *g, Id n) {
  Scan s = scan_of(g, n);
  return graph_flops(s.body) * (double)dim_bound(g->m, s.length);
}

static CountFn *const count_fn[CL_COUNT] = {
  [CL_ELEM] = of_result,    [CL_REDUCE] = of_operand,  [CL_CUM] = of_result,
  [CL_WINDOW] = of_operand, [CL_SCATTER] = of_updates, [CL_CONTRACT] = of_contract,
  [CL_CONV] = of_conv,      [CL_SCAN] = of_scan,       [CL_ATTEND] = of_attend,
};

static bool is_float(const Graph *g, Id n) {
  const Type *t = node_type(g, n);
  return t->dtype == DT_TUPLE || dtype_is_float(t->dtype);
}

double node_flops(const Graph *g, Id n) {
  CountFn *fn = count_fn[node_info(g, n)->cls];
  bool counts = node_info(g, n)->cost && is_float(g, n) && !node_is_upcast(g, n) && !node_is_downcast(g, n);
  return fn && counts ? fn(g, n) : 0;
}

double graph_flops(const Graph *g) {
  double flops = 0;
  for (Id n = 1; n < (Id)g->n; n++) flops += node_flops(g, n);
  return flops;
}

double node_macs(const Graph *g, Id n) {
  OpClass cls = node_info(g, n)->cls;
  if (cls == CL_CONTRACT || cls == CL_CONV || cls == CL_ATTEND) return node_flops(g, n) / 2;
  if (cls != CL_SCAN) return 0;
  Scan s = scan_of(g, n);
  return graph_macs(s.body) * (double)dim_bound(g->m, s.length);
}

double graph_macs(const Graph *g) {
  double macs = 0;
  for (Id n = 1; n < (Id)g->n; n++) macs += node_macs(g, n);
  return macs;
}

double graph_recomputed(const Graph *g) {
  double flops = 0;
  for (Id n = 1; n < (Id)g->n; n++)
    if (attr_get(g->m, node_get(g, n)->attr)->clone) flops += node_flops(g, n);
    else if (node_info(g, n)->cls == CL_SCAN)
      flops += graph_recomputed(scan_of(g, n).body) * (double)dim_bound(g->m, scan_of(g, n).length);
  return flops;
}

/* ---- time ---- */

const Rates common_rates = {
  .contract = 1e9 * MODEL_CONTRACT, .element = 1e9 * MODEL_ELEMENT, .bytes = 1e9 * MODEL_BYTES};

static bool is_bf16(const Graph *g, Id x) {
  return node_type(g, node_is_upcast(g, x) ? node_in(g, x, 0) : x)->dtype == DT_BF16;
}

/* Operations per second of a product: processors have dot products of bf16, and none of f16. */
static double product_rate(const Graph *g, Id n, const Rates *r) {
  return r->half > 0 && is_bf16(g, node_in(g, n, 0)) && is_bf16(g, node_in(g, n, 1)) ? r->half : r->contract;
}

double node_seconds(const Graph *g, Id n, const Rates *r) {
  const OpInfo *info = node_info(g, n);
  if (info->cls == CL_SCAN) {
    Scan s = scan_of(g, n);
    double iteration = 0;
    for (Id k = 1; k < (Id)s.body->n; k++) iteration += node_seconds(s.body, k, r);
    return iteration * (double)dim_bound(g->m, s.length);
  }
  if (info->cls == CL_CONTRACT || info->cls == CL_CONV || info->cls == CL_ATTEND)
    return node_flops(g, n) / product_rate(g, n, r);
  double work = info->cls == CL_ELEM || info->cls == CL_LEAF || info->cls == CL_SORT
                  ? (double)node_count(g, n) * info->cost
                  : node_flops(g, n);
  return work / r->element;
}

double graph_work(const Graph *g) {
  const Rates multiplications = {.contract = INFINITY, .element = 1};
  double work = 0;
  for (Id n = 1; n < (Id)g->n; n++) work += node_seconds(g, n, &multiplications);
  return work;
}

static double bytes_moved(const Graph *g, const Group *k) {
  double bytes = 0;
  for (int i = 0; i < k->nread; i++) bytes += (double)node_bytes(g, k->read[i]);
  for (int i = 0; i < k->nwrite; i++) bytes += (double)node_bytes(g, k->write[i]);
  return bytes;
}

GroupCost group_cost(const Graph *g, const Group *k, const Rates *r) {
  GroupCost c = {.bytes = bytes_moved(g, k)};
  for (int i = 0; i < k->nnode; i++) {
    c.flops += node_flops(g, k->node[i]);
    c.compute += node_seconds(g, k->node[i], r);
  }
  c.memory = c.bytes / r->bytes;
  return c;
}

double graph_seconds(Graph *g, const Rates *r) {
  const Groups *gs = groups_make(g);
  double all = 0;
  for (int k = 0; k < gs->n; k++) {
    const Group *p = &gs->group[k];
    if (p->cls == KC_SCAN) {
      Scan s = scan_of(g, p->root);
      all += graph_seconds(s.body, r) * (double)dim_bound(g->m, s.length);
      continue;
    }
    GroupCost c = group_cost(g, p, r);
    all += c.compute > c.memory ? c.compute : c.memory;
  }
  return all;
}

/* Operations, and less than one for each element that is only moved. */
static double node_weight(const Graph *g, Id n) { return node_flops(g, n) + 1e-3 * (double)node_count(g, n); }

int group_scope(const Graph *g, const Group *k) {
  int scope[16], n = 0, best = 0;
  double work[16];
  for (int i = k->nnode - 1; i >= 0; i--) {
    int s = source_scope(g->m->c, node_get(g, k->node[i])->loc), at = 0;
    while (at < n && scope[at] != s) at++;
    if (at == n && n == 16) continue;
    if (at == n) scope[n] = s, work[n++] = 0;
    work[at] += node_type(g, k->node[i])->dtype == DT_TUPLE ? 0 : node_weight(g, k->node[i]);
    if (work[at] > work[best]) best = at;
  }
  return n ? scope[best] : 0;
}
