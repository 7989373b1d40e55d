/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of .nn, and nothing else: every action is one call into ast_build.c. The driver in parse.c feeds
 * tokens, handles brackets and newlines, and resumes after statements with errors. */
%name Nn
%token_prefix TK_
%token_type {const Token *}
%extra_argument {Parse *p}
%default_type {Ast *}
%stack_size 4000
%include {
#include "frontend/syntax/ast_build.h"
#include <assert.h>
#include <string.h>
}
%syntax_error { parse_syntax_error(p); }
%default_destructor { (void)p; (void)$$; } /* for a compiler that would call p unused */
%stack_overflow { parse_too_deep(p); }

%nonassoc NEWLINE.
%left OR.
%left AND.
%right NOT.
%nonassoc EQEQ NE LT LE GT GE.
%nonassoc RANGE.
%left PIPE.
%left PLUS MINUS.
%left STAR SLASH DSLASH AT.
%right NEG.
%right POW.
%left LP LB QUOTE.

%token BAD COMMENT. /* from the lexer: invalid text, and what the driver skips */

/* Keywords only at the start of a top-level item; names everywhere else. */
%fallback NAME DATA TRAIN TARGET TEST IMPORT DIM EXPORT.

%type items {Nodes *}
%type stmts {Nodes *}
%type exprs {Nodes *}
%type params {Nodes *}
%type param_list {Nodes *}
%type args {Nodes *}
%type arg_list {Nodes *}
%type subs {Nodes *}
%type sub_list {Nodes *}
%type dims {Nodes *}
%type dim_list {Nodes *}
%type list_items {Nodes *}
%type item_list {Nodes *}
%type name {const Token *}

/* A list is reduced before each of its elements, so that an error in an element does not discard those before it. */
file ::= items(L). { parse_file(p, L); }
file ::= items(L) item(X). { parse_file(p, nodes_add(p, L, X)); }
file ::= items(L) error. { parse_file(p, L); }
items(A) ::= . { A = nodes_new(p); }
items(A) ::= items(L) NEWLINE. { A = L; }
items(A) ::= items(L) item(X) NEWLINE. { A = nodes_add(p, L, X); }
items(A) ::= items(L) error NEWLINE. { A = L; }

item(A) ::= hint(H) item(X). { A = build_hinted(p, H, X); }
item(A) ::= IMPORT(K) STR(S). { A = build_import(p, K, S); }
item(A) ::= DIM(K) NAME(N) EQ expr(X). { A = build_dim(p, K, N, X, 0); }
item(A) ::= DIM(K) NAME(N) LE expr(X). { A = build_dim(p, K, N, X, AST_BOUND); }
item(A) ::= CONST(K) NAME(N) EQ expr(X). { A = build_named(p, AST_CONST, K, N, X, NULL); }
item(A) ::= use(X). { A = X; }
item(A) ::= def(X). { A = X; }
item(A) ::= EXPORT(K) def(X). { A = build_export(p, K, X); }
item(A) ::= DATA(K) NAME(N) block(B). { A = build_section(p, AST_DATA, K, N, B); }
item(A) ::= TRAIN(K) block(B). { A = build_section(p, AST_TRAIN, K, NULL, B); }
item(A) ::= TRAIN(K) NAME(N) block(B). { A = build_section(p, AST_TRAIN, K, N, B); }
item(A) ::= TARGET(K) NAME(N) block(B). { A = build_section(p, AST_TARGET, K, N, B); }
item(A) ::= TEST(K) STR(S) block(B). { A = build_section(p, AST_TEST, K, S, B); }

def(A) ::= DEF(K) NAME(N) LP params(L) RP block(B). { A = build_def(p, K, N, L, NULL, B); }
def(A) ::= DEF(K) NAME(N) LP params(L) RP ARROW type(T) block(B). { A = build_def(p, K, N, L, T, B); }
params(A) ::= . { A = nodes_new(p); }
params(A) ::= param_list(L). { A = L; }
params(A) ::= param_list(L) COMMA. { A = L; }
param_list(A) ::= param(X). { A = nodes_add(p, nodes_new(p), X); }
param_list(A) ::= param_list(L) COMMA param(X). { A = nodes_add(p, L, X); }
param(A) ::= NAME(N) COLON type(T). { A = build_typed(p, AST_ARG, N, N, T, NULL); }
param(A) ::= NAME(N) COLON type(T) EQ expr(X). { A = build_typed(p, AST_ARG, N, N, T, X); }

type(A) ::= NAME(N). { A = build_type(p, N, NULL, N); }
type(A) ::= NAME(N) LB dims(L) RB(E). { A = build_type(p, N, L, E); }
dims(A) ::= dim_list(L). { A = L; }
dims(A) ::= dim_list(L) COMMA. { A = L; }
dim_list(A) ::= dim(X). { A = nodes_add(p, nodes_new(p), X); }
dim_list(A) ::= dim_list(L) COMMA dim(X). { A = nodes_add(p, L, X); }
dim(A) ::= expr(X). { A = X; }
dim(A) ::= DOTS(K). { A = build_leaf(p, AST_DOTS, K); }

block(A) ::= LBRACE(K) stmts(L) RBRACE(E). { A = build_block(p, K, L, E); }
block(A) ::= LBRACE(K) stmts(L) stmt(X) RBRACE(E). { A = build_block(p, K, nodes_add(p, L, X), E); }
block(A) ::= LBRACE(K) stmts(L) error RBRACE(E). { A = build_block(p, K, L, E); }
stmts(A) ::= . { A = nodes_new(p); }
stmts(A) ::= stmts(L) NEWLINE. { A = L; }
stmts(A) ::= stmts(L) stmt(X) NEWLINE. { A = nodes_add(p, L, X); }
stmts(A) ::= stmts(L) error NEWLINE. { A = L; }

stmt(A) ::= hint(H) stmt(X). { A = build_hinted(p, H, X); }
stmt(A) ::= exprs(L). { A = build_expr_stmt(p, L); }
stmt(A) ::= exprs(L) EQ(O) expr(X). { A = build_bind(p, L, O, X); }
stmt(A) ::= exprs(L) ASSIGN(O) expr(X). { A = build_assign(p, L, O, X); }
stmt(A) ::= exprs(L) COLON(O) type(T) EQ expr(X). { A = build_field(p, L, O, T, X); }
stmt(A) ::= PARAM(K) NAME(N) COLON type(T). { A = build_typed(p, AST_PARAM, K, N, T, NULL); }
stmt(A) ::= PARAM(K) NAME(N) COLON type(T) EQ expr(X). { A = build_typed(p, AST_PARAM, K, N, T, X); }
stmt(A) ::= STATE(K) NAME(N) COLON type(T). { A = build_typed(p, AST_STATE, K, N, T, NULL); }
stmt(A) ::= STATE(K) NAME(N) COLON type(T) EQ expr(X). { A = build_typed(p, AST_STATE, K, N, T, X); }
stmt(A) ::= use(X). { A = X; }
stmt(A) ::= FOR(K) NAME(N) IN expr(X) block(B). { A = build_named(p, AST_FOR, K, N, X, B); }
stmt(A) ::= ASSERT(K) expr(X). { A = build_keyword(p, AST_ASSERT, K, X); }
stmt(A) ::= bare_if(X). { A = X; }
use(A) ::= USE(K) NAME(N) EQ expr(X). { A = build_use(p, K, N, X); }

hint(A) ::= HINT(K). { A = build_hint(p, K, NULL, K); }
hint(A) ::= HINTCALL(K) args(L) RP(E). { A = build_hint(p, K, L, E); }

/* A chain of else-ifs that ends with `else` is an expression; one that does not is only a statement. */
bare_if(A) ::= IF(K) expr(X) block(B). { A = build_if(p, K, X, B, NULL); }
bare_if(A) ::= IF(K) expr(X) block(B) ELSE bare_if(E). { A = build_if(p, K, X, B, E); }
full_if(A) ::= IF(K) expr(X) block(B) ELSE block(E). { A = build_if(p, K, X, B, E); }
full_if(A) ::= IF(K) expr(X) block(B) ELSE full_if(E). { A = build_if(p, K, X, B, E); }

exprs(A) ::= expr(X). { A = nodes_add(p, nodes_new(p), X); }
exprs(A) ::= exprs(L) COMMA expr(X). { A = nodes_add(p, L, X); }

/* A rule has the precedence of its first operator: so one rule for each level. */
expr(A) ::= expr(X) OR(O) expr(Y). { A = build_binary(p, O, X, Y); }
expr(A) ::= expr(X) AND(O) expr(Y). { A = build_binary(p, O, X, Y); }
expr(A) ::= expr(X) EQEQ|NE|LT|LE|GT|GE(O) expr(Y). { A = build_binary(p, O, X, Y); }
expr(A) ::= expr(X) PLUS|MINUS(O) expr(Y). { A = build_binary(p, O, X, Y); }
expr(A) ::= expr(X) STAR|SLASH|DSLASH|AT(O) expr(Y). { A = build_binary(p, O, X, Y); }
expr(A) ::= expr(X) POW(O) expr(Y). { A = build_binary(p, O, X, Y); }
expr(A) ::= expr(X) RANGE(O) expr(Y). { A = build_pair(p, AST_RANGE, O, X, Y); }
expr(A) ::= expr(X) PIPE(O) expr(Y). { A = build_pipe(p, O, X, Y); }
expr(A) ::= NOT(O) expr(X). { A = build_unary(p, AST_NOT, O, X); }
expr(A) ::= MINUS(O) expr(X). [NEG] { A = build_unary(p, AST_NEG, O, X); }
expr(A) ::= postfix(X). { A = X; }

postfix(A) ::= postfix(X) QUOTE(O). { A = build_transpose(p, X, O); }
postfix(A) ::= postfix(X) LP args(L) RP(E). { A = build_call(p, X, L, E); }
postfix(A) ::= postfix(X) LB(O) subs(L) RB(E). { A = build_index(p, X, O, L, E); }
postfix(A) ::= LP(O) expr(X) RP(E). { A = build_paren(p, O, X, E); }
postfix(A) ::= LB(O) list_items(L) RB(E). { A = build_list(p, O, L, E); }
postfix(A) ::= INT(K). { A = build_leaf(p, AST_INT, K); }
postfix(A) ::= FLOAT(K). { A = build_leaf(p, AST_FLOAT, K); }
postfix(A) ::= STR(K). { A = build_leaf(p, AST_STR, K); }
postfix(A) ::= TRUE|FALSE(K). { A = build_leaf(p, AST_BOOL, K); }
postfix(A) ::= name(N). { A = build_leaf(p, AST_NAME, N); }
postfix(A) ::= full_if(X). { A = X; }
name(A) ::= NAME(N). { A = N; }
name(A) ::= name(M) DOT NAME(N). { A = build_dotted(p, M, N); }

args(A) ::= . { A = nodes_new(p); }
args(A) ::= arg_list(L). { A = L; }
args(A) ::= arg_list(L) COMMA. { A = L; }
arg_list(A) ::= arg(X). { A = nodes_add(p, nodes_new(p), X); }
arg_list(A) ::= arg_list(L) COMMA arg(X). { A = build_arg(p, L, X); }
arg(A) ::= sub(X). { A = X; }
arg(A) ::= NAME(N) EQ expr(X). { A = build_named(p, AST_NAMED, N, N, X, NULL); }

subs(A) ::= sub_list(L). { A = L; }
subs(A) ::= sub_list(L) COMMA. { A = L; }
sub_list(A) ::= sub(X). { A = nodes_add(p, nodes_new(p), X); }
sub_list(A) ::= sub_list(L) COMMA sub(X). { A = nodes_add(p, L, X); }
sub(A) ::= expr(X). { A = X; }
sub(A) ::= DOTS(K). { A = build_leaf(p, AST_DOTS, K); }
sub(A) ::= slice(S). { A = S; }
sub(A) ::= slice(S) COLON expr(X). { A = build_step(p, S, X); }
slice(A) ::= expr(X) COLON(O). { A = build_slice(p, O, X, NULL); }
slice(A) ::= COLON(O) expr(Y). { A = build_slice(p, O, NULL, Y); }
slice(A) ::= expr(X) COLON(O) expr(Y). { A = build_slice(p, O, X, Y); }
slice(A) ::= COLON(O). { A = build_slice(p, O, NULL, NULL); }

list_items(A) ::= . { A = nodes_new(p); }
list_items(A) ::= item_list(L). { A = L; }
list_items(A) ::= item_list(L) COMMA. { A = L; }
item_list(A) ::= expr(X). { A = nodes_add(p, nodes_new(p), X); }
item_list(A) ::= item_list(L) COMMA expr(X). { A = nodes_add(p, L, X); }

%code {
size_t nn_size(void) { return sizeof(yyParser); }
/* The next fault is a new one, however near. */
void nn_resume(void *parser) { ((yyParser *)parser)->yyerrcnt = -1; }
}
