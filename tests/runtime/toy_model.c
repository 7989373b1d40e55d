/* SPDX-License-Identifier: Apache-2.0 */
/* A model written by hand against runtime/model.h: three classes from four numbers, softmax regression, SGD with
 * momentum. Its weights are stored in panels, its step is partitioned over two threads with a barrier, its data come
 * from any source (-DSOURCE_csv, _npy, _idx, _text, _tokens, _uniform, _normal, _none), and it can accumulate
 * (-DACCUMULATE=2), so that the runtime is tested without the compiler. Environment: TOY_NAN_AT=N makes the loss of
 * step N not finite; TOY_SLEEP_MS=N slows steps. */
#define _GNU_SOURCE
#include "../../runtime/model.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef ACCUMULATE
#define ACCUMULATE 1
#endif
#ifndef BATCH
#define BATCH 8
#endif
#ifndef PLAIN
#define PLAIN 0 /* 1: fields go into batches as they are read */
#endif
#ifndef SAVE
#define SAVE 0
#endif
#ifdef SOURCE_tokens
#define SOURCE_text
#define ELEMENT GC_U16
#else
#define ELEMENT GC_U8
#endif
enum { IN = 4, OUT = 3, PANEL = 2 };

typedef struct Mem {
  GcRun run;
  float acc;
  float pad[9];
  float w[IN * OUT] __attribute__((aligned(64))); /* panels: columns 0 1, then 2 */
  float b[OUT] __attribute__((aligned(64)));
  float seen[1] __attribute__((aligned(64)));
  float mw[IN * OUT] __attribute__((aligned(64))), mb[OUT] __attribute__((aligned(64)));
  float gw[IN * OUT] __attribute__((aligned(64))), gb[OUT] __attribute__((aligned(64))), sums[2];
  float z[BATCH * OUT] __attribute__((aligned(64))), loss, hits;
} Mem;

static int at(int i, int o) { /* the offset of w[i][o] */
  return o < PANEL ? i * PANEL + o : IN * PANEL + i;
}

static double exp_of(double x) {
  double s = 1, t = 1;
  x /= 1024;
  for (int k = 1; k < 12; k++) s += t *= x / k;
  for (int k = 0; k < 10; k++) s *= s;
  return s;
}

static double log_of(double x) { /* Newton on exp */
  double y = 0;
  for (int k = 0; k < 60; k++) y += 2 * (x - exp_of(y)) / (x + exp_of(y));
  return y;
}

static void logits(Mem *m, const float *x, float *z, int o) {
  z[o] = m->b[o];
  for (int i = 0; i < IN; i++) z[o] += x[i] * m->w[at(i, o)];
}

/* Loss and hits of n records; z becomes the probabilities. */
static void score(Mem *m, const int32_t *y, int n, float *loss, float *hits) {
  double l = 0;
  int h = 0;
  for (int r = 0; r < n; r++) {
    float *z = m->z + r * OUT, top = z[0];
    double s = 0;
    int best = 0;
    for (int o = 1; o < OUT; o++)
      if (z[o] > top) top = z[best = o];
    for (int o = 0; o < OUT; o++) s += exp_of(z[o] - top);
    l += log_of(s) + top - z[y[r]];
    h += best == y[r];
    for (int o = 0; o < OUT; o++) z[o] = (float)(exp_of(z[o] - top) / s);
  }
  *loss = (float)(l / n);
  *hits = (float)h / (float)n;
}

static void gradient(Mem *m, const float *x, const int32_t *y, int o, float scale) {
  for (int r = 0; r < BATCH; r++) {
    float d = (m->z[r * OUT + o] - (float)(y[r] == o)) * scale / BATCH;
    m->gb[o] += d;
    for (int i = 0; i < IN; i++) m->gw[at(i, o)] += d * x[r * IN + i];
  }
}

static void apply(Mem *m) {
  float rate = 0.5f * (1.0f - 0.5f * (float)m->run.step / (float)m->run.steps);
  for (int k = 0; k < IN * OUT; k++) m->w[k] -= rate * (m->mw[k] = 0.9f * m->mw[k] + m->gw[k]);
  for (int k = 0; k < OUT; k++) m->b[k] -= rate * (m->mb[k] = 0.9f * m->mb[k] + m->gb[k]);
}

static int poisoned(const Mem *m, const GcCall *c) {
  const char *s = getenv("TOY_NAN_AT");
  if (!s || (int)m->run.step + 1 != atoi(s)) return 0;
  if (c->first_nonfinite) *c->first_nonfinite = 2;
  return 1;
}

static int pass(const GcCall *c) {
  Mem *m = c->mem;
#ifdef SOURCE_none
  static const float x[BATCH * IN] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
  static const int32_t y[BATCH] = {0, 1, 2};
#else
  const float *x = c->in[0];
  const int32_t *y = c->in[1];
#endif
  const char *ms = getenv("TOY_SLEEP_MS");
  if (c->tid == 0 && ms) usleep((unsigned)atoi(ms) * 1000);
  for (int r = 0; r < BATCH; r++)
    for (int o = c->tid; o < OUT; o += c->nthreads) logits(m, x + r * IN, m->z + r * OUT, o);
  if (c->nthreads > 1) c->barrier(c->pool, c->tid);
  if (c->tid == 0) {
    score(m, y, BATCH, &m->loss, &m->hits);
    if (c->microbatch == 0) {
      memset(m->gw, 0, sizeof m->gw);
      memset(m->gb, 0, sizeof m->gb);
      memset(m->sums, 0, sizeof m->sums);
    }
    m->sums[0] += m->loss / ACCUMULATE;
    m->sums[1] += m->hits / ACCUMULATE;
  }
  if (c->nthreads > 1) c->barrier(c->pool, c->tid);
  if (poisoned(m, c)) return -1;
  for (int o = c->tid; o < OUT; o += c->nthreads) gradient(m, x, y, o, 1.0f / ACCUMULATE);
  return 0;
}

static int update(const GcCall *c) {
  Mem *m = c->mem;
  m->run.loss = m->sums[0];
  m->acc = m->sums[1];
  m->seen[0] += BATCH * ACCUMULATE;
  apply(m);
  return 0;
}

static int step(const GcCall *c) {
  int status = pass(c);
  if (status) return status;
  if (c->nthreads > 1) c->barrier(c->pool, c->tid);
  return c->tid == 0 ? update(c) : 0;
}

static int eval(const GcCall *c) {
  Mem *m = c->mem;
  int n = (int)c->size[0];
  for (int r = 0; r < n; r++)
    for (int o = 0; o < OUT; o++) logits(m, (const float *)c->in[0] + r * IN, m->z + r * OUT, o);
  m->seen[0] = -1; /* an evaluation must restore its states */
  score(m, c->in[1], n, c->out[0], c->out[1]);
  return 0;
}

static int init(const GcCall *c) {
  Mem *m = c->mem;
  uint64_t s = m->run.seed * 0x9E3779B97F4A7C15u + 1;
  memset(m->w, 0, (size_t)((char *)(m + 1) - (char *)m->w));
  for (int i = 0; i < IN; i++)
    for (int o = 0; o < OUT; o++) {
      s = s * 6364136223846793005u + 1442695040888963407u;
      m->w[at(i, o)] = (float)(int32_t)(s >> 32) * 0x1p-32f;
    }
  return 0;
}

static int predict(const GcCall *c) {
  Mem *m = c->mem;
  float z[OUT];
  int best = 0;
  for (int o = 0; o < OUT; o++) logits(m, c->in[0], z, o);
  for (int o = 1; o < OUT; o++)
    if (z[o] > z[best]) best = o;
  *(int32_t *)c->out[0] = best;
  memcpy(c->out[1], z, sizeof z);
  return 0;
}

static int length(const GcCall *c) { /* a run-time size: the sum of T tokens */
  const int32_t *t = c->in[0];
  float s = 0;
  if (c->size[0] < 1 || c->size[0] > 16) return 2;
  for (int64_t i = 0; i < c->size[0]; i++) s += (float)t[i];
  *(float *)c->out[0] = s;
  return 0;
}

static int between(const GcCall *c) { /* 2 T - 1 numbers of T: each, and between two their mean */
  const float *x = c->in[0];
  for (int64_t i = 0; i < 2 * c->size[0] - 1; i++) ((float *)c->out[0])[i] = 0.5f * (x[i / 2] + x[(i + 1) / 2]);
  return 0;
}

/* raw -> bound: the features scaled, and a label made where the source has none */
static int bind(const GcCall *c) {
  const float *raw = c->in[0];
  float *x = c->out[0];
  int32_t *y = c->out[1];
  for (int i = 0; i < IN; i++) x[i] = raw[i] / 8;
#if defined SOURCE_text
  *y = (int32_t)((const float *)c->in[1])[4] % OUT;
#elif defined SOURCE_uniform || defined SOURCE_normal
  *y = raw[0] > raw[1] ? 0 : raw[0] > raw[2] ? 1 : 2;
#else
  *y = *(const int32_t *)c->in[1];
#endif
  return 0;
}

#define F32(n, ...) \
  { n, GC_F32, sizeof((int64_t[]){__VA_ARGS__}) / 8, {__VA_ARGS__}, 0, NULL, 0 }
static const GcPort step_in[] = {F32("x", BATCH, IN), {"y", GC_I32, 1, {BATCH}, OUT, NULL, 0}};
static const GcPort eval_in[] = {F32("x", -1, IN), {"y", GC_I32, 1, {-1}, OUT, NULL, 0}};
static const GcPort scalars[] = {{"loss", GC_F32, 0, {0}, 0, NULL, 0}, {"acc", GC_F32, 0, {0}, 0, NULL, 0}};
static const GcPort one_in[] = {F32("x", 1, IN)};
static const GcPort one_out[] = {{"class", GC_I32, 1, {1}, 0, NULL, 0}, F32("z", 1, OUT)};
static const GcPort tokens[] = {{"tok", GC_I32, 2, {1, -1}, 256, NULL, 0}};
static const GcPort row[] = {F32("x", -1)}, longer[] = {F32("y", -2)};
static const char *const sizes[] = {"B"}, *const sizes_t[] = {"T"};
static const int64_t bounds[] = {BATCH}, bounds_t[] = {16};
static const GcTerm one_size[] = {{1, {1}}}, two_more[] = {{2, {1}}, {-1, {0}}};
static const GcDim dims[] = {{"B", BATCH, one_size, 1}};
static const GcDim dims_t[] = {{"T", 16, one_size, 1}, {"2*T-1", 31, two_more, 2}};

static const GcGraph g_init = {.name = "init", .fn = init, .max_threads = 1};
static const GcGraph g_step = {
  .name = "train_step", .fn = step, .in = step_in, .nin = 2, .flops = 1000, .max_threads = 2};
static const GcGraph g_pass = {
  .name = "train_pass", .fn = pass, .in = step_in, .nin = 2, .flops = 900, .max_threads = 2};
static const GcGraph g_update = {.name = "train_update", .fn = update, .flops = 100, .max_threads = 1};
static const GcGraph g_eval = {.name = "eval_step",
                               .fn = eval,
                               .in = eval_in,
                               .out = scalars,
                               .nin = 2,
                               .nout = 2,
                               .nsizes = 1,
                               .sizes = sizes,
                               .size_bound = bounds,
                               .dims = dims,
                               .max_threads = 1};
static const GcGraph exports[] = {
  {.name = "predict", .fn = predict, .in = one_in, .out = one_out, .nin = 1, .nout = 2, .max_threads = 1},
  {.name = "length",
   .fn = length,
   .in = tokens,
   .out = scalars,
   .nin = 1,
   .nout = 1,
   .nsizes = 1,
   .sizes = sizes_t,
   .size_bound = bounds_t,
   .dims = dims_t,
   .max_threads = 1},
  {.name = "between",
   .fn = between,
   .in = row,
   .out = longer,
   .nin = 1,
   .nout = 1,
   .nsizes = 1,
   .sizes = sizes_t,
   .size_bound = bounds_t,
   .dims = dims_t,
   .max_threads = 1},
};

#if defined SOURCE_text
static const GcPort raw[] = {F32("x", 5), F32("y", 5)};
static const GcField fields[] = {{"x", GC_F32, 1, {IN}, 0, 1, GC_F32, 0, NULL, 0, 0, {0}, {0}, 0, 0, 0, 0, NULL, 0},
                                 {"y", GC_I32, 0, {0}, 0, 1, GC_F32, OUT, NULL, 0, 0, {0}, {0}, 0, 0, 0, 0, NULL, 0}};
#ifdef SOURCE_tokens
static const char *const paths[] = {"toy.bin"};
#define KIND "tokens"
#else
static const char *const paths[] = {"toy.txt"};
#define KIND "text"
#endif
#elif defined SOURCE_uniform || defined SOURCE_normal
static const GcPort raw[] = {F32("x", 4), F32("y", 4)};
static const GcField fields[] = {{"x", GC_F32, 1, {IN}, 0, 1, GC_F32, 0, NULL, 0, 0, {0}, {0}, 0, 0, 0, 0, NULL, 0},
                                 {"y", GC_I32, 0, {0}, 0, 1, GC_F32, OUT, NULL, 0, 0, {0}, {0}, 0, 0, 0, 0, NULL, 0}};
static const char *const paths[1];
#ifdef SOURCE_normal
#define KIND "normal"
#else
#define KIND "uniform"
#endif
#else
static const GcPort raw[] = {F32("x", 4), {"y", GC_I32, 0, {0}, OUT, NULL, 0}};
#if defined SOURCE_npy
static const GcField fields[] = {{"x", GC_F32, 1, {IN}, 0, 1, GC_F32, 0, NULL, 0, 0, {0}, {0}, 0, 0, 0, 0, NULL, 0},
                                 {"y", GC_I32, 0, {0}, 1, 1, GC_I32, OUT, NULL, 0, 0, {0}, {0}, 0, 0, 0, 0, NULL, 0}};
static const char *const paths[] = {"x.npy", "y.npy"};
#define KIND "npy"
#elif defined SOURCE_idx /* x: in any shape of that number of elements */
static const GcField fields[] = {{"x", GC_F32, 1, {IN}, 0, 0, GC_F32, 0, NULL, 0, 0, {0}, {0}, 0, 0, 0, 0, NULL, 0},
                                 {"y", GC_I32, 0, {0}, 1, 1, GC_I32, OUT, NULL, 0, 0, {0}, {0}, 0, 0, 0, 0, NULL, 0}};
static const char *const paths[] = {"x.idx", "y.idx"};
#define KIND "idx"
#else
static const GcField fields[] = {{"x", GC_F32, 1, {IN}, 0, 4, GC_F32, 0, NULL, 0, 0, {0}, {0}, 0, 0, 0, 0, NULL, 0},
                                 {"y", GC_I32, 0, {0}, 4, 1, GC_I32, OUT, NULL, 0, 0, {0}, {0}, 0, 0, 0, 0, NULL, 0}};
static const char *const paths[] = {"toy.csv"};
#define KIND "csv"
#endif
#endif
static const GcPort bound[] = {F32("x", IN), {"y", GC_I32, 0, {0}, OUT, NULL, 0}};
static const GcGraph g_bind = {
  .name = "bind", .fn = bind, .in = raw, .out = bound, .nin = 2, .nout = 2, .max_threads = 1};
static const double lo[] = {0, 0, 0, 0}, hi[] = {8, 8, 8, 8};
#ifndef SHUFFLE
#define SHUFFLE 1
#endif
static const GcData data[] = {{.name = "toy",
                               .kind = KIND,
                               .paths = paths,
                               .npaths = KIND[0] == 'n' && KIND[1] == 'p'   ? 2
                                         : KIND[0] == 'i'                   ? 2
                                         : KIND[0] == 'c' || KIND[0] == 't' ? 1
                                                                            : 0,
                               .dir = "",
                               .window = 5,
                               .element = ELEMENT,
                               .n = 100,
                               .header = -1,
                               .lo = lo,
                               .hi = hi,
                               .ncols = 4,
                               .holdout = 0.2,
                               .shuffle = SHUFFLE,
                               .fields = fields,
                               .nfields = 2,
                               .bind = PLAIN ? NULL : &g_bind}};

static const char *const metrics[] = {"acc"};
#ifdef SOURCE_none
enum { DATA = -1, STEPS = 30, EPOCHS = 0 };
#else
enum { DATA = 0, STEPS = 0, EPOCHS = 6 };
#endif
#ifndef TRAINS
#define TRAINS 1
#endif
#define TRAIN(section, rounds) \
  { \
    .name = section, .data = DATA, .batch = BATCH, .accumulate = ACCUMULATE, .epochs = EPOCHS, .steps = STEPS, \
    .seed = 42, .metrics = metrics, .nmetrics = 1, .step = &g_step, .pass = &g_pass, .update = &g_update, \
    .eval = DATA < 0 ? NULL : &g_eval, .navg = 2, .every = rounds, .save_every = SAVE \
  }
static const GcTrain train[TRAINS] = {TRAIN("train", 1),
#if TRAINS > 1
                                      TRAIN("second", 3)
#endif
};

#define VAR(n, k, member, ...) \
  { \
    .name = n, .kind = k, .dtype = GC_F32, .rank = sizeof((int64_t[]){__VA_ARGS__}) / 8, .dim = {__VA_ARGS__}, \
    .offset = offsetof(Mem, member), .bytes = sizeof(((Mem *)0)->member), .stored = {0, 1}, .panel_axis = 1, \
    .panel = sizeof((int64_t[]){__VA_ARGS__}) / 8 == 2 ? PANEL : 0 \
  }
static const GcVar vars[] = {
  VAR("net.linear.w", GC_PARAM, w, IN, OUT),
  VAR("net.linear.b", GC_PARAM, b, OUT),
  VAR("net.seen", GC_STATE, seen, 1),
  VAR("optim.net.linear.w.m", GC_OPTIM, mw, IN, OUT),
  VAR("optim.net.linear.b.m", GC_OPTIM, mb, OUT),
};
static const GcNode nodes[] = {{"matmul", "toy.nn", 3}, {"log", "toy.nn", 7}};

const GcModel gc_model = {.name = "toy",
                          .source = "# toy\n",
                          .source_name = "toy.nn",
                          .flags = "",
                          .version = "test",
                          .bytes = sizeof(Mem),
                          .head_bytes = offsetof(Mem, w),
                          .persistent_bytes = offsetof(Mem, mw) - offsetof(Mem, w),
                          .arena_bytes = sizeof(Mem) - offsetof(Mem, gw),
                          .vars = vars,
                          .nvars = 5,
                          .data = data,
                          .ndata = 1,
                          .train = train,
                          .ntrain = TRAINS,
                          .init = &g_init,
                          .exports = exports,
                          .nexports = 3,
                          .nodes = nodes,
                          .nnodes = 2,
                          .parameters = 15};
