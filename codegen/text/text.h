/* SPDX-License-Identifier: Apache-2.0 */
/* Printing in the C family of languages, for all targets: state of a module's text, scalar expressions, kernels. */
#ifndef GRADC_CODEGEN_TEXT_H
#define GRADC_CODEGEN_TEXT_H
#include "codegen/codegen.h"
#include "codegen/kernel_cost.h"
#include "codegen/step.h"
#include "codegen/target.h"

typedef struct Interned {  /* an emitted function or table */
  const char *text, *name; /* text after the name */
  uint64_t hash;
  int next;
} Interned;
/* A function that generated code may call; a table of them ends with NULL. */
typedef struct HelperText {
  const char *name, *text;
} HelperText;
/* The forms in which sections of prim.h are printed. */
typedef enum PrimForm { PRIM_SCALAR, PRIM_VECTOR, PRIM_FORMS } PrimForm;
typedef struct PrimSection { /* of prim.h and the files that it includes */
  const char *name, *needs, *text;
  size_t n;
  bool used[PRIM_FORMS];
} PrimSection;
typedef struct PrintedKernel { /* a function in Emitter.kernels */
  size_t at;                   /* its offset */
  const char *declaration;     /* "void NAME(PARAMETERS)" */
} PrintedKernel;
enum { INTERN_BUCKETS = 1024 };

typedef struct Emitter {
  Module *m;
  Ctx *c;
  const EmitOptions *o;
  const Target *target;
  Steps steps;
  const char *run; /* type of the run header: "struct NAME_run", "GcRun" */
  Str kernels;     /* kernel functions, in order of first use */
  PrintedKernel *printed;
  int nprinted, capprinted;
  Str tables;  /* constant data */
  Str helpers; /* functions made for one nest, such as reductions of lanes */
  Str bodies;  /* functions of scan bodies */
  const Graph **body;
  int nbody, capbody; /* the scan bodies whose functions are printed */
  PrimSection *section;
  int nsection, capsection;
  bool prim[PRIM_FORMS]; /* some section is used */
  const HelperText **helper;
  int nhelper, caphelper; /* the ones that are used */
  Interned *kernel;
  int nkernel, capkernel;
  int bucket[INTERN_BUCKETS];
  Str nodes;
  int nnodes; /* rows of GcModel.nodes, for check mode */
  Str kernel_rows;
  int nkernel_rows; /* lines of GcModel.kernels, for bench --profile */
  const char **kernel_file;
  int nkernel_file, capkernel_file;
  const char **var_name; /* of vars: the offset NAME_AT_… in the text; NULL: offsets are numbers */
  const Graph *graph;
  Id at;                     /* the node being printed, for reports */
  bool *named;               /* per buffer of the kernel being printed: its body names it */
  struct NativeText *native; /* state of that target: codegen/c/native_text.h */
  struct CudaText *cuda;     /* state of that target: codegen/cuda/cuda.h */
} Emitter;

/* For one module; run: the C type of the run header. */
Emitter *emitter_new(Module *m, const EmitOptions *o, ScheduleOptions schedule, const char *run);

/* scalar.c: the scalar body of an op over operand texts, as an expression of type t. `from` is the operands' type. */
const char *text_op(Emitter *p, Op op, DType t, DType from, const char *const *arg);
/* A body of ops.def that is a token or a call of a function of prim/: its name, and the operands that are arguments. */
typedef struct BodyCall {
  const char *name;
  size_t n;
  bool is_prim, is_scalar;
  int arg[3], nargs;
} BodyCall;
BodyCall body_call(const char *body);
/* The text of a token for elements of some kinds: f f32, d f64, i u b. $a $b $c: operands, in scalar.c also $t, the C
 * type, and $s, the suffix of f64. section: of prim/ that it calls, less that suffix. */
typedef struct TokenText {
  const char *name, *kinds, *text, *section;
} TokenText;
/* The row of a table, which ends with NULL, for elements of type t; NULL: none. */
const TokenText *token_find(const TokenText *table, const BodyCall *b, DType t);
const char *text_number(Emitter *p, DType t, double v);
const char *text_table_number(Emitter *p, DType t, double v); /* as an element of an array of the C type */
/* Conversions between an element of a buffer and a value: 16-bit floats to f32 and back, other types unchanged. */
const char *text_after_load(Emitter *p, DType t, const char *bits);
const char *text_before_store(Emitter *p, DType t, const char *x);
/* Element i of an array of the C type. */
const char *text_stored_number(Emitter *p, DType t, const void *values, int64_t i);
const char *text_cast(Emitter *p, DType to, DType from, const char *x);
bool text_is_atomic(const char *text); /* needs no parentheses as an operand */
void prim_use(Emitter *p, const char *section);
/* A text without the lines that conditions on PRIM_LANES and PRIM_BY_FLAGS exclude, in scalar code, nor these. */
void text_put_live(Str *out, const char *text, size_t n);
void prim_print(Emitter *p, Str *out); /* the sections of prim.h that are used */
/* Of these the ones that a text calls, and those that they need. */
void prim_print_called(Emitter *p, const char *text, Str *out);
void prim_use_form(Emitter *p, PrimForm form, const char *section);
void prim_print_form(Emitter *p, PrimForm form, const char *types, Str *out); /* types: macros that prim.h needs */

/* helpers.c: notes that the text calls this function of HelperText. */
void helper_use(Emitter *p, const char *name);
bool helper_used(const Emitter *p, const char *name);

/* affine.c: dimensions and index expressions. */
const char *text_dim(Emitter *p, Dim d);
const char *text_affine(Emitter *p, const Affine *a); /* over axis variables i0, i1, … */

/* loops.c: the loops of one nest. */
void nest_print(Emitter *p, const Kernel *k, const NestSchedule *s, Str *o);

/* names.c: what a kernel computes, as part of an identifier: the call of the model that most of its work is from, then
 * the others: "net_linear_1_relu". Of IR text, its class. At most 48 characters, without "__". */
const char *kernel_label(Emitter *p, const Kernel *k);
/* kernel.c: the function of a kernel, made if new; its name. */
const char *kernel_function(Emitter *p, const Kernel *k, const KernelSchedule *s);
const char *karg_type(const Emitter *p, const Kernel *k, const KArg *a); /* its type; of a pointer, what it points to */
/* text: "(params) {\n..." */
void kernel_put(Emitter *p, const char *comment, const char *qualifiers, const char *name, const char *text);
const char *kernel_constant_table(Emitter *p, const Graph *g, Id n); /* the name of a constant's table */
/* The entry of `text` in the table of functions; made: it is new, and the caller has to name and print it. */
Interned *text_intern(Emitter *p, const char *text, bool *made);
#endif
