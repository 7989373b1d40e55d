/* SPDX-License-Identifier: Apache-2.0 */
/* attend(q, k, v, lengths, causal, scale): the op of that name, as the list [o, lse]. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_state.h"
#include <math.h>

enum { ARG_LENGTHS = 3, ARG_CAUSAL, ARG_SCALE };

static bool is_given(const Call *k, int arg) { return k->arg[arg].set && k->arg[arg].v.kind != V_NONE; }

Value el_attend(Elab *e, Call *k) {
  Id in[4], n;
  int nin = is_given(k, ARG_LENGTHS) ? 4 : 3;
  bool causal;
  double scale;
  for (int i = 0; i < nin; i++)
    if (!(in[i] = el_want_tensor(e, k, i))) return v_error();
  const Type *q = el_type(e, in[0]);
  if (!el_want_bool(e, k, ARG_CAUSAL, false, &causal)) return v_error();
  if (!is_given(k, ARG_SCALE)) scale = q->rank && q->dim[q->rank - 1] > 0 ? 1 / sqrt((double)q->dim[q->rank - 1]) : 1;
  else if (!v_number(k->arg[ARG_SCALE].v, &scale))
    return el_arg_fail(e, E_NOT_STATIC, k, ARG_SCALE, "`attend` takes a number here, known at compile time");
  Builder b = el_builder(e, k->caret);
  if (!(n = b_attend(&b, in, nin, scale, causal))) return v_error();
  Value list[2] = {v_tensor(e, b_get(&b, n, 0)), v_tensor(e, b_get(&b, n, 1))};
  return v_list(e, 2, list);
}
