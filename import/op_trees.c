// SPDX-License-Identifier: Apache-2.0
/* Ensembles of trees of ai.onnx.ml, and counts of n-grams. */
#include "import/import.h"
#include "import/template.h"
#include <math.h>
#include <string.h>

/* ---- trees: each target's sum over the leaves that a row reaches ---- */

typedef struct Trees {
  const char *x;
  const int64_t *feature, *on_true, *on_false, *leaf_true, *leaf_false, *target, *missing;
  const OnnxAttr *set;
  Tensor split, mode, weight, members;
  int nnode, nleaf, budget;
  int64_t ntarget, nfeature;
} Trees;

static const char *leaf_text(Oper *o, const Trees *t, int64_t i) {
  Str b = {.c = o->m->c};
  if (i < 0 || i >= t->nleaf) return op_refuse(o, E_ONNX_NODE, "a leaf is out of range"), "";
  for (int64_t k = 0; k < t->ntarget; k++)
    str_printf(&b, "%s%s", k ? ", " : "", k == t->target[i] ? op_num(o, tensor_number(&t->weight, i)) : "0");
  return op_str(o, "f32([%s])", b.s);
}

/* Member sets follow each other in the order of the nodes, each ended by NaN. */
static const char *member_text(Oper *o, const Trees *t, int64_t node, const char *x) {
  int64_t at = 0, set = 0;
  Str b = {.c = o->m->c};
  for (int64_t i = 0; i < node; i++) set += tensor_integer(&t->mode, i) == 6;
  for (; at < t->members.count && set; at++) set -= isnan(tensor_number(&t->members, at)) != 0;
  for (; at < t->members.count && !isnan(tensor_number(&t->members, at)); at++)
    str_printf(&b, "%s%s == %s", b.n ? " or " : "", x, op_num(o, tensor_number(&t->members, at)));
  return b.s ? b.s : op_str(o, "%s != %s", x, x);
}

static const char *node_text(Oper *o, Trees *t, int64_t i) {
  static const char *const compare[] = {"<=", "<", ">=", ">", "==", "!="};
  if (i < 0 || i >= t->nnode || t->budget-- < 0) return op_refuse(o, E_ONNX_NODE, "a node is out of range"), "";
  int64_t mode = tensor_integer(&t->mode, i);
  if (mode < 0 || mode > 6 || t->feature[i] < 0 || t->feature[i] >= t->nfeature)
    return op_refuse(o, E_ONNX_NODE, "a node's mode or feature is out of range"), "";
  const char *x = op_str(o, "%s[:, %lld:%lld]", t->x, (long long)t->feature[i], (long long)t->feature[i] + 1);
  const char *when = mode == 6 ? member_text(o, t, i, x)
                               : op_str(o, "%s %s %s", x, compare[mode], op_num(o, tensor_number(&t->split, i)));
  if (t->missing && t->missing[i]) when = op_str(o, "%s or isnan(%s)", when, x);
  const char *a = t->leaf_true[i] ? leaf_text(o, t, t->on_true[i]) : node_text(o, t, t->on_true[i]);
  if (o->refused) return "";
  const char *b = t->leaf_false[i] ? leaf_text(o, t, t->on_false[i]) : node_text(o, t, t->on_false[i]);
  return op_let(o, "node", "where(%s, %s, %s)", when, a, b);
}

static bool tensor_attr(Oper *o, const char *name, Tensor *t) {
  const OnnxAttr *a = op_attr(o, name);
  const char *why = "it is missing";
  if (a && a->t && onnx_tensor_values(o->m->c, a->t, o->m->folder, t, &why)) return true;
  op_refuse(o, E_ONNX_NODE, "`%s`: %s", name, why);
  return false;
}

void op_ml_trees(Oper *o) {
  Trees t = {.x = op_x(o, 0), .budget = 1 << 12};
  int n[6], roots;
  Shape s = *op_shape(o, 0);
  struct {
    const char *name;
    const int64_t **to;
  } list[] = {{"nodes_featureids", &t.feature},    {"nodes_truenodeids", &t.on_true},
              {"nodes_falsenodeids", &t.on_false}, {"nodes_trueleafs", &t.leaf_true},
              {"nodes_falseleafs", &t.leaf_false}, {"leaf_targetids", &t.target}};
  for (int i = 0; i < 6; i++) *list[i].to = op_ints(o, list[i].name, &n[i]);
  int missing;
  t.missing = op_ints(o, "nodes_missing_value_tracks_true", &missing);
  const int64_t *root = op_ints(o, "tree_roots", &roots);
  if (!tensor_attr(o, "nodes_splits", &t.split) || !tensor_attr(o, "nodes_modes", &t.mode) ||
      !tensor_attr(o, "leaf_weights", &t.weight))
    return;
  if (op_attr(o, "membership_values") && !tensor_attr(o, "membership_values", &t.members)) return;
  t.nnode = n[0];
  t.nleaf = n[5];
  t.ntarget = op_int(o, "n_targets", 1);
  bool fits = s.rank == 2 && root && roots > 0 && t.split.count == n[0] && t.mode.count == n[0] &&
              t.weight.count == n[5] && t.ntarget > 0 && t.ntarget <= 1024;
  for (int i = 1; i < 5; i++) fits &= n[i] == n[0];
  fits &= !t.missing || missing == n[0];
  if (!fits) return op_refuse(o, E_ONNX_NODE, "its attributes do not fit each other");
  if (op_int(o, "aggregate_function", 1) != 1 || op_int(o, "post_transform", 0))
    return op_refuse(o, E_ONNX_NODE, "it does not add leaves without a transformation");
  t.nfeature = s.dim[1];
  Str sum = {.c = o->m->c};
  for (int i = 0; i < roots && !o->refused; i++) str_printf(&sum, "%s%s", i ? " + " : "", node_text(o, &t, root[i]));
  s.dim[1] = t.ntarget;
  op_give(o, 0, s, s.type == ONNX_FLOAT ? "%s%s" : "%s(%s)", s.type == ONNX_FLOAT ? "" : type_name(s.type), sum.s);
}

/* ---- n-grams ---- */

/* How often each n-gram of the pool, `count` of them from `at` on, occurs in x with up to `skips` left out. */
static const char *gram_counts(Oper *o, const char *x, const int64_t *pool, int64_t n, int64_t count, int64_t C,
                               int64_t skips) {
  const char *grams = op_table(o, "grams", ONNX_INT64, pool, 2, (int64_t[]){count, n});
  Str b = {.c = o->m->c};
  for (int64_t step = 1; step <= (n == 1 ? 1 : skips + 1); step++)
    if ((n - 1) * step < C) str_printf(&b, "%sonnx_grams(%s, %s, %lld)", b.n ? " + " : "", x, grams, (long long)step);
  return b.s;
}

void op_tfidf(Oper *o) {
  Shape s = *op_shape(o, 0);
  int npool, nstart, nindex;
  const int64_t *pool = op_ints(o, "pool_int64s", &npool), *start = op_ints(o, "ngram_counts", &nstart);
  const int64_t *index = op_ints(o, "ngram_indexes", &nindex);
  int64_t low = op_int(o, "min_gram_length", 1), high = op_int(o, "max_gram_length", 1), D = 0, at = 0;
  const OnnxAttr *weight = op_attr(o, "weights");
  const char *mode = op_string(o, "mode", "TF"), *x = op_x(o, 0), *sum = NULL;
  if (!pool) return op_refuse(o, E_ONNX_TYPE, "of strings");
  if (!start || !index || s.rank < 1 || s.rank > 2) return op_refuse(o, E_ONNX_NODE, "its attributes do not fit");
  for (int i = 0; i < nindex; i++) D = index[i] >= D ? index[i] + 1 : D;
  for (int i = 0; i < nindex; i++)
    if (index[i] < 0 || D > 1 << 20) return op_refuse(o, E_ONNX_NODE, "an index is out of range");
  int64_t C = s.dim[s.rank - 1];
  if (s.rank == 1) x = op_let(o, "x", "reshape(%s, [1, %lld])", x, (long long)C);
  for (int64_t n = 1; n <= nstart; n++) {
    int64_t from = start[n - 1], to = n < nstart ? start[n] : npool, count = to >= from ? (to - from) / n : -1;
    if (from < 0 || to > npool || count < 0 || at + count > nindex)
      return op_refuse(o, E_ONNX_NODE, "its attributes do not fit");
    at += count;
    const char *counts = !count || n < low || n > high
                           ? NULL
                           : gram_counts(o, x, pool + from, n, count, C, op_int(o, "max_skip_count", 0));
    if (!counts) continue;
    float *to_column = ctx_alloc(o->m->c, (size_t)(count * D + 1) * sizeof *to_column);
    for (int64_t i = 0; i < count; i++) {
      int64_t k = at - count + i;
      bool weighs = weight && k < weight->nf && strcmp(mode, "TF");
      to_column[i * D + index[k]] = weighs ? weight->floats[k] : 1;
    }
    if (!strcmp(mode, "IDF")) counts = op_str(o, "min(%s, 1)", counts);
    const char *part =
      op_str(o, "(%s) @ %s", counts, op_table(o, "columns", ONNX_FLOAT, to_column, 2, (int64_t[]){count, D}));
    sum = sum ? op_str(o, "%s + %s", sum, part) : part;
  }
  s.type = ONNX_FLOAT;
  s.dim[s.rank - 1] = D;
  const char *list = shape_list(o->m->c, s.dim, s.rank);
  if (sum) op_give(o, 0, s, "reshape(%s, %s)", sum, list);
  else op_give(o, 0, s, "broadcast_to(f32(0), %s)", list);
}
