/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of simplify. A rule looks at node n, whose operands are simplified already, and returns an equivalent node of
 * the same type, or 0. A result of another type is discarded, so rules need not check for what differs only in type.
 * The builder has the location and hints of n. */
#ifndef GRADC_REWRITE_H
#define GRADC_REWRITE_H
#include "ir/build.h"

typedef Id RewriteFn(const Builder *b, Id n);
/* EXACT: the same bits for all operands, infinities and signed zeros included (a NaN stays a NaN). FAST: only sums;
 * finite where the sum is, or where the sums in it are, and equal where nothing is rounded, except for the sign of 0;
 * docs/runtime.md lists them. Element-wise ops have no FAST rules: their bits are those of strict mode. */
typedef enum Exactness { EXACT, FAST } Exactness;
typedef struct Rewrite {
  uint16_t op; /* OP_NONE: any op of the class */
  OpClass cls; /* only with OP_NONE */
  Exactness exactness;
  RewriteFn *fn;
  const char *what;
} Rewrite;

/* Each ends with fn NULL. `lowered`: only for modules in which all gradients are expanded. */
extern const Rewrite rewrite_elem[], rewrite_view[], rewrite_reduce[], rewrite_lowered[];

static inline bool rw_is(const Builder *b, Id n, Op op) { return node_get(b->g, n)->op == op; }
static inline Id rw_in(const Builder *b, Id n, int i) { return node_in(b->g, n, i); }
/* Rules that make new constants skip 16-bit types, which would round these. */
static inline bool rw_wide(const Builder *b, Id n) {
  return dtype_is_float(node_type(b->g, n)->dtype) && !dtype_is_half(node_type(b->g, n)->dtype);
}
static inline bool rw_float(const Builder *b, Id n) { return dtype_is_float(node_type(b->g, n)->dtype); }
bool rw_is_const(const Builder *b, Id n, double v); /* a constant equal to v, the sign of 0 included */
Id rw_fit(const Builder *b, Id x, Id like);         /* x broadcast to the shape of `like` */
#endif
