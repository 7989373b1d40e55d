/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that -fsanitize=thread calls at each access to memory. Kernels with checks are compiled with it, and
 * linked with these instead of the compiler's library. */
#include "codegen/cuda/host/host.h"

bool hooked, checking;

void access_here(const void *p, int bytes, bool write, const void *pc) {
  if (!checking) return;
  if (shadow_access(p, bytes, write, GENERIC, NULL) && pc) traffic_log(p, bytes, pc);
}
static void hook(const void *p, int bytes, bool write, const void *pc) {
  if (!checking || !block) return;
  if (shadow_access(p, bytes, write, GENERIC, pc) && bytes <= 16) traffic_log(p, bytes, pc);
}

#pragma GCC visibility push(default)
#define HOOK(name, bytes, write) \
  void __tsan_##name(const void *p); \
  void __tsan_##name(const void *p) { hook(p, bytes, write, CALLER); }
#define HOOKS(n) \
  HOOK(read##n, n, false) \
  HOOK(write##n, n, true) \
  HOOK(unaligned_read##n, n, false) \
  HOOK(unaligned_write##n, n, true)
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)

void __tsan_read_range(const void *p, long n);
void __tsan_read_range(const void *p, long n) { hook(p, (int)n, false, CALLER); }
void __tsan_write_range(const void *p, long n);
void __tsan_write_range(const void *p, long n) { hook(p, (int)n, true, CALLER); }
void *__tsan_memcpy(void *to, const void *from, size_t n);
void *__tsan_memcpy(void *to, const void *from, size_t n) { return memcpy(to, from, n); }
void *__tsan_memset(void *to, int c, size_t n);
void *__tsan_memset(void *to, int c, size_t n) { return memset(to, c, n); }
void __tsan_init(void);
void __tsan_init(void) { hooked = true; }
void __tsan_func_entry(void *pc);
void __tsan_func_entry(void *pc) { (void)pc; }
void __tsan_func_exit(void *pc);
void __tsan_func_exit(void *pc) { (void)pc; }
