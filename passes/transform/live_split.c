/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/transform/live_split.h"
#include "ir/build.h"
#include "passes/analysis/index_map.h"
#include "passes/analysis/joint.h"
#include "passes/pass.h"
#include "passes/transform/copy_inputs.h"
#include "passes/costs.h"
#include <stdlib.h>
#include <string.h>

/* Which readers of a value get a clone of their own. */
typedef enum SplitReason {
  NO_SPLIT,
  ALL_BUT_FIRST,   /* of a cheap backward value, or a copy of an input: all but the first */
  NON_MEMORY_USES, /* of a forward value: backward readers that do not need it in memory */
  DELAYED_USES     /* of a backward value: readers whose result has to wait for results of the others */
} SplitReason;

typedef struct List {
  Id v[MAX_SLICE];
  int n;
} List;

typedef struct Split {
  Rebuild r;
  SplitMode mode;
  const bool *is_backward;
  bool *in_memory;       /* per node: in memory: a result, an operand of a contraction, etc. */
  bool *backward_memory; /* per node: the backward pass reads it from memory */
  bool *backward_use;    /* per node: the backward pass reads it */
  uint8_t *cost;       /* per node: multiplications per element to compute it from values that are not cheap; capped */
  int *readers;        /* per node */
  int64_t min_bytes;   /* min bytes of a large value */
  uint8_t *reason;     /* per node: SplitReason */
  bool *original_used; /* per node: a reader uses the original */
  bool copies_weights; /* convolutions read copies of their small weights */
  Id *before;          /* per delayed node: it is constructed before this node; else 0 */
  List slice, source;  /* the nodes cloned with a value, ascending; the values they are computed from */
  Id *clone_id;        /* per node of the slice */
} Split;

static bool is_large(const Graph *g, Id x, Id n) { return 2 * node_count(g, x) > node_count(g, n); }

static bool is_map(const Graph *g, Id n) {
  OpClass cls = node_info(g, n)->cls;
  return cls == CL_ELEM || cls == CL_VIEW || fold_is_short(g, n);
}

static bool reads_memory(const Graph *g, Id n) { return node_info(g, n)->cls != CL_REDUCE && !is_map(g, n); }

static bool is_cheap(const Split *s, Id n) {
  return is_map(s->r.old, n) && !s->in_memory[n] && s->cost[n] <= MAX_RECOMPUTE_COST;
}

static void read_graph(Split *s) {
  const Graph *g = s->r.old;
  int64_t largest = 0;
  for (int i = 0; i < g->nout; i++) s->in_memory[g->out[i].value] = true;
  for (Id n = 1; n < (Id)g->n; n++) {
    bool from_memory = reads_memory(g, n);
    int sum = node_info(g, n)->cost;
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
      Id x = node_in(g, n, (int)i);
      s->readers[x]++;
      s->in_memory[x] |= from_memory;
      s->backward_memory[x] |= from_memory && s->is_backward[n];
      s->backward_use[x] |= s->is_backward[n];
      sum += s->is_backward[x] == s->is_backward[n] && is_cheap(s, x) ? s->cost[x] : 0;
    }
    s->cost[n] = (uint8_t)(sum <= MAX_RECOMPUTE_COST ? sum : MAX_RECOMPUTE_COST + 1);
  }
  for (Id n = 1; n < (Id)g->n; n++)
    if (s->is_backward[n] && s->in_memory[n] && node_bytes(g, n) > largest) largest = node_bytes(g, n);
  s->min_bytes = largest / LARGE_FRACTION;
}

/* ---- slices ---- */

/* x is cloned with n, which is computed from it; else it is a source, in memory. */
static bool is_in_slice(const Split *s, Id x, Id n, SplitReason reason) {
  if (!is_large(s->r.old, x, n)) return false;
  if (reason == DELAYED_USES) return node_get(s->r.old, x)->nin && !s->backward_memory[x];
  return is_cheap(s, x) && s->is_backward[x] == s->is_backward[n];
}

static bool has(const List *l, Id n) {
  for (int i = 0; i < l->n; i++)
    if (l->v[i] == n) return true;
  return false;
}

/* Sets slice and source; false: too large. */
static bool find_slice(Split *s, Id n, SplitReason reason) {
  const Graph *g = s->r.old;
  s->source.n = 0;
  s->slice = (List){{n}, 1};
  for (int k = 0; k < s->slice.n; k++)
    for (uint32_t i = 0; i < node_get(g, s->slice.v[k])->nin; i++) {
      Id x = node_in(g, s->slice.v[k], (int)i);
      List *l = is_in_slice(s, x, n, reason) ? &s->slice : &s->source;
      if (has(l, x)) continue;
      if (l->n == MAX_SLICE) return false;
      l->v[l->n++] = x;
    }
  qsort(s->slice.v, (size_t)s->slice.n, sizeof *s->slice.v, id_compare);
  return true;
}

/* ---- choice ---- */

static bool is_copy_of_input(const Split *s, Id n) {
  const Graph *g = s->r.old;
  return node_info(g, n)->cls == CL_ELEM && node_get(g, n)->nin == 1 && node_is_input(g, node_in(g, n, 0));
}

static bool is_cheap_from_less(Split *s, Id n) {
  int64_t bytes = 0;
  if (!s->is_backward[n] || !is_cheap(s, n) || !find_slice(s, n, ALL_BUT_FIRST)) return false;
  for (int i = 0; i < s->source.n; i++)
    if (s->is_backward[s->source.v[i]]) bytes += node_bytes(s->r.old, s->source.v[i]);
  return bytes <= node_bytes(s->r.old, n) / 4 * 3;
}

static bool is_map_of_one_value(Split *s, Id n) {
  const Graph *g = s->r.old;
  int large = 0;
  if (s->is_backward[n] || !s->backward_memory[n]) return false;
  if (node_info(g, n)->cls != CL_ELEM || s->cost[n] > MAX_RECOMPUTE_COST) return false;
  if (!find_slice(s, n, NON_MEMORY_USES)) return false;
  for (int i = 0; i < s->source.n; i++) {
    Id x = s->source.v[i];
    if (!is_large(g, x, n)) continue;
    if (!s->backward_use[x] || joint_is_leaf(g, x)) return false;
    large++;
  }
  return large == 1;
}

/* True: r, a reader of x, stores a value that is only used together with values computed from x by other readers, not
 * by maps alone. Then r and the maps of it are delayed until those exist. */
static bool delays(Split *s, Id x, Id r) {
  enum { MINE = 1, THEIRS = 2, BEYOND = 4 };
  const Graph *g = s->r.old;
  uint8_t *of = ctx_alloc(g->m->c, (size_t)g->n);
  bool met = false;
  Id before = 0;
  for (Id n = x + 1; n < (Id)g->n && !met; n++) {
    uint8_t f = 0;
    bool other = false;
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
      f |= of[node_in(g, n, (int)i)];
      other |= node_in(g, n, (int)i) == x;
    }
    of[n] = n == r ? MINE : is_map(g, n) ? f : f & (THEIRS | BEYOND) ? BEYOND : 0;
    if (n != r && other) of[n] |= THEIRS;
    met = of[n] & MINE && of[n] & BEYOND;
    if (!before && f & MINE && (met || !(of[n] & MINE))) before = n;
  }
  for (Id n = r; met && n < before; n++)
    if (of[n] & MINE && s->before[n] < before) s->before[n] = before;
  return met;
}

static bool is_delayed_use(Split *s, Id n) {
  const Graph *g = s->r.old;
  int heavy = 0;
  bool any = false;
  if (!s->is_backward[n] || !s->backward_memory[n] || !find_slice(s, n, DELAYED_USES)) return false;
  for (int i = 0; i < s->slice.n; i++) {
    Id x = s->slice.v[i];
    OpClass cls = node_info(g, x)->cls;
    if (!reads_memory(g, x)) continue;
    if (s->is_backward[x] || heavy++ || (cls != CL_CONTRACT && cls != CL_CONV)) return false;
  }
  for (Id r = n + 1; r < (Id)g->n; r++)
    for (uint32_t i = 0; reads_memory(g, r) && i < node_get(g, r)->nin; i++)
      if (node_in(g, r, (int)i) == n) any |= delays(s, n, r);
  return any;
}

static SplitReason split_reason(Split *s, Id n) {
  if (s->readers[n] < 2 || node_bytes(s->r.old, n) < s->min_bytes) return NO_SPLIT;
  if (is_copy_of_input(s, n) || is_cheap_from_less(s, n)) return ALL_BUT_FIRST;
  if (s->mode == SPLIT_CHEAP) return NO_SPLIT;
  return is_map_of_one_value(s, n) ? NON_MEMORY_USES : is_delayed_use(s, n) ? DELAYED_USES : NO_SPLIT;
}

static bool choose(Split *s) {
  bool any = false;
  for (Id n = 1; n < (Id)s->r.old->n; n++) {
    s->reason[n] = split_reason(s, n);
    s->copies_weights |= s->reason[n] == NON_MEMORY_USES;
    any |= s->reason[n] && (s->mode == SPLIT_CHEAP || s->reason[n] != ALL_BUT_FIRST);
  }
  return any;
}

/* ---- clones ---- */

/* Clones x and its slice for one reader. */
static Id clone_of(Split *s, Id x, uint32_t clone) {
  Graph *g = s->r.old;
  find_slice(s, x, s->reason[x]);
  for (int k = 0; k < s->slice.n; k++) {
    Id n = s->slice.v[k];
    const Node *d = node_get(g, n);
    Id few[8], *in = d->nin > 8 ? ctx_alloc(g->m->c, d->nin * sizeof *in) : few;
    for (uint32_t i = 0; i < d->nin; i++) {
      Id y = node_in(g, n, (int)i);
      in[i] = has(&s->slice, y) ? s->clone_id[y] : s->r.map[y];
    }
    AttrId attr = attr_with(g->m, (Op)d->op, d->attr, clone, attr_get(g->m, d->attr)->hints);
    s->clone_id[n] = graph_node(s->r.new, (Op)d->op, in, (int)d->nin, attr, d->loc);
  }
  return s->clone_id[x];
}

static bool uses_clone(const Split *s, Id n, Id x) {
  switch (s->is_backward[n] ? s->reason[x] : NO_SPLIT) {
  case ALL_BUT_FIRST: return s->original_used[x];
  case NON_MEMORY_USES: return !reads_memory(s->r.old, n);
  case DELAYED_USES: return s->before[n] != 0;
  default: return false;
  }
}

/* Not weights of contractions: they are stored in panels, and a copy would prevent that. */
static bool copies_small_weight(const Split *s, Id n, Id x) {
  const Graph *g = s->r.old;
  return s->copies_weights && s->is_backward[n] && node_info(g, n)->cls == CL_CONV && node_var(g, x) >= 0 &&
         node_bytes(g, n) >= s->min_bytes && node_bytes(g, x) <= node_bytes(g, n) / LARGE_FRACTION;
}

static void copy_reader(Split *s, Id n, uint32_t *clone) {
  Graph *g = s->r.old;
  const Node *d = node_get(g, n);
  Id few[8], *in = d->nin > 8 ? ctx_alloc(g->m->c, d->nin * sizeof *in) : few;
  bool cloned = false;
  Builder b = {.g = s->r.new, .loc = d->loc};
  for (uint32_t i = 0; i < d->nin; i++) {
    Id x = node_in(g, n, (int)i);
    bool own = uses_clone(s, n, x), copied = copies_small_weight(s, n, x);
    in[i] = own ? clone_of(s, x, *clone) : copied ? b_copy(&b, s->r.map[x], *clone) : s->r.map[x];
    cloned |= own || copied;
  }
  for (uint32_t i = 0; i < d->nin; i++) s->original_used[node_in(g, n, (int)i)] = true;
  *clone += cloned;
  s->r.map[n] = d->nin ? graph_node(s->r.new, (Op)d->op, in, (int)d->nin, d->attr, d->loc)
                       : graph_leaf(s->r.new, (Op)d->op, d->type, d->attr, d->loc);
}

/* In the old order except for delayed nodes: of equal kernels, order prefers the first constructed. */
static void copy_graph(Split *s, uint32_t clone) {
  Id end = (Id)s->r.old->n;
  bool *due = ctx_alloc(s->r.old->m->c, (size_t)end);
  for (Id n = 1; n < end; n++) due[s->before[n]] = true;
  for (Id n = 1; n < end; n++) {
    for (Id w = 1; due[n] && w < n; w++)
      if (s->before[w] == n) copy_reader(s, w, &clone);
    if (!s->r.map[n] && !s->before[n]) copy_reader(s, n, &clone);
  }
}

bool split_live_ranges(Graph *g, SplitMode mode, uint32_t clone) {
  if (!pass_off(g->m, PASS_layout)) copy_image_inputs(g);
  Ctx *c = g->m->c;
  size_t n = (size_t)g->n;
  Split s = {.mode = mode, .is_backward = joint_backward(g)};
  if (!s.is_backward) return false;
  s.r.old = g;
  s.in_memory = ctx_alloc(c, n);
  s.backward_memory = ctx_alloc(c, n);
  s.backward_use = ctx_alloc(c, n);
  s.cost = ctx_alloc(c, n);
  s.readers = ctx_alloc(c, n * sizeof *s.readers);
  s.reason = ctx_alloc(c, n);
  s.original_used = ctx_alloc(c, n);
  s.before = ctx_alloc(c, n * sizeof *s.before);
  s.clone_id = ctx_alloc(c, n * sizeof *s.clone_id);
  read_graph(&s);
  if (!choose(&s)) return false;
  s.r = graph_rebuild_begin(g);
  copy_graph(&s, clone);
  graph_rebuild_end(&s.r);
  return true;
}
