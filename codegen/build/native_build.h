/* SPDX-License-Identifier: Apache-2.0 */
/* From a planned module to C units with compiler flags, and from these to a program. */
#ifndef GRADC_NATIVE_BUILD_H
#define GRADC_NATIVE_BUILD_H
#include "codegen/build/cc_run.h"
#include "codegen/c/native.h"

typedef struct NativeOptions {
  EmitOptions emit;         /* its `native` is ignored: it follows from isa and the module's mode */
  int serial_cycles;        /* as in NativeEmitOptions */
  const char *isa;          /* a row of machine.c, `native`, or a value of -march; NULL: native */
  const char *cflags;       /* additional flags, separated by white space; NULL: none */
  const char *cc;           /* NULL: cc */
  const GemmTuning *tuning; /* used for this machine alone; NULL: none */
  /* Of a DeviceProgram in CUDA: compiles the kernels, and prints gc_images as C. False: reported. */
  bool (*images)(Ctx *c, const Artifacts *a, const void *arg, Str *text);
  const void *images_arg;
  bool foreign; /* the code may be for another machine than this one */
  bool hooks;   /* kernels of the host form are compiled with its checks of memory */
  /* Not NULL: all units are sources in the folder, and this receives their names, each with a newline, and the commands
   * that compile and link them there, as a shell script. */
  struct NativeScript *script;
} NativeOptions;

typedef struct NativeScript {
  Str files, commands;
  bool only; /* the commands are not run */
} NativeScript;

/* The input of the C compiler. `text` is compiled NATIVE_PARTS times, each time with another flag of native_part. */
typedef struct NativeC {
  Str text;
  Str gemm_unit;           /* a separate unit of the GEMM kernels; empty: the module uses none */
  const void *gemm_object; /* the object file of that unit; NULL: it has to be compiled */
  size_t gemm_object_bytes;
  CcArgs flags;                      /* of all units, without -O; element-wise code is never contracted to FMA */
  int machine, nmachine;             /* flags[machine .. + nmachine] select instructions that not every processor has */
  Str device, kernels;               /* as in Artifacts, units of EmitOptions.device; kernels: of the host form */
  CcArgs device_flags, kernel_flags; /* additional ones of these units */
  const void *host_form;             /* the object file that kernels in C are linked with; NULL: there are none */
  size_t host_form_bytes;
  CcArgs gemm_unit_flags; /* additional ones of the GEMM unit, which is contracted in fast mode */
} NativeC;
extern const char *const native_part[NATIVE_PARTS]; /* -DGC_PART=0 ... */

bool native_c(Module *m, const NativeOptions *o, NativeC *to); /* false: reported */
/* Compiles the module in the folder and links it with `runtime` (arguments of the link: files, -I) to the file `out` in
 * the folder. Not CC_OK: reported. */
CcFault native_program(Module *m, const NativeOptions *o, const WorkFolder *f, const CcArgs *runtime, const char *out);
void native_report(Ctx *c, CcResult r); /* reports a failure of the compiler */
#endif
