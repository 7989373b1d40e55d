/* SPDX-License-Identifier: Apache-2.0 */
/* rearrange(x, "b t (h d) -> b h t d", h = 8): a reshape that splits, a transpose, a reshape that joins. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_state.h"
#include <string.h>

enum { MAX_NAMES = 16 };

typedef struct Side {
  const char *name[MAX_NAMES]; /* NULL: the axis `1` */
  int group[MAX_NAMES];        /* which axis of the tensor */
  int n, axes;
} Side;

static const char *side_read(Elab *e, const char *s, const char *end, Side *d) {
  bool open = false;
  *d = (Side){0};
  while (s < end) {
    if (*s == ' ') {
      s++;
    } else if (*s == '(') {
      if (open) return "parentheses do not nest";
      open = true;
      s++;
    } else if (*s == ')') {
      if (!open) return "`)` without `(`";
      open = false;
      d->axes++;
      s++;
    } else {
      const char *t = s;
      while (t < end && (*t == '_' || (*t >= '0' && *t <= '9') || (*t >= 'a' && *t <= 'z') || (*t >= 'A' && *t <= 'Z')))
        t++;
      bool one = t == s + 1 && *s == '1';
      if (t == s || (*s >= '0' && *s <= '9' && !one)) return "an axis is a name, or 1";
      if (d->n == MAX_NAMES) return "there are too many axes";
      d->name[d->n] = one ? NULL : ctx_intern(e->c, s, (size_t)(t - s));
      for (int i = 0; i < d->n && !one; i++)
        if (d->name[i] == d->name[d->n]) return "an axis occurs twice on one side";
      d->group[d->n++] = d->axes;
      d->axes += !open;
      s = t;
    }
  }
  return open ? "`(` without `)`" : d->axes > MAX_RANK ? "a tensor has at most 8 axes" : NULL;
}

static int side_find(const Side *d, const char *name) {
  for (int i = 0; i < d->n; i++)
    if (d->name[i] == name) return i;
  return -1;
}

static Value refuse(Elab *e, Call *k, const char *what) {
  Diag *d =
    el_error_at(e, E_REARRANGE_PATTERN, k->arg[1].at ? k->arg[1].at : k->caret, k->arg[1].len, "rearrange: %s", what);
  el_label_operand(e, d, k->arg[0].ast, k->arg[0].v);
  return v_error();
}

/* Sizes of the left side's names: the given ones, then the one open size of each group. Returns NULL or the error. */
static const char *sizes(Elab *e, Call *k, const Side *l, const Type *t, Dim *dim, bool *open_sizes) {
  *open_sizes = false;
  for (int i = 0; i < l->n; i++) {
    dim[i] = l->name[i] ? -INT64_MAX : 1;
    for (int a = 2; a < k->n && l->name[i]; a++) {
      if (k->arg[a].name != l->name[i]) continue;
      if (!v_is_dim(k->arg[a].v, &dim[i]))
        return ctx_strf(e->c, "the size of `%s` is %s", l->name[i], v_text(e, k->arg[a].v));
    }
  }
  for (int g = 0; g < l->axes; g++) {
    Dim known = 1;
    int open = -1;
    for (int i = 0; i < l->n; i++) {
      if (l->group[i] != g) continue;
      if (dim[i] != -INT64_MAX) known = dim_mul(e->m, known, dim[i]);
      else if (open >= 0)
        return ctx_strf(e->c, "the sizes of `%s` and `%s` are both open; give one", l->name[open], l->name[i]);
      else open = i;
    }
    Dim all = t->dim[g];
    *open_sizes = e->m->open_sizes && !(dim_is_const(all) && dim_is_const(known));
    if (open >= 0 && (known == 0 || !dim_div(e->m, all, known, &dim[open])))
      return ctx_strf(e->c, "%s does not divide axis %d, of size %s", dim_text(e->m, known), g, dim_text(e->m, all));
    if (open < 0 && known != all)
      return ctx_strf(e->c, "the sizes of axis %d multiply to %s, but it has %s", g, dim_text(e->m, known),
                      dim_text(e->m, all));
  }
  return NULL;
}

static Value apply(Elab *e, Id x, const Side *l, const Side *r, const Dim *dim) {
  Dim split[MAX_NAMES], join[MAX_RANK];
  int64_t perm[MAX_NAMES];
  int n = 0, at[MAX_NAMES], m = 0;
  for (int i = 0; i < l->n; i++) {
    at[i] = n;
    if (l->name[i]) split[n++] = dim[i];
  }
  for (int g = 0; g < r->axes; g++) join[g] = 1;
  for (int i = 0; i < r->n; i++) {
    if (!r->name[i]) continue;
    int k = side_find(l, r->name[i]);
    perm[m++] = at[k];
    join[r->group[i]] = dim_mul(e->m, join[r->group[i]], dim[k]);
  }
  x = b_reshape(&e->cur.b, x, n, split);
  x = b_transpose(&e->cur.b, x, perm);
  return v_tensor(e, b_reshape(&e->cur.b, x, r->axes, join));
}

Value el_rearrange(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  Side l, r;
  Dim dim[MAX_NAMES];
  bool open; /* some sizes are symbolic, so they may still divide */
  if (!x) return v_error();
  if (k->arg[1].v.kind != V_STR)
    return el_arg_fail(e, E_ARG_KIND, k, 1, "the pattern is a text such as \"b t (h d) -> b h t d\"");
  for (int a = 2; a < k->n; a++)
    if (!k->arg[a].name) return el_arg_fail(e, E_ARG_COUNT, k, a, "sizes are given by name, as in h = 8");
  const char *p = k->arg[1].v.s, *arrow = strstr(p, "->"), *bad;
  if (!arrow) return refuse(e, k, "the pattern has no `->`");
  if ((bad = side_read(e, p, arrow, &l)) || (bad = side_read(e, arrow + 2, p + strlen(p), &r)))
    return refuse(e, k, bad);
  const Type *t = el_type(e, x);
  if (l.axes != t->rank)
    return refuse(e, k, ctx_strf(e->c, "the pattern has %s, the tensor %d", el_axes(e, l.axes), t->rank));
  for (int i = 0; i < r.n; i++)
    if (r.name[i] && side_find(&l, r.name[i]) < 0)
      return refuse(e, k, ctx_strf(e->c, "`%s` is not on the left side", r.name[i]));
  for (int i = 0; i < l.n; i++)
    if (l.name[i] && side_find(&r, l.name[i]) < 0)
      return refuse(e, k, ctx_strf(e->c, "`%s` is missing on the right side", l.name[i]));
  for (int a = 2; a < k->n; a++)
    if (side_find(&l, k->arg[a].name) < 0)
      return el_arg_fail(e, E_UNKNOWN_ARG, k, a, "the pattern has no axis `%s`", k->arg[a].name);
  int n = 0;
  for (int i = 0; i < l.n; i++) n += l.name[i] != NULL;
  if (n > MAX_RANK) return refuse(e, k, "there are more than 8 axes");
  if ((bad = sizes(e, k, &l, t, dim, &open))) return open ? v_error() : refuse(e, k, bad);
  return apply(e, x, &l, &r, dim);
}
