/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the host form's driver: calls, handles, memory, and operations that wait to be executed. One lock is held
 * during a call. */
#ifndef GC_HOST_DRIVER_STATE_H
#define GC_HOST_DRIVER_STATE_H
#pragma GCC visibility push(default)
#include "codegen/cuda/device_host.h"
#include "codegen/cuda/host/driver.h"
#pragma GCC visibility pop
#include "codegen/cuda/host/cu.h"
#include <stdbool.h>

enum { MAX_DEVICES = 8, DYNAMIC_SHARED = 48 << 10, SHARED_OPTIN = 227 << 10 };

/* ---- driver_call.c ---- */

/* Modes, from the environment at the first call. */
typedef struct Modes {
  bool lazy;    /* GC_DRIVER_LAZY: work is executed as late as synchronisation permits */
  bool hooks;   /* GC_HOOKS: memory is known to the checks of kernels that have the hooks */
  bool leaks;   /* GC_DRIVER_LEAKS: what is left at exit is an error */
  int devices;  /* GC_DRIVER_DEVICES */
  size_t bytes; /* GC_DRIVER_BYTES: memory of each device */
} Modes;
extern Modes driver_mode;
extern bool driver_ready; /* cuInit has been called */

CUresult call_begin(const char *function, bool in_context);
CUresult call_end(CUresult result);
__attribute__((format(printf, 1, 2))) void call_note(const char *format, ...); /* arguments, for the log */
/* Prints what is wrong with the call, and returns its error. */
__attribute__((format(printf, 2, 3))) CUresult call_refuse(CUresult error, const char *format, ...);
const char *call_name(void);

/* The body of a function of the API: within the lock, unless the call is to fail. FREE: it needs no context. */
#define CALL_BODY(in_context, call) \
  ({ \
    CUresult begun = call_begin(__func__, in_context); \
    call_end(begun ? begun : (call)); \
  })
#define CALL(call) CALL_BODY(true, call)
#define CALL_FREE(call) CALL_BODY(false, call)
#define TRY(call) \
  do { \
    CUresult tried = call; \
    if (tried) return tried; \
  } while (0)

/* ---- driver_handle.c: handles are numbers, so that destroyed and foreign ones are known. ---- */

typedef enum HandleKind {
  H_FREE,
  H_CONTEXT,
  H_STREAM,
  H_EVENT,
  H_MODULE,
  H_FUNCTION,
  H_GRAPH,
  H_NODE,
  H_EXEC,
  H_LT,
  H_LT_DESC,
  H_LT_LAYOUT,
  H_LT_PREFERENCE
} HandleKind;
void *handle_new(HandleKind kind, void *object);
void *handle_find(HandleKind kind, const void *handle); /* NULL: not a live handle of this kind */
void *handle_get(HandleKind kind, const void *handle);  /* the same, and says so */
void handle_drop(const void *handle);
void handle_leaks(FILE *out, int *n);

/* ---- driver_device.c ---- */

typedef uint64_t OpNumber; /* operations in the order of issue; 0: none */
typedef struct Stream {
  struct Context *context;
  bool blocking;
  OpNumber last;
  struct Stream *next;
} Stream;
typedef struct Context {
  CUcontext handle;
  int device, retained;
  CUresult error; /* of work that failed; stays */
  Stream null;
  Stream *streams;
} Context;
Context *context_current(void);

/* ---- driver_memory.c ---- */

typedef struct Memory {
  unsigned char *p;
  size_t bytes, mapped;
  bool pinned, freed; /* pinned: of the host */
  int device;
} Memory;
const Memory *memory_find(const void *p); /* the allocation that holds this byte, freed ones too, or NULL */
void memory_open(bool open);              /* lazy: host code cannot access device memory */
void memory_leaks(FILE *out, int *n);
/* A device (or pinned) pointer to so many bytes that this context can access, or the error. */
CUresult memory_check(const void *p, size_t bytes, const char *what);

/* ---- driver_work.c: operations in the order of their issue ---- */

typedef struct Function {
  CUfunction handle;
  Context *context;
  const GcHostKernel *kernel;
  struct Profile *profile;
  int dynamic_shared, nparam;
} Function;

typedef enum WorkKind { WORK_NONE, WORK_LAUNCH, WORK_COPY, WORK_SET, WORK_EVENT } WorkKind;
typedef struct Work {
  WorkKind kind;
  Function *function;
  GcLaunchDims dims;
  void **param; /* one block with the bytes */
  size_t param_bytes;
  unsigned char *to;
  const unsigned char *from;
  size_t bytes, rows, to_pitch, from_pitch; /* of a row */
  uint32_t value;
  int element; /* bytes of a value */
  bool staged; /* from is a copy that the operation frees */
  CUevent event;
} Work;

/* Enqueues; in the eager mode also executes. `after`: operations that it must follow. */
OpNumber work_add(Context *context, const Work *work, bool owned, const OpNumber *after, int nafter);
OpNumber work_on(Stream *stream, const Work *work); /* on a stream */
CUresult work_wait(OpNumber op);                    /* executes what it needs, and it; then the host knows of it */
CUresult work_wait_all(Context *context);           /* NULL: of all contexts */
bool work_query(OpNumber op);                       /* whether it is done; else makes some progress */
void work_drift(void);                              /* random order: something may happen at any call */
int stream_after(Stream *stream, OpNumber **after); /* what the next operation must follow */
uint64_t now_ns(void);

/* ---- driver_stream.c, driver_module.c ---- */

Stream *stream_get(CUstream handle);
void event_reached(CUevent handle);
typedef struct LaunchShape {
  unsigned grid[3], block[3], shared_bytes;
} LaunchShape;
/* Checks a launch, and copies its arguments. */
CUresult launch_make(Work *work, CUfunction handle, const LaunchShape *shape, void **params, void **extra);
Work work_copy(const Work *work); /* with arguments of its own */
CUresult launch_run(const Work *work);
void function_init(Function *f, Context *context, const GcHostKernel *kernel); /* with a handle */
const char *kernel_name(const Function *f); /* also after its module has been unloaded */
void work_free(Work *work);
#endif
