/* Printing kernels of the native dialect: native_contract.c and native_conv.c find out what a kernel sums,
 * native_call.c prints the call of gemm.inc or gemm_half.inc and the epilogue. */
#ifndef GRADC_C_NATIVE_H
#define GRADC_C_NATIVE_H
#include "codegen/c/nest.h"

enum { NATIVE_AXES = 4, NATIVE_IMAGE = 3 };

/* gc_axes of gemm.inc, as C text, and the nest's axes that they stand for (-1: none). A residue r (text; NULL: none)
 * makes index i of the axis stand for i * step + r of the nest's. */
typedef struct NativeAxes {
  int n, axis[NATIVE_AXES];
  const char *dim[NATIVE_AXES], *s0[NATIVE_AXES], *s1[NATIVE_AXES], *residue[NATIVE_AXES];
  int64_t step[NATIVE_AXES];
  double count;             /* elements, at the bounds of run-time sizes */
} NativeAxes;

/* gc_image of gemm.inc. */
typedef struct NativeImage {
  int n, last, m[NATIVE_IMAGE], k[NATIVE_IMAGE];
  const char *ms[NATIVE_IMAGE], *ks[NATIVE_IMAGE], *at[NATIVE_IMAGE], *size[NATIVE_IMAGE];
} NativeImage;

/* How operands are stored, and whether they are rounded when loaded: as in gemm_half.inc. */
typedef enum NativeForm { NF_F32, NF_BF16, NF_F16, NF_AS_BF16, NF_AS_F16 } NativeForm;
typedef struct NativeOperand { const KVal *load; NativeForm form; } NativeOperand;

/* gc_gemm of gemm.inc, gc_half of gemm_half.inc. */
typedef struct NativeGemm {
  int a_buf, b_buf;           /* KBuf numbers of the operands */
  NativeForm a_form, b_form;
  const char *a_at, *b_at;    /* their first elements */
  int panels;                 /* of b, as in gemm.inc */
  int64_t panel_rows;
  NativeAxes batch, m, n, k;
  NativeImage image;
  const char *before, *after; /* statements around the call; NULL: none */
} NativeGemm;

/* native_roles.c */
typedef struct NativeSum { NativeOperand left, right; } NativeSum;
/* One sum of products of two loads, in f32 or f64: the first one's type is that of all tuned sums of a program. */
bool native_sum(const CPrint *p, const Kernel *k, const KNest *n, NativeSum *s);
bool native_axis(CPrint *p, NativeAxes *x, const KNest *n, int axis, Dim s0, Dim s1); /* false: too many */
void native_sort(const KNest *n, NativeAxes *x); /* by strides of the first store, outermost first */
bool native_worth(const NativeGemm *g);

/* The function that stores rows of finished sums; its name. */
const char *native_epilogue(CPrint *p, const Kernel *k, const NativeGemm *g);
void native_call(CPrint *p, const Kernel *k, const NativeGemm *g, const char *epilogue, Str *s);
#endif
