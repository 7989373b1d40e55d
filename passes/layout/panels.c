/* SPDX-License-Identifier: Apache-2.0 */
/* Packs weights of contractions into panels, see layout.h. Runs after fuse, which decides what each kernel reads and
 * writes; kernels do not depend on it. */
#include "passes/layout/layout.h"
#include "ir/scan.h"
#include "passes/analysis/group.h"
#include "passes/pass.h"
#include "passes/analysis/model_memory.h"
#include "passes/costs.h"
#include "ir/contract.h"

/* The axis of the contraction's operand x that is in the result but not in the other operand: the columns of x @ w. -1:
 * x is not such a matrix. */
static int columns_of(const Graph *g, Id n, Id x, bool *right) {
  Contract c;
  contract_of(g, n, &c);
  *right = node_in(g, n, OPERAND_RIGHT) == x;
  if (node_in(g, n, OPERAND_LEFT) == node_in(g, n, OPERAND_RIGHT)) return -1;
  AxisRole role = *right ? AX_N : AX_M;
  if (c.n[AX_BATCH] || c.n[role] != 1 || c.n[AX_K] != 1) return -1;
  return c.axis[c.of[role][0]].at[*right ? OPERAND_RIGHT : OPERAND_LEFT];
}

/* Per var: NEVER in panels, UNDECIDED, else the axis that its first contraction needs split. */
enum { UNDECIDED = -1, NEVER = -2 };

/* The axis that kernel k needs for the leaf, given the axis so far. */
static int asked_by(const Graph *g, const Group *k, Id leaf, int axis) {
  const Type *t = node_type(g, leaf), *root = node_type(g, k->root);
  bool operand = k->cls == KC_CONTRACT && (node_in(g, k->root, 0) == leaf || node_in(g, k->root, 1) == leaf), right;
  if (operand) {
    int a = columns_of(g, k->root, leaf, &right);
    return a < 0 ? NEVER : axis == UNDECIDED ? a : axis;
  }
  bool same = root->rank == t->rank && root->dim[0] == t->dim[0] && root->dim[1] == t->dim[1];
  return same && (k->cls == KC_LOOP || k->cls == KC_CONTRACT) ? axis : NEVER;
}

static void read_group(const Graph *g, const Group *k, int *axis) {
  for (int i = 0; i < k->nread; i++) {
    int v = node_var(g, k->read[i]);
    if (v >= 0 && axis[v] != NEVER && k->cls != KC_SCAN) axis[v] = asked_by(g, k, k->read[i], axis[v]);
  }
}

/* n reads the leaf in a contraction or element by element; a view of it, or an inlined node over one, would hide what
 * is read. */
static bool reads_plainly(const Graph *g, Id n, Id leaf) {
  OpClass cls = node_info(g, n)->cls;
  return cls == CL_CONTRACT || (cls == CL_ELEM && node_get(g, n)->type == node_get(g, leaf)->type);
}

/* ---- captured by scans: the body's port has the order of the weight ---- */

typedef struct Capture {
  Graph *body;
  int port, var;
} Capture; /* var < 0: another value is captured */
typedef struct Captures {
  Capture *v;
  int n, cap;
} Captures;

static bool captures(const Graph *g, Id scan, uint32_t i) {
  Scan s = scan_of(g, scan);
  return i >= (uint32_t)(s.nx + s.nc);
}

static void read_nodes(Graph *g, int *axis, Captures *c) {
  Module *m = g->m;
  for (Id n = 1; n < (Id)g->n; n++)
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
      Id x = node_in(g, n, (int)i);
      int v = node_var(g, x);
      bool captured = node_info(g, n)->cls == CL_SCAN && captures(g, n, i);
      if (captured) *VEC_PUSH(m->c, c->v, c->n, c->cap) = (Capture){scan_of(g, n).body, (int)i, v};
      else if (v >= 0 && !reads_plainly(g, n, x)) axis[v] = NEVER;
    }
}

static int asked_of_port(const Graph *body, const Groups *gs, Id port) {
  int axis = UNDECIDED;
  for (Id n = 1; n < (Id)body->n; n++)
    for (uint32_t i = 0; i < node_get(body, n)->nin; i++)
      if (node_in(body, n, (int)i) == port && !reads_plainly(body, n, port)) return NEVER;
  for (int i = 0; i < body->nout; i++)
    if (body->out[i].value == port) return NEVER;
  for (int k = 0; k < gs->n && axis != NEVER; k++)
    for (int i = 0; i < gs->group[k].nread && axis != NEVER; i++)
      if (gs->group[k].read[i] == port) axis = asked_by(body, &gs->group[k], port, axis);
  return axis;
}

/* A captured weight, like the ports it is bound to, has the order that the bodies need; if one weight bound to a port
 * cannot have it, none has. */
static void read_captures(const Captures *c, int *axis) {
  for (int i = 0; i < c->n; i++) {
    const Capture *x = &c->v[i];
    if (x->var < 0 || axis[x->var] == NEVER) continue;
    int a = asked_of_port(x->body, groups_make(x->body), x->body->port[x->port]);
    if (a == NEVER || axis[x->var] == UNDECIDED) axis[x->var] = a;
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (int i = 0; i < c->n; i++)
      for (int j = 0; j < c->n; j++) {
        const Capture *x = &c->v[i], *y = &c->v[j];
        if (x->body != y->body || x->port != y->port || x->var < 0 || axis[x->var] == NEVER) continue;
        if (y->var >= 0 && axis[y->var] == axis[x->var]) continue;
        axis[x->var] = NEVER;
        changed = true;
      }
  }
}

static void store_ports(const Captures *c, const int *axis, Module *m) {
  for (int i = 0; i < c->n; i++)
    if (c->v[i].var >= 0 && axis[c->v[i].var] >= 0)
      graph_annotate(c->v[i].body)[c->v[i].body->port[c->v[i].port]].stored = m->var[c->v[i].var].stored;
}

static void write_groups(const Graph *g, const Groups *gs, int *axis) {
  for (int i = 0; i < g->nout; i++) {
    int v = g->out[i].var;
    if (v < 0) continue;
    int w = gs->writer[g->out[i].value];
    const Group *k = w >= 0 ? &gs->group[w] : NULL;
    bool plain = k && (k->cls == KC_LOOP || k->cls == KC_CONTRACT) && node_info(g, k->root)->cls != CL_VIEW;
    if (!plain || node_get(g, k->root)->type != g->m->var[v].type) axis[v] = NEVER;
  }
}

static bool suits(const Module *m, const Var *v) {
  const Type *t = type_get(m, v->type);
  return t->dtype == DT_F32 && t->rank == 2 && dim_is_const(t->dim[0]) && dim_is_const(t->dim[1]) && !v->stored &&
         t->dim[0] >= 4 && t->dim[1] >= 4 && t->dim[0] * t->dim[1] >= MIN_PANELS;
}

static uint32_t panel_order(Module *m, int axis) {
  StorageOrder s = {.rank = 2, .perm = {(uint8_t)(1 - axis), (uint8_t)axis}};
  s.panel_axis = (uint8_t)axis, s.panel = (uint32_t)m->opt.panel;
  return storage_order_make(m, &s);
}

void layout_panels(Module *m) {
  if (!m->opt.panel || pass_off(m, PASS_layout)) return;
  int *axis = ctx_alloc(m->c, sizeof *axis * (size_t)(m->nvar + 1));
  Captures captures = {0};
  for (int v = 0; v < m->nvar; v++) axis[v] = suits(m, &m->var[v]) ? UNDECIDED : NEVER;
  for (int i = 0; i < m->ngraph; i++) {
    const Groups *gs = groups_make(m->graph[i]);
    read_nodes(m->graph[i], axis, &captures);
    for (int k = 0; k < gs->n; k++) read_group(m->graph[i], &gs->group[k], axis);
    write_groups(m->graph[i], gs, axis);
  }
  read_captures(&captures, axis);
  for (int v = 0; v < m->nvar; v++) { /* optimizer states follow their weight, or stay row-major */
    int w = m->var[v].owner;
    int a = w >= 0 && m->var[w].type == m->var[v].type && axis[v] != NEVER ? axis[w] : axis[v];
    if (m->var[v].kind == VK_PARAM || w >= 0) m->var[v].stored = a >= 0 ? panel_order(m, a) : m->var[v].stored;
  }
  store_ports(&captures, axis, m);
  for (int i = 0; i < m->ngraph; i++)
    for (int o = 0; o < m->graph[i]->nout; o++) {
      const Out *out = &m->graph[i]->out[o];
      if (out->var >= 0 && m->var[out->var].stored && m->stored[m->var[out->var].stored - 1].panel)
        m->graph[i]->anno[out->value].stored = m->var[out->var].stored;
    }
}
