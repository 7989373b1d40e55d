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
typedef struct CSection {      /* of prim.h and its parts */
  const char *name, *needs, *text;
  size_t n;
  bool used[2];                /* as scalars, as vectors */
} CSection;
enum { C_BUCKETS = 1024 };

typedef struct CPrint {
  Module *m;
  Ctx *c;
  const EmitOptions *o;
  bool native;
  const char *run;             /* type of the head: "struct NAME_run", "GcRun" */
  Str kernels;                 /* kernel functions, in order of first use */
  size_t *kernel_at; int nkernel_at, capkernel_at; /* where each begins */
  Str protos;                  /* native: their declarations */
  Str tables;                  /* constant data */
  Str helpers;                 /* folds of lanes */
  Str bodies;                  /* functions of scans' bodies */
  struct CBody { const Graph *graph; bool parallel; } *body; int nbody, capbody; /* that are printed */
  bool *parallel;              /* per graph of the module: some kernel is shared out */
  CSection *section; int nsection, capsection;
  bool prim, vprim;            /* some section is used, as scalars, as vectors */
  bool vectors, doubles;       /* native: vector types and loads are used; of f64, too */
  uint32_t halves;             /* native: 16-bit types that vectors are loaded and stored in: bit i = DType i */
  uint32_t helper;             /* helpers that are used: bits CH_* */
  const char *gemm, *gemm_half; /* native: the texts of gemm.inc and gemm_half.inc, once they are used */
  DType gemm_type;             /* of their sums: f32 or f64 */
  CKernel *kernel; int nkernel, capkernel;
  int bucket[C_BUCKETS];
  Str nodes; int nnodes;       /* native: rows of GcModel.nodes, for check mode */
  const Graph *graph; Id at;   /* the node being printed, for reports */
  bool *named;                 /* per buffer of the kernel being printed: its body names it */
} CPrint;

enum CHelper {
  CH_CLAMP = 1, CH_FINITE = 2, CH_ROWS = 4, CH_CHECK = 8, CH_SHARE = 16, CH_BARRIER = 32, CH_PANEL = 64,
  CH_SLICES = 128, CH_CHECK_HALF = 256, CH_RANDOM = 512
};

/* c_body.c: the scalar body of an op over operand texts, as an expression of type t. `from` is the operands' type. */
const char *c_body(CPrint *p, Op op, DType t, DType from, const char *const *arg);
const char *c_number(CPrint *p, DType t, double v);
const char *c_table_number(CPrint *p, DType t, double v); /* as an element of an array of the C type */
const char *c_widened(CPrint *p, DType t, const char *bits); /* an element of a buffer, and a value to be stored in one: */
const char *c_narrowed(CPrint *p, DType t, const char *x);   /* 16-bit floats to f32 and back, other types as they are */
/* Element i of an array of the C type. */
const char *c_stored_number(CPrint *p, DType t, const void *values, int64_t i);
const char *c_cast(CPrint *p, DType to, DType from, const char *x);
bool c_atomic(const char *text); /* needs no parentheses as an operand */
void c_prim_use(CPrint *p, const char *section);
void c_vector_types(CPrint *p, Str *o); /* c_vprelude.c */
void c_vector_halves(CPrint *p, Str *o);
void c_vprim_use(CPrint *p, const char *section); /* the same for vectors */
void c_prim_print(CPrint *p, Str *out); /* the sections of prim.h that are used */

/* c_affine.c: dimensions and index expressions. */
const char *c_dim(CPrint *p, Dim d);
const char *c_affine(CPrint *p, const Affine *a); /* over axis variables i0, i1, … */

/* c_nest.c: the loops of one nest. */
/* How a nest is printed: its lane axis (-1: scalar), and the axis that threads share out in runs of `grain`. */
typedef struct CShare {
  int lane, vec;
  bool lane_outer;
  int split, grain;
} CShare;
typedef struct CPlan {
  CShare *nest;  /* one per nest */
  bool serial;   /* part 0 runs it alone */
  bool tuned;    /* a native form shares it out by tasks of its own */
} CPlan;
CPlan c_plan(CPrint *p, const Kernel *k);
void c_nest(CPrint *p, const Kernel *k, const KNest *n, const CShare *share, Str *o);

/* c_kernel.c: the function of a kernel, made if new; its name. */
const char *c_kernel(CPrint *p, const Kernel *k, CPlan *plan);
bool c_takes_part(const CPlan *plan);  /* its last parameters are part and parts */
void c_put_kernel(CPrint *p, const char *comment, const char *name, const char *text); /* text: "(params) {\n..." */
const char *c_table(CPrint *p, const Graph *g, Id n); /* the name of a constant's table */
/* The entry of `text` in the table of functions, or a new one at the end, which the caller names and prints. */
CKernel *c_intern(CPrint *p, const char *text, bool *made);

/* native_contract.c, native_conv.c: tuned forms, printed into the body of the kernel's function, by means of
 * gemm.inc and gemm_half.inc. */
bool native_contract(CPrint *p, const Kernel *k, Str *s);
bool native_conv(CPrint *p, const Kernel *k, Str *s);
void native_use(CPrint *p, DType t, bool half); /* sums of that type, f32 or f64; those of 16-bit floats, too */
void native_print(CPrint *p, Str *out);      /* what kernels must know of them, where they are used */
void native_print_body(CPrint *p, Str *out); /* tiles and their functions */
#endif
