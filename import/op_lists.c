// SPDX-License-Identifier: Apache-2.0
/* Sequences within a graph, whose lengths and indices are known at import: lists of values, which have no line. */
#include "import/import.h"
#include "import/template.h"
#include <string.h>

static Value *list_of(Oper *o, int i) {
  op_shape(o, i);
  Value *v = has_in(o, i) ? o->in[i] : NULL;
  if (v && v->list) return v;
  op_refuse(o, E_ONNX_TYPE, "operand %d is no sequence that is known at import", i + 1);
  return NULL;
}

static void give_list(Oper *o, int out, Value **item, int n) {
  if (o->refused || !has_out(o, out)) return;
  Value *v = o->out[out];
  v->list = ctx_array(o->m->c, n, sizeof *v->list);
  v->nlist = n;
  for (int i = 0; i < n; i++) v->list[i] = item[i];
}

/* An index of an operand, from 0 to n - 1, or n; `otherwise` without the operand. */
static int place(Oper *o, int i, int n, bool end, int otherwise) {
  const Tensor *t;
  if (!has_in(o, i)) return otherwise;
  if (!op_known(o, i, &t)) return 0;
  int64_t at = t->count == 1 ? tensor_integer(t, 0) : n + 1;
  at += at < 0 ? n : 0;
  if (at < 0 || at >= n + end) return op_refuse(o, E_ONNX_NODE, "the index is out of the sequence"), 0;
  return (int)at;
}

void op_sequence(Oper *o) { give_list(o, 0, o->in, o->nin); }

void op_sequence_insert(Oper *o) {
  const Value *l = list_of(o, 0);
  op_shape(o, 1);
  if (!l || o->refused) return;
  int at = place(o, 2, l->nlist, true, l->nlist);
  Value **item = ctx_array(o->m->c, l->nlist + 1, sizeof *item);
  for (int i = 0; i < l->nlist; i++) item[i + (i >= at)] = l->list[i];
  item[at] = o->in[1];
  give_list(o, 0, item, l->nlist + 1);
}

void op_sequence_erase(Oper *o) {
  const Value *l = list_of(o, 0);
  if (!l) return;
  int at = place(o, 1, l->nlist, false, l->nlist - 1);
  if (at < 0) return op_refuse(o, E_ONNX_NODE, "the sequence is empty");
  Value **item = ctx_array(o->m->c, l->nlist, sizeof *item);
  for (int i = 0; i + 1 < l->nlist; i++) item[i] = l->list[i + (i >= at)];
  give_list(o, 0, item, l->nlist - 1);
}

void op_sequence_at(Oper *o) {
  const Value *l = list_of(o, 0);
  if (!l) return;
  int at = place(o, 1, l->nlist, false, 0);
  if (!o->refused && has_out(o, 0) && l->nlist) *o->out[0] = *l->list[at];
  else op_refuse(o, E_ONNX_NODE, "the sequence is empty");
}

void op_sequence_length(Oper *o) {
  const Value *l = list_of(o, 0);
  int64_t *n = ctx_alloc(o->m->c, sizeof *n);
  if (!l) return;
  *n = l->nlist;
  op_give_known(o, 0, (Shape){.type = ONNX_INT64}, n);
}

/* Elements from `at` on one axis; without the axis if it is not kept. */
static Value *part_of(Oper *o, int axis, int64_t at, int64_t n, bool keep) {
  Shape s = *op_shape(o, 0);
  Str b = {.c = o->m->c};
  for (int i = 0; i < axis; i++) str_puts(&b, ":, ");
  if (keep) str_printf(&b, "%lld:%lld", (long long)at, (long long)(at + n));
  else str_printf(&b, "%lld", (long long)at);
  s.dim[axis] = n;
  if (!keep) {
    for (int i = axis; i + 1 < s.rank; i++) s.dim[i] = s.dim[i + 1];
    s.rank--;
  }
  Value *v = onnx_value(o->m, s);
  v->inputs = o->inputs;
  v->text = op_let(o, "part", "%s[%s]", op_x(o, 0), b.s);
  return v;
}

/* Sizes by operand 1, one for all or a list; without it 1 each. */
void op_split_to_sequence(Oper *o) {
  const Shape *x = op_shape(o, 0);
  int axis = op_axis(o, "axis", 0, x->rank), n = 0;
  if (axis < 0 || o->refused) return;
  int64_t all = x->dim[axis], each = 1, at = 0;
  const int64_t *size = NULL;
  bool keep = has_in(o, 1) || op_int(o, "keepdims", 1), listed = has_in(o, 1) && op_shape(o, 1)->rank > 0;
  if (has_in(o, 1) && !op_known_ints(o, 1, &size, &n)) return;
  if (size && !listed) each = size[0];
  int parts = listed ? n : each > 0 && all / each < 4096 ? (int)((all + each - 1) / each) : -1;
  if (parts < 0) return op_refuse(o, E_ONNX_NODE, "the sizes do not fit");
  Value **item = ctx_array(o->m->c, parts, sizeof *item);
  for (int i = 0; i < parts; i++) {
    int64_t k = listed ? size[i] : each < all - at ? each : all - at;
    if (k < 0 || k > all - at) return op_refuse(o, E_ONNX_NODE, "the sizes do not add to that of the axis");
    item[i] = part_of(o, axis, at, k, keep);
    at += k;
  }
  give_list(o, 0, item, parts);
}

void op_concat_from_sequence(Oper *o) {
  const Value *l = list_of(o, 0);
  if (!l) return;
  if (!l->nlist) return op_refuse(o, E_ONNX_NODE, "the sequence is empty");
  bool new = op_int(o, "new_axis", 0) != 0;
  Shape s = l->list[0]->s;
  int axis = op_axis(o, "axis", 0, s.rank + new);
  Str b = {.c = o->m->c};
  if (axis < 0 || s.rank + new > MAX_RANK) return;
  for (int i = 0; i < l->nlist; i++) {
    const Shape *x = &l->list[i]->s;
    bool same = x->rank == s.rank && x->type == s.type && !l->list[i]->list;
    for (int k = 0; same && k < s.rank; k++) same = x->dim[k] == s.dim[k] || (k == axis && !new);
    if (!same) return op_refuse(o, E_ONNX_NODE, "the values of the sequence differ in their shapes");
    str_printf(&b, "%s%s", i ? ", " : "", onnx_text(o->m, l->list[i]));
    if (i && !new) s.dim[axis] += x->dim[axis];
    o->inputs |= l->list[i]->inputs;
  }
  if (new) {
    for (int k = s.rank; k > axis; k--) s.dim[k] = s.dim[k - 1];
    s.dim[axis] = l->nlist;
    s.rank++;
  }
  op_give(o, 0, s, "%s([%s], axis = %d)", new ? "stack" : "concat", b.s, axis);
}

/* Its graph for each value of the first operand, a sequence; of others that are sequences too, the value there. */
void op_sequence_map(Oper *o) {
  const OnnxAttr *a = op_attr(o, "body");
  const Value *l = list_of(o, 0);
  Value **in = ctx_array(o->m->c, o->nin, sizeof *in), ***out = ctx_array(o->m->c, o->nout, sizeof *out);
  if (!l) return;
  if (!a || !a->g || a->g->nout != o->nout) return op_refuse(o, E_ONNX_NODE, "the body does not fit");
  Value **one = ctx_array(o->m->c, o->nout, sizeof *one);
  for (int k = 0; k < o->nout; k++) out[k] = ctx_array(o->m->c, l->nlist, sizeof **out);
  for (int i = 0; i < l->nlist; i++) {
    for (int k = 0; k < o->nin; k++) {
      op_shape(o, k);
      if (o->refused) return;
      if (o->in[k]->list && i >= o->in[k]->nlist) return op_refuse(o, E_ONNX_NODE, "sequences of different lengths");
      in[k] = o->in[k]->list ? o->in[k]->list[i] : o->in[k];
    }
    if (!import_body(o, a->g, in, o->nin, one)) return;
    for (int k = 0; k < o->nout; k++) out[k][i] = one[k];
  }
  for (int k = 0; k < o->nout; k++) give_list(o, k, out[k], l->nlist);
}

/* ---- values that may be absent ---- */

void op_optional(Oper *o) {
  if (has_in(o, 0)) return op_alias(o, 0, 0);
  if (has_out(o, 0)) o->out[0]->absent = true;
}

void op_optional_get(Oper *o) {
  if (has_in(o, 0) && o->in[0]->absent) return op_refuse(o, E_ONNX_NODE, "the optional value is absent");
  op_alias(o, 0, 0);
}

void op_optional_has(Oper *o) {
  bool *has = ctx_alloc(o->m->c, 1);
  *has = has_in(o, 0) && !o->in[0]->absent;
  op_give_known(o, 0, (Shape){.type = ONNX_BOOL}, has);
}
