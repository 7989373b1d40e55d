/* Weights of contractions in panels: see layout.h. Runs behind fuse, which says what kernels read and write together;
 * no kernel depends on it. */
#include "passes/layout.h"
#include "passes/group.h"
#include "passes/pass.h"
#include "passes/persist.h"
#include "ir/contract.h"

enum { LEAST_PANELS = 16384 }; /* elements of a weight that is worth it */

static int var_of(const Graph *g, Id n) {
  int op = node_get(g, n)->op;
  return op == OP_param || op == OP_state ? var_find(g->m, node_attr(g, n, 0)->s) : -1;
}

/* The axis of the contraction's operand x that its other operand does not have and the result does: the columns of a
 * product x @ w. -1: x is not such a matrix. */
static int columns_of(const Graph *g, Id n, Id x, bool *right) {
  Contract c;
  contract_of(g, n, &c);
  *right = node_in(g, n, OPERAND_RIGHT) == x;
  if (node_in(g, n, OPERAND_LEFT) == node_in(g, n, OPERAND_RIGHT)) return -1;
  AxisRole role = *right ? AX_N : AX_M;
  if (c.n[AX_BATCH] || c.n[role] != 1 || c.n[AX_K] != 1) return -1;
  return c.axis[c.of[role][0]].at[*right ? OPERAND_RIGHT : OPERAND_LEFT];
}

/* Per var: -2 must not be in panels, -1 nothing said, else the axis whose panels its first contraction asks for. */
static void read_group(const Graph *g, const Group *k, int *axis) {
  for (int i = 0; i < k->nread; i++) {
    int v = var_of(g, k->read[i]);
    if (v < 0 || axis[v] == -2) continue;
    const Type *t = type_get(g->m, g->m->var[v].type);
    const Type *root = node_type(g, k->root);
    bool operand = false, right;
    if (k->cls == KC_CONTRACT)
      operand = node_in(g, k->root, 0) == k->read[i] || node_in(g, k->root, 1) == k->read[i];
    int a = operand ? columns_of(g, k->root, k->read[i], &right) : -1;
    bool same = root->rank == t->rank && root->dim[0] == t->dim[0] && root->dim[1] == t->dim[1];
    if (operand ? a < 0 : !same || (k->cls != KC_LOOP && k->cls != KC_CONTRACT)) axis[v] = -2;
    else if (operand && axis[v] == -1) axis[v] = a;
  }
}

/* A view of the weight, or an inlined node over one, hides what is read where. */
static void read_nodes(const Graph *g, int *axis) {
  for (Id n = 1; n < (Id)g->n; n++)
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
      int v = var_of(g, node_in(g, n, (int)i));
      OpClass cls = node_info(g, n)->cls;
      if (v >= 0 && cls != CL_CONTRACT && cls != CL_ELEM) axis[v] = -2;
      if (v >= 0 && cls == CL_ELEM && node_get(g, n)->type != g->m->var[v].type) axis[v] = -2;
    }
}

static void write_groups(const Graph *g, const Groups *gs, int *axis) {
  for (int i = 0; i < g->nout; i++) {
    int v = g->out[i].var;
    if (v < 0) continue;
    int w = gs->writer[g->out[i].value];
    const Group *k = w >= 0 ? &gs->group[w] : NULL;
    bool plain = k && (k->cls == KC_LOOP || k->cls == KC_CONTRACT) && node_info(g, k->root)->cls != CL_VIEW;
    if (!plain || node_get(g, k->root)->type != g->m->var[v].type) axis[v] = -2;
  }
}

static bool suits(const Module *m, const Var *v) {
  const Type *t = type_get(m, v->type);
  return t->dtype == DT_F32 && t->rank == 2 && dim_is_const(t->dim[0]) && dim_is_const(t->dim[1]) && !v->stored &&
         t->dim[0] >= 4 && t->dim[1] >= 4 && t->dim[0] * t->dim[1] >= LEAST_PANELS;
}

static uint32_t panel_order(Module *m, int axis) {
  Stored s = {.rank = 2, .perm = {(uint8_t)(1 - axis), (uint8_t)axis}};
  s.panel_axis = (uint8_t)axis, s.panel = (uint32_t)m->opt.panel;
  return stored_make(m, &s);
}

void layout_panels(Module *m) {
  if (!m->opt.panel || pass_off(m, PASS_layout)) return;
  int *axis = ctx_alloc(m->c, sizeof *axis * (size_t)(m->nvar + 1));
  for (int v = 0; v < m->nvar; v++) axis[v] = suits(m, &m->var[v]) ? -1 : -2;
  for (int i = 0; i < m->ngraph; i++) {
    const Groups *gs = groups_make(m->graph[i]);
    read_nodes(m->graph[i], axis);
    for (int k = 0; k < gs->n; k++) read_group(m->graph[i], &gs->group[k], axis);
    write_groups(m->graph[i], gs, axis);
  }
  for (int v = 0; v < m->nvar; v++) { /* optimizer states follow their weight, or stay as they are */
    const char *rest;
    int w = m->var[v].kind == VK_OPTIM ? persist_owner(m, m->var[v].name, &rest) : -1;
    int a = w >= 0 && m->var[w].type == m->var[v].type && axis[v] != -2 ? axis[w] : axis[v];
    if (m->var[v].kind == VK_PARAM || w >= 0) m->var[v].stored = a >= 0 ? panel_order(m, a) : m->var[v].stored;
  }
  for (int i = 0; i < m->ngraph; i++)
    for (int o = 0; o < m->graph[i]->nout; o++) {
      const Out *out = &m->graph[i]->out[o];
      if (out->var >= 0 && m->var[out->var].stored && m->stored[m->var[out->var].stored - 1].panel)
        m->graph[i]->anno[out->value].stored = m->var[out->var].stored;
    }
}
