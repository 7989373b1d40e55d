/* SPDX-License-Identifier: Apache-2.0 */
/* Derivatives of scan.
 *
 * Reverse mode: a scan in the opposite direction. It carries the adjoints of the carries, reads the adjoints of stacked
 * results and the primal values its body needs (scan_partition.c), and stacks the adjoints of scanned inputs. The
 * gradient of a captured tensor is a sum over iterations. Where a contraction computes it, the operands are stacked and
 * contracted once after the scan, over iteration and batch together; all else accumulates in a carry.
 * Forward mode: a scan in the same direction over the tangents. */
#include "passes/autodiff/autodiff.h"
#include <string.h>

/* ---- activity: carries through which a derivative flows ---- */

/* dep[n]: n depends on a marked port, of this iteration or an earlier one. */
static void mark_forward(const Scan *s, bool *dep) {
  const Graph *b = s->body;
  for (bool changed = true; changed;) {
    changed = false;
    for (Id n = 1; n < (Id)b->n; n++)
      for (uint32_t i = 0; !dep[n] && i < node_get(b, n)->nin; i++)
        dep[n] = propagates_gradient(b, n) && dep[node_in(b, n, (int)i)];
    for (int i = 0; i < s->nc; i++) {
      Id port = b->port[s->nx + i];
      if (!dep[b->out[i].value] || dep[port]) continue;
      dep[port] = changed = true;
    }
  }
}

/* reach[n]: a marked result, of this iteration or a later one, depends on n. */
static void mark_backward(const Scan *s, bool *reach) {
  const Graph *b = s->body;
  for (bool changed = true; changed;) {
    changed = false;
    for (Id n = (Id)b->n - 1; n > 0; n--)
      for (uint32_t i = 0; reach[n] && propagates_gradient(b, n) && i < node_get(b, n)->nin; i++)
        reach[node_in(b, n, (int)i)] = true;
    for (int i = 0; i < s->nc; i++) {
      Id out = b->out[i].value;
      if (!reach[b->port[s->nx + i]] || reach[out]) continue;
      reach[out] = changed = true;
    }
  }
}

static bool port_differentiable(const Scan *s, int i) {
  return differentiable(s->body, node_get(s->body, s->body->port[i])->type);
}

/* ---- gradients of captured tensors ---- */

/* How the sum over iterations of a derivative node is computed. */
enum SumKind {
  SUM_CARRY,    /* accumulated in a carry */
  SUM_CONTRACT, /* of a contraction: operands are stacked */
  SUM_REDUCE,   /* of a reduction: the operand is stacked */
  SUM_LINEAR,   /* of a linear op: applied to its operands' sums */
};
typedef struct IterationSums {
  ScanPartition *c;
  Id n;                     /* nodes of w when this was planned */
  Id *outer;                /* per node of w: its sum over all iterations, in the outer graph */
  uint8_t *how;             /* per node: enum SumKind */
  bool *need;               /* per node: its sum is needed */
  bool *stacked;            /* per node: the outer graph has it stacked */
  IdList accumulated, slot; /* nodes accumulated in a carry; number of that carry */
} IterationSums;

static bool is_derivative(const IterationSums *s, Id n) { return !s->c->primal[n] && !s->c->invariant[n]; }

static void classify(IterationSums *s) {
  Graph *w = s->c->w;
  for (Id n = 1; n < s->n; n++) {
    if (!is_derivative(s, n)) continue;
    const OpInfo *info = node_info(w, n);
    bool fits = info->cls == CL_CONTRACT;
    for (int i = 0; fits && i < 2; i++) fits = partition_can_stack(s->c, node_in(w, n, i));
    if (fits) s->how[n] = SUM_CONTRACT;
    bool linear = info->flags & OPF_LINEAR; /* linear: its sum is the op applied to its operands' sums */
    for (uint32_t i = 0; s->how[n] == SUM_CARRY && linear && i < node_get(w, n)->nin; i++)
      if (s->how[node_in(w, n, (int)i)] != SUM_CARRY) s->how[n] = SUM_LINEAR;
    bool sum = linear && info->cls == CL_REDUCE;
    if (s->how[n] == SUM_CARRY && sum && s->stacked[node_in(w, n, 0)]) s->how[n] = SUM_REDUCE;
  }
}

/* Marks the sums that those of the roots depend on, and the values they need stacked. */
static void need_sums(IterationSums *s, const IdList *roots) {
  Graph *w = s->c->w;
  for (int i = 0; i < roots->n; i++) s->need[roots->v[i]] = true;
  for (Id n = s->n - 1; n > 0; n--) {
    if (!s->need[n] || s->how[n] == SUM_CARRY) continue;
    bool *mark = s->how[n] == SUM_LINEAR ? s->need : s->stacked;
    for (uint32_t i = 0; i < node_get(w, n)->nin; i++) mark[node_in(w, n, (int)i)] = true;
  }
}

/* A carry acc + n for each accumulated node. The outer graph starts it from zeros. */
static void carry_sums(IterationSums *s) {
  ScanPartition *c = s->c;
  Graph *w = c->w;
  Ctx *ctx = w->m->c;
  for (int i = 0; i < s->accumulated.n; i++) {
    Id n = s->accumulated.v[i];
    TypeId type = node_get(w, n)->type;
    Builder b = {.g = w, .loc = node_get(w, n)->loc};
    Id acc = partition_port(c, ctx_strf(ctx, "acc%d", i), type);
    *VEC_PUSH(ctx, s->slot.v, s->slot.n, s->slot.cap) = (Id)c->carry.n;
    *VEC_PUSH(ctx, c->carry.v, c->carry.n, c->carry.cap) = (ScanInput){acc, b_full(c->b, type, 0)};
    *VEC_PUSH(ctx, c->next.v, c->next.n, c->next.cap) = b_add(&b, acc, n);
  }
}

/* Chooses a kind for each sum and requests stacked values from the partition. The second round finds reductions of
 * values that the first round stacks for a contraction (a bias beside its weight): these need no carry. */
static void plan_sums(IterationSums *s, ScanPartition *c, const IdList *roots) {
  Ctx *ctx = c->w->m->c;
  size_t n = (size_t)c->w->n;
  *s = (IterationSums){.c = c,
                       .n = (Id)n,
                       .outer = ctx_alloc(ctx, n * sizeof(Id)),
                       .how = ctx_alloc(ctx, n),
                       .need = ctx_alloc(ctx, n),
                       .stacked = ctx_alloc(ctx, n)};
  for (int round = 0; round < 2; round++) {
    memset(s->need, 0, n);
    classify(s);
    need_sums(s, roots);
  }
  for (Id i = 1; i < s->n; i++) {
    if (s->stacked[i]) partition_stack(c, i);
    if (s->need[i] && s->how[i] == SUM_CARRY)
      *VEC_PUSH(ctx, s->accumulated.v, s->accumulated.n, s->accumulated.cap) = i;
  }
}

/* A contraction over the iterations too: "bk,bn->kn" of operands stacked along axis 1 becomes "btk,btn->kn". */
static Id contract_iterations(const IterationSums *s, Id second, Id n) {
  ScanPartition *c = s->c;
  const char *spec = node_attr(c->w, n, ATTR(contract, spec))->s, *comma = strchr(spec, ',');
  int axis = c->scan.axis, left = (int)(comma - spec);
  char t = 'a';
  while (strchr(spec, t)) t++;
  spec = ctx_strf(c->g->m->c, "%.*s%c%.*s,%.*s%c%s", axis, spec, t, left - axis, spec + axis, axis, comma + 1, t,
                  comma + 1 + axis);
  Id a = partition_stacked(c, second, node_in(c->w, n, 0)), b = partition_stacked(c, second, node_in(c->w, n, 1));
  return b_contract(c->b, a, b, spec);
}

static Id reduce_iterations(const IterationSums *s, Id second, Id n) {
  ScanPartition *c = s->c;
  const AttrVal *axes = node_attr(c->w, n, ATTR(sum, axes));
  const Type *t = node_type(c->w, n);
  int64_t all[MAX_RANK];
  for (int i = 0; i < axes->n; i++) all[i] = axes->v[i] + (axes->v[i] >= c->scan.axis);
  all[axes->n] = c->scan.axis;
  Id x = partition_stacked(c, second, node_in(c->w, n, 0));
  return b_reshape(c->b, b_sum(c->b, x, axes->n + 1, all, false), t->rank, t->dim);
}

static void build_sums(IterationSums *s, Id second) {
  Graph *w = s->c->w;
  for (int i = 0; i < s->accumulated.n; i++) s->outer[s->accumulated.v[i]] = b_get(s->c->b, second, (int)s->slot.v[i]);
  Rebuild r = {w, s->c->g, s->outer};
  Builder *b = &s->c->sweep->b;
  Loc loc = b->loc;
  for (Id n = 1; n < s->n; n++) {
    if (!s->need[n] || s->how[n] == SUM_CARRY) continue;
    b->loc = node_get(w, n)->loc;
    if (s->how[n] == SUM_LINEAR) graph_copy_node(&r, n);
    else s->outer[n] = s->how[n] == SUM_CONTRACT ? contract_iterations(s, second, n) : reduce_iterations(s, second, n);
  }
  b->loc = loc;
}

/* ---- reverse ---- */

typedef struct SeedList {
  IdList at, given;
} SeedList; /* nodes of w, and their adjoints or tangents */

static void seed(ScanPartition *c, SeedList *l, Id at, Id given) {
  Ctx *ctx = c->g->m->c;
  *VEC_PUSH(ctx, l->at.v, l->at.n, l->at.cap) = at;
  *VEC_PUSH(ctx, l->given.v, l->given.n, l->given.cap) = given;
}

/* The body computes no derivative of that carry: it is zero in the next iteration. */
static Id zero_next(const ScanPartition *c, Id out) {
  const Node *d = node_get(c->w, out);
  return b_full(&(Builder){.g = c->w, .loc = d->loc}, d->type, 0);
}

/* Per carry: a derivative flows through it, for the scan whose rule runs. */
static bool *active_carries(const Grad *s, const Scan *sc) {
  const Graph *b = sc->body;
  Ctx *ctx = b->m->c;
  bool *dep = ctx_alloc(ctx, (size_t)b->n), *reach = ctx_alloc(ctx, (size_t)b->n);
  bool *active = ctx_alloc(ctx, (size_t)sc->nc);
  for (int i = 0; i < b->nport; i++) dep[b->port[i]] = grad_wants(s, i) && port_differentiable(sc, i);
  for (int i = 0; i < b->nout; i++) reach[b->out[i].value] |= grad_element(s, s->node, i) != 0;
  mark_forward(sc, dep);
  mark_backward(sc, reach);
  for (int i = 0; i < sc->nc; i++) {
    Id port = b->port[sc->nx + i];
    active[i] = dep[port] && port_differentiable(sc, sc->nx + i) && (reach[port] || grad_element(s, s->node, i));
  }
  return active;
}

/* Adds ports for the adjoints of the results, and the sweep's seeds. Carries come first in c->carry. */
static void reverse_seeds(const Grad *s, ScanPartition *c, const bool *active, SeedList *seeds) {
  Ctx *ctx = c->g->m->c;
  const Graph *body = c->scan.body;
  for (int i = 0; i < c->scan.nc; i++) {
    if (!active[i]) continue;
    TypeId type = node_get(c->w, c->out[i])->type;
    Id given = grad_element(s, s->node, i), port = partition_port(c, ctx_strf(ctx, "d_%s", body->out[i].name), type);
    *VEC_PUSH(ctx, c->carry.v, c->carry.n, c->carry.cap) = (ScanInput){port, given ? given : b_full(c->b, type, 0)};
    seed(c, seeds, c->out[i], port);
  }
  for (int i = c->scan.nc; i < body->nout; i++) {
    Id given = grad_element(s, s->node, i);
    if (!given || !differentiable(c->w, node_get(c->w, c->out[i])->type)) continue;
    Id port = partition_port(c, ctx_strf(ctx, "d_%s", body->out[i].name), node_get(c->w, c->out[i])->type);
    *VEC_PUSH(ctx, c->x.v, c->x.n, c->x.cap) = (ScanInput){port, given};
    seed(c, seeds, c->out[i], port);
  }
}

/* Runs the reverse sweep of the body. Returns adjoints per port; 0: not wanted, or zero. */
static Id *reverse_body(const Grad *s, ScanPartition *c, const bool *active, const SeedList *seeds) {
  Graph *w = c->w;
  Ctx *ctx = w->m->c;
  int nport = c->scan.body->nport;
  Id *adjoint = ctx_alloc(ctx, (size_t)nport * sizeof *adjoint);
  IdList x = {0};
  for (int i = 0; i < nport; i++) {
    int carry = i - c->scan.nx;
    bool is_carry = carry >= 0 && carry < c->scan.nc;
    bool wanted = is_carry ? active[carry] : grad_wants(s, i) && port_differentiable(&c->scan, i);
    if (wanted) *VEC_PUSH(ctx, x.v, x.n, x.cap) = w->port[i];
  }
  Sweep inner;
  sweep_begin(&inner, w);
  sweep_back(&inner, 0, seeds->at.n, seeds->at.v, seeds->given.v, x.n, x.v);
  for (int i = 0; i < nport; i++) adjoint[i] = sweep_value(&inner, w->port[i]);
  partition_primal(c, &inner, adjoint, nport);
  return adjoint;
}

void sweep_vjp_scan(Grad *s, Id n) {
  ScanPartition c;
  partition_begin(&c, s->sweep, n, "grad");
  Ctx *ctx = s->b->g->m->c;
  const bool *active = active_carries(s, &c.scan);
  SeedList seeds = {0};
  reverse_seeds(s, &c, active, &seeds);
  if (!seeds.at.n) return;
  Id *adjoint = reverse_body(s, &c, active, &seeds);
  int nport = c.scan.body->nport, captured = c.scan.nx + c.scan.nc;
  IdList roots = {0};
  for (int i = 0; i < c.scan.nc; i++)
    if (active[i]) {
      Id next = adjoint[c.scan.nx + i];
      *VEC_PUSH(ctx, c.next.v, c.next.n, c.next.cap) = next ? next : zero_next(&c, c.out[i]);
    }
  for (int i = 0; i < nport; i++)
    if (adjoint[i] && i >= captured) *VEC_PUSH(ctx, roots.v, roots.n, roots.cap) = adjoint[i];
  IterationSums sums;
  plan_sums(&sums, &c, &roots);
  for (int i = 0; i < c.scan.nx; i++)
    if (adjoint[i]) partition_result(&c, adjoint[i]);
  carry_sums(&sums);
  Id second = partition_finish(&c, !c.scan.reverse);
  build_sums(&sums, second);
  for (int i = 0, carry = 0; i < nport; i++) {
    if (i < c.scan.nx && adjoint[i]) grad_to(s, i, partition_result_of(&c, second, adjoint[i]));
    else if (i >= captured && adjoint[i]) grad_to(s, i, sums.outer[adjoint[i]]);
    else if (i >= c.scan.nx && i < captured && active[i - c.scan.nx]) grad_to(s, i, b_get(s->b, second, carry++));
  }
}

/* ---- forward ---- */

/* Adds ports for the tangents of scanned, active carried, and captured inputs; they seed the sweep. */
static void forward_seeds(Grad *s, ScanPartition *c, const Id *tangent, SeedList *seeds, int *slot) {
  const Graph *b = c->scan.body;
  Ctx *ctx = b->m->c;
  bool *dep = ctx_alloc(ctx, (size_t)b->n);
  for (int i = 0; i < b->nport; i++) dep[b->port[i]] = tangent[i] && port_differentiable(&c->scan, i);
  mark_forward(&c->scan, dep);
  for (int i = 0; i < b->nport; i++) {
    if (!dep[b->port[i]] || !port_differentiable(&c->scan, i)) continue;
    TypeId type = node_get(b, b->port[i])->type;
    int carry = i - c->scan.nx;
    ScanInputs *l = carry < 0 ? &c->x : carry < c->scan.nc ? &c->carry : &c->captured;
    if (l == &c->carry) slot[carry] = l->n + 1;
    Id port = partition_port(c, ctx_strf(ctx, "d_%s", node_name(b, b->port[i])), type);
    *VEC_PUSH(ctx, l->v, l->n, l->cap) = (ScanInput){port, tangent[i] ? tangent[i] : b_full(s->b, type, 0)};
    seed(c, seeds, c->w->port[i], port);
  }
}

Id sweep_jvp_scan(Grad *s, Id n, const Id *tangent) {
  ScanPartition c;
  partition_begin(&c, s->sweep, n, "tangent");
  Ctx *ctx = s->b->g->m->c;
  int *slot = ctx_alloc(ctx, (size_t)c.scan.nc * sizeof *slot); /* 1 + number of the carry's tangent; 0: none */
  int nout = c.scan.body->nout;
  Id *out = ctx_alloc(ctx, (size_t)nout * sizeof *out);
  SeedList seeds = {0};
  forward_seeds(s, &c, tangent, &seeds, slot);
  if (!seeds.at.n) return 0;
  Sweep inner;
  sweep_begin(&inner, c.w);
  sweep_forward(&inner, seeds.at.n, seeds.at.v, seeds.given.v, nout, c.out);
  for (int i = 0; i < nout; i++) out[i] = sweep_value(&inner, c.out[i]);
  partition_primal(&c, &inner, out, nout);
  for (int i = 0; i < c.scan.nc; i++)
    if (slot[i]) *VEC_PUSH(ctx, c.next.v, c.next.n, c.next.cap) = out[i] ? out[i] : zero_next(&c, c.out[i]);
  for (int i = c.scan.nc; i < nout; i++)
    if (out[i]) partition_result(&c, out[i]);
  Id second = partition_finish(&c, c.scan.reverse);
  for (int i = 0; i < nout; i++) {
    if (i < c.scan.nc && slot[i]) tangent_to_element(s, i, b_get(s->b, second, slot[i] - 1));
    if (i >= c.scan.nc && out[i]) tangent_to_element(s, i, partition_result_of(&c, second, out[i]));
  }
  return n;
}
