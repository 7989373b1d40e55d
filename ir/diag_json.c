/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics as JSON, with the members of the Language Server Protocol's Diagnostic. */
#include "diag_state.h"
#include "utf8.h"
#include <string.h>

enum { LSP_ERROR = 1, LSP_WARNING = 2 };

/* UTF-16 code units of s[0..n): the unit of columns in the protocol. */
int utf16_units(const char *s, size_t n) {
  int units = 0, used, width;
  for (size_t i = 0; i < n; i += (size_t)used) {
    utf8_step(s + i, n - i, &used, &width);
    units += used == 4 ? 2 : 1;
  }
  return units;
}

void source_utf16(Ctx *c, Loc at, int *line, int *col) {
  at = source_plain(c, at);
  const Source *src = source_of(c, at);
  size_t n;
  *line = *col = 0;
  if (!src) return;
  if (src->at_line) {
    *line = src->at_line - 1;
    *col = src->at_col - 1;
    return;
  }
  *line = source_line(c, src, at);
  const char *text = source_line_text(c, src, *line, &n);
  size_t off = (size_t)(src->text + (at - src->start) - text);
  *col = utf16_units(text, off < n ? off : n);
}

/* A location in no text is the first line; what goes over the end of its line is cut there. */
static void put_range(Ctx *c, Str *s, const Label *l) {
  Loc at = source_plain(c, l->at);
  const Source *src = source_of(c, at);
  int line, from, end, to, len = l->len < 1 ? 1 : l->len;
  source_utf16(c, at, &line, &from);
  to = from;
  if (src && !src->at_line) {
    size_t n, left = src->n - (at - src->start);
    source_utf16(c, at + (Loc)((size_t)len < left ? (size_t)len : left), &end, &to);
    const char *text = source_line_text(c, src, line, &n);
    if (end != line) to = utf16_units(text, n);
  }
  str_printf(s, "\"range\":{\"start\":{\"line\":%d,\"character\":%d},\"end\":{\"line\":%d,\"character\":%d}}", line,
             from, line, to);
}

/* As it was given, or as a client of the protocol wants it. */
static void put_place(Ctx *c, Str *s, const Label *l, const DiagLsp *lsp) {
  const char *file = source_pos(c, l->at).file;
  str_puts(s, "\"uri\":");
  str_json(s, lsp ? lsp->uri(lsp->user, c, file) : file);
  str_puts(s, ",");
  put_range(c, s, l);
}

static void put_related(Ctx *c, Str *s, Label l, const char *text, int before, const DiagLsp *lsp) {
  str_puts(s, before ? ",{\"location\":{" : ",\"relatedInformation\":[{\"location\":{");
  put_place(c, s, &l, lsp);
  str_puts(s, "},\"message\":");
  str_json(s, text);
  str_puts(s, "}");
}

static void put_kind(Str *s, const DiagView *v, const char *message) {
  str_printf(s,
             ",\"severity\":%d,\"code\":\"E%04d\",\"source\":\"gradc\",\"message\":", v->warn ? LSP_WARNING : LSP_ERROR,
             v->code);
  str_json(s, message);
}

/* n: those that were put before. */
static void put_others(Ctx *c, Str *s, const Diag *d, int n, const DiagLsp *lsp) {
  for (int k = 1; k < d->nlabel; k++)
    if (*d->label[k].text) put_related(c, s, d->label[k], d->label[k].text, n++, lsp);
  for (int k = d->nframe - 1; k >= 0; k--) {
    Label at = {.at = d->frame[k].call, .len = 1};
    if (at.at) put_related(c, s, at, ctx_strf(c, "in `%s`", d->frame[k].def), n++, lsp);
  }
  str_puts(s, n ? "]}" : "}");
}

const char *diag_json(Ctx *c, int i) {
  DiagView v;
  const Diag *d;
  if (!diag_view(c, i, &v, &d)) return NULL;
  Str s = {.c = c};
  str_puts(&s, "{");
  put_place(c, &s, &d->label[0], NULL);
  put_kind(&s, &v, v.msg);
  if (*v.help) {
    str_puts(&s, ",\"help\":");
    str_json(&s, v.help);
  }
  put_others(c, &s, d, 0, NULL);
  return s.s;
}

/* The primary place if it is in the source `in`, else the innermost call there, else 0. */
static Label place_in(Ctx *c, const Diag *d, Loc in) {
  const Source *src = source_of(c, in);
  if (source_of(c, d->label[0].at) == src) return d->label[0];
  for (int k = d->nframe - 1; k >= 0; k--)
    if (source_of(c, d->frame[k].call) == src)
      return (Label){.at = d->frame[k].call, .len = source_word(c, d->frame[k].call)};
  return (Label){0};
}

const char *diag_lsp(Ctx *c, int i, const DiagLsp *lsp) {
  DiagView v;
  const Diag *d;
  if (!diag_view(c, i, &v, &d)) return NULL;
  Str s = {.c = c};
  Label l = place_in(c, d, lsp->in);
  bool here = l.at == d->label[0].at;
  if (!l.at) l = (Label){.at = lsp->elsewhere(lsp->user, v.at.file), .len = 1};
  str_puts(&s, "{");
  put_range(c, &s, &l);
  const char *where = here || !v.at.line ? "" : ctx_strf(c, "%s:%d: ", v.at.file, v.at.line);
  put_kind(&s, &v, ctx_strf(c, "%s%s%s%s", where, v.msg, *v.help ? "\n" : "", v.help));
  if (!here && v.at.line) put_related(c, &s, d->label[0], v.msg, 0, lsp);
  put_others(c, &s, d, !here && v.at.line, lsp);
  return s.s;
}
