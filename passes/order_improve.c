/* Local improvement of an order of kernels.
 *
 * At the first turn where most bytes live, each value that lives through it is looked at: can the kernel that makes it
 * run later, or can its last readers run earlier? A kernel that moves takes along what depends on it, or what it
 * depends on, of the kernels that it passes. The first move that lowers this peak is made, and the search starts again;
 * values bound to the turn by what it needs, or by what needs it, are left out, so that the search mostly ends soon. */
#include "passes/sched.h"
#include <string.h>

enum { MAX_TURNS = 4000000 }; /* turns of all trials together */

typedef struct Search {
  Sched *s;
  int *seq, *pos;
  int64_t *before, *during; /* bytes alive before and while a turn runs */
  int peak;                 /* the first turn with the most */
  bool *above, *below;      /* per group: the peak's kernel needs it; it needs the peak's kernel */
  bool *moved;              /* per group: of the trial */
  int *trial;               /* the new order of the window */
  int64_t turns;
} Search;

static void measure(Search *x) {
  int64_t live = 0;
  x->peak = 0;
  for (int t = 0; t < x->s->n; t++) x->pos[x->seq[t]] = t;
  for (int t = 0; t < x->s->n; t++) {
    x->before[t] = live;
    x->during[t] = sched_turn(x->s, x->pos, x->seq[t], &live);
    if (x->during[t] > x->during[x->peak]) x->peak = t;
  }
  x->turns += x->s->n;
}

/* What the kernel of the peak needs, and what needs it. */
static void mark_relatives(Search *x) {
  const Sched *s = x->s;
  memset(x->above, 0, (size_t)s->n);
  memset(x->below, 0, (size_t)s->n);
  x->above[x->seq[x->peak]] = x->below[x->seq[x->peak]] = true;
  for (int t = x->peak; t >= 0; t--)
    for (int k = x->seq[t], i = s->pred.first[k]; x->above[k] && i < s->pred.first[k + 1]; i++)
      x->above[s->pred.to[i]] = true;
  for (int t = x->peak; t < s->n; t++)
    for (int k = x->seq[t], i = s->succ.first[k]; x->below[k] && i < s->succ.first[k + 1]; i++)
      x->below[s->succ.to[i]] = true;
  x->turns += s->n;
}

static bool has_moved(const Search *x, const Adjacent *a, int k) {
  for (int i = a->first[k]; i < a->first[k + 1]; i++)
    if (x->moved[a->to[i]]) return true;
  return false;
}

/* Sorts the window [from, to] into what stays and what moves to its other end: the marked groups with all between that
 * depend on them (later), or that they depend on. The marks are taken away. */
static void split_window(Search *x, int from, int to, bool later) {
  int n = to - from + 1, kept = 0, out = 0;
  const Adjacent *bound = later ? &x->s->pred : &x->s->succ;
  x->turns += n;
  for (int i = 0; i < n; i++) { /* moved ones pile up at one end, in the order met, the others at the other */
    int k = x->seq[later ? from + i : to - i];
    if (x->moved[k] || has_moved(x, bound, k)) x->moved[k] = true, out++;
    else x->trial[later ? kept++ : n - 1 - kept++] = k;
  }
  for (int i = n - 1; i >= 0; i--) {
    int k = x->seq[later ? from + i : to - i];
    if (!x->moved[k]) continue;
    x->trial[later ? kept + --out : n - 1 - kept - --out] = k;
    x->moved[k] = false;
  }
}

/* Whether the peak falls, or fewer turns reach it, with the window in the order of `trial`; then it is taken over. */
static bool try_window(Search *x, int from, int to) {
  int64_t peak = x->during[x->peak], live = x->before[from];
  int high = 0, n = to - from + 1;
  for (int t = from; t <= to; t++) high += x->during[t] == peak;
  for (int i = 0; i < n; i++) x->pos[x->trial[i]] = from + i;
  for (int i = 0; i < n && high > 0; i++) {
    int64_t during = sched_turn(x->s, x->pos, x->trial[i], &live);
    x->turns++;
    if (during >= peak) high = during > peak ? 0 : high - 1;
  }
  const int *order = high > 0 ? x->trial : x->seq + from;
  if (high > 0) memcpy(x->seq + from, x->trial, sizeof *x->seq * (size_t)n);
  else for (int i = 0; i < n; i++) x->pos[order[i]] = from + i;
  return high > 0;
}

static void mark_readers(Search *x, Id b) {
  const Adjacent *r = &x->s->readers;
  for (int i = r->first[b]; i < r->first[b + 1]; i++)
    if (x->pos[r->to[i]] > x->peak) x->moved[r->to[i]] = true;
}

/* Made later: behind the peak, then further, by leaps that double. */
static bool delay(Search *x, Id b) {
  int maker = x->s->gs->writer[b], from = x->pos[maker];
  for (int leap = 0; x->peak + leap < x->s->n && x->turns < MAX_TURNS; leap = 2 * leap + 1) {
    x->moved[maker] = true;
    split_window(x, from, x->peak + leap, true);
    if (try_window(x, from, x->peak + leap)) return true;
  }
  return false;
}

/* Freed earlier. */
static bool advance(Search *x, Id b, int last) {
  for (int leap = 0; x->peak - leap >= 0 && x->turns < MAX_TURNS; leap = 2 * leap + 1) {
    mark_readers(x, b);
    split_window(x, x->peak - leap, last, false);
    if (try_window(x, x->peak - leap, last)) return true;
  }
  return false;
}

/* The turn of the last reader; *bound: one of the readers from the peak on needs the peak's kernel. */
static int last_reader(const Search *x, Id b, bool *bound) {
  const Adjacent *r = &x->s->readers;
  int last = -1;
  *bound = false;
  for (int i = r->first[b]; i < r->first[b + 1]; i++) {
    int t = x->pos[r->to[i]];
    *bound |= t >= x->peak && x->below[r->to[i]];
    if (t > last) last = t;
  }
  return last;
}

static bool lower_peak(Search *x) {
  const Sched *s = x->s;
  mark_relatives(x);
  for (int t = x->peak - 1; t >= 0; t--) {
    const Group *p = &s->gs->group[x->seq[t]];
    for (int i = 0; i < p->nwrite && x->turns < MAX_TURNS; i++) {
      Id b = p->write[i];
      bool bound = false;
      int last = s->bytes[b] ? last_reader(x, b, &bound) : -1;
      if (last < x->peak) continue; /* not alive */
      if (!x->above[x->seq[t]] && delay(x, b)) return true;
      if (!bound && advance(x, b, last)) return true;
    }
  }
  return false;
}

int64_t sched_improve(Sched *s, int *seq) {
  size_t n = (size_t)s->n + 1;
  Search x = {.s = s, .seq = seq, .pos = ctx_alloc(s->c, n * sizeof(int)),
              .before = ctx_alloc(s->c, n * sizeof(int64_t)), .during = ctx_alloc(s->c, n * sizeof(int64_t)),
              .above = ctx_alloc(s->c, n), .below = ctx_alloc(s->c, n), .moved = ctx_alloc(s->c, n),
              .trial = ctx_alloc(s->c, n * sizeof(int))};
  if (!s->n) return 0;
  do measure(&x);
  while (x.turns < MAX_TURNS && lower_peak(&x));
  return x.during[x.peak];
}
