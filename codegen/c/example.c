/* SPDX-License-Identifier: Apache-2.0 */
/* The example of a project: calls of the portable C with made-up values. */
#include "codegen/text/graph.h"
#include <string.h>

static const char BEGIN[] = "/* What %s computes from made-up values. */\n"
                            "#include \"%s\"\n"
                            "#include \"example.h\"\n\n"
                            "static unsigned char mem[%s_BYTES] __attribute__((aligned(64)));\n"
                            "static uint64_t ticks; /* of calls, by board_ticks */\n\n";

static const char STEPS[] = "#ifndef STEPS\n"
                            "#define STEPS 10 /* of training, all with the same values */\n"
                            "#endif\n\n";

static const char FAILED[] = "static int failed(const char *function, int status) {\n"
                             "  board_write(function);\n"
                             "  board_write(\" returned \");\n"
                             "  show_signed(status);\n"
                             "  board_write(\"\\n\");\n"
                             "  return 1;\n"
                             "}\n\n";

/* A static function that makes the inputs of a graph, `times` as many values each, and calls the function NAME of the
 * model. */
typedef struct Call {
  GraphText text;
  Emitter *p;
  const char *name;
  int64_t times;
} Call;

static Call call_of(Emitter *p, const Graph *g, const char *name, int64_t times) {
  Call c = {.text = {.p = p, .g = g}, .p = p, .name = name, .times = times};
  name_params(&c.text);
  return c;
}

static const char *array(const Call *c, Id n, const char *name, int64_t count) {
  return ctx_strf(c->p->c, "  static %s %s[%lld];\n", ctype_of(c->text.g, n), name, (long long)(count > 0 ? count : 1));
}

static void print_arrays(const Call *c, bool results, Str *o) {
  const Graph *g = c->text.g;
  for (int i = 0; i < g->nport; i++)
    str_puts(o, array(c, g->port[i], c->text.in[i], c->times * node_count(g, g->port[i])));
  for (int i = 0, k = 0; i < g->nout && results; i++)
    if (g->out[i].var < 0) str_puts(o, array(c, g->out[i].value, c->text.out[k++], node_count(g, g->out[i].value)));
}

/* Integers without a range of their own are below 4. */
static void print_inputs(const Call *c, Str *o) {
  const Graph *g = c->text.g;
  for (int i = 0; i < g->nport; i++) {
    DType t = node_type(g, g->port[i])->dtype;
    int64_t range = input_range(g, i), top = t == DT_BOOL ? 2 : t == DT_I8 ? 128 : UINT32_MAX;
    str_printf(o, "  made_%s(%s, %lld, %d", dtype_info[t].name, c->text.in[i],
               (long long)(c->times * node_count(g, g->port[i])), i + 1);
    if (range <= 0) range = 4;
    if (!dtype_is_float((int)t)) str_printf(o, ", %lld", (long long)(range < top ? range : top));
    str_puts(o, ");\n");
  }
}

static void print_call(const Call *c, bool results, Str *o) {
  const Graph *g = c->text.g;
  const Module *m = g->m;
  uint32_t sizes = graph_sizes(g);
  str_printf(o, "  uint64_t from = board_ticks();\n  int status = %s_%s(mem", m->name, c->name);
  for (int i = 0; i < g->nport; i++) str_printf(o, ", %s", c->text.in[i]);
  for (int i = 0; i < m->nsize; i++)
    if (sizes >> i & 1) str_printf(o, ", %lld /* n_%s */", (long long)m->size[i].bound, m->size[i].name);
  for (int i = 0, k = 0; i < g->nout && results; i++)
    if (g->out[i].var < 0) str_printf(o, ", %s", c->text.out[k++]);
  str_puts(o, ");\n  ticks += board_ticks() - from;\n");
}

static void print_results(const Call *c, Str *o) {
  const Graph *g = c->text.g;
  int n = 0;
  for (int i = 0; i < g->nout; i++) n += g->out[i].var < 0;
  for (int i = 0, k = 0; i < g->nout; i++) {
    const Out *out = &g->out[i];
    if (out->var >= 0) continue;
    const char *what = n > 1 ? ctx_strf(c->p->c, "%s.%s", c->name, text_ident(c->p, out->name)) : c->name;
    str_printf(o, "  show_%s(\"%s\", %s, %lld);\n", dtype_info[node_type(g, out->value)->dtype].name, what,
               c->text.out[k++], (long long)node_count(g, out->value));
  }
}

/* ---- training ---- */

static const char *step_name(Emitter *p, const TrainInfo *t) {
  if (t->step) return text_ident(p, t->step->name);
  return ctx_strf(p->c, "train_step%s", text_ident(p, t->pass->name + strlen("train_pass")));
}

static void print_section(Emitter *p, const TrainInfo *t, Str *o) {
  Call c = call_of(p, t->step ? t->step : t->pass, step_name(p, t), t->step ? 1 : t->accumulate);
  str_printf(o, "static int %s(void) {\n", c.name);
  print_arrays(&c, false, o);
  print_inputs(&c, o);
  print_call(&c, false, o);
  str_puts(o, "  return status;\n}\n\n");
}

static void print_steps(Emitter *p, Str *o) {
  const Module *m = p->m;
  str_printf(o, "  if (!run->steps) run->steps = STEPS;\n"
                "  if (!run->steps_per_epoch) run->steps_per_epoch = STEPS;\n"
                "  for (uint32_t step = 1; step <= STEPS; step++) {\n");
  for (int i = 0; i < m->ntrain; i++) {
    const TrainInfo *t = &m->train[i];
    const char *name = step_name(p, t), *section = m->ntrain > 1 ? ctx_strf(p->c, "%s ", t->name) : "";
    bool rare = m->ntrain > 1 && t->every > 1;
    const char *in = rare ? "      " : "    ";
    if (rare) str_printf(o, "    if (step %% %lld == 0) {\n", (long long)t->every);
    str_printf(o, "%sstatus = %s();\n%sif (status) return failed(\"%s_%s\", status);\n", in, name, in, m->name, name);
    str_printf(o, "%sshow_step(\"%s\", step, run->loss);\n%s", in, section, rare ? "    }\n" : "");
  }
  str_puts(o, "    ticks = show_ticks(ticks);\n  }\n");
}

/* ---- exports ---- */

static bool is_called(const Module *m, const Graph *g) { return g->kind == GK_EXPORT && interface_has(m, g); }

static void print_export(Emitter *p, const Graph *g, Str *o) {
  Call c = call_of(p, g, text_ident(p, g->name), 1);
  str_printf(o, "static int call_%s(void) {\n", c.name);
  print_arrays(&c, true, o);
  print_inputs(&c, o);
  print_call(&c, true, o);
  str_printf(o, "  if (status) return failed(\"%s_%s\", status);\n", p->m->name, c.name);
  print_results(&c, o);
  str_puts(o, "  ticks = show_ticks(ticks);\n  return 0;\n}\n\n");
}

void emit_example(Module *m, const char *header, Str *out) {
  Emitter *p = ctx_alloc(m->c, sizeof *p);
  *p = (Emitter){.m = m, .c = m->c};
  bool trains = m->ntrain && !m->opt.infer_only;
  str_printf(out, BEGIN, m->name, header, m->name);
  if (trains) str_puts(out, STEPS);
  str_puts(out, FAILED);
  for (int i = 0; i < m->ntrain && trains; i++) print_section(p, &m->train[i], out);
  for (int i = 0; i < m->ngraph && !trains; i++)
    if (is_called(m, m->graph[i])) print_export(p, m->graph[i], out);
  str_puts(out, "/* Returns 0, or 1 if a function of the model reports an error. */\nstatic int example(void) {\n");
  if (trains) str_printf(out, "  struct %s_run *run = (struct %s_run *)mem;\n", m->name, m->name);
  str_printf(out, "  int status = 0;\n  %s_init(mem, 1);\n", m->name);
  if (trains) print_steps(p, out);
  for (int i = 0; i < m->ngraph && !trains; i++)
    if (is_called(m, m->graph[i]))
      str_printf(out, "  if (!status) status = call_%s();\n", text_ident(p, m->graph[i]->name));
  str_puts(out, "  return status;\n}\n");
}
