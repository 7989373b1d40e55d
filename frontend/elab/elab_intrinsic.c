/* SPDX-License-Identifier: Apache-2.0 */
/* Primitives that are reached by name: their parameters, the reading of their arguments, the list of all. */
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_state.h"
#include <string.h>

const Intrinsic *const el_intrinsic_sets[] = {
  el_tensor_intrinsics,
  el_reduce_intrinsics,
  el_window_intrinsics,
  el_axes_intrinsics,
  el_einsum_intrinsics,
  el_grad_intrinsics,
  el_data_intrinsics,
  el_total_intrinsics,
  el_learned_intrinsics,
  el_picture_intrinsics,
  el_list_intrinsics,
  el_augment_intrinsics,
  NULL,
};

const Intrinsic *el_intrinsic(const char *name) {
  for (const Intrinsic *const *set = el_intrinsic_sets; *set; set++)
    for (const Intrinsic *in = *set; in->name; in++)
      if (!strcmp(in->name, name)) return in;
  return NULL;
}

/* ---- parameters ---- */

typedef struct Params {
  const char *word[16];
  bool optional[16], rest, any;
  int n;
} Params;

static void params_read(Elab *e, const char *s, Params *p) {
  memset(p, 0, sizeof *p);
  while (*s) {
    size_t n = strcspn(s, " ");
    if (s[0] == '*') {
      p->rest = true;
      p->any = n > 1;
    } else {
      p->optional[p->n] = s[n - 1] == '?';
      p->word[p->n] = ctx_intern(e->c, s, n - p->optional[p->n]);
      p->n++;
    }
    s += n + strspn(s + n, " ");
  }
}

static bool too_many(Elab *e, const Call *k, const Arg *a, int n) {
  el_error_at(e, E_ARG_COUNT, a->at ? a->at : k->caret, a->len, "`%s` takes %d argument%s; this is one too many",
              k->name, n, n == 1 ? "" : "s");
  return false;
}

/* "path, window, mode?": the last may be left out. */
static const char *list_of(Elab *e, const Params *p) {
  Str s = {.c = e->c};
  for (int i = 0; i < p->n; i++) str_printf(&s, "%s%s%s", i ? ", " : "", p->word[i], p->optional[i] ? "?" : "");
  return s.s;
}

/* Puts the arguments into the order of the parameters, absent ones with set = false; those of `*` follow. */
bool el_bind_params(Elab *e, const char *params, Call *k) {
  Params p;
  params_read(e, params, &p);
  Arg *out = ctx_alloc(e->c, (size_t)(p.n + k->n + 1) * sizeof *out);
  int next = 0, n = p.n;
  for (int i = 0; i < k->n; i++) {
    Arg *a = &k->arg[i];
    if (!a->name && next >= p.n && !p.rest) return too_many(e, k, a, p.n);
    if (!a->name) {
      out[next < p.n ? next++ : n++] = *a;
      continue;
    }
    int w = 0;
    while (w < p.n && p.word[w] != a->name) w++;
    if (w == p.n && !p.any) return el_unknown_argument(e, k, a, p.word, p.n);
    if (w < p.n && out[w].set) {
      el_error_at(e, E_DUPLICATE_ARG, a->at ? a->at : k->caret, a->len, "`%s` is given twice", a->name);
      return false;
    }
    out[w < p.n ? w : n++] = *a;
  }
  for (int w = 0; w < p.n; w++)
    if (!out[w].set && !p.optional[w]) {
      Diag *d = el_error_at(e, E_ARG_COUNT, k->caret, k->caret_len, "`%s` lacks its argument `%s`", k->name, p.word[w]);
      diag_help(e->c, d, "its arguments are %s", list_of(e, &p));
      return false;
    }
  k->arg = out;
  k->n = n;
  return true;
}

/* ---- arguments ---- */

const Ast *el_arg_ast(const Call *k, int arg) { return arg < k->n ? k->arg[arg].ast : NULL; }

static Diag *arg_error(Elab *e, int code, const Call *k, int arg, const char *text) {
  const Arg *a = arg < k->n && k->arg[arg].set && k->arg[arg].at ? &k->arg[arg] : NULL;
  return el_error_at(e, code, a ? a->at : k->caret, a ? a->len : k->caret_len, "%s", text);
}

Value el_arg_fail(Elab *e, int code, const Call *k, int arg, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  arg_error(e, code, k, arg, ctx_vstrf(e->c, fmt, ap));
  va_end(ap);
  return v_error();
}

bool el_arg_reject(Elab *e, int code, const Call *k, int arg, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  arg_error(e, code, k, arg, ctx_vstrf(e->c, fmt, ap));
  va_end(ap);
  return false;
}

static bool want_static(Elab *e, Call *k, int arg, ValueKind kind, const char *what) {
  Value v = k->arg[arg].v;
  if (v.kind == kind) return true;
  return el_arg_reject(e, v.kind == V_TENSOR ? E_NOT_STATIC : E_ARG_KIND, k, arg, "`%s` takes %s here%s, not %s",
                       k->name, what, v.kind == V_TENSOR ? ", known at compile time" : "", v_text(e, v));
}

bool el_want_int(Elab *e, Call *k, int arg, int64_t min, int64_t *v) {
  if (!want_static(e, k, arg, V_INT, "an int")) return false;
  *v = k->arg[arg].v.i;
  if (*v >= min && *v <= INT32_MAX) return true;
  return el_arg_reject(e, E_STATIC_RANGE, k, arg, "%lld is out of range here: at least %lld", (long long)*v,
                       (long long)min);
}

bool el_want_bool(Elab *e, Call *k, int arg, bool fallback, bool *v) {
  *v = fallback;
  if (!k->arg[arg].set) return true;
  if (!want_static(e, k, arg, V_BOOL, "a bool")) return false;
  *v = k->arg[arg].v.i != 0;
  return true;
}

static bool axis_in(Elab *e, Call *k, int arg, Value v, int rank, int64_t *axis) {
  if (v.kind != V_INT) { return el_arg_reject(e, E_ARG_KIND, k, arg, "an axis is an int, not %s", v_text(e, v)); }
  *axis = v.i < 0 ? v.i + rank : v.i;
  if (*axis >= 0 && *axis < rank) return true;
  Diag *d = arg_error(
    e, E_AXIS_RANGE, k, arg,
    ctx_strf(e->c, "axis %lld is out of range: the tensor has %d ax%s", (long long)v.i, rank, rank == 1 ? "is" : "es"));
  if (rank)
    diag_help(e->c, d, "axes are numbered from 0 to %d, from the last one -1 to -%d%s", rank - 1, rank,
              strcmp(k->name, "concat") ? "" : "; `stack` makes a new axis");
  return false;
}

bool el_want_axis(Elab *e, Call *k, int arg, int rank, int64_t fallback, int64_t *axis) {
  return axis_in(e, k, arg, k->arg[arg].set ? k->arg[arg].v : v_int(fallback), rank, axis);
}

/* A number or a list, in increasing order; absent: no axis, or all of them. */
bool el_want_axes(Elab *e, Call *k, int arg, int rank, bool all, int64_t *axes, int *n) {
  bool in[MAX_RANK] = {0};
  *n = 0;
  Value given = k->arg[arg].set ? k->arg[arg].v : v_none();
  if (given.kind == V_NONE || (given.kind == V_STR && !strcmp(given.s, "all"))) {
    for (int i = 0; i < rank; i++) in[i] = all || given.kind == V_STR;
  } else {
    Value one = k->arg[arg].v;
    List self = {.n = 1, .v = &one};
    const List *l = one.kind == V_LIST ? one.list : &self;
    for (int i = 0; i < l->n; i++) {
      int64_t a = 0;
      if (!axis_in(e, k, arg, l->v[i], rank, &a)) return false;
      if (in[a]) return el_arg_reject(e, E_AXIS_RANGE, k, arg, "axis %lld occurs twice", (long long)a);
      in[a] = true;
    }
  }
  for (int i = 0; i < rank; i++)
    if (in[i]) axes[(*n)++] = i;
  return true;
}

bool el_want_ints(Elab *e, Call *k, int arg, int n, int64_t min, int64_t *v) {
  Value one = k->arg[arg].v;
  if (one.kind == V_LIST && one.list->n != n) {
    return el_arg_reject(e, E_ARG_KIND, k, arg, "`%s` takes %d numbers here, not %d", k->name, n, one.list->n);
  }
  for (int i = 0; i < n; i++) {
    Value x = one.kind == V_LIST ? one.list->v[i] : one;
    if (x.kind != V_INT) {
      return el_arg_reject(e, x.kind == V_TENSOR ? E_NOT_STATIC : E_ARG_KIND, k, arg, "`%s` takes ints here, not %s",
                           k->name, v_text(e, x));
    }
    if (x.i < min || x.i > INT32_MAX) {
      return el_arg_reject(e, E_STATIC_RANGE, k, arg, "%lld is out of range here: at least %lld", (long long)x.i,
                           (long long)min);
    }
    v[i] = x.i;
  }
  return true;
}

const List *el_want_list(Elab *e, Call *k, int arg) {
  Value l = k->arg[arg].v;
  if (l.kind == V_LIST && l.list->n) return l.list;
  if (v_bad(l)) return NULL;
  Diag *d = el_error_at(e, E_ARG_KIND, k->arg[arg].at, k->arg[arg].len, "`%s` takes a list of tensors, not %s", k->name,
                        v_text(e, l));
  if (l.kind == V_TENSOR)
    diag_help(e->c, d,
              "a list is written [a, b]; append(list, x) makes one longer, `+` of lists of tensors adds these");
  return NULL;
}

Id el_want_tensor(Elab *e, Call *k, int arg) { return el_tensor(e, k->arg[arg].v, DT_F32, k->arg[arg].ast); }
