/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a train section: optimizer, clipping, precision, and the split of its evaluation. */
#ifndef GRADC_ELAB_TRAIN_H
#define GRADC_ELAB_TRAIN_H
#include "frontend/elab/elab_weight.h"
#include "frontend/sections/elab_section.h"

/* ---- elab_groups.c ---- */
typedef struct Group {   /* an entry of `optim` or `clip` */
  const Ast *ast, *call; /* as written; without the names of weights */
  Part *part;
  int npart; /* 0: for the weights that no other entry names */
  Value fn;
} Group;
typedef struct Groups {
  Group *g;
  int n;
} Groups;
typedef struct Update Update;
bool el_groups(Elab *e, const Ast *setting, Groups *gs);
/* The entry of each weight; -1: none. Reports a weight in two, and an entry without weights. */
bool el_find_groups(Elab *e, const Groups *gs, const Update *u, int n, int *group);
bool el_assign_weights(Elab *e, const Ast *block); /* `target := ...` in a train section, after the update */

/* ---- elab_optim.c ---- */
struct Update {
  Id weight, grad, curvature; /* curvature: 0, or the estimate of the Hessian's diagonal that its optimizer takes */
  int var, group;             /* group: its entry of `optim` */
  CallSite *site;
};
bool el_clips_norm(const Ast *clip); /* norm(x), or a list with such an entry */
bool el_clip(Elab *e, const Ast *clip, Update *u, int n);
bool el_noise(Elab *e, const Ast *noise, Update *u, int n); /* grad_noise */
bool el_optimizers(Elab *e, Groups *optim);                 /* instantiates them, in the graph of the update */
bool el_update(Elab *e, const Groups *optim, Update *u, int n);
int el_optim_var(Elab *e, const Update *u, const char *name); /* an optimizer state of the weight's type */
int el_section_var(Elab *e, const char *name, double init);   /* a scalar optimizer state of the section */

bool el_takes_curvature(Value rule); /* its third argument is `curvature` */

/* ---- elab_curvature.c ---- */
bool el_curvature(Elab *e, const Groups *optim, const TrainInfo *t, Update *u, int n); /* of gradients as they are */

/* ---- elab_joint.c ---- */
bool el_takes_loss(Value rule); /* its third argument is `loss` */
/* The update by the one rule of `optim`, and the results of the first evaluation in a step. */
bool el_joint_update(Elab *e, const Section *s, const TrainInfo *t, const Groups *optim, Update *u, int n, Id loss);

/* ---- elab_average.c ---- */
bool el_average(Elab *e, const Ast *ema, const Update *u, int n); /* after all other writes of weights */

/* ---- elab_several.c ---- */
int el_train_sections(const Elab *e, const Ast **first);   /* their number, and the first of the file */
const Ast *el_other_plan(const Elab *e, const Section *s); /* a section whose plan s can follow; NULL: none */
/* Settings of a run, not of a section, belong to the first section; `every` needs another one. */
bool el_check_sections(Elab *e, const Section *s);

/* ---- elab_validate.c ---- */
bool el_validation(Elab *e, const Section *s, TrainInfo *t); /* validate, validate.data, early_stop, save */
bool el_is_early_stop(const Ast *statement);                 /* early_stop(...) without a name before it */
/* `validate.loss` and `validate.NAME` as values, in the graph that is elaborated: in training steps what the newest
 * validation found, if the step follows one, else nan. */
void el_bind_observed(Elab *e, const Section *s, TrainInfo *t);
void el_reset_observed(Elab *e, const TrainInfo *t);            /* no later step takes them again */
void el_settle_scores(Elab *e, const Section *s, TrainInfo *t); /* once t->metric is known */
bool el_find_data(Elab *e, const Section *s, const char *setting, int *data);

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
