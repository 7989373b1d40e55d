/* SPDX-License-Identifier: Apache-2.0 */
/* Constants of the .nn file that were set from outside: when the model was compiled, or by `train --set`. */
#ifndef GRADC_SETTINGS_H
#define GRADC_SETTINGS_H
#include "json.h"
#include "session.h"

void settings_apply(Session *sess); /* --set; dies of what a compiled program cannot set */
/* Adds the members `set`, those that were set, and `const`, all constants, to the text of run.json; frees the text. */
char *settings_members(const Session *sess, char *text);
/* Reads `set` (was_set) or `const` of the run.json of a run: dies if it is to be resumed and a constant that is set
 * here or there has another value there. False: malformed. */
bool settings_load(Session *sess, Json *j, bool was_set);
#endif
