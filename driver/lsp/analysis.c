/* SPDX-License-Identifier: Apache-2.0 */
/* The check of one text, with the names in it and the types of its expressions. */
#include "driver/lsp/server.h"
#include "driver/lsp/text.h"
#include "lib/pipeline.h"
#include "passes/analysis/cost_model.h"
#include <string.h>

typedef struct Job {
  Analysis *a;
  const char *path, *text;
  size_t n;
  bool check;
} Job;

/* The text of a file that the editor has open, else NULL. */
static const char *open_text(void *user, const char *path, size_t *n) {
  Analysis *a = user;
  const char *plain = path_plain(a->c, path);
  for (const Document *d = a->server->document; d; d = d->next) {
    if (strcmp(d->path, plain)) continue;
    *n = d->n;
    return d->text;
  }
  return NULL;
}

static Loc open_import(void *user, Ctx *c, const char *path) {
  Analysis *a = user;
  size_t n;
  Loc start;
  for (int i = 0; i < a->watch.nsource; i++)
    if (!strcmp(a->watch.source[i].path, path)) return a->watch.source[i].start;
  const char *text = open_text(a, path, &n);
  if (text) return source_add(c, path, text, n);
  return source_read(c, path, &start) ? start : 0;
}

static const char *uri_of(void *user, Ctx *c, const char *file) {
  return file_uri(((Analysis *)user)->server, c, file);
}

/* The `import` that leads to a file, or may; else the beginning of the text. */
static Loc import_of(void *user, const char *file) {
  const Analysis *a = user;
  const Ast *first = NULL, *top = a->index->file[0]->ast;
  const char *name = strrchr(file, '/');
  for (int i = 0; i < top->n; i++) {
    const Ast *k = top->kid[i];
    if (k->kind != AST_IMPORT) continue;
    const char *slash = strrchr(k->text, '/');
    if (!first || !strcmp(slash ? slash + 1 : k->text, name ? name + 1 : file)) first = k;
  }
  return first ? first->at : a->start;
}

static void analyse(Ctx *c, void *arg) {
  const Job *j = arg;
  Analysis *a = j->a;
  const Library *l = server_library(a->server);
  a->path = ctx_name(c, j->path);
  a->start = source_add(c, a->path, j->text, j->n);
  if (j->check) {
    a->watch = (ElabWatch){.text = open_text, .user = a, .flops = node_flops};
    PipelineInput u = {.path = a->path, .opt = {.strict = true}, .watch = &a->watch};
    Module *m = pipeline_module(c, &u, a->start);
    if (m) pipeline_check(m, false);
  }
  DiagMark mark = diag_mark(c);
  a->index = index_make(c, a->start, a->path, l ? l->index : NULL, open_import, a);
  diag_drop(c, &mark);
  DiagLsp lsp = {.in = a->start, .uri = uri_of, .elsewhere = import_of, .user = a};
  const char *d;
  for (int i = 0; j->check && (d = diag_lsp(c, i, &lsp)); i++) *VEC_PUSH(c, a->diag, a->ndiag, a->capdiag) = d;
}

Analysis *analysis_make(Server *s, const char *path, const char *text, size_t n, bool check) {
  Ctx *c = ctx_new();
  if (!c) return NULL;
  Analysis *a = ctx_heap_alloc(c, sizeof *a);
  Job j = {a, path, text, n, check};
  if (a) *a = (Analysis){.c = c, .server = s};
  if (a && ctx_try(c, analyse, &j)) return a;
  ctx_free(c);
  return NULL;
}

void analysis_free(Analysis *a) {
  if (a) ctx_free(a->c);
}

const ElabSeen *analysis_seen(const Analysis *a, Loc at, int len, int *i) {
  for (; *i < a->watch.nseen; (*i)++)
    if (a->watch.seen[*i].at == at && a->watch.seen[*i].len == len) return &a->watch.seen[(*i)++];
  return NULL;
}

const char *symbol_comment(Ctx *c, Ctx *of, const Symbol *s) {
  size_t n;
  const char *text = source_text(of, s->file->start, &n), *at = text + (s->ast->at - s->file->start);
  const char *first = at, *end;
  while (first > text && first[-1] != '\n') first--;
  for (end = first; first > text;) { /* up over comments and hints */
    const char *line = first - 1;
    while (line > text && line[-1] != '\n') line--;
    const char *p = line + strspn(line, " \t");
    if (*p != '#' && *p != '@') break;
    if (*p == '#' && !strncmp(p, "# ----", 6)) break;
    first = line;
  }
  Str out = {.c = c};
  str_puts(&out, "");
  for (const char *p = first; p < end;) {
    const char *stop = memchr(p, '\n', (size_t)(end - p)), *from = p + strspn(p, " \t");
    if (!stop) stop = end;
    if (*from == '#') {
      from += from[1] == ' ' ? 2 : 1;
      const char *base = strrchr(s->file->path, '/'); /* "mlp.nn - ...": the head of the file */
      base = base ? base + 1 : s->file->path;
      if (!strncmp(from, base, strlen(base))) from = stop;
      if (from < stop || out.n)
        str_printf(&out, "%s%.*s", out.n ? "\n" : "", stop > from ? (int)(stop - from) : 0, from);
    }
    p = stop + 1;
  }
  return out.s;
}

const char *symbol_signature(Ctx *of, const Symbol *s) {
  const Ast *a = s->ast;
  int len = a->len;
  if (s->kind == SY_DEF) len = (int)(a->kid[0]->at - a->at);
  if (s->kind == SY_DATA || s->kind == SY_SECTION) len = (int)(a->kid[0]->at - a->at);
  char *text = (char *)source_part(of, a->at, len);
  while (len > 0 && strchr(" \n\t\r", text[len - 1])) text[--len] = 0;
  return text;
}
