/* SPDX-License-Identifier: Apache-2.0 */
/* Statements: blocks, bindings, static control, hints. */
#ifndef GRADC_ELAB_STMT_H
#define GRADC_ELAB_STMT_H
#include "frontend/elab/elab_value.h"

Value el_block(Elab *e, const Ast *block);
Value el_stmt(Elab *e, const Ast *s);
Value el_if(Elab *e, const Ast *a);
bool el_bind(Elab *e, const Ast *bind, Value v);
Value el_list_items(Elab *e, Value v, const Ast *at); /* of a list, or along a tensor's first axis */

typedef struct SavedHints {
  uint32_t vars, nodes;
  double rate;
} SavedHints;
uint32_t el_read_hints(Elab *e, const Ast *a); /* HINT_* bits of the statement; others are reported */
double el_read_rate(Elab *e, const Ast *a);    /* the number of its @lr; 1: none, or reported */
/* Adds them to those of the enclosing statements. */
SavedHints el_push_hints(Elab *e, uint32_t hints, double rate);
void el_pop_hints(Elab *e, SavedHints outer);
uint32_t el_fp32_hint(const Elab *e, uint32_t hints); /* of them, those that nodes of this graph carry: @fp32, or 0 */
#endif
