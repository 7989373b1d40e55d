/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as values: the diagnostics of a failed call, copied out of its memory. */
#include "lib/lib.h"
#include <stdlib.h>
#include <string.h>

struct gradc_error {
  HostHeap heap; /* owns this struct */
  gradc_status status;
  int n, cap;
  gradc_diagnostic *d;
  const char *text;
};

/* Constant errors, for when memory is out, or there is no handle with an allocator. */
static const gradc_diagnostic fixed[] = {
  {660, 0, "", 0, 0, 0, "out of memory", "", "error[E0660]: out of memory\n"},
  {E_BAD_CALL, 0, "", 0, 0, 0, "a handle is NULL", "", "error[E0801]: a handle is NULL\n"},
};
static const gradc_error no_memory = {
  .status = GRADC_RESOURCES, .n = 1, .d = (gradc_diagnostic *)&fixed[0], .text = "error[E0660]: out of memory\n"};
static const gradc_error no_handle = {
  .status = GRADC_BAD_CALL, .n = 1, .d = (gradc_diagnostic *)&fixed[1], .text = "error[E0801]: a handle is NULL\n"};

gradc_status gradc_error_status(const gradc_error *e) { return e ? e->status : GRADC_OK; }
const char *gradc_error_text(const gradc_error *e) { return e ? e->text : ""; }
int gradc_error_count(const gradc_error *e) { return e ? e->n : 0; }
const gradc_diagnostic *gradc_error_at(const gradc_error *e, int i) {
  return e && i >= 0 && i < e->n ? &e->d[i] : NULL;
}

void gradc_error_free(gradc_error *e) {
  if (e && e != &no_memory && e != &no_handle) host_heap_free(&e->heap);
}

gradc_status status_of(int code) {
  if (code >= 800) return GRADC_BAD_CALL;
  if (code >= 600 && code < 700) return (gradc_status)rt_status(code);
  return code == E_USAGE ? GRADC_BAD_CALL : code == E_FILE_WRITE ? GRADC_RESOURCES : GRADC_BAD_MODEL;
}

gradc_status error_out_of_memory(gradc_error **error) {
  if (error) *error = (gradc_error *)&no_memory;
  return GRADC_RESOURCES;
}

gradc_status error_null(gradc_error **error) {
  if (error) *error = (gradc_error *)&no_handle;
  return GRADC_BAD_CALL;
}

/* ---- building an error, within host_heap_try: out of memory unwinds ---- */

typedef struct ErrorBuilder {
  const gradc_alloc *alloc;
  HostHeap heap;
  gradc_error *e;
  const Message *message; /* of the runtime; NULL: the diagnostics of c */
  Ctx *c;
  bool warnings; /* only warnings */
} ErrorBuilder;

static void begin(ErrorBuilder *k) {
  k->e = rt_alloc(sizeof *k->e);
  k->e->text = rt_strdup("");
}

static gradc_diagnostic *add(ErrorBuilder *k, int code, const char *text) {
  gradc_error *e = k->e;
  if (e->n == e->cap) e->d = rt_realloc(e->d, (size_t)(e->cap = 2 * e->cap + 1) * sizeof *e->d);
  gradc_diagnostic *d = &e->d[e->n++];
  *d = (gradc_diagnostic){.code = code, .file = "", .help = "", .text = rt_strdup(text)};
  char *all = rt_printf("%s%s%s", e->text, e->n > 1 ? "\n" : "", text);
  rt_free((char *)e->text);
  e->text = all;
  return d;
}

/* "--> FILE:LINE:COLUMN", of n characters */
static void set_place(gradc_diagnostic *d, const char *line, size_t n) {
  char *place = rt_printf("%.*s", (int)n - 4, line + 4), *colon;
  int number[2] = {0, 0};
  for (int i = 1; i >= 0 && (colon = strrchr(place, ':')); i--) {
    number[i] = atoi(colon + 1);
    *colon = 0;
  }
  d->file = place;
  d->line = number[0];
  d->column = number[1];
}

/* The first line of a runtime error is the message, the others are help, or a place in the .nn. */
static void add_message(ErrorBuilder *k, const Message *m) {
  size_t n = strcspn(m->text, "\n");
  char *text = rt_printf("error[E%04d]: %.*s\n", m->code, (int)n, m->text), *help = rt_strdup("");
  gradc_diagnostic place = {.file = ""};
  for (const char *p = m->text + n; *p; p += n) {
    n = strcspn(++p, "\n");
    bool is_place = rt_is_place(p);
    text = rt_printf("%s%s%.*s\n", text, is_place ? "  " : "   = help: ", (int)n, p);
    if (is_place) set_place(&place, p, n);
    else help = rt_printf("%s%s%.*s", help, *help ? "\n" : "", (int)n, p);
  }
  gradc_diagnostic *d = add(k, m->code, text);
  d->message = rt_printf("%.*s", (int)strcspn(m->text, "\n"), m->text);
  d->help = help;
  d->file = place.file;
  d->line = place.line;
  d->column = place.column;
}

static void make_of_heap(void *arg) {
  ErrorBuilder *k = arg;
  begin(k);
  for (const Message *m = k->message; m; m = m->next) add_message(k, m);
}

static void view_all(Ctx *c, void *arg) {
  ErrorBuilder *k = arg;
  DiagView v;
  const Diag *d;
  for (int i = 0; diag_view(c, i, &v, &d); i++) {
    if (k->warnings && !v.warn) continue;
    gradc_diagnostic *to = add(k, v.code, diag_text(c, d));
    to->warning = v.warn;
    to->file = rt_strdup(v.at.file);
    to->line = v.at.line;
    to->column = v.at.col;
    to->length = v.at.line ? v.len : 0;
    to->message = rt_strdup(v.msg);
    to->help = rt_strdup(v.help);
    if (!v.warn && !k->e->status) k->e->status = status_of(v.code);
  }
}

static void make_of_ctx(void *arg) {
  ErrorBuilder *k = arg;
  begin(k);
  if (!ctx_try(k->c, view_all, k)) rt_quit(E_OUT_OF_MEMORY);
}

/* NULL: out of memory. */
static gradc_error *make(ErrorBuilder *k, void (*fn)(void *)) {
  host_heap_init(&k->heap, k->alloc);
  if (host_heap_try(&k->heap, fn, k)) {
    host_heap_free(&k->heap);
    return NULL;
  }
  k->e->heap = k->heap;
  return k->e;
}

gradc_status error_of_heap(const HostHeap *h, int code, gradc_error **error) {
  ErrorBuilder k = {.alloc = &h->alloc, .message = h->first};
  if (!error) return status_of(code);
  gradc_error *e = h->first ? make(&k, make_of_heap) : NULL;
  if (!e) {
    error_out_of_memory(error);
    return status_of(code);
  }
  e->status = status_of(code);
  *error = e;
  return e->status;
}

gradc_status error_of_ctx(Ctx *c, const gradc_alloc *alloc, gradc_error **error) {
  ErrorBuilder k = {.alloc = alloc, .c = c};
  gradc_error *e = make(&k, make_of_ctx);
  if (!e || !e->n) {
    gradc_error_free(e);
    return error_out_of_memory(error);
  }
  gradc_status s = e->status;
  if (error) *error = e;
  else gradc_error_free(e);
  return s;
}

gradc_error *error_warnings(Ctx *c, const gradc_alloc *alloc) {
  ErrorBuilder k = {.alloc = alloc, .c = c, .warnings = true};
  gradc_error *e = make(&k, make_of_ctx);
  if (e && e->n) return e;
  gradc_error_free(e);
  return NULL;
}
