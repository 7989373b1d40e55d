/* SPDX-License-Identifier: Apache-2.0 */
/* Streams, graphs and memory of CUDA's runtime, of a program over the host form: a launch in a stream that is captured
 * is kept, with the values of its arguments, and run by each launch of the graph. */
#ifndef TESTS_CUDA_GRAPH_H
#define TESTS_CUDA_GRAPH_H
#include <string.h>

/* GC_EACH(f, between, a, b, ...): f(number, a) between() f(number, b) ...; the last argument has number 1. */
#define GC_EACH1(f, s, x) f(1, x)
#define GC_EACH2(f, s, x, ...) f(2, x) s() GC_EACH1(f, s, __VA_ARGS__)
#define GC_EACH3(f, s, x, ...) f(3, x) s() GC_EACH2(f, s, __VA_ARGS__)
#define GC_EACH4(f, s, x, ...) f(4, x) s() GC_EACH3(f, s, __VA_ARGS__)
#define GC_EACH5(f, s, x, ...) f(5, x) s() GC_EACH4(f, s, __VA_ARGS__)
#define GC_EACH6(f, s, x, ...) f(6, x) s() GC_EACH5(f, s, __VA_ARGS__)
#define GC_EACH7(f, s, x, ...) f(7, x) s() GC_EACH6(f, s, __VA_ARGS__)
#define GC_EACH8(f, s, x, ...) f(8, x) s() GC_EACH7(f, s, __VA_ARGS__)
#define GC_EACH9(f, s, x, ...) f(9, x) s() GC_EACH8(f, s, __VA_ARGS__)
#define GC_EACH10(f, s, x, ...) f(10, x) s() GC_EACH9(f, s, __VA_ARGS__)
#define GC_EACH11(f, s, x, ...) f(11, x) s() GC_EACH10(f, s, __VA_ARGS__)
#define GC_EACH12(f, s, x, ...) f(12, x) s() GC_EACH11(f, s, __VA_ARGS__)
#define GC_EACH13(f, s, x, ...) f(13, x) s() GC_EACH12(f, s, __VA_ARGS__)
#define GC_EACH14(f, s, x, ...) f(14, x) s() GC_EACH13(f, s, __VA_ARGS__)
#define GC_EACH15(f, s, x, ...) f(15, x) s() GC_EACH14(f, s, __VA_ARGS__)
#define GC_EACH16(f, s, x, ...) f(16, x) s() GC_EACH15(f, s, __VA_ARGS__)
#define GC_EACH17(f, s, x, ...) f(17, x) s() GC_EACH16(f, s, __VA_ARGS__)
#define GC_EACH18(f, s, x, ...) f(18, x) s() GC_EACH17(f, s, __VA_ARGS__)
#define GC_EACH19(f, s, x, ...) f(19, x) s() GC_EACH18(f, s, __VA_ARGS__)
#define GC_EACH20(f, s, x, ...) f(20, x) s() GC_EACH19(f, s, __VA_ARGS__)
#define GC_EACH21(f, s, x, ...) f(21, x) s() GC_EACH20(f, s, __VA_ARGS__)
#define GC_EACH22(f, s, x, ...) f(22, x) s() GC_EACH21(f, s, __VA_ARGS__)
#define GC_EACH23(f, s, x, ...) f(23, x) s() GC_EACH22(f, s, __VA_ARGS__)
#define GC_EACH24(f, s, x, ...) f(24, x) s() GC_EACH23(f, s, __VA_ARGS__)
#define GC_EACH25(f, s, x, ...) f(25, x) s() GC_EACH24(f, s, __VA_ARGS__)
#define GC_EACH26(f, s, x, ...) f(26, x) s() GC_EACH25(f, s, __VA_ARGS__)
#define GC_EACH27(f, s, x, ...) f(27, x) s() GC_EACH26(f, s, __VA_ARGS__)
#define GC_EACH28(f, s, x, ...) f(28, x) s() GC_EACH27(f, s, __VA_ARGS__)
#define GC_EACH29(f, s, x, ...) f(29, x) s() GC_EACH28(f, s, __VA_ARGS__)
#define GC_EACH30(f, s, x, ...) f(30, x) s() GC_EACH29(f, s, __VA_ARGS__)
#define GC_EACH31(f, s, x, ...) f(31, x) s() GC_EACH30(f, s, __VA_ARGS__)
#define GC_EACH32(f, s, x, ...) f(32, x) s() GC_EACH31(f, s, __VA_ARGS__)
#define GC_EACH33(f, s, x, ...) f(33, x) s() GC_EACH32(f, s, __VA_ARGS__)
#define GC_EACH34(f, s, x, ...) f(34, x) s() GC_EACH33(f, s, __VA_ARGS__)
#define GC_EACH35(f, s, x, ...) f(35, x) s() GC_EACH34(f, s, __VA_ARGS__)
#define GC_EACH36(f, s, x, ...) f(36, x) s() GC_EACH35(f, s, __VA_ARGS__)
#define GC_EACH37(f, s, x, ...) f(37, x) s() GC_EACH36(f, s, __VA_ARGS__)
#define GC_EACH38(f, s, x, ...) f(38, x) s() GC_EACH37(f, s, __VA_ARGS__)
#define GC_EACH39(f, s, x, ...) f(39, x) s() GC_EACH38(f, s, __VA_ARGS__)
#define GC_EACH40(f, s, x, ...) f(40, x) s() GC_EACH39(f, s, __VA_ARGS__)
#define GC_EACH41(f, s, x, ...) f(41, x) s() GC_EACH40(f, s, __VA_ARGS__)
#define GC_EACH42(f, s, x, ...) f(42, x) s() GC_EACH41(f, s, __VA_ARGS__)
#define GC_EACH43(f, s, x, ...) f(43, x) s() GC_EACH42(f, s, __VA_ARGS__)
#define GC_EACH44(f, s, x, ...) f(44, x) s() GC_EACH43(f, s, __VA_ARGS__)
#define GC_EACH45(f, s, x, ...) f(45, x) s() GC_EACH44(f, s, __VA_ARGS__)
#define GC_EACH46(f, s, x, ...) f(46, x) s() GC_EACH45(f, s, __VA_ARGS__)
#define GC_EACH47(f, s, x, ...) f(47, x) s() GC_EACH46(f, s, __VA_ARGS__)
#define GC_EACH48(f, s, x, ...) f(48, x) s() GC_EACH47(f, s, __VA_ARGS__)
#define GC_PICK(a48, a47, a46, a45, a44, a43, a42, a41, a40, a39, a38, a37, a36, a35, a34, a33, a32, a31, a30, a29, \
                a28, a27, a26, a25, a24, a23, a22, a21, a20, a19, a18, a17, a16, a15, a14, a13, a12, a11, a10, a9, a8, \
                a7, a6, a5, a4, a3, a2, a1, name, ...) \
  name
#define GC_EACH(f, s, ...) \
  GC_PICK(__VA_ARGS__, GC_EACH48, GC_EACH47, GC_EACH46, GC_EACH45, GC_EACH44, GC_EACH43, GC_EACH42, GC_EACH41, \
          GC_EACH40, GC_EACH39, GC_EACH38, GC_EACH37, GC_EACH36, GC_EACH35, GC_EACH34, GC_EACH33, GC_EACH32, \
          GC_EACH31, GC_EACH30, GC_EACH29, GC_EACH28, GC_EACH27, GC_EACH26, GC_EACH25, GC_EACH24, GC_EACH23, \
          GC_EACH22, GC_EACH21, GC_EACH20, GC_EACH19, GC_EACH18, GC_EACH17, GC_EACH16, GC_EACH15, GC_EACH14, \
          GC_EACH13, GC_EACH12, GC_EACH11, GC_EACH10, GC_EACH9, GC_EACH8, GC_EACH7, GC_EACH6, GC_EACH5, GC_EACH4, \
          GC_EACH3, GC_EACH2, GC_EACH1) \
  (f, s, __VA_ARGS__)
#define GC_NOTHING()
#define GC_COMMA() ,

typedef struct GcTestLaunch {
  const char *function, *name;
  GcThunk *kernel;
  GcLaunchDims dims;
  void **args;
} GcTestLaunch;
typedef struct CUgraph_st {
  GcTestLaunch *launch;
  int n;
} * cudaGraph_t, *cudaGraphExec_t;
struct CUstream_st {
  cudaGraph_t captured; /* NULL: it is not captured */
};

static inline void gc_test_enqueue(GcTestLaunch l, cudaStream_t stream, const size_t *bytes, int n) {
  cudaGraph_t g = stream ? stream->captured : NULL;
  if (!g) {
    gc_test_launch(l.function, l.name, l.kernel, l.args, l.dims);
    return;
  }
  void **args = calloc((size_t)n, sizeof *args);
  for (int i = 1; i < n; i++) args[i] = memcpy(malloc(bytes[i]), l.args[i], bytes[i]);
  l.args = args;
  g->launch = realloc(g->launch, (size_t)(g->n + 1) * sizeof l);
  g->launch[g->n++] = l;
}

#define GC_VALUE(i, x) __typeof__((x) + 0) gc_a##i = x;
#define GC_ADDRESS(i, x) [i] = &gc_a##i,
#define GC_SIZE(i, x) [i] = sizeof gc_a##i,
#define GC_READ(i, x) *(__typeof__((x) + 0) *)args_[i]
/* The thunk uses no variable of the function around it, so that it can be called after its return. */
#undef GC_LAUNCH_GRID
#define GC_LAUNCH_GRID(kernel, gx, gy, gz, block, shared_bytes, stream, ...) \
  do { \
    GC_EACH(GC_VALUE, GC_NOTHING, __VA_ARGS__) \
    void *gc_args[] = {GC_EACH(GC_ADDRESS, GC_NOTHING, __VA_ARGS__)}; \
    const size_t gc_bytes[] = {GC_EACH(GC_SIZE, GC_NOTHING, __VA_ARGS__)}; \
    auto void gc_thunk(void *const *); \
    void gc_thunk(void *const *args_) { kernel(GC_EACH(GC_READ, GC_COMMA, __VA_ARGS__)); } \
    gc_test_enqueue( \
      (GcTestLaunch){__func__, #kernel, gc_thunk, {{(int)(gx), (int)(gy), (int)(gz)}, block, shared_bytes}, gc_args}, \
      stream, gc_bytes, (int)(sizeof gc_args / sizeof *gc_args)); \
  } while (0)

static inline cudaError_t cudaGraphLaunch(cudaGraphExec_t g, cudaStream_t stream) {
  (void)stream;
  for (int i = 0; i < g->n; i++)
    gc_test_launch(g->launch[i].function, g->launch[i].name, g->launch[i].kernel, g->launch[i].args, g->launch[i].dims);
  return cudaGetLastError();
}
static inline cudaError_t cudaStreamCreate(cudaStream_t *s) { return *s = calloc(1, sizeof **s), cudaSuccess; }
static inline cudaError_t cudaStreamSynchronize(cudaStream_t s) { return (void)s, cudaGetLastError(); }
static inline cudaError_t cudaMalloc(void **p, size_t n) {
  return *p = aligned_alloc(256, (n + 255) / 256 * 256), cudaSuccess;
}
static inline cudaError_t cudaMemcpy(void *to, const void *from, size_t n, int kind) {
  return cudaMemcpyAsync(to, from, n, kind, 0);
}
static inline const char *cudaGetErrorString(cudaError_t e) { return e ? "an error" : "no error"; }
static inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t g) { return free(g->launch), free(g), cudaSuccess; }
static inline cudaError_t cudaStreamDestroy(cudaStream_t s) { return free(s), cudaSuccess; }
static inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, int flags) {
  return (void)flags, cudaStreamCreate(s);
}
static inline cudaError_t cudaStreamBeginCapture(cudaStream_t s, int mode) {
  return (void)mode, s->captured = calloc(1, sizeof *s->captured), cudaSuccess;
}
static inline cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *g) {
  return *g = s->captured, s->captured = NULL, cudaSuccess;
}
static inline cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *e, cudaGraph_t g, int flags) {
  return (void)flags, *e = g, cudaSuccess;
}
/* The executable graph is the graph. */
static inline cudaError_t cudaGraphDestroy(cudaGraph_t g) { return (void)g, cudaSuccess; }
#endif
