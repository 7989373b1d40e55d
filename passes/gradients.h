/* Weight gradients in a planned training graph: which of them take memory of their own, and how much at once. */
#ifndef GRADC_GRADIENTS_H
#define GRADC_GRADIENTS_H
#include "passes/live.h"

typedef struct Gradients {
  const int *weight;   /* per node: 1 + the weight (a var) on whose way from gradient to update it lies; 0: none */
  int weights;         /* that the graph updates, or whose gradient it gathers */
  int unbuffered;      /* of them: the gradient is used up in the kernel that makes it */
  int64_t bytes;       /* most bytes alive at once of the others, and of what is computed from them by elements */
} Gradients;

/* Needs the places of memory. */
Gradients gradients_find(const Lives *l);
#endif
