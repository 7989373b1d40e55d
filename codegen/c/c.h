/* The C printer, shared by its files. One printer, two dialects: portable ISO C99 of scalars, and native with vector
 * extensions and threads. */
#ifndef GRADC_C_H
#define GRADC_C_H
#include "codegen/codegen.h"

typedef struct CKernel {       /* an emitted function or table */
  const char *text, *name;     /* text behind the name */
  uint64_t hash;
  int next;
} CKernel;
enum { C_BUCKETS = 1024 };

typedef struct CPrint {
  Module *m;
  Ctx *c;
  const EmitOptions *o;
  bool native;
  const char *run;             /* type of the head: "struct NAME_run", "GcRun" */
  Str kernels;                 /* kernel functions, in order of first use */
  Str tables;                  /* constant data */
  Str helpers;                 /* folds of lanes */
  Str bodies;                  /* functions of scans' bodies */
  const Graph **body; int nbody, capbody; /* that are printed */
  uint64_t prim;               /* sections of prim.h that are used: bit i = prim_section(i) */
  uint32_t helper;             /* helpers of c_prelude.c that are used: bits CH_* */
  bool gemm;                   /* native: gemm.inc is used */
  CKernel *kernel; int nkernel, capkernel;
  int bucket[C_BUCKETS];
  Str nodes; int nnodes;       /* native: rows of GcModel.nodes, for check mode */
  const Graph *graph; Id at;   /* the node being printed, for reports */
} CPrint;

enum CHelper { CH_CLAMP = 1, CH_FINITE = 2, CH_ROWS = 4, CH_CHECK = 8 };

/* c_body.c: the scalar body of an op over operand texts, as an expression of type t. `from` is the operands' type. */
const char *c_body(CPrint *p, Op op, DType t, DType from, const char *const *arg);
const char *c_number(CPrint *p, DType t, double v);
const char *c_stored_number(CPrint *p, DType t, const void *values, int64_t i); /* element i of an array of the C type */
const char *c_cast(CPrint *p, DType to, DType from, const char *x);
bool c_atomic(const char *text); /* needs no parentheses as an operand */
void c_prim_use(CPrint *p, const char *section);
void c_prim_print(CPrint *p, Str *out); /* the sections of prim.h that are used */

/* c_affine.c: dimensions and index expressions. */
const char *c_dim(CPrint *p, Dim d);
const char *c_affine(CPrint *p, const Affine *a); /* over axis variables i0, i1, … */

/* c_nest.c: the loops of one nest. */
void c_nest(CPrint *p, const Kernel *k, const KNest *n, Str *o);

/* c_kernel.c: the function of a kernel, made if new; its name. */
void c_helper_fold(CPrint *p, int op, DType t); /* notes that lanes of that kind are folded */
const char *c_kernel(CPrint *p, const Kernel *k);
const char *c_table(CPrint *p, const Graph *g, Id n); /* the name of a constant's table */
/* The entry of `text` in the table of functions, or a new one at the end, which the caller names and prints. */
CKernel *c_intern(CPrint *p, const char *text, bool *made);

/* native_contract.c, native_conv.c: tuned forms, printed into the body of the kernel's function; gemm.inc does the work. */
bool native_contract(CPrint *p, const Kernel *k, Str *s);
void native_print(CPrint *p, Str *out); /* tiles and gemm.inc, where they are used */
#endif
