/* SPDX-License-Identifier: Apache-2.0 */
/* The graph being built and its private state, in one struct: entering another graph saves and restores it by
 * assignment. */
#ifndef GRADC_ELAB_GRAPH_H
#define GRADC_ELAB_GRAPH_H
#include "frontend/builtins/elab_total.h"
#include "frontend/elab/elab_weight.h"
#include "ir/build.h"

typedef struct Body Body; /* a scan's body being built: values of outer graphs become inputs */
struct Body {
  Body *up;
  Builder outer;
  Graph *g;
  Id *from, *to;
  int n, cap, cap2;
};
typedef struct InputRange {
  Columns of;
  int64_t n;
} InputRange; /* columns of an input whose values index an axis of size n */

typedef struct Normalized {
  const Graph *g;
  Id id;
  const char *by; /* softmax or sigmoid, of the library */
  Loc at;
  int len;
} Normalized;

typedef struct GraphState {
  Builder b;   /* of the graph being built: location and hints of the statement being elaborated */
  Graph *root; /* that graph, but never a scan's body */
  Body *body;
  Frame *f; /* the innermost call */
  bool training;
  uint32_t hints; /* of weights that are declared here */
  double rate;    /* and the factor of their learning rate, of @lr */
  Id *values;     /* per var: its current value in the root graph; 0: not read yet */
  int nvalues;
  struct InternPool *memo; /* calls of instances in the root graph and its scans */
  int *origin_at;          /* per node of the root graph: 1 + index of its ShapeOrigin */
  int norigin_at;
  InputRange *range;
  int nrange, caprange;
  Normalized *normalized; /* results of these functions so far */
  int nnormalized, capnormalized;
  Dim records; /* of an evaluation on data: the size of a batch; else 0 */
  Gathered *gathered;
  int ngathered, capgathered;
} GraphState;

/* Begins graph g for a section of `file` and opens *f as its frame. Returns the state that el_leave restores. */
GraphState el_enter(Elab *e, Graph *g, bool training, Frame *f, File *file);
/* For the settings of a section, which are static: a scratch graph that is dropped. */
GraphState el_enter_settings(Elab *e, const Ast *section, Frame *f);
/* Constants and initial values belong to no section: they are evaluated in the init graph. */
GraphState el_enter_init(Elab *e);
void el_leave(Elab *e, const GraphState *outer);

const char *el_graph_name(Elab *e, const char *stem, const char *section);
void el_set_index_range(Elab *e, Id index, int64_t n); /* values of `index` are in [0, n); n < 0: unknown */
bool el_in_field(const Elab *e); /* in a data section, whose fields are computed from one record alone */
#endif
