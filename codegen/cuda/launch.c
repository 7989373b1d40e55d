/* SPDX-License-Identifier: Apache-2.0 */
/* Launches of a graph, from its steps, and their order, from the bytes that they access. */
#include "codegen/cuda/launch.h"
#include "codegen/text/graph.h"
#include "ir/scan.h"
#include "passes/analysis/model_memory.h"

typedef struct Accesses {
  MemoryAccess *v;
  int n, cap;
} Accesses;

typedef struct LaunchBuild {
  Launches *all;
  LaunchList *list;
  const Graph *g;
  Ctx *c;
  bool counts_calls;
  Accesses *access;
  int naccess, capaccess; /* one list per launch */
} LaunchBuild;

static Launch *add_launch(LaunchBuild *b, LaunchKind kind, const Step *step) {
  Launch *l = VEC_PUSH(b->c, b->list->launch, b->list->n, b->list->cap);
  *l = (Launch){.kind = kind, .step = step, .counts_calls = b->counts_calls};
  *VEC_PUSH(b->c, b->access, b->naccess, b->capaccess) = (Accesses){0};
  return l;
}

static void add_access(LaunchBuild *b, MemoryAccess a) {
  Accesses *list = &b->access[b->naccess - 1];
  *VEC_PUSH(b->c, list->v, list->n, list->cap) = a;
}

/* Bytes of the run header, or any of the model's memory. */
static void access_memory(LaunchBuild *b, int64_t lo, int64_t hi, bool write) {
  add_access(b, (MemoryAccess){.lo = lo, .hi = hi, .write = write});
}

static void access_counters(LaunchBuild *b) { access_memory(b, 0, HEAD_LOSS, false); }

static void access_status(LaunchBuild *b, bool write) {
  int64_t at = head_status(b->g->m);
  access_memory(b, at, at + 4, write);
}

/* ---- nests ---- */

/* A weight, a state or an optimizer state. */
static bool is_persistent(const Graph *g, Id n) { return node_var(g, n) >= 0 || g->anno[n].space == SP_VAR; }

static void add_buffer_accesses(LaunchBuild *b, Launch *l, const Kernel *k, const NestSchedule *s, int buf) {
  const KNest *n = s->nest;
  const KBuf *x = &k->buf[buf];
  bool read = false, written = false;
  for (int i = 1; i < n->nval; i++)
    read |= (s->use.uses[i] || n->attend || n->sort) && n->val[i].kind == KV_LOAD && n->val[i].buf == buf;
  for (int i = 0; i < n->nstore; i++) {
    written |= n->store[i].buf == buf;
    read |= n->store[i].buf == buf && n->store[i].add;
  }
  if ((!read && !written) || x->table) return;
  if (read) add_access(b, hazard_access(b->g, x->node, false));
  if (written) add_access(b, hazard_access(b->g, x->node, true));
  l->guarded |= written && graph_trains(b->g) && is_persistent(b->g, x->node);
  *VEC_PUSH(b->c, l->arg, l->narg, l->caparg) = k->arg[buf];
}

/* Scratch memory is one region, whose contents live from the first launch of a form to its last. */
static void add_scratch(LaunchBuild *b, Launch *l, int64_t bytes) {
  int64_t at = launch_scratch_at(b->g->m);
  if (!bytes) return;
  access_memory(b, at, at + bytes, true);
  *VEC_PUSH(b->c, l->arg, l->narg, l->caparg) = (KArg){KA_SCRATCH, 0, "scratch"};
  if (bytes > b->list->scratch) b->list->scratch = bytes;
}

static void add_part(LaunchBuild *b, const Step *step, const NestSchedule *s, const Form *form, const FormShape *f,
                     int part) {
  const Kernel *k = step->kernel;
  Launch *l = add_launch(b, LAUNCH_NEST, step);
  l->schedule = s;
  l->form = form;
  l->shape = f->launch[part];
  l->plan = f->plan;
  l->part = part;
  for (int i = 0; i < k->nbuf; i++) add_buffer_accesses(b, l, k, s, i);
  for (int i = k->nbuf; i < k->narg; i++) {
    bool in_header = k->arg[i].kind == KA_COUNTER && k->arg[i].index == 0 && b->counts_calls;
    if (k->arg[i].kind != KA_THREAD && !in_header) *VEC_PUSH(b->c, l->arg, l->narg, l->caparg) = k->arg[i];
  }
  if (l->guarded && !k->uses_run) *VEC_PUSH(b->c, l->arg, l->narg, l->caparg) = (KArg){KA_RUN, 0, "run"};
  if (l->guarded) access_status(b, false);
  if (k->uses_run) access_counters(b);
  if (k->draws && b->counts_calls) access_memory(b, head_calls(b->g->m), head_calls(b->g->m) + 4, false);
  add_scratch(b, l, f->scratch);
}

static bool is_empty(Module *m, const NestSchedule *s) {
  int64_t known;
  for (int i = 0; i < s->npoint; i++)
    if (dim_number(m, s->nest->axes.axis[s->point[i]].extent, &known) && !known) return true;
  return false;
}

/* Under a budget, scratch memory may take what the plan leaves. */
static void add_nest(LaunchBuild *b, const Step *step, const NestSchedule *s) {
  const Module *m = b->g->m;
  FormOptions o = {.plain = b->all->plain, .scratch = INT64_MAX};
  FormShape f;
  if (is_empty(b->g->m, s)) return;
  if (m->opt.ram) o.scratch = plan_budget(m) - launch_scratch_at(m);
  const Form *form = form_choose(step->kernel, s, &o, &f);
  for (int i = 0; i < f.launches; i++) add_part(b, step, s, form, &f, i);
}

/* ---- scans, tests ---- */

static const LaunchList *launches_of(Launches *all, Graph *g, bool counts_calls);

static void add_scan(LaunchBuild *b, const Step *step) {
  const Group *group = step->group;
  ScanScratch scratch;
  scan_scratch(b->g, group, &scratch);
  const LaunchList *body = launches_of(b->all, scan_of(b->g, group->root).body, b->counts_calls);
  add_launch(b, LAUNCH_SCAN, step);
  for (int i = 0; i < group->nread; i++) add_access(b, hazard_access(b->g, group->read[i], false));
  for (int i = 0; i < group->nwrite; i++) {
    Id n = group->write[i];
    add_access(b, hazard_access(b->g, n, true));
    add_access(b, hazard_access(b->g, n, false));
  }
  int64_t at = b->g->anno[group->root].offset;
  add_access(b, (MemoryAccess){.space = 1, .lo = at, .hi = at + scratch.bytes, .write = true});
  if (body->scratch) access_memory(b, launch_scratch_at(b->g->m), launch_scratch_at(b->g->m) + body->scratch, true);
  if (body->scratch > b->list->scratch) b->list->scratch = body->scratch;
  access_counters(b);
}

static void add_loss_test(LaunchBuild *b, const Step *step) {
  add_launch(b, LAUNCH_LOSS_TEST, step);
  add_access(b, hazard_access(b->g, step->value, false));
  access_status(b, true);
}

static void add_check(LaunchBuild *b) {
  add_launch(b, LAUNCH_CHECK, NULL);
  for (int i = 0; i < b->g->nport; i++) add_access(b, hazard_access(b->g, b->g->port[i], false));
  access_counters(b);
  access_status(b, true);
}

static bool counts(const Graph *g) {
  return g->kind == GK_TRAIN_STEP || g->kind == GK_TRAIN_UPDATE || (g->kind == GK_EXPORT && g->draws);
}

/* ---- order ---- */

static bool conflicts(const Accesses *a, const Accesses *b) {
  for (int i = 0; i < a->n; i++)
    for (int k = 0; k < b->n; k++)
      if (hazard_conflict(&a->v[i], &b->v[k])) return true;
  return false;
}

/* From the latest before it to the first: what an earlier wait has followed is followed. */
static void find_waits(LaunchBuild *b) {
  int n = b->list->n, words = n / 64 + 1;
  uint64_t *before = ctx_alloc(b->c, sizeof *before * (size_t)n * (size_t)words + 1);
  for (int i = 0; i < n; i++) {
    Launch *l = &b->list->launch[i];
    uint64_t *mine = before + (size_t)i * (size_t)words;
    for (int k = i - 1; k >= 0; k--) {
      const uint64_t *its = before + (size_t)k * (size_t)words;
      if (mine[k / 64] >> k % 64 & 1 || !conflicts(&b->access[k], &b->access[i])) continue;
      for (int w = 0; w < words; w++) mine[w] |= its[w];
      mine[k / 64] |= (uint64_t)1 << k % 64;
      *VEC_PUSH(b->c, l->wait, l->nwait, l->capwait) = k;
    }
  }
}

static const LaunchList *launches_of(Launches *all, Graph *g, bool counts_calls) {
  Ctx *c = g->m->c;
  for (int i = 0; i < all->n; i++)
    if (all->list[i]->steps->graph == g) return all->list[i];
  LaunchList *list = ctx_alloc(c, sizeof *list);
  *list = (LaunchList){.steps = graph_steps(all->steps, g)};
  *VEC_PUSH(c, all->list, all->n, all->cap) = list;
  LaunchBuild b = {.all = all, .list = list, .g = g, .c = c, .counts_calls = counts_calls};
  if (g->kind == GK_INIT) add_launch(&b, LAUNCH_BEGIN, NULL), access_memory(&b, 0, g->m->head_bytes, true);
  else if (g->kind != GK_BODY && graph_checks_inputs(g)) add_check(&b);
  for (int i = 0; i < list->steps->n; i++) {
    const Step *s = &list->steps->step[i];
    if (s->kind == STEP_SCAN) add_scan(&b, s);
    if (s->kind == STEP_LOSS_TEST) add_loss_test(&b, s);
    for (int k = 0; s->kind == STEP_CALL && k < s->kernel->nnest; k++) add_nest(&b, s, &s->schedule.nest[k]);
  }
  if (counts(g)) add_launch(&b, LAUNCH_COUNT, NULL), access_memory(&b, 0, g->m->head_bytes, true);
  find_waits(&b);
  if (list->scratch > all->scratch) all->scratch = list->scratch;
  return list;
}

int64_t launch_scratch_at(const Module *m) { return plan_round(m, m->total_bytes); }

const LaunchList *graph_launches(Launches *all, Graph *g) {
  return launches_of(all, g, g->kind == GK_EXPORT && g->draws);
}
