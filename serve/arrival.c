/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* POLLRDHUP */
#include "serve/arrival.h"
#include "runtime/rt.h"
#include <poll.h>
#include <sys/socket.h>

/* libmicrohttpd 0.9.75 sees the end of what a client sends only if it comes apart from the data before it. */
static void see_end(const Arrival *a) {
  struct pollfd p = {.fd = a->socket, .events = POLLRDHUP};
  if (poll(&p, 1, 0) > 0 && p.revents & POLLRDHUP) shutdown(a->socket, SHUT_RD);
}

void arrivals_begin(Arrivals *all) { pthread_mutex_init(&all->lock, NULL); }
void arrivals_end(Arrivals *all) { pthread_mutex_destroy(&all->lock); }

Arrival *arrival_open(Arrivals *all, int socket) {
  Arrival *a = rt_alloc(sizeof *a);
  pthread_mutex_lock(&all->lock);
  *a = (Arrival){.socket = socket, .since = rt_now(), .next = all->first};
  if (a->next) a->next->prev = a;
  all->first = a;
  pthread_mutex_unlock(&all->lock);
  return a;
}

void arrival_close(Arrivals *all, Arrival *a) {
  pthread_mutex_lock(&all->lock);
  if (a->prev) a->prev->next = a->next;
  else all->first = a->next;
  if (a->next) a->next->prev = a->prev;
  pthread_mutex_unlock(&all->lock);
  rt_free(a);
}

void arrival_set(Arrivals *all, Arrival *a, bool here) {
  pthread_mutex_lock(&all->lock);
  a->here = here;
  a->since = rt_now();
  if (!here) see_end(a);
  pthread_mutex_unlock(&all->lock);
}

int arrivals_end_late(Arrivals *all, double limit) {
  double now = rt_now();
  int n = 0;
  pthread_mutex_lock(&all->lock);
  for (Arrival *a = all->first; a; a = a->next) {
    if (!a->here) see_end(a);
    if (a->here || now - a->since <= limit) continue;
    a->here = true;                 /* once */
    shutdown(a->socket, SHUT_RDWR); /* libmicrohttpd then closes it */
    n++;
  }
  pthread_mutex_unlock(&all->lock);
  return n;
}
