/* SPDX-License-Identifier: Apache-2.0 */
/* Streams and events. */
#include "codegen/cuda/host/driver_state.h"
#include <stdlib.h>

typedef struct Event {
  Context *context;
  bool timed;
  OpNumber op; /* the latest record; 0: none */
  uint64_t ns; /* when it was reached */
} Event;

/* A stream of the current context. */
Stream *stream_get(CUstream handle) {
  Context *c = context_current();
  if (!handle || handle == (CUstream)(uintptr_t)1) return &c->null;
  if (handle == (CUstream)(uintptr_t)2) {
    call_refuse(CUDA_ERROR_NOT_SUPPORTED, "there is no stream for each thread here");
    return NULL;
  }
  Stream *s = handle_get(H_STREAM, handle);
  if (!s || s->context == c) return s;
  call_refuse(CUDA_ERROR_INVALID_CONTEXT, "a stream of another context");
  return NULL;
}
#define STREAM(s, handle) \
  Stream *s = stream_get(handle); \
  if (!s) return CUDA_ERROR_INVALID_HANDLE

static CUresult stream_create(CUstream *stream, unsigned flags) {
  Stream *s = calloc(1, sizeof *s);
  Context *c = context_current();
  *s = (Stream){.context = c, .blocking = !(flags & CU_STREAM_NON_BLOCKING), .next = c->streams};
  c->streams = s;
  *stream = handle_new(H_STREAM, s);
  return CUDA_SUCCESS;
}
CUresult cuStreamCreate(CUstream *stream, unsigned flags) { return CALL(stream_create(stream, flags)); }
/* Work that was issued is done nevertheless, at some time. */
static CUresult stream_destroy(CUstream handle) {
  STREAM(stream, handle);
  if (stream == &stream->context->null) return call_refuse(CUDA_ERROR_INVALID_HANDLE, "the null stream stays");
  Stream **at = &stream->context->streams;
  while (*at != stream) at = &(*at)->next;
  *at = stream->next;
  Context *c = stream->context;
  if (stream->blocking) /* for which the null stream waits */
    c->null.last = work_add(c, &(Work){WORK_NONE}, false, (OpNumber[]){c->null.last, stream->last}, 2);
  handle_drop(handle);
  free(stream);
  return CUDA_SUCCESS;
}
CUresult cuStreamDestroy_v2(CUstream handle) { return CALL(stream_destroy(handle)); }

/* An operation after everything on the stream. */
static OpNumber stream_end(Stream *stream) {
  if (stream != &stream->context->null) return stream->last;
  OpNumber *after;
  int n = stream_after(stream, &after);
  return work_add(stream->context, &(Work){WORK_NONE}, false, after, n);
}
static CUresult stream_synchronize(CUstream handle) {
  STREAM(stream, handle);
  return work_wait(stream_end(stream));
}
CUresult cuStreamSynchronize(CUstream handle) { return CALL(stream_synchronize(handle)); }
static CUresult stream_query(CUstream handle) {
  STREAM(stream, handle);
  bool done = work_query(stream_end(stream));
  return done ? stream->context->error : CUDA_ERROR_NOT_READY;
}
CUresult cuStreamQuery(CUstream handle) { return CALL(stream_query(handle)); }

static Event *event_get(CUevent handle) {
  Event *e = handle_get(H_EVENT, handle);
  if (!e || e->context == context_current()) return e;
  call_refuse(CUDA_ERROR_INVALID_HANDLE, "an event of another context");
  return NULL;
}
#define EVENT(e, handle) \
  Event *e = event_get(handle); \
  if (!e) return CUDA_ERROR_INVALID_HANDLE

static CUresult event_create(CUevent *event, unsigned flags) {
  Event *e = calloc(1, sizeof *e);
  e->context = context_current(), e->timed = !(flags & CU_EVENT_DISABLE_TIMING);
  *event = handle_new(H_EVENT, e);
  return CUDA_SUCCESS;
}
CUresult cuEventCreate(CUevent *event, unsigned flags) { return CALL(event_create(event, flags)); }
static CUresult event_destroy(CUevent handle) {
  EVENT(event, handle);
  handle_drop(handle);
  free(event);
  return CUDA_SUCCESS;
}
CUresult cuEventDestroy_v2(CUevent handle) { return CALL(event_destroy(handle)); }
void event_reached(CUevent handle) {
  Event *e = handle_find(H_EVENT, handle);
  if (e) e->ns = now_ns();
}
static CUresult event_record(CUevent handle, CUstream on) {
  EVENT(event, handle);
  STREAM(stream, on);
  event->op = work_on(stream, &(Work){.kind = WORK_EVENT, .event = handle});
  return CUDA_SUCCESS;
}
CUresult cuEventRecord(CUevent handle, CUstream on) { return CALL(event_record(handle, on)); }
/* Later work on the stream follows what the event has recorded by now; an event that never was is no wait. */
static CUresult stream_wait_event(CUstream on, CUevent handle, unsigned flags) {
  STREAM(stream, on);
  EVENT(event, handle);
  if (flags) return call_refuse(CUDA_ERROR_INVALID_VALUE, "flags must be 0");
  if (!event->op) return CUDA_SUCCESS;
  stream->last = work_add(stream->context, &(Work){WORK_NONE}, false, (OpNumber[]){stream->last, event->op}, 2);
  return CUDA_SUCCESS;
}
CUresult cuStreamWaitEvent(CUstream on, CUevent handle, unsigned flags) {
  return CALL(stream_wait_event(on, handle, flags));
}
static CUresult event_synchronize(CUevent handle) {
  EVENT(event, handle);
  return work_wait(event->op);
}
CUresult cuEventSynchronize(CUevent handle) { return CALL(event_synchronize(handle)); }
static CUresult event_query(CUevent handle) {
  EVENT(event, handle);
  return work_query(event->op) ? event->context->error : CUDA_ERROR_NOT_READY;
}
CUresult cuEventQuery(CUevent handle) { return CALL(event_query(handle)); }
static CUresult event_elapsed_time(float *ms, CUevent a, CUevent b) {
  EVENT(from, a);
  EVENT(to, b);
  if (!from->timed || !to->timed) return call_refuse(CUDA_ERROR_INVALID_HANDLE, "an event without timing");
  if (!from->op || !to->op) return call_refuse(CUDA_ERROR_INVALID_HANDLE, "an event that was never recorded");
  if (!work_query(from->op) || !work_query(to->op)) return CUDA_ERROR_NOT_READY;
  *ms = (float)((double)to->ns - (double)from->ns) / 1e6f;
  return CUDA_SUCCESS;
}
CUresult cuEventElapsedTime(float *ms, CUevent a, CUevent b) { return CALL(event_elapsed_time(ms, a, b)); }
