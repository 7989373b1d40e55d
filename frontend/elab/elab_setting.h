/* SPDX-License-Identifier: Apache-2.0 */
/* Constants set from outside: `--set NAME=VALUE`, gradc_options.set. */
#ifndef GRADC_ELAB_SETTING_H
#define GRADC_ELAB_SETTING_H
#include "frontend/elab/elab_names.h"

/* Gives the constants and dimensions of the main file, which is loaded, the values of ElabOptions.set, and evaluates
 * these. An unknown name, one that is set twice, and a value of another kind than the file's are reported. */
void el_set_constants(Elab *e);
/* The value of a constant that is set, as the kind that it has in the file. */
Value el_set_value(Elab *e, Item *it);
/* Fills Module.constant with those that have a value. After the sections. */
void el_list_constants(Elab *e);
#endif
