/* SPDX-License-Identifier: Apache-2.0 */
/* The epilogue of a GEMM, and names that its call has, too. */
#ifndef GRADC_GEMM_EPILOGUE_H
#define GRADC_GEMM_EPILOGUE_H
#include "codegen/text/text.h"

/* Names of residue i and of its first tap. */
const char *gemm_residue_name(Emitter *p, const GemmDesc *g, int i);
const char *gemm_tap_name(Emitter *p, const GemmDesc *g, int i);
const char *gemm_extent_text(Emitter *p, const GemmDesc *g, const GemmAxes *x, int d); /* of axis d of x, which g has */
void gemm_put_args(Str *s, const Epilogue *e); /* the elements of its `args`: pointers to those of the kernel */
/* Prints the function, unless it is there, and returns its name. */
const char *gemm_epilogue_function(Emitter *p, const Kernel *k, const KernelSchedule *schedule);
#endif
