/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of attention on tensor cores, in fast mode: rows of 16 bits, by mma.sync m16n8k16, and f32 rows rounded to
 * tf32, where that is asked for, by m16n8k8. A block has 64 rows, of queries, or for the gradients of k and v of keys;
 * a warp has 16 of them. It walks tiles of the others, which are copied to one of two stages while the tile before is
 * multiplied. The sums of one product are operands of the next, in registers. Tiles that no query of the block sees are
 * left out, and only those that some query does not see in full are masked. Tiles have swizzled rows of 128 bytes. */
#include "codegen/cuda/attend_text.h"
#include "codegen/cuda/gemm_text.h"
#include "codegen/cuda/index.h"

enum { THREADS = 128, ROW = 128, CHUNK = 16, STEP = 32, MAX_BYTES = 2 * ROW };

/* Of one matrix in shared memory: rows of `len` elements, padded to steps of 32 bytes. */
typedef struct MmaTile {
  const AttendRows *of;
  int rows;
} MmaTile;

typedef struct MmaText {
  AttendText c;
  int bytes; /* of an element */
  int cols;  /* rows of the tiles that are walked, which are columns of the scores */
  MmaTile own[2], walk[2];
  int nown;
} MmaText;

/* ---- decisions ---- */

static int padded(int64_t bytes) { return (int)((bytes + STEP - 1) / STEP * STEP); }
static int matrix_bytes(int64_t bytes, int rows) { return (int)((bytes + ROW - 1) / ROW) * ROW * rows; }
/* Rows of the tiles that are walked: as many as registers allow beside the sums. */
static int cols_of(const KAttend *a, int bytes) {
  int64_t d = a->a.d, e = a->a.e;
  if (a->rows == KR_KEYS && d + e > 160) return 16;
  return (d > e ? d : e) * bytes > ROW ? 32 : 64;
}

/* Rows are of one type, and begin at multiples of 16 bytes. */
static bool takes(const Kernel *k, const KNest *n, DType type) {
  const KAttend *a = n->attend;
  int bytes = dtype_info[type].bytes;
  if (a->a.d * bytes % CHUNK || a->a.e * bytes % CHUNK) return false;
  if (a->a.d * bytes > MAX_BYTES || a->a.e * bytes > MAX_BYTES) return false;
  for (int i = 0; i < AT_OPERANDS; i++) {
    const KRowOperand *x = &a->load[i];
    if (x->at < 0 || i == AT_LSE || i == AT_DELTA || i == AT_LENGTHS) continue;
    const KVal *v = &n->val[x->at];
    if (k->buf[v->buf].type != type || !attend_is_aligned(k, n, v->buf, &v->at, x)) return false;
  }
  for (int i = 0; i < n->nstore; i++) {
    const KRowOperand *x = &a->store[i];
    const KStore *y = &n->store[x->at];
    if (x->col >= 0 && (k->buf[y->buf].type != type || !attend_is_aligned(k, n, y->buf, &y->at, x))) return false;
  }
  return true;
}

/* Forward and for queries the block's rows are those of q, and g; it walks k and v. For keys the reverse. */
static int shared_bytes(const KAttend *a, int bytes) {
  int cols = cols_of(a, bytes), d = (int)a->a.d * bytes, e = (int)a->a.e * bytes;
  int own = matrix_bytes(d, ATTEND_ROWS) + (a->rows == KR_FORWARD ? 0 : matrix_bytes(e, ATTEND_ROWS));
  int numbers = a->rows == KR_KEYS ? 2 * cols * 4 : 0;
  return own + 2 * (matrix_bytes(d, cols) + matrix_bytes(e, cols) + numbers);
}

static bool fits(const Kernel *k, const NestSchedule *s, FormShape *f, bool tf32) {
  if (!attend_suits(k, s, f)) return false;
  const KAttend *a = s->nest->attend;
  DType type = (DType)k->buf[s->nest->val[a->load[AT_Q].at].buf].type;
  if ((type == DT_F32) != tf32 || (tf32 && !gemm_takes_tf32(k)) || !(a->a.scale > 0)) return false;
  if (!takes(k, s->nest, type)) return false;
  f->launch[0].block = THREADS;
  f->launch[0].shared_bytes = shared_bytes(a, dtype_info[type].bytes);
  return true;
}

static bool suits(const Kernel *k, const NestSchedule *s, FormShape *f) { return fits(k, s, f, false); }
static bool suits_tf32(const Kernel *k, const NestSchedule *s, FormShape *f) { return fits(k, s, f, true); }

/* ---- tiles ---- */

static int tile_bytes(const MmaText *m, const MmaTile *t) {
  return matrix_bytes((int64_t)t->of->len * m->bytes, t->rows);
}
static int steps_of(const MmaText *m, const AttendRows *x) { return padded((int64_t)x->len * m->bytes) / STEP; }
/* Groups of 8 columns of a result with the rows of x. */
static int groups_of(const MmaText *m, const AttendRows *x) {
  return padded((int64_t)x->len * m->bytes) / m->bytes / 8;
}
static bool is_f32(const MmaText *m) { return m->bytes == 4; }
static const char *type_of(const MmaText *m) { return is_f32(m) ? "tf32" : dtype_info[m->c.q.type].name; }

static int own_at(const MmaText *m, int i) { return i ? tile_bytes(m, &m->own[0]) : 0; }
static int stages_at(const MmaText *m) {
  return own_at(m, 0) + tile_bytes(m, &m->own[0]) + (m->nown > 1 ? tile_bytes(m, &m->own[1]) : 0);
}
static int walk_at(const MmaText *m, int i) { return i ? tile_bytes(m, &m->walk[0]) : 0; }
static int numbers_at(const MmaText *m) { return walk_at(m, 1) + tile_bytes(m, &m->walk[1]); }
static int stage_bytes(const MmaText *m) { return numbers_at(m) + (m->c.a->rows == KR_KEYS ? 2 * m->cols * 4 : 0); }

/* The loop over a thread's chunks of a tile: row r, column d. Where a row has not a multiple of 8 of them, 8 threads
 * have a column of 8 rows, whose banks differ. */
static void open_chunks(MmaText *m, const MmaTile *t) {
  NestText *n = &m->c.n;
  int wide = padded((int64_t)t->of->len * m->bytes) / CHUNK, all = wide * t->rows, each = CHUNK / m->bytes;
  nest_open_block(n, "GC_UNROLL for (int e = 0; e < %d; e++)", (all + THREADS - 1) / THREADS);
  nest_line(n, "const int chunk = e * %d + thread;", THREADS);
  if (wide % 8 == 0) nest_line(n, "const int r = chunk / %d, d = chunk %% %d * %d;", wide, wide, each);
  else nest_line(n, "const int r = chunk / %d * 8 + chunk %% 8, d = chunk / 8 %% %d * %d;", 8 * wide, wide, each);
  if (all % THREADS) nest_line(n, "if (chunk >= %d) break;", all);
}

static const char *chunk_at(MmaText *m, const MmaTile *t, const char *to) {
  return ctx_strf(m->c.n.p->c, "%s + gc_tile_at(r, d%s, %d)", to, is_f32(m) ? " * 2" : "", t->rows);
}

/* Begins to copy the rows from `first` on; rows and columns that there are not are 0. */
static void print_copy(MmaText *m, const MmaTile *t, const char *first, const char *to) {
  NestText *n = &m->c.n;
  const AttendRows *x = t->of;
  open_chunks(m, t);
  nest_line(n, "const int ok = %s + r < %s%s;", first, x->limit,
            x->len * m->bytes % STEP ? ctx_strf(n->p->c, " && d < %d", x->len) : "");
  nest_line(n, "gc_cp_async(%s, ok ? &%s : %s, ok);", chunk_at(m, t, to),
            attend_place(&m->c, x, ctx_strf(n->p->c, "%s + r", first), "d"), x->name);
  nest_close_block(n);
}

/* Rounds what this thread has copied. */
static void print_round(MmaText *m, const MmaTile *t, const char *to) {
  NestText *n = &m->c.n;
  open_chunks(m, t);
  nest_line(n, "float v[4];");
  nest_line(n, "uint32_t w[4];");
  nest_line(n, "gc_lds4(v, %s);", chunk_at(m, t, to));
  nest_line(n, "GC_UNROLL for (int u = 0; u < 4; u++) w[u] = gc_tf32(v[u]);");
  nest_line(n, "gc_sts4_u32(%s, w);", chunk_at(m, t, to));
  nest_close_block(n);
}

static const char *own_text(MmaText *m, int i) { return ctx_strf(m->c.n.p->c, "gc_shared() + %d", own_at(m, i)); }
static const char *walk_text(MmaText *m, const char *stage, int i) {
  return ctx_strf(m->c.n.p->c, "%s + %d", stage, walk_at(m, i));
}

/* ---- products ---- */

/* Where the fragments of a lane lie in tiles: 16 rows as the left operand, 16 as columns of the right one, and the
 * right one of which rows are terms. In the last one the two terms of a lane in f32 are rows 2 t and 2 t + 1, so that
 * the sums of a product are in place as its left operand. */
static void print_fragments(MmaText *m) {
  NestText *n = &m->c.n;
  nest_line(n, "const gc_saddr fa = gc_tile_at(warp * 16 + lane %% 16, lane / 16 * 8, %d);", ATTEND_ROWS);
  nest_line(n, "const gc_saddr fb = gc_tile_at(lane %% 8 + lane / 16 * 8, lane / 8 %% 2 * 8, %d);", m->cols);
  if (is_f32(m)) nest_line(n, "const gc_saddr ft = gc_tile_at(lane %% 4 * 2, lane / 4 * 2, %d);", m->cols);
  else nest_line(n, "const gc_saddr ft = gc_tile_at(lane %% 16, lane / 16 * 8, %d);", m->cols);
}

static void print_zeros(MmaText *m, const char *to, int groups) {
  nest_line(&m->c.n, "float %s[%d][4];", to, groups);
  nest_line(&m->c.n, "GC_UNROLL for (int j = 0; j < %d; j++) GC_UNROLL for (int e = 0; e < 4; e++) %s[j][e] = 0;",
            groups, to);
}

/* to[16, cols] = the warp's rows of tile `own` times the rows of tile `walk` */
static void print_scores(MmaText *m, const char *to, int own, int walk) {
  NestText *n = &m->c.n;
  print_zeros(m, to, m->cols / 8);
  nest_open_block(n, "GC_UNROLL for (int k = 0; k < %d; k++)", steps_of(m, m->own[own].of));
  nest_line(n, "const gc_saddr term = (gc_saddr)(k %% 4 * %d);", STEP);
  nest_line(n, "uint32_t a[4], b[4];");
  nest_line(n, "gc_ldmatrix(a, %s + (fa ^ term) + (gc_saddr)(k / 4 * %d));", own_text(m, own), ROW * ATTEND_ROWS);
  nest_open_block(n, "GC_UNROLL for (int j = 0; j < %d; j += 2)", m->cols / 8);
  nest_line(n, "gc_ldmatrix(b, %s + (fb ^ term) + (gc_saddr)(k / 4 * %d + j * %d));", walk_text(m, "out", walk),
            ROW * m->cols, 8 * ROW);
  nest_line(n, "gc_mma_%s(%s[j], a, b);", type_of(m), to);
  nest_line(n, "gc_mma_%s(%s[j + 1], a, b + 2);", type_of(m), to);
  nest_close_block(n);
  nest_close_block(n);
}

/* to[16, len] += p[16, cols], rounded, times tile `walk` */
static void print_add(MmaText *m, const char *to, const char *p, int walk) {
  NestText *n = &m->c.n;
  const AttendRows *x = m->walk[walk].of;
  const char *at = walk_text(m, "out", walk);
  int terms = STEP / m->bytes; /* of a step */
  nest_open_block(n, "GC_UNROLL for (int k = 0; k < %d; k++)", m->cols / terms);
  nest_line(n, "uint32_t a[4], b[4];");
  if (is_f32(m)) nest_line(n, "GC_UNROLL for (int i = 0; i < 4; i++) a[i] = gc_tf32(%s[k][i %% 2 * 2 + i / 2]);", p);
  else {
    nest_open_block(n, "GC_UNROLL for (int i = 0; i < 4; i++)");
    nest_line(n, "const float *const s = %s[k * 2 + i / 2] + i %% 2 * 2;", p);
    nest_line(n, "a[i] = gc_pack_%s(s[0], s[1]);", type_of(m));
    nest_close_block(n);
  }
  nest_open_block(n, "GC_UNROLL for (int j = 0; j < %d; j += %d)", groups_of(m, x), is_f32(m) ? 1 : 2);
  if (is_f32(m)) {
    nest_line(n, "const gc_saddr at = %s + (gc_saddr)(j / 4 * %d + k * %d), col = (gc_saddr)(j %% 4 * %d);", at,
              ROW * m->cols, 8 * ROW, STEP);
    nest_line(n, "b[0] = gc_lds_u32(at + (ft ^ col));");
    nest_line(n, "b[1] = gc_lds_u32(at + %d + (ft ^ col ^ %d));", ROW, CHUNK);
  } else {
    nest_line(n, "gc_ldmatrix_trans(b, %s + (ft ^ (gc_saddr)(j / 2 %% 4 * %d)) + (gc_saddr)(j / 8 * %d + k * %d));", at,
              STEP, ROW * m->cols, 16 * ROW);
  }
  nest_line(n, "gc_mma_%s(%s[j], a, b);", type_of(m), to);
  if (!is_f32(m)) nest_line(n, "gc_mma_%s(%s[j + 1], a, b + 2);", type_of(m), to);
  nest_close_block(n);
  nest_close_block(n);
}

/* ---- walks ---- */

/* The loop over tiles, of which `count` says how many: begins to copy tile t and goes on with tile t - 1, at `out`. The
 * stage of tile t was read in the iteration before. */
static void open_walk(MmaText *m, const char *count) {
  NestText *n = &m->c.n;
  nest_open_block(n, "for (int t = 0; t <= %s; t++)", count);
  nest_line(n, "gc_sync();");
  nest_open_block(n, "if (t < %s)", count);
  nest_line(n, "const gc_saddr in = gc_shared() + %d + (gc_saddr)(t %% 2 * %d);", stages_at(m), stage_bytes(m));
}

static void open_multiply(MmaText *m) {
  NestText *n = &m->c.n;
  nest_open_block(n, "if (t == 0)");
  for (int i = 0; i < m->nown; i++) print_copy(m, &m->own[i], "row0", own_text(m, i));
  nest_close_block(n);
  nest_close_block(n);
  nest_line(n, "gc_cp_async_commit();");
  nest_open_block(n, "if (t > 0)");
  nest_line(n, "const gc_saddr out = gc_shared() + %d + (gc_saddr)((t - 1) %% 2 * %d);", stages_at(m), stage_bytes(m));
  nest_line(n, "gc_cp_async_wait(1);");
  if (is_f32(m)) {
    nest_open_block(n, "if (t == 1)");
    for (int i = 0; i < m->nown; i++) print_round(m, &m->own[i], own_text(m, i));
    nest_close_block(n);
    for (int i = 0; i < 2; i++) print_round(m, &m->walk[i], walk_text(m, "out", i));
  }
  nest_line(n, "gc_sync();");
}

static void close_walk(MmaText *m) {
  nest_close_block(&m->c.n);
  nest_close_block(&m->c.n);
}

/* Tiles of keys that some query of the block sees. */
static void open_keys(MmaText *m) {
  NestText *n = &m->c.n;
  nest_line(n, "const int tiles = (keys + %d) / %d;", m->cols - 1, m->cols);
  open_walk(m, "tiles");
  for (int i = 0; i < 2; i++) print_copy(m, &m->walk[i], ctx_strf(n->p->c, "t * %d", m->cols), walk_text(m, "in", i));
  open_multiply(m);
  nest_line(n, "const int key0 = (t - 1) * %d;", m->cols);
}

/* ---- masks ---- */

/* Scores of keys that a query does not see; rows are queries. */
static void print_mask(MmaText *m) {
  NestText *n = &m->c.n;
  nest_open_block(n, "if (key0 + %d > %s)", m->cols, attend_seen(&m->c, "row0"));
  nest_open_block(n, "GC_UNROLL for (int h = 0; h < 2; h++)");
  nest_line(n, "const int seen = %s - key0 - lane %% 4 * 2;", attend_seen(&m->c, "row + h * 8"));
  nest_open_block(n, "GC_UNROLL for (int j = 0; j < %d; j++)", m->cols / 8);
  nest_line(n, "if (j * 8 >= seen) p[j][h * 2] = -1.0f / 0.0f;");
  nest_line(n, "if (j * 8 + 1 >= seen) p[j][h * 2 + 1] = -1.0f / 0.0f;");
  nest_close_block(n);
  nest_close_block(n);
  nest_close_block(n);
}

/* Rows are keys. */
static void print_mask_of_keys(MmaText *m) {
  NestText *n = &m->c.n;
  nest_open_block(n, "if (row0 + %d > %s)", ATTEND_ROWS, attend_seen(&m->c, "query0"));
  nest_open_block(n, "GC_UNROLL for (int j = 0; j < %d; j++)", m->cols / 8);
  nest_open_block(n, "GC_UNROLL for (int e = 0; e < 4; e++)");
  nest_line(n, "const int query = query0 + j * 8 + lane %% 4 * 2 + e %% 2;");
  nest_line(n, "if (row + e / 2 * 8 >= %s) p[j][e] = -1.0f / 0.0f;", attend_seen(&m->c, "query"));
  nest_close_block(n);
  nest_close_block(n);
  nest_close_block(n);
}

/* ---- results ---- */

/* Row r of f32: 4 lanes store a sector. */
static void print_row(MmaText *m, const AttendRows *y, const char *x, const char *factor) {
  NestText *n = &m->c.n;
  nest_open_block(n, "if (r < %s)", y->limit);
  nest_open_block(n, "GC_UNROLL for (int j = 0; j < %d; j++)", groups_of(m, y));
  nest_line(n, "const int d = j * 8 + lane %% 4 * 2;");
  nest_line(n, "const float w[2] = {%s[j][h * 2]%s, %s[j][h * 2 + 1]%s};", x, factor, x, factor);
  nest_line(n, "%sgc_stg_8(&%s, w);", y->len % 8 ? ctx_strf(n->p->c, "if (d < %d) ", y->len) : "",
            attend_place(&m->c, y, "r", "d"));
  nest_close_block(n);
  nest_close_block(n);
}

/* Row r of 16 bits: pairs of lanes exchange elements, so that 4 lanes store a sector. */
static void print_half_row(MmaText *m, const AttendRows *y, const char *x, const char *factor) {
  NestText *n = &m->c.n;
  nest_open_block(n, "GC_UNROLL for (int j = 0; j < %d; j += 2)", groups_of(m, y));
  nest_line(n, "const int odd = lane %% 2, d = (j + odd) * 8 + lane %% 4 / 2 * 4;");
  for (int i = 0; i < 2; i++)
    nest_line(n, "const uint32_t u%d = gc_pack_%s(%s[j + %d][h * 2]%s, %s[j + %d][h * 2 + 1]%s);", i, type_of(m), x, i,
              factor, x, i, factor);
  nest_line(n, "const uint32_t o = gc_shfl_xor_u32(odd ? u0 : u1, 1), w[2] = {odd ? o : u0, odd ? u1 : o};");
  nest_line(n, "if (r < %s%s) gc_stg_8(&%s, w);", y->limit, y->len % 16 ? ctx_strf(n->p->c, " && d < %d", y->len) : "",
            attend_place(&m->c, y, "r", "d"));
  nest_close_block(n);
}

/* The warp's 16 rows; factor may name h. */
static void print_rows(MmaText *m, int store, const char *x, const char *factor) {
  NestText *n = &m->c.n;
  AttendRows y = attend_result(&m->c, store);
  nest_open_block(n, "GC_UNROLL for (int h = 0; h < 2; h++)");
  nest_line(n, "const int r = row + h * 8;");
  (is_f32(m) ? print_row : print_half_row)(m, &y, x, factor);
  nest_close_block(n);
}

/* ---- forward ---- */

/* Scores to exponentials; what was summed before is scaled. */
static void print_softmax(MmaText *m) {
  NestText *n = &m->c.n;
  const char *scale = attend_scale2(&m->c),
             *each = ctx_strf(
               n->p->c, "GC_UNROLL for (int j = 0; j < %d; j++) GC_UNROLL for (int e = h * 2; e < h * 2 + 2; e++)",
               m->cols / 8);
  nest_open_block(n, "GC_UNROLL for (int h = 0; h < 2; h++)");
  nest_line(n, "float most = top[h], part = 0;");
  nest_line(n, "%s most = p[j][e] > most ? p[j][e] : most;", each);
  nest_open_block(n, "GC_UNROLL for (int i = 1; i < 4; i *= 2)");
  nest_line(n, "const float other = gc_shfl_xor(most, i);");
  nest_line(n, "most = other > most ? other : most;");
  nest_close_block(n);
  nest_line(n, "const float f = gc_ex2((top[h] - most) * %s), low = most * %s;", scale, scale);
  nest_line(n, "top[h] = most;");
  nest_line(n, "%s p[j][e] = gc_ex2(p[j][e] * %s - low), part += p[j][e];", each, scale);
  nest_line(n, "sum[h] = sum[h] * f + part;");
  nest_line(n, "GC_UNROLL for (int j = 0; j < %d; j++) acc[j][h * 2] *= f, acc[j][h * 2 + 1] *= f;",
            groups_of(m, &m->c.v));
  nest_close_block(n);
}

static void print_forward(MmaText *m) {
  NestText *n = &m->c.n;
  print_zeros(m, "acc", groups_of(m, &m->c.v));
  nest_line(n, "float top[2] = {%s, %s}, sum[2] = {0, 0};", ATTEND_LOW, ATTEND_LOW);
  open_keys(m);
  print_scores(m, "p", 0, 0);
  print_mask(m);
  print_softmax(m);
  print_add(m, "acc", "p", 1);
  close_walk(m);
  nest_open_block(n, "GC_UNROLL for (int h = 0; h < 2; h++)");
  nest_line(n, "GC_UNROLL for (int i = 1; i < 4; i *= 2) sum[h] += gc_shfl_xor(sum[h], i);");
  nest_line(n, "const int r = row + h * 8, some = %s > 0;", attend_seen(&m->c, "r"));
  nest_line(n, "if (lane %% 4 == 0 && r < %s) %s = some ? top[h] * %s + gc_lg2(sum[h]) * 0.693147181f : -1.0f / 0.0f;",
            m->c.q.limit, attend_number(&m->c, 1, "r"), attend_scale(&m->c));
  nest_line(n, "sum[h] = some ? 1 / sum[h] : 0;");
  nest_close_block(n);
  print_rows(m, 0, "acc", " * sum[h]");
}

/* ---- backward ---- */

/* lse and delta of a query. What is no query, or sees no key, has probabilities of 0. */
static const char *lse_text(MmaText *m, const char *query) {
  AttendText *c = &m->c;
  return ctx_strf(c->n.p->c, "%s < %s && %s > 0 ? %s * 1.44269504f : 1.0f / 0.0f", query, c->q.limit,
                  attend_seen(c, query), attend_value(c, AT_LSE, query));
}
static const char *delta_text(MmaText *m, const char *query) {
  return ctx_strf(m->c.n.p->c, "%s < %s ? %s : 0", query, m->c.q.limit, attend_value(&m->c, AT_DELTA, query));
}

/* Scores to probabilities, products of g and v to gradients of scores. Texts of the query's numbers, by h or e. */
static void print_gradients(MmaText *m, const char *lse, const char *delta) {
  NestText *n = &m->c.n;
  nest_line(n, "p[j][h * 2 + e] = gc_ex2(p[j][h * 2 + e] * %s - %s);", attend_scale2(&m->c), lse);
  nest_line(n, "dp[j][h * 2 + e] = p[j][h * 2 + e] * (dp[j][h * 2 + e] - %s);", delta);
}

static void print_queries(MmaText *m) {
  NestText *n = &m->c.n;
  print_zeros(m, "acc", groups_of(m, &m->c.k));
  nest_line(n, "float lse[2], delta[2];");
  nest_open_block(n, "GC_UNROLL for (int h = 0; h < 2; h++)");
  nest_line(n, "const int r = row + h * 8;");
  nest_line(n, "lse[h] = %s;", lse_text(m, "r"));
  nest_line(n, "delta[h] = %s;", delta_text(m, "r"));
  nest_close_block(n);
  open_keys(m);
  print_scores(m, "p", 0, 0);
  print_scores(m, "dp", 1, 1);
  print_mask(m);
  nest_open_block(n, "GC_UNROLL for (int j = 0; j < %d; j++)", m->cols / 8);
  nest_open_block(n, "GC_UNROLL for (int h = 0; h < 2; h++) GC_UNROLL for (int e = 0; e < 2; e++)");
  print_gradients(m, "lse[h]", "delta[h]");
  nest_close_block(n);
  nest_close_block(n);
  print_add(m, "acc", "dp", 0);
  close_walk(m);
  print_rows(m, 0, "acc", ctx_strf(n->p->c, " * %s", attend_scale(&m->c)));
}

/* Tiles of queries that see a key of the block, of each head that shares the keys. */
static void open_queries(MmaText *m) {
  NestText *n = &m->c.n;
  attend_first_query(&m->c);
  nest_line(n, "const int tiles = ((int)%s - from + %d) / %d, steps = tiles * (int)%s;", m->c.q.limit, m->cols - 1,
            m->cols, index_operand(n, m->c.a->a.shared));
  open_walk(m, "steps");
  nest_line(n, "const int h = t / tiles, query0 = from + t %% tiles * %d, query = query0 + thread %% %d;", m->cols,
            m->cols);
  attend_declare_walked(&m->c);
  for (int i = 0; i < 2; i++) print_copy(m, &m->walk[i], "query0", walk_text(m, "in", i));
  nest_line(n, "if (thread < %d) gc_sts(in + %d + (gc_saddr)(thread * 4), %s);", m->cols, numbers_at(m),
            lse_text(m, "query"));
  nest_line(n, "else %sgc_sts(in + %d + (gc_saddr)(thread * 4), %s);",
            2 * m->cols < THREADS ? ctx_strf(n->p->c, "if (thread < %d) ", 2 * m->cols) : "", numbers_at(m),
            delta_text(m, "query"));
  open_multiply(m);
  nest_line(n, "const int query0 = from + (t - 1) %% tiles * %d;", m->cols);
}

static void print_keys(MmaText *m) {
  NestText *n = &m->c.n;
  print_zeros(m, "dk", groups_of(m, &m->c.k));
  print_zeros(m, "dv", groups_of(m, &m->c.v));
  open_queries(m);
  print_scores(m, "p", 0, 0);
  print_scores(m, "dp", 1, 1);
  print_mask_of_keys(m);
  nest_open_block(n, "GC_UNROLL for (int j = 0; j < %d; j++) GC_UNROLL for (int e = 0; e < 2; e++)", m->cols / 8);
  nest_line(n, "const gc_saddr at = out + %d + (gc_saddr)((j * 8 + lane %% 4 * 2 + e) * 4);", numbers_at(m));
  nest_line(n, "const float lse = gc_lds(at), delta = gc_lds(at + %d);", m->cols * 4);
  nest_open_block(n, "GC_UNROLL for (int h = 0; h < 2; h++)");
  print_gradients(m, "lse", "delta");
  nest_close_block(n);
  nest_close_block(n);
  print_add(m, "dv", "p", 1);
  print_add(m, "dk", "dp", 0);
  close_walk(m);
  print_rows(m, 0, "dk", ctx_strf(n->p->c, " * %s", attend_scale(&m->c)));
  print_rows(m, 1, "dv", "");
}

static void print(Emitter *p, const Launch *l, Str *body) {
  static void (*const part[])(MmaText *) = {
    [KR_FORWARD] = print_forward, [KR_QUERIES] = print_queries, [KR_KEYS] = print_keys};
  MmaText m = {.c = attend_text(p, l, body)};
  AttendText *c = &m.c;
  bool keys = c->a->rows == KR_KEYS;
  m.bytes = dtype_info[c->q.type].bytes;
  m.cols = cols_of(c->a, m.bytes);
  m.nown = c->a->rows == KR_FORWARD ? 1 : 2;
  const AttendRows *of[] = {&c->q, &c->g, &c->k, &c->v};
  for (int i = 0; i < 2; i++) {
    m.own[i] = (MmaTile){of[keys ? i + 2 : i], ATTEND_ROWS};
    m.walk[i] = (MmaTile){of[keys ? i : i + 2], m.cols};
  }
  nest_line(&c->n, "const int thread = gc_thread(), lane = thread %% 32, warp = thread / 32;");
  nest_line(&c->n, "const int row0 = gc_block() * %d, row = row0 + warp * 16 + lane / 4;", ATTEND_ROWS);
  attend_begin(c);
  print_fragments(&m);
  part[c->a->rows](&m);
}

const Form form_attend_mma = {"mma", suits, print};
const Form form_attend_tf32 = {"tf32", suits_tf32, print};
