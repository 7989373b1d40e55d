/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: collecting arguments, what is called, instances and their memo. */
#ifndef GRADC_ELAB_CALL_H
#define GRADC_ELAB_CALL_H
#include "frontend/elab/elab_graph.h"

typedef struct Memo { /* a call of an instance: calls with the same arguments in one graph are one call */
  const CallSite *site;
  const Graph *g;
  uint32_t hints; /* on precision */
  int n;
  const Value *arg;
  bool done;
  Value v;
} Memo;

/* ---- elab_call.c ---- */
Value el_call_ast(Elab *e, const Ast *call, const Value *first, const Ast *first_ast);
Value el_call(Elab *e, const Fn *fn, Call *k);
Value el_call_value(Elab *e, const Ast *callee, Call *k);
Value el_apply(Elab *e, Value fn, const Value *v, int n, const Call *from);      /* positional values */
Value el_call_def(Elab *e, const char *name, Arg *arg, int n, const Call *from); /* of the standard library */
bool el_collect_args(Elab *e, const Ast *call, const Value *first, const Ast *first_ast, Call *k);
void el_add_bound_args(Elab *e, const Fn *f, Call *k); /* arguments that f has bound and the call does not name */
Memo *el_memo(Elab *e, const CallSite *site, int n, Value *arg); /* done: elaborated before */
struct InternPool *el_memo_new(Elab *e);
int el_named_op(const char *name); /* the op that is a function of that name; -1: none */

/* ---- elab_def.c ---- */
Value el_call_fn(Elab *e, const Fn *f, Call *k, CallSite *at); /* at: the site of its weights; NULL: a new child */
Value el_body(Elab *e, const Def *d);                          /* of a def whose arguments are bound */
Value el_partial(Elab *e, const Ast *call);                    /* of a `use`: binds arguments, runs nothing */
bool el_reported(Elab *e, int code, const Ast *at, const char *why); /* whether it was reported; from now on it was */
bool el_reported_of(Elab *e, int code, const char *name);            /* the same of what has this name */
#endif
