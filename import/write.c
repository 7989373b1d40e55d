// SPDX-License-Identifier: Apache-2.0
/* The program: a def for the net and for each of its modules, the export, and the operators that it needs. */
#include "import/print.h"
#include "lib/embed.h"
#include <string.h>

static void put_ports(Import *m, const Program *p, Str *b) {
  for (int i = 0; i < m->nin; i++) str_printf(b, "%s%s: %s", i ? ", " : "", m->in[i].name, p->thing[i].type);
}

/* The text of a def of onnx.nn, with the comment above it; NULL: there is none. */
static const char *def_text(const char *all, const char *name, size_t n, size_t *length) {
  for (const char *p = all; (p = strstr(p, "\ndef ")) != NULL; p++) {
    if (strncmp(p + 5, name, n) || p[5 + n] != '(') continue;
    const char *start = p + 1, *end = strstr(start, "\n\n");
    while (start > all + 1 && start[-2] != '\n') { /* a comment line above */
      const char *line = start - 2;
      while (line > all && line[-1] != '\n') line--;
      if (*line != '#') break;
      start = line;
    }
    *length = end ? (size_t)(end + 1 - start) : strlen(start);
    return start;
  }
  return NULL;
}

/* Adds each def `onnx_...` that the text names, and those that they name, once. */
static void put_defs(Str *b) {
  size_t n, length;
  const char *all = embed_text("import/onnx.nn", &n), *done[128];
  int ndone = 0;
  for (size_t at = 0; at < b->n; at++) {
    const char *p = strstr(b->s + at, "onnx_");
    if (!p) return;
    at = (size_t)(p - b->s) + 5;
    size_t k = strspn(p, "abcdefghijklmnopqrstuvwxyz_0123456789");
    const char *text = def_text(all, p, k, &length);
    bool seen = !text;
    for (int i = 0; i < ndone; i++) seen |= done[i] == text;
    if (seen || ndone == 128) continue;
    done[ndone++] = text;
    str_puts(b, "\n");
    str_put(b, text, length);
  }
}

/* ---- names of weights: the path of calls to them ---- */

/* Of the call of g in the group around it: the def's name, with its number if there are several. */
static const char *call_path(Ctx *c, const Group *g) {
  int n = 0, at = 0;
  if (!g->up) return "";
  for (int i = 0; i < g->up->nunit; i++) {
    const Group *kid = g->up->unit[i].group;
    n += kid && kid->def == g->def;
    if (kid == g) at = n;
  }
  const char *up = call_path(c, g->up);
  return n == 1 ? ctx_strf(c, "%s%s.", up, g->def->name) : ctx_strf(c, "%s%s_%d.", up, g->def->name, at);
}

static void name_weights(Import *m, const Printer *t, const Def *d, bool *named) {
  const Group *first = d->of[0];
  for (int i = 0; i < d->nof; i++) {
    const Group *g = d->of[i];
    const char *path = g->nweight ? call_path(m->c, g) : "";
    for (int k = 0; k < g->nweight; k++) {
      int at = t->p->thing[g->weight[k]].at;
      m->weight[at].name = ctx_strf(m->c, "%s%s", path, t->local[first->weight[k]]);
      named[at] = true;
    }
  }
}

static void put_program(Import *m, Program *p, Str *b) {
  Group *root = program_outline(p);
  Defs defs = program_defs(p, root);
  Printer t = {.p = p, .c = m->c, .defs = &defs, .b = {.c = m->c}};
  bool *named = ctx_array(m->c, m->nweight, sizeof *named);
  t.local = ctx_array(m->c, p->nthing, sizeof *t.local);
  t.reads = ctx_array(m->c, p->nthing, sizeof *t.reads);
  for (int i = 0; i < defs.n; i++) {
    print_def(&t, defs.def[i]);
    name_weights(m, &t, defs.def[i], named);
  }
  int n = 0;
  for (int i = 0; i < m->nweight; i++) /* nothing reads the others */
    if (named[i]) m->weight[n++] = m->weight[i];
  m->nweight = n;
  str_put(b, t.b.s, t.b.n);
}

static const char *text_of(Import *m, Program *p, const char *source, int64_t bound, size_t *n) {
  Str b = {.c = m->c}, names = {.c = m->c};
  str_printf(&b, "# Written by `gradc import %s`. Weights: model.safetensors.\n", source);
  str_puts(&b, "# After each line: the ONNX nodes that it is from.\n");
  if (p->open) str_printf(&b, "dim %s <= %lld\n", p->open, (long long)bound);
  str_puts(&b, "\n");
  put_program(m, p, &b);
  str_puts(&b, "use net = model()\n\nexport def main(");
  put_ports(m, p, &b);
  for (int i = 0; i < m->nin; i++) str_printf(&names, "%s%s", i ? ", " : "", m->in[i].name);
  str_printf(&b, ") {\n    net(%s)\n}\n", names.s ? names.s : "");
  if (m->tests) str_puts(&b, m->tests);
  put_defs(&b);
  *n = b.n;
  return b.s;
}

const char *import_text(Import *m, const char *source, size_t *n) {
  Program p = program_of(m);
  return text_of(m, &p, source, 0, n);
}

const char *import_open(Import *m, const char *source, const int64_t *size, const char *name, int64_t bound, bool *used,
                        size_t *n) {
  Program p[OPEN_SIZES], all;
  for (int i = 0; i < OPEN_SIZES; i++) p[i] = program_of(&m[i]);
  if (!program_open(&all, p, size, name, used)) return NULL;
  return text_of(&m[0], &all, source, bound, n);
}
