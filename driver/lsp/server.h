/* SPDX-License-Identifier: Apache-2.0 */
/* The state of `gradc lsp`, and its requests. Every message is answered in a Ctx of its own, every text is analysed in
 * one that its next analysis replaces, so memory does not grow with the length of a session. */
#ifndef GRADC_LSP_SERVER_H
#define GRADC_LSP_SERVER_H
#include "driver/lsp/index.h"
#include "driver/lsp/value.h"
#include "frontend/elab.h"

typedef struct Server Server;

/* ---- library.c: the built-in files, read once ---- */
typedef struct Library {
  Ctx *c;
  Index *index;
} Library;
const Library *server_library(Server *s);
/* What the pages say of a function of the compiler or of std: its signature and a sentence; false: nothing. */
bool library_doc(Ctx *c, const char *name, const char **signature, const char **text);
/* The file in the user's cache folder that has a built-in file, written if it is not there; NULL: there is none. */
const char *library_path(Ctx *c, const char *name);
bool library_has(Ctx *c, const char *path); /* whether it is such a file */
bool library_word(const char *name);        /* of the compiler: a function, an op, a value such as `step` */
const char *library_words(int i);           /* the i-th of them; NULL */

/* ---- analysis.c: of one text ---- */
typedef struct Analysis {
  Ctx *c;
  Server *server;
  const char *path;
  Loc start;
  Index *index;
  ElabWatch watch;
  const char **diag; /* Diagnostics, as JSON */
  int ndiag, capdiag;
} Analysis;
/* check: also elaborates it, for diagnostics and types. NULL: out of memory. */
Analysis *analysis_make(Server *s, const char *path, const char *text, size_t n, bool check);
void analysis_free(Analysis *a);
/* What was seen of exactly this expression, from *i on, which is advanced; NULL: no more. */
const ElabSeen *analysis_seen(const Analysis *a, Loc at, int len, int *i);
const char *symbol_comment(Ctx *c, Ctx *of, const Symbol *s); /* the lines above its declaration; "" */
const char *symbol_signature(Ctx *of, const Symbol *s);       /* its declaration, without a body */

/* ---- document.c ---- */
typedef struct Document Document;
struct Document {
  Document *next;
  char *uri, *path, *text;
  size_t n;
  int64_t version;
  Analysis *analysis; /* of this text; NULL: not made yet */
  Analysis *typed;    /* of the newest text before it that was elaborated; NULL: there is none */
  bool unpublished;
};
Document *document_find(Server *s, const char *uri);
bool document_open(Server *s, Ctx *c, const char *uri, const char *text, size_t n,
                   int64_t version); /* false: no memory */
bool document_change(Server *s, Document *d, const JsonValue *changes);
void document_close(Server *s, const char *uri);
const Analysis *document_analysis(Server *s, Ctx *c, Document *d); /* NULL: out of memory */

struct Server {
  Document *document;
  Library library;
  char **root; /* the folders of the workspace */
  int nroot;
  bool initialized, stopping, exit;
};

/* ---- requests. `c`: of the message; they append the result to `out`, or return false with a message in *why ---- */
typedef struct Request {
  Server *s;
  Ctx *c;
  const JsonValue *params;
  Document *d;       /* that it is about */
  const Analysis *a; /* of its text */
  Loc at;            /* the position in it */
  Str out;
  const char *why; /* of a failure */
  int code;
} Request;
typedef bool RequestFn(Request *r);
RequestFn request_hover, request_definition, request_references, request_prepare_rename, request_rename,
  request_completion, request_formatting, request_symbols;

bool request_fail(Request *r, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void put_text_range(Str *out, Ctx *of, Loc from, Loc to); /* {"start":…,"end":…} */
const char *file_uri(Server *s, Ctx *c, const char *path);

enum {
  RPC_PARSE_ERROR = -32700,
  RPC_INVALID_REQUEST = -32600,
  RPC_METHOD_NOT_FOUND = -32601,
  RPC_INVALID_PARAMS = -32602,
  RPC_INTERNAL_ERROR = -32603,
  LSP_NOT_INITIALIZED = -32002,
  LSP_REQUEST_CANCELLED = -32800,
  LSP_REQUEST_FAILED = -32803
};

int server_run(int in, int out); /* serves until `exit` or the end of the input; the exit status */
#endif
