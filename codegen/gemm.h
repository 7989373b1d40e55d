/* SPDX-License-Identifier: Apache-2.0 */
/* Contractions and convolutions as matrix products (GEMM): their operands and axes as data, from which a target prints
 * a call or code (codegen/c/gemm_call.c). */
#ifndef GRADC_GEMM_H
#define GRADC_GEMM_H
#include "codegen/kernel.h"

enum { GEMM_AXES = 4, GEMM_TAP_AXES = 3 };

/* The axes of one role (batch, m, n or k), flattened into one index, outermost first. Strides are in elements: for
 * batch and k, s0 in a and s1 in b; for m, s0 in a; for n, s0 in b. `flattened`: for m, s1 in its flattened index. */
typedef struct GemmAxes {
  int n;
  bool flattened;
  int axis[GEMM_AXES];    /* axis of the nest; -1: an axis of extent 1, which nests do not have */
  int residue[GEMM_AXES]; /* 1 + index of the residue that selects elements of the axis; 0: all elements */
  Dim dim[GEMM_AXES], s0[GEMM_AXES], s1[GEMM_AXES];
  double count; /* elements, at the bounds of run-time sizes */
} GemmAxes;
static inline double gemm_count(const GemmAxes *x) { return x->n ? x->count : 1; }

/* How an operand is stored, and whether it is rounded when loaded. gemm_half.inc has the same numbers. */
typedef enum OperandStorage { OS_F32, OS_BF16, OS_F16, OS_ROUND_BF16, OS_ROUND_F16 } OperandStorage;
typedef struct GemmOperand {
  const KVal *load;
  OperandStorage storage;
  Dim offset;
} GemmOperand;
static inline bool operand_is_half(const GemmOperand *x) { return x->storage == OS_BF16 || x->storage == OS_F16; }
/* bf16 in memory, or rounded to it. */
static inline bool operand_is_bf16(const GemmOperand *x) {
  return x->storage == OS_BF16 || x->storage == OS_ROUND_BF16;
}

/* The taps of a convolution: at index i of axis m[d] of m and index j of axis k[d] of k, the operand a is read where 0
 * <= i * ms[d] + j * ks[d] + at[d] < size[d] for every d, and is 0 elsewhere. `last`: 1 + the d whose k[d] is the last
 * axis of k; 0: none is. residue: as in GemmAxes; at[d] is then the first pixel of the residue. */
typedef struct GemmTaps {
  int n, last, m[GEMM_TAP_AXES], k[GEMM_TAP_AXES], residue[GEMM_TAP_AXES];
  Dim ms[GEMM_TAP_AXES], ks[GEMM_TAP_AXES], at[GEMM_TAP_AXES], size[GEMM_TAP_AXES];
} GemmTaps;
void gemm_remove_check(GemmTaps *t, int d); /* takes check d out */

/* The gradient by x of a strided convolution is one GEMM for each residue r = 0 … modulus - 1 of the pixel x = modulus
 * * i + r. Its first tap t is the smallest for which (r + lo - t * dilation) % modulus == 0; the quotient is its first
 * pixel of the output's gradient. Axis `row` of m then has (extent - r) / modulus elements, rounded up, and axis `tap`
 * of k (taps - t) / tap_step. */
typedef struct GemmResidue {
  int axis;     /* the quotient axis of the nest */
  int row, tap; /* axes of m and k; tap -1: there is one tap */
  int64_t modulus, lo, dilation, extent, taps, tap_step;
  int64_t a_stride, b_stride; /* of a pixel in a, of a tap in b */
} GemmResidue;

typedef struct GemmDesc {
  GemmOperand a, b;
  int panels; /* b is stored in panels: 1 along n, 2 along k (gemm.inc); 0: it is not */
  int64_t panel_rows;
  GemmAxes batch, m, n, k;
  GemmTaps taps;
  bool weights; /* of a convolution: the gradient by its weights */
  /* The same of a depthwise one, which is no matrix product: n are the channels of both operands, s1 in a; the last
   * axes of m and k are the taps and pixels of a row. */
  bool depthwise;
  /* Of a grouped one: channels of a group, as many in both operands; 0: groups are a batch. Else the columns are those
   * of all groups, and column n is multiplied with the channels of its group in a, the first of which is n - n % group;
   * in b it is at n / group * group_b + n % group * s0. */
  int64_t group;
  Dim group_b;
  bool segments; /* of a convolution: the last axis of k is contiguous in a, so that padding is a segment of zeros */
  GemmResidue residue[GEMM_TAP_AXES];
  int nresidue;
} GemmDesc;

/* gemm_residue.c: the GEMMs of all residues: their number, the value of residue i in one of them, and that one. */
int64_t gemm_residues(const GemmDesc *g);
int64_t gemm_residue_value(const GemmDesc *g, int64_t number, int i);
GemmDesc gemm_of_residue(Module *m, const GemmDesc *g, int64_t number);

/* The kernel as a GEMM; NULL: it is none. */
const GemmDesc *gemm_find(const Kernel *k, DType type);
/* The same, also for gradients of depthwise convolutions; NULL where loops are faster on a CPU. All GEMMs of a program
 * have accumulators of one type. type: that of the ones matched so far; DT_BOOL: there are none. */
const GemmDesc *gemm_match(const Kernel *k, DType type);
const char *gemm_why_not(const Kernel *k, DType type); /* the reason for a NULL of gemm_match */
static inline DType gemm_type(const Kernel *k) { return (DType)k->nest[0]->acc[0].type; }

/* The grouped convolution g with the columns of all groups beside each other; NULL: it is none, or has another form. */
const GemmDesc *gemm_join_groups(const Kernel *k, const GemmDesc *g);

/* What distinguishes a GEMM: "f32 256x768x768 1a2b3c4d", its type, rows, contracted elements, columns and a hash of the
 * rest. NULL: sizes are known only at run time, or operands are 16-bit floats. */
const char *gemm_key(Module *m, const GemmDesc *g, DType t);

/* ---- shared by gemm_match.c, gemm_contract.c and gemm_conv.c ---- */

bool gemm_contract(const Kernel *k, const KNest *n, GemmDesc *g);
bool gemm_conv(const Kernel *k, const KNest *n, GemmDesc *g);
bool gemm_add_axis(GemmAxes *x, const KNest *n, int axis, Dim s0, Dim s1); /* false: too many */
void gemm_remove_axis(GemmAxes *x, int at);                                /* count stays */
void gemm_sort_axes(const KNest *n, GemmAxes *x); /* by strides of the first store, outermost first */
/* Adds the nest's outer axes to batch, m or n, by the operands whose address they move, and its inner axes to k.
 * a, b: addresses over loop axes. False: too many axes. */
bool gemm_add_axes(GemmDesc *g, const KNest *n, const Affine *a, const Affine *b);

/* ---- epilogue.c ---- */

/* The epilogue: the computation after the accumulation, as a nest over the axes of batch, m and n. */
typedef struct Epilogue {
  KNest nest;
  KArg *arg;
  int narg, caparg;
} Epilogue;
Epilogue *gemm_epilogue(const Kernel *k, const GemmDesc *g);
/* Joins the axis i into the next one, j. False: an address of the epilogue forbids it. */
bool epilogue_join(Epilogue *e, Module *m, int i, int j);
#endif
