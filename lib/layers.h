/* SPDX-License-Identifier: Apache-2.0 */
/* What each layer of a model costs: the calls below its `use` instances. */
#ifndef GRADC_LAYERS_H
#define GRADC_LAYERS_H
#include "lib/cost.h"

typedef struct Layer {
  const char *name; /* "net.block_1.linear_2"; of what is in no layer, "(loss)", "(optimizer)", "(other)" */
  const char *op;   /* of the name the last call, without its number: "linear" */
  int scope;
  Loc at;                   /* the call; 0: no layer */
  TypeId type;              /* of its value; 0: no tensor */
  double parameters, macs;  /* of the weights declared there; multiply-adds of the forward pass */
  double flops, bytes;      /* of the kernels of a step or call that it has most of the work of */
  double seconds, measured; /* of these: predicted on one core; by a profile, -1 without */
  int nodes, kernels;
  const struct Layer *host; /* without kernels: the layer whose kernel computes it too; NULL: none */
} Layer;
typedef struct Layers {
  Module *m;
  Graph *g;   /* the training step, or the first export */
  Layer *row; /* in order of execution */
  int n, cap;
  int *row_of; /* per scope; -1: none yet */
} Layers;

Layers layers_find(Module *m);              /* of an elaborated module, before its passes */
bool layer_is_shown(const Layer *x);        /* false: of what is in no layer, and costs nothing */
void layers_cost(Layers *l, const Cost *k); /* adds the kernels' costs, after its passes */
/* The row of the kernels that bench --profile gives this layer; NULL: there is none. */
Layer *layers_row(Layers *l, const char *name);
void layers_json(Str *s, const Layers *l, const Layer *x); /* one object, without a newline */
#endif
