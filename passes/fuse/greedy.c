/* SPDX-License-Identifier: Apache-2.0 */
/* Greedy fusion. Nodes are visited from last to first; a node joins the group of its readers, is inlined into them, or
 * starts a group as its root.
 *
 * A node that several groups read may only join the one with the smallest root: then every edge between groups leads
 * from a smaller root to a larger one, so there are no cycles between groups, and kernels numbered by their roots are
 * in topological order. Linear time: a node records at most MAX_USES readers. */
#include "passes/fuse/fuse.h"
#include "ir/remark.h"
#include "ir/view.h"
#include <string.h>

/* Computed element by element, at any index that a reader needs. */
static bool is_map(const Graph *g, Id n) {
  const OpInfo *info = node_info(g, n);
  return info->cls == CL_ELEM || info->cls == CL_GATHER || info->flags & OPF_RANDOM || fold_is_short(g, n);
}

/* ---- axes ---- */

enum { MAX_DERIVED = MAX_AXES - MAX_RANK };

/* The derived axes that a node adds to a kernel. */
static int derived_axes(const Graph *g, Id n) {
  OpClass cls = node_info(g, n)->cls;
  ViewMap v;
  int count = 0;
  if (cls == CL_GATHER) return 1;
  if (cls == CL_VIEW && view_map(g, n, &v))
    for (int i = 0; i < v.rank; i++) count += v.axis[i].guarded;
  return count;
}

/* The group can have so many more derived axes, or a short fold, which needs most of them and a kernel without
 * others. */
static bool has_free_axes(const GroupDraft *j, int derived, bool folds) {
  if (folds) return !j->derived && !j->folds;
  return !derived || (!j->folds && j->derived + derived <= MAX_DERIVED);
}

static void claim_axes(GroupDraft *j, int derived, bool folds) {
  j->derived += derived;
  j->folds |= folds;
}

/* True: every group that reads the view has axes for it, which it claims. False: it must be stored. */
static bool view_has_axes(FuseState *s, Id view) {
  const NodeUse *k = s->uses[view];
  int count = derived_axes(s->g, view);
  for (int i = 0; k && i < k->n; i++)
    if (!has_free_axes(&s->draft[k->use[i].group], count * k->use[i].reads->n, false)) return false;
  for (int i = 0; k && i < k->n; i++) claim_axes(&s->draft[k->use[i].group], count * k->use[i].reads->n, false);
  return !count || !k || !k->many;
}

/* ---- joining ---- */

static bool refuse(FuseState *s, const char *why) {
  s->why = why;
  return false;
}

static void start_group(FuseState *s, Id n) {
  s->draft[n] = (GroupDraft){.cls = kernel_class_of(s->g, n), .space = n, .n = 1};
  claim_axes(&s->draft[n], derived_axes(s->g, n), fold_is_short(s->g, n));
  s->group[n] = n;
  s->reads[n] = &READ_ONCE;
}

/* The reduced axes are the last ones: a row in memory. */
static bool reduces_rows(const Graph *g, Id red) {
  const AttrVal *axes = node_attr(g, red, ATTR(sum, axes));
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
  const AttrVal *x = node_attr(g, a, ATTR(sum, axes)), *y = node_attr(g, b, ATTR(sum, axes));
  uint32_t ax = 0, ay = 0;
  for (int i = 0; i < x->n; i++) ax |= 1u << x->v[i];
  for (int i = 0; i < y->n; i++) ay |= 1u << y->v[i];
  return ax == ay;
}

/* A copy of a view with divisions walks its input instead of its result: nothing can be fused with it. */
static bool is_divided_view(const FuseState *s, Id root) {
  return node_info(s->g, root)->cls == CL_VIEW && !view_composes_in_kernel(s->g, root);
}

/* A value that does not change in the innermost loops is hoisted. */
static bool is_hoisted(const Type *t, const Type *space) {
  int lead = space->rank - t->rank;
  if (!t->rank) return true;
  if (lead) return false;
  int d = 0;
  while (d < t->rank && t->dim[d] == space->dim[d]) d++;
  while (d < t->rank && t->dim[d] == 1) d++;
  return d == t->rank;
}

/* One member of the group reads n, at one index per point, possibly through views. */
static bool is_read_once(const FuseState *s, Id n, Id group) {
  const Graph *g = s->g;
  const GroupDraft *j = &s->draft[group];
  Id x = n;
  do {
    if (s->first[x + 1] - s->first[x] != 1) return false;
    x = s->reader[s->first[x]];
  } while (!s->group[x] && is_never_materialised(g, x));
  Id red = j->cls == KC_ROW ? j->space : 0, space = red ? node_in(g, red, 0) : j->space;
  return s->group[x] == group && node_info(g, x)->cls == CL_ELEM && node_count(g, n) >= node_count(g, space) &&
         type_same_dims(node_type(g, x), node_type(g, space)) && (x == group || reads_are_aligned(s, x, group, red));
}

/* x is element-wise and computed from a contraction that nothing else reads. */
static bool is_gemm_epilogue(const FuseState *s, Id x) {
  OpClass cls = node_info(s->g, x)->cls;
  if (s->first[x + 1] - s->first[x] != 1) return false;
  for (uint32_t i = 0; cls == CL_ELEM && i < node_get(s->g, x)->nin; i++)
    if (is_gemm_epilogue(s, node_in(s->g, x, (int)i))) return true;
  return cls == CL_CONTRACT || cls == CL_CONV;
}

/* A contraction's epilogue would compute n for each of its elements, from several values in memory instead of one. */
static bool is_operand_of_epilogue(const FuseState *s, Id n) {
  const Graph *g = s->g;
  int values = 0;
  double v;
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++) values += !node_is_splat(g, node_in(g, n, (int)i), &v);
  if (values < 2) return false;
  do {
    if (s->first[n + 1] - s->first[n] != 1) return false;
    n = s->reader[s->first[n]];
  } while (!s->group[n] && is_never_materialised(g, n));
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++)
    if (is_gemm_epilogue(s, node_in(g, n, (int)i))) return true;
  return false;
}

/* Element-wise nodes, random numbers, gathers and short folds, into their readers' group. */
static const char OTHER_ELEMENT[] = "it is read at other places than it would be computed at";

static bool can_fuse_map(FuseState *s, Id n, const Use *u, bool stored) {
  const Graph *g = s->g;
  const GroupDraft *j = &s->draft[u->group];
  const Type *t = node_type(g, n);
  int cost = node_info(g, n)->cost;
  if (u->operand) return refuse(s, "that reads its operand from memory");
  if (u->window && cost > MAX_INLINE_COST / 2)
    return refuse(s, "overlapping windows read it, and would compute it several times");
  if (fold_is_short(g, n) && (j->cls > KC_ROW || (!stored && !is_read_once(s, n, u->group))))
    return refuse(s, "a sum of windows would be computed several times");
  if (stored && !reads_are_aligned(s, n, u->group, j->cls == KC_ROW ? j->space : 0)) return refuse(s, OTHER_ELEMENT);
  if (j->cls == KC_ROW) {
    if (row_is_outer(g, j->space, n)) return true;
    if (row_is_full(g, j->space, n))
      return !stored || reduces_rows(g, j->space) || refuse(s, "the rows of that reduction are not rows in memory");
    return (!stored && (cost <= MAX_INLINE_COST || !t->rank)) || refuse(s, "it has another shape than those rows");
  }
  if (stored && (j->cls > KC_WINDOW || is_divided_view(s, u->group)))
    return refuse(s, "that kernel can store no other value than its result");
  if (j->cls == KC_SCAN) return refuse(s, "a scan reads its operands from memory");
  const Type *space = node_type(g, j->space);
  if (j->cls == KC_CONCAT || j->cls == KC_SCATTER || j->cls == KC_CUM) return true;
  if (type_same_dims(t, space)) return true;
  if (stored) return refuse(s, "it has another shape than what that kernel computes");
  if (2 * node_count(g, n) <= node_count(g, j->space) && is_operand_of_epilogue(s, n))
    return refuse(s, "each element of the contraction would compute it anew, from several values in memory");
  return cost <= MAX_INLINE_COST || is_hoisted(t, space) || node_count(g, n) >= node_count(g, j->space) ||
         refuse(s, "each of its elements would be computed several times, which costs more than memory");
}

/* Reductions: into a loop over their operand's or their result's shape; or into a row of the same shape. */
static bool can_fuse_reduce(FuseState *s, Id n, const Use *u) {
  const Graph *g = s->g;
  const GroupDraft *j = &s->draft[u->group];
  if (u->operand) return refuse(s, "that reads its operand from memory");
  if (u->window || j->folds) return refuse(s, "overlapping windows would compute the reduction several times");
  if (u->depth >= MAX_ROW_DEPTH) return refuse(s, "that kernel has as many reductions in sequence as it can");
  if (j->cls == KC_ROW) {
    Id x = node_in(g, n, 0);
    if (!row_is_full(g, j->space, x) || !same_axes(g, n, j->space))
      return refuse(s, "it reduces other axes than the reduction there");
    return reads_are_aligned(s, n, u->group, j->space) || refuse(s, OTHER_ELEMENT);
  }
  if (j->cls != KC_LOOP || node_info(g, j->space)->cls != CL_ELEM)
    return refuse(s, "a reduction is fused with element-wise operations only");
  bool over_input = row_is_full(g, n, j->space) && reduces_rows(g, n);
  bool over_result = row_is_outer(g, n, j->space);
  if (!over_input && !over_result) return refuse(s, "that loop has neither the shape of its operand nor of its result");
  return reads_are_aligned(s, n, u->group, n) || refuse(s, OTHER_ELEMENT);
}

static bool can_fuse_gemm(FuseState *s, Id n, const Use *u) {
  const GroupDraft *j = &s->draft[u->group];
  if (u->operand || u->window) return refuse(s, "that reads its operand from memory");
  if (j->folds || j->cls != KC_LOOP || node_info(s->g, j->space)->cls != CL_ELEM)
    return refuse(s, "only element-wise operations are computed with a contraction");
  if (!type_same_dims(node_type(s->g, j->space), node_type(s->g, n)))
    return refuse(s, "it has another shape than what that kernel computes");
  return reads_are_aligned(s, n, u->group, 0) || refuse(s, OTHER_ELEMENT);
}

/* Members that a row would store must have its full or its outer shape. */
static bool members_fit_row(const FuseState *s, Id group, Id red) {
  const Graph *g = s->g;
  return row_is_full(g, red, group) || row_is_outer(g, red, group);
}

static bool try_fuse(FuseState *s, Id n, const Use *u, bool stored) {
  const Graph *g = s->g;
  GroupDraft *j = &s->draft[u->group];
  OpClass cls = node_info(g, n)->cls;
  int derived = derived_axes(g, n) * u->reads->n;
  bool folds = fold_is_short(g, n);
  if (u->reads->n > MAX_READS) return refuse(s, "a point of that kernel reads it at too many places");
  if (j->n >= MAX_GROUP) return refuse(s, "that kernel has as many operations as it can");
  if (!has_free_axes(j, derived, folds)) return refuse(s, "that kernel has no axes left for padding and gathers");
  if (is_map(g, n)) {
    if (!can_fuse_map(s, n, u, stored)) return false;
  } else if (cls == CL_REDUCE) {
    if (!can_fuse_reduce(s, n, u)) return false;
    if (!members_fit_row(s, u->group, j->cls == KC_ROW ? j->space : n))
      return refuse(s, "its readers have another shape than its rows");
    if (j->cls != KC_ROW) j->space = n;
    j->cls = KC_ROW;
  } else if (cls == CL_CONTRACT || cls == CL_CONV || cls == CL_WINDOW) {
    if (!can_fuse_gemm(s, n, u)) return false;
    j->cls = kernel_class_of(g, n);
    j->space = n;
  } else {
    return refuse(s, "it is always a kernel of its own");
  }
  s->group[n] = u->group;
  s->depth[n] = u->depth;
  s->reads[n] = u->reads;
  j->n++;
  claim_axes(j, derived, folds);
  return true;
}

/* ---- inlining into several readers ---- */

/* x is stored in any case; a value that only n reads would be stored for n's readers. */
static bool in_memory(const FuseState *s, Id x) {
  Id base = view_base(s->g, x);
  for (; x != base; x = node_in(s->g, x, 0)) /* a rounded value is read through a cast */
    if (node_is_upcast(s->g, x) && s->first[x + 1] - s->first[x] > 1) return true;
  return node_info(s->g, x)->cls == CL_LEAF || s->owns[x] || s->first[x + 1] - s->first[x] > 1;
}

/* Cost to recompute x for each of `elements` elements from values in memory: leaves, rounded values, and much smaller
 * ones. Above `max_cost`: too expensive, or impossible. */
static int recompute_cost(const FuseState *s, Id x, int64_t elements, int max_cost) {
  const Graph *g = s->g;
  x = view_base(g, x);
  OpClass cls = node_info(g, x)->cls;
  if (cls == CL_LEAF || s->owns[x] || dtype_is_half(node_type(g, x)->dtype)) return 0;
  if (2 * node_count(g, x) <= elements) return 0;
  int cost = cls == CL_ELEM ? node_info(g, x)->cost : max_cost + 1;
  for (uint32_t j = 0; j < node_get(g, x)->nin && cost <= max_cost; j++)
    cost += recompute_cost(s, node_in(g, x, (int)j), elements, max_cost - cost);
  return cost;
}

/* Cheap, and does not read more memory than storing it would take: at most one operand as large as the result. */
static bool is_inlinable(const FuseState *s, Id n) {
  const Graph *g = s->g;
  const NodeUse *k = s->uses[n];
  if (s->owns[n] || node_info(g, n)->cls != CL_ELEM || k->many || k->n > MAX_USES / 2) return false;
  if (node_info(g, n)->cost + k->inlined_cost > MAX_INLINE_COST) return false;
  for (int i = 0; i < k->n; i++)
    if (k->use[i].operand || k->use[i].window) return false;
  int64_t elements = node_count(g, n);
  int large = 0, left = MAX_INLINE_COST - node_info(g, n)->cost - k->inlined_cost;
  if (node_is_downcast(g, n)) /* not inlined: 16 bits are stored */
    return recompute_cost(s, node_in(g, n, 0), elements, left) <= left;
  for (uint32_t j = 0; j < node_get(g, n)->nin; j++) {
    Id x = node_in(g, n, (int)j);
    if (node_info(g, x)->cls == CL_LEAF && !(node_info(g, x)->flags & (OPF_CALLER_MEMORY | OPF_RANDOM))) continue;
    if (2 * node_count(g, x) <= elements) continue;
    if (large++ || !in_memory(s, x)) return false;
  }
  return true;
}

/* Only n and members of the group read x, directly or through views. */
static bool read_only_in(const FuseState *s, Id x, Id n, Id group) {
  for (uint32_t i = s->first[x]; i < s->first[x + 1]; i++) {
    Id c = s->reader[i];
    if (c != n && s->live[c] && s->group[c] != group) return false;
  }
  return true;
}

/* Fuses a rounded copy for later readers into the group of another reader of the value, as one more result, if that
 * group comes before all readers of the copy. */
static bool fuse_as_sibling(FuseState *s, Id n, Id first_reader) {
  Id x = node_in(s->g, n, 0);
  for (uint32_t i = s->first[x]; i < s->first[x + 1]; i++) {
    Use u = {.group = s->group[s->reader[i]], .reads = &READ_ONCE};
    if (u.group && u.group < first_reader && u.group > n && try_fuse(s, n, &u, true)) return true;
  }
  return false;
}

/* The row kernel that reduces the same axes as n, reads x too, and comes before all readers of n; 0: there is none. */
static const Use *find_beside(const FuseState *s, Id n, Id x, Id first_reader) {
  const Graph *g = s->g;
  const NodeUse *k = s->uses[x];
  if (!k || node_count(g, x) < MIN_SHARED * node_count(g, n)) return NULL;
  for (int i = 0; i < k->n; i++) {
    const GroupDraft *j = &s->draft[k->use[i].group];
    if (j->cls != KC_ROW || k->use[i].group >= first_reader || k->use[i].operand || k->use[i].window) continue;
    if (row_is_full(g, j->space, node_in(g, n, 0)) && same_axes(g, n, j->space)) return &k->use[i];
  }
  return NULL;
}

/* Computes the reduction n beside another one of the same values, which are then read once. */
static bool fuse_reduction_beside(FuseState *s, Id n, Id first_reader) {
  const Graph *g = s->g;
  Id x = node_in(g, n, 0);
  if (node_info(g, n)->cls != CL_REDUCE) return false;
  const Use *k = find_beside(s, n, x, first_reader);
  for (uint32_t i = 0; !k && node_info(g, x)->cls == CL_ELEM && i < node_get(g, x)->nin; i++)
    k = find_beside(s, n, node_in(g, x, (int)i), first_reader);
  if (!k) return false;
  Use u = {.group = k->group, .depth = k->depth > 0 ? k->depth - 1 : 0, .reads = &READ_ONCE};
  return try_fuse(s, n, &u, true);
}

/* Prefer the producer: fuse n as the contraction's epilogue rather than into its consumer. It stores 16 bits; or the
 * consumer, over another index space, could not take the contraction too, whose result would be stored instead of n. */
static bool prefers_producer(const FuseState *s, Id n, const Use *u, bool stored) {
  const Graph *g = s->g;
  if (stored) return node_is_downcast(g, n) && is_gemm_epilogue(s, node_in(g, n, 0));
  return !type_same_dims(node_type(g, n), node_type(g, s->draft[u->group].space)) && node_info(g, n)->cls == CL_ELEM &&
         is_gemm_epilogue(s, n);
}

/* ---- remarks ---- */

static void say_not_fused(FuseState *s, Id n, Id reader, const NodeUse *k) {
  Graph *g = s->g;
  const char *others =
    k->many || k->n > 1 ? ctx_strf(g->m->c, "; %s%d kernels read it", k->many ? "over " : "", k->n) : "";
  remark(g->m, REMARK_FUSE, node_get(g, n)->loc, "%s is stored, not computed in the kernel of %s%s: %s%s",
         remark_node(g, n), remark_node(g, reader), remark_line(g, reader), s->why, others);
}

static void say_inlined(FuseState *s, Id n, const NodeUse *k) {
  remark(s->g->m, REMARK_FUSE, node_get(s->g, n)->loc,
         "%s is computed in each of the %d kernels that read it: cheaper than storing it", remark_node(s->g, n), k->n);
}

/* The operations of each group of several. */
static void say_groups(FuseState *s) {
  Graph *g = s->g;
  Str *text = ctx_array(g->m->c, g->n, sizeof *text);
  int *count = ctx_array(g->m->c, g->n, sizeof *count);
  for (Id x = 1; x < (Id)g->n; x++) {
    Id root = s->group[x];
    if (!root) continue;
    text[root].c = g->m->c;
    if (count[root]++ < 12) str_printf(&text[root], "%s%s", count[root] > 1 ? ", " : "", node_info(g, x)->name);
  }
  for (Id x = 1; x < (Id)g->n; x++)
    if (count[x] > 1)
      remark(g->m, REMARK_FUSE, node_get(g, x)->loc, "%s is one kernel of %d operations: %s%s", remark_node(g, x),
             count[x], text[x].s, count[x] > 12 ? ", ..." : "");
}

static void fuse_node(FuseState *s, Id n) {
  const NodeUse *k = s->uses[n];
  if (!k) { /* a result that nothing reads */
    Id last = (Id)s->g->n;
    if (fuse_reduction_beside(s, n, last) || (node_is_downcast(s->g, n) && fuse_as_sibling(s, n, last))) return;
    start_group(s, n);
    return;
  }
  const Use *first_use = &k->use[0];
  for (int i = 1; i < k->n; i++)
    if (k->use[i].group < first_use->group) first_use = &k->use[i];
  bool stored = s->owns[n] || k->n > 1 || k->many;
  bool copies = node_is_downcast(s->g, n) && !read_only_in(s, node_in(s->g, n, 0), n, first_use->group);
  if ((stored || copies) && !s->owns[n] && is_inlinable(s, n)) {
    s->inlined[n] = true;
    if (remarks_on(s->g->m, REMARK_FUSE)) say_inlined(s, n, k);
    return;
  }
  if (stored && fuse_reduction_beside(s, n, first_use->group)) return; /* else its reader needs no buffer for it */
  s->why = "it is computed with the contraction before it, from registers";
  bool fused = !prefers_producer(s, n, first_use, stored) &&
               (copies ? fuse_as_sibling(s, n, first_use->group) : try_fuse(s, n, first_use, stored));
  if (!fused) start_group(s, n);
  if (!fused && remarks_on(s->g->m, REMARK_FUSE)) say_not_fused(s, n, first_use->group, k);
}

/* ---- the pass ---- */

static bool is_computed(const FuseState *s, Id n) {
  OpClass cls = node_info(s->g, n)->cls;
  if (cls == CL_LEAF) return s->owns[n] || node_info(s->g, n)->flags & OPF_RANDOM;
  return cls != CL_TUPLE && (cls != CL_VIEW || s->owns[n]);
}

void fuse_greedy(FuseState *s) {
  Graph *g = s->g;
  Ctx *c = g->m->c;
  size_t n = (size_t)g->n;
  s->group = ctx_alloc(c, n * sizeof *s->group);
  s->inlined = ctx_alloc(c, n * sizeof *s->inlined);
  s->depth = ctx_alloc(c, n * sizeof *s->depth);
  s->reads = ctx_alloc(c, n * sizeof *s->reads);
  s->aligned = ctx_alloc(c, n * sizeof *s->aligned);
  s->uses = ctx_alloc(c, n * sizeof *s->uses);
  s->draft = ctx_alloc(c, n * sizeof *s->draft);
  fuse_find_readers(s);
  for (Id x = 1; x < (Id)n; x++) g->anno[x].kernel = s->owns[x]; /* composition of views ends here */
  for (Id x = (Id)n - 1; x > 0; x--) {
    if (!s->live[x]) continue;
    if (node_info(g, x)->cls == CL_TUPLE) continue; /* in its scan's kernel */
    if (is_never_materialised(g, x) && !s->owns[x]) {
      if (view_has_axes(s, x)) {
        fuse_forward_uses(s, x);
        continue;
      }
      g->anno[x].kernel = s->owns[x] = true;
    }
    if (!is_computed(s, x)) continue;
    if (node_info(g, x)->cls == CL_VIEW) start_group(s, x);
    else fuse_node(s, x);
    if (s->inlined[x]) fuse_forward_uses(s, x);
    else fuse_use_inputs(s, x);
  }
  if (remarks_on(g->m, REMARK_FUSE)) say_groups(s);
  uint32_t kernel = 0;
  for (Id x = 1; x < (Id)n; x++) /* numbered by roots, in order */
    if (s->group[x] == x) s->draft[x].n = (int)++kernel;
  for (Id x = 1; x < (Id)n; x++) {
    bool get = node_info(g, x)->cls == CL_TUPLE && s->live[x];
    Id root = get ? node_in(g, x, 0) : s->group[x];
    g->anno[x].kernel = root ? (uint32_t)s->draft[root].n : 0;
    g->anno[x].pos = 0;
  }
}
