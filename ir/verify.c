/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier. Each constraint has a number that messages quote:
 *   V01 operands are defined before use        V02 the op's arity
 *   V03 the type is what the shape rule gives  V04 ports are the graph's input nodes, each once
 *   V05 outputs have a value                   V06 a write has its var's type, and one write a var
 *   V07 a param or state node names a var of the module, of its kind
 *   V08 a body graph exists, is another graph, and does not use itself
 *   V09 annotations are in range: stored orders exist and have the value's rank, locations name what exists
 *   V10 a kernel's position is above those of the kernels it reads (once ordered) */
#include "ir.h"
#include <string.h>

typedef struct Verifier {
  Graph *g;
  int bad;
} Verifier;

static void broken(Verifier *v, int rule, Id n, const char *what) {
  Loc at = n ? v->g->node[n].loc : v->g->loc;
  if (v->bad++ < 10)
    diag_error(v->g->m->c, E_IR_INVALID, at, 1, "V%02d in graph `%s`, node %u (%s): %s", rule, v->g->name, n,
               n ? node_info(v->g, n)->name : "-", what);
}

static void check_type(Verifier *v, Id n) {
  if (node_shape(v->g, n) != node_get(v->g, n)->type) broken(v, 3, n, "its type is not what its shape rule gives");
}

static void check_leaf(Verifier *v, Id n) {
  Graph *g = v->g;
  const Node *d = node_get(g, n);
  if (d->op == OP_param || d->op == OP_state) {
    int k = var_find(g->m, node_name(g, n));
    if (k < 0 || (g->m->var[k].kind == VK_PARAM) != (d->op == OP_param)) broken(v, 7, n, "no such weight or state");
  }
  if (d->op == OP_input) {
    int found = 0;
    for (int i = 0; i < g->nport; i++) found += g->port[i] == n;
    if (found != 1) broken(v, 4, n, "an input node is not a port of its graph exactly once");
  }
}

static void check_body(Verifier *v, Id n) {
  const OpInfo *info = node_info(v->g, n);
  for (int i = 0; i < info->nfields; i++) {
    if (info->field[i].kind != AK_GRAPH) continue;
    int64_t b = node_attr(v->g, n, i)->i;
    if (b < 0 || b >= v->g->m->ngraph || b == v->g->index)
      broken(v, 8, n, "its body graph does not exist or is its own");
  }
}

static void check_anno(Verifier *v, Id n) {
  Graph *g = v->g;
  if ((int)n >= g->nanno) return;
  const Annotation *a = &g->anno[n];
  const Type *t = node_type(g, n);
  if (a->stored > (uint32_t)g->m->nstored || (a->stored && g->m->stored[a->stored - 1].rank != t->rank))
    broken(v, 9, n, "its stored order does not exist or has another rank");
  bool ok = a->space == SP_VAR   ? a->index < (uint32_t)g->m->nvar
            : a->space == SP_IN  ? a->index < (uint32_t)g->nport
            : a->space == SP_OUT ? a->index < (uint32_t)g->nout
                                 : a->offset >= 0;
  if (!ok || a->scratch < 0 || a->alias >= (uint32_t)g->n) broken(v, 9, n, "its place does not exist");
  if (!a->pos) return;
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
    const Annotation *b = &g->anno[node_in(g, n, (int)i)];
    if (b->pos && (b->pos > a->pos || (b->pos == a->pos && b->kernel != a->kernel)))
      broken(v, 10, n, "its kernel runs before one that it reads");
  }
}

static void check_node(Verifier *v, Id n) {
  Graph *g = v->g;
  const Node *d = node_get(g, n);
  const OpInfo *info = &op_info[d->op];
  if (info->arity >= 0 && (int)d->nin != info->arity) {
    broken(v, 2, n, "wrong number of operands");
    return;
  }
  for (uint32_t i = 0; i < d->nin; i++)
    if (!node_in(g, n, (int)i) || node_in(g, n, (int)i) >= n) {
      broken(v, 1, n, "an operand is not defined before it");
      return;
    }
  check_leaf(v, n);
  check_body(v, n);
  if (!v->bad) check_type(v, n);
  check_anno(v, n);
}

static void check_outputs(Verifier *v) {
  Graph *g = v->g;
  bool *written = ctx_alloc(g->m->c, (size_t)g->m->nvar + 1);
  for (int i = 0; i < g->nout; i++) {
    const Out *o = &g->out[i];
    if (!o->value || o->value >= (Id)g->n) {
      broken(v, 5, 0, "an output has no value");
      continue;
    }
    if (o->var < 0) continue;
    if (o->var >= g->m->nvar || node_get(g, o->value)->type != g->m->var[o->var].type)
      broken(v, 6, o->value, "it is written to a weight or state of another type");
    else if (written[o->var]) broken(v, 6, o->value, "a second write of the same weight or state");
    else written[o->var] = true;
  }
}

int ir_verify_graph(Graph *g) {
  Verifier v = {g, 0};
  for (int i = 0; i < g->nport; i++)
    if (!g->port[i] || g->port[i] >= (Id)g->n || node_get(g, g->port[i])->op != OP_input)
      broken(&v, 4, 0, "a port is not an input node");
  for (Id n = 1; n < (Id)g->n && v.bad < 10; n++) check_node(&v, n);
  check_outputs(&v);
  return v.bad;
}

int ir_verify(Module *m) {
  int bad = 0;
  for (int i = 0; i < m->ngraph; i++) bad += ir_verify_graph(m->graph[i]);
  return bad;
}
