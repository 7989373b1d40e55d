/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of the element-wise ops. */
#include "interp_elem.h"

static void convert(const Val *from, Val *to) {
  for (int64_t i = 0; i < to->count; i++) val_convert(to, i, from, i);
}

static ElemRows *rows_of(DType storage) {
  switch (dtype_info[storage].kind) {
  case 'f': return storage == DT_F32 ? elem_rows_f32 : elem_rows_f64;
  case 'i': return elem_rows_signed;
  default: return elem_rows_unsigned;
  }
}

void eval_elem(Eval *e, Id n) {
  const Node *d = node_get(e->g, n);
  int arity = op_info[d->op].arity;
  const Val *in[3];
  Val *held = NULL;
  for (int i = 0; i < 3; i++) in[i] = eval_in(e, n, i < arity ? i : arity - 1); /* absent ones are read, not used */
  if (in[0]->type != in[1]->type) { /* the condition of `where`, as the bodies compute in one type */
    held = eval_new_shape(e, in[1]->type, in[0]->rank, in[0]->dim);
    convert(in[0], held);
    in[0] = held;
  }
  Val *out = eval_out(e, n);
  Walk w;
  walk_init(&w, out->rank, out->dim);
  for (int i = 0; i < 3; i++) walk_add_val(&w, in[i]);
  walk_add_val(&w, out);
  rows_of(in[1]->type)((Op)d->op, &w, in, out);
  val_release(held);
}

void eval_cast(Eval *e, Id n) { convert(eval_in(e, n, 0), eval_out(e, n)); }
