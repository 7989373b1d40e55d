// SPDX-License-Identifier: Apache-2.0
/* Forests of ai.onnx.ml before its version 5: tables of nodes, in which each row of the operand goes down each tree. */
#include "import/import.h"
#include "import/template.h"
#include <string.h>

enum { DEEPEST = 64 };

typedef struct Forest {
  int64_t nnode, nleaf, ntree, nweight; /* nleaf: numbers of each leaf */
  const OnnxAttr *tree, *node, *feature, *value, *mode, *yes, *no, *missing;
  int64_t *root, *feat, *to_yes, *to_no;
  float *split, *weight;
  int64_t budget; /* nodes that are walked over: trees have each once */
  int depth;
  const char *compare;
  bool tracks;
} Forest;

/* The place of a node in the tables; -1: none. */
static int64_t node_place(const Forest *f, int64_t tree, int64_t id, int64_t near) {
  for (int64_t k = 0; k < 2 * f->nnode; k++) { /* most often close to its parent */
    int64_t i = near + (k % 2 ? -(k + 1) / 2 : k / 2);
    if (i >= 0 && i < f->nnode && f->tree->ints[i] == tree && f->node->ints[i] == id) return i;
  }
  return -1;
}

static bool is_leaf(const Forest *f, int64_t i) { return !strcmp(f->mode->strings[i], "LEAF"); }

/* Steps from a node to its deepest leaf; -1: too many. */
static int depth_of(Forest *f, int64_t i, int left) {
  if (is_leaf(f, i)) return 0;
  if (!left || f->budget-- < 0) return -1;
  int a = depth_of(f, f->to_yes[i], left - 1), b = depth_of(f, f->to_no[i], left - 1);
  return a < 0 || b < 0 ? -1 : 1 + (a > b ? a : b);
}

static const char *comparison(const char *mode) {
  static const char *const name[][2] = {{"BRANCH_LEQ", "<="}, {"BRANCH_LT", "<"},  {"BRANCH_GTE", ">="},
                                        {"BRANCH_GT", ">"},   {"BRANCH_EQ", "=="}, {"BRANCH_NEQ", "!="}};
  for (int i = 0; i < 6; i++)
    if (!strcmp(mode, name[i][0])) return name[i][1];
  return NULL;
}

static bool read_nodes(Oper *o, Forest *f) {
  f->tree = op_attr(o, "nodes_treeids");
  f->node = op_attr(o, "nodes_nodeids");
  f->feature = op_attr(o, "nodes_featureids");
  f->value = op_attr(o, "nodes_values");
  f->mode = op_attr(o, "nodes_modes");
  f->yes = op_attr(o, "nodes_truenodeids");
  f->no = op_attr(o, "nodes_falsenodeids");
  f->missing = op_attr(o, "nodes_missing_value_tracks_true");
  if (!f->tree || !f->node || !f->feature || !f->value || !f->mode || !f->yes || !f->no) return false;
  int n = f->tree->ni;
  f->nnode = n;
  return n > 0 && f->node->ni == n && f->feature->ni == n && f->value->nf == n && f->mode->nstrings == n &&
         f->yes->ni == n && f->no->ni == n && (!f->missing || !f->missing->ni || f->missing->ni == n);
}

static bool fill_nodes(Oper *o, Forest *f) {
  int64_t columns = op_shape(o, 0)->dim[1];
  bool *child = ctx_array(o->m->c, (int)f->nnode, sizeof *child);
  for (int64_t i = 0; i < f->nnode; i++) {
    f->split[i] = f->value->floats[i];
    f->feat[i] = is_leaf(f, i) ? 0 : f->feature->ints[i];
    f->to_yes[i] = f->to_no[i] = i;
    if (is_leaf(f, i)) continue;
    f->to_yes[i] = node_place(f, f->tree->ints[i], f->yes->ints[i], i);
    f->to_no[i] = node_place(f, f->tree->ints[i], f->no->ints[i], i);
    const char *how = comparison(f->mode->strings[i]);
    if (f->to_yes[i] < 0 || f->to_no[i] < 0 || f->feat[i] < 0 || f->feat[i] >= columns || !how) return false;
    if (f->compare && strcmp(f->compare, how))
      return op_refuse(o, E_ONNX_NODE, "its nodes compare in several ways"), false;
    f->compare = how;
    child[f->to_yes[i]] = child[f->to_no[i]] = true;
    if (f->missing && f->missing->ni) f->tracks |= f->missing->ints[i] != 0;
  }
  for (int64_t i = 0; i < f->nnode; i++)
    if (!child[i]) f->root[f->ntree++] = i;
  f->budget = f->nnode;
  for (int64_t i = 0; i < f->ntree; i++) {
    int d = depth_of(f, f->root[i], DEEPEST);
    if (d < 0) return op_refuse(o, E_ONNX_NODE, "a tree is deeper than %d", DEEPEST), false;
    f->depth = d > f->depth ? d : f->depth;
  }
  return f->ntree > 0;
}

/* Numbers of leaves, by `prefix`_ids the target. */
static bool fill_weights(Oper *o, Forest *f, const char *prefix) {
  const OnnxAttr *tree = op_attr(o, op_str(o, "%s_treeids", prefix)),
                 *node = op_attr(o, op_str(o, "%s_nodeids", prefix));
  const OnnxAttr *id = op_attr(o, op_str(o, "%s_ids", prefix)), *w = op_attr(o, op_str(o, "%s_weights", prefix));
  if (!tree || !node || !id || !w || tree->ni != w->nf || node->ni != w->nf || id->ni != w->nf) return false;
  int64_t near = 0;
  for (int i = 0; i < w->nf; i++) {
    int64_t at = node_place(f, tree->ints[i], node->ints[i], near);
    if (at < 0 || id->ints[i] < 0 || id->ints[i] >= f->nleaf) return false;
    f->weight[at * f->nleaf + id->ints[i]] += w->floats[i];
    near = at;
  }
  return true;
}

/* The numbers of the leaves that each row reaches, [N, trees, n]; NULL: refused. */
static const char *leaves(Oper *o, Forest *f, const char *prefix, int64_t n) {
  Ctx *c = o->m->c;
  f->nleaf = n;
  if (op_shape(o, 0)->rank != 2 || n < 1 || n > 4096 || !read_nodes(o, f) || f->nnode * n > 1 << 26)
    return op_refuse(o, E_ONNX_NODE, "its attributes do not fit each other"), NULL;
  int count = (int)f->nnode;
  f->root = ctx_array(c, count, sizeof *f->root);
  f->feat = ctx_array(c, count, sizeof *f->feat);
  f->to_yes = ctx_array(c, count, sizeof *f->to_yes);
  f->to_no = ctx_array(c, count, sizeof *f->to_no);
  f->split = ctx_array(c, count, sizeof *f->split);
  f->weight = ctx_array(c, count * (int)n, sizeof *f->weight);
  if (!fill_nodes(o, f) || !fill_weights(o, f, prefix))
    return op_refuse(o, E_ONNX_NODE, "its attributes do not fit each other"), NULL;
  const char *x = op_shape(o, 0)->type == ONNX_FLOAT ? op_x(o, 0) : op_str(o, "f32(%s)", op_x(o, 0));
  const char *less = f->compare ? f->compare : "<=", *more = "";
  if (f->tracks) more = op_str(o, ", missing = %s", op_table(o, "missing", ONNX_INT64, f->missing->ints, 1, &f->nnode));
  const char *at = op_let(
    o, "leaves", "onnx_trees(%s, %s, %s, %s, %s, %s, %d, \"%s\"%s)", x,
    op_table(o, "roots", ONNX_INT64, f->root, 1, &f->ntree), op_table(o, "features", ONNX_INT64, f->feat, 1, &f->nnode),
    op_table(o, "splits", ONNX_FLOAT, f->split, 1, &f->nnode), op_table(o, "yes", ONNX_INT64, f->to_yes, 1, &f->nnode),
    op_table(o, "no", ONNX_INT64, f->to_no, 1, &f->nnode), f->depth, less, more);
  return op_str(o, "%s[%s]", op_table(o, "weights", ONNX_FLOAT, f->weight, 2, (int64_t[]){f->nnode, n}), at);
}

static const char *with_base(Oper *o, const char *y, int64_t n) {
  const OnnxAttr *base = op_attr(o, "base_values");
  if (!base || !base->nf) return y;
  if (base->nf != n && base->nf != 1) op_refuse(o, E_ONNX_NODE, "its attributes do not fit each other");
  int64_t k = base->nf;
  return op_str(o, "%s + %s", y, op_table(o, "base", ONNX_FLOAT, base->floats, 1, &k));
}

void op_forest_regressor(Oper *o) {
  Forest f = {.depth = 0};
  int64_t n = op_int(o, "n_targets", 1);
  const char *how = op_string(o, "aggregate_function", "SUM"), *y = leaves(o, &f, "target", n);
  if (!y) return;
  if (!strcmp(how, "SUM")) y = op_str(o, "sum(%s, axes = [1])", y);
  else if (!strcmp(how, "AVERAGE")) y = op_str(o, "sum(%s, axes = [1]) / %lld", y, (long long)f.ntree);
  else if (!strcmp(how, "MIN")) y = op_str(o, "min(%s, axes = [1])", y);
  else y = op_str(o, "max(%s, axes = [1])", y);
  if (strcmp(op_string(o, "post_transform", "NONE"), "NONE"))
    return op_refuse(o, E_ONNX_NODE, "post_transform `%s`", op_string(o, "post_transform", ""));
  op_give(o, 0, shape_of(ONNX_FLOAT, 2, (int64_t[]){op_shape(o, 0)->dim[0], n}), "%s", with_base(o, y, n));
}

/* The class that the leaves have numbers of, if it is one alone; -1: several. *positive: no number is negative. */
static int64_t only_class(Oper *o, bool *positive) {
  const OnnxAttr *id = op_attr(o, "class_ids"), *w = op_attr(o, "class_weights");
  *positive = true;
  for (int i = 0; w && i < w->nf; i++) *positive &= w->floats[i] >= 0;
  for (int i = 1; id && i < id->ni; i++)
    if (id->ints[i] != id->ints[0]) return -1;
  return id && id->ni ? id->ints[0] : -1;
}

static void give_classes(Oper *o, int64_t rows, int64_t n, const char *best, const char *s) {
  const OnnxAttr *label = op_attr(o, "classlabels_int64s");
  const char *labels = op_table(o, "labels", ONNX_INT64, label->ints, 1, &n);
  op_give(o, 0, shape_of(ONNX_INT64, 1, &rows), "%s[%s]", labels, best);
  op_give(o, 1, shape_of(ONNX_FLOAT, 2, (int64_t[]){rows, n}), "%s", s);
}

/* Two classes of which the leaves have numbers of one, as onnxruntime has it. */
static void give_two(Oper *o, int64_t rows, int64_t id, bool positive, const char *sum) {
  const OnnxAttr *base = op_attr(o, "base_values");
  const char *how = op_string(o, "post_transform", "NONE");
  bool logistic = !strcmp(how, "LOGISTIC"), with_base = base && base->nf;
  if ((!logistic && strcmp(how, "NONE")) || (logistic && positive) || (with_base && (base->nf != 1 || id == 1)))
    return op_refuse(o, E_ONNX_NODE, "post_transform `%s` or base_values of one of two classes", how);
  const char *p = op_let(o, "score", "sum(%s, axes = [1], keep = true)", sum);
  if (with_base) p = op_let(o, "score", "%s + %s", p, op_num(o, base->floats[0]));
  const char *best = op_str(o, "i32(%s[:, 0] > %s)", p, positive ? "0.5" : "0"), *first = "-", *s;
  if (id == 1) first = logistic ? "0.5 + 0 * " : "0 * ";
  else if (positive) first = "1 - ";
  if (logistic && id == 1) s = op_str(o, "concat([%s%s, sigmoid(%s)], axis = 1)", first, p, p);
  else if (logistic && !positive) s = op_str(o, "concat([sigmoid(-%s), sigmoid(%s)], axis = 1)", p, p);
  else s = op_str(o, "concat([%s%s, %s], axis = 1)", first, p, p);
  give_classes(o, rows, 2, best, s);
}

void op_forest_classifier(Oper *o) {
  Forest f = {.depth = 0};
  const OnnxAttr *label = op_attr(o, "classlabels_int64s");
  if (!label || !label->ni) return op_refuse(o, E_ONNX_TYPE, "of strings");
  int64_t n = label->ni, rows = op_shape(o, 0)->dim[0];
  bool positive;
  int64_t only = only_class(o, &positive);
  const char *how = op_string(o, "post_transform", "NONE"), *y = leaves(o, &f, "class", n);
  if (!y) return;
  y = op_str(o, "sum(%s, axes = [1])", y);
  if (n == 2 && only >= 0) return give_two(o, rows, only, positive, y);
  const char *s = op_let(o, "scores", "%s", with_base(o, y, n));
  bool none = !strcmp(how, "NONE"), logistic = !strcmp(how, "LOGISTIC");
  if (!none && !logistic && strcmp(how, "SOFTMAX")) return op_refuse(o, E_ONNX_NODE, "post_transform `%s`", how);
  if (n == 2 && (label->ints[0] != 0 || label->ints[1] != 1))
    return op_refuse(o, E_ONNX_NODE, "two labels that are not 0 and 1");
  const char *best = op_str(o, n == 2 ? "i32(%s[:, 1] > 0)" : "argmax(%s, axis = 1)", s);
  give_classes(o, rows, n, best, none ? s : op_str(o, logistic ? "sigmoid(%s)" : "softmax(%s)", s));
}
