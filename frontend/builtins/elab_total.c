/* SPDX-License-Identifier: Apache-2.0 */
/* total(x) and collect(x): in an evaluation the sum of x over all batches, and the records of all batches. Elsewhere
 * there is one batch, and both are x. */
#include "frontend/builtins/elab_total.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_state.h"

static Value gather(Elab *e, Id x, GatherHow how, TypeId type, Dim records) {
  GraphState *cur = &e->cur;
  for (int i = 0; i < cur->ngathered; i++) {
    const Gathered *old = &cur->gathered[i];
    if (old->from == x && old->how == how && old->records == records) return v_tensor(e, old->to);
  }
  const char *name = ctx_strf(e->c, "gathered.%d", cur->ngathered + 1); /* no name of a field */
  Id to = graph_input(cur->b.g, name, type, cur->b.loc);
  *VEC_PUSH(e->c, cur->gathered, cur->ngathered, cur->capgathered) = (Gathered){x, to, how, records};
  return v_tensor(e, to);
}

/* Whether x is to be gathered; a scan is inside of one batch. */
static bool over_batches(Elab *e, Call *k, bool *ok) {
  *ok = true;
  if (!e->cur.records) return false;
  if (e->cur.body)
    *ok = el_arg_reject(e, E_TOTAL_MIX, k, 0, "`%s` cannot be inside of a scan: a step of it is not a batch", k->name);
  return *ok;
}

/* total(x): in the evaluation of a train section the sum of x over all batches, known after the last one;
 * elsewhere, as in a training step, there is one batch, and it is x. Ints and bools are converted to f32; the sum
 * is added in double. x has a known shape. */
static Value fn_total(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  bool ok;
  if (!x) return v_error();
  if (!dtype_is_float(el_type(e, x)->dtype)) x = b_cast(&e->cur.b, x, DT_F32);
  if (el_type(e, x)->dtype == DT_F16 || el_type(e, x)->dtype == DT_BF16) x = b_cast(&e->cur.b, x, DT_F32);
  if (!over_batches(e, k, &ok)) return ok ? v_tensor(e, x) : v_error();
  const Type *t = el_type(e, x);
  for (int i = 0; i < t->rank; i++)
    if (!dim_is_const(t->dim[i]))
      return el_arg_fail(e, E_TOTAL_MIX, k, 0, "`total` adds tensors of a known shape over the batches, not %s",
                         el_type_text(e, el_type_id(e, x)));
  return gather(e, x, GATHER_TOTAL, el_type_id(e, x), 0);
}

/* collect(x, most = 65536): in the evaluation of a train section the rows of x, one for each record, of all
 * batches, as one tensor of a run-time size; elsewhere x. More than `most` records are refused (E0688); memory is
 * planned for them. */
static Value fn_collect(Elab *e, Call *k) {
  enum { MOST = 65536 };
  Id x = el_want_tensor(e, k, 0);
  int64_t most = MOST;
  bool ok;
  if (!x || (k->arg[1].set && !el_want_int(e, k, 1, 1, &most))) return v_error();
  if (!over_batches(e, k, &ok)) return ok ? v_tensor(e, x) : v_error();
  const Type *t = el_type(e, x);
  bool known = t->rank > 0 && t->dim[0] == e->cur.records;
  for (int i = 1; i < t->rank; i++) known &= dim_is_const(t->dim[i]);
  if (!known)
    return el_arg_fail(e, E_TOTAL_MIX, k, 0, "`collect` takes one row for each record, [%s, ...], not %s",
                       dim_text(e->m, e->cur.records), el_type_text(e, el_type_id(e, x)));
  Dim dim[MAX_RANK];
  dims_copy(dim, t->dim, t->rank);
  dim[0] = dim_size(e->m, ctx_strf(e->c, "records_%lld", (long long)most), most, e->cur.b.loc);
  return gather(e, x, GATHER_ROWS, type_make(e->m, (DType)t->dtype, t->rank, dim), dim[0]);
}

const Intrinsic el_total_intrinsics[] = {{"total", "x", fn_total}, {"collect", "x most?", fn_collect}, {0}};
