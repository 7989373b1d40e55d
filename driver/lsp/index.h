/* SPDX-License-Identifier: Apache-2.0 */
/* The names of a file and of its imports: what each declares, and every place that means it. It is made from syntax
 * trees alone, so it exists for a file that does not compile. Names are resolved as elaboration does: a binding of the
 * def or section that stands before the use, then the file's items, then the standard library. */
#ifndef GRADC_LSP_INDEX_H
#define GRADC_LSP_INDEX_H
#include "frontend/syntax/ast.h"

typedef enum SymbolKind {
  SY_DEF,
  SY_CONST,
  SY_DIM,
  SY_USE,
  SY_DATA,
  SY_SECTION, /* train, target, test */
  SY_ARG,
  SY_PARAM,
  SY_STATE,
  SY_LOCAL,
  SY_SIZE,  /* a shape variable of a signature */
  SY_INDEX, /* of index notation */
  SY_FIELD,
  SY_SETTING /* of a section; metrics too */
} SymbolKind;

typedef struct Symbol Symbol;
typedef struct IndexFile {
  const char *path;
  Loc start;
  size_t n;
  const Ast *ast;
} IndexFile;
struct Symbol {
  SymbolKind kind;
  const char *name;
  const Ast *ast; /* the node that declares it */
  Loc at;         /* its name there */
  int len;
  const IndexFile *file;
  Symbol *in;     /* the def or section that it belongs to; NULL: the file */
  Symbol *callee; /* USE, LOCAL: the def whose call it is; NULL: none */
  Symbol *same;   /* another one whose name must stay the same: fields of data that one section uses; NULL */
  Symbol **kid;   /* DEF: arguments; DATA: fields */
  int nkid, capkid;
};

typedef struct NameUse {
  Loc at;
  int len;
  const char *name;
  Symbol *symbol; /* NULL: of the language, or unknown */
  Symbol *in;     /* the def or section around it */
  bool declares;
  bool argument; /* `name = ` in a call */
  bool path;     /* the part after the first point of a dotted name: of a weight */
} NameUse;

typedef struct Index Index;
struct Index {
  Ctx *c;
  const Index *library; /* NULL: this is the library's own */
  IndexFile **file;     /* [0]: the main one */
  int nfile, capfile;
  Symbol **item; /* items that the main file sees: its own, then those of imports */
  int nitem, capitem;
  Symbol **symbol; /* all, in the order of their declarations */
  int nsymbol, capsymbol;
  NameUse *use; /* all; of one file in order of places */
  int nuse, capuse;
};

/* The Loc of an imported file, read if it has none yet; 0: it cannot be read. */
typedef Loc IndexOpen(void *user, Ctx *c, const char *path);

/* The main file begins at `start`. Reports errors of syntax into c, for the caller to drop. */
Index *index_make(Ctx *c, Loc start, const char *path, const Index *library, IndexOpen *open, void *user);
void index_add_file(Index *x, Loc start, const char *path); /* for the library: all items are in one list */

Symbol *index_item(const Index *x, const char *name); /* of the file or the library; NULL */
Symbol *symbol_root(Symbol *s);                       /* one symbol for all that share its name */
const NameUse *index_use(const Index *x, Loc at);     /* the name at a place, or just before it; NULL */
Symbol *index_scope(const Index *x, Loc at);          /* the item around a place; NULL: none */
const char *symbol_kind_name(const Symbol *s);        /* "argument", "def" */

/* The part of the tree that has `at`: nodes from the outermost to the innermost, at most `max`; their number. */
int index_path(const Ast *file, Loc at, const Ast **node, int max);
#endif
