/* SPDX-License-Identifier: Apache-2.0 */
/* Names: scopes of defs and sections, the items of files, and the lookup of a name where it occurs. */
#ifndef GRADC_ELAB_NAMES_H
#define GRADC_ELAB_NAMES_H
#include "frontend/elab/elab_value.h"

typedef struct Table { /* interned pointer -> number >= 0; looked up, never iterated */
  const char **key;
  int *value, n, cap;
} Table;
int table_get(const Table *t, const char *key); /* -1: none */
void table_set(Ctx *c, Table *t, const char *key, int value);

typedef struct Binding {
  const char *name;
  Value v;
  Loc at;
  int len;
} Binding;
typedef struct Scope {
  Binding *b;
  int n, cap;
  Table find; /* used from 16 bindings on */
} Scope;
Binding *scope_find(Scope *s, const char *name);
Binding *scope_set(Ctx *c, Scope *s, const char *name, Value v, Loc at, int len);

typedef enum ItemKind { IT_DEF, IT_CONST, IT_DIM, IT_USE, IT_DATA } ItemKind;
typedef struct Item {
  ItemKind kind;
  const char *name;
  const Ast *ast; /* NULL: of a built-in file, not parsed yet */
  Loc at;         /* its text in the source, if `ast` is NULL */
  int len;
  File *file;               /* the file that defines it: an import lists items of other files */
  Def *def;                 /* DEF */
  ModuleInstance *instance; /* USE, once evaluated */
  Value v;                  /* CONST, DIM, once evaluated */
  int state;                /* 0 not evaluated, 1 being evaluated, 2 done */
  const char *set;          /* CONST, DIM: the text of a value from outside; NULL: none */
  const Ast *set_ast;       /* its expression, once parsed; NULL: it is a string */
} Item;
struct File {
  const char *path;
  Loc start, end;
  const Ast *ast;
  bool builtin; /* part of the compiler */
  Item **item;
  int n, cap;
  Table find;
};

File *el_load(Elab *e, const char *path, Loc start);
/* Lists the items of a built-in file in `all`. Each is parsed when it is looked up first: a program uses few of
 * them. */
void el_load_builtin(Elab *e, File *all, const char *path, Loc start);
Item *el_item(Elab *e, const File *f, const char *name); /* of the file, else of the standard library; NULL: none */
Value el_item_value(Elab *e, Item *it, const Ast *at);
bool el_bounded(const Item *it);                                    /* `dim T <= 1024`; false for NULL */
bool el_lookup(Elab *e, const char *name, const Ast *at, Value *v); /* false: no such name */
const char *el_suggest(Elab *e, const char *name);                  /* the nearest known name, or NULL */
const char *el_same_name(Elab *e, const char *name);                /* one that is only spelt in another way, or NULL */
#endif
