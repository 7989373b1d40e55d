/* SPDX-License-Identifier: Apache-2.0 */
/* The printed form of a diagnostic: header, location, source lines with marks, help, the chain of instantiations. */
#include "diag_state.h"
#include "utf8.h"
#include <string.h>

enum {
  TAB = 4,
  VIEW = 160 /* columns of a source line that are shown */,
  LEAD = 60 /* of them before the first mark */,
  FRAMES = 8
};

static const char RED[] = "\033[1;31m", YELLOW[] = "\033[1;33m", BLUE[] = "\033[1;34m", BOLD[] = "\033[1m",
                  OFF[] = "\033[0m";

typedef struct Pen {
  Ctx *c;
  Str out;
  bool color;
  int gutter; /* digits of the largest line number shown */
} Pen;

static void pen(Pen *p, const char *style) {
  if (p->color) str_puts(&p->out, style);
}

/* Text of messages: what could disturb a terminal becomes U+FFFD; newlines stay. */
static void put_safe(Pen *p, const char *s) {
  for (size_t n = strlen(s); n;) {
    int used, width;
    bool ok = utf8_step(s, n, &used, &width) || *s == '\n';
    str_put(&p->out, ok ? s : "\xEF\xBF\xBD", ok ? (size_t)used : 3);
    s += used;
    n -= (size_t)used;
  }
}

static void spaces(Pen *p, int n) {
  for (; n > 0; n--) str_put(&p->out, " ", 1);
}

static void gutter(Pen *p, int line) {
  pen(p, BLUE);
  if (line) str_printf(&p->out, "%*d |", p->gutter, line);
  else {
    spaces(p, p->gutter + 1);
    str_puts(&p->out, "|");
  }
  pen(p, OFF);
}

/* Columns that s[0..n) takes when it begins in column `col`. */
static int columns(const char *s, size_t n, int col) {
  int from = col;
  for (size_t i = 0; i < n;) {
    int used, width;
    utf8_step(s + i, n - i, &used, &width);
    col += s[i] == '\t' ? TAB - col % TAB : width;
    i += (size_t)used;
  }
  return col - from;
}

/* The line's columns [from, from + VIEW), the rest shown as `...`. */
static void put_line(Pen *p, const char *s, size_t n, int from) {
  int col = 0;
  if (n) str_puts(&p->out, from ? " ..." : " ");
  for (size_t i = 0; i < n;) {
    int used, width;
    bool tab = s[i] == '\t', ok = utf8_step(s + i, n - i, &used, &width);
    if (tab) width = TAB - col % TAB;
    if (col >= from + VIEW) {
      str_puts(&p->out, "...");
      break;
    }
    if (col >= from) {
      if (tab) spaces(p, width);
      else str_put(&p->out, ok ? s + i : "\xEF\xBF\xBD", ok ? (size_t)used : 3);
    }
    col += width;
    i += (size_t)used;
  }
  str_puts(&p->out, "\n");
}

typedef struct Mark {
  int col, width;
  const Label *label;
} Mark;

static Mark mark_make(Pen *p, const Source *src, const Label *l) {
  size_t n;
  const char *s = source_line_text(p->c, src, source_line(p->c, src, l->at), &n);
  size_t off = (size_t)(src->text + (l->at - src->start) - s), len = l->len < 1 ? 1 : (size_t)l->len;
  if (off > n) off = n; /* at the line's end */
  if (len > n - off) len = n - off ? n - off : 1;
  int col = columns(s, off, 0), width = off < n ? columns(s + off, len, col) : 1;
  return (Mark){col, width < 1 ? 1 : width, l};
}

static int mark_column(const Mark *m, int from) {
  int at = m->col - from + (from ? 3 : 0);
  return at > VIEW + 3 ? VIEW + 3 : at;
}

/* Returns the column after the mark. */
static int mark_put(Pen *p, const Mark *m, int col, int from) {
  int at = mark_column(m, from), width = m->width;
  if (at + width > VIEW + 3) width = at < VIEW + 3 ? VIEW + 3 - at : 1;
  if (at < col) return col; /* drawn over by its neighbour */
  spaces(p, at - col);
  pen(p, m->label->primary ? RED : BLUE);
  for (int i = 0; i < width; i++) str_puts(&p->out, m->label->primary ? "^" : "-");
  pen(p, OFF);
  return at + width;
}

static void mark_text(Pen *p, const Mark *m) {
  str_puts(&p->out, " ");
  pen(p, m->label->primary ? RED : BLUE);
  put_safe(p, m->label->text);
  pen(p, OFF);
}

/* By column, the narrow one first. */
static bool mark_before(const Mark *a, const Mark *b) {
  return a->col < b->col || (a->col == b->col && a->width < b->width);
}

/* All marks of a line in one row, followed by the text of the last one; the other texts below, each under its mark. */
static void put_marks(Pen *p, Mark *m, int n, int from) {
  for (int i = 1; i < n; i++) /* few: insertion sort */
    for (int j = i; j > 0 && mark_before(&m[j], &m[j - 1]); j--) {
      Mark t = m[j];
      m[j] = m[j - 1];
      m[j - 1] = t;
    }
  gutter(p, 0);
  str_puts(&p->out, " ");
  int col = 0, shown = n - 1;
  for (int i = 0; i < n; i++) {
    int now = mark_put(p, &m[i], col, from);
    if (now == col && i == n - 1) shown = -1;
    col = now;
  }
  if (shown >= 0 && *m[shown].label->text) mark_text(p, &m[shown]);
  str_puts(&p->out, "\n");
  for (int i = n - 1; i >= 0; i--) {
    if (i == shown || !*m[i].label->text) continue;
    gutter(p, 0);
    spaces(p, mark_column(&m[i], from));
    mark_text(p, &m[i]);
    str_puts(&p->out, "\n");
  }
}

/* The lines of one source that have marks, in order. */
static void put_source(Pen *p, const Diag *d, const Source *src) {
  int last = -1;
  Mark *m = ctx_alloc(p->c, (size_t)d->nlabel * sizeof *m);
  for (;;) {
    int line = -1, n = 0, first_col = 0;
    for (int i = 0; i < d->nlabel; i++) {
      if (source_of(p->c, d->label[i].at) != src) continue;
      int k = source_line(p->c, src, d->label[i].at);
      if (k > last && (line < 0 || k < line)) line = k;
    }
    if (line < 0) return;
    for (int i = 0; i < d->nlabel; i++) {
      if (source_of(p->c, d->label[i].at) != src || source_line(p->c, src, d->label[i].at) != line) continue;
      m[n++] = mark_make(p, src, &d->label[i]);
      if (n == 1 || m[n - 1].col < first_col) first_col = m[n - 1].col;
    }
    size_t len;
    const char *s = source_line_text(p->c, src, line, &len);
    int from = columns(s, len, 0) > VIEW && first_col > LEAD ? first_col - LEAD : 0;
    gutter(p, line + 1);
    put_line(p, s, len, from);
    put_marks(p, m, n, from);
    last = line;
  }
}

static void put_location(Pen *p, const char *arrow, Loc at) {
  SourcePos pos = source_pos(p->c, at);
  spaces(p, p->gutter);
  pen(p, BLUE);
  str_puts(&p->out, arrow);
  pen(p, OFF);
  put_safe(p, pos.file);
  str_printf(&p->out, ":%d:%d\n", pos.line, pos.col);
}

static void put_sources(Pen *p, const Diag *d) {
  const Source *first = source_of(p->c, d->label[0].at);
  if (!first) return;
  put_location(p, "--> ", d->label[0].at);
  gutter(p, 0);
  str_puts(&p->out, "\n");
  put_source(p, d, first);
  for (int i = 1; i < d->nlabel; i++) {
    const Source *s = source_of(p->c, d->label[i].at);
    bool again = !s || s == first;
    for (int j = 1; j < i && !again; j++) again = source_of(p->c, d->label[j].at) == s;
    if (again) continue;
    put_location(p, "::: ", d->label[i].at);
    put_source(p, d, s);
  }
}

static void put_note(Pen *p, const char *head, const char *text) {
  spaces(p, p->gutter + 1);
  pen(p, BLUE);
  str_puts(&p->out, "= ");
  pen(p, OFF);
  pen(p, BOLD);
  str_printf(&p->out, "%s: ", head);
  pen(p, OFF);
  put_safe(p, text);
  str_puts(&p->out, "\n");
}

/* Innermost call first; of a long chain the first and the last ones. */
static void put_frames(Pen *p, const Diag *d) {
  for (int i = d->nframe - 1; i >= 0; i--) {
    int from_inside = d->nframe - 1 - i;
    if (d->nframe > FRAMES && from_inside == FRAMES - 2) {
      put_note(p, "note", ctx_strf(p->c, "... and %d calls between", d->nframe - FRAMES + 1));
      i = 1;
      continue;
    }
    SourcePos pos = source_pos(p->c, d->frame[i].call);
    if (pos.line) {
      put_note(p, "note", ctx_strf(p->c, "in `%s` called at %s:%d:%d", d->frame[i].def, pos.file, pos.line, pos.col));
    } else {
      put_note(p, "note", ctx_strf(p->c, "in `%s`", d->frame[i].def));
    }
  }
}

static void put_diag(Pen *p, const Diag *d) {
  int last = 1;
  for (int i = 0; i < d->nlabel; i++) {
    SourcePos pos = source_pos(p->c, d->label[i].at);
    if (pos.line > last) last = pos.line;
  }
  p->gutter = 1;
  for (; last >= 10; last /= 10) p->gutter++;
  pen(p, d->warn ? YELLOW : RED);
  str_printf(&p->out, "%s[E%04d]", d->warn ? "warning" : "error", d->code);
  pen(p, OFF);
  pen(p, BOLD);
  str_puts(&p->out, ": ");
  put_safe(p, d->msg);
  pen(p, OFF);
  str_puts(&p->out, "\n");
  put_sources(p, d);
  for (int i = 0; i < d->nline; i++) put_note(p, d->line[i].head, d->line[i].text);
  put_frames(p, d);
}

const char *diag_text(Ctx *c, const Diag *d) {
  if (!d->nlabel) return ""; /* one that was not kept */
  Pen p = {.c = c, .out = {.c = c}};
  put_diag(&p, d);
  return p.out.s;
}

void diag_print(Ctx *c, FILE *f, bool color) {
  DiagState *s = diag_state(c);
  Pen p = {.c = c, .out = {.c = c}, .color = color};
  for (Diag *d = s->first; d; d = d->next) {
    put_diag(&p, d);
    str_puts(&p.out, "\n");
  }
  if (s->unseen) str_printf(&p.out, "error: %d more errors are not shown\n", s->unseen);
  if (p.out.n) fwrite(p.out.s, 1, p.out.n, f);
  s->first = NULL; /* each is printed once */
  s->last = &s->first;
  s->unseen = 0;
}
