/* The portable dialect's files: NAME.c and NAME.h. */
#include "codegen/c/graph.h"
#include "codegen/c/model.h"
#include "passes/persist.h"
#include <string.h>

static const char PRELUDE[] =
  "#include <stddef.h>\n#include <stdint.h>\n\n"
  "#ifdef __clang__\n"
  "#pragma STDC FP_CONTRACT OFF\n"
  "#pragma clang diagnostic ignored \"-Wunused-function\"\n"
  "#endif\n\n"
  "/* Compilers make calls of these out of loops. Volatile: else out of these loops, too. */\n"
  "static __attribute__((used)) void *memset(void *d, int c, size_t n) {\n"
  "  volatile unsigned char *p = d;\n"
  "  while (n--) *p++ = (unsigned char)c;\n"
  "  return d;\n}\n"
  "static __attribute__((used)) void *memcpy(void *d, const void *s, size_t n) {\n"
  "  volatile unsigned char *p = d;\n"
  "  const unsigned char *q = s;\n"
  "  while (n--) *p++ = *q++;\n"
  "  return d;\n}\n"
  "static __attribute__((used)) void *memmove(void *d, const void *s, size_t n) {\n"
  "  volatile unsigned char *p = d;\n"
  "  const unsigned char *q = s;\n"
  "  if ((uintptr_t)d <= (uintptr_t)s) while (n--) *p++ = *q++;\n"
  "  else while (n--) p[n] = q[n];\n"
  "  return d;\n}\n\n";

static const struct { int bit; const char *text; } HELPER[] = {
  {CH_CLAMP, "static inline ptrdiff_t gc_clamp(ptrdiff_t i, ptrdiff_t n) {\n"
             "  return i < 0 ? 0 : i < n ? i : n - 1;\n}\n\n"},
  {CH_FINITE, "static inline int gc_finite(float x) {\n  return x - x == 0.0f;\n}\n\n"},
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
  {CH_CHECK, "/* Check mode: remembers the first node with a result that is not finite. */\n"
             "static __attribute__((noinline, cold)) void gc_check(const GcCall *call, const float *y, ptrdiff_t "
             "n, int32_t node) {\n"
             "  gc_barrier(call);\n"
             "  for (ptrdiff_t i = 0; i < n && call->part == 0 && !*call->bad; i++)\n"
             "    if (!(y[i] - y[i] == 0.0f)) *call->bad = node;\n"
             "  gc_barrier(call);\n}\n\n"},
};

void c_helpers(CPrint *p, Str *out) {
  for (size_t i = 0; i < sizeof HELPER / sizeof *HELPER; i++)
    if (p->helper & (uint32_t)HELPER[i].bit) str_puts(out, HELPER[i].text);
  if (p->helpers.n) str_put(out, p->helpers.s, p->helpers.n);
}

/* ---- names and parameters ---- */

/* A parameter's name that means nothing else in the function. */
static const char *param_name(CPrint *p, const char *name) {
  static const char *const TAKEN[] = {
    "a", "m", "t", "i", "e", "k", "s", "mem", "run", "pass", "turn", "part", "parts", "auto", "break", "case", "char",
        "const", "continue",
    "default", "do", "double", "else", "enum", "extern", "float", "for", "goto", "if", "inline", "int", "long",
        "register",
    "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned",
        "void",
    "volatile", "while", "class", "new", "delete", "this", "template", "private", "public", "operator",
  };
  const char *s = c_ident(p, name);
  for (size_t i = 0; i < sizeof TAKEN / sizeof *TAKEN; i++)
    if (!strcmp(s, TAKEN[i])) return ctx_strf(p->c, "%s_", s);
  return s[0] >= '0' && s[0] <= '9' ? ctx_strf(p->c, "_%s", s) : s;
}

static const char *ctype_of(const Graph *g, Id n) {
  return dtype_info[node_type(g, n)->dtype].c;
}

/* Names, distinct among ports and results, into c->in and c->out. */
/* A name that is not among the n before it. */
static const char *fresh_name(CPrint *p, const char *name, const char *const *before, int n) {
  for (int i = 0; i < n; i++)
    if (!strcmp(name, before[i])) return fresh_name(p, ctx_strf(p->c, "%s_", name), before, n);
  return name;
}

void c_name_params(CGraph *c) {
  CPrint *p = c->p;
  const Graph *g = c->g;
  c->in = ctx_alloc(p->c, (size_t)(g->nport + 1) * sizeof *c->in);
  c->out = ctx_alloc(p->c, (size_t)(g->nout + 1) * sizeof *c->out);
  for (int i = 0; i < g->nport; i++)
    c->in[i] = fresh_name(p, param_name(p, node_attr(g, g->port[i], 0)->s), c->in, i);
  for (int i = 0, k = 0; i < g->nout; i++) {
    if (g->out[i].var >= 0) continue;
    const char *name = param_name(p, g->out[i].name && *g->out[i].name ? g->out[i].name : "out");
    for (int j = 0; j < g->nport; j++)
      if (!strcmp(name, c->in[j])) name = ctx_strf(p->c, "%s_out", name);
    for (int j = 0; j < k; j++)
      if (!strcmp(name, c->out[j])) name = ctx_strf(p->c, "%s_%d", name, k);
    c->out[k++] = name;
  }
}

uint32_t c_port_sizes(const Graph *g) {
  uint32_t used = 0;
  for (int i = 0; i < g->nport; i++) {
    const Type *t = node_type(g, g->port[i]);
    for (int d = 0; d < t->rank; d++) {
      int n;
      const DimTerm *term = dim_terms(g->m, t->dim[d], &n);
      for (int k = 0; k < n; k++)
        for (int s = 0; s < g->m->nsize; s++)
          if (term[k].exp[s]) used |= 1u << s;
    }
  }
  return used;
}

static const char *signature(CGraph *c, const char *name) {
  CPrint *p = c->p;
  const Graph *g = c->g;
  Str s = {.c = p->c};
  if (g->kind == GK_INIT) return ctx_strf(p->c, "void %s_init(void *mem, uint64_t seed)", p->m->name);
  str_printf(&s, "int %s_%s(void *mem", p->m->name, name);
  if (g->kind == GK_TRAIN_PASS) str_puts(&s, ", uint32_t pass");
  for (int i = 0; i < g->nport; i++) str_printf(&s, ", const %s *%s", ctype_of(g, g->port[i]), c->in[i]);
  uint32_t sizes = c_port_sizes(g);
  for (int i = 0; i < p->m->nsize; i++)
    if (sizes >> i & 1) str_printf(&s, ", ptrdiff_t n_%s", p->m->size[i].name);
  for (int i = 0, k = 0; i < g->nout && !c_results_in_head(g); i++)
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
    Op op = (Op)node_get(g, k)->op;
    int table = op == OP_gather ? 1 : op == OP_scatter_add ? 0 : -1;
    if (table < 0) continue;
    Id x = node_in(g, k, table);
    while (node_info(g, x)->cls == CL_VIEW && node_get(g, x)->nin == 1) x = node_in(g, x, 0);
    if (x != n) continue;
    const Type *into = op == OP_gather ? node_type(g, node_in(g, k, 0)) : node_type(g, k);
    int64_t len = dim_bound(g->m, into->dim[node_attr(g, k, op == OP_gather ? 0 : 1)->i]);
    if (!range || len < range) range = len;
  }
  return range;
}

static bool uses_run(const Graph *g, const char *name) {
  for (Id n = 1; n < (Id)g->n; n++)
    if (node_get(g, n)->op == OP_run && !strcmp(node_attr(g, n, 0)->s, name)) return true;
  return false;
}

void c_print_checks(CGraph *c) {
  CPrint *p = c->p;
  const Graph *g = c->g;
  uint32_t sizes = c_port_sizes(g);
  for (int i = 0, k = 0; i < p->m->nsize; i++)
    if (sizes >> i & 1)
      c_stmt(c, "if (n_%s < 0 || n_%s > %lld) return %d;", p->m->size[i].name, p->m->size[i].name,
             (long long)p->m->size[i].bound, g->nport + ++k);
  for (int i = 0; i < g->nport; i++) {
    int64_t range = c_port_range(g, i);
    const Type *t = node_type(g, g->port[i]);
    int64_t top = dtype_info[t->dtype].bytes < 4 ? (int64_t)1 << (8 * dtype_info[t->dtype].bytes) : INT64_MAX;
    if (!range || range >= top) continue;
    const char *low = dtype_info[t->dtype].kind == 'i' ? ctx_strf(p->c, "%s[i] < 0 || ", c->in[i]) : "";
    c_stmt(c, "for (ptrdiff_t i = 0; i < %s; i++)", c_dim(p, type_count(p->m, node_get(g, g->port[i])->type)));
    c_stmt(c, "  if (%s%s[i] >= %lld) return %d;", low, c->in[i], (long long)range, i + 1);
  }
  if (uses_run(g, "steps")) c->uses_run = true, c_stmt(c, "if (!run->steps) return -2;");
  if (uses_run(g, "epoch")) c->uses_run = true, c_stmt(c, "if (!run->steps_per_epoch) return -2;");
}

/* ---- graphs as functions ---- */

static int64_t arena_base(const Module *m) {
  return m->total_bytes - m->arena_bytes;
}

static void put_locals(CGraph *c, Str *out, bool arena) {
  Module *m = c->p->m;
  str_puts(out, "  unsigned char *const m = mem;\n");
  if (arena) str_printf(out, "  unsigned char *const a = m + %lld;\n", (long long)arena_base(m));
  str_printf(out, "  %s *const run = mem;\n", c->p->run);
  str_puts(out, "  const uint32_t turn = 0;\n");
  if (c->g->kind != GK_TRAIN_PASS) str_puts(out, "  const uint32_t pass = 0;\n");
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
}

static const EmitWeight *weight_of(CPrint *p, int var) {
  for (int i = 0; i < p->o->nweight; i++)
    if (!strcmp(p->o->weight[i].name, p->m->var[var].name)) return &p->o->weight[i];
  return NULL;
}

/* Trained weights: tables, copied by NAME_init. */
static void print_weights(CGraph *c) {
  CPrint *p = c->p;
  for (int v = 0; v < p->m->nvar; v++) {
    const EmitWeight *w = weight_of(p, v);
    if (!w) continue;
    const Type *t = type_get(p->m, p->m->var[v].type);
    int64_t n = dim_bound(p->m, type_count(p->m, p->m->var[v].type));
    const char *type = dtype_info[t->dtype].c;
    str_printf(&p->tables, "static const %s weight%d[%lld] = { /* %s */", type, v, (long long)(n ? n : 1),
               p->m->var[v].name);
    for (int64_t i = 0; i < n; i++)
      str_printf(&p->tables, "%s%s,", i % 8 ? " " : "\n  ", c_stored_number(p, (DType)t->dtype, w->values, i));
    str_puts(&p->tables, n ? "\n};\n" : "0};\n");
    p->helper |= CH_ROWS;
    c_stmt(c, "gc_rows(m + %lld, 0, (const unsigned char *)weight%d, 0, 1, %lld);", (long long)p->m->var[v].offset, v,
           (long long)n * dtype_info[t->dtype].bytes);
  }
}

static bool all_given(CPrint *p, const Graph *init) {
  for (int i = 0; i < init->nout; i++)
    if (init->out[i].var >= 0 && !weight_of(p, init->out[i].var)) return false;
  return true;
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
  str_printf(&s, "; arena %lld bytes", (long long)g->arena);
  return s.s;
}

static void print_graph(CPrint *p, Graph *g, const char *name, Str *functions, Str *header) {
  Str body = {.c = p->c};
  CGraph c = {.p = p, .g = g, .gs = groups_make(g), .o = &body, .indent = 1};
  c_name_params(&c);
  if (g->kind == GK_INIT) print_init_head(&c);
  else c_print_checks(&c);
  if (g->kind != GK_INIT || !all_given(p, g)) c_graph_body(&c);
  if (g->kind == GK_INIT) print_weights(&c);
  if (g->kind == GK_TRAIN_STEP || g->kind == GK_TRAIN_UPDATE) c_stmt(&c, "run->step++;");
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
  const char *name = ctx_strf(p->c, "%s_%d", c_ident(p, g->name && *g->name ? g->name : "body"), g->index);
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
  switch (g->kind) {
  case GK_INIT: case GK_EXPORT: return true;
  case GK_TRAIN_STEP: case GK_TRAIN_PASS: case GK_TRAIN_UPDATE: return !m->opt.infer_only;
  default: return false;
  }
}

static void header_begin(CPrint *p, Str *h, const char *guard) {
  Module *m = p->m;
  str_printf(h, "/* %s: made by gradc %s.\n"
                " * mem: %lld bytes, aligned to 64: head %lld, weights and states %lld, arena %lld.\n"
             " * Status: 0; k when input k is out of range; -1 the loss is not finite (nothing was updated); -2 "
             "run->steps or\n"
             " * run->steps_per_epoch is needed and 0. */\n",
             m->name, p->o->version ? p->o->version : "", (long long)m->total_bytes, (long long)m->head_bytes,
             (long long)(m->total_bytes - m->head_bytes - m->arena_bytes), (long long)m->arena_bytes);
  str_printf(h, "#ifndef %s\n#define %s\n#include <stddef.h>\n#include <stdint.h>\n\n#ifdef __cplusplus\n"
                "extern \"C\" {\n#endif\n\n",
             guard, guard);
  str_printf(h, "/* The head of mem. train_step counts `step`. */\n%s {\n  uint64_t seed;\n"
                "  uint32_t step, steps, steps_per_epoch;\n  float loss;\n", p->run);
  int nmetric = m->ntrain ? m->train[0].nmetric : 0;
  const char **metric = ctx_alloc(p->c, (size_t)(nmetric + 1) * sizeof *metric);
  for (int i = 0; i < nmetric; i++) {
    metric[i] = fresh_name(p, param_name(p, m->train[0].metric[i]), metric, i);
    str_printf(h, "  float %s;\n", metric[i]);
  }
  str_printf(h, "};\n\n#define %s_BYTES %lld\nextern const size_t %s_bytes;\n", m->name, (long long)m->total_bytes,
             m->name);
  for (int v = 0; v < m->nvar; v++)
    str_printf(h, "#define %s_AT_%s %lld /* %s */\n", m->name, c_ident(p, m->var[v].name), (long long)m->var[v].offset,
               type_text(m, m->var[v].type));
}

/* With accumulation a step is `accumulate` passes over parts of the fields, and an update. */
static void print_accumulated(CPrint *p, const TrainInfo *t, Str *out, Str *h) {
  const Graph *g = t->pass;
  CGraph c = {.p = p, .g = g};
  c_name_params(&c);
  Str sig = {.c = p->c}, call = {.c = p->c};
  str_printf(&sig, "int %s_train_step(void *mem", p->m->name);
  for (int i = 0; i < g->nport; i++) {
    const char *n = c_dim(p, type_count(p->m, node_get(g, g->port[i])->type));
    str_printf(&sig, ", const %s *%s", ctype_of(g, g->port[i]), c.in[i]);
    str_printf(&call, ", %s + k * (%s)", c.in[i], n);
  }
  str_puts(&sig, ")");
  str_printf(h, "\n/* %lld passes over %lld records each, then the update */\n%s;\n", (long long)t->accumulate,
             (long long)t->batch, sig.s);
  int n = 1 + t->nmetric;
  str_printf(out,
             "%s {\n  /* loss and metrics: means over the passes */\n"
             "  float *const head = (float *)((unsigned char *)mem + %d);\n"
             "  float sum[%d];\n  for (int k = 0; k < %lld; k++) {\n    const int s = %s_%s(mem, (uint32_t)k%s);\n"
             "    if (s) return s;\n"
             "    for (int i = 0; i < %d; i++) sum[i] = k ? sum[i] + head[i] : head[i];\n  }\n"
             "  for (int i = 0; i < %d; i++) head[i] = sum[i] / %lld.0f;\n  return %s_%s(mem);\n}\n\n",
             sig.s, HEAD_LOSS, n, (long long)t->accumulate, p->m->name, c_ident(p, g->name), call.s ? call.s : "", n, n,
             (long long)t->accumulate, p->m->name, c_ident(p, t->update->name));
}

bool emit_portable(Module *m, const EmitOptions *o, Str *c_file, Str *h_file) {
  CPrint *p = ctx_alloc(m->c, sizeof *p);
  *p = (CPrint){.m = m, .c = m->c, .o = o, .run = ctx_strf(m->c, "struct %s_run", m->name)};
  p->kernels.c = p->tables.c = p->helpers.c = p->bodies.c = m->c;
  Str functions = {.c = m->c};
  int errors = diag_errors(m->c);
  const char *guard = ctx_strf(m->c, "%s_H", m->name);
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
  str_puts(h_file, "\n#ifdef __cplusplus\n}\n#endif\n#endif\n");

  str_printf(c_file, "/* %s: made by gradc %s. Interface: %s.h. ISO C99; needs no library.\n"
                     " * %lld bytes of memory, %lld of them the arena. */\n",
             m->name, o->version ? o->version : "", m->name, (long long)m->total_bytes, (long long)m->arena_bytes);
  str_printf(c_file, "#include \"%s.h\"\n%s", m->name, PRELUDE);
  c_prim_print(p, c_file);
  str_puts(c_file, "\n");
  c_helpers(p, c_file);
  const Str *part[] = {&p->tables, &p->kernels, &p->bodies, &functions};
  str_printf(c_file, "const size_t %s_bytes = %s_BYTES;\n\n", m->name, m->name);
  for (size_t i = 0; i < sizeof part / sizeof *part; i++)
    if (part[i]->n) str_put(c_file, part[i]->s, part[i]->n), str_puts(c_file, "\n");
  return diag_errors(m->c) == errors;
}
