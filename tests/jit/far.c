/* SPDX-License-Identifier: Apache-2.0 */
/* An mmap for LD_PRELOAD that puts each anonymous mapping 3 GiB after the one before, as in a process whose address
 * space has large mappings. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *mmap(void *at, size_t n, int access, int flags, int fd, off_t offset) {
  static unsigned long next = 0x100000000000;
  if (flags & MAP_ANONYMOUS && !(flags & MAP_FIXED)) {
    at = (void *)__atomic_fetch_add(&next, (n + (3ul << 30)) & ~0xFFFFul, __ATOMIC_RELAXED);
    flags |= MAP_FIXED_NOREPLACE;
  }
  return (void *)syscall(SYS_mmap, at, n, access, flags, fd, offset);
}
