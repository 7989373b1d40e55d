/* SPDX-License-Identifier: Apache-2.0 */
/* Random fields: a section whose lines ask for `training` has a second graph for training steps (elab_data.c). Flips,
 * crops and the like are defs of std/augment.nn; mixup, which takes a second record, is of the runtime. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_state.h"
#include "frontend/sections/elab_data.h"
#include <string.h>

bool el_augmentation_known(Elab *e, const Ast *a) {
  static const char *const unsupported[] = {"cutmix", "random_scale"};
  if (!a) return true;
  for (int i = 0; i < 2; i++)
    if (a->kind == AST_NAME && !strcmp(a->text, unsupported[i]) && !el_item(e, e->file, a->text))
      return el_reject(e, E_UNSUPPORTED_AUGMENTATION, a, "augmentation by `%s` is not in this version", a->text);
  for (int i = 0; i < a->n; i++)
    if (!el_augmentation_known(e, a->kid[i])) return false;
  return true;
}

void el_random_check(Elab *e, const Graph *g) {
  for (Id i = 1; i < (Id)g->n; i++) {
    const Node *d = node_get(g, i);
    if (!(op_info[d->op].flags & OPF_RANDOM)) continue;
    Diag *r = el_error_at(e, E_FIELD, d->loc, 1, "fields of the hold-out, of `eval` and of `predict` cannot be random");
    diag_help(e->c, r, "if training { ... } else { ... } draws random numbers in training steps alone");
    return;
  }
}

/* mixup(x, alpha), as the last function of a line */
static Value fn_mixup(Elab *e, Call *k) {
  enum { MOST = 4 }; /* the runtime draws by rejection: it accepts one pair of 70 then */
  DataCtx *x = e->data;
  const Ast *last = x && x->raw && !e->cur.body ? x->line->kid[1] : NULL;
  const Ast *call = last && last->kind == AST_PIPE ? last->kid[1] : last;
  Value v = k->arg[0].v;
  double alpha = 0.2;
  if (v_bad(v)) return v;
  if (!call || call->caret != k->caret)
    return el_arg_fail(e, E_FIELD, k, 0, "`mixup` is the last function of a line of a data section");
  if (k->arg[1].set && (!v_number(k->arg[1].v, &alpha) || !(alpha > 0 && alpha <= MOST)))
    return el_arg_fail(e, E_STATIC_RANGE, k, 1, "`alpha` is a number above 0, up to %d", MOST);
  x->field->mixup = alpha;
  return v;
}

bool el_mixup_check(Elab *e, const DataCtx *x) {
  const FieldInfo *f = x->field;
  const Ast *at = x->line->kid[1];
  if (!f->mixup) return true;
  if (!el_stream_line(e, x->d, at, "mixup")) return false;
  if (!dtype_is_float((DType)type_get(e->m, f->type)->dtype)) {
    Diag *d = el_error(e, E_DTYPE_MISMATCH, at, "`mixup` gives floats between those of two records, `%s` is %s",
                       f->name, el_type_text(e, f->type));
    diag_help(e->c, d, "of classes: %s: f32[10] = mixup(one_hot(field(1), 10), %g)", f->name, f->mixup);
    return false;
  }
  for (int i = 0; i + 1 < x->d->nfield; i++)
    if (x->d->field[i].mixup && x->d->field[i].mixup != f->mixup)
      return el_reject(e, E_SETTING_CONFLICT, at, "one draw mixes all fields of a record: `alpha` of `%s` is %g",
                       x->d->field[i].name, x->d->field[i].mixup);
  return true;
}

const Intrinsic el_augment_intrinsics[] = {{"mixup", "x alpha?", fn_mixup}, {0}};
