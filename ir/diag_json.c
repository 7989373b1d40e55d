/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics as JSON, with the members of the Language Server Protocol's Diagnostic. */
#include "diag_state.h"
#include "utf8.h"
#include <string.h>

enum { LSP_ERROR = 1, LSP_WARNING = 2 };

/* UTF-16 code units of s[0..n): the unit of columns in the protocol. */
static int utf16_units(const char *s, size_t n) {
  int units = 0, used, width;
  for (size_t i = 0; i < n; i += (size_t)used) {
    utf8_step(s + i, n - i, &used, &width);
    units += used == 4 ? 2 : 1;
  }
  return units;
}

/* Line and columns from 0. A location in no text is the first line; one after the end of its line is cut there. */
static void put_range(Ctx *c, Str *s, const Label *l) {
  const Source *src = source_of(c, l->at);
  int line = 0, from = 0, to = 0;
  if (src && src->at_line) line = src->at_line - 1, from = to = src->at_col - 1;
  else if (src) {
    size_t n;
    line = source_line(c, src, l->at);
    const char *text = source_line_text(c, src, line, &n);
    size_t off = (size_t)(src->text + (l->at - src->start) - text), len = l->len < 1 ? 1 : (size_t)l->len;
    if (off > n) off = n;
    if (len > n - off) len = n - off;
    from = utf16_units(text, off);
    to = from + utf16_units(text + off, len);
  }
  str_printf(s, "\"range\":{\"start\":{\"line\":%d,\"character\":%d},\"end\":{\"line\":%d,\"character\":%d}}", line,
             from, line, to);
}

static void put_place(Ctx *c, Str *s, const Label *l) {
  str_puts(s, "\"uri\":");
  str_json(s, source_pos(c, l->at).file);
  str_puts(s, ",");
  put_range(c, s, l);
}

static void put_related(Ctx *c, Str *s, Label l, const char *text, bool first) {
  str_puts(s, first ? ",\"relatedInformation\":[{\"location\":{" : ",{\"location\":{");
  put_place(c, s, &l);
  str_puts(s, "},\"message\":");
  str_json(s, text);
  str_puts(s, "}");
}

const char *diag_json(Ctx *c, int i) {
  DiagView v;
  const Diag *d;
  if (!diag_view(c, i, &v, &d)) return NULL;
  Str s = {.c = c};
  str_puts(&s, "{");
  put_place(c, &s, &d->label[0]);
  str_printf(&s,
             ",\"severity\":%d,\"code\":\"E%04d\",\"source\":\"gradc\",\"message\":", v.warn ? LSP_WARNING : LSP_ERROR,
             v.code);
  str_json(&s, v.msg);
  if (*v.help) {
    str_puts(&s, ",\"help\":");
    str_json(&s, v.help);
  }
  int n = 0;
  for (int k = 1; k < d->nlabel; k++)
    if (*d->label[k].text) put_related(c, &s, d->label[k], d->label[k].text, !n++);
  for (int k = d->nframe - 1; k >= 0; k--)
    if (d->frame[k].call)
      put_related(c, &s, (Label){.at = d->frame[k].call, .len = 1}, ctx_strf(c, "in `%s`", d->frame[k].def), !n++);
  str_puts(&s, n ? "]}" : "}");
  return s.s;
}
