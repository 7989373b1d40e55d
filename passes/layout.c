/* layout: stored orders: Anno.stored of values, Var.stored of weights.
 *
 * needs:  autodiff; runs before fuse
 * keeps:  logical shapes, the graph's meaning
 * breaks: nothing
 *
 * Images around convolutions are stored channels-last, their weights with the output channels last, so that the inner
 * loops of the kernels run over contiguous channels; what scans stack and take apart is stored turn by turn;
 * element-wise ops, reductions and windows adopt the order of what they read. Optimizer states and gradients have the
 * order of their weight. Inputs and results belong to the caller and stay row-major: an image input of several channels
 * is copied once. A transpose of a contraction becomes part of it. Panels of contraction weights (Stored.panel) belong
 * to tuned kernels, which choose them. Off: all row-major. */
#include "ir/build.h"
#include "ir/contract.h"
#include "ir/view.h"
#include "passes/access.h"
#include "passes/layout.h"
#include "passes/pass.h"
#include "passes/persist.h"
#include <string.h>

/* ---- orders as permutations: axes, the outermost first ---- */

typedef struct Order { int rank; uint8_t axis[MAX_RANK]; } Order;

static Order order_rows(int rank) {
  Order o = {.rank = rank};
  for (int i = 0; i < rank; i++) o.axis[i] = (uint8_t)i;
  return o;
}

static Order order_get(const Module *m, uint32_t stored, int rank) {
  Order o = order_rows(rank);
  if (stored) memcpy(o.axis, m->stored[stored - 1].perm, (size_t)rank);
  return o;
}

static uint32_t order_put(Module *m, const Order *o) {
  Stored s = {.rank = (uint8_t)o->rank};
  memcpy(s.perm, o->axis, (size_t)o->rank);
  return stored_make(m, &s);
}

/* Channels-last: batch, space, channels. */
static uint32_t image_order(Module *m, int rank) {
  Order o = {.rank = rank};
  for (int i = 2; i < rank; i++) o.axis[i - 1] = (uint8_t)i;
  o.axis[rank - 1] = 1;
  return order_put(m, &o);
}

/* Of what a scan stacks or takes apart: the turns are the outermost axis, so that each lies in one piece. */
static uint32_t turn_order(Module *m, int rank, int64_t axis) {
  Order o = {.rank = 1, .axis = {(uint8_t)axis}};
  for (int i = 0; i < rank; i++)
    if (i != axis) o.axis[o.rank++] = (uint8_t)i;
  return order_put(m, &o);
}

/* Of a convolution's weights [out, in, space]: space, in, out. */
static uint32_t filter_order(Module *m, int rank) {
  Order o = {.rank = rank};
  for (int i = 2; i < rank; i++) o.axis[i - 2] = (uint8_t)i;
  o.axis[rank - 2] = 1;
  o.axis[rank - 1] = 0;
  return order_put(m, &o);
}

/* The order of what is left when axes go (`to` < 0) and the others get new numbers. */
static uint32_t order_map(Module *m, uint32_t stored, int rank, const int *to) {
  Order from = order_get(m, stored, rank), o = {0};
  for (int i = 0; i < rank; i++)
    if (to[from.axis[i]] >= 0) o.axis[o.rank++] = (uint8_t)to[from.axis[i]];
  return order_put(m, &o);
}

/* ---- what order an op's result has, given those of its operands ---- */

typedef uint32_t OrderFn(const Graph *g, Id n, const uint32_t *of);

static int rank_of(const Graph *g, Id n) { return node_type(g, n)->rank; }

static uint32_t largest_order(const Graph *g, Id n, const uint32_t *of) {
  const Type *t = node_type(g, n);
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
    Id x = node_in(g, n, (int)i);
    if (of[x] && type_same_dims(node_type(g, x), t)) return of[x];
  }
  return 0;
}

static uint32_t concat_order(const Graph *g, Id n, const uint32_t *of) {
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++)
    if (of[node_in(g, n, (int)i)]) return of[node_in(g, n, (int)i)];
  return 0;
}

/* As the input lies; axes that it has not come first, those within windows last. */
static uint32_t view_order(const Graph *g, Id n, const uint32_t *of) {
  ViewMap v;
  Order o = {0};
  bool seen[MAX_RANK] = {0};
  if (!view_map(g, n, &v)) return 0;
  Order from = order_get(g->m, of[node_in(g, n, 0)], v.rank);
  for (int i = 0; i < v.rank; i++)
    for (int k = 0; k < v.axis[i].n; k++) seen[v.axis[i].axis[k]] = true;
  for (int i = 0; i < rank_of(g, n); i++)
    if (!seen[i]) o.axis[o.rank++] = (uint8_t)i;
  for (int i = 0; i < v.rank; i++) o.axis[o.rank++] = (uint8_t)v.axis[from.axis[i]].axis[0];
  for (int i = v.rank; o.rank < rank_of(g, n); i++) o.axis[o.rank++] = (uint8_t)i;
  return order_put(g->m, &o);
}

static uint32_t fold_order(const Graph *g, Id n, const uint32_t *of) {
  int rank = rank_of(g, node_in(g, n, 0)), to[MAX_RANK];
  for (int i = 0; i < rank; i++) to[i] = i < rank_of(g, n) ? i : -1;
  return order_map(g->m, of[node_in(g, n, 0)], rank, to);
}

static uint32_t reduce_order(const Graph *g, Id n, const uint32_t *of) {
  const AttrVal *axes = node_attr(g, n, 0);
  int rank = rank_of(g, node_in(g, n, 0)), to[MAX_RANK] = {0}, k = 0;
  if (rank_of(g, n) == rank) return of[node_in(g, n, 0)];
  for (int i = 0; i < axes->n; i++) to[axes->v[i]] = -1;
  for (int i = 0; i < rank; i++)
    if (to[i] >= 0) to[i] = k++;
  return order_map(g->m, of[node_in(g, n, 0)], rank, to);
}

static uint32_t conv_order(const Graph *g, Id n, const uint32_t *of) {
  (void)of;
  bool weight = conv_role(g, n, OPERAND_RESULT) == CONV_W;
  return weight ? filter_order(g->m, rank_of(g, n)) : image_order(g->m, rank_of(g, n));
}

static uint32_t stacked_order(const Graph *g, Id n, const uint32_t *of) {
  Id x = node_in(g, n, 0);
  (void)of;
  if (node_info(g, x)->cls != CL_SCAN || node_attr(g, n, 0)->i < node_attr(g, x, 2)->i) return 0;
  return turn_order(g->m, rank_of(g, n), node_attr(g, x, 3)->i);
}

static OrderFn *const order_rule[CL_COUNT] = { /* none: row-major */
  [CL_ELEM] = largest_order, [CL_VIEW] = view_order, [CL_CONCAT] = concat_order, [CL_REDUCE] = reduce_order,
  [CL_CONV] = conv_order, [CL_WINDOW] = fold_order, [CL_TUPLE] = stacked_order,
};

/* ---- graphs ---- */

static bool has_channels(const Graph *g, Id n) {
  const Type *t = node_type(g, n);
  return t->rank >= 3 && t->dim[1] != 1;
}

/* A transpose that takes the contraction it reads, which has no other reader, into itself. */
static bool sinks(const Graph *g, Id n, const uint32_t *uses, int *to) {
  if (!view_permutes(g, n, to)) return false;
  Id x = node_in(g, n, 0);
  return node_info(g, x)->cls == CL_CONTRACT && uses[x] == 1;
}

static Id sink_transpose(Rebuild *r, Id n, const int *to) {
  Graph *g = r->old;
  Id x = node_in(g, n, 0);
  const char *spec = node_attr(g, x, 0)->s, *old = strstr(spec, "->") + 2;
  char *sunk = ctx_strf(g->m->c, "%s", spec);
  for (int i = 0; i < rank_of(g, n); i++) sunk[old - spec + to[i]] = old[i];
  r->new->loc = node_get(g, x)->loc;
  return b_contract(r->new, r->map[node_in(g, x, 0)], r->map[node_in(g, x, 1)], sunk);
}

/* Whether n is a convolution that reads an image input of several channels. */
static bool reads_input(const Graph *g, Id n) {
  if (node_info(g, n)->cls != CL_CONV || g->kind == GK_BODY) return false;
  return node_is_input(g, node_in(g, n, 0)) && has_channels(g, node_in(g, n, 0));
}

void layout_copy_inputs(Graph *g) {
  bool any = false;
  for (Id n = 1; n < (Id)g->n && !any; n++) any = reads_input(g, n);
  if (!any) return;
  Rebuild r = graph_rebuild_begin(g);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (r.map[n]) continue;
    if (!reads_input(g, n)) {
      graph_copy_node(&r, n);
      continue;
    }
    const Node *d = node_get(g, n);
    r.new->loc = d->loc;
    Id in[2] = {b_copy(r.new, r.map[node_in(g, n, 0)], 0), r.map[node_in(g, n, 1)]};
    r.map[n] = graph_node(r.new, (Op)d->op, in, 2, d->attr, d->loc);
  }
  graph_rebuild_end(&r);
}

static void reshape_graph(Graph *g) {
  layout_copy_inputs(g);
  uint32_t *uses = ctx_alloc(g->m->c, sizeof *uses * (size_t)g->n);
  bool any = false, *gone = ctx_alloc(g->m->c, (size_t)g->n);
  for (Id n = 1; n < (Id)g->n; n++) {
    any |= node_info(g, n)->cls == CL_CONTRACT;
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) uses[node_in(g, n, (int)i)]++;
  }
  for (int i = 0; i < g->nout; i++) uses[g->out[i].value]++;
  if (!any) return;
  int exchange[MAX_RANK];
  for (Id n = 1; n < (Id)g->n; n++)
    if (sinks(g, n, uses, exchange)) gone[node_in(g, n, 0)] = true;
  Rebuild r = graph_rebuild_begin(g);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (r.map[n] || gone[n]) continue;
    if (sinks(g, n, uses, exchange)) r.map[n] = sink_transpose(&r, n, exchange);
    else graph_copy_node(&r, n);
  }
  graph_rebuild_end(&r);
}

/* Scans take whole buffers, row by row: the weights that they read, and those that are given what a scan reads. */
static bool *scanned_vars(Module *m) {
  bool *scanned = ctx_alloc(m->c, (size_t)m->nvar + 1);
  for (int k = 0; k < m->ngraph; k++) {
    Graph *g = m->graph[k];
    bool *read = ctx_alloc(m->c, (size_t)g->n);
    for (Id n = 1; n < (Id)g->n; n++)
      for (uint32_t i = 0; node_info(g, n)->cls == CL_SCAN && i < node_get(g, n)->nin; i++) {
        Id x = node_in(g, n, (int)i);
        read[x] = true;
        if (node_var(g, x) >= 0) scanned[node_var(g, x)] = true;
      }
    for (int i = 0; i < g->nout; i++)
      if (g->out[i].var >= 0 && read[g->out[i].value]) scanned[g->out[i].var] = true;
  }
  return scanned;
}

static Id behind_casts(const Graph *g, Id x) {
  while (node_widens(g, x) || node_narrows(g, x)) x = node_in(g, x, 0);
  return x;
}

static void order_filters(Module *m) {
  const bool *scanned = scanned_vars(m);
  for (int i = 0; i < m->ngraph; i++) {
    Graph *g = m->graph[i];
    for (Id n = 1; n < (Id)g->n; n++) {
      for (int k = 0; node_info(g, n)->cls == CL_CONV && k < 2; k++) {
        int v = conv_role(g, n, k) == CONV_W ? node_var(g, behind_casts(g, node_in(g, n, k))) : -1;
        if (v >= 0) m->var[v].stored = filter_order(m, type_get(m, m->var[v].type)->rank);
      }
    }
  }
  for (int v = 0; v < m->nvar; v++) {
    const char *rest;
    int w = m->var[v].kind == VK_OPTIM ? persist_owner(m, m->var[v].name, &rest) : -1;
    if (w >= 0 && m->var[w].type == m->var[v].type) m->var[v].stored = m->var[w].stored;
  }
  for (int v = 0; v < m->nvar; v++)
    if (scanned[v]) m->var[v].stored = 0;
}

/* Whether the kernel that makes x can store it in that order: a scan stacks by iteration or by row. */
static bool takes_order(const Graph *g, Id x, uint32_t order) {
  if (!order) return true;
  return node_info(g, x)->cls == CL_TUPLE ? order == stacked_order(g, x, NULL) : view_takes_order(g, x);
}

/* What a scan takes apart is stored turn by turn, unless another reader of the kind, or whoever made it, has it row by
 * row; its other operands are taken as they lie, row by row. */
static void order_scanned(Graph *g) {
  enum { FREE, TURNS, ROWS };
  uint8_t *how = ctx_alloc(g->m->c, (size_t)g->n);
  for (int pass = 0; pass < 2; pass++)
    for (Id n = 1; n < (Id)g->n; n++)
      for (uint32_t i = 0; node_info(g, n)->cls == CL_SCAN && i < node_get(g, n)->nin; i++) {
        Id x = node_in(g, n, (int)i);
        bool turns = i < (uint32_t)node_attr(g, n, 1)->i && node_info(g, x)->cls != CL_LEAF;
        uint32_t order = turns ? turn_order(g->m, rank_of(g, x), node_attr(g, n, 3)->i) : 0;
        turns &= takes_order(g, x, order);
        bool agreed = how[x] == FREE || (how[x] == TURNS && g->anno[x].stored == order);
        if (pass == 0) how[x] = turns && agreed ? TURNS : ROWS;
        g->anno[x].stored = how[x] == TURNS ? order : 0;
      }
}

static void order_values(Graph *g) {
  Module *m = g->m;
  uint32_t *of = ctx_alloc(m->c, sizeof *of * (size_t)g->n); /* of views too */
  for (Id n = 1; n < (Id)g->n; n++) {
    int v = node_var(g, n);
    OrderFn *rule = order_rule[node_info(g, n)->cls];
    if (v >= 0) of[n] = m->var[v].stored;
    else if (rule) of[n] = rule(g, n, of);
  }
  /* What a convolution reads and nothing else ordered. */
  for (Id n = (Id)g->n - 1; n > 0; n--)
    for (int i = 0; node_info(g, n)->cls == CL_CONV && i < 2; i++) {
      Id x = node_in(g, n, i);
      bool image = conv_role(g, n, i) != CONV_W;
      for (; image && node_widens(g, x) && !of[x]; x = node_in(g, x, 0)) of[x] = image_order(m, rank_of(g, x));
      if (node_info(g, x)->cls == CL_ELEM && !of[x] && image) of[x] = image_order(m, rank_of(g, x));
    }
  for (Id n = 1; n < (Id)g->n; n++) g->anno[n].stored = node_info(g, n)->cls == CL_LEAF ? 0 : of[n];
  order_scanned(g);
  for (int i = 0; i < g->nout; i++) {
    const Out *o = &g->out[i];
    if (node_info(g, o->value)->cls != CL_LEAF) g->anno[o->value].stored = o->var >= 0 ? m->var[o->var].stored : 0;
  }
}

void pass_layout(Module *m) {
  bool plain = pass_off(m, PASS_layout);
  for (int v = 0; v < m->nvar; v++) m->var[v].stored = 0;
  for (int i = 0; i < m->ngraph && !plain; i++) reshape_graph(m->graph[i]);
  if (!plain) order_filters(m);
  for (int i = 0; i < m->ngraph; i++) {
    Graph *g = m->graph[i];
    graph_annotate(g);
    if (!plain) order_values(g);
    for (Id n = 1; n < (Id)g->n && plain; n++) g->anno[n].stored = 0;
  }
}
