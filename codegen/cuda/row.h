/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of rows whose last reduced axis is the fastest: row.c decides, row_text.c prints. A team of threads, a
 * power of 2, computes a row: each thread has some of its terms, the same ones in every phase. */
#ifndef GRADC_CUDA_ROW_H
#define GRADC_CUDA_ROW_H
#include "codegen/cuda/cuda.h"
#include "codegen/cuda/index.h"
#include "codegen/cuda/reduce.h"
#include "codegen/cuda/tile.h"

/* In strict mode 16 threads have a chunk of STRICT_CHUNK terms, each a lane of the strict order, and chunks are
 * combined in order. In fast mode threads have vectors, and are combined in a fixed tree. */
typedef struct RowPlan {
  NestSchedule s; /* all outer axes are points */
  Tile tile;      /* along the last inner axis */
  int inner[MAX_AXES], ninner;
  Dim terms;
  bool strict;
  int team, rows; /* threads of a row; rows of a block */
  int steps;      /* vectors of a thread */
  int rounds;     /* of strict mode: chunks of a thread at the bounds of run-time sizes */
  bool registers; /* loads that several phases make stay in registers; loops over steps are unrolled */
  int *slot;      /* of blocks: per accumulation, its first word of shared memory */
  bool aliases;   /* a store in the outer loops is to memory that the nest loads */
} RowPlan;

enum { WARP = 32 };
static inline bool row_is_kept(const RowPlan *p, int access) {
  uint32_t phases = p->tile.access[access].phases;
  return p->registers && !p->tile.access[access].store && phases & (phases - 1);
}
static inline int row_parts(const RowPlan *p) {
  return p->strict ? p->rounds * (p->team / STRICT_LANES) : p->team / WARP;
}

void row_print(Emitter *p, const Launch *l, Str *body);
#endif
