/* SPDX-License-Identifier: Apache-2.0 */
/* scan and get. The gradient of scan is the autodiff driver's (GradDriver). */
#include "scan.h"
#include "grad.h"
#include "interp.h"
#include "rule.h"
#include <string.h>

#define SCAN(field) ATTR(scan, field)

Scan scan_of(const Graph *g, Id n) {
  const AttrVal *v = attr_get(g->m, node_get(g, n)->attr)->v;
  Scan s = {.body = g->m->graph[v[SCAN(body)].i],
            .nx = (int)v[SCAN(nx)].i,
            .nc = (int)v[SCAN(nc)].i,
            .axis = (int)v[SCAN(axis)].i,
            .reverse = v[SCAN(reverse)].i != 0,
            .length = v[SCAN(length)].i};
  s.ncap = s.body->nport - s.nx - s.nc;
  s.ny = s.body->nout - s.nc;
  return s;
}

AttrId scan_attr(Module *m, const Scan *s) {
  AttrVal v[] = {
    [SCAN(body)] = {.i = s->body->index}, [SCAN(nx)] = {.i = s->nx},           [SCAN(nc)] = {.i = s->nc},
    [SCAN(axis)] = {.i = s->axis},        [SCAN(reverse)] = {.i = s->reverse}, [SCAN(length)] = {.i = s->length}};
  return attr_make(m, OP_scan, v);
}

Id scan_node(const Builder *b, const Scan *s, const Id *in, int nin) {
  return b_node(b, OP_scan, in, nin, scan_attr(b->g->m, s));
}

TypeId scan_slice_type(Module *m, const Type *x, int axis) {
  Dim dim[MAX_RANK];
  for (int i = 0, k = 0; i < x->rank; i++)
    if (i != axis) dim[k++] = x->dim[i];
  return type_make(m, (DType)x->dtype, x->rank - 1, dim);
}

TypeId scan_stacked_type(Module *m, const Type *y, int axis, Dim length) {
  Dim dim[MAX_RANK];
  for (int i = 0; i < axis; i++) dim[i] = y->dim[i];
  dim[axis] = length;
  for (int i = axis; i < y->rank; i++) dim[i + 1] = y->dim[i];
  return type_make(m, (DType)y->dtype, y->rank + 1, dim);
}

/* ---- shapes ---- */

/* The attributes and counts; NULL after a report. */
static Graph *scan_body(Graph *g, const OpCall *k) {
  const AttrVal *v = attr_get(g->m, k->attr)->v;
  if (!v || v[SCAN(body)].i < 0 || v[SCAN(body)].i >= g->m->ngraph || v[SCAN(body)].i == g->index) {
    shape_fail(g, k, E_IR_MALFORMED, "scan: its body graph does not exist");
    return NULL;
  }
  Graph *body = g->m->graph[v[SCAN(body)].i];
  int64_t nx = v[SCAN(nx)].i, nc = v[SCAN(nc)].i;
  if (nx < 0 || nc < 0 || nx > k->nin || nc > k->nin - nx || k->nin != body->nport || nc > body->nout) {
    shape_fail(g, k, E_IR_MALFORMED,
               "scan: %d inputs (%lld scanned, %lld carried) do not fit a body of %d inputs and %d results", k->nin,
               (long long)nx, (long long)nc, body->nport, body->nout);
    return NULL;
  }
  if (v[SCAN(axis)].i < 0 || v[SCAN(axis)].i >= MAX_RANK || !rule_le(g->m, 0, v[SCAN(length)].i)) {
    shape_fail(g, k, E_AXIS_RANGE, "scan: axis %lld over %s iterations is not possible", (long long)v[SCAN(axis)].i,
               dim_text(g->m, v[SCAN(length)].i));
    return NULL;
  }
  return body;
}

/* Inputs against the body's ports. */
static bool scan_ports(Graph *g, const OpCall *k, const Graph *body) {
  const AttrVal *v = attr_get(g->m, k->attr)->v;
  int nx = (int)v[SCAN(nx)].i, nc = (int)v[SCAN(nc)].i, axis = (int)v[SCAN(axis)].i;
  for (int i = 0; i < k->nin; i++) {
    const Type *t = call_type(g, k, i);
    if (!t) return false;
    TypeId has = node_get(g, k->in[i])->type, want = node_get(body, body->port[i])->type;
    if (i < nx) {
      if (!rule_axis(g, k, axis, t->rank)) return false;
      if (t->dim[axis] != v[SCAN(length)].i) {
        shape_fail(g, k, E_SHAPE_MISMATCH, "scan: axis %d of a scanned tensor is %s, there are %s iterations", axis,
                   dim_text(g->m, t->dim[axis]), dim_text(g->m, v[SCAN(length)].i));
        return false;
      }
      has = scan_slice_type(g->m, t, axis);
    }
    if (has == want) continue;
    shape_fail(g, k, E_SHAPE_MISMATCH, "scan: %s %d is %s, the body takes %s",
               i < nx        ? "an iteration's slice of scanned tensor"
               : i < nx + nc ? "carry"
                             : "captured tensor",
               (i < nx        ? i
                : i < nx + nc ? i - nx
                              : i - nx - nc) +
                 1,
               type_text(g->m, has), type_text(g->m, want));
    return false;
  }
  return true;
}

TypeId shape_scan(Graph *g, const OpCall *k) {
  const Graph *body = scan_body(g, k);
  if (!body || !scan_ports(g, k, body)) return 0;
  const AttrVal *v = attr_get(g->m, k->attr)->v;
  int nx = (int)v[SCAN(nx)].i, nc = (int)v[SCAN(nc)].i, axis = (int)v[SCAN(axis)].i;
  TypeId *elem = ctx_alloc(g->m->c, (size_t)body->nout * sizeof *elem);
  for (int i = 0; i < body->nout; i++) {
    const Id out = body->out[i].value;
    const Type *t = node_type(body, out);
    if (t->dtype == DT_TUPLE)
      return shape_fail(g, k, E_DTYPE_MISMATCH, "scan: result %d of the body is a tuple", i + 1);
    elem[i] = node_get(body, out)->type;
    if (i < nc) {
      TypeId want = node_get(body, body->port[nx + i])->type;
      if (elem[i] != want)
        return shape_fail(g, k, E_SHAPE_MISMATCH, "scan: carry %d enters an iteration as %s and leaves it as %s", i + 1,
                          type_text(g->m, want), type_text(g->m, elem[i]));
      continue;
    }
    if (axis > t->rank || t->rank == MAX_RANK)
      return shape_fail(g, k, E_AXIS_RANGE, "scan: results of rank %d cannot be stacked along axis %d", t->rank, axis);
    elem[i] = scan_stacked_type(g->m, t, axis, v[SCAN(length)].i);
  }
  return type_tuple(g->m, body->nout, elem);
}

TypeId shape_get(Graph *g, const OpCall *k) {
  const Type *t = node_type(g, k->in[0]);
  int64_t i = call_attr(g, k, ATTR(get, index))->i;
  if (t->dtype != DT_TUPLE) return shape_fail(g, k, E_DTYPE_MISMATCH, "get: its operand is no tuple");
  if (i < 0 || i >= t->ntuple)
    return shape_fail(g, k, E_INDEX_RANGE, "get: there is no element %lld in a tuple of %u", (long long)i, t->ntuple);
  return t->elem[i];
}

/* ---- gradients ---- */

void vjp_scan(Grad *s, Id n, Id dy) {
  (void)dy;
  s->driver->vjp_scan(s, n);
}

Id jvp_scan(Grad *s, Id n, const Id *tangent) { return s->driver->jvp_scan(s, n, tangent); }

void vjp_get(Grad *s, Id n, Id dy) { grad_to_element(s, 0, (int)node_attr(s->b->g, n, ATTR(get, index))->i, dy); }

Id jvp_get(Grad *s, Id n, const Id *tangent) {
  return tangent[0] ? grad_element(s, node_in(s->b->g, n, 0), (int)node_attr(s->b->g, n, ATTR(get, index))->i) : 0;
}

/* ---- evaluation ---- */

void eval_get(Eval *e, Id n) {
  eval_set(e, n, val_retain(eval_in(e, n, 0)->elem[node_attr(e->g, n, ATTR(get, index))->i]));
}

/* Copies slice t of a stacked tensor, [outer, length, inner], to or from an iteration's tensor, [outer, inner]. */
static void slice_copy(Val *stacked, int axis, int64_t t, Val *one, bool store) {
  int64_t outer = 1, inner = dtype_info[one->type].bytes;
  for (int i = 0; i < axis; i++) outer *= stacked->dim[i];
  for (int i = axis + 1; i < stacked->rank; i++) inner *= stacked->dim[i];
  for (int64_t o = 0; o < outer; o++) {
    char *s = (char *)stacked->data + (o * stacked->dim[axis] + t) * inner, *p = (char *)one->data + o * inner;
    memcpy(store ? s : p, store ? p : s, (size_t)inner);
  }
}

static void scan_iteration(Eval *e, Id n, const Scan *s, int64_t t, int64_t length, Val **port, Val **res, Val **elem) {
  const Type *tuple = node_type(e->g, n);
  for (int i = 0; i < s->nx; i++) {
    port[i] = eval_new(e, node_get(s->body, s->body->port[i])->type);
    slice_copy(eval_in(e, n, i), s->axis, t, port[i], false);
  }
  eval_body(e, s->body, (uint32_t)t, (uint32_t)length, port, res);
  for (int i = 0; i < s->nx; i++) val_release(port[i]);
  for (int i = 0; i < s->nc; i++) {
    val_release(port[s->nx + i]);
    port[s->nx + i] = res[i];
  }
  for (int i = s->nc; i < s->nc + s->ny; i++) {
    if (!elem[i]) elem[i] = eval_new(e, tuple->elem[i]);
    slice_copy(elem[i], s->axis, t, res[i], true);
    val_release(res[i]);
  }
}

void eval_scan(Eval *e, Id n) {
  const Scan s = scan_of(e->g, n);
  int nin = s.nx + s.nc + s.ncap, nres = s.nc + s.ny;
  int64_t length = eval_dim(e, s.length);
  Val *hold, **port = eval_scratch(e, (size_t)(nin + 2 * nres + 1) * sizeof *port, &hold);
  Val **res = port + nin, **elem = res + nres;
  for (int i = s.nx; i < nin; i++) port[i] = eval_in(e, n, i);
  for (int i = s.nx; i < s.nx + s.nc; i++) val_retain(port[i]);
  for (int64_t i = 0; i < length; i++)
    scan_iteration(e, n, &s, s.reverse ? length - 1 - i : i, length, port, res, elem);
  for (int i = 0; i < nres; i++) {
    if (i < s.nc) elem[i] = port[s.nx + i];
    else if (!elem[i]) elem[i] = eval_new(e, node_type(e->g, n)->elem[i]); /* no iterations */
  }
  eval_set(e, n, eval_tuple(e, nres, elem));
  val_release(hold);
}
