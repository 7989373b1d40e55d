/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the kernels of prim.cu and compares them with prim_ref.h; prints the hash of each result. */
#ifdef __CUDACC__
#include <cuda.h>
typedef struct Device {
  uint32_t *in, *out;
  GcTensorMap map2, map3, map_out;
  int arch;
} Device;
static void must(cudaError_t e) {
  if (e == cudaSuccess) return;
  printf("%s\n", cudaGetErrorString(e));
  exit(1);
}
typedef CUresult Encode(CUtensorMap *, CUtensorMapDataType, cuuint32_t, void *, const cuuint64_t *, const cuuint64_t *,
                        const cuuint32_t *, const cuuint32_t *, CUtensorMapInterleave, CUtensorMapSwizzle,
                        CUtensorMapL2promotion, CUtensorMapFloatOOBfill);
static void make_map(GcTensorMap *m, void *p, int rank, const cuuint64_t *size, const cuuint32_t *box) {
  cuuint64_t stride[2] = {size[0] * 2, rank > 2 ? size[0] * size[1] * 2 : 0};
  cuuint32_t one[3] = {1, 1, 1};
  void *f = NULL;
  cudaDriverEntryPointQueryResult found;
  must(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &f, 12000, cudaEnableDefault, &found));
  CUresult r = ((Encode *)f)((CUtensorMap *)m, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, (cuuint32_t)rank, p, size, stride, box,
                             one, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                             CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (r) printf("cuTensorMapEncodeTiled: %d\n", (int)r), exit(1);
}
static void open_device(Device *d, const uint32_t *in) {
  const cuuint64_t size2[] = {COLS, ROWS}, size3[] = {COLS3, ROWS3, PLANES3}, size_out[] = {OUT_COLS, OUT_ROWS};
  const cuuint32_t box2[] = {64, BOX_ROWS}, box3[] = {64, BOX3_ROWS, BOX3_PLANES};
  cudaDeviceProp prop;
  must(cudaGetDeviceProperties(&prop, 0));
  d->arch = prop.major * 10 + (prop.major == 9); /* 91: sm_90a */
  must(cudaMalloc((void **)&d->in, INPUTS * 4));
  must(cudaMalloc((void **)&d->out, MAX_OUT * 4));
  must(cudaMemcpy(d->in, in, INPUTS * 4, cudaMemcpyHostToDevice));
  if (d->arch < 90) return;
  make_map(&d->map2, d->in, 2, size2, box2);
  make_map(&d->map3, d->in, 3, size3, box3);
  make_map(&d->map_out, d->out, 2, size_out, box2);
}
static int run(Device *d, const void *kernel, const char *name, int threads, int shared, uint32_t *out) {
  dim3 grid = !strcmp(name, "index") ? dim3(3, 2, 2) : dim3(1);
  void *args[] = {&d->in, &d->out, &d->map2, &d->map3, &d->map_out};
  must(cudaMemset(d->out, 0, MAX_OUT * 4));
  must(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared));
  must(cudaLaunchKernel(kernel, grid, dim3((unsigned)threads), args, (size_t)shared, 0));
  must(cudaDeviceSynchronize());
  must(cudaMemcpy(out, d->out, MAX_OUT * 4, cudaMemcpyDeviceToHost));
  return 1;
}
#define KERNEL(name) (const void *)k_##name
typedef const void *KernelFn;
#else
typedef struct Device {
  uint32_t *in, *out;
  GcTensorMap map2, map3, map_out;
  int arch;
} Device;
typedef GcThunk *KernelFn;
static void open_device(Device *d, const uint32_t *in) {
  d->arch = 91;
  d->in = gc_host_alloc(INPUTS * 4), d->out = gc_host_alloc(MAX_OUT * 4);
  memcpy(d->in, in, INPUTS * 4);
  gc_host_wrote(d->in, INPUTS * 4);
  d->map2 = (GcTensorMap){(char *)d->in, {COLS, ROWS, 1}, {COLS * 2, 0}, {64, BOX_ROWS, 1}};
  d->map3 = (GcTensorMap){
    (char *)d->in,
    {COLS3, ROWS3, PLANES3},
    {COLS3 * 2, COLS3 * ROWS3 * 2},
    {64, BOX3_ROWS, BOX3_PLANES},
  };
  d->map_out = (GcTensorMap){(char *)d->out, {OUT_COLS, OUT_ROWS, 1}, {OUT_COLS * 2, 0}, {64, BOX_ROWS, 1}};
}
#define THUNK(name, ...) \
  static void call_##name(void *const *a) { \
    const GcTensorMap *const *m = (const GcTensorMap *const *)(a + 2); \
    k_##name(*(uint32_t *const *)a[0], *(uint32_t *const *)a[1], *m[0], *m[1], *m[2]); \
  }
PRIMS(THUNK)
#define KERNEL(name) call_##name
/* In each order, early and late: the same result each time. */
static int run(Device *d, KernelFn kernel, const char *name, int threads, int shared, uint32_t *out) {
  void *args[] = {&d->in, &d->out, &d->map2, &d->map3, &d->map_out};
  GcLaunchDims dims = {{1, 1, 1}, threads, shared};
  int same = 1;
  if (!strcmp(name, "index")) dims.grid[0] = 3, dims.grid[1] = dims.grid[2] = 2;
  for (int i = 0; i < 6; i++) {
    gc_host.order = (GcOrder)(i % 3), gc_host.late = i < 3 ? GC_LATE_COPY | GC_LATE_MMA : 0, gc_host.seed = (uint32_t)i;
    gc_host.workers = i == 5 ? 3 : 1, gc_host.no_checks = i == 5;
    memset(d->out, 0, MAX_OUT * 4);
    same &= gc_host_launch(name, kernel, args, dims);
    if (i && memcmp(out, d->out, MAX_OUT * 4)) same = 0;
    memcpy(out, d->out, MAX_OUT * 4);
  }
  return same;
}
#endif

int main(void) {
  static const struct {
    const char *name;
    KernelFn kernel;
    int threads, shared, words, arch;
  } prim[] = {
#define ROW(name, threads, shared, words, arch) {#name, KERNEL(name), threads, shared, words, arch},
    PRIMS(ROW)};
  static uint32_t in[INPUTS], out[MAX_OUT], want[MAX_OUT];
  Device d = {};
  int passed = 0, failed = 0;
  make_inputs(in);
  open_device(&d, in);
  for (size_t i = 0; i < sizeof prim / sizeof *prim; i++) {
    if (prim[i].arch == 91 ? d.arch != 91 : prim[i].arch > d.arch) continue;
    int ok = run(&d, prim[i].kernel, prim[i].name, prim[i].threads, prim[i].shared, out);
    int at = 0, inexact = !strcmp(prim[i].name, "approximate");
    uint64_t hash = 0;
    reference(prim[i].name, in, want);
    while (at < prim[i].words && out[at] == want[at]) at++;
    for (int k = 0; k < prim[i].words; k++) hash = (hash ^ out[k]) * 0x9e3779b97f4a7c15u, hash ^= hash >> 29;
    if (inexact) ok &= approximation_error(out) <= 2.5;
    else if (at < prim[i].words) ok = 0, printf("%s: word %d is %08x, not %08x\n", prim[i].name, at, out[at], want[at]);
    if (!ok) printf("FAIL  %s\n", prim[i].name);
    ok ? passed++ : failed++;
    if (inexact) printf("approximate\t%.2f ulp\n", approximation_error(out));
    else printf("%s\t%016llx\n", prim[i].name, (unsigned long long)hash);
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
