// SPDX-License-Identifier: Apache-2.0
/* RNN, GRU and LSTM: a scan over time for each direction. */
#include "import/import.h"
#include "import/template.h"
#include <string.h>

typedef struct Rnn {
  int64_t t, b, h, directions;
  int gates;
  bool batch_first, back;
} Rnn;

/* Only the standard activations: Sigmoid for gates, Tanh for values. */
static bool standard(Oper *o, const Rnn *r) {
  static const char *const other[] = {"activation_alpha", "activation_beta", "clip"};
  const OnnxAttr *a = op_attr(o, "activations");
  for (int i = 0; i < 3; i++)
    if (op_attr(o, other[i])) return op_refuse(o, E_ONNX_NODE, "with `%s`", other[i]), false;
  if (op_int(o, "input_forget", 0)) return op_refuse(o, E_ONNX_NODE, "with `input_forget`"), false;
  if (a && a->nstrings) return op_refuse(o, E_ONNX_NODE, "with `activations`"), false;
  (void)r;
  return true;
}

/* Records of one length. */
static bool full_length(Oper *o, const Rnn *r) {
  const int64_t *v;
  int n;
  if (!has_in(o, 4)) return true;
  if (!op_known_ints(o, 4, &v, &n)) return false;
  for (int i = 0; i < n; i++)
    if (v[i] != r->t) return op_refuse(o, E_ONNX_NODE, "records of different lengths"), false;
  return true;
}

static bool rnn_read(Oper *o, Rnn *r, int gates) {
  const Shape *x = op_shape(o, 0), *w = op_shape(o, 1), *u = op_shape(o, 2);
  const char *way = op_string(o, "direction", "forward");
  if (o->refused) return false;
  if (x->type != ONNX_FLOAT) return op_refuse(o, E_ONNX_TYPE, "of %s", onnx_type(x->type)->name), false;
  *r = (Rnn){.gates = gates, .batch_first = op_int(o, "layout", 0) != 0};
  r->directions = strcmp(way, "bidirectional") ? 1 : 2;
  r->back = !strcmp(way, "reverse");
  if (x->rank != 3 || w->rank != 3 || u->rank != 3 || w->dim[0] != r->directions || u->dim[1] != gates * u->dim[2] ||
      w->dim[1] != u->dim[1])
    return op_refuse(o, E_ONNX_NODE, "the weights do not fit"), false;
  r->t = x->dim[r->batch_first];
  r->b = x->dim[!r->batch_first];
  r->h = u->dim[2];
  return standard(o, r) && full_length(o, r);
}

/* Initial state of direction d by operand i. */
static const char *state_text(Oper *o, const Rnn *r, int i, int d) {
  if (!has_in(o, i)) return op_str(o, "zeros(%lld, %lld)", (long long)r->b, (long long)r->h);
  return op_str(o, r->batch_first ? "%s[:, %d]" : "%s[%d]", op_x(o, i), d);
}

static void give_results(Oper *o, const Rnn *r, const char *const *y, int nstate) {
  bool two = r->directions == 2;
  Shape s = shape_of(ONNX_FLOAT, 4, (int64_t[]){r->t, r->directions, r->b, r->h});
  if (r->batch_first) s = shape_of(ONNX_FLOAT, 4, (int64_t[]){r->b, r->t, r->directions, r->h});
  const char *all =
    two ? op_str(o, "stack([%s[0], %s[0]], axis = 1)", y[0], y[1]) : op_str(o, "unsqueeze(%s[0], 1)", y[0]);
  op_give(o, 0, s, r->batch_first ? "permute(%s, 2, 0, 1, 3)" : "%s", all);
  s = shape_of(ONNX_FLOAT, 3, (int64_t[]){r->directions, r->b, r->h});
  if (r->batch_first) s = shape_of(ONNX_FLOAT, 3, (int64_t[]){r->b, r->directions, r->h});
  int axis = r->batch_first;
  for (int i = 1; i <= nstate; i++)
    if (two) op_give(o, i, s, "stack([%s[%d], %s[%d]], axis = %d)", y[0], i, y[1], i, axis);
    else op_give(o, i, s, "unsqueeze(%s[%d], %d)", y[0], i, axis);
}

/* arg: the def of onnx.nn. */
void op_rnn(Oper *o) {
  Rnn r;
  bool lstm = !strcmp(o->n->op, "LSTM"), gru = !strcmp(o->n->op, "GRU");
  if (!rnn_read(o, &r, lstm ? 4 : gru ? 3 : 1)) return;
  const char *x = op_x(o, 0), *y[2] = {"", ""};
  if (r.batch_first) x = op_let(o, "time_first", "permute(%s, 1, 0, 2)", x);
  long long n = (long long)(r.gates * r.h);
  for (int d = 0; d < r.directions; d++) {
    const char *b = has_in(o, 3) ? op_let(o, "bias", "%s[%d]", op_x(o, 3), d) : NULL;
    const char *bw = b ? op_str(o, "%s[0:%lld]", b, n) : op_str(o, "zeros(%lld)", n);
    const char *bu = b ? op_str(o, "%s[%lld:%lld]", b, n, 2 * n) : op_str(o, "zeros(%lld)", n);
    const char *more = "";
    if (lstm)
      more = op_str(o, ", %s, %s", state_text(o, &r, 6, d), has_in(o, 7) ? op_str(o, "%s[%d]", op_x(o, 7), d) : "none");
    if (gru) more = op_int(o, "linear_before_reset", 0) ? ", true" : ", false";
    y[d] = op_let(o, "steps", "%s(%s, %s[%d], %s[%d], %s, %s, %s%s, %s)", o->arg, x, op_x(o, 1), d, op_x(o, 2), d, bw,
                  bu, state_text(o, &r, 5, d), more, r.back || d ? "true" : "false");
  }
  give_results(o, &r, y, lstm ? 2 : 1);
}
