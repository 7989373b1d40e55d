/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a scan node: for its rules, the gradient and codegen.
 *
 * scan(x..., carry..., captured...) runs a body graph `length` times. The body's ports are the x (without their
 * `axis`), the carries, the captured tensors; its results the new carries, then what is stacked along `axis`. The
 * node's value is the tuple of final carries and stacked results. With `reverse`, iterations run from the last to
 * the first; iteration t always reads and writes index t of the axis. */
#ifndef GRADC_SCAN_H
#define GRADC_SCAN_H
#include "build.h"

typedef struct Scan {
  Graph *body;
  int nx, nc, ncap, ny;
  int axis;
  bool reverse;
  Dim length;
} Scan;
Scan scan_of(const Graph *g, Id n);
AttrId scan_attr(Module *m, const Scan *s);
/* A scan node with s's nx, nc, axis, reverse, length and body. in: nx + nc + ncap inputs. */
Id scan_node(const Builder *b, const Scan *s, const Id *in, int nin);
TypeId scan_slice_type(Module *m, const Type *x, int axis);               /* of one iteration of a stacked tensor */
TypeId scan_stacked_type(Module *m, const Type *y, int axis, Dim length); /* and back */

/* A value inside of a body, and the outer value that it is bound to, or a slice of. */
typedef struct ScanInput {
  Id inner, outer;
} ScanInput;
typedef struct ScanInputs {
  ScanInput *v;
  int n, cap;
} ScanInputs;
#endif
