/* SPDX-License-Identifier: Apache-2.0 */
/* Prints rows that teams of threads compute. */
#include "codegen/cuda/row.h"

static const char *loop_prefix(const RowPlan *p) { return p->registers ? "GC_UNROLL " : ""; }

/* ---- rows ---- */

/* Teams of less than a warp go on where there is no row, so that shuffles have all lanes: without terms and stores. A
 * warp without any row ends: it must not load what another one overwrites. */
static void print_begin(NestText *c) {
  const RowPlan *p = c->form;
  const char *type = nest_index_type(c), *wide = c->s->narrow ? "" : "(gc_i64)";
  const Dim rows = index_product(c->n, c->n->outer, c->n->nouter);
  const char *n = index_operand(c, rows);
  if (p->rows > 1) nest_line(c, "const int lane = gc_thread() %% %d;", p->team);
  else nest_line(c, "const int lane = gc_thread();");
  if (p->rows > 1)
    nest_line(c, "%s%s row = %sgc_block() * %d + gc_thread() / %d;", p->team < WARP ? "" : "const ", type, wide,
              p->rows, p->team);
  else nest_line(c, "const %s row = %sgc_block();", type, wide);
  if (p->team < WARP) {
    nest_line(c, "if (row / %d * %d >= %s) return;", WARP / p->team, WARP / p->team, n);
    nest_line(c, "const int real = row < %s;", n);
    nest_line(c, "if (!real) row = %s - 1;", n);
    nest_line(c, "const %s terms = real ? %s : 0;", type, text_dim(c->p, p->terms));
  } else if (p->rows > 1) {
    nest_line(c, "if (row >= %s) return;", n);
  }
  index_declare(c, c->n->outer, c->n->nouter, "row");
  for (int i = 0; i < p->tile.n; i++)
    if (row_is_kept(p, i)) tile_declare(c, &p->tile, i, p->steps);
}

/* ---- terms of a phase ---- */

static const char *terms_text(NestText *c) {
  const RowPlan *p = c->form;
  return p->team < WARP ? "terms" : index_operand(c, p->terms);
}

/* The first term of step k of this thread. */
static const char *term_text(NestText *c) {
  const RowPlan *p = c->form;
  Ctx *x = c->p->c;
  if (!p->strict && p->tile.vec > 1) return ctx_strf(x, "(k * %d + lane) * %d", p->team, p->tile.vec);
  if (!p->strict) return ctx_strf(x, "k * %d + lane", p->team);
  if (p->team == STRICT_LANES) return ctx_strf(x, "k * 16 + lane");
  if (p->rounds == 1) return ctx_strf(x, "lane / 16 * %d + k * 16 + lane %% 16", STRICT_CHUNK);
  return ctx_strf(x, "(chunk + lane / 16) * %d + k * 16 + lane %% 16", STRICT_CHUNK);
}

/* True: every thread has all its terms, in every row. */
static bool is_full(NestText *c) {
  const RowPlan *p = c->form;
  int64_t n;
  if (p->team < WARP || p->rounds > 1 || !dim_number(c->p->m, p->terms, &n)) return false;
  return n == (int64_t)p->team * p->steps * p->tile.vec;
}

static void declare_axes(NestText *c, const char *e) {
  const RowPlan *p = c->form;
  const char *type = nest_index_type(c);
  Dim inner = 1;
  if (p->ninner == 1) return;
  for (int i = p->ninner - 1; i >= 0; i--) {
    int a = p->inner[i];
    const char *by = inner == 1 ? "" : ctx_strf(c->p->c, " / %s", index_divisor(c, inner));
    const char *of = i ? ctx_strf(c->p->c, " %% %s", index_divisor(c, c->n->axes.axis[a].extent)) : "";
    const char *name = i == p->ninner - 1 && p->tile.vec > 1 ? "first" : ctx_strf(c->p->c, "i%d", a);
    nest_line(c, "const %s %s = %s%s%s;", type, name, e, by, of);
    inner = dim_mul(c->p->m, inner, c->n->axes.axis[a].extent);
  }
}

static bool is_in(const RowPlan *p, int access, int phase) { return p->tile.access[access].phases >> phase & 1; }

/* Loads that stay in registers are made in the first phase. Scalars that do not stay are no arrays. */
static bool is_array(const RowPlan *p, int access) { return p->tile.vec > 1 || row_is_kept(p, access); }

static void transfer(NestText *c, bool store, int phase) {
  const RowPlan *p = c->form;
  const char *kept = p->tile.vec > 1 ? ctx_strf(c->p->c, " + k * %d", p->tile.vec) : " + k";
  const char *first = p->tile.vec > 1 ? "first" : ctx_strf(c->p->c, "i%d", p->tile.axis);
  for (int i = 0; i < p->tile.n; i++) {
    const TileAccess *a = &p->tile.access[i];
    if (a->store != store || !is_in(p, i, phase) || !is_array(p, i)) continue;
    if (row_is_kept(p, i) && a->phases & ((1u << phase) - 1)) continue;
    if (!store && !row_is_kept(p, i)) tile_declare(c, &p->tile, i, 1);
    tile_transfer(c, &p->tile, i, &(TileAt){first, row_is_kept(p, i) ? kept : "", NULL, NULL});
  }
}

static void declare_stores(NestText *c, int phase) {
  const RowPlan *p = c->form;
  for (int i = 0; i < p->tile.n; i++)
    if (p->tile.access[i].store && is_in(p, i, phase) && is_array(p, i)) tile_declare(c, &p->tile, i, 1);
}

static void print_terms(NestText *c, int phase) {
  const RowPlan *p = c->form;
  const char *type = nest_index_type(c), *first = "first";
  int last = p->inner[p->ninner - 1];
  if (p->ninner > 1) first = "term";
  else if (p->tile.vec == 1) first = ctx_strf(c->p->c, "i%d", last);
  if (p->registers || p->strict) nest_open_block(c, "%sfor (int k = 0; k < %d; k++)", loop_prefix(p), p->steps);
  else nest_open_block(c, "for (%s k = 0; k * %d < %s; k++)", type, p->team * p->tile.vec, terms_text(c));
  nest_line(c, "const %s %s = %s;", type, first, term_text(c));
  if (!is_full(c)) nest_line(c, "if (%s >= %s) %s;", first, terms_text(c), p->registers ? "continue" : "break");
  declare_axes(c, first);
  transfer(c, false, phase);
  declare_stores(c, phase);
  if (p->tile.vec > 1) {
    nest_open_block(c, "GC_UNROLL for (int u = 0; u < %d; u++)", p->tile.vec);
    nest_line(c, "const %s i%d = first + u;", type, last);
  }
  for (int i = 0; i < p->ninner; i++) nest_values(c, phase, c->n->nouter + i + 1);
  for (int i = 0; i < c->n->nacc; i++)
    if (c->n->acc[i].phase == phase) acc_take(c, i, ctx_strf(c->p->c, "s%d", i));
  nest_stores(c, phase, KS_INNER);
  if (p->tile.vec > 1) nest_close_block(c);
  transfer(c, true, phase);
  nest_close_block(c);
}

/* ---- accumulations ---- */

static const char *acc_ctype(const KAcc *a) { return dtype_info[a->type].c; }

static const char *value_name(NestText *c, int acc) {
  return ctx_strf(c->p->c, "%c%d", acc_is_arg(&c->n->acc[acc]) ? 'm' : 's', acc);
}

/* Through the lanes of a warp. */
static void shuffle_better(NestText *c, int i, int team) {
  const KAcc *a = &c->n->acc[i];
  nest_open_block(c, "GC_UNROLL for (int h = %d; h; h /= 2)", team / 2);
  nest_line(c, "const %s o = %s;", acc_ctype(a), reduce_shuffle(c, a->type, "xor", value_name(c, i), "h"));
  nest_line(c, "const int32_t from = (int32_t)gc_shfl_xor_u32((uint32_t)at%d, h);", i);
  reduce_better(c, i, "o", "from");
  nest_close_block(c);
}

/* Combines the values of the lanes of a team, or of a part of one, in registers. */
static void combine_lanes(NestText *c, int phase) {
  const RowPlan *p = c->form;
  int team = p->strict ? STRICT_LANES : p->team < WARP ? p->team : WARP;
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase) continue;
    if (acc_is_arg(a)) shuffle_better(c, i, team);
    else nest_line(c, "s%d = %s(s%d);", i, reduce_shuffles(c, a, team), i);
  }
}

static const char *slot_text(NestText *c, int word, const char *index, int scale) {
  if (!index) return ctx_strf(c->p->c, "gc_shared() + %d", word * 4);
  return ctx_strf(c->p->c, "gc_shared() + (%d + %s) * %d", word, index, scale);
}

/* Blocks: each part of the team puts its value into shared memory. */
static void put_parts(NestText *c, int phase) {
  const RowPlan *p = c->form;
  int part = p->strict ? STRICT_LANES : WARP;
  const char *index =
    p->rounds > 1 ? ctx_strf(c->p->c, "chunk + lane / %d", part) : ctx_strf(c->p->c, "lane / %d", part);
  nest_open_block(c, "if (lane %% %d == 0)", part);
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase) continue;
    nest_line(c, "%s;", reduce_put(c, a->type, slot_text(c, p->slot[i], index, 4), value_name(c, i)));
    if (acc_is_arg(a))
      nest_line(c, "gc_sts_u32(%s, (uint32_t)at%d);", slot_text(c, p->slot[i] + row_parts(p), index, 4), i);
  }
  nest_close_block(c);
}

/* The number of parts that have terms. */
static const char *parts_text(NestText *c) {
  const RowPlan *p = c->form;
  if (!p->strict) return ctx_strf(c->p->c, "%d", p->team / WARP);
  Dim top = dim_add(c->p->m, p->terms, STRICT_CHUNK - 1);
  int64_t n;
  if (dim_number(c->p->m, top, &n)) return ctx_strf(c->p->c, "%lld", (long long)(n / STRICT_CHUNK));
  return ctx_strf(c->p->c, "(%s) / %d", text_dim(c->p, top), STRICT_CHUNK);
}

/* Every thread combines them in order. */
static void take_parts(NestText *c, int phase) {
  const RowPlan *p = c->form;
  nest_line(c, "gc_sync();");
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase) continue;
    const char *v = value_name(c, i);
    nest_line(c, "%s = %s;", v, reduce_get(c, a->type, slot_text(c, p->slot[i], NULL, 4)));
    if (acc_is_arg(a))
      nest_line(c, "at%d = (int32_t)gc_lds_u32(%s);", i, slot_text(c, p->slot[i] + row_parts(p), NULL, 4));
    nest_open_block(c, "for (int part = 1; part < %s; part++)", parts_text(c));
    nest_line(c, "const %s o = %s;", acc_ctype(a), reduce_get(c, a->type, slot_text(c, p->slot[i], "part", 4)));
    if (acc_is_arg(a)) {
      nest_line(c, "const int32_t from = (int32_t)gc_lds_u32(%s);", slot_text(c, p->slot[i] + row_parts(p), "part", 4));
      reduce_better(c, i, "o", "from");
    } else {
      nest_line(c, "s%d = %s;", i, acc_combine(c, a, v, "o", false));
    }
    nest_close_block(c);
  }
}

/* A team of one warp or less in strict mode: the value of the first lane of each chunk, in order. */
static void take_chunks(NestText *c, int phase) {
  const RowPlan *p = c->form;
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase) continue;
    if (p->team == STRICT_LANES) {
      if (!acc_is_arg(a))
        nest_line(c, "s%d = %s;", i, reduce_shuffle(c, a->type, "", value_name(c, i), "gc_thread() & 16"));
    } else if (acc_is_arg(a)) {
      shuffle_better(c, i, WARP);
    } else {
      const char *v = value_name(c, i), *first = reduce_shuffle(c, a->type, "", v, "0");
      nest_line(c, "const %s first%d = %s, second%d = %s;", acc_ctype(a), i, first, i,
                reduce_shuffle(c, a->type, "", v, "16"));
      nest_line(c, "s%d = %s;", i,
                acc_combine(c, a, ctx_strf(c->p->c, "first%d", i), ctx_strf(c->p->c, "second%d", i), false));
    }
  }
}

static void start(NestText *c, int phase, bool declare) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (a->phase != phase) continue;
    const char *zero = acc_identity(c, a, false);
    nest_line(c, "%s%s%s = %s;", declare ? acc_ctype(a) : "", declare ? " " : "", value_name(c, i), zero);
    if (acc_is_arg(a)) nest_line(c, "%sat%d = 0;", declare ? "int32_t " : "", i);
  }
}

static bool has_acc(const KNest *n, int phase) {
  for (int i = 0; i < n->nacc; i++)
    if (n->acc[i].phase == phase) return true;
  return false;
}

static bool has_outer_store(const KNest *n, int phase) {
  for (int i = 0; i < n->nstore; i++)
    if (n->store[i].phase == phase && n->store[i].level == KS_OUTER) return true;
  return false;
}

static void sync_team(NestText *c) {
  const RowPlan *p = c->form;
  nest_line(c, p->team > WARP ? "gc_sync();" : "gc_sync_warp();");
}

static void inner_loops(NestText *c, int phase, StrictOrder r) {
  const RowPlan *p = c->form;
  bool any = has_acc(c->n, phase), block = p->team > WARP;
  (void)r;
  if (p->aliases && has_outer_store(c->n, phase)) sync_team(c); /* loads that follow may read it */
  start(c, phase, true);
  if (p->rounds > 1) {
    nest_open_block(c, "for (int chunk = 0; chunk < %s; chunk += %d)", parts_text(c), p->team / STRICT_LANES);
    start(c, phase, false);
  }
  print_terms(c, phase);
  if (any) combine_lanes(c, phase);
  if (any && block) put_parts(c, phase);
  if (p->rounds > 1) nest_close_block(c);
  if (any && block) take_parts(c, phase);
  else if (any && p->strict) take_chunks(c, phase);
}

/* ---- */

static const char *load_text(NestText *c, const KVal *v) {
  const RowPlan *p = c->form;
  int i = tile_load(&p->tile, v);
  if (i < 0 || !is_array(p, i)) return NULL;
  if (p->tile.vec == 1) return ctx_strf(c->p->c, "%s[k]", tile_name(c, &p->tile, i));
  if (!row_is_kept(p, i)) return ctx_strf(c->p->c, "%s[u]", tile_name(c, &p->tile, i));
  return ctx_strf(c->p->c, "%s[k * %d + u]", tile_name(c, &p->tile, i), p->tile.vec);
}

static const char *store_text(NestText *c, const KStore *s) {
  const RowPlan *p = c->form;
  int i = tile_store(&p->tile, s);
  return i < 0 || !is_array(p, i) ? NULL : ctx_strf(c->p->c, "%s[u]", tile_name(c, &p->tile, i));
}

/* One thread stores what a row has one of, once all have loaded what that overwrites. */
static const char *store_if(NestText *c, const KStore *s) {
  const RowPlan *p = c->form;
  if (s->level == KS_INNER) return NULL;
  if (p->aliases) sync_team(c);
  return p->team < WARP ? "real && lane == 0" : "lane == 0";
}

void row_print(Emitter *p, const Launch *l, Str *body) {
  static const ParallelText text = {
    .begin = print_begin, .load = load_text, .store = store_text, .store_if = store_if, .inner_loops = inner_loops};
  const RowPlan *plan = l->plan;
  NestText c = nest_text(p, l->step->kernel, &plan->s, body);
  c.parallel = &text;
  c.form = plan;
  nest_print_text(&c);
}
