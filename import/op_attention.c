// SPDX-License-Identifier: Apache-2.0
/* Attention and its relatives. Masks are as in NumPy's broadcasting to [B, H, T, S]. */
#include "import/import.h"
#include "import/template.h"
#include <math.h>
#include <string.h>

/* Sizes: B records, H heads of queries, G of keys, T queries, S keys, `past` of them from a cache. */
typedef struct Heads {
  int64_t B, H, G, T, S, D, E, past;
  bool flat; /* operands are [B, T, H * D] */
  const char *q, *k, *v, *type;
} Heads;

/* Operand i as [B, heads, T, D]. */
static const char *heads_of(Oper *o, int i, int64_t heads, Shape *s) {
  *s = *op_shape(o, i);
  if (s->rank == 4) return op_x(o, i);
  if (s->rank != 3 || heads < 1 || s->dim[2] % heads)
    return op_refuse(o, E_ONNX_NODE, "operand %d does not divide into %lld heads", i + 1, (long long)heads), "";
  int64_t d[4] = {s->dim[0], s->dim[1], heads, s->dim[2] / heads}, to[4] = {d[0], heads, d[1], d[3]};
  *s = shape_of(s->type, 4, to);
  return op_str(o, "permute(reshape(%s, %s), 0, 2, 1, 3)", op_x(o, i), shape_list(o->m->c, d, 4));
}

/* Keys or values that follow those of the cache, operand `past`; also the result `out`. */
static const char *with_past(Oper *o, const char *x, Shape *s, int past, int out) {
  const char *name = out == 1 ? "k" : "v";
  if (!has_in(o, past)) {
    if (has_out(o, out)) op_give(o, out, *s, "%s", x = op_let(o, name, "%s", x));
    return x;
  }
  const Shape *p = op_shape(o, past);
  if (p->rank != 4 || p->dim[1] != s->dim[1] || p->dim[3] != s->dim[3] || p->type != s->type)
    return op_refuse(o, E_ONNX_NODE, "operand %d does not fit its cache", out + 1), "";
  s->dim[2] += p->dim[2];
  x = op_let(o, name, "concat([%s, %s], axis = 2)", op_x(o, past), x);
  op_give(o, out, *s, "%s", x);
  return x;
}

static bool read_heads(Oper *o, Heads *h) {
  Shape q, k, v;
  *h = (Heads){.flat = op_shape(o, 0)->rank == 3, .type = type_name(op_shape(o, 0)->type)};
  h->q = heads_of(o, 0, op_int(o, "q_num_heads", 0), &q);
  h->k = heads_of(o, 1, op_int(o, "kv_num_heads", 0), &k);
  h->v = heads_of(o, 2, op_int(o, "kv_num_heads", 0), &v);
  if (o->refused || !op_float_type(o, 0)) return false;
  if (q.type != k.type || v.type != k.type) return op_refuse(o, E_ONNX_TYPE, "of operands that differ in type"), false;
  int64_t now = k.dim[2];
  h->k = with_past(o, h->k, &k, 4, 1);
  h->v = with_past(o, h->v, &v, 5, 2);
  if (o->refused) return false;
  *h = (Heads){q.dim[0],       q.dim[1], k.dim[1], q.dim[2], k.dim[2], q.dim[3], v.dim[3],
               k.dim[2] - now, h->flat,  h->q,     h->k,     h->v,     h->type};
  bool fits = k.dim[0] == h->B && v.dim[0] == h->B && k.dim[3] == h->D && v.dim[1] == h->G && v.dim[2] == h->S;
  if (!fits || h->G < 1 || h->H % h->G) return op_refuse(o, E_ONNX_NODE, "the operands do not fit each other"), false;
  return true;
}

/* ---- which keys a query sees ---- */

/* The mask operand, with -inf or false for keys that it lacks. */
static const char *mask_text(Oper *o, const Heads *h) {
  const Shape *s = op_shape(o, 3);
  const char *x = op_x(o, 3);
  if (s->rank < 1 || s->rank > 4 || s->dim[s->rank - 1] > h->S)
    return op_refuse(o, E_ONNX_NODE, "the mask does not fit"), "";
  int64_t more = h->S - s->dim[s->rank - 1];
  if (!more || s->dim[s->rank - 1] == 1) return x;
  if (s->type != ONNX_BOOL) return op_str(o, "pad_with(%s, [-1], [0], [%lld], -inf)", x, (long long)more);
  return op_str(o, "pad_with(%s, [-1], [0], [%lld], false)", x, (long long)more);
}

/* What causality, windows and the number of valid keys allow, as bools; NULL: all. */
static const char *seen_text(Oper *o, const Heads *h, bool causal) {
  int64_t left = op_int(o, "left_window_size", -1), right = op_int(o, "right_window_size", -1);
  const char *start = op_str(o, "%lld", (long long)h->past), *seen = NULL, *valid = NULL;
  if (has_in(o, 6)) {
    valid = op_let(o, "valid", "reshape(%s, [%lld, 1, 1, 1])", op_x(o, 6), (long long)h->B);
    if (!has_in(o, 4)) start = op_str(o, "(%s - %lld)", valid, (long long)h->T);
  }
  if (causal || left >= 0 || right >= 0)
    seen = op_let(o, "seen", "onnx_band(%lld, %lld, %s, %s, %s)", (long long)h->T, (long long)h->S, start,
                  left >= 0 ? op_str(o, "%lld", (long long)left) : "none",
                  causal       ? "0"
                  : right >= 0 ? op_str(o, "%lld", (long long)right)
                               : "none");
  if (!valid) return seen;
  return op_let(o, "seen", "%s%siota(%lld) < %s", seen ? seen : "", seen ? " and " : "", (long long)h->S, valid);
}

/* A causal window also has a bound to the right, which is then 0. */
static const char *bias_text(Oper *o, const Heads *h, const char *seen) {
  const char *mask = has_in(o, 3) ? mask_text(o, h) : NULL;
  if (mask && op_shape(o, 3)->type == ONNX_BOOL) mask = op_str(o, "onnx_hide(%s, %s(0))", mask, h->type);
  else if (mask && op_shape(o, 3)->type != op_shape(o, 0)->type) mask = op_str(o, "%s(%s)", h->type, mask);
  if (seen) seen = op_str(o, "onnx_hide(%s, %s(0))", seen, h->type);
  if (!mask && !seen) return NULL;
  return op_let(o, "bias", "%s%s%s", mask ? mask : "", mask && seen ? " + " : "", seen ? seen : "");
}

/* ---- the operator ---- */

static void give_heads(Oper *o, const Heads *h, int type, const char *y) {
  Shape s = shape_of(type, 4, (int64_t[]){h->B, h->H, h->T, h->E});
  if (!h->flat) return op_give(o, 0, s, "%s", y);
  s = shape_of(type, 3, (int64_t[]){h->B, h->T, h->H * h->E});
  op_give(o, 0, s, "reshape(permute(%s, 0, 2, 1, 3), %s)", y, shape_list(o->m->c, s.dim, 3));
}

/* By the library's attention, which has no scores in memory; false: it lacks what the node asks for. */
static bool by_library(Oper *o, const Heads *h) {
  bool causal = op_int(o, "is_causal", 0) != 0;
  if (op_shape(o, 0)->type != ONNX_FLOAT || has_out(o, 3) || op_float(o, "softcap", 0) != 0 || has_in(o, 6))
    return false;
  if (op_int(o, "left_window_size", -1) >= 0 || op_int(o, "right_window_size", -1) >= 0) return false;
  if (causal && h->S - h->T != h->past) return false;
  if (op_int(o, "softmax_precision", ONNX_FLOAT) != ONNX_FLOAT) return false;
  if (has_in(o, 3) && op_shape(o, 3)->type != ONNX_BOOL && op_shape(o, 3)->type != ONNX_FLOAT) return false;
  const char *mask = has_in(o, 3) ? op_str(o, ", mask = %s", mask_text(o, h)) : "";
  const char *scale = op_attr(o, "scale") ? op_str(o, ", scale = %s", op_num(o, op_float(o, "scale", 1))) : "";
  give_heads(o, h, ONNX_FLOAT,
             op_str(o, "attention(%s, %s, %s%s%s%s)", h->q, h->k, h->v, mask, causal ? ", causal = true" : "", scale));
  return true;
}

void op_attention(Oper *o) {
  Heads h;
  if (!read_heads(o, &h) || by_library(o, &h)) return;
  int type = op_shape(o, 0)->type, exact = (int)op_int(o, "softmax_precision", type);
  double scale = sqrt(op_float(o, "scale", 1 / sqrt((double)h.D))), cap = op_float(o, "softcap", 0);
  int64_t mode = op_int(o, "qk_matmul_output_mode", 0);
  const OnnxTypeInfo *t = onnx_type(exact);
  if (!t || !dtype_is_float(t->dtype)) return op_refuse(o, E_ONNX_TYPE, "of softmax_precision %d", exact);
  const char *seen = seen_text(o, &h, op_int(o, "is_causal", 0) != 0), *bias = bias_text(o, &h, seen);
  const char *a = op_let(o, "scores", "onnx_scores(%s, %s, %s)", h.q, h.k, op_num(o, scale)), *show = a;
  if (cap > 0) a = op_let(o, "scores", "tanh(%s / %s) * %s", a, op_num(o, cap), op_num(o, cap));
  if (mode == 1) show = a;
  if (bias) a = op_let(o, "scores", "%s + %s", a, bias);
  if (mode == 2) show = a;
  const char *w = exact == type ? a : op_str(o, "%s(%s)", type_name(exact), a);
  w = op_str(o, "onnx_weights(%s, %s)", w, bias ? bias : "none");
  w = op_let(o, "weights", exact == type ? "%s%s" : "%s(%s)", exact == type ? "" : h.type, w);
  if (mode == 3) show = w;
  op_give(o, 3, shape_of(type, 4, (int64_t[]){h.B, h.H, h.T, h.S}), "%s", show);
  give_heads(o, &h, type, op_str(o, "onnx_mix(%s, %s)", w, h.v));
}

/* ---- ai.onnx.preview: graphs that change scores and weights ---- */

static const char *modified(Oper *o, const char *name, const char *x, Shape s) {
  const OnnxAttr *a = op_attr(o, name);
  if (!a || !a->g) return x;
  Value *in = onnx_value(o->m, s), *out;
  in->text = op_let(o, "t", "%s", x);
  in->inputs = o->inputs;
  if (a->g->nout != 1) op_refuse(o, E_ONNX_NODE, "`%s` has not one result", name);
  if (o->refused || !import_body(o, a->g, &in, 1, &out)) return "";
  if (out->s.type == s.type) return onnx_text(o->m, out);
  return op_str(o, "%s(%s)", type_name(s.type), onnx_text(o->m, out));
}

void op_flexattention(Oper *o) {
  Heads h;
  if (op_shape(o, 0)->rank != 4 || !read_heads(o, &h)) return op_refuse(o, E_ONNX_NODE, "its operands need four axes");
  int type = op_shape(o, 0)->type, exact = (int)op_int(o, "softmax_precision", type == ONNX_DOUBLE ? type : ONNX_FLOAT);
  double scale = sqrt(op_float(o, "scale", 1 / sqrt((double)h.D)));
  const OnnxTypeInfo *t = onnx_type(exact);
  if (!t || !dtype_is_float(t->dtype)) return op_refuse(o, E_ONNX_TYPE, "of softmax_precision %d", exact);
  Shape s = shape_of(exact, 4, (int64_t[]){h.B, h.H, h.T, h.S});
  const char *a = op_str(o, "onnx_scores(%s, %s, %s)", h.q, h.k, op_num(o, scale)), *wide = type_name(exact);
  if (exact != type) a = op_str(o, "%s(%s)", wide, a);
  a = op_str(o, "softmax(%s)", modified(o, "score_mod", a, s));
  a = modified(o, "prob_mod", a, s);
  if (exact == type) return give_heads(o, &h, type, op_str(o, "onnx_mix(%s, %s)", a, h.v));
  give_heads(o, &h, type, op_str(o, "%s(onnx_mix(%s, %s(%s)))", h.type, a, wide, h.v));
}
