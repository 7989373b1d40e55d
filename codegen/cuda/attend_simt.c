/* SPDX-License-Identifier: Apache-2.0 */
/* The form `stream` of attention in fast mode: a block has 64 queries, or for the gradients of k and v 64 keys, and
 * walks tiles of 64 of the others. Scores exist only as tiles; sums are scaled when a row's maximum grows. Tiles that
 * no query of the block sees are left out. A thread has 4 by 4 elements of a tile, and 4 rows by 4 columns of every 64
 * of a result. */
#include "codegen/cuda/attend_text.h"

enum {
  ROWS = ATTEND_ROWS,
  DEPTH = 32, /* columns of two operands that are in shared memory at a time */
  PITCH = ROWS + 4,
  UNROLLED = 8, /* terms of a sum; divides DEPTH and ROWS */
  THREADS = 256,
  CHUNK_BYTES = DEPTH * PITCH * 4,
  TILE_AT = 2 * CHUNK_BYTES, /* scores; before it both chunks, or 64 columns of a tile of rows */
  SHARED = TILE_AT + ROWS * PITCH * 4
};

static bool suits(const Kernel *k, const NestSchedule *s, FormShape *f) {
  if (!attend_suits(k, s, f)) return false;
  f->launch[0].block = THREADS;
  f->launch[0].shared_bytes = SHARED;
  return true;
}

/* ---- tiles ---- */

/* Elements [d0, d0 + 32) of 64 rows, transposed; a warp has 8 elements of 4 rows, whose banks differ. */
static void print_chunk(AttendText *c, const AttendRows *x, const char *first, int at) {
  NestText *n = &c->n;
  const char *offset = ctx_strf(n->p->c, "e %% 2 * 32 * %s + e / 2 * 8", x->step);
  const char *name = at ? "source1" : "source0";
  attend_declare_source(c, name, x, ctx_strf(n->p->c, "%s + thread / 8", first), "d0 + thread % 8");
  nest_open_block(n, "GC_UNROLL for (int e = 0; e < %d; e++)", ROWS * DEPTH / THREADS);
  nest_line(n, "const int r = thread / 8 + e %% 2 * 32, d = thread %% 8 + e / 2 * 8;");
  nest_line(n, "gc_sts(gc_shared() + %d + (gc_saddr)((d * %d + r) * 4), %s);", at, PITCH,
            attend_element(c, name, x, ctx_strf(n->p->c, "%s + r", first), x->len % DEPTH ? "d0 + d" : NULL, offset));
  nest_close_block(n);
}

/* Two loops over the terms of a sum, of which only the inner one is unrolled. */
static void open_steps(AttendText *c, int terms) {
  nest_open_block(&c->n, "GC_ROLLED for (int k0 = 0; k0 < %d; k0 += %d)", terms, UNROLLED);
  nest_open_block(&c->n, "GC_UNROLL for (int k = k0; k < k0 + %d; k++)", UNROLLED);
}

/* to[i][j] += the product of row i of x and row j of y */
static void print_product(AttendText *c, const char *to, const AttendRows *x, const char *x0, const AttendRows *y,
                          const char *y0) {
  NestText *n = &c->n;
  nest_line(n, "float %s[4][4];", to);
  nest_line(n, "GC_UNROLL for (int i = 0; i < 4; i++) GC_UNROLL for (int j = 0; j < 4; j++) %s[i][j] = 0;", to);
  nest_open_block(n, "for (int d0 = 0; d0 < %d; d0 += %d)", x->len, DEPTH);
  nest_line(n, "gc_sync();");
  print_chunk(c, x, x0, 0);
  print_chunk(c, y, y0, CHUNK_BYTES);
  nest_line(n, "gc_sync();");
  open_steps(c, x->len < DEPTH ? x->len : DEPTH);
  nest_line(n, "float u[4], w[4];");
  nest_line(n, "gc_lds4(u, gc_shared() + (gc_saddr)((k * %d + ty * 4) * 4));", PITCH);
  nest_line(n, "gc_lds4(w, gc_shared() + %d + (gc_saddr)((k * %d + tx * 4) * 4));", CHUNK_BYTES, PITCH);
  nest_line(n, "GC_UNROLL for (int i = 0; i < 4; i++) GC_UNROLL for (int j = 0; j < 4; j++) %s[i][j] += u[i] * w[j];",
            to);
  nest_close_block(n);
  nest_close_block(n);
  nest_close_block(n);
}

/* A tile of scores, transposed: column tx * 4 + j is row j * 16 + tx, so that the banks of neighbours differ. */
static void print_put(AttendText *c, const char *x) {
  NestText *n = &c->n;
  nest_open_block(n, "GC_UNROLL for (int j = 0; j < 4; j++)");
  nest_line(n, "float u[4];");
  nest_line(n, "GC_UNROLL for (int i = 0; i < 4; i++) u[i] = %s[i][j];", x);
  nest_line(n, "gc_sts4(gc_shared() + %d + (gc_saddr)(((j * 16 + tx) * %d + ty * 4) * 4), u);", TILE_AT, PITCH);
  nest_close_block(n);
}

/* The thread's own elements again: registers are few. */
static void print_take(AttendText *c, const char *x) {
  NestText *n = &c->n;
  nest_open_block(n, "GC_UNROLL for (int j = 0; j < 4; j++)");
  nest_line(n, "float u[4];");
  nest_line(n, "gc_lds4(u, gc_shared() + %d + (gc_saddr)(((j * 16 + tx) * %d + ty * 4) * 4));", TILE_AT, PITCH);
  nest_line(n, "GC_UNROLL for (int i = 0; i < 4; i++) %s[i][j] = u[i];", x);
  nest_close_block(n);
}

static int chunks(const AttendRows *x) { return (x->len + ROWS - 1) / ROWS; }

static void print_zeros(AttendText *c, const char *to, const AttendRows *x) {
  nest_line(&c->n, "float %s[4][%d];", to, 4 * chunks(x));
  nest_line(&c->n, "GC_UNROLL for (int i = 0; i < 4; i++) GC_UNROLL for (int j = 0; j < %d; j++) %s[i][j] = 0;",
            4 * chunks(x), to);
}

/* to += the tile of scores times 64 rows of x from first on */
static void print_add(AttendText *c, const char *to, const AttendRows *x, const char *first) {
  NestText *n = &c->n;
  nest_open_block(n, "GC_UNROLL for (int c = 0; c < %d; c++)", chunks(x));
  nest_line(n, "gc_sync();");
  attend_declare_source(c, "source", x, ctx_strf(n->p->c, "%s + thread / 64", first), "c * 64 + thread % 64");
  nest_open_block(n, "GC_UNROLL for (int e = 0; e < %d; e++)", ROWS * ROWS / THREADS);
  nest_line(n, "const int at = thread / 64 + e * 4;");
  nest_line(n, "gc_sts(gc_shared() + (gc_saddr)(((at %% 4 * 16 + at / 4) * %d + thread %% 64) * 4), %s);", PITCH,
            attend_element(c, "source", x, ctx_strf(n->p->c, "%s + at", first),
                           x->len % ROWS ? "c * 64 + thread % 64" : NULL, ctx_strf(n->p->c, "e * 4 * %s", x->step)));
  nest_close_block(n);
  nest_line(n, "gc_sync();");
  open_steps(c, ROWS);
  nest_line(n, "float u[4], w[4];");
  nest_line(n, "gc_lds4(u, gc_shared() + %d + (gc_saddr)((k * %d + ty * 4) * 4));", TILE_AT, PITCH);
  nest_line(n, "gc_lds4(w, gc_shared() + (gc_saddr)((k * %d + tx * 4) * 4));", PITCH);
  nest_open_block(n, "GC_UNROLL for (int i = 0; i < 4; i++)");
  nest_line(n, "GC_UNROLL for (int j = 0; j < 4; j++) %s[i][c * 4 + j] += u[i] * w[j];", to);
  nest_close_block(n);
  nest_close_block(n);
  nest_close_block(n);
  nest_close_block(n);
}

/* Elements j to j + 3 of row i, from column d on. */
static void print_four(AttendText *c, const AttendRows *y, const char *x, const char *factor) {
  NestText *n = &c->n;
  const char *element[4];
  for (int e = 0; e < 4; e++)
    element[e] = text_before_store(n->p, y->type, ctx_strf(n->p->c, "%s[i][j + %d]%s", x, e, factor));
  nest_line(n, "const %s w[4] = {%s, %s, %s, %s};", dtype_info[y->type].c, element[0], element[1], element[2],
            element[3]);
  nest_line(n, "%sgc_stg_%d(&%s, w);", y->len % ROWS ? ctx_strf(n->p->c, "if (d < %d) ", y->len) : "",
            4 * dtype_info[y->type].bytes, attend_place(c, y, "r", "d"));
}

/* Rows of the result; factor may name i. */
static void print_rows(AttendText *c, int store, const char *x, const char *factor) {
  NestText *n = &c->n;
  AttendRows y = attend_result(c, store);
  nest_open_block(n, "GC_UNROLL for (int i = 0; i < 4; i++)");
  nest_line(n, "const int r = row0 + ty * 4 + i;");
  nest_open_block(n, "if (r < %s)", y.limit);
  nest_open_block(n, "GC_UNROLL for (int j = 0; j < %d; j%s)", 4 * chunks(&y), y.aligned ? " += 4" : "++");
  nest_line(n, "const int d = j / 4 * 64 + tx * 4%s;", y.aligned ? "" : " + j % 4");
  if (y.aligned) print_four(c, &y, x, factor);
  else
    nest_line(n, "%s%s = %s;", y.len % ROWS ? ctx_strf(n->p->c, "if (d < %d) ", y.len) : "",
              attend_place(c, &y, "r", "d"),
              text_before_store(n->p, y.type, ctx_strf(n->p->c, "%s[i][j]%s", x, factor)));
  nest_close_block(n);
  nest_close_block(n);
  nest_close_block(n);
}

/* ---- forward ---- */

/* Scores to exponentials; what was summed before is scaled. */
static void print_softmax(AttendText *c) {
  NestText *n = &c->n;
  nest_open_block(n, "GC_UNROLL for (int i = 0; i < 4; i++)");
  nest_line(n, "const int seen = %s;", attend_seen(c, "row0 + ty * 4 + i"));
  nest_line(n, "float most = top[i], part = 0;");
  nest_open_block(n, "GC_UNROLL for (int j = 0; j < 4; j++)");
  nest_line(n, "p[i][j] = key0 + tx * 4 + j < seen ? p[i][j] * %s : -1.0f / 0.0f;", attend_scale2(c));
  nest_line(n, "most = p[i][j] > most ? p[i][j] : most;");
  nest_close_block(n);
  nest_open_block(n, "GC_UNROLL for (int h = 1; h < 16; h *= 2)");
  nest_line(n, "const float other = gc_shfl_xor(most, h);");
  nest_line(n, "most = other > most ? other : most;");
  nest_close_block(n);
  nest_line(n, "const float f = gc_ex2(top[i] - most);");
  nest_line(n, "top[i] = most;");
  nest_line(n, "GC_UNROLL for (int j = 0; j < 4; j++) p[i][j] = gc_ex2(p[i][j] - most), part += p[i][j];");
  nest_line(n, "sum[i] = sum[i] * f + part;");
  nest_line(n, "GC_UNROLL for (int j = 0; j < %d; j++) acc[i][j] *= f;", 4 * chunks(&c->v));
  nest_close_block(n);
}

static void print_forward(AttendText *c) {
  NestText *n = &c->n;
  print_zeros(c, "acc", &c->v);
  nest_line(n, "float top[4], sum[4];");
  nest_line(n, "GC_UNROLL for (int i = 0; i < 4; i++) top[i] = %s, sum[i] = 0;", ATTEND_LOW);
  nest_open_block(n, "for (int key0 = 0; key0 < keys; key0 += %d)", ROWS);
  print_product(c, "p", &c->q, "row0", &c->k, "key0");
  print_softmax(c);
  print_put(c, "p");
  print_add(c, "acc", &c->v, "key0");
  nest_close_block(n);
  nest_open_block(n, "GC_UNROLL for (int i = 0; i < 4; i++)");
  nest_line(n, "GC_UNROLL for (int h = 1; h < 16; h *= 2) sum[i] += gc_shfl_xor(sum[i], h);");
  nest_line(n, "const int row = row0 + ty * 4 + i, some = %s > 0;", attend_seen(c, "row"));
  nest_line(n, "if (tx == 0 && row < %s) %s = some ? (top[i] + gc_lg2(sum[i])) * 0.693147181f : -1.0f / 0.0f;",
            c->q.limit, attend_number(c, 1, "row"));
  nest_line(n, "sum[i] = some ? 1 / sum[i] : 0;");
  nest_close_block(n);
  print_rows(c, 0, "acc", " * sum[i]");
}

/* ---- backward ---- */

/* Scores to probabilities. Texts of the query and the key of element (i, j). */
static void print_probabilities(AttendText *c, const char *query, const char *key, const char *lse) {
  NestText *n = &c->n;
  nest_open_block(n, "GC_UNROLL for (int i = 0; i < 4; i++)");
  nest_open_block(n, "GC_UNROLL for (int j = 0; j < 4; j++)");
  nest_line(n, "const int query = %s, key = %s;", query, key);
  nest_line(n, "p[i][j] = query < %s && key < %s ? gc_ex2(p[i][j] * %s - %s) : 0;", c->q.limit, attend_seen(c, "query"),
            attend_scale2(c), lse);
  nest_close_block(n);
  nest_close_block(n);
}

/* Products of g and v to gradients of scores. */
static void print_gradients(AttendText *c, const char *delta) {
  nest_line(&c->n, "GC_UNROLL for (int i = 0; i < 4; i++)");
  nest_line(&c->n, "  GC_UNROLL for (int j = 0; j < 4; j++) dp[i][j] = p[i][j] * (dp[i][j] - %s);", delta);
}

/* lse and delta of 4 queries from `first` on */
static void print_numbers(AttendText *c, const char *first) {
  NestText *n = &c->n;
  nest_line(n, "float lse[4], delta[4];");
  nest_open_block(n, "GC_UNROLL for (int i = 0; i < 4; i++)");
  nest_line(n, "const int at = %s + i;", first);
  nest_line(n, "lse[i] = at < %s ? %s * 1.44269504f : 0;", c->q.limit, attend_value(c, AT_LSE, "at"));
  nest_line(n, "delta[i] = at < %s ? %s : 0;", c->q.limit, attend_value(c, AT_DELTA, "at"));
  nest_close_block(n);
}

static void print_queries(AttendText *c) {
  NestText *n = &c->n;
  print_zeros(c, "acc", &c->k);
  print_numbers(c, "row0 + ty * 4");
  nest_open_block(n, "for (int key0 = 0; key0 < keys; key0 += %d)", ROWS);
  print_product(c, "p", &c->q, "row0", &c->k, "key0");
  print_product(c, "dp", &c->g, "row0", &c->v, "key0");
  print_probabilities(c, "row0 + ty * 4 + i", "key0 + tx * 4 + j", "lse[i]");
  print_gradients(c, "delta[i]");
  print_put(c, "dp");
  print_add(c, "acc", &c->k, "key0");
  nest_close_block(n);
  print_rows(c, 0, "acc", ctx_strf(n->p->c, " * %s", attend_scale(c)));
}

static void print_keys(AttendText *c) {
  NestText *n = &c->n;
  print_zeros(c, "dk", &c->k);
  print_zeros(c, "dv", &c->v);
  attend_open_queries(c);
  print_numbers(c, "query0 + tx * 4");
  print_product(c, "p", &c->k, "row0", &c->q, "query0");
  print_probabilities(c, "query0 + tx * 4 + j", "row0 + ty * 4 + i", "lse[j]");
  print_put(c, "p");
  print_add(c, "dv", &c->g, "query0");
  print_product(c, "dp", &c->v, "row0", &c->g, "query0");
  print_take(c, "p");
  print_gradients(c, "delta[j]");
  nest_line(n, "gc_sync();");
  print_put(c, "dp");
  print_add(c, "dk", &c->q, "query0");
  attend_close_queries(c);
  print_rows(c, 0, "dk", ctx_strf(n->p->c, " * %s", attend_scale(c)));
  print_rows(c, 1, "dv", "");
}

static void print(Emitter *p, const Launch *l, Str *body) {
  static void (*const part[])(AttendText *) = {
    [KR_FORWARD] = print_forward, [KR_QUERIES] = print_queries, [KR_KEYS] = print_keys};
  AttendText c = attend_text(p, l, body);
  nest_line(&c.n, "const int thread = gc_thread(), tx = thread %% 16, ty = thread / 16, row0 = gc_block() * %d;", ROWS);
  attend_begin(&c);
  part[c.a->rows](&c);
}

const Form form_attend_simt = {"stream", suits, print};
