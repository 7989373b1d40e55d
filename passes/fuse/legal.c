/* SPDX-License-Identifier: Apache-2.0 */
/* Which element the members of a group read of a node: within its kernel, the result of a reduction or contraction
 * exists only for the current outer index, so every reader must want exactly that element. */
#include "passes/fuse/fuse.h"
#include <string.h>

typedef struct IndexWalk {
  const FuseState *s;
  Axes axes;
  Id n; /* the node that is read */
  Affine want[MAX_RANK];
  int steps;
} IndexWalk;

static bool walk(IndexWalk *w, Id x, const Affine *idx);

/* Operands of an element-wise node at its indices, broadcast as NumPy does. */
static bool walk_operands(IndexWalk *w, Id c, const Affine *idx) {
  const Graph *g = w->s->g;
  const Type *t = node_type(g, c);
  for (uint32_t k = 0; k < node_get(g, c)->nin; k++) {
    Id x = node_in(g, c, (int)k);
    const Type *from = node_type(g, x);
    Affine in[MAX_RANK];
    for (int d = 0; d < from->rank; d++) in[d] = from->dim[d] == 1 ? affine_const(0) : idx[t->rank - from->rank + d];
    if (!walk(w, x, in)) return false;
  }
  return true;
}

static bool walk(IndexWalk *w, Id x, const Affine *idx) {
  const Graph *g = w->s->g;
  Affine in[MAX_RANK];
  uint32_t guards = 0;
  if (++w->steps > MAX_ALIGN_WALK) return false;
  if (x == w->n) {
    for (int d = 0; d < node_type(g, x)->rank; d++)
      if (!affine_same(&idx[d], &w->want[d])) return false;
    return true;
  }
  if (is_never_materialised(g, x) && !w->s->owns[x]) {
    Id base = view_base(g, x);
    if (base != w->n && !w->s->inlined[base]) return true;
    return view_map_index(&w->axes, g, x, idx, in, &guards) && walk(w, node_in(g, x, 0), in);
  }
  return w->s->inlined[x] ? walk_operands(w, x, idx) : true;
}

/* Members of `group` that read n, through views and inlined nodes. False: too many. */
static bool find_readers(const FuseState *s, Id n, Id group, Id *list, int *count, int depth) {
  if (depth > MAX_ALIGN_DEPTH) return false;
  for (uint32_t i = s->first[n]; i < s->first[n + 1]; i++) {
    Id c = s->reader[i];
    if (!s->live[c]) continue;
    if (s->group[c] == group) {
      for (int k = 0; k < *count; k++)
        if (list[k] == c) goto next;
      if (*count == MAX_ALIGN_READERS) return false;
      list[(*count)++] = c;
    } else if (!s->group[c] && (is_never_materialised(s->g, c) || s->inlined[c])) {
      if (!find_readers(s, c, group, list, count, depth + 1)) return false;
    }
  next:;
  }
  return true;
}

/* Indices of a value with the full or the outer shape of a row. */
static void row_index(const Graph *g, Id red, const Type *t, bool full, Affine *idx) {
  const Type *f = node_type(g, node_in(g, red, 0));
  bool reduced[MAX_RANK];
  row_reduced_axes(g, red, reduced);
  for (int i = 0, o = 0; i < f->rank; i++) {
    if (full) idx[i] = affine_axis(i);
    else if (t->rank == f->rank) idx[i] = reduced[i] ? affine_const(0) : affine_axis(i);
    else if (!reduced[i]) idx[o++] = affine_axis(i);
  }
  for (int i = 0; i < f->rank; i++) /* an axis of extent 1 has no loop */
    for (int k = 0; k < t->rank; k++)
      if (f->dim[i] == 1) idx[k].coef[i] = 0;
}

/* Reader c of w->n, a member of the group, reads the element at the point where c itself is computed. */
static bool reads_at_point(IndexWalk *w, Id c, Id red, const Type *space) {
  const Graph *g = w->s->g;
  OpClass cls = node_info(g, c)->cls;
  Affine idx[MAX_RANK];
  if (cls == CL_REDUCE) {
    Id x = node_in(g, c, 0);
    if (!red || !row_is_full(g, red, x)) return false;
    row_index(g, red, node_type(g, x), true, idx);
    return walk(w, x, idx);
  }
  if (cls != CL_ELEM) return false;
  if (red) {
    bool full = row_is_full(g, red, c);
    if (!full && !row_is_outer(g, red, c)) return false;
    row_index(g, red, node_type(g, c), full, idx);
  } else {
    if (!type_same_dims(node_type(g, c), space)) return false;
    memcpy(idx, w->want, sizeof idx);
  }
  return walk_operands(w, c, idx);
}

/* The same for all readers of n, which are listed in `readers`. */
static bool read_at_points(const FuseState *s, Id n, Id group, Id red, Id *readers, int *count) {
  const Graph *g = s->g;
  IndexWalk w = {.s = s, .n = n, .axes = {.m = g->m}};
  *count = 0;
  if (!find_readers(s, n, group, readers, count, 0)) return false;
  const Type *space = node_type(g, red ? node_in(g, red, 0) : n);
  for (int i = 0; i < space->rank; i++) axes_loop(&w.axes, space->dim[i]);
  if (red) row_index(g, red, node_type(g, n), row_is_full(g, red, n) && !row_is_outer(g, red, n), w.want);
  for (int i = 0; !red && i < space->rank; i++) w.want[i] = space->dim[i] == 1 ? affine_const(0) : affine_axis(i);
  for (int k = 0; k < *count; k++)
    if (!reads_at_point(&w, readers[k], red, space)) return false;
  return true;
}

bool reads_are_aligned(const FuseState *s, Id n, Id group, Id red) {
  Id list[MAX_GROUP + 1] = {n}, readers[MAX_ALIGN_READERS];
  int listed = 1, count;
  for (int i = 0; i < listed; i++) {
    if (!read_at_points(s, list[i], group, red, readers, &count)) return false;
    for (int k = 0; k < count; k++) {
      bool known = readers[k] == group || s->aligned[readers[k]] == red + 1;
      for (int j = 0; j < listed; j++) known |= list[j] == readers[k];
      if (!known) list[listed++] = readers[k];
    }
  }
  for (int i = 0; i < listed; i++) s->aligned[list[i]] = red + 1;
  return true;
}
