/* A scan node taken apart: shared by its rules, the gradient and codegen.
 *
 * scan(x..., carry..., captured...) runs a body graph `length` times. The body's ports are the x (without their
 * `axis`), the carries, the captured tensors; its results the new carries, then what is stacked along `axis`. The
 * node's value is the tuple of final carries and stacked results. With `reverse`, turns run from the last to the
 * first; turn t always reads and writes position t of the axis. */
#ifndef GRADC_SCAN_H
#define GRADC_SCAN_H
#include "ir.h"

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
Id scan_node(Graph *g, const Scan *s, const Id *in, int nin, Loc loc);
TypeId scan_turn_type(Module *m, const Type *x, int axis);                 /* one turn's part of a stacked tensor */
TypeId scan_stacked_type(Module *m, const Type *y, int axis, Dim length);  /* and back */
#endif
