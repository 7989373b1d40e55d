/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics. Errors and nodes of the standard library get the location of the user's call that led there. */
#ifndef GRADC_ELAB_DIAG_H
#define GRADC_ELAB_DIAG_H
#include "frontend/elab/elab_value.h"
#include "ir/build.h"

Loc el_user_loc(const Elab *e, Loc at, int *len);
bool el_in_builtin(const Elab *e, Loc at); /* of the standard library */
Builder el_builder(const Elab *e, Loc at); /* the current one, with that location */
Diag *el_error(Elab *e, int code, const Ast *at, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
Diag *el_error_at(Elab *e, int code, Loc at, int len, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The same error as a result: V_ERROR, or false. */
Value el_fail(Elab *e, int code, const Ast *at, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
bool el_reject(Elab *e, int code, const Ast *at, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* For limits: ends the elaboration, because every further statement would only fail again. */
Value el_fatal(Elab *e, int code, Loc at, int len, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

const char *el_axes(const Elab *e, int n);                        /* 1 axis, 2 axes */
void el_label_operand(Elab *e, Diag *d, const Ast *a, Value v);   /* its shape, and why it has that shape */
void el_primary_operand(Elab *e, Diag *d, const Ast *a, Value v); /* the same under the primary caret */
void el_label_call(Elab *e, Diag *d, const Call *k);              /* el_label_operand for every tensor argument */
void el_note_sizes(Elab *e, Diag *d); /* notes in an evaluation that the batch size is not fixed there */
void el_origin(Elab *e, Value v, const char *def, const char *why, Loc at);

/* Whether an unknown name was reported before; marks it as reported. */
bool el_name_reported(Elab *e, const char *name);
bool el_name_unknown(const Elab *e, const char *name); /* whether an error says that nothing has this name */
void el_unknown_name(Elab *e, const Ast *a, const char *name);
/* What may be meant by an unknown name; near: the nearest that the caller knows, or NULL. */
void el_help_name(Elab *e, Diag *d, const Ast *a, const char *name, const char *near);
/* Reports a named argument that is none of these n; false. */
bool el_unknown_argument(Elab *e, const Call *k, const Arg *a, const char *const *words, int n);
/* For a call with an argument that is an error: reports named ones that the function lacks. */
void el_check_argument_names(Elab *e, const Fn *f, const Call *k);
void el_help_number(Elab *e, Diag *d, Value text); /* a V_STR where a number is asked for, such as "0.9" or "10%" */
void el_poison_name(Elab *e, const Ast *a); /* a NAME that was misused: later uses of it give no further errors */
#endif
