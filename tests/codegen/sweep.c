/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs for codegen: every class of kernel on every kind of operand.
 *   sweep CLASS SHARE SEED    a module's IR text: the graphs of a class of kernel, SHARE of a thousand of them. CLASS
 *                             may be `all`, or `bounded`: those that only add, multiply and move
 *   sweep                     the names of the classes
 * A graph is one kernel's node on two operands. An operand is a buffer, or a value that kernels read without one: a
 * number, a table, a broadcast, a view, a cast, random numbers, a weight in panels, a scan's result. The results are
 * the node and the gradients of both operands, for a cotangent of ones or for a third operand. Sizes are near those at
 * which tuned forms begin: vectors, tiles, panels, chunks of reductions. */
#include "ir/build.h"
#include "ir/scan.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum Kind {
  K_BUFFER,
  K_NUMBER,
  K_TABLE,
  K_SCALAR,
  K_ROW,
  K_COLUMN,
  K_RESHAPE,
  K_TRANSPOSE,
  K_SLICE,
  K_REVERSE,
  K_PAD,
  K_GATHER,
  K_CAST,
  K_IOTA,
  K_RANDOM,
  K_PARAM,
  K_STATE,
  K_SCAN,
  K_CONCAT,
  K_CUM,
  K_SUM,
  K_ELEM,
  K_COUNT
} Kind;
enum { OPERAND_RANK = 4, MAX_TABLE = 4096 };
typedef struct Shape {
  int n;
  int64_t dim[OPERAND_RANK];
} Shape;

typedef struct Sweep {
  Module *m;
  Builder b;
  const char *cls;
  int input, stream, body;
  Id leaf; /* of the last operand: the gradient is taken with respect to it; 0: none */
} Sweep;

static TypeId type_of(Sweep *s, DType t, const Shape *x) { return type_make(s->m, t, x->n, x->dim); }

static Id input(Sweep *s, DType t, Shape x) {
  Id n = graph_input(s->b.g, ctx_strf(s->m->c, "x%d", s->input++), type_of(s, t, &x), 0);
  if (t == DT_F32) s->leaf = n;
  return n;
}

static Shape shape(int n, int64_t a, int64_t b, int64_t c, int64_t d) { return (Shape){n, {a, b, c, d}}; }

static int64_t count(const Shape *x) {
  int64_t n = 1;
  for (int i = 0; i < x->n; i++) n *= x->dim[i];
  return n;
}

/* ---- kinds of operands, of f32 and that shape ---- */

static Id table(Sweep *s, const Shape *x) {
  int64_t n = count(x);
  if (n > MAX_TABLE) return b_full(&s->b, type_of(s, DT_F32, x), 1.25);
  double v[MAX_TABLE];
  for (int64_t i = 0; i < n; i++) v[i] = (double)(i * 7 % 13) / 8;
  return b_tensor(&s->b, type_of(s, DT_F32, x), v, (int)n);
}

static Id weight(Sweep *s, const Shape *x, VarKind kind) {
  Str name = {.c = s->m->c};
  str_printf(&name, "%s.%s", s->cls, kind == VK_PARAM ? "w" : "s");
  for (int i = 0; i < x->n; i++) str_printf(&name, "_%lld", (long long)x->dim[i]);
  int v = var_find(s->m, name.s);
  if (v < 0) v = var_add(s->m, name.s, kind, type_of(s, DT_F32, x), 0, 0);
  Id n = graph_var(s->b.g, v, 0);
  if (kind == VK_PARAM) s->leaf = n;
  return n;
}

/* The cumulative sum along axis 0 by a scan; the stacked results have the shape. */
static Id scanned(Sweep *s, const Shape *x) {
  Shape slice = *x;
  slice.n--;
  memmove(slice.dim, slice.dim + 1, sizeof *slice.dim * (OPERAND_RANK - 1));
  Graph *body = graph_new(s->m, ctx_strf(s->m->c, "body%d", s->body++), GK_BODY, 0);
  Builder b = {.g = body};
  Id a = graph_input(body, "x", type_of(s, DT_F32, &slice), 0);
  Id c = graph_input(body, "c", type_of(s, DT_F32, &slice), 0);
  Id next = b_add(&b, b_mul(&b, a, b_const(&b, DT_F32, 0.5)), c);
  graph_result(body, "n", next, 0);
  graph_result(body, "y", b_mul(&b, next, c), 0);
  Id in[2] = {input(s, DT_F32, *x), b_full(&s->b, type_of(s, DT_F32, &slice), 0.25)};
  Scan how = {.body = body, .nx = 1, .nc = 1, .axis = 0, .length = x->dim[0]};
  return b_get(&s->b, scan_node(&s->b, &how, in, 2), 1);
}

static Id viewed(Sweep *s, Kind kind, const Shape *x) {
  const Builder *b = &s->b;
  Shape y = *x;
  int64_t perm[OPERAND_RANK], axes[OPERAND_RANK], start[OPERAND_RANK], stop[OPERAND_RANK], step[OPERAND_RANK];
  int64_t n = count(x);
  for (int i = 0; i < x->n; i++) {
    y.dim[i] = kind == K_TRANSPOSE              ? x->dim[x->n - 1 - i]
               : kind == K_SLICE                ? 2 * x->dim[i] + 1
               : kind == K_PAD && x->dim[i] > 2 ? x->dim[i] - 2
                                                : x->dim[i];
    perm[i] = x->n - 1 - i, axes[i] = i;
    start[i] = kind == K_SLICE || y.dim[i] < x->dim[i], stop[i] = 1 + 2 * x->dim[i], step[i] = 2;
  }
  if (kind == K_RESHAPE) return b_reshape(b, input(s, DT_F32, shape(1, n, 0, 0, 0)), x->n, x->dim);
  Id in = input(s, DT_F32, y);
  if (kind == K_TRANSPOSE) return b_transpose(b, in, perm);
  if (kind == K_SLICE) return b_slice(b, in, start, stop, step);
  if (kind == K_REVERSE) return b_reverse(b, in, x->n, axes);
  for (int i = 0; i < x->n; i++) step[i] = 1;
  return b_pad(b, in, x->dim, start, step, 0.5);
}

static Id operand(Sweep *s, Kind kind, Shape x) {
  const Builder *b = &s->b;
  Shape one = x, two = x;
  s->leaf = 0;
  switch (kind) {
  case K_NUMBER: return b_full(b, type_of(s, DT_F32, &x), 0.75);
  case K_TABLE: return table(s, &x);
  case K_SCALAR: return b_broadcast(b, input(s, DT_F32, shape(0, 0, 0, 0, 0)), x.n, x.dim);
  case K_ROW: return b_broadcast(b, input(s, DT_F32, shape(1, x.dim[x.n - 1], 0, 0, 0)), x.n, x.dim);
  case K_COLUMN:
    for (int i = 1; i < x.n; i++) one.dim[i] = 1;
    return b_broadcast(b, input(s, DT_F32, one), x.n, x.dim);
  case K_GATHER: {
    one.dim[0] = 2 * x.dim[0] + 1;
    Id at = b_cast(b, b_op2(b, OP_mul, input(s, DT_F32, shape(1, x.dim[0], 0, 0, 0)), b_const(b, DT_F32, 2.5)), DT_I32);
    return b_gather(b, input(s, DT_F32, one), at, 0);
  }
  case K_CAST: return b_cast(b, input(s, (DType[]){DT_F16, DT_BF16, DT_I8}[s->input % 3], x), DT_F32);
  case K_IOTA: return b_op2(b, OP_mul, b_iota(b, DT_F32, x.n, x.dim, x.n - 1), b_const(b, DT_F32, 0.0625));
  case K_RANDOM: return b_random(b, type_of(s, DT_F32, &x), 77 + s->stream++);
  case K_PARAM: return weight(s, &x, VK_PARAM);
  case K_STATE: return weight(s, &x, VK_STATE);
  case K_SCAN: return scanned(s, &x);
  case K_CONCAT:
    if (x.dim[0] < 2) return input(s, DT_F32, x);
    one.dim[0] = x.dim[0] / 2, two.dim[0] = x.dim[0] - one.dim[0];
    return b_concat(b, (Id[]){table(s, &two), input(s, DT_F32, one)}, 2, 0);
  case K_CUM: {
    AttrVal v[] = {{.i = 0}, {.i = 0}};
    Id in = input(s, DT_F32, x);
    return graph_node(b->g, OP_cumsum, &in, 1, attr_make(s->m, OP_cumsum, v), 0);
  }
  case K_SUM:
    one.n = 2, one.dim[0] = 3, one.dim[1] = count(&x);
    return b_reshape(b, b_sum(b, input(s, DT_F32, one), 1, (int64_t[]){0}, false), x.n, x.dim);
  case K_ELEM: return b_op1(b, OP_abs, b_add(b, input(s, DT_F32, x), b_const(b, DT_F32, 0.5)));
  case K_BUFFER: return input(s, DT_F32, x);
  default: return viewed(s, kind, &x);
  }
}

/* ---- classes of kernels ---- */

typedef Id Make(const Builder *to, Id a, Id b);

static Id make_loop(const Builder *to, Id a, Id b) { return b_add(to, b_mul(to, a, b), a); }
static Id make_where(const Builder *to, Id a, Id b) {
  return b_op3(to, OP_where, b_op2(to, OP_lt, a, b), b, b_mul(to, a, a));
}
static Id make_rows(const Builder *to, Id a, Id b) { return b_sum(to, b_mul(to, a, b), 1, (int64_t[]){1}, false); }
static Id make_columns(const Builder *to, Id a, Id b) { return b_sum(to, b_mul(to, a, b), 1, (int64_t[]){0}, false); }
static Id make_all(const Builder *to, Id a, Id b) { return b_sum(to, b_mul(to, a, b), 2, (int64_t[]){0, 1}, true); }
static Id make_argmax(const Builder *to, Id a, Id b) {
  return b_cast(to, b_reduce(to, OP_argmax, b_mul(to, a, b), 1, (int64_t[]){1}, false), DT_F32);
}
/* A chunked sum and an argmax, which has no chunks, in one phase. */
static Id make_best(const Builder *to, Id a, Id b) { return b_add(to, make_rows(to, a, b), make_argmax(to, a, b)); }
static Id make_softmax(const Builder *to, Id a, Id b) {
  Id x = b_mul(to, a, b), e = b_op1(to, OP_exp, b_sub(to, x, b_reduce(to, OP_reduce_max, x, 1, (int64_t[]){1}, true)));
  return b_op2(to, OP_div, e, b_sum(to, e, 1, (int64_t[]){1}, true));
}
/* Two chunked sums in one nest, the second over the result of the first. */
static Id make_norm(const Builder *to, Id a, Id b) {
  Id mean = b_sum(to, a, 2, (int64_t[]){0, 1}, true), d = b_sub(to, b, b_mul(to, mean, b_const(to, DT_F32, 0x1p-10)));
  Id var = b_sum(to, b_mul(to, d, d), 2, (int64_t[]){0, 1}, true);
  return b_op2(to, OP_div, d, b_add(to, var, b_const(to, DT_F32, 1)));
}
static Id make_mk_kn(const Builder *to, Id a, Id b) { return b_contract(to, a, b, "mk,kn->mn"); }
static Id make_km_kn(const Builder *to, Id a, Id b) { return b_contract(to, a, b, "km,kn->mn"); }
static Id make_mk_nk(const Builder *to, Id a, Id b) { return b_contract(to, a, b, "mk,nk->mn"); }
static Id make_transposed(const Builder *to, Id a, Id b) { return b_contract(to, a, b, "mk,kn->nm"); }
static Id make_batch(const Builder *to, Id a, Id b) { return b_contract(to, a, b, "bmk,bkn->bmn"); }
static Id make_shared(const Builder *to, Id a, Id b) { return b_contract(to, a, b, "bmk,kn->bmn"); }
static Id make_epilogue(const Builder *to, Id a, Id b) {
  Id y = b_contract(to, a, b, "mk,kn->mn");
  return b_op2(to, OP_max, b_mul(to, y, b_const(to, DT_F32, 0.5)), b_const(to, DT_F32, 0));
}
static Id conv(const Builder *to, Id a, Id b, int64_t stride, int64_t pad, int64_t groups) {
  int n = node_type(to->g, a)->rank - 2;
  return b_conv(to, a, b, n, (int64_t[]){stride, stride}, (int64_t[]){pad, pad, pad, pad}, (int64_t[]){1, 1}, groups);
}
static Id make_conv(const Builder *to, Id a, Id b) { return conv(to, a, b, 1, 0, 1); }
static Id make_strided(const Builder *to, Id a, Id b) { return conv(to, a, b, 2, 2, 1); }
static Id make_grouped(const Builder *to, Id a, Id b) { return conv(to, a, b, 1, 1, 2); }
static Id make_cumsum(const Builder *to, Id a, Id b) {
  Id x = b_add(to, a, b);
  AttrVal v[] = {{.i = 1}, {.i = 1}};
  return graph_node(to->g, OP_cumsum, &x, 1, attr_make(to->g->m, OP_cumsum, v), 0);
}
static Id make_concat(const Builder *to, Id a, Id b) { return b_concat(to, (Id[]){a, b}, 2, 1); }
static Id row_of(const Builder *to, Id b) { /* the first column, as indices */
  int64_t r = node_type(to->g, b)->dim[0];
  Id x = b_slice(to, b, (int64_t[]){0, 0}, (int64_t[]){r, 1}, NULL);
  return b_cast(to, b_mul(to, b_reshape(to, x, 1, &r), b_const(to, DT_F32, 3)), DT_I32);
}
static Id make_gather(const Builder *to, Id a, Id b) { return b_gather(to, a, row_of(to, b), 1); }
static Id make_scatter(const Builder *to, Id a, Id b) {
  const Type *t = node_type(to->g, a);
  return b_scatter_add(to, row_of(to, b), a, 2, (int64_t[]){5, t->dim[1]}, 0);
}
static Id make_windows(const Builder *to, Id a, Id b) {
  int64_t n = node_type(to->g, a)->dim[1], size = n < 3 ? n : 3;
  Id w = b_unfold(to, b_mul(to, a, b), 1, (int64_t[]){1}, &size, (int64_t[]){2}, (int64_t[]){1});
  return b_reduce(to, OP_reduce_max, w, 1, (int64_t[]){2}, false);
}

static Id make_attend(const Builder *to, Id a, Id b) {
  const Type *t = node_type(to->g, a);
  int64_t rows = t->dim[0], row = t->dim[1], most = 256;
  if (row > most) a = b_transpose(to, a, (int64_t[]){1, 0}), b = b_transpose(to, b, (int64_t[]){1, 0});
  int64_t shape[4] = {1, 1, row > most ? row : rows, row > most ? rows : row};
  Id q = b_reshape(to, a, 4, shape), k = b_reshape(to, b, 4, shape);
  AttrVal v[] = {{.f = 0.5}, {.i = 1}};
  return b_get(to, b_node(to, OP_attend, (Id[]){q, k, k}, 3, attr_make(to->g->m, OP_attend, v)), 0);
}

typedef enum Form { PLAIN, MATRIX, BATCHED, SHARED, IMAGE } Form; /* of the operands */
typedef struct Class {
  const char *name;
  Make *make;
  Form form;
  const char *spec;
  bool bounded;
} Class;
static const Class CLASS[] = {
  {"loop", make_loop, PLAIN, 0, true},
  {"where", make_where, PLAIN, 0, false},
  {"rows", make_rows, PLAIN, 0, true},
  {"columns", make_columns, PLAIN, 0, true},
  {"total", make_all, PLAIN, 0, true},
  {"argmax", make_argmax, PLAIN, 0, false},
  {"best", make_best, PLAIN, 0, false},
  {"softmax", make_softmax, PLAIN, 0, false},
  {"norm", make_norm, PLAIN, 0, false},
  {"mk_kn", make_mk_kn, MATRIX, "mkkn", true},
  {"km_kn", make_km_kn, MATRIX, "kmkn", true},
  {"mk_nk", make_mk_nk, MATRIX, "mknk", true},
  {"transposed", make_transposed, MATRIX, "mkkn", true},
  {"epilogue", make_epilogue, MATRIX, "mkkn", true},
  {"batch", make_batch, BATCHED, 0, true},
  {"shared", make_shared, SHARED, 0, true},
  {"conv", make_conv, IMAGE, "1", true},
  {"strided", make_strided, IMAGE, "1", true},
  {"grouped", make_grouped, IMAGE, "2", true},
  {"cumsum", make_cumsum, PLAIN, 0, true},
  {"concat", make_concat, PLAIN, 0, true},
  {"gather", make_gather, PLAIN, 0, false},
  {"scatter", make_scatter, PLAIN, 0, false},
  {"windows", make_windows, PLAIN, 0, false},
  {"attend", make_attend, PLAIN, 0, false},
};
enum { CLASSES = sizeof CLASS / sizeof *CLASS };

static const int64_t PLAINS[][2] = {
  {3, 5}, {1, 16}, {17, 1}, {7, 65}, {3, 1025}, {1030, 3}, {33, 64}, {1, 1}, {2, 512},
};
static const int64_t MATRICES[][3] = {
  /* m, k, n */
  {3, 5, 7},     {1, 16, 1},   {17, 1, 16},  {5, 33, 65},   {4, 17, 1000},
  {4, 1000, 17}, {2, 1030, 3}, {64, 64, 64}, {1, 128, 130},
};
static const int64_t IMAGES[][6] = {
  /* channels in and out, height and width, of the window */
  {4, 8, 6, 5, 3, 3},   {8, 8, 5, 5, 5, 5}, {2, 4, 4, 7, 3, 1},
  {16, 18, 9, 7, 3, 3}, {4, 4, 1, 9, 1, 3}, {4, 34, 3, 17, 1, 1},
};

static int sizes_of(Form f) {
  return f == PLAIN   ? sizeof PLAINS / sizeof *PLAINS
         : f == IMAGE ? sizeof IMAGES / sizeof *IMAGES
                      : sizeof MATRICES / sizeof *MATRICES;
}

static void shapes_of(const Class *c, int size, Shape x[2]) {
  const int64_t *p = PLAINS[size], *m = MATRICES[size], *v = IMAGES[size];
  if (c->form == PLAIN) {
    x[0] = x[1] = shape(2, p[0], p[1], 0, 0);
  } else if (c->form == IMAGE) {
    x[0] = shape(4, 2, v[0], v[2], v[3]), x[1] = shape(4, v[1], v[0] / (*c->spec - '0'), v[4], v[5]);
  } else if (c->form == MATRIX) {
    for (int o = 0; o < 2; o++) {
      x[o].n = 2;
      for (int i = 0; i < 2; i++) x[o].dim[i] = m[c->spec[2 * o + i] == 'm' ? 0 : c->spec[2 * o + i] == 'k' ? 1 : 2];
    }
  } else {
    x[0] = shape(3, 3, m[0], m[1], 0);
    x[1] = c->form == BATCHED ? shape(3, 3, m[1], m[2], 0) : shape(2, m[1], m[2], 0, 0);
  }
}

/* ---- graphs ---- */

static void add_graph(Sweep *s, const Class *c, int size, Kind left, Kind right, Kind enters) {
  Shape x[2];
  shapes_of(c, size, x);
  const char *name = ctx_strf(s->m->c, "%s_%d_%d_%d_%d", c->name, size, left, right, enters);
  s->b = (Builder){.g = graph_new(s->m, name, GK_EXPORT, 0)};
  s->input = 0;
  Id a = operand(s, left, x[0]), by[2] = {s->leaf};
  Id b = operand(s, right, x[1]);
  by[1] = s->leaf;
  Id y = c->make(&s->b, a, b), e = y;
  graph_result(s->b.g, "y", y, 0);
  if (c->make == make_argmax || c->make == make_best) return;
  if (enters != K_NUMBER) {
    const Type *t = node_type(s->b.g, y);
    Shape z = {t->rank, {0}};
    memcpy(z.dim, t->dim, sizeof *z.dim * (size_t)t->rank);
    e = b_mul(&s->b, y, operand(s, enters, z));
  }
  for (int i = 0; i < 2; i++)
    if (by[i]) graph_result(s->b.g, i ? "db" : "da", b_grad(&s->b, e, by[i]), 0);
}

static uint64_t mix(uint64_t x) {
  x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
  return (x ^ x >> 29) * 0xbf58476d1ce4e5b9u >> 32;
}

typedef struct Job {
  const char *cls;
  int share;
  uint64_t seed;
} Job;

/* Weights of matrices may be in panels: they are chosen more often, mostly with an operand that has no buffer. */
static int often(const Class *c, Kind left, Kind right) {
  if ((c->form != MATRIX && c->form != SHARED) || (left != K_PARAM && right != K_PARAM)) return 1;
  Kind other = left == K_PARAM ? right : left;
  return (other >= K_NUMBER && other <= K_COLUMN) || other == K_CAST || other == K_RANDOM || other == K_IOTA ? 40 : 4;
}

static void make_class(Sweep *s, const Job *j, const Class *c) {
  s->cls = c->name;
  for (int size = 0; size < sizes_of(c->form); size++)
    for (Kind left = 0; left < K_COUNT; left++)
      for (Kind right = 0; right < K_COUNT; right++) {
        uint64_t at = (uint64_t)((((c - CLASS) * 16 + size) * K_COUNT + left) * K_COUNT + right);
        uint64_t r = mix(j->seed * 1000003 + at);
        if ((int)(r % 10000) >= 10 * j->share * often(c, left, right)) continue;
        Kind enters = r / 10000 % 3 ? K_NUMBER : (Kind)(r / 30000 % K_COUNT);
        add_graph(s, c, size, left, right, enters);
      }
}

static void make(Ctx *c, void *arg) {
  const Job *j = arg;
  Sweep s = {.m = module_new(c, j->cls)};
  for (int i = 0; i < CLASSES; i++)
    if (!strcmp(j->cls, CLASS[i].name) || !strcmp(j->cls, "all") || (!strcmp(j->cls, "bounded") && CLASS[i].bounded))
      make_class(&s, j, &CLASS[i]);
  Str text = {.c = c};
  ir_print(&text, s.m);
  fwrite(text.s, 1, text.n, stdout);
}

int main(int argc, char **argv) {
  if (argc != 4) {
    for (int i = 0; i < CLASSES; i++) puts(CLASS[i].name);
    return argc != 1;
  }
  Job j = {argv[1], atoi(argv[2]), strtoull(argv[3], NULL, 10)};
  Ctx *c = ctx_new();
  bool ok = c && ctx_try(c, make, &j);
  diag_print(c, stderr, false);
  ctx_free(c);
  return !ok;
}
