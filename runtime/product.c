/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "product.h"
#include "rt.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma weak dlopen
#pragma weak dlsym
#pragma weak dlclose
#pragma weak dlerror
#pragma weak dladdr

enum { /* cudaDataType, cublasComputeType_t */
       R_32F = 0,
       R_16F = 2,
       R_16BF = 14,
       COMPUTE_32F = 68,
       COMPUTE_32F_FAST_TF32 = 77
};
enum { /* attributes of descriptors, layouts, preferences */
       DESC_TRANSA = 3,
       DESC_TRANSB = 4,
       LAYOUT_BATCH = 5,
       LAYOUT_APART = 6,
       PREFER_WORKSPACE = 1,
       PREFER_REDUCTION = 3,
       PREFER_ALIGNMENT = 5 /* of a; b, c and d follow */
};
/* Of split sums: partial results in f32, added in order by a second kernel. */
enum { REDUCTION_COMPUTE_TYPE = 2 };
enum { MOST_PRODUCTS = 1024, MOST_ALIGNMENT = 256 };

typedef struct LtResult { /* cublasLtMatmulHeuristicResult_t */
  uint64_t algorithm[8];
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
} LtResult;

/* What the library has decided of a product whose operands are so aligned. */
typedef struct Product {
  GcProduct p;
  uint32_t alignment[3];
  void *desc, *a, *b, *d, *preference;
  LtResult best;
} Product;

typedef struct Products {
#define LT(name, parameters) int(*name) parameters;
#include "cublaslt.def"
#undef LT
  const char *(*status_name)(int status);
  void *library, *handle;
  Product *v;
  int n, replaced;
} Products;

/* ---- the library ---- */

static const char *const FILES[] = {
  "libcublasLt.so.13",
  "libcublasLt.so.12",
  "/usr/local/cuda/lib64/libcublasLt.so.13",
  "/usr/local/cuda/lib64/libcublasLt.so.12",
};

static const char *dl_text(void) {
  const char *why = dlerror ? dlerror() : NULL;
  return why ? why : "it cannot be loaded";
}

void *cublaslt_load(size_t *version, char *path, size_t n, const char **why) {
  const char *named = getenv("GRADC_CUBLASLT");
  bool any = !named || !*named;
  void *library = !dlopen ? NULL : any ? NULL : dlopen(named, RTLD_NOW | RTLD_LOCAL);
  for (int i = 0; dlopen && any && !library && i < COUNT(FILES); i++) library = dlopen(FILES[i], RTLD_NOW | RTLD_LOCAL);
  *why = library ? NULL : any ? "libcublasLt.so.13 and libcublasLt.so.12 are not there" : dl_text();
  size_t (*get)(void) = NULL;
  if (library) *(void **)(void *)&get = dlsym(library, "cublasLtGetVersion");
  if (library && !get) *why = "it is not cuBLASLt", dlclose(library), library = NULL;
  if (!library) return NULL;
  Dl_info info;
  *version = get();
  if (path) snprintf(path, n, "%s", dladdr(*(void **)(void *)&get, &info) && info.dli_fname ? info.dli_fname : "");
  return library;
}

static void *find(const Device *dev, void *library, const char *name) {
  return library ? dlsym(library, name) : dev->m->device->driver(name);
}

static _Noreturn void missing(const Device *dev, const char *why) {
  rt_die(E_GPU_CUBLASLT,
         "%s was compiled with --gemm=cublaslt, but cuBLASLt: %s\n"
         "install it (a CUDA toolkit, or the PyPI package nvidia-cublas), name its file in $GRADC_CUBLASLT, or compile "
         "with --gemm=generated",
         dev->m->name, why);
}

static void check(const Device *dev, int status, const char *what) {
  const char *name = status && dev->products->status_name ? dev->products->status_name(status) : NULL;
  if (status) rt_die(E_GPU_CUBLASLT, "%s: %s", what, name ? name : rt_printf("status %d", status));
}
#define CALL(dev, name, ...) check(dev, (dev)->products->name(__VA_ARGS__), #name)

void products_open(Device *dev) {
  static const char *const name[] = {
#define LT(name, parameters) #name,
#include "cublaslt.def"
#undef LT
  };
  if (!dev->m->device->products) return;
  Products *x = dev->products = rt_alloc(sizeof *x);
  const char *named = getenv("GRADC_CUBLASLT"), *why = NULL;
  size_t version;
  *x = (Products){.v = rt_array(MOST_PRODUCTS, sizeof *x->v)};
  if (!dev->m->device->driver || (named && *named)) {
    x->library = cublaslt_load(&version, NULL, 0, &why);
    if (!x->library) missing(dev, why);
  }
  void **to = (void **)(void *)x;
  for (int i = 0; i < COUNT(name); i++) {
    to[i] = find(dev, x->library, name[i]);
    if (!to[i]) missing(dev, rt_printf("it lacks %s: a version for CUDA 12 or later is needed", name[i]));
  }
  *(void **)(void *)&x->status_name = find(dev, x->library, "cublasLtGetStatusName");
  CALL(dev, cublasLtCreate, &x->handle);
}

static void free_product(const Products *x, Product *k) {
  if (k->preference) x->cublasLtMatmulPreferenceDestroy(k->preference);
  if (k->a) x->cublasLtMatrixLayoutDestroy(k->a);
  if (k->b) x->cublasLtMatrixLayoutDestroy(k->b);
  if (k->d) x->cublasLtMatrixLayoutDestroy(k->d);
  if (k->desc) x->cublasLtMatmulDescDestroy(k->desc);
  *k = (Product){0};
}

void products_close(Device *dev) {
  Products *x = dev->products;
  if (!x) return;
  for (int i = 0; i < x->n; i++) free_product(x, &x->v[i]);
  if (x->handle) x->cublasLtDestroy(x->handle);
  if (x->library) dlclose(x->library);
  rt_free(x->v);
  rt_free(x);
  dev->products = NULL;
}

/* ---- products ---- */

static uint32_t alignment(const void *p) {
  uintptr_t at = (uintptr_t)p, low = at & (~at + 1);
  return !low || low > MOST_ALIGNMENT ? MOST_ALIGNMENT : (uint32_t)low;
}

static int type_of(const GcProduct *p) { return p->dtype == GC_BF16 ? R_16BF : p->dtype == GC_F16 ? R_16F : R_32F; }

/* A matrix of which columns are contiguous, as the library has it. across: the elements from one column to the next. */
static void layout(Device *dev, void **to, int type, const int64_t *size, int64_t across, int64_t batch,
                   int64_t apart) {
  int32_t count = (int32_t)batch;
  int64_t ld = size[1] > 1 ? across : size[0];
  CALL(dev, cublasLtMatrixLayoutCreate, to, type, (uint64_t)size[0], (uint64_t)size[1], ld);
  if (batch == 1) return;
  CALL(dev, cublasLtMatrixLayoutSetAttribute, *to, LAYOUT_BATCH, &count, sizeof count);
  CALL(dev, cublasLtMatrixLayoutSetAttribute, *to, LAYOUT_APART, &apart, sizeof apart);
}

/* Operand i as the rows x terms matrix of the product, or as its transpose. */
static void operand(Device *dev, void **to, const GcProduct *p, int i, int64_t rows) {
  const int64_t along_k[] = {p->terms, rows}, along_rows[] = {rows, p->terms};
  layout(dev, to, type_of(p), p->along_k[i] ? along_k : along_rows, p->stride[i], p->batch, p->apart[i]);
}

static void prefer(Device *dev, Product *k, int attribute, const void *value, size_t n) {
  CALL(dev, cublasLtMatmulPreferenceSetAttribute, k->preference, attribute, value, n);
}

/* Since columns are contiguous there, the transpose of d is computed: that of b is the left operand. */
static void describe(Device *dev, Product *k) {
  const GcProduct *p = &k->p;
  int32_t left = p->along_k[1] != 0, right = !p->along_k[0];
  CALL(dev, cublasLtMatmulDescCreate, &k->desc, p->tf32 ? COMPUTE_32F_FAST_TF32 : COMPUTE_32F, R_32F);
  CALL(dev, cublasLtMatmulDescSetAttribute, k->desc, DESC_TRANSA, &left, sizeof left);
  CALL(dev, cublasLtMatmulDescSetAttribute, k->desc, DESC_TRANSB, &right, sizeof right);
  operand(dev, &k->b, p, 1, p->cols);
  operand(dev, &k->a, p, 0, p->rows);
  layout(dev, &k->d, R_32F, (const int64_t[]){p->cols, p->rows}, p->cols, p->batch, p->rows * p->cols);
}

static void choose(Device *dev, Product *k, const uint32_t *at) {
  Products *x = dev->products;
  uint64_t workspace = (uint64_t)k->p.workspace;
  uint32_t reduction = REDUCTION_COMPUTE_TYPE;
  const uint32_t aligned[] = {at[1], at[0], at[2], at[2]};
  int n = 0;
  CALL(dev, cublasLtMatmulPreferenceCreate, &k->preference);
  prefer(dev, k, PREFER_WORKSPACE, &workspace, sizeof workspace);
  prefer(dev, k, PREFER_REDUCTION, &reduction, sizeof reduction);
  for (int i = 0; i < 4; i++) prefer(dev, k, PREFER_ALIGNMENT + i, &aligned[i], sizeof aligned[i]);
  CALL(dev, cublasLtMatmulAlgoGetHeuristic, x->handle, k->desc, k->b, k->a, k->d, k->d, k->preference, 1, &k->best, &n);
  if (!n || k->best.state)
    rt_die(E_GPU_CUBLASLT,
           "cuBLASLt has no algorithm for %lld x %lld sums of %lld terms\ncompile with --gemm=generated",
           (long long)k->p.rows, (long long)k->p.cols, (long long)k->p.terms);
}

static Product *product_of(Device *dev, const GcProduct *p, const uint32_t *aligned) {
  Products *x = dev->products;
  for (int i = 0; i < x->n; i++)
    if (!memcmp(&x->v[i].p, p, sizeof *p) && !memcmp(x->v[i].alignment, aligned, sizeof x->v[i].alignment))
      return &x->v[i];
  Product *k = &x->v[x->n < MOST_PRODUCTS ? x->n++ : x->replaced++ % MOST_PRODUCTS];
  free_product(x, k);
  k->p = *p;
  describe(dev, k);
  choose(dev, k, aligned);
  memcpy(k->alignment, aligned, sizeof k->alignment); /* from now on it is found */
  return k;
}

void product_enqueue(Device *dev, const GcProduct *p, const void *a, const void *b, void *d, void *workspace) {
  static const float one = 1, zero = 0;
  if (!p->rows || !p->cols || !p->batch) return;
  if (!p->terms) {
    size_t bytes = (size_t)p->rows * (size_t)p->cols * (size_t)p->batch * sizeof(float);
    DEVICE_CALL(dev, cuMemsetD8Async, (uint64_t)(uintptr_t)d, 0, bytes, dev->stream);
    return;
  }
  Product *k = product_of(dev, p, (const uint32_t[]){alignment(a), alignment(b), alignment(d)});
  CALL(dev, cublasLtMatmul, dev->products->handle, k->desc, &one, b, k->b, a, k->a, &zero, d, k->d, d, k->d,
       k->best.algorithm, workspace, k->best.workspace, dev->stream);
}
