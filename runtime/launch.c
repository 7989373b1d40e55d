/* SPDX-License-Identifier: Apache-2.0 */
/* Launches of kernels on a device: one by one, or recorded as a CUDA graph. */
#include "device.h"
#include "num.h"
#include "product.h"
#include "rand.h"
#include "rt.h"

enum { STATIC_SHARED = 48 << 10, MAX_DYNAMIC_SHARED = 8, NOT_FOUND = 500 };
enum { MOST_NODES = 20000 }; /* of a graph that is recorded */

static Device *device_of(const GcCall *c) { return (Device *)(uintptr_t)c->device; }

/* The function of a kernel, found at its first launch. */
static void *function_of(Device *dev, int kernel, int shared) {
  void **f = &dev->function[kernel];
  int result = NOT_FOUND;
  for (int i = 0; i < dev->nmodule && !*f && result == NOT_FOUND; i++)
    result = dev->api.cuModuleGetFunction(f, dev->module[i], dev->m->device->kernel[kernel]);
  if (!*f) device_check(dev, result, "cuModuleGetFunction");
  if (shared > STATIC_SHARED) DEVICE_CALL(dev, cuFuncSetAttribute, *f, MAX_DYNAMIC_SHARED, shared);
  return *f;
}

static void launch(const GcCall *c, int kernel, GcGrid g, void **arg) {
  Device *dev = device_of(c);
  if (!g.x || !g.y || !g.z) return;
  void *f = function_of(dev, kernel, g.shared);
  dev->last_launched = kernel;
  if (dev->profile) device_profile_mark(dev, kernel);
  DEVICE_CALL(dev, cuLaunchKernel, f, (unsigned)g.x, (unsigned)g.y, (unsigned)g.z, (unsigned)g.block, 1, 1,
              (unsigned)g.shared, dev->stream, arg, NULL);
  if (dev->wait) device_wait(dev);
}

/* Check mode: copies what was stored, and looks for the first number that is not finite. */
static void check(const GcCall *c, const void *x, int64_t n, int type, int32_t node) {
  Device *dev = device_of(c);
  if (*c->first_nonfinite || n <= 0) return;
  size_t bytes = rt_mul((size_t)n, gc_dtype_size[type]);
  void *copy = rt_alloc(bytes);
  DEVICE_CALL(dev, cuMemcpyDtoHAsync_v2, copy, (uint64_t)(uintptr_t)x, bytes, dev->stream);
  device_wait(dev);
  for (int64_t i = 0; i < n && !*c->first_nonfinite; i++) {
    double v = num_load((GcDType)type, copy, (uint64_t)i);
    if (v - v != 0) *c->first_nonfinite = node;
  }
  rt_free(copy);
}

/* The rows of boxes are swizzled as device.inc has it. */
static void make_map(Device *dev, void *to, const void *x, const int64_t *size, const int64_t *stride, int rows) {
  enum { UINT16 = 1, SWIZZLE_128 = 3, L2_256 = 3 };
  uint64_t n[3], apart[2];
  const uint32_t box[] = {64, (uint32_t)rows, 1}, step[] = {1, 1, 1};
  for (int i = 0; i < 3; i++) n[i] = size[i] > 0 ? (uint64_t)size[i] : 1; /* without elements there is no launch */
  for (int i = 0; i < 2; i++) apart[i] = 2 * (uint64_t)stride[i];
  DEVICE_CALL(dev, cuTensorMapEncodeTiled, to, UINT16, size[2] == 1 ? 2 : 3, x, n, apart, box, step, 0, SWIZZLE_128,
              L2_256, 0);
}

static void map(const GcCall *c, void *to, const void *x, const int64_t *size, const int64_t *stride, int rows) {
  make_map(device_of(c), to, x, size, stride, rows);
}

/* Its time, and what fails in it, are those of the kernel after it. */
static void product(const GcCall *c, int kernel, const GcProduct *p, const void *a, const void *b, void *d,
                    void *workspace) {
  Device *dev = device_of(c);
  dev->last_launched = kernel;
  if (dev->profile) device_profile_mark(dev, kernel);
  product_enqueue(dev, p, a, b, d, workspace);
  if (dev->wait) device_wait(dev);
}

/* ---- recording ---- */

typedef struct Nodes {
  void **v;
  int n, cap;
} Nodes;
typedef struct Recorder {
  GcDeviceCalls calls; /* first, as of Device */
  Device *dev;
  Nodes *last; /* of each launch: the nodes that what waits for it follows */
  int nlast, now;
  int n;
} Recorder;

static void add_node(Nodes *to, void *node) {
  for (int i = 0; i < to->n; i++)
    if (to->v[i] == node) return;
  if (to->n == to->cap) to->v = rt_realloc(to->v, (size_t)(to->cap = 2 * to->cap + 2) * sizeof *to->v);
  to->v[to->n++] = node;
}

/* A launch that has no node yet passes on those that it follows. */
static void record_after(const GcCall *c, int launch, int n, const int *wait) {
  Recorder *r = (Recorder *)(uintptr_t)c->device;
  if (launch >= r->nlast) {
    r->last = rt_realloc(r->last, (size_t)(launch + 1) * sizeof *r->last);
    while (r->nlast <= launch) r->last[r->nlast++] = (Nodes){0};
  }
  r->now = launch;
  for (int i = 0; i < n; i++)
    for (int k = 0; k < r->last[wait[i]].n; k++) add_node(&r->last[launch], r->last[wait[i]].v[k]);
}

/* The nodes of one launch, as those of a scan, are in the order of a stream. */
static void record(const GcCall *c, int kernel, GcGrid g, void **arg) {
  Recorder *r = (Recorder *)(uintptr_t)c->device;
  if (!g.x || !g.y || !g.z || ++r->n > MOST_NODES) return;
  KernelNode k = {.function = function_of(r->dev, kernel, g.shared),
                  .grid = {(unsigned)g.x, (unsigned)g.y, (unsigned)g.z},
                  .block = {(unsigned)g.block, 1, 1},
                  .shared = (unsigned)g.shared,
                  .args = arg};
  Nodes *last = &r->last[r->now];
  void *node;
  DEVICE_CALL(r->dev, cuGraphAddKernelNode_v2, &node, r->dev->graph, last->v, (size_t)last->n, &k);
  last->n = 0;
  add_node(last, node);
}

static void free_graph(Device *dev) {
  if (dev->graph) dev->api.cuGraphDestroy(dev->graph);
  dev->graph = NULL;
}

static void record_map(const GcCall *c, void *to, const void *x, const int64_t *size, const int64_t *stride, int rows) {
  make_map(((Recorder *)(uintptr_t)c->device)->dev, to, x, size, stride, rows);
}

/* The library launches kernels of its own, of which the graph could not be made. */
static void record_product(const GcCall *c, int kernel, const GcProduct *p, const void *a, const void *b, void *d,
                           void *workspace) {
  (void)kernel, (void)p, (void)a, (void)b, (void)d, (void)workspace;
  ((Recorder *)(uintptr_t)c->device)->n = MOST_NODES + 1;
}

static void make_exec(Device *dev, Recording *x, const GcCall *c) {
  Recorder r = {.calls = {record, NULL, record_map, record_product, record_after}, .dev = dev};
  GcCall recorded = *c;
  recorded.device = &r.calls;
  free_graph(dev); /* of a recording that failed */
  DEVICE_CALL(dev, cuGraphCreate, &dev->graph, 0);
  record_after(&recorded, 0, 0, NULL);
  x->g->fn(&recorded);
  for (int i = 0; i < r.nlast; i++) rt_free(r.last[i].v);
  rt_free(r.last);
  x->refused = r.n > MOST_NODES;
  if (!x->refused) DEVICE_CALL(dev, cuGraphInstantiateWithFlags, &x->exec, dev->graph, 0);
  free_graph(dev);
}

static uint64_t hash_addresses(const GcGraph *g, const GcCall *c) {
  uint64_t h = gc_hash(0, (const unsigned char *)c->in, (size_t)g->nin * sizeof *c->in);
  return gc_hash(h, (const unsigned char *)c->out, (size_t)g->nout * sizeof *c->out);
}

/* If there is none, it takes the place of that which was used least recently. */
static Recording *recording_of(Device *dev, const GcGraph *g, const GcCall *c) {
  uint64_t addresses = hash_addresses(g, c);
  Recording *oldest = dev->recording;
  for (int i = 0; i < dev->nrecording; i++) {
    Recording *x = &dev->recording[i];
    if (x->g == g && x->microbatch == c->microbatch && x->addresses == addresses) return x;
    if (x->last < oldest->last) oldest = x;
  }
  if (oldest->exec) DEVICE_CALL(dev, cuGraphExecDestroy, oldest->exec);
  *oldest = (Recording){.g = g, .microbatch = c->microbatch, .addresses = addresses};
  return oldest;
}

/* A call that differs from others in its sizes is not recorded, nor is the first call, which may be the only one. */
int device_enqueue(Device *dev, const GcGraph *g, GcCall *c) {
  c->device = &dev->calls;
  if (g->nsizes || c->first_nonfinite || dev->wait || dev->profile) return g->fn(c);
  Recording *x = recording_of(dev, g, c);
  x->last = ++dev->calls_made;
  if (!x->calls++ || x->refused) return g->fn(c);
  if (!x->exec) make_exec(dev, x, c);
  if (x->refused) return g->fn(c);
  DEVICE_CALL(dev, cuGraphLaunch, x->exec, dev->stream);
  return 0;
}

/* One for each call of both slots, and some for arrays that are memory of the device. */
void recordings_make(Device *dev) {
  enum { OTHERS = 16, MOST_MICROBATCHES = 256 };
  const GcModel *m = dev->m;
  int64_t n = OTHERS + 1 + m->nexports;
  for (int i = 0; i < m->ntrain; i++) {
    int64_t k = m->train[i].accumulate;
    n += 3 + (k < MOST_MICROBATCHES ? k : MOST_MICROBATCHES);
  }
  dev->nrecording = (int)(2 * n);
  dev->recording = rt_array((size_t)dev->nrecording, sizeof *dev->recording);
}

void recordings_free(Device *dev) {
  free_graph(dev);
  for (int i = 0; dev->recording && i < dev->nrecording; i++)
    if (dev->recording[i].exec) dev->api.cuGraphExecDestroy(dev->recording[i].exec);
  rt_free(dev->recording);
}

const GcDeviceCalls device_calls = {launch, check, map, product, NULL};
