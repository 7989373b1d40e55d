/* Rules of simplify: shared by its driver and the files of rules. A rule looks at node n, whose operands are simplified
 * already, and returns a node of the same type that may take its place, or 0. The driver discards a result of another
 * type, so rules need not check what only differs there. */
#ifndef GRADC_REWRITE_H
#define GRADC_REWRITE_H
#include "ir/build.h"

typedef Id RewriteFn(Graph *g, Id n);
/* EXACT: the same bits for all operands, infinities and signed zeros included (a NaN stays a NaN).
 * FAST: of sums alone, and what an exact sum keeps: finite where the sum is, and equal where no partial sum is rounded,
 * but for the sign of 0. docs/runtime.md lists them. No element-wise op has such a rule: fast bits are the strict ones. */
typedef enum Exactness { EXACT, FAST } Exactness;
typedef struct Rewrite {
  uint16_t op;        /* OP_NONE: any op of the class */
  OpClass cls;        /* only with OP_NONE */
  Exactness exactness;
  RewriteFn *fn;
  const char *what;
} Rewrite;

/* Each ends with fn NULL. `lowered`: for modules without gradients that wait for their expansion. */
extern const Rewrite rewrite_elem[], rewrite_view[], rewrite_sum[], rewrite_lowered[];

static inline bool rw_is(const Graph *g, Id n, Op op) { return node_get(g, n)->op == op; }
static inline Id rw_in(const Graph *g, Id n, int i) { return node_in(g, n, i); }
/* Constants of 16-bit types hold few digits: rules that make new ones leave such nodes alone. */
static inline bool rw_wide(const Graph *g, Id n) {
  return dtype_is_float(node_type(g, n)->dtype) && !dtype_is_half(node_type(g, n)->dtype);
}
static inline bool rw_float(const Graph *g, Id n) { return dtype_is_float(node_type(g, n)->dtype); }
bool rw_is_const(const Graph *g, Id n, double v); /* a constant of that one value, the sign of 0 included */
Id rw_fit(Graph *g, Id x, Id like);               /* x broadcast to the shape of `like` */
#endif
