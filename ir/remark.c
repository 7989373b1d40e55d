/* SPDX-License-Identifier: Apache-2.0 */
#include "remark.h"
#include <stdlib.h>
#include <string.h>

const char *const remark_kind[REMARK_COUNT] = {
#define X(kind, name) name,
  REMARK_KINDS(X)
#undef X
};

void remark(Module *m, RemarkKind kind, Loc at, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const char *text = ctx_vstrf(m->c, fmt, ap);
  va_end(ap);
  SourcePos p = source_pos(m->c, at);
  *VEC_PUSH(m->c, m->remark, m->nremark, m->capremark) = (Remark){p.file, p.line, (int)kind, m->nremark, text};
}

const char *remark_node(const Graph *g, Id n) {
  const char *path = scope_path(g->m, source_scope(g->m->c, node_get(g, n)->loc));
  return ctx_strf(g->m->c, "`%s` %s%s%s", node_info(g, n)->name, type_text(g->m, node_get(g, n)->type),
                  *path ? " of " : "", path);
}

const char *remark_line(const Graph *g, Id n) {
  int line = source_pos(g->m->c, node_get(g, n)->loc).line;
  return line ? ctx_strf(g->m->c, " (line %d)", line) : "";
}

static int order(const void *x, const void *y) {
  const Remark *a = x, *b = y;
  int file = strcmp(a->file, b->file);
  if (file) return file;
  if (a->line != b->line) return a->line - b->line;
  return a->kind != b->kind ? a->kind - b->kind : a->number - b->number;
}

/* The same text for a line, from several graphs, is printed once. */
static bool repeats(const Remark *r, int i) {
  for (int k = i - 1; k >= 0 && r[k].line == r[i].line && r[k].kind == r[i].kind && i - k < 1000; k--)
    if (!strcmp(r[k].text, r[i].text)) return true;
  return false;
}

const char *remarks_text(const Module *m) {
  Str s = {.c = m->c};
  if (!m->nremark) return "";
  qsort(m->remark, (size_t)m->nremark, sizeof *m->remark, order);
  for (int i = 0; i < m->nremark; i++) {
    const Remark *r = &m->remark[i];
    if (repeats(m->remark, i)) continue;
    if (r->line) str_printf(&s, "%s:%d: %s: %s\n", r->file, r->line, remark_kind[r->kind], r->text);
    else str_printf(&s, "%s: %s: %s\n", m->file ? m->file : "model", remark_kind[r->kind], r->text);
  }
  return s.s ? s.s : "";
}
