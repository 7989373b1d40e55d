/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/cuda/machine.h"
#include <math.h>
#include <stddef.h>

enum { FILL = 64, MIN_PART = 128 };

/* Tiles, until one without rows; what adding up the parts of k costs, in terms of a tile of 128 x 128. */
typedef struct TileTable {
  TileSize tile[4];
  double adding;
  double rate; /* of the fastest tile, relative to that of the fastest form */
} TileTable;
static const TileTable SIMT = {{{128, 128, 8, 8, 1}, {64, 64, 8, 4, 0.8}, {32, 32, 4, 4, 0.5}}, 50, 1};
static const TileTable MMA = {{{128, 128, 64, 32, 1}, {64, 64, 32, 32, 0.6}}, 700, 0.6};
static const TileTable WGMMA = {{{128, 256, 64, 256, 1}, {128, 128, 64, 128, 0.8}}, 1200, 1};

/* The products of a multiprocessor: of the waves of blocks that it runs. FILL: terms until its loads have begun. */
static double time_of(const GemmSize *g, const TileSize *t, int splits) {
  double blocks = ceil(g->rows / t->rows) * ceil(g->cols / t->cols) * g->batch * splits;
  return ceil(blocks / GPU_MULTIPROCESSORS) * t->rows * t->cols * (ceil(g->terms / splits) + FILL) / t->rate;
}

static const TileSize *fastest(const TileTable *table, const GemmSize *g, int *splits, double *least) {
  const TileSize *best = NULL;
  int most = *splits;
  for (const TileSize *t = table->tile; t->rows; t++)
    for (int s = 1; s <= most && (s == 1 || g->terms / s >= MIN_PART); s++) {
      double time = (time_of(g, t, s) + (s > 1 ? table->adding * 128 * 128 : 0)) / table->rate;
      if (!best || time < *least) *least = time, best = t, *splits = s;
    }
  return best;
}

const TileSize *simt_tile(const GemmSize *g, int *splits) { return fastest(&SIMT, g, splits, &(double){0}); }
const TileSize *mma_tile(const GemmSize *g, int *splits) { return fastest(&MMA, g, splits, &(double){0}); }

const TileSize *wgmma_tile(const GemmSize *g, int *splits, bool any) {
  int parts = GEMM_SPLITS;
  double mma = 0, wgmma = 0;
  const TileSize *filled = &WGMMA.tile[g->cols <= WGMMA.tile[1].cols];
  if (any) return fastest(&(TileTable){{*filled}, WGMMA.adding, WGMMA.rate}, g, splits, &wgmma), filled;
  fastest(&MMA, g, &parts, &mma);
  const TileSize *t = fastest(&WGMMA, g, splits, &wgmma);
  return wgmma < mma ? t : NULL;
}

/* Loads bound them: enough blocks, each with enough terms. */
int gemv_splits(const GemmSize *g, int each) {
  enum { BLOCKS = 4 * GPU_MULTIPROCESSORS, MIN_TERMS = 512 };
  double blocks = ceil((g->rows > g->cols ? g->rows : g->cols) / each) * g->batch;
  int splits = 1;
  while (splits < GEMM_SPLITS && blocks * splits < BLOCKS && g->terms / (splits * 2) >= MIN_TERMS) splits *= 2;
  return splits;
}
