/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of a program, cut into texts that compile alone: with the primitives, functions and tables that they use.
 * A compiler takes most of its time for few kernels, those with main loops of tensor cores, so these are alone and
 * come first. */
#define _GNU_SOURCE
#include "codegen/cuda/cuda.h"
#include "codegen/cuda/definitions.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_KERNELS = 20 };           /* of a module */
static const double MAX_COST = 1000; /* of a module with several */

/* NVRTC defines neither these types nor ptrdiff_t, which the text does not use. */
static const char MODULE_PRELUDE[] =
  "#ifdef __CUDACC_RTC__\n"
  "typedef signed char int8_t; typedef unsigned char uint8_t; typedef short int16_t; typedef unsigned short uint16_t;\n"
  "typedef int int32_t; typedef unsigned uint32_t; typedef long int64_t; typedef unsigned long uint64_t;\n"
  "#else\n#include <stdint.h>\n#endif\n"
  "#ifdef __CUDACC__\n"
  "#pragma nv_diag_suppress 177 /* functions that are not used */\n"
  "#define GC_KERNEL(threads, blocks) extern \"C\" __global__ void __launch_bounds__(threads, blocks)\n"
  "#define GC_TABLE static __device__ const\n";

/* What takes NVRTC's time, in milliseconds of a busy core: a fit to the kernels of bench/models (13.0). Loops that the
 * text unrolls take less than those that the compiler does. */
static const struct {
  const char *text;
  double ms;
} COST[] = {{"for (", 25}, {"GC_UNROLL for (", -24}, {" p_", 25}, {"gc_mma", 50}, {"gc_wgmma_n", 200}};

static double cost_of(const Definition *x) {
  double ms = 10;
  for (size_t i = 0; i < sizeof COST / sizeof *COST; i++) {
    size_t n = strlen(COST[i].text);
    for (const char *s = x->text, *end = s + x->n; (s = memmem(s, (size_t)(end - s), COST[i].text, n)); s += n)
      ms += COST[i].ms;
  }
  return ms;
}

static int by_cost(const void *a, const void *b) {
  const CudaModule *x = a, *y = b;
  if (x->cost != y->cost) return x->cost > y->cost ? -1 : 1;
  return x->nkernel && y->nkernel ? strcmp(x->kernel[0], y->kernel[0]) : 0;
}

/* The function of several kernels that this one calls: its name, and the name's length; 0: none. */
static size_t called(const Definition *x, const char **name) {
  static const char *const begin[] = {"\n  gc_mma_", "\n  gc_simt_"};
  for (size_t i = 0; i < sizeof begin / sizeof *begin; i++) {
    const char *s = memmem(x->text, x->n, begin[i], strlen(begin[i]));
    if (!s) continue;
    *name = s + 3;
    return strcspn(*name, "(");
  }
  *name = NULL;
  return 0;
}

static bool call_the_same(const Definition *x, const Definition *y) {
  const char *a, *b;
  size_t n = called(x, &a), k = called(y, &b);
  return n && n == k && !memcmp(a, b, n);
}

/* ---- the kernels of a module ---- */

typedef struct Cut {
  const Definitions *d;
  bool *taken; /* by number of a definition: kernels of modules */
  Definition **kernel;
  int n; /* of kernel, which are those of the module that is being filled */
  double cost;
} Cut;

static double cost_of_called(const Cut *cut, const Definition *x) {
  const char *name;
  size_t n = called(x, &name);
  for (int i = 0; n && i < cut->d->n; i++) {
    const Definition *f = &cut->d->v[i];
    if (!f->kernel && f->name_n == n && !memcmp(f->name, name, n)) return cost_of(f);
  }
  return 0;
}

static bool fits(const Cut *cut, int n, double cost) {
  return cut->n + n <= MAX_KERNELS && cut->cost + cost <= MAX_COST;
}

/* Kernel k is free, and is kernel i or calls the same function. */
static bool goes_with(const Cut *cut, int i, int k) {
  const Definition *v = cut->d->v;
  return v[k].kernel && !cut->taken[k] && (k == i || call_the_same(&v[i], &v[k]));
}

/* Kernel i and those after it that call the same function, which few modules should compile: all of them or none, or as
 * many as an empty module can have. */
static void add_kernels(Cut *cut, int i) {
  const Definitions *d = cut->d;
  double function = cost_of_called(cut, &d->v[i]), cost = function;
  int n = 0;
  for (int k = i; k < d->n; k++)
    if (goes_with(cut, i, k)) n++, cost += cost_of(&d->v[k]);
  if (cut->n && !fits(cut, n, cost)) return;
  cut->cost += function;
  for (int k = i; k < d->n; k++) {
    if (!goes_with(cut, i, k) || (cut->n && !fits(cut, 1, cost_of(&d->v[k])))) continue;
    cut->taken[k] = true;
    cut->kernel[cut->n++] = &d->v[k];
    cut->cost += cost_of(&d->v[k]);
  }
}

/* The kernels of a module: those that call functions first. */
static bool fill(Cut *cut) {
  const char *name;
  cut->n = 0, cut->cost = 0;
  for (int others = 0; others < 2; others++)
    for (int i = 0; i < cut->d->n; i++) {
      const Definition *x = &cut->d->v[i];
      if (x->kernel && !cut->taken[i] && others == !called(x, &name)) add_kernels(cut, i);
    }
  return cut->n;
}

/* ---- modules ---- */

static void put_text(Emitter *p, const Definitions *d, CudaModule *m) {
  Str user = {.c = p->c}, prims = {.c = p->c}, prim_text = {.c = p->c};
  definitions_put(d, &user);
  prim_print_called(p, user.s, &prims);
  cuda_device_text(&prim_text, &prims);
  const Str *part[] = {&prim_text, &user};
  m->text = (Str){.c = p->c};
  str_puts(&m->text, MODULE_PRELUDE);
  primitives_print(p, part, 2, &m->text);
  interface_run(p, &m->text);
  for (int i = 0; i < 2; i++)
    if (part[i]->n) str_put(&m->text, part[i]->s, part[i]->n);
}

static CudaModule make_module(Emitter *p, Definitions *d, double cost, Definition *const *kernel, int n) {
  CudaModule m = {.cost = cost, .kernel = ctx_array(p->c, n, sizeof *m.kernel)};
  for (int i = 0; i < d->n; i++) d->v[i].used = false;
  for (int i = 0; i < n; i++) {
    m.kernel[m.nkernel++] = ctx_intern(p->c, kernel[i]->name, kernel[i]->name_n);
    kernel[i]->used = true;
    definitions_use(d, kernel[i]->text, kernel[i]->n);
  }
  put_text(p, d, &m);
  return m;
}

void cuda_modules(Emitter *p, Artifacts *a) {
  Ctx *c = p->c;
  Definitions d = {.c = c};
  Str helpers = {.c = c}, device = {.c = c};
  int cap = 0;
  helpers_print(p, &helpers);
  cuda_device_text(&device, &helpers);
  const Str *part[] = {&device, &p->tables, &p->cuda->loops, &p->cuda->checks, &p->kernels};
  for (size_t i = 0; i < sizeof part / sizeof *part; i++)
    if (part[i]->n) definitions_add(&d, part[i]->s, part[i]->n);
  Cut cut = {&d, ctx_array(c, d.n, sizeof *cut.taken), ctx_array(c, d.n, sizeof *cut.kernel), 0, 0};
  while (fill(&cut)) *VEC_PUSH(c, a->module, a->nmodule, cap) = make_module(p, &d, cut.cost, cut.kernel, cut.n);
  if (a->nmodule) qsort(a->module, (size_t)a->nmodule, sizeof *a->module, by_cost);
}
