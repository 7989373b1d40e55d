/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/lsp/index.h"
#include "driver/lsp/index_state.h"
#include "frontend/parse.h"
#include "ir/diag.h"
#include <stdlib.h>
#include <string.h>

Symbol *symbol_root(Symbol *s) {
  while (s && s->same) s = s->same;
  return s;
}

const char *symbol_kind_name(const Symbol *s) {
  static const char *const names[] = {"def",      "const",  "dim",   "use",   "data",           "section",
                                      "argument", "param",  "state", "local", "shape variable", "index",
                                      "field",    "setting"};
  return names[s->kind];
}

Symbol *index_item(const Index *x, const char *name) {
  for (int i = 0; i < x->nitem; i++)
    if (!strcmp(x->item[i]->name, name)) return x->item[i];
  return x->library ? index_item(x->library, name) : NULL;
}

Symbol *symbol_declare(Index *x, const IndexFile *f, Symbol *in, SymbolKind kind, const Ast *a, Loc at, int len,
                       const char *name) {
  Symbol *s = ctx_alloc(x->c, sizeof *s);
  *s = (Symbol){.kind = kind, .name = name, .ast = a, .at = at, .len = len, .file = f, .in = in};
  *VEC_PUSH(x->c, x->symbol, x->nsymbol, x->capsymbol) = s;
  return s;
}

static Symbol *kid(Index *x, Symbol *of, SymbolKind kind, const Ast *a) {
  Symbol *s = symbol_declare(x, of->file, of, kind, a, a->caret, a->caret_len, a->text);
  *VEC_PUSH(x->c, of->kid, of->nkid, of->capkid) = s;
  return s;
}

/* Items come before the bodies that use them, with the arguments and fields by which others reach into them. */
static void declare_item(Index *x, const IndexFile *f, const Ast *a, bool imported) {
  static const int8_t kind[AST_KIND_COUNT] = {
    [AST_DEF] = SY_DEF + 1,   [AST_CONST] = SY_CONST + 1,   [AST_DIM] = SY_DIM + 1,        [AST_USE] = SY_USE + 1,
    [AST_DATA] = SY_DATA + 1, [AST_TRAIN] = SY_SECTION + 1, [AST_TARGET] = SY_SECTION + 1, [AST_TEST] = SY_SECTION + 1};
  if (!kind[a->kind]) return;
  Symbol *s = symbol_declare(x, f, NULL, (SymbolKind)(kind[a->kind] - 1), a, a->caret, a->caret_len, a->text);
  if (a->kind == AST_DEF)
    for (int i = 2; i < a->n; i++) kid(x, s, SY_ARG, a->kid[i]);
  for (int i = 0; a->kind == AST_DATA && i < a->kid[0]->n; i++)
    if (a->kid[0]->kid[i]->kind == AST_FIELD) kid(x, s, SY_FIELD, a->kid[0]->kid[i]);
  bool seen = !imported || s->kind <= SY_DIM; /* an import brings defs, constants and sizes */
  if (s->kind != SY_SECTION && s->name && seen) *VEC_PUSH(x->c, x->item, x->nitem, x->capitem) = s;
}

static IndexFile *add_file(Index *x, Loc start, const char *path) {
  IndexFile *f = ctx_alloc(x->c, sizeof *f);
  *f = (IndexFile){.path = path, .start = start};
  source_text(x->c, start, &f->n);
  *VEC_PUSH(x->c, x->file, x->nfile, x->capfile) = f;
  f->ast = parse_source(x->c, start);
  for (int i = 0; i < f->ast->n; i++) declare_item(x, f, f->ast->kid[i], x->nfile > 1 && x->library);
  return f;
}

void index_add_file(Index *x, Loc start, const char *path) { index_walk(x, add_file(x, start, path)); }

static const char *beside(Ctx *c, const char *file, const char *path) {
  const char *slash = strrchr(file, '/');
  return path[0] == '/' || !slash ? path : ctx_strf(c, "%.*s/%s", (int)(slash - file), file, path);
}

static void add_imports(Index *x, const IndexFile *f, IndexOpen *open, void *user) {
  enum { MAX_FILES = 256 };
  for (int i = 0; i < f->ast->n && x->nfile < MAX_FILES; i++) {
    if (f->ast->kid[i]->kind != AST_IMPORT) continue;
    const char *path = beside(x->c, f->path, f->ast->kid[i]->text);
    bool known = false;
    for (int k = 0; k < x->nfile; k++) known |= !strcmp(x->file[k]->path, path);
    Loc start = known ? 0 : open(user, x->c, path);
    if (start) add_imports(x, add_file(x, start, path), open, user);
  }
}

static int by_place(const void *a, const void *b) {
  const NameUse *x = a, *y = b;
  return x->at < y->at ? -1 : x->at > y->at;
}

Index *index_make(Ctx *c, Loc start, const char *path, const Index *library, IndexOpen *open, void *user) {
  Index *x = ctx_alloc(c, sizeof *x);
  *x = (Index){.c = c, .library = library};
  if (!start) return x;
  add_imports(x, add_file(x, start, path), open, user);
  for (int i = 0; i < x->nfile; i++) index_walk(x, x->file[i]);
  if (x->nuse) qsort(x->use, (size_t)x->nuse, sizeof *x->use, by_place);
  return x;
}

const NameUse *index_use(const Index *x, Loc at) {
  const NameUse *best = NULL;
  for (int i = 0; i < x->nuse; i++) {
    const NameUse *u = &x->use[i];
    if (at >= u->at && at < u->at + (Loc)u->len) return u;
    if (at == u->at + (Loc)u->len) best = u; /* the cursor is at its end */
  }
  return best;
}

Symbol *index_scope(const Index *x, Loc at) {
  for (int i = 0; i < x->nsymbol; i++) {
    Symbol *s = x->symbol[i];
    if (!s->in && at >= s->ast->at && at <= s->ast->at + (Loc)s->ast->len) return s;
  }
  return NULL;
}

int index_path(const Ast *a, Loc at, const Ast **node, int max) {
  int n = 0;
  while (a && n < max) {
    node[n++] = a;
    const Ast *in = NULL;
    for (int i = 0; i < a->n && !in; i++) {
      const Ast *k = a->kid[i];
      if (k && at >= k->at && at < k->at + (Loc)k->len) in = k;
    }
    a = in;
  }
  return n;
}
