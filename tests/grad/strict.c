/* SPDX-License-Identifier: Apache-2.0 */
/* The strict order of contractions and convolutions: the interpreter's fast loops against plain ones, bit for bit. */
#include "suite.h"
#include "ir/build.h"
#include <stdio.h>
#include <string.h>

typedef struct Bits {
  uint64_t s;
} Bits;
static int below(Bits *b, int n) {
  b->s = b->s * 6364136223846793005u + 1442695040888963407u;
  return (int)((b->s >> 33) % (uint64_t)n);
}

/* Values of very different size, so that every change of order shows. */
static void fill(Bits *b, float *v, int64_t n) {
  static const float scale[] = {1e-3f, 1, 1e3f, -1, 0, -0.0f};
  for (int64_t i = 0; i < n; i++) v[i] = scale[below(b, 6)] * (float)(below(b, 2001) - 1000) / 997;
}

static bool run_one(Suite *s, Graph *g, const float *a, const float *b, const float *want, const char *what) {
  Interp *in = interp_new(g->m, false);
  Val *port[2] = {interp_value(in, node_get(g, g->port[0])->type), interp_value(in, node_get(g, g->port[1])->type)}, *y;
  val_fill(port[0], DT_F32, a);
  val_fill(port[1], DT_F32, b);
  bool ok = interp_run(in, g, port, &y) && !memcmp(y->data, want, (size_t)y->count * sizeof *want);
  if (!ok) printf("FAIL strict order of %s\n", what);
  s->passed += ok;
  s->failed += !ok;
  interp_free(in);
  return ok;
}

static Graph *two_ports(Suite *s, int ra, const Dim *a, int rb, const Dim *b) {
  Module *m = module_new(s->c, "strict");
  Graph *g = graph_new(m, "f", GK_TEST, 0);
  graph_input(g, "a", type_make(m, DT_F32, ra, a), 0);
  graph_input(g, "b", type_make(m, DT_F32, rb, b), 0);
  return g;
}

enum { MAX_ELEMENTS = 40000 };
static float left[MAX_ELEMENTS], right[MAX_ELEMENTS], result[MAX_ELEMENTS];

/* a[b, i, k, l] and c[b, j, l, k] in any storage order: contracted over k, then l, as the left operand lists them. */
static void contraction(Suite *s, Bits *r, const char *spec) {
  int size[128];
  Dim da[MAX_RANK], db[MAX_RANK];
  for (const char *p = "bijkl"; *p; p++) size[(int)*p] = 1 + below(r, *p == 'b' ? 3 : 19);
  const char *comma = strchr(spec, ','), *arrow = strchr(spec, '-');
  int ra = (int)(comma - spec), rb = (int)(arrow - comma - 1), stride[3][128] = {{0}};
  const char *part[3] = {spec, comma + 1, arrow + 2};
  int rank[3] = {ra, rb, (int)strlen(arrow + 2)}, count[3];
  for (int o = 0; o < 3; o++) {
    count[o] = 1;
    for (int i = rank[o] - 1; i >= 0; i--) stride[o][(int)part[o][i]] = count[o], count[o] *= size[(int)part[o][i]];
  }
  for (int i = 0; i < ra; i++) da[i] = size[(int)spec[i]];
  for (int i = 0; i < rb; i++) db[i] = size[(int)comma[1 + i]];
  fill(r, left, count[0]);
  fill(r, right, count[1]);
  bool k_first = strchr(spec, 'k') < strchr(spec, 'l');
  char k1 = k_first ? 'k' : 'l', k2 = k_first ? 'l' : 'k';
#define AT(o) \
  (b * stride[o]['b'] + i * stride[o]['i'] + j * stride[o]['j'] + p * stride[o][(int)k1] + q * stride[o][(int)k2])
  for (int b = 0; b < size['b']; b++)
    for (int i = 0; i < size['i']; i++)
      for (int j = 0; j < size['j']; j++) {
        float sum = 0;
        for (int p = 0; p < size[(int)k1]; p++)
          for (int q = 0; q < size[(int)k2]; q++) sum += left[AT(0)] * right[AT(1)];
        int p = 0, q = 0;
        result[AT(2)] = sum;
      }
#undef AT
  Graph *g = two_ports(s, ra, da, rb, db);
  graph_result(g, "y", b_contract(&(Builder){.g = g}, g->port[0], g->port[1], spec), 0);
  run_one(s, g, left, right, result, spec);
}

typedef struct Conv2 {
  int b, c, o, g, h, w, kh, kw, sh, sw, dh, dw, ph, pw, oh, ow;
} Conv2;

static int x_at(const Conv2 *v, int b, int c, int y, int x) { return ((b * v->c + c) * v->h + y) * v->w + x; }
static int y_at(const Conv2 *v, int b, int o, int y, int x) { return ((b * v->o + o) * v->oh + y) * v->ow + x; }
static int w_at(const Conv2 *v, int o, int c, int y, int x) {
  return ((o * (v->c / v->g) + c) * v->kh + y) * v->kw + x;
}

/* Calls the body for every tap of every output, in the order that belongs to op. */
static void plain_conv(const Conv2 *v, Op op, const float *a, const float *b, float *out) {
  int cg = v->c / v->g, og = v->o / v->g;
  memset(out, 0, sizeof result);
  for (int n = 0; n < v->b; n++)
    for (int o = 0; op == OP_conv_dw && o < v->o; o++)
      for (int y = 0; y < v->oh; y++)
        for (int x = 0; x < v->ow; x++)
          for (int k = 0; k < cg * v->kh * v->kw; k++) {
            int kx = k % v->kw, ky = k / v->kw % v->kh, c = k / v->kw / v->kh;
            int iy = y * v->sh + ky * v->dh - v->ph, ix = x * v->sw + kx * v->dw - v->pw;
            if (iy < 0 || ix < 0 || iy >= v->h || ix >= v->w) continue;
            out[w_at(v, o, c, ky, kx)] += a[x_at(v, n, o / og * cg + c, iy, ix)] * b[y_at(v, n, o, y, x)];
          }
  for (int ky = 0; op != OP_conv_dw && ky < v->kh; ky++)
    for (int kx = 0; kx < v->kw; kx++)
      for (int n = 0; n < v->b; n++)
        for (int y = 0; y < v->oh; y++)
          for (int x = 0; x < v->ow; x++) {
            int iy = y * v->sh + ky * v->dh - v->ph, ix = x * v->sw + kx * v->dw - v->pw;
            if (iy < 0 || ix < 0 || iy >= v->h || ix >= v->w) continue;
            for (int o = 0; o < v->o; o++)
              for (int c = 0; c < cg; c++) {
                int at_x = x_at(v, n, o / og * cg + c, iy, ix), at_y = y_at(v, n, o, y, x);
                int at_w = w_at(v, o, c, ky, kx);
                if (op == OP_conv) out[at_y] += a[at_x] * b[at_w];
                else out[at_x] += a[at_y] * b[at_w];
              }
          }
}

static void convolution(Suite *s, Bits *r, Op op) {
  Conv2 v = {.b = 1 + below(r, 2),
             .g = 1 + below(r, 2),
             .h = 3 + below(r, 5),
             .w = 3 + below(r, 5),
             .kh = 1 + below(r, 3),
             .kw = 1 + below(r, 3),
             .sh = 1 + below(r, 2),
             .sw = 1 + below(r, 3),
             .dh = 1,
             .dw = 1,
             .ph = below(r, 3),
             .pw = below(r, 2)};
  v.c = v.g * (1 + below(r, 3)), v.o = v.g * (1 + below(r, 20));
  if (v.kh == 2) v.dh = 2;
  v.oh = (v.h + 2 * v.ph - v.dh * (v.kh - 1) - 1) / v.sh + 1;
  v.ow = (v.w + 2 * v.pw - v.dw * (v.kw - 1) - 1) / v.sw + 1;
  Dim x[] = {v.b, v.c, v.h, v.w}, y[] = {v.b, v.o, v.oh, v.ow}, w[] = {v.o, v.c / v.g, v.kh, v.kw};
  int64_t stride[] = {v.sh, v.sw}, pad[] = {v.ph, v.ph, v.pw, v.pw}, dilation[] = {v.dh, v.dw};
  Graph *g = two_ports(s, 4, op == OP_conv_dx ? y : x, 4, op == OP_conv_dw ? y : w);
  fill(r, left, MAX_ELEMENTS);
  fill(r, right, MAX_ELEMENTS);
  plain_conv(&v, op, left, right, result);
  AttrVal val[] = {
    {.v = stride, .n = 2},
    {.v = pad, .n = 4},
    {.v = dilation, .n = 2},
    {.i = v.g},
    {.v = op == OP_conv_dx ? x : w, .n = 4},
  };
  graph_result(g, "y", graph_node(g, op, g->port, 2, attr_make(g->m, op, val), 0), 0);
  run_one(s, g, left, right, result, op_info[op].name);
}

void strict_check(Suite *s) {
  static const char *const specs[] = {"bikl,bkjl->bij", "kibl,jblk->ijb", "likb,kbjl->jbi", "bklj,lbki->jib",
                                      "iklb,bjkl->bji"};
  Bits r = {42};
  for (int i = 0; i < 40; i++) contraction(s, &r, specs[i % 5]);
  for (int i = 0; i < 60; i++) convolution(s, &r, (Op)(OP_conv + i % 3));
}
