/* SPDX-License-Identifier: Apache-2.0 */
/* Which call a node comes from: Module.scope and Module.layer. */
#ifndef GRADC_ELAB_SCOPE_H
#define GRADC_ELAB_SCOPE_H
#include "frontend/elab/elab_value.h"

/* Where the user wrote what is at `at`, or the call that leads there, within the call of the current frame. */
Loc el_scope_loc(const Elab *e, Loc at);
void el_layer(Elab *e, Value v, Loc at); /* records the call at `at`, which the current frame is and which gave v */
void el_finish_scopes(Elab *e);          /* their paths, once all calls are known */
#endif
