/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs: nodes with edges, executable copies of them, and launches, which issue an operation for each node. */
#include "codegen/cuda/host/driver_state.h"
#include <stdlib.h>
#include <string.h>

typedef struct Node {
  CUgraphNode handle;
  struct Graph *graph;
  int index;
  Work work;
  int *after, nafter; /* indices of nodes */
  bool followed;      /* some node is after it */
} Node;
typedef struct Graph {
  int n, capacity;
  Node **node;
} Graph;
typedef struct Exec {
  Context *context;
  int n;
  Node *node;
  OpNumber last, *op;
} Exec;

#define GRAPH(g, handle) \
  Graph *g = handle_get(H_GRAPH, handle); \
  if (!g) return CUDA_ERROR_INVALID_HANDLE

static CUresult graph_create(CUgraph *graph, unsigned flags) {
  if (flags) return call_refuse(CUDA_ERROR_INVALID_VALUE, "flags must be 0");
  *graph = handle_new(H_GRAPH, calloc(1, sizeof(Graph)));
  return CUDA_SUCCESS;
}
CUresult cuGraphCreate(CUgraph *graph, unsigned flags) { return CALL(graph_create(graph, flags)); }
static CUresult graph_destroy(CUgraph handle) {
  GRAPH(g, handle);
  for (int i = 0; i < g->n; i++) {
    handle_drop(g->node[i]->handle);
    work_free(&g->node[i]->work);
    free(g->node[i]->after);
    free(g->node[i]);
  }
  free(g->node);
  free(g);
  handle_drop(handle);
  return CUDA_SUCCESS;
}
CUresult cuGraphDestroy(CUgraph handle) { return CALL(graph_destroy(handle)); }

static CUresult check_edges(const Graph *g, const CUgraphNode *dependency, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const Node *d = handle_get(H_NODE, dependency[i]);
    if (!d) return CUDA_ERROR_INVALID_HANDLE;
    if (d->graph != g) return call_refuse(CUDA_ERROR_INVALID_VALUE, "an edge from a node of another graph");
  }
  return CUDA_SUCCESS;
}
/* Edges have been checked; the graph owns the work. */
static CUresult add_node(CUgraphNode *handle, Graph *g, const CUgraphNode *dependency, size_t n, const Work *work) {
  if (g->n == g->capacity) g->node = realloc(g->node, (size_t)(g->capacity = 2 * g->capacity + 16) * sizeof *g->node);
  Node *node = g->node[g->n] = calloc(1, sizeof *node);
  *node = (Node){.graph = g, .index = g->n++, .work = *work, .nafter = (int)n};
  node->after = malloc((n + 1) * sizeof *node->after);
  for (size_t i = 0; i < n; i++) {
    Node *d = handle_find(H_NODE, dependency[i]);
    d->followed = true;
    node->after[i] = d->index;
  }
  *handle = node->handle = handle_new(H_NODE, node);
  call_note(", node %d", node->index);
  return CUDA_SUCCESS;
}

static CUresult graph_add_empty_node(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependency, size_t n) {
  GRAPH(g, graph);
  TRY(check_edges(g, dependency, n));
  return add_node(node, g, dependency, n, &(Work){WORK_NONE});
}
CUresult cuGraphAddEmptyNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependency, size_t n) {
  return CALL(graph_add_empty_node(node, graph, dependency, n));
}
static CUresult graph_add_kernel_node(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependency, size_t n,
                                      const CUDA_KERNEL_NODE_PARAMS *p) {
  Work w;
  GRAPH(g, graph);
  TRY(check_edges(g, dependency, n));
  if (!p->func) return call_refuse(CUDA_ERROR_NOT_SUPPORTED, "`kern` is not known here");
  LaunchShape shape = {
    {p->gridDimX, p->gridDimY, p->gridDimZ}, {p->blockDimX, p->blockDimY, p->blockDimZ}, p->sharedMemBytes};
  TRY(launch_make(&w, p->func, &shape, p->kernelParams, p->extra));
  return add_node(node, g, dependency, n, &w);
}
CUresult cuGraphAddKernelNode_v2(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependency, size_t n,
                                 const CUDA_KERNEL_NODE_PARAMS *p) {
  return CALL(graph_add_kernel_node(node, graph, dependency, n, p));
}

/* One side of a copy of rows: where it begins. */
static CUresult copy_side(CUmemorytype type, const void *host, CUdeviceptr device, size_t at, size_t bytes,
                          const char *what, const unsigned char **p) {
  const unsigned char *base = type == CU_MEMORYTYPE_HOST ? host : (const unsigned char *)(uintptr_t)device;
  *p = base + at;
  if (type == CU_MEMORYTYPE_ARRAY) return call_refuse(CUDA_ERROR_NOT_SUPPORTED, "%s is an array", what);
  const Memory *m = memory_find(*p);
  if (type == CU_MEMORYTYPE_HOST && m && !m->pinned)
    return call_refuse(CUDA_ERROR_INVALID_VALUE, "%s %p is memory of the device, not of the host", what,
                       (const void *)*p);
  return type == CU_MEMORYTYPE_HOST && !m ? CUDA_SUCCESS : memory_check(*p, bytes, what);
}
static CUresult graph_add_memcpy_node(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependency, size_t n,
                                      const CUDA_MEMCPY3D *c, CUcontext context) {
  GRAPH(g, graph);
  TRY(check_edges(g, dependency, n));
  if (!handle_get(H_CONTEXT, context)) return CUDA_ERROR_INVALID_CONTEXT;
  size_t width = c->WidthInBytes, rows = c->Height;
  const unsigned char *to, *from;
  if (!width || !rows || !c->Depth) return call_refuse(CUDA_ERROR_INVALID_VALUE, "a copy of 0 bytes");
  if (c->Depth > 1 || c->srcZ || c->dstZ) return call_refuse(CUDA_ERROR_NOT_SUPPORTED, "copies have two axes here");
  if (rows > 1 && (c->srcPitch < width || c->dstPitch < width))
    return call_refuse(CUDA_ERROR_INVALID_VALUE, "rows of %zu bytes overlap", width);
  TRY(copy_side(c->srcMemoryType, c->srcHost, c->srcDevice, c->srcY * c->srcPitch + c->srcXInBytes,
                (rows - 1) * c->srcPitch + width, "the source", &from));
  TRY(copy_side(c->dstMemoryType, c->dstHost, c->dstDevice, c->dstY * c->dstPitch + c->dstXInBytes,
                (rows - 1) * c->dstPitch + width, "the destination", &to));
  Work w = {.kind = WORK_COPY, .to = (unsigned char *)(uintptr_t)to, .from = from, .bytes = width, .rows = rows};
  w.to_pitch = c->dstPitch, w.from_pitch = c->srcPitch;
  return add_node(node, g, dependency, n, &w);
}
CUresult cuGraphAddMemcpyNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependency, size_t n,
                              const CUDA_MEMCPY3D *c, CUcontext context) {
  return CALL(graph_add_memcpy_node(node, graph, dependency, n, c, context));
}
static CUresult graph_add_memset_node(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependency, size_t n,
                                      const CUDA_MEMSET_NODE_PARAMS *p, CUcontext context) {
  GRAPH(g, graph);
  TRY(check_edges(g, dependency, n));
  if (!handle_get(H_CONTEXT, context)) return CUDA_ERROR_INVALID_CONTEXT;
  unsigned size = p->elementSize;
  size_t width = p->width * size;
  if ((size != 1 && size != 2 && size != 4) || p->dst % size || !width || !p->height)
    return call_refuse(CUDA_ERROR_INVALID_VALUE, "%zu x %zu elements of %u bytes at %p", p->height, p->width, size,
                       (void *)(uintptr_t)p->dst);
  if (p->height > 1 && p->pitch < width)
    return call_refuse(CUDA_ERROR_INVALID_VALUE, "rows of %zu bytes overlap", width);
  Work w = {.kind = WORK_SET, .to = (unsigned char *)(uintptr_t)p->dst, .bytes = width, .rows = p->height};
  w.to_pitch = p->pitch, w.value = p->value, w.element = (int)size;
  TRY(memory_check(w.to, (w.rows - 1) * w.to_pitch + width, "the destination"));
  return add_node(node, g, dependency, n, &w);
}
CUresult cuGraphAddMemsetNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependency, size_t n,
                              const CUDA_MEMSET_NODE_PARAMS *p, CUcontext context) {
  return CALL(graph_add_memset_node(node, graph, dependency, n, p, context));
}

static CUresult graph_instantiate(CUgraphExec *exec, CUgraph graph, unsigned long long flags) {
  GRAPH(g, graph);
  if (flags) return call_refuse(CUDA_ERROR_NOT_SUPPORTED, "flags are not known here");
  Exec *e = calloc(1, sizeof *e);
  *e = (Exec){.context = context_current(), .n = g->n};
  e->node = calloc((size_t)g->n + 1, sizeof *e->node);
  e->op = calloc((size_t)g->n + 1, sizeof *e->op);
  for (int i = 0; i < g->n; i++) {
    const Node *from = g->node[i];
    size_t bytes = ((size_t)from->nafter + 1) * sizeof *from->after;
    e->node[i] = *from;
    e->node[i].work = work_copy(&from->work);
    e->node[i].after = memcpy(malloc(bytes), from->after, bytes);
  }
  *exec = handle_new(H_EXEC, e);
  call_note(" %d nodes", e->n);
  return CUDA_SUCCESS;
}
CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph, unsigned long long flags) {
  return CALL(graph_instantiate(exec, graph, flags));
}

static Exec *exec_get(CUgraphExec handle) {
  Exec *e = handle_get(H_EXEC, handle);
  if (!e || e->context == context_current()) return e;
  call_refuse(CUDA_ERROR_INVALID_HANDLE, "an executable graph of another context");
  return NULL;
}
/* A launch of the graph follows the stream and its own last launch; the stream goes on when all nodes are done. */
static CUresult graph_launch(CUgraphExec handle, CUstream on) {
  Exec *e = exec_get(handle);
  Stream *stream = stream_get(on);
  if (!e || !stream) return CUDA_ERROR_INVALID_HANDLE;
  OpNumber *list, begin, *ends = malloc(((size_t)e->n + 1) * sizeof *ends);
  int n = stream_after(stream, &list), nends = 0;
  begin = work_add(e->context, &(Work){WORK_NONE}, false, list, n);
  begin = work_add(e->context, &(Work){WORK_NONE}, false, (OpNumber[]){begin, e->last}, 2);
  for (int i = 0; i < e->n; i++) {
    const Node *node = &e->node[i];
    OpNumber *after = malloc(((size_t)node->nafter + 1) * sizeof *after);
    for (int k = 0; k < node->nafter; k++) after[k] = e->op[node->after[k]];
    if (!node->nafter) after[0] = begin;
    e->op[i] = work_add(e->context, &node->work, false, after, node->nafter ? node->nafter : 1);
    if (!node->followed) ends[nends++] = e->op[i];
    free(after);
  }
  if (!nends) ends[nends++] = begin;
  stream->last = e->last = work_add(e->context, &(Work){WORK_NONE}, false, ends, nends);
  free(ends);
  return CUDA_SUCCESS;
}
CUresult cuGraphLaunch(CUgraphExec handle, CUstream on) { return CALL(graph_launch(handle, on)); }
static CUresult graph_exec_destroy(CUgraphExec handle) {
  Exec *e = exec_get(handle);
  if (!e) return CUDA_ERROR_INVALID_HANDLE;
  CUresult error = work_wait(e->last);
  for (int i = 0; i < e->n; i++) {
    work_free(&e->node[i].work);
    free(e->node[i].after);
  }
  free(e->node);
  free(e->op);
  free(e);
  handle_drop(handle);
  return error;
}
CUresult cuGraphExecDestroy(CUgraphExec handle) { return CALL(graph_exec_destroy(handle)); }
