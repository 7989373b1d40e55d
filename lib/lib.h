/* SPDX-License-Identifier: Apache-2.0 */
/* Internals of the library: heaps, the conversion of failures to errors, and the handles. */
#ifndef GRADC_LIB_H
#define GRADC_LIB_H
#include "codegen/jit/jit.h"
#include "ir/ctx.h"
#include "ir/diag.h"
#include "lib/gradc.h"
#include "runtime/rt.h"
#include "runtime/session.h"
#include <setjmp.h>

/* ---- host_heap.c: memory from the caller's hooks, freed all at once; a heap is the host of the runtime ---- */

typedef struct Chunk Chunk;
typedef struct Message Message; /* an error that the runtime reported */
struct Message {
  Message *next;
  int code;
  char text[];
};
typedef struct HostHeap {
  RtHost host; /* first: the runtime's pointer to the host is one to the heap */
  gradc_alloc alloc;
  Chunk *chunks;
  Message *first, **last;
  jmp_buf *unwind;
  int code; /* the error that ended the call; 0: none */
} HostHeap;

void host_heap_init(HostHeap *h, const gradc_alloc *alloc); /* alloc NULL, or without a function: malloc */
void host_heap_free(HostHeap *h);
void *host_heap_alloc(HostHeap *h, size_t n); /* zeroed; NULL: out of memory */
/* Runs fn with h as the runtime's host. Returns 0, or the code of the error that ended it. */
int host_heap_try(HostHeap *h, void (*fn)(void *arg), void *arg);

/* ---- locale.c: the C locale for the running thread, so that numbers are formatted and read independently of the
 * program's locale ---- */

typedef struct Locale {
  void *before, *c;
} Locale;
Locale locale_begin(void);
void locale_end(Locale l);

/* ---- error.c ---- */

gradc_status status_of(int code);
/* Make an error from the runtime's report to the heap, or from the diagnostics of the Ctx. A failure always has an
 * error: a constant one if memory is out. */
gradc_status error_of_heap(const HostHeap *h, int code, gradc_error **error);
gradc_status error_of_ctx(Ctx *c, const gradc_alloc *alloc, gradc_error **error);
gradc_error *error_warnings(Ctx *c, const gradc_alloc *alloc); /* the warnings of the Ctx; NULL: none */
gradc_status error_out_of_memory(gradc_error **error);
gradc_status error_null(gradc_error **error); /* a handle is NULL */

/* ---- model.c ---- */

struct gradc_model {
  HostHeap heap; /* owns this struct and all that it points to */
  Session sess;
  Jit *jit;
  gradc_info info;
  gradc_error *warnings;
  gradc_tensor *weight, *field, *score; /* score: metrics that are tensors, of evaluations */
  float **scores;                       /* their values by the last evaluation */
  int nscore;
  bool scored; /* there was one */
  gradc_function *export;
};

void model_describe_section(gradc_model *m); /* inspect.c: what the info says of the chosen train section */

/* Runs fn in a temporary heap with the model's hooks. Returns the status. */
gradc_status model_call(const gradc_model *m, void (*fn)(void *arg), void *arg, gradc_error **error);

/* Makes the handle. Takes ownership of jit and warnings, also on failure. device: the number of a GPU; -1: the first.
 */
gradc_status model_start(Jit *jit, const gradc_options *o, int64_t device, gradc_error *warnings, gradc_model **model,
                         gradc_error **error);

/* device.c: the CUDA context that is current for the caller, which a call of a model on a device changes. */
void *device_enter(const gradc_model *m);
void device_leave(const gradc_model *m, void *before);

/* inspect.c: fills the public tables of m, in its heap. */
void model_describe(gradc_model *m);

/* array_check.c: fails with E_ARRAY_MISMATCH if the array does not fit. */
void array_check(const gradc_array *a, const gradc_tensor *t, const int64_t *shape, const char *who);
#endif
