/* Printing kernels of the native dialect: native_contract.c and native_conv.c find out what a kernel sums,
 * native_call.c prints the call of gemm.inc and the epilogue. */
#ifndef GRADC_C_NATIVE_H
#define GRADC_C_NATIVE_H
#include "codegen/c/nest.h"

enum { NATIVE_AXES = 4 };

/* gc_axes of gemm.inc. */
typedef struct NativeAxes {
  int n;
  Dim dim[NATIVE_AXES], s0[NATIVE_AXES], s1[NATIVE_AXES];
} NativeAxes;

/* gc_gemm of gemm.inc. */
typedef struct NativeGemm {
  int a_buf, b_buf;         /* KBuf numbers of the operands */
  Affine a_at, b_at;        /* their first elements */
  NativeAxes batch, m, n, k;
  int axis[3][NATIVE_AXES]; /* the nest's axes that batch, m and n stand for */
} NativeGemm;

/* The function that stores rows of finished sums; its name. */
const char *native_epilogue(CPrint *p, const Kernel *k, const NativeGemm *g);
void native_call(CPrint *p, const Kernel *k, const NativeGemm *g, const char *epilogue, Str *s);
#endif
