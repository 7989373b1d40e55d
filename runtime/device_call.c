/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of graphs on a device: inputs and run header are copied there, kernels launched, results and run header copied
 * back. */
#include "device.h"
#include "num.h"
#include "rt.h"
#include <string.h>

enum { IO_ALIGN = 256 };

/* ---- inputs and results ---- */

static size_t port_bytes(const GcGraph *g, const GcPort *p, const int64_t *size) {
  return rt_mul(session_elements(g, p, size), gc_dtype_size[p->dtype]);
}

/* Inputs, then results, each with room for the largest sizes. Sets the offset of each, if `at` is not NULL; returns all
 * bytes. */
static size_t place_ports(const GcGraph *g, size_t *at) {
  size_t n = 0;
  for (int i = 0; i < g->nin + g->nout; i++) {
    const GcPort *p = i < g->nin ? &g->in[i] : &g->out[i - g->nin];
    if (at) at[i] = n;
    n += (port_bytes(g, p, NULL) + IO_ALIGN - 1) / IO_ALIGN * IO_ALIGN;
  }
  return n;
}

static size_t larger(size_t n, const GcGraph *g) {
  size_t k = g && g->fn && g->on_device ? place_ports(g, NULL) : 0;
  return k > n ? k : n;
}

size_t device_io_bytes(const GcModel *m) {
  size_t n = larger(0, m->init);
  for (int i = 0; i < m->ntrain; i++) {
    const GcTrain *t = &m->train[i];
    n = larger(larger(larger(larger(n, t->step), t->pass), t->update), t->eval);
  }
  for (int i = 0; i < m->nexports; i++) n = larger(n, &m->exports[i]);
  return n;
}

bool device_has(Device *dev, const void *p) {
  enum { MEMORY_TYPE = 2, DEVICE_MEMORY = 2 }; /* CUpointer_attribute, CUmemorytype */
  unsigned type = 0;
  return dev->any_memory && p && !dev->api.cuPointerGetAttribute(&type, MEMORY_TYPE, (uint64_t)(uintptr_t)p) &&
         type == DEVICE_MEMORY;
}

/* Kernels can use it where it is: memory of this GPU, aligned as they require. */
static bool in_place(Device *dev, const void *p) {
  enum { ORDINAL = 9, ALIGNMENT = 16 };
  int number = -1;
  return device_has(dev, p) && (uintptr_t)p % ALIGNMENT == 0 &&
         !dev->api.cuPointerGetAttribute(&number, ORDINAL, (uint64_t)(uintptr_t)p) && number == dev->number;
}

static void *at_device(uint64_t p) { return (void *)(uintptr_t)p; }
static uint64_t device_at(const void *p) { return (uint64_t)(uintptr_t)p; }

/* Copies inputs to a slot that no call uses, but for those that are used where they are. */
static void fill(Device *dev, Slot *s, const GcGraph *g, const size_t *at, const void *const *in, const int64_t *size) {
  for (int i = 0; i < g->nin; i++) {
    size_t n = port_bytes(g, &g->in[i], size);
    unsigned char *staging = (unsigned char *)s->staging + at[i];
    bool here = in_place(dev, in[i]);
    s->address[i] = here ? (void *)(uintptr_t)in[i] : at_device(s->io + at[i]);
    if (!n || here) continue;
    if (device_has(dev, in[i])) {
      DEVICE_CALL(dev, cuMemcpyDtoDAsync_v2, s->io + at[i], device_at(in[i]), n, dev->copies);
      continue;
    }
    memcpy(staging, in[i], n);
    DEVICE_CALL(dev, cuMemcpyHtoDAsync_v2, s->io + at[i], staging, n, dev->copies);
  }
  if (g->nin) DEVICE_CALL(dev, cuEventRecord, s->copied, dev->copies);
}

/* Where a call stores its results; out NULL: it has none. */
static void place_results(Device *dev, Slot *s, const GcGraph *g, const size_t *at, void *const *out) {
  for (int i = 0; i < g->nout; i++)
    s->address[g->nin + i] = out && in_place(dev, out[i]) ? out[i] : at_device(s->io + at[g->nin + i]);
}

/* Results that are not yet where the caller wants them. */
static void fetch_results(Device *dev, const Slot *s, const GcGraph *g, void *const *out, const int64_t *size) {
  for (int i = 0; i < g->nout; i++) {
    size_t n = port_bytes(g, &g->out[i], size);
    uint64_t from = device_at(s->address[g->nin + i]);
    if (!n || from == device_at(out[i])) continue;
    if (device_has(dev, out[i])) DEVICE_CALL(dev, cuMemcpyDtoDAsync_v2, device_at(out[i]), from, n, dev->stream);
    else DEVICE_CALL(dev, cuMemcpyDtoHAsync_v2, out[i], from, n, dev->stream);
  }
}

void device_copy(Device *dev, void *to, const void *from, size_t n) {
  bool to_device = device_has(dev, to), from_device = device_has(dev, from);
  if (!n) return;
  DEVICE_CALL(dev, cuCtxSetCurrent, dev->context);
  if (to_device && from_device) DEVICE_CALL(dev, cuMemcpyDtoDAsync_v2, device_at(to), device_at(from), n, dev->stream);
  else if (to_device) DEVICE_CALL(dev, cuMemcpyHtoDAsync_v2, device_at(to), from, n, dev->stream);
  else if (from_device) DEVICE_CALL(dev, cuMemcpyDtoHAsync_v2, to, device_at(from), n, dev->stream);
  else memcpy(to, from, n);
  device_wait(dev);
}

/* ---- calls ---- */

static int32_t *status_of(const Session *sess) {
  return (int32_t *)(void *)((char *)sess->mem + sess->m->device->status_offset);
}

/* The status of a size out of its range; 0: there is none. */
static int check_sizes(const GcGraph *g, const int64_t *size) {
  for (int i = 0; i < g->nsizes; i++)
    if (size[i] < 0 || size[i] > g->size_bound[i]) return g->nin + 1 + i;
  return 0;
}

static void head_up(Session *sess, const Slot *s) {
  Device *dev = sess->dev;
  *status_of(sess) = 0;
  memcpy(s->head, sess->mem, sess->m->head_bytes);
  DEVICE_CALL(dev, cuMemcpyHtoDAsync_v2, dev->mem, s->head, sess->m->head_bytes, dev->stream);
}

/* Once the call in a slot is done: the run header. That which init sets is the host's. */
static int head_down(Session *sess, const GcGraph *g, const Slot *s) {
  GcRun keep = *sess->run;
  DEVICE_CALL(sess->dev, cuEventSynchronize, s->done);
  memcpy(sess->mem, s->head, sess->m->head_bytes);
  if (g == sess->m->init) *sess->run = keep;
  return *status_of(sess);
}

/* Enqueues a call whose inputs are in a slot, or on their way there. */
static int begin(Session *sess, const GcGraph *g, GcCall *c, int slot) {
  Device *dev = sess->dev;
  Slot *s = &dev->slot[slot];
  if (g->nin) DEVICE_CALL(dev, cuStreamWaitEvent, dev->stream, s->copied, 0);
  c->mem = (void *)(uintptr_t)dev->mem;
  c->in = (const void *const *)s->address;
  c->out = s->address + g->nin;
  c->seed = sess->run->seed;
  dev->newer = true;
  dev->current = slot;
  s->full = false;
  int status = device_enqueue(dev, g, c);
  device_profile_end(sess);
  DEVICE_CALL(dev, cuMemcpyDtoHAsync_v2, s->head, dev->mem, sess->m->head_bytes, dev->stream);
  DEVICE_CALL(dev, cuEventRecord, s->done, dev->stream);
  return status;
}

static bool repeats(const Session *sess, const GcGraph *g) { return g->again && *session_scalar(sess, g->again) != 0; }

int device_call(Session *sess, const GcGraph *g, GcCall *c) {
  Device *dev = sess->dev;
  Slot *s = &dev->slot[dev->current];
  void *const *out = c->out;
  int status = check_sizes(g, c->size);
  if (status) return status;
  size_t *at = rt_array((size_t)(g->nin + g->nout) + 1, sizeof *at);
  place_ports(g, at);
  DEVICE_CALL(dev, cuCtxSetCurrent, dev->context);
  fill(dev, s, g, at, c->in, c->size);
  place_results(dev, s, g, at, out);
  uint32_t step = sess->run->step;
  int after;
  do {
    sess->run->step = step;
    head_up(sess, s);
    status = begin(sess, g, c, dev->current);
    if (!status) fetch_results(dev, s, g, out, c->size);
    after = head_down(sess, g, s);
  } while (!status && !after && repeats(sess, g));
  device_wait(dev);
  rt_free(at);
  return status ? status : after;
}

/* ---- training ---- */

/* Fills the slot with the records from `at` on in this step, if it does not hold them. False: there are none. */
static bool prepare(Session *sess, int slot, const GcGraph *g, const size_t *place, FieldsFn *fields, void *arg,
                    uint64_t at) {
  Slot *s = &sess->dev->slot[slot];
  if (s->full && s->step == sess->run->step && s->at == at) return true;
  const void *const *in = fields(arg, at, (uint64_t)sess->t->batch);
  if (!in) return false;
  fill(sess->dev, s, g, place, in, g->size_bound);
  s->full = true;
  s->step = sess->run->step;
  s->at = at;
  return true;
}

/* The run header is the device's from one step to the next, unless the host changes it: it averages over microbatches,
 * looks at the loss scale, or repeats the step. */
static bool may_run_ahead(const Session *sess, const GcGraph *g) {
  return sess->t->accumulate <= 1 && !sess->t->scale && !sess->dev->wait && !g->again;
}

static int begin_train(Session *sess, const GcGraph *g, uint32_t microbatch, int slot, const size_t *place) {
  GcCall c = {.microbatch = microbatch, .size = g->size_bound};
  place_results(sess->dev, &sess->dev->slot[slot], g, place, NULL);
  return begin(sess, g, &c, slot);
}

int device_train(Session *sess, const GcGraph *g, FieldsFn *fields, void *arg, uint32_t microbatch) {
  Device *dev = sess->dev;
  uint64_t records = (uint64_t)sess->t->batch, at = microbatch * records;
  int slot = dev->ahead ? dev->current : !dev->current, status = 0;
  uint32_t step = sess->run->step;
  size_t *place = rt_array((size_t)(g->nin + g->nout) + 1, sizeof *place);
  place_ports(g, place);
  DEVICE_CALL(dev, cuCtxSetCurrent, dev->context);
  if (!dev->ahead) {
    prepare(sess, slot, g, place, fields, arg, at);
    head_up(sess, &dev->slot[slot]);
    status = begin_train(sess, g, microbatch, slot, place);
  }
  dev->ahead = false;
  bool last = (int64_t)microbatch + 1 >= sess->t->accumulate;
  if (!status && prepare(sess, !slot, g, place, fields, arg, at + records)) {
    Slot *next = &dev->slot[!slot];
    if (last) next->step++, next->at = 0;
    dev->ahead = last && may_run_ahead(sess, g);
    if (dev->ahead) status = begin_train(sess, g, microbatch, !slot, place);
  }
  int after = head_down(sess, g, &dev->slot[slot]);
  while (!status && !after && repeats(sess, g)) {
    sess->run->step = step;
    head_up(sess, &dev->slot[slot]);
    status = begin_train(sess, g, microbatch, slot, place);
    after = head_down(sess, g, &dev->slot[slot]);
  }
  rt_free(place);
  if (!status) status = after;
  if (!status) return 0;
  device_wait(dev);
  dev->ahead = false;
  dev->slot[0].full = dev->slot[1].full = false; /* the step may be tried again with other records */
  return status;
}
