/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the portable target: NAME.c and NAME.h. */
#include "codegen/c/targets.h"
#include "codegen/text/graph.h"
#include "codegen/text/descriptor.h"
#include "codegen/c/weight_access.h"
#include "codegen/text/weights.h"
#include "passes/analysis/model_memory.h"
#include <string.h>

/* Before the text of prim/prim_ieee.h. memset and its like need C linkage in C++, since compilers call them. */
static const char NEEDS_C99[] =
  "#if defined __cplusplus ? __cplusplus < 201103L : !defined __STDC_VERSION__ || __STDC_VERSION__ < 199901L\n"
  "#error \"this file needs C99 or C++11: compile it with -std=c99\"\n"
  "#else /* to the end */\n";
static const char PRELUDE[] =
  "#include <stddef.h>\n#include <stdint.h>\n\n"
  "#ifdef __clang__\n#pragma clang diagnostic ignored \"-Wunused-function\"\n#endif\n\n"
  "/* Compilers replace loops with calls of these functions; volatile, so that they do not do so here. */\n"
  "#ifdef __GNUC__\n#pragma GCC diagnostic push\n#pragma GCC diagnostic ignored \"-Wshadow\" "
  "/* of builtins */\n#endif\n"
  "#ifdef __cplusplus\nextern \"C\" {\n#endif\n"
  "static __attribute__((used)) void *memset(void *d, int c, size_t n) {\n"
  "  volatile unsigned char *p = (volatile unsigned char *)d;\n"
  "  while (n--) *p++ = (unsigned char)c;\n"
  "  return d;\n}\n"
  "static __attribute__((used)) void *memcpy(void *d, const void *s, size_t n) {\n"
  "  volatile unsigned char *p = (volatile unsigned char *)d;\n"
  "  const unsigned char *q = (const unsigned char *)s;\n"
  "  while (n--) *p++ = *q++;\n"
  "  return d;\n}\n"
  "static __attribute__((used)) void *memmove(void *d, const void *s, size_t n) {\n"
  "  volatile unsigned char *p = (volatile unsigned char *)d;\n"
  "  const unsigned char *q = (const unsigned char *)s;\n"
  "  if ((uintptr_t)d <= (uintptr_t)s) while (n--) *p++ = *q++;\n"
  "  else while (n--) p[n] = q[n];\n"
  "  return d;\n}\n"
  "#ifdef __cplusplus\n}\n#endif\n"
  "#ifdef __GNUC__\n#pragma GCC diagnostic pop\n#endif\n\n";

/* ---- parameters ---- */

static const char *signature(GraphText *c, const char *name) {
  Emitter *p = c->p;
  const Graph *g = c->g;
  Str s = {.c = p->c};
  if (g->kind == GK_INIT) return ctx_strf(p->c, "void %s_init(void *mem, uint64_t seed)", p->m->name);
  str_printf(&s, "int %s_%s(void *mem", p->m->name, name);
  if (g->kind == GK_TRAIN_PASS) str_puts(&s, ", uint32_t pass");
  interface_params(c, &s);
  str_puts(&s, ")");
  return s.s;
}

/* ---- trained weights ---- */

static const char *copy_weight(Emitter *p, int64_t at, const char *from, int64_t bytes) {
  helper_use(p, "gc_rows");
  return ctx_strf(p->c, "gc_rows(m + %lld, 0, %s, 0, 1, %lld);", (long long)at, from, (long long)bytes);
}

static const WeightsText c_weights = {
  .copy = copy_weight,
  .result = "int",
  .params = "",
  .refused = "-3",
  .done = "0",
  .load_comment = "\n/* To be called after %s_init: copies `weights`, %lld bytes aligned to 64. Returns 0; -3: it is\n"
                  " * of another model, or damaged (nothing was copied). */\n",
  .map_comment = "\n/* To be called after %s_init: `weights`, %lld bytes aligned to 64, is used in place and must\n"
                 " * stay valid. Returns 0; -3: it is of another model. Before this call, functions that need it\n"
                 " * return -3. */\n",
};

/* ---- graphs as functions ---- */

static int64_t arena_base(const Module *m) { return m->total_bytes - m->arena_bytes; }

static void put_locals(GraphText *c, Str *out, bool arena) {
  Module *m = c->p->m;
  str_puts(out, "  unsigned char *const m = (unsigned char *)mem;\n");
  if (arena) str_printf(out, "  unsigned char *const a = m + %lld;\n", (long long)arena_base(m));
  str_printf(out, "  %s *const run = (%s *)mem;\n", c->p->run, c->p->run);
  str_puts(out, "  const uint32_t iteration = 0;\n");
  if (graph_counts_calls(c->g)) str_puts(out, "  const uint32_t pass = run->calls;\n");
  else if (c->g->kind != GK_TRAIN_PASS) str_puts(out, "  const uint32_t pass = 0;\n");
  str_printf(out, "  (void)m, %s(void)run, (void)pass, (void)iteration", arena ? "(void)a, " : "");
  for (int i = 0; i < c->g->nport; i++) str_printf(out, ", (void)%s", c->in[i]);
  str_puts(out, ";\n");
}

static void print_init_head(GraphText *c) {
  Module *m = c->p->m;
  int64_t steps = m->ntrain ? m->train[0].steps : 0;
  graph_stmt(c, "run->seed = seed;");
  graph_stmt(c, "run->step = 0;");
  if (!interface_counts(m)) return;
  graph_stmt(c, "run->steps = %lld;", (long long)(steps > 0 ? steps : 0));
  graph_stmt(c, "run->steps_per_epoch = 0;");
  graph_stmt(c, "run->loss = 0;");
  if (head_calls(m) >= 0) graph_stmt(c, "run->calls = 0;");
  for (int i = 0; i < head_sections(m); i++) graph_stmt(c, "run->done[%d] = 0;", i);
}

/* The train section of the graph; -1: none, or the file has no other. */
static int section_of(const Module *m, const Graph *g) {
  for (int i = 0; i < m->ntrain && m->ntrain > 1; i++)
    if (m->train[i].step == g || m->train[i].pass == g || m->train[i].update == g) return i;
  return -1;
}

/* The planned steps of a section: its own, or the share of it in those of the others; 0: the file counts epochs. */
static int64_t section_steps(const Module *m, int section) {
  int64_t rounds = 0;
  bool epochs = false;
  for (int i = 0; i < m->ntrain; i++) {
    int64_t last = m->train[i].steps * m->train[i].every;
    if (last > rounds) rounds = last;
    epochs |= m->train[i].epochs > 0;
  }
  const TrainInfo *t = &m->train[section];
  return t->steps ? t->steps : epochs || t->epochs ? 0 : rounds / t->every;
}

/* Each section counts its own steps. */
static void print_section_counter(GraphText *c, int section) {
  int64_t steps = section_steps(c->p->m, section);
  graph_stmt(c, "run->step = run->done[%d];", section);
  if (steps > 0) graph_stmt(c, "run->steps = %lld;", (long long)steps);
}

static void print_graph(Emitter *p, Graph *g, const char *name, Str *functions, Str *header) {
  Str body = {.c = p->c};
  GraphText c = {.p = p, .g = g, .o = &body, .indent = 1};
  int section = section_of(p->m, g);
  name_params(&c);
  if (section >= 0) print_section_counter(&c, section);
  if (g->kind == GK_INIT) print_init_head(&c);
  else checks_print(&c);
  graph_body(&c);
  if (g->kind == GK_INIT) weights_init(&c, &c_weights, &p->tables);
  bool steps = g->kind == GK_TRAIN_STEP || g->kind == GK_TRAIN_UPDATE;
  if (steps && section >= 0) graph_stmt(&c, "run->step = ++run->done[%d];", section);
  else if (steps) graph_stmt(&c, "run->step++;");
  if (graph_counts_calls(g)) graph_stmt(&c, "run->calls++;");
  if (g->kind != GK_INIT) graph_stmt(&c, "return 0;");
  const char *sig = signature(&c, name);
  str_printf(functions, "/* %s */\n%s {\n", graph_comment(p, g), sig);
  put_locals(&c, functions, true);
  str_put(functions, body.s, body.n);
  str_puts(functions, "}\n\n");
  str_printf(header, "\n/* %s */\n%s;\n", graph_comment(p, g), sig);
}

/* ---- files ---- */

/* A macro, so that what does not use the names does not store them. */
static void print_classes(const Emitter *p, Str *h) {
  for (int i = 0; i < p->o->nclasses; i++) {
    const ClassNames *k = &p->o->classes[i];
    str_printf(h, "\n/* Names of the classes of `%s`, by number: const char *const names[] = %s_CLASSES_%s; */\n",
               k->field, p->m->name, k->field);
    str_printf(h, "#define %s_CLASSES_%s {", p->m->name, k->field);
    for (int c = 0; c < k->n; c++) {
      str_puts(h, c ? ", " : "");
      text_string(h, k->name[c]);
    }
    str_puts(h, "}\n");
  }
}

static const char TRAINING_STATUSES[] =
  ";\n * -1: the loss is not finite (nothing was updated); -2: run->steps or run->steps_per_epoch is\n"
  " * needed, but 0.";

static void header_begin(Emitter *p, Str *h, const char *guard) {
  Module *m = p->m;
  str_printf(h,
             "/* %s: generated by gradc %s.\n"
             " * mem: %lld bytes, aligned to %d: run header %lld, weights and states %lld, arena %lld.\n"
             " * Inputs and results are dense and row-major; tensors in mem are too, unless the comment at their\n"
             " * offset says how they are stored: [2,3,0,1] lists their axes, the last one contiguous.\n"
             " * Functions return 0; k: input k is out of range, counting sizes n_... after the tensors%s */\n",
             m->name, p->o->version ? p->o->version : "", (long long)m->total_bytes, (int)plan_align(m),
             (long long)m->head_bytes, (long long)m->persistent_bytes, (long long)m->arena_bytes,
             interface_counts(m) ? TRAINING_STATUSES : ".");
  str_printf(h,
             "#ifndef %s\n#define %s\n#include <stddef.h>\n#include <stdint.h>\n\n#ifdef __cplusplus\n"
             "extern \"C\" {\n#endif\n\n",
             guard, guard);
  interface_run(p, h);
  str_printf(h, "\n#define %s_BYTES %lld\nextern const size_t %s_bytes;\n", m->name, (long long)m->total_bytes,
             m->name);
  print_classes(p, h);
}

/* Clears the accumulated gradients, so that nothing of a failed step remains. */
static const char *clear_gradients(Emitter *p, const Graph *pass) {
  int64_t from, to;
  interface_sums(p, pass, &from, &to);
  return ctx_strf(p->c, "for (size_t i = %lld; i < %lld; i++) ((unsigned char *)mem)[i] = 0;", (long long)from,
                  (long long)to);
}

/* With gradient accumulation, a step is a pass over each of `accumulate` microbatches, then an update. */
static void print_accumulated(Emitter *p, const TrainInfo *t, Str *out, Str *h) {
  const Graph *g = t->pass;
  GraphText c = {.p = p, .g = g};
  name_params(&c);
  Str sig = {.c = p->c}, call = {.c = p->c}, add = {.c = p->c}, mean = {.c = p->c};
  str_printf(&sig, "int %s_train_step%s(void *mem", p->m->name, text_ident(p, g->name + strlen("train_pass")));
  for (int i = 0; i < g->nport; i++) {
    const char *n = text_dim(p, type_count(p->m, node_get(g, g->port[i])->type));
    str_printf(&sig, ", const %s *%s", ctype_of(g, g->port[i]), c.in[i]);
    str_printf(&call, ", %s + k * (%s)", c.in[i], n);
  }
  str_puts(&sig, ")");
  str_printf(h, "\n/* %lld passes over %lld records each, then the update */\n%s;\n", (long long)t->accumulate,
             (long long)t->batch, sig.s);
  for (int i = 0; i <= t->nmetric; i++) {
    const char *name = i ? metric_identifier(p, t->metric[i - 1]) : "loss";
    str_printf(&add, "    sum[%d] = k ? sum[%d] + run->%s : run->%s;\n", i, i, name, name);
    str_printf(&mean, "    run->%s = sum[%d] / %lld.0f;\n", name, i, (long long)t->accumulate);
  }
  str_printf(out,
             "%s {\n  %s *const run = (%s *)mem;\n  float sum[%d]; /* of loss and metrics, over the passes */\n"
             "  int s = 0;\n  for (int k = 0; k < %lld && !s; k++) {\n    s = %s_%s(mem, (uint32_t)k%s);\n%s  }\n"
             "  if (!s) {\n%s    s = %s_%s(mem);\n  }\n  if (s)\n    %s\n  return s;\n}\n\n",
             sig.s, p->run, p->run, 1 + t->nmetric, (long long)t->accumulate, p->m->name, text_ident(p, g->name),
             call.s ? call.s : "", add.s, mean.s, p->m->name, text_ident(p, t->update->name), clear_gradients(p, g));
}

void emit_portable(Module *m, const EmitOptions *o, Artifacts *a) {
  Str *c_file = &a->code, *h_file = &a->header;
  m->name = model_identifier(m->c, m->name);
  ScheduleOptions schedule = {.target = &target_portable};
  Emitter *p = emitter_new(m, o, schedule, ctx_strf(m->c, "struct %s_run", m->name));
  p->var_name = var_identifiers(p);
  Str functions = {.c = m->c};
  const char *guard = ctx_strf(m->c, "GRADC_%s_H", m->name); /* cannot clash with names of the model */
  header_begin(p, h_file, guard);
  bool init = false;
  for (int i = 0; i < m->ngraph; i++) {
    Graph *g = m->graph[i];
    if (!interface_has(m, g)) continue;
    init |= g->kind == GK_INIT;
    print_graph(p, g, text_ident(p, g->name), &functions, h_file);
  }
  Graph none = {.m = m, .name = "init", .kind = GK_INIT, .n = 1};
  if (!init) print_graph(p, &none, "init", &functions, h_file);
  for (int t = 0; t < m->ntrain; t++)
    if (m->train[t].pass && m->train[t].update && !m->opt.infer_only)
      print_accumulated(p, &m->train[t], &functions, h_file);
  weights_functions(p, &c_weights, &functions, h_file);
  weight_access_print(p, &functions, h_file);
  str_puts(h_file, "\n#ifdef __cplusplus\n}\n#endif\n#endif\n");

  size_t n;
  const char *ieee = o->builtin("prim/prim_ieee.h", &n);
  str_printf(c_file,
             "/* %s: generated by gradc %s. ISO C99 and C++11; needs no library.\n"
             " * %lld bytes of memory, %lld of them the arena. */\n%s",
             m->name, o->version ? o->version : "", (long long)m->total_bytes, (long long)m->arena_bytes, NEEDS_C99);
  text_put_live(c_file, ieee, n);
  str_printf(c_file, "#include \"%s\"\n%s", o->header ? o->header : ctx_strf(m->c, "%s.h", m->name), PRELUDE);
  prim_print(p, c_file);
  str_puts(c_file, "\n");
  helpers_print(p, c_file);
  const Str *text[] = {&p->tables, &p->kernels, &p->bodies, &functions};
  str_printf(c_file, "const size_t %s_bytes = %s_BYTES;\n\n", m->name, m->name);
  if (m->opt.ram)
    str_printf(c_file,
               "/* Does not compile if the budget of %lld bytes is exceeded. */\n"
               "typedef char %s_keeps_its_budget[%s_BYTES <= %lld ? 1 : -1];\n\n",
               (long long)m->opt.ram, m->name, m->name, (long long)m->opt.ram);
  for (size_t i = 0; i < sizeof text / sizeof *text; i++)
    if (text[i]->n) str_put(c_file, text[i]->s, text[i]->n), str_puts(c_file, "\n");
  str_puts(c_file, "#endif\n");
  weights_file(p, &a->weights);
}
