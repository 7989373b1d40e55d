/* SPDX-License-Identifier: Apache-2.0 */
/* Complete programs: a network with its data and training, exports, tests; or only exports; or a single function at
 * its hardest points: at kinks, at integers, near the largest number. An input's name selects its values (trace.c): x
 * anything small, whole, big, tie. */
#include "tests/random/nn/nn.h"
#include <stdlib.h>
#include <string.h>

/* ---- networks ---- */

static Ty input_type(Program *g) {
  Prog *p = &g->p;
  Ty t;
  int tries = 0;
  do {
    switch (pr(p, 8)) {
    case 0:
    case 1:
    case 2: t = ty_of(DT_F32, 2, DIM_B, pdim(p)); break;
    case 3:
    case 4: t = ty_of(DT_F32, 4, DIM_B, pdepth(p), 1 + (int)pr(p, 9), 1 + (int)pr(p, 9)); break;
    case 5: t = ty_of(DT_I32, 2, DIM_B, pdim(p)); break;
    default: t = ty_of(DT_F32, 3, DIM_B, p->roomy ? pdim(p) : 1 + (int)pr(p, 9), pdim(p)); break;
    }
    if (pc(p, 4)) t = ty_of(DT_F32, 4, DIM_B, 1 + (int)pr(p, 3), 24, 24); /* sums over more than a chunk */
  } while (ty_count(p, &t) > p->max_elements && tries++ < 40);
  return t;
}

static void begin_def(Program *g) {
  Prog *p = &g->p;
  p->n = 0;
  p->body.n = 0;
  p->defs.n = 0;
  put(&p->body, "%s", "");
  put(&p->defs, "%s", "");
}

/* Values that no statement reads, up to `max` of them, the last one first; their number. */
static int unread(const Prog *p, int *id, int max) {
  int n = 0;
  for (int i = p->n - 1; i >= 0 && n < max; i--) {
    char name[20];
    size_t k = (size_t)snprintf(name, sizeof name, "v%d", p->v[i].id);
    int times = 0;
    for (const char *s = p->body.s; (s = strstr(s, name)); s += k) times += s[k] < '0' || s[k] > '9';
    if (times < 2 && dtype_is_float(p->v[i].ty.t)) id[n++] = i;
  }
  return n;
}

/* The helper defs, then a def of that head with the statements written, and result as its value. */
static void end_def(Program *g, Text *to, const char *head, const char *result) {
  put(&g->defs, "%s", g->p.defs.s);
  put(to, "%s {\n%s    %s\n}\n", head, g->p.body.s, result);
}

/* The params that the net declares itself and trains. */
static void note_weights(Program *g) {
  int id;
  for (const char *s = g->p.body.s; (s = strstr(s, "    param v")) && g->nweight < MAX_PARTS; s++) {
    bool frozen = s - g->p.body.s > 8 && !strncmp(s - 8, "@freeze\n", 8);
    if (!frozen && sscanf(s, " param v%d", &id) == 1) g->weight[g->nweight++] = id;
  }
}

static void write_net(Program *g) {
  Prog *p = &g->p;
  char head[200], result[240];
  begin_def(g);
  p->layers = true;
  g->has_net = true;
  g->has_in = pc(p, 85);
  if (g->has_in) {
    g->in = input_type(g);
    int x = p->next++;
    snprintf(head, sizeof head, "def net(v%d: %s)", x, ty_text(&g->in));
    if (g->in.t == DT_I32) { /* tokens */
      Ty t = g->in;
      t.t = DT_F32;
      t.dim[t.rank++] = 1 + (int)pr(p, 9);
      bind(p, t, "embedding(v%d, %d, %d)", x, 4 + (int)pr(p, 9), t.dim[t.rank - 1]);
    } else bound_as(p, x, g->in);
  } else {
    snprintf(head, sizeof head, "def net()");
    Ty t = pc(p, 40) ? ty_of(DT_F32, 4, 2, 1 + (int)pr(p, 8), 1 + (int)pr(p, 6), 1 + (int)pr(p, 6))
                     : ty_of(DT_F32, 2, pdim(p), pdim(p));
    if (pc(p, 50)) {
      put(&p->body, "    param v%d: %s = normal(1)\n", p->next, ty_text(&t));
      bound_as(p, p->next++, t);
    } else bind(p, t, pc(p, 50) ? "normal(zeros(%s))" : "cumsum(ones(%s), axis = 0) * 0.25", ty_sizes(&t));
  }
  if (pc(p, 50)) make_weight(p);
  grow(p, 2 + (int)pr(p, pc(p, 60) ? 5 : 12));
  int last = p->n - 1;
  while (last > 0 && p->v[last].ty.t != DT_F32) last--;
  g->out = p->v[last].ty;
  int left[6], k = 0, nleft = unread(p, left, 6);
  k += snprintf(result, sizeof result, "v%d", p->v[last].id);
  for (int i = 0; i < nleft; i++)
    if (left[i] != last && p->v[left[i]].ty.t == DT_F32 && ty_count(p, &p->v[left[i]].ty) > 0 && pc(p, 70))
      k += snprintf(result + k, sizeof result - (size_t)k, " + 0.125 * %s(v%d)", pc(p, 50) ? "mean" : "max",
                    p->v[left[i]].id);
  note_weights(g);
  end_def(g, &g->defs, head, result);
  if (pc(p, 12)) put(&g->defs, "@%s\n", (const char *const[]){"checkpoint", "nodecay", "fp32", "lr(0.5)"}[pr(p, 4)]);
  put(&g->defs, "use n = net()\n");
}

/* ---- exports and tests ---- */

static void export_net(Program *g) {
  Prog *p = &g->p;
  Ty t = g->in;
  if (!g->has_in) {
    put(&g->items, "export def apply() { n() }\n");
    return;
  }
  t.dim[0] = pc(p, 50) ? DIM_T : 1 + (int)pr(p, 3);
  put(&g->items, "export def apply(x: %s) { n(x) }\n", ty_text(&t));
  if (!pc(p, 25) || t.dim[0] == DIM_T) return;
  put(&g->items, "test \"t\" { assert mean(n(%s(zeros(%s)))) < 0.5 }\n", dtype_info[t.t].name, ty_sizes(&t));
}

static DType input_dtype(Prog *p) {
  static const DType rare[] = {DT_F16, DT_F16, DT_BF16, DT_BF16, DT_F64, DT_I32, DT_I64, DT_U8, DT_BOOL, DT_I16};
  return pc(p, 75) ? DT_F32 : rare[pr(p, sizeof rare / sizeof *rare)];
}

static void export_graph(Program *g, const char *name) {
  Prog *p = &g->p;
  char head[300] = "", result[120] = "[";
  begin_def(g);
  p->layers = false;
  size_t n = (size_t)snprintf(head, sizeof head, "export def %s(", name);
  for (int i = 0, many = 1 + pc(p, 35); i < many; i++) {
    Ty t = {.t = input_dtype(p), .rank = 1 + (int)pr(p, 3)};
    do {
      for (int k = 0; k < t.rank; k++) t.dim[k] = pc(p, 2) ? 0 : pdim(p);
      if (pc(p, 20)) t.dim[0] = DIM_T;
    } while (ty_count(p, &t) > p->max_elements);
    int x = p->next++;
    n += (size_t)snprintf(head + n, sizeof head - n, "%sv%d: %s", i ? ", " : "", x, ty_text(&t));
    bound_as(p, x, t);
    if (dtype_is_float(t.t)) continue;
    t.t = DT_F32;
    bind(p, t, "f32(v%d) * 0.25", x);
  }
  snprintf(head + n, sizeof head - n, ")");
  grow(p, 2 + (int)pr(p, 9));
  int left[5], k = 1, nleft = unread(p, left, 1 + (int)pr(p, 4));
  for (int i = 0; i < nleft; i++)
    k += snprintf(result + k, sizeof result - (size_t)k, "%sv%d", i ? ", " : "", p->v[left[i]].id);
  snprintf(result + k, sizeof result - (size_t)k, "]");
  if (nleft < 2) snprintf(result, sizeof result, "v%d", p->v[nleft ? left[0] : p->n - 1].id);
  end_def(g, &g->items, head, result);
}

/* ---- one function at its hardest points ---- */

/* Quotients of integers, and their uses as counters. */
static void exact_program(Program *g) {
  static const char *const form[] = {"i32(whole / %d)",
                                     "i32(floor(whole / %d) * 2)",
                                     "whole / %d >= %d",
                                     "whole / %d < %d",
                                     "i32(1024 * 0.5 ** floor(whole / %d))",
                                     "i32(ceil(whole / %d))",
                                     "i32(round(whole * 2 / %d))",
                                     "whole / %d == %d",
                                     "i32(mean(whole, axes = [0]) / %d)",
                                     "i32(whole / %d + %d)",
                                     "i32(mod(whole, %d))",
                                     "i32(sum(whole / %d, axes = [0]) * 0)",
                                     "whole // %d == whole / %1$d"};
  Prog *p = &g->p;
  for (int i = 1 + (int)pr(p, 4); i > 0; i--) {
    char s[120];
    snprintf(s, sizeof s, form[pr(p, sizeof form / sizeof *form)], 3 + (int)pr(p, 120), 1 + (int)pr(p, 3));
    put(&g->items, "export def e%d(whole: f32[%d]) { %s }\n", i, 200 + (int)pr(p, 200), s);
  }
}

/* A function of std at its kinks, reached by weights of zero. */
static void kink_program(Program *g) {
  static const char *const form[] = {"bce_with_logits(z, t)",
                                     "mse(z, t)",
                                     "huber(z, t)",
                                     "mean(relu(z))",
                                     "mean(gelu(z))",
                                     "mean(silu(z))",
                                     "mean(softmax(z) * t)",
                                     "mean(log_softmax(z) * t)",
                                     "mean(clamp(z, 0, 1))",
                                     "mean(gelu_tanh(z))",
                                     "cross_entropy(z, argmax(t))",
                                     "mean(layernorm(z))",
                                     "mean(rmsnorm(z))",
                                     "mean(clamp(z, -1, 1) * t)",
                                     "huber(z, z * 0, delta = 1)",
                                     "mean(sigmoid(z) * t)",
                                     "mean(log1p(exp(-abs(z))) + max(z, 0))"};
  Prog *p = &g->p;
  int n = 1 + (int)pr(p, 4), k = 1 + (int)pr(p, 5);
  put(&g->defs,
      "def net(x: f32[B, %d], t: f32[B, %d]) {\n    param w: f32[%d, %d] = 0\n    z = x @ w\n    %s\n}\n"
      "use n = net()\n",
      n, k, n, k, form[pr(p, sizeof form / sizeof *form)]);
  put(&g->items,
      "data d {\n    source = npy(\"x.npy\", \"t.npy\")\n    x: f32[%d] = field(0)\n"
      "    t: f32[%d] = abs(field(1))\n}\n"
      "train {\n    data = d\n    steps = 3\n    batch = %d\n    loss = n(x, t)\n"
      "    optim = sgd(lr = 0.1)\n}\n",
      n, k, p->batch);
}

/* Functions of numbers near the largest of their type. */
static void range_program(Program *g) {
  static const char *const form[] = {"mean(big, axes = [1])",
                                     "var(big * 0.004, axes = [1])",
                                     "mean(big)",
                                     "softmax(big)",
                                     "log_softmax(big)",
                                     "relu(big)",
                                     "gelu(big)",
                                     "silu(big)",
                                     "gelu_tanh(big)",
                                     "clamp(big, -1, 1)",
                                     "moments(big, keep = 0)[0]",
                                     "mean(big, axes = [0], keep = true)",
                                     "sigmoid(big)",
                                     "tanh(big)",
                                     "max(big, axes = [1])",
                                     "log1p(abs(big))"};
  Prog *p = &g->p;
  const char *t = (const char *const[]){"f16", "f16", "bf16", "f32"}[pr(p, 4)];
  for (int i = 1 + (int)pr(p, 3); i > 0; i--)
    put(&g->items, "export def r%d(big: %s[%d, %d]) { %s }\n", i, t, 1 + (int)pr(p, 3), 2 + (int)pr(p, 60),
        form[pr(p, sizeof form / sizeof *form)]);
}

static void train_by(Program *g, const char *input, const char *precision) {
  static const char *const loss[] = {"mean(o)", "sum(o) * 0.001", "mean(o * o)", "mean(tanh(o))"};
  put(&g->items,
      "data d {\n    source = npy(\"x.npy\")\n    x: f32[%s] = field(0)\n}\n"
      "train {\n    data = d\n    steps = 3\n    batch = %d\n"
      "%s    o = n(x)\n    loss = %s\n    optim = sgd(lr = 0.01)\n}\n",
      input, g->p.batch, precision, loss[pr(&g->p, 4)]);
}

/* Weights of many panels for few inputs. */
static void wide_program(Program *g) {
  Prog *p = &g->p;
  int n = 1 + (int)pr(p, 4), h = 200 + (int)pr(p, 900), k = 1 + (int)pr(p, 20);
  char in[20];
  snprintf(in, sizeof in, "%d", n);
  put(&g->defs, "def net(x: f32[B, %d]) { x |> linear(%d) |> %s |> linear(%d%s) }\nuse n = net()\n", n, h,
      (const char *const[]){"tanh", "relu", "dropout(p = 0.5)", "layernorm"}[pr(p, 4)], k,
      pc(p, 40) ? ", bias = false" : "");
  train_by(g, in, pc(p, 30) ? "    precision = bf16\n" : "");
}

/* Convolutions in 16 bits whose output, input or window is one element wide. */
static void narrow_program(Program *g) {
  static const int depth[] = {1, 3, 4, 8, 8, 16, 17};
  Prog *p = &g->p;
  int h = 1 + (int)pr(p, 6), w = 1 + (int)pr(p, 6), c = depth[pr(p, 7)], o = depth[pr(p, 7)];
  char in[40];
  p->batch = 1 + (int)pr(p, 3);
  snprintf(in, sizeof in, "%d, %d, %d", 1 + (int)pr(p, 3), h, w);
  put(&g->defs, "def net(x: f32[B, %s]) {\n    a = tanh(conv2d(x, %d, 3, pad = 1))\n", in, c);
  put(&g->defs, "    tanh(conv2d(a, %d, k = [%d, %d], stride = %d%s))\n}\nuse n = net()\n", o, pc(p, 60) ? h : 1,
      pc(p, 80) ? w : 1, 1 + (int)pr(p, 2), pc(p, 30) ? ", bias = false" : "");
  train_by(g, in, pc(p, 85) ? pc(p, 50) ? "    precision = bf16\n" : "    precision = f16\n" : "");
}

/* Statistics over more than a chunk. */
static void long_program(Program *g) {
  static const char *const form[] = {"batchnorm(x)",
                                     "tanh(batchnorm(x)) * x",
                                     "batchnorm(conv2d(x, 2, 3, pad = 1))",
                                     "moments(x, keep = 1)[1] * n",
                                     "layernorm(flatten(x))",
                                     "softmax(flatten(x)) * n",
                                     "rmsnorm(flatten(x)) + mean(x)",
                                     "log_softmax(flatten(x), axis = 1)"};
  Prog *p = &g->p;
  char in[40];
  p->batch = 1 + (int)pr(p, 3);
  snprintf(in, sizeof in, "%d, %d, %d", 1 + (int)pr(p, 2), 23 + (int)pr(p, 12), 23 + (int)pr(p, 12));
  put(&g->defs, "def net(x: f32[B, %s]) {\n    param n: f32 = 1\n    %s\n}\nuse n = net()\n", in, form[pr(p, 8)]);
  train_by(g, in, pc(p, 15) ? "    precision = bf16\n" : "");
}

/* Each element of a row against each of a row derived from it, with a reduction and a cumulative sum in one kernel. */
static void pairs_program(Program *g) {
  static const char *const row[] = {"cumsum(x, axis = 0) - 1", "tanh(x)", "x * 2", "cumsum(x, axis = 0)", "max(x, 0)"};
  static const char *const pair[] = {"max(%s - %s, 0)", "%s * %s", "abs(%s - %s)", "f32(%s <= %s)"};
  static const char *const fold[] = {"sum", "sum", "max", "min"};
  Prog *p = &g->p;
  int n = pdim(p), axis = (int)pr(p, 2);
  char term[80], column[40];
  bool cumulated = pc(p, 60);
  snprintf(column, sizeof column, "reshape(%s, [%d, 1])", pc(p, 70) ? "x" : "s", n);
  snprintf(term, sizeof term, pair[pr(p, 4)], pc(p, 70) ? "s" : "x", column);
  put(&g->items, "export def f(x: f32[%d]) {\n    s = %s\n    %s%s(%s, axes = [%d])%s\n}\n", n, row[pr(p, 5)],
      cumulated ? "cumsum(" : "", fold[pr(p, 4)], term, axis, cumulated ? ", axis = 0)" : "");
}

/* A convolution in index notation, wide enough for a tuned kernel, and ops that training applies to it. */
static void window_program(Program *g) {
  static const char *const after[] = {"dropout(y, 0.25)", "dropout(tanh(y), 0.5)", "y + 0.5", "y * sigmoid(y)",
                                      "dropout(y, 0.1) + y"};
  static const char *const operand[] = {"    a = x\n", "    a = x * 0.5\n", "    a = tanh(x)\n",
                                        "    a = concat([zeros(B, %d, 1), x[:, :, 1:]], axis = 2)\n"};
  Prog *p = &g->p;
  int c = 8 + (int)pr(p, 12), o = 8 + (int)pr(p, 12), k = 1 + (int)pr(p, 4), t = k + 7 + (int)pr(p, 12);
  char in[40];
  p->batch = 4 + (int)pr(p, 6);
  snprintf(in, sizeof in, "%d, %d", c, t);
  put(&g->defs, "def net(x: f32[B, %s]) {\n    param v: f32[%d, %d, %d] = normal(0.1)\n", in, o, c, k);
  put(&g->defs, operand[pr(p, 4)], c);
  put(&g->defs, "    y[n, o, t] = sum[c, j](a[n, c, t + j] * v[o, c, j])\n    %s\n}\nuse n = net()\n", after[pr(p, 5)]);
  train_by(g, in, pc(p, 20) ? "    precision = bf16\n" : "");
}

/* ---- */

enum { WANTS = 3 };

static void begin_program(Program *g, uint64_t seed) {
  *g = (Program){.p = {.r = gen_of(seed, 7), .wanted = WANTS * seed, .wants = WANTS, .least_batch = 1}};
  g->p.batch = 1 + (int)pr(&g->p, pc(&g->p, 80) ? 6 : 17);
  g->p.roomy = pc(&g->p, 30);
  g->p.max_elements = g->p.roomy ? 12000 : 4000;
  if (g->p.roomy) g->p.batch += (int)pr(&g->p, 12);
  g->p.bound = 1 + (int)pr(&g->p, 12);
  put(&g->defs, "dim T <= %d\n", g->p.bound);
}

char *nn_generate(uint64_t seed) {
  Program g;
  begin_program(&g, seed);
  switch (pr(&g.p, 20)) {
  case 0: exact_program(&g); break;
  case 1: kink_program(&g); break;
  case 2: range_program(&g); break;
  case 4: (pc(&g.p, 50) ? pairs_program : window_program)(&g); break;
  case 3: (pc(&g.p, 40) ? wide_program : pc(&g.p, 60) ? narrow_program : long_program)(&g); break;
  case 5:
  case 6:
  case 7:
  case 8:
    export_graph(&g, "f");
    if (pc(&g.p, 30)) export_graph(&g, "g");
    break;
  default:
    write_net(&g);
    write_train(&g);
    if (pc(&g.p, 60)) export_net(&g);
    if (pc(&g.p, 15)) export_graph(&g, "f");
  }
  put(&g.defs, "%s", g.items.s);
  free(g.items.s), free(g.p.defs.s), free(g.p.body.s);
  return g.defs.s;
}
