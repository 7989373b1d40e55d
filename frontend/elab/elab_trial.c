/* SPDX-License-Identifier: Apache-2.0 */
/* Elaborates a def that nothing calls, for all calls at once as far as possible.
 *
 * Its shape variables become symbolic run-time sizes (Module.open_sizes), `...` some number of axes, and static
 * arguments without a default are unknown: V_ERROR, which propagates without a message. An error of such a trial may
 * hold for some sizes only, or come from a limit of run-time sizes. So the def is tried again with numbers for the
 * sizes, and an error counts only if every trial reports it at the same location. */
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_check.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_graph.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_weight.h"

enum { MAX_FOUND = 16, OPEN_BOUND = 256, MAX_TRIED = 4096 /* number that is tried */, MAX_TRIAL_STEPS = 200000 };

/* How the def is called in one trial. Sizes: size + step * number of the variable; 0: open. */
typedef struct Trial {
  int64_t size, step;
  int ndots;
  DType any;
  bool training;
} Trial;
typedef struct Sizes {
  const Ast *v[MAX_FOUND];
  int n;
} Sizes; /* shape variables, at their first occurrence */

static void find_sizes(Elab *e, Sizes *s, const Ast *a) {
  if (el_named_size(e, a)) {
    for (int i = 0; i < s->n; i++)
      if (s->v[i]->text == a->text) return;
    if (s->n < MAX_FOUND) s->v[s->n++] = a;
  }
  for (int i = 0; i < a->n; i++)
    if (a->kind == AST_BINARY || a->kind == AST_UNARY) find_sizes(e, s, a->kid[i]);
}

/* Sizes are distinct primes if step < 0, multiples of one number, or all equal. */
static Dim size_of(Elab *e, const Trial *t, const char *name, int i, Loc at) {
  static const int prime[MAX_FOUND] = {5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61};
  Item *it = el_item(e, e->cur.f->file, name);
  if (t->step < 0) return prime[i];
  if (t->size) return t->size + t->step * i;
  if (e->m->nsize >= 7) return prime[i]; /* the limit of sizes a module */
  if (el_bounded(it)) {
    Value v = el_item_value(e, it, it->ast);
    if (v.kind == V_INT) return dim_size(e->m, name, v.i, at);
  }
  return dim_size(e->m, name, OPEN_BOUND, at);
}

static void bind_sizes(Elab *e, const Ast *def, const Trial *t) {
  Sizes s = {.n = 0};
  for (int i = 2; i < def->n; i++) {
    const Ast *type = def->kid[i]->kid[0];
    for (int k = 0; k < type->n; k++)
      if (type->kid[k]->kind != AST_DOTS) find_sizes(e, &s, type->kid[k]);
  }
  for (int i = 0; i < s.n; i++) {
    const char *name = s.v[i]->text;
    scope_set(e->c, &e->cur.f->scope, name, v_dim(e, size_of(e, t, name, i, s.v[i]->at)), s.v[i]->at, s.v[i]->len);
  }
  e->cur.f->ndots = t->ndots;
  for (int i = 0; i < t->ndots; i++)
    e->cur.f->dots[i] = size_of(e, t, ctx_name(e->c, i ? ",,," : "..."), s.n + i < MAX_FOUND ? s.n + i : i, def->caret);
}

/* A static argument: its default, or unknown. */
static bool bind_static(Elab *e, const Ast *p, const ParamType *t) {
  if (scope_find(&e->cur.f->scope, p->text)) return true; /* a size asked for it */
  Value v = p->kid[1] ? el_expr(e, p->kid[1]) : v_error();
  if (v.kind == V_INT && t->dtype == V_FLOAT) v = v_float((double)v.i);
  scope_set(e->c, &e->cur.f->scope, p->text, v, p->caret, p->caret_len);
  return !p->kid[1] || !v_bad(v);
}

static bool bind_tensor(Elab *e, const Ast *p, const ParamType *t, const Trial *trial) {
  int rank;
  Dim dim[MAX_RANK];
  if (t->dtype == P_SHAPE) scope_set(e->c, &e->cur.f->scope, p->text, v_error(), p->caret, p->caret_len);
  if (t->dtype == P_SHAPE) return true;
  DType type = t->dtype == P_FLOAT ? DT_F32 : t->dtype == P_INT ? DT_I32 : trial->any;
  if (t->dtype < DT_COUNT) type = (DType)t->dtype;
  if (!el_shape(e, p->kid[0], &rank, dim)) return false;
  Id id = graph_input(e->cur.b.g, p->text, type_make(e->m, type, rank, dim), p->caret);
  scope_set(e->c, &e->cur.f->scope, p->text, v_tensor(e, id), p->caret, p->caret_len);
  return id != 0;
}

static bool bind_all(Elab *e, const Ast *def, const Trial *t) {
  ParamType type;
  for (int pass = 0; pass < 2; pass++) {
    for (int i = 2; i < def->n; i++) {
      const Ast *p = def->kid[i];
      if (!el_param_type(e, p->kid[0], &type)) return false;
      if (!pass && !type.tensor && !p->kid[1]) bind_static(e, p, &type); /* the others may need sizes */
      if (pass && !(type.tensor ? bind_tensor(e, p, &type, t) : bind_static(e, p, &type))) return false;
    }
    if (!pass) bind_sizes(e, def, t);
  }
  return true;
}

CallSite *el_trial_root(Elab *e) { return site_root(e, ctx_name(e->c, ctx_strf(e->c, "trial %d", ++e->trial)), true); }

/* One trial: its errors stay reported. UNBOUND: the arguments have no such sizes. */
typedef enum Outcome { RAN, UNBOUND, TOO_LONG } Outcome;
static Outcome run(Elab *e, const Def *d, const Trial *t) {
  Frame f;
  int failed = e->nfailed;
  int64_t steps = e->steps;
  bool fatal = e->fatal;
  Graph *g = graph_new(e->m, "trial", GK_TEST, d->ast->caret);
  GraphState saved = el_enter(e, g, t->training, &f, d->file);
  f.site = el_trial_root(e);
  f.name = d->name;
  f.sig = d->ast;
  e->steps = EL_MAX_STEPS - MAX_TRIAL_STEPS;
  DiagMark mark = diag_mark(e->c);
  bool bound = bind_all(e, d->ast, t);
  if (bound) el_body(e, d);
  else diag_drop(e->c, &mark);
  el_leave(e, &saved);
  e->nfailed = failed;
  bool fast = e->steps <= EL_MAX_STEPS;
  e->steps = steps;
  e->fatal = fatal;
  return !bound ? UNBOUND : fast ? RAN : TOO_LONG;
}

/* ---- errors common to all trials ---- */

typedef struct Found {
  DiagPlace p[MAX_FOUND];
  int n;
} Found;

/* Errors about the value of a size do not count: the sizes are invented. */
static bool depends_on_values(int code) {
  static const int codes[] = {E_INEXACT_DIVISION, E_CALL_DEPTH,    E_NOT_STATIC,   E_TOO_MANY_ELEMENTS,
                              E_TENSOR_TOO_LARGE, E_NEGATIVE_SIZE, E_STATIC_RANGE, E_INT_OVERFLOW,
                              E_DIVISION_BY_ZERO, E_ASSERT_FAILED};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    if (codes[i] == code) return true;
  return false;
}

/* Removes from `all` what this trial does not report. The first trial fills it. */
static bool keep_common(Elab *e, const Def *d, const Trial *t, Found *all, bool first) {
  Found now;
  DiagMark mark = diag_mark(e->c);
  Outcome r = run(e, d, t);
  now.n = diag_places(&mark, now.p, MAX_FOUND);
  diag_drop(e->c, &mark);
  if (r == UNBOUND && !first) return true; /* proves nothing */
  int n = 0;
  for (int i = 0; i < (first ? now.n : all->n); i++) {
    DiagPlace p = first ? now.p[i] : all->p[i];
    bool here = first && !depends_on_values(p.code);
    for (int k = 0; k < now.n && !first; k++) here |= now.p[k].code == p.code && now.p[k].at == p.at;
    if (here) all->p[n++] = p;
  }
  all->n = r == RAN ? n : 0;
  return all->n > 0;
}

static void find_numbers(const Ast *a, int64_t *v, int *n) {
  if (!a) return;
  bool known = a->kind != AST_INT || a->i < 2 || a->i > MAX_TRIED || *n == MAX_FOUND;
  for (int i = 0; i < *n && !known; i++) known = v[i] == a->i;
  if (!known) v[(*n)++] = a->i;
  for (int i = 0; i < a->n; i++) find_numbers(a->kid[i], v, n);
}

/* Whether the def has `...`, and whether it takes tensors of any element type. */
static void open_parts(Elab *e, const Ast *def, bool *dots, bool *any) {
  ParamType t;
  *dots = *any = false;
  for (int i = 2; i < def->n; i++) {
    const Ast *type = def->kid[i]->kid[0];
    for (int k = 0; k < type->n; k++) *dots |= type->kid[k]->kind == AST_DOTS;
    *any |= el_param_type(e, type, &t) && t.tensor && t.dtype == P_ANY;
  }
}

/* A trial of open sizes first, and then the same calls with numbers: of the def, and plain ones. */
static bool all_trials_find(Elab *e, const Def *d, Trial *t, Found *f) {
  int64_t number[MAX_FOUND + 2] = {4, 48};
  int n = 2;
  bool dots, any;
  open_parts(e, d->ast, &dots, &any);
  find_numbers(d->ast, number, &n);
  e->m->open_sizes = true;
  bool left = keep_common(e, d, t, f, true);
  e->m->open_sizes = false;
  for (int k = 0; left && k <= n + 1; k++) {
    Trial with = *t;
    with.size = k < n ? number[k] : 48;
    with.step = k < n ? 0 : k == n ? 48 : -1;
    left = keep_common(e, d, &with, f, false);
  }
  for (int k = 1; left && dots && k <= 3; k++) {
    Trial with = *t;
    with.ndots = k == 1 ? 0 : k;
    with.size = 4;
    left = keep_common(e, d, &with, f, false);
  }
  Trial with = *t;
  with.any = DT_I32;
  with.size = 4;
  return left && (!any || keep_common(e, d, &with, f, false));
}

static void try_def(Elab *e, const Def *d) {
  for (int training = 1; training >= 0; training--) {
    Trial t = {.ndots = 1, .any = DT_F32, .training = training};
    Found f = {.n = 0};
    if (!all_trials_find(e, d, &t, &f)) continue;
    DiagMark mark = diag_mark(e->c);
    e->m->open_sizes = true;
    run(e, d, &t);
    e->m->open_sizes = false;
    diag_keep(e->c, &mark, f.p[0]);
    return;
  }
}

/* Each trial has its own module, with the types and names of the file's but none of its graphs, so only the reported
 * error remains. */
void el_try_uncalled(Elab *e, Item *const *it, int n) {
  Elab inner = *e;
  Module names = *e->m;
  names.ngraph = names.ndata = names.ntrain = names.ntest = 0;
  inner.trial = 1;
  inner.cur.f = NULL;
  for (int i = 0; i < n; i++) {
    inner.m = module_copy(e->c, &names);
    inner.init = graph_new(inner.m, "init", GK_INIT, 0);
    try_def(&inner, it[i]->def);
  }
}
