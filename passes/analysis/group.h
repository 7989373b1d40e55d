/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels as order, memory, the plan checker and codegen see them: the nodes of each kernel, the buffers it loads and
 * the buffers it stores. Derived from Annotation.kernel (set by fuse) alone, so any pass may build it again after a
 * change.
 *
 * What fuse guarantees, and what a later pass that changes the graph must keep:
 *  - Kernel numbers are topological: kernels may execute in rising order of number.
 *  - Kernel 0: leaves; views composed into the reads of their users; nodes inlined into each user.
 *  - A *buffer* is a node that owns storage: an input, param or state leaf, or a *materialised* node: one with a kernel
 *    that is read outside of that kernel, or is a result, or is written to a var. Constants are not buffers: codegen
 *    prints them as numbers or tables.
 *  - Every result and every written value is a materialised node, and no node has two of these roles: a value with
 *    several roles gets `copy` nodes. (`"w" := w` alone is dropped.)
 *  - An op with several results shares its kernel with one `get` node per element; the `get`s are its buffers. The
 *    tuple itself is no buffer: for a scan, its annotation locates the kernel's scratch (Group.scratch bytes, live only
 *    while the kernel runs): SP_ARENA and an offset. Bodies are planned before the graphs that call them (Graph.arena).
 *  - A kernel added later (a `copy` that breaks a cycle) has a new node and a new kernel number; then numbers are no
 *    longer topological, and Annotation.pos gives the order. */
#ifndef GRADC_GROUP_H
#define GRADC_GROUP_H
#include "ir/ir.h"

/* loop: a map over one index space. row: reductions and maps that share outer axes. contract, conv: contractions with
 * an epilogue. window: fold, except short ones. cum: running sums. concat: operand by operand. attend: attention, or
 * its gradient. sort: argsort. A kernel of several nodes has the highest class among them. */
typedef enum KernelClass {
  KC_LOOP,
  KC_ROW,
  KC_CONTRACT,
  KC_CONV,
  KC_WINDOW,
  KC_SCATTER,
  KC_CUM,
  KC_CONCAT,
  KC_ATTEND,
  KC_SORT,
  KC_SCAN,
  KC_COUNT
} KernelClass;
KernelClass kernel_class_of(const Graph *g, Id n); /* of a kernel with that node alone */
extern const char *const kernel_class_name[KC_COUNT];

/* Rows: index spaces of a reduction. */
bool row_is_full(const Graph *g, Id reduction, Id n);               /* n has the shape of the reduction's operand */
bool row_is_outer(const Graph *g, Id reduction, Id n);              /* ... of its result, reduced axes kept or not */
void row_reduced_axes(const Graph *g, Id reduction, bool *reduced); /* MAX_RANK of them */

/* Terms of a chunk of a reduction: chunks are reduced by themselves, then added in order. */
enum { STRICT_CHUNK = 1024 };
/* Chunks of the images in a convolution's gradient by its weights, in fast mode, the same. */
enum { WEIGHT_CHUNKS = 8 };

typedef struct Group {
  uint32_t kernel; /* Annotation.kernel */
  uint32_t pos;    /* Annotation.pos of its nodes; 0 before order */
  KernelClass cls;
  Id root; /* determines class and index space */
  const Id *node;
  int nnode; /* members, ascending (topological) */
  const Id *read;
  int nread;            /* buffers loaded and not stored by this kernel, ascending, each once */
  const bool *at_point; /* per buffer loaded: each point of the kernel loads only the element at that point */
  const Id *write;
  int nwrite; /* buffers stored, ascending */
  /* Bytes of arena needed while it runs, at group_scratch_at: of scans; of rows, and of gradients of convolutions by
   * their weights, partial results of all chunks if threads may partition these. 0: none. */
  int64_t scratch;
} Group;

typedef struct Groups {
  Graph *g;
  Group *group;
  int n;                 /* in execution order: by pos if set, else by kernel number */
  const int32_t *writer; /* per node: the group that stores this buffer; -1: leaf, or no buffer */
  const bool *buffer;    /* per node: owns storage (leaves included) */
  const uint32_t *uses;  /* per node: number of groups that load it, plus 1 for a result or written value */
} Groups;

/* Needs Annotation.kernel. Never fails; linear in the size of the graph. Memory from the module's Ctx. */
Groups *groups_make(Graph *g);

/* True: `write`, stored by kernel k, may reuse the buffer of `read`, which k loads: each element is loaded for the last
 * time before, or in the same iteration as, the store at the same offset. Types and stored orders are equal. */
bool group_inplace(const Groups *gs, const Group *k, Id read, Id write);

/* The offset in the arena of its scratch, where the graph keeps it. */
static inline int64_t *group_scratch_at(const Graph *g, const Group *k) {
  return k->cls == KC_SCAN ? &g->anno[k->root].offset : &g->anno[k->root].scratch;
}

/* Layout of a scan's scratch: offsets from its start, aligned as all buffers are; -1: not needed. All sizes at their
 * bounds. Carries alternate between their result buffer and `carry`; a scanned operand or stacked result whose slices
 * are not contiguous is copied through `slice` (scanned inputs first, then stacked results). */
typedef struct ScanScratch {
  int64_t arena;        /* of the body */
  const int64_t *carry; /* nc */
  const int64_t *slice; /* nx + ny */
  int64_t bytes;
  int nx, nc, ny;
} ScanScratch;
void scan_scratch(const Graph *g, const Group *k, ScanScratch *s); /* k: the group of a scan */

#endif
