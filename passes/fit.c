/* Offsets: sweeps through time with a list of holes, which are nearly linear; then greedy placements in orders of size
 * and lifetime; then a climb from order to order towards the bound. Placements are quadratic, and so only made while
 * steps last. */
#include "passes/fit.h"
#include <stdlib.h>
#include <string.h>

/* Pairs of buffers that all placements may look at; the first two are worth more. */
enum { FIRST = 2, FIRST_STEPS = 400000000, MAX_STEPS = 40000000 };
typedef enum Fit { LOWEST, TIGHTEST, NFITS } Fit;

int64_t fit_bound(Ctx *c, const Rect *r, int n, int turns) {
  int64_t *change = ctx_alloc(c, sizeof *change * (size_t)(turns + 1)), live = 0, most = 0;
  for (int i = 0; i < n; i++) {
    change[r[i].birth] += r[i].size;
    change[r[i].death + 1] -= r[i].size;
  }
  for (int t = 0; t <= turns; t++)
    if ((live += change[t]) > most) most = live;
  return most;
}

/* ---- sweeps: turn by turn, forwards or backwards ---- */

typedef struct Hole { int64_t at, size; } Hole;
typedef struct Holes { Hole *v; int n, cap; } Holes; /* by rising `at`; the last one has no end */

static int64_t holes_take(Holes *h, int64_t size, Fit fit) {
  int best = h->n - 1;
  for (int i = 0; i < h->n - 1; i++) {
    if (h->v[i].size < size || (best < h->n - 1 && h->v[i].size >= h->v[best].size)) continue;
    best = i;
    if (fit == LOWEST) break;
  }
  Hole *p = &h->v[best];
  int64_t at = p->at;
  p->at += size;
  if (best == h->n - 1) return at;
  p->size -= size;
  if (!p->size) memmove(p, p + 1, sizeof *p * (size_t)(--h->n - best));
  return at;
}

static void holes_give(Ctx *c, Holes *h, int64_t at, int64_t size) {
  int lo = 0, hi = h->n - 1; /* the first hole behind `at` */
  while (lo < hi) {
    int mid = (lo + hi) / 2;
    if (h->v[mid].at > at) hi = mid;
    else lo = mid + 1;
  }
  Hole *next = &h->v[lo], *prev = lo ? &h->v[lo - 1] : NULL;
  bool joins_next = next->at == at + size, joins_prev = prev && prev->at + prev->size == at;
  if (joins_next && joins_prev) {
    prev->size += size + next->size;
    memmove(next, next + 1, sizeof *next * (size_t)(--h->n - lo));
    if (lo == h->n) h->v[lo - 1].size = 0; /* it has become the last one */
  } else if (joins_next) {
    next->at = at;
    if (lo < h->n - 1) next->size += size;
  } else if (joins_prev) {
    prev->size += size;
  } else {
    (void)VEC_PUSH(c, h->v, h->n, h->cap);
    memmove(&h->v[lo + 1], &h->v[lo], sizeof *h->v * (size_t)(h->n - 1 - lo));
    h->v[lo] = (Hole){at, size};
  }
}

typedef struct Chain { int *first, *next; } Chain; /* rectangles per turn */

static Chain chain_by(Ctx *c, int n, int turns, const int *turn) {
  Chain k = {ctx_alloc(c, sizeof(int) * (size_t)(turns + 1)), ctx_alloc(c, sizeof(int) * (size_t)(n + 1))};
  for (int i = n - 1; i >= 0; i--) {
    k.next[i] = k.first[turn[i]];
    k.first[turn[i]] = i + 1;
  }
  return k;
}

static int64_t sweep(Ctx *c, Rect *r, int n, int turns, bool backwards, Fit fit) {
  int *birth = ctx_alloc(c, sizeof(int) * (size_t)(n + 1)), *death = ctx_alloc(c, sizeof(int) * (size_t)(n + 1));
  for (int i = 0; i < n; i++) {
    birth[i] = backwards ? turns - 1 - r[i].death : r[i].birth;
    death[i] = backwards ? turns - 1 - r[i].birth : r[i].death;
  }
  Chain born = chain_by(c, n, turns, birth), dies = chain_by(c, n, turns, death);
  Holes h = {0};
  *VEC_PUSH(c, h.v, h.n, h.cap) = (Hole){0, 0};
  int64_t top = 0;
  for (int t = 0; t < turns; t++) {
    for (int i = t ? dies.first[t - 1] : 0; i; i = dies.next[i - 1]) holes_give(c, &h, r[i - 1].offset, r[i - 1].size);
    for (int i = born.first[t]; i; i = born.next[i - 1]) {
      r[i - 1].offset = holes_take(&h, r[i - 1].size, fit);
      if (r[i - 1].offset + r[i - 1].size > top) top = r[i - 1].offset + r[i - 1].size;
    }
  }
  return top;
}

/* ---- greedy placement, one buffer after another ---- */

typedef enum Key { SIZE_TIMES_LIFE, SIZE, LIFE, NKEYS } Key;
typedef struct Item { double key; int i; } Item;
typedef struct Placer {
  Rect *r;
  int n;
  Item *item;    /* the order of placement */
  Rect *placed;  /* by rising offset */
  int peak;      /* the place in the order of a buffer that ends at the top */
} Placer;

static int item_order(const void *a, const void *b) {
  const Item *x = a, *y = b;
  return x->key != y->key ? (x->key < y->key ? 1 : -1) : x->i - y->i;
}

static void sort_by(Placer *p, Key key) {
  for (int i = 0; i < p->n; i++) {
    double life = p->r[i].death - p->r[i].birth + 1, size = (double)p->r[i].size;
    p->item[i] = (Item){key == SIZE ? size : key == LIFE ? life : size * life, i};
  }
  qsort(p->item, (size_t)p->n, sizeof *p->item, item_order);
}

/* The lowest or the tightest gap between the `k` buffers placed so far that are alive with x. */
static int64_t find_gap(const Rect *placed, int k, const Rect *x, Fit fit) {
  int64_t end = 0, best = -1, best_gap = 0;
  for (int at = 0; at < k; at++) {
    const Rect *p = &placed[at];
    if (p->death < x->birth || p->birth > x->death) continue;
    int64_t gap = p->offset - end;
    if (gap >= x->size && (best < 0 || gap < best_gap)) {
      best = end;
      best_gap = gap;
      if (fit == LOWEST) return best;
    }
    if (p->offset + p->size > end) end = p->offset + p->size;
  }
  return best < 0 ? end : best;
}

static int64_t placing_steps(const Placer *p) { return (int64_t)p->n * p->n / 2 + 1; }

/* Ends as soon as the top is above `limit`. */
static int64_t place(Placer *p, Fit fit, int64_t limit) {
  int64_t top = 0;
  for (int k = 0; k < p->n && top <= limit; k++) {
    Rect *x = &p->r[p->item[k].i];
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

/* ---- the best of all ---- */

typedef struct Best { int64_t top, bound, *offset; } Best;

static void keep_better(Best *b, const Rect *r, int n, int64_t top) {
  if (top >= b->top) return;
  b->top = top;
  for (int i = 0; i < n; i++) b->offset[i] = r[i].offset;
}

/* splitmix64, from a fixed seed: the same plan everywhere. */
static int rnd(uint64_t *s, int n) {
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

/* The buffer that ends at the top is placed earlier, anywhere before; what makes the top higher is mostly taken back,
 * but not always: one step in 16 leads away. */
static void climb(Placer *p, Best *b, Key key, int64_t steps) {
  uint64_t seed = 1;
  sort_by(p, key);
  int64_t top = place(p, LOWEST, INT64_MAX);
  while (b->top > b->bound && (steps += placing_steps(p)) <= MAX_STEPS) {
    int from = p->peak, to = from ? rnd(&seed, from) : 0;
    shift(p->item, from, to);
    int64_t now = place(p, LOWEST, top);
    bool away = now > top && !rnd(&seed, 16);
    if (away) now = place(p, LOWEST, INT64_MAX);
    if (away || now <= top) {
      keep_better(b, p->r, p->n, now);
      top = now;
    } else {
      shift(p->item, to, from);
      p->peak = from;
    }
  }
}

int64_t fit_rects(Ctx *c, Rect *r, int n, int turns) {
  if (!n) return 0;
  int64_t steps = 0;
  size_t count = (size_t)n;
  Best b = {INT64_MAX, fit_bound(c, r, n, turns), ctx_alloc(c, sizeof *b.offset * count)};
  Placer p = {r, n, ctx_alloc(c, sizeof *p.item * count), ctx_alloc(c, sizeof *p.placed * count), 0};
  for (int k = 0; k < 2 * NFITS && b.top > b.bound; k++)
    keep_better(&b, r, n, sweep(c, r, n, turns, k / NFITS, k % NFITS));
  int64_t least = INT64_MAX;
  Key start = 0;
  for (int k = 0; k < NKEYS * NFITS && b.top > b.bound; k++) {
    if ((steps += placing_steps(&p)) > (k < FIRST ? FIRST_STEPS : MAX_STEPS)) break;
    sort_by(&p, k % NKEYS);
    int64_t top = place(&p, k / NKEYS, INT64_MAX);
    if (top < least) least = top, start = k % NKEYS;
    keep_better(&b, r, n, top);
  }
  if (b.top > b.bound && (steps += placing_steps(&p)) <= MAX_STEPS) climb(&p, &b, start, steps);
  for (int i = 0; i < n; i++) r[i].offset = b.offset[i];
  return b.top;
}
