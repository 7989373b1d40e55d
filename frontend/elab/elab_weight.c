/* SPDX-License-Identifier: Apache-2.0 */
/* Weights and states: where they are declared in the tree of calls, their names, their order, their first values. */
#include "frontend/elab/elab_weight.h"
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_graph.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_stmt.h"
#include <stdlib.h>
#include <string.h>

/* ---- the tree of calls ---- */

static uint64_t path_hash(const CallSite *up, const char *name, int ordinal) {
  uint64_t h = up ? up->path : 0x6e6e;
  h = hash_bytes(name, strlen(name), h);
  return hash_bytes(&(uint32_t){(uint32_t)ordinal}, 4, h);
}

CallSite *site_root(Elab *e, const char *name, bool weights) {
  CallSite *i = ctx_alloc(e->c, sizeof *i);
  *i = (CallSite){.name = name, .weights = weights, .weight = -1, .path = path_hash(NULL, name, 0)};
  return i;
}

void site_begin(CallSite *i) { i->cursor = 0; }

static int next_ordinal(Elab *e, Frame *f, const char *name) {
  for (int i = 0; i < f->ncount; i++)
    if (f->count[i].def == name) return ++f->count[i].n;
  VEC_PUSH(e->c, f->count, f->ncount, f->capcount)->def = name;
  return f->count[f->ncount - 1].n = 1;
}

static CallSite *new_site(Elab *e, CallSite *up, const char *name, int ordinal) {
  CallSite *i = ctx_alloc(e->c, sizeof *i);
  *i = (CallSite){.name = name,
                  .ordinal = ordinal,
                  .up = up,
                  .weights = up->weights,
                  .weight = up->weight,
                  .joint = up->joint,
                  .path = path_hash(up, name, ordinal)};
  *VEC_PUSH(e->c, up->kid, up->nkid, up->capkid) = i;
  int n = table_get(&up->count, name);
  table_set(e->c, &up->count, name, n < ordinal ? ordinal : n);
  return i;
}

CallSite *site_at(Elab *e, CallSite *up, const char *name, int ordinal) {
  for (int k = 0; k < up->nkid; k++)
    if (up->kid[k]->name == name && up->kid[k]->ordinal == ordinal) return up->kid[k];
  return new_site(e, up, name, ordinal);
}

/* The site of the frame's next call of a def. Graphs make the same calls, so every graph finds the same sites. */
CallSite *site_child(Elab *e, Frame *f, const char *name) {
  int ordinal = next_ordinal(e, f, name);
  CallSite *up = f->site;
  /* Calls come in the same order in each graph, so start after the last one found. */
  for (int k = 0; k < up->nkid; k++) {
    CallSite *i = up->kid[(up->cursor + k) % up->nkid];
    if (i->name == name && i->ordinal == ordinal) {
      up->cursor = (up->cursor + k + 1) % up->nkid;
      return i;
    }
    if (k > 64 && table_get(&up->count, name) < ordinal) break;
  }
  return new_site(e, up, name, ordinal);
}

ModuleInstance *el_instance(Elab *e, const Ast *use, const char *name, CallSite *root) {
  Frame f = {.file = e->file, .site = site_root(e, "use", false), .ndots = -1}, *old = e->cur.f;
  int before = diag_errors(e->c);
  bool top = !root;
  uint32_t hints = use->hints ? el_read_hints(e, use) : 0;
  double rate = el_read_rate(e, use);
  if (top) e->cur.f = &f;
  Value v = el_partial(e, use->kid[0]);
  e->cur.f = old;
  if (v_bad(v) || diag_errors(e->c) != before) return NULL;
  for (int i = 0; top && i < v.fn->nbound; i++)
    if (v.fn->bound[i].v.kind == V_TENSOR) {
      el_error_at(e, E_NOT_STATIC, v.fn->bound[i].at, v.fn->bound[i].len,
                  "arguments of a `use` are known at compile time");
      return NULL;
    }
  ModuleInstance *instance = ctx_alloc(e->c, sizeof *instance);
  if (!root) root = site_root(e, name, true);
  *instance = (ModuleInstance){.name = name, .fn = v.fn, .root = root, .hints = hints, .rate = rate, .at = use->caret};
  return instance;
}

/* Streams of random nodes follow the call path and a counter; those of initial values follow the weight's name. */
int64_t el_random_stream(Elab *e) {
  uint64_t base;
  int n;
  if (e->stream) {
    base = hash_bytes(e->stream, strlen(e->stream), 1);
    n = e->nstream++;
  } else {
    CallSite *i = e->cur.f->site;
    if (i->stamp != e->stamp) i->randoms = 0;
    i->stamp = e->stamp;
    base = e->draws ? hash_bytes(e->draws, strlen(e->draws), i->path) : i->path;
    n = i->randoms++;
  }
  return (int64_t)(hash_bytes(&(uint32_t){(uint32_t)n}, 4, base) >> 1);
}

/* ---- declarations ---- */

static Value declared_in_section(Elab *e, const Ast *s) {
  Frame *f = e->cur.f;
  while (f->up && f->up->name) f = f->up;
  if (f->reported) return v_error();
  f->reported = true;
  bool state = s->kind == AST_STATE;
  Diag *d = el_error_at(e, state ? E_STATE_CONTEXT : E_WEIGHTS_IN_SECTION, f->call ? f->call : s->caret,
                        f->call ? f->call_len : s->caret_len, "`%s` declares %s, so it is called through a `use`",
                        f->name ? f->name : "this", state ? "a state" : "weights");
  diag_label(e->c, d, s->caret, s->caret_len, "`%s` is declared here", s->text);
  const char *name = f->name && strcmp(f->name, "net") ? "net" : "model";
  if (f->name) diag_help(e->c, d, "write `use %s = %s(...)` at top level, and call `%s` here", name, f->name, name);
  return v_error();
}

static int var_of(const CallSite *i, const char *name) {
  for (int k = 0; k < i->nvar; k++)
    if (i->var[k].name == name) return i->var[k].var;
  return -1;
}

static const char *site_path(Elab *e, const CallSite *i, bool final) {
  const char *up = i->up ? site_path(e, i->up, final) : NULL;
  bool suffix = i->ordinal && (!final || table_get(&i->up->count, i->name) > 1);
  const char *own = suffix ? ctx_strf(e->c, final ? "%s_%d" : "%s#%d", i->name, i->ordinal) : i->name;
  return up ? ctx_strf(e->c, "%s.%s", up, own) : own;
}

const char *el_site_path(Elab *e, const CallSite *i) { return site_path(e, i, true); }

/* The initial value is evaluated where it is declared, but in the init graph. */
static Value initial(Elab *e, const Ast *s) {
  if (!s->kid[1]) {
    Value f;
    if (s->kind == AST_STATE) return v_int(0);
    return el_lookup(e, ctx_name(e->c, "kaiming"), s, &f) ? f : v_int(0);
  }
  GraphState outside = el_enter_init(e);
  Value v = el_expr(e, s->kid[1]);
  el_leave(e, &outside);
  if (v.kind == V_BOOL || v.kind == V_STR || v.kind == V_NONE) {
    Diag *d =
      el_error(e, E_ARG_KIND, s->kid[1], "an initial value is a number, a tensor or an initialiser, not %s", v_kind(v));
    diag_help(e->c, d, "initialisers are functions, without quotes: `kaiming`, `xavier`, `normal(std = 0.1)`");
    return v_error();
  }
  return v;
}

static int record_var(Elab *e, CallSite *i, const char *name, VarKind kind, TypeId type, const VarInfo *info, Loc loc) {
  int v = var_add(e->m, name, kind, type, e->cur.hints, loc);
  *VEC_PUSH(e->c, e->var, e->nvar, e->capvar) = *info;
  *VEC_PUSH(e->c, i->var, i->nvar, i->capvar) = (VarRec){info->name, v};
  return v;
}

int el_make_state(Elab *e, CallSite *i, const char *name, TypeId type, double first, const char *from, Loc loc,
                  int len) {
  int v = var_of(i, name = ctx_name(e->c, name));
  const char *path = ctx_strf(e->c, "%s.%s", site_path(e, i, false), name);
  VarInfo info = {.site = i, .name = name, .init = v_float(first), .weight = -1, .rate = 1, .loc = loc, .len = len};
  if (v < 0 && !from) return record_var(e, i, path, VK_STATE, type, &info, loc);
  if (v < 0) {
    el_error_at(e, E_FIELD, loc, len, "the numbers are those of data %s, which has no `%s`", from,
                ctx_strf(e->c, "%s.%s", site_path(e, i, true), name));
    return -1;
  }
  if (el_same_type(e, e->m->var[v].type, type)) return v;
  Diag *d = el_error_at(e, E_STATE_SHAPE, loc, len, "these are %s, but those of the data to train on %s",
                        el_type_text(e, type), el_type_text(e, e->m->var[v].type));
  diag_label(e->c, d, e->var[v].loc, e->var[v].len, "the data to train on");
  return -1;
}

static void warn_empty(Elab *e, const Ast *s, TypeId type) {
  int len = s->caret_len;
  Loc at = el_user_loc(e, s->caret, &len);
  if (e->trial || type_count(e->m, type) != 0 || el_in_builtin(e, at)) return;
  if (el_reported_of(e, E_EMPTY_WEIGHT, "")) return; /* what follows is empty, too */
  Diag *d = diag_warn(e->c, E_EMPTY_WEIGHT, at, len, "the weight `%s` is %s, which has no elements", s->text,
                      el_type_text(e, type));
  diag_help(e->c, d, "an axis of 0 passes nothing on: write the number of outputs");
}

static int add_var(Elab *e, const Ast *s, TypeId type) {
  CallSite *i = e->cur.f->site;
  bool state = s->kind == AST_STATE, optim = i->weight >= 0 || i->joint;
  Value init = initial(e, s);
  if (v_bad(init)) return -1;
  const char *name = ctx_strf(e->c, "%s.%s", site_path(e, i, false), s->text);
  if (optim) name = ctx_strf(e->c, "%s#%d#%s", name, i->weight, e->section ? e->section : "");
  VarKind kind = optim ? VK_OPTIM : state ? VK_STATE : VK_PARAM;
  VarInfo info = {.site = i,
                  .name = s->text,
                  .init = init,
                  .weight = i->weight,
                  .section = e->section,
                  .rate = e->cur.rate,
                  .loc = s->caret,
                  .len = s->caret_len};
  if (kind == VK_PARAM) warn_empty(e, s, type);
  int v = record_var(e, i, name, kind, type, &info, el_user_loc(e, s->caret, NULL));
  e->m->var[v].owner = i->weight;
  return v;
}

/* A weight is allocated before any run-time size is known. */
static bool fixed_type(Elab *e, const Ast *s, TypeId type) {
  const Type *t = type_get(e->m, type);
  for (int i = 0; i < t->rank && !e->trial; i++) {
    if (dim_is_const(t->dim[i])) continue;
    Diag *d = el_error(e, E_STATE_SHAPE, s->kid[0],
                       "`%s` is %s: a weight or state has one size, and %s is "
                       "known only at run time",
                       s->text, el_type_text(e, type), dim_text(e->m, t->dim[i]));
    diag_help(e->c, d, "give it %lld, the most there can be, and slice it where it is used",
              (long long)dim_bound(e->m, t->dim[i]));
    return false;
  }
  return true;
}

static bool keeps_type(Elab *e, const Ast *s, int v, TypeId type) {
  if (el_same_type(e, e->m->var[v].type, type)) return true;
  Diag *d = el_error(e, E_STATE_SHAPE, s, "`%s` is %s here, but %s before", s->text, el_type_text(e, type),
                     el_type_text(e, e->m->var[v].type));
  diag_note(e->c, d, "a weight or state keeps one shape in all calls of its instance and in all graphs");
  return false;
}

/* Hints of training graphs apply to the weight; those of other graphs only if that graph declares it first. */
static void merge_hints(Elab *e, int var) {
  if (e->cur.training) e->m->var[var].hints |= e->cur.hints;
}

void el_hint_weights(Elab *e, const CallSite *i) {
  if (!e->cur.hints) return;
  for (int k = 0; k < i->nvar; k++) merge_hints(e, i->var[k].var);
  for (int k = 0; k < i->nkid; k++) el_hint_weights(e, i->kid[k]);
}

Value el_declare_var(Elab *e, const Ast *s) {
  TypeId type = el_declared(e, s->kid[0]);
  CallSite *i = e->cur.f->site;
  if (!type) return v_error();
  if (el_in_field(e)) return el_fail(e, E_FIELD, s, "weights and states are not available in a field of data");
  if (!i->weights) return declared_in_section(e, s);
  if ((i->weight >= 0 || i->joint) && s->kind == AST_PARAM)
    return el_fail(e, E_WRITE_TARGET, s, "an optimizer keeps states, not weights");
  if (s->kind == AST_PARAM && !dtype_is_float(type_get(e->m, type)->dtype))
    return el_fail(e, E_DTYPE_MISMATCH, s->kid[0], "a weight holds floats; `state` may hold integers");
  if (!fixed_type(e, s, type)) return v_error();
  int v = var_of(i, s->text);
  if (v < 0) v = add_var(e, s, type);
  if (v < 0 || !keeps_type(e, s, v, type)) return v_error();
  merge_hints(e, v);
  Value x = {.kind = V_STATE, .i = v};
  if (s->kind == AST_PARAM)
    x = (Value){.kind = V_TENSOR, .id = graph_var(e->cur.root, v, el_user_loc(e, s->caret, NULL)), .g = e->cur.root};
  scope_set(e->c, &e->cur.f->scope, s->text, x, s->caret, s->caret_len);
  return v_none();
}

/* ---- reading and writing states ---- */

static void reserve_values(Elab *e, int var) {
  if (var < e->cur.nvalues) return;
  int n = 2 * var + 16;
  size_t had = (size_t)e->cur.nvalues * sizeof(Id);
  e->cur.values = ctx_grow(e->c, e->cur.values, had, (size_t)n * sizeof(Id));
  e->cur.nvalues = n;
}

Id el_read_var(Elab *e, int var, Loc loc) {
  reserve_values(e, var);
  if (!e->cur.values[var]) e->cur.values[var] = graph_var(e->cur.root, var, loc);
  return e->cur.values[var];
}

void el_write_var(Elab *e, int var, Id value, Loc loc) {
  reserve_values(e, var);
  e->cur.values[var] = value;
  graph_write(e->cur.root, var, value, loc);
}

Value el_assign(Elab *e, const Ast *s) {
  Binding *b = scope_find(&e->cur.f->scope, s->text);
  if (!b || b->v.kind != V_STATE) {
    if (b ? v_bad(b->v) : el_name_reported(e, s->text)) return v_error();
    Diag *d = el_error(e, E_WRITE_TARGET, s, "`%s` is not a state", s->text);
    if (b && b->at) diag_label(e->c, d, b->at, b->len, "bound here");
    diag_help(e->c, d, "`=` binds a name; `:=` writes what `state %s: f32 = 0` declares", s->text);
    return v_error();
  }
  if (e->cur.body)
    return el_fail(e, E_WRITE_TARGET, s, "a state cannot be written inside the step of a `scan`; carry it");
  int var = (int)b->v.i;
  TypeId type = e->m->var[var].type;
  const Type *t = type_get(e->m, type);
  Value v = el_expr(e, s->kid[0]);
  Id x = v_bad(v) ? 0 : el_tensor(e, v, (DType)t->dtype, s->kid[0]);
  if (!x) return v_error();
  const Type *got = el_type(e, x);
  if (!got->rank && got->dtype == t->dtype) x = b_broadcast(&e->cur.b, x, t->rank, t->dim);
  if (!el_same_type(e, el_type_id(e, x), type)) {
    Diag *d = el_error(e, E_STATE_SHAPE, s, "`%s` is %s, but %s is written", s->text, el_type_text(e, type),
                       el_type_text(e, el_type_id(e, x)));
    diag_label(e->c, d, e->var[var].loc, e->var[var].len, "declared here");
    return v_error();
  }
  e->writes++;
  el_write_var(e, var, x, s->caret);
  return v_none();
}

/* ---- final names and order ---- */

/* The name of an optimizer state: what follows the name of its weight. */
static const char *slot_name(Elab *e, const VarInfo *i) {
  const char *inner = "";
  for (const CallSite *p = i->site; p->up && p->up->up; p = p->up) /* a def that the optimizer calls */
    inner = ctx_strf(e->c, "%s_%d.%s", p->name, p->ordinal, inner);
  return ctx_name(e->c, ctx_strf(e->c, "%s%s", inner, i->name));
}

static const char *final_name(Elab *e, int v, const char **name) {
  const VarInfo *i = &e->var[v];
  const char *section = i->section ? ctx_strf(e->c, "%s.", i->section) : "";
  if (i->average) return name[v] = ctx_name(e->c, ctx_strf(e->c, "ema.%s", name[i->weight]));
  const char *text = i->weight < 0 ? ctx_strf(e->c, "%s.%s%s", site_path(e, i->site, true), section, i->name)
                                   : ctx_strf(e->c, "optim.%s%s.%s", section, name[i->weight], slot_name(e, i));
  return name[v] = ctx_name(e->c, text);
}

typedef struct Rank {
  int kind, hints, group, weight, v;
} Rank;

static int rank_cmp(const void *x, const void *y) {
  const Rank *a = x, *b = y;
  if (a->kind != b->kind) return a->kind - b->kind;
  if (a->hints != b->hints) return a->hints - b->hints;
  if (a->group != b->group) return a->group - b->group;
  return a->weight != b->weight ? a->weight - b->weight : a->v - b->v;
}

/* Optimizer states: all first moments, then all second ones, each in the order of their weights. */
static int moment_group(Elab *e, Table *groups, int v) {
  const VarInfo *i = &e->var[v];
  const char *key = ctx_name(e->c, ctx_strf(e->c, "%s/%s/%s", i->section ? i->section : "", i->site->name, i->name));
  int group = table_get(groups, key);
  if (group < 0) table_set(e->c, groups, key, group = v);
  return group;
}

void el_finish_vars(Elab *e) {
  int n = e->nvar;
  const char **name = ctx_alloc(e->c, (size_t)(n + 1) * sizeof *name);
  Rank *rank = ctx_alloc(e->c, (size_t)(n + 1) * sizeof *rank);
  int *order = ctx_alloc(e->c, (size_t)(n + 1) * sizeof *order), *at = ctx_alloc(e->c, (size_t)(n + 1) * sizeof *at);
  Table seen = {0}, groups = {0};
  for (int v = 0; v < n; v++) {
    final_name(e, v, name);
    int other = table_get(&seen, name[v]);
    if (other >= 0) {
      Diag *d =
        el_error_at(e, E_DUPLICATE_NAME, e->var[v].loc, e->var[v].len, "two weights have the name `%s`", name[v]);
      diag_label(e->c, d, e->var[other].loc, e->var[other].len, "the other one");
    }
    table_set(e->c, &seen, name[v], v);
    rank[v] = (Rank){(int)e->m->var[v].kind, e->m->var[v].kind == VK_PARAM ? (int)e->m->var[v].hints : 0, 0, 0, v};
  }
  if (el_failed(e)) return;
  qsort(rank, (size_t)n, sizeof *rank, rank_cmp);
  for (int i = 0; i < n; i++) at[rank[i].v] = i;
  for (int i = 0; i < n; i++) rank[i].group = 0;
  for (int v = 0; v < n; v++)
    if (e->m->var[v].kind == VK_OPTIM) {
      rank[at[v]].group = moment_group(e, &groups, v);
      rank[at[v]].weight = e->var[v].weight < 0 ? 0 : at[e->var[v].weight];
    }
  qsort(rank, (size_t)n, sizeof *rank, rank_cmp);
  VarInfo *info = ctx_alloc(e->c, (size_t)(n + 1) * sizeof *info);
  for (int i = 0; i < n; i++) {
    order[i] = rank[i].v;
    info[i] = e->var[order[i]];
  }
  vars_arrange(e->m, order, name);
  for (int i = 0; i < n; i++)
    if (e->m->var[i].owner >= 0) e->m->var[i].slot = info[i].average ? "ema" : slot_name(e, &info[i]);
  e->var = info;
  e->capvar = n + 1;
}

/* ---- the init graph ---- */

static Id init_value(Elab *e, int v) {
  const Var *var = &e->m->var[v];
  const Type *t = type_get(e->m, var->type);
  VarInfo *i = &e->var[v];
  Value x = i->init;
  double number;
  if (i->average) return graph_written(e->cur.b.g, var->owner); /* that of its weight, which comes before */
  if (x.kind == V_INT && t->dtype == DT_I64) return b_ints(&e->cur.b, var->type, &x.i, 1);
  if (v_number(x, &number)) return b_full(&e->cur.b, var->type, number);
  if (x.kind == V_FN) {
    Value w = v_tensor(e, b_full(&e->cur.b, var->type, 0));
    Call k = {.name = i->name, .at = i->loc, .len = i->len, .caret = i->loc, .caret_len = i->len};
    e->stream = var->name;
    e->nstream = 0;
    x = el_apply(e, x, &w, 1, &k);
    e->stream = NULL;
  }
  if (v_bad(x)) return 0;
  Id id = el_tensor(e, x, (DType)t->dtype, NULL);
  if (!id) return 0;
  const Type *got = el_type(e, id);
  if (!got->rank && got->dtype == t->dtype) id = b_broadcast(&e->cur.b, id, t->rank, t->dim);
  if (el_type_id(e, id) == var->type) return id;
  el_error_at(e, E_STATE_SHAPE, i->loc, i->len, "`%s` is %s, but its initial value is %s", i->name,
              el_type_text(e, var->type), el_type_text(e, el_type_id(e, id)));
  return 0;
}

void el_init_graph(Elab *e) {
  Frame f;
  GraphState s = el_enter(e, e->init, false, &f, e->file);
  f.site = site_root(e, "init", false);
  for (int v = 0; v < e->nvar && !e->fatal; v++) {
    f.ncount = 0;
    f.call = e->cur.b.loc = e->var[v].loc;
    f.call_len = e->var[v].len;
    Id id = init_value(e, v);
    if (id) graph_write(e->cur.b.g, v, id, e->var[v].loc);
  }
  el_leave(e, &s);
}
