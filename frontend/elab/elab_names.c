/* SPDX-License-Identifier: Apache-2.0 */
/* Names: scopes of defs and sections, the items of a file, imports, and lookup. */
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_graph.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_setting.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_weight.h"
#include "frontend/parse.h"
#include "frontend/syntax/foreign.h"
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/* ---- tables by interned pointer: looked up, never walked ---- */

static int table_slot(const Table *t, const char *key) {
  uint32_t h = (uint32_t)((uintptr_t)key >> 4) * 2654435761u;
  int i = (int)(h & (uint32_t)(t->cap - 1));
  while (t->key[i] && t->key[i] != key) i = (i + 1) & (t->cap - 1);
  return i;
}

int table_get(const Table *t, const char *key) {
  if (!t->cap) return -1;
  int i = table_slot(t, key);
  return t->key[i] ? t->value[i] : -1;
}

void table_set(Ctx *c, Table *t, const char *key, int value) {
  if (4 * (t->n + 1) > 3 * t->cap) {
    Table w = {.cap = t->cap ? 2 * t->cap : 32};
    w.key = ctx_alloc(c, (size_t)w.cap * sizeof *w.key);
    w.value = ctx_alloc(c, (size_t)w.cap * sizeof *w.value);
    for (int i = 0; i < t->cap; i++)
      if (t->key[i]) {
        int k = table_slot(&w, t->key[i]);
        w.key[k] = t->key[i];
        w.value[k] = t->value[i];
      }
    w.n = t->n;
    *t = w;
  }
  int i = table_slot(t, key);
  if (!t->key[i]) t->n++;
  t->key[i] = key;
  t->value[i] = value;
}

/* ---- scopes ---- */

enum { SMALL_SCOPE = 16 };

Binding *scope_find(Scope *s, const char *name) {
  if (s->n > SMALL_SCOPE) {
    int i = table_get(&s->find, name);
    return i < 0 ? NULL : &s->b[i];
  }
  for (int i = 0; i < s->n; i++)
    if (s->b[i].name == name) return &s->b[i];
  return NULL;
}

Binding *scope_set(Ctx *c, Scope *s, const char *name, Value v, Loc at, int len) {
  Binding *b = scope_find(s, name);
  if (!b) {
    b = VEC_PUSH(c, s->b, s->n, s->cap);
    if (s->n == SMALL_SCOPE + 1)
      for (int i = 0; i < s->n - 1; i++) table_set(c, &s->find, s->b[i].name, i);
    if (s->n > SMALL_SCOPE) table_set(c, &s->find, name, s->n - 1);
  }
  *b = (Binding){.name = name, .v = v, .at = at, .len = len};
  return b;
}

/* ---- items of files ---- */

static Item *file_item(const File *f, const char *name) {
  int i = table_get(&f->find, name);
  return i < 0 ? NULL : f->item[i];
}

static void file_add(Elab *e, File *f, Item *it) {
  Item *old = file_item(f, it->name);
  if (old && old != it && old->file == it->file) {
    Diag *d = el_error(e, E_DUPLICATE_NAME, it->ast, "`%s` is defined twice in this file", it->name);
    diag_label(e->c, d, old->ast->caret, old->ast->caret_len, "first here");
    if (it->kind == IT_USE && old->kind == IT_DEF)
      diag_help(e->c, d, "an instance has another name than its def: `use model = %s(...)`", old->name);
    return;
  }
  *VEC_PUSH(e->c, f->item, f->n, f->cap) = it;
  table_set(e->c, &f->find, it->name, f->n - 1);
}

static const char *path_beside(Elab *e, const char *file, const char *path) {
  const char *slash = strrchr(file, '/');
  if (path[0] == '/' || !slash) return path;
  return ctx_strf(e->c, "%.*s/%s", (int)(slash - file), file, path);
}

/* Beside the importing file, else in the first folder of the search path that has it. */
static const char *path_of_import(Elab *e, const char *file, const char *path) {
  const char *beside = path_beside(e, file, path), *at = e->o->search;
  if (path[0] == '/' || !at || access(beside, F_OK) == 0) return beside;
  for (size_t n; *at; at += n + (at[n] == ':')) {
    n = strcspn(at, ":");
    const char *found = ctx_strf(e->c, "%.*s/%s", (int)n, at, path);
    if (n && access(found, F_OK) == 0) return found;
  }
  return beside;
}

static bool read_import(Elab *e, const char *path, Loc *start) {
  size_t n;
  const ElabWatch *w = e->o->watch;
  const char *text = w && w->text ? w->text(w->user, path, &n) : NULL;
  if (!text) return source_read(e->c, path, start);
  *start = source_add(e->c, path, text, n);
  return true;
}

static bool path_import(Elab *e, File *f, const Ast *a) {
  const char *path = path_of_import(e, f->path, a->text);
  for (int i = 0; i < e->nfiles; i++)
    if (!strcmp(e->files[i]->path, path)) {
      File *g = e->files[i];
      if (!g->ast) {
        el_error(e, E_IMPORT, a, "\"%s\" imports this file: imports form a cycle", a->text);
        return false;
      }
      for (int k = 0; k < g->n; k++)
        if (g->item[k]->kind <= IT_DIM) file_add(e, f, g->item[k]);
      return true;
    }
  Loc start;
  errno = 0;
  if (!read_import(e, path, &start)) {
    Diag *d = el_error(e, E_IMPORT, a, "cannot read \"%s\": %s", path, errno ? strerror(errno) : "no such file");
    if (!strrchr(a->text, '.')) diag_help(e->c, d, "the name of a file has its ending: `import \"%s.nn\"`", a->text);
    return false;
  }
  File *g = el_load(e, path, start);
  for (int k = 0; g && k < g->n; k++)
    if (g->item[k]->kind <= IT_DIM) file_add(e, f, g->item[k]);
  return true;
}

static Def *new_def(Elab *e, const Item *it) {
  Def *d = ctx_alloc(e->c, sizeof *d);
  *d = (Def){.name = it->name, .ast = it->ast, .file = it->file};
  return d;
}

static void add_item(Elab *e, File *f, const Ast *a) {
  static const struct {
    uint8_t ast, kind;
  } kinds[] = {
    {AST_DEF, IT_DEF}, {AST_CONST, IT_CONST}, {AST_DIM, IT_DIM}, {AST_USE, IT_USE}, {AST_DATA, IT_DATA},
  };
  for (int i = 0; i < 5; i++) {
    if (kinds[i].ast != a->kind || !a->text) continue;
    Item *it = ctx_alloc(e->c, sizeof *it);
    *it = (Item){.kind = (ItemKind)kinds[i].kind, .name = a->text, .ast = a, .file = f};
    if (a->kind == AST_DEF) it->def = new_def(e, it);
    file_add(e, f, it);
  }
}

/* Parses a file and lists its items; imported defs and constants are added to its own. */
File *el_load(Elab *e, const char *path, Loc start) {
  if (e->nfiles >= EL_MAX_CALLS) {
    el_fatal(e, E_IMPORT, start, 1, "more than %d files are imported", EL_MAX_CALLS);
    return NULL;
  }
  File *f = ctx_alloc(e->c, sizeof *f);
  size_t n;
  source_text(e->c, start, &n);
  *f = (File){.path = path, .start = start, .end = start + (Loc)n};
  *VEC_PUSH(e->c, e->files, e->nfiles, e->capfiles) = f;
  ElabWatch *w = e->o->watch;
  if (w) *VEC_PUSH(e->c, w->source, w->nsource, w->capsource) = (ElabSource){path, start};
  int before = diag_errors(e->c);
  const Ast *ast = parse_source(e->c, start);
  e->unparsed |= diag_errors(e->c) != before;
  for (int i = 0; i < ast->n; i++)
    if (ast->kid[i]->kind == AST_IMPORT) path_import(e, f, ast->kid[i]);
  for (int i = 0; i < ast->n; i++) add_item(e, f, ast->kid[i]);
  f->ast = ast;
  return f;
}

/* ---- built-in files ---- */

/* The kind of the item that a line begins, and its name: -1 of other lines. Items begin in the first column. */
static int item_head(const char *line, const char **name, size_t *n) {
  int kind = !strncmp(line, "def ", 4) ? IT_DEF : !strncmp(line, "const ", 6) ? IT_CONST : -1;
  if (kind < 0) return -1;
  *name = line + (kind == IT_DEF ? 4 : 6);
  *n = strcspn(*name, "( ");
  return kind;
}

void el_load_builtin(Elab *e, File *all, const char *path, Loc start) {
  size_t n, len;
  const char *text = source_text(e->c, start, &n), *name;
  File *f = ctx_alloc(e->c, sizeof *f);
  *f = (File){.path = path, .start = start, .end = start + (Loc)n, .builtin = true};
  if (!all->end) all->start = start;
  all->end = f->end;
  *VEC_PUSH(e->c, e->files, e->nfiles, e->capfiles) = f;
  Item *last = NULL;
  for (const char *line = text, *next; line < text + n; line = next) {
    const char *end = memchr(line, '\n', (size_t)(text + n - line));
    next = end ? end + 1 : text + n;
    int kind = item_head(line, &name, &len);
    if (kind < 0) continue;
    Item *it = ctx_alloc(e->c, sizeof *it);
    *it = (Item){.kind = (ItemKind)kind, .name = ctx_intern(e->c, name, len), .file = f};
    it->at = start + (Loc)(line - text);
    it->len = (int)(text + n - line);
    if (last) last->len = (int)(it->at - last->at);
    last = it;
    *VEC_PUSH(e->c, all->item, all->n, all->cap) = it;
    table_set(e->c, &all->find, it->name, all->n - 1);
  }
}

static Item *builtin_item(Elab *e, const char *name) {
  Item *it = e->std ? file_item(e->std, name) : NULL;
  if (!it || it->ast) return it;
  size_t n;
  const char *text = source_text(e->c, it->at, &n);
  it->ast = parse_item(e->c, it->at, text + (it->at - it->file->start), (size_t)it->len);
  if (!it->ast) return NULL; /* reported: the built-in files have an error */
  if (it->kind == IT_DEF) it->def = new_def(e, it);
  return it;
}

Item *el_item(Elab *e, const File *f, const char *name) {
  Item *it = f ? file_item(f, name) : NULL;
  return it ? it : builtin_item(e, name);
}

bool el_bounded(const Item *it) { return it && it->kind == IT_DIM && it->ast->flags & AST_BOUND; }

/* A fixed dimension is its size, a bounded one a run-time size of the module. */
static Value dim_value_of(Elab *e, Item *it, Value v) {
  const Ast *at = it->set ? it->set_ast : it->ast->kid[0];
  Dim d;
  if (v_bad(v)) return v;
  bool bounded = el_bounded(it);
  if (!v_is_dim(v, &d) || v.kind != V_INT || (bounded && (d < 1 || d > INT32_MAX)))
    return el_fail(e, E_SETTING_VALUE, at, "the %s of `%s` is an integer %s, not %s", bounded ? "bound" : "size",
                   it->name, bounded ? "from 1 to 2^31 - 1" : ">= 0", v_text(e, v));
  return bounded ? v_dim(e, dim_size(e->m, it->name, d, it->ast->caret)) : v;
}

/* Evaluates a constant or dimension in the scope of its file. */
static void evaluate(Elab *e, Item *it) {
  Frame f = {.file = it->file, .site = e->cur.f ? e->cur.f->site : NULL, .ndots = -1};
  GraphState outside = el_enter_init(e);
  it->state = 1;
  e->cur.f = &f;
  Value v = it->set ? el_set_value(e, it) : el_static(e, it->ast->kid[0]);
  it->v = it->kind == IT_DIM ? dim_value_of(e, it, v) : v;
  el_leave(e, &outside);
  it->state = 2;
}

/* Constants are evaluated at their first use, in the scope of their file. */
Value el_item_value(Elab *e, Item *it, const Ast *at) {
  switch (it->kind) {
  case IT_DEF: return v_fn(e, (Fn){.def = it->def, .at = it->ast->caret});
  case IT_USE:
    if (it->state == 1) return el_fail(e, E_UNKNOWN_NAME, at, "`%s` is defined by itself", it->name);
    if (!it->state) {
      it->state = 1;
      it->instance = el_instance(e, it->ast, it->name, NULL);
      it->state = 2;
    }
    return it->instance ? v_fn(e, (Fn){.instance = it->instance, .at = it->ast->caret}) : v_error();
  case IT_DATA: return el_fail(e, E_ARG_KIND, at, "`%s` is a data section, not a value", it->name);
  default: break;
  }
  if (it->state == 1) return el_fail(e, E_UNKNOWN_NAME, at, "`%s` is defined by itself", it->name);
  if (it->state == 0) evaluate(e, it);
  bool open = e->cur.root && e->cur.root->kind == GK_EXPORT; /* elsewhere a bounded dimension is its bound */
  return it->v.kind == V_SIZE && !open ? v_int(dim_bound(e->m, it->v.i)) : it->v;
}

/* `none` stands for an argument that is left out; it is a word, so that `mask == none` is static for any mask. */
static bool constant(Elab *e, const char *name, Value *v) {
  if (!strcmp(name, "inf")) *v = v_float(HUGE_VAL);
  else if (!strcmp(name, "nan")) *v = v_float(NAN);
  else if (!strcmp(name, "pi")) *v = v_float(3.141592653589793);
  else if (!strcmp(name, "none")) *v = v_str(ctx_name(e->c, name));
  else return false;
  return true;
}

/* The value of a name: a binding, an item of the file or the library, `training`, a run-time scalar, a constant. */
bool el_lookup(Elab *e, const char *name, const Ast *at, Value *v) {
  Binding *b = e->cur.f ? scope_find(&e->cur.f->scope, name) : NULL;
  if (b) {
    *v = b->v;
    return true;
  }
  if (!strcmp(name, "training")) {
    *v = v_bool(e->cur.training);
    e->field_training |= el_in_field(e);
    return true;
  }
  Item *it = el_item(e, e->cur.f ? e->cur.f->file : e->file, name);
  if (it) {
    *v = el_item_value(e, it, at);
    return true;
  }
  if (is_run_scalar(name)) {
    *v = el_in_field(e) ? el_fail(e, E_FIELD, at, "`%s` is not available in a field of data", name)
         : e->cur.b.g   ? v_tensor(e, b_run(&e->cur.b, name))
                        : el_fail(e, E_NOT_STATIC, at, "`%s` is a run-time value", name);
    return true;
  }
  if (constant(e, name, v)) return true;
  const Intrinsic *in = el_intrinsic(name);
  if (in) {
    *v = v_fn(e, (Fn){.intrinsic = in});
    return true;
  }
  int op = el_named_op(name);
  if (op >= 0) *v = v_fn(e, (Fn){.op = op});
  return op >= 0;
}

typedef struct Words {
  const char **v;
  int n, cap;
} Words;

/* Without what is internal to the built-in files. */
static void words_of(Elab *e, Words *w, const File *f) {
  for (int i = 0; f && i < f->n; i++)
    if (f != e->std || f->item[i]->name[0] != '_') *VEC_PUSH(e->c, w->v, w->n, w->cap) = f->item[i]->name;
}

static Words all_words(Elab *e) {
  Words w = {0};
  for (int i = 0; e->cur.f && i < e->cur.f->scope.n; i++) *VEC_PUSH(e->c, w.v, w.n, w.cap) = e->cur.f->scope.b[i].name;
  words_of(e, &w, e->cur.f ? e->cur.f->file : NULL);
  words_of(e, &w, e->std);
  for (const Intrinsic *const *set = el_intrinsic_sets; *set; set++)
    for (const Intrinsic *in = *set; in->name; in++) *VEC_PUSH(e->c, w.v, w.n, w.cap) = in->name;
  for (int op = 1; op < OP_COUNT; op++)
    if (el_named_op(op_info[op].spelling) >= 0) *VEC_PUSH(e->c, w.v, w.n, w.cap) = op_info[op].spelling;
  for (int i = 0; run_scalars[i]; i++) *VEC_PUSH(e->c, w.v, w.n, w.cap) = run_scalars[i];
  static const char *const words[] = {"training", "inf", "nan", "pi", "none"};
  for (int i = 0; i < 5; i++) *VEC_PUSH(e->c, w.v, w.n, w.cap) = words[i];
  return w;
}

const char *el_suggest(Elab *e, const char *name) {
  Words w = all_words(e);
  return diag_suggest(e->c, name, w.v, w.n);
}

const char *el_same_name(Elab *e, const char *name) {
  Words w = all_words(e);
  for (int i = 0; i < w.n; i++)
    if (foreign_same(name, w.v[i])) return w.v[i];
  return NULL;
}
