/* SPDX-License-Identifier: Apache-2.0 */
/* The form of contractions that cuBLASLt computes (--gemm=cublaslt): its f32 sums go through scratch memory to a second
 * launch, which runs the epilogue. The library is the runtime's to find (runtime/product.c). */
#include "codegen/cuda/cuda.h"
#include "codegen/cuda/gemm_text.h"
#include <string.h>

enum { WORKSPACE_BYTES = 32 << 20, ALIGN = 256, MIN_ROWS = 9, MIN_TERMS = 16 };

static const GemmAxes *rows_of(const GemmDesc *g, bool is_a) { return is_a ? &g->m : &g->n; }

/* Rows and terms of an operand as axes of a matrix: one of them is contiguous, and the elements along it do not overlap
 * those of the next one. */
typedef struct Matrix {
  bool along_k;
  Dim stride, apart; /* from one row, or else term, to the next; from one matrix of the batch to the next */
} Matrix;

static bool is_one(Module *m, Dim d) {
  int64_t n;
  return dim_number(m, d, &n) && n == 1;
}

static bool lies_apart(Module *m, Dim stride, Dim contiguous, Dim count) {
  int64_t s, n;
  if (is_one(m, count) || stride == contiguous) return true;
  return dim_number(m, stride, &s) && dim_number(m, contiguous, &n) && s >= n;
}

static bool find_matrix(Module *m, const GemmDesc *g, bool is_a, Matrix *x) {
  Dim terms, rows, batch, along, across;
  if (!gemm_one_axis(m, &g->k, !is_a, &terms, &along) || !gemm_one_axis(m, rows_of(g, is_a), false, &rows, &across) ||
      !gemm_one_axis(m, &g->batch, !is_a, &batch, &x->apart))
    return false;
  x->along_k = is_one(m, along) || is_one(m, terms);
  x->stride = x->along_k ? across : along;
  if (!x->along_k && !is_one(m, across) && !is_one(m, rows)) return false;
  return lies_apart(m, x->stride, x->along_k ? terms : rows, x->along_k ? rows : terms);
}

static bool is_in_memory(const Kernel *k, const GemmOperand *o) {
  return (o->storage == OS_F32 || o->storage == OS_BF16 || o->storage == OS_F16) && !k->buf[o->load->buf].table;
}

/* At the bounds of run-time sizes; the workspace follows them. */
static int64_t sums_bytes(const GemmSize *s) {
  return (int64_t)(s->rows * s->cols * s->batch * sizeof(float)) / ALIGN * ALIGN + ALIGN;
}

static bool suits(const Kernel *k, const NestSchedule *s, FormShape *f) {
  Module *m = k->gs->g->m;
  Matrix a, b;
  GemmPlan *plan = !m->opt.library_gemm || m->opt.strict ? NULL : gemm_plan(k, s);
  if (!plan) return false;
  const GemmDesc *g = plan->g;
  GemmSize size = gemm_size(k, g);
  if (g->taps.n || g->nresidue || g->a.storage != g->b.storage || !is_in_memory(k, &g->a) || !is_in_memory(k, &g->b))
    return false;
  if (size.rows < MIN_ROWS || size.cols < MIN_ROWS || size.terms < MIN_TERMS) return false;
  if (!find_matrix(m, g, true, &a) || !find_matrix(m, g, false, &b)) return false;
  plan->splits = 1;
  *f = (FormShape){.launches = 2, .plan = plan};
  f->launch[0] = (LaunchShape){.grid[0] = {1, 1}, .block = CUDA_BLOCK, .library = g};
  f->launch[1] = gemm_second_launch(k, plan);
  f->scratch = sums_bytes(&size) + WORKSPACE_BYTES;
  return size.rows * size.batch < INT32_MAX && size.cols < INT32_MAX && size.terms < INT32_MAX;
}

static void print(Emitter *p, const Launch *l, Str *body) {
  GemmText c = gemm_text(p, l->step->kernel, l->plan, body);
  gemm_add_parts(&c);
}

/* ---- the call ---- */

static const char *operand_text(GraphText *c, const Kernel *k, const GemmOperand *o) {
  return ctx_strf(c->p->c, "(%s) + %s", argument_text(c, k, &k->arg[o->load->buf]), text_dim(c->p, o->offset));
}

static int kernel_index(const Emitter *p, const char *name) {
  int i = 0;
  while (strcmp(p->cuda->kernel[i].name, name)) i++;
  return i;
}

void cuda_product(GraphText *c, const Launch *l) {
  Emitter *p = c->p;
  Module *m = p->m;
  const Kernel *k = l->step->kernel;
  const GemmDesc *g = l->shape.library;
  Matrix a, b;
  const char *rows = text_dim(p, gemm_extent(m, g, &g->m)), *cols = text_dim(p, gemm_extent(m, g, &g->n));
  const char *terms = text_dim(p, gemm_extent(m, g, &g->k)), *batch = text_dim(p, gemm_extent(m, g, &g->batch));
  GemmSize size = gemm_size(k, g);
  long long at = (long long)launch_scratch_at(m);
  find_matrix(m, g, true, &a);
  find_matrix(m, g, false, &b);
  p->cuda->products = true;
  graph_stmt(c, "gc_product(stream, %d, (GcProduct){%s, %s, %s, %s, {%s, %s}, {%s, %s}, {%d, %d}, %d, %d, %d},",
             kernel_index(p, cuda_kernel(p, l)), rows, cols, terms, batch, text_dim(p, a.stride), text_dim(p, b.stride),
             text_dim(p, a.apart), text_dim(p, b.apart), a.along_k, b.along_k, k->buf[g->a.load->buf].type,
             WORKSPACE_BYTES, g->a.storage == OS_F32 && gemm_takes_tf32(k));
  graph_stmt(c, "           %s, %s, m + %lld, m + %lld);", operand_text(c, k, &g->a), operand_text(c, k, &g->b), at,
             at + (long long)sums_bytes(&size));
}

const Form form_gemm_library = {"cublaslt", suits, print};
