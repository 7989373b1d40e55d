/* Code generation: a planned module becomes C. Needs fuse, order and memory to have run on every graph. Both return
 * false after a report through diag_error. */
#ifndef GRADC_CODEGEN_H
#define GRADC_CODEGEN_H
#include "codegen/kernel.h"
#include "codegen/machine.h"

/* Trained weights: in the program's text, or in a file beside it that NAME_load copies or NAME_map only points to. */
typedef enum WeightsAs { WEIGHTS_EMBED, WEIGHTS_BLOB, WEIGHTS_EXTERN } WeightsAs;

typedef struct EmitOptions {
  const char *version, *flags; /* for the header comment and the model descriptor; NULL: "" */
  /* Text of a file that the compiler carries (ir/prim*.h, codegen/c/gemm.inc), as in ElabOptions. */
  const char *(*carried)(const char *name, size_t *n);
  const char *dir;             /* native: folder that data paths are relative to; NULL: that of Module.file */
  const Machine *machine;      /* native: the vector width; NULL: the generic row */
  const char *header;          /* portable: name of the header file; NULL: NAME.h */
  const void *const *values;   /* portable: trained values per Module.var, dense, row-major in logical shape, in the C
                                  type; NULL: not given. `values` NULL: none is */
  WeightsAs weights_as;
  int serial_cycles;           /* native: kernels of less work are run by one thread; 0: the usual limit; tests: 1 */
  bool contract;               /* native: multiply-adds may be contracted (--fp=fast) */
  Str *sums;                   /* native: gc_contract and its tiles become a unit of their own, the same for all models of
                                  a machine and mode: it goes here, or nothing, where the module calls none of it.
                                  NULL: they stand in the one file */
} EmitOptions;

/* The portable dialect: ISO C99, one .c and one .h. Leaves training out when Module.opt.infer_only. */
bool emit_portable(Module *m, const EmitOptions *o, Str *c_file, Str *h_file);
/* The file of trained weights that such a program loads or maps; empty where they are embedded. */
void emit_weights(Module *m, const EmitOptions *o, Str *file);
/* The native dialect: vector extensions and threads; defines gc_model of runtime/model.h. */
bool emit_native(Module *m, const EmitOptions *o, Str *c_file);
enum { NATIVE_PARTS = 2 }; /* with -DGC_PART=0... that file is so many translation units to be linked */
/* That unit of gc_contract, without a module: what emit_native puts into `sums`. t: f32 or f64; half: contractions of
 * 16-bit floats too. */
void emit_sums(Ctx *c, const EmitOptions *o, DType t, bool half, Str *file);
#endif
