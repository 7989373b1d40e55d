#define _GNU_SOURCE
#include "codegen/jit/image.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The descriptor stays open as long as the object does: the loader knows objects by their names, and the next one that
 * got this number would be taken for this one. */
struct Image { void *handle; int fd; };

static int memory_file(const char *p, size_t n) { /* -1: errno */
  int fd = memfd_create("gradc", MFD_CLOEXEC);
  while (fd >= 0 && n) {
    ssize_t k = write(fd, p, n);
    if (k < 0 && errno != EINTR) {
      close(fd);
      return -1;
    }
    if (k > 0) p += k, n -= (size_t)k;
  }
  return fd;
}

Image *image_load(const void *p, size_t n, JitError *error) {
  char path[40];
  Image *i = malloc(sizeof *i);
  *error = (JitError){0};
  if (!i) return NULL;
  i->fd = memory_file(p, n);
  snprintf(path, sizeof path, "/proc/self/fd/%d", i->fd);
  i->handle = i->fd >= 0 ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  if (i->handle) return i;
  const char *why = i->fd < 0 ? strerror(errno) : dlerror();
  *error = (JitError){JIT_SYSTEM, strdup(why ? why : "dlopen failed")};
  if (i->fd >= 0) close(i->fd);
  free(i);
  return NULL;
}

void *image_symbol(const Image *i, const char *name) { return dlsym(i->handle, name); }

void image_free(Image *i) {
  if (!i) return;
  dlclose(i->handle);
  close(i->fd);
  free(i);
}
