/* The fused form. Nodes are visited from the last to the first; a node joins the group of its readers, is inlined into
 * them, or starts a group of which it is the root.
 *
 * A node that several groups read may join only the one with the smallest root: then every edge between groups leads
 * from a smaller root to a larger one, so that groups never depend on each other in a circle, and kernels numbered by
 * their roots are in order. Linear time: a node keeps at most MAX_USES readers. */
#include "passes/fuse.h"
#include "ir/view.h"
#include <string.h>

enum { CHEAP = 4 }; /* multiplications an element that are sooner repeated than stored and loaded */

/* Computed element by element: wherever a reader wants one. */
static bool is_map(const Graph *g, Id n) {
  const OpInfo *info = node_info(g, n);
  return info->cls == CL_ELEM || info->cls == CL_GATHER || info->flags & RNG || fold_is_short(g, n);
}

/* ---- readers ---- */

static void use_add(FuseState *s, Id n, Use u, int cost) {
  if (!s->uses[n]) s->uses[n] = ctx_alloc(s->g->m->c, sizeof *s->uses[n]);
  NodeUse *k = s->uses[n];
  if (cost > k->inlined_cost) k->inlined_cost = cost;
  for (int i = 0; i < k->n; i++)
    if (k->use[i].group == u.group) {
      k->use[i].operand |= u.operand;
      k->use[i].window |= u.window;
      if (u.depth > k->use[i].depth) k->use[i].depth = u.depth;
      return;
    }
  if (k->n < MAX_USES) {
    k->use[k->n++] = u;
    return;
  }
  k->many = true;
  int top = 0;
  for (int i = 1; i < k->n; i++) top = k->use[i].group > k->use[top].group ? i : top;
  if (u.group < k->use[top].group) k->use[top] = u;
}

/* The readers of a view or of an inlined node read its inputs. */
static void use_pass(FuseState *s, Id n) {
  const Graph *g = s->g;
  if (!s->uses[n]) return;
  NodeUse k = *s->uses[n];
  bool window = node_info(g, n)->cls == CL_VIEW && view_overlaps(g, n);
  int cost = k.inlined_cost + (s->inlined[n] ? node_info(g, n)->cost : 0);
  for (uint32_t j = 0; j < node_get(g, n)->nin; j++) {
    Id x = node_in(g, n, (int)j);
    for (int i = 0; i < k.n; i++) {
      Use u = k.use[i];
      u.window |= window;
      use_add(s, x, u, cost);
    }
    if (k.many && s->uses[x]) s->uses[x]->many = true;
  }
}

static void use_inputs(FuseState *s, Id n) {
  const Graph *g = s->g;
  uint32_t operands = memory_operands(g, n);
  int depth = s->depth[n] + (node_info(g, n)->cls == CL_REDUCE);
  for (uint32_t j = 0; j < node_get(g, n)->nin; j++)
    use_add(s, node_in(g, n, (int)j), (Use){.group = s->group[n], .operand = j < operands, .depth = depth}, 0);
}

/* ---- axes ---- */

enum { MOST_DERIVED = MAX_AXES - MAX_RANK };

/* The axes, besides loops, that a node adds to a kernel. */
static int derived_axes(const Graph *g, Id n) {
  OpClass cls = node_info(g, n)->cls;
  ViewMap v;
  int count = 0;
  if (cls == CL_GATHER) return 1;
  if (cls == CL_VIEW && view_map(g, n, &v))
    for (int i = 0; i < v.rank; i++) count += v.axis[i].guarded;
  return count;
}

/* Whether a group can have so many more, or a short fold: it takes most of them, and has the kernel to itself. */
static bool has_axes(const Join *j, int derived, bool folds) {
  if (folds) return !j->derived && !j->folds;
  return !derived || (!j->folds && j->derived + derived <= MOST_DERIVED);
}

static void take_axes(Join *j, int derived, bool folds) { j->derived += derived, j->folds |= folds; }

/* Whether every group that reads the view has axes for it. Takes them; else it must be stored. */
static bool view_has_axes(FuseState *s, Id view) {
  const NodeUse *k = s->uses[view];
  int count = derived_axes(s->g, view);
  for (int i = 0; k && i < k->n; i++)
    if (!has_axes(&s->join[k->use[i].group], count, false)) return false;
  for (int i = 0; k && i < k->n; i++) take_axes(&s->join[k->use[i].group], count, false);
  return !count || !k || !k->many;
}

/* ---- joining ---- */

static void start_group(FuseState *s, Id n) {
  s->join[n] = (Join){.cls = kernel_class_of(s->g, n), .space = n, .n = 1};
  take_axes(&s->join[n], derived_axes(s->g, n), fold_is_short(s->g, n));
  s->group[n] = n;
}

/* What is reduced is the end of the shape: in memory, a row. */
static bool reduces_rows(const Graph *g, Id red) {
  const AttrVal *axes = node_attr(g, red, 0);
  const Type *t = node_type(g, node_in(g, red, 0));
  bool reduced[MAX_RANK] = {0}, inside = false;
  for (int i = 0; i < axes->n; i++) reduced[axes->v[i]] = true;
  for (int i = 0; i < t->rank; i++) {
    if (t->dim[i] == 1) continue;
    if (inside && !reduced[i]) return false;
    inside |= reduced[i];
  }
  return true;
}

static bool same_axes(const Graph *g, Id a, Id b) {
  const AttrVal *x = node_attr(g, a, 0), *y = node_attr(g, b, 0);
  uint32_t ax = 0, ay = 0;
  for (int i = 0; i < x->n; i++) ax |= 1u << x->v[i];
  for (int i = 0; i < y->n; i++) ay |= 1u << y->v[i];
  return ax == ay;
}

/* A copy of a view that divides walks its input instead of its result: nothing else may be in its kernel. */
static bool is_divided_view(const FuseState *s, Id root) {
  return node_info(s->g, root)->cls == CL_VIEW && !view_composes_self(s->g, root);
}

/* A value that does not change in the innermost loops is computed outside of them. */
static bool is_hoisted(const Type *t, const Type *space) {
  int lead = space->rank - t->rank;
  if (!t->rank) return true;
  if (lead) return false;
  int d = 0;
  while (d < t->rank && t->dim[d] == space->dim[d]) d++;
  while (d < t->rank && t->dim[d] == 1) d++;
  return d == t->rank;
}

static int64_t count_of(const Graph *g, Id n) {
  return dim_bound(g->m, type_count(g->m, node_get(g, n)->type));
}

/* Whether one member of the group reads n, at one place for each point, be it through views. */
static bool is_read_once(const FuseState *s, Id n, Id group) {
  const Graph *g = s->g;
  const Join *j = &s->join[group];
  Id x = n;
  do {
    if (s->first[x + 1] - s->first[x] != 1) return false;
    x = s->reader[s->first[x]];
  } while (!s->group[x] && reads_through(g, x));
  Id red = j->cls == KC_ROW ? j->space : 0, space = red ? node_in(g, red, 0) : j->space;
  return s->group[x] == group && node_info(g, x)->cls == CL_ELEM && count_of(g, n) >= count_of(g, space) &&
         type_same_dims(node_type(g, x), node_type(g, space)) &&
         (x == group || reads_are_aligned(s, x, group, red));
}

/* Element-wise nodes, random numbers, gathers and short folds, into the group of their readers. */
static bool map_joins(const FuseState *s, Id n, const Use *u, bool stored) {
  const Graph *g = s->g;
  const Join *j = &s->join[u->group];
  const Type *t = node_type(g, n);
  int cost = node_info(g, n)->cost;
  if (u->operand || (u->window && cost > CHEAP / 2)) return false;
  if (fold_is_short(g, n) && (j->cls > KC_ROW || (!stored && !is_read_once(s, n, u->group)))) return false;
  if (stored && !reads_are_aligned(s, n, u->group, j->cls == KC_ROW ? j->space : 0)) return false;
  if (j->cls == KC_ROW) {
    if (row_is_outer(g, j->space, n)) return true;
    if (row_is_full(g, j->space, n)) return !stored || reduces_rows(g, j->space);
    return !stored && (cost <= CHEAP || !t->rank);
  }
  if (stored && (j->cls > KC_WINDOW || is_divided_view(s, u->group))) return false;
  if (j->cls == KC_SCAN) return false;
  const Type *space = node_type(g, j->space);
  if (j->cls == KC_CONCAT || j->cls == KC_SCATTER || j->cls == KC_CUM) return true;
  if (type_same_dims(t, space)) return true;
  if (stored) return false;
  return cost <= CHEAP || is_hoisted(t, space) || count_of(g, n) >= count_of(g, j->space);
}

/* Reductions: into a loop over what they reduce, or over their result; or into a row of the same shape. */
static bool reduce_joins(const FuseState *s, Id n, const Use *u) {
  const Graph *g = s->g;
  const Join *j = &s->join[u->group];
  if (u->operand || u->window || j->folds || u->depth >= MAX_DEPTH) return false; /* every phase walks the row again */
  if (j->cls == KC_ROW) {
    Id x = node_in(g, n, 0);
    return row_is_full(g, j->space, x) && same_axes(g, n, j->space) && reads_are_aligned(s, n, u->group, j->space);
  }
  if (j->cls != KC_LOOP || node_info(g, j->space)->cls != CL_ELEM) return false;
  bool over_input = row_is_full(g, n, j->space) && reduces_rows(g, n);
  bool over_result = row_is_outer(g, n, j->space);
  return (over_input || over_result) && reads_are_aligned(s, n, u->group, n);
}

static bool sum_joins(const FuseState *s, Id n, const Use *u) {
  const Join *j = &s->join[u->group];
  return !u->operand && !u->window && !j->folds && j->cls == KC_LOOP && node_info(s->g, j->space)->cls == CL_ELEM &&
         type_same_dims(node_type(s->g, j->space), node_type(s->g, n)) && reads_are_aligned(s, n, u->group, 0);
}

/* The members that a row would store must have its full or its outer shape. */
static bool members_fit_row(const FuseState *s, Id group, Id red) {
  const Graph *g = s->g;
  return row_is_full(g, red, group) || row_is_outer(g, red, group);
}

static bool try_join(FuseState *s, Id n, const Use *u, bool stored) {
  const Graph *g = s->g;
  Join *j = &s->join[u->group];
  OpClass cls = node_info(g, n)->cls;
  int derived = derived_axes(g, n);
  bool folds = fold_is_short(g, n);
  if (j->n >= MAX_GROUP || !has_axes(j, derived, folds)) return false;
  if (is_map(g, n)) {
    if (!map_joins(s, n, u, stored)) return false;
  } else if (cls == CL_REDUCE) {
    if (!reduce_joins(s, n, u) || !members_fit_row(s, u->group, j->cls == KC_ROW ? j->space : n)) return false;
    if (j->cls != KC_ROW) j->cls = KC_ROW, j->space = n;
  } else if (cls == CL_CONTRACT || cls == CL_CONV || cls == CL_WINDOW) {
    if (!sum_joins(s, n, u)) return false;
    j->cls = kernel_class_of(g, n);
    j->space = n;
  } else {
    return false;
  }
  s->group[n] = u->group;
  s->depth[n] = u->depth;
  j->n++;
  take_axes(j, derived, folds);
  return true;
}

/* ---- inlining into several readers ---- */

/* Whether x is in memory anyhow; a value that only n reads would be stored for the sake of n's readers. */
static bool in_memory(const FuseState *s, Id x) {
  Id base = view_base(s->g, x);
  for (; x != base; x = node_in(s->g, x, 0)) /* a rounded value is read through one cast */
    if (node_widens(s->g, x) && s->first[x + 1] - s->first[x] > 1) return true;
  return node_info(s->g, x)->cls == CL_LEAF || s->own[x] || s->first[x + 1] - s->first[x] > 1;
}

/* What computing x once more costs for each of `mine` elements, from what is in memory in any case: leaves, rounded
 * values, and what is much smaller. More than `most`: too much, or not possible. */
static int cost_again(const FuseState *s, Id x, int64_t mine, int most) {
  const Graph *g = s->g;
  x = view_base(g, x);
  OpClass cls = node_info(g, x)->cls;
  if (cls == CL_LEAF || s->own[x] || dtype_is_half(node_type(g, x)->dtype)) return 0;
  if (2 * count_of(g, x) <= mine) return 0;
  int cost = cls == CL_ELEM ? node_info(g, x)->cost : most + 1;
  for (uint32_t j = 0; j < node_get(g, x)->nin && cost <= most; j++)
    cost += cost_again(s, node_in(g, x, (int)j), mine, most - cost);
  return cost;
}

/* Cheap, and reading no more memory than it would fill: at most one operand as large as the result. */
static bool is_inlinable(const FuseState *s, Id n) {
  const Graph *g = s->g;
  const NodeUse *k = s->uses[n];
  if (s->own[n] || node_info(g, n)->cls != CL_ELEM || k->many || k->n > MAX_USES / 2) return false;
  if (node_info(g, n)->cost + k->inlined_cost > CHEAP) return false;
  for (int i = 0; i < k->n; i++)
    if (k->use[i].operand || k->use[i].window) return false;
  int64_t mine = count_of(g, n);
  int large = 0, left = CHEAP - node_info(g, n)->cost - k->inlined_cost;
  if (node_narrows(g, n)) return cost_again(s, node_in(g, n, 0), mine, left) <= left; /* else 16 bits are stored */
  for (uint32_t j = 0; j < node_get(g, n)->nin; j++) {
    Id x = node_in(g, n, (int)j);
    if (node_info(g, x)->cls == CL_LEAF && !(node_info(g, x)->flags & (MEMORY | RNG))) continue;
    if (2 * count_of(g, x) <= mine) continue;
    if (large++ || !in_memory(s, x)) return false;
  }
  return true;
}

/* Whether x, or a view of it, is read by nothing but n and members of the group. */
static bool read_only_in(const FuseState *s, Id x, Id n, Id group) {
  for (uint32_t i = s->first[x]; i < s->first[x + 1]; i++) {
    Id c = s->reader[i];
    if (c != n && s->live[c] && s->group[c] != group) return false;
  }
  return true;
}

/* A rounded copy for later readers, if any, is stored where other readers of the value have it computed: as one more
 * result of their group, if all who read the copy come behind it. */
static bool join_beside(FuseState *s, Id n, Id first_reader) {
  Id x = node_in(s->g, n, 0);
  for (uint32_t i = s->first[x]; i < s->first[x + 1]; i++) {
    Use u = {.group = s->group[s->reader[i]]};
    if (u.group && u.group < first_reader && u.group > n && try_join(s, n, &u, true)) return true;
  }
  return false;
}

/* Whether x, element-wise, is made of the sums of a contraction that nothing else reads. */
static bool is_of_sums(const FuseState *s, Id x) {
  OpClass cls = node_info(s->g, x)->cls;
  if (s->first[x + 1] - s->first[x] != 1) return false;
  for (uint32_t i = 0; cls == CL_ELEM && i < node_get(s->g, x)->nin; i++)
    if (is_of_sums(s, node_in(s->g, x, (int)i))) return true;
  return cls == CL_CONTRACT || cls == CL_CONV;
}

/* Whether n is better an epilogue of the sums that it is made of than part of the loop that reads it: it stores 16
 * bits; or the loop, over another index space, could not take the sums as well, which would be stored instead of n. */
static bool ends_sums(const FuseState *s, Id n, const Use *u, bool stored) {
  const Graph *g = s->g;
  if (stored) return node_narrows(g, n) && is_of_sums(s, node_in(g, n, 0));
  return !type_same_dims(node_type(g, n), node_type(g, s->join[u->group].space)) && node_info(g, n)->cls == CL_ELEM &&
         is_of_sums(s, n);
}

static void place_node(FuseState *s, Id n) {
  const NodeUse *k = s->uses[n];
  if (!k) { /* a result that nothing reads */
    if (!node_narrows(s->g, n) || !join_beside(s, n, (Id)s->g->n)) start_group(s, n);
    return;
  }
  const Use *least = &k->use[0];
  for (int i = 1; i < k->n; i++)
    if (k->use[i].group < least->group) least = &k->use[i];
  bool stored = s->own[n] || k->n > 1 || k->many;
  bool copies = node_narrows(s->g, n) && !read_only_in(s, node_in(s->g, n, 0), n, least->group);
  if ((stored || copies) && !s->own[n] && is_inlinable(s, n)) {
    s->inlined[n] = true;
    return;
  }
  bool joins = !ends_sums(s, n, least, stored) &&
               (copies ? join_beside(s, n, least->group) : try_join(s, n, least, stored));
  if (!joins) start_group(s, n);
}

/* ---- the whole graph ---- */

static void find_readers_of(FuseState *s) {
  const Graph *g = s->g;
  Ctx *c = g->m->c;
  s->first = ctx_alloc(c, ((size_t)g->n + 2) * sizeof *s->first);
  s->reader = ctx_alloc(c, ((size_t)g->nins + 1) * sizeof *s->reader);
  for (Id n = 1; n < (Id)g->n; n++)
    for (uint32_t j = 0; j < node_get(g, n)->nin; j++) s->first[node_in(g, n, (int)j) + 1]++;
  for (int i = 0; i <= g->n; i++) s->first[i + 1] += s->first[i];
  uint32_t *next = ctx_alloc(c, ((size_t)g->n + 2) * sizeof *next);
  memcpy(next, s->first, ((size_t)g->n + 1) * sizeof *next);
  for (Id n = 1; n < (Id)g->n; n++)
    for (uint32_t j = 0; j < node_get(g, n)->nin; j++) s->reader[next[node_in(g, n, (int)j)]++] = n;
}

static bool is_computed(const FuseState *s, Id n) {
  OpClass cls = node_info(s->g, n)->cls;
  if (cls == CL_LEAF) return s->own[n] || node_info(s->g, n)->flags & RNG;
  return cls != CL_TUPLE && (cls != CL_VIEW || s->own[n]);
}

void fuse_join(FuseState *s) {
  Graph *g = s->g;
  Ctx *c = g->m->c;
  size_t n = (size_t)g->n;
  s->group = ctx_alloc(c, n * sizeof *s->group);
  s->inlined = ctx_alloc(c, n * sizeof *s->inlined);
  s->depth = ctx_alloc(c, n * sizeof *s->depth);
  s->aligned = ctx_alloc(c, n * sizeof *s->aligned);
  s->uses = ctx_alloc(c, n * sizeof *s->uses);
  s->join = ctx_alloc(c, n * sizeof *s->join);
  find_readers_of(s);
  for (Id x = 1; x < (Id)n; x++) g->anno[x].kernel = s->own[x]; /* where accesses through views end */
  for (Id x = (Id)n - 1; x > 0; x--) {
    if (!s->live[x]) continue;
    if (node_info(g, x)->cls == CL_TUPLE) continue; /* goes with its scan */
    if (reads_through(g, x) && !s->own[x]) {
      if (view_has_axes(s, x)) {
        use_pass(s, x);
        continue;
      }
      g->anno[x].kernel = s->own[x] = true;
    }
    if (!is_computed(s, x)) continue;
    if (node_info(g, x)->cls == CL_VIEW) start_group(s, x);
    else place_node(s, x);
    if (s->inlined[x]) use_pass(s, x);
    else use_inputs(s, x);
  }
  uint32_t kernel = 0;
  for (Id x = 1; x < (Id)n; x++) /* by roots, in order */
    if (s->group[x] == x) s->join[x].n = (int)++kernel;
  for (Id x = 1; x < (Id)n; x++) {
    bool get = node_info(g, x)->cls == CL_TUPLE && s->live[x];
    Id root = get ? node_in(g, x, 0) : s->group[x];
    g->anno[x].kernel = root ? (uint32_t)s->join[root].n : 0;
    g->anno[x].pos = 0;
  }
}
