/* SPDX-License-Identifier: Apache-2.0 */
/* Decides how teams of threads compute rows: `row_warp`, several rows in a block; `row_block`, one. */
#include "codegen/cuda/row.h"

enum {
  MAX_KEPT = 32,
  MAX_KEPT_STRICT = 64,
  MAX_TEAM = 512,
  BLOCK_TEAM = 256,
  ROWS_BLOCK = 128,
  SHARED_BYTES = 48 << 10
};

static bool is_summable(const KAcc *a) { return dtype_info[a->type].bytes <= 4; }

/* All phases with inner loops have the same ones; accumulations are of rows whose last axis is reduced. */
static bool is_row(const KNest *n, RowPlan *p) {
  const KPhase *first = NULL;
  if (!n->nacc || n->par_axis >= 0) return false;
  for (int i = 0; i < n->nphase; i++) {
    const KPhase *ph = &n->phase[i];
    if (ph->skip) return false;
    if (!ph->naxis) continue;
    if (!first) first = ph;
    if (ph->naxis != first->naxis || memcmp(ph->axis, first->axis, (size_t)first->naxis * sizeof *ph->axis))
      return false;
  }
  if (!first) return false;
  for (int i = 0; i < n->nacc; i++)
    if (n->acc[i].order != KO_LANES || !n->phase[n->acc[i].phase].naxis || !is_summable(&n->acc[i])) return false;
  for (int i = 0; i < n->nstore; i++)
    if (n->store[i].level == KS_INNER && !n->phase[n->store[i].phase].naxis) return false;
  p->ninner = first->naxis;
  memcpy(p->inner, first->axis, (size_t)first->naxis * sizeof *p->inner);
  p->terms = index_product(n, p->inner, p->ninner);
  return true;
}

/* Vectors neither cross the end of a row nor that of the last axis. */
static void find_tile(const Kernel *k, RowPlan *p) {
  const KNest *n = p->s.nest;
  int last = p->inner[p->ninner - 1];
  int64_t divisor = dim_divisor(n->axes.m, n->axes.axis[last].extent);
  uint32_t inner = 0;
  for (int i = 0; i < p->ninner; i++) inner |= 1u << p->inner[i];
  p->tile = tile_along(k, &p->s, last, inner, p->strict ? 1 : 4);
  while (p->tile.vec > 1 && divisor % p->tile.vec) p->tile.vec /= 2;
}

static int kept(const RowPlan *p) {
  int n = 0;
  for (int i = 0; i < p->tile.n; i++) {
    uint32_t phases = p->tile.access[i].phases;
    n += !p->tile.access[i].store && (phases & (phases - 1));
  }
  return n;
}

/* Threads of a row, and their vectors. */
/* A row without terms has the team of one with one term. */
static void choose_team(RowPlan *p, int64_t terms, bool known) {
  if (terms < 1) terms = 1;
  int n = kept(p), most = p->strict ? MAX_KEPT_STRICT : MAX_KEPT, vec = p->tile.vec;
  int64_t chunks = divide_up(terms, STRICT_CHUNK), each = terms < STRICT_CHUNK ? terms : STRICT_CHUNK;
  p->rounds = 1;
  if (p->strict) {
    p->team = chunks == 1 ? STRICT_LANES : chunks == 2 ? WARP : BLOCK_TEAM;
    p->rounds = (int)divide_up(chunks, p->team / STRICT_LANES);
    p->steps = (int)divide_up(each, STRICT_LANES);
  } else {
    for (p->team = 4; p->team < WARP && (int64_t)p->team * vec < terms;) p->team *= 2;
    while (p->team < MAX_TEAM && (int64_t)p->team * most < terms * (n ? n : 1)) p->team *= 2;
    p->steps = (int)divide_up(terms, (int64_t)p->team * vec);
  }
  p->registers = known && p->rounds == 1 && (n ? n : 1) * p->steps * vec <= most;
  if (!p->strict && !p->registers && p->team > BLOCK_TEAM) p->team = BLOCK_TEAM;
}

/* Stores in the outer loops, by one thread, are seen by loads of the others in memory that they share. */
static bool may_alias(const Kernel *k, const KNest *n) {
  const Graph *g = k->gs->g;
  for (int s = 0; s < n->nstore; s++)
    for (int i = 1; i < n->nval; i++) {
      const KVal *v = &n->val[i];
      if (n->store[s].level != KS_OUTER || v->kind != KV_LOAD || k->buf[v->buf].table) continue;
      MemoryAccess a = hazard_access(g, k->buf[n->store[s].buf].node, true);
      MemoryAccess b = hazard_access(g, k->buf[v->buf].node, false);
      if (hazard_conflict(&a, &b)) return true;
    }
  return false;
}

static int find_slots(RowPlan *p) {
  const KNest *n = p->s.nest;
  int words = 0;
  p->slot = ctx_alloc(n->axes.m->c, sizeof *p->slot * (size_t)(n->nacc + 1));
  for (int i = 0; i < n->nacc && p->team > WARP; i++) {
    p->slot[i] = words;
    words += row_parts(p) * (acc_is_arg(&n->acc[i]) ? 2 : 1);
  }
  return words;
}

static bool suits_row(const Kernel *k, const NestSchedule *s, FormShape *f, bool warp) {
  const KNest *n = s->nest;
  Module *m = n->axes.m;
  RowPlan *p = ctx_alloc(m->c, sizeof *p);
  Dim rows = 1;
  int64_t terms;
  if (!is_row(n, p)) return false;
  p->s = schedule_scalar(n);
  p->s.narrow = s->narrow;
  p->s.grid = true;
  for (int i = 0; i < n->nouter; i++) {
    p->s.point[p->s.npoint++] = n->outer[i];
    rows = dim_mul(m, rows, n->axes.axis[n->outer[i]].extent);
  }
  p->strict = m->opt.strict;
  find_tile(k, p);
  choose_team(p, dim_bound(m, p->terms), dim_number(m, p->terms, &terms));
  if ((p->team <= WARP) != warp || dim_bound(m, rows) > 0x7fffffff) return false;
  p->rows = warp ? ROWS_BLOCK / p->team : 1;
  p->aliases = may_alias(k, n);
  int words = find_slots(p);
  *f = (FormShape){.launches = 1, .plan = p};
  f->launch[0] = (LaunchShape){.grid[0] = {rows, p->rows}, .block = p->rows * p->team, .shared_bytes = words * 4};
  return words * 4 <= SHARED_BYTES;
}

static bool suits_warp(const Kernel *k, const NestSchedule *s, FormShape *f) { return suits_row(k, s, f, true); }
static bool suits_block(const Kernel *k, const NestSchedule *s, FormShape *f) { return suits_row(k, s, f, false); }

const Form form_row_warp = {"warp", suits_warp, row_print}, form_row_block = {"block", suits_block, row_print};
