/* Where the members of a group read a node: a reduction's result, or a contraction's, exists in its kernel only for the
 * present outer index, so that every reader must ask for just that element. */
#include "passes/fuse.h"
#include <string.h>

bool row_is_full(const Graph *g, Id red, Id n) {
  return type_same_dims(node_type(g, n), node_type(g, node_in(g, red, 0)));
}

static void reduced_axes(const Graph *g, Id red, bool *reduced) {
  const AttrVal *axes = node_attr(g, red, 0);
  memset(reduced, 0, MAX_RANK * sizeof *reduced);
  for (int i = 0; i < axes->n; i++) reduced[axes->v[i]] = true;
}

bool row_is_outer(const Graph *g, Id red, Id n) {
  const Type *full = node_type(g, node_in(g, red, 0)), *t = node_type(g, n);
  bool reduced[MAX_RANK];
  int o = 0;
  reduced_axes(g, red, reduced);
  for (int i = 0; i < full->rank; i++) {
    if (t->rank == full->rank) {
      if (t->dim[i] != (reduced[i] ? 1 : full->dim[i])) return false;
    } else if (!reduced[i] && (o >= t->rank || t->dim[o++] != full->dim[i])) {
      return false;
    }
  }
  return t->rank == full->rank || o == t->rank;
}

typedef struct EdgeWalk {
  const FuseState *s;
  Axes axes;
  Id n;                       /* whose reads are looked at */
  Affine want[MAX_RANK];
  int steps;
} EdgeWalk;

static bool walk(EdgeWalk *w, Id x, const Affine *idx);

/* Operands of an element-wise node at its indices, broadcast as NumPy does. */
static bool walk_operands(EdgeWalk *w, Id c, const Affine *idx) {
  const Graph *g = w->s->g;
  const Type *t = node_type(g, c);
  for (uint32_t k = 0; k < node_get(g, c)->nin; k++) {
    Id x = node_in(g, c, (int)k);
    const Type *from = node_type(g, x);
    Affine in[MAX_RANK];
    for (int d = 0; d < from->rank; d++)
      in[d] = from->dim[d] == 1 ? affine_const(0) : idx[t->rank - from->rank + d];
    if (!walk(w, x, in)) return false;
  }
  return true;
}

static bool walk(EdgeWalk *w, Id x, const Affine *idx) {
  const Graph *g = w->s->g;
  Affine in[MAX_RANK];
  uint32_t guards = 0;
  if (++w->steps > 200) return false;
  if (x == w->n) {
    for (int d = 0; d < node_type(g, x)->rank; d++)
      if (!affine_same(&idx[d], &w->want[d])) return false;
    return true;
  }
  if (reads_through(g, x) && !w->s->own[x]) {
    Id base = view_base(g, x);
    if (base != w->n && !w->s->inlined[base]) return true;
    return view_push(&w->axes, g, x, idx, in, &guards) && walk(w, node_in(g, x, 0), in);
  }
  return w->s->inlined[x] ? walk_operands(w, x, idx) : true;
}

enum { MAX_READERS = 64 };

/* Members of `group` that read n, through views and inlined nodes. False: too many to look at. */
static bool find_readers(const FuseState *s, Id n, Id group, Id *list, int *count, int depth) {
  if (depth > 32) return false;
  for (uint32_t i = s->first[n]; i < s->first[n + 1]; i++) {
    Id c = s->reader[i];
    if (!s->live[c]) continue;
    if (s->group[c] == group) {
      for (int k = 0; k < *count; k++)
        if (list[k] == c) goto next;
      if (*count == MAX_READERS) return false;
      list[(*count)++] = c;
    } else if (!s->group[c] && (reads_through(s->g, c) || s->inlined[c])) {
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
  reduced_axes(g, red, reduced);
  for (int i = 0, o = 0; i < f->rank; i++) {
    if (full) idx[i] = affine_axis(i);
    else if (t->rank == f->rank) idx[i] = reduced[i] ? affine_const(0) : affine_axis(i);
    else if (!reduced[i]) idx[o++] = affine_axis(i);
  }
  for (int i = 0; i < f->rank; i++) /* an axis of extent 1 has no loop */
    for (int k = 0; k < t->rank; k++)
      if (f->dim[i] == 1) idx[k].coef[i] = 0;
}

/* Whether reader c of w->n, a member of the group, asks at the point where it is itself computed for the element of
 * that point. */
static bool reads_at_point(EdgeWalk *w, Id c, Id red, const Type *space) {
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

/* The same of all its readers, which are put into `readers`. */
static bool read_at_points(const FuseState *s, Id n, Id group, Id red, Id *readers, int *count) {
  const Graph *g = s->g;
  EdgeWalk w = {.s = s, .n = n, .axes = {.m = g->m}};
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
  Id list[MAX_GROUP + 1] = {n}, readers[MAX_READERS];
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
