/* SPDX-License-Identifier: Apache-2.0 */
/* Checking one case. */
#include "suite.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VARS = 64, MAX_RES = 200, MAX_UNIT = 400 /* elements checked one by one */ };
static const double EXACT = 1e-12, DIFF = 1e-7, STEP = 1e-5;

typedef struct Check {
  const Case *k;
  Interp *in;
  uint64_t rng;
  Val *port[MAX_PORTS + 2 * MAX_VARS];          /* f's ports, tangents, cotangents */
  Val *x[MAX_VARS], *t[MAX_VARS], *u[MAX_VARS]; /* variables (values of ports or weights), tangents, cotangents */
  int nx, ny;
  Val *g[3 * MAX_VARS]; /* results of `gradients`: g_i, then h_i and f_i alternately */
  bool ok;
} Check;

static double uniform(Check *c, double lo, double hi) {
  c->rng = c->rng * 6364136223846793005u + 1442695040888963407u;
  return lo + (hi - lo) * (double)(c->rng >> 11) / 9007199254740992.0;
}

static void say(Check *c, const char *what, double a, double b) {
  if (c->ok) printf("FAIL %s: %s: %.17g vs %.17g\n", c->k->name, what, a, b);
  c->ok = false;
}

static void expect(Check *c, const char *what, double a, double b, double scale, double tol) {
  if (!(fabs(a - b) <= tol * (scale > 1 ? scale : 1))) say(c, what, a, b);
}

static double norm(const Val *v) {
  double m = 0;
  for (int64_t i = 0; i < v->count; i++)
    if (fabs(val_get(v, i)) > m) m = fabs(val_get(v, i));
  return m;
}

/* ---- values ---- */

static Val *value(Check *c, TypeId type, Range r) {
  Val *v = interp_value(c->in, type);
  DType t = (DType)type_get(c->k->m, type)->dtype;
  if (r.lo == r.hi) r = dtype_is_float(t) ? (Range){-1.5, 1.5} : t == DT_BOOL ? (Range){0, 2} : (Range){0, 4};
  for (int64_t i = 0; i < v->count; i++) {
    double x = uniform(c, r.lo, r.hi);
    val_set(v, i, dtype_is_float(t) ? x : floor(x));
  }
  return v;
}

/* Weights and states start from the graph `init` if there is one. Each gets a separate value, since equal ones may
 * share one; weights move off the symmetric point. */
static void set_vars(Check *c) {
  Module *m = c->k->m;
  Graph *init = graph_find(m, "init");
  if (init && !interp_run(c->in, init, NULL, NULL)) say(c, "init does not run", 0, 0);
  for (int i = 0; i < m->nvar; i++) {
    Val *v = value(c, m->var[i].type, (Range){0.25, 1.25}), *old = c->in->var[i];
    double noise = m->var[i].kind == VK_PARAM && v->type == DT_F64 ? 0.2 : 0;
    for (int64_t k = 0; old && k < v->count; k++) val_set(v, k, val_get(old, k) + uniform(c, -noise, noise));
    interp_set_var(c->in, i, v);
  }
}

/* The ports of `tangents`, which `gradients` has too: f's, the tangents of the variables, the cotangents. */
static void make_values(Check *c) {
  const Graph *f = c->k->f, *g = c->k->tangents;
  for (int i = 0; i < g->nport; i++) {
    TypeId type = node_get(g, g->port[i])->type;
    c->port[i] = value(c, type, i < f->nport ? c->k->range[i] : (Range){0});
    const char *name = node_name(g, g->port[i]);
    if (i >= f->nport && name[0] == 't') c->t[c->nx++] = c->port[i];
    if (i >= f->nport && name[0] == 'u') c->u[c->ny++] = c->port[i];
    if (i < f->nport && !strncmp(name, "pos", 3))
      for (int64_t k = 0; k < c->port[i]->count; k++) val_set(c->port[i], k, uniform(c, 0.3, 2));
  }
  int nx = 0;
  for (Id n = 1; n < (Id)f->n; n++) {
    const Node *d = node_get(f, n);
    if (!dtype_is_float(node_type(f, n)->dtype)) continue;
    for (int i = 0; i < f->nport; i++)
      if (f->port[i] == n) c->x[nx++] = c->port[i];
    if (d->op == OP_param) c->x[nx++] = c->in->var[var_find(c->k->m, node_name(f, n))];
  }
}

static bool run(Check *c, const Graph *g, Val **res) {
  if (interp_run(c->in, g, c->port, res)) return true;
  printf("FAIL %s: %s: %s\n", c->k->name, g->name, c->in->error);
  return c->ok = false;
}

static void drop(const Graph *g, Val **res) {
  for (int i = 0; i < interp_nresults(g); i++) val_release(res[i]);
}

/* <y, u> over the float results of f or tangents */
static bool weighted(Check *c, const Graph *g, double *sum, double *size) {
  Val *res[MAX_RES];
  if (!run(c, g, res)) return false;
  *sum = 0;
  if (size) *size = 0;
  int k = 0;
  for (int i = 0; i < interp_nresults(g); i++) {
    if (res[i]->type != DT_F64) continue;
    for (int64_t j = 0; j < res[i]->count; j++) {
      double p = val_get(res[i], j) * val_get(c->u[k], j);
      *sum += p;
      if (size) *size += fabs(p);
    }
    k++;
  }
  drop(g, res);
  return true;
}

/* ---- the checks ---- */

static void check_transpose(Check *c) {
  double jt, size, gt = 0;
  if (!weighted(c, c->k->tangents, &jt, &size)) return;
  for (int i = 0; i < c->nx; i++)
    for (int64_t j = 0; j < c->t[i]->count; j++) {
      double p = val_get(c->g[i], j) * val_get(c->t[i], j);
      gt += p;
      size += fabs(p);
    }
  expect(c, "<J t, u> and <t, J' u>", jt, gt, size, EXACT);
}

static void check_forward(Check *c) {
  double keep[MAX_VARS][MAX_UNIT];
  for (int i = 0; i < c->nx; i++)
    for (int64_t j = 0; j < c->t[i]->count && j < MAX_UNIT; j++) {
      keep[i][j] = val_get(c->t[i], j);
      val_set(c->t[i], j, 0);
    }
  for (int i = 0; i < c->nx; i++)
    for (int64_t j = 0; c->ok && j < c->t[i]->count; j++) {
      double jt, size;
      val_set(c->t[i], j, 1);
      if (!weighted(c, c->k->tangents, &jt, &size)) return;
      val_set(c->t[i], j, 0);
      expect(c, "forward and reverse mode", jt, val_get(c->g[i], j), fmax(size, norm(c->g[i])), EXACT);
    }
  for (int i = 0; i < c->nx; i++)
    for (int64_t j = 0; j < c->t[i]->count && j < MAX_UNIT; j++) val_set(c->t[i], j, keep[i][j]);
}

static void check_differences(Check *c) {
  for (int i = 0; i < c->nx; i++)
    for (int64_t j = 0; c->ok && j < c->x[i]->count; j++) {
      double x = val_get(c->x[i], j), lo, hi, size;
      val_set(c->x[i], j, x + STEP);
      if (!weighted(c, c->k->f, &hi, &size)) return;
      val_set(c->x[i], j, x - STEP);
      if (!weighted(c, c->k->f, &lo, NULL)) return;
      val_set(c->x[i], j, x);
      expect(c, "differences and reverse mode", (hi - lo) / (2 * STEP), val_get(c->g[i], j), norm(c->g[i]), DIFF);
    }
}

static bool moved(Check *c, double step, Val **res) {
  for (int i = 0; i < c->nx; i++)
    for (int64_t j = 0; j < c->x[i]->count; j++) val_set(c->x[i], j, val_get(c->x[i], j) + step * val_get(c->t[i], j));
  return run(c, c->k->gradients, res);
}

static void check_second(Check *c) {
  Val *hi[MAX_RES], *lo[MAX_RES];
  if (!moved(c, STEP, hi)) return;
  if (moved(c, -2 * STEP, lo)) {
    for (int i = 0; i < c->nx; i++) {
      const Val *h = c->g[c->nx + 2 * i], *f = c->g[c->nx + 2 * i + 1];
      double scale = fmax(norm(h), norm(c->g[i]));
      for (int64_t j = 0; c->ok && j < h->count; j++) {
        double d = (val_get(hi[i], j) - val_get(lo[i], j)) / (2 * STEP);
        expect(c, "grad of grad and jvp of grad", val_get(h, j), val_get(f, j), 10 * scale, EXACT);
        expect(c, "grad of grad and differences of grad", val_get(h, j), d, scale, 2 * DIFF);
      }
    }
    drop(c->k->gradients, lo);
  }
  drop(c->k->gradients, hi);
}

/* short_by: how far the run-time sizes are below their bounds. */
static bool check_sized(const Case *k, int short_by) {
  Check c = {.k = k, .in = interp_new(k->m, true), .rng = hash_bytes(k->name, strlen(k->name), 1), .ok = true};
  int64_t elements = 0;
  for (int i = 0; i < k->m->nsize; i++) interp_size(c.in, k->m->size[i].name, k->m->size[i].bound - short_by);
  set_vars(&c);
  make_values(&c);
  for (int i = 0; i < c.nx; i++) elements += c.x[i]->count;
  if (!c.nx || !c.ny) say(&c, "has nothing to differentiate", 0, 0);
  if (elements > MAX_UNIT) say(&c, "has too many elements", (double)elements, MAX_UNIT);
  if (c.ok && run(&c, k->gradients, c.g)) {
    check_transpose(&c);
    if (c.ok) check_forward(&c);
    if (c.ok) check_differences(&c);
    if (c.ok) check_second(&c);
  }
  interp_free(c.in);
  return c.ok;
}

bool case_check(const Case *k) { return check_sized(k, 0) && (!k->m->nsize || check_sized(k, 1)); }
