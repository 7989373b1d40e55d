/* SPDX-License-Identifier: Apache-2.0 */
/* A graph as a list of launches of kernels, with what each must follow: data from which a target prints calls, or fills
 * the tables of a runtime. Every nest of a kernel is a launch, or those of its form. */
#ifndef GRADC_LAUNCH_H
#define GRADC_LAUNCH_H
#include "codegen/cuda/form.h"
#include "codegen/hazard.h"
#include "codegen/step.h"

typedef enum LaunchKind {
  LAUNCH_BEGIN, /* init: sets the run header */
  LAUNCH_CHECK, /* sets the status if an input is refused */
  LAUNCH_NEST,
  LAUNCH_SCAN,      /* the launches of the body, for each iteration */
  LAUNCH_LOSS_TEST, /* sets the status if the loss is not finite */
  LAUNCH_COUNT      /* counts the step or the call */
} LaunchKind;

typedef struct Launch {
  LaunchKind kind;
  const Step *step;             /* of nests, scans and loss tests */
  const NestSchedule *schedule; /* of a nest */
  const Form *form;             /* of a nest: how it runs */
  LaunchShape shape;
  const void *plan; /* what the form has decided */
  int part;         /* the number of this launch among those of the form */
  KArg *arg;
  int narg, caparg;  /* of a nest: those of the kernel's arguments that it uses */
  bool guarded;      /* it writes weights or states, which a status other than 0 prevents */
  bool counts_calls; /* its random numbers are those of the call that the run header counts */
  int *wait;
  int nwait, capwait; /* launches that it must follow; those that are implied by others are left out */
} Launch;

typedef struct LaunchList {
  const StepList *steps;
  Launch *launch;
  int n, cap;
  int64_t scratch; /* bytes of scratch memory: the most that a form needs */
} LaunchList;

typedef struct Launches {
  Steps *steps;
  bool plain; /* only plain forms */
  LaunchList **list;
  int n, cap;
  int64_t scratch; /* of all lists */
} Launches;

/* The offset in the model's memory of the scratch memory, which follows the arena. */
int64_t launch_scratch_at(const Module *m);

/* The list of a graph, and of the bodies of its scans, made at first use. Reports what has no launch. */
const LaunchList *graph_launches(Launches *l, Graph *g);
#endif
