/* SPDX-License-Identifier: Apache-2.0 */
/* Remarks: what passes and code generation did, and what they did not do and why, for --remarks. Off, they cost a test
 * of a bit each. Copies of a module for trials make none. */
#ifndef GRADC_REMARK_H
#define GRADC_REMARK_H
#include "ir.h"

#define REMARK_KINDS(X) \
  X(FUSE, "fuse") \
  X(MEMORY, "memory") \
  X(PRECISION, "precision") \
  X(RECOMPUTE, "recompute") \
  X(GEMM, "gemm")
typedef enum RemarkKind {
#define X(kind, name) REMARK_##kind,
  REMARK_KINDS(X)
#undef X
    REMARK_COUNT
} RemarkKind;
extern const char *const remark_kind[REMARK_COUNT];

static inline bool remarks_on(const Module *m, RemarkKind k) { return m->opt.remarks >> k & 1; }
/* Test remarks_on before computing arguments. */
void remark(Module *m, RemarkKind kind, Loc at, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
const char *remark_node(const Graph *g, Id n); /* "`contract` f32[32,256] of net.linear_1" */
const char *remark_line(const Graph *g, Id n); /* " (line 5)"; "" */
/* By file and line, each once: "m.nn:3: fuse: …" on standard error. */
const char *remarks_text(const Module *m);
#endif
