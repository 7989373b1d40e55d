/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/c/microkernel.h"

typedef struct Microkernel {
  const Machine *mc;
  int mr, nv;
  bool pairs;
} Microkernel;

/* The multiply-adds of one k: the element of each row times the vectors of the right operand. What is prefetched does
 * not fit into the first cache. */
static void print_products(Str *o, const Microkernel *x) {
  str_puts(o, "      {\n        __builtin_prefetch(next, 0, 2), next += step;\n        gc_vec t");
  for (int j = 0; j < x->nv; j++) str_printf(o, ", b%d = *(const gc_vecu *)(b + %d)", j, j * x->mc->vec);
  str_puts(o, ";\n");
  for (int i = 0; i < x->mr; i++) {
    str_printf(
      o, x->pairs ? "        t = (gc_vec)(*(gc_int *)&a%d[o] - (gc_veci){0});" : "        t = a%d[o] - (gc_vec){0};",
      i);
    for (int j = 0; j < x->nv; j++)
      str_printf(o, x->pairs ? " GC_ADD_PAIR(c%d_%d, t, b%d);" : " c%d_%d += t * b%d;", i, j, j);
    str_puts(o, "\n");
  }
  str_printf(o, "        o += sk, b += %d;\n      }\n", PANEL_WIDTH);
}

static void print_accumulators(Str *o, const Machine *mc, int mr, int nv, const char *fmt) {
  for (int i = 0; i < mr; i++) {
    str_puts(o, "   ");
    for (int j = 0; j < nv; j++) str_printf(o, fmt, i, j, i * PANEL_WIDTH + j * mc->vec);
    str_puts(o, "\n");
  }
}

/* One named variable per accumulator: compilers keep those in registers, arrays often not. */
static void print_microkernel(Str *o, const Microkernel *t) {
  int mr = t->mr, nv = t->nv;
  str_printf(o,
             "static void gc_%s_%dx%d(const gc_ukernel_args *x, const gc_real *const *ap, "
             "const gc_real *const *bp,\n"
             "                        gc_real *c, int acc) {\n",
             t->pairs ? "pair" : "ukernel", mr, nv);
  for (int i = 0; i < mr; i++) {
    str_puts(o, "  gc_vec ");
    for (int j = 0; j < nv; j++) str_printf(o, "%sc%d_%d = {0}", j ? ", " : "", i, j);
    str_puts(o, ";\n");
  }
  str_puts(o, "  if (acc) {\n");
  print_accumulators(o, t->mc, mr, nv, " c%d_%d = *(gc_vecu *)(c + %d);");
  str_puts(o, "  }\n  const long len = x->len, sk = x->sk, step = x->step;\n  const gc_real *next = x->next;\n");
  str_puts(o, "  for (long s = 0; s < x->ns; s++, ap += x->lda) {\n    const gc_real *b = bp[s]");
  for (int i = 0; i < mr; i++) str_printf(o, ", *a%d = ap[%d] + x->ao[s]", i, i);
  str_puts(o, ";\n    long k = 0, o = 0;\n");
  if (mr >= t->mc->mr) { /* unrolled twice: the loop's own instructions cost 4 % */
    str_puts(o, "    for (; k + 2 <= len; k += 2) {\n");
    print_products(o, t);
    print_products(o, t);
    str_puts(o, "    }\n");
  }
  str_puts(o, "    for (; k < len; k++) {\n");
  print_products(o, t);
  str_puts(o, "    }\n  }\n");
  for (int i = 0; i < mr; i++) {
    str_puts(o, "   ");
    for (int j = 0; j < nv; j++)
      str_printf(o, " *(gc_vecu *)(c + %d) = c%d_%d;", i * PANEL_WIDTH + j * t->mc->vec, i, j);
    str_puts(o, "\n");
  }
  str_puts(o, "}\n\n");
}

/* All microkernels, and their table. */
static void print_microkernels(Str *o, const Machine *mc, bool pairs) {
  const char *name = pairs ? "pair" : "ukernel";
  for (int nv = mc->nv; nv; nv--) {
    for (int mr = 1; mr <= mc->mr; mr++) print_microkernel(o, &(Microkernel){mc, mr, nv, pairs});
    if (nv <= mc->nv / 2) print_microkernel(o, &(Microkernel){mc, 2 * mc->mr, nv, pairs}); /* hides latency */
  }
  str_printf(o, "static gc_ukernel_fn *const gc_%s[][2 * GC_MR + 1] = {\n", pairs ? "pair_ukernel" : "ukernel");
  for (int nv = mc->nv; nv; nv--) {
    str_puts(o, "  {0");
    for (int mr = 1; mr <= mc->mr; mr++) str_printf(o, ", gc_%s_%dx%d", name, mr, nv);
    if (nv <= mc->nv / 2) str_printf(o, ", [2 * GC_MR] = gc_%s_%dx%d", name, 2 * mc->mr, nv);
    str_puts(o, "},\n");
  }
  str_puts(o, "};\n");
}

/* ---- dots: both operands are contiguous along k, so the lanes of an accumulator are different k ---- */

/* Reduces each of `nv` vectors to one lane and stores the results. Pairs of vectors are added into one, half by half,
 * until one vector is left with a group of lanes for each result; the groups are reduced by halves. */
static void print_lane_reduction(Str *o, const Machine *mc, int row, int nv) {
  int w = mc->vec, group = w; /* lanes of one result */
  for (int n = nv; n > 1; n /= 2, group /= 2)
    for (int j = 0; j < n / 2; j++) {
      str_printf(o, "  c%d_%d =", row, j);
      for (int high = 0; high < 2; high++) {
        str_printf(o, "%s GC_SHUFFLE(c%d_%d, c%d_%d, ", high ? " +" : "", row, 2 * j, row, 2 * j + 1);
        for (int i = 0; i < w; i++) {
          int half = group / 2, from = i / half * group + i % half + (high ? half : 0);
          str_printf(o, "%s%d", i ? ", " : "", from);
        }
        str_puts(o, ")");
      }
      str_puts(o, ";\n");
    }
  for (int half = group / 2; half; half /= 2) {
    str_printf(o, "  c%d_0 += GC_SHUFFLE(c%d_0, c%d_0, ", row, row, row);
    for (int i = 0; i < w; i++) str_printf(o, "%s%d", i ? ", " : "", i ^ half);
    str_puts(o, ");\n");
  }
  for (int j = 0; j < nv; j++)
    str_printf(o, "%s c[%d] = c%d_0[%d];%s", j ? "" : " ", row * PANEL_WIDTH + j, row, j * group,
               j + 1 < nv ? "" : "\n");
}

static void print_dot(Str *o, const Machine *mc, int mr, int nv) {
  str_printf(o, "static void gc_dot_%d(const gc_dots *x, const gc_real *const *ap, gc_real *c) {\n", mr);
  for (int i = 0; i < mr; i++) {
    str_puts(o, "  gc_vec ");
    for (int j = 0; j < nv; j++) str_printf(o, "%sc%d_%d = {0}", j ? ", " : "", i, j);
    str_puts(o, ";\n");
  }
  str_puts(o, "  const long len = x->len;\n");
  for (int i = 0; i < mr; i++) str_printf(o, "%s*a%d = ap[%d]", i ? ", " : "  const gc_real ", i, i);
  str_puts(o, ";\n  for (long s = 0; s < x->ns; s++) {\n    const gc_real *b0 = x->b + s * x->step");
  for (int j = 1; j < nv; j++) str_printf(o, ", *b%d = b%d + x->ldb", j, j - 1);
  str_puts(o, ";\n    for (long k = 0; k < len; k += GC_VEC) {\n      gc_vec t");
  for (int j = 0; j < nv; j++) str_printf(o, ", v%d = *(const gc_vecu *)(b%d + k)", j, j);
  str_puts(o, ";\n");
  for (int i = 0; i < mr; i++) {
    str_printf(o, "      t = *(const gc_vecu *)(a%d + k), GC_KEEP_IN_REGISTER(t);", i);
    for (int j = 0; j < nv; j++) str_printf(o, " c%d_%d += t * v%d;", i, j, j);
    str_puts(o, "\n");
  }
  str_puts(o, "    }\n    ");
  for (int i = 0; i < mr; i++) str_printf(o, "a%d += len%s", i, i + 1 < mr ? ", " : ";\n  }\n");
  for (int i = 0; i < mr; i++) print_lane_reduction(o, mc, i, nv);
  str_puts(o, "}\n\n");
}

static void print_mask(Str *o, int w, int half, bool high) {
  for (int i = 0; i < w; i++) {
    int group = i / (2 * half), in = i % (2 * half), lane = group * 2 * half + in % half + (high ? half : 0);
    str_printf(o, "%s%d", i ? ", " : "", in < half ? lane : lane + w);
  }
}

/* A w by w transpose: log2(w) rounds exchange halves of ever smaller groups between rows at distances w/2, w/4, ... */
static void print_transpose(Str *o, int w) {
  str_puts(o, "/* d[i * ldd + j] = s[j * lds + i] for i, j < GC_VEC */\n"
              "static void gc_transpose(gc_real *d, long ldd, const gc_real *s, long lds) {\n");
  for (int i = 0; i < w; i++) str_printf(o, "  gc_vec r%d_0 = *(const gc_vecu *)(s + %d * lds);\n", i, i);
  int round = 0;
  for (int half = w / 2; half; half /= 2, round++)
    for (int i = 0; i < w; i++) {
      if (i & half) continue;
      for (int high = 0; high < 2; high++) {
        str_printf(o, "  gc_vec r%d_%d = GC_SHUFFLE(r%d_%d, r%d_%d, ", i + high * half, round + 1, i, round, i + half,
                   round);
        print_mask(o, w, half, high);
        str_puts(o, ");\n");
      }
    }
  for (int i = 0; i < w; i++) str_printf(o, "  *(gc_vecu *)(d + %d * ldd) = r%d_%d;\n", i, i, round);
  str_puts(o, "}\n\n");
}

/* For f64, half as many elements fit a vector or a cache block. */
static Machine machine_for(const Machine *mc, DType t) {
  Machine m = *mc;
  if (t == DT_F64) m.vec /= 2, m.kc /= 2, m.mc /= 2;
  return m;
}

void microkernel_types(Str *o, const Machine *machine, DType t) {
  const Machine m = machine_for(machine, t), *mc = &m;
  const char *real = dtype_info[t].c, *word = t == DT_F64 ? "long long" : "int";
  int bytes = mc->vec * dtype_info[t].bytes;
  str_printf(o,
             "enum { GC_VEC = %d, GC_MR = %d, GC_NV = %d, GC_NR = GC_NV * GC_VEC, GC_PANEL = %d, GC_KC = %d, "
             "GC_MC = %d };\n"
             "typedef %s gc_real;\n"
             "typedef gc_real gc_vec __attribute__((vector_size(%d)));\n"
             "typedef %s gc_veci __attribute__((vector_size(%d)));\n"
             "typedef gc_real gc_vecu __attribute__((vector_size(%d), aligned(%d), may_alias));\n"
             "#ifdef __clang__\n#define GC_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)\n"
             "#else\n#define GC_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (gc_veci){__VA_ARGS__})\n#endif\n"
             "/* The value is loaded once: compilers fold loads into each use, and loads are the bottleneck. */\n"
             "#if defined __x86_64__\n#define GC_KEEP_IN_REGISTER(v) __extension__({ __asm__(\"\" : \"+v\"(v)); })\n"
             "#elif defined __aarch64__\n#define GC_KEEP_IN_REGISTER(v) __extension__({ __asm__(\"\" : \"+w\"(v)); })\n"
             "#else\n#define GC_KEEP_IN_REGISTER(v) (void)0\n#endif\n"
             "/* Terms of a tile: `ns` segments of `len`. Row i begins at ap[s * lda + i] + ao[s], its elements\n"
             " * along k are sk apart. Memory at `next`, in steps of `step`, is prefetched. With `apart` above 0 row\n"
             " * i is i * apart after row 0, and tiles of AMX read no other pointer, unless there is a tail. */\n"
             "typedef struct gc_ukernel_args {\n  long ns, len, lda, sk;\n  const long *ao;\n  const gc_real *next;\n"
             "  long step, apart;\n} gc_ukernel_args;\n"
             "typedef void gc_ukernel_fn(const gc_ukernel_args *, const gc_real *const *, const gc_real *const *,\n"
             "                           gc_real *, int);\n"
             "/* Terms of a dot: `ns` segments of `len`, a multiple of GC_VEC, one after another in the rows ap[i];\n"
             " * column j of the right operand is b[s * step + j * ldb ...]. */\n"
             "typedef struct gc_dots { long ns, len, step, ldb; const gc_real *b; } gc_dots;\n"
             "typedef void gc_dot_fn(const gc_dots *, const gc_real *const *, gc_real *);\n\n",
             mc->vec, mc->mr, mc->nv, PANEL_WIDTH, mc->kc, mc->mc, real, bytes, word, bytes, bytes,
             dtype_info[t].bytes);
}

void microkernel_print(Str *o, const Machine *machine, DType t, bool dots) {
  const Machine m = machine_for(machine, t), *mc = &m;
  dots &= t == DT_F32;
  for (int mr = 1; mr <= mc->mr && dots; mr++) print_dot(o, mc, mr, mc->nv);
  str_puts(o, "/* gc_dot[rows]: rows by GC_NV columns; none in strict mode */\n"
              "static gc_dot_fn *const gc_dot[GC_MR + 1] = {0");
  for (int mr = 1; mr <= mc->mr && dots; mr++) str_printf(o, ", gc_dot_%d", mr);
  str_puts(o, "};\n\n");
  str_puts(o, "/* gc_ukernel[w][rows]: tiles of GC_NV - w vectors; twice GC_MR rows only up to half of GC_NV */\n");
  print_microkernels(o, mc, false);
  str_puts(o, "\n");
  print_transpose(o, mc->vec);
}

/* gc_narrow_pair rounds two vectors to one of bf16. */
void microkernel_pair_types(Str *o) {
  str_puts(o,
           "#if GC_FAST && GC_LANES == 16 && defined __AVX512BF16__\n"
           "#define GC_ADD_PAIR(c, a, b) __asm__(\"vdpbf16ps %2, %1, %0\" : \"+v\"(c) : \"v\"(a), \"v\"(b))\n"
           "static inline gc_vec gc_narrow_pair(gc_vec x, gc_vec y) {\n"
           "  gc_vec v;\n  __asm__(\"vcvtne2ps2bf16 %1, %2, %0\" : \"=v\"(v) : \"v\"(x), \"v\"(y));\n  return v;\n}\n"
           "#elif GC_FAST && GC_LANES == 4 && defined __ARM_FEATURE_BF16_VECTOR_ARITHMETIC\n"
           "#define GC_ADD_PAIR(c, a, b) "
           "__asm__(\"bfdot %0.4s, %1.8h, %2.8h\" : \"+w\"(c) : \"w\"(a), \"w\"(b))\n"
           "static inline gc_vec gc_narrow_pair(gc_vec x, gc_vec y) {\n"
           "  gc_vec v;\n"
           "  __asm__(\"bfcvtn %0.4h, %1.4s\\n\\tbfcvtn2 %0.8h, %2.4s\" : \"=&w\"(v) : \"w\"(x), \"w\"(y));\n"
           "  return v;\n}\n"
           "#endif\n"
           "#ifdef GC_ADD_PAIR\nenum { GC_PAIRS = 1 };\n"
           "typedef const int gc_int __attribute__((may_alias, aligned(2)));\n"
           "#else\nenum { GC_PAIRS = 0 };\n#define gc_narrow_pair(x, y) (x)\n#endif\n\n");
}

void microkernel_print_pairs(Str *o, const Machine *mc) {
  str_puts(o, "#ifdef GC_ADD_PAIR\n");
  print_microkernels(o, mc, true);
  str_puts(o, "#else\n#define gc_pair_ukernel gc_ukernel\n#endif\n\n");
}

/* gc_uses_dots of gemm.inc. */
static bool uses_dots(Module *m, const GemmDesc *g, const Machine *mc) {
  enum { ROWS = 96, LENGTH = 256 };
  int64_t columns, length;
  if (m->opt.strict || g->k.n != 1 || g->k.s0[0] != 1 || !dim_number(m, g->k.dim[0], &length)) return false;
  if (gemm_count(&g->m) > ROWS || length < LENGTH ||
      gemm_count(&g->n) != (double)(columns = (int64_t)gemm_count(&g->n)))
    return false;
  if (columns % mc->nv) return false;
  return g->panels == 2 || (!g->panels && g->n.n == 1 && g->k.s1[0] == 1 && length % mc->vec == 0);
}

const char *microkernel_tile(Module *m, const GemmDesc *g, DType t, const Machine *machine) {
  const Machine mc = machine_for(machine, t);
  int vecs = mc.nv, rows = mc.mr;
  if (g->a.storage || g->b.storage || g->taps.n || g->depthwise || g->weights || g->group) return NULL;
  if (uses_dots(m, g, &mc))
    return ctx_strf(m->c, "dot products of %d rows and %d columns at a time, along vectors of %d", rows, vecs, mc.vec);
  while (vecs > 1 && (vecs - 1) * mc.vec >= gemm_count(&g->n)) vecs--;
  if (2 * vecs <= mc.nv && gemm_count(&g->m) >= 2 * rows) rows *= 2;
  if (gemm_count(&g->m) < rows) rows = (int)gemm_count(&g->m);
  return ctx_strf(m->c, "register tiles of %d x %d, vectors of %d", rows, vecs * mc.vec, mc.vec);
}
