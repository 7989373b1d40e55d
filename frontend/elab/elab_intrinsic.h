/* SPDX-License-Identifier: Apache-2.0 */
/* Primitives that are called by name: their tables and the reading of their arguments. */
#ifndef GRADC_ELAB_INTRINSIC_H
#define GRADC_ELAB_INTRINSIC_H
#include "frontend/elab/elab_value.h"

/* `params`: names separated by spaces, `?` after optional ones; `*` last takes any further positional arguments, `**`
 * any named ones too. */
struct Intrinsic {
  const char *name, *params;
  Value (*fn)(Elab *e, Call *k);
};

const Intrinsic *el_intrinsic(const char *name);
extern const Intrinsic *const el_intrinsic_sets[]; /* ends with NULL */
/* Each ends with a row without a name. */
extern const Intrinsic el_tensor_intrinsics[], el_window_intrinsics[], el_grad_intrinsics[], el_data_intrinsics[],
  el_reduce_intrinsics[], el_axes_intrinsics[], el_einsum_intrinsics[], el_total_intrinsics[], el_learned_intrinsics[],
  el_picture_intrinsics[], el_list_intrinsics[], el_augment_intrinsics[];
Value el_scan(Elab *e, Call *k);
Value el_attend(Elab *e, Call *k);
Value el_rearrange(Elab *e, Call *k);

bool el_bind_params(Elab *e, const char *params, Call *k);
bool el_want_int(Elab *e, Call *k, int arg, int64_t min, int64_t *v);
bool el_want_ints(Elab *e, Call *k, int arg, int n, int64_t min, int64_t *v); /* a number means n equal ones */
bool el_want_bool(Elab *e, Call *k, int arg, bool fallback, bool *v);
bool el_want_axis(Elab *e, Call *k, int arg, int rank, int64_t fallback, int64_t *axis);
bool el_want_axes(Elab *e, Call *k, int arg, int rank, bool all, int64_t *axes, int *n);
Id el_want_tensor(Elab *e, Call *k, int arg);
const List *el_want_list(Elab *e, Call *k, int arg); /* of at least one element; NULL: an error */
const Ast *el_arg_ast(const Call *k, int arg);
/* Errors at an argument: V_ERROR, or false. */
Value el_arg_fail(Elab *e, int code, const Call *k, int arg, const char *fmt, ...)
  __attribute__((format(printf, 5, 6)));
bool el_arg_reject(Elab *e, int code, const Call *k, int arg, const char *fmt, ...)
  __attribute__((format(printf, 5, 6)));
#endif
