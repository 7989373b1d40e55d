/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a train section: optimizer, clipping, precision, and the split of its evaluation. */
#ifndef GRADC_ELAB_TRAIN_H
#define GRADC_ELAB_TRAIN_H
#include "frontend/elab/elab_weight.h"
#include "frontend/sections/elab_section.h"

/* ---- elab_optim.c ---- */
typedef struct Update {
  Id weight, grad;
  int var;
  CallSite *site;
} Update;
Value el_optimizer(Elab *e, const Ast *a); /* the function (w, g) -> w */
bool el_is_norm(const Ast *clip);          /* norm(x) */
bool el_clip(Elab *e, const Ast *clip, Update *u, int n);
bool el_update(Elab *e, Value optim, const Ast *at, Update *u, int n);
int el_optim_var(Elab *e, const Update *u, const char *name); /* an optimizer state of the weight's type */
int el_section_var(Elab *e, const char *name, double init);   /* a scalar optimizer state of the section */

/* ---- elab_eval.c ---- */
bool el_split_eval(Elab *e, Graph *eval, TrainInfo *t, const char **name, const Id *result, int n);

/* ---- elab_precision.c ---- */
typedef struct SavedState {
  int var, copy;
} SavedState; /* a state, and the var that saves its former value */
typedef struct LossScale {
  bool on; /* else these functions do nothing */
  TrainInfo *t;
  const Ast *at;
  int good_steps, microbatch; /* vars */
  SavedState *saved;
  int nsaved, capsaved;
  Id finite; /* no gradient of this graph has overflowed */
} LossScale;
bool el_precision(Elab *e, const Section *s, TrainInfo *t); /* the setting */
Id el_scale_loss(Elab *e, LossScale *s, TrainInfo *t, const Ast *at, Id loss);
void el_unscale(Elab *e, const LossScale *s, Update *u, int n);
void el_find_overflow(Elab *e, LossScale *s, const Update *u, int n);
void el_scale_microbatch(Elab *e, LossScale *s);
void el_scale_step(Elab *e, const LossScale *s); /* must follow all other writes */
#endif
