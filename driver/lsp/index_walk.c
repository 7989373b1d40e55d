/* SPDX-License-Identifier: Apache-2.0 */
/* Finds what the names in the bodies of a file mean. */
#include "driver/lsp/index_state.h"
#include "frontend/elab.h"
#include "frontend/elab/elab_names.h"
#include <string.h>

typedef struct Walk {
  Index *x;
  const IndexFile *f;
  Symbol *in;   /* the item */
  Table local;  /* name -> number of the symbol: bindings of the item so far */
  Table *index; /* those of the statement in index notation; NULL outside */
} Walk;

static void use(Walk *w, Loc at, int len, const char *name, Symbol *s, bool declares) {
  *VEC_PUSH(w->x->c, w->x->use, w->x->nuse, w->x->capuse) =
    (NameUse){.at = at, .len = len, .name = name, .symbol = s, .in = w->in, .declares = declares};
}

static void bind(Walk *w, Symbol *s) {
  for (int i = w->x->nsymbol - 1; i >= 0; i--)
    if (w->x->symbol[i] == s) {
      table_set(w->x->c, &w->local, s->name, i);
      return;
    }
}

static Symbol *find(Walk *w, const char *name) {
  int i = w->index ? table_get(w->index, name) : -1;
  if (i < 0) i = table_get(&w->local, name);
  if (i >= 0) return w->x->symbol[i];
  for (i = 0; w->f != w->x->file[0] && i < w->x->nsymbol; i++) { /* an import does not see what the main file has */
    Symbol *s = w->x->symbol[i];
    if (!s->in && s->file == w->f && s->name == name && s->kind != SY_SECTION) return s;
  }
  return index_item(w->x, name);
}

/* A name that is bound again is the same one. */
static Symbol *local(Walk *w, SymbolKind kind, const Ast *a, Loc at, int len, const char *name) {
  int i = table_get(&w->local, name);
  Symbol *s = i >= 0 ? w->x->symbol[i] : NULL;
  if (!s) {
    s = symbol_declare(w->x, w->f, w->in, kind, a, at, len, name);
    table_set(w->x->c, &w->local, name, w->x->nsymbol - 1);
  }
  use(w, at, len, name, s, true);
  return s;
}

static void walk(Walk *w, const Ast *a);

static void walk_kids(Walk *w, const Ast *a, int from) {
  for (int i = from; i < a->n; i++)
    if (a->kid[i]) walk(w, a->kid[i]);
}

/* Of a dotted name the first part, unless all of it is bound, as a metric is. */
static void walk_name(Walk *w, const Ast *a) {
  size_t n = strcspn(a->text, ".");
  Symbol *all = a->text[n] ? find(w, a->text) : NULL;
  const char *first = all ? a->text : ctx_intern(w->x->c, a->text, n);
  use(w, a->at, all ? a->len : (int)n, first, all ? all : find(w, first), false);
  if (!a->text[n] || all) return;
  use(w, a->at + (Loc)n + 1, a->len - (int)n - 1, a->text + n + 1, NULL, false);
  w->x->use[w->x->nuse - 1].path = true;
}

/* The def that a call of this expression calls; NULL: not known. */
static Symbol *callee_of(Walk *w, const Ast *a) {
  if (a->kind == AST_CALL) a = a->kid[0];
  Symbol *s = a->kind == AST_NAME ? find(w, a->text) : NULL;
  return s && s->kind != SY_DEF ? s->callee : s;
}

static void walk_call(Walk *w, const Ast *a) {
  walk(w, a->kid[0]);
  const Symbol *f = callee_of(w, a);
  for (int i = 1; i < a->n; i++) {
    const Ast *arg = a->kid[i];
    if (!arg || arg->kind != AST_NAMED) {
      if (arg) walk(w, arg);
      continue;
    }
    Symbol *s = NULL;
    for (int k = 0; f && k < f->nkid; k++)
      if (!strcmp(f->kid[k]->name, arg->text)) s = f->kid[k];
    use(w, arg->caret, arg->caret_len, arg->text, s, false);
    w->x->use[w->x->nuse - 1].argument = true;
    walk(w, arg->kid[0]);
  }
}

/* ---- index notation: its indices live in their statement ---- */

static void declare_indices(Walk *w, const Ast *a) {
  if (!a) return;
  bool has = a->kind == AST_INDEXDEF || a->kind == AST_REDUCE;
  for (int i = 1; has && i < a->n; i++) {
    const Ast *k = a->kid[i];
    if (k->kind != AST_NAME || table_get(w->index, k->text) >= 0) continue;
    symbol_declare(w->x, w->f, w->in, SY_INDEX, k, k->at, k->len, k->text);
    table_set(w->x->c, w->index, k->text, w->x->nsymbol - 1);
  }
  for (int i = 0; i < a->n; i++) declare_indices(w, a->kid[i]);
}

static void walk_indices(Walk *w, const Ast *a) {
  Table names = {0}, *outer = w->index;
  if (!outer) {
    w->index = &names;
    declare_indices(w, a);
  }
  for (int i = 1; i < a->n; i++) {
    const Ast *k = a->kid[i];
    if (k->kind != AST_NAME) walk(w, k);
    else {
      Symbol *s = find(w, k->text);
      use(w, k->at, k->len, k->text, s, s && s->at == k->at);
    }
  }
  walk(w, a->kid[0]);
  w->index = outer;
  if (a->kind == AST_INDEXDEF) local(w, SY_LOCAL, a, a->caret, a->caret_len, a->text);
}

/* ---- statements ---- */

static bool is_setting(const Walk *w, const char *name) {
  const Ast *a = w->in ? w->in->ast : NULL;
  const char *kind = !a                      ? NULL
                     : a->kind == AST_DATA   ? "data"
                     : a->kind == AST_TRAIN  ? "train"
                     : a->kind == AST_TARGET ? "target"
                                             : NULL;
  if (!kind) return false;
  const char *set;
  for (int i = 0; (set = elab_setting(kind, i)); i++)
    if (!strcmp(set, name)) return true;
  return !strncmp(name, "metric.", 7) && a->kind == AST_TRAIN;
}

static void walk_bind(Walk *w, const Ast *a) {
  const Ast *value = a->kid[a->n - 1];
  walk(w, value);
  for (int i = 0; i + 1 < a->n; i++) {
    const Ast *k = a->kid[i];
    bool setting = a->n == 2 && is_setting(w, k->text);
    Symbol *s = local(w, setting ? SY_SETTING : SY_LOCAL, a, k->at, k->len, k->text);
    if (a->n == 2 && (value->kind == AST_CALL || value->kind == AST_NAME)) s->callee = callee_of(w, value);
  }
}

static void walk_named(Walk *w, const Ast *a) {
  static const uint8_t kind[AST_KIND_COUNT] = {
    [AST_PARAM] = SY_PARAM, [AST_STATE] = SY_STATE, [AST_USE] = SY_USE, [AST_FOR] = SY_LOCAL};
  if (a->kid[0]) walk(w, a->kid[0]);
  Symbol *callee = a->kind == AST_USE ? callee_of(w, a->kid[0]) : NULL;
  if (a->kind != AST_FOR && a->n > 1 && a->kid[1]) walk(w, a->kid[1]);
  Symbol *s = local(w, (SymbolKind)kind[a->kind], a, a->caret, a->caret_len, a->text);
  s->callee = callee;
  if (a->kind == AST_FOR) walk(w, a->kid[1]);
}

static void walk_field(Walk *w, const Ast *a) {
  walk_kids(w, a, 0);
  for (int i = 0; i < w->in->nkid; i++)
    if (w->in->kid[i]->ast == a) {
      bind(w, w->in->kid[i]);
      use(w, a->caret, a->caret_len, a->text, w->in->kid[i], true);
    }
}

static void walk(Walk *w, const Ast *a) {
  if (a->hints) walk_kids(w, a->hints, 0);
  switch (a->kind) {
  case AST_NAME: walk_name(w, a); break;
  case AST_CALL: walk_call(w, a); break;
  case AST_INDEXDEF:
  case AST_REDUCE: walk_indices(w, a); break;
  case AST_BIND: walk_bind(w, a); break;
  case AST_PARAM:
  case AST_STATE:
  case AST_USE:
  case AST_FOR: walk_named(w, a); break;
  case AST_FIELD: walk_field(w, a); break;
  case AST_ASSIGN:
    walk(w, a->kid[0]);
    use(w, a->caret, a->caret_len, a->text, find(w, a->text), false);
    break;
  default: walk_kids(w, a, 0);
  }
}

/* ---- items ---- */

/* The dimensions of a type; names that are neither arguments nor items are shape variables. */
static void walk_type(Walk *w, const Ast *type, bool declares) {
  for (int i = 0; type && i < type->n; i++) {
    const Ast *k = type->kid[i];
    if (k->kind == AST_BINARY || k->kind == AST_UNARY) walk_type(w, k, declares);
    else if (k->kind == AST_NAME && declares && !find(w, k->text)) local(w, SY_SIZE, k, k->at, k->len, k->text);
    else if (k->kind != AST_DOTS) walk(w, k);
  }
}

static void walk_def(Walk *w, const Ast *a) {
  for (int i = 0; i < w->in->nkid; i++) {
    Symbol *s = w->in->kid[i];
    bind(w, s);
    use(w, s->at, s->len, s->name, s, true);
  }
  for (int i = 2; i < a->n; i++) walk_type(w, a->kid[i]->kid[0], true);
  for (int i = 2; i < a->n; i++)
    if (a->kid[i]->kid[1]) walk(w, a->kid[i]->kid[1]);
  walk_type(w, a->kid[1], false);
  walk(w, a->kid[0]);
}

static Symbol *data_of(Walk *w, const Ast *block, const char *setting) {
  for (int i = 0; i < block->n; i++) {
    const Ast *b = block->kid[i];
    if (b->kind != AST_BIND || b->n != 2 || strcmp(b->kid[0]->text, setting) || b->kid[1]->kind != AST_NAME) continue;
    Symbol *s = find(w, b->kid[1]->text);
    return s && s->kind == SY_DATA ? s : NULL;
  }
  return NULL;
}

static void join(Symbol *a, Symbol *b) {
  a = symbol_root(a);
  b = symbol_root(b);
  if (a != b) b->same = a;
}

/* A section sees the fields of its data by their names; the data to validate on has the same ones. */
static void bind_fields(Walk *w, const Ast *a) {
  const Symbol *data = data_of(w, a->kid[0], "data"), *val = data_of(w, a->kid[0], "validate.data");
  for (int i = 0; data && i < data->nkid; i++) {
    bind(w, data->kid[i]);
    for (int k = 0; val && k < val->nkid; k++)
      if (val->kid[k]->name == data->kid[i]->name) join(data->kid[i], val->kid[k]);
  }
}

/* An input of an export that is named like a field takes the field's columns. */
static void join_inputs(Index *x) {
  for (int i = 0; i < x->nitem; i++)
    for (int k = 0; x->item[i]->kind == SY_DATA && k < x->item[i]->nkid; k++)
      for (int f = 0; f < x->nitem; f++) {
        const Symbol *d = x->item[f];
        if (d->kind != SY_DEF || !(d->ast->flags & AST_EXPORT) || d->file != x->file[0]) continue;
        for (int n = 0; n < d->nkid; n++)
          if (d->kid[n]->name == x->item[i]->kid[k]->name) join(x->item[i]->kid[k], d->kid[n]);
      }
}

static void walk_item(Walk *w, const Ast *a) {
  if (w->in->name && a->kind != AST_TEST) use(w, a->caret, a->caret_len, a->text, w->in, true);
  if (a->hints) walk_kids(w, a->hints, 0);
  if (a->kind == AST_TRAIN) bind_fields(w, a);
  if (a->kind == AST_DEF) walk_def(w, a);
  else walk_kids(w, a, 0);
  if (a->kind == AST_USE) w->in->callee = callee_of(w, a->kid[0]);
}

/* `use` items first: calls in the defs above them name the arguments of what they instantiate. */
void index_walk(Index *x, const IndexFile *f) {
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0, n = x->nsymbol; i < n; i++) {
      Symbol *s = x->symbol[i];
      if (s->in || s->file != f || (s->kind == SY_USE) == pass) continue;
      Walk w = {.x = x, .f = f, .in = s};
      walk_item(&w, s->ast);
    }
  if (x->library && f == x->file[0]) join_inputs(x);
}
