/* SPDX-License-Identifier: Apache-2.0 */
/* Validation while training, and what depends on it: `validate`, `validate.data`, `early_stop` and `save`. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/sections/elab_train.h"
#include <math.h>
#include <string.h>

static bool is_name(const Ast *a, const char *name) { return a && a->kind == AST_NAME && !strcmp(a->text, name); }
static bool is_call(const Ast *a, const char *name) { return a && a->kind == AST_CALL && is_name(a->kid[0], name); }

bool el_is_early_stop(const Ast *statement) { return is_call(statement, "early_stop"); }

/* ---- arguments ---- */

typedef enum Param { P_METRIC, P_PATIENCE, P_MIN_DELTA, P_MODE, NPARAM } Param;
static const char *const param_names[NPARAM] = {"metric", "patience", "min_delta", "mode"};

/* The arguments of a call that takes the `n` params of `order`; `min` and `max` are modes wherever they stand. */
static bool read_args(Elab *e, const Ast *call, const Param *order, int n, const Ast *arg[NPARAM]) {
  int at = 0;
  for (int i = 1; i < call->n; i++) {
    const Ast *a = call->kid[i], *v = a;
    int p = -1;
    if (a->kind == AST_NAMED) {
      v = a->kid[0];
      for (int k = 0; k < n; k++)
        if (!strcmp(a->text, param_names[order[k]])) p = (int)order[k];
      if (p < 0) return el_reject(e, E_UNKNOWN_ARG, a, "`%s` has no argument `%s`", call->kid[0]->text, a->text);
    } else if ((is_name(a, "min") || is_name(a, "max")) && order[n - 1] == P_MODE) {
      p = P_MODE;
    } else if (at < n) {
      p = (int)order[at++];
    }
    if (p < 0 || arg[p]) return el_reject(e, E_ARG_COUNT, a, "`%s` takes no further argument", call->kid[0]->text);
    arg[p] = v;
  }
  return true;
}

/* The score of that name: 1: the loss, 2 + i: metric i; 0: there is none. */
static int find_score(const Section *s, const char *name, const char **words, int *nwords) {
  int found = !strcmp(name, "loss"), n = 0;
  words[n++] = "loss";
  for (int i = 0; i < s->block->n; i++) {
    const Ast *b = s->block->kid[i];
    if (b->kind != AST_BIND || b->n != 2 || strncmp(b->kid[0]->text, "metric.", 7)) continue;
    words[n++] = b->kid[0]->text + 7;
    if (!strcmp(name, words[n - 1])) found = n;
  }
  *nwords = n;
  return found;
}

static bool read_score(Elab *e, const Section *s, const Ast *a, const char *of, WatchInfo *w) {
  const char **words = ctx_alloc(e->c, (size_t)(s->block->n + 1) * sizeof *words);
  int n;
  if (a->kind != AST_NAME)
    return el_reject(e, E_UNKNOWN_METRIC, a, "`%s` takes `loss` or the name of a metric, not %s", of, el_source(e, a));
  const char *name = !strncmp(a->text, "metric.", 7) ? a->text + 7 : a->text;
  w->score = find_score(s, name, words, &n);
  if (w->score) return true;
  Diag *d = el_error(e, E_UNKNOWN_METRIC, a, "this train section has no metric `%s`", name);
  const char *near = diag_suggest(e->c, name, words, n);
  bool val = !strncmp(name, "val_", 4) && find_score(s, name + 4, words, &n);
  if (val) diag_help(e->c, d, "write `%s`: the scores here are those of validations", name + 4);
  else if (near) diag_help(e->c, d, "did you mean `%s`?", near);
  else diag_help(e->c, d, "`metric.%s = ...` defines it", name);
  return false;
}

/* A loss falls and an accuracy rises; of other metrics it must be said. */
static bool read_mode(Elab *e, const Ast *at, const Ast *mode, const char *name, WatchInfo *w) {
  if (mode) {
    w->is_max = is_name(mode, "max");
    return w->is_max || is_name(mode, "min") ||
           el_reject(e, E_SETTING_VALUE, mode, "the mode is min or max, not %s", el_source(e, mode));
  }
  w->is_max = !strcmp(name, "acc") || !strcmp(name, "accuracy");
  if (w->score == 1 || w->is_max) return true;
  Diag *d = el_error(e, E_SETTING_VALUE, at, "is a smaller or a larger `%s` better?", name);
  diag_help(e->c, d, "`min` or `max` as the last argument says it");
  return false;
}

static bool read_watch(Elab *e, const Section *s, const Ast *call, const Ast *const arg[NPARAM], WatchInfo *w) {
  const Ast *metric = arg[P_METRIC];
  const char *of = call->kid[0]->text;
  if (!metric) return el_reject(e, E_ARG_COUNT, call, "`%s` lacks the metric: `loss`, or the name of another", of);
  if (!read_score(e, s, metric, of, w)) return false;
  return read_mode(e, metric, arg[P_MODE], !strncmp(metric->text, "metric.", 7) ? metric->text + 7 : metric->text, w);
}

/* ---- the settings ---- */

static bool read_patience(Elab *e, const Ast *call, const Ast *a, WatchInfo *w) {
  if (!a)
    return el_reject(e, E_ARG_COUNT, call, "`%s` lacks the patience, a number of validations", call->kid[0]->text);
  Value v = el_static(e, a);
  if (v_bad(v)) return false;
  w->patience = v.i;
  return (v.kind == V_INT && v.i >= 1 && v.i <= UINT32_MAX) ||
         el_reject(e, E_SETTING_VALUE, a, "the patience is an integer number of validations, at least 1, not %s",
                   v_text(e, v));
}

static bool read_min_delta(Elab *e, const Ast *a, WatchInfo *w) {
  if (!a) return true;
  Value v = el_static(e, a);
  if (v_bad(v)) return false;
  return (v_number(v, &w->min_delta) && w->min_delta >= 0 && isfinite(w->min_delta)) ||
         el_reject(e, E_SETTING_VALUE, a, "min_delta is a number, at least 0, not %s", v_text(e, v));
}

/* The setting or the statement; NULL: neither. */
static const Ast *early_stop(Elab *e, const Section *s, bool *ok) {
  const Ast *b = el_setting(s, "early_stop"), *first = b;
  for (int i = 0; i < s->block->n; i++) {
    const Ast *x = s->block->kid[i];
    if (!el_is_early_stop(x)) continue;
    if (first) {
      Diag *d = el_error(e, E_SETTING_CONFLICT, x, "`early_stop` is set twice");
      diag_label(e->c, d, first->at, (int)strlen("early_stop"), "the other one");
      *ok = false;
    }
    first = x;
  }
  return first && first == b ? b->kid[1] : first;
}

static bool read_early_stop(Elab *e, const Section *s, TrainInfo *t, const Ast *a) {
  static const Param patience[] = {P_PATIENCE}, all[] = {P_METRIC, P_PATIENCE, P_MIN_DELTA, P_MODE};
  const Ast *arg[NPARAM] = {0};
  if (!a) return true;
  if (is_call(a, "patience")) {
    t->stop.score = 1;
    return read_args(e, a, patience, 1, arg) && read_patience(e, a, arg[P_PATIENCE], &t->stop);
  }
  if (!is_call(a, "early_stop"))
    return el_reject(e, E_SETTING_VALUE, a, "`early_stop` is patience(N) or early_stop(metric, patience, min_delta)");
  return read_args(e, a, all, NPARAM, arg) && read_watch(e, s, a, arg, &t->stop) &&
         read_patience(e, a, arg[P_PATIENCE], &t->stop) && read_min_delta(e, arg[P_MIN_DELTA], &t->stop);
}

/* The N of every(N); 0: it is something else. -1: reported. */
static int64_t every(Elab *e, const Ast *a) {
  if (!is_call(a, "every") || a->n != 2 || a->kid[1]->kind == AST_NAMED) return 0;
  Value v = el_static(e, a->kid[1]);
  if (v_bad(v)) return -1;
  return v.kind == V_INT && v.i >= 1 ? v.i : 0;
}

static bool read_save(Elab *e, const Section *s, TrainInfo *t) {
  static const Param order[] = {P_METRIC, P_MODE};
  const Ast *a = el_setting_value(s, "save"), *arg[NPARAM] = {0};
  if (!a) return true;
  if (is_call(a, "best")) return read_args(e, a, order, 2, arg) && read_watch(e, s, a, arg, &t->best);
  t->save_every = every(e, a);
  if (t->save_every > 0) return true;
  if (!t->save_every) el_fail(e, E_SETTING_VALUE, a, "`save` is every(N), an integer number of steps, or best(metric)");
  return false;
}

/* Whether there is something to validate on. */
static bool possible(const Elab *e, const TrainInfo *t) {
  return t->data >= 0 && (t->validate_data >= 0 || e->m->data[t->data].holdout > 0);
}

static bool read_validate(Elab *e, const Section *s, TrainInfo *t) {
  const Ast *a = el_setting_value(s, "validate");
  t->validate = possible(e, t) ? -1 : 0;
  if (!a) return true;
  if (is_call(a, "every") && a->n == 2 && is_name(a->kid[1], "epoch")) {
    t->validate = -1;
    return true;
  }
  t->validate = every(e, a);
  if (t->validate) return t->validate > 0;
  Value v = is_call(a, "every") ? v_none() : el_static(e, a);
  if (v_bad(v)) return false;
  return (v.kind == V_BOOL && !v.i) ||
         el_reject(e, E_SETTING_VALUE, a, "`validate` is every(epoch), every(N), an integer number of steps, or false");
}

/* ---- what they need ---- */

static const Ast *section_of(Elab *e, const char *name) {
  const Item *it = el_item(e, e->file, name);
  return it && it->kind == IT_DATA ? it->ast->kid[0] : NULL;
}

/* The line of the section that begins with this name; NULL: none. */
static const Ast *line_of(Elab *e, const char *section, AstKind kind, const char *name) {
  const Ast *block = section_of(e, section);
  for (int i = 0; block && i < block->n; i++) {
    const Ast *b = block->kid[i];
    if (b->kind == kind && !strcmp(kind == AST_FIELD ? b->text : b->kid[0]->text, name)) return b;
  }
  return NULL;
}

static bool cannot(Elab *e, const TrainInfo *t, const Ast *at, const char *what) {
  const char *data = t->data >= 0 ? e->m->data[t->data].name : NULL;
  if (data && diag_errors(e->c) > e->errors && line_of(e, data, AST_BIND, "holdout")) return false;
  Diag *d = el_error(e, E_NOTHING_TO_VALIDATE, at, "`%s`: there is nothing to validate on", what);
  if (data) diag_help(e->c, d, "`holdout = 0.1` in data %s, or `validate.data =` a second data section", data);
  else diag_help(e->c, d, "this section trains without data");
  return false;
}

static bool check_need(Elab *e, const Section *s, const TrainInfo *t, const Ast *at, const char *what) {
  if (!at || t->validate) return !at || possible(e, t) || cannot(e, t, at, what);
  if (!possible(e, t)) return cannot(e, t, at, what);
  Diag *d = el_error(e, E_SETTING_CONFLICT, at, "`%s` looks at validations, and there are none", what);
  diag_label(e->c, d, el_setting(s, "validate")->at, (int)strlen("validate"), "because of this");
  return false;
}

/* The section of validate.data has every field of the section that is trained on. */
static bool check_field(Elab *e, const Ast *at, const DataInfo *other, const FieldInfo *f) {
  const FieldInfo *g = NULL;
  for (int i = 0; i < other->nfield; i++)
    if (!strcmp(other->field[i].name, f->name)) g = &other->field[i];
  if (g && g->type == f->type) return true;
  if (!g && line_of(e, other->name, AST_FIELD, f->name)) return false; /* it was refused there */
  Diag *d = g ? el_error(e, E_VALIDATION_FIELDS, at, "`%s` is %s in data %s, but the model trains on %s", f->name,
                         el_type_text(e, g->type), other->name, el_type_text(e, f->type))
              : el_error(e, E_VALIDATION_FIELDS, at, "data %s has no field `%s: %s`, which the model trains on",
                         other->name, f->name, el_type_text(e, f->type));
  if (g) diag_label(e->c, d, g->loc, (int)strlen(g->name), "this one");
  diag_label(e->c, d, f->loc, (int)strlen(f->name), "the field to train on");
  return false;
}

static bool check_other(Elab *e, const Section *s, const TrainInfo *t) {
  const Ast *at = el_setting_value(s, "validate.data");
  if (t->data < 0) return el_reject(e, E_MISSING_SETTING, at, "`validate.data` is set, but this section has no `data`");
  const DataInfo *d = &e->m->data[t->data], *other = &e->m->data[t->validate_data];
  if (d == other)
    return el_reject(e, E_SETTING_VALUE, at,
                     "`validate.data` is the section to train on; without it, its hold-out is used");
  if (other->stream)
    return el_reject(e, E_SETTING_CONFLICT, at,
                     "data %s is a stream, which is read once; validations read their records "
                     "again",
                     other->name);
  const Ast *h = line_of(e, other->name, AST_BIND, "holdout");
  if (h) {
    Diag *x =
      el_error(e, E_SETTING_CONFLICT, at, "data %s is validated on as a whole, so it holds nothing out", other->name);
    diag_label(e->c, x, h->at, (int)strlen("holdout"), "set here");
    return false;
  }
  bool ok = true;
  for (int i = 0; i < d->nfield; i++) ok &= check_field(e, at, other, &d->field[i]);
  return ok;
}

/* Columns of metrics.csv. */
static bool check_columns(Elab *e, const Section *s, const TrainInfo *t) {
  for (int i = 0; i < s->block->n && t->validate; i++) {
    const Ast *b = s->block->kid[i];
    if (b->kind != AST_BIND || b->n != 2 || strncmp(b->kid[0]->text, "metric.val_", 11)) continue;
    const char **words = ctx_alloc(e->c, (size_t)(s->block->n + 1) * sizeof *words), *name = b->kid[0]->text + 11;
    int n;
    if (find_score(s, name, words, &n))
      return el_reject(e, E_DUPLICATE_NAME, b->kid[0], "`val_%s` is the name of `%s` in validations", name, name);
  }
  return true;
}

/* ---- scores of validations as values ---- */

/* The next name `validate.X` in an expression of the section, after `*n` others. */
static const Ast *find_observed(const Ast *a, int *n) {
  if (!a) return NULL;
  if (a->kind == AST_NAME && !strncmp(a->text, "validate.", 9) && --*n < 0) return a;
  const Ast *found = NULL;
  for (int i = 0; i < a->n && !found; i++) found = find_observed(a->kid[i], n);
  return found;
}

static const Ast *observed_name(const Section *s, int n) {
  const Ast *found = NULL;
  for (int i = 0; i < s->block->n && !found; i++) {
    const Ast *b = s->block->kid[i];
    bool bind = b->kind == AST_BIND;
    if (!bind) found = find_observed(b, &n);
    else if (!is_name(b->kid[0], "validate.data")) found = find_observed(b->kid[b->n - 1], &n);
  }
  return found;
}

static bool check_observed(Elab *e, const Section *s, TrainInfo *t) {
  const char **words = ctx_alloc(e->c, (size_t)(s->block->n + 1) * sizeof *words);
  const Ast *a;
  for (int i = 0; (a = observed_name(s, i)); i++) {
    WatchInfo unused;
    Ast score = *a;
    score.text = a->text + 9;
    if (!find_score(s, score.text, words, &t->nobserved)) return read_score(e, s, &score, "", &unused);
    if (!check_need(e, s, t, a, a->text)) return false;
  }
  t->observed = ctx_alloc(e->c, (size_t)(t->nobserved + 1) * sizeof *t->observed);
  return true;
}

void el_bind_observed(Elab *e, const Section *s, TrainInfo *t) {
  const char **words = ctx_alloc(e->c, (size_t)(s->block->n + 1) * sizeof *words), *section = e->section;
  bool training = e->cur.training;
  const Ast *a;
  e->section = s->ast->text;
  for (int i = 0, n; (a = observed_name(s, i)); i++) {
    int *var = &t->observed[find_score(s, a->text + 9, words, &n) - 1];
    if (training && !*var) *var = 1 + el_section_var(e, a->text, NAN);
    Id x = training ? el_read_var(e, *var - 1, a->at) : b_const(&e->cur.b, DT_F32, NAN);
    scope_set(e->c, &e->cur.f->scope, a->text, v_tensor(e, x), a->at, a->len);
  }
  e->section = section;
}

void el_reset_observed(Elab *e, const TrainInfo *t) {
  for (int k = 0; k < t->nobserved; k++)
    if (t->observed[k]) graph_write(e->cur.root, t->observed[k] - 1, b_const(&e->cur.b, DT_F32, NAN), e->cur.b.loc);
}

/* Scores are numbers among those of a run, which leave out metrics that are tensors. */
static int settled(Elab *e, const Section *s, const TrainInfo *t, int score, const Ast *at) {
  const char **words = ctx_alloc(e->c, (size_t)(s->block->n + 1) * sizeof *words);
  int n;
  if (score < 2) return score;
  find_score(s, "loss", words, &n);
  for (int i = 0; i < t->nmetric; i++)
    if (!strcmp(words[score - 1], t->metric[i])) return 2 + i;
  el_error(e, E_UNKNOWN_METRIC, at, "`%s` is a tensor, and no number to compare", words[score - 1]);
  return 0;
}

void el_settle_scores(Elab *e, const Section *s, TrainInfo *t) {
  int *observed = ctx_alloc(e->c, (size_t)(t->nmetric + 1) * sizeof *observed);
  bool ok = true;
  t->best.score = settled(e, s, t, t->best.score, el_setting_value(s, "save"));
  t->stop.score = settled(e, s, t, t->stop.score, early_stop(e, s, &ok));
  for (int k = 0; k < t->nobserved; k++) {
    int score = t->observed[k] ? settled(e, s, t, k + 1, observed_name(s, 0)) : 0;
    if (score) observed[score - 1] = t->observed[k];
  }
  if (!t->nobserved) return;
  t->observed = observed;
  t->nobserved = t->nmetric + 1;
}

bool el_find_data(Elab *e, const Section *s, const char *setting, int *data) {
  const Ast *a = el_setting_value(s, setting);
  if (!a) return true;
  if (a->kind != AST_NAME) {
    Diag *d = el_error(e, E_UNKNOWN_DATA_SECTION, a, "`%s` names a data section", setting);
    if (a->kind == AST_STR)
      diag_help(e->c, d, "without quotes: `%s = digits`, of a section `data digits { ... }`", setting);
    return false;
  }
  *data = el_data_find(e->m, a->text);
  if (*data >= 0) return true;
  const char **words = ctx_alloc(e->c, (size_t)(e->m->ndata + 1) * sizeof *words);
  for (int i = 0; i < e->m->ndata; i++) words[i] = e->m->data[i].name;
  Diag *d = el_error(e, E_UNKNOWN_DATA_SECTION, a, "there is no data section `%s`", a->text);
  const char *near = diag_suggest(e->c, a->text, words, e->m->ndata);
  if (near) diag_help(e->c, d, "did you mean `%s`?", near);
  return false;
}

/* Of several train sections the first one is validated. */
static bool check_first(Elab *e, const Section *s, TrainInfo *t, const Ast *stop) {
  const Ast *first = NULL, *observed = observed_name(s, 0);
  el_train_sections(e, &first);
  if (s->ast == first) return true;
  t->validate = 0;
  if (!stop && !observed) return true;
  Diag *d = el_error(e, E_SETTING_CONFLICT, stop ? stop : observed,
                     "validations are of the first train section, which alone looks at them");
  diag_label(e->c, d, first->caret, first->caret_len, "the first one");
  return false;
}

bool el_validation(Elab *e, const Section *s, TrainInfo *t) {
  bool ok = el_find_data(e, s, "validate.data", &t->validate_data);
  if (ok && t->validate_data >= 0) ok = check_other(e, s, t);
  if (!ok) return false;
  ok = read_validate(e, s, t) & read_save(e, s, t);
  const Ast *stop = early_stop(e, s, &ok), *validate = el_setting(s, "validate");
  ok &= read_early_stop(e, s, t, stop);
  if (!ok) return false;
  if (t->validate && !check_need(e, s, t, validate ? validate->kid[1] : NULL, "validate")) return false;
  return check_need(e, s, t, stop, "early_stop") &&
         check_need(e, s, t, t->best.score ? el_setting_value(s, "save") : NULL, "save") && check_columns(e, s, t) &&
         check_observed(e, s, t) && check_first(e, s, t, stop);
}
