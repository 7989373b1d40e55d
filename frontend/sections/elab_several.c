/* SPDX-License-Identifier: Apache-2.0 */
/* Several train sections in a file: what one takes from the others. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_state.h"
#include "frontend/sections/elab_train.h"

static const Ast *setting_of(const Ast *train, const char *name) {
  return el_setting(&(Section){.block = train->kid[0]}, name);
}

const Ast *el_other_plan(const Elab *e, const Section *s) {
  for (int i = 0; i < e->file->ast->n; i++) {
    const Ast *a = e->file->ast->kid[i];
    if (a->kind == AST_TRAIN && a != s->ast && (setting_of(a, "steps") || setting_of(a, "epochs"))) return a;
  }
  return NULL;
}

int el_train_sections(const Elab *e, const Ast **first) {
  int n = 0;
  for (int i = 0; i < e->file->ast->n; i++)
    if (e->file->ast->kid[i]->kind == AST_TRAIN && !n++) *first = e->file->ast->kid[i];
  return n;
}

bool el_check_sections(Elab *e, const Section *s) {
  static const char *const of_run[] = {"seed", "save", "keep", "validate", "validate.data", "early_stop"};
  const Ast *first = NULL, *every = el_setting(s, "every");
  if (el_train_sections(e, &first) < 2 && every)
    return el_reject(e, E_SETTING_CONFLICT, every->kid[0], "`every` is for a file with several train sections");
  for (int i = 0; i < (int)(sizeof of_run / sizeof *of_run) && first != s->ast; i++) {
    const Ast *b = el_setting(s, of_run[i]);
    if (!b) continue;
    Diag *d =
      el_error(e, E_SETTING_CONFLICT, b->kid[0], "`%s` holds for all train sections: the first one sets it", of_run[i]);
    diag_label(e->c, d, first->caret, first->caret_len, "the first one");
    return false;
  }
  return true;
}
