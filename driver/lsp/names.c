/* SPDX-License-Identifier: Apache-2.0 */
/* Definition, references, rename. A symbol is the same in two files if its declaration stands at the same place of the
 * same file: each file has an index of its own. */
#include "driver/lsp/server.h"
#include "driver/lsp/text.h"
#include "frontend/syntax/lex.h"
#include "ir/diag.h"
#include "runtime/io.h"
#include <string.h>

/* ---- definition ---- */

static bool in_library(const Request *r, const Symbol *s) {
  const Index *l = r->a->index->library;
  for (int i = 0; l && i < l->nfile; i++)
    if (l->file[i] == s->file) return true;
  return false;
}

static void put_location(Request *r, Ctx *of, const char *path, Loc from, Loc to) {
  str_puts(&r->out, "{\"uri\":");
  str_json(&r->out, file_uri(r->s, r->c, path));
  str_puts(&r->out, ",\"range\":");
  put_text_range(&r->out, of, from, to);
  str_puts(&r->out, "}");
}

/* The file that an `import` under the cursor names. */
static bool put_import(Request *r) {
  const IndexFile *f = r->a->index->file[0];
  for (int i = 0; i < f->ast->n; i++) {
    const Ast *k = f->ast->kid[i];
    if (k->kind != AST_IMPORT || r->at < k->at || r->at > k->at + (Loc)k->len) continue;
    const char *slash = k->text[0] == '/' ? NULL : strrchr(r->a->path, '/');
    const char *path = slash ? ctx_strf(r->c, "%.*s/%s", (int)(slash - r->a->path), r->a->path, k->text) : k->text;
    if (!io_exists(path)) return false;
    put_location(r, r->a->c, path, 0, 0);
    return true;
  }
  return false;
}

bool request_definition(Request *r) {
  const NameUse *u = index_use(r->a->index, r->at);
  const Symbol *s = u ? u->symbol : NULL;
  if (!s && put_import(r)) return true;
  bool library = s && in_library(r, s);
  const char *path = !s ? NULL : library ? library_path(r->c, s->file->path) : s->file->path;
  if (path) put_location(r, library ? r->s->library.c : r->a->c, path, s->at, s->at + (Loc)s->len);
  else str_puts(&r->out, "null");
  return true;
}

/* ---- all places of a symbol ---- */

enum { FOLDER_DEPTH = 8 };

typedef struct Place {
  const char *path;
  Ctx *of;
  Loc at;
  uint32_t offset;
  int len;
  bool declares;
} Place;
typedef struct Places {
  Request *r;
  const char *path; /* of the declaration */
  uint32_t offset;
  Place *v;
  int n, cap;
  const Index **index; /* where they are */
  int nindex, capindex;
  Analysis **made; /* for files that are not open */
  int nmade, capmade;
  int nlooked; /* entries of folders */
} Places;

static bool is_wanted(const Places *p, Symbol *s) {
  s = symbol_root(s);
  return s && s->at - s->file->start == p->offset && !strcmp(path_plain(p->r->c, s->file->path), p->path);
}

static const IndexFile *file_of(const Index *x, Loc at) {
  for (int i = 0; i < x->nfile; i++)
    if (at >= x->file[i]->start && at <= x->file[i]->start + (Loc)x->file[i]->n) return x->file[i];
  return x->file[0];
}

static bool known(const Places *p, const char *path, uint32_t offset) {
  for (int i = 0; i < p->n; i++)
    if (p->v[i].offset == offset && !strcmp(p->v[i].path, path)) return true;
  return false;
}

static void collect(Places *p, const Index *x) {
  bool any = false;
  for (int i = 0; i < x->nuse; i++) {
    const NameUse *u = &x->use[i];
    if (!is_wanted(p, u->symbol)) continue;
    const IndexFile *f = file_of(x, u->at);
    const char *path = path_plain(p->r->c, f->path);
    any = true;
    if (known(p, path, u->at - f->start)) continue;
    *VEC_PUSH(p->r->c, p->v, p->n, p->cap) = (Place){path, x->c, u->at, u->at - f->start, u->len, u->declares};
  }
  if (any) *VEC_PUSH(p->r->c, p->index, p->nindex, p->capindex) = x;
}

/* A file that is not open and has the name. */
static void collect_file(Places *p, const char *path, const char *name) {
  Loc at;
  size_t n;
  for (const Document *d = p->r->s->document; d; d = d->next)
    if (!strcmp(d->path, path)) return;
  for (int i = 0; i < p->nmade; i++)
    if (!strcmp(p->made[i]->path, path)) return;
  if (!source_read(p->r->c, path, &at)) return;
  const char *text = source_text(p->r->c, at, &n);
  Analysis *a = strstr(text, name) ? analysis_make(p->r->s, path, text, n, false) : NULL;
  if (!a) return;
  *VEC_PUSH(p->r->c, p->made, p->nmade, p->capmade) = a;
  collect(p, a->index);
}

/* The files of a folder, and `depth` levels of folders in it: they may import the declaration. */
static void collect_folder(Places *p, const char *folder, const char *name, int depth) {
  enum { MOST = 2000 };
  int n = 0;
  char **names = io_list(folder, &n);
  for (int i = 0; names && i < n && p->nlooked < MOST; i++) {
    const char *end = strrchr(names[i], '.'), *path = ctx_strf(p->r->c, "%s/%s", folder, names[i]);
    p->nlooked++;
    if (end && !strcmp(end, ".nn")) collect_file(p, path_plain(p->r->c, path), name);
    else if (depth && io_is_folder(path)) collect_folder(p, path, name, depth - 1);
  }
  for (int i = 0; i < n; i++) rt_free(names[i]);
  rt_free(names);
}

static void find_places(Places *p, Symbol *s) {
  s = symbol_root(s);
  p->path = path_plain(p->r->c, s->file->path);
  p->offset = s->at - s->file->start;
  collect(p, p->r->a->index);
  for (Document *d = p->r->s->document; d; d = d->next) {
    const Analysis *a = d == p->r->d ? NULL : document_analysis(p->r->s, p->r->c, d);
    if (a) collect(p, a->index);
  }
  const char *slash = strrchr(p->path, '/');
  if (s->in && s->kind != SY_ARG) return;
  if (slash) collect_folder(p, ctx_strf(p->r->c, "%.*s", (int)(slash - p->path), p->path), s->name, 0);
  for (int i = 0; i < p->r->s->nroot; i++) collect_folder(p, p->r->s->root[i], s->name, FOLDER_DEPTH);
}

static void free_places(Places *p) {
  for (int i = 0; i < p->nmade; i++) analysis_free(p->made[i]);
}

bool request_references(Request *r) {
  const NameUse *u = index_use(r->a->index, r->at);
  const JsonValue *with = value_at(r->params, "context.includeDeclaration");
  Places p = {.r = r};
  if (u && u->symbol) find_places(&p, u->symbol);
  str_puts(&r->out, "[");
  for (int i = 0, n = 0; i < p.n; i++) {
    if (p.v[i].declares && with && !with->i) continue;
    if (n++) str_puts(&r->out, ",");
    put_location(r, p.v[i].of, p.v[i].path, p.v[i].at, p.v[i].at + (Loc)p.v[i].len);
  }
  str_puts(&r->out, "]");
  free_places(&p);
  return true;
}

/* ---- rename ---- */

static const NameUse *renamed(Request *r) {
  const NameUse *u = index_use(r->a->index, r->at);
  if (!u || (!u->symbol && !u->name)) {
    request_fail(r, LSP_REQUEST_FAILED, "there is no name here");
    return NULL;
  }
  Symbol *s = u->symbol;
  if (!s)
    request_fail(r, LSP_REQUEST_FAILED,
                 u->path ? "`%s` is a path of weights; rename what it is made from" : "`%s` is a name of the language",
                 u->name);
  else if (in_library(r, s) || library_has(r->c, s->file->path))
    request_fail(r, LSP_REQUEST_FAILED, "`%s` is a name of the standard library", s->name);
  else if (s->kind == SY_SETTING || s->kind == SY_SECTION)
    request_fail(r, LSP_REQUEST_FAILED, "`%s` is a %s and cannot be renamed", s->name, symbol_kind_name(s));
  else return u;
  return NULL;
}

bool request_prepare_rename(Request *r) {
  const NameUse *u = renamed(r);
  if (!u) return false;
  str_puts(&r->out, "{\"range\":");
  put_text_range(&r->out, r->a->c, u->at, u->at + (Loc)u->len);
  str_puts(&r->out, ",\"placeholder\":");
  str_json(&r->out, u->name);
  str_puts(&r->out, "}");
  return true;
}

static bool is_identifier(const char *s) {
  size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
  return n && !s[n] && !(s[0] >= '0' && s[0] <= '9') && n <= 200;
}

static bool valid_name(Request *r, const char *name) {
  const char *word;
  if (!name || !is_identifier(name))
    return request_fail(r, RPC_INVALID_PARAMS, "`%s` is no name: letters, digits and `_`, not first a digit",
                        name ? name : "");
  for (int i = 0; (word = lex_keyword(i)); i++)
    if (!strcmp(word, name)) return request_fail(r, LSP_REQUEST_FAILED, "`%s` is a word of the language", name);
  if (library_word(name)) return request_fail(r, LSP_REQUEST_FAILED, "`%s` is a name of the language", name);
  return true;
}

static bool clash(Request *r, const Index *x, const NameUse *u, const char *what) {
  SourcePos at = source_pos(x->c, u->at);
  return request_fail(r, LSP_REQUEST_FAILED, "%s:%d:%d: `%s` %s", at.file, at.line, at.col, u->name, what);
}

/* Weights are named by the calls that lead to them: `net.block_2.w`. */
static bool names_part(const char *path, const char *name) {
  size_t n = strlen(name);
  for (const char *p = path; *p; p += strcspn(p, "."), p += *p == '.')
    if (!strncmp(p, name, n) && (!p[n] || p[n] == '.' || (p[n] == '_' && p[n + 1] >= '0' && p[n + 1] <= '9')))
      return true;
  return false;
}

/* A new name must not be in use where it would be seen, nor may the old one be named in ways that are not known. */
static bool is_free(Request *r, const Index *x, Symbol *s, const char *name) {
  bool local = s->in && s->kind != SY_FIELD && !s->same;
  for (int i = 0; i < x->nuse; i++) {
    const NameUse *u = &x->use[i];
    bool near = !local || (u->in && s->in && u->in->at == s->in->at);
    if (near && !u->path && !strcmp(u->name, name)) return clash(r, x, u, "is in use here");
    bool argument = s->kind == SY_ARG && u->argument && !u->symbol && !strcmp(u->name, s->name);
    if (argument) return clash(r, x, u, "may be the argument, of a function that is only known when it runs");
    bool weight = s->kind <= SY_USE || s->kind == SY_PARAM || s->kind == SY_STATE;
    if (weight && u->path && names_part(u->name, s->name)) return clash(r, x, u, "names weights by this name");
  }
  return true;
}

static void put_edits(Request *r, const Places *p, const char *name) {
  str_puts(&r->out, "{\"changes\":{");
  for (int i = 0, files = 0; i < p->n; i++) {
    bool first = true;
    for (int k = 0; k < i; k++) first &= strcmp(p->v[k].path, p->v[i].path) != 0;
    if (!first) continue;
    if (files++) str_puts(&r->out, ",");
    str_json(&r->out, file_uri(r->s, r->c, p->v[i].path));
    str_puts(&r->out, ":[");
    for (int k = i; k < p->n; k++) {
      if (strcmp(p->v[k].path, p->v[i].path)) continue;
      str_puts(&r->out, k > i ? ",{\"range\":" : "{\"range\":");
      put_text_range(&r->out, p->v[k].of, p->v[k].at, p->v[k].at + (Loc)p->v[k].len);
      str_puts(&r->out, ",\"newText\":");
      str_json(&r->out, name);
      str_puts(&r->out, "}");
    }
    str_puts(&r->out, "]");
  }
  str_puts(&r->out, "}}");
}

bool request_rename(Request *r) {
  const NameUse *u = renamed(r);
  const char *name = value_text(r->params, "newName");
  if (!u || !valid_name(r, name)) return false;
  Places p = {.r = r};
  find_places(&p, u->symbol);
  bool ok = true;
  for (int i = 0; i < p.nindex && ok && strcmp(name, u->name); i++) {
    Symbol *s = u->symbol;
    ok = is_free(r, p.index[i], s, name);
  }
  if (ok) put_edits(r, &p, name);
  free_places(&p);
  return ok;
}
