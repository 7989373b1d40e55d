/* Plans along the chain of blocks, by dynamic programming.
 *
 * A plan parts the chain into segments. A segment of one block keeps all that the backward part wants of it, or drops
 * some of it: an option, of which a block has a list, made greedily by bytes freed for the time they cost. A segment of
 * several blocks keeps nothing but what leads into it, and digests, and runs whole a second time. While a segment runs,
 * forward or backward, the ones before it hold what they keep; so the peak of a plan is that of its segments, each
 * above the sum of what those before it hold, and a plan up to some block matters only by what it holds, its peak and
 * its time. Exact as long as there are few such states; then these are rounded to fewer. */
#include "passes/checkpoint.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_STATES = 3000, LEVELS = 256 };

typedef struct Segment {
  int from, to;         /* blocks, both included */
  Outcome out;
  const int *keeps; int nkeeps; /* buffers */
} Segment;

typedef struct State {
  int64_t held, peak;   /* of all segments so far */
  double added;
  int segment, before;  /* the last one; the state that it follows, of the list for its first block */
} State;
typedef struct States { State *v; int n, cap; } States;

typedef struct Chain {
  Model *m;
  Segment *seg; int nseg, capseg;
  States *end;          /* per block: plans up to and with the one before it */
  bool *kept, *was;     /* per buffer, while segments are made */
} Chain;

/* ---- segments ---- */

static void add_segment(Chain *c, int from, int to, Outcome o) {
  Model *m = c->m;
  int *keeps = ctx_alloc(m->c, sizeof *keeps * (size_t)(m->nbuf + 1)), n = 0;
  for (int b = 0; b < m->nbuf; b++)
    if (c->kept[b]) keeps[n++] = b;
  *VEC_PUSH(m->c, c->seg, c->nseg, c->capseg) = (Segment){from, to, o, keeps, n};
}

static bool is_inner(const Model *m, int b, int block) { return m->buf[b].home == block && !m->buf[b].entry; }

/* What the block does with b kept or dropped, instead of as c->kept says now. */
static Outcome with(Chain *c, int block, int b, bool keep, const bool *now) {
  memcpy(c->kept, now, (size_t)c->m->nbuf);
  c->kept[b] = keep;
  return model_run(c->m, block, block, c->kept);
}

/* Changes c->kept of one buffer of the block: dropped, where that frees most bytes for its time; or kept, where that
 * saves most time for its bytes. False: there is none. */
static bool step(Chain *c, int block, bool keep, Outcome *now) {
  Model *m = c->m;
  double rate = 0;
  int best = -1;
  bool *was = c->was;
  memcpy(was, c->kept, (size_t)m->nbuf);
  for (int b = 0; b < m->nbuf; b++) {
    if (!m->buf[b].wanted || m->buf[b].digest || was[b] == keep || !is_inner(m, b, block)) continue;
    Outcome o = with(c, block, b, keep, was);
    double bytes = (double)(o.held - now->held), time = o.added - now->added;
    if (keep ? time >= 0 : bytes >= 0) continue;
    double r = keep ? -time / (bytes > 1 ? bytes : 1) : -bytes / (time > 1e-12 ? time : 1e-12);
    if (r > rate) rate = r, best = b;
  }
  memcpy(c->kept, was, (size_t)m->nbuf);
  if (best >= 0) *now = with(c, block, best, keep, was);
  return best >= 0;
}

/* Sets c->kept to what is kept in any case: to have it again, all that it was computed from would have to be there. */
static void keep_digests(Chain *c, int from, int to) {
  const Buf *x = c->m->buf;
  for (int b = 0; b < c->m->nbuf; b++)
    c->kept[b] = x[b].digest && x[b].wanted && x[b].home >= from && x[b].home <= to;
}

/* One block: from keeping all that is wanted, one buffer less each time; and from keeping nothing inside, one more. */
static void add_options(Chain *c, int block) {
  Model *m = c->m;
  for (int keep = 0; keep < 2; keep++) {
    keep_digests(c, block, block);
    for (int b = 0; b < m->nbuf; b++)
      c->kept[b] |= m->buf[b].home == block && m->buf[b].wanted && (!keep || m->buf[b].entry);
    Outcome now = model_run(m, block, block, c->kept);
    do add_segment(c, block, block, now);
    while (step(c, block, keep, &now));
  }
}

static void find_segments(Chain *c) {
  Model *m = c->m;
  for (int i = 0; i < m->nblock; i++) add_options(c, i);
  for (int i = 0; i < m->nblock; i++)
    for (int j = i + 1; j < m->nblock; j++) {
      keep_digests(c, i, j);
      Outcome o = model_run(m, i, j, c->kept);
      add_segment(c, i, j, o);
    }
}

/* ---- states ---- */

static int by_held(const void *a, const void *b) {
  const State *x = a, *y = b;
  if (x->held != y->held) return x->held < y->held ? -1 : 1;
  if (x->peak != y->peak) return x->peak < y->peak ? -1 : 1;
  if (x->added != y->added) return x->added < y->added ? -1 : 1;
  return x->segment != y->segment ? x->segment - y->segment : x->before - y->before;
}

/* Leaves the states that no other one is at least as good as in all three. `stair`: of those so far, the ones that none
 * beats in peak and time, by rising peak and falling time. */
static void drop_beaten(Ctx *c, States *s) {
  State *stair = ctx_alloc(c, sizeof *stair * (size_t)(s->n + 1));
  int n = 0, left = 0;
  qsort(s->v, (size_t)s->n, sizeof *s->v, by_held);
  for (int i = 0; i < s->n; i++) {
    State x = s->v[i];
    int lo = 0, hi = n; /* the first step with a larger peak */
    while (lo < hi) {
      int mid = (lo + hi) / 2;
      if (stair[mid].peak > x.peak) hi = mid;
      else lo = mid + 1;
    }
    if (lo && stair[lo - 1].added <= x.added) continue;
    s->v[left++] = x;
    int end = lo, at = lo && stair[lo - 1].peak == x.peak ? lo - 1 : lo;
    while (end < n && stair[end].added >= x.added) end++;
    memmove(&stair[at + 1], &stair[end], sizeof x * (size_t)(n - end));
    stair[at] = x;
    n += at + 1 - end;
  }
  s->n = left;
}

static int64_t round_up(int64_t v, int64_t step) { return (v + step - 1) / step * step; }

/* Too many states: bytes held and peaks count in steps, rounded up. */
static void thin(Ctx *c, States *s) {
  drop_beaten(c, s);
  for (int64_t levels = LEVELS; s->n > MOST_STATES; levels /= 2) {
    int64_t held = 1, peak = 1;
    for (int i = 0; i < s->n; i++) {
      held = s->v[i].held > held ? s->v[i].held : held;
      peak = s->v[i].peak > peak ? s->v[i].peak : peak;
    }
    for (int i = 0; i < s->n; i++) {
      s->v[i].held = round_up(s->v[i].held, held / levels + 1);
      s->v[i].peak = round_up(s->v[i].peak, peak / levels + 1);
    }
    drop_beaten(c, s);
  }
}

static void run_chain(Chain *c) {
  Model *m = c->m;
  c->end = ctx_alloc(m->c, sizeof *c->end * (size_t)(m->nblock + 1));
  *VEC_PUSH(m->c, c->end[0].v, c->end[0].n, c->end[0].cap) = (State){.segment = -1};
  for (int j = 0; j < m->nblock; j++) {
    States *s = &c->end[j + 1];
    for (int k = 0; k < c->nseg; k++) {
      const Segment *g = &c->seg[k];
      for (int i = 0; g->to == j && i < c->end[g->from].n; i++) {
        const State *x = &c->end[g->from].v[i];
        int64_t peak = x->held + g->out.peak;
        *VEC_PUSH(m->c, s->v, s->n, s->cap) = (State){x->held + g->out.held, peak > x->peak ? peak : x->peak,
                                                      x->added + g->out.added, k, i};
        if (s->n > 20 * MOST_STATES) thin(m->c, s);
      }
    }
    thin(m->c, s);
  }
}

/* ---- plans ---- */

static const bool *kept_by(const Chain *c, const State *s) {
  bool *kept = ctx_alloc(c->m->c, (size_t)c->m->nbuf);
  for (; s->segment >= 0; s = &c->end[c->seg[s->segment].from].v[s->before])
    for (int i = 0; i < c->seg[s->segment].nkeeps; i++) kept[c->seg[s->segment].keeps[i]] = true;
  return kept;
}

/* Of plans by rising peak and falling time at most `most`: of every step between the smallest and the largest peak the
 * fastest that keeps below it. */
static int pick(const States *s, int most, int *picked) {
  int n = 0;
  if (s->n <= most) {
    for (; n < s->n; n++) picked[n] = n;
    return n;
  }
  double low = (double)s->v[0].peak, range = (double)s->v[s->n - 1].peak - low;
  for (int k = 0, i = 0; k < most; k++) {
    while (i + 1 < s->n && (double)s->v[i + 1].peak <= low + range * k / (most - 1)) i++;
    if (!n || picked[n - 1] != i) picked[n++] = i;
  }
  return n;
}

Chosen *chain_plans(Model *m, int most, int *n) {
  Chain c = {.m = m, .kept = ctx_alloc(m->c, (size_t)m->nbuf), .was = ctx_alloc(m->c, (size_t)m->nbuf)};
  find_segments(&c);
  run_chain(&c);
  States *s = &c.end[m->nblock];
  for (int i = 0; i < s->n; i++) s->v[i].held = 0; /* no block is left that it would matter to */
  drop_beaten(m->c, s); /* sorts, too */
  int *picked = ctx_alloc(m->c, sizeof *picked * (size_t)(most + 1));
  *n = pick(s, most, picked);
  Chosen *v = ctx_alloc(m->c, sizeof *v * (size_t)(*n + 1));
  for (int i = 0; i < *n; i++) {
    const State *x = &s->v[picked[i]];
    v[i] = (Chosen){x->added, x->peak, kept_by(&c, x)};
  }
  return v;
}
