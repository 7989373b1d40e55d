/* SPDX-License-Identifier: Apache-2.0 */
/* What the forms of contractions have in common: the block's tile, addresses of operands, the epilogue. */
#ifndef GRADC_CUDA_GEMM_TEXT_H
#define GRADC_CUDA_GEMM_TEXT_H
#include "codegen/cuda/launch.h"
#include "codegen/cuda/machine.h"
#include "codegen/cuda/tile.h"

/* The tile of c[rows, cols] that a block computes, in steps of k of `depth`. */
typedef struct GemmTile {
  int rows, cols, depth, threads;
} GemmTile;

/* What a form has decided: FormShape.plan. */
typedef struct GemmPlan {
  const GemmDesc *g;
  NestSchedule epilogue;
  GemmTile tile;
  int row, col; /* the rows and columns of a thread, of a warp */
  bool long_a;  /* of the forms gemv: the long operand is the left one */
  int splits;   /* parts into which k is split; their sums are added by a second launch, in order */
} GemmPlan;

/* The kernel as a GEMM that a form can print; NULL: it is none. */
GemmPlan *gemm_plan(const Kernel *k, const NestSchedule *s);
bool gemm_takes_tf32(const Kernel *k);                  /* its operands may be rounded to tf32 */
GemmSize gemm_size(const Kernel *k, const GemmDesc *g); /* at the bounds of run-time sizes */
/* Fills the shape of a plan. One block a tile: x is the tile of rows, y that of columns, z the batch, the residue and
 * the part of k. False: the grid is too large. */
bool gemm_shape(const Kernel *k, const GemmPlan *plan, FormShape *f);
/* The launch of gemm_add_parts: a thread for each sum. */
LaunchShape gemm_second_launch(const Kernel *k, const GemmPlan *plan);
Dim gemm_extent(Module *m, const GemmDesc *g, const GemmAxes *x); /* with residues, the largest */

typedef struct GemmText {
  NestText n; /* prints the epilogue */
  const GemmPlan *plan;
  const GemmDesc *g;
  const char *type;   /* of indices */
  const char *from;   /* the first term of the block */
  const char *thread; /* the number of a thread among the `threads` of the epilogue */
  int threads;
  bool
    called; /* the text is that of a function of several kernels, whose parameters have what differs: gemm_called.c */
  bool
    skips; /* a tap outside of the image is no term, which differs from a term of 0 if the other factor is not finite */
} GemmText;

GemmText gemm_text(Emitter *p, const Kernel *k, const GemmPlan *plan, Str *o);
/* Declares rows and cols (the extents of m and n), terms (the end of k, or of its part), m0 and n0 (where the tile
 * begins), the indices of the batch and of residues. */
void gemm_begin(GemmText *c);
/* The epilogue, for `rows` rows of the tile from row `first`, whose sums are in shared memory, `pitch` a row. */

void gemm_results(GemmText *c, const char *first, int rows, int pitch);

/* The kernel of the second launch, where k is split: a thread adds the parts of a sum, and runs the epilogue. */
void gemm_add_parts(GemmText *c);

/* Declares the index of each axis of x, from the flattened index `flat`. nest: of the nest, where a residue's axis has
 * all elements. */
void gemm_split(GemmText *c, const GemmAxes *x, const char *flat, bool nest);
const char *gemm_operand(GemmText *c, const char *text); /* in parentheses if needed */
/* The start index of tap check d; far out of bounds for a residue that has no tap. */
const char *gemm_taps_start(GemmText *c, int d);

/* ---- gemm_load.c ---- */

/* An operand's tile, as the threads of a block load it: `count` chunks for a thread, of elements side by side along the
 * axis that is contiguous in memory. Chunk e begins at row `row` and term `k0 + term`, which are texts. */
typedef struct GemmLoader {
  bool is_a, along_k; /* chunks are along k, not along rows */
  bool vector, async; /* they can be loaded as vectors; as copies to shared memory, in the background */
  const char *name;   /* "a", "b" */
  int chunk, count, rows;
  const char *row, *term;
  int nrow;           /* addresses of rows that a thread needs, */
  const char *row_of; /* of which this is the number: "e", "u" (the element of a chunk), "0" */
} GemmLoader;
/* All axes of x as one; false: its elements are not equally far apart. second: by the strides in b. */
bool gemm_one_axis(Module *m, const GemmAxes *x, bool second, Dim *size, Dim *stride);
bool gemm_is_contiguous(const GemmDesc *g, bool is_a, bool along_k); /* the last axis of k, or of the rows */
GemmLoader gemm_loader(GemmText *c, bool is_a, int chunk);
/* The same of a tile of 4-byte elements, whose rows lie along k in any case. */
GemmLoader gemm_word_loader(GemmText *c, bool is_a, int chunk);
void gemm_rows(GemmText *c, const GemmLoader *l); /* declares what does not change along k: pa[], and taps */

/* An element, or the first one of a chunk: buf[at], which is 0 unless k < terms and `taps` (NULL: everywhere). */
typedef struct GemmElement {
  const char *buf, *at, *taps;
} GemmElement;
GemmElement gemm_element(GemmText *c, const GemmLoader *l); /* declares its k, and its indices */
const char *gemm_load(GemmText *c, const GemmLoader *l);    /* the same; its value in f32 */

/* ---- gemm_called.c ---- */

/* The tile can be a function that other kernels call, too. */
bool gemm_is_called(GemmText *c, const GemmLoader *a, const GemmLoader *b);
/* Prints that function, if it is not there yet, with the body that `print` prints, and its call. Its name has all that
 * the body depends on: the form's family, the tile, along which axes operands are loaded, their type. */
void gemm_put_call(GemmText *c, const char *family, const char *type, const GemmLoader *a, const GemmLoader *b,
                   void (*print)(GemmText *));
#endif
