/* SPDX-License-Identifier: Apache-2.0 */
/* `serve`: answers requests over HTTP. The first thread runs the model; one thread waits for signals; those of
 * libmicrohttpd read and answer requests. */
#include "runtime/io.h"
#include "runtime/run.h"
#include "runtime/safetensors.h"
#include "runtime/checkpoint.h"
#include "serve/http.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct Control {
  Server sv;
  Session *sess;
  sigset_t signals;
  pthread_t thread;
  char *path; /* of the weights; NULL: the model has none */
} Control;

/* ---- a reload, whose failure is reported and changes nothing ---- */

typedef struct Guard {
  RtHost host;
  jmp_buf back;
  void **p; /* the memory since it began */
  size_t n, cap;
} Guard;

static bool keep(Guard *g, void *p) {
  if (g->n == g->cap) {
    void **more = realloc(g->p, (g->cap * 2 + 64) * sizeof *more);
    if (!more) return false;
    g->p = more;
    g->cap = g->cap * 2 + 64;
  }
  g->p[g->n++] = p;
  return true;
}

static void *guard_memory(RtHost *h, void *p, size_t n) {
  Guard *g = (Guard *)h;
  size_t i = g->n;
  while (p && i > 0 && g->p[i - 1] != p) i--;
  if (!n) {
    if (i && p) g->p[i - 1] = g->p[--g->n];
    return rt_program.memory(&rt_program, p, 0);
  }
  void *q = rt_program.memory(&rt_program, p, n);
  if (q && p && i) g->p[i - 1] = q;
  if (!q || p || keep(g, q)) return q;
  return rt_program.memory(&rt_program, q, 0);
}

static void *guard_block(RtHost *h, size_t n) {
  (void)h;
  return rt_program.block(&rt_program, n);
}

static void guard_error(RtHost *h, int code, const char *text) {
  (void)h;
  rt_program.error(&rt_program, code, text);
}

static _Noreturn void guard_quit(RtHost *h, int code) { longjmp(((Guard *)h)->back, code); }

/* Everything is checked before the first weight changes. */
static void read_weights(Control *k) {
  StFile f;
  char err[ERR_TEXT];
  char *path = run_weights(k->sess);
  if (!path) return;
  if (!io_exists(path)) rt_die(E_WEIGHTS_MISSING, "cannot open `%s`", path);
  if (!st_read(path, &f, err)) rt_die(E_WEIGHTS_CORRUPT, "%s", err);
  weights_from_file(k->sess, &f, path, KINDS_KEPT, KIND_BIT(GC_STATE));
  st_free(&f);
  rt_note("reloaded %s", path);
  rt_free(path);
}

static void reload(Batcher *b) {
  Control *k = b->owner;
  Guard g = {.host = {guard_memory, guard_block, guard_error, guard_quit}};
  rt_host = &g.host;
  volatile bool ok = false;
  if (!setjmp(g.back)) {
    read_weights(k);
    ok = true;
  }
  rt_host = &rt_program;
  if (!ok) {
    for (size_t i = 0; i < g.n; i++) free(g.p[i]);
    rt_note("the weights stay as they were");
  }
  free(g.p);
  metrics_reload(&k->sv.metrics, ok);
}

/* ---- signals ---- */

/* No new connections; requests that have begun are answered, then the thread of the model ends. */
static void stop(Control *k) {
  const struct timespec moment = {.tv_nsec = 5000000};
  double end = rt_now() + k->sv.timeout + 5;
  atomic_store(&k->sv.stopping, true);
  http_quiesce(&k->sv);
  while (atomic_load(&k->sv.in_flight) > 0 && rt_now() < end) {
    http_watch(&k->sv);
    int again = sigtimedwait(&k->signals, NULL, &moment);
    if (again == SIGINT || again == SIGTERM) _exit(128 + again);
  }
  batcher_ask(&k->sv.batcher, &k->sv.batcher.stop);
}

static void *control(void *arg) {
  Control *k = arg;
  const struct timespec second = {.tv_sec = 1};
  rt_host = &rt_program;
  bool watch = k->sess->o.watch && k->path;
  int64_t seen = watch ? io_mtime(k->path) : 0;
  for (;;) {
    int got = sigtimedwait(&k->signals, NULL, &second);
    if (got == SIGINT || got == SIGTERM) break;
    http_watch(&k->sv);
    int64_t now = watch ? io_mtime(k->path) : 0;
    if (got == SIGHUP || (now != seen && now != INT64_MIN)) batcher_ask(&k->sv.batcher, &k->sv.batcher.reload);
    if (now != INT64_MIN) seen = now;
  }
  stop(k);
  return NULL;
}

static void block_signals(Control *k) {
  sigemptyset(&k->signals);
  sigaddset(&k->signals, SIGINT);
  sigaddset(&k->signals, SIGTERM);
  sigaddset(&k->signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &k->signals, NULL); /* the threads that start from here on inherit it */
}

/* ---- the command ---- */

static int64_t or_else(int64_t given, int64_t otherwise) { return given >= 0 ? given : otherwise; }

static void load(Control *k) {
  Session *sess = k->sess;
  k->path = run_weights(sess);
  session_memory(sess);
  session_init(sess);
  if (k->path) weights_load(sess, k->path);
}

static void plan(Control *k) {
  const GcModel *m = k->sess->m;
  const char *why, *fn = k->sess->o.fn;
  Server *sv = &k->sv;
  sv->served = rt_array((size_t)m->nexports, sizeof *sv->served);
  sv->first = -1;
  for (int i = 0; i < m->nexports; i++) {
    sv->served[i] = (Served){.g = &m->exports[i]};
    batcher_plan(k->sess, &sv->served[i], or_else(k->sess->o.batch_max, 0), &why);
    if (sv->first < 0 && (!fn || !strcmp(fn, m->exports[i].name))) sv->first = i;
    if (why) rt_note("`%s` is called for one request at a time: %s", m->exports[i].name, why);
    else rt_note("`%s` is called for up to %lld records", m->exports[i].name, (long long)sv->served[i].limit);
  }
  if (sv->first < 0) rt_die(E_UNKNOWN_OPTION, "--fn %s: no such export", fn);
}

static void start(Control *k, char *err) {
  const Opts *o = &k->sess->o;
  const char *host = o->host ? o->host : "127.0.0.1";
  int port = (int)or_else(o->port, 8080);
  if (!http_start(&k->sv, host, &port, err)) rt_die(E_SERVER, "%s", err);
  if (pthread_create(&k->thread, NULL, control, k) != 0) rt_die(E_THREAD_START, "a thread cannot be started");
  rt_out(strchr(host, ':') ? "serving %s on http://[%s]:%d\n" : "serving %s on http://%s:%d\n", k->sess->m->name, host,
         port);
  rt_out_flush();
}

int gc_serve(Session *sess) {
  const Opts *o = &sess->o;
  Control k = {.sess = sess};
  char err[ERR_TEXT];
  if (!sess->m->nexports) rt_die(E_NO_SUCH_PART, "%s has no `export def`", sess->m->name);
  if (!http_load(err)) rt_die(E_SERVER, "%s", err);
  block_signals(&k);
  k.sv.m = sess->m;
  k.sv.max_body = (size_t)or_else(o->max_body, 16) << 20;
  k.sv.timeout = (double)or_else(o->timeout, 30);
  k.sv.batcher = (Batcher){.sess = sess, .metrics = &k.sv.metrics, .refresh = reload, .owner = &k};
  k.sv.batcher.wait = (double)or_else(o->batch_wait, 0) / 1000;
  k.sv.batcher.limit = (int)or_else(o->queue, 256);
  load(&k);
  metrics_begin(&k.sv.metrics);
  arrivals_begin(&k.sv.arrivals);
  batcher_begin(&k.sv.batcher);
  plan(&k);
  start(&k, err);
  batcher_run(&k.sv.batcher);
  pthread_join(k.thread, NULL);
  http_stop(&k.sv);
  batcher_end(&k.sv.batcher);
  arrivals_end(&k.sv.arrivals);
  metrics_end(&k.sv.metrics);
  pthread_sigmask(SIG_UNBLOCK, &k.signals, NULL);
  return 0;
}
