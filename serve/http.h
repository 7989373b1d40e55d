/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP by libmicrohttpd, which is loaded when a server starts: a program that does not serve needs neither the library
 * nor sockets. */
#ifndef GRADC_SERVE_HTTP_H
#define GRADC_SERVE_HTTP_H
#include "serve/arrival.h"
#include "serve/protocol.h"
#include <stdatomic.h>

typedef struct Server {
  const GcModel *m;
  Served *served; /* one per export */
  int first;      /* the export that the model's name stands for */
  Batcher batcher;
  Metrics metrics;
  Arrivals arrivals;
  size_t max_body; /* bytes */
  double timeout;  /* seconds that a request may take to arrive, and a connection may be idle */
  atomic_int in_flight;
  atomic_bool stopping;
  struct MHD_Daemon *daemon;
} Server;
bool http_load(char *err);                                           /* the library; false: it is missing */
bool http_start(Server *sv, const char *host, int *port, char *err); /* port 0: receives a free one */
void http_watch(Server *sv);   /* ends requests that take too long to arrive; to be called once a second */
void http_quiesce(Server *sv); /* no new connections */
void http_stop(Server *sv);

/* route.c: paths */
typedef enum RouteKind {
  ROUTE_NONE,
  ROUTE_SERVER,
  ROUTE_LIVE,
  ROUTE_READY,
  ROUTE_METRICS,
  ROUTE_MODEL,
  ROUTE_MODEL_READY,
  ROUTE_INFER,
  ROUTE_PREDICT
} RouteKind;
typedef struct Route {
  RouteKind kind;
  int served;       /* index in Server.served; -1: no such model or version */
  const char *name; /* of it, as messages call it */
} Route;
Route route_find(const Server *sv, const char *path);
bool route_is_post(RouteKind kind);
#endif
