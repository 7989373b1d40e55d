/* SPDX-License-Identifier: Apache-2.0 */
/* gradc bisect: the first pass after which the interpreter computes other numbers. */
#include "driver/interpret.h"
#include "passes/pass.h"
#include "runtime/io.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The module as text: before any pass, then after each. */
typedef struct Stage {
  const char *pass, *text;
  size_t n;
  int number;
} Stage;
typedef struct Stages {
  Ctx *c;
  Stage *v;
  int n, cap;
} Stages;

/* What a stage computes. */
typedef struct Result {
  const char *graph, *name;
  Val *v;
  DType type;
  Loc at;
} Result;
typedef struct Results {
  Module *m;
  Result *v;
  int n, cap;
} Results;

/* ---- stages ---- */

static void add_stage(void *arg, int number, const char *pass, const char *text, size_t n) {
  Stages *s = arg;
  *VEC_PUSH(s->c, s->v, s->n, s->cap) = (Stage){ctx_name(s->c, pass), ctx_strf(s->c, "%.*s", (int)n, text), n, number};
}

static bool run_passes(Args *a, Stages *s) {
  Module *m = load_module(a, a->operand[0]);
  if (!m) return false;
  Str text = {.c = a->c};
  ir_print(&text, m);
  add_stage(s, 0, "elaboration", text.s, text.n);
  return passes_run(m, &(PassRun){.dump_after = "changed", .dump = add_stage, .dump_arg = s});
}

/* The dumps NN-PASS.ir of a folder, in order. */
static bool read_folder(Args *a, Stages *s) {
  int n;
  const char *dir = a->operand[0];
  char **name = io_list(dir, &n);
  for (int i = 0; name && i < n; i++) {
    size_t len = strlen(name[i]), digits = strspn(name[i], "0123456789"), size;
    Loc start;
    if (!digits || len < 4 || strcmp(name[i] + len - 3, ".ir") != 0) continue;
    if (!load_source(a->c, ctx_strf(a->c, "%s/%s", dir, name[i]), &start)) return false;
    const char *text = source_text(a->c, start, &size);
    const char *pass = ctx_strf(a->c, "%.*s", (int)(len - 3 - digits - 1), name[i] + digits + 1);
    add_stage(s, atoi(name[i]), pass, text, size);
  }
  if (s->n) return true;
  diag_error(a->c, E_FILE_READ, 0, 1, "%s: there are no dumps NN-PASS.ir, as `gradc ir --dump-dir` writes them", dir);
  return false;
}

/* ---- runs ---- */

/* Numbers that depend on the name and the index alone: the same for all stages. Floats are in -1 .. 1, integers small
 * enough for most indices. */
static void fill(Val *v, DType t, const char *name) {
  uint64_t seed = hash_bytes(name, strlen(name), 7);
  for (int64_t i = 0; i < v->count; i++) {
    uint64_t h = hash_bytes(&i, sizeof i, seed);
    val_set(v, i, t == DT_BOOL ? (double)(h & 1) : dtype_is_float(t) ? (double)(h % 4001) / 2000 - 1 : (double)(h % 4));
  }
  val_round(v, t);
}

static DType dtype_of(const Module *m, TypeId t) { return (DType)type_get(m, t)->dtype; }

static bool fill_vars(Interp *in) {
  for (int i = 0; i < in->m->nvar; i++) {
    const Var *var = &in->m->var[i];
    Val *v = interp_value(in, var->type);
    if (!v) return false;
    fill(v, dtype_of(in->m, var->type), var->name);
    if (var->kind == VK_OPTIM) /* second moments are not negative */
      for (int64_t k = 0; k < v->count; k++) val_set(v, k, fabs(val_get(v, k)));
    interp_set_var(in, i, v);
  }
  return true;
}

static void add_result(Results *r, const Graph *g, const Out *o, Val *v) {
  Result x = {g->name, o->name, v, dtype_of(r->m, node_get(g, o->value)->type), node_get(g, o->value)->loc};
  *VEC_PUSH(r->m->c, r->v, r->n, r->cap) = x;
}

/* False: out of memory. A graph that cannot be run, as one with derivatives that are not expanded yet, has no
 * results. */
static bool run_graph(Interp *in, Graph *g, Results *r) {
  Val **port = ctx_array(r->m->c, g->nport, sizeof *port), **result = ctx_array(r->m->c, g->nout, sizeof *result);
  if (!fill_vars(in)) return false;
  for (int i = 0; i < g->nport; i++) {
    TypeId type = node_get(g, g->port[i])->type;
    if (!(port[i] = interp_value(in, type))) return false;
    fill(port[i], dtype_of(r->m, type), node_name(g, g->port[i]));
  }
  if (!interp_run(in, g, port, result)) return true;
  for (int i = 0, k = 0; i < g->nout; i++)
    add_result(r, g, &g->out[i], g->out[i].var < 0 ? result[k++] : val_retain(in->var[g->out[i].var]));
  return true;
}

static bool has_meta(const Graph *g) {
  for (Id n = 1; n < (Id)g->n; n++)
    if (node_info(g, n)->cls == CL_META) return true;
  return false;
}

static bool run_stage(Ctx *c, const Stage *s, Results *r) {
  Loc start = source_add(c, ctx_strf(c, "after %s", s->pass), s->text, s->n);
  r->m = ir_parse(c, start);
  if (diag_errors(c) || ir_verify(r->m)) return false;
  Interp *in = interp_new(r->m, false);
  in->step = 4, in->steps = 10, in->steps_per_epoch = 3;
  for (int i = 0; i < r->m->ngraph; i++) {
    Graph *g = r->m->graph[i];
    if (g->kind == GK_BODY || has_meta(g)) continue;
    if (run_graph(in, g, r)) continue;
    diag_error(c, E_GRAPH_RUN, g->loc, 1, "out of memory for `%s`", g->name);
    return false;
  }
  return true;
}

/* ---- comparison ---- */

static const Result *find_result(const Results *r, const Result *like) {
  for (int i = 0; i < r->n; i++)
    if (!strcmp(r->v[i].graph, like->graph) && !strcmp(r->v[i].name, like->name)) return &r->v[i];
  return NULL;
}

static bool same_number(double a, double b) { return a == b ? signbit(a) == signbit(b) : isnan(a) && isnan(b); }

/* The number of elements that differ, the first of them, and the largest difference. */
static int64_t differing(const Val *a, const Val *b, int64_t *first, double *most) {
  int64_t n = 0;
  *most = 0;
  for (int64_t i = 0; i < a->count && a->count == b->count; i++) {
    double x = val_get(a, i), y = val_get(b, i), d = fabs(x - y);
    if (a->type == DT_I64 ? val_int(a, i) == val_int(b, i) : same_number(x, y)) continue;
    if (!n++) *first = i;
    if (!(d <= *most)) *most = d;
  }
  return n;
}

/* Prints what a stage computes otherwise than the one before; the number of such results. */
static int compare(Ctx *c, const Stage *s, const Results *before, const Results *after) {
  int all = 0;
  for (int i = 0; i < after->n; i++) {
    const Result *y = &after->v[i], *x = find_result(before, y);
    int64_t at = 0, n = x ? differing(x->v, y->v, &at, &(double){0}) : 0;
    double most;
    if (!n || all++ >= 20) continue;
    differing(x->v, y->v, &at, &most);
    SourcePos p = source_pos(c, y->at);
    printf("pass %d, %s: graph `%s`, result `%s`", s->number, s->pass, y->graph, y->name);
    if (p.line) printf(", %s:%d:%d", p.file, p.line, p.col);
    printf(": element %lld is %s, was %s; %lld of %lld differ, by at most %.3g\n", (long long)at,
           val_number_text(c, y->type, y->v, at), val_number_text(c, x->type, x->v, at), (long long)n,
           (long long)y->v->count, most);
  }
  return all;
}

/* precision changes numbers by design: what follows is compared with its results. */
static bool by_design(const Stage *s) { return !strcmp(s->pass, "precision"); }

int cmd_bisect(Args *a) {
  Stages s = {.c = a->c};
  bool folder = io_is_folder(a->operand[0]);
  if (!(folder ? read_folder(a, &s) : run_passes(a, &s))) return EXIT_MODEL;
  Results before = {0};
  int compared = 0;
  for (int i = 0; i < s.n; i++) {
    Results after = {0};
    if (!run_stage(a->c, &s.v[i], &after)) return EXIT_MODEL;
    if (i && !by_design(&s.v[i])) {
      if (compare(a->c, &s.v[i], &before, &after)) return EXIT_MODEL;
      compared++;
    }
    before = after;
  }
  printf("%d passes change no number\n", compared);
  return EXIT_OK;
}
