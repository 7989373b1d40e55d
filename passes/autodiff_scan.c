/* Derivatives of scan.
 *
 * Reverse: a scan over the turns the other way round. It carries the adjoints of the carries, reads the adjoints of the
 * stacked results and those forward values that its body needs (autodiff_cut.c), and stacks the adjoints of the scanned
 * inputs. The gradient of a captured tensor is a sum over turns: where it is made of contractions, their operands are
 * stacked and contracted once, over turn and batch together, behind the scan; what else there is adds up in a carry.
 * Forward: a scan in the same direction over the tangents. */
#include "passes/autodiff.h"
#include <string.h>

/* ---- activity: carries through which a derivative flows ---- */

/* dep[n]: n depends on a marked port, of this turn or an earlier one. */
static void mark_forward(const Scan *s, bool *dep) {
  const Graph *b = s->body;
  for (bool again = true; again;) {
    again = false;
    for (Id n = 1; n < (Id)b->n; n++)
      for (uint32_t i = 0; !dep[n] && i < node_get(b, n)->nin; i++)
        dep[n] = passes_gradient(b, n) && dep[node_in(b, n, (int)i)];
    for (int i = 0; i < s->nc; i++) {
      Id port = b->port[s->nx + i];
      if (!dep[b->out[i].value] || dep[port]) continue;
      dep[port] = again = true;
    }
  }
}

/* reach[n]: a marked result, of this turn or a later one, depends on n. */
static void mark_backward(const Scan *s, bool *reach) {
  const Graph *b = s->body;
  for (bool again = true; again;) {
    again = false;
    for (Id n = (Id)b->n - 1; n > 0; n--)
      for (uint32_t i = 0; reach[n] && passes_gradient(b, n) && i < node_get(b, n)->nin; i++)
        reach[node_in(b, n, (int)i)] = true;
    for (int i = 0; i < s->nc; i++) {
      Id out = b->out[i].value;
      if (!reach[b->port[s->nx + i]] || reach[out]) continue;
      reach[out] = again = true;
    }
  }
}

static bool port_differentiable(const Scan *s, int i) {
  return differentiable(s->body, node_get(s->body, s->body->port[i])->type);
}

/* ---- gradients of captured tensors ---- */

/* How a derivative node of the body is summed over the turns. */
enum Sum { SUM_CARRY /* in a carry */, SUM_CONTRACT, SUM_REDUCE, SUM_LINEAR /* of its inputs' sums */ };
typedef struct Sums {
  Cut *c;
  Id n;          /* nodes of w when planned */
  Id *outer;     /* per node of w: its sum over all turns, in the outer graph */
  uint8_t *how;  /* per node: enum Sum */
  bool *need;    /* per node: its sum is asked for */
  bool *stacked; /* per node: stacked over the turns anyway */
  IdList carried, slot; /* nodes summed in a carry; the carry's number */
} Sums;

static bool is_derivative(const Sums *s, Id n) { return !s->c->primal[n] && !s->c->invariant[n]; }

static void classify(Sums *s) {
  Graph *w = s->c->w;
  for (Id n = 1; n < s->n; n++) {
    if (!is_derivative(s, n)) continue;
    const OpInfo *info = node_info(w, n);
    bool fits = info->cls == CL_CONTRACT;
    for (int i = 0; fits && i < 2; i++) fits = cut_can_stack(s->c, node_in(w, n, i));
    if (fits) s->how[n] = SUM_CONTRACT;
    bool linear = info->flags & LINEAR; /* the sums of its operands give its own */
    for (uint32_t i = 0; s->how[n] == SUM_CARRY && linear && i < node_get(w, n)->nin; i++)
      if (s->how[node_in(w, n, (int)i)] != SUM_CARRY) s->how[n] = SUM_LINEAR;
    bool sum = linear && info->cls == CL_REDUCE;
    if (s->how[n] == SUM_CARRY && sum && s->stacked[node_in(w, n, 0)]) s->how[n] = SUM_REDUCE;
  }
}

/* Which sums are needed for those of the roots, and what is stacked for them. */
static void need_sums(Sums *s, const IdList *roots) {
  Graph *w = s->c->w;
  for (int i = 0; i < roots->n; i++) s->need[roots->v[i]] = true;
  for (Id n = s->n - 1; n > 0; n--) {
    if (!s->need[n] || s->how[n] == SUM_CARRY) continue;
    bool *mark = s->how[n] == SUM_LINEAR ? s->need : s->stacked;
    for (uint32_t i = 0; i < node_get(w, n)->nin; i++) mark[node_in(w, n, (int)i)] = true;
  }
}

/* A carry for each sum that needs one: acc + n. The outer graph starts it from zeros. */
static void carry_sums(Sums *s) {
  Cut *c = s->c;
  Graph *w = c->w;
  Ctx *ctx = w->m->c;
  for (int i = 0; i < s->carried.n; i++) {
    Id n = s->carried.v[i];
    TypeId type = node_get(w, n)->type;
    w->loc = node_get(w, n)->loc;
    Id acc = cut_port(c, ctx_strf(ctx, "acc%d", i), type);
    *VEC_PUSH(ctx, s->slot.v, s->slot.n, s->slot.cap) = (Id)c->carry.n;
    *VEC_PUSH(ctx, c->carry.v, c->carry.n, c->carry.cap) = (Source){acc, b_full(c->g, type, 0)};
    *VEC_PUSH(ctx, c->next.v, c->next.n, c->next.cap) = b_add(w, acc, n);
  }
}

/* Chooses how each root is summed, and announces it to the cut. A second round finds the sums over what the first one
 * stacks anyway, which need no carry: a bias beside its weight. */
static void plan_sums(Sums *s, Cut *c, const IdList *roots) {
  Ctx *ctx = c->w->m->c;
  size_t n = (size_t)c->w->n;
  *s = (Sums){.c = c, .n = (Id)n, .outer = ctx_alloc(ctx, n * sizeof(Id)), .how = ctx_alloc(ctx, n),
              .need = ctx_alloc(ctx, n), .stacked = ctx_alloc(ctx, n)};
  for (int round = 0; round < 2; round++) {
    memset(s->need, 0, n);
    classify(s);
    need_sums(s, roots);
  }
  for (Id i = 1; i < s->n; i++) {
    if (s->stacked[i]) cut_stack(c, i);
    if (s->need[i] && s->how[i] == SUM_CARRY) *VEC_PUSH(ctx, s->carried.v, s->carried.n, s->carried.cap) = i;
  }
}

/* A contraction over the turns too: "bk,bn->kn" of operands stacked along axis 1 becomes "btk,btn->kn". */
static Id contract_turns(const Sums *s, Id second, Id n) {
  Cut *c = s->c;
  const char *spec = node_attr(c->w, n, 0)->s, *comma = strchr(spec, ',');
  int axis = c->scan.axis, left = (int)(comma - spec);
  char turn = 'a';
  while (strchr(spec, turn)) turn++;
  spec = ctx_strf(c->g->m->c, "%.*s%c%.*s,%.*s%c%s", axis, spec, turn, left - axis, spec + axis, axis, comma + 1, turn,
                  comma + 1 + axis);
  Id a = cut_stacked(c, second, node_in(c->w, n, 0)), b = cut_stacked(c, second, node_in(c->w, n, 1));
  return b_contract(c->g, a, b, spec);
}

static Id reduce_turns(const Sums *s, Id second, Id n) {
  Cut *c = s->c;
  const AttrVal *axes = node_attr(c->w, n, 0);
  const Type *t = node_type(c->w, n);
  int64_t all[MAX_RANK];
  for (int i = 0; i < axes->n; i++) all[i] = axes->v[i] + (axes->v[i] >= c->scan.axis);
  all[axes->n] = c->scan.axis;
  Id x = cut_stacked(c, second, node_in(c->w, n, 0));
  return b_reshape(c->g, b_sum(c->g, x, axes->n + 1, all, false), t->rank, t->dim);
}

static void make_sums(Sums *s, Id second) {
  Graph *g = s->c->g, *w = s->c->w;
  for (int i = 0; i < s->carried.n; i++) s->outer[s->carried.v[i]] = b_get(g, second, (int)s->slot.v[i]);
  Rebuild r = {w, g, s->outer};
  for (Id n = 1; n < s->n; n++) {
    if (!s->need[n] || s->how[n] == SUM_CARRY) continue;
    g->loc = node_get(w, n)->loc;
    if (s->how[n] == SUM_LINEAR) graph_copy_node(&r, n);
    else s->outer[n] = s->how[n] == SUM_CONTRACT ? contract_turns(s, second, n) : reduce_turns(s, second, n);
  }
}

/* ---- reverse ---- */

typedef struct Seeds { IdList at, given; } Seeds; /* nodes of w, and their adjoints or tangents there */

static void seed(Cut *c, Seeds *l, Id at, Id given) {
  Ctx *ctx = c->g->m->c;
  *VEC_PUSH(ctx, l->at.v, l->at.n, l->at.cap) = at;
  *VEC_PUSH(ctx, l->given.v, l->given.n, l->given.cap) = given;
}

static Id zeros(Graph *g, TypeId type) { return b_full(g, type, 0); }

/* Whether each carry is active, for the scan whose rule is running. */
static bool *active_carries(const Grad *s, const Scan *sc) {
  const Graph *b = sc->body;
  Ctx *ctx = b->m->c;
  bool *dep = ctx_alloc(ctx, (size_t)b->n), *reach = ctx_alloc(ctx, (size_t)b->n);
  bool *active = ctx_alloc(ctx, (size_t)sc->nc);
  for (int i = 0; i < b->nport; i++) dep[b->port[i]] = grad_wants(s, i) && port_differentiable(sc, i);
  for (int i = 0; i < b->nout; i++) reach[b->out[i].value] |= grad_of_element(s, i) != 0;
  mark_forward(sc, dep);
  mark_backward(sc, reach);
  for (int i = 0; i < sc->nc; i++) {
    Id port = b->port[sc->nx + i];
    active[i] = dep[port] && port_differentiable(sc, sc->nx + i) && (reach[port] || grad_of_element(s, i));
  }
  return active;
}

/* Ports for the adjoints of the results, and the sweep's seeds. The carries come first in c->carry. */
static void reverse_seeds(const Grad *s, Cut *c, const bool *active, Seeds *seeds) {
  Ctx *ctx = c->g->m->c;
  const Graph *body = c->scan.body;
  for (int i = 0; i < c->scan.nc; i++) {
    if (!active[i]) continue;
    TypeId type = node_get(c->w, c->out[i])->type;
    Id given = grad_of_element(s, i), port = cut_port(c, ctx_strf(ctx, "d_%s", body->out[i].name), type);
    *VEC_PUSH(ctx, c->carry.v, c->carry.n, c->carry.cap) = (Source){port, given ? given : zeros(c->g, type)};
    seed(c, seeds, c->out[i], port);
  }
  for (int i = c->scan.nc; i < body->nout; i++) {
    Id given = grad_of_element(s, i);
    if (!given || !differentiable(c->w, node_get(c->w, c->out[i])->type)) continue;
    Id port = cut_port(c, ctx_strf(ctx, "d_%s", body->out[i].name), node_get(c->w, c->out[i])->type);
    *VEC_PUSH(ctx, c->x.v, c->x.n, c->x.cap) = (Source){port, given};
    seed(c, seeds, c->out[i], port);
  }
}

/* Sweeps the body back; adjoint[i] of port i, 0 where none is wanted or there is none. */
static Id *reverse_body(const Grad *s, Cut *c, const bool *active, const Seeds *seeds) {
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
  sweep_back(&inner, seeds->at.n, seeds->at.v, seeds->given.v, x.n, x.v);
  for (int i = 0; i < nport; i++) adjoint[i] = sweep_value(&inner, w->port[i]);
  cut_primal(c, &inner, adjoint, nport);
  return adjoint;
}

void grad_scan(Grad *s, Id n) {
  Cut c;
  cut_begin(&c, s->driver, n, "grad");
  Ctx *ctx = s->g->m->c;
  const bool *active = active_carries(s, &c.scan);
  Seeds seeds = {0};
  reverse_seeds(s, &c, active, &seeds);
  if (!seeds.at.n) return;
  Id *adjoint = reverse_body(s, &c, active, &seeds);
  int nport = c.scan.body->nport, captured = c.scan.nx + c.scan.nc;
  IdList roots = {0};
  for (int i = 0; i < c.scan.nc; i++)
    if (active[i]) {
      Id next = adjoint[c.scan.nx + i];
      *VEC_PUSH(ctx, c.next.v, c.next.n, c.next.cap) = next ? next : zeros(c.w, node_get(c.w, c.out[i])->type);
    }
  for (int i = 0; i < nport; i++)
    if (adjoint[i] && i >= captured) *VEC_PUSH(ctx, roots.v, roots.n, roots.cap) = adjoint[i];
  Sums sums;
  plan_sums(&sums, &c, &roots);
  for (int i = 0; i < c.scan.nx; i++)
    if (adjoint[i]) cut_result(&c, adjoint[i]);
  carry_sums(&sums);
  Id second = cut_finish(&c, !c.scan.reverse);
  make_sums(&sums, second);
  for (int i = 0, carry = 0; i < nport; i++) {
    if (i < c.scan.nx && adjoint[i]) grad_to(s, i, cut_result_of(&c, second, adjoint[i]));
    else if (i >= captured && adjoint[i]) grad_to(s, i, sums.outer[adjoint[i]]);
    else if (i >= c.scan.nx && i < captured && active[i - c.scan.nx]) grad_to(s, i, b_get(s->g, second, carry++));
  }
}

/* ---- forward ---- */

/* Ports for the tangents of the inputs: scanned, carried where active, captured; and the sweep's x. */
static void forward_seeds(Grad *s, Cut *c, const Id *tangent, Seeds *seeds, int *slot) {
  const Graph *b = c->scan.body;
  Ctx *ctx = b->m->c;
  bool *dep = ctx_alloc(ctx, (size_t)b->n);
  for (int i = 0; i < b->nport; i++) dep[b->port[i]] = tangent[i] && port_differentiable(&c->scan, i);
  mark_forward(&c->scan, dep);
  for (int i = 0; i < b->nport; i++) {
    if (!dep[b->port[i]] || !port_differentiable(&c->scan, i)) continue;
    TypeId type = node_get(b, b->port[i])->type;
    int carry = i - c->scan.nx;
    SourceList *l = carry < 0 ? &c->x : carry < c->scan.nc ? &c->carry : &c->captured;
    if (l == &c->carry) slot[carry] = l->n + 1;
    Id port = cut_port(c, ctx_strf(ctx, "d_%s", node_attr(b, b->port[i], 0)->s), type);
    *VEC_PUSH(ctx, l->v, l->n, l->cap) = (Source){port, tangent[i] ? tangent[i] : zeros(s->g, type)};
    seed(c, seeds, c->w->port[i], port);
  }
}

Id jvp_of_scan(Grad *s, Id n, const Id *tangent) {
  Cut c;
  cut_begin(&c, s->driver, n, "tangent");
  Ctx *ctx = s->g->m->c;
  int *slot = ctx_alloc(ctx, (size_t)c.scan.nc * sizeof *slot); /* 1 + number of the carry's tangent; 0: none */
  int nout = c.scan.body->nout;
  Id *out = ctx_alloc(ctx, (size_t)nout * sizeof *out);
  Seeds seeds = {0};
  forward_seeds(s, &c, tangent, &seeds, slot);
  if (!seeds.at.n) return 0;
  Sweep inner;
  sweep_begin(&inner, c.w);
  sweep_forward(&inner, seeds.at.n, seeds.at.v, seeds.given.v, nout, c.out);
  for (int i = 0; i < nout; i++) out[i] = sweep_value(&inner, c.out[i]);
  cut_primal(&c, &inner, out, nout);
  for (int i = 0; i < c.scan.nc; i++)
    if (slot[i])
      *VEC_PUSH(ctx, c.next.v, c.next.n, c.next.cap) = out[i] ? out[i] : zeros(c.w, node_get(c.w, c.out[i])->type);
  for (int i = c.scan.nc; i < nout; i++)
    if (out[i]) cut_result(&c, out[i]);
  Id second = cut_finish(&c, c.scan.reverse);
  for (int i = 0; i < nout; i++) {
    if (i < c.scan.nc && slot[i]) tangent_to_element(s, i, b_get(s->g, second, slot[i] - 1));
    if (i >= c.scan.nc && out[i]) tangent_to_element(s, i, cut_result_of(&c, second, out[i]));
  }
  return n;
}
