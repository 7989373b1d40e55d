/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule of a kernel: its lanes, its threads, and whether it is a GEMM. Decided before any text is printed. */
#ifndef GRADC_SCHEDULE_H
#define GRADC_SCHEDULE_H
#include "codegen/gemm.h"
#include "codegen/nest_use.h"

struct Target;

/* The schedule of a nest. Axes that are neither the lane nor parallel are sequential; one axis may be both. */
typedef struct NestSchedule {
  const KNest *nest; /* its outer axes in the order of the loops */
  NestUse use;
  int lane, vec;               /* the vectorized axis, and the elements of a vector; -1: none, all values are scalars */
  int block;                   /* vectors of an outer lane that accumulate in the same loops */
  bool lane_outer;             /* it is an outer axis: each lane has its own accumulators */
  int par_axis, grain;         /* the axis that threads partition, in multiples of `grain`; -1: none */
  bool chunks;                 /* threads partition the chunks of the rows that it reduces; par_axis is -1 */
  int *branch;                 /* per value: the select of vectors in whose branch it is evaluated; 0: in none */
  bool panels_resolved;        /* matrices in panels are addressed by column of the current panel */
  bool grid;                   /* the points of the axes `point` are the threads of a grid: those axes have no loops */
  int point[MAX_AXES], npoint; /* the last one varies fastest */
  bool narrow;                 /* indices and addresses fit into an int */
} NestSchedule;

typedef struct KernelSchedule {
  NestSchedule *nest;   /* one per nest */
  bool serial;          /* thread 0 runs the kernel alone */
  const GemmDesc *gemm; /* the kernel is a GEMM, whose tasks are partitioned over threads; NULL: it is loops */
  bool split;           /* the GEMM has scratch for the sums of chunks of its terms, which threads partition */
  bool attend;          /* the kernel is attention in the target's own form, the same */
  Epilogue *epilogue;   /* of the GEMM, and its loops over columns */
  NestSchedule columns;
  const struct KernelSchedule *joined; /* the same GEMM after gemm_join_groups; NULL: it has no groups */
} KernelSchedule;

typedef struct ScheduleOptions {
  const struct Target *target;
  const struct Machine *machine; /* of the native target; NULL */
  int vec;                       /* elements of a vector */
  int serial_cycles;             /* kernels of fewer cycles are serial; 1: every kernel is parallel that can be */
  DType gemm_type;               /* of the program's GEMMs so far; DT_BOOL: none */
} ScheduleOptions;

KernelSchedule schedule_kernel(const Kernel *k, const ScheduleOptions *o);
NestSchedule schedule_scalar(const KNest *n);                 /* scalar loops in the order of the nest */
bool schedule_splits(const KernelSchedule *s);                /* into chunks of rows, with scratch and barriers */
bool schedule_passes(const KernelSchedule *s, const KArg *a); /* the kernel's function has the parameter */
bool schedule_is_point(const NestSchedule *s, int axis);      /* one of `point` */
#endif
