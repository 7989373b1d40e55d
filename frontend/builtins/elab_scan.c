/* SPDX-License-Identifier: Apache-2.0 */
/* scan(x, axis, step, carry, reverse = false, states = false): step(x_t..., carry...) gives the new carries, or
 * [outputs..., carries...]. Gives the outputs stacked along the axis, without outputs the first carries; with `states`
 * the list of these and the last carries. The step becomes a closed body graph; what it reads from outside becomes an
 * input. */
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_graph.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_state.h"
#include "ir/scan.h"
#include <string.h>

enum { MAX_CARRY = 32 };

typedef struct ScanArgs {
  Id x[MAX_CARRY], carry[MAX_CARRY];
  int nx, nc, ny; /* ny: outputs, known when the step has run */
  int64_t axis;
  bool reverse, states, one; /* one: the carry is a tensor, not a list */
  Dim length;
} ScanArgs;

/* Whether the argument is a list of tensors; one of numbers is a tensor. */
static bool is_many(const Call *k, int arg) {
  Value v = k->arg[arg].v;
  return v.kind == V_LIST && (!v_tensorlike(v) || v.list->v[0].kind == V_TENSOR);
}

static bool tensors(Elab *e, Call *k, int arg, Id *out, int *n) {
  Value v = k->arg[arg].v;
  bool list = is_many(k, arg);
  *n = list ? v.list->n : 1;
  if (*n < 1 || *n > MAX_CARRY)
    return el_arg_reject(e, E_ARG_KIND, k, arg, "`scan` takes 1 to %d tensors here", MAX_CARRY);
  for (int i = 0; i < *n; i++)
    if (!(out[i] = el_tensor(e, list ? v.list->v[i] : v, DT_F32, k->arg[arg].ast))) return false;
  return true;
}

static bool read_args(Elab *e, Call *k, ScanArgs *s) {
  if (!tensors(e, k, 0, s->x, &s->nx) || !tensors(e, k, 3, s->carry, &s->nc)) return false;
  s->one = !is_many(k, 3);
  if (k->arg[2].v.kind != V_FN)
    return el_arg_reject(e, E_ARG_KIND, k, 2, "the step of a `scan` is a function, not %s", v_text(e, k->arg[2].v));
  if (!el_want_bool(e, k, 4, false, &s->reverse) || !el_want_bool(e, k, 5, false, &s->states)) return false;
  for (int i = 0; i < s->nx; i++) {
    const Type *t = el_type(e, s->x[i]);
    if (!el_want_axis(e, k, 1, t->rank, 0, &s->axis)) return false;
    if (i && !dim_equal(e->m, t->dim[s->axis], s->length))
      return el_arg_reject(e, E_SHAPE_MISMATCH, k, 0, "the scanned tensors have different lengths (%s vs %s)",
                           dim_text(e->m, s->length), dim_text(e->m, t->dim[s->axis]));
    s->length = t->dim[s->axis];
  }
  return true;
}

static Value body_input(Elab *e, const char *stem, int i, TypeId t, Loc loc) {
  return v_tensor(e, graph_input(e->cur.b.g, ctx_strf(e->c, "%s%d", stem, i), t, loc));
}

/* The new carries, as nodes of the body, each of the type of the old one. */
static bool new_carries(Elab *e, Call *k, const ScanArgs *s, const Value *v, const Type *const *want, Id *out) {
  for (int i = 0; i < s->nc; i++) {
    out[i] = el_tensor(e, v[i], (DType)want[i]->dtype, NULL);
    if (!out[i]) return false;
    TypeId t = type_make(e->m, (DType)want[i]->dtype, want[i]->rank, want[i]->dim);
    if (el_same_type(e, el_type_id(e, out[i]), t)) continue;
    el_arg_fail(e, E_SHAPE_MISMATCH, k, 2, "carry %d is %s, but the step makes it %s", i + 1, el_type_text(e, t),
                el_type_text(e, el_type_id(e, out[i])));
    return false;
  }
  return true;
}

/* What the step gives, as results of the body: the carries, then what is stacked. */
static bool results(Elab *e, Call *k, ScanArgs *s, Value v, const Type *const *want) {
  if (v_bad(v)) return false;
  Id carry[MAX_CARRY], out[MAX_CARRY];
  Graph *g = e->cur.b.g;
  Value l = s->one && v.kind != V_LIST ? v_list(e, 1, &v) : v;
  int outputs = l.kind == V_LIST ? l.list->n - s->nc : -1;
  if (outputs < 0) {
    el_arg_fail(e, E_ARG_KIND, k, 2, "the step gives %s; it must give the %d new carries", v_text(e, v), s->nc);
    return false;
  }
  if (outputs > MAX_CARRY)
    return el_arg_reject(e, E_ARG_KIND, k, 2, "the step gives %d outputs; at most %d can be stacked", outputs,
                         MAX_CARRY);
  if (!new_carries(e, k, s, l.list->v + outputs, want, carry)) return false;
  for (int i = 0; i < outputs; i++)
    if (!(out[i] = el_tensor(e, l.list->v[i], DT_F32, NULL))) return false;
  if (!outputs) out[0] = carry[0];
  s->ny = outputs ? outputs : 1;
  for (int i = 0; i < s->nc; i++) graph_result(g, ctx_strf(e->c, "h%d", i), carry[i], g->loc);
  for (int i = 0; i < s->ny; i++) graph_result(g, ctx_strf(e->c, "y%d", i), out[i], g->loc);
  return true;
}

static bool run_step(Elab *e, Call *k, ScanArgs *s, Body *b) {
  Value in[2 * MAX_CARRY];
  const Type *want[MAX_CARRY];
  Loc loc = e->cur.b.g->loc;
  for (int i = 0; i < s->nx; i++) {
    const Type *t = type_get(e->m, node_get(b->outer.g, s->x[i])->type);
    in[i] = body_input(e, "x", i, scan_slice_type(e->m, t, (int)s->axis), loc);
  }
  for (int i = 0; i < s->nc; i++) {
    TypeId t = node_get(b->outer.g, s->carry[i])->type;
    want[i] = type_get(e->m, t);
    in[s->nx + i] = body_input(e, "h", i, t, loc);
  }
  Value v = el_apply(e, k->arg[2].v, in, s->nx + s->nc, k);
  return results(e, k, s, v, want);
}

/* An existing scan that computes the same, or 0. Equal expressions are one node, so equal scans share one body. */
static Id same_scan(const Graph *g, const Scan *s, const Id *in, int nin) {
  const Module *m = g->m;
  int body = 0;
  while (body < s->body->index && !graph_same(m->graph[body], s->body)) body++;
  for (Id n = 1; body < s->body->index && n < (Id)g->n; n++) {
    if (node_info(g, n)->cls != CL_SCAN || (int)node_get(g, n)->nin != nin) continue;
    Scan o = scan_of(g, n);
    if (o.nx == s->nx && o.nc == s->nc && o.axis == s->axis && o.reverse == s->reverse && o.length == s->length &&
        !memcmp(g->in + node_get(g, n)->in, in, (size_t)nin * sizeof *in) && graph_same(o.body, s->body))
      return n;
  }
  return 0;
}

/* The stacked outputs; with `states` the last carries after them. One value is not a list. */
static Value scan_value(Elab *e, const Builder *b, const ScanArgs *s, Id scan) {
  Value v[2 * MAX_CARRY];
  int n = 0;
  for (int i = 0; i < s->ny; i++) v[n++] = v_tensor(e, b_get(b, scan, s->nc + i));
  for (int i = 0; s->states && i < s->nc; i++) v[n++] = v_tensor(e, b_get(b, scan, i));
  return n == 1 ? v[0] : v_list(e, n, v);
}

Value el_scan(Elab *e, Call *k) {
  ScanArgs s = {0};
  if (!read_args(e, k, &s)) return v_error();
  Builder outer = e->cur.b;
  Graph *g = graph_new(e->m, ctx_strf(e->c, "scan_%d", e->m->ngraph), GK_BODY, el_user_loc(e, k->caret, NULL));
  Body b = {.up = e->cur.body, .outer = outer, .g = g};
  g->training = e->cur.training;
  e->cur.body = &b;
  e->cur.b = (Builder){g, g->loc, outer.hints};
  bool ok = run_step(e, k, &s, &b);
  e->cur.b = outer;
  e->cur.body = b.up;
  if (!ok) return v_error();
  Id *in = ctx_alloc(e->c, (size_t)(s.nx + s.nc + b.n) * sizeof *in);
  int n = 0;
  for (int i = 0; i < s.nx; i++) in[n++] = s.x[i];
  for (int i = 0; i < s.nc; i++) in[n++] = s.carry[i];
  for (int i = 0; i < b.n; i++) in[n++] = b.from[i];
  Scan node = {.body = g,
               .nx = s.nx,
               .nc = s.nc,
               .ncap = n - s.nx - s.nc,
               .ny = s.ny,
               .axis = (int)s.axis,
               .reverse = s.reverse,
               .length = s.length};
  Id id = same_scan(outer.g, &node, in, n);
  if (id && g->index == e->m->ngraph - 1) e->m->ngraph--;
  Builder at = {outer.g, g->loc, outer.hints};
  if (!id) id = scan_node(&at, &node, in, n);
  return id ? scan_value(e, &outer, &s, id) : v_error();
}
