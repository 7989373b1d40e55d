/* SPDX-License-Identifier: Apache-2.0 */
/* A warning: a loss that contains a softmax, or a sigmoid, is given the result of one. Such a model trains, slowly and
 * not far, without an error. */
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_check.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "ir/tables.h"
#include <string.h>

static const struct {
  const char *loss, *contains, *instead;
} LOSSES[] = {
  {"cross_entropy", "softmax", NULL},
  {"soft_cross_entropy", "softmax", NULL},
  {"bce_with_logits", "sigmoid", "`bce(p, y)`"},
  {"focal", "sigmoid", NULL},
};

/* The name of a function of the standard library or of the op table; NULL: of the program. */
static const char *library_name(const Elab *e, const Fn *f) {
  if (f->def) return el_in_builtin(e, f->def->ast->at) ? f->def->name : NULL;
  return f->op ? op_info[f->op].spelling : NULL;
}

void el_note_normalized(Elab *e, const Fn *f, Value v, Loc at) {
  const char *name = library_name(e, f);
  if (!name || v.kind != V_TENSOR || (strcmp(name, "softmax") && strcmp(name, "sigmoid"))) return;
  int len = (int)strlen(name);
  at = el_user_loc(e, at, &len);
  *VEC_PUSH(e->c, e->cur.normalized, e->cur.nnormalized, e->cur.capnormalized) = (Normalized){v.g, v.id, name, at, len};
}

void el_warn_normalized(Elab *e, const Fn *f, const Call *k) {
  const char *name = library_name(e, f), *contains = NULL, *instead = NULL;
  for (size_t i = 0; name && i < sizeof LOSSES / sizeof *LOSSES; i++)
    if (!strcmp(name, LOSSES[i].loss)) contains = LOSSES[i].contains, instead = LOSSES[i].instead;
  const Arg *a = NULL;
  for (int i = 0; contains && i < k->n && !a; i++) {
    const char *arg = k->arg[i].name;
    if (arg ? !strcmp(arg, "logits") || !strcmp(arg, "z") : !i) a = &k->arg[i];
  }
  if (!a || !a->ast || a->v.kind != V_TENSOR) return;
  for (int i = 0; i < e->cur.nnormalized; i++) {
    const Normalized *x = &e->cur.normalized[i];
    if (x->g != a->v.g || x->id != a->v.id || strcmp(x->by, contains) || el_reported(e, E_TWICE_NORMALIZED, a->ast, ""))
      continue;
    int len = a->ast->caret_len;
    Loc at = el_user_loc(e, a->ast->caret, &len);
    Diag *d =
      diag_warn(e->c, E_TWICE_NORMALIZED, at, len, "`%s` contains the %s, which is applied twice", name, contains);
    if (x->at != at) diag_label(e->c, d, x->at, x->len, "the first one");
    diag_help(e->c, d, instead ? "leave it out, or write %s, of a probability" : "leave it out; an export may apply it",
              instead);
  }
}
