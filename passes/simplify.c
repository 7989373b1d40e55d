/* SPDX-License-Identifier: Apache-2.0 */
/* simplify: rewrites by a table of rules.
 *
 * needs:  nothing
 * keeps:  ports, outputs, types; strict mode: every bit
 * breaks: layout (annotations of replaced nodes)
 *
 * One sweep in topological order: each node is copied onto simplified operands, then rules are tried on it, in the
 * order of their tables, until none applies. Dead nodes are left to dce. The rules: simplify/rewrite_*.c. */
#include "passes/simplify/rewrite.h"
#include "passes/pass.h"
#include "passes/costs.h"
#include <math.h>

/* Per op, the rules that may apply, in order. */
typedef struct RuleSet {
  struct {
    const Rewrite **rule;
    int n, cap;
  } of[OP_COUNT];
} RuleSet;

static void add_rules(Ctx *c, RuleSet *s, const Rewrite *r, bool strict) {
  for (; r->fn; r++) {
    if (strict && r->exactness == FAST) continue;
    for (int op = 1; op < OP_COUNT; op++)
      if (r->op == op || (r->op == OP_NONE && op_info[op].cls == r->cls))
        *VEC_PUSH(c, s->of[op].rule, s->of[op].n, s->of[op].cap) = r;
  }
}

bool rw_is_const(const Builder *b, Id n, double v) {
  double x;
  return node_is_splat(b->g, n, &x) && x == v && signbit(x) == signbit(v);
}

Id rw_fit(const Builder *b, Id x, Id like) {
  const Type *t = node_type(b->g, like);
  return b_broadcast(b, x, t->rank, t->dim);
}

static Id rewrite(const RuleSet *s, Graph *g, Id n) {
  for (int round = 0; round < MAX_REWRITES; round++) {
    const Node *d = node_get(g, n);
    const int op = d->op;
    Id to = 0;
    if (attr_get(g->m, d->attr)->clone) return n; /* clones stay as they are */
    Builder b = {g, d->loc, attr_get(g->m, d->attr)->hints};
    for (int i = 0; i < s->of[op].n && !to; i++) {
      to = s->of[op].rule[i]->fn(&b, n);
      if (to == n || (to && node_get(g, to)->type != node_get(g, n)->type)) to = 0;
    }
    if (!to) return n;
    n = to;
  }
  return n;
}

static void simplify_graph(Graph *g, const RuleSet *s) {
  Rebuild r = graph_rebuild_begin(g);
  for (Id n = 1; n < (Id)g->n; n++)
    if (!r.map[n]) r.map[n] = rewrite(s, r.new, graph_copy_node(&r, n));
  graph_rebuild_end(&r);
}

void pass_simplify(Module *m) {
  RuleSet *s = ctx_alloc(m->c, sizeof *s);
  add_rules(m->c, s, rewrite_elem, m->opt.strict);
  add_rules(m->c, s, rewrite_view, m->opt.strict);
  add_rules(m->c, s, rewrite_reduce, m->opt.strict);
  if (!module_has_gradients(m)) add_rules(m->c, s, rewrite_lowered, m->opt.strict);
  for (int i = 0; i < m->ngraph; i++) simplify_graph(m->graph[i], s);
}
