/* SPDX-License-Identifier: Apache-2.0 */
/* A setting replaces the value of a `const` or `dim` before anything uses it. Its text is an expression in the scope of
 * the main file, or, for a constant that is a string, the string itself. It must have the kind that the value in
 * the file has, so that a typing error does not become another model. */
#include "frontend/elab/elab_setting.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/parse.h"
#include <math.h>
#include <string.h>

size_t setting_name(const char *text) {
  size_t n = 0;
  while (text[n] == '_' || (text[n] >= 'a' && text[n] <= 'z') || (text[n] >= 'A' && text[n] <= 'Z') ||
         (n && text[n] >= '0' && text[n] <= '9'))
    n++;
  return n && text[n] == '=' && text[n + 1] ? n : 0;
}

static bool settable(const Item *it) { return it && (it->kind == IT_CONST || it->kind == IT_DIM); }

static Item *find(Elab *e, const char *name) {
  int i = table_get(&e->file->find, name);
  return i >= 0 && settable(e->file->item[i]) ? e->file->item[i] : NULL;
}

/* ---- kinds ---- */

static bool mixed_floats(const List *l) {
  bool any = false;
  for (int i = 0; i < l->n; i++) {
    if (l->v[i].kind != V_INT && l->v[i].kind != V_FLOAT) return false;
    any |= l->v[i].kind == V_FLOAT;
  }
  return any;
}

/* Gives *v the kind of `want`. Lists may have any length; elements beyond those of `want` are like its last. */
static bool fit(Elab *e, Value want, Value *v) {
  if (want.kind == V_FLOAT && v->kind == V_INT) *v = v_float((double)v->i);
  if (want.kind == V_SIZE) return v->kind == V_INT;
  if (want.kind != v->kind) return false;
  if (want.kind != V_LIST || !want.list->n) return true;
  bool floats = mixed_floats(want.list);
  Value got = v_list(e, v->list->n, NULL);
  for (int i = 0; i < v->list->n; i++) {
    Value like = floats ? v_float(0) : want.list->v[i < want.list->n ? i : want.list->n - 1];
    got.list->v[i] = v->list->v[i];
    if (!fit(e, like, &got.list->v[i])) return false;
  }
  *v = got;
  return true;
}

/* The value that the file gives it. V_ERROR: it has none with the other settings, so that any kind is accepted. */
static Value own_value(Elab *e, const Item *it) {
  DiagMark mark = diag_mark(e->c);
  Value v = el_static(e, it->ast->kid[0]);
  if (v_bad(v)) diag_drop(e->c, &mark);
  return v;
}

/* ---- values ---- */

static Loc source_of(Elab *e, const Item *it) {
  return source_add(e->c, ctx_strf(e->c, "setting %s", it->name), it->set, strlen(it->set));
}

/* NULL: reported. */
static const Ast *parse(Elab *e, const Item *it, Loc at) {
  int before = diag_errors(e->c);
  const Ast *file = parse_expression(e->c, at), *block = file->n ? file->kid[0]->kid[0] : NULL;
  if (diag_errors(e->c) != before) return NULL;
  if (block && block->n == 1 && block->kid[0]->kind < AST_BLOCK && !block->kid[0]->hints) return block->kid[0];
  el_error_at(e, E_CONSTANT_VALUE, at, (int)strlen(it->set), "the value of `%s` is one expression", it->name);
  return NULL;
}

static Value refuse(Elab *e, const Item *it, Value want, Value v, Loc at) {
  const char *like = want.kind == V_FN ? "" : want.kind == V_LIST && v.kind == V_LIST ? " like " : ", as ";
  Diag *d = el_error_at(e, E_CONSTANT_VALUE, at, (int)strlen(it->set), "`%s` is %s%s%s; %s is not", it->name,
                        v_kind(want), like, want.kind == V_FN ? "" : v_text(e, want), v_text(e, v));
  diag_label(e->c, d, it->ast->caret, it->ast->caret_len, "defined here");
  if (want.kind == V_INT && v.kind == V_FLOAT && it->kind == IT_CONST)
    diag_help(e->c, d, "`const %s = %lld.0` takes fractions", it->name, (long long)want.i);
  return v_error();
}

Value el_set_value(Elab *e, Item *it) {
  Value want = own_value(e, it);
  Loc at = source_of(e, it);
  if (want.kind == V_STR && it->set[0] != '"') return v_str(ctx_name(e->c, it->set));
  if (!(it->set_ast = parse(e, it, at))) return v_error();
  File *own = e->cur.f->file;
  e->cur.f->file = e->file; /* whoever sets it sees the names of the file that is compiled */
  Value v = el_static(e, it->set_ast);
  e->cur.f->file = own;
  if (v_bad(v) || v_bad(want) || fit(e, want, &v)) return v;
  return refuse(e, it, want, v, at);
}

/* ---- the settings ---- */

static void unknown(Elab *e, const char *name) {
  const char **words = ctx_alloc(e->c, sizeof *words * (size_t)(e->file->n + 1));
  Str all = {.c = e->c};
  int n = 0;
  for (int i = 0; i < e->file->n; i++) {
    const Item *it = e->file->item[i];
    if (find(e, it->name) != it) continue;
    if (n < 12) str_printf(&all, "%s%s", n ? ", " : "", it->name);
    words[n++] = it->name;
  }
  Diag *d = diag_error(e->c, E_UNKNOWN_CONSTANT, 0, 1, "there is no constant `%s` to set", name);
  const char *near = diag_suggest(e->c, name, words, n);
  if (near) diag_help(e->c, d, "did you mean `%s`?", near);
  else if (n) diag_help(e->c, d, "the constants of %s are %s%s", e->m->file, all.s, n > 12 ? ", ..." : "");
  else diag_help(e->c, d, "%s has no constants; `const %s = ...` makes one", e->m->file, name);
}

static void give(Elab *e, const char *text) {
  size_t n = setting_name(text);
  if (!n) {
    Diag *d = diag_error(e->c, E_USAGE, 0, 1, "a setting is NAME=VALUE, not `%s`", text);
    diag_help(e->c, d, "LR=1e-2 sets the constant LR of the file");
    return;
  }
  const char *name = ctx_intern(e->c, text, n);
  Item *it = find(e, name);
  if (!it) {
    unknown(e, name);
  } else if (it->set) {
    diag_error(e->c, E_SETTING_CONFLICT, 0, 1, "the constant `%s` is set twice, to %s and to %s", name, it->set,
               text + n + 1);
  } else {
    it->set = text + n + 1;
  }
}

void el_set_constants(Elab *e) {
  for (int i = 0; i < e->o->nset; i++) give(e, e->o->set[i]);
  for (int i = 0; i < e->file->n && !el_failed(e); i++) {
    Item *it = e->file->item[i];
    if (settable(it) && it->set) el_item_value(e, it, it->ast);
  }
}

/* ---- the list of them ---- */

static void put_json(Elab *e, Str *s, Value v, const char *text) {
  switch (v.kind) {
  case V_INT: str_printf(s, "%lld", (long long)v.i); return;
  case V_SIZE: str_printf(s, "%lld", (long long)dim_bound(e->m, v.i)); return;
  case V_BOOL: str_puts(s, v.i ? "true" : "false"); return;
  case V_STR: str_json(s, v.s); return;
  case V_FLOAT:
    if (isfinite(v.f)) str_puts(s, dtype_number_text(e->c, DT_F64, v.f));
    else str_json(s, dtype_number_text(e->c, DT_F64, v.f));
    return;
  default: break;
  }
  if (v.kind != V_LIST) {
    str_json(s, text);
    return;
  }
  str_puts(s, "[");
  for (int i = 0; i < v.list->n; i++) {
    if (i) str_puts(s, ", ");
    put_json(e, s, v.list->v[i], v_text(e, v.list->v[i]));
  }
  str_puts(s, "]");
}

static int uses(const Ast *a, const char *name) {
  if (!a) return 0;
  int n = ast_names(a, name);
  for (int i = 0; i < a->n; i++) n += uses(a->kid[i], name);
  return n + uses(a->hints, name);
}

static int uses_in_files(const Elab *e, const char *name) {
  int n = 0;
  for (int i = 0; i < e->nfiles; i++) n += e->files[i]->builtin ? 0 : uses(e->files[i]->ast, name);
  return n;
}

/* The train section of the file, or NULL: none or several. */
static const Ast *only_train(const Elab *e) {
  const Ast *train = NULL, *file = e->file->ast;
  for (int i = 0; i < file->n; i++) {
    if (file->kid[i]->kind != AST_TRAIN) continue;
    if (train) return NULL;
    train = file->kid[i];
  }
  return train;
}

static const Ast *setting_value(const Ast *block, const char *name) {
  for (int i = 0; i < block->n; i++) {
    const Ast *b = block->kid[i];
    if (b->kind == AST_BIND && b->n == 2 && !strcmp(b->kid[0]->text, name)) return b->kid[1];
  }
  return NULL;
}

/* What of the plan it sets, if all its uses are the value of that setting, so that a compiled program can set it too:
 * the setting must not be read by an expression of the section either, as that is compiled. */
static ConstUse use_of(Elab *e, const Item *it, const Ast *train) {
  static const char *const names[] = {[CU_STEPS] = "steps", [CU_EPOCHS] = "epochs", [CU_SEED] = "seed"};
  for (int k = CU_STEPS; train && k <= CU_SEED; k++) {
    const Ast *b = setting_value(train->kid[0], names[k]);
    if (!b || b->kind != AST_NAME || b->text != it->name || uses_in_files(e, it->name) != 1) continue;
    return k == CU_STEPS || uses(train, ctx_name(e->c, names[k])) == 1 ? (ConstUse)k : CU_COMPILED;
  }
  return CU_COMPILED;
}

static ConstKind kind_of(Value v) {
  switch (v.kind) {
  case V_INT:
  case V_SIZE: return CK_INT;
  case V_FLOAT: return CK_FLOAT;
  case V_BOOL: return CK_BOOL;
  case V_STR: return CK_STR;
  default: return CK_OTHER;
  }
}

void el_list_constants(Elab *e) {
  Module *m = e->m;
  const Ast *train = only_train(e);
  for (int i = 0; i < e->file->n; i++) {
    const Item *it = e->file->item[i];
    if (find(e, it->name) != it || it->state != 2 || v_bad(it->v)) continue;
    Str s = {.c = e->c};
    put_json(e, &s, it->v, it->set ? it->set : el_source(e, it->ast->kid[0]));
    *VEC_PUSH(e->c, m->constant, m->nconstant, m->capconstant) = (ConstInfo){
      .name = it->name, .value = s.s, .kind = kind_of(it->v), .use = use_of(e, it, train), .set = it->set != NULL};
  }
}
