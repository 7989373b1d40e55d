/* SPDX-License-Identifier: Apache-2.0 */
/* The microkernels of the native target, register tiles in the innermost loop of its contractions and convolutions:
 *   gc_ukernel[w][rows](x, ap, bp, c, acc):
 *     c[i * GC_PANEL + j] (+)= sum over segments s, k < x->len of (ap[s * x->lda + i] + x->ao[s])[k * x->sk]
 *                                                                * bp[s][k * GC_PANEL + j]
 * for i < rows, j < (GC_NV >> w) * GC_VEC, in exactly that order, with one accumulator per element; acc = 0: from +0.
 * The right operand is in panels of GC_PANEL columns. The form, a broadcast times vectors kept in registers, is that of
 * "Anatomy of high-performance matrix multiplication" (Goto, van de Geijn 2008). */
#ifndef GRADC_MICROKERNEL_H
#define GRADC_MICROKERNEL_H
#include "codegen/c/machine.h"
#include "codegen/target.h"
#include "ir/ir.h"

/* Prints the constants of the blocking, and vector types, for f32 or f64. */
void microkernel_types(Str *out, const Machine *mc, DType t);
/* Prints the microkernels of the machine and gc_transpose, with their tables; after the types. Dots are microkernels
 * for two operands that are contiguous along k. They add in another order, so they are for fast mode, and for f32. */
void microkernel_print(Str *out, const Machine *mc, DType t, bool dots);
/* Prints what pairs of bf16 need, whose two products are added by one instruction, GC_ADD_PAIR. GC_PAIRS: the
 * compiler's target has such instructions, and the mode allows them. */
void microkernel_pair_types(Str *out);
/* Prints gc_pair_ukernel: microkernels for these pairs. */
void microkernel_print_pairs(Str *out, const Machine *mc);

/* "register tiles of 6 x 16, vectors of 8": how gemm.inc computes a matrix product on a machine, for a remark; NULL: in
 * a form of its own (convolutions, 16-bit operands). */
const char *microkernel_tile(Module *m, const GemmDesc *g, DType t, const struct Machine *machine);
#endif
