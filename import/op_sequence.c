// SPDX-License-Identifier: Apache-2.0
/* Operators of sequences of tokens: positions, recurrent forms of attention, caches. */
#include "import/import.h"
#include "import/template.h"
#include "import/window.h"
#include <math.h>
#include <string.h>

/* Pairs of the first `n` elements of each head are rotated by the angles of the caches. */
void op_rotary(Oper *o) {
  Shape s = *op_shape(o, 0), x = s;
  int64_t heads = op_int(o, "num_heads", 0), n = op_int(o, "rotary_embedding_dim", 0);
  const char *y = op_x(o, 0), *part[2];
  if (s.rank == 3 && heads > 0 && s.dim[2] % heads == 0) {
    x = shape_of(s.type, 4, (int64_t[]){s.dim[0], s.dim[1], heads, s.dim[2] / heads});
    y = op_str(o, "reshape(%s, %s)", y, shape_list(o->m->c, x.dim, 4));
  } else if (s.rank == 4) {
    x = shape_of(s.type, 4, (int64_t[]){s.dim[0], s.dim[2], s.dim[1], s.dim[3]});
    y = op_str(o, "permute(%s, 0, 2, 1, 3)", y);
  } else {
    return op_refuse(o, E_ONNX_NODE, "its operand does not divide into heads");
  }
  if (n == 0) n = x.dim[3];
  if (n % 2 || n > x.dim[3]) return op_refuse(o, E_ONNX_NODE, "rotary_embedding_dim does not fit");
  int64_t d[4] = {x.dim[0], x.dim[1], 1, n / 2};
  for (int i = 0; i < 2; i++) { /* cos, sin: by position, or of each token */
    Shape c = *op_shape(o, 1 + i);
    bool known = has_in(o, 3) && c.rank == 2 && c.dim[1] == n / 2;
    if (!known && shape_count(&c) != d[0] * d[1] * d[3]) return op_refuse(o, E_ONNX_NODE, "a cache does not fit");
    const char *all = op_x(o, 1 + i);
    if (known) all = op_str(o, "%s[%s]", all, op_x(o, 3));
    part[i] = op_let(o, i ? "sine" : "cosine", "reshape(%s, %s)", all, shape_list(o->m->c, d, 4));
  }
  y = op_str(o, "onnx_rotate(%s, %s, %s, %lld, %s)", y, part[0], part[1], (long long)n,
             op_int(o, "interleaved", 0) ? "true" : "false");
  if (s.rank == 4) op_give(o, 0, s, "permute(%s, 0, 2, 1, 3)", y);
  else op_give(o, 0, s, "reshape(%s, %s)", y, shape_list(o->m->c, s.dim, 3));
}

/* ---- linear attention: a state [B, G, K, V] that each token reads and writes ---- */

/* Operand i, [B, T, ...], as f32 [T, B, heads, n]. */
static const char *by_time(Oper *o, int i, int64_t heads) {
  const Shape *s = op_shape(o, i);
  if (s->rank != 3 || heads < 1 || s->dim[2] % heads)
    return op_refuse(o, E_ONNX_NODE, "operand %d does not divide into heads", i + 1), "";
  int64_t d[4] = {s->dim[0], s->dim[1], heads, s->dim[2] / heads};
  const char *x = op_str(o, "permute(reshape(%s, %s), 1, 0, 2, 3)", op_x(o, i), shape_list(o->m->c, d, 4));
  return s->type == ONNX_FLOAT ? x : op_str(o, "f32(%s)", x);
}

static const char *first_state(Oper *o, const Shape *state) {
  const char *list = shape_list(o->m->c, state->dim, 4);
  if (!has_in(o, 3)) return op_str(o, "zeros(%.*s)", (int)strlen(list) - 2, list + 1);
  if (shape_count(op_shape(o, 3)) != shape_count(state)) op_refuse(o, E_ONNX_NODE, "the state does not fit");
  return op_str(o, state->type == ONNX_FLOAT ? "%s" : "f32(%s)", op_x(o, 3));
}

void op_linear_attention(Oper *o) {
  int64_t H = op_int(o, "q_num_heads", 0), G = op_int(o, "kv_num_heads", 0);
  const char *rule = op_string(o, "update_rule", "gated_delta");
  bool gated = !strncmp(rule, "gated", 5), delta = strstr(rule, "delta") != NULL;
  if (!delta && !gated && strcmp(rule, "linear")) return op_refuse(o, E_ONNX_NODE, "update_rule `%s`", rule);
  if (H < 1 || G < 1 || H % G) return op_refuse(o, E_ONNX_NODE, "the heads do not divide");
  Shape s = *op_shape(o, 0);
  const Shape *k = op_shape(o, 1), *v = op_shape(o, 2);
  const char *q = by_time(o, 0, H), *key = by_time(o, 1, G), *val = by_time(o, 2, G), *decay = "", *beta = "";
  if (o->refused) return;
  int64_t K = k->dim[2] / G, V = v->dim[2] / G;
  if (s.dim[2] / H != K || k->dim[1] != s.dim[1] || v->dim[1] != s.dim[1])
    return op_refuse(o, E_ONNX_NODE, "the operands do not fit each other");
  if (gated) decay = op_str(o, ", %s", by_time(o, 4, G));
  if (delta) beta = op_str(o, ", %s", by_time(o, 5, op_shape(o, 5)->dim[2] == 1 ? 1 : G));
  double scale = op_float(o, "scale", 0);
  Shape state = shape_of(has_in(o, 3) ? op_shape(o, 3)->type : s.type, 4, (int64_t[]){s.dim[0], G, K, V});
  const char *both = op_let(o, "steps", "scan([%s, %s, %s%s%s], 0, onnx_linear_attention_%s, %s, states = true)", q,
                            key, val, decay, beta, rule, first_state(o, &state));
  const char *type = type_name(s.type);
  int64_t d[3] = {s.dim[0], s.dim[1], H * V};
  if (!o->refused && s.dim[1] == 0) return op_refuse(o, E_ONNX_NODE, "no tokens");
  op_give(o, 0, shape_of(s.type, 3, d), "%s(reshape(permute(%s[0], 1, 0, 2, 3), %s) * %s)", type, both,
          shape_list(o->m->c, d, 3), op_num(o, scale != 0 ? scale : 1 / sqrt((double)K)));
  op_give(o, 1, state, "%s(%s[1])", type_name(state.type), both);
}

void op_causal_conv(Oper *o) {
  Shape s = *op_shape(o, 0), p = s;
  const Shape *w = op_shape(o, 1);
  const char *act = op_string(o, "activation", "none"), *x = op_x(o, 0), *type = type_name(s.type);
  if (s.rank != 3 || w->rank != 3 || w->dim[0] != s.dim[1] || w->dim[1] != 1 || w->dim[2] < 1 || !op_float_type(o, 0))
    return op_refuse(o, E_ONNX_NODE, "the kernel does not fit");
  int64_t k = w->dim[2], channels = s.dim[1];
  if (has_in(o, 3)) x = op_let(o, "x", "concat([%s, %s], axis = 2)", op_x(o, 3), x);
  else if (k > 1) x = op_let(o, "x", "pad_with(%s, [2], [%lld], [0], 0)", x, (long long)(k - 1));
  const char *y = op_str(o, "conv(%s, %s, groups = %lld)", x, op_x(o, 1), (long long)channels);
  if (has_in(o, 2)) y = op_str(o, "%s + reshape(%s, [%lld, 1])", y, op_x(o, 2), (long long)channels);
  if (!strcmp(act, "silu") || !strcmp(act, "swish")) op_give(o, 0, s, "%s(silu(f32(%s)))", type, y);
  else if (!strcmp(act, "none")) op_give(o, 0, s, "%s", y);
  else return op_refuse(o, E_ONNX_NODE, "activation `%s`", act);
  p.dim[2] = k - 1;
  op_give(o, 1, p, "%s[:, :, %lld:]", x, (long long)s.dim[2]);
}

/* ---- by positions of each record ---- */

/* A vector along one axis of a tensor of that rank. */
static const char *vector_along(Oper *o, const char *v, int64_t n, int axis, int rank) {
  int64_t d[MAX_RANK];
  for (int i = 0; i < rank; i++) d[i] = i == axis ? n : 1;
  return op_str(o, "reshape(%s, %s)", v, shape_list(o->m->c, d, rank));
}

static const char *positions(Oper *o, const Shape *s, int axis) {
  return vector_along(o, op_str(o, "iota(%lld)", (long long)s->dim[axis]), s->dim[axis], axis, s->rank);
}

void op_tensor_scatter(Oper *o) {
  Shape s = *op_shape(o, 0);
  const Shape *u = op_shape(o, 1);
  int axis = op_axis(o, "axis", -2, s.rank);
  const char *start = "0", *mode = op_string(o, "mode", "linear");
  if (axis < 1 || u->rank != s.rank) return op_refuse(o, E_ONNX_NODE, "the axis does not fit");
  for (int i = 0; i < s.rank; i++)
    if (i == axis ? u->dim[i] > s.dim[i] : u->dim[i] != s.dim[i])
      return op_refuse(o, E_ONNX_NODE, "the update does not fit the cache");
  if (has_in(o, 2)) start = vector_along(o, op_x(o, 2), s.dim[0], 0, s.rank);
  op_give(o, 0, s, "onnx_write(%s, %s, %s - %s, %d, %s)", op_x(o, 0), op_x(o, 1), positions(o, &s, axis), start, axis,
          !strcmp(mode, "circular") ? "true" : "false");
}

void op_reverse_sequence(Oper *o) {
  Shape s = *op_shape(o, 0);
  int batch = op_axis(o, "batch_axis", 1, s.rank), time = op_axis(o, "time_axis", 0, s.rank);
  if (batch < 0 || time < 0 || batch == time || op_shape(o, 1)->rank != 1 || op_shape(o, 1)->dim[0] != s.dim[batch])
    return op_refuse(o, E_ONNX_NODE, "the axes do not fit");
  const char *t = positions(o, &s, time), *n = vector_along(o, op_x(o, 1), s.dim[batch], batch, s.rank);
  const char *at = op_let(o, "places", "where(%s < %s, %s - 1 - %s, %s)", t, n, n, t, t);
  op_give(o, 0, s, "take_along(%s, %s, %d)", op_x(o, 0), at, time);
}
