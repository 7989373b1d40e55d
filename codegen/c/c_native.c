/* The native dialect's file: kernels, one GcFn per graph, and the descriptor gc_model (c_model.c). */
#include "codegen/c/graph.h"
#include "codegen/c/model.h"
#include "passes/persist.h"
#include <string.h>

/* Kernels stay functions of their own, and the graphs, which only call them, are not worth optimising: else compile
 * time grows with the square of a graph. The same goes for kernels that only call gc_contract. With GC_PART defined the
 * file is one of NATIVE_PARTS translation units that are compiled side by side: some of the kernels, the rest of them
 * with the graphs and the descriptor. */
#define HIDDEN "#define GC_LINK __attribute__((visibility(\"hidden\")))\n"
static const char PRELUDE[] = "#ifdef GC_PART\n#define GC_IN(n) (GC_PART == n)\n" HIDDEN
                              "#else\n#define GC_IN(n) 1\n#define GC_LINK static\n#endif\n"
                              "#define GC_KERNEL GC_LINK __attribute__((noinline))\n"
                              "#ifdef __clang__\n#pragma clang diagnostic ignored \"-Wunused-function\"\n"
                              "#define GC_CALLS __attribute__((noinline, optnone))\n"
                              "#else\n#define GC_CALLS __attribute__((optimize(\"O1\")))\n#endif\n\n";

/* Pointers of ports and results, run-time sizes, the head. */
static void put_locals(CGraph *c, Str *out) {
  Module *m = c->p->m;
  const Graph *g = c->g;
  str_printf(out, "  unsigned char *const m = call->mem;\n  unsigned char *const a = m + %lld;\n",
             (long long)(m->total_bytes - m->arena_bytes));
  str_puts(out, "  GcRun *const run = call->mem;\n  const int part = call->part, parts = call->parts;\n");
  long long calls = head_calls(m);
  if (calls >= 0) str_printf(out, "  uint32_t *const calls = (uint32_t *)(void *)(m + %lld);\n  (void)calls;\n", calls);
  str_printf(out, "  const uint32_t turn = 0, pass = %s;\n", c_counts_calls(g) ? "*calls" : "call->pass");
  for (int i = 0; i < g->nport; i++)
    str_printf(out, "  const %s *const %s = call->in[%d];\n", dtype_info[node_type(g, g->port[i])->dtype].c, c->in[i],
               i);
  for (int i = 0, k = 0; i < g->nout && !graph_trains(g); i++)
    if (g->out[i].var < 0) {
      str_printf(out, "  %s *const %s = call->out[%d];\n", dtype_info[node_type(g, g->out[i].value)->dtype].c,
                 c->out[k], k);
      k++;
    }
  uint32_t sizes = graph_sizes(g);
  for (int i = 0, k = 0; i < m->nsize; i++)
    if (sizes >> i & 1)
      str_printf(out, "  const ptrdiff_t n_%s = call->size[%d];\n  (void)n_%s;\n", m->size[i].name, k++,
                 m->size[i].name);
  str_puts(out, "  (void)m, (void)a, (void)run, (void)turn, (void)pass, (void)part, (void)parts;\n");
}

static void print_graph(CPrint *p, Graph *g, Str *functions) {
  Str body = {.c = p->c};
  CGraph c = {.p = p, .g = g, .gs = groups_make(g), .o = &body, .indent = 1};
  c_name_params(&c);
  if (g->kind != GK_INIT) c_print_checks(&c);
  c_graph_body(&c);
  if (c_counts_calls(g)) c_barrier(&c); /* every part has read it */
  if (c_counts_calls(g)) c_stmt(&c, "if (part == 0) ++*calls;");
  if (g->kind == GK_INIT && head_calls(p->m) >= 0) c_stmt(&c, "if (part == 0) *calls = 0;");
  c_stmt(&c, "return 0;");
  p->parallel[g->index] = c.parallel;
  str_printf(functions, "static GC_CALLS int graph_%d(const GcCall *call) { /* %s */\n", g->index, g->name);
  put_locals(&c, functions);
  str_put(functions, body.s, body.n);
  str_puts(functions, "}\n\n");
}

static void put_text(Str *out, const Str *s, size_t from, size_t to) {
  if (to > from) str_put(out, s->s + from, to - from);
}

/* Where the second unit begins among the kernels, so that both take about as long. `rest` is the text that it has
 * beside them: calls and tables, which compilers go through about REST times as fast. */
static size_t second_unit(const CPrint *p, size_t rest) {
  enum { REST = 8 };
  for (int i = 0; i < p->nkernel_at; i++)
    if (p->kernel_at[i] >= (p->kernels.n + rest / REST) / 2) return p->kernel_at[i];
  return p->kernels.n;
}

void emit_sums(Ctx *c, const EmitOptions *o, DType t, bool half, Str *file) {
  CPrint p = {.c = c, .o = o, .native = true};
  native_use(&p, t, half);
  str_puts(file, "/* Contractions: made by gradc, native dialect. */\n" HIDDEN);
  if (half) {
    str_puts(file, "#include <stddef.h>\n#include <stdint.h>\n");
    c_vector_types(&p, file);
    c_prim_print(&p, file);
  }
  native_print(&p, file);
  native_print_body(&p, file);
}

/* The instructions that the model asks for, those of an object of contractions (of its machine's row) among them. */
static void put_needs(const CPrint *p, Str *out) {
  size_t n;
  const char *s = p->gemm && p->o->sums && p->o->machine ? p->o->machine->least : "";
  str_puts(out, "#define GC_NEEDS \"");
  for (; *s; s += n + strspn(s + n, " ")) {
    n = strcspn(s, " ");
    if (!strncmp(s, "-m", 2) && !memchr(s, '=', n)) str_printf(out, " %.*s", (int)n - 2, s + 2);
  }
  str_puts(out, "\"\n");
  str_puts(out, p->o->carried("runtime/needs.h", &n));
}

bool emit_native(Module *m, const EmitOptions *o, Str *c_file) {
  CPrint *p = ctx_alloc(m->c, sizeof *p);
  *p = (CPrint){.m = m, .c = m->c, .o = o, .native = true, .run = "GcRun"};
  p->kernels.c = p->protos.c = p->tables.c = p->helpers.c = p->bodies.c = p->nodes.c = m->c;
  p->parallel = ctx_alloc(m->c, (size_t)m->ngraph + 1);
  Str functions = {.c = m->c}, model = {.c = m->c};
  int errors = diag_errors(m->c);
  plan_check_persistent(m);
  for (int i = 0; i < m->ngraph; i++)
    if (m->graph[i]->kind != GK_TEST && m->graph[i]->kind != GK_BODY) print_graph(p, m->graph[i], &functions);
  c_model(p, &model);
  size_t n;
  str_printf(c_file, "/* %s: made by gradc %s, native dialect. */\n", m->name, o->version ? o->version : "");
  str_puts(c_file, "#define PRIM_BY_FLAGS\n");
  str_puts(c_file, o->carried("ir/prim_ieee.h", &n));
  str_puts(c_file, o->carried("runtime/model.h", &n));
  str_puts(c_file, PRELUDE);
  c_vector_types(p, c_file);
  c_prim_print(p, c_file);
  native_print(p, c_file);
  c_helpers(p, c_file);
  const Str *rest[] = {&p->bodies, &functions, &model};
  size_t half = second_unit(p, p->bodies.n + functions.n + model.n);
  put_text(c_file, &p->tables, 0, p->tables.n);
  if (!o->sums) native_print_body(p, c_file);
  else if (p->gemm) emit_sums(p->c, o, p->gemm_type, p->gemm_half, o->sums);
  put_text(c_file, &p->protos, 0, p->protos.n);
  str_puts(c_file, "\n#if GC_IN(0)\n");
  put_text(c_file, &p->kernels, 0, half);
  str_puts(c_file, "#endif\n#if GC_IN(1)\n");
  put_text(c_file, &p->kernels, half, p->kernels.n);
  put_needs(p, c_file);
  for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) put_text(c_file, rest[i], 0, rest[i]->n);
  str_puts(c_file, "#endif\n");
  return diag_errors(m->c) == errors;
}
