/* SPDX-License-Identifier: Apache-2.0 */
/* Code generation: from a planned module, on which fuse, order and memory have run, to the text of a program. */
#ifndef GRADC_CODEGEN_H
#define GRADC_CODEGEN_H
#include "codegen/launch_cost.h"
#include "codegen/target.h"

/* Where trained weights are: in the program's text, in a file that NAME_load copies, or in one that NAME_map uses in
 * place. */
typedef enum WeightsAs { WEIGHTS_EMBED, WEIGHTS_BLOB, WEIGHTS_EXTERN } WeightsAs;

/* A program that runs on a device: the native target prints gc_model and what the host needs, another unit has
 * gc_device and the functions of the other graphs. */
typedef struct DeviceProgram {
  bool host_form;    /* kernels are compiled by the C compiler, over the host form (docs/cuda_host.md) */
  const char *nodes; /* rows of GcModel.nodes that the other unit refers to; the CUDA target sets them */
  int nnodes;
} DeviceProgram;

typedef struct ClassNames { /* of a field of data, by number */
  const char *field, **name;
  int n;
} ClassNames;

typedef struct EmitOptions {
  const char *version, *flags; /* for the header comment and the model descriptor; NULL: "" */
  /* Text of a built-in file (prim/prim*.h, codegen/c/gemm.inc), as in ElabOptions. */
  const char *(*builtin)(const char *name, size_t *n);
  /* The program's interface. */
  const char *dir;           /* folder that data paths of the descriptor are relative to; NULL: that of Module.file */
  const char *header;        /* name of the header file; NULL: NAME.h */
  const void *const *values; /* per Module.var: its trained values in row-major order, in the C type; NULL: not given.
                                  `values` NULL: none are */
  WeightsAs weights_as;
  const ClassNames *classes; /* for the header */
  int nclasses;
  /* Options of one target. 0: its defaults. */
  bool plain_forms;                       /* of the CUDA target: every kernel has its plain form */
  const struct NativeEmitOptions *native; /* codegen/c/native.h */
  bool profile;                           /* of the native target: with what `bench --profile` measures and prints */
  const DeviceProgram *device;            /* of the CUDA target; NULL: it prints the files of an interface */
} EmitOptions;

/* Some kernels of the CUDA target as a text that compiles alone and includes nothing, for NVRTC. */
typedef struct CudaModule {
  Str text;
  const char **kernel; /* their names */
  int nkernel;
  double cost; /* estimated milliseconds of the compiler */
} CudaModule;

typedef struct Artifacts {
  Str code;      /* the program; of the native target, NATIVE_PARTS translation units in one text (-DGC_PART=0 …) */
  Str header;    /* of the portable target */
  Str weights;   /* the file of trained weights that it loads or maps; empty: there is none */
  Str gemm_unit; /* of the native target, the same for all models of a machine and mode; empty: no matrix products */
  CudaModule *module; /* of the CUDA target: its kernels again, the most costly module first */
  int nmodule;
  LaunchCosts step; /* of the CUDA target */
  Str device;       /* of a DeviceProgram: the unit of the device's graphs */
  Str kernels;      /* of a DeviceProgram over the host form: the unit of its kernels, in C */
} Artifacts;

/* The portable target is ISO C99 and leaves training out when Module.opt.infer_only; the native one has vector
 * extensions and threads, and defines gc_model of runtime/model.h. False after a report through diag_error. */
bool emit_program(Module *m, const Target *t, const EmitOptions *o, Artifacts *a);

/* For a device's project, the text of a function `example` in C99 and C++11, over codegen/c/project/example.h: it
 * trains STEPS steps on made-up values, or calls each export once if the model does not train, and prints losses or
 * results. header: that of the model, after emit_program with target_portable. */
void emit_example(Module *m, const char *header, Str *out);
#endif
