/* SPDX-License-Identifier: Apache-2.0 */
/* Local search over schedules.
 *
 * For each value alive at the first step of the peak: can its producer run later, or its last readers earlier? A kernel
 * that moves takes along the kernels between that depend on it, or that it depends on. The first move that lowers the
 * peak is made, and the search starts again. Values that the kernel at the peak needs, or whose readers need it, cannot
 * move and are skipped, so that the search mostly ends soon. */
#include "passes/order/order.h"
#include "passes/costs.h"
#include <string.h>

typedef struct Search {
  Sched *s;
  int *seq, *pos;
  int64_t *before, *during;          /* bytes alive before and during a step */
  int peak;                          /* first step with the most */
  bool *is_ancestor, *is_descendant; /* per group, of the kernel at the peak, which counts too */
  bool *moved;                       /* per group, of the trial */
  int *trial;                        /* new order of the window */
  int64_t steps_done;
} Search;

static void measure_order(Search *x) {
  int64_t live = 0;
  x->peak = 0;
  for (int t = 0; t < x->s->n; t++) x->pos[x->seq[t]] = t;
  for (int t = 0; t < x->s->n; t++) {
    x->before[t] = live;
    x->during[t] = sched_step(x->s, x->pos, x->seq[t], &live);
    if (x->during[t] > x->during[x->peak]) x->peak = t;
  }
  x->steps_done += x->s->n;
}

/* Marks the ancestors and descendants of the kernel at the peak. */
static void mark_relatives(Search *x) {
  const Sched *s = x->s;
  memset(x->is_ancestor, 0, (size_t)s->n);
  memset(x->is_descendant, 0, (size_t)s->n);
  x->is_ancestor[x->seq[x->peak]] = x->is_descendant[x->seq[x->peak]] = true;
  for (int t = x->peak; t >= 0; t--)
    for (int k = x->seq[t], i = s->pred.first[k]; x->is_ancestor[k] && i < s->pred.first[k + 1]; i++)
      x->is_ancestor[s->pred.to[i]] = true;
  for (int t = x->peak; t < s->n; t++)
    for (int k = x->seq[t], i = s->succ.first[k]; x->is_descendant[k] && i < s->succ.first[k + 1]; i++)
      x->is_descendant[s->succ.to[i]] = true;
  x->steps_done += s->n;
}

static bool has_moved(const Search *x, const Adjacency *a, int k) {
  for (int i = a->first[k]; i < a->first[k + 1]; i++)
    if (x->moved[a->to[i]]) return true;
  return false;
}

/* Partitions the window [from, to] into kernels that stay and those that move to its other end: marked groups and all
 * between that depend on them (later), or that they depend on (earlier). Clears the marks. */
static void partition_window(Search *x, int from, int to, bool later) {
  int n = to - from + 1, kept = 0, out = 0;
  const Adjacency *bound = later ? &x->s->pred : &x->s->succ;
  x->steps_done += n;
  for (int i = 0; i < n; i++) { /* moved ones are filled in from one end, the others from the other */
    int k = x->seq[later ? from + i : to - i];
    x->moved[k] |= has_moved(x, bound, k);
    if (x->moved[k]) out++;
    else x->trial[later ? kept++ : n - 1 - kept++] = k;
  }
  for (int i = n - 1; i >= 0; i--) {
    int k = x->seq[later ? from + i : to - i];
    if (!x->moved[k]) continue;
    x->trial[later ? kept + --out : n - 1 - kept - --out] = k;
    x->moved[k] = false;
  }
}

/* True: with the window in the order of `trial` the peak falls, or fewer steps reach it; then the order is kept. */
static bool try_window(Search *x, int from, int to) {
  int64_t peak = x->during[x->peak], live = x->before[from];
  int high = 0, n = to - from + 1;
  for (int t = from; t <= to; t++) high += x->during[t] == peak;
  for (int i = 0; i < n; i++) x->pos[x->trial[i]] = from + i;
  for (int i = 0; i < n && high > 0; i++) {
    int64_t during = sched_step(x->s, x->pos, x->trial[i], &live);
    x->steps_done++;
    if (during >= peak) high = during > peak ? 0 : high - 1;
  }
  const int *order = high > 0 ? x->trial : x->seq + from;
  if (high > 0) memcpy(x->seq + from, x->trial, sizeof *x->seq * (size_t)n);
  else
    for (int i = 0; i < n; i++) x->pos[order[i]] = from + i;
  return high > 0;
}

static void mark_readers(Search *x, Id b) {
  const Adjacency *r = &x->s->readers;
  for (int i = r->first[b]; i < r->first[b + 1]; i++)
    if (x->pos[r->to[i]] > x->peak) x->moved[r->to[i]] = true;
}

/* Moves b's producer after the peak, then further by doubled distances. */
static bool delay(Search *x, Id b) {
  int maker = x->s->gs->writer[b], from = x->pos[maker];
  for (int leap = 0; x->peak + leap < x->s->n && x->steps_done < ORDER_WORK; leap = 2 * leap + 1) {
    x->moved[maker] = true;
    partition_window(x, from, x->peak + leap, true);
    if (try_window(x, from, x->peak + leap)) return true;
  }
  return false;
}

/* Moves b's last readers before the peak, by doubled distances. */
static bool advance(Search *x, Id b, int last) {
  for (int leap = 0; x->peak - leap >= 0 && x->steps_done < ORDER_WORK; leap = 2 * leap + 1) {
    mark_readers(x, b);
    partition_window(x, x->peak - leap, last, false);
    if (try_window(x, x->peak - leap, last)) return true;
  }
  return false;
}

/* The step of the last reader; *bound: a reader from the peak on depends on the peak's kernel. */
static int last_reader(const Search *x, Id b, bool *bound) {
  const Adjacency *r = &x->s->readers;
  int last = -1;
  *bound = false;
  for (int i = r->first[b]; i < r->first[b + 1]; i++) {
    int t = x->pos[r->to[i]];
    *bound |= t >= x->peak && x->is_descendant[r->to[i]];
    if (t > last) last = t;
  }
  return last;
}

static bool lower_peak(Search *x) {
  const Sched *s = x->s;
  mark_relatives(x);
  for (int t = x->peak - 1; t >= 0; t--) {
    const Group *p = &s->gs->group[x->seq[t]];
    for (int i = 0; i < p->nwrite && x->steps_done < ORDER_WORK; i++) {
      Id b = p->write[i];
      bool bound = false;
      int last = s->bytes[b] ? last_reader(x, b, &bound) : -1;
      if (last < x->peak) continue; /* not alive at the peak */
      if (!x->is_ancestor[x->seq[t]] && delay(x, b)) return true;
      if (!bound && advance(x, b, last)) return true;
    }
  }
  return false;
}

int64_t order_local_search(Sched *s, int *seq) {
  size_t n = (size_t)s->n + 1;
  Search x = {.s = s,
              .seq = seq,
              .pos = ctx_alloc(s->c, n * sizeof(int)),
              .before = ctx_alloc(s->c, n * sizeof(int64_t)),
              .during = ctx_alloc(s->c, n * sizeof(int64_t)),
              .is_ancestor = ctx_alloc(s->c, n),
              .is_descendant = ctx_alloc(s->c, n),
              .moved = ctx_alloc(s->c, n),
              .trial = ctx_alloc(s->c, n * sizeof(int))};
  if (!s->n) return 0;
  do measure_order(&x);
  while (x.steps_done < ORDER_WORK && lower_peak(&x));
  return x.during[x.peak];
}
