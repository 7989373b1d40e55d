#include "passes/split.h"
#include "passes/access.h"
#include "passes/joint.h"
#include "passes/layout.h"
#include "passes/pass.h"

typedef struct Split {
  Rebuild r;
  const bool *late;
  bool *memory;       /* per node: lies in memory: a result, or what a contraction reads, and the like */
  uint8_t *cost;      /* per node: multiplications for an element of it, from what is not cheap; capped */
  int *readers;       /* per node */
  bool *split;        /* per node: each reader has its own */
  bool *given;        /* per such node: a reader has the original */
  Id *source; int nsource, capsource;
} Split;

static int64_t bytes_of(const Graph *g, Id n) { return type_bytes(g->m, node_get(g, n)->type); }
static int64_t count_of(const Graph *g, Id n) { return dim_bound(g->m, type_count(g->m, node_get(g, n)->type)); }

static bool is_cheap(const Split *s, Id n) {
  const Graph *g = s->r.old;
  OpClass cls = node_info(g, n)->cls;
  bool map = cls == CL_ELEM || cls == CL_VIEW || fold_is_short(g, n);
  return map && s->late[n] && !s->memory[n] && s->cost[n] <= MAX_COST;
}

/* Whether x goes with n, for which it is read: else it is a source, and stored. */
static bool goes_with(const Split *s, Id x, Id n) {
  return is_cheap(s, x) && 2 * count_of(s->r.old, x) > count_of(s->r.old, n);
}

static void read_graph(Split *s) {
  const Graph *g = s->r.old;
  for (int i = 0; i < g->nout; i++) s->memory[g->out[i].value] = true;
  for (Id n = 1; n < (Id)g->n; n++) {
    OpClass cls = node_info(g, n)->cls;
    bool memory = cls != CL_ELEM && cls != CL_REDUCE && cls != CL_VIEW && !fold_is_short(g, n);
    int sum = node_info(g, n)->cost;
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
      Id x = node_in(g, n, (int)i);
      s->readers[x]++;
      s->memory[x] |= memory;
      sum += is_cheap(s, x) ? s->cost[x] : 0;
    }
    s->cost[n] = (uint8_t)(sum <= MAX_COST ? sum : MAX_COST + 1);
  }
}

/* The bytes of the backward values, each once, from which x, which goes with n, is computed. */
static int64_t source_bytes(Split *s, Id x, Id n) {
  const Graph *g = s->r.old;
  int64_t bytes = 0;
  for (uint32_t i = 0; i < node_get(g, x)->nin; i++) {
    Id y = node_in(g, x, (int)i);
    bool known = !s->late[y];
    for (int k = 0; k < s->nsource && !known; k++) known = s->source[k] == y;
    if (known) continue;
    *VEC_PUSH(g->m->c, s->source, s->nsource, s->capsource) = y;
    bytes += goes_with(s, y, n) ? source_bytes(s, y, n) : bytes_of(g, y);
  }
  return bytes;
}

static bool is_of_input(const Split *s, Id n) {
  const Graph *g = s->r.old;
  return node_info(g, n)->cls == CL_ELEM && node_get(g, n)->nin == 1 && node_is_input(g, node_in(g, n, 0));
}

static bool choose(Split *s) {
  enum { OF_LARGEST = 8 };
  const Graph *g = s->r.old;
  int64_t largest = 0;
  bool any = false;
  for (Id n = 1; n < (Id)g->n; n++)
    if (s->late[n] && s->memory[n] && bytes_of(g, n) > largest) largest = bytes_of(g, n);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (s->readers[n] < 2 || bytes_of(g, n) < largest / OF_LARGEST) continue;
    s->nsource = 0;
    s->split[n] = is_of_input(s, n) || (is_cheap(s, n) && source_bytes(s, n, n) <= bytes_of(g, n) / 4 * 3);
    any |= s->split[n];
  }
  return any;
}

/* x for the reader that has this clone number: `whole`, the value that it reads, with all that goes with that. */
static Id clone_of(Split *s, Id x, Id whole, uint32_t clone) {
  Graph *g = s->r.old;
  const Node *d = node_get(g, x);
  Id in[3];
  if (x != whole && !goes_with(s, x, whole)) return s->r.map[x];
  for (uint32_t i = 0; i < d->nin; i++) in[i] = clone_of(s, node_in(g, x, (int)i), whole, clone);
  AttrId attr = attr_with(g->m, (Op)d->op, d->attr, clone, attr_get(g->m, d->attr)->hints);
  return graph_node(s->r.new, (Op)d->op, in, (int)d->nin, attr, d->loc);
}

static void copy_reader(Split *s, Id n, uint32_t *clone) {
  Graph *g = s->r.old;
  const Node *d = node_get(g, n);
  Id few[8], *in = d->nin > 8 ? ctx_alloc(g->m->c, d->nin * sizeof *in) : few;
  bool cloned = false;
  for (uint32_t i = 0; i < d->nin; i++) {
    Id x = node_in(g, n, (int)i);
    bool own = s->split[x] && s->given[x] && s->late[n];
    in[i] = own ? clone_of(s, x, x, *clone) : s->r.map[x];
    cloned |= own;
  }
  for (uint32_t i = 0; i < d->nin; i++) s->given[node_in(g, n, (int)i)] = true;
  *clone += cloned;
  s->r.map[n] = d->nin ? graph_node(s->r.new, (Op)d->op, in, (int)d->nin, d->attr, d->loc)
                       : graph_leaf(s->r.new, (Op)d->op, d->type, d->attr, d->loc);
}

bool split_values(Graph *g, uint32_t clone) {
  if (!pass_off(g->m, PASS_layout)) layout_copy_inputs(g);
  Ctx *c = g->m->c;
  size_t n = (size_t)g->n;
  Split s = {.late = joint_late(g)};
  if (!s.late) return false;
  s.r.old = g;
  s.memory = ctx_alloc(c, n);
  s.cost = ctx_alloc(c, n);
  s.readers = ctx_alloc(c, n * sizeof *s.readers);
  s.split = ctx_alloc(c, n);
  s.given = ctx_alloc(c, n);
  read_graph(&s);
  if (!choose(&s)) return false;
  s.r = graph_rebuild_begin(g);
  for (Id x = 1; x < (Id)n; x++)
    if (!s.r.map[x]) copy_reader(&s, x, &clone);
  graph_rebuild_end(&s.r);
  return true;
}
