/* Kernels as order, memory, the plan checker and codegen see them: each kernel's nodes, the buffers it loads and the
 * buffers it stores. Derived from Anno.kernel (written by fuse) alone, so any pass may build it again after a change.
 *
 * What fuse guarantees (and what a pass that changes the graph later must keep):
 *  - Anno.kernel numbers rise topologically: executing kernels by rising number is a valid order.
 *  - Kernel 0: leaves; views that are composed into the reads of their users; nodes inlined into each user.
 *  - A *buffer* is a node that owns storage: an input, param or state leaf, or a *materialised* node, that is, one with
 *    a kernel that is read from outside that kernel, or is a result, or is written to a var. Constants are no buffers:
 *    codegen prints them as numbers or tables.
 *  - Every result and every written value of the graph is a materialised node, and no node has two such roles: a value
 *    with several gets `copy` nodes. (`"w" := w` alone is dropped.)
 *  - A scan node shares its kernel with one `get` node for each of its elements; the `get`s are its buffers. The tuple
 *    itself is no buffer: anno[scan] is the place of the kernel's scratch (Group.scratch bytes, live only while the
 *    kernel runs): SP_ARENA and an offset. Bodies are planned before the graphs that call them (Graph.arena).
 *  - A kernel that a later pass adds (a `copy` for a cycle) gets a new node, a fresh kernel number and nothing else;
 *    then numbers alone no longer rise, and Anno.pos orders. */
#ifndef GRADC_GROUP_H
#define GRADC_GROUP_H
#include "ir/ir.h"

/* loop: a map over one index space. row: reductions and maps that share outer axes. contract, conv: sums of products
 * with an epilogue. window: fold, but for short ones. cum: running sums. concat: by parts. Of several nodes the
 * highest class counts. */
typedef enum KernelClass {
  KC_LOOP, KC_ROW, KC_CONTRACT, KC_CONV, KC_WINDOW, KC_SCATTER, KC_CUM, KC_CONCAT, KC_SCAN, KC_COUNT
} KernelClass;
KernelClass kernel_class_of(const Graph *g, Id n); /* of a kernel of that node alone */
extern const char *const kernel_class_name[KC_COUNT];

typedef struct Group {
  uint32_t kernel;        /* Anno.kernel */
  uint32_t pos;           /* Anno.pos of its nodes; 0 before order */
  KernelClass cls;
  Id root;                /* the node that decides the class and the index space */
  const Id *node; int nnode;   /* its nodes, ascending (a topological order) */
  const Id *read; int nread;   /* buffers loaded that other kernels (or nobody) wrote, ascending, each once */
  const bool *at_point;        /* per buffer loaded: each point of the kernel loads the element of that point, no other */
  const Id *write; int nwrite; /* buffers stored, ascending */
  int64_t scratch;        /* bytes of arena that it needs while it runs, at anno[root]; 0 but for scans */
} Group;

typedef struct Groups {
  Graph *g;
  Group *group; int n;    /* in execution order: by pos where set, else by kernel number */
  const int32_t *writer;  /* per node: the group that stores this buffer; -1: a leaf, or no buffer */
  const bool *buffer;     /* per node: owns storage (leaves included) */
  const uint32_t *uses;   /* per node: number of groups that load it, plus 1 if it is a result or written */
} Groups;

/* Needs anno with kernels. Never fails; linear in the size of the graph. Memory from the module's Ctx. */
Groups *groups_make(Graph *g);

/* Whether `write`, stored by kernel k, may take over the buffer of `read`, which k loads: every element is loaded for
 * the last time in the same iteration that stores the element of equal place, or before it. Types and stored orders
 * agree. */
bool group_inplace(const Groups *gs, const Group *k, Id read, Id write);

/* The layout of a scan's scratch, offsets from its start, each aligned as all buffers are; -1: not needed. All sizes at
 * the bounds. Carries alternate between their result buffer and `carry`; a scanned operand or stacked result whose turns
 * are not contiguous passes through `slice`, one per scanned input, then one per stacked result. */
typedef struct ScanScratch {
  int64_t arena;          /* of the body */
  const int64_t *carry;   /* nc */
  const int64_t *slice;   /* nx + ny */
  int64_t bytes;
  int nx, nc, ny;
} ScanScratch;
void scan_scratch(const Graph *g, const Group *k, ScanScratch *s); /* k: a scan's */

/* Sets kernels, and inserts the copies that the guarantees above ask for: the plain form when `plain`. */
void fuse_graph(Graph *g, bool plain);
#endif
