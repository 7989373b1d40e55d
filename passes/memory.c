/* memory: where every buffer lives: Anno.space, index, offset, alias; Graph.arena; the persistent region.
 *
 * needs:  order (Anno.pos)
 * keeps:  everything else
 * breaks: nothing
 *
 * Inputs and results belong to the caller, weights to the persistent region, loss and metrics of training graphs to the
 * head; every other buffer gets an offset in the graph's arena for the turns from its first store to its last load.
 * A result of a kernel takes over an operand that dies in it where the kernel allows. A body is planned before the
 * scans that run it: its arena is part of their scratch. Off: a buffer a value, side by side.
 * codegen/check_plan.c proves the result. */
#include "passes/fit.h"
#include "passes/live.h"
#include "passes/pass.h"
#include "passes/persist.h"
#include <string.h>

typedef struct Plan {
  Module *m;
  Graph *g;
  Groups *gs;
  int turns;
  int *death;      /* per node: last group that loads the buffer, its own when none does */
  int *rect_of;    /* per node: 1 + its rectangle; 0: not in the arena */
  bool *taken;     /* per node: a later value took its buffer over */
  Rect *rect;
  int nrect, caprect;
} Plan;

/* ---- places that do not move ---- */

static void place_leaves(Graph *g) {
  for (Id n = 1; n < (Id)g->n; n++) {
    int op = node_get(g, n)->op;
    g->anno[n].space = SP_NONE;
    g->anno[n].index = g->anno[n].alias = 0;
    g->anno[n].offset = 0;
    int v = op == OP_param || op == OP_state ? var_find(g->m, node_attr(g, n, 0)->s) : -1;
    if (v < 0) continue;
    g->anno[n].space = SP_VAR;
    g->anno[n].index = (uint32_t)v;
  }
  for (int i = 0; i < g->nport; i++) {
    g->anno[g->port[i]].space = SP_IN;
    g->anno[g->port[i]].index = (uint32_t)i;
  }
}

static void place_outputs(Graph *g) {
  uint32_t result = 0;
  for (int i = 0; i < g->nout; i++) {
    Anno *a = &g->anno[g->out[i].value];
    if (g->out[i].var >= 0) {
      a->space = SP_VAR;
      a->index = (uint32_t)g->out[i].var;
    } else {
      a->space = graph_trains(g) ? SP_HEAD : SP_OUT;
      a->index = result++;
      a->offset = graph_trains(g) ? head_offset(g->m, g->out[i].name, (int)a->index) : 0;
    }
  }
}

/* ---- the arena ---- */

static void find_deaths(Plan *p) {
  for (int k = 0; k < p->gs->n; k++) {
    const Group *q = &p->gs->group[k];
    for (int i = 0; i < q->nwrite; i++) p->death[q->write[i]] = k;
    for (int i = 0; i < q->nread; i++) p->death[q->read[i]] = k;
  }
}

static int rect_new(Plan *p, int64_t bytes, int birth, int death) {
  *VEC_PUSH(p->m->c, p->rect, p->nrect, p->caprect) = (Rect){plan_round(p->m, bytes), birth, death, 0};
  return p->nrect;
}

/* The dying operand of kernel k whose buffer `n` may take over; 0: none. */
static Id find_inplace(const Plan *p, int k, Id n) {
  const Group *q = &p->gs->group[k];
  for (int i = 0; i < q->nread; i++) {
    Id r = q->read[i];
    if (p->rect_of[r] && p->death[r] == k && !p->taken[r] && group_inplace(p->gs, q, r, n)) return r;
  }
  return 0;
}

static void place_kernel(Plan *p, int k, bool plain) {
  const Group *q = &p->gs->group[k];
  Anno *anno = p->g->anno;
  for (int i = 0; i < q->nwrite; i++) {
    Id n = q->write[i];
    int64_t bytes = type_bytes(p->m, node_get(p->g, n)->type);
    if (anno[n].space != SP_NONE) continue;
    anno[n].space = SP_ARENA;
    if (!bytes) continue;
    Id over = plain ? 0 : find_inplace(p, k, n);
    if (over) {
      anno[n].alias = over;
      p->taken[over] = true;
      p->rect_of[n] = p->rect_of[over];
      p->rect[p->rect_of[n] - 1].death = p->death[n];
    } else {
      p->rect_of[n] = rect_new(p, bytes, k, p->death[n]);
    }
  }
  if (q->scratch > 0) {
    anno[q->root].space = SP_ARENA;
    p->rect_of[q->root] = rect_new(p, q->scratch, k, k);
  }
}

static int64_t stack_rects(Plan *p) {
  int64_t at = 0;
  for (int i = 0; i < p->nrect; at += p->rect[i++].size) p->rect[i].offset = at;
  return at;
}

/* Every output has a kernel, and every kernel a turn. */
static bool is_ordered(const Groups *gs) {
  for (int i = 0; i < gs->g->nout; i++)
    if (gs->writer[gs->g->out[i].value] < 0) return false;
  for (int k = 0; k < gs->n; k++)
    if (!gs->group[k].pos) return false;
  return true;
}

static void plan_arena(Graph *g, bool plain) {
  Module *m = g->m;
  size_t n = (size_t)g->n;
  graph_annotate(g);
  Plan p = {.m = m, .g = g, .gs = groups_make(g), .death = ctx_alloc(m->c, n * sizeof(int)),
            .rect_of = ctx_alloc(m->c, n * sizeof(int)), .taken = ctx_alloc(m->c, n)};
  p.turns = p.gs->n;
  if (!is_ordered(p.gs)) {
    diag_error(m->c, 413, g->loc, 1, "pass `memory` needs `fuse` and `order` before it (graph `%s`)", g->name);
    return;
  }
  place_leaves(g);
  place_outputs(g);
  find_deaths(&p);
  for (int k = 0; k < p.turns; k++) place_kernel(&p, k, plain);
  g->arena = plain ? stack_rects(&p) : fit_rects(m->c, p.rect, p.nrect, p.turns);
  for (Id i = 1; i < (Id)g->n; i++)
    if (p.rect_of[i]) g->anno[i].offset = p.rect[p.rect_of[i] - 1].offset;
}

/* ---- the module ---- */

enum { UNPLANNED = -1, BUSY = -2 };

/* Bodies first. Scans nest only as deep as calls do, so recursion is safe. */
static void plan_graph(Graph *g, bool plain) {
  if (g->arena != UNPLANNED) return;
  g->arena = BUSY;
  for (Id n = 1; n < (Id)g->n; n++) {
    const OpInfo *info = node_info(g, n);
    for (int f = 0; f < info->nfields; f++)
      if (info->field[f].kind == AK_GRAPH) plan_graph(g->m->graph[node_attr(g, n, f)->i], plain);
  }
  g->arena = 0;
  plan_arena(g, plain);
}

void pass_memory(Module *m) {
  bool plain = pass_off(m, PASS_memory);
  persist_plan(m);
  for (int i = 0; i < m->ngraph; i++) m->graph[i]->arena = UNPLANNED;
  for (int i = 0; i < m->ngraph; i++) plan_graph(m->graph[i], plain);
  const Graph *most = largest_plan(m);
  m->arena_bytes = most ? most->arena : 0;
  m->total_bytes = m->head_bytes + m->persistent_bytes + m->arena_bytes;
}
