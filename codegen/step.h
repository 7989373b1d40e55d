/* SPDX-License-Identifier: Apache-2.0 */
/* A graph as a list of steps, made before any text is printed. */
#ifndef GRADC_STEP_H
#define GRADC_STEP_H
#include "codegen/schedule.h"

typedef enum StepKind {
  STEP_CALL,         /* a kernel, whose arguments are Kernel.arg */
  STEP_SCAN,         /* a scan around the steps of its body */
  STEP_BARRIER,      /* all threads wait for each other */
  STEP_CHECK_STORES, /* check mode: tests whether the results of the group are finite */
  STEP_LOSS_TEST     /* returns from the graph's function if the value is not finite */
} StepKind;

typedef struct Step {
  StepKind kind;
  const Group *group;      /* of calls, scans and checks */
  const Kernel *kernel;    /* of a call */
  KernelSchedule schedule; /* of a call */
  Id value;                /* of a loss test */
} Step;

typedef struct StepList {
  Graph *graph;
  Groups *gs;
  Step *step;
  int n, cap;
  bool parallel; /* all threads must run it: it has a parallel kernel, or barriers around a scan */
} StepList;

/* The lists of a module's graphs, each made at first use. */
typedef struct Steps {
  ScheduleOptions options; /* gemm_type is that of the GEMMs found so far */
  StepList **list;
  int n, cap;
} Steps;

/* Checks the plan of the graph, schedules its kernels and inserts barriers; also for the bodies of its scans. After an
 * error, which is reported, the list is empty. */
const StepList *graph_steps(Steps *s, Graph *g);
#endif
