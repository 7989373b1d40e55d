/* SPDX-License-Identifier: Apache-2.0 */
/* Checks beyond the elaboration itself: defs that nothing calls, and what has no effect. */
#ifndef GRADC_ELAB_CHECK_H
#define GRADC_ELAB_CHECK_H
#include "frontend/elab/elab_weight.h"

void el_check_uncalled(Elab *e);                       /* names in defs that nothing calls; then el_try_uncalled */
void el_try_uncalled(Elab *e, Item *const *it, int n); /* errors that every call of these defs would have */
CallSite *el_trial_root(Elab *e);                      /* a root for the weights of one trial */
void el_warn(Elab *e);
void el_mark_effect(Elab *e, const Ast *s); /* the statement writes a state, so its value may be unused */
/* Losses of logits that are given probabilities: notes a result of softmax or sigmoid; warns at a call. */
void el_note_normalized(Elab *e, const Fn *f, Value v, Loc at);
void el_warn_normalized(Elab *e, const Fn *f, const Call *k);
#endif
