/* The portable dialect's files: NAME.c and NAME.h. */
#include "codegen/c/graph.h"
#include "codegen/c/model.h"
#include "codegen/c/places.h"
#include "codegen/c/weights.h"
#include "passes/persist.h"
#include <string.h>

/* Around the text of ir/prim_ieee.h. In C++ memset and its like are C, so that compilers find them. */
static const char NEEDS_C99[] =
  "#if defined __cplusplus ? __cplusplus < 201103L : !defined __STDC_VERSION__ || __STDC_VERSION__ < 199901L\n"
  "#error \"this file needs C99 or C++11: compile it with -std=c99\"\n"
  "#else /* to the end */\n";
static const char PRELUDE[] =
  "#include <stddef.h>\n#include <stdint.h>\n\n"
  "#ifdef __clang__\n#pragma clang diagnostic ignored \"-Wunused-function\"\n#endif\n\n"
  "/* Compilers make calls of these out of loops. Volatile: else out of these loops, too. */\n"
  "#ifdef __GNUC__\n#pragma GCC diagnostic push\n#pragma GCC diagnostic ignored \"-Wshadow\" /* of builtins */\n#endif\n"
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

static const struct { int bit; const char *text; } HELPER[] = {
  {CH_CLAMP, "static inline ptrdiff_t gc_clamp(ptrdiff_t i, ptrdiff_t n) {\n"
             "  return i < 0 ? 0 : i < n ? i : n - 1;\n}\n\n"},
  {CH_FINITE, "static inline int gc_finite(float x) {\n  union { float f; uint32_t i; } u;\n  u.f = x;\n"
              "  return (u.i & 0x7f800000u) != 0x7f800000u;\n}\n\n"},
  {CH_ROWS, "/* Copies rows of `bytes`, `dstep` and `sstep` bytes apart. */\n"
            "static inline void gc_rows(unsigned char *d, ptrdiff_t dstep, const unsigned char *s, ptrdiff_t sstep,\n"
            "                           ptrdiff_t rows, ptrdiff_t bytes) {\n"
            "  for (ptrdiff_t r = 0; r < rows; r++)\n"
            "    for (ptrdiff_t i = 0; i < bytes; i++) d[r * dstep + i] = s[r * sstep + i];\n}\n\n"},
  {CH_SLICES, "/* The same, shared out among threads. */\n"
              "static void gc_slices(unsigned char *d, ptrdiff_t dstep, const unsigned char *s, ptrdiff_t sstep,\n"
              "                      ptrdiff_t rows, ptrdiff_t bytes, int part, int parts) {\n"
              "  for (ptrdiff_t r = rows * part / parts; r < rows * (part + 1) / parts; r++)\n"
              "    __builtin_memcpy(d + r * dstep, s + r * sstep, (size_t)bytes);\n}\n\n"},
  {CH_PANEL, "/* Where element `at` of a matrix in panels lies; at counts row by row. */\n"
             "static inline ptrdiff_t gc_panel_at(ptrdiff_t at, ptrdiff_t cols, ptrdiff_t rows) {\n"
             "  const ptrdiff_t c = at % cols, q = c / 64 * 64, wide = cols - q < 64 ? cols - q : 64;\n"
             "  return q * rows + at / cols * wide + c - q;\n}\n\n"},
  {CH_SHARE, "/* The first of n rows that part p of `parts` takes, in runs of `grain`. */\n"
             "static inline ptrdiff_t gc_share(ptrdiff_t n, ptrdiff_t grain, int p, int parts) {\n"
             "  const ptrdiff_t at = (n + grain - 1) / grain * p / parts * grain;\n  return at < n ? at : n;\n}\n\n"},
  {CH_BARRIER, "static __attribute__((noinline)) void gc_barrier(const GcCall *call) {\n"
               "  if (call->parts > 1) call->barrier(call->pool, call->part);\n}\n\n"},
  {CH_RANDOM, "static __attribute__((noinline)) gc_vf gc_random(gc_vu index, uint64_t key, const GcRun *run, "
              "uint32_t pass,\n                                                 uint32_t turn) {\n"
              "  return v_random(index, 0, (uint32_t)key, (uint32_t)(key >> 32), run->step, pass, turn);\n}\n\n"},
  {CH_CHECK, "/* Check mode: remembers the first node with a result that is not finite. */\n"
             "static __attribute__((noinline)) void gc_check(const GcCall *call, const float *y, ptrdiff_t "
             "n, int32_t node) {\n"
             "  if (!call->bad) return;\n  gc_barrier(call);\n"
             "  for (ptrdiff_t i = 0; i < n && call->part == 0 && !*call->bad; i++)\n"
             "    if (!(y[i] - y[i] == 0.0f)) *call->bad = node;\n"
             "  gc_barrier(call);\n}\n\n"},
  {CH_CHECK_HALF, "/* The same of 16-bit floats; inf: the bits of infinity. */\n"
                  "static __attribute__((noinline)) void gc_check_half(const GcCall *call, const uint16_t *y, "
                  "ptrdiff_t n,\n                                                    int32_t node, int inf) {\n"
                  "  if (!call->bad) return;\n  gc_barrier(call);\n"
                  "  for (ptrdiff_t i = 0; i < n && call->part == 0 && !*call->bad; i++)\n"
                  "    if ((y[i] & inf) == inf) *call->bad = node;\n"
                  "  gc_barrier(call);\n}\n\n"},
};

void c_helpers(CPrint *p, Str *out) {
  for (size_t i = 0; i < sizeof HELPER / sizeof *HELPER; i++)
    if (p->helper & (uint32_t)HELPER[i].bit) str_puts(out, HELPER[i].text);
  if (p->helpers.n) str_put(out, p->helpers.s, p->helpers.n);
}

/* ---- parameters ---- */

static const char *ctype_of(const Graph *g, Id n) {
  return dtype_info[node_type(g, n)->dtype].c;
}

static const char *signature(CGraph *c, const char *name) {
  CPrint *p = c->p;
  const Graph *g = c->g;
  Str s = {.c = p->c};
  if (g->kind == GK_INIT) return ctx_strf(p->c, "void %s_init(void *mem, uint64_t seed)", p->m->name);
  str_printf(&s, "int %s_%s(void *mem", p->m->name, name);
  if (g->kind == GK_TRAIN_PASS) str_puts(&s, ", uint32_t pass");
  for (int i = 0; i < g->nport; i++) str_printf(&s, ", const %s *%s", ctype_of(g, g->port[i]), c->in[i]);
  uint32_t sizes = graph_sizes(g);
  for (int i = 0; i < p->m->nsize; i++)
    if (sizes >> i & 1) str_printf(&s, ", ptrdiff_t n_%s", p->m->size[i].name);
  for (int i = 0, k = 0; i < g->nout && !graph_trains(g); i++)
    if (g->out[i].var < 0) str_printf(&s, ", %s *%s", ctype_of(g, g->out[i].value), c->out[k++]);
  str_puts(&s, ")");
  return s.s;
}

/* ---- checks at the start of a call ---- */

/* Integer inputs that index a tensor must lie within it; a bound field's range comes with the data section. */
int64_t c_port_range(const Graph *g, int port) {
  Id n = g->port[port];
  const Type *t = node_type(g, n);
  int64_t range = 0;
  if (dtype_is_float(t->dtype) || t->dtype == DT_BOOL) return 0;
  bool training = g->kind != GK_EXPORT && g->kind != GK_BIND && g->kind != GK_TEST;
  for (int d = 0; d < g->m->ndata && training; d++)
    for (int f = 0; f < g->m->data[d].nfield; f++)
      if (!strcmp(g->m->data[d].field[f].name, node_attr(g, n, 0)->s)) range = g->m->data[d].field[f].range;
  for (Id k = 1; k < (Id)g->n; k++) {
    Dim length;
    Id indices = node_indices(g, k, &length);
    if (!indices || node_origin(g, indices) != n) continue;
    int64_t most = dim_bound(g->m, length);
    if (!range || most < range) range = most;
  }
  return range;
}

static bool uses_run(const Graph *g, const char *name) {
  for (Id n = 1; n < (Id)g->n; n++)
    if (node_is_run(g, n) && !strcmp(node_attr(g, n, 0)->s, name)) return true;
  return false;
}

static bool reads_mapped(const CPrint *p, const Graph *g) {
  for (Id n = 1; n < (Id)g->n && p->o->weights_as == WEIGHTS_EXTERN; n++)
    if (node_var(g, n) >= 0 && p->m->var[node_var(g, n)].rom) return true;
  return false;
}

/* Sizes outside of 0 .. bound, and those that the graph cannot have: a status for each size, behind those of inputs. */
static void print_size_checks(CGraph *c) {
  CPrint *p = c->p;
  uint32_t sizes = graph_sizes(c->g);
  for (int i = 0, k = 0; i < p->m->nsize; i++)
    if (sizes >> i & 1)
      c_stmt(c, "if (n_%s < 0 || n_%s > %lld) return %d;", p->m->size[i].name, p->m->size[i].name,
             (long long)p->m->size[i].bound, c->g->nport + ++k);
  Needs needs = graph_needs((Graph *)c->g);
  for (int i = 0; i < needs.n; i++) {
    uint32_t last = 31 - (uint32_t)__builtin_clz(dim_sizes(p->m, needs.v[i].dim));
    c_stmt(c, "if (%s < 0) return %d;", c_dim(p, needs.v[i].dim),
           c->g->nport + 1 + __builtin_popcount(sizes & ((1u << last) - 1)));
  }
}

void c_print_checks(CGraph *c) {
  CPrint *p = c->p;
  const Graph *g = c->g;
  print_size_checks(c);
  for (int i = 0; i < g->nport; i++) {
    int64_t range = c_port_range(g, i);
    const Type *t = node_type(g, g->port[i]);
    int64_t top = dtype_info[t->dtype].bytes < 4 ? (int64_t)1 << (8 * dtype_info[t->dtype].bytes) : INT64_MAX;
    if (!range || range >= top) continue;
    const char *low = dtype_info[t->dtype].kind == 'i' ? ctx_strf(p->c, "%s[i] < 0 || ", c->in[i]) : "";
    c_stmt(c, "for (ptrdiff_t i = 0; i < %s; i++)", c_dim(p, type_count(p->m, node_get(g, g->port[i])->type)));
    c_stmt(c, "  if (%s%s[i] >= %lld) return %d;", low, c->in[i], (long long)range, i + 1);
  }
  if (reads_mapped(p, g)) c->uses_run = true, c_stmt(c, "if (!run->weights) return -3;");
  if (uses_run(g, "steps")) c->uses_run = true, c_stmt(c, "if (!run->steps) return -2;");
  if (uses_run(g, "epoch")) c->uses_run = true, c_stmt(c, "if (!run->steps_per_epoch) return -2;");
}

/* ---- graphs as functions ---- */

static int64_t arena_base(const Module *m) {
  return m->total_bytes - m->arena_bytes;
}

bool c_counts_calls(const Graph *g) { return g->kind == GK_EXPORT && g->draws; }

static void put_locals(CGraph *c, Str *out, bool arena) {
  Module *m = c->p->m;
  str_puts(out, "  unsigned char *const m = (unsigned char *)mem;\n");
  if (arena) str_printf(out, "  unsigned char *const a = m + %lld;\n", (long long)arena_base(m));
  str_printf(out, "  %s *const run = (%s *)mem;\n", c->p->run, c->p->run);
  str_puts(out, "  const uint32_t turn = 0;\n");
  if (c_counts_calls(c->g)) str_puts(out, "  const uint32_t pass = run->calls;\n");
  else if (c->g->kind != GK_TRAIN_PASS) str_puts(out, "  const uint32_t pass = 0;\n");
  str_printf(out, "  (void)m, %s(void)run, (void)pass, (void)turn", arena ? "(void)a, " : "");
  for (int i = 0; i < c->g->nport; i++) str_printf(out, ", (void)%s", c->in[i]);
  str_puts(out, ";\n");
}

static void print_init_head(CGraph *c) {
  Module *m = c->p->m;
  int64_t steps = m->ntrain ? m->train[0].steps : 0;
  c_stmt(c, "run->seed = seed;");
  c_stmt(c, "run->step = 0;");
  c_stmt(c, "run->steps = %lld;", (long long)(steps > 0 ? steps : 0));
  c_stmt(c, "run->steps_per_epoch = 0;");
  c_stmt(c, "run->loss = 0;");
  if (head_calls(m) >= 0) c_stmt(c, "run->calls = 0;");
}

static const char *shapes_comment(CPrint *p, const Graph *g) {
  Str s = {.c = p->c};
  for (int i = 0; i < g->nport; i++)
    str_printf(&s, "%s%s: %s", i ? ", " : "", node_attr(g, g->port[i], 0)->s, type_text(p->m,
        node_get(g, g->port[i])->type));
  str_puts(&s, " ->");
  for (int i = 0; i < g->nout; i++)
    if (g->out[i].var < 0) str_printf(&s, " %s: %s", g->out[i].name, type_text(p->m,
                                                                               node_get(g, g->out[i].value)->type));
  uint32_t sizes = graph_sizes(g);
  for (int i = 0; i < p->m->nsize; i++)
    if (sizes >> i & 1) str_printf(&s, "; %s <= %lld", p->m->size[i].name, (long long)p->m->size[i].bound);
  str_printf(&s, "; arena %lld bytes", (long long)g->arena);
  return c_comment(p, s.s);
}

static void print_graph(CPrint *p, Graph *g, const char *name, Str *functions, Str *header) {
  Str body = {.c = p->c};
  CGraph c = {.p = p, .g = g, .gs = groups_make(g), .o = &body, .indent = 1};
  c_name_params(&c);
  if (g->kind == GK_INIT) print_init_head(&c);
  else c_print_checks(&c);
  c_graph_body(&c);
  if (g->kind == GK_INIT) c_weights_init(&c);
  if (g->kind == GK_TRAIN_STEP || g->kind == GK_TRAIN_UPDATE) c_stmt(&c, "run->step++;");
  if (c_counts_calls(g)) c_stmt(&c, "run->calls++;");
  if (g->kind != GK_INIT) c_stmt(&c, "return 0;");
  const char *sig = signature(&c, name);
  str_printf(functions, "/* %s */\n%s {\n", shapes_comment(p, g), sig);
  put_locals(&c, functions, true);
  str_put(functions, body.s, body.n);
  str_puts(functions, "}\n\n");
  str_printf(header, "\n/* %s */\n%s;\n", shapes_comment(p, g), sig);
}

/* The function of a scan's body: ports, then results, then run-time sizes and counters. */
const char *c_body_function(CPrint *p, const Graph *g, bool *parallel) {
  const char *name = ctx_strf(p->c, "gc_%s_%d", c_ident(p, g->name && *g->name ? g->name : "body"), g->index);
  for (int i = 0; i < p->nbody; i++)
    if (p->body[i].graph == g) return *parallel = p->body[i].parallel, name;
  Str body = {.c = p->c};
  CGraph c = {.p = p, .g = g, .gs = groups_make((Graph *)g), .o = &body, .indent = 1};
  c_name_params(&c);
  c_graph_body(&c);
  *VEC_PUSH(p->c, p->body, p->nbody, p->capbody) = (struct CBody){g, c.parallel};
  *parallel = c.parallel;
  str_printf(&p->bodies, "/* one turn of a scan: %s */\nstatic void %s(unsigned char *m, unsigned char *a",
             shapes_comment(p, g), name);
  for (int i = 0; i < g->nport; i++) str_printf(&p->bodies, ", const %s *%s", ctype_of(g, g->port[i]), c.in[i]);
  for (int i = 0; i < g->nout; i++) str_printf(&p->bodies, ", %s *%s", ctype_of(g, g->out[i].value), c.out[i]);
  for (int i = 0; i < p->m->nsize; i++) str_printf(&p->bodies, ", ptrdiff_t n_%s", p->m->size[i].name);
  str_printf(&p->bodies, ", uint32_t pass, uint32_t turn%s) {\n  %s *const run = (%s *)m;\n", p->native
             ? ", const GcCall *call, int part, int parts" : "",
             p->run, p->run);
  str_printf(&p->bodies, "  (void)a, (void)run, (void)pass, (void)turn%s;\n", p->native
             ? ", (void)call, (void)part, (void)parts" : "");
  for (int i = 0; i < g->nport; i++) str_printf(&p->bodies, "  (void)%s;\n", c.in[i]);
  for (int i = 0; i < p->m->nsize; i++) str_printf(&p->bodies, "  (void)n_%s;\n", p->m->size[i].name);
  str_put(&p->bodies, body.s ? body.s : "", body.n);
  str_puts(&p->bodies, "}\n\n");
  return name;
}

/* ---- files ---- */

static bool is_emitted(const Module *m, const Graph *g) {
  return g->kind == GK_INIT || g->kind == GK_EXPORT || (graph_trains(g) && !m->opt.infer_only);
}

static void header_begin(CPrint *p, Str *h, const char *guard) {
  Module *m = p->m;
  str_printf(h, "/* %s: made by gradc %s.\n"
                " * mem: %lld bytes, aligned to %d: head %lld, weights and states %lld, arena %lld.\n"
                " * Status: 0; k when input k is out of range, sizes n_... counted behind the tensors; -1 the loss is not\n"
                " * finite (nothing was updated); -2 run->steps or run->steps_per_epoch is needed and 0. */\n",
             m->name, p->o->version ? p->o->version : "", (long long)m->total_bytes, (int)plan_align(m),
             (long long)m->head_bytes, (long long)m->persistent_bytes, (long long)m->arena_bytes);
  str_printf(h, "#ifndef %s\n#define %s\n#include <stddef.h>\n#include <stdint.h>\n\n#ifdef __cplusplus\n"
                "extern \"C\" {\n#endif\n\n",
             guard, guard);
  str_printf(h, "/* The head of mem. train_step counts `step`. */\n%s {\n  uint64_t seed;\n"
                "  uint32_t step, steps, steps_per_epoch;\n  float loss;\n", p->run);
  int nmetric;
  const char **metric = head_metrics(m, &nmetric);
  for (int i = 0; i < nmetric; i++) str_printf(h, "  float %s;\n", c_metric_name(p, metric[i]));
  if (head_calls(m) >= 0) str_puts(h, "  uint32_t calls; /* of functions that draw random numbers, which go on with each */\n");
  if (m->rom_bytes && p->o->weights_as == WEIGHTS_EXTERN)
    str_printf(h, "  const unsigned char *weights; /* set by %s_map */\n", m->name);
  str_printf(h, "};\n\n#define %s_BYTES %lld\nextern const size_t %s_bytes;\n", m->name, (long long)m->total_bytes,
             m->name);
}

/* Sums of gradients, which lie next to each other, begin with zero again: a failed step leaves nothing behind. */
static const char *clear_sums(CPrint *p, const Graph *pass) {
  int64_t from = INT64_MAX, to = 0;
  for (int i = 0; i < pass->nout; i++) {
    const Var *v = pass->out[i].var < 0 ? NULL : &p->m->var[pass->out[i].var];
    if (!v || v->kind != VK_OPTIM) continue;
    int64_t end = v->offset + type_bytes(p->m, v->type);
    if (v->offset < from) from = v->offset;
    if (end > to) to = end;
  }
  return ctx_strf(p->c, "for (size_t i = %lld; i < %lld; i++) ((unsigned char *)mem)[i] = 0;", (long long)from,
                  (long long)to);
}

/* With accumulation a step is `accumulate` passes over parts of the fields, and an update. */
static void print_accumulated(CPrint *p, const TrainInfo *t, Str *out, Str *h) {
  const Graph *g = t->pass;
  CGraph c = {.p = p, .g = g};
  c_name_params(&c);
  Str sig = {.c = p->c}, call = {.c = p->c}, add = {.c = p->c}, mean = {.c = p->c};
  str_printf(&sig, "int %s_train_step%s(void *mem", p->m->name, c_ident(p, g->name + strlen("train_pass")));
  for (int i = 0; i < g->nport; i++) {
    const char *n = c_dim(p, type_count(p->m, node_get(g, g->port[i])->type));
    str_printf(&sig, ", const %s *%s", ctype_of(g, g->port[i]), c.in[i]);
    str_printf(&call, ", %s + k * (%s)", c.in[i], n);
  }
  str_puts(&sig, ")");
  str_printf(h, "\n/* %lld passes over %lld records each, then the update */\n%s;\n", (long long)t->accumulate,
             (long long)t->batch, sig.s);
  for (int i = 0; i <= t->nmetric; i++) {
    const char *name = i ? c_metric_name(p, t->metric[i - 1]) : "loss";
    str_printf(&add, "    sum[%d] = k ? sum[%d] + run->%s : run->%s;\n", i, i, name, name);
    str_printf(&mean, "    run->%s = sum[%d] / %lld.0f;\n", name, i, (long long)t->accumulate);
  }
  str_printf(out,
             "%s {\n  %s *const run = (%s *)mem;\n  float sum[%d]; /* of loss and metrics, over the passes */\n  int s = 0;\n"
             "  for (int k = 0; k < %lld && !s; k++) {\n    s = %s_%s(mem, (uint32_t)k%s);\n%s  }\n"
             "  if (!s) {\n%s    s = %s_%s(mem);\n  }\n  if (s)\n    %s\n  return s;\n}\n\n",
             sig.s, p->run, p->run, 1 + t->nmetric, (long long)t->accumulate, p->m->name, c_ident(p, g->name),
             call.s ? call.s : "", add.s, mean.s, p->m->name, c_ident(p, t->update->name), clear_sums(p, g));
}

bool emit_portable(Module *m, const EmitOptions *o, Str *c_file, Str *h_file) {
  CPrint *p = ctx_alloc(m->c, sizeof *p);
  m->name = c_model_name(m->c, m->name);
  *p = (CPrint){.m = m, .c = m->c, .o = o, .run = ctx_strf(m->c, "struct %s_run", m->name)};
  p->kernels.c = p->tables.c = p->helpers.c = p->bodies.c = m->c;
  Str functions = {.c = m->c};
  int errors = diag_errors(m->c);
  plan_check_persistent(m);
  const char *guard = ctx_strf(m->c, "GRADC_%s_H", m->name); /* no name of the model's own */
  header_begin(p, h_file, guard);
  bool init = false;
  for (int i = 0; i < m->ngraph; i++) {
    Graph *g = m->graph[i];
    if (!is_emitted(m, g)) continue;
    init |= g->kind == GK_INIT;
    print_graph(p, g, c_ident(p, g->name), &functions, h_file);
  }
  Graph none = {.m = m, .name = "init", .kind = GK_INIT, .n = 1};
  if (!init) print_graph(p, &none, "init", &functions, h_file);
  for (int t = 0; t < m->ntrain; t++)
    if (m->train[t].pass && m->train[t].update && !m->opt.infer_only) print_accumulated(p, &m->train[t], &functions,
        h_file);
  c_weights_functions(p, &functions, h_file);
  c_places(p, &functions, h_file);
  str_puts(h_file, "\n#ifdef __cplusplus\n}\n#endif\n#endif\n");

  size_t n;
  const char *ieee = o->carried("ir/prim_ieee.h", &n);
  str_printf(c_file, "/* %s: made by gradc %s. ISO C99 and C++11; needs no library.\n"
                     " * %lld bytes of memory, %lld of them the arena. */\n%s",
             m->name, o->version ? o->version : "", (long long)m->total_bytes, (long long)m->arena_bytes, NEEDS_C99);
  str_put(c_file, ieee, n);
  str_printf(c_file, "#include \"%s\"\n%s", o->header ? o->header : ctx_strf(m->c, "%s.h", m->name), PRELUDE);
  c_prim_print(p, c_file);
  str_puts(c_file, "\n");
  c_helpers(p, c_file);
  const Str *part[] = {&p->tables, &p->kernels, &p->bodies, &functions};
  str_printf(c_file, "const size_t %s_bytes = %s_BYTES;\n\n", m->name, m->name);
  if (m->opt.ram)
    str_printf(c_file, "/* The budget of %lld bytes is kept, or this does not compile. */\n"
                       "typedef char %s_keeps_its_budget[%s_BYTES <= %lld ? 1 : -1];\n\n",
               (long long)m->opt.ram, m->name, m->name, (long long)m->opt.ram);
  for (size_t i = 0; i < sizeof part / sizeof *part; i++)
    if (part[i]->n) str_put(c_file, part[i]->s, part[i]->n), str_puts(c_file, "\n");
  str_puts(c_file, "#endif\n");
  return diag_errors(m->c) == errors;
}
