/* simplify: rewriting by rules.
 *
 * needs:  nothing
 * keeps:  ports, outputs, types; strict mode: every bit
 * breaks: annotations of replaced nodes (it runs before layout)
 *
 * One sweep in topological order: each node is copied onto simplified operands, then rules are tried on it, by the
 * order of their tables, until none fits. What this leaves unused goes with dce. The rules: rewrite_*.c. */
#include "passes/rewrite.h"
#include "passes/pass.h"
#include <math.h>

enum { MAX_TURNS = 16 };

/* Per op, the rules that may fit, in order. */
typedef struct RuleSet { struct { const Rewrite **rule; int n, cap; } of[OP_COUNT]; } RuleSet;

static void add_rules(Ctx *c, RuleSet *s, const Rewrite *r, bool strict) {
  for (; r->fn; r++) {
    if (strict && r->exactness == FAST) continue;
    for (int op = 1; op < OP_COUNT; op++)
      if (r->op == op || (r->op == OP_NONE && op_info[op].cls == r->cls))
        *VEC_PUSH(c, s->of[op].rule, s->of[op].n, s->of[op].cap) = r;
  }
}

bool rw_is_const(const Graph *g, Id n, double v) {
  double x;
  return b_is_const(g, n, &x) && x == v && signbit(x) == signbit(v);
}

Id rw_fit(Graph *g, Id x, Id like) {
  const Type *t = node_type(g, like);
  return b_broadcast(g, x, t->rank, t->dim);
}

static Id rewrite(const RuleSet *s, Graph *g, Id n) {
  for (int turn = 0; turn < MAX_TURNS; turn++) {
    const Node *d = node_get(g, n);
    const int op = d->op;
    Id to = 0;
    if (attr_get(g->m, d->attr)->clone) return n; /* a recompute clone stays what it is */
    g->loc = d->loc;
    g->hints = attr_get(g->m, d->attr)->hints;
    for (int i = 0; i < s->of[op].n && !to; i++) {
      to = s->of[op].rule[i]->fn(g, n);
      if (to == n || (to && node_get(g, to)->type != node_get(g, n)->type)) to = 0;
    }
    if (!to) return n;
    n = to;
  }
  return n;
}

static void simplify_graph(Graph *g, const RuleSet *s) {
  Rebuild r = graph_rebuild_begin(g);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (!r.map[n]) r.map[n] = rewrite(s, r.new, graph_copy_node(&r, n));
    r.new->hints = 0;
  }
  graph_rebuild_end(&r);
}

static bool has_meta(const Module *m) {
  for (int i = 0; i < m->ngraph; i++)
    for (Id n = 1; n < (Id)m->graph[i]->n; n++)
      if (node_info(m->graph[i], n)->cls == CL_META) return true;
  return false;
}

void pass_simplify(Module *m) {
  RuleSet *s = ctx_alloc(m->c, sizeof *s);
  add_rules(m->c, s, rewrite_elem, m->opt.strict);
  add_rules(m->c, s, rewrite_view, m->opt.strict);
  add_rules(m->c, s, rewrite_sum, m->opt.strict);
  if (!has_meta(m)) add_rules(m->c, s, rewrite_lowered, m->opt.strict);
  for (int i = 0; i < m->ngraph; i++) simplify_graph(m->graph[i], s);
}
