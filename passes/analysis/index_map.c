/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/analysis/index_map.h"
#include "passes/costs.h"
#include "ir/view.h"
#include <string.h>

bool dim_number(Module *m, Dim d, int64_t *v) {
  if (d >= 0) {
    *v = d;
    return true;
  }
  int n;
  const DimTerm *t = dim_terms(m, d, &n);
  if (n != 1) return false;
  for (int i = 0; i < 8; i++)
    if (t->exp[i]) return false;
  *v = t->coef;
  return true;
}

Dim dim_of(Module *m, int64_t v) { return v >= 0 ? v : dim_sub(m, 0, -v); }

/* ---- expressions ---- */

Affine affine_const(Dim k) { return (Affine){.k = k}; }

Affine affine_axis(int axis) {
  Affine a = {0};
  a.coef[axis] = 1;
  return a;
}

Affine affine_add(Module *m, const Affine *a, const Affine *b) {
  Affine r = {.k = dim_add(m, a->k, b->k)};
  for (int i = 0; i < MAX_AXES; i++)
    r.coef[i] = !a->coef[i] ? b->coef[i] : !b->coef[i] ? a->coef[i] : dim_add(m, a->coef[i], b->coef[i]);
  return r;
}

Affine affine_scale(Module *m, const Affine *a, Dim by) {
  if (by == 1) return *a;
  Affine r = {.k = dim_mul(m, a->k, by)};
  for (int i = 0; i < MAX_AXES; i++)
    if (a->coef[i]) r.coef[i] = dim_mul(m, a->coef[i], by);
  return r;
}

Affine affine_shift(Module *m, const Affine *a, Dim by) {
  Affine r = *a;
  r.k = dim_add(m, a->k, by);
  return r;
}

bool affine_same(const Affine *a, const Affine *b) { return !memcmp(a, b, sizeof *a); }

uint32_t affine_needs(const Axes *s, const Affine *e) {
  uint32_t needs = 0;
  for (int i = 0; i < s->n; i++)
    if (e->coef[i]) needs |= s->axis[i].needs;
  return needs;
}

Affine affine_linear(Module *m, const Type *t, const Affine *idx) {
  Affine at = affine_const(0);
  Dim stride = 1;
  for (int i = t->rank - 1; i >= 0; i--) {
    Affine term = affine_scale(m, &idx[i], stride);
    at = affine_add(m, &at, &term);
    stride = dim_mul(m, stride, t->dim[i]);
  }
  return at;
}

/* ---- axes ---- */

int axes_loop(Axes *s, Dim extent) {
  if (s->n == MAX_AXES) return -1;
  s->axis[s->n] = (Axis){.kind = AX_LOOP, .extent = extent, .needs = 1u << s->n};
  return s->n++;
}

int axes_quotient(Axes *s, const Affine *e, int64_t div, Dim extent) {
  for (int i = 0; i < s->n; i++) {
    const Axis *a = &s->axis[i];
    if (a->kind == AX_QUOTIENT && a->div == div && a->extent == extent && affine_same(&a->e, e)) return i;
  }
  if (s->n == MAX_AXES) return -1;
  s->axis[s->n] = (Axis){.kind = AX_QUOTIENT, .extent = extent, .e = *e, .div = div, .needs = affine_needs(s, e)};
  return s->n++;
}

/* ---- buffers ---- */

static const StorageOrder *storage_of(const Graph *g, Id b) {
  uint32_t s = g->anno ? g->anno[b].stored : 0;
  int v = node_var(g, b);
  if (v >= 0) s = g->m->var[v].stored;
  return s ? &g->m->stored[s - 1] : NULL;
}

bool buffer_strides(const Graph *g, Id b, Dim *stride) {
  const Type *t = node_type(g, b);
  const StorageOrder *s = storage_of(g, b);
  if (s && s->panel) return false;
  Dim step = 1;
  for (int i = t->rank - 1; i >= 0; i--) {
    int axis = s ? s->perm[i] : i;
    stride[axis] = step;
    step = dim_mul(g->m, step, t->dim[axis]);
  }
  return true;
}

bool buffer_panels(const Graph *g, Id b, Panels *p) {
  const Type *t = node_type(g, b);
  const StorageOrder *s = storage_of(g, b);
  if (!s || !s->panel || t->rank != 2) return false;
  *p = (Panels){s->panel_axis, t->dim[s->panel_axis], t->dim[1 - s->panel_axis], s->panel};
  return true;
}

bool buffer_row_major(const Graph *g, Id b) {
  const StorageOrder *s = storage_of(g, b);
  if (!s) return true;
  if (s->panel) return false;
  for (int i = 0; i < s->rank; i++)
    if (s->perm[i] != i) return false;
  return true;
}

/* ---- views ---- */

/* e = q * d + r with 0 <= r < d for all values of the axes. */
static bool affine_split(const Axes *s, const Affine *e, Dim d, Affine *q, Affine *r) {
  Module *m = s->m;
  *q = *r = affine_const(0);
  if (d == 1) {
    *q = *e;
    return true;
  }
  int64_t dn, k, top = 0;
  bool number = dim_number(m, d, &dn) && dn > 0;
  for (int i = 0; i < s->n; i++) {
    int64_t c, extent;
    if (!e->coef[i] || dim_div(m, e->coef[i], d, &q->coef[i])) continue;
    q->coef[i] = 0;
    if (!number || !dim_number(m, e->coef[i], &c) || c < 0 || !dim_number(m, s->axis[i].extent, &extent)) {
      if (e->coef[i] != 1 || s->axis[i].extent != d || top) return false; /* a single axis that runs over exactly d */
      r->coef[i] = 1;
      top = -1;
      continue;
    }
    r->coef[i] = e->coef[i];
    top = top < 0 ? INT64_MAX / 2 : top + c * (extent > 0 ? extent - 1 : 0);
  }
  if (top < 0) return dim_div(m, e->k, d, &q->k) || e->k == 0;
  if (number && dim_number(m, e->k, &k)) {
    int64_t kr = ((k % dn) + dn) % dn;
    r->k = kr;
    q->k = dim_of(m, (k - kr) / dn);
    return top + kr < dn;
  }
  return dim_div(m, e->k, d, &q->k) && (!number || top < dn);
}

/* Splits both shapes into the shortest runs of axes with equal element counts. Within a run the position is linear in
 * the result's indices and is split into the input's. */
static bool map_reshape(Axes *s, const Type *from, const Type *to, const Affine *idx, Affine *in) {
  Module *m = s->m;
  int i = 0, j = 0;
  for (int x = 0; x < to->rank; x++)
    if (to->dim[x] == 0) { /* an empty tensor: its loop never runs, and nothing is read before it */
      for (int y = 0; y < from->rank; y++) in[y] = from->dim[y] == 0 ? idx[x] : affine_const(0);
      return true;
    }
  while (i < to->rank || j < from->rank) {
    int i0 = i, j0 = j;
    Dim a = i < to->rank ? to->dim[i++] : 1, b = j < from->rank ? from->dim[j++] : 1;
    while (a != b) {
      bool left = i < to->rank && (j == from->rank || dim_bound(m, a) <= dim_bound(m, b));
      if (left) a = dim_mul(m, a, to->dim[i++]);
      else if (j < from->rank) b = dim_mul(m, b, from->dim[j++]);
      else return false;
    }
    Affine at = affine_const(0);
    Dim stride = 1;
    for (int x = i - 1; x >= i0; x--) {
      if (to->dim[x] == 1) continue;
      Affine term = affine_scale(m, &idx[x], stride);
      at = affine_add(m, &at, &term);
      stride = dim_mul(m, stride, to->dim[x]);
    }
    int first = j0; /* the first axis longer than 1 takes the remaining quotient */
    while (first < j && from->dim[first] == 1) first++;
    for (int x = j - 1; x >= j0; x--) {
      Affine q;
      in[x] = affine_const(0);
      if (from->dim[x] == 1) continue;
      if (x == first) {
        in[x] = at;
      } else {
        if (!affine_split(s, &at, from->dim[x], &q, &in[x])) return false;
        at = q;
      }
    }
  }
  return true;
}

static bool map_axis(Axes *s, const ViewAxis *a, Dim extent, const Affine *idx, Affine *in, uint32_t *guards) {
  *in = affine_const(a->start);
  for (int k = 0; k < a->n; k++) {
    Affine term = affine_scale(s->m, &idx[a->axis[k]], dim_of(s->m, a->stride[k]));
    *in = affine_add(s->m, in, &term);
  }
  if (!a->guarded) return true;
  int q = axes_quotient(s, in, a->div, extent);
  if (q < 0) return false;
  *in = affine_axis(q);
  *guards |= 1u << q;
  return true;
}

bool view_map_index(Axes *s, const Graph *g, Id view, const Affine *idx, Affine *in, uint32_t *guards) {
  const Type *from = node_type(g, node_in(g, view, 0));
  ViewMap v;
  if (!view_map(g, view, &v)) return map_reshape(s, from, node_type(g, view), idx, in);
  for (int i = 0; i < v.rank; i++)
    if (!map_axis(s, &v.axis[i], from->dim[i], idx, &in[i], guards)) return false;
  return true;
}

bool view_unmap_index(Axes *s, const Graph *g, Id view, const Affine *idx, Affine *out) {
  return map_reshape(s, node_type(g, view), node_type(g, node_in(g, view, 0)), idx, out);
}

bool view_allows_order(const Graph *g, Id n) {
  if (!(node_info(g, n)->flags & OPF_ROW_MAJOR_VIEW)) return true;
  const Type *t = node_type(g, node_in(g, n, 0));
  Axes s = {.m = g->m};
  Affine idx[MAX_RANK], out[MAX_RANK];
  for (int i = 0; i < t->rank; i++) idx[i] = affine_axis(axes_loop(&s, t->dim[i]));
  return view_unmap_index(&s, g, n, idx, out);
}

/* ---- fold ---- */

/* 1: 0 <= e < extent for all values of the loop axes; 0: for none; -1: for some, or unknown. */
static int affine_within(const Axes *s, const Affine *e, Dim extent) {
  int64_t lo, hi, end;
  if (!dim_number(s->m, e->k, &lo) || !dim_number(s->m, extent, &end)) return -1;
  hi = lo;
  for (int i = 0; i < s->n; i++) {
    int64_t c, n;
    if (!e->coef[i]) continue;
    if (s->axis[i].kind != AX_LOOP || !dim_number(s->m, e->coef[i], &c)) return -1;
    if (!dim_number(s->m, s->axis[i].extent, &n) || n < 1) return -1;
    *(c < 0 ? &lo : &hi) += c * (n - 1);
  }
  return lo >= 0 && hi < end ? 1 : hi < 0 || lo >= end ? 0 : -1;
}

/* Divides if the remainder is the same for all values of the axes: *rest. False: it is not. */
static bool affine_divide(Module *m, const Affine *e, int64_t div, Affine *q, int64_t *rest) {
  int64_t k;
  if (!dim_number(m, e->k, &k)) return false;
  *q = affine_const(0);
  for (int i = 0; i < MAX_AXES; i++)
    if (e->coef[i] && !dim_div(m, e->coef[i], div, &q->coef[i])) return false;
  *rest = (k % div + div) % div;
  q->k = dim_of(m, (k - *rest) / div);
  return true;
}

FoldIndex fold_map_index(Axes *s, const Graph *g, Id n, const Affine *idx, const Affine *window, Affine *in,
                         uint32_t *guards) {
  const AttrVal *axes = node_attr(g, n, ATTR(fold, axes)), *dilation = node_attr(g, n, ATTR(fold, dilation));
  int rank = node_type(g, n)->rank;
  memcpy(in, idx, (size_t)rank * sizeof *in);
  memcpy(in + rank, window, (size_t)axes->n * sizeof *in);
  for (int i = 0; i < axes->n; i++) {
    int64_t a = axes->v[i], div = node_attr(g, n, ATTR(fold, stride))->v[i], rest;
    Dim extent = node_type(g, node_in(g, n, 0))->dim[a];
    Affine back = affine_scale(s->m, &window[i], dim_of(s->m, -dilation->v[i])), e = affine_add(s->m, &idx[a], &back);
    Affine at;
    if (affine_divide(s->m, &e, div, &at, &rest)) {
      int within = rest ? 0 : affine_within(s, &at, extent);
      if (!within) return FOLD_NEVER;
      in[a] = at;
      if (within > 0) continue;
      e = at;
      div = 1;
    }
    int q = axes_quotient(s, &e, div, extent);
    if (q < 0) return FOLD_FAILS;
    in[a] = affine_axis(q);
    *guards |= 1u << q;
  }
  return FOLD_OK;
}

bool fold_is_short(const Graph *g, Id n) {
  if (node_info(g, n)->cls != CL_WINDOW) return false;
  const AttrVal *size = node_attr(g, n, ATTR(fold, size));
  int64_t terms = 1;
  for (int i = 0; i < size->n && terms <= MAX_SHORT_FOLD; i++) terms *= size->v[i];
  return terms <= MAX_SHORT_FOLD;
}

/* ---- chains of views ---- */

static bool is_view(const Graph *g, Id n) { return node_info(g, n)->cls == CL_VIEW; }

/* A weight in 16 bits is stored, once a step, for tensor cores, whose asynchronous copies do not convert. */
static bool is_copied_for_device(const Graph *g, Id weight) {
  const Options *o = &g->m->opt;
  return o->device && !o->strict && graph_trains(g) && node_var(g, weight) >= 0;
}

bool is_never_materialised(const Graph *g, Id n) {
  if (is_view(g, n) || node_is_upcast(g, n)) return true;
  if (!node_is_downcast(g, n)) return false;
  Id x = node_in(g, n, 0);
  while (is_view(g, x)) x = node_in(g, x, 0);
  const Type *t = node_type(g, x);
  if (is_copied_for_device(g, x)) return false;
  return node_info(g, x)->flags & OPF_CALLER_MEMORY && (node_var(g, x) >= 0 || t->rank < 3 || t->dim[1] == 1);
}

static bool has_kernel(const Graph *g, Id n) { return g->anno && g->anno[n].kernel; }

Id view_base(const Graph *g, Id n) {
  while (is_never_materialised(g, n) && !has_kernel(g, n)) n = node_in(g, n, 0);
  return n;
}

Id view_in_order(const Graph *g, Id x) {
  int axis[MAX_RANK], to[MAX_RANK], next[MAX_RANK], rank = node_type(g, x)->rank; /* axis[i]: of x, shows axis i of b */
  const Type *t = node_type(g, x);
  Dim stride[MAX_RANK], step = 1;
  Id b = x;
  for (int i = 0; i < rank; i++) axis[i] = i;
  for (; is_view(g, b) && !has_kernel(g, b); b = node_in(g, b, 0)) {
    if (!view_permutes(g, b, to)) return 0;
    for (int i = 0; i < rank; i++) next[i] = axis[to[i]];
    memcpy(axis, next, sizeof axis);
  }
  if (!buffer_strides(g, b, stride)) return 0;
  for (int i = 0; i < rank; i++) next[axis[i]] = i;
  for (int i = rank - 1; i >= 0; i--) {
    if (t->dim[i] != 1 && stride[next[i]] != step) return 0;
    step = dim_mul(g->m, step, t->dim[i]);
  }
  return b;
}

/* Whether x is in memory, unless it is computed in this kernel. */
static bool is_buffer(const Graph *g, Id x, uint32_t kernel) {
  if (node_info(g, x)->flags & OPF_CALLER_MEMORY || node_info(g, x)->cls == CL_TUPLE) return true;
  return has_kernel(g, x) && g->anno[x].kernel != kernel;
}

/* Whether the row-major view n can be read by a position alone. */
static bool is_position(const Graph *g, Id n, uint32_t kernel) {
  Id x = node_in(g, n, 0), base = view_in_order(g, x);
  if (!(node_info(g, n)->flags & OPF_ROW_MAJOR_VIEW) || !base) return false;
  return is_buffer(g, base, kernel) || (base == x && (node_info(g, x)->flags & OPF_RANDOM || node_is_const(g, x)));
}

/* in_kernel: n has a kernel and is asked for within it; other nodes of that kernel are not in memory. */
static bool composes(const Graph *g, Id n, bool strided, bool in_kernel) {
  uint32_t kernel = in_kernel ? g->anno[n].kernel : 0;
  Axes s = {.m = g->m};
  Affine a[MAX_RANK], b[MAX_RANK], *idx = a, *in = b;
  uint32_t guards = 0;
  const Type *t = node_type(g, n);
  for (int i = 0; i < t->rank; i++) idx[i] = affine_axis(axes_loop(&s, t->dim[i]));
  while (is_never_materialised(g, n) && (in_kernel || !has_kernel(g, n))) {
    if (!view_map_index(&s, g, n, idx, in, &guards)) return is_position(g, n, kernel) && (!strided || !guards);
    Affine *swap = idx;
    idx = in;
    in = swap;
    n = node_in(g, n, 0);
    in_kernel = false;
  }
  return !strided || !guards;
}

bool view_composes(const Graph *g, Id n) { return composes(g, n, false, false); }

bool view_is_strided(const Graph *g, Id n) { return composes(g, n, true, false); }

bool view_composes_in_kernel(const Graph *g, Id n) { return composes(g, n, false, true); }
