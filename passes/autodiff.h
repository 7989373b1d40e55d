/* Parts of autodiff: sweeps over a graph (autodiff_sweep.c), the gradient of scan (autodiff_scan.c, autodiff_cut.c),
 * the expansion of grad and jvp nodes (autodiff.c). */
#ifndef GRADC_AUTODIFF_H
#define GRADC_AUTODIFF_H
#include "ir/grad.h"
#include "ir/scan.h"

typedef struct Extended { Id from, to; } Extended;

/* A sweep walks the nodes of one graph, backwards with adjoints or forwards with tangents, and appends what it makes to
 * the same graph. A Sweep may be used for several sweeps of its graph, one after the other. */
typedef struct Sweep {
  Grad s;            /* what the rules see; s.g is the graph */
  bool *dep, *wants; /* per node: depends on an x through differentiable ops; and e depends on it too */
  Id *adj;           /* per node: adjoint or tangent so far, 0: none; of a tuple: 1 + its first element in `elem` */
  int cap;           /* of the three */
  IdList path;       /* of the last sweep: the nodes that e depends on, in the order of graph_postorder */
  Id *elem;
  int nelem, capelem;
  Extended *ext;     /* scans that were given more results: `to` computes all that `from` does, and then some */
  int next, capext;
  Id mask;           /* of what the rule that is running gives; 0: none */
} Sweep;

void sweep_begin(Sweep *w, Graph *g);
/* Reverse: seed[i] has the adjoint given[i] (a seed may stand twice); afterwards sweep_value(w, x[i]). */
void sweep_back(Sweep *w, int nseed, const Id *seed, const Id *given, int nx, const Id *x);
/* Forward: x[i] has the tangent given[i]; afterwards sweep_value of each of e. */
void sweep_forward(Sweep *w, int nx, const Id *x, const Id *given, int ne, const Id *e);
Id sweep_value(const Sweep *w, Id n); /* 0: zero */
void tangent_to_element(Grad *s, int element, Id tangent); /* of the tuple node whose jvp rule is running */
/* Puts every extended scan into the place of the one it extends. Returns the map from old ids to new ones. */
Id *sweep_repoint(Sweep *w);
bool differentiable(const Graph *g, TypeId t);
bool passes_gradient(const Graph *g, Id n); /* whether derivatives flow through the node */

/* One scan of an outer graph, being differentiated. `w` is a copy of its body ("primal") to which a sweep has added
 * derivative nodes and their ports. The cut parts the two: derivative nodes become the body of a second scan, and what
 * they read of the primal is stacked by the first one as extra results. */
typedef struct Source { Id w, outer; } Source; /* a node of w, and the outer value that feeds it */
typedef struct SourceList { Source *v; int n, cap; } SourceList;
typedef struct Cut {
  Sweep *sweep;       /* of the outer graph */
  Graph *g, *w;
  int nprimal;        /* nodes of w before the sweep */
  Id node, extended;  /* the scan; itself or the one with more results */
  Scan scan;
  const char *suffix; /* of the new bodies' names */
  Id *out;            /* the body's results in w */
  bool *primal, *invariant; /* per node of w */
  SourceList x, carry, captured; /* of the second scan; w nodes not primal: derivative ports */
  IdList next, y;     /* its results: one new value per carry; then what it stacks */
  IdList kept;        /* primal nodes stacked by the first scan: results scan.nc + scan.ny + i, or earlier ones */
  int *kept_at;       /* per node of w: 1 + element of the extended scan; 0: not stacked */
} Cut;

void cut_begin(Cut *c, Sweep *sweep, Id scan, const char *suffix); /* makes w */
Id cut_port(Cut *c, const char *name, TypeId type);  /* a further port of w, of a name not taken yet */
/* After the sweep in w: repoints its extended scans (ids are updated) and marks the primal. */
void cut_primal(Cut *c, Sweep *inner, Id *ids, int nids);
/* A node of w as a value over all turns in the outer graph, stacked along the scan's axis: an input, or an extra result
 * of either scan. cut_stack announces it before cut_finish, cut_stacked tells it afterwards. */
bool cut_can_stack(const Cut *c, Id n);
void cut_stack(Cut *c, Id n);
Id cut_stacked(const Cut *c, Id second, Id n);
void cut_result(Cut *c, Id n);                       /* n as something that the second scan stacks */
Id cut_result_of(const Cut *c, Id second, Id n);
Id cut_finish(Cut *c, bool reverse);                 /* the second scan */
#endif
