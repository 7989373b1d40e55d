/* SPDX-License-Identifier: Apache-2.0 */
/* Modules as C: emitted, gathered into one translation unit, compared with the strict interpreter bit for bit. */
#include "codegen/c/native.h"
#include "lib/embed.h"
#include "passes/analysis/model_memory.h"
#include "random.h"
#include "tests/exact/exact.h"
#include "tests/files.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int64_t input_range(const Graph *g, int port); /* codegen/c: the range that the generated checks require */

typedef struct Emit {
  const char *text, *dir;
  uint64_t seed;
  int number, dialect;
  Why *why;
  FILE *unit, *data;
  Ctx *c;
  Module *m;  /* planned */
  Interp *in; /* of the module as parsed */
  Str body;   /* of the check function */
  bool ok;
} Emit;

static FILE *open_in(const char *dir, const char *name, const char *mode) {
  char path[1000];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  return fopen(path, mode);
}

/* ---- names: those of each module get a suffix, by the preprocessor ---- */

typedef struct Names {
  Ctx *c;
  const char **v;
  int n, cap;
} Names;

static void add_name(Names *s, const char *p, size_t n) {
  const char *name = ctx_intern(s->c, p, n);
  for (int i = 0; i < s->n; i++)
    if (s->v[i] == name) return;
  *VEC_PUSH(s->c, s->v, s->n, s->cap) = name;
}

static size_t ident(const char *p) {
  size_t n = 0;
  while (isalnum((unsigned char)p[n]) || p[n] == '_') n++;
  return n;
}

/* The identifier before the first of the characters in `stop`. */
static void add_before(Names *s, const char *line, const char *stop) {
  const char *e = line + strcspn(line, stop), *p;
  while (e > line && e[-1] == ' ') e--;
  for (p = e; p > line && (isalnum((unsigned char)p[-1]) || p[-1] == '_');) p--;
  if (p < e && strncmp(p, "PRIM", 4)) add_name(s, p, (size_t)(e - p));
}

static void scan_line(const char *line, Names *own, Names *macro) {
  if (!strncmp(line, "#define ", 8)) add_name(macro, line + 8, ident(line + 8));
  const char *attribute = strstr(line, "__attribute__((");
  if (attribute && attribute > line + strcspn(line, "(")) attribute = NULL; /* not before the name */
  if (!strncmp(line, "static ", 7)) add_before(own, attribute ? strchr(line, ')') + 2 : line, "([=;");
  if (!strncmp(line, "GC_LINK ", 8) || !strncmp(line, "GC_KERNEL ", 10)) add_before(own, line, "([=;");
  if (!strncmp(line, "enum {", 6))
    for (const char *p = line + 6; *p && *p != '\n' && *p != '}'; p++)
      if (isalpha((unsigned char)*p) && !isalnum((unsigned char)p[-1]) && p[-1] != '_') add_name(own, p, ident(p));
  for (const char *p = line; *p && *p != '\n';) {
    size_t n = ident(p);
    if (n > 3 && !strncmp(p, "gc_", 3)) {
      add_name(own, p, n);
      static const char *const type[] = {"f", "i", "u", "b", "d", "v", "h", "bh"}; /* the names that the macro makes */
      for (int t = 0; !strncmp(p + n, "##", 2) && t < 8; t++)
        add_name(own, ctx_strf(own->c, "%.*s%s", (int)n, p, type[t]), n + strlen(type[t]));
    }
    if (n == 4 && !strncmp(p, "PRIM(", 5)) {
      size_t k = ident(p + 5);
      add_name(own, ctx_strf(own->c, "p_%.*s", (int)k, p + 5), k + 2);
      add_name(own, ctx_strf(own->c, "v_%.*s", (int)k, p + 5), k + 2);
    }
    p += n ? n : 1;
  }
}

static void put_module(Emit *e, char *code, const char *header, const char *header_name) {
  Names own = {.c = e->c}, macro = {.c = e->c};
  size_t n;
  const char *shared = embed_text("runtime/model.h", &n); /* unit.h has it, once for all modules */
  char *own_copy = strstr(code, shared);
  if (own_copy) memmove(own_copy, own_copy + n, strlen(own_copy + n) + 1);
  char *tables = strstr(code, "\nstatic const Gc"); /* gc_model, which is not needed here */
  if (tables) memcpy(tables + 1, "#endif\n", 8);    /* it begins the last third of the file */
  const char *skip = ctx_strf(e->c, "#include \"%s\"", header_name);
  for (const char *p = code; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) scan_line(p, &own, &macro);
  for (const char *p = header; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) scan_line(p, &own, &macro);
  for (int i = 0; i < own.n; i++) fprintf(e->unit, "#define %s %s_%d\n", own.v[i], own.v[i], e->number);
  const char *at = strstr(code, skip);
  if (at) fprintf(e->unit, "%s%.*s%s", header, (int)(at - code), code, at + strlen(skip));
  else fputs(code, e->unit);
  fprintf(e->unit, "static void check_%d(void) {\n%s}\n", e->number, e->body.s ? e->body.s : "");
  for (int i = 0; i < own.n; i++) fprintf(e->unit, "#undef %s\n", own.v[i]);
  for (int i = 0; i < macro.n; i++) fprintf(e->unit, "#undef %s\n", macro.v[i]);
}

/* ---- one call of a graph ---- */

static void put_var(Emit *e, int v, char *mem, bool pack, const void *values) {
  const Var *x = &e->m->var[v];
  const Type *t = type_get(e->m, x->type);
  int64_t n = type_bytes(e->m, x->type), bytes = dtype_info[t->dtype].bytes;
  StorageOrder plain = {t->rank, {0, 1, 2, 3, 4, 5, 6, 7}, 0, 0}, s = x->stored ? e->m->stored[x->stored - 1] : plain;
  for (int64_t i = 0; i < n / bytes; i++)
    if (pack)
      memcpy(mem + exact_at(i, t->rank, t->dim, s.perm, s.panel, s.panel_axis) * bytes,
             (const char *)values + i * bytes, (size_t)bytes);
}

/* A value's elements as C has them in memory. */
static void *stored(const Emit *e, const Val *v, DType t) {
  void *p = ctx_alloc(e->c, (size_t)(v->count * dtype_info[t].bytes) + 1);
  val_store(v, t, p);
  return p;
}

static DType var_dtype(const Emit *e, int v) { return (DType)type_get(e->m, e->m->var[v].type)->dtype; }

/* The bytes before the arena: the counters of the run header, and every weight. */
static void put_memory(Emit *e) {
  size_t n = (size_t)(e->m->total_bytes - e->m->arena_bytes);
  char *mem = calloc(n + 64, 1);
  uint32_t head[3] = {e->in->step, e->in->steps, e->in->steps_per_epoch};
  memcpy(mem, &e->in->seed, 8);
  memcpy(mem + 8, head, sizeof head);
  if (head_calls(e->m) >= 0) memcpy(mem + head_calls(e->m), &e->in->calls, sizeof e->in->calls);
  for (int v = 0; v < e->m->nvar; v++)
    put_var(e, v, mem + e->m->var[v].offset, true, stored(e, e->in->var[v], var_dtype(e, v)));
  fwrite(mem, 1, n, e->data);
  free(mem);
}

static void expect(Emit *e, const char *label, DType t, int64_t count, const void *values, const char *where) {
  const DTypeInfo *d = &dtype_info[t];
  char kind = t == DT_F16 ? 'h' : t == DT_BF16 ? 'w' : d->kind == 'b' ? 'u' : d->kind;
  fwrite(values, (size_t)d->bytes, (size_t)count, e->data);
  str_printf(&e->body, "  gr_expect(\"%s\", '%c', %d, %lld, %s);\n", label, kind, d->bytes, (long long)count, where);
}

static void expect_vars(Emit *e, const char *graph) {
  for (int v = 0; v < e->m->nvar; v++) {
    const Val *x = e->in->var[v];
    DType t = var_dtype(e, v);
    char *packed = malloc((size_t)(x->count * dtype_info[t].bytes) + 1);
    put_var(e, v, packed, true, stored(e, x, t));
    expect(e, ctx_strf(e->c, "%s: weight %s", graph, e->m->var[v].name), t, x->count, packed,
           ctx_strf(e->c, "mem + %lld", (long long)e->m->var[v].offset));
    free(packed);
  }
}

/* Values of the run-time sizes that the ports' shapes name, as a list. */
static const char *size_values(const Emit *e, const Graph *g) {
  Str s = {.c = e->c};
  for (int k = 0; k < e->m->nsize; k++) {
    bool named = false;
    for (int p = 0; p < g->nport; p++)
      for (int d = 0; d < node_type(g, g->port[p])->rank; d++) {
        int n;
        const DimTerm *t = dim_terms(e->m, node_type(g, g->port[p])->dim[d], &n);
        for (int i = 0; i < n; i++) named |= t[i].exp[k] != 0;
      }
    if (named) str_printf(&s, ", %lld", (long long)e->in->size[k]);
  }
  return s.s ? s.s : "";
}

static bool in_head(const Graph *g) { return g->kind == GK_TRAIN_STEP; }

/* The call itself, on `in_K` and `out_K`; by `threads` threads when native. */
static void put_call(Emit *e, const Graph *g, int nres, int threads) {
  Str *b = &e->body;
  const char *sizes = size_values(e, g);
  if (e->dialect == DIALECT_NATIVE) {
    str_puts(b, "  const void *in[] = {NULL");
    for (int p = 0; p < g->nport; p++) str_printf(b, ", in_%d", p);
    str_puts(b, "};\n  void *out[] = {NULL");
    for (int r = 0; r < nres && !in_head(g); r++) str_printf(b, ", out_%d", r);
    str_printf(b, "};\n  const int64_t size[] = {0%s};\n", sizes);
    str_puts(b, "  GcCall call = {.mem = mem, .in = in + 1, .out = out + 1, .size = size + 1};\n");
    str_printf(b, "  int status = gr_call(graph_%d, call, %d);\n", g->index, threads);
    return;
  }
  if (g->kind == GK_INIT) {
    str_printf(b, "  int status = 0;\n  m%d_init(mem, %lluu);\n", e->number, (unsigned long long)e->in->seed);
    return;
  }
  str_printf(b, "  int status = m%d_%s(mem", e->number, g->name);
  for (int p = 0; p < g->nport; p++) str_printf(b, ", in_%d", p);
  str_puts(b, sizes);
  for (int r = 0; r < nres && !in_head(g); r++) str_printf(b, ", out_%d", r);
  str_puts(b, ");\n");
}

static bool run_graph(Emit *e, const Graph *g, const Graph *ref, int threads) {
  Str *b = &e->body;
  Val *port[64] = {0}, *res[64] = {0};
  int64_t range[64] = {0};
  fill_vars(e->in, e->seed);
  e->in->step = g->kind == GK_INIT ? 0 : 4;
  for (int p = 0; p < g->nport; p++) range[p] = input_range(g, p);
  fill_ports(e->in, ref, e->seed, range, port);
  put_memory(e);
  str_printf(b, "  { /* %s */\n  unsigned char *mem = gr_bytes(%lld);\n  gr_take(mem, %lld);\n", g->name,
             (long long)e->m->total_bytes, (long long)(e->m->total_bytes - e->m->arena_bytes));
  for (int p = 0; p < g->nport; p++) {
    DType t = (DType)node_type(g, g->port[p])->dtype;
    size_t bytes = (size_t)(port[p]->count * dtype_info[t].bytes);
    fwrite(stored(e, port[p], t), 1, bytes, e->data);
    str_printf(b, "  void *in_%d = gr_input(%zu);\n", p, bytes);
  }
  if (!interp_run(e->in, ref, port, res)) return snprintf(e->why->text, sizeof e->why->text, "%s", e->in->error), false;
  int nres = interp_nresults(ref);
  const char *where[64];
  DType type[64];
  for (int o = 0, r = 0; o < g->nout; o++) {
    if (g->out[o].var >= 0) continue;
    type[r] = (DType)node_type(g, g->out[o].value)->dtype;
    if (in_head(g)) where[r] = ctx_strf(e->c, "mem + %lld", (long long)g->anno[g->out[o].value].offset);
    else where[r] = ctx_strf(e->c, "out_%d", r);
    if (!in_head(g))
      str_printf(b, "  void *out_%d = gr_bytes(%lld);\n", r, (long long)res[r]->count * dtype_info[type[r]].bytes);
    r++;
  }
  put_call(e, g, nres, threads);
  int status = e->in->finite ? 0 : -1;
  fwrite(&status, sizeof status, 1, e->data);
  str_printf(b, "  gr_status(\"%s\", status);\n", g->name);
  for (int r = 0; r < nres && status == 0; r++)
    expect(e, ctx_strf(e->c, "%s: result %d", g->name, r), type[r], res[r]->count, stored(e, res[r], type[r]),
           where[r]);
  expect_vars(e, g->name);
  for (int r = 0; r < nres; r++) val_release(res[r]);
  for (int p = 0; p < g->nport; p++) {
    val_release(port[p]);
    str_printf(b, "  free(in_%d);\n", p);
  }
  for (int r = 0; r < nres && !in_head(g); r++) str_printf(b, "  free(out_%d);\n", r);
  str_puts(b, "  free(mem);\n  }\n");
  return true;
}

/* ---- a module ---- */

static const char *why_not(Ctx *c) {
  char text[400] = {0};
  FILE *f = tmpfile();
  if (!f) return "";
  diag_print(c, f, false);
  rewind(f);
  if (fread(text, 1, sizeof text - 1, f) == 0) text[0] = 0;
  fclose(f);
  return ctx_strf(c, "%s", text);
}

static uint64_t some_off(uint64_t seed) { /* most graphs with all passes on */
  Gen r = gen_of(seed, 3);
  return seed % 3 ? 0 : rnd(&r, 1 << 16) & ~(1u << PASS_autodiff);
}

static void emit_job(Ctx *c, void *arg) {
  Emit *e = arg;
  e->c = e->body.c = c;
  e->m = read_module(c, e->text, some_off(e->seed), true, e->why);
  Module *ref = e->m ? read_module(c, e->text, 0, true, e->why) : NULL;
  const int64_t *size = ref ? admitted_sizes(ref, e->seed) : NULL;
  if (!size) return;
  Artifacts out;
  NativeEmitOptions native = {.machine = machine_at((int)(e->seed % 4)), .serial_cycles = 1};
  EmitOptions o = {.version = "random", .builtin = embed_text, .native = &native};
  e->m->name = ctx_strf(c, "m%d", e->number);
  e->m->opt.ram = e->seed % 4 == 0; /* the smallest plan */
  bool ok = passes_run(ref, &(PassRun){.list = "autodiff,precision"}) && passes_run(e->m, &(PassRun){0});
  if (e->m->opt.ram) e->m->opt.ram = (int64_t)1 << 40; /* and a budget that it meets */
  ok = ok && emit_program(e->m, e->dialect == DIALECT_NATIVE ? &target_native : &target_portable, &o, &out);
  if (!ok) {
    snprintf(e->why->text, sizeof e->why->text, "not emitted: %s", why_not(c));
    return;
  }
  e->in = reference(ref, e->seed, size);
  for (int i = 0; i < e->m->ngraph && ok; i++) {
    const Graph *g = e->m->graph[i];
    if (g->kind == GK_BODY) continue;
    for (int threads = 1; threads <= (e->dialect == DIALECT_NATIVE ? 4 : 1) && ok; threads++)
      ok = run_graph(e, g, graph_find(ref, g->name), threads);
  }
  if (ok) put_module(e, out.code.s, out.header.s ? out.header.s : "", ctx_strf(c, "m%d.h", e->number));
  e->ok = ok;
}

bool emit_module(const char *text, uint64_t seed, int number, int dialect, const char *dir, Why *why) {
  char name[40];
  snprintf(name, sizeof name, "data.%d", number);
  Emit e = {.text = text,
            .dir = dir,
            .seed = seed,
            .number = number,
            .dialect = dialect,
            .why = why,
            .unit = open_in(dir, "unit.c", "ab"),
            .data = open_in(dir, name, "wb")};
  Ctx *c = ctx_new();
  bool ok = e.unit && e.data && ctx_try(c, emit_job, &e) && e.ok;
  if (e.in) interp_free(e.in);
  ctx_free(c);
  if (e.unit) fclose(e.unit);
  if (e.data) fclose(e.data);
  return ok;
}

/* In the place of a module that could not be emitted. */
bool no_module(const char *dir, int number) {
  FILE *f = open_in(dir, "unit.c", "ab");
  return f && fprintf(f, "static void check_%d(void) { exit(3); }\n", number) > 0 && !fclose(f);
}

bool begin_unit(const char *dir, int dialect) {
  FILE *f = open_in(dir, "unit.c", "wb");
  if (!f) return false;
  fprintf(f, "%s#include \"tests/random/unit.h\"\n", dialect == DIALECT_NATIVE ? "#define GR_NATIVE\n" : "");
  return !fclose(f);
}

bool end_unit(const char *dir, int n, const char *cc, int dialect, Why *why) {
  char cmd[3000];
  FILE *f = open_in(dir, "unit.c", "ab");
  if (!f) return false;
  fprintf(f, "int main(int argc, char **argv) {\n  static void (*const check[])(void) = {");
  for (int i = 0; i < n; i++) fprintf(f, "check_%d, ", i);
  fprintf(f,
          "};\n  char path[1000];\n  int k = argc > 2 ? atoi(argv[1]) : -1;\n  if (k < 0 || k >= %d) return 2;\n"
          "  snprintf(path, sizeof path, \"%%s/data.%%d\", argv[2], k);\n  gr_data = fopen(path, \"rb\");\n"
          "  if (!gr_data) return 2;\n  check[k]();\n  return fclose(gr_data) != 0;\n}\n",
          n);
  if (fclose(f)) return false;
  const char *warnings = dialect == DIALECT_NATIVE ? "-w" : ""; /* cc may ask for those of portable C */
  snprintf(cmd, sizeof cmd,
           "%s -std=gnu99 -ffp-contract=off %s -I. -Iruntime -o '%s/unit' '%s/unit.c' -lm -lpthread "
           ">'%s/cc.log' 2>&1",
           cc, warnings, dir, dir, dir);
  if (!system(cmd)) return true;
  snprintf(cmd, sizeof cmd, "%s/cc.log", dir);
  char *log = read_file(cmd, NULL);
  snprintf(why->text, sizeof why->text, "not compiled: %.500s", log ? log : "");
  free(log);
  return false;
}

bool check_c(const char *text, uint64_t seed, int dialect, const char *cc, const char *dir, Why *why) {
  char cmd[2500];
  if (!begin_unit(dir, dialect) || !emit_module(text, seed, 0, dialect, dir, why)) return false;
  if (!end_unit(dir, 1, cc, dialect, why)) return false;
  snprintf(cmd, sizeof cmd, "timeout 20 '%s/unit' 0 '%s' >'%s/out' 2>&1", dir, dir, dir);
  if (!system(cmd)) return true;
  snprintf(cmd, sizeof cmd, "%s/out", dir);
  char *out = read_file(cmd, NULL);
  snprintf(why->text, sizeof why->text, "%.500s", out ? out : "");
  free(out);
  return false;
}
