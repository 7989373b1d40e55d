/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the device and pinned memory of the host, each in pages of its own that end at one that cannot be accessed;
 * copies and fills. In the lazy mode host code cannot access memory of the device, and nobody freed memory. */
#define _GNU_SOURCE
#include "codegen/cuda/host/driver_state.h"
#include "codegen/cuda/host/host.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALIGNMENT = 256 };
static Memory *memory; /* by address */
static int nmemory, capacity;
static size_t in_use[MAX_DEVICES];

static size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }
static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }
static unsigned char *pages_of(const Memory *m) { return m->p + round_up(m->bytes, ALIGNMENT) - m->mapped; }

/* The first allocation that begins after p. */
static int after(const void *p) {
  int lo = 0, hi = nmemory;
  while (lo < hi) {
    int mid = (lo + hi) / 2;
    if (memory[mid].p <= (const unsigned char *)p) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}
static Memory *find(const void *p) {
  int i = after(p) - 1;
  return i >= 0 && (const unsigned char *)p < memory[i].p + memory[i].bytes ? &memory[i] : NULL;
}
const Memory *memory_find(const void *p) { return find(p); }

CUresult memory_check(const void *p, size_t bytes, const char *what) {
  const Memory *m = find(p);
  if (!m) return call_refuse(CUDA_ERROR_INVALID_VALUE, "%s %p is not memory of the device", what, p);
  if (m->freed) return call_refuse(CUDA_ERROR_INVALID_VALUE, "%s %p is freed memory", what, p);
  size_t at = (size_t)((const unsigned char *)p - m->p);
  if (bytes > m->bytes - at)
    return call_refuse(CUDA_ERROR_INVALID_VALUE, "%s: %zu bytes at offset %zu of %zu", what, bytes, at, m->bytes);
  if (!m->pinned && m->device != context_current()->device)
    return call_refuse(CUDA_ERROR_INVALID_VALUE, "%s %p is memory of device %d", what, p, m->device);
  return CUDA_SUCCESS;
}

/* ---- protection ---- */

static void protect(const Memory *m, bool access) {
  mprotect(pages_of(m), m->mapped, access ? PROT_READ | PROT_WRITE : PROT_NONE);
}
void memory_open(bool open) {
  if (!driver_mode.lazy) return;
  for (int i = 0; i < nmemory; i++)
    if (!memory[i].pinned && !memory[i].freed) protect(&memory[i], open);
}

/* Says what was accessed; then the fault takes its course. */
static void fault(int signal_number, siginfo_t *info, void *context) {
  const Memory *m = find(info->si_addr);
  (void)context;
  if (m)
    fprintf(stderr, "an access to %s memory, %p, outside of the driver's work\n", m->freed ? "freed" : "the device's",
            info->si_addr);
  signal(signal_number, SIG_DFL);
}
static void watch_faults(void) {
  static bool done;
  struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
  if (driver_mode.lazy && !done) sigaction(SIGSEGV, &action, NULL);
  done = true;
}

/* ---- allocation ---- */

static CUresult allocate(void **out, size_t bytes, bool pinned) {
  int device = context_current()->device;
  Memory m = {.bytes = bytes, .mapped = round_up(bytes, page_size()), .pinned = pinned, .device = device};
  if (!bytes) return call_refuse(CUDA_ERROR_INVALID_VALUE, "0 bytes");
  if (!pinned && bytes > driver_mode.bytes - in_use[device]) return CUDA_ERROR_OUT_OF_MEMORY;
  unsigned char *pages =
    mmap(NULL, m.mapped + page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
  m.p = pages + m.mapped - round_up(bytes, ALIGNMENT);
  protect(&m, true);
  memset(m.p, 0xff, bytes);
  watch_faults();
  if (!pinned && driver_mode.lazy) protect(&m, false);
  if (nmemory == capacity) memory = realloc(memory, (size_t)(capacity = 2 * capacity + 16) * sizeof *memory);
  int at = after(m.p);
  memmove(memory + at + 1, memory + at, (size_t)(nmemory++ - at) * sizeof *memory);
  memory[at] = m;
  if (driver_mode.hooks) shadow_add(m.p, bytes, pinned);
  if (!pinned) in_use[device] += bytes;
  *out = m.p;
  call_note(" %zu bytes at %p", bytes, *out);
  return CUDA_SUCCESS;
}

/* Waits for all work, as freeing does. The addresses of the lazy mode are not used again. */
static CUresult release(void *p, bool pinned) {
  CUresult e = work_wait_all(NULL);
  Memory *m = find(p);
  const char *what = pinned ? "pinned memory" : "memory of the device";
  call_note(" %p", p);
  if (!m || m->p != p || m->pinned != pinned)
    return call_refuse(CUDA_ERROR_INVALID_VALUE, "%p is not the beginning of %s", p, what);
  if (m->freed) return call_refuse(CUDA_ERROR_INVALID_VALUE, "%p has been freed before", p);
  if (!pinned) in_use[m->device] -= m->bytes;
  shadow_remove(m->p);
  if (driver_mode.lazy) {
    m->freed = true;
    protect(m, false);
    madvise(pages_of(m), m->mapped, MADV_DONTNEED);
    return e;
  }
  munmap(pages_of(m), m->mapped + page_size());
  nmemory--;
  memmove(m, m + 1, (size_t)(memory + nmemory - m) * sizeof *m);
  return e;
}

void memory_leaks(FILE *out, int *n) {
  for (int i = 0; i < nmemory; i++) {
    if (memory[i].freed) continue;
    fprintf(out, "leak: %zu bytes of %s memory were not freed\n", memory[i].bytes,
            memory[i].pinned ? "pinned" : "device");
    (*n)++;
  }
}

static CUresult mem_get_info(size_t *available, size_t *total) {
  *total = driver_mode.bytes, *available = *total - in_use[context_current()->device];
  return CUDA_SUCCESS;
}
CUresult cuMemGetInfo_v2(size_t *available, size_t *total) { return CALL(mem_get_info(available, total)); }
static CUresult mem_alloc(CUdeviceptr *p, size_t bytes) {
  void *q = NULL;
  TRY(allocate(&q, bytes, false));
  *p = (CUdeviceptr)(uintptr_t)q;
  return CUDA_SUCCESS;
}
CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t bytes) { return CALL(mem_alloc(p, bytes)); }
CUresult cuMemFree_v2(CUdeviceptr p) { return CALL(p ? release((void *)(uintptr_t)p, false) : CUDA_SUCCESS); }
static CUresult mem_host_alloc(void **p, size_t bytes, unsigned flags) {
  if (flags > 7) return call_refuse(CUDA_ERROR_INVALID_VALUE, "flags 0x%x", flags);
  return allocate(p, bytes, true);
}
CUresult cuMemHostAlloc(void **p, size_t bytes, unsigned flags) { return CALL(mem_host_alloc(p, bytes, flags)); }
CUresult cuMemFreeHost(void *p) { return CALL(release(p, true)); }

/* Other memory of the host is no error: the caller wants to know. */
static CUresult pointer_get_attribute(void *value, CUpointer_attribute attribute, CUdeviceptr p) {
  const Memory *m = find((const void *)(uintptr_t)p);
  if (!m || m->freed) return CUDA_ERROR_INVALID_VALUE;
  switch (attribute) {
  case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
    *(unsigned *)value = m->pinned ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
    break;
  case CU_POINTER_ATTRIBUTE_DEVICE_POINTER: *(CUdeviceptr *)value = p; break;
  case CU_POINTER_ATTRIBUTE_HOST_POINTER:
    if (!m->pinned) return CUDA_ERROR_INVALID_VALUE;
    *(void **)value = (void *)(uintptr_t)p;
    break;
  case CU_POINTER_ATTRIBUTE_IS_MANAGED: *(unsigned *)value = 0; break;
  case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL: *(int *)value = m->device; break;
  case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR: *(void **)value = m->p; break;
  case CU_POINTER_ATTRIBUTE_RANGE_SIZE: *(size_t *)value = m->bytes; break;
  default: return call_refuse(CUDA_ERROR_INVALID_VALUE, "attribute %d is not known here", (int)attribute);
  }
  return CUDA_SUCCESS;
}
CUresult cuPointerGetAttribute(void *value, CUpointer_attribute attribute, CUdeviceptr p) {
  return CALL_FREE(pointer_get_attribute(value, attribute, p));
}

/* ---- copies and fills ---- */

/* Memory of the host; if some of it is pinned, all of it must be. */
static CUresult check_host(const void *p, size_t bytes, bool *pinned) {
  const Memory *m = find(p);
  *pinned = m != NULL;
  if (!m) return p ? CUDA_SUCCESS : call_refuse(CUDA_ERROR_INVALID_VALUE, "NULL as memory of the host");
  if (!m->pinned) return call_refuse(CUDA_ERROR_INVALID_VALUE, "%p is memory of the device, not of the host", p);
  return memory_check(p, bytes, "memory of the host");
}

/* From memory of the host that is not pinned, the bytes are taken at the call. */
static CUresult copy_in(CUdeviceptr to, const void *from, size_t bytes, Stream *stream, bool wait) {
  bool pinned;
  Work w = {.kind = WORK_COPY, .to = (unsigned char *)(uintptr_t)to, .from = from, .bytes = bytes, .rows = 1};
  call_note(" %p <- %p, %zu bytes", (void *)w.to, from, bytes);
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;
  if (!bytes) return CUDA_SUCCESS;
  TRY(memory_check(w.to, bytes, "the destination"));
  TRY(check_host(from, bytes, &pinned));
  if (!pinned && driver_mode.lazy) {
    w.staged = true;
    w.from = memcpy(malloc(bytes), from, bytes);
  }
  OpNumber op = work_on(stream, &w);
  return wait && pinned ? work_wait(op) : CUDA_SUCCESS;
}
/* Bytes for memory of the host that is not pinned are there at the return. */
static CUresult copy_out(void *to, CUdeviceptr from, size_t bytes, Stream *stream, bool wait) {
  bool pinned;
  Work w = {.kind = WORK_COPY, .to = to, .from = (const unsigned char *)(uintptr_t)from, .bytes = bytes, .rows = 1};
  call_note(" %p <- %p, %zu bytes", to, (const void *)w.from, bytes);
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;
  if (!bytes) return CUDA_SUCCESS;
  TRY(memory_check(w.from, bytes, "the source"));
  TRY(check_host(to, bytes, &pinned));
  OpNumber op = work_on(stream, &w);
  return wait || !pinned ? work_wait(op) : CUDA_SUCCESS;
}
static CUresult copy_within(CUdeviceptr to, CUdeviceptr from, size_t bytes, Stream *stream) {
  Work w = {.kind = WORK_COPY, .bytes = bytes, .rows = 1};
  w.to = (unsigned char *)(uintptr_t)to, w.from = (const unsigned char *)(uintptr_t)from;
  call_note(" %p <- %p, %zu bytes", (void *)w.to, (const void *)w.from, bytes);
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;
  if (!bytes) return CUDA_SUCCESS;
  TRY(memory_check(w.to, bytes, "the destination"));
  TRY(memory_check(w.from, bytes, "the source"));
  if (w.to < w.from + bytes && w.from < w.to + bytes)
    return call_refuse(CUDA_ERROR_INVALID_VALUE, "source and destination overlap");
  work_on(stream, &w);
  return CUDA_SUCCESS;
}
static CUresult fill(CUdeviceptr to, uint32_t value, int element, size_t n, Stream *stream) {
  Work w = {.kind = WORK_SET, .to = (unsigned char *)(uintptr_t)to, .value = value, .element = element, .rows = 1};
  w.bytes = n * (size_t)element;
  call_note(" %p, %zu bytes", (void *)w.to, w.bytes);
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;
  if (!n) return CUDA_SUCCESS;
  if (to % (unsigned)element) return call_refuse(CUDA_ERROR_INVALID_VALUE, "the destination is not aligned");
  TRY(memory_check(w.to, w.bytes, "the destination"));
  work_on(stream, &w);
  return CUDA_SUCCESS;
}

static Stream *null_stream(void) { return &context_current()->null; }
CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t bytes) {
  return CALL(copy_in(to, from, bytes, null_stream(), true));
}
CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t bytes) {
  return CALL(copy_out(to, from, bytes, null_stream(), true));
}
CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  return CALL(copy_within(to, from, bytes, null_stream()));
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
  return CALL(copy_in(to, from, bytes, stream_get(stream), false));
}
CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return CALL(copy_out(to, from, bytes, stream_get(stream), false));
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return CALL(copy_within(to, from, bytes, stream_get(stream)));
}
CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char value, size_t n) {
  return CALL(fill(to, value, 1, n, null_stream()));
}
CUresult cuMemsetD32_v2(CUdeviceptr to, unsigned value, size_t n) { return CALL(fill(to, value, 4, n, null_stream())); }
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t n, CUstream stream) {
  return CALL(fill(to, value, 1, n, stream_get(stream)));
}
CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t n, CUstream stream) {
  return CALL(fill(to, value, 4, n, stream_get(stream)));
}
