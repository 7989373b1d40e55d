/* SPDX-License-Identifier: Apache-2.0 */
/* Called by the grammar's actions: one function for each form of node. All take the parser's state. None returns
 * NULL unless it says so, so an error in one place leaves a well-formed tree. */
#ifndef GRADC_AST_BUILD_H
#define GRADC_AST_BUILD_H
#include "frontend/syntax/ast.h"
#include "frontend/syntax/lex.h"

typedef struct Parse {
  Ctx *c;
  const Tokens *ts;
  int cur;                    /* index of the token being fed */
  bool faulty;                /* the grammar refused that token: the rest of its statement is to be skipped */
  int errors_before;          /* errors before the statement */
  bool stop;                  /* nested too deeply: parsing ends */
  int *open, nopen, open_cap; /* indices of the brackets that are open */
  Ast *file;
} Parse;

typedef struct Nodes {
  Ast **v;
  int n, cap;
} Nodes;

/* Called by the parser that lemon writes; in parse.c. */
static inline const Token *parse_token(const Parse *p, int k) { return &p->ts->t[k]; }
const Token *parse_token_before(const Parse *p, int k); /* no comment, no ignored newline; NULL at the start */
void parse_syntax_error(Parse *p);
void parse_too_deep(Parse *p);
void parse_file(Parse *p, Nodes *items);

Nodes *nodes_new(Parse *p);
Nodes *nodes_add(Parse *p, Nodes *l, Ast *x); /* x NULL: left out */

Ast *build_leaf(Parse *p, int kind, const Token *t);
const Token *build_dotted(Parse *p, const Token *left, const Token *right); /* one token for `left.right` */
Ast *build_list(Parse *p, const Token *open, Nodes *items, const Token *close);
Ast *build_paren(Parse *p, const Token *open, Ast *x, const Token *close);
Ast *build_unary(Parse *p, int op, const Token *t, Ast *x);
Ast *build_binary(Parse *p, const Token *op, Ast *x, Ast *y);
Ast *build_pair(Parse *p, int kind, const Token *op, Ast *x, Ast *y);
Ast *build_pipe(Parse *p, const Token *op, Ast *x, Ast *f);
Ast *build_transpose(Parse *p, Ast *x, const Token *t);
Ast *build_call(Parse *p, Ast *f, Nodes *args, const Token *close);
Nodes *build_arg(Parse *p, Nodes *args, Ast *x); /* appends, checks the order */
Ast *build_index(Parse *p, Ast *x, const Token *open, Nodes *subs, const Token *close);
Ast *build_slice(Parse *p, const Token *colon, Ast *low, Ast *high);
Ast *build_step(Parse *p, const Ast *slice, Ast *step);
Ast *build_if(Parse *p, const Token *word, Ast *cond, Ast *then, Ast *otherwise);

Ast *build_block(Parse *p, const Token *open, Nodes *stmts, const Token *close);
Ast *build_expr_stmt(Parse *p, Nodes *exprs); /* these four: NULL if it is not a statement */
Ast *build_bind(Parse *p, Nodes *targets, const Token *op, Ast *value);
Ast *build_assign(Parse *p, Nodes *targets, const Token *op, Ast *value);
Ast *build_field(Parse *p, Nodes *targets, const Token *colon, Ast *type, Ast *value);
Ast *build_typed(Parse *p, int kind, const Token *word, const Token *name, Ast *type, Ast *value);
Ast *build_named(Parse *p, int kind, const Token *word, const Token *name, Ast *x, Ast *y); /* y may be NULL: absent */
Ast *build_keyword(Parse *p, int kind, const Token *word, Ast *x);
Ast *build_use(Parse *p, const Token *word, const Token *name, Ast *x); /* NULL if x cannot be instantiated */
Ast *build_hint(Parse *p, const Token *t, Nodes *args, const Token *end);
Ast *build_hinted(Parse *p, Ast *hint, Ast *x); /* x, or NULL if it is NULL */

Ast *build_type(Parse *p, const Token *name, Nodes *dims, const Token *end); /* dims NULL: written without brackets */
Ast *build_def(Parse *p, const Token *word, const Token *name, Nodes *params, Ast *result, Ast *body);
Ast *build_export(Parse *p, const Token *word, Ast *def);
Ast *build_dim(Parse *p, const Token *word, const Token *name, Ast *size, int flags);
Ast *build_import(Parse *p, const Token *word, const Token *path);
Ast *build_section(Parse *p, int kind, const Token *word, const Token *name, Ast *block); /* name may be NULL */

/* Reports constructs in places where the grammar allows them but the language does not. */
void ast_check(Ctx *c, Ast *file);
#endif
