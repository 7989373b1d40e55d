/* SPDX-License-Identifier: Apache-2.0 */
/* The CUDA target: functions of its row, and what it knows beside the Emitter while it prints a module. */
#ifndef GRADC_CUDA_H
#define GRADC_CUDA_H
#include "codegen/cuda/launch.h"
#include "codegen/text/graph.h"
#include "codegen/text/nest.h"

typedef struct CudaKernel {
  const char *name, *params; /* "(const float *x0, float *y0)" */
  const char *comment;       /* "mlp.nn:12: loop: add, max" */
  bool waits;                /* its threads may wait for each other */
} CudaKernel;
typedef struct CudaText {
  Launches launches; /* of all graphs, made before any text */
  Str loops;         /* functions that several kernels call */
  Str checks;        /* device functions and kernels that check inputs */
  Str weights;       /* tables of trained weights, of the host */
  CudaKernel *kernel;
  int nkernel, capkernel; /* all that are printed */
  bool maps;              /* some have tensor maps */
  bool products;          /* some sums are those of cuBLASLt */
} CudaText;

/* module.c */
Emitter *cuda_emitter(Module *m, const EmitOptions *o);
int64_t cuda_bytes(const Emitter *p); /* of device memory, with scratch; once all launches are known */
void emit_cuda(Module *m, const EmitOptions *o, Artifacts *a);
void cuda_schedule_nest(const Kernel *k, const ScheduleOptions *o, NestSchedule *s);
extern const HelperText cuda_helpers[];
extern const ParallelText cuda_parallel;
extern const StepText cuda_steps;

/* gemm_library.c: the call of a launch that a library does. */
void cuda_product(GraphText *c, const Launch *l);

/* kernel.c: the kernel of a launch, made if new; its name. Of a launch that a library does: that of the next one. */
const char *cuda_kernel(Emitter *p, const Launch *l);
/* The kernel with this text, "(params) {\n…}\n", made if new; its name, which ends with `name`. */
const char *cuda_put_kernel(Emitter *p, const char *name, const char *comment, const char *text);
/* The same under this name. */
void cuda_put_named_kernel(Emitter *p, const char *qualifiers, const char *name, const char *comment, const char *text);
/* A function that is called, not expanded, with this name, which its text depends on alone. */
void cuda_put_function(Emitter *p, const char *name, const char *comment, const char *text);
void cuda_put_copies(Emitter *p); /* the kernel of gc_rows, if it is used */
/* Text of C functions as device functions. */
void cuda_device_text(Str *out, const Str *c_text);

/* primitives.c: the functions and macros of device.inc that these texts use, the CUDA half up to the #endif of
 * `#ifdef __CUDACC__`. */
void primitives_print(Emitter *p, const Str *const *user, int n, Str *out);

/* module_cut.c: the kernels as modules, after all graphs are printed. */
void cuda_modules(Emitter *p, Artifacts *a);

/* launch_cost.c: of a step, after all graphs are printed. */
LaunchCosts cuda_launch_costs(Emitter *p);
LaunchCost cuda_nest_cost(Emitter *p, const Launch *l); /* of one launch of a nest */

void cuda_device(Emitter *p, Str *out); /* module.c: all that runs on the device, once all graphs are printed */

/* program.c: a DeviceProgram. */
void emit_cuda_program(Module *m, const EmitOptions *o, Artifacts *a);

/* interface.c */
extern const struct WeightsText cuda_weights;
void cuda_step_graph(Emitter *p, const TrainInfo *t, Str *functions, Str *header); /* NAME_graph */

/* graph.c: the interface's function of a graph; its name. */
const char *cuda_function(Emitter *p, const Graph *g);
void cuda_graph(Emitter *p, Graph *g, Str *functions, Str *header);
void cuda_accumulated(Emitter *p, const TrainInfo *t, Str *functions, Str *header);
#endif
