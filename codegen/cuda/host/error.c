/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: what, in which block and thread, and in which line of the kernel. */
#define _GNU_SOURCE
#include "codegen/cuda/host/host.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

GcHost gc_host;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* "FILE:LINE" of code that was compiled with -g, by addr2line; else the offset in its file. */
static void print_place(const void *pc) {
  Dl_info info;
  char command[600], place[256] = "";
  if (!dladdr(pc, &info) || !info.dli_fname) return;
  size_t offset = (size_t)((const char *)pc - (const char *)info.dli_fbase) - 1; /* of the call, not after it */
  snprintf(command, sizeof command, "addr2line -s -e '%s' 0x%zx 2>/dev/null", info.dli_fname, offset);
  FILE *f = popen(command, "r");
  if (f && !fgets(place, sizeof place, f)) place[0] = 0;
  if (f) pclose(f);
  place[strcspn(place, " \n")] = 0;
  if (place[0] && place[0] != '?') fprintf(stderr, ", %s", place);
  else fprintf(stderr, ", %s+0x%zx", info.dli_fname, offset);
}

void error_at(const void *pc, const char *what) {
  pthread_mutex_lock(&lock);
  bool last = ++block->errors == MAX_ERRORS;
  gc_host.errors++;
  if (!gc_host.quiet) {
    fprintf(stderr, "%s: %s (block %d", block->name, what, block->x);
    if (block->y || block->z) fprintf(stderr, ",%d,%d", block->y, block->z);
    fprintf(stderr, ", thread %d", block->current);
    if (pc) print_place(pc);
    else fprintf(stderr, ", line %d", fiber()->line);
    fprintf(stderr, ")\n");
  }
  pthread_mutex_unlock(&lock);
  if (last) fiber_stop();
}

void deadlock(void) {
  pthread_mutex_lock(&lock);
  gc_host.errors++;
  block->stopped = true;
  if (!gc_host.quiet) {
    fprintf(stderr, "%s: deadlock in block %d:\n", block->name, block->x);
    for (int i = 0, line = -1; i < block->threads; i++) {
      const Fiber *f = &block->fiber[i];
      if (!f->done && f->line != line) fprintf(stderr, "  thread %d waits in line %d\n", i, line = f->line);
    }
  }
  pthread_mutex_unlock(&lock);
}
