/* SPDX-License-Identifier: Apache-2.0 */
/* A target as a row of values and functions. 0 means the default: scalar loops that one thread runs. */
#ifndef GRADC_TARGET_H
#define GRADC_TARGET_H
#include "codegen/schedule.h"
#include "passes/analysis/cost_model.h"

struct Artifacts;
struct EmitOptions;
struct Emitter;
struct HelperText;
struct LaneText;
struct LaunchCost;
struct ParallelText;
struct StepCosts;
struct StepText;

/* Columns of a panel of a weight: the same on every machine, so that stored weights do not depend on the machine. */
enum { PANEL_WIDTH = 64 };

typedef struct Target {
  const char *name;
  bool threads;    /* all threads run a graph's function: they partition parallel kernels and wait at barriers */
  bool checks;     /* training graphs have a check mode, which tests what each kernel has stored */
  bool wide_rows;  /* its fast attention reads rows of f32, also of values that have 16 bits (Options.wide_rows) */
  bool row_chunks; /* threads partition rows that are reduced, with scratch (Options.row_chunks) */
  int panel;       /* columns of the panels in which its kernels prefer weights (Options.panel); 0: row-major */

  /* The machines that --isa can name. NULL: the target knows none. */
  bool (*knows_machine)(const char *isa);
  const char *(*machine_list)(Ctx *c); /* all names, for a message */
  /* What the kernels of a step cost on one core; isa NULL: of this machine, at its present clock. False: it was not
   * measured. */
  bool (*step_costs)(Module *m, const char *isa, struct StepCosts *costs);
  const char *(*machine_text)(Ctx *c); /* the machine that gradc runs on: "avx512, 16 f32 in a vector" */

  int (*machine_sm)(const char *machine); /* Options.sm of kernels for a machine */
  /* The predicted time of a launch on a machine; *compute: its arithmetic takes longer than its memory accesses. */
  double (*launch_seconds)(const char *machine, const struct LaunchCost *l, bool *compute);

  void (*emit)(Module *m, const struct EmitOptions *o, struct Artifacts *a); /* prints the files */

  /* Choose lane and parallel axis of a nest; the lane of a GEMM's epilogue. NULL: there are none. */
  void (*schedule_nest)(const Kernel *k, const ScheduleOptions *o, NestSchedule *s);
  void (*schedule_columns)(const Kernel *k, const ScheduleOptions *o, NestSchedule *s);

  const char *kernel_qualifiers, *gemm_qualifiers; /* of the functions of kernels; of those that call a GEMM */
  const char *rolled_loop;                         /* before a loop that is not to be unrolled */
  bool sorts_on_stack;                             /* argsort of keys of 32 bits takes 64 KiB of stack */
  const char *table_qualifiers;                    /* of constant data */
  const char *index_type;                          /* of loops and addresses that may need more than an int */
  const struct StepText *steps;                    /* prints what depends on threads (text/graph.h) */
  const struct LaneText *lanes;                    /* prints what differs along a lane (text/nest.h) */
  const struct ParallelText *parallel;             /* prints the axis that threads partition (text/nest.h) */
  const struct HelperText *helpers;                /* in addition to those of text/helpers.c */
  /* Prints the body of a kernel that is a GEMM. NULL: GEMMs are printed as loops. */
  void (*print_gemm)(struct Emitter *p, const Kernel *k, const KernelSchedule *s, Str *o);
  const char *(*gemm_tile)(Module *m, const GemmDesc *g, DType t,
                           const struct Machine *mc); /* its form, for a remark */
  /* Functions of prim_attend.h in the target's own text, for rows of one type; false: for others. NULL: it has none. */
  bool (*print_row_products)(struct Emitter *p, DType t);
  /* Attention in the target's own form: whether it takes the kernel, and the body. NULL: it is printed as calls of
   * rows. */
  bool (*takes_attention)(const Kernel *k, DType gemm_type);
  void (*print_attention)(struct Emitter *p, const Kernel *k, Str *o);
} Target;

extern const Target target_portable, target_native, target_cuda;

/* What passes plan for the target. In strict mode the memory is that of portable C, whose promise it is. */
static inline void target_set_options(const Target *t, Options *o) {
  o->panel = t->panel;
  o->wide_rows = t->wide_rows;
  o->row_chunks = t->row_chunks && !o->strict;
}
#endif
