/* SPDX-License-Identifier: Apache-2.0 */
/* Making nodes, for ast_build.c and ast_items.c only. */
#ifndef GRADC_AST_NODE_H
#define GRADC_AST_NODE_H
#include "frontend/syntax/ast_build.h"

Ast *node_new(Parse *p, int kind, Loc from, Loc to, int n); /* bytes [from, to), n children still NULL */
Ast *node_list(Parse *p, int kind, Loc from, Loc to, int skip, const Nodes *l); /* skip children free, then l */
Ast *node_done(Parse *p, Ast *a); /* after the children are set: computes and limits the depth */
void node_set_caret(Ast *a, const Token *t);
Loc node_end(const Ast *a);
Loc token_end(const Token *t);
bool all_names(Ast *const *v, int n); /* plain names, neither dotted nor in parentheses */
#endif
