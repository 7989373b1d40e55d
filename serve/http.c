/* SPDX-License-Identifier: Apache-2.0 */
/* Each connection is handled on a thread of libmicrohttpd. A request for the model is queued and its connection
 * suspended, so that no thread waits; the thread of the model resumes it. */
#include "serve/http.h"
#include "serve/http_version.h"
#include "runtime/rt.h"
#ifndef GC_SERVE

bool http_load(char *err) {
  return rt_fail(err, "this program was built without libmicrohttpd, which the server needs\n"
                      "install its headers (on Debian libmicrohttpd-dev) and build gradc again");
}
bool http_start(Server *sv, const char *host, int *port, char *err) {
  (void)sv, (void)host, (void)port;
  return http_load(err);
}
void http_watch(Server *sv) { (void)sv; }
void http_quiesce(Server *sv) { (void)sv; }
void http_stop(Server *sv) { (void)sv; }
const char *http_version(char *err) { return http_load(err) ? "" : NULL; }

#else
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- the library ---- */

// clang-format off
#define FUNCTIONS(F)                                                                                             \
  F(start_daemon) F(stop_daemon) F(quiesce_daemon) F(get_daemon_info) F(suspend_connection) F(resume_connection) \
  F(create_response_from_buffer) F(destroy_response) F(queue_response) F(add_response_header)                    \
  F(lookup_connection_value) F(get_connection_info) F(get_connection_values)
// clang-format on
static struct {
#define F(name) __typeof__(&MHD_##name) name;
  FUNCTIONS(F)
#undef F
} mhd;

static const char LIBRARY[] = "libmicrohttpd.so.12";

bool http_load(char *err) {
  void *lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (!lib)
    return rt_fail(err,
                   "the server needs libmicrohttpd, but %s cannot be loaded\n"
                   "install it (on Debian the package libmicrohttpd12)",
                   LIBRARY);
  bool ok = true;
#define F(f) ok &= (*(void **)&mhd.f = dlsym(lib, "MHD_" #f)) != NULL;
  FUNCTIONS(F)
#undef F
  return ok || rt_fail(err, "%s lacks a function that the server needs", LIBRARY);
}

const char *http_version(char *err) {
  if (!http_load(err)) return NULL;
  void *lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
  const char *(*version)(void) = lib ? (const char *(*)(void))dlsym(lib, "MHD_get_version") : NULL;
  return version ? version() : "";
}

/* ---- requests ---- */

typedef struct Request {
  Server *sv;
  struct MHD_Connection *c;
  double begin;
  Route route;
  JsonText body;
  bool too_large, read, queued; /* read: `infer` is ready to be computed */
  Infer infer;
} Request;

static const char *header(const Request *q, const char *name) {
  return mhd.lookup_connection_value(q->c, MHD_HEADER_KIND, name);
}

typedef struct Reply {
  int status;
  const char *type, *allow;
  size_t head; /* bytes of JSON before binary tensors; 0: there are none */
  JsonText text;
} Reply;

/* Takes the text over. */
static enum MHD_Result send_reply(Request *q, Reply *r) {
  char text[32];
  struct MHD_Response *m = mhd.create_response_from_buffer(r->text.n, r->text.p, MHD_RESPMEM_MUST_FREE);
  if (!m) {
    rt_free(r->text.p);
    return MHD_NO;
  }
  mhd.add_response_header(m, "Content-Type", r->type ? r->type : "application/json");
  if (r->allow) mhd.add_response_header(m, "Allow", r->allow);
  if (r->status == 429) mhd.add_response_header(m, "Retry-After", "1");
  if (q->sv->stopping) mhd.add_response_header(m, "Connection", "close");
  snprintf(text, sizeof text, "%zu", r->head);
  if (r->head) mhd.add_response_header(m, "Inference-Header-Content-Length", text);
  metrics_request(&q->sv->metrics, r->status, rt_now() - q->begin);
  enum MHD_Result ok = mhd.queue_response(q->c, (unsigned)r->status, m);
  mhd.destroy_response(m);
  return ok;
}

static enum MHD_Result send_error(Request *q, int status, const char *text) {
  Reply r = {.status = status, .allow = status != 405 ? NULL : route_is_post(q->route.kind) ? "POST" : "GET, HEAD"};
  protocol_error(text, &r.text);
  return send_reply(q, &r);
}

/* ---- what the server says about itself ---- */

static enum MHD_Result send_info(Request *q) {
  Server *sv = q->sv;
  Reply r = {.status = 200};
  char text[300];
  switch (q->route.kind) {
  case ROUTE_SERVER:
    snprintf(text, sizeof text, "{\"name\":\"gradc\",\"version\":\"%.40s\",\"extensions\":[\"binary_tensor_data\"]}\n",
             sv->m->version ? sv->m->version : "");
    json_puts(&r.text, text);
    break;
  case ROUTE_METRICS:
    r.type = "text/plain; version=0.0.4";
    metrics_text(&sv->metrics, batcher_length(&sv->batcher), atomic_load(&sv->in_flight), &r.text);
    break;
  case ROUTE_MODEL: protocol_model(&sv->served[q->route.served], q->route.name, &r.text); break;
  case ROUTE_LIVE: json_puts(&r.text, "{\"live\":true}\n"); break;
  default:
    json_puts(&r.text, sv->stopping ? "{\"ready\":false}\n" : "{\"ready\":true}\n");
    if (sv->stopping) r.status = 503;
  }
  return send_reply(q, &r);
}

/* ---- calls of the model ---- */

static bool is_type(const char *given, const char *type) {
  size_t n = strlen(type);
  return !strncasecmp(given, type, n) && (!given[n] || given[n] == ';' || given[n] == ' ');
}

/* False: no form that is read. A client that sends no type means JSON, and curl -d says that it is a form. */
static bool body_form(Request *q) {
  const char *type = header(q, "Content-Type"), *coding = header(q, "Content-Encoding");
  q->infer.form = q->route.kind == ROUTE_INFER ? BODY_V2 : BODY_PLAIN;
  if (coding && strcasecmp(coding, "identity") != 0) return false;
  if (!type || is_type(type, "application/json") || is_type(type, "application/x-www-form-urlencoded")) return true;
  if (is_type(type, "application/octet-stream")) return q->infer.form == BODY_V2;
  q->infer.form = BODY_NPY;
  return is_type(type, "application/x-npy") || is_type(type, "application/npy");
}

static void suspend(void *arg) {
  Request *q = arg;
  q->queued = true;
  mhd.suspend_connection(q->c);
}

static void resume(Job *job) {
  Request *q = job->owner;
  mhd.resume_connection(q->c);
}

static enum MHD_Result read_call(Request *q) {
  char err[ERR_TEXT];
  const char *length = header(q, "Inference-Header-Content-Length");
  uint64_t head = q->body.n;
  if (!body_form(q))
    return send_error(q, 415,
                      "the body must be application/json, application/octet-stream with binary tensors, or "
                      "application/x-npy, without a Content-Encoding");
  if (length && (q->infer.form != BODY_V2 || !opt_number(length, &head) || head > q->body.n))
    return send_error(q, 400, "Inference-Header-Content-Length is not a length of the body's JSON");
  q->infer.of = &q->sv->served[q->route.served];
  q->infer.model = q->route.name;
  if (!infer_read(&q->infer, (const unsigned char *)(q->body.p ? q->body.p : ""), q->body.n, (size_t)head, err))
    return send_error(q, 400, err);
  q->read = true; /* libmicrohttpd calls again, see offer() */
  return MHD_YES;
}

/* Not in the call that had the last of the body: libmicrohttpd 0.9.75 would read from the connection when it resumes
 * it, and drop the request of a client that has shut down its writing side. */
static enum MHD_Result offer(Request *q) {
  q->infer.job.done = resume;
  q->infer.job.owner = q;
  if (batcher_offer(&q->sv->batcher, &q->infer.job, suspend, q)) return MHD_YES;
  bool stopping = atomic_load(&q->sv->stopping);
  return send_error(q, stopping ? 503 : 429, stopping ? "the server stops" : "too many requests are waiting");
}

static enum MHD_Result send_result(Request *q) {
  const GcGraph *g = q->infer.of->g;
  int status = q->infer.job.status;
  char text[300];
  if (status == 0 || status == -1) { /* -1: a result is not finite, which the client sees */
    Reply r = {.status = 200};
    r.head = infer_write(&q->infer, &r.text);
    if (q->infer.form == BODY_NPY && g->nout == 1) r.type = "application/x-npy";
    if (r.head) r.type = "application/octet-stream";
    return send_reply(q, &r);
  }
  if (status > 0 && status <= g->nin)
    snprintf(text, sizeof text, "a value of input `%.100s` is out of range (%s0 to %lld)", g->in[status - 1].name,
             g->in[status - 1].nranges ? "by column, of the least " : "", (long long)g->in[status - 1].range - 1);
  else if (status > 0 && status <= g->nin + g->nsizes)
    snprintf(text, sizeof text, "`%.100s` cannot be %lld", g->sizes[status - g->nin - 1],
             (long long)q->infer.job.size[status - g->nin - 1]);
  else snprintf(text, sizeof text, "the model failed with status %d", status);
  return send_error(q, status > 0 && status <= g->nin + g->nsizes ? 400 : 500, text);
}

/* ---- what libmicrohttpd calls ---- */

static enum MHD_Result answer(Request *q, const char *method) {
  RouteKind kind = q->route.kind;
  bool get = !strcmp(method, "GET") || !strcmp(method, "HEAD"), post = !strcmp(method, "POST");
  if (kind == ROUTE_NONE) return send_error(q, 404, "no such path");
  if (q->route.served < 0) return send_error(q, 404, "no such model or version");
  if (!(route_is_post(kind) ? post : get)) return send_error(q, 405, "this path takes another method");
  if (q->too_large) return send_error(q, 413, "the body is too large");
  return route_is_post(kind) ? read_call(q) : send_info(q);
}

static void set_arrival(Server *sv, struct MHD_Connection *c, bool here) {
  const union MHD_ConnectionInfo *info = mhd.get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  if (info && info->socket_context) arrival_set(&sv->arrivals, info->socket_context, here);
}

static enum MHD_Result count_length(void *arg, enum MHD_ValueKind kind, const char *key, const char *value) {
  int *n = arg;
  (void)kind, (void)value;
  *n += !strcasecmp(key, "Content-Length");
  return MHD_YES;
}

/* A declared body that is too large is refused before it is sent. */
static enum MHD_Result first_call(Server *sv, struct MHD_Connection *c, const char *url, void **state) {
  Request *q = rt_alloc(sizeof *q);
  *q = (Request){.sv = sv, .c = c, .begin = rt_now(), .route = route_find(sv, url)};
  *state = q;
  atomic_fetch_add(&sv->in_flight, 1);
  set_arrival(sv, c, false);
  const char *length = header(q, "Content-Length");
  uint64_t n;
  int lengths = 0;
  mhd.get_connection_values(c, MHD_HEADER_KIND, count_length, &lengths);
  if (lengths > 1) return send_error(q, 400, "there are two lengths of the body");
  if (length && opt_number(length, &n) && n > sv->max_body) return send_error(q, 413, "the body is too large");
  return MHD_YES;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *data, size_t *n, void **state) {
  Server *sv = arg;
  Request *q = *state;
  (void)version;
  rt_host = &rt_program; /* of this thread */
  if (!q) return first_call(sv, c, url, state);
  if (q->queued) return send_result(q);
  if (!*n && q->read) return offer(q);
  if (!*n) {
    set_arrival(sv, c, true);
    return answer(q, method);
  }
  if (rt_now() - q->begin > sv->timeout) {
    metrics_request(&sv->metrics, 408, rt_now() - q->begin);
    return MHD_NO; /* closes the connection: an answer is possible only after the body */
  }
  q->too_large |= *n > sv->max_body - q->body.n;
  if (!q->too_large) json_put(&q->body, data, *n);
  *n = 0;
  return MHD_YES;
}

static void on_end(void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code) {
  Server *sv = arg;
  Request *q = *state;
  (void)code;
  if (!q) return;
  rt_host = &rt_program;
  set_arrival(sv, c, false);
  infer_free(&q->infer);
  rt_free(q->body.p);
  rt_free(q);
  *state = NULL;
  atomic_fetch_sub(&sv->in_flight, 1);
}

static void on_connection(void *arg, struct MHD_Connection *c, void **arrival,
                          enum MHD_ConnectionNotificationCode code) {
  Server *sv = arg;
  rt_host = &rt_program;
  const union MHD_ConnectionInfo *info = mhd.get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
  if (code == MHD_CONNECTION_NOTIFY_STARTED && info) *arrival = arrival_open(&sv->arrivals, info->connect_fd);
  else if (*arrival) arrival_close(&sv->arrivals, *arrival);
}

static void no_log(void *arg, const char *fmt, va_list ap) { (void)arg, (void)fmt, (void)ap; }

/* ---- the server ---- */

typedef union Address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
} Address;

/* False: not an address. */
static bool parse_address(const char *host, int port, Address *a) {
  memset(a, 0, sizeof *a);
  if (!strcmp(host, "localhost")) host = "127.0.0.1";
  if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
    a->v4.sin_family = AF_INET;
    a->v4.sin_port = htons((uint16_t)port);
    return true;
  }
  if (inet_pton(AF_INET6, host, &a->v6.sin6_addr) != 1) return false;
  a->v6.sin6_family = AF_INET6;
  a->v6.sin6_port = htons((uint16_t)port);
  return true;
}

bool http_start(Server *sv, const char *host, int *port, char *err) {
  enum { CONNECTIONS = 1024, THREADS = 2, MEMORY = 32 << 10 };
  Address a;
  if (!parse_address(host, *port, &a))
    return rt_fail(err, "--host `%.100s` is not an address, such as 127.0.0.1", host);
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
  if (a.any.sa_family == AF_INET6) flags |= MHD_USE_IPv6;
  errno = 0;
  sv->daemon = mhd.start_daemon(flags, 0, NULL, NULL, on_request, sv, MHD_OPTION_EXTERNAL_LOGGER, no_log, NULL,
                                MHD_OPTION_SOCK_ADDR, &a.any, MHD_OPTION_NOTIFY_COMPLETED, on_end, sv,
                                MHD_OPTION_NOTIFY_CONNECTION, on_connection, sv, MHD_OPTION_CONNECTION_TIMEOUT,
                                (unsigned)sv->timeout, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
                                MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY, MHD_OPTION_THREAD_POOL_SIZE,
                                (unsigned)THREADS, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
  if (!sv->daemon)
    return rt_fail(err, "cannot listen on %.100s, port %d%s%s", host, *port, errno ? ": " : "",
                   errno ? strerror(errno) : "");
  const union MHD_DaemonInfo *info = mhd.get_daemon_info(sv->daemon, MHD_DAEMON_INFO_BIND_PORT);
  if (info) *port = info->port;
  return true;
}

void http_watch(Server *sv) {
  for (int n = arrivals_end_late(&sv->arrivals, sv->timeout + 1); n > 0; n--)
    metrics_request(&sv->metrics, 408, sv->timeout);
}

void http_quiesce(Server *sv) {
  MHD_socket s = mhd.quiesce_daemon(sv->daemon);
  if (s != MHD_INVALID_SOCKET) close(s);
}

void http_stop(Server *sv) { mhd.stop_daemon(sv->daemon); }
#endif
