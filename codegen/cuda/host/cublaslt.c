/* SPDX-License-Identifier: Apache-2.0 */
/* cuBLASLt over the host form: what it is asked for is checked as the library's documentation has it, and more. The
 * sums are made by a kernel, so they are ordered, checked and reported as all work is. */
#include "codegen/cuda/host/cublaslt.h"
#include "codegen/cuda/host/driver_state.h"
#include "codegen/cuda/host/host.h"
#include <stdlib.h>
#include <string.h>

enum { THREADS = 256 };

typedef struct Handle {
  Context *context;
  Function function;
} Handle;
typedef struct Desc {
  int32_t trans[2];
  bool tf32;
} Desc;
typedef struct Layout {
  int type;
  uint64_t rows, cols; /* columns are contiguous */
  int64_t ld, apart;
  int32_t batch;
} Layout;
typedef struct Preference {
  uint64_t workspace;
  uint32_t reduction, alignment[4];
} Preference;

#define REFUSE(...) return call_refuse((CUresult)CUBLAS_STATUS_INVALID_VALUE, __VA_ARGS__)
#define NOT_HERE(...) return call_refuse((CUresult)CUBLAS_STATUS_NOT_SUPPORTED, __VA_ARGS__)

const char *cublasLtGetStatusName(int status) {
  switch (status) {
  case CUBLAS_STATUS_SUCCESS: return "CUBLAS_STATUS_SUCCESS";
  case CUBLAS_STATUS_NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
  case CUBLAS_STATUS_INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
  case CUBLAS_STATUS_NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
  default: return NULL;
  }
}
size_t cublasLtGetVersion(void) { return 120400; }

/* ---- the product ---- */

/* d[n][m] = sums of a[k][m] * b[n][k], batch times; strides in elements. */
typedef struct Sums {
  const unsigned char *a, *b;
  float *d, *parts; /* parts: of the second half of k; NULL: it is not split */
  int64_t m, n, k, batch;
  int64_t am, ak, bn, bk, dn, apart[3];
  int type;
  bool tf32; /* operands are rounded */
} Sums;

static int element_bytes(int type) { return type == CUDA_R_32F ? 4 : 2; }

static float element(const Sums *s, const unsigned char *p, int64_t at) {
  int bytes = element_bytes(s->type);
  uint16_t half;
  float x;
  p += at * bytes;
  access_here(p, bytes, false, NULL);
  if (bytes == 4) return memcpy(&x, p, 4), s->tf32 ? float_of(gc_tf32(x)) : x;
  memcpy(&half, p, 2);
  return s->type == CUDA_R_16BF ? bf16_to_f32(half) : f16_to_f32(half);
}

static float sum(const Sums *s, int64_t m, int64_t n, int64_t batch, int64_t from, int64_t to) {
  float x = 0;
  for (int64_t k = from; k < to; k++)
    x += element(s, s->a, m * s->am + k * s->ak + batch * s->apart[0]) *
         element(s, s->b, n * s->bn + k * s->bk + batch * s->apart[1]);
  return x;
}

static void put(float *p, float x) {
  access_here(p, sizeof *p, true, NULL);
  *p = x;
}

static void sums_thread(void *const *arg) {
  const Sums *s = arg[0];
  int64_t i = (int64_t)gc_block() * THREADS + gc_thread(), half = s->parts ? s->k / 2 : s->k;
  if (i >= s->m * s->n * s->batch) return;
  int64_t m = i % s->m, n = i / s->m % s->n, batch = i / s->m / s->n;
  float x = sum(s, m, n, batch, 0, half);
  if (s->parts) {
    float *part = &s->parts[s->m * s->n * s->batch - 1 - i]; /* so that memory shared with the sums is a race */
    put(part, sum(s, m, n, batch, half, s->k));
    x += *part;
  }
  put(&s->d[m + n * s->dn + batch * s->apart[2]], x);
}

static const unsigned short PARAM[] = {sizeof(Sums), 0};
static const GcHostKernel KERNEL = {"cublasLtMatmul", sums_thread, PARAM, 0, NULL};

/* ---- objects ---- */

static int create(void **handle) {
  Handle *h = calloc(1, sizeof *h);
  h->context = context_current();
  function_init(&h->function, h->context, &KERNEL);
  *handle = handle_new(H_LT, h);
  return CUBLAS_STATUS_SUCCESS;
}
int cublasLtCreate(void **handle) { return (int)CALL((CUresult)create(handle)); }

/* `keep`: work that is not done may refer to it. */
static int destroy(HandleKind kind, void *handle, bool keep) {
  void *x = handle_get(kind, handle);
  if (!x) return CUBLAS_STATUS_INVALID_VALUE;
  handle_drop(handle);
  if (!keep) free(x);
  return CUBLAS_STATUS_SUCCESS;
}
int cublasLtDestroy(void *handle) { return (int)CALL((CUresult)destroy(H_LT, handle, true)); }

static int desc_create(void **desc, int compute, int scale) {
  bool tf32 = compute == CUBLAS_COMPUTE_32F_FAST_TF32;
  if ((compute != CUBLAS_COMPUTE_32F && !tf32) || scale != CUDA_R_32F) NOT_HERE("sums are f32 here");
  Desc *x = calloc(1, sizeof *x);
  x->tf32 = tf32;
  *desc = handle_new(H_LT_DESC, x);
  return CUBLAS_STATUS_SUCCESS;
}
int cublasLtMatmulDescCreate(void **desc, int compute, int scale) {
  return (int)CALL_FREE((CUresult)desc_create(desc, compute, scale));
}
static int desc_set(void *desc, int attribute, const void *value, size_t n) {
  Desc *x = handle_get(H_LT_DESC, desc);
  int i = attribute - CUBLASLT_MATMUL_DESC_TRANSA;
  if (!x) return CUBLAS_STATUS_INVALID_VALUE;
  if (i != 0 && i != 1) NOT_HERE("attribute %d of a product", attribute);
  if (n != sizeof x->trans[i]) REFUSE("attribute %d has %zu bytes", attribute, n);
  memcpy(&x->trans[i], value, n);
  if (x->trans[i] != 0 && x->trans[i] != 1) REFUSE("operation %d", (int)x->trans[i]);
  return CUBLAS_STATUS_SUCCESS;
}
int cublasLtMatmulDescSetAttribute(void *desc, int attribute, const void *value, size_t n) {
  return (int)CALL_FREE((CUresult)desc_set(desc, attribute, value, n));
}
int cublasLtMatmulDescDestroy(void *desc) { return (int)CALL_FREE((CUresult)destroy(H_LT_DESC, desc, false)); }

static int layout_create(void **layout, int type, uint64_t rows, uint64_t cols, int64_t ld) {
  if (type != CUDA_R_32F && type != CUDA_R_16F && type != CUDA_R_16BF) NOT_HERE("type %d", type);
  if (!rows || !cols || rows > INT32_MAX || cols > INT32_MAX)
    REFUSE("%llu x %llu elements", (gc_u64)rows, (gc_u64)cols);
  if (ld < (int64_t)rows) REFUSE("columns of %llu elements, %lld apart", (gc_u64)rows, (gc_i64)ld);
  Layout *x = calloc(1, sizeof *x);
  *x = (Layout){type, rows, cols, ld, 0, 1};
  *layout = handle_new(H_LT_LAYOUT, x);
  return CUBLAS_STATUS_SUCCESS;
}
int cublasLtMatrixLayoutCreate(void **layout, int type, uint64_t rows, uint64_t cols, int64_t ld) {
  return (int)CALL_FREE((CUresult)layout_create(layout, type, rows, cols, ld));
}
static int layout_set(void *layout, int attribute, const void *value, size_t n) {
  Layout *x = handle_get(H_LT_LAYOUT, layout);
  bool batch = attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT;
  if (!x) return CUBLAS_STATUS_INVALID_VALUE;
  if (!batch && attribute != CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET) NOT_HERE("attribute %d", attribute);
  if (n != (batch ? sizeof x->batch : sizeof x->apart)) REFUSE("attribute %d has %zu bytes", attribute, n);
  memcpy(batch ? (void *)&x->batch : (void *)&x->apart, value, n);
  if (x->batch < 1) REFUSE("a batch of %d", (int)x->batch);
  return CUBLAS_STATUS_SUCCESS;
}
int cublasLtMatrixLayoutSetAttribute(void *layout, int attribute, const void *value, size_t n) {
  return (int)CALL_FREE((CUresult)layout_set(layout, attribute, value, n));
}
int cublasLtMatrixLayoutDestroy(void *layout) { return (int)CALL_FREE((CUresult)destroy(H_LT_LAYOUT, layout, false)); }

static int preference_create(void **preference) {
  Preference *x = calloc(1, sizeof *x);
  *x = (Preference){0, 7, {256, 256, 256, 256}}; /* as those of the library */
  *preference = handle_new(H_LT_PREFERENCE, x);
  return CUBLAS_STATUS_SUCCESS;
}
int cublasLtMatmulPreferenceCreate(void **preference) {
  return (int)CALL_FREE((CUresult)preference_create(preference));
}
static int preference_set(void *preference, int attribute, const void *value, size_t n) {
  Preference *x = handle_get(H_LT_PREFERENCE, preference);
  if (!x) return CUBLAS_STATUS_INVALID_VALUE;
  bool workspace = attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
  int aligned = attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
  if (!workspace && attribute != CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK && (aligned < 0 || aligned > 3))
    NOT_HERE("attribute %d", attribute);
  if (n != (workspace ? sizeof x->workspace : sizeof x->reduction)) REFUSE("attribute %d has %zu bytes", attribute, n);
  memcpy(workspace                    ? (void *)&x->workspace
         : aligned < 0 || aligned > 3 ? (void *)&x->reduction
                                      : (void *)&x->alignment[aligned],
         value, n);
  return CUBLAS_STATUS_SUCCESS;
}
int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const void *value, size_t n) {
  return (int)CALL_FREE((CUresult)preference_set(preference, attribute, value, n));
}
int cublasLtMatmulPreferenceDestroy(void *preference) {
  return (int)CALL_FREE((CUresult)destroy(H_LT_PREFERENCE, preference, false));
}

/* ---- calls ---- */

/* Of a product: what its descriptors are, and the sums without addresses. */
typedef struct Problem {
  const Desc *desc;
  const Layout *a, *b, *c, *d;
  Sums sums;
} Problem;

static int find(Problem *p, void *desc, void *a, void *b, void *c, void *d) {
  *p = (Problem){handle_get(H_LT_DESC, desc), handle_get(H_LT_LAYOUT, a), handle_get(H_LT_LAYOUT, b),
                 handle_get(H_LT_LAYOUT, c),  handle_get(H_LT_LAYOUT, d), {0}};
  return p->desc && p->a && p->b && p->c && p->d ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

static int check_problem(Problem *p) {
  const Layout *a = p->a, *b = p->b, *d = p->d;
  bool ta = p->desc->trans[0], tb = p->desc->trans[1];
  Sums *s = &p->sums;
  *s = (Sums){
    .type = a->type, .batch = d->batch, .dn = d->ld, .apart = {a->apart, b->apart, d->apart}, .tf32 = p->desc->tf32};
  s->m = (int64_t)(ta ? a->cols : a->rows), s->k = (int64_t)(ta ? a->rows : a->cols);
  s->n = (int64_t)(tb ? b->rows : b->cols);
  s->am = ta ? a->ld : 1, s->ak = ta ? 1 : a->ld, s->bn = tb ? 1 : b->ld, s->bk = tb ? b->ld : 1;
  if (s->k != (int64_t)(tb ? b->cols : b->rows) || s->m != (int64_t)d->rows || s->n != (int64_t)d->cols)
    REFUSE("%lld x %lld sums of %lld terms from operands of other sizes", (gc_i64)d->rows, (gc_i64)d->cols,
           (gc_i64)s->k);
  if (a->batch != d->batch || b->batch != d->batch) REFUSE("batches of different sizes");
  if (s->tf32 && a->type != CUDA_R_32F) NOT_HERE("tf32 of operands that are not f32");
  if (a->type != b->type || d->type != CUDA_R_32F) NOT_HERE("operands of different types, or results that are not f32");
  if (p->c != d) NOT_HERE("c and d of different layouts");
  if (d->batch > 1 && d->apart < d->ld * (int64_t)d->cols) REFUSE("results of a batch overlap");
  return CUBLAS_STATUS_SUCCESS;
}

/* The algorithm is for this problem, and splits k in two if it may, and if the workspace holds the partial sums. */
static uint64_t problem_hash(const Problem *p) {
  uint64_t h = 1469598103934665603u;
  const int64_t v[] = {p->sums.m,        p->sums.n,        p->sums.k,        p->sums.batch, p->sums.am,
                       p->sums.ak,       p->sums.bn,       p->sums.bk,       p->sums.dn,    p->sums.type,
                       p->sums.apart[0], p->sums.apart[1], p->sums.apart[2], p->sums.tf32};
  for (size_t i = 0; i < sizeof v / sizeof *v; i++) h = (h ^ (uint64_t)v[i]) * 1099511628211u;
  return h;
}

static int heuristic(void *handle, Problem *p, void *preference, int most, LtHeuristic *result, int *n) {
  const Preference *x = handle_get(H_LT_PREFERENCE, preference);
  if (!handle_get(H_LT, handle) || !x) return CUBLAS_STATUS_INVALID_VALUE;
  int e = check_problem(p), bytes = element_bytes(p->sums.type);
  if (e) return e;
  if (most < 1) REFUSE("no result is asked for");
  *n = !getenv("GC_DRIVER_NO_ALGORITHM") && x->alignment[0] >= (uint32_t)bytes && x->alignment[1] >= (uint32_t)bytes &&
       x->alignment[3] >= 4;
  if (!*n) return CUBLAS_STATUS_SUCCESS;
  size_t parts = (size_t)p->sums.m * (size_t)p->sums.n * (size_t)p->sums.batch * sizeof(float);
  if (!(x->reduction & CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE) || parts > x->workspace || p->sums.k < 2) parts = 0;
  *result = (LtHeuristic){.workspaceSize = parts, .wavesCount = 1};
  result->algo.data[0] = problem_hash(p), result->algo.data[1] = parts;
  for (int i = 0; i < 4; i++) result->algo.data[2 + i] = x->alignment[i];
  return CUBLAS_STATUS_SUCCESS;
}
int cublasLtMatmulAlgoGetHeuristic(void *handle, void *desc, void *a, void *b, void *c, void *d, void *preference,
                                   int most, LtHeuristic *result, int *n) {
  Problem p;
  return (int)CALL((CUresult)(find(&p, desc, a, b, c, d) ?: heuristic(handle, &p, preference, most, result, n)));
}

static size_t matrix_bytes(const Layout *x) {
  int64_t last = (x->batch - 1) * x->apart + ((int64_t)x->cols - 1) * x->ld + (int64_t)x->rows;
  return (size_t)last * (size_t)element_bytes(x->type);
}

static int check_addresses(const Problem *p, const LtAlgorithm *algorithm, const void *workspace, size_t n) {
  const struct {
    const void *at;
    size_t bytes;
    uint64_t alignment;
    const char *what;
  } area[] = {
    {p->sums.a, matrix_bytes(p->a), algorithm->data[2], "a"},
    {p->sums.b, matrix_bytes(p->b), algorithm->data[3], "b"},
    {p->sums.d, matrix_bytes(p->d), algorithm->data[5], "d"},
    {workspace, n, 16, "the workspace"},
  };
  for (size_t i = 0; i < sizeof area / sizeof *area; i++) {
    if (!area[i].bytes) continue;
    if ((uintptr_t)area[i].at % area[i].alignment)
      REFUSE("%s is not aligned to %llu bytes, as was promised", area[i].what, (gc_u64)area[i].alignment);
    if (memory_check(area[i].at, area[i].bytes, area[i].what)) return CUBLAS_STATUS_INVALID_VALUE;
  }
  return CUBLAS_STATUS_SUCCESS;
}

static int matmul(void *handle, Problem *p, const float *scale, const LtAlgorithm *algorithm, void *workspace, size_t n,
                  CUstream on) {
  Handle *h = handle_get(H_LT, handle);
  Stream *stream = stream_get(on);
  Work w;
  if (!h || !stream) return CUBLAS_STATUS_INVALID_VALUE;
  if (h->context != context_current()) REFUSE("a handle of another context");
  const void *const at[] = {p->sums.a, p->sums.b, p->sums.d};
  int e = check_problem(p);
  if (e) return e;
  p->sums.a = at[0], p->sums.b = at[1], p->sums.d = (float *)(uintptr_t)at[2];
  if (scale[0] != 1 || scale[1] != 0) NOT_HERE("alpha is 1 and beta 0 here");
  if (!algorithm || algorithm->data[0] != problem_hash(p)) REFUSE("an algorithm for another product");
  if (n < algorithm->data[1]) REFUSE("a workspace of %zu bytes, %llu are needed", n, (gc_u64)algorithm->data[1]);
  if ((e = check_addresses(p, algorithm, workspace, n))) return e;
  p->sums.parts = algorithm->data[1] ? workspace : NULL;
  int64_t blocks = (p->sums.m * p->sums.n * p->sums.batch + THREADS - 1) / THREADS;
  LaunchShape shape = {{(unsigned)blocks, 1, 1}, {THREADS, 1, 1}, 0};
  void *param[] = {&p->sums};
  if (launch_make(&w, h->function.handle, &shape, param, NULL)) return CUBLAS_STATUS_INVALID_VALUE;
  work_on(stream, &w);
  return CUBLAS_STATUS_SUCCESS;
}
int cublasLtMatmul(void *handle, void *desc, const void *alpha, const void *a, void *layout_a, const void *b,
                   void *layout_b, const void *beta, const void *c, void *layout_c, void *d, void *layout_d,
                   const LtAlgorithm *algorithm, void *workspace, size_t n, void *stream) {
  Problem p;
  const float scale[] = {*(const float *)alpha, *(const float *)beta};
  (void)c;
  return (int)CALL((CUresult)(find(&p, desc, layout_a, layout_b, layout_c, layout_d)
                                ?: (p.sums.a = a, p.sums.b = b, p.sums.d = d,
                                    matmul(handle, &p, scale, algorithm, workspace, n, stream))));
}
