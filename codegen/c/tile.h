/* The register tiles of the native dialect, the heart of its contractions and convolutions:
 *   gc_tile[w][rows](x, ap, bp, c, acc):
 *     c[i * GC_PANEL + j] (+)= sum over segments s, k < x->len of (ap[s * x->lda + i] + x->ao[s])[k * x->sk]
 *                                                                * bp[s][k * GC_PANEL + j]
 * for i < rows, j < (GC_NV >> w) * GC_VEC, in exactly that order with one accumulator an element; acc = 0 starts from
 * +0. The right operand lies in panels of GC_PANEL columns. The form, a broadcast times vectors held in registers, is
 * that of "Anatomy of high-performance matrix multiplication" (Goto, van de Geijn 2008). */
#ifndef GRADC_TILE_H
#define GRADC_TILE_H
#include "../machine.h"
#include "ir/ir.h"

enum { TILE_PANEL = 64 }; /* columns of a panel on every machine, so that stored weights do not depend on it */

/* The blocking's constants and the vector types, for f32 or f64. */
void tile_types(Str *out, const Machine *mc, DType t);
/* The tiles of the machine and gc_transpose, with their tables; needs the types. Dots, tiles for two operands that are
 * contiguous along k, add in another order: they are for fast mode, and for f32. */
void tile_print(Str *out, const Machine *mc, DType t, bool dots);
/* gc_pair_tile: tiles for operands whose units are pairs of bf16, of which both products are added to the sum at once;
 * GC_PAIRS says whether the compiler's target has instructions for that (and the mode lets them be used). */
void tile_print_pairs(Str *out, const Machine *mc);
#endif
