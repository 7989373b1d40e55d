/* SPDX-License-Identifier: Apache-2.0 */
/* The internals of autodiff: sweeps over a graph (sweep.c), derivatives of scan (scan_grad.c) and the partition of a
 * scan's body (scan_partition.c). autodiff.c expands grad and jvp nodes with them. */
#ifndef GRADC_AUTODIFF_H
#define GRADC_AUTODIFF_H
#include "ir/grad.h"
#include "ir/scan.h"

typedef struct Extended {
  Id from, to;
} Extended;

/* A sweep walks the nodes of one graph, backwards with adjoints or forwards with tangents, and appends the nodes it
 * makes to the same graph. One Sweep may run several sweeps of its graph, one after the other. */
typedef struct Sweep {
  Grad s;            /* the interface of derivative rules */
  Builder b;         /* of the rule that runs; b.g is the graph */
  bool *dep, *wants; /* per node: depends on an x through differentiable ops; and e depends on it */
  Id *adj;           /* per node: adjoint or tangent so far, 0: none; of a tuple: 1 + index of its first `elem` */
  int cap;           /* capacity of dep, wants and adj */
  IdList path;       /* of the last sweep: nodes that e depends on, in graph_postorder */
  Id *elem;
  int nelem, capelem;
  Extended *ext; /* scans that got extra results: `to` computes all results of `from` and more */
  int next, capext;
  Id mask; /* mask for the adjoints of the running rule; 0: none */
} Sweep;

void sweep_begin(Sweep *w, Graph *g);
/* Reverse mode: seed[i] has the adjoint given[i] (a seed may occur twice); afterwards sweep_value(w, x[i]). New nodes
 * get the hints. */
void sweep_back(Sweep *w, uint32_t hints, int nseed, const Id *seed, const Id *given, int nx, const Id *x);
/* Forward mode: x[i] has the tangent given[i]; afterwards sweep_value of each of e. */
void sweep_forward(Sweep *w, int nx, const Id *x, const Id *given, int ne, const Id *e);
Id sweep_value(const Sweep *w, Id n); /* 0: zero */
/* The rules of scan (scan_grad.c), for the table of functions that rules see. */
void sweep_vjp_scan(Grad *s, Id n);
Id sweep_jvp_scan(Grad *s, Id n, const Id *tangent);
void tangent_to_element(Grad *s, int element, Id tangent); /* of the tuple node whose jvp rule runs */
/* Replaces every extended scan by the one that extends it. Returns the map from old ids to new ones. */
Id *sweep_replace_scans(Sweep *w);
bool differentiable(const Graph *g, TypeId t);
bool propagates_gradient(const Graph *g, Id n); /* derivatives flow through the node */

/* One scan of an outer graph, being differentiated. `w` is a copy of its body, the primal, to which a sweep adds
 * derivative nodes and their ports. The partition splits w in two: derivative nodes become the body of a second scan;
 * primal values that it reads are stacked by the first scan as extra results. */
typedef struct ScanPartition {
  Sweep *sweep;     /* of the outer graph */
  const Builder *b; /* of that sweep */
  Graph *g, *w;
  int nprimal;       /* nodes of w before the sweep */
  Id node, extended; /* the scan; the same scan, or its extension */
  Scan scan;
  const char *suffix;            /* for the names of new bodies */
  Id *out;                       /* per result of the body: its node in w */
  bool *primal, *invariant;      /* per node of w */
  ScanInputs x, carry, captured; /* inputs of the second scan; w nodes that are not primal are derivative ports */
  IdList next, y;                /* its results: the next value of each carry; then stacked ones */
  IdList kept;  /* primal nodes that the first scan stacks: results scan.nc + scan.ny + i, or existing ones */
  int *kept_at; /* per node of w: 1 + element of the extended scan; 0: not stacked */
} ScanPartition;

void partition_begin(ScanPartition *c, Sweep *sweep, Id scan, const char *suffix); /* copies the body to w */
Id partition_port(ScanPartition *c, const char *name, TypeId type); /* adds a port to w; the name is made unique */
/* After the sweep in w: replaces its extended scans (ids are updated) and marks primal nodes. */
void partition_primal(ScanPartition *c, Sweep *inner, Id *ids, int nids);
/* A node of w over all iterations, as a value of the outer graph stacked along the scan's axis: an input, or an extra
 * result of either scan. partition_stack requests it before partition_finish; partition_stacked returns it after. */
bool partition_can_stack(const ScanPartition *c, Id n);
void partition_stack(ScanPartition *c, Id n);
Id partition_stacked(const ScanPartition *c, Id second, Id n);
void partition_result(ScanPartition *c, Id n); /* the second scan stacks n */
Id partition_result_of(const ScanPartition *c, Id second, Id n);
Id partition_finish(ScanPartition *c, bool reverse); /* builds both scans; returns the second */
#endif
