// SPDX-License-Identifier: Apache-2.0
/* RNN, GRU and LSTM: a scan over time for each direction. */
#include "import/import.h"
#include "import/template.h"
#include <string.h>
#include <strings.h>

typedef struct Rnn {
  int64_t t, b, h, directions;
  int gates, functions; /* functions: activations of a direction */
  bool batch_first, back;
  const char *type, *lengths; /* lengths: of records that may be shorter; NULL: all have t steps */
} Rnn;

static bool rnn_read(Oper *o, Rnn *r, int gates) {
  const Shape *x = op_shape(o, 0), *w = op_shape(o, 1), *u = op_shape(o, 2);
  const char *way = op_string(o, "direction", "forward");
  if (o->refused || !op_float_type(o, 0)) return false;
  *r = (Rnn){.gates = gates, .batch_first = op_int(o, "layout", 0) != 0, .type = type_name(x->type)};
  r->functions = gates == 1 ? 1 : gates - 1;
  r->directions = strcmp(way, "bidirectional") ? 1 : 2;
  r->back = !strcmp(way, "reverse");
  if (x->rank != 3 || w->rank != 3 || u->rank != 3 || w->dim[0] != r->directions || u->dim[1] != gates * u->dim[2] ||
      w->dim[1] != u->dim[1])
    return op_refuse(o, E_ONNX_NODE, "the weights do not fit"), false;
  r->t = x->dim[r->batch_first];
  r->b = x->dim[!r->batch_first];
  r->h = u->dim[2];
  return true;
}

/* Lengths that are known and all t are left out. */
static void read_lengths(Oper *o, Rnn *r) {
  if (!has_in(o, 4)) return;
  const Tensor *t = o->in[4]->known;
  bool shorter = !t;
  for (int64_t i = 0; t && i < t->count; i++) shorter |= tensor_integer(t, i) != r->t;
  if (shape_count(op_shape(o, 4)) != r->b)
    return op_refuse(o, E_ONNX_NODE, "another number of lengths than of records");
  if (shorter) r->lengths = op_x(o, 4);
}

/* ---- activations: `f`, `g` and `h` of each direction ---- */

typedef struct Act {
  const char *name, *text; /* text: a function, or a call that lacks its first argument */
  int numbers;             /* alpha, or alpha and beta */
  double alpha, beta;
} Act;
static const Act acts[] = {
  {"Tanh", "tanh", 0, 0, 0},
  {"Sigmoid", "sigmoid", 0, 0, 0},
  {"Relu", "relu", 0, 0, 0},
  {"Softsign", "softsign", 0, 0, 0},
  {"Softplus", "softplus", 0, 0, 0},
  {"LeakyRelu", "leaky_relu(slope = %s)", 1, 0.01, 0},
  {"ThresholdedRelu", "onnx_thresholded(alpha = %s)", 1, 1, 0},
  {"Elu", "elu(alpha = %s)", 1, 1, 0},
  {"Affine", "onnx_affine(alpha = %s, beta = %s)", 2, 1, 0},
  {"ScaledTanh", "onnx_scaled_tanh(alpha = %s, beta = %s)", 2, 1, 1},
  {"HardSigmoid", "onnx_hard_sigmoid(alpha = %s, beta = %s)", 2, 0.2, 0.5},
};

static const Act *act_named(Oper *o, const char *name) {
  for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
    if (!strcasecmp(acts[i].name, name)) return &acts[i];
  op_refuse(o, E_ONNX_NODE, "activation `%s`", name);
  return &acts[0];
}

/* Number k of an attribute; its default beyond the end. */
static const char *act_number(Oper *o, const char *list, int k, double otherwise) {
  const OnnxAttr *a = op_attr(o, list);
  return op_num(o, a && k < a->nf ? (double)a->floats[k] : otherwise);
}

/* The arguments of the def for direction d; nothing for what is standard. The activations that have numbers take them
 * in order, those of all directions. */
static const char *functions(Oper *o, const Rnn *r, int d) {
  const OnnxAttr *given = op_attr(o, "activations"), *clip = op_attr(o, "clip");
  static const char *const standard[] = {"Sigmoid", "Tanh", "Tanh"}, *const argument[] = {"f", "g", "k"};
  int n = given ? given->nstrings : 0, alpha = 0, beta = 0;
  if (n && n != r->functions && n != r->functions * r->directions)
    return op_refuse(o, E_ONNX_NODE, "%d activations", n), "";
  Str b = {.c = o->m->c};
  for (int i = 0; i < r->functions * (d + 1); i++) {
    const char *usual = r->gates == 1 ? "Tanh" : standard[i % r->functions];
    const char *name = n ? given->strings[i % n] : usual;
    const Act *a = act_named(o, name);
    const char *x = a->numbers > 0 ? act_number(o, "activation_alpha", alpha++, a->alpha) : "";
    const char *y = a->numbers > 1 ? act_number(o, "activation_beta", beta++, a->beta) : "";
    bool clipped = clip && i % r->functions < 2; /* not what becomes a result, as onnxruntime has it */
    if (i < r->functions * d || (!strcmp(a->name, usual) && !clipped)) continue;
    const char *text = a->numbers ? op_str(o, a->text, x, y) : a->text;
    if (clipped) text = op_str(o, "onnx_clipped(most = %s, act = %s)", op_num(o, (double)clip->f), text);
    str_printf(&b, ", %s = %s", argument[i % r->functions], text);
  }
  return b.s ? b.s : "";
}

/* ---- operands and results ---- */

static const char *zeros(Oper *o, const Rnn *r, int64_t n, int64_t m) {
  const char *x =
    n ? op_str(o, "zeros(%lld, %lld)", (long long)n, (long long)m) : op_str(o, "zeros(%lld)", (long long)m);
  return strcmp(r->type, "f32") ? op_str(o, "%s(%s)", r->type, x) : x;
}

/* Initial state of direction d by operand i. */
static const char *state_text(Oper *o, const Rnn *r, int i, int d) {
  if (!has_in(o, i)) return zeros(o, r, r->b, r->h);
  return op_str(o, r->batch_first ? "%s[:, %d]" : "%s[%d]", op_x(o, i), d);
}

static void give_results(Oper *o, const Rnn *r, const char *const *y, int nstate) {
  bool two = r->directions == 2;
  int type = op_shape(o, 0)->type;
  Shape s = shape_of(type, 4, (int64_t[]){r->t, r->directions, r->b, r->h});
  if (r->batch_first) s = shape_of(type, 4, (int64_t[]){r->b, r->t, r->directions, r->h});
  const char *all =
    two ? op_str(o, "stack([%s[0], %s[0]], axis = 1)", y[0], y[1]) : op_str(o, "unsqueeze(%s[0], 1)", y[0]);
  op_give(o, 0, s, r->batch_first ? "permute(%s, 2, 0, 1, 3)" : "%s", all);
  s = shape_of(type, 3, (int64_t[]){r->directions, r->b, r->h});
  if (r->batch_first) s = shape_of(type, 3, (int64_t[]){r->b, r->directions, r->h});
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
  read_lengths(o, &r);
  const char *x = op_x(o, 0), *y[2] = {"", ""};
  if (r.batch_first) x = op_let(o, "time_first", "permute(%s, 1, 0, 2)", x);
  long long n = (long long)(r.gates * r.h);
  for (int d = 0; d < r.directions; d++) {
    const char *b = has_in(o, 3) ? op_let(o, "bias", "%s[%d]", op_x(o, 3), d) : NULL;
    const char *bw = b ? op_str(o, "%s[0:%lld]", b, n) : zeros(o, &r, 0, n);
    const char *bu = b ? op_str(o, "%s[%lld:%lld]", b, n, 2 * n) : zeros(o, &r, 0, n);
    const char *more = "", *last = functions(o, &r, d);
    if (lstm)
      more = op_str(o, ", %s, %s", state_text(o, &r, 6, d), has_in(o, 7) ? op_str(o, "%s[%d]", op_x(o, 7), d) : "none");
    if (gru) more = op_int(o, "linear_before_reset", 0) ? ", true" : ", false";
    if (lstm && op_int(o, "input_forget", 0)) last = op_str(o, "%s, coupled = true", last);
    if (r.lengths) last = op_str(o, "%s, lengths = %s", last, r.lengths);
    y[d] = op_let(o, "steps", "%s(%s, %s[%d], %s[%d], %s, %s, %s%s, %s%s)", o->arg, x, op_x(o, 1), d, op_x(o, 2), d, bw,
                  bu, state_text(o, &r, 5, d), more, r.back || d ? "true" : "false", last);
  }
  give_results(o, &r, y, lstm ? 2 : 1);
}
