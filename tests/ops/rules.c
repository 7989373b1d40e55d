/* SPDX-License-Identifier: Apache-2.0 */
/* What the shape rules refuse, and by which code. One line per case. */
#include "suite.h"
#include <string.h>

typedef struct Case {
  int code; /* 0: accepted */
  Op op;
  const char *in; /* operand types, separated by blanks, as "f32:2,3" */
  AttrVal attr[5];
} Case;
#define V(...) \
  { .v = (const int64_t[]){__VA_ARGS__}, .n = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t) }

static const Case cases[] = {
  {206, OP_add, "f32:2 f32:3", {{0}}},
  {206, OP_mul, "f32:2,3 f32:2", {{0}}},
  {206, OP_where, "bool:4 f32:2 f32:2", {{0}}},
  {206, OP_add, "f32:0 f32:2", {{0}}},
  {211, OP_add, "f32:2 f64:2", {{0}}},
  {211, OP_lt, "i32:2 f32:2", {{0}}},
  {211, OP_where, "bool:2 f32:2 i32:2", {{0}}},
  {226, OP_where, "f32:2 f32:2 f32:2", {{0}}},
  {226, OP_add, "bool:2 bool:2", {{0}}},
  {226, OP_neg, "bool:2", {{0}}},
  {226, OP_exp, "i32:2", {{0}}},
  {226, OP_div, "i32:2 i32:2", {{0}}},
  {226, OP_and, "i32:2 i32:2", {{0}}},
  {226, OP_not, "f32:2", {{0}}},
  {0, OP_eq, "bool:2 bool:1", {{0}}},
  {0, OP_copy, "bool:2", {{0}}},
  {0, OP_idiv, "u8:2 u8:1", {{0}}},
  {402, OP_cast, "f32:2", {{.i = 99}}},
  {228, OP_reshape, "f32:2,3", {V(5)}},
  {228, OP_reshape, "f32:2,3", {V(6, 2)}},
  {221, OP_reshape, "f32:2,3", {V(INT64_MIN)}}, /* means 2 - 3: see read_case */
  {209, OP_reshape, "f32:1", {V(1, 1, 1, 1, 1, 1, 1, 1, 1)}},
  {402, OP_transpose, "f32:2,3", {V(0)}},
  {209, OP_transpose, "f32:2,3", {V(0, 2)}},
  {209, OP_transpose, "f32:2,3", {V(1, 1)}},
  {206, OP_broadcast, "f32:2,3", {V(3)}},
  {206, OP_broadcast, "f32:2,3", {V(4, 3)}},
  {210, OP_slice, "f32:5", {V(3), V(2), V(1)}},
  {210, OP_slice, "f32:5", {V(0), V(6), V(1)}},
  {210, OP_slice, "f32:5", {V(0), V(5), V(0)}},
  {402, OP_slice, "f32:5", {V(0, 0), V(5), V(1)}},
  {0, OP_slice, "f32:5", {V(5), V(5), V(2)}},
  {210, OP_pad, "f32:3", {V(4), V(2), V(1), {0}}},
  {210, OP_pad, "f32:3", {V(6), V(1), V(3), {0}}},
  {210, OP_pad, "f32:3", {V(6), V(0), V(0), {0}}},
  {0, OP_pad, "f32:3", {V(7), V(0), V(3), {0}}},
  {402, OP_pad, "f32:3", {V(7, 1), V(0), V(3), {0}}},
  {209, OP_reverse, "f32:3", {V(1)}},
  {209, OP_reverse, "f32:3", {V(-1)}},
  {209, OP_concat, "f32:3 f32:3", {{.i = 1}}},
  {206, OP_concat, "f32:3,2 f32:3,3", {{.i = 0}}},
  {206, OP_concat, "f32:3,2 f32:3", {{.i = 0}}},
  {211, OP_concat, "f32:3 i32:3", {{.i = 0}}},
  {402, OP_concat, "", {{.i = 0}}},
  {210, OP_unfold, "f32:3", {V(0), V(4), V(1), V(1)}},
  {210, OP_unfold, "f32:3", {V(0), V(2), V(1), V(3)}},
  {210, OP_unfold, "f32:3", {V(0), V(0), V(1), V(1)}},
  {210, OP_unfold, "f32:3", {V(0), V(2), V(0), V(1)}},
  {210, OP_unfold, "f32:3", {V(0), V(INT64_MAX), V(1), V(INT64_MAX)}},
  {209, OP_unfold, "f32:3", {V(1), V(1), V(1), V(1)}},
  {402, OP_unfold, "f32:3", {V(0), V(1, 1), V(1), V(1)}},
  {209, OP_unfold, "f32:1,1,1,1,1,1,1,1", {V(0), V(1), V(1), V(1)}},
  {209, OP_sum, "f32:3", {V(1), {.i = 0}}},
  {209, OP_sum, "f32:3,3", {V(1, 1), {.i = 0}}},
  {226, OP_sum, "bool:3", {V(0), {.i = 0}}},
  {226, OP_argmax, "bool:3", {V(0), {.i = 0}}},
  {221, OP_argmax, "f32:3,0", {V(1), {.i = 0}}},
  {221, OP_argmin, "i32:0", {V(0), {.i = 1}}},
  {221, OP_reduce_max, "f32:0", {V(0), {.i = 0}}},
  {221, OP_reduce_min, "f32:2,0,3", {V(1), {.i = 0}}},
  {226, OP_argmax, "f32:70000,70000", {V(0, 1), {.i = 0}}},
  {209, OP_cumsum, "f32:3", {{.i = 1}, {.i = 0}}},
  {226, OP_cumsum, "bool:3", {{.i = 0}, {.i = 0}}},
  {0, OP_argsort, "u8:3,4", {{.i = 1}, {.i = 4}, {.i = 0}}},
  {209, OP_argsort, "f32:3", {{.i = 1}, {.i = 1}, {.i = 0}}},
  {210, OP_argsort, "f32:3", {{.i = 0}, {.i = 4}, {.i = 0}}},
  {0, OP_attend, "f32:2,4,3,5 f32:2,2,7,5 f32:2,2,7,1", {{.f = 1}, {.i = 1}}},
  {402, OP_attend, "f32:1,1,1,1 f32:1,1,1,1", {{.f = 1}, {.i = 0}}},
  {209, OP_attend, "f32:1,1,1 f32:1,1,1,1 f32:1,1,1,1", {{.f = 1}, {.i = 0}}},
  {211, OP_attend, "i32:1,1,1,1 i32:1,1,1,1 i32:1,1,1,1", {{.f = 1}, {.i = 0}}},
  {211, OP_attend, "f32:1,1,1,1 f32:1,1,1,1 f64:1,1,1,1", {{.f = 1}, {.i = 0}}},
  {205, OP_attend, "f32:2,1,1,1 f32:1,1,1,1 f32:1,1,1,1", {{.f = 1}, {.i = 0}}},
  {205, OP_attend, "f32:1,3,1,1 f32:1,2,1,1 f32:1,2,1,1", {{.f = 1}, {.i = 0}}},
  {205, OP_attend, "f32:1,2,1,1 f32:1,0,1,1 f32:1,0,1,1", {{.f = 1}, {.i = 0}}},
  {205, OP_attend, "f32:1,1,1,2 f32:1,1,1,1 f32:1,1,1,1", {{.f = 1}, {.i = 0}}},
  {205, OP_attend, "f32:1,1,1,1 f32:1,1,2,1 f32:1,1,3,1", {{.f = 1}, {.i = 0}}},
  {205, OP_attend, "f32:1,1,1,257 f32:1,1,1,257 f32:1,1,1,1", {{.f = 1}, {.i = 0}}},
  {205, OP_attend, "f32:1,1,1,1 f32:1,1,1,1 f32:1,1,1,0", {{.f = 1}, {.i = 0}}},
  {220, OP_broadcast, "f32:1", {V(1 << 30, 1 << 30)}},
  {220, OP_broadcast, "f32:1", {V(INT64_MAX, 2)}},
};

/* Ports for "f32:2,3 i32:4"; returns how many. */
static int read_ports(Graph *g, const char *text, Id *in) {
  static const char *const names[] = {"a", "b", "c"};
  int n = 0;
  while (*text) {
    char name[8] = {0};
    int64_t dim[MAX_RANK], rank = 0;
    size_t len = strcspn(text, ":");
    memcpy(name, text, len);
    for (text += len; *text == ':' || *text == ',';) {
      dim[rank] = 0;
      for (text++; *text >= '0' && *text <= '9'; text++) dim[rank] = 10 * dim[rank] + (*text - '0');
      rank++;
    }
    in[n] = port(g, names[n], (DType)dtype_find(name), (int)rank, dim);
    n++;
    text += *text == ' ';
  }
  return n;
}

static void check_case(Suite *total, const Case *k, int number) {
  Suite own = {.c = ctx_new()};
  Graph *g = fresh(&own);
  Id in[3];
  int nin = read_ports(g, k->in, in);
  AttrVal attr[5];
  memcpy(attr, k->attr, sizeof attr);
  int64_t negative = dim_sub(g->m, 2, 3);
  if (attr[0].n == 1 && attr[0].v[0] == INT64_MIN) attr[0].v = &negative;
  Id y = graph_node(g, k->op, in, nin, attr_make(g->m, k->op, attr), 0);
  char code[16];
  snprintf(code, sizeof code, "[E%04d]", k->code);
  const char *text = g->m->last ? diag_text(own.c, g->m->last) : "accepted";
  bool ok = k->code ? !y && strstr(text, code) && diag_errors(own.c) == 1 : y && !g->m->last;
  check(total, ok, "refusal %d (%s of %s, wanted %d): %s", number, op_info[k->op].name, k->in, k->code, text);
  ctx_free(own.c);
}

typedef struct Leaf {
  int code;
  Op op;
  DType t;
  int rank;
  int64_t dim[2];
  AttrVal attr;
} Leaf;
static const Leaf leaves[] = {
  {402, OP_const, DT_F32, 1, {3}, {.fv = (const double[]){1, 2}, .n = 2}},
  {0, OP_const, DT_F32, 1, {3}, {.fv = (const double[]){1}, .n = 1}},
  {0, OP_const, DT_I32, 1, {2}, {.fv = (const double[]){1, 2}, .n = 2}},
  {209, OP_iota, DT_I32, 1, {3}, {.i = 1}},
  {226, OP_iota, DT_BOOL, 1, {3}, {.i = 0}},
  {226, OP_random, DT_I32, 1, {3}, {.i = 0}},
  {226, OP_size, DT_I32, 1, {3}, {.i = 0}},
  {402, OP_run, DT_F32, 0, {0}, {.s = "speed"}},
  {226, OP_run, DT_I32, 0, {0}, {.s = "step"}},
  {0, OP_run, DT_F32, 0, {0}, {.s = "epoch"}},
  {402, OP_param, DT_F32, 0, {0}, {.s = "nowhere"}},
};

static void check_leaves(Suite *total) {
  for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
    const Leaf *k = &leaves[i];
    Suite own = {.c = ctx_new()};
    Graph *g = fresh(&own);
    Id y = graph_leaf(g, k->op, type_of(g, k->t, k->rank, k->dim), attr_make(g->m, k->op, &k->attr), 0);
    char code[16];
    snprintf(code, sizeof code, "[E%04d]", k->code);
    const char *text = g->m->last ? diag_text(own.c, g->m->last) : "accepted";
    check(total, k->code ? !y && strstr(text, code) : y != 0, "leaf %d (%s): %s", (int)i, op_info[k->op].name, text);
    ctx_free(own.c);
  }
}

/* Run-time sizes: what surely fits is accepted, what surely does not is refused, arithmetic is symbolic. */
static void check_sizes(Suite *total) {
  Suite own = {.c = ctx_new()};
  Graph *g = fresh(&own);
  Builder to = {.g = g};
  Module *m = g->m;
  Dim b = dim_size(m, "B", 8, 0), two_b = dim_mul(m, b, 2);
  Id x = graph_input(g, "x", type_make(m, DT_F32, 2, (Dim[]){b, 6}), 0);
  Id y = b_reshape(&to, x, 3, (Dim[]){b, 2, 3});
  check(total, y && node_type(g, y)->dim[0] == b, "reshape over a run-time size");
  y = b_reshape(&to, x, 2, (Dim[]){two_b, 3});
  check(total, y && node_type(g, y)->dim[0] == two_b, "reshape B * 6 to 2 * B * 3");
  y = b_concat(&to, (Id[]){x, x}, 2, 0);
  check(total, y && node_type(g, y)->dim[0] == two_b, "concat B + B");
  y = b_op2(&to, OP_add, x, b_slice(&to, y, (Dim[]){b, 0}, (Dim[]){two_b, 6}, NULL));
  check(total, y && node_type(g, y)->dim[0] == b, "slice B : 2 * B");
  y = b_pad(&to, x, (Dim[]){dim_add(m, b, 1), 6}, (Dim[]){1, 0}, NULL, 0);
  check(total, y && node_type(g, y)->dim[0] == dim_add(m, b, 1), "pad to B + 1");
  check(total, !b_slice(&to, x, (Dim[]){0, 0}, (Dim[]){dim_add(m, b, 1), 6}, NULL), "slice 0 : B + 1 is refused");
  check(total, !b_reshape(&to, x, 2, (Dim[]){b, 5}), "reshape B * 6 to B * 5 is refused");
  Id z = graph_input(g, "z", type_make(m, DT_F32, 2, (Dim[]){2, 6}), 0);
  check(total, !b_op2(&to, OP_add, x, z), "B with 2 is refused");
  ctx_free(own.c);
}

void test_rules(Suite *s) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_case(s, &cases[i], (int)i);
  check_leaves(s);
  check_sizes(s);
}
