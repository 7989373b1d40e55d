#include "passes/split.h"
#include "ir/build.h"
#include "passes/access.h"
#include "passes/joint.h"
#include "passes/layout.h"
#include "passes/pass.h"
#include <stdlib.h>
#include <string.h>

/* Which readers of a value have their own. */
typedef enum Own {
  NONE,
  ALL_BUT_FIRST,      /* of a cheap backward value, or what is made of an input */
  BESIDE_MEMORY,      /* of a forward value: those of the backward part that do not read it in memory */
  WAITING             /* of a backward value: those whose result waits for what the others lead to */
} Own;

enum { MOST_CLONED = 64, OF_LARGEST = 8 };

typedef struct List { Id v[MOST_CLONED]; int n; } List;

typedef struct Split {
  Rebuild r;
  SplitHow how;
  const bool *late;
  bool *memory;       /* per node: lies in memory: a result, or what a contraction reads, and the like */
  bool *held;         /* per node: the backward part reads it so */
  bool *wanted;       /* per node: the backward part reads it */
  uint8_t *cost;      /* per node: multiplications for an element of it, from what is not cheap; capped */
  int *readers;       /* per node */
  int64_t least;      /* bytes of a large value */
  uint8_t *own;       /* per node: Own */
  bool *given;        /* per node: a reader has the original */
  bool light;         /* convolutions copy their small weights */
  Id *until;          /* per node that waits: before which one it is made; else 0 */
  List cone, source;  /* a value with what goes with it, by number; what that is computed from */
  Id *twin;           /* per node of the cone */
} Split;

static int64_t bytes_of(const Graph *g, Id n) { return type_bytes(g->m, node_get(g, n)->type); }
static int64_t count_of(const Graph *g, Id n) { return dim_bound(g->m, type_count(g->m, node_get(g, n)->type)); }
static bool is_large(const Graph *g, Id x, Id n) { return 2 * count_of(g, x) > count_of(g, n); }

static bool is_map(const Graph *g, Id n) {
  OpClass cls = node_info(g, n)->cls;
  return cls == CL_ELEM || cls == CL_VIEW || fold_is_short(g, n);
}

static bool reads_memory(const Graph *g, Id n) { return node_info(g, n)->cls != CL_REDUCE && !is_map(g, n); }

static bool is_cheap(const Split *s, Id n) {
  return is_map(s->r.old, n) && !s->memory[n] && s->cost[n] <= MAX_COST;
}

static void read_graph(Split *s) {
  const Graph *g = s->r.old;
  int64_t largest = 0;
  for (int i = 0; i < g->nout; i++) s->memory[g->out[i].value] = true;
  for (Id n = 1; n < (Id)g->n; n++) {
    bool memory = reads_memory(g, n);
    int sum = node_info(g, n)->cost;
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
      Id x = node_in(g, n, (int)i);
      s->readers[x]++;
      s->memory[x] |= memory;
      s->held[x] |= memory && s->late[n];
      s->wanted[x] |= s->late[n];
      sum += s->late[x] == s->late[n] && is_cheap(s, x) ? s->cost[x] : 0;
    }
    s->cost[n] = (uint8_t)(sum <= MAX_COST ? sum : MAX_COST + 1);
  }
  for (Id n = 1; n < (Id)g->n; n++)
    if (s->late[n] && s->memory[n] && bytes_of(g, n) > largest) largest = bytes_of(g, n);
  s->least = largest / OF_LARGEST;
}

/* ---- what is cloned with a value ---- */

/* Whether x goes with n, for which it is read: else it is a source, and stored. */
static bool goes_with(const Split *s, Id x, Id n, Own own) {
  if (!is_large(s->r.old, x, n)) return false;
  if (own == WAITING) return node_get(s->r.old, x)->nin && !s->held[x];
  return is_cheap(s, x) && s->late[x] == s->late[n];
}

static bool has(const List *l, Id n) {
  for (int i = 0; i < l->n; i++)
    if (l->v[i] == n) return true;
  return false;
}

static int by_number(const void *a, const void *b) {
  Id x = *(const Id *)a, y = *(const Id *)b;
  return (x > y) - (x < y);
}

/* Sets cone and source; false: it is too much. */
static bool find_cone(Split *s, Id n, Own own) {
  const Graph *g = s->r.old;
  s->source.n = 0;
  s->cone = (List){{n}, 1};
  for (int k = 0; k < s->cone.n; k++)
    for (uint32_t i = 0; i < node_get(g, s->cone.v[k])->nin; i++) {
      Id x = node_in(g, s->cone.v[k], (int)i);
      List *l = goes_with(s, x, n, own) ? &s->cone : &s->source;
      if (has(l, x)) continue;
      if (l->n == MOST_CLONED) return false;
      l->v[l->n++] = x;
    }
  qsort(s->cone.v, (size_t)s->cone.n, sizeof *s->cone.v, by_number);
  return true;
}

/* ---- which values ---- */

static bool is_of_input(const Split *s, Id n) {
  const Graph *g = s->r.old;
  return node_info(g, n)->cls == CL_ELEM && node_get(g, n)->nin == 1 && node_is_input(g, node_in(g, n, 0));
}

static bool is_cheap_of_less(Split *s, Id n) {
  int64_t bytes = 0;
  if (!s->late[n] || !is_cheap(s, n) || !find_cone(s, n, ALL_BUT_FIRST)) return false;
  for (int i = 0; i < s->source.n; i++)
    if (s->late[s->source.v[i]]) bytes += bytes_of(s->r.old, s->source.v[i]);
  return bytes <= bytes_of(s->r.old, n) / 4 * 3;
}

static bool is_map_of_one(Split *s, Id n) {
  const Graph *g = s->r.old;
  int large = 0;
  if (s->late[n] || !s->held[n] || node_info(g, n)->cls != CL_ELEM || s->cost[n] > MAX_COST) return false;
  if (!find_cone(s, n, BESIDE_MEMORY)) return false;
  for (int i = 0; i < s->source.n; i++) {
    Id x = s->source.v[i];
    if (!is_large(g, x, n)) continue;
    if (!s->wanted[x] || joint_is_free(g, x)) return false;
    large++;
  }
  return large == 1;
}

/* Whether r, a reader of x, stores something that is only used together with what other readers of x lead to, by more
 * than maps. Then it and the maps of it wait until that is there. */
static bool waits(Split *s, Id x, Id r) {
  enum { MINE = 1, THEIRS = 2, BEYOND = 4 };
  const Graph *g = s->r.old;
  uint8_t *of = ctx_alloc(g->m->c, (size_t)g->n);
  bool met = false;
  Id until = 0;
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
    if (!until && f & MINE && (met || !(of[n] & MINE))) until = n;
  }
  for (Id n = r; met && n < until; n++)
    if (of[n] & MINE && s->until[n] < until) s->until[n] = until;
  return met;
}

static bool is_for_later(Split *s, Id n) {
  const Graph *g = s->r.old;
  int heavy = 0;
  bool any = false;
  if (!s->late[n] || !s->held[n] || !find_cone(s, n, WAITING)) return false;
  for (int i = 0; i < s->cone.n; i++) {
    Id x = s->cone.v[i];
    OpClass cls = node_info(g, x)->cls;
    if (!reads_memory(g, x)) continue;
    if (s->late[x] || heavy++ || (cls != CL_CONTRACT && cls != CL_CONV)) return false;
  }
  for (Id r = n + 1; r < (Id)g->n; r++)
    for (uint32_t i = 0; reads_memory(g, r) && i < node_get(g, r)->nin; i++)
      if (node_in(g, r, (int)i) == n) any |= waits(s, n, r);
  return any;
}

static Own own_of(Split *s, Id n) {
  if (s->readers[n] < 2 || bytes_of(s->r.old, n) < s->least) return NONE;
  if (is_of_input(s, n) || is_cheap_of_less(s, n)) return ALL_BUT_FIRST;
  if (s->how == SPLIT_CHEAP) return NONE;
  return is_map_of_one(s, n) ? BESIDE_MEMORY : is_for_later(s, n) ? WAITING : NONE;
}

static bool choose(Split *s) {
  bool any = false;
  for (Id n = 1; n < (Id)s->r.old->n; n++) {
    s->own[n] = own_of(s, n);
    s->light |= s->own[n] == BESIDE_MEMORY;
    any |= s->own[n] && (s->how == SPLIT_CHEAP || s->own[n] != ALL_BUT_FIRST);
  }
  return any;
}

/* ---- clones ---- */

/* x, with all that goes with it, for one reader. */
static Id clone_of(Split *s, Id x, uint32_t clone) {
  Graph *g = s->r.old;
  find_cone(s, x, s->own[x]);
  for (int k = 0; k < s->cone.n; k++) {
    Id n = s->cone.v[k];
    const Node *d = node_get(g, n);
    Id few[8], *in = d->nin > 8 ? ctx_alloc(g->m->c, d->nin * sizeof *in) : few;
    for (uint32_t i = 0; i < d->nin; i++) {
      Id y = node_in(g, n, (int)i);
      in[i] = has(&s->cone, y) ? s->twin[y] : s->r.map[y];
    }
    AttrId attr = attr_with(g->m, (Op)d->op, d->attr, clone, attr_get(g->m, d->attr)->hints);
    s->twin[n] = graph_node(s->r.new, (Op)d->op, in, (int)d->nin, attr, d->loc);
  }
  return s->twin[x];
}

static bool takes_own(const Split *s, Id n, Id x) {
  switch (s->late[n] ? s->own[x] : NONE) {
  case ALL_BUT_FIRST: return s->given[x];
  case BESIDE_MEMORY: return !reads_memory(s->r.old, n);
  case WAITING: return s->until[n] != 0;
  default: return false;
  }
}

/* Weights of contractions live in panels, which copies would break up. */
static bool copies_weight(const Split *s, Id n, Id x) {
  const Graph *g = s->r.old;
  return s->light && s->late[n] && node_info(g, n)->cls == CL_CONV && node_var(g, x) >= 0 &&
         bytes_of(g, n) >= s->least && bytes_of(g, x) <= bytes_of(g, n) / OF_LARGEST;
}

static void copy_reader(Split *s, Id n, uint32_t *clone) {
  Graph *g = s->r.old;
  const Node *d = node_get(g, n);
  Id few[8], *in = d->nin > 8 ? ctx_alloc(g->m->c, d->nin * sizeof *in) : few;
  bool cloned = false;
  s->r.new->loc = d->loc;
  for (uint32_t i = 0; i < d->nin; i++) {
    Id x = node_in(g, n, (int)i);
    bool own = takes_own(s, n, x), copied = copies_weight(s, n, x);
    in[i] = own ? clone_of(s, x, *clone) : copied ? b_copy(s->r.new, s->r.map[x], *clone) : s->r.map[x];
    cloned |= own || copied;
  }
  for (uint32_t i = 0; i < d->nin; i++) s->given[node_in(g, n, (int)i)] = true;
  *clone += cloned;
  s->r.map[n] = d->nin ? graph_node(s->r.new, (Op)d->op, in, (int)d->nin, d->attr, d->loc)
                       : graph_leaf(s->r.new, (Op)d->op, d->type, d->attr, d->loc);
}

/* In the old order, but for what waits: order takes of kernels that are as good as each other the first. */
static void copy_graph(Split *s, uint32_t clone) {
  Id end = (Id)s->r.old->n;
  bool *due = ctx_alloc(s->r.old->m->c, (size_t)end);
  for (Id n = 1; n < end; n++) due[s->until[n]] = true;
  for (Id n = 1; n < end; n++) {
    for (Id w = 1; due[n] && w < n; w++)
      if (s->until[w] == n) copy_reader(s, w, &clone);
    if (!s->r.map[n] && !s->until[n]) copy_reader(s, n, &clone);
  }
}

bool split_values(Graph *g, SplitHow how, uint32_t clone) {
  if (!pass_off(g->m, PASS_layout)) layout_copy_inputs(g);
  Ctx *c = g->m->c;
  size_t n = (size_t)g->n;
  Split s = {.how = how, .late = joint_late(g)};
  if (!s.late) return false;
  s.r.old = g;
  s.memory = ctx_alloc(c, n);
  s.held = ctx_alloc(c, n);
  s.wanted = ctx_alloc(c, n);
  s.cost = ctx_alloc(c, n);
  s.readers = ctx_alloc(c, n * sizeof *s.readers);
  s.own = ctx_alloc(c, n);
  s.given = ctx_alloc(c, n);
  s.until = ctx_alloc(c, n * sizeof *s.until);
  s.twin = ctx_alloc(c, n * sizeof *s.twin);
  read_graph(&s);
  if (!choose(&s)) return false;
  s.r = graph_rebuild_begin(g);
  copy_graph(&s, clone);
  graph_rebuild_end(&s.r);
  return true;
}
