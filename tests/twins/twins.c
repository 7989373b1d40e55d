/* SPDX-License-Identifier: Apache-2.0 */
/* twins FIRST COUNT: the order in which adjoints are added depends only on what is computed. Random models are written
 * in many equivalent ways: with hints; with statements written twice, before or after the first, and read by either
 * name; with unused statements; in another order; with expressions instead of names; with cse before autodiff. Each is
 * trained for some steps by the strict interpreter, and all must end with the same bits in weights and moments. A
 * failure prints both programs. */
#include "frontend/elab.h"
#include "ir/interp.h"
#include "lib/embed.h"
#include "passes/pass.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATEMENTS = 9, SCALARS = 4, MAX_VARS = 64, STEPS = 3, PARAMS = 3 };

static uint64_t state;
static uint32_t rnd(uint32_t n) { /* splitmix64 */
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (uint32_t)((z ^ z >> 31) >> 32) % n;
}
static bool chance(int percent) { return (int)rnd(100) < percent; }

/* ---- models: matrices of one shape, computed from earlier ones ---- */

/* a, b: earlier statements, below 0 parameters */
typedef struct Statement {
  int kind, a, b;
} Statement;
typedef struct Model {
  Statement s[STATEMENTS];
  int loss[SCALARS][2];
  int optim, clip, half;
} Model;

static const char *const forms[] = {/* $a, $b: operands */
                                    "tanh($a)",
                                    "$a * $b",
                                    "$a + $b",
                                    "$a - $b",
                                    "sigmoid($a) * $b",
                                    "$a @ w",
                                    "$a * g",
                                    "softmax($a, axis = 1)",
                                    "$a / (1 + $b * $b)",
                                    "moments($a, keep = [1])[1] * $b",
                                    "$a - mean($a, axes = [1], keep = true)",
                                    "scan($a, axis = 0, step = step, carry = zeros(4))",
                                    "max($a, $b)",
                                    "$a * x * x",
                                    "block($a, w)",
                                    "exp(-$a * $a) * $b"};
enum { FORMS = sizeof forms / sizeof *forms };

static const char *const optims[] = {"sgd(lr = 0.1)", "adam(lr = 0.01)", "sgd(lr = 0.1, momentum = 0.9)"};

static Model model_new(void) {
  Model m;
  for (int i = 0; i < STATEMENTS; i++) {
    int back = i < 3 ? i + 1 : 4;
    m.s[i] = (Statement){(int)rnd(FORMS), i - (int)rnd((uint32_t)back) - 1, i - (int)rnd((uint32_t)back) - 1};
  }
  for (int i = 0; i < SCALARS; i++)
    for (int k = 0; k < 2; k++) m.loss[i][k] = (int)rnd(STATEMENTS);
  m.optim = (int)rnd(3), m.clip = (int)rnd(2), m.half = !rnd(4);
  return m;
}

/* ---- writing ---- */

typedef struct Style {
  int hints, twins, unused, reorder, inlined;
  bool nodecay, freeze;
} Style; /* percent */

typedef struct Text {
  Ctx *c;
  const Model *m;
  const Style *style;
  Str out;
  bool twin[STATEMENTS]; /* has a second name */
  bool inlined[STATEMENTS];
  bool done[2][STATEMENTS]; /* written, under its first and its second name */
  int extra;
} Text;

static const char *use_of(Text *t, int s);

static const char *form_of(Text *t, const Statement *s) {
  Str o = {.c = t->c};
  for (const char *p = forms[s->kind]; *p; p++) {
    bool operand = *p == '$';
    if (operand) str_puts(&o, use_of(t, *++p == 'a' ? s->a : s->b));
    else str_put(&o, p, 1);
  }
  return o.s;
}

static const char *use_of(Text *t, int s) {
  if (s < 0) return "x";
  if (t->inlined[s] && chance(70)) return ctx_strf(t->c, "(%s)", form_of(t, &t->m->s[s]));
  bool second = t->done[1][s] && (!t->done[0][s] || chance(50));
  return ctx_strf(t->c, "%c%d", second ? 't' : 'v', s);
}

/* @fp32 changes results where contractions are rounded. */
static void put_hint(Text *t) {
  if (!chance(t->style->hints)) return;
  str_puts(&t->out, t->m->half || chance(60) ? "    @checkpoint\n" : "    @fp32\n");
}

static void put_statement(Text *t, int s, bool second) {
  const char *rhs = form_of(t, &t->m->s[s]);
  put_hint(t);
  str_printf(&t->out, "    %c%d = %s\n", second ? 't' : 'v', s, rhs);
  t->done[second][s] = true;
}

static bool is_ready(const Text *t, int s) {
  const Statement *x = &t->m->s[s];
  return (x->a < 0 || t->done[0][x->a]) && (x->b < 0 || t->done[0][x->b]);
}

/* Statements whose operands are written, in order or not. A twin may be before or after, even at the end. */
static void put_body(Text *t) {
  for (int left = STATEMENTS; left;) {
    int s = 0;
    while (t->done[0][s] || !is_ready(t, s)) s++;
    for (int try = 0; chance(t->style->reorder) && try < 20; try++) {
      int other = (int)rnd(STATEMENTS);
      if (!t->done[0][other] && is_ready(t, other)) s = other;
    }
    if (t->twin[s] && chance(40)) put_statement(t, s, true);
    put_statement(t, s, false), left--;
    int later = (int)rnd(STATEMENTS);
    if (t->twin[later] && t->done[0][later] && !t->done[1][later]) put_statement(t, later, true);
    if (chance(t->style->unused)) {
      Statement x = {(int)rnd(FORMS), s, (int)rnd(2) ? s : -1};
      str_printf(&t->out, "    u%d = %s\n", t->extra++, form_of(t, &x));
    }
  }
}

static const char *write_model(Ctx *c, const Model *m, const Style *style, uint64_t seed) {
  Text t = {.c = c, .m = m, .style = style, .out = {.c = c}};
  for (int i = 0; i < STATEMENTS; i++) t.twin[i] = chance(style->twins), t.inlined[i] = chance(style->inlined);
  str_puts(&t.out, "def step(x: f32[4], h: f32[4]) { tanh(h * 0.5 + x) }\n"
                   "def block(a: f32[6, 4], w: f32[4, 4]) { tanh(a @ w) * a + a }\ndef net() {\n"
                   "    param x: f32[6, 4] = normal(0.7)\n");
  if (style->nodecay) str_puts(&t.out, "    @nodecay\n");
  if (style->freeze) str_puts(&t.out, "    @freeze\n");
  str_puts(&t.out, "    param w: f32[4, 4] = normal(0.5)\n    param g: f32[4] = normal(1)\n");
  put_body(&t);
  str_puts(&t.out, "    ");
  for (int i = 0; i < SCALARS; i++)
    str_printf(&t.out, "%smean(%s * %s)", i ? " + " : "", use_of(&t, m->loss[i][0]), use_of(&t, m->loss[i][1]));
  str_printf(&t.out, "\n}\nuse n = net()\ntrain {\n    steps = %d; loss = n(); optim = %s; seed = %llu\n%s%s}\n", STEPS,
             optims[m->optim], (unsigned long long)seed + 1, m->half ? "    precision = bf16\n" : "",
             m->clip && !style->freeze ? "    clip = norm(0.5)\n" : "");
  return t.out.s;
}

/* ---- training ---- */

typedef struct Trained {
  int n;
  const char *name[MAX_VARS];
  Val *v[MAX_VARS];
} Trained;

typedef struct Job {
  const char *text, *list;
  int steps;
  Trained *to;
  bool ok;
} Job;

static const Graph *graph_of(const Module *m, GraphKind kind) {
  for (int i = 0; i < m->ngraph; i++)
    if (m->graph[i]->kind == kind) return m->graph[i];
  return NULL;
}

static void job(Ctx *c, void *arg) {
  Job *j = arg;
  Module *m = elaborate(c, source_add(c, "twins.nn", j->text, strlen(j->text)), "twins.nn",
                        &(ElabOptions){.builtin = embed_text, .opt = {.strict = true, .verify = true}});
  if (diag_errors(c) || !passes_run(m, &(PassRun){.list = j->list})) {
    diag_print(c, stdout, false);
    return;
  }
  Interp *in = interp_new(m, false);
  in->steps = STEPS;
  for (int v = 0; v < m->nvar; v++) interp_set_var(in, v, interp_value(in, m->var[v].type));
  j->ok = interp_run(in, graph_of(m, GK_INIT), NULL, NULL);
  for (in->step = 0; j->ok && (int)in->step < j->steps; in->step++)
    j->ok = interp_run(in, graph_of(m, GK_TRAIN_STEP), NULL, NULL);
  if (!j->ok) printf("%s\n", in->error ? in->error : "cannot be run");
  for (int v = 0; v < m->nvar && v < MAX_VARS; v++) {
    j->to->name[j->to->n] = m->var[v].name;
    j->to->v[j->to->n++] = val_retain(in->var[v]);
  }
}

static bool train(Ctx *c, const char *text, const char *list, int steps, Trained *to) {
  Job j = {text, list, steps, to, false};
  return ctx_try(c, job, &j) && j.ok;
}

static const Val *named(const Trained *t, const char *name) {
  for (int i = 0; i < t->n; i++)
    if (!strcmp(t->name[i], name)) return t->v[i];
  return NULL;
}

/* The name of a weight or moment that differs; `but`: the weight that may. NULL: none does. */
static const char *difference(const Trained *a, const Trained *b, const char *but) {
  for (int i = 0; i < a->n; i++) {
    const Val *x = a->v[i], *y = named(b, a->name[i]);
    if (but && strstr(a->name[i], but)) continue;
    if (!y || x->count != y->count) return a->name[i];
    for (int64_t k = 0; k < x->count; k++) {
      float p = (float)val_get(x, k), q = (float)val_get(y, k);
      if (memcmp(&p, &q, sizeof p) && !(p != p && q != q)) return a->name[i];
    }
  }
  return NULL;
}

/* ---- ---- */

static const Style plain = {0};
static const struct {
  const char *name;
  Style style;
  const char *list;
  int steps;
  const char *but;
} ways[] = {
  {"hints", {.hints = 50}, NULL, STEPS, NULL},
  {"@nodecay", {.nodecay = true}, NULL, STEPS, NULL},
  {"@freeze", {.freeze = true}, NULL, 1, "n.w"},
  {"twins", {.twins = 60}, NULL, STEPS, NULL},
  {"twins with hints", {.twins = 60, .hints = 40}, NULL, STEPS, NULL},
  {"unused statements", {.unused = 60}, NULL, STEPS, NULL},
  {"another order", {.reorder = 80}, NULL, STEPS, NULL},
  {"no names", {.inlined = 50}, NULL, STEPS, NULL},
  {"all of these",
   {.hints = 30, .twins = 40, .unused = 30, .reorder = 60, .inlined = 20, .nodecay = true},
   NULL,
   STEPS,
   NULL},
  {"cse before autodiff",
   {.twins = 30, .hints = 20},
   "cse,autodiff,precision,simplify,fold,cse,dce,recompute,checkpoint,layout,fuse,order,memory",
   STEPS,
   NULL},
  {"autodiff alone", {.twins = 30, .hints = 20}, "autodiff,precision", STEPS, NULL},
};
enum { WAYS = sizeof ways / sizeof *ways };

static int test(uint64_t seed) {
  Ctx *c = ctx_new();
  int failed = 0;
  state = seed;
  Model m = model_new();
  bool clip = m.clip;
  for (int w = 0; w < WAYS; w++) {
    m.clip = clip && !ways[w].but; /* frozen weights are not in the norm */
    Trained want = {0}, got = {0};
    const char *base = write_model(c, &m, &plain, seed), *text = write_model(c, &m, &ways[w].style, seed);
    bool ran = train(c, base, NULL, ways[w].steps, &want) && train(c, text, ways[w].list, ways[w].steps, &got);
    const char *differs = ran ? difference(&want, &got, ways[w].but) : "nothing: it does not run";
    if (!differs) continue;
    printf("FAIL  seed %llu, %s: %s differs\n%s--- and\n%s", (unsigned long long)seed, ways[w].name, differs, base,
           text);
    failed++;
  }
  ctx_free(c);
  return failed;
}

int main(int argc, char **argv) {
  uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, n = argc > 2 ? strtoull(argv[2], NULL, 10) : 20;
  int failed = 0;
  for (uint64_t s = first; s < first + n && failed < 5; s++) failed += test(s);
  printf("%d passed, %d failed\n", (int)n * WAYS - failed, failed);
  return failed > 0;
}
