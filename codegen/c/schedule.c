/* SPDX-License-Identifier: Apache-2.0 */
/* Native schedules: the axis to vectorize, and the axis to partition over threads. */
#include "codegen/c/targets.h"
#include "codegen/c/vector.h"
#include "codegen/strict_order.h"

enum { MIN_ROWS = 8 }; /* of a parallel axis, if one has so many */

/* ---- lanes ---- */

static bool is_outer(const KNest *n, int a) {
  for (int i = 0; i < n->nouter; i++)
    if (n->outer[i] == a) return true;
  return false;
}

static bool value_has_lanes(const Kernel *k, const NestSchedule *s, const KVal *v) {
  Module *m = s->nest->axes.m;
  if (!vec_has_type(v->type)) return false;
  if (v->kind == KV_LOAD) return !k->buf[v->buf].cols || s->panels_resolved;
  if (v->kind == KV_OP) return vec_has_op((Op)v->op, (DType)v->type, (DType)s->nest->val[v->arg[0]].type);
  /* the indices of random numbers are vectors of i32 */
  return v->kind != KV_RANDOM || dim_bound(m, type_count(m, node_get(k->gs->g, v->node)->type)) <= INT32_MAX;
}

/* True if every value that differs along axis a can be a vector. */
static bool is_lane(const Kernel *k, const NestSchedule *s, int a) {
  const KNest *n = s->nest;
  if (dim_bound(n->axes.m, n->axes.axis[a].extent) < 4 || n->axes.axis[a].kind != AX_LOOP) return false;
  for (int i = 0; i < n->axes.n; i++)
    if (n->axes.axis[i].kind != AX_LOOP && s->use.axes[0] >> i & 1 && n->axes.axis[i].needs >> a & 1) return false;
  for (int i = 1; i < n->nval; i++)
    if (s->use.uses[i] && n->val[i].needs >> a & 1 && !value_has_lanes(k, s, &n->val[i])) return false;
  for (int i = 0; i < n->nstore; i++) {
    const KBuf *b = &k->buf[n->store[i].buf];
    if (!vec_has_type(b->type) || (b->cols && !s->panels_resolved)) return false;
  }
  return true;
}

/* An inner lane must be the innermost loop of every phase with loops, and accumulations over it must have lanes. */
static bool lane_suits_inner(const NestSchedule *s, int a) {
  const KNest *n = s->nest;
  int64_t extent;
  bool full_blocks = dim_number(n->axes.m, n->axes.axis[a].extent, &extent) && extent % STRICT_LANES == 0;
  for (int p = 0; p < n->nphase; p++) {
    const KPhase *ph = &n->phase[p];
    if (!ph->naxis) continue;
    if (ph->axis[ph->naxis - 1] != a || ph->skip) return false;
    for (int i = 0; i < n->nacc; i++) {
      const KAcc *k = &n->acc[i];
      if (k->phase != p) continue;
      if (!acc_is_arg(k) && (k->order != KO_LANES || (ph->naxis > 1 && !full_blocks))) return false;
      if (!vec_has_type(k->type) || k->type == DT_BOOL) return false;
    }
  }
  for (int i = 0; i < n->nstore; i++)
    if (n->store[i].level == KS_INNER && !n->store[i].at.coef[a]) return false;
  return true;
}

/* For an outer lane, every result must differ from lane to lane. */
static bool lane_suits_outer(const NestSchedule *s, int a) {
  const KNest *n = s->nest;
  for (int i = 0; i < n->nstore; i++)
    if (!n->store[i].at.coef[a]) return false;
  for (int i = 0; i < n->nacc; i++)
    if (!(n->val[n->acc[i].value].needs >> a & 1)) return false;
  return true;
}

/* Contiguous accesses along the axis count for it, gathers and scatters against it. */
static int lane_score(const NestSchedule *s, int a) {
  const KNest *n = s->nest;
  int score = 0;
  for (int i = 1; i < n->nval; i++) {
    int64_t step = n->val[i].at.coef[a];
    if (s->use.uses[i] && n->val[i].kind == KV_LOAD && step) score += step == 1 ? 2 : -3;
  }
  for (int i = 0; i < n->nstore; i++)
    if (n->store[i].at.coef[a]) score += n->store[i].at.coef[a] == 1 ? 2 : -4;
  return score;
}

static void choose_lane(const Kernel *k, const ScheduleOptions *o, NestSchedule *s) {
  const KNest *n = s->nest;
  int best = 0;
  s->lane = -1;
  s->vec = o->vec;
  for (int a = 0; a < n->axes.n; a++) {
    bool outer = is_outer(n, a);
    if (!is_lane(k, s, a) || !(outer ? lane_suits_outer(s, a) : lane_suits_inner(s, a))) continue;
    int score = lane_score(s, a);
    if (score <= best) continue;
    best = score;
    s->lane = a;
    s->lane_outer = outer;
  }
}

/* Makes an outer lane the innermost outer loop. The order of outer loops does not change results. */
static void put_lane_last(NestSchedule *s) {
  KNest *n = ctx_alloc(s->nest->axes.m->c, sizeof *n);
  int w = 0;
  *n = *s->nest;
  for (int i = 0; i < n->nouter; i++)
    if (n->outer[i] != s->lane) n->outer[w++] = n->outer[i];
  n->outer[w] = s->lane;
  s->nest = n;
  s->use = nest_use(n); /* loop levels of values depend on the order of axes */
}

/* ---- branches ---- */

/* The select in whose branch the operands of value v are evaluated if v is their only user. */
static int branch_around(const NestSchedule *s, int v) {
  const KVal *x = &s->nest->val[v];
  if (s->branch[v]) return s->branch[v];
  return x->kind == KV_SELECT && s->lane >= 0 && x->needs >> s->lane & 1 ? v : 0;
}

/* The guards of a select hold for all lanes or for none, so the select can be a branch that skips the values that only
 * it uses, in its loop. That pays for a fold, where an element is in few of the windows that are tested. */
static void find_branches(NestSchedule *s) {
  const KNest *n = s->nest;
  int *uses = ctx_alloc(n->axes.m->c, (size_t)(n->nval + 1) * sizeof *uses); /* from the branch s->branch */
  for (int i = n->nval - 1; i > 0; i--) {                                    /* operands come before their users */
    const KVal *v = &n->val[i], *select = &n->val[s->branch[i]];
    bool own = s->branch[i] && uses[i] == s->use.uses[i] && v->kind != KV_CONST && v->kind != KV_ACC;
    if (!own || v->phase != select->phase ||
        nest_loop_level(n, v->phase, v->needs) != nest_loop_level(n, select->phase, select->needs))
      s->branch[i] = 0;
    int branch = branch_around(s, i);
    for (int k = 0; k < v->nargs && v->kind != KV_ACC && s->use.uses[i]; k++) {
      int x = v->arg[k];
      if (!s->branch[x]) s->branch[x] = branch;
      uses[x] += branch && s->branch[x] == branch;
    }
  }
}

/* ---- blocks of lanes ---- */

enum { MAX_BLOCK = 4, MAX_SUMS = 8 }; /* vectors; of accumulations, which stay in registers */

/* Every value is a load, or computed from loads, at the indices of loops alone. */
static bool has_plain_values(const NestSchedule *s) {
  const KNest *n = s->nest;
  if (s->use.axes[0]) return false;
  for (int i = 1; i < n->nval; i++) {
    KValKind k = n->val[i].kind;
    if (s->use.uses[i] && k != KV_CONST && k != KV_LOAD && k != KV_OP && k != KV_ACC && k != KV_RUN) return false;
  }
  return true;
}

/* The accumulations over loops of a phase; -1: some have no such blocks. */
static int count_sums(const KNest *n, int phase) {
  int sums = 0;
  for (int i = 0; i < n->nacc; i++) {
    if (n->acc[i].phase != phase) continue;
    if (acc_is_arg(&n->acc[i])) return -1;
    sums++;
  }
  return n->phase[phase].naxis ? sums : 0;
}

/* A vector of each of many rows is a short access after a long stride, and its sum waits for the one before. Several
 * neighbouring vectors are read and added up together. */
static void choose_block(NestSchedule *s) {
  const KNest *n = s->nest;
  int most = 0;
  if (s->lane < 0 || !s->lane_outer || !has_plain_values(s)) return;
  for (int i = 0; i < n->nphase; i++) {
    int sums = count_sums(n, i);
    if (sums < 0) return;
    if (sums > most) most = sums;
  }
  if (!most) return;
  s->block = MAX_BLOCK;
  while (s->block > 1 && s->block * most > MAX_SUMS) s->block /= 2;
  while (s->block > 1 && s->block * s->vec > dim_bound(n->axes.m, n->axes.axis[s->lane].extent)) s->block /= 2;
  s->grain = s->vec;
}

/* ---- threads ---- */

/* The outermost axis with enough iterations for the threads, else the longest. */
static int64_t choose_par_axis(const KNest *n, const ScheduleOptions *o, NestSchedule *s) {
  int64_t best = 0, enough = o->serial_cycles == 1 ? 2 : MIN_ROWS;
  for (int i = 0; i < n->nouter; i++) {
    int a = n->outer[i], grain = a != s->lane ? 1 : s->grain > 1 ? s->grain : 4 * s->vec;
    int64_t e = dim_bound(n->axes.m, n->axes.axis[a].extent) / grain + (a == s->lane && o->serial_cycles == 1);
    if (best >= enough || e <= best) continue;
    best = e;
    s->par_axis = a;
    s->grain = grain;
  }
  if (n->par_axis < 0) return best;
  s->par_axis = n->par_axis; /* all nests of a scatter have the same partition */
  s->grain = 64;
  return best;
}

/* Every phase but the last one reduces all of the rows, along one axis, and only results of columns are stored. */
static bool has_chunks(const Kernel *k, const KNest *n) {
  if (!k->group->scratch || k->nnest != 1) return false;
  for (int i = 0; i < n->nphase; i++) {
    StrictOrder r = strict_order(n, i);
    if (i == n->nphase - 1 ? n->phase[i].naxis : r.how != CHUNK_LOOP || n->phase[i].skip) return false;
  }
  for (int i = 0; i < n->nacc; i++)
    if (acc_is_arg(&n->acc[i]) || n->acc[i].type != DT_F32 || n->acc[i].order == KO_SEQ) return false;
  for (int i = 0; i < n->nstore; i++)
    if (n->store[i].level == KS_INNER) return false;
  return true;
}

/* Few columns leave threads without work, or with a part of each row: they partition the rows instead. */
static void choose_chunks(const Kernel *k, const KNest *n, int64_t best, NestSchedule *s) {
  if (best >= MIN_ROWS || !has_chunks(k, n)) return;
  s->chunks = true;
  s->par_axis = -1;
}

void native_schedule_nest(const Kernel *k, const ScheduleOptions *o, NestSchedule *s) {
  const KNest *n = s->nest;
  if (!n->attend && !n->sort) {
    choose_lane(k, o, s);
    choose_block(s);
  }
  int64_t parts = choose_par_axis(n, o, s);
  choose_chunks(k, n, parts, s);
  if (s->lane >= 0 && s->lane_outer) put_lane_last(s);
  find_branches(s);
}

void native_schedule_columns(const Kernel *k, const ScheduleOptions *o, NestSchedule *s) {
  choose_lane(k, o, s);
  if (!s->lane_outer) s->lane = -1;
}
