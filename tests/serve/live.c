/* SPDX-License-Identifier: Apache-2.0 */
/* Linked into a server with the address sanitizer: on SIGUSR1 it prints `live N`, the bytes that are allocated and not
 * freed, of libmicrohttpd too. Unlike the memory of the process they do not depend on what an allocator keeps. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

size_t __sanitizer_get_current_allocated_bytes(void); /* of the sanitizer; some compilers lack its header */

static void *answer(void *set) {
  for (int got; !sigwait(set, &got);) fprintf(stderr, "live %zu\n", __sanitizer_get_current_allocated_bytes());
  return NULL;
}

__attribute__((constructor)) static void begin(void) {
  static sigset_t set;
  sigset_t all, before;
  pthread_t thread;
  sigfillset(&all); /* the thread takes no other signal, and no other thread this one */
  pthread_sigmask(SIG_BLOCK, &all, &before);
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&before, SIGUSR1);
  pthread_create(&thread, NULL, answer, &set);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}
