/* The inside of the library: heaps, calls that end in a value whatever happens, and the handles. */
#ifndef GRADC_LIB_H
#define GRADC_LIB_H
#include "codegen/jit/jit.h"
#include "ir/ctx.h"
#include "ir/diag.h"
#include "lib/gradc.h"
#include "runtime/rt.h"
#include <setjmp.h>

/* ---- heap.c: memory by the caller's hooks, and the runtime's host. A heap is freed as a whole. ---- */

typedef struct Chunk Chunk;
typedef struct Message Message; /* what the runtime said, in order */
struct Message {
  Message *next;
  int code;
  char text[];
};
typedef struct Heap {
  RtHost host; /* first: the runtime knows the heap by it */
  gradc_alloc alloc;
  Chunk *chunks;
  Message *first, **last;
  jmp_buf *unwind;
  int code;    /* that ended the call */
} Heap;

void heap_init(Heap *h, const gradc_alloc *alloc); /* alloc NULL, or without a function: malloc */
void heap_free(Heap *h);
void *heap_get(Heap *h, size_t n);                 /* zeroed; NULL: out of memory */
/* fn with h as the runtime's host. 0, or the code that the runtime gave up with: 660 when memory ran out. */
int heap_try(Heap *h, void (*fn)(void *arg), void *arg);

/* ---- locale.c: numbers are written and read as in C, whatever the program's locale. For the running thread. ---- */

typedef struct Locale { void *before, *c; } Locale;
Locale locale_begin(void);
void locale_end(Locale l);

/* ---- error.c ---- */

enum { E_CALL = 801, E_ARRAY = 802, E_SIZES = 803, E_NAME = 804 }; /* rt_die in a heap_try raises them too */
gradc_status status_of(int code);
/* Of what the runtime said into the heap; of what was reported in the Ctx (warnings: only those, and only if there are
 * any). Never NULL for a failure: where memory ran out, too, it is an error that says so. */
gradc_status error_of_heap(const Heap *h, int code, gradc_error **error);
gradc_status error_of_ctx(Ctx *c, const gradc_alloc *alloc, gradc_error **error);
gradc_error *error_warnings(Ctx *c, const gradc_alloc *alloc);
gradc_status error_out_of_memory(gradc_error **error);
gradc_status error_null(gradc_error **error);      /* a handle is NULL */

/* ---- model.c ---- */

struct gradc_model {
  Heap heap; /* with this struct, and all that it points to */
  App app;
  Jit *jit;
  gradc_info info;
  gradc_error *warnings;
  gradc_tensor *weight, *field;
  gradc_function *export;
};

/* fn in a heap of its own, with the model's hooks; the status. */
gradc_status model_call(const gradc_model *m, void (*fn)(void *arg), void *arg, gradc_error **error);

/* Takes over jit and warnings, whether or not the model is made. */
gradc_status model_start(Jit *jit, const gradc_options *o, gradc_error *warnings, gradc_model **model,
                        gradc_error **error);

/* inspect.c: fills the tables of m, in its heap. */
void model_describe(gradc_model *m);

/* array.c. Wrong arrays die, by E_ARRAY. */
void array_check(const gradc_array *a, const gradc_tensor *t, const int64_t *shape, const char *who);
#endif
