/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptor of a natively compiled model, as C tables of runtime/model.h. */
#ifndef GRADC_DESCRIPTOR_H
#define GRADC_DESCRIPTOR_H
#include "codegen/text/text.h"

void text_string(Str *o, const char *s); /* as a C literal; NULL: "" */
/* Adds a line to GcModel.kernels; its index. */
int descriptor_kernel(Emitter *p, const Kernel *k, const KernelSchedule *s, const Rates *rates);
/* Likewise, with these costs; k NULL: a kernel of no nest, of this name. gemm: as of gemm_key. */
int descriptor_row(Emitter *p, const Kernel *k, const char *name, const char *form, const KernelCost *c,
                   const char *gemm);
void descriptor_rows(Emitter *p, Str *o);       /* the lines, and their files: `kernels` and `kernel_files` */
int descriptor_node(Emitter *p, const Node *d); /* adds a row of GcModel.nodes; its number, from 1 */
void descriptor_print(Emitter *p, Str *out);    /* once all graphs are printed, as graph_INDEX */
#endif
