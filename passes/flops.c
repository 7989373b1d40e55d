/* Counting floating-point operations. */
#include "passes/flops.h"
#include "ir/contract.h"
#include "ir/scan.h"

typedef double CountFn(const Graph *g, Id n);

static double count(const Graph *g, Id n) { return (double)dim_bound(g->m, type_count(g->m, node_get(g, n)->type)); }
static double of_result(const Graph *g, Id n) { return count(g, n); }
static double of_operand(const Graph *g, Id n) { return count(g, node_in(g, n, 0)); }
static double of_updates(const Graph *g, Id n) { return count(g, node_in(g, n, 1)); }

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

static double of_scan(const Graph *g, Id n) {
  Scan s = scan_of(g, n);
  return graph_flops(s.body) * (double)dim_bound(g->m, s.length);
}

static CountFn *const count_fn[CL_COUNT] = {
  [CL_ELEM] = of_result, [CL_REDUCE] = of_operand, [CL_CUM] = of_result, [CL_WINDOW] = of_operand,
  [CL_SCATTER] = of_updates, [CL_CONTRACT] = of_contract, [CL_CONV] = of_conv, [CL_SCAN] = of_scan,
};

static bool is_float(const Graph *g, Id n) {
  const Type *t = node_type(g, n);
  return t->dtype == DT_TUPLE || dtype_is_float(t->dtype);
}

double graph_flops(const Graph *g) {
  double flops = 0;
  for (Id n = 1; n < (Id)g->n; n++) {
    CountFn *fn = count_fn[node_info(g, n)->cls];
    if (fn && node_info(g, n)->cost && is_float(g, n)) flops += fn(g, n);
  }
  return flops;
}
