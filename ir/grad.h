/* SPDX-License-Identifier: Apache-2.0 */
/* Gradient rules and the autodiff driver that runs them. A rule states each input's adjoint in terms of dy, the inputs
 * and the result; the driver alone accumulates, un-broadcasts and casts. It is a table of functions, so that ir/ needs
 * nothing of passes/. */
#ifndef GRADC_GRAD_H
#define GRADC_GRAD_H
#include "build.h"

typedef struct GradDriver {
  void (*add)(Grad *s, int i, Id adjoint);
  void (*add_element)(Grad *s, int i, int element, Id adjoint);
  Id (*element)(const Grad *s, Id tuple, int element);
  void (*give_element)(Grad *s, int element, Id tangent);
  /* The rules of scan, which need sweeps through its body. */
  void (*vjp_scan)(Grad *s, Id n);
  Id (*jvp_scan)(Grad *s, Id n, const Id *tangent);
} GradDriver;

struct Grad {
  const Builder *b;  /* of derivative nodes */
  Id node;           /* whose rule is running */
  const bool *wants; /* per node: whether an adjoint is wanted for it */
  const GradDriver *driver;
  void *sweep; /* the driver's own state */
};

/* Whether input i of the node wants an adjoint. */
static inline bool grad_wants(const Grad *s, int i) { return s->wants[node_in(s->b->g, s->node, i)]; }
/* Adds to the adjoint of input i; `adjoint` may have the broadcast shape. */
static inline void grad_to(Grad *s, int i, Id adjoint) { s->driver->add(s, i, adjoint); }
/* The same for one element of a tuple input. */
static inline void grad_to_element(Grad *s, int i, int element, Id adjoint) {
  s->driver->add_element(s, i, element, adjoint);
}
/* The adjoint (reverse mode) or tangent (forward mode) of one element of a tuple; 0: none. */
static inline Id grad_element(const Grad *s, Id tuple, int element) { return s->driver->element(s, tuple, element); }

/* Forward mode: the tangent of one element of the tuple whose rule is running. */
static inline void grad_give_element(Grad *s, int element, Id tangent) { s->driver->give_element(s, element, tangent); }

Id grad_trigamma(Grad *s, Id x);             /* op_elem_inverse.c: the derivative of digamma */
Id adjoint_joined(const Builder *b, Id sum); /* op_join.c: a sum of adjoints, as a concatenation if it is one */
/* op_elem_mask.c. adjoint_mask: a bool, false where n's adjoint is 0 because of a `where`, if n's rule could compute a
 * NaN from that 0; 0: not needed. adjoint_unmasked: the adjoint before the `where` set it to 0 there. adjoint_masked:
 * any adjoint, set to 0 there. */
Id adjoint_mask(const Builder *b, Id n, Id adjoint);
Id adjoint_unmasked(const Graph *g, Id adjoint);
Id adjoint_masked(const Builder *b, Id adjoint, Id mask);
#endif
