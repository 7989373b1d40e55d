/* SPDX-License-Identifier: Apache-2.0 */
/* A scan: a body graph grown like any other, over ports for slices, carries and captured values. */
#include "random.h"
#include <string.h>

/* The numbers of a body's scanned, carried and captured inputs and of its stacked results. */
typedef struct Shape {
  int nx, nc, ncap, ny, axis;
  Dim length;
} Shape;
enum { MAX = 3 };

static TypeId without_axis(Gen *r, TypeId t, int axis) {
  Dim dim[MAX_RANK];
  const Type *x = type_get(r->m, t);
  for (int i = 0, k = 0; i < x->rank; i++)
    if (i != axis) dim[k++] = x->dim[i];
  return type_make(r->m, (DType)x->dtype, x->rank - 1, dim);
}

/* A value of that type, computed from the body's values. */
static Id mixed(Gen *r, TypeId t) {
  DType d = (DType)type_get(r->m, t)->dtype;
  Id a = value_of(r, t);
  if (d == DT_BOOL) return keep(r, b_op1(&r->b, OP_not, a));
  Op op = (Op[]){OP_add, OP_sub, OP_mul, OP_max}[rnd(r, 4)];
  return keep(r, b_op2(&r->b, op, a, value_of(r, narrowed(r, t, d))));
}

static Graph *grow_body(Gen *r, const Shape *s, const TypeId *port) {
  Gen outer = *r;
  Graph *body = graph_new(r->m, ctx_strf(r->m->c, "body%d", r->nbody++), GK_BODY, 0);
  r->b = (Builder){.g = body};
  r->npool = 0;
  r->depth++;
  for (int i = 0; i < s->nx + s->nc + s->ncap; i++)
    keep(r, graph_input(body, ctx_strf(r->m->c, "%c%d", "xck"[(i >= s->nx) + (i >= s->nx + s->nc)], i), port[i], 0));
  grow_graph(r, 2 + (int)rnd(r, 5));
  for (int i = 0; i < s->nc; i++) {
    Id next = chance(r, 85) ? mixed(r, port[s->nx + i]) : value_of(r, port[s->nx + i]);
    graph_result(body, ctx_strf(r->m->c, "n%d", i), next, 0);
  }
  for (int made = 0, tries = 0; made < s->ny && tries < 20; tries++) {
    Id y = pick(r, is_any);
    if (!y || s->axis > node_type(body, y)->rank || node_type(body, y)->rank > 5) continue;
    if (dim_bound(r->m, dim_mul(r->m, type_count(r->m, node_get(body, y)->type), s->length)) > MAX_ELEMS) continue;
    graph_result(body, ctx_strf(r->m->c, "y%d", made++), y, 0);
  }
  outer.state = r->state;
  outer.nbody = r->nbody;
  *r = outer;
  return body;
}

bool make_scan(Gen *r, Op op) {
  if (r->depth >= 2 || r->nbody >= 6 || (op == OP_get && chance(r, 60))) return false;
  Shape s = {.nx = (int)rnd(r, MAX),
             .nc = (int)rnd(r, MAX),
             .ncap = (int)rnd(r, MAX),
             .ny = (int)rnd(r, MAX),
             .axis = (int)rnd(r, 2)};
  s.length = r->sized && chance(r, 30) ? rnd_size(r) : rnd(r, 6);
  Id in[3 * MAX];
  TypeId port[3 * MAX];
  int n = 0;
  for (; n < s.nx; n++) {
    TypeId t = rnd_type(r, rnd_dtype(r), 3);
    Dim dim[MAX_RANK];
    int rank = type_get(r->m, t)->rank;
    if (rank < s.axis) return false;
    if (s.axis) memcpy(dim, type_get(r->m, t)->dim, (size_t)s.axis * sizeof *dim);
    dim[s.axis] = s.length;
    if (rank > s.axis) memcpy(dim + s.axis + 1, type_get(r->m, t)->dim + s.axis, (size_t)(rank - s.axis) * sizeof *dim);
    t = type_make(r->m, (DType)type_get(r->m, t)->dtype, rank + 1, dim);
    if (!small(r, t)) return false;
    in[n] = value_of(r, t);
    port[n] = without_axis(r, t, s.axis);
  }
  for (; n < s.nx + s.nc + s.ncap; n++) {
    port[n] = rnd_type(r, rnd_dtype(r), 3);
    in[n] = value_of(r, port[n]);
  }
  Graph *body = grow_body(r, &s, port);
  if (!body->nout) { /* it must have a result */
    Gen leaf = {.state = r->state, .m = r->m, .b = {.g = body}};
    graph_result(body, "y", leaf_of(&leaf, type_make(r->m, DT_F32, 0, NULL)), 0);
  }
  AttrVal v[] = {{.i = body->index}, {.i = s.nx}, {.i = s.nc}, {.i = s.axis}, {.i = chance(r, 35)}, {.i = s.length}};
  Id scan = graph_node(r->b.g, OP_scan, in, n, attr_make(r->m, OP_scan, v), 0);
  if (!scan) return false;
  for (int i = 0; i < body->nout; i++)
    if (chance(r, 85)) keep(r, b_get(&r->b, scan, i));
  return true;
}
