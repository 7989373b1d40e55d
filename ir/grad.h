/* What gradient rules see of the autodiff driver (passes/autodiff.c). The driver alone accumulates, un-broadcasts and
 * casts; a rule only states each input's adjoint in terms of dy, the inputs and the result. */
#ifndef GRADC_GRAD_H
#define GRADC_GRAD_H
#include "build.h"

struct Grad {
  Graph *g;
  Id node;         /* whose rule is running */
  const bool *wants; /* per node: whether an adjoint is wanted for it */
  void *driver;
};
bool grad_wants(const Grad *s, int i);     /* whether input i of the node wants an adjoint */
void grad_to(Grad *s, int i, Id adjoint);  /* adds to the adjoint of input i (may have the broadcast shape) */
Id grad_of_element(const Grad *s, int element); /* rules of ops with a tuple result (their dy is 0): adjoint or 0 */
void grad_to_get(Grad *s, int i, int element, Id adjoint); /* the same for one element of a tuple input */
Id tangent_of_element(const Grad *s, Id tuple, int element); /* forward mode: tangent of one element, or 0 */
/* op_elem_mask.c: a bool that is false where n's adjoint is 0 and n's rule must not make a NaN of that; 0: none. The
 * adjoint of which the mask alone has made those zeros; and any other one with 0 there. */
Id adjoint_mask(Graph *g, Id n, Id adjoint);
Id adjoint_unmasked(const Graph *g, Id adjoint);
Id adjoint_masked(Graph *g, Id adjoint, Id mask);
/* The rules of scan, whole: they need sweeps through its body (passes/autodiff_scan.c). */
void grad_scan(Grad *s, Id n);
Id jvp_of_scan(Grad *s, Id n, const Id *tangent);
#endif
