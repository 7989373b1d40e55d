/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol: JSON-RPC over the framing, the life of a session, and who answers which method. Messages are handled
 * one by one; diagnostics wait until no message is pending, so a burst of typing is checked once. */
#include "driver/lsp/server.h"
#include "driver/lsp/frame.h"
#include "driver/lsp/text.h"
#include "lib/gradc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Message {
  Ctx *c;
  const JsonValue *v;      /* NULL: no JSON */
  const char *why;         /* then */
  const JsonValue *method; /* NULL: a response */
  const JsonValue *id;     /* NULL: a notification */
  bool cancelled;
} Message;

enum { MAX_PENDING = 256 };
typedef struct Session {
  Server s;
  Frames in;
  int out;
  bool broken; /* the output is closed */
  Message pending[MAX_PENDING];
  int npending;
} Session;

/* ---- answers ---- */

static void send(Session *n, const Str *text) {
  if (!n->broken) n->broken = !frame_send(n->out, text->s, text->n);
}

static void put_id(Str *s, const JsonValue *id) {
  if (id && id->kind == J_STRING) str_json(s, id->text);
  else str_puts(s, id ? id->text : "null");
}

static void respond(Session *n, Ctx *c, const JsonValue *id, const Str *result) {
  Str s = {.c = c};
  str_puts(&s, "{\"jsonrpc\":\"2.0\",\"id\":");
  put_id(&s, id);
  str_puts(&s, ",\"result\":");
  str_put(&s, result->s, result->n);
  str_puts(&s, "}");
  send(n, &s);
}

static void refuse(Session *n, Ctx *c, const JsonValue *id, int code, const char *why) {
  Str s = {.c = c};
  str_puts(&s, "{\"jsonrpc\":\"2.0\",\"id\":");
  put_id(&s, id);
  str_printf(&s, ",\"error\":{\"code\":%d,\"message\":", code);
  str_json(&s, why);
  str_puts(&s, "}}");
  send(n, &s);
}

bool request_fail(Request *r, int code, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  r->why = ctx_vstrf(r->c, fmt, ap);
  va_end(ap);
  r->code = code;
  return false;
}

const char *file_uri(Server *s, Ctx *c, const char *path) {
  const char *plain = path_plain(c, path);
  for (const Document *d = s->document; d; d = d->next)
    if (!strcmp(d->path, plain)) return d->uri; /* as the client writes it */
  const char *copy = plain[0] == '/' ? NULL : library_path(c, path);
  return path_uri(c, copy ? copy : plain);
}

/* ---- diagnostics ---- */

static void publish(Session *n, Ctx *c, const Document *d, const Analysis *a) {
  Str s = {.c = c};
  str_puts(&s, "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/publishDiagnostics\",\"params\":{\"uri\":");
  str_json(&s, d->uri);
  if (d->version != INT64_MIN) str_printf(&s, ",\"version\":%lld", (long long)d->version);
  str_puts(&s, ",\"diagnostics\":[");
  for (int i = 0; a && i < a->ndiag; i++) str_printf(&s, "%s%s", i ? "," : "", a->diag[i]);
  str_puts(&s, "]}}");
  send(n, &s);
}

static void publish_all(Ctx *c, void *arg) {
  Session *n = arg;
  for (Document *d = n->s.document; d; d = d->next) {
    if (!d->unpublished) continue;
    d->unpublished = false;
    publish(n, c, d, document_analysis(&n->s, c, d));
  }
}

/* ---- the life of a session ---- */

static void add_root(Session *n, Ctx *c, const char *uri) {
  const char *path = uri ? uri_path(c, uri) : NULL;
  char *copy = path ? strdup(path) : NULL;
  char **to = copy ? realloc(n->s.root, (size_t)(n->s.nroot + 1) * sizeof *to) : NULL;
  if (!to) {
    free(copy);
    return;
  }
  n->s.root = to;
  to[n->s.nroot++] = copy;
}

static void add_roots(Session *n, Ctx *c, const JsonValue *params) {
  const JsonValue *folders = value_at(params, "workspaceFolders");
  for (const JsonValue *v = folders && folders->kind == J_ARRAY ? folders->first : NULL; v; v = v->next)
    add_root(n, c, value_text(v, "uri"));
  if (!n->s.nroot) add_root(n, c, value_text(params, "rootUri"));
}

static void initialize(Session *n, Ctx *c, const JsonValue *id, const JsonValue *params) {
  Str s = {.c = c};
  str_printf(
    &s,
    "{\"capabilities\":{\"positionEncoding\":\"utf-16\",\"textDocumentSync\":{\"openClose\":true,\"change\":2},"
    "\"hoverProvider\":true,\"definitionProvider\":true,\"referencesProvider\":true,"
    "\"renameProvider\":{\"prepareProvider\":true},\"documentFormattingProvider\":true,"
    "\"documentSymbolProvider\":true,\"completionProvider\":{\"triggerCharacters\":[\"(\",\",\",\"@\"]}},"
    "\"serverInfo\":{\"name\":\"gradc\",\"version\":\"%s\"}}",
    GRADC_VERSION);
  n->s.initialized = true;
  add_roots(n, c, params);
  respond(n, c, id, &s);
}

static void shut_down(Session *n, Ctx *c, const JsonValue *id) {
  Str s = {.c = c};
  str_puts(&s, "null");
  n->s.stopping = true;
  respond(n, c, id, &s);
}

/* ---- notifications ---- */

static void did_open(Session *n, Ctx *c, const JsonValue *p) {
  const JsonValue *text = value_at(p, "textDocument.text");
  const char *uri = value_text(p, "textDocument.uri");
  if (!uri || !text || text->kind != J_STRING) return;
  if (!document_open(&n->s, c, uri, text->text, text->n, value_int(p, "textDocument.version", INT64_MIN))) ctx_abort(c);
}

static void did_change(Session *n, Ctx *c, const JsonValue *p) {
  Document *d = document_find(&n->s, value_text(p, "textDocument.uri"));
  if (!d) return;
  d->version = value_int(p, "textDocument.version", INT64_MIN);
  if (!document_change(&n->s, d, value_at(p, "contentChanges"))) ctx_abort(c);
}

static void did_close(Session *n, Ctx *c, const JsonValue *p) {
  const Document *d = document_find(&n->s, value_text(p, "textDocument.uri"));
  if (!d) return;
  Document gone = {.uri = ctx_strf(c, "%s", d->uri), .version = INT64_MIN};
  document_close(&n->s, gone.uri);
  publish(n, c, &gone, NULL); /* an editor shows none for a file that is closed */
}

static void notify(Session *n, Ctx *c, const char *method, const JsonValue *params) {
  if (!strcmp(method, "exit")) n->s.exit = true;
  if (!n->s.initialized || n->s.stopping) return;
  if (!strcmp(method, "textDocument/didOpen")) did_open(n, c, params);
  if (!strcmp(method, "textDocument/didChange")) did_change(n, c, params);
  if (!strcmp(method, "textDocument/didClose")) did_close(n, c, params);
}

/* ---- requests ---- */

static const struct {
  const char *method;
  RequestFn *fn;
  bool position; /* it is about a place in the text */
} requests[] = {
  {"textDocument/hover", request_hover, true},
  {"textDocument/definition", request_definition, true},
  {"textDocument/references", request_references, true},
  {"textDocument/prepareRename", request_prepare_rename, true},
  {"textDocument/rename", request_rename, true},
  {"textDocument/completion", request_completion, true},
  {"textDocument/formatting", request_formatting, false},
  {"textDocument/documentSymbol", request_symbols, false},
};

static bool about_text(Request *r, bool position) {
  const char *uri = value_text(r->params, "textDocument.uri");
  int64_t line = value_int(r->params, "position.line", -1), column = value_int(r->params, "position.character", -1);
  if (!uri) return request_fail(r, RPC_INVALID_PARAMS, "`textDocument.uri` is missing");
  if (!(r->d = document_find(r->s, uri))) return request_fail(r, RPC_INVALID_PARAMS, "%.200s is not open", uri);
  if (position && (line < 0 || column < 0)) return request_fail(r, RPC_INVALID_PARAMS, "`position` is missing");
  r->a = document_analysis(r->s, r->c, r->d);
  if (!r->a) return request_fail(r, RPC_INTERNAL_ERROR, "out of memory");
  if (position) r->at = r->a->start + (Loc)text_offset(r->d->text, r->d->n, line, column);
  return true;
}

static void answer(Session *n, Ctx *c, const JsonValue *id, const char *method, const JsonValue *params) {
  bool first = !strcmp(method, "initialize");
  if (n->s.stopping) return refuse(n, c, id, RPC_INVALID_REQUEST, "the server is shut down");
  if (first == n->s.initialized)
    return first ? refuse(n, c, id, RPC_INVALID_REQUEST, "the server is initialized already")
                 : refuse(n, c, id, LSP_NOT_INITIALIZED, "the server is not initialized");
  if (first) return initialize(n, c, id, params);
  if (!strcmp(method, "shutdown")) return shut_down(n, c, id);
  for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
    if (strcmp(requests[i].method, method)) continue;
    Request r = {.s = &n->s, .c = c, .params = params, .out = {.c = c}};
    bool ok = about_text(&r, requests[i].position) && requests[i].fn(&r);
    return ok ? respond(n, c, id, &r.out) : refuse(n, c, id, r.code, r.why);
  }
  refuse(n, c, id, RPC_METHOD_NOT_FOUND, ctx_strf(c, "`%.100s` is not a method of this server", method));
}

/* ---- messages ---- */

typedef struct Body {
  Message *m;
  const char *text;
  size_t n;
} Body;

static void parse(Ctx *c, void *arg) {
  const Body *b = arg;
  Message *m = b->m;
  m->v = value_parse(c, b->text, b->n, &m->why);
  m->method = value_at(m->v, "method");
  m->id = value_at(m->v, "id");
}

static void handle(Ctx *c, void *arg) {
  Session *n = ((void **)arg)[0];
  const Message *m = ((void **)arg)[1];
  if (!m->v) return refuse(n, c, NULL, RPC_PARSE_ERROR, m->why);
  bool id = !m->id || m->id->kind == J_STRING || m->id->kind == J_NUMBER;
  if (m->v->kind == J_OBJECT && !m->method && m->id && (value_at(m->v, "result") || value_at(m->v, "error"))) return;
  if (m->v->kind != J_OBJECT || !m->method || m->method->kind != J_STRING || !id)
    return refuse(n, c, id ? m->id : NULL, RPC_INVALID_REQUEST,
                  "this is no request: it needs a method, and an id that is a number or a string");
  const JsonValue *params = value_at(m->v, "params");
  if (!m->id) notify(n, c, m->method->text, params);
  else if (m->cancelled) refuse(n, c, m->id, LSP_REQUEST_CANCELLED, "cancelled");
  else answer(n, c, m->id, m->method->text, params);
}

/* A request that is still waiting is not answered any more. */
static void cancel(Session *n, const Message *by) {
  const JsonValue *id = value_at(by->v, "params.id");
  if (!by->method || by->method->kind != J_STRING || strcmp(by->method->text, "$/cancelRequest") || !id) return;
  for (int i = 0; i < n->npending; i++) {
    Message *m = &n->pending[i];
    if (m->id && m->id->kind == id->kind && id->text && m->id->text && !strcmp(m->id->text, id->text))
      m->cancelled = true;
  }
}

static void receive(Session *n, FrameState state, const char *text, size_t len) {
  Message m = {.c = ctx_new()};
  Body b = {&m, text, len};
  if (!m.c) return;
  if (state == FRAME_BAD) m.why = ctx_strf(m.c, "%s", text);
  else if (!ctx_try(m.c, parse, &b)) m = (Message){.c = m.c, .why = "out of memory"};
  cancel(n, &m);
  n->pending[n->npending++] = m;
}

static void handle_first(Session *n) {
  Message m = n->pending[0];
  memmove(n->pending, n->pending + 1, sizeof *n->pending * (size_t)--n->npending);
  void *arg[] = {n, &m};
  if (!ctx_try(m.c, handle, arg)) {
    Ctx *c = ctx_new();
    if (c && m.id) refuse(n, c, m.id, RPC_INTERNAL_ERROR, "out of memory");
    ctx_free(c);
  }
  ctx_free(m.c);
}

/* What has arrived, at most as much as may wait. */
static void receive_all(Session *n, bool wait) {
  const char *text;
  size_t len;
  do {
    FrameState state;
    while (n->npending < MAX_PENDING && (state = frames_next(&n->in, &text, &len)) != FRAME_WAIT)
      receive(n, state, text, len);
    if (n->npending == MAX_PENDING) return;
    if (n->npending) wait = false;
  } while (frames_read(&n->in, wait));
}

static void publish_now(Session *n) {
  Ctx *c = ctx_new();
  if (c) ctx_try(c, publish_all, n);
  ctx_free(c);
}

int server_run(int in, int out) {
  static Session session; /* one a process */
  Session *n = &session;
  *n = (Session){.in = {.fd = in}, .out = out};
  while (!n->s.exit && !n->broken) {
    receive_all(n, false);
    if (!n->npending) publish_now(n);
    if (!n->npending) receive_all(n, true);
    if (!n->npending && n->in.end) break;
    if (n->npending) handle_first(n);
  }
  while (n->npending) ctx_free(n->pending[--n->npending].c);
  while (n->s.document) document_close(&n->s, n->s.document->uri);
  while (n->s.nroot) free(n->s.root[--n->s.nroot]);
  free(n->s.root);
  ctx_free(n->s.library.c);
  frames_free(&n->in);
  return n->s.stopping && n->s.exit ? 0 : 1;
}
