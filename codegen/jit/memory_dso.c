/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "codegen/jit/memory_dso.h"
#include "codegen/build/fd.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The descriptor stays open as long as the object is loaded. The loader identifies objects by path, and another object
 * with the same descriptor number would be taken for this one. */
struct MemoryDso {
  void *handle;
  int fd;
};

static int memory_file(const char *p, size_t n) { /* -1: failed, see errno */
  int fd = memfd_create("gradc", MFD_CLOEXEC);
  if (fd < 0 || fd_write_all(fd, p, n)) return fd;
  close(fd);
  return -1;
}

MemoryDso *memory_dso_load(const void *p, size_t n, JitError *error) {
  char path[40];
  MemoryDso *d = malloc(sizeof *d);
  *error = (JitError){0};
  if (!d) return NULL;
  d->fd = memory_file(p, n);
  snprintf(path, sizeof path, "/proc/self/fd/%d", d->fd);
  d->handle = d->fd >= 0 ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  if (d->handle) return d;
  const char *why = d->fd < 0 ? strerror(errno) : dlerror();
  *error = (JitError){JIT_SYSTEM, strdup(why ? why : "dlopen failed")};
  if (d->fd >= 0) close(d->fd);
  free(d);
  return NULL;
}

void *memory_dso_symbol(const MemoryDso *d, const char *name) { return dlsym(d->handle, name); }

void memory_dso_free(MemoryDso *d) {
  if (!d) return;
  dlclose(d->handle);
  close(d->fd);
  free(d);
}
