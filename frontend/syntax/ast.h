/* SPDX-License-Identifier: Apache-2.0 */
/* The syntax tree of a .nn file: fixed-size nodes in the Ctx arena, built by the parser and never changed after it.
 *
 * Every node has its byte range [at, at + len) and a caret, the range to underline in messages (the operator of a
 * binary node, the called name of a call, the name of a definition). Names and decoded strings are interned, so
 * `a->text == b->text` compares them. The tree is at most AST_MAX_DEPTH nodes deep, so walkers may recurse. */
#ifndef GRADC_AST_H
#define GRADC_AST_H
#include "ir/ctx.h"

enum { AST_MAX_DEPTH = 256 };

/* K(KIND, "name in messages") -- then: text, value, children. [x] is an optional child: NULL if absent, but counted
 * in n. A trailing `x...` is zero or more children, up to n. */
#define AST_KINDS(K) \
  /* expressions */ \
  K(INT, "integer")          /* text: as written (`256K`); i: its value (0 .. 2^63 - 1) */ \
  K(FLOAT, "number")         /* text: as written (`1e-3`); f: its value, finite */ \
  K(STR, "string")           /* text: the decoded bytes, valid UTF-8 without NUL */ \
  K(BOOL, "boolean")         /* i: 0 or 1 */ \
  K(NAME, "name")            /* text: the name; dotted names (`metric.acc`) are one text */ \
  K(LIST, "list")            /* item... */ \
  K(CALL, "call")            /* callee, arg...: an expression, SLICE (in `field(0:64)`) or NAMED; those last */ \
  K(NAMED, "named argument") /* text: the name; value */ \
  K(INDEX, "index")          /* base, item...: an expression, SLICE or DOTS; at least one */ \
  K(SLICE, "slice")          /* [low], [high], step if there is one: `a:b`, `:`, `::2` */ \
  K(REDUCE, "reduction")     /* `sum[i, j](e)`, text: sum, max, min or mean; e, NAME...: at least one */ \
  K(UNARY, "operation")      /* op: AST_NEG or AST_NOT; operand */ \
  K(BINARY, "operation")     /* op; left, right */ \
  K(TRANSPOSE, "transpose")  /* operand */ \
  K(PIPE, "pipe")            /* `x |> f(a)` means f(x, a): x, then NAME or CALL (which lacks its first argument) */ \
  K(RANGE, "range")          /* low, high: `low..high`, high left out */ \
  K(IF, "if")                /* condition, BLOCK, [BLOCK or IF]: absent only where no value is used */ \
  /* statements, the children of a BLOCK; an expression may be one; hints are attached to the statement's node */ \
  K(BLOCK, "block")         /* statement... */ \
  K(BIND, "binding")        /* `a, b = e` and settings of sections: NAME... (one or more), then the value last */ \
  K(ASSIGN, "state update") /* `s := e`: text: the name; value */ \
  K(INDEXDEF, "index definition") /* `y[b, o] = e`: text: y; e, NAME...: at least one */ \
  K(PARAM, "param")               /* text: the name; TYPE, [initialiser] */ \
  K(STATE, "state")               /* text: the name; TYPE, [initial value] */ \
  K(USE, "use")                   /* text: the name; NAME or CALL. Also at top level */ \
  K(FOR, "for")                   /* text: the variable; the range or list, BLOCK */ \
  K(ASSERT, "assert")             /* condition */ \
  K(FIELD, "field")               /* `x: f32[28] = e`, in data sections only: text: the name; TYPE, e */ \
  K(BUDGET, "budget")             /* `ram <= 24G`, in sections only: text: the name; bound */ \
  /* types and signatures */ \
  K(TYPE, "type") /* text: f32, int, fn, ...; dimension...: an expression or DOTS. AST_SHAPED: has `[]` */ \
  K(DOTS, "`...`") \
  K(ARG, "parameter") /* text: the name; TYPE, [default] */ \
  /* top level, the children of FILE; the sections' text is their name or NULL */ \
  K(FILE, "file")             /* item... */ \
  K(DIM, "dim")               /* text: the name; size. AST_BOUND: `dim T <= 1024`, else `dim T = 256` */ \
  K(CONST, "const")           /* text: the name; value */ \
  K(IMPORT, "import")         /* text: the path as written */ \
  K(DEF, "def")               /* text: the name; BLOCK, [TYPE of the result], ARG.... AST_EXPORT: `export def` */ \
  K(DATA, "data section")     /* BLOCK: BIND, FIELD, BUDGET */ \
  K(TRAIN, "train section")   /* BLOCK: BIND, ASSIGN, BUDGET, any statement of index notation */ \
  K(TARGET, "target section") /* BLOCK: BIND, BUDGET */ \
  K(TEST, "test section")     /* BLOCK: any statement but FIELD and BUDGET */ \
  K(HINTS, "hints")           /* HINT...: the target of the hints field */ \
  K(HINT, "hint")             /* `@name(args)`: text: the name without `@`; arg... as in CALL */

typedef enum AstKind {
#define K(id, name) AST_##id,
  AST_KINDS(K)
#undef K
    AST_KIND_COUNT
} AstKind;

/* O(OP, spelling), UNARY and BINARY. */
#define AST_OPS(O) \
  O(NEG, "-") \
  O(NOT, "not") \
  O(ADD, "+") \
  O(SUB, "-") \
  O(MUL, "*") \
  O(DIV, "/") \
  O(IDIV, "//") \
  O(POW, "**") \
  O(MATMUL, "@") \
  O(EQ, "==") \
  O(NE, "!=") \
  O(LT, "<") \
  O(LE, "<=") \
  O(GT, ">") \
  O(GE, ">=") \
  O(AND, "and") \
  O(OR, "or")

typedef enum AstOp {
#define O(id, text) AST_##id,
  AST_OPS(O)
#undef O
    AST_OP_COUNT
} AstOp;

enum { AST_EXPORT = 1, AST_BOUND = 2, AST_SHAPED = 4, AST_PAREN = 8 /* an expression written in parentheses */ };

typedef struct Ast Ast;
struct Ast {
  uint8_t kind;   /* AstKind */
  uint8_t op;     /* AstOp, UNARY and BINARY only */
  uint8_t flags;  /* AST_EXPORT ... */
  uint16_t depth; /* 1 + that of the deepest child */
  int n;          /* children */
  Ast **kid;
  const char *text; /* interned, or NULL */
  union {
    int64_t i;
    double f;
  };
  Loc at, caret;
  int len, caret_len; /* both >= 1 */
  Ast *hints;         /* HINTS or NULL: statements and top-level items */
};

const char *ast_kind_name(int kind);
const char *ast_op_text(int op);

/* Whether it names `name` (interned), or with a point something of it: `net`, `net.w`. */
bool ast_names(const Ast *a, const char *name);

/* Equality without positions, AST_PAREN and separators in numbers: `fmt` must preserve it. */
bool ast_equal(const Ast *a, const Ast *b);

/* One node a line, indented: for tests and for looking. */
void ast_dump(Str *out, const Ast *a);
#endif
