/* SPDX-License-Identifier: Apache-2.0 */
/* The device primitives of device.inc on a CPU: CUDA kernels, compiled as C over this header, run under schedules that
 * the caller chooses. docs/cuda_host.md describes the host form; host/ implements it. */
#ifndef GC_DEVICE_HOST_H
#define GC_DEVICE_HOST_H
#include <stddef.h>
#include <stdint.h>

typedef long long gc_i64;
typedef unsigned long long gc_u64;
#define GC_KERNEL(threads, blocks) static void
#define GC_DEVICE static inline __attribute__((unused))
#define GC_DEVICE_CALLED static __attribute__((noinline, unused))
#define GC_PARAM const
#define GC_UNROLL
#define GC_ROLLED
#define GC_TMA 1
#define GC_WGMMA 1
typedef uint32_t gc_saddr;
/* A tensor of 16-bit elements, the fastest axis first, and the box that one copy moves. stride[0] is that of axis 1. */
typedef struct GcTensorMap {
  char *p;
  gc_i64 size[3], stride[2];
  int box[3];
} GcTensorMap;

int gc_thread(void);
int gc_block(void);
int gc_block_y(void);
int gc_block_z(void);
int gc_grid(void);
static inline gc_saddr gc_shared(void) { return 0; }
static inline int gc_popc(uint32_t x) { return __builtin_popcount(x); } /* the number of 1 bits */

/* What follows is called through macros that add the source line, for messages. */
void gc_host_sync(int id, int threads, int arrive_only, int line);
void gc_host_sync_warp(int line);
enum { GC_SHFL_FROM, GC_SHFL_XOR, GC_SHFL_UP, GC_SHFL_DOWN };
float gc_host_shfl(float v, int mode, int by, int line);
uint32_t gc_host_shfl_u32(uint32_t v, int mode, int by, int line);
uint32_t gc_host_ballot(int bit, int line);
#define gc_sync() gc_host_sync(0, 0, 0, __LINE__)
#define gc_sync_named(id, n) gc_host_sync(id, n, 0, __LINE__)
#define gc_arrive_named(id, n) gc_host_sync(id, n, 1, __LINE__)
#define gc_sync_warp() gc_host_sync_warp(__LINE__)
#define gc_shfl(v, from) gc_host_shfl(v, GC_SHFL_FROM, from, __LINE__)
#define gc_shfl_xor(v, mask) gc_host_shfl(v, GC_SHFL_XOR, mask, __LINE__)
#define gc_shfl_up(v, by) gc_host_shfl(v, GC_SHFL_UP, by, __LINE__)
#define gc_shfl_down(v, by) gc_host_shfl(v, GC_SHFL_DOWN, by, __LINE__)
#define gc_shfl_u32(v, from) gc_host_shfl_u32(v, GC_SHFL_FROM, from, __LINE__)
#define gc_shfl_xor_u32(v, mask) gc_host_shfl_u32(v, GC_SHFL_XOR, mask, __LINE__)
#define gc_ballot(bit) gc_host_ballot(bit, __LINE__)

void gc_host_lds(void *v, gc_saddr a, int bytes, int line);
void gc_host_sts(gc_saddr a, const void *v, int bytes, int line);
void gc_host_ldg(void *v, const void *p, int bytes, int line);
void gc_host_stg(void *p, const void *v, int bytes, int line);
float gc_host_lds_f32(gc_saddr a, int line);
void gc_host_sts_f32(gc_saddr a, float v, int line);
uint32_t gc_host_lds_u32(gc_saddr a, int line);
void gc_host_sts_u32(gc_saddr a, uint32_t v, int line);
#define gc_lds(a) gc_host_lds_f32(a, __LINE__)
#define gc_sts(a, v) gc_host_sts_f32(a, v, __LINE__)
#define gc_lds4(v, a) gc_host_lds(v, a, 16, __LINE__)
#define gc_sts4(a, v) gc_host_sts(a, v, 16, __LINE__)
#define gc_sts2(a, v) gc_host_sts(a, v, 8, __LINE__)
#define gc_sts2_u32(a, v) gc_host_sts(a, v, 8, __LINE__)
#define gc_sts4_u32(a, v) gc_host_sts(a, v, 16, __LINE__)
#define gc_lds_u32(a) gc_host_lds_u32(a, __LINE__)
#define gc_sts_u32(a, v) gc_host_sts_u32(a, v, __LINE__)
#define gc_ldg4(v, p) gc_host_ldg(v, p, 16, __LINE__)
#define gc_stg4(p, v) gc_host_stg(p, v, 16, __LINE__)
#define gc_stg4_u32(p, v) gc_host_stg(p, v, 16, __LINE__)
#define gc_ldg_16(v, p) gc_host_ldg(v, p, 16, __LINE__)
#define gc_ldg_8(v, p) gc_host_ldg(v, p, 8, __LINE__)
#define gc_ldg_4(v, p) gc_host_ldg(v, p, 4, __LINE__)
#define gc_stg_16(p, v) gc_host_stg(p, v, 16, __LINE__)
#define gc_stg_8(p, v) gc_host_stg(p, v, 8, __LINE__)
#define gc_stg_4(p, v) gc_host_stg(p, v, 4, __LINE__)

float gc_ex2(float x);
float gc_lg2(float x);
float gc_rcp(float x);
uint32_t gc_pack_bf16(float lo, float hi);
uint32_t gc_pack_f16(float lo, float hi);
uint32_t gc_tf32(float x);

void gc_host_cp_async(gc_saddr to, const void *from, int ok, int line);
void gc_host_cp_async_wait(int keep, int line);
void gc_cp_async_commit(void);
#define gc_cp_async(to, from, ok) gc_host_cp_async(to, from, ok, __LINE__)
#define gc_cp_async_wait(n) gc_host_cp_async_wait(n, __LINE__)

typedef enum GcOperand { GC_BF16, GC_F16, GC_TF32, GC_S8 } GcOperand;
void gc_host_ldmatrix(uint32_t *r, gc_saddr a, int trans, int line);
void gc_host_mma(void *d, const uint32_t *a, const uint32_t *b, GcOperand type, int line);
#define gc_ldmatrix(r, a) gc_host_ldmatrix(r, a, 0, __LINE__)
#define gc_ldmatrix_trans(r, a) gc_host_ldmatrix(r, a, 1, __LINE__)
#define gc_mma_bf16(d, a, b) gc_host_mma(d, a, b, GC_BF16, __LINE__)
#define gc_mma_f16(d, a, b) gc_host_mma(d, a, b, GC_F16, __LINE__)
#define gc_mma_tf32(d, a, b) gc_host_mma(d, a, b, GC_TF32, __LINE__)
#define gc_mma_s8(d, a, b) gc_host_mma(d, a, b, GC_S8, __LINE__)

void gc_host_mbar_init(gc_saddr b, int n, int line);
void gc_host_mbar_arrive(gc_saddr b, int bytes, int line);
void gc_host_mbar_wait(gc_saddr b, int parity, int line);
void gc_fence_mbar_init(void);
void gc_fence_proxy_async(void);
void gc_host_tma_load(gc_saddr to, const GcTensorMap *m, int x, int y, int z, gc_saddr b, int line);
void gc_host_tma_store(const GcTensorMap *m, int x, int y, gc_saddr from, int line);
void gc_tma_store_commit(void);
void gc_host_tma_store_wait(int line);
#define gc_mbar_init(b, n) gc_host_mbar_init(b, n, __LINE__)
#define gc_mbar_arrive(b) gc_host_mbar_arrive(b, 0, __LINE__)
#define gc_mbar_expect(b, bytes) gc_host_mbar_arrive(b, bytes, __LINE__)
#define gc_mbar_wait(b, parity) gc_host_mbar_wait(b, parity, __LINE__)
#define gc_tma_load(to, m, x, y, b) gc_host_tma_load(to, m, x, y, 0, b, __LINE__)
#define gc_tma_load3(to, m, x, y, z, b) gc_host_tma_load(to, m, x, y, z, b, __LINE__)
#define gc_tma_store(m, x, y, from) gc_host_tma_store(m, x, y, from, __LINE__)
#define gc_tma_store_wait() gc_host_tma_store_wait(__LINE__)

void gc_host_registers(int n, int line);
void gc_host_wgmma_fence(int line);
void gc_host_wgmma(float *d, gc_u64 a, gc_u64 b, int n, int add, int ta, int tb, GcOperand type, int line);
void gc_host_wgmma_commit(int line);
void gc_host_wgmma_wait(int keep, int line);
#define gc_registers_inc(n) gc_host_registers(n, __LINE__)
#define gc_registers_dec(n) gc_host_registers(-(n), __LINE__)
#define gc_wgmma_fence() gc_host_wgmma_fence(__LINE__)
#define gc_wgmma_n128(d, a, b, add, ta, tb) gc_host_wgmma(d, a, b, 128, add, ta, tb, GC_BF16, __LINE__)
#define gc_wgmma_n256(d, a, b, add, ta, tb) gc_host_wgmma(d, a, b, 256, add, ta, tb, GC_BF16, __LINE__)
#define gc_wgmma_f16_n128(d, a, b, add, ta, tb) gc_host_wgmma(d, a, b, 128, add, ta, tb, GC_F16, __LINE__)
#define gc_wgmma_f16_n256(d, a, b, add, ta, tb) gc_host_wgmma(d, a, b, 256, add, ta, tb, GC_F16, __LINE__)
#define gc_wgmma_commit() gc_host_wgmma_commit(__LINE__)
#define gc_wgmma_wait(n) gc_host_wgmma_wait(n, __LINE__)

/* Launching. */

typedef void GcThunk(void *const *args); /* calls the kernel; args as of cuLaunchKernel */
typedef enum GcOrder { GC_ORDER_RISING, GC_ORDER_FALLING, GC_ORDER_RANDOM } GcOrder;
enum { GC_LATE_COPY = 1, GC_LATE_MMA = 2 };
/* Memory transactions of 32 lanes at a time, as a GPU makes them, and the minimum for the bytes accessed. */
typedef struct GcTraffic {
  gc_u64 sectors, sectors_min, wavefronts, wavefronts_min, mma;
} GcTraffic;
typedef struct GcHost {
  GcOrder order;    /* of threads where several can go on, and of blocks */
  int late;         /* asynchronous work that takes place at the last moment, not at once: GC_LATE_* */
  uint32_t seed;    /* of GC_ORDER_RANDOM */
  int workers;      /* operating-system threads that share the blocks; 0 is 1; checks need 1 */
  int direct;       /* no thread of the kernel waits, or meets others: they run as calls, one after another */
  int no_checks;    /* kernels with the hooks run without checks of memory */
  int quiet;        /* errors are counted, and not printed */
  size_t arg_bytes; /* at the arguments of the launch; 0: not known, and loads outside of memory are no errors */
  int any_memory;   /* memory that gc_host_alloc does not know may be accessed; only races are found in it */
  int errors;       /* so far, of all launches */
  /* Launches that may overlap: the number of the present one, and the name of an earlier one that it does not follow,
   * or NULL. Without, each launch follows all before it. */
  uint32_t launch;
  const char *(*unordered)(uint32_t earlier);
  GcTraffic traffic; /* of all launches with checks */
} GcHost;
extern GcHost gc_host;
typedef struct GcLaunchDims {
  int grid[3], threads, shared_bytes;
} GcLaunchDims;

/* Global memory: filled with NaN patterns, its extent and what of it has been written known to the checks. */
void *gc_host_alloc(size_t n);
void gc_host_wrote(const void *p, size_t n); /* by a copy from outside of kernels */
void gc_host_free_all(void);
/* Runs every block. False if an error was found (a deadlock ends the launch), which has been printed to stderr. */
int gc_host_launch(const char *name, GcThunk *fn, void *const *args, GcLaunchDims dims);
#endif
