/* SPDX-License-Identifier: Apache-2.0 */
/* The device of a model: a GPU, through the CUDA driver API. It holds the model's memory; that of the session is its
 * mirror on the host, of which only what runs on the host (graph_on_device) uses the arena. */
#ifndef GRADC_DEVICE_H
#define GRADC_DEVICE_H
#include "step.h"

typedef struct KernelNode { /* CUDA_KERNEL_NODE_PARAMS_v2 */
  void *function;
  unsigned grid[3], block[3], shared;
  void **args, **extra;
  void *kernel, *context;
} KernelNode;

typedef struct Driver {
#define DRIVER(name, parameters) int(*name) parameters;
#include "driver.def"
#undef DRIVER
} Driver;

/* Memory for the inputs and results of a call. While a call runs, the inputs of the next one are copied to the other
 * slot. */
typedef struct Slot {
  uint64_t io;
  void **address;      /* of each input, then of each result: in the slot, or the caller's memory of the device */
  void *staging;       /* pinned memory, from which inputs are copied */
  void *copied;        /* event: the inputs are there */
  unsigned char *head; /* pinned: the run header on its way to and from a call */
  void *done;          /* event: the run header after the call is there */
  uint64_t step, at;   /* if `full`: they are those of the records from `at` on in this step */
  bool full;
} Slot;

/* The launches of a call, which are the same in each one with the same addresses: a CUDA graph. */
typedef struct Recording {
  const GcGraph *g; /* NULL: a free entry */
  uint32_t microbatch;
  uint64_t addresses;   /* their hash */
  bool refused;         /* it has too many launches, or products of cuBLASLt */
  uint64_t calls, last; /* last: the call of the device that used it last */
  void *exec;           /* NULL: not recorded yet */
} Recording;

/* The launches of a call, measured: event[i] is recorded before launch i, and after the one before it. */
typedef struct DeviceProfile {
  void **event;
  int *kernel, n, cap;
} DeviceProfile;

typedef struct Device {
  GcDeviceCalls calls; /* first: GcCall.device points to it */
  const GcModel *m;
  Driver api;
  char name[96];
  int number;             /* of the GPU, for the driver */
  void *before;           /* the context that was current when it was opened */
  void *context, *stream; /* kernels, and copies of the run header and of results, in the order of this stream */
  void *copies;           /* stream: copies of inputs */
  void **module, **function;
  int nmodule;
  uint64_t mem;    /* the model's memory */
  size_t io_bytes; /* of a slot */
  Slot slot[2];
  int current; /* the slot of the last call */
  bool ahead;  /* which is a training step that the session has not asked for yet; else it is free */
  void *graph; /* which is being recorded; else NULL */
  Recording *recording;
  int nrecording;
  uint64_t calls_made;
  bool any_memory;           /* arrays of calls may be memory of the device */
  bool shared;               /* the caller may write to weights and states, at any time */
  bool newer;                /* weights or states are newer on the device than in the mirror */
  bool wait;                 /* for each launch, to name the kernel that fails (--check-launches) */
  void *library;             /* that the driver is in; NULL: it is in the program */
  int last_launched;         /* kernel; -1: none */
  DeviceProfile *profile;    /* NULL: launches are not measured */
  struct Products *products; /* NULL: the model needs no cuBLASLt */
} Device;

/* device.c */
/* Sets sess->dev, which device_close frees, also if this dies of what keeps the model from running there. */
void device_open(Session *sess);
void device_close(Device *dev); /* dev may be NULL */
/* Dies of a result other than 0. what: the function of the driver. */
void device_check(Device *dev, int result, const char *what);
#define DEVICE_CALL(dev, name, ...) device_check(dev, (dev)->api.name(__VA_ARGS__), #name)
void device_wait(Device *dev);

/* launch.c. Enqueues the launches of a call; its status as far as it is known before. */
int device_enqueue(Device *dev, const GcGraph *g, GcCall *c);
void recordings_make(Device *dev);
void recordings_free(Device *dev);
extern const GcDeviceCalls device_calls; /* launches one by one */

/* device_call.c: graphs with on_device; they return the status. device_train: of a microbatch of a training step; asks
 * `fields` for its records, and while it runs for those after them. If there are some, the next step is begun, too: if
 * this one fails it changes nothing, because kernels that update test the status. */
int device_call(Session *sess, const GcGraph *g, GcCall *c);
int device_train(Session *sess, const GcGraph *g, FieldsFn *fields, void *arg, uint32_t microbatch);
static inline bool device_ahead(const Session *sess) { return sess->dev && sess->dev->ahead; }
size_t device_io_bytes(const GcModel *m);
bool device_has(Device *dev, const void *p); /* p is memory of a GPU; false if arrays cannot be (any_memory) */
/* Copies, once the work of the device is done, and waits. Either address may be memory of the device. */
void device_copy(Device *dev, void *to, const void *from, size_t n);

/* device_profile.c: the time of each kernel in the calls that follow, added to sess->profile at their ends. */
void device_profile_begin(Session *sess);
void device_profile_mark(Device *dev, int kernel); /* before the launch of a kernel */
void device_profile_end(Session *sess);            /* of a call */
const GcGpu *device_peaks(const Session *sess);    /* NULL: they are not known */

/* mirror.c. Without a device they do nothing. `at`: an offset in the model's memory. */
void mirror_down(const Session *sess); /* weights and states: the mirror has those of the device */
void mirror_down_part(const Session *sess, size_t at, size_t n);
void mirror_up(const Session *sess, size_t at, size_t n); /* the device has what was written to the mirror */
#endif
