/* SPDX-License-Identifier: Apache-2.0 */
/* Plans along the chain of blocks, by dynamic programming.
 *
 * A plan divides the chain into segments. A segment of one block keeps what the backward pass needs of it, or drops
 * some: each block has a list of such options, built greedily by bytes freed per second of recomputation. A segment of
 * several blocks keeps only its inputs and tiny buffers, and runs a second time. While a segment runs, forward or
 * backward, earlier segments hold what they keep. So the peak of a plan is the highest peak of its segments, each on
 * top of the bytes kept before it, and a prefix of a plan is described by its kept bytes, its peak and its time. Exact
 * while such states are few; then they are rounded to fewer. */
#include "passes/checkpoint/checkpoint.h"
#include "passes/costs.h"
#include <stdlib.h>
#include <string.h>

typedef struct Segment {
  int from, to; /* blocks, inclusive */
  Outcome out;
  const int *keeps;
  int nkeeps; /* buffers */
} Segment;

typedef struct State {
  int64_t kept_bytes, peak; /* of all segments so far */
  double recompute_seconds;
  int segment, prev; /* the last segment; index of the previous state, in the list of that segment's first block */
} State;
typedef struct States {
  State *v;
  int n, cap;
} States;

typedef struct Chain {
  StepModel *m;
  Segment *seg;
  int nseg, capseg;
  States *end;      /* per block: states of the plans for all blocks before it */
  bool *kept, *was; /* per buffer, scratch for making segments */
} Chain;

/* ---- segments ---- */

static void add_segment(Chain *c, int from, int to, Outcome o) {
  StepModel *m = c->m;
  int *keeps = ctx_alloc(m->c, sizeof *keeps * (size_t)(m->nbuf + 1)), n = 0;
  for (int b = 0; b < m->nbuf; b++)
    if (c->kept[b]) keeps[n++] = b;
  *VEC_PUSH(m->c, c->seg, c->nseg, c->capseg) = (Segment){from, to, o, keeps, n};
}

static bool is_inner(const StepModel *m, int b, int block) {
  return m->buf[b].block == block && !m->buf[b].block_input;
}

/* Simulates the block with b kept or dropped and the rest as in `now`. */
static Outcome simulate_with(Chain *c, int block, int b, bool keep, const bool *now) {
  memcpy(c->kept, now, (size_t)c->m->nbuf);
  c->kept[b] = keep;
  return simulate_blocks(c->m, block, block, c->kept);
}

/* Changes c->kept for one buffer of the block: drops the one that frees most bytes per second, or keeps the one that
 * saves most seconds per byte. False: no change helps. */
static bool drop_or_keep_one(Chain *c, int block, bool keep, Outcome *now) {
  StepModel *m = c->m;
  double rate = 0;
  int best = -1;
  bool *was = c->was;
  memcpy(was, c->kept, (size_t)m->nbuf);
  for (int b = 0; b < m->nbuf; b++) {
    if (!m->buf[b].needed_by_backward || m->buf[b].tiny || was[b] == keep || !is_inner(m, b, block)) continue;
    Outcome o = simulate_with(c, block, b, keep, was);
    double bytes = (double)(o.kept_bytes - now->kept_bytes), time = o.recompute_seconds - now->recompute_seconds;
    if (keep ? time >= 0 : bytes >= 0) continue;
    double r = keep ? -time / (bytes > 1 ? bytes : 1) : -bytes / (time > 1e-12 ? time : 1e-12);
    if (r <= rate) continue;
    rate = r;
    best = b;
  }
  memcpy(c->kept, was, (size_t)m->nbuf);
  if (best >= 0) *now = simulate_with(c, block, best, keep, was);
  return best >= 0;
}

/* Sets c->kept to the tiny buffers, which are always kept: recomputing one needs all of its much larger operands. */
static void keep_tiny(Chain *c, int from, int to) {
  const Buf *x = c->m->buf;
  for (int b = 0; b < c->m->nbuf; b++)
    c->kept[b] = x[b].tiny && x[b].needed_by_backward && x[b].block >= from && x[b].block <= to;
}

/* Options of one block: keep all that is needed, then drop one buffer at a time; and keep only inputs, then keep one
 * more at a time. */
static void add_options(Chain *c, int block) {
  StepModel *m = c->m;
  for (int keep = 0; keep < 2; keep++) {
    keep_tiny(c, block, block);
    for (int b = 0; b < m->nbuf; b++)
      c->kept[b] |= m->buf[b].block == block && m->buf[b].needed_by_backward && (!keep || m->buf[b].block_input);
    Outcome now = simulate_blocks(m, block, block, c->kept);
    do add_segment(c, block, block, now);
    while (drop_or_keep_one(c, block, keep, &now));
  }
}

static void find_segments(Chain *c) {
  StepModel *m = c->m;
  for (int i = 0; i < m->nblock; i++) add_options(c, i);
  for (int i = 0; i < m->nblock; i++)
    for (int j = i + 1; j < m->nblock; j++) {
      keep_tiny(c, i, j);
      Outcome o = simulate_blocks(m, i, j, c->kept);
      add_segment(c, i, j, o);
    }
}

/* ---- states ---- */

static int by_kept_bytes(const void *a, const void *b) {
  const State *x = a, *y = b;
  if (x->kept_bytes != y->kept_bytes) return x->kept_bytes < y->kept_bytes ? -1 : 1;
  if (x->peak != y->peak) return x->peak < y->peak ? -1 : 1;
  if (x->recompute_seconds != y->recompute_seconds) return x->recompute_seconds < y->recompute_seconds ? -1 : 1;
  return x->segment != y->segment ? x->segment - y->segment : x->prev - y->prev;
}

/* Removes states dominated in all three measures. `front`: the Pareto front, in peak and time, of the states so far, by
 * rising peak and falling time. */
static void keep_pareto(Ctx *c, States *s) {
  State *front = ctx_alloc(c, sizeof *front * (size_t)(s->n + 1));
  int n = 0, left = 0;
  qsort(s->v, (size_t)s->n, sizeof *s->v, by_kept_bytes);
  for (int i = 0; i < s->n; i++) {
    State x = s->v[i];
    int lo = 0, hi = n; /* the first of the front with a larger peak */
    while (lo < hi) {
      int mid = (lo + hi) / 2;
      if (front[mid].peak > x.peak) hi = mid;
      else lo = mid + 1;
    }
    if (lo && front[lo - 1].recompute_seconds <= x.recompute_seconds) continue;
    s->v[left++] = x;
    int end = lo, at = lo && front[lo - 1].peak == x.peak ? lo - 1 : lo;
    while (end < n && front[end].recompute_seconds >= x.recompute_seconds) end++;
    memmove(&front[at + 1], &front[end], sizeof x * (size_t)(n - end));
    front[at] = x;
    n += at + 1 - end;
  }
  s->n = left;
}

static int64_t round_up(int64_t v, int64_t unit) { return (v + unit - 1) / unit * unit; }

/* Too many states: rounds kept bytes and peaks up to fewer levels. */
static void coarsen_states(Ctx *c, States *s) {
  keep_pareto(c, s);
  for (int64_t levels = STATE_LEVELS; s->n > MAX_STATES; levels /= 2) {
    int64_t kept_bytes = 1, peak = 1;
    for (int i = 0; i < s->n; i++) {
      kept_bytes = s->v[i].kept_bytes > kept_bytes ? s->v[i].kept_bytes : kept_bytes;
      peak = s->v[i].peak > peak ? s->v[i].peak : peak;
    }
    for (int i = 0; i < s->n; i++) {
      s->v[i].kept_bytes = round_up(s->v[i].kept_bytes, kept_bytes / levels + 1);
      s->v[i].peak = round_up(s->v[i].peak, peak / levels + 1);
    }
    keep_pareto(c, s);
  }
}

static void run_chain(Chain *c) {
  StepModel *m = c->m;
  c->end = ctx_alloc(m->c, sizeof *c->end * (size_t)(m->nblock + 1));
  *VEC_PUSH(m->c, c->end[0].v, c->end[0].n, c->end[0].cap) = (State){.segment = -1};
  for (int j = 0; j < m->nblock; j++) {
    States *s = &c->end[j + 1];
    for (int k = 0; k < c->nseg; k++) {
      const Segment *g = &c->seg[k];
      for (int i = 0; g->to == j && i < c->end[g->from].n; i++) {
        const State *x = &c->end[g->from].v[i];
        State y = {x->kept_bytes + g->out.kept_bytes, x->kept_bytes + g->out.peak,
                   x->recompute_seconds + g->out.recompute_seconds, k, i};
        if (y.peak < x->peak) y.peak = x->peak;
        *VEC_PUSH(m->c, s->v, s->n, s->cap) = y;
        if (s->n > 20 * MAX_STATES) coarsen_states(m->c, s);
      }
    }
    coarsen_states(m->c, s);
  }
}

/* ---- plans ---- */

static const bool *kept_by(const Chain *c, const State *s) {
  bool *kept = ctx_alloc(c->m->c, (size_t)c->m->nbuf);
  for (; s->segment >= 0; s = &c->end[c->seg[s->segment].from].v[s->prev])
    for (int i = 0; i < c->seg[s->segment].nkeeps; i++) kept[c->seg[s->segment].keeps[i]] = true;
  return kept;
}

/* Picks at max `max` of the plans, which are sorted by rising peak and falling time: the fastest below each of
 * equidistant peaks. */
static int pick(const States *s, int max, int *picked) {
  int n = 0;
  if (s->n <= max) {
    for (; n < s->n; n++) picked[n] = n;
    return n;
  }
  double low = (double)s->v[0].peak, range = (double)s->v[s->n - 1].peak - low;
  for (int k = 0, i = 0; k < max; k++) {
    while (i + 1 < s->n && (double)s->v[i + 1].peak <= low + range * k / (max - 1)) i++;
    if (!n || picked[n - 1] != i) picked[n++] = i;
  }
  return n;
}

ChainPlan *chain_plans(StepModel *m, int max, int *n) {
  Chain c = {.m = m, .kept = ctx_alloc(m->c, (size_t)m->nbuf), .was = ctx_alloc(m->c, (size_t)m->nbuf)};
  find_segments(&c);
  run_chain(&c);
  States *s = &c.end[m->nblock];
  for (int i = 0; i < s->n; i++) s->v[i].kept_bytes = 0; /* no block is left that it would matter to */
  keep_pareto(m->c, s);                                  /* also sorts */
  int *picked = ctx_alloc(m->c, sizeof *picked * (size_t)(max + 1));
  *n = pick(s, max, picked);
  ChainPlan *v = ctx_alloc(m->c, sizeof *v * (size_t)(*n + 1));
  for (int i = 0; i < *n; i++) {
    const State *x = &s->v[picked[i]];
    v[i] = (ChainPlan){x->recompute_seconds, x->peak, kept_by(&c, x)};
  }
  return v;
}
