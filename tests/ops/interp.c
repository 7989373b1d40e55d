/* SPDX-License-Identifier: Apache-2.0 */
/* The interpreter: weights, writes, run-time scalars and sizes, random numbers, failures that leak no memory. */
#include "suite.h"
#include "prim/prim_scalar.h"
#include "ir/scan.h"
#include <math.h>
#include <string.h>

static int live(const Interp *in) {
  int n = 0;
  for (const Val *v = in->live.next; v != &in->live; v = v->next) n++;
  return n;
}

static Val *scalar(Interp *in, double x) {
  Val *v = interp_value(in, type_make(in->m, DT_F32, 0, NULL));
  val_set(v, 0, x);
  return v;
}

/* Every write sees the values from before the run. */
static void check_writes(Suite *s) {
  Graph *g = fresh(s);
  Builder to = {.g = g};
  TypeId f = type_make(g->m, DT_F32, 0, NULL);
  int a = var_add(g->m, "a", VK_PARAM, f, 0, 0), b = var_add(g->m, "b", VK_STATE, f, 0, 0);
  Id va = graph_var(g, a, 0), vb = graph_var(g, b, 0);
  graph_write(g, a, vb, 0);
  graph_write(g, b, va, 0);
  graph_result(g, "sum", b_op2(&to, OP_add, va, vb), 0);
  s->seen[OP_param] = s->seen[OP_state] = true;
  Interp *in = interp_new(g->m, false);
  Val *out;
  check(s, !interp_run(in, g, NULL, &out) && strstr(in->error, "`a`") && !live(in), "reading an unset weight fails");
  interp_set_var(in, a, scalar(in, 3));
  interp_set_var(in, b, scalar(in, 4));
  check(s, interp_run(in, g, NULL, &out) && val_get(out, 0) == 7, "result beside writes");
  val_release(out);
  check(s, val_get(in->var[a], 0) == 4 && val_get(in->var[b], 0) == 3, "two weights change places");
  check(s, interp_run(in, g, NULL, NULL) && val_get(in->var[a], 0) == 3, "results may be left out");
  int n = live(in);
  for (int i = 0; i < 5; i++) interp_run(in, g, NULL, NULL);
  check(s, live(in) == n, "runs do not keep values");
  interp_free(in);
}

static void check_loss(Suite *s) {
  Graph *g = graph_new(module_new(s->c, "test"), "step", GK_TRAIN_STEP, 0);
  Builder to = {.g = g};
  int a = var_add(g->m, "a", VK_PARAM, type_make(g->m, DT_F32, 0, NULL), 0, 0);
  Id v = graph_var(g, a, 0);
  graph_result_as(g, OUT_LOSS, "loss", b_op1(&to, OP_log, v), 0);
  graph_write(g, a, b_op2(&to, OP_sub, v, b_like(&to, v, 1)), 0);
  Interp *in = interp_new(g->m, false);
  interp_set_var(in, a, scalar(in, 1));
  check(s, interp_run(in, g, NULL, NULL) && in->finite && val_get(in->var[a], 0) == 0, "a finite loss updates");
  check(s, interp_run(in, g, NULL, NULL) && !in->finite && val_get(in->var[a], 0) == 0, "an infinite loss does not");
  interp_free(in);
}

static void check_ports(Suite *s) {
  Graph *g = fresh(s);
  Builder to = {.g = g};
  Dim b = dim_size(g->m, "B", 8, 0);
  TypeId t = type_make(g->m, DT_F32, 2, (Dim[]){b, 3});
  Id x = graph_input(g, "x", t, 0), n = b_size(&to, DT_F32, b);
  graph_result(g, "mean", b_op2(&to, OP_div, b_sum(&to, x, 1, &(int64_t){0}, false), n), 0);
  s->seen[OP_input] = s->seen[OP_size] = true;
  Interp *in = interp_new(g->m, false);
  Val *wide = interp_value(in, t), *out = NULL, *none = NULL;
  check(s, wide->count == 24 && !interp_size(in, "B", 9) && !interp_size(in, "C", 1), "a size starts at its bound");
  check(s, interp_size(in, "B", 2), "a size is set");
  check(s, !interp_run(in, g, &wide, &out) && strstr(in->error, "`x`"), "a port of another shape fails");
  check(s, !interp_run(in, g, &none, &out) && strstr(in->error, "`x`") && live(in) == 1, "a port without value fails");
  Val *v = interp_value(in, t);
  for (int i = 0; i < 6; i++) val_set(v, i, i * i);
  check(s, interp_run(in, g, &v, &out) && out->count == 3 && val_get(out, 2) == (4 + 25) / 2.0, "mean over B = 2");
  val_release(out);
  interp_size(in, "B", 0);
  Val *empty = interp_value(in, t);
  check(s, interp_run(in, g, &empty, &out) && isnan(val_get(out, 0)), "B = 0");
  val_release(out), val_release(v), val_release(wide), val_release(empty);
  check(s, !live(in), "all values are given back");
  interp_free(in);
}

static double run_scalar(Interp *in, Graph *g, const char *name) {
  Val *out = NULL;
  g->nout = 0;
  TypeId f = type_make(g->m, DT_F32, 0, NULL);
  graph_result(g, "y", graph_leaf(g, OP_run, f, attr_make(g->m, OP_run, &(AttrVal){.s = name}), 0), 0);
  if (!interp_run(in, g, NULL, &out)) return -1;
  double v = val_get(out, 0);
  val_release(out);
  return v;
}

static void check_run_scalars(Suite *s) {
  Graph *g = fresh(s);
  Interp *in = interp_new(g->m, false);
  in->step = 25, in->steps = 100, in->steps_per_epoch = 10;
  s->seen[OP_run] = true;
  check(s, run_scalar(in, g, "step") == 25 && run_scalar(in, g, "steps") == 100 && run_scalar(in, g, "epoch") == 2,
        "step, steps, epoch");
  interp_free(in);
}

static void check_leaves(Suite *s) {
  Graph *g = fresh(s);
  Builder to = {.g = g};
  int64_t dim[] = {2, 3, 2};
  graph_result(g, "y", b_iota(&to, DT_I32, 3, dim, 1), 0);
  const Result *y = run_graph(s, g, false, NULL);
  bool ok = y && y->count == 12;
  for (int64_t i = 0; ok && i < 12; i++) ok = y->v[i] == (double)(i / 2 % 3);
  check(s, ok, "iota");
  g = to.g = fresh(s);
  graph_result(g, "y", b_tensor(&to, type_of(g, DT_U8, 1, &(int64_t){3}), (const double[]){1, 128, 255}, 3), 0);
  y = run_graph(s, g, false, NULL);
  check(s, y && y->v[0] == 1 && y->v[1] == 128 && y->v[2] == 255, "const");
}

/* Values that are set from outside are cast. */
static void check_set(Suite *s) {
  static const struct {
    DType type;
    double x, y;
  } set[] = {
    {DT_U8, 300, 255},
    {DT_U8, -1, 0},
    {DT_U8, NAN, 0},
    {DT_I8, -2.9, -2},
    {DT_I16, 1e9, 32767},
    {DT_U32, 5e9, 4294967295.0},
    {DT_I32, -INFINITY, -2147483648.0},
    {DT_I64, -1e30, -0x1p63},
    {DT_I64, 0x1p62 + 0x1p20, 0x1p62 + 0x1p20},
    {DT_I64, NAN, 0},
    {DT_BOOL, 0.5, 1},
    {DT_F32, 0.1, 0.1f},
    {DT_F64, 0.1, 0.1},
  };
  Graph *g = fresh(s);
  Interp *in = interp_new(g->m, false);
  for (size_t i = 0; i < sizeof set / sizeof *set; i++) {
    Val *v = interp_value(in, type_of(g, set[i].type, 0, NULL));
    val_set(v, 0, set[i].x);
    check(s, val_get(v, 0) == set[i].y, "%g set as %s", set[i].x, dtype_info[set[i].type].name);
    val_release(v);
  }
  interp_free(in);
}

/* Element i of stream 77, as prim.h numbers them; another step, pass or seed gives other numbers. */
static void check_random(Suite *s) {
  Graph *g = fresh(s);
  TypeId t = type_of(g, DT_F32, 2, (int64_t[]){20, 10});
  graph_result(g, "y", graph_leaf(g, OP_random, t, attr_make(g->m, OP_random, &(AttrVal){.i = 77}), 0), 0);
  Interp *in = interp_new(g->m, false);
  uint64_t key = prim_random_key(5, 77);
  s->seen[OP_random] = true;
  in->seed = 5;
  Val *out[4];
  for (int k = 0; k < 4; k++) {
    in->step = k == 1, in->pass = k == 2, in->seed = k == 3 ? 6 : 5;
    check(s, interp_run(in, g, NULL, &out[k]), "random runs");
  }
  int wrong = 0, same = 0;
  for (int i = 0; i < 200; i++) {
    wrong += val_get(out[0], i) != prim_random((uint32_t)i, 0, (uint32_t)key, (uint32_t)(key >> 32), 0, 0, 0);
    for (int k = 1; k < 4; k++) same += val_get(out[0], i) == val_get(out[k], i);
  }
  check(s, !wrong && !same, "random: %d wrong, %d repeated", wrong, same);
  interp_free(in);
}

/* All values of a larger graph are released as soon as they were used for the last time. */
static void check_release(Suite *s) {
  Graph *g = fresh(s);
  Builder to = {.g = g};
  Id x = port(g, "x", DT_F32, 1, &(int64_t){1000}), y = x;
  for (int i = 0; i < 2000; i++) y = b_op2(&to, OP_add, y, b_like(&to, y, i));
  graph_result(g, "y", b_reshape(&to, y, 2, (int64_t[]){10, 100}), 0);
  double *v = ctx_alloc(s->c, 1000 * sizeof *v);
  const Result *r = run_graph(s, g, true, (const double *const[]){v});
  check(s, r && r->rank == 2 && r->v[999] == 1999000, "a long chain");
}

/* Carries are the cumulative sums of the slices, from the last one if `reverse`; they are stacked along axis 1. */
static void check_scan(Suite *s, bool reverse) {
  Graph *g = fresh(s), *body = graph_new(g->m, "body", GK_BODY, 0);
  Builder to = {.g = g};
  Id xt = port(body, "x", DT_F32, 1, (int64_t[]){2}), h = port(body, "h", DT_F32, 1, (int64_t[]){2});
  Id sum = b_add(&(Builder){.g = body}, h, xt);
  graph_result(body, "h", sum, 0);
  graph_result(body, "y", sum, 0);
  Id in[2] = {port(g, "x", DT_F32, 2, (int64_t[]){2, 3}), port(g, "h", DT_F32, 1, (int64_t[]){2})};
  Scan scan = {.body = body, .nx = 1, .nc = 1, .ny = 1, .axis = 1, .reverse = reverse, .length = 3};
  graph_result(g, "y", b_get(&to, scan_node(&to, &scan, in, 2), 1), 0);
  const double x[] = {1, 2, 4, 8, 16, 32}, start[] = {100, 200};
  const double forth[] = {101, 103, 107, 208, 224, 256}, back[] = {107, 106, 104, 256, 248, 232};
  const Result *y = run_graph(s, g, false, (const double *const[]){x, start});
  check(s, y && y->count == 6 && !memcmp(y->v, reverse ? back : forth, sizeof back), "scan, reverse %d", reverse);
  s->seen[OP_scan] = true;
}

static void check_meta(Suite *s) {
  for (int op = 1; op < OP_COUNT; op++) {
    if (op_info[op].cls != CL_META) continue;
    Graph *g = fresh(s);
    Builder to = {.g = g};
    Id x = port(g, "x", DT_F32, 0, NULL), y = b_op2(&to, OP_mul, x, x);
    graph_result(g, "dy", graph_node(g, (Op)op, (Id[]){y, x, x}, op_info[op].arity, 0, 0), 0);
    Interp *in = interp_new(g->m, true);
    Val *v = scalar(in, 3), *out = NULL;
    s->seen[op] = true;
    check(s, !interp_run(in, g, &v, &out) && strstr(in->error, op_info[op].name), "an unexpanded %s is refused",
          op_info[op].name);
    interp_free(in);
  }
}

void test_interp(Suite *s) {
  check_writes(s);
  check_loss(s);
  check_ports(s);
  check_run_scalars(s);
  check_leaves(s);
  check_set(s);
  check_random(s);
  check_release(s);
  check_scan(s, false);
  check_scan(s, true);
  check_meta(s);
}
