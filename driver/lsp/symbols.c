/* SPDX-License-Identifier: Apache-2.0 */
/* The outline of a text, and its canonical layout. */
#include "driver/lsp/server.h"
#include "frontend/parse.h"
#include "ir/diag.h"
#include <string.h>

void put_text_range(Str *out, Ctx *of, Loc from, Loc to) {
  int line, col;
  source_utf16(of, from, &line, &col);
  str_printf(out, "{\"start\":{\"line\":%d,\"character\":%d}", line, col);
  source_utf16(of, to, &line, &col);
  str_printf(out, ",\"end\":{\"line\":%d,\"character\":%d}}", line, col);
}

/* ---- outline: kinds are numbers of the protocol's SymbolKind ---- */

typedef struct Outline {
  Request *r;
  Ctx *of;
} Outline;

static int kind_of(const Ast *a) {
  switch (a->kind) {
  case AST_DEF: return 12; /* function */
  case AST_CONST:
  case AST_DIM: return 14;  /* constant */
  case AST_USE: return 19;  /* object */
  case AST_DATA: return 23; /* struct */
  case AST_TRAIN:
  case AST_TARGET: return 3; /* namespace */
  case AST_TEST: return 6;   /* method */
  case AST_FIELD: return 8;
  case AST_PARAM:
  case AST_STATE: return 13; /* variable */
  case AST_BIND: return 7;   /* property: a setting */
  default: return 0;
  }
}

static const char *name_of(const Ast *a) {
  if (a->kind == AST_BIND) return a->kid[0]->text;
  return a->text && *a->text ? a->text : a->kind == AST_TRAIN ? "train" : "(no name)";
}

static bool put_node(Outline *o, const Ast *a, bool first, int depth);

/* Of a def its weights, wherever they stand; of a section its settings and fields. */
static int put_kids(Outline *o, const Ast *a, int n, bool def, int depth) {
  for (int i = 0; a && i < a->n; i++) {
    const Ast *k = a->kid[i];
    if (!k) continue;
    bool listed = def ? k->kind == AST_PARAM || k->kind == AST_STATE || k->kind == AST_USE
                      : k->kind == AST_FIELD || (k->kind == AST_BIND && k->n == 2);
    if (listed) n += put_node(o, k, !n, depth);
    else if (def && (k->kind == AST_IF || k->kind == AST_FOR || k->kind == AST_BLOCK))
      n = put_kids(o, k, n, def, depth);
  }
  return n;
}

static bool put_node(Outline *o, const Ast *a, bool first, int depth) {
  Str *out = &o->r->out;
  if (!kind_of(a)) return false;
  str_puts(out, first ? "{\"name\":" : ",{\"name\":");
  str_json(out, name_of(a));
  str_printf(out, ",\"kind\":%d,\"range\":", kind_of(a));
  put_text_range(out, o->of, a->at, a->at + (Loc)a->len);
  str_puts(out, ",\"selectionRange\":");
  put_text_range(out, o->of, a->caret, a->caret + (Loc)a->caret_len);
  if (!depth && (a->kind == AST_DEF || a->kind == AST_DATA || a->kind == AST_TRAIN || a->kind == AST_TARGET)) {
    str_puts(out, ",\"children\":[");
    put_kids(o, a->kid[0], 0, a->kind == AST_DEF, 1);
    str_puts(out, "]");
  }
  str_puts(out, "}");
  return true;
}

bool request_symbols(Request *r) {
  Outline o = {r, r->a->c};
  const Ast *file = r->a->index->file[0]->ast;
  int n = 0;
  str_puts(&r->out, "[");
  for (int i = 0; i < file->n; i++) n += put_node(&o, file->kid[i], !n, 0);
  str_puts(&r->out, "]");
  return true;
}

/* ---- layout: the lines that change, as one edit ---- */

static size_t same_lines(const char *a, size_t na, const char *b, size_t nb) {
  size_t same = 0;
  for (size_t i = 0; i < na && i < nb && a[i] == b[i]; i++)
    if (a[i] == '\n') same = i + 1;
  return same;
}

static size_t same_end(const char *a, size_t na, const char *b, size_t nb) {
  size_t same = 0, i = 1;
  for (; i <= na && i <= nb && a[na - i] == b[nb - i]; i++)
    if (a[na - i] == '\n') same = i - 1;
  return same;
}

bool request_formatting(Request *r) {
  size_t n = r->d->n, len;
  Loc start = source_add(r->c, r->d->path, r->d->text, n);
  const char *old = source_text(r->c, start, &n), *text = fmt_source(r->c, start);
  if (!text) { /* its errors are shown already */
    str_puts(&r->out, "null");
    return true;
  }
  len = strlen(text);
  size_t head = same_lines(old, n, text, len), tail = same_end(old + head, n - head, text + head, len - head);
  str_puts(&r->out, "[");
  if (n != len || memcmp(old, text, n)) {
    str_puts(&r->out, "{\"range\":");
    put_text_range(&r->out, r->c, start + (Loc)head, start + (Loc)(n - tail));
    str_puts(&r->out, ",\"newText\":");
    str_json(&r->out, ctx_strf(r->c, "%.*s", (int)(len - tail - head), text + head));
    str_puts(&r->out, "}");
  }
  str_puts(&r->out, "]");
  return true;
}
