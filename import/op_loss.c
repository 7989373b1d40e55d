// SPDX-License-Identifier: Apache-2.0
/* Losses of classes along axis 1. */
#include "import/import.h"
#include "import/template.h"
#include <string.h>

/* Of logarithms of probabilities `logp`. */
static void give_loss(Oper *o, int out, const char *logp) {
  const Shape *x = op_shape(o, 0);
  Shape s = *op_shape(o, 1);
  const char *how = op_string(o, "reduction", "mean");
  const OnnxAttr *ignore = op_attr(o, "ignore_index");
  s.type = x->type;
  if (x->rank < 2 || s.rank != x->rank - 1) return op_refuse(o, E_ONNX_NODE, "the labels do not fit");
  if (strcmp(how, "none")) s.rank = 0;
  op_give(o, out, s, "onnx_nll(%s, %s, %s, %s, \"%s\")", logp, op_x(o, 1), has_in(o, 2) ? op_x(o, 2) : "none",
          ignore ? op_str(o, "%lld", (long long)ignore->i) : "none", how);
}

void op_nll(Oper *o) { give_loss(o, 0, op_x(o, 0)); }

void op_cross_entropy(Oper *o) {
  const char *logp = op_let(o, "log_prob", "log_softmax(%s, axis = 1)", op_x(o, 0));
  give_loss(o, 0, logp);
  op_give(o, 1, *op_shape(o, 0), "%s", logp);
}
