/* SPDX-License-Identifier: Apache-2.0 */
/* Dynamic storage allocation in four stages, until the lower bound is reached: sweeps through time with a free list
 * (nearly linear), greedy placements sorted by size and lifetime, a sweep that backtracks, which is good at deep
 * networks, whose layers each have to be solved but hardly depend on one another, and a local search over placement
 * orders. Placements are quadratic and only made while the budget of pairs lasts. */
#include "passes/algo/offsets.h"
#include "passes/costs.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_RUNS = 2 }; /* placements with the larger budget of work */
typedef enum FitRule { FIRST_FIT, BEST_FIT, FIT_COUNT } FitRule;

int64_t peak_lower_bound(Ctx *c, const Interval *r, int n, int steps) {
  int64_t *change = ctx_alloc(c, sizeof *change * (size_t)(steps + 1)), live = 0, highest = 0;
  for (int i = 0; i < n; i++) {
    change[r[i].start] += r[i].size;
    change[r[i].end + 1] -= r[i].size;
  }
  for (int t = 0; t <= steps; t++)
    if ((live += change[t]) > highest) highest = live;
  return highest;
}

/* ---- sweeps through time, forwards or backwards ---- */

typedef struct FreeBlock {
  int64_t at, size;
} FreeBlock;
typedef struct FreeList {
  FreeBlock *v;
  int n, cap;
} FreeList; /* by rising `at`; the last block has no end */

static int64_t free_list_alloc(FreeList *h, int64_t size, FitRule fit) {
  int best = h->n - 1;
  for (int i = 0; i < h->n - 1; i++) {
    if (h->v[i].size < size || (best < h->n - 1 && h->v[i].size >= h->v[best].size)) continue;
    best = i;
    if (fit == FIRST_FIT) break;
  }
  FreeBlock *p = &h->v[best];
  int64_t at = p->at;
  p->at += size;
  if (best == h->n - 1) return at;
  p->size -= size;
  if (!p->size) memmove(p, p + 1, sizeof *p * (size_t)(--h->n - best));
  return at;
}

static void free_list_free(Ctx *c, FreeList *h, int64_t at, int64_t size) {
  int lo = 0, hi = h->n - 1; /* the first block after `at` */
  while (lo < hi) {
    int mid = (lo + hi) / 2;
    if (h->v[mid].at > at) hi = mid;
    else lo = mid + 1;
  }
  FreeBlock *next = &h->v[lo], *prev = lo ? &h->v[lo - 1] : NULL;
  bool joins_next = next->at == at + size, joins_prev = prev && prev->at + prev->size == at;
  if (joins_next && joins_prev) {
    prev->size += size + next->size;
    memmove(next, next + 1, sizeof *next * (size_t)(--h->n - lo));
    if (lo == h->n) h->v[lo - 1].size = 0; /* now the unbounded last block */
  } else if (joins_next) {
    next->at = at;
    if (lo < h->n - 1) next->size += size;
  } else if (joins_prev) {
    prev->size += size;
  } else {
    (void)VEC_PUSH(c, h->v, h->n, h->cap);
    memmove(&h->v[lo + 1], &h->v[lo], sizeof *h->v * (size_t)(h->n - 1 - lo));
    h->v[lo] = (FreeBlock){at, size};
  }
}

typedef struct StepLists {
  int *first, *next;
} StepLists; /* intervals per step */

static StepLists list_by_step(Ctx *c, int n, int steps, const int *step) {
  StepLists k = {ctx_alloc(c, sizeof(int) * (size_t)(steps + 1)), ctx_alloc(c, sizeof(int) * (size_t)(n + 1))};
  for (int i = n - 1; i >= 0; i--) {
    k.next[i] = k.first[step[i]];
    k.first[step[i]] = i + 1;
  }
  return k;
}

static int64_t sweep_time(Ctx *c, Interval *r, int n, int steps, bool backwards, FitRule fit) {
  int *start = ctx_alloc(c, sizeof(int) * (size_t)(n + 1)), *end = ctx_alloc(c, sizeof(int) * (size_t)(n + 1));
  for (int i = 0; i < n; i++) {
    start[i] = backwards ? steps - 1 - r[i].end : r[i].start;
    end[i] = backwards ? steps - 1 - r[i].start : r[i].end;
  }
  StepLists starts = list_by_step(c, n, steps, start), ends = list_by_step(c, n, steps, end);
  FreeList h = {0};
  *VEC_PUSH(c, h.v, h.n, h.cap) = (FreeBlock){0, 0};
  int64_t top = 0;
  for (int t = 0; t < steps; t++) {
    for (int i = t ? ends.first[t - 1] : 0; i; i = ends.next[i - 1])
      free_list_free(c, &h, r[i - 1].offset, r[i - 1].size);
    for (int i = starts.first[t]; i; i = starts.next[i - 1]) {
      r[i - 1].offset = free_list_alloc(&h, r[i - 1].size, fit);
      if (r[i - 1].offset + r[i - 1].size > top) top = r[i - 1].offset + r[i - 1].size;
    }
  }
  return top;
}

/* ---- greedy placement, one buffer at a time ---- */

typedef enum SortKey { BY_SIZE_TIMES_LIFE, BY_SIZE, BY_LIFE, SORT_KEYS } SortKey;
typedef struct Item {
  double key;
  int i;
} Item;
typedef struct Placement {
  Interval *r;
  int n;
  Item *item;       /* order of placement */
  Interval *placed; /* by rising offset */
  int peak;         /* index in that order of the buffer that ends at the top */
} Placement;

static int compare_items(const void *a, const void *b) {
  const Item *x = a, *y = b;
  return x->key != y->key ? (x->key < y->key ? 1 : -1) : x->i - y->i;
}

static void sort_by(Placement *p, SortKey key) {
  for (int i = 0; i < p->n; i++) {
    double life = p->r[i].end - p->r[i].start + 1, size = (double)p->r[i].size;
    p->item[i] = (Item){key == BY_SIZE ? size : key == BY_LIFE ? life : size * life, i};
  }
  qsort(p->item, (size_t)p->n, sizeof *p->item, compare_items);
}

/* The first or the best gap between the `k` placed buffers that are alive with x. */
static int64_t find_gap(const Interval *placed, int k, const Interval *x, FitRule fit) {
  int64_t top = 0, best = -1, best_gap = 0;
  for (int at = 0; at < k; at++) {
    const Interval *p = &placed[at];
    if (p->end < x->start || p->start > x->end) continue;
    int64_t gap = p->offset - top;
    if (gap >= x->size && (best < 0 || gap < best_gap)) {
      best = top;
      best_gap = gap;
      if (fit == FIRST_FIT) return best;
    }
    if (p->offset + p->size > top) top = p->offset + p->size;
  }
  return best < 0 ? top : best;
}

static int64_t placement_pairs(const Placement *p) { return (int64_t)p->n * p->n / 2 + 1; }

/* Stops as soon as the top exceeds `limit`. */
static int64_t place_greedily(Placement *p, FitRule fit, int64_t limit) {
  int64_t top = 0;
  for (int k = 0; k < p->n && top <= limit; k++) {
    Interval *x = &p->r[p->item[k].i];
    x->offset = find_gap(p->placed, k, x, fit);
    if (x->offset + x->size > top) {
      top = x->offset + x->size;
      p->peak = k;
    }
    int at = k;
    for (; at > 0 && p->placed[at - 1].offset > x->offset; at--) p->placed[at] = p->placed[at - 1];
    p->placed[at] = *x;
  }
  return top;
}

/* ---- a sweep through time that backtracks ---- */

typedef struct Backtrack {
  Interval *r;
  int64_t limit;
  int *item, *choice;           /* in the order of their starts; how many offsets of each have been tried */
  int *live, nlive;             /* by rising offset */
  int *dead, *dead_from, ndead; /* no longer live, since the placement of item dead_from */
} Backtrack;

static void live_add(Backtrack *b, int i) {
  int at = b->nlive++;
  for (; at > 0 && b->r[b->live[at - 1]].offset > b->r[i].offset; at--) b->live[at] = b->live[at - 1];
  b->live[at] = i;
}

static void live_remove(Backtrack *b, int i) {
  int at = 0;
  while (b->live[at] != i) at++;
  memmove(b->live + at, b->live + at + 1, sizeof *b->live * (size_t)(--b->nlive - at));
}

static void retire(Backtrack *b, int k) {
  int n = 0;
  for (int i = 0; i < b->nlive; i++) {
    int x = b->live[i];
    if (b->r[x].end >= b->r[b->item[k]].start) {
      b->live[n++] = x;
    } else {
      b->dead_from[b->ndead] = k;
      b->dead[b->ndead++] = x;
    }
  }
  b->nlive = n;
}

/* The end of a gap, counted from the lowest one on, in which x fits; -1: there are no more. */
static int64_t nth_end(const Backtrack *b, const Interval *x, int n) {
  int64_t top = 0;
  for (int at = 0; at <= b->nlive; at++) {
    const Interval *p = at < b->nlive ? &b->r[b->live[at]] : NULL;
    int64_t gap = (p ? p->offset : b->limit) - top;
    int ends = gap < x->size ? 0 : gap == x->size ? 1 : 2;
    if (n < ends) return n ? top + gap - x->size : top;
    n -= ends;
    if (p) top = p->offset + p->size;
  }
  return -1;
}

static Backtrack backtrack_start(Ctx *c, Interval *r, int n, int steps, int64_t limit) {
  size_t bytes = sizeof(int) * (size_t)(n + 1);
  Backtrack b = {.r = r, .limit = limit, .item = ctx_alloc(c, bytes), .choice = ctx_alloc(c, bytes)};
  b.live = ctx_alloc(c, bytes), b.dead = ctx_alloc(c, bytes), b.dead_from = ctx_alloc(c, bytes);
  int *start = ctx_alloc(c, bytes), k = 0;
  for (int i = 0; i < n; i++) start[i] = r[i].start;
  StepLists starts = list_by_step(c, n, steps, start);
  for (int t = 0; t < steps; t++)
    for (int i = starts.first[t], from = k; i; i = starts.next[i - 1]) {
      int at = k++; /* the largest of a step first */
      for (; at > from && r[b.item[at - 1]].size < r[i - 1].size; at--) b.item[at] = b.item[at - 1];
      b.item[at] = i - 1;
    }
  return b;
}

/* Places the buffers in the order of their starts, each at an end of a gap below the limit; where there is none, the
 * one before it moves to its next. False: it cannot be, or the budget is exhausted. */
static bool place_backtracking(Ctx *c, Interval *r, int n, int steps, int64_t limit) {
  Backtrack b = backtrack_start(c, r, n, steps, limit);
  int k = 0;
  for (int64_t work = 0; k < n; work += b.nlive + 1) {
    if (work > OFFSET_BACKTRACK_WORK) return false;
    Interval *x = &r[b.item[k]];
    if (!b.choice[k]) retire(&b, k);
    int64_t at = nth_end(&b, x, b.choice[k]++);
    if (at >= 0) {
      x->offset = at;
      live_add(&b, b.item[k++]);
      b.choice[k] = 0;
      continue;
    }
    while (b.ndead && b.dead_from[b.ndead - 1] == k) live_add(&b, b.dead[--b.ndead]);
    if (!k) return false;
    live_remove(&b, b.item[--k]);
  }
  return true;
}

/* ---- choice ---- */

typedef struct Best {
  int64_t top, bound, *offset;
} Best;

static void keep_better(Best *b, const Interval *r, int n, int64_t top) {
  if (top >= b->top) return;
  b->top = top;
  for (int i = 0; i < n; i++) b->offset[i] = r[i].offset;
}

/* splitmix64 with a fixed seed: the same plan everywhere. */
static int random_below(uint64_t *s, int n) {
  uint64_t z = *s += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (int)(((z ^ z >> 31) >> 33) % (uint64_t)n);
}

static void shift(Item *v, int from, int to) {
  Item x = v[from];
  if (from > to) memmove(v + to + 1, v + to, sizeof x * (size_t)(from - to));
  else memmove(v + from, v + from + 1, sizeof x * (size_t)(to - from));
  v[to] = x;
}

/* Moves the buffer that ends at the top to a random earlier index of the order. A move that raises the top is undone,
 * except for one in 16, which leaves local minima. */
static void local_search(Placement *p, Best *b, SortKey key, int64_t pairs) {
  uint64_t seed = 1;
  sort_by(p, key);
  int64_t top = place_greedily(p, FIRST_FIT, INT64_MAX);
  while (b->top > b->bound && (pairs += placement_pairs(p)) <= OFFSET_WORK) {
    int from = p->peak, to = from ? random_below(&seed, from) : 0;
    shift(p->item, from, to);
    int64_t now = place_greedily(p, FIRST_FIT, top);
    bool away = now > top && !random_below(&seed, 16);
    if (away) now = place_greedily(p, FIRST_FIT, INT64_MAX);
    if (away || now <= top) {
      keep_better(b, p->r, p->n, now);
      top = now;
    } else {
      shift(p->item, to, from);
      p->peak = from;
    }
  }
}

int64_t assign_offsets(Ctx *c, Interval *r, int n, int steps) {
  if (!n) return 0;
  int64_t pairs = 0;
  size_t count = (size_t)n;
  Best b = {INT64_MAX, peak_lower_bound(c, r, n, steps), ctx_alloc(c, sizeof *b.offset * count)};
  Placement p = {r, n, ctx_alloc(c, sizeof *p.item * count), ctx_alloc(c, sizeof *p.placed * count), 0};
  for (int k = 0; k < 2 * FIT_COUNT && b.top > b.bound; k++)
    keep_better(&b, r, n, sweep_time(c, r, n, steps, k / FIT_COUNT, k % FIT_COUNT));
  int64_t lowest = INT64_MAX;
  SortKey start = 0;
  for (int k = 0; k < SORT_KEYS * FIT_COUNT && b.top > b.bound; k++) {
    if ((pairs += placement_pairs(&p)) > (k < FIRST_RUNS ? OFFSET_FIRST_WORK : OFFSET_WORK)) break;
    sort_by(&p, k % SORT_KEYS);
    int64_t top = place_greedily(&p, k / SORT_KEYS, INT64_MAX);
    if (top < lowest) {
      lowest = top;
      start = k % SORT_KEYS;
    }
    keep_better(&b, r, n, top);
  }
  if (b.top > b.bound && place_backtracking(c, r, n, steps, b.bound)) keep_better(&b, r, n, b.bound);
  if (b.top > b.bound && (pairs += placement_pairs(&p)) <= OFFSET_WORK) local_search(&p, &b, start, pairs);
  for (int i = 0; i < n; i++) r[i].offset = b.offset[i];
  return b.top;
}

/* ---- a memo ---- */

typedef struct Assigned {
  uint64_t hash;
  int n;
  Interval *asked;
  int64_t *offset, top;
} Assigned;

struct OffsetMemo {
  Ctx *c;
  Assigned *v;
  int n, cap;
};

OffsetMemo *offset_memo_new(Ctx *c) {
  OffsetMemo *m = ctx_alloc(c, sizeof *m);
  m->c = c;
  return m;
}

static const Assigned *memo_find(const OffsetMemo *m, const Interval *r, int n, uint64_t hash) {
  for (int i = 0; i < m->n; i++)
    if (m->v[i].hash == hash && m->v[i].n == n && !memcmp(m->v[i].asked, r, sizeof *r * (size_t)n)) return &m->v[i];
  return NULL;
}

static const Assigned *memo_add(OffsetMemo *m, const Interval *r, int n, int steps, uint64_t hash) {
  size_t bytes = sizeof *r * (size_t)n;
  Interval *asked = ctx_alloc(m->c, bytes + 1);
  memcpy(asked, r, bytes);
  Ctx *c = ctx_fork(m->c);
  Interval *placed = ctx_alloc(c, bytes + 1);
  memcpy(placed, r, bytes);
  Assigned a = {hash, n, asked, ctx_alloc(m->c, sizeof *a.offset * (size_t)n + 1), assign_offsets(c, placed, n, steps)};
  for (int i = 0; i < n; i++) a.offset[i] = placed[i].offset;
  ctx_free(c);
  Assigned *to = VEC_PUSH(m->c, m->v, m->n, m->cap);
  *to = a;
  return to;
}

int64_t offset_memo_assign(OffsetMemo *m, Interval *r, int n, int steps) {
  if (!n) return 0;
  for (int i = 0; i < n; i++) r[i].offset = 0;
  uint64_t hash = hash_bytes(r, sizeof *r * (size_t)n, (uint64_t)steps);
  const Assigned *a = memo_find(m, r, n, hash);
  if (!a) a = memo_add(m, r, n, steps, hash);
  for (int i = 0; i < n; i++) r[i].offset = a->offset[i];
  return a->top;
}
