/* SPDX-License-Identifier: Apache-2.0 */
/* What forms know of GPUs: tiles, multiprocessors. None of it depends on the GPU that is found, so that the bits of
 * fast mode do not. */
#ifndef GRADC_CUDA_MACHINE_H
#define GRADC_CUDA_MACHINE_H

#include <stdbool.h>

enum { GPU_MULTIPROCESSORS = 132 };

/* A block has rows x cols sums of c[rows, cols]; a thread of the SIMT form, a warp of tensor cores row x col of
 * them. */
typedef struct TileSize {
  int rows, cols, row, col;
  double rate; /* about the speed, relative to the fastest tile: larger ones load fewer operands for a product */
} TileSize;
enum { SIMT_DEPTH = 8, WGMMA_DEPTH = 64, GEMM_SPLITS = 8 };

/* The sums of `terms` terms of c[rows, cols], `batch` times. */
typedef struct GemmSize {
  double rows, cols, terms, batch;
} GemmSize;

/* The tile with which it should take the least time, and the parts into which k is split, from 1 to *splits. */
const TileSize *simt_tile(const GemmSize *g, int *splits);
const TileSize *mma_tile(const GemmSize *g, int *splits);
/* NULL: mma.sync should be faster, and not `any` size is asked for. */
const TileSize *wgmma_tile(const GemmSize *g, int *splits, bool any);
/* The parts of k for products with few rows or columns, of whose longer side a block has `each`. */
int gemv_splits(const GemmSize *g, int each);
#endif
