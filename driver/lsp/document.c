/* SPDX-License-Identifier: Apache-2.0 */
/* The texts that the editor has open. They may differ from the files. */
#include "driver/lsp/server.h"
#include "driver/lsp/text.h"
#include <stdlib.h>
#include <string.h>

/* The analysis is not of the text any more; its types are those of the text until it is elaborated again. */
static void retire(Document *d) {
  bool typed = d->analysis && d->analysis->watch.nseen;
  analysis_free(typed ? d->typed : d->analysis);
  if (typed) d->typed = d->analysis;
  d->analysis = NULL;
  d->unpublished = true;
}

/* What a file imports may have changed: all are analysed anew when they are asked for. */
static void outdate(Server *s) {
  for (Document *d = s->document; d; d = d->next)
    if (d->analysis && d->analysis->index->nfile > 1) retire(d);
}

static bool set_text(Server *s, Document *d, char *text, size_t n) {
  if (!text) return false;
  free(d->text);
  d->text = text;
  d->n = n;
  retire(d);
  outdate(s);
  return true;
}

static char *copy(const char *text, size_t n) {
  char *p = malloc(n + 1);
  if (!p) return NULL;
  memcpy(p, text, n);
  p[n] = 0;
  return p;
}

Document *document_find(Server *s, const char *uri) {
  Document *d = s->document;
  while (d && uri && strcmp(d->uri, uri)) d = d->next;
  return uri ? d : NULL;
}

static void document_free(Document *d) {
  analysis_free(d->analysis);
  analysis_free(d->typed);
  free(d->uri);
  free(d->path);
  free(d->text);
  free(d);
}

bool document_open(Server *s, Ctx *c, const char *uri, const char *text, size_t n, int64_t version) {
  Document *d = document_find(s, uri);
  if (!d) {
    const char *path = uri_path(c, uri);
    d = calloc(1, sizeof *d);
    if (d) *d = (Document){.uri = copy(uri, strlen(uri)), .path = copy(path, strlen(path))};
    if (!d || !d->uri || !d->path) {
      if (d) document_free(d);
      return false;
    }
    d->next = s->document;
    s->document = d;
  }
  d->version = version;
  return set_text(s, d, copy(text, n), n);
}

/* One change: the text of a range, or of all. */
static bool change(Server *s, Document *d, const JsonValue *v) {
  const JsonValue *text = value_at(v, "text"), *range = value_at(v, "range");
  if (!text || text->kind != J_STRING) return true;
  size_t from = 0, to = d->n;
  if (range) {
    from = text_offset(d->text, d->n, value_int(range, "start.line", 0), value_int(range, "start.character", 0));
    to = text_offset(d->text, d->n, value_int(range, "end.line", 0), value_int(range, "end.character", 0));
    if (to < from) to = from;
  }
  size_t n = from + text->n + (d->n - to);
  char *p = malloc(n + 1);
  if (!p) return false;
  memcpy(p, d->text, from);
  memcpy(p + from, text->text, text->n);
  memcpy(p + from + text->n, d->text + to, d->n - to);
  p[n] = 0;
  return set_text(s, d, p, n);
}

bool document_change(Server *s, Document *d, const JsonValue *changes) {
  for (const JsonValue *v = changes && changes->kind == J_ARRAY ? changes->first : NULL; v; v = v->next)
    if (!change(s, d, v)) return false;
  return true;
}

void document_close(Server *s, const char *uri) {
  for (Document **at = &s->document; *at; at = &(*at)->next) {
    Document *d = *at;
    if (strcmp(d->uri, uri)) continue;
    *at = d->next;
    document_free(d);
    outdate(s);
    return;
  }
}

const Analysis *document_analysis(Server *s, Ctx *c, Document *d) {
  if (!d->analysis) d->analysis = analysis_make(s, d->path, d->text, d->n, !library_has(c, d->path));
  return d->analysis;
}
