/* SPDX-License-Identifier: Apache-2.0 */
/* Removes graphs and data of a module. These are no passes, since they change what is computed. */
#ifndef GRADC_STRIP_H
#define GRADC_STRIP_H
#include "ir/ir.h"

/* Keeps the marked graphs and the bodies that they run. */
void module_keep_graphs(Module *m, const bool *roots);

/* For inference alone (--only=infer): keeps exports and the initial values of weights and states. Training, evaluation,
 * data, tests and optimizer state are removed. */
void module_infer_only(Module *m);
/* module_infer_only for a module that is to run these graphs alone, which have no inputs: they become its exports, and
 * there is no budget. */
void module_only_graphs(Module *m, Graph *const *want, int n);

void module_drop_tests(Module *m);
void module_drop_given_init(Module *m); /* `init` no longer computes the vars that come with the program (Var.given) */
#endif
