/* The call of gc_contract or gc_contract_half, and the epilogue function that it is given. */
#include "codegen/c/native.h"
#include "codegen/c/tile.h"
#include <string.h>

#define GEMM_BODY "/*@ body"

/* ---- what the epilogue needs of the kernel's parameters ---- */

typedef struct Args { CPrint *p; Str unpack, pack; int n; } Args;

static void pass_pointer(Args *a, const char *type, const char *name, bool panels) {
  str_printf(&a->unpack, "  %s *const %s%s = args[%d];\n", type, name, panels ? "_all" : "", a->n);
  str_printf(&a->pack, "%s(void *)%s", a->n++ ? ", " : "", name);
}

static void pass_number(Args *a, const char *type, const char *name) {
  str_printf(&a->unpack, "  const %s %s = *(const %s *)args[%d];\n", type, name, type, a->n);
  str_printf(&a->pack, "%s(void *)&%s", a->n++ ? ", " : "", name);
}

static Args pass_params(CPrint *p, const Kernel *k, const NativeGemm *g) {
  Args a = {.p = p, .unpack = {.c = p->c}, .pack = {.c = p->c}};
  int read = 0, written = 0;
  for (int i = 0; i < k->nbuf; i++) {
    const KBuf *b = &k->buf[i];
    const char *name = ctx_strf(p->c, "%c%d", b->written ? 'y' : 'x', b->written ? written++ : read++);
    bool used = (i != g->a_buf && i != g->b_buf) || b->written;
    for (int v = 1; v < k->nest[0]->nval && !used; v++)
      used = k->nest[0]->val[v].kind == KV_LOAD && k->nest[0]->val[v].buf == i && k->nest[0]->val[v].phase > 0;
    const char *type = dtype_info[b->type].c;
    if (used) pass_pointer(&a, b->written ? type : ctx_strf(p->c, "const %s", type), name, b->cols > 0);
  }
  for (int i = 0; i < p->m->nsize; i++)
    if (k->sizes >> i & 1) pass_number(&a, "ptrdiff_t", ctx_strf(p->c, "n_%s", p->m->size[i].name));
  if (k->uses_run) pass_pointer(&a, ctx_strf(p->c, "const %s", p->run), "run", false);
  if (k->nstream) pass_number(&a, "uint32_t", "pass"), pass_number(&a, "uint32_t", "turn");
  for (int i = 0; i < k->nstream; i++) pass_number(&a, "uint64_t", ctx_strf(p->c, "key%d", i));
  for (int i = 0; i < g->m.n; i++)
    if (g->m.residue[i]) pass_number(&a, "long", g->m.residue[i]);
  return a;
}

/* ---- the epilogue ---- */

/* Index i of an axis as that of the nest's axis. */
static const char *nest_index(CNest *c, const NativeAxes *x, int d, const char *i) {
  if (!x->residue[d]) return i;
  return ctx_strf(c->p->c, "(%s) * %lld + %s", i, (long long)x->step[d], x->residue[d]);
}

/* Indices of the axes after a flattened one; `last`: the name of the last axis' one, NULL: i and its number, as all. */
static void split_index(CNest *c, const NativeAxes *x, const char *flat, const char *last) {
  const char *rest = flat;
  for (int d = x->n - 1; d >= 0; d--, last = NULL) {
    int a = x->axis[d];
    const char *dim = c_atomic(x->dim[d]) ? x->dim[d] : ctx_strf(c->p->c, "(%s)", x->dim[d]);
    const char *i = nest_index(c, x, d, d ? ctx_strf(c->p->c, "(%s) %% %s", rest, dim) : rest);
    if (!last) last = ctx_strf(c->p->c, "i%d", a);
    if (d) cn_line(c, "const ptrdiff_t %s = %s, q%d = (%s) / %s;", last, i, a, rest, dim);
    else cn_line(c, "const ptrdiff_t %s = %s;", last, i);
    rest = ctx_strf(c->p->c, "q%d", a);
  }
}

static void levels(CNest *c, const NativeAxes *x, int *level) {
  for (int i = 0; i < x->n; i++) cn_values(c, -1, ++*level);
}

static DType sum_type(const Kernel *k) { return (DType)k->nest[0]->acc[0].type; }

/* One column, or a vector of them, whose axis is c->lane: column i - first of the sums. */
static void print_columns(CNest *c, int axis) {
  DType t = sum_type(c->k);
  if (c->lane >= 0)
    cn_line(c, "const %s s0 = gc_load_%s(c + (i%d - first));", cnv_type(t), t == DT_F64 ? "d" : "f", axis);
  for (int i = 0; i < c->n->nphase; i++) cn_values(c, i, c->n->nouter);
  for (int i = 0; i < c->n->nphase; i++) cn_stores(c, i, KS_OUTER);
}

/* Several axes of columns: runs along the last one, so that the loop over columns needs no division. */
static void column_loop(CNest *c, const NativeGemm *g, int *level) {
  const NativeAxes *x = &g->n;
  int last = x->axis[x->n - 1];
  const char *from = "n0", *to = "n0 + cols";
  int64_t extent;
  bool whole = dim_number(c->p->m, c->n->axes.axis[last].extent, &extent) && extent % c->vec == 0;
  if (x->n > 1) {
    cn_open_block(c, "for (long j0 = 0, wide; j0 < cols; j0 += wide)");
    split_index(c, x, "n0 + j0", "start");
    for (int i = 1; i < x->n; i++) cn_values(c, -1, ++*level);
    cn_line(c, "const ptrdiff_t first = start - j0;");
    cn_line(c, "wide = gc_min(cols - j0, %s - start);", x->dim[x->n - 1]);
    from = "first + j0", to = "first + j0 + wide";
  } else {
    cn_line(c, "const ptrdiff_t first = n0;");
  }
  if (c->lane >= 0) {
    c->p->vectors = true;
    c->p->doubles |= sum_type(c->k) == DT_F64;
    cn_lane_copies(c, last, from, to, c->vec, whole, print_columns, last);
    return;
  }
  cn_line(c, "GC_INDEPENDENT");
  cn_open_block(c, "for (ptrdiff_t i%d = %s; i%d < %s; i%d++)", last, from, last, to, last);
  cn_line(c, "const gc_real s0 = c[i%d - first];", last);
  print_columns(c, last);
}

/* Matrices in panels: of the panel that the columns are, the row that the sums are, so that column i lies at [i]. */
static void panel_rows(CNest *c, KNest *n, const NativeGemm *g) {
  bool done[64] = {false};
  for (int i = 1; i < n->nval + n->nstore; i++) {
    KVal *v = i < n->nval ? &n->val[i] : NULL;
    KStore *s = v ? NULL : &n->store[i - n->nval];
    if (v && (v->kind != KV_LOAD || !c->uses[i])) continue;
    int buf = v ? v->buf : s->buf;
    const KBuf *b = &c->k->buf[buf];
    Affine *at = v ? &v->at : &s->at, row = affine_const(0);
    if (!b->cols) continue;
    for (int a = 0; a < n->axes.n; a++)
      if (a != g->n.axis[0] && at->coef[a]) row.coef[a] = 1;
    const char *name = cn_buf(c, buf);
    if (buf < 64 && !done[buf])
      cn_line(c, "%s%s *const %s = %s_all + n0 * %lld + (%s) * cols - n0;", b->written ? "" : "const ",
              dtype_info[b->type].c, name, name, (long long)b->rows, c_affine(c->p, &row));
    if (buf < 64) done[buf] = true;
    *at = affine_axis(g->n.axis[0]);
    if (v) v->needs = 1u << g->n.axis[0] | v->needs;
  }
}

static void print_loops(CNest *c, KNest *n, const NativeGemm *g) {
  int level = 0, last = g->n.n ? g->n.axis[g->n.n - 1] : -1;
  cnv_choose(c);
  if (c->lane != last || !c->lane_outer) c->lane = -1;
  cn_values(c, -1, 0);
  split_index(c, &g->batch, "b", NULL);
  levels(c, &g->batch, &level);
  cn_open_block(c, "for (long r = 0; r < rows; r++, c += GC_PANEL)");
  if (!g->n.n) cn_line(c, "const gc_real s0 = c[0];"); /* one column: its values belong to the row's level */
  split_index(c, &g->m, "m0 + r", NULL);
  panel_rows(c, n, g);
  levels(c, &g->m, &level);
  if (g->n.n) column_loop(c, g, &level);
  else print_columns(c, last);
  while (c->indent > 1) cn_close_block(c);
}

const char *native_epilogue(CPrint *p, const Kernel *k, const NativeGemm *g) {
  Str s = {.c = p->c};
  KNest n = *k->nest[0];
  Args a = pass_params(p, k, g);
  bool made;
  n.phase = ctx_alloc(p->c, sizeof *n.phase * (size_t)n.nphase); /* without the sum, which is there */
  n.nacc = n.nouter = 0;
  const NativeAxes *const part[] = {&g->batch, &g->m, &g->n};
  for (int i = 0; i < 3; i++)
    for (int d = 0; d < part[i]->n; d++) n.outer[n.nouter++] = part[i]->axis[d];
  str_printf(&s, "(void *const *args, const gc_real *c, long b, long m0, long rows, long n0, long cols) {\n%s",
             a.n ? a.unpack.s : "");
  n.val = ctx_alloc(p->c, sizeof *n.val * (size_t)(n.nval + 1));
  memcpy(n.val, k->nest[0]->val, sizeof *n.val * (size_t)n.nval);
  n.store = ctx_alloc(p->c, sizeof *n.store * (size_t)(n.nstore + 1));
  memcpy(n.store, k->nest[0]->store, sizeof *n.store * (size_t)n.nstore);
  CNest c = cn_begin(p, k, &n, &s);
  c.panels_open = true;
  print_loops(&c, &n, g);
  str_puts(&s, "}\n");
  CKernel *e = c_intern(p, s.s, &made);
  if (made) {
    e->name = ctx_strf(p->c, "k%d_epilogue", p->nkernel - 1);
    c_put_kernel(p, "", e->name, s.s);
  }
  return e->name;
}

/* ---- the call ---- */

static void put_list(Str *s, const char *before, int n, const char *const *x, const char *after) {
  str_puts(s, before);
  for (int i = 0; i < n; i++) str_printf(s, "%s%s", i ? ", " : "", x[i]);
  str_puts(s, after);
}

static void put_axes(Str *s, const char *name, const NativeAxes *x, bool both) {
  if (!x->n) return;
  str_printf(s, "    .%s = {%d, ", name, x->n);
  put_list(s, "{", x->n, x->dim, "}, ");
  put_list(s, "{", x->n, x->s0, "}");
  if (both) put_list(s, ", {", x->n, x->s1, "}");
  str_puts(s, "},\n");
}

static void put_image(Str *s, const NativeImage *x) {
  if (!x->n) return;
  str_printf(s, "    .image = {%d, %d, {", x->n, x->last);
  for (int i = 0; i < x->n; i++) str_printf(s, "%s%d", i ? ", " : "", x->m[i]);
  str_puts(s, "}, {");
  for (int i = 0; i < x->n; i++) str_printf(s, "%s%d", i ? ", " : "", x->k[i]);
  put_list(s, "}, {", x->n, x->ms, "}, {");
  put_list(s, "", x->n, x->ks, "}, {");
  put_list(s, "", x->n, x->at, "}, {");
  put_list(s, "", x->n, x->size, "}},\n");
}

static const char *operand(CPrint *p, const Kernel *k, int buf, const char *at) {
  CNest c = {.p = p, .k = k};
  const char *x = cn_buf(&c, buf);
  return strcmp(at, "0") ? ctx_strf(p->c, "(%s + (%s))", x, at) : x;
}

void native_use(CPrint *p, DType t, bool half) {
  size_t n;
  p->gemm_type = t;
  p->gemm = p->o->carried("codegen/c/gemm.inc", &n);
  if (!half) return;
  p->gemm_half = p->o->carried("codegen/c/gemm_half.inc", &n);
  p->vectors = true;
  for (int t = 0; t < DT_COUNT; t++)
    if (dtype_is_half(t)) p->halves |= 1u << t, c_vprim_use(p, dtype_info[t].name);
}

void native_call(CPrint *p, const Kernel *k, const NativeGemm *g, const char *epilogue, Str *s) {
  Args a = pass_params(p, k, g);
  bool half = g->a_form || g->b_form;
  native_use(p, sum_type(k), half);
  if (g->before) str_puts(s, g->before);
  str_printf(s, "  void *const args[] = {%s};\n  const gc_gemm g = {\n    .a = %s%s, .b = %s%s,\n", a.n ? a.pack.s : "0",
             half ? "(const void *)" : "", operand(p, k, g->a_buf, g->a_at), half ? "(const void *)" : "",
             operand(p, k, g->b_buf, g->b_at));
  put_axes(s, "batch", &g->batch, true);
  put_axes(s, "m", &g->m, false);
  put_axes(s, "n", &g->n, false);
  put_axes(s, "k", &g->k, true);
  put_image(s, &g->image);
  if (g->panels) str_printf(s, "    .panels = %d, .prows = %lld,\n", g->panels, (long long)g->panel_rows);
  str_printf(s, "    .epilogue = %s, .args = args,\n  };\n", epilogue);
  if (half) str_printf(s, "  gc_contract_half(&(gc_half){g, %d, %d}, part, parts);\n", g->a_form, g->b_form);
  else str_puts(s, "  gc_contract(&g, part, parts);\n");
  if (g->after) str_puts(s, g->after);
}

static const Machine *machine_of(const CPrint *p) {
  return p->o->machine ? p->o->machine : machine_find("generic");
}

/* The part of a file in front of its body, or from there on. */
static void put_file(Str *out, const char *text, bool behind) {
  const char *body = text ? strstr(text, GEMM_BODY) : NULL;
  if (!body) return;
  if (behind) str_puts(out, body);
  else str_put(out, text, (size_t)(body - text));
  str_puts(out, "\n");
}

void native_print(CPrint *p, Str *out) {
  if (!p->gemm) return;
  tile_types(out, machine_of(p), p->gemm_type);
  str_printf(out, "enum { GC_EXACT = %d };\n", !p->o->contract);
  str_puts(out, "#ifdef __clang__\n#define GC_INDEPENDENT _Pragma(\"clang loop vectorize(assume_safety)\")\n#else\n"
                "#define GC_INDEPENDENT _Pragma(\"GCC ivdep\")\n#endif\n");
  put_file(out, p->gemm, false);
  put_file(out, p->gemm_half, false);
}

void native_print_body(CPrint *p, Str *out) {
  if (!p->gemm) return;
  tile_print(out, machine_of(p), p->gemm_type, p->o->contract);
  put_file(out, p->gemm, true);
  if (!p->gemm_half) return;
  size_t n;
  tile_print_pairs(out, machine_of(p));
  str_puts(out, p->o->carried("codegen/c/gemm_amx.inc", &n));
  put_file(out, p->gemm_half, true);
}
