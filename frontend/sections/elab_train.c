/* SPDX-License-Identifier: Apache-2.0 */
/* Train sections: the graph of a step (or of a pass and an update), and that of the evaluation. */
#include "frontend/sections/elab_train.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_graph.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_stmt.h"
#include "frontend/elab/elab_weight.h"
#include "frontend/sections/elab_section.h"
#include <string.h>

const Setting el_train_settings[] = {
  {"data", 0},
  {"loss", 0},
  {"optim", 0},
  {"batch", 0},
  {"epochs", 0},
  {"steps", 0},
  {"accumulate", 0},
  {"clip", 0},
  {"grad_noise", 0},
  {"every", 0},
  {"precision", 0},
  {"ema", 0},
  {"seed", 0},
  {"save", 0},
  {"keep", 0},
  {"validate", 0},
  {"validate.data", 0},
  {"early_stop", 0},
  {"resume", E_UNSUPPORTED_SETTING},
};
const int el_train_nsettings = sizeof el_train_settings / sizeof *el_train_settings;

enum { MAX_METRIC = 65536 }; /* numbers of one metric */

typedef struct TrainBuild {
  const Section *s;
  TrainInfo *t;
  const char **name; /* "loss", then the metrics that are scalars, then those that are tensors */
  Loc *loc;
  Id *result;
  int n, ntensor; /* loss and scalars; the others */
  Groups optim;
} TrainBuild;

/* ---- settings ---- */

/* Of several sections one is planned by another: an error in that one is the cause. */
static bool missing(Elab *e, const Section *s, const char *what) {
  const Ast *first;
  if (el_train_sections(e, &first) > 1 && diag_errors(e->c)) return false;
  Diag *d = el_error(e, E_MISSING_SETTING, s->ast, "this train section lacks `%s`", what);
  diag_help(e->c, d, "it needs loss, optim, and steps, or data, batch and epochs");
  return false;
}

static bool find_data(Elab *e, const Section *s, TrainInfo *t) {
  t->data = -1;
  bool planned = el_setting(s, "steps") || el_other_plan(e, s);
  if (!el_setting(s, "data")) return planned && !el_setting(s, "epochs") ? true : missing(e, s, "data");
  return el_find_data(e, s, "data", &t->data);
}

static bool read_settings(Elab *e, const Section *s, TrainInfo *t) {
  int64_t seed = 0;
  bool ok = find_data(e, s, t) && el_validation(e, s, t) && el_check_sections(e, s);
  ok &= el_setting_int(e, s, "batch", 1, t->data < 0 ? 1 : 0, &t->batch);
  ok &= el_setting_int(e, s, "accumulate", 1, 1, &t->accumulate);
  ok &= el_setting_int(e, s, "steps", 1, 0, &t->steps);
  ok &= el_setting_int(e, s, "epochs", 1, 0, &t->epochs);
  ok &= el_setting_int(e, s, "every", 1, 1, &t->every);
  ok &= el_setting_int(e, s, "seed", 0, 0, &seed);
  ok &= el_setting_int(e, s, "keep", 1, 0, &t->keep);
  ok &= el_precision(e, s, t);
  t->seed = (uint64_t)seed;
  const Ast *clip = el_setting_value(s, "clip");
  if (clip && el_clips_norm(clip)) t->clip_at = clip->at;
  if (t->accumulate > 1) t->accumulate_at = el_setting(s, "accumulate")->at;
  if (!ok) return false;
  if (!el_setting(s, "loss")) return missing(e, s, "loss");
  if (!el_setting(s, "optim")) return missing(e, s, "optim");
  if (!t->batch) return missing(e, s, "batch");
  if (!t->steps && !t->epochs && !el_other_plan(e, s)) return missing(e, s, "epochs");
  if (t->steps && t->epochs) {
    Diag *d =
      el_error(e, E_SETTING_CONFLICT, el_setting(s, "steps")->kid[0], "`steps` and `epochs` exclude each other");
    const Ast *b = el_setting(s, "epochs");
    diag_label(e->c, d, b->at, b->kid[0]->len, "the other one");
    return false;
  }
  if (t->batch > INT32_MAX)
    return el_reject(e, E_SETTING_VALUE, el_setting_value(s, "batch"), "this batch is too large");
  return true;
}

/* ---- the forward pass, elaborated for training and again for evaluation ---- */

/* Names of fields that could not be elaborated must not be "unknown". */
static void poison_fields(Elab *e, const char *data) {
  const Item *it = el_item(e, e->file, data);
  for (int i = 0; it && it->kind == IT_DATA && i < it->ast->kid[0]->n; i++) {
    const Ast *f = it->ast->kid[0]->kid[i];
    if (f->kind == AST_FIELD) scope_set(e->c, &e->cur.f->scope, f->text, v_error(), f->caret, f->caret_len);
  }
}

static void bind_inputs(Elab *e, const TrainInfo *t, Dim batch) {
  if (t->data < 0) return;
  const DataInfo *d = &e->m->data[t->data];
  poison_fields(e, d->name);
  for (int i = 0; i < d->nfield; i++) {
    const FieldInfo *f = &d->field[i];
    const Type *ty = type_get(e->m, f->type);
    Dim dim[MAX_RANK + 1] = {batch};
    if (ty->rank >= MAX_RANK) {
      el_error_at(e, E_SHAPE_MISMATCH, f->loc, 1, "a field has at most %d axes", MAX_RANK - 1);
      return;
    }
    dims_copy(dim + 1, ty->dim, ty->rank);
    TypeId type = type_make(e->m, (DType)ty->dtype, ty->rank + 1, dim);
    Id id = graph_input(e->cur.b.g, f->name, type, f->loc);
    scope_set(e->c, &e->cur.f->scope, f->name, v_tensor(e, id), f->loc, (int)strlen(f->name));
  }
}

static void bind_setting(Elab *e, const Ast *b) {
  static const char *const plain[] = {"batch", "epochs", "accumulate", "seed"};
  for (int i = 0; i < 4; i++)
    if (!strcmp(b->kid[0]->text, plain[i]))
      scope_set(e->c, &e->cur.f->scope, b->kid[0]->text, el_static(e, b->kid[1]), b->at, b->len);
}

static Id refused(Elab *e, const Ast *b, Id id, bool loss) {
  const char *name = b->kid[0]->text, *type = el_type_text(e, el_type_id(e, id));
  Diag *d = el_error(e, E_LOSS_TYPE, b->kid[1], "`%s` is %s; it must be %s", name, type,
                     loss ? "one float" : "one number or a tensor of known size");
  if (!el_type(e, id)->rank) return 0;
  if (loss) diag_help(e->c, d, "mean(...) makes one number of a tensor");
  else diag_help(e->c, d, "mean(...) makes one number of a tensor; a metric has 1 to %d numbers", MAX_METRIC);
  return 0;
}

/* The loss is one float; a metric is a scalar, or in evaluations a tensor of known size. */
static Id section_result(Elab *e, const Ast *b, Value v, bool loss) {
  Id id = v_bad(v) ? 0 : el_tensor(e, v, DT_F32, b->kid[1]);
  if (!id) return 0;
  const Type *t = el_type(e, id);
  if (loss) return t->rank == 0 && t->dtype == DT_F32 ? id : refused(e, b, id, true);
  for (int i = 0; i < t->rank; i++)
    if (!dim_is_const(t->dim[i])) return refused(e, b, id, false);
  int64_t n = node_count(e->cur.b.g, id);
  if (n < 1 || n > MAX_METRIC) return refused(e, b, id, false);
  return t->dtype == DT_F32 ? id : b_cast(&e->cur.b, id, DT_F32);
}

static void add_result(TrainBuild *r, const char *name, Id id, Loc loc, bool tensor) {
  int at = r->n + r->ntensor;
  if (!tensor) { /* tensors come after the scalars */
    for (int i = at; i > r->n; i--) {
      r->name[i] = r->name[i - 1];
      r->result[i] = r->result[i - 1];
      r->loc[i] = r->loc[i - 1];
    }
    at = r->n++;
  } else r->ntensor++;
  r->name[at] = name;
  r->result[at] = id;
  r->loc[at] = loc;
}

/* Elaborates everything but optim and clip, in the order of the file; `loss` and metrics become results. */
static bool forward(Elab *e, TrainBuild *r) {
  const Ast *block = r->s->block;
  bool ok = true;
  r->n = 1;
  r->ntensor = 0;
  for (int i = 0; i < block->n && !e->fatal; i++) {
    const Ast *b = block->kid[i];
    if (b->kind == AST_BUDGET || b->kind == AST_FIELD || b->kind == AST_ASSIGN || el_is_early_stop(b)) continue;
    const char *name = b->kind == AST_BIND && b->n == 2 ? b->kid[0]->text : NULL;
    bool loss = name && !strcmp(name, "loss"), metric = name && !strncmp(name, "metric.", 7);
    if (name && !loss && !metric && el_is_setting(r->s, name)) {
      bind_setting(e, b);
      continue;
    }
    ok &= !v_bad(el_stmt(e, b));
    if (!loss && !metric) continue;
    Binding *bound = scope_find(&e->cur.f->scope, name);
    if (!bound || v_bad(bound->v)) return false;
    Id id = section_result(e, b, bound->v, loss);
    if (!id) return false;
    if (!loss) {
      add_result(r, ctx_name(e->c, name + 7), id, b->caret, el_type(e, id)->rank > 0);
      continue;
    }
    r->name[0] = name;
    r->loc[0] = b->caret;
    r->result[0] = id;
  }
  return ok;
}

/* ---- gradients and the update ---- */

static bool passes_gradient(const Graph *g, Id n) { return !(op_info[node_get(g, n)->op].flags & OPF_NO_GRAD); }

/* The weights that the loss has a gradient by and that training may change, in an order that belongs to the loss: their
 * squares are added in it where gradients are clipped. */
static int find_weights(Elab *e, Id loss, Update **out) {
  int n = 0;
  Update *u = ctx_alloc(e->c, (size_t)(e->m->nvar + 1) * sizeof *u);
  IdList nodes = {0};
  graph_postorder(e->cur.b.g, 1, &loss, 1, passes_gradient, ctx_alloc(e->c, (size_t)e->cur.b.g->n), &nodes);
  for (int i = 0; i < nodes.n; i++) {
    int v = node_var(e->cur.b.g, nodes.v[i]);
    if (v < 0 || e->m->var[v].kind != VK_PARAM || e->m->var[v].hints & HINT_FREEZE) continue;
    u[n++] = (Update){.weight = nodes.v[i], .var = v};
  }
  for (int i = 0; i < n; i++) {
    u[i].site = site_root(e, "optim", true);
    u[i].site->weight = u[i].var;
  }
  *out = u;
  return n;
}

/* Of these, the ones that an entry of `optim` is for. */
static bool find_optimizers(Elab *e, TrainBuild *r, Update *u, int *n) {
  int *group = ctx_alloc(e->c, (size_t)*n * sizeof *group), kept = 0;
  if (!el_groups(e, el_setting_value(r->s, "optim"), &r->optim)) return false;
  if (!el_find_groups(e, &r->optim, u, *n, group)) return false;
  for (int i = 0; i < *n; i++) {
    u[i].group = group[i];
    if (group[i] >= 0) u[kept++] = u[i];
  }
  *n = kept;
  return true;
}

static bool accumulate(Elab *e, Update *u, int n, int *acc) {
  for (int i = 0; i < n; i++) {
    acc[i] = el_optim_var(e, &u[i], "grad");
    e->m->var[acc[i]].role = VAR_GRAD_SUM;
    Id sum = el_read_var(e, acc[i], e->cur.b.loc);
    graph_write(e->cur.b.g, acc[i], b_add(&e->cur.b, sum, u[i].grad), e->cur.b.loc);
  }
  return true;
}

/* Clipping, noise, the update, what the section assigns, and averages, in f32. */
static bool update(Elab *e, TrainBuild *r, Update *u, int n, const LossScale *scale) {
  const Ast *clip = el_setting_value(r->s, "clip"), *noise = el_setting_value(r->s, "grad_noise");
  const Ast *ema = el_setting_value(r->s, "ema");
  if (!el_optimizers(e, &r->optim)) return false;
  for (int i = 0; i < r->optim.n; i++)
    if (el_takes_loss(r->optim.g[i].fn)) return el_joint_update(e, r->s, r->t, &r->optim, u, n, r->result[0]);
  if (!el_curvature(e, &r->optim, r->t, u, n)) return false;
  if ((clip && !el_clip(e, clip, u, n)) || (noise && !el_noise(e, noise, u, n))) return false;
  if (!el_update(e, &r->optim, u, n) || !el_assign_weights(e, r->s->block)) return false;
  if (ema && !el_average(e, ema, u, n)) return false;
  el_reset_observed(e, r->t);
  el_scale_step(e, scale);
  return true;
}

/* The graph of the update under accumulation: the mean of the gathered gradients, which start again from zero. */
static bool build_update(Elab *e, TrainBuild *r, Update *u, int n, const int *acc, const Scope *pass,
                         LossScale *scale) {
  const Section *s = r->s;
  Frame f;
  Graph *g = graph_new(e->m, el_graph_name(e, "train_update", s->ast->text), GK_TRAIN_UPDATE, s->ast->caret);
  GraphState saved = el_enter(e, g, true, &f, e->file);
  f.site = site_root(e, "train", false);
  r->t->update = g;
  for (int i = 0; i < pass->n; i++)
    if (pass->b[i].v.kind != V_TENSOR) scope_set(e->c, &f.scope, pass->b[i].name, pass->b[i].v, 0, 1);
  el_bind_observed(e, s, r->t);
  for (int i = 0; i < n; i++) {
    u[i].weight = graph_var(g, u[i].var, g->loc);
    Id sum = el_read_var(e, acc[i], g->loc);
    u[i].grad = b_mul(&e->cur.b, sum, b_const(&e->cur.b, DT_F32, 1.0 / (double)r->t->accumulate));
  }
  el_find_overflow(e, scale, u, n);
  bool ok = update(e, r, u, n, scale);
  for (int i = 0; i < n && ok; i++) graph_write(g, acc[i], b_full(&e->cur.b, e->m->var[acc[i]].type, 0), e->cur.b.loc);
  el_leave(e, &saved);
  return ok;
}

static bool nothing_to_train(Elab *e, const Ast *loss) {
  Diag *d = el_error(e, E_NOTHING_TO_TRAIN, loss, "the loss depends on no weight that may change");
  diag_help(e->c, d,
            "argmax, comparisons, rounding and integers have no gradient: for an accuracy write "
            "`loss = cross_entropy(...)` and `metric.acc = accuracy(...)`");
  return false;
}

static bool backward(Elab *e, TrainBuild *r) {
  const Section *s = r->s;
  bool split = r->t->accumulate > 1;
  LossScale scale;
  Update *u;
  int n = find_weights(e, r->result[0], &u);
  if (!n) return nothing_to_train(e, el_setting_value(s, "loss"));
  if (!find_optimizers(e, r, u, &n)) return false;
  e->cur.b.loc = el_setting_value(s, "loss")->caret;
  e->section = s->ast->text;
  Id loss = el_scale_loss(e, &scale, r->t, el_setting_value(s, "precision"), r->result[0]);
  for (int i = 0; i < n; i++) u[i].grad = b_grad(&e->cur.b, loss, u[i].weight);
  SavedHints around = el_push_hints(e, r->t->precision == DT_F32 && !r->t->tf32 ? 0 : HINT_FP32, 1);
  bool ok;
  el_unscale(e, &scale, u, n);
  if (split) {
    int *acc = ctx_alloc(e->c, (size_t)n * sizeof *acc);
    ok = accumulate(e, u, n, acc);
    el_scale_microbatch(e, &scale);
    ok = ok && build_update(e, r, u, n, acc, &e->cur.f->scope, &scale);
  } else {
    el_find_overflow(e, &scale, u, n);
    ok = update(e, r, u, n, &scale);
  }
  el_pop_hints(e, around);
  e->section = NULL;
  return ok;
}

/* Integers that index an axis, of a section that has these fields. */
static void merge_ranges_of(Elab *e, DataInfo *d) {
  const Graph *g = e->cur.b.g;
  for (int i = 0; i < e->cur.nrange; i++)
    for (int p = 0; p < g->nport; p++)
      for (int k = 0; k < d->nfield && g->port[p] == e->cur.range[i].of.input; k++) {
        FieldInfo *f = &d->field[k];
        if (strcmp(f->name, node_name(g, g->port[p]))) continue;
        ranges_limit(e->c, &f->range, &e->cur.range[i].of, e->cur.range[i].n);
      }
}

static void merge_ranges(Elab *e, TrainInfo *t) {
  if (t->data >= 0) merge_ranges_of(e, &e->m->data[t->data]);
  if (t->validate_data >= 0) merge_ranges_of(e, &e->m->data[t->validate_data]);
}

static bool build_step(Elab *e, TrainBuild *r) {
  const Section *s = r->s;
  TrainInfo *t = r->t;
  Frame f;
  bool split = t->accumulate > 1;
  Graph *g = graph_new(e->m, el_graph_name(e, split ? "train_pass" : "train_step", s->ast->text),
                       split ? GK_TRAIN_PASS : GK_TRAIN_STEP, s->ast->caret);
  g->precision = t->precision;
  g->tf32 = t->tf32;
  *(split ? &t->pass : &t->step) = g;
  GraphState saved = el_enter(e, g, true, &f, e->file);
  f.site = site_root(e, "train", false);
  bind_inputs(e, t, t->batch);
  el_bind_observed(e, s, t);
  bool ok = forward(e, r);
  if (ok) {
    for (int i = 0; i < r->n; i++)
      graph_result_as(g, i == 0 ? OUT_LOSS : OUT_PLAIN, r->name[i], r->result[i], r->loc[i]);
    ok = backward(e, r);
  }
  merge_ranges(e, t);
  el_leave(e, &saved);
  return ok;
}

static bool has_other_bound(const Module *m, const char *name, int64_t bound) {
  for (int i = 0; i < m->nsize; i++)
    if (!strcmp(m->size[i].name, name) && m->size[i].bound != bound) return true;
  return false;
}

/* The batch size of an evaluation: a run-time size, under a name that neither the file nor a section with other batches
 * uses. */
static Dim batch_size(Elab *e, const TrainBuild *r) {
  const char *name = ctx_name(e->c, "B");
  while (el_bounded(el_item(e, e->file, name)) || has_other_bound(e->m, name, r->t->batch))
    name = ctx_name(e->c, ctx_strf(e->c, "%s_", name));
  return dim_size(e->m, name, r->t->batch, r->s->ast->caret);
}

/* The metrics of the evaluation are those of the step, and its tensors. */
static bool same_metrics(Elab *e, const TrainBuild *r) {
  TrainInfo *t = r->t;
  bool same = r->n - 1 == t->nmetric;
  for (int i = 1; i < r->n && same; i++) same = t->metric[i - 1] == r->name[i];
  if (!same) {
    el_fail(e, E_LOSS_TYPE, r->s->ast, "a metric is a scalar in training and a tensor in evaluations, or reversed");
    return false;
  }
  t->ntensor = r->ntensor;
  t->tensor = ctx_alloc(e->c, (size_t)(r->ntensor + 1) * sizeof *t->tensor);
  for (int i = 0; i < r->ntensor; i++) t->tensor[i] = r->name[r->n + i];
  return true;
}

/* Of batches of a run-time size, or all of `batch` records. */
static bool build_eval_of(Elab *e, TrainBuild *r, Dim batch) {
  TrainInfo *t = r->t;
  Frame f;
  Graph *g = graph_new(e->m, el_graph_name(e, "eval_step", r->s->ast->text), GK_EVAL_STEP, r->s->ast->caret);
  t->eval = g;
  GraphState saved = el_enter(e, g, false, &f, e->file);
  f.site = site_root(e, "eval", false);
  if (t->data >= 0) e->cur.records = batch;
  bind_inputs(e, t, batch);
  el_bind_observed(e, r->s, t);
  bool ok = forward(e, r) && same_metrics(e, r);
  merge_ranges(e, t);
  if (ok) el_split_eval(e, g, t, r->name, r->result, r->n + r->ntensor);
  el_leave(e, &saved);
  return ok;
}

/* A model that fixes its batch has errors with any other: it is evaluated in batches of that one. */
static void build_eval(Elab *e, TrainBuild *r) {
  TrainInfo *t = r->t;
  TrainBuild of = *r;
  DiagMark mark = diag_mark(e->c), again;
  int errors = diag_errors(e->c), failed = e->nfailed, graphs = e->m->ngraph;
  bool ok = build_eval_of(e, r, t->data < 0 ? 1 : batch_size(e, r));
  if (t->data < 0 || e->fatal || (ok && diag_errors(e->c) == errors)) return;
  again = diag_mark(e->c);
  errors = diag_errors(e->c);
  int missed = e->nfailed;
  e->nfailed = failed;
  e->m->ngraph = graphs;
  ok = build_eval_of(e, &of, t->batch) && diag_errors(e->c) == errors;
  diag_drop(e->c, ok ? &mark : &again);
  if (ok) *r = of;
  else e->nfailed = missed;
}

void el_train_section(Elab *e, const Ast *a) {
  Section s = {a, a->kid[0], el_train_settings, el_train_nsettings, "train"};
  TrainInfo *t = VEC_PUSH(e->c, e->m->train, e->m->ntrain, e->m->captrain);
  *t = (TrainInfo){.name = a->text ? a->text : "", .data = -1, .validate_data = -1, .every = 1, .loc = a->caret};
  Frame f;
  GraphState saved = el_enter_settings(e, a, &f);
  f.site = site_root(e, "train", false);
  bool ok = el_settings(e, &s) && read_settings(e, &s, t);
  el_leave(e, &saved);
  if (!ok) return;
  TrainBuild r = {.s = &s, .t = t};
  const Ast *first;
  if (el_train_sections(e, &first) > 1) e->draws = a->text ? a->text : "train";
  r.name = ctx_alloc(e->c, (size_t)(s.block->n + 1) * sizeof *r.name);
  r.loc = ctx_alloc(e->c, (size_t)(s.block->n + 1) * sizeof *r.loc);
  r.result = ctx_alloc(e->c, (size_t)(s.block->n + 1) * sizeof *r.result);
  ok = build_step(e, &r) && !e->fatal;
  e->draws = NULL;
  if (!ok) return;
  t->nmetric = r.n - 1;
  t->metric = ctx_alloc(e->c, (size_t)r.n * sizeof *t->metric);
  for (int i = 1; i < r.n; i++) t->metric[i - 1] = r.name[i];
  build_eval(e, &r);
  el_settle_scores(e, &s, t);
}
