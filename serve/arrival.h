/* SPDX-License-Identifier: Apache-2.0 */
/* Connections whose request has not arrived. libmicrohttpd ends those that are silent; a client that sends a byte now
 * and then is ended here. */
#ifndef GRADC_SERVE_ARRIVAL_H
#define GRADC_SERVE_ARRIVAL_H
#include <pthread.h>
#include <stdbool.h>

typedef struct Arrival {
  int socket;
  bool here;    /* its request has arrived */
  double since; /* else: rt_now() at the beginning of the connection, the last answer, or the end of the head */
  struct Arrival *prev, *next;
} Arrival;
typedef struct Arrivals {
  pthread_mutex_t lock;
  Arrival *first;
} Arrivals;
void arrivals_begin(Arrivals *all);
void arrivals_end(Arrivals *all);
Arrival *arrival_open(Arrivals *all, int socket);
void arrival_close(Arrivals *all, Arrival *a); /* before the socket is closed */
void arrival_set(Arrivals *all, Arrival *a, bool here);
int arrivals_end_late(Arrivals *all, double limit); /* those that wait for longer; their number */
#endif
