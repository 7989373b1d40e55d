/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics: locations, shapes of operands and their origins. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_scope.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_weight.h"
#include "frontend/syntax/foreign.h"
#include <string.h>

static void location_of(Elab *e, const Ast *at, Loc *loc, int *len) {
  if (at) {
    *loc = at->caret;
    *len = at->caret_len;
  } else {
    *loc = e->cur.f ? e->cur.f->call : 0;
    *len = e->cur.f && e->cur.f->call_len ? e->cur.f->call_len : 1;
  }
}

#define TEXT(s) \
  va_list ap; \
  va_start(ap, fmt); \
  const char *s = ctx_vstrf(e->c, fmt, ap); \
  va_end(ap)

bool el_in_builtin(const Elab *e, Loc at) { return at >= e->std->start && at <= e->std->end; }

Loc el_user_loc(const Elab *e, Loc at, int *len) {
  for (const Frame *f = e->cur.f; f && f->call && el_in_builtin(e, at); f = f->up) {
    at = f->call;
    if (len) *len = f->call_len;
  }
  return at;
}

const char *el_axes(const Elab *e, int n) { return ctx_strf(e->c, "%d ax%s", n, n == 1 ? "is" : "es"); }

void el_note_sizes(Elab *e, Diag *d) {
  for (int i = 0; e->cur.root && e->cur.root->kind == GK_EVAL_STEP && i < e->m->nsize; i++) {
    const Size *s = &e->m->size[i];
    bool batch = dim_size(e->m, s->name, s->bound, s->loc) == e->cur.records;
    diag_note(e->c, d, "in the evaluation, where `%s` is only known to be at most %lld%s", s->name, (long long)s->bound,
              batch ? ": the last batch may be smaller" : "");
  }
}

Builder el_builder(const Elab *e, Loc at) {
  Builder b = e->cur.b;
  b.loc = el_scope_loc(e, at);
  return b;
}

static Diag *error_at(Elab *e, int code, Loc at, int len, const char *text) {
  int n = len;
  Loc loc = el_user_loc(e, at, &n);
  Diag *d = diag_error(e->c, code, loc, n < 1 ? 1 : n, "%s", text);
  el_note_sizes(e, d);
  if (loc != at) diag_label(e->c, d, at, len < 1 ? 1 : len, "here");
  return d;
}

Diag *el_error(Elab *e, int code, const Ast *at, const char *fmt, ...) {
  TEXT(s);
  Loc loc;
  int len;
  location_of(e, at, &loc, &len);
  return error_at(e, code, loc, len, s);
}

Diag *el_error_at(Elab *e, int code, Loc at, int len, const char *fmt, ...) {
  TEXT(s);
  return error_at(e, code, at, len, s);
}

Value el_fail(Elab *e, int code, const Ast *at, const char *fmt, ...) {
  TEXT(s);
  el_error(e, code, at, "%s", s);
  return v_error();
}

bool el_reject(Elab *e, int code, const Ast *at, const char *fmt, ...) {
  TEXT(s);
  el_error(e, code, at, "%s", s);
  return false;
}

Value el_fatal(Elab *e, int code, Loc at, int len, const char *fmt, ...) {
  TEXT(s);
  if (!e->fatal) el_error_at(e, code, at, len, "%s", s);
  e->fatal = true;
  return v_error();
}

/* ---- origins of shapes ---- */

void el_origin(Elab *e, Value v, const char *def, const char *why, Loc at) {
  if (v.kind != V_TENSOR || v.g != e->cur.root) return;
  if (e->cur.norigin_at <= (int)v.id) {
    int n = 2 * (int)v.id + 64;
    size_t had = (size_t)e->cur.norigin_at * sizeof(int);
    e->cur.origin_at = ctx_grow(e->c, e->cur.origin_at, had, (size_t)n * sizeof(int));
    e->cur.norigin_at = n;
  }
  if (e->cur.origin_at[v.id]) return;
  *VEC_PUSH(e->c, e->origin, e->norigin, e->caporigin) = (ShapeOrigin){def, why, at};
  e->cur.origin_at[v.id] = e->norigin;
}

/* A node without an origin has that of an operand of the same type. */
static const ShapeOrigin *origin_of(Elab *e, Value v) {
  if (v.kind != V_TENSOR || v.g != e->cur.root) return NULL;
  Id id = v.id;
  for (int steps = 0; steps < 64 && id; steps++) {
    if ((int)id < e->cur.norigin_at && e->cur.origin_at[id]) return &e->origin[e->cur.origin_at[id] - 1];
    const Node *n = node_get(e->cur.root, id);
    Id up = 0;
    for (int i = 0; i < (int)n->nin && !up; i++)
      if (node_get(e->cur.root, node_in(e->cur.root, id, i))->type == n->type) up = node_in(e->cur.root, id, i);
    id = up;
  }
  return NULL;
}

static const char *line_text(Elab *e, Loc here, Loc at) {
  SourcePos p = source_pos(e->c, at), q = source_pos(e->c, here);
  if (!at) return "";
  if (!strcmp(p.file, q.file)) return ctx_strf(e->c, " (line %d)", p.line);
  return ctx_strf(e->c, " (%s:%d)", p.file, p.line);
}

static const char *operand_text(Elab *e, const Ast *a, Value v) {
  const char *name = a->kind == AST_NAME ? ctx_strf(e->c, "`%s` is ", a->text) : "";
  const ShapeOrigin *o = origin_of(e, v);
  if (!o) return ctx_strf(e->c, "%s%s", name, v_text(e, v));
  return ctx_strf(e->c, "%s%s because `%s` has %s%s", name, v_text(e, v), o->def, o->why, line_text(e, a->at, o->at));
}

/* A name bound on another line gets its label at that binding. */
void el_label_operand(Elab *e, Diag *d, const Ast *a, Value v) {
  if (!a || v.kind == V_ERROR || v.kind == V_NONE) return;
  const char *text = operand_text(e, a, v);
  if (a->kind == AST_NAME && e->cur.f) {
    Binding *b = scope_find(&e->cur.f->scope, a->text);
    /* A weight that misfits once misfits everywhere, so its declaration is the mistake: report it once. */
    if (b && b->v.kind == V_TENSOR && node_var(b->v.g, b->v.id) >= 0) b->v = v_error();
    if (b && b->at && source_pos(e->c, b->at).line != source_pos(e->c, a->at).line) {
      diag_label(e->c, d, b->at, b->len, "%s", text);
      diag_label(e->c, d, a->at, a->len, "%s", "");
      return;
    }
  }
  diag_label(e->c, d, a->at, a->len, "%s", text);
}

void el_primary_operand(Elab *e, Diag *d, const Ast *a, Value v) {
  if (a->kind == AST_NAME) el_label_operand(e, d, a, v);
  else if (origin_of(e, v)) diag_primary(e->c, d, "%s", operand_text(e, a, v));
}

void el_label_call(Elab *e, Diag *d, const Call *k) {
  for (int i = 0; i < k->n; i++)
    if (k->arg[i].set && k->arg[i].ast && v_tensorlike(k->arg[i].v)) el_label_operand(e, d, k->arg[i].ast, k->arg[i].v);
}

bool el_name_reported(Elab *e, const char *name) {
  bool reported = table_get(&e->unknown, name) >= 0;
  if (!reported) table_set(e->c, &e->unknown, name, 0);
  return reported;
}

bool el_name_unknown(const Elab *e, const char *name) { return table_get(&e->unknown, name) == 1; }

void el_poison_name(Elab *e, const Ast *a) {
  if (!a || a->kind != AST_NAME) return;
  Binding *b = NULL;
  Frame *f = e->cur.f;
  for (int i = 0; f && !b && i < 2; i++, f = f->up) b = scope_find(&f->scope, a->text); /* of the caller, in a call */
  if (b) b->v = v_error();
}
