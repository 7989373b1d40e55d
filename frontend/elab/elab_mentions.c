/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/elab/elab_mentions.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void mention(Elab *e, Mentions *m, const char *name, int line, bool binds) {
  *VEC_PUSH(e->c, m->of, m->n, m->cap) = (Mention){name, line, binds};
}

void mention_reads(Elab *e, Mentions *m, const Ast *a, int line) {
  if (!a) return;
  if (a->kind == AST_NAME) {
    const char *dot = strchr(a->text, '.');
    mention(e, m, a->text, line, false);
    for (; dot; dot = strchr(dot + 1, '.'))
      mention(e, m, ctx_intern(e->c, a->text, (size_t)(dot - a->text)), line, false);
  }
  for (int i = a->kind == AST_BIND ? a->n - 1 : 0; i < a->n; i++) mention_reads(e, m, a->kid[i], line);
  for (int i = 0; a->hints && i < a->hints->n; i++) mention_reads(e, m, a->hints->kid[i], line);
}

/* By name (names are unique pointers), line, reads first. */
static int order(const void *x, const void *y) {
  const Mention *a = x, *b = y;
  if (a->name != b->name) return (uintptr_t)a->name < (uintptr_t)b->name ? -1 : 1;
  return a->line != b->line ? (a->line > b->line) - (a->line < b->line) : a->binds - b->binds;
}

void mentions_sort(Mentions *m) {
  if (m->n) qsort(m->of, (size_t)m->n, sizeof *m->of, order);
}

Mentions mentions_of_lines(Elab *e, const Ast *block) {
  Mentions m = {NULL, 0, 0};
  for (int i = 0; i < block->n; i++) mention_reads(e, &m, block->kid[i], i);
  mentions_sort(&m);
  return m;
}

const Mention *mentions_first(const Mentions *m, const char *name, int line) {
  Mention key = {name, line, false};
  int low = 0, high = m->n;
  while (low < high) {
    int at = low + (high - low) / 2;
    if (order(&m->of[at], &key) < 0) low = at + 1;
    else high = at;
  }
  return low < m->n && m->of[low].name == name ? &m->of[low] : NULL;
}
