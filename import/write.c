// SPDX-License-Identifier: Apache-2.0
/* The text of the program: the net as a def with its weights, the export, and the operators that it needs. */
#include "import/import.h"
#include "lib/embed.h"
#include <string.h>

static void put_ports(Import *m, Str *b, bool exported) {
  for (int i = 0; i < m->nin; i++) {
    const char *name = exported ? m->in[i].name : m->in[i].v->text;
    str_printf(b, "%s%s: %s", i ? ", " : "", name, type_of(m->c, &m->in[i].v->s));
  }
}

static void put_weights(Import *m, Str *b) {
  for (int i = 0; i < m->nweight; i++)
    str_printf(b, "    %s %s: %s = 0\n", m->weight[i].param ? "param" : "state", m->weight[i].name,
               type_of(m->c, &m->weight[i].v->s));
}

static void put_results(Import *m, Str *b) {
  str_puts(b, m->nout == 1 ? "    " : "    [");
  for (int i = 0; i < m->nout; i++) str_printf(b, "%s%s", i ? ", " : "", onnx_text(m, m->out[i].v));
  str_puts(b, m->nout == 1 ? "\n" : "]\n");
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

const char *import_text(Import *m, const char *source, size_t *n) {
  Str b = {.c = m->c}, names = {.c = m->c};
  str_printf(&b, "# Written by `gradc import %s`. Weights: model.safetensors.\n", source);
  str_puts(&b, m->nin + m->nweight || m->body.n ? "def model(" : "def model(");
  put_ports(m, &b, false);
  str_puts(&b, ") {\n");
  put_weights(m, &b);
  if (m->body.n) str_put(&b, m->body.s, m->body.n);
  put_results(m, &b);
  str_puts(&b, "}\n\nuse net = model()\n\nexport def main(");
  put_ports(m, &b, true);
  for (int i = 0; i < m->nin; i++) str_printf(&names, "%s%s", i ? ", " : "", m->in[i].name);
  str_printf(&b, ") {\n    net(%s)\n}\n", names.s ? names.s : "");
  if (m->tests) str_puts(&b, m->tests);
  put_defs(&b);
  *n = b.n;
  return b.s;
}
