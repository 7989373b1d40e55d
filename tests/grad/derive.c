/* SPDX-License-Identifier: Apache-2.0 */
/* The graphs of a case's derivatives: copies of f with grad and jvp nodes. */
#include "suite.h"
#include "ir/build.h"

typedef struct Derive {
  Builder b;
  Id *map;         /* of f's nodes */
  Id x[64], t[64]; /* variables and their tangents */
  Id y[64], u[64]; /* float results and their cotangents */
  int nx, ny;
} Derive;

static Graph *named(Case *k, const char *suffix) {
  Graph *g = graph_new(k->m, ctx_strf(k->m->c, "%s_%s", k->f->name, suffix), GK_TEST, 0);
  g->training = k->f->training;
  return g;
}

/* f's ports, then a tangent for each variable, then a cotangent for each float result. */
static Derive copy_f(Case *k, const char *suffix) {
  Module *m = k->m;
  const Graph *f = k->f;
  Derive d = {.b = {.g = named(k, suffix)}};
  Rebuild r = {k->f, d.b.g, ctx_alloc(m->c, (size_t)f->n * sizeof(Id))};
  for (int i = 0; i < f->nport; i++)
    r.map[f->port[i]] = graph_input(d.b.g, node_name(f, f->port[i]), node_get(f, f->port[i])->type, 0);
  for (Id n = 1; n < (Id)f->n; n++)
    if (!r.map[n]) graph_copy_node(&r, n);
  for (Id n = 1; n < (Id)f->n && d.nx < 64; n++) {
    Op op = (Op)node_get(f, n)->op;
    if ((op == OP_input || op == OP_param) && dtype_is_float(node_type(f, n)->dtype)) d.x[d.nx++] = r.map[n];
  }
  for (int i = 0; i < d.nx; i++)
    d.t[i] = graph_input(d.b.g, ctx_strf(m->c, "t_%d", i), node_get(d.b.g, d.x[i])->type, 0);
  for (int i = 0; i < f->nout && d.ny < 64; i++) {
    if (f->out[i].var >= 0 || !dtype_is_float(node_type(f, f->out[i].value)->dtype)) continue;
    d.y[d.ny] = r.map[f->out[i].value];
    d.u[d.ny] = graph_input(d.b.g, ctx_strf(m->c, "u_%d", d.ny), node_get(d.b.g, d.y[d.ny])->type, 0);
    d.ny++;
  }
  d.map = r.map;
  return d;
}

static Id plus(const Builder *to, Id a, Id b) { return a ? b_op2(to, OP_add, a, b) : b; }

/* sum over i of <a[i], b[i]> as one number */
static Id inner(const Builder *to, const Id *a, const Id *b, int n) {
  Id sum = 0;
  for (int i = 0; i < n; i++) {
    Id p = b_op2(to, OP_mul, a[i], b[i]);
    int64_t axes[MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    sum = plus(to, sum, b_sum(to, p, node_type(to->g, p)->rank, axes, false));
  }
  return sum;
}

static Id tangent_along(Derive *d, Id y) {
  Id sum = 0;
  for (int i = 0; i < d->nx; i++) sum = plus(&d->b, sum, b_op3(&d->b, OP_jvp, y, d->x[i], d->t[i]));
  return sum;
}

void case_derive(Case *k) {
  Derive d = copy_f(k, "tangents");
  for (int i = 0; i < d.ny; i++) graph_result(d.b.g, ctx_strf(k->m->c, "j_%d", i), tangent_along(&d, d.y[i]), 0);
  k->tangents = d.b.g;
  d = copy_f(k, "gradients");
  Id e = inner(&d.b, d.y, d.u, d.ny), grad[64] = {0};
  for (int i = 0; i < d.nx; i++) {
    grad[i] = b_op2(&d.b, OP_grad, e, d.x[i]);
    graph_result(d.b.g, ctx_strf(k->m->c, "g_%d", i), grad[i], 0);
  }
  Id second = inner(&d.b, grad, d.t, d.nx);
  for (int i = 0; i < d.nx; i++) {
    graph_result(d.b.g, ctx_strf(k->m->c, "h_%d", i), b_op2(&d.b, OP_grad, second, d.x[i]), 0);
    graph_result(d.b.g, ctx_strf(k->m->c, "f_%d", i), tangent_along(&d, grad[i]), 0);
  }
  k->gradients = d.b.g;
}
