/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/cuda/definitions.h"
#include <ctype.h>
#include <string.h>

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

static bool begins(const char *line, const char *word) { return !strncmp(line, word, strlen(word)); }

static const char *next_line(const char *s, const char *end) {
  const char *line = memchr(s, '\n', (size_t)(end - s));
  return line ? line + 1 : end;
}

static const char *const BEGINNING[] = {"#define", "GC_DEVICE", "GC_KERNEL", "GC_TABLE", "typedef", "extern"};

static bool begins_definition(const char *line) {
  for (size_t i = 0; i < sizeof BEGINNING / sizeof *BEGINNING; i++)
    if (begins(line, BEGINNING[i])) return true;
  return false;
}

/* The name that a definition defines: of a macro the first word, of a type the last one, else the one before the first
 * parenthesis or bracket, after the parameters of GC_KERNEL. */
static void find_name(Definition *x) {
  const char *s = x->text, *end = s + x->n;
  bool macro = begins(s, "#define "), type = begins(s, "typedef"), function = x->kernel || begins(s, "GC_DEVICE");
  if (macro) s += strlen("#define ");
  if (x->kernel) s += strcspn(s, ")") + 1;
  for (bool word = false; s < end; s++) {
    if (is_word(*s)) x->name_n = word ? x->name_n + 1 : 1, x->name = s + 1 - x->name_n, word = true;
    else if (macro || (type ? begins(s, ";\n") || begins(s, "; /*") : *s == (function ? '(' : '['))) return;
    else word = false;
  }
}

void definitions_add(Definitions *d, const char *s, size_t n) {
  for (const char *end = s + n; s < end;) {
    const char *from = s;
    bool macro = begins(s, "#define"), defines = begins_definition(s), around = *s == '#' && !macro;
    s = next_line(s, end);
    while (defines && s < end && (macro ? s[-2] == '\\' : *s == ' ' || *s == '}')) s = next_line(s, end);
    if (!defines && !around) continue;
    Definition *x = VEC_PUSH(d->c, d->v, d->n, d->cap);
    *x = (Definition){.text = from, .n = (size_t)(s - from), .kernel = begins(from, "GC_KERNEL")};
    if (defines) find_name(x);
  }
}

void definitions_use(Definitions *d, const char *s, size_t n) {
  for (const char *end = s + n; s < end;) {
    const char *word = s;
    while (s < end && is_word(*s)) s++;
    size_t k = (size_t)(s - word);
    for (int i = 0; k && i < d->n; i++) {
      Definition *x = &d->v[i];
      if (x->used || x->name_n != k || memcmp(x->name, word, k)) continue;
      x->used = true;
      definitions_use(d, x->text, x->n);
    }
    if (!k) s++;
  }
}

/* True: something is used between the line of the preprocessor i and the end of what it begins. */
static bool has_use(const Definitions *d, int i) {
  for (int depth = 0; i < d->n; i++) {
    const Definition *x = &d->v[i];
    if (x->used) return true;
    if (begins(x->text, "#if")) depth++;
    if (begins(x->text, "#endif") && !--depth) return false;
  }
  return false;
}

void definitions_put(const Definitions *d, Str *out) {
  bool open[8] = {false};
  for (int i = 0, depth = 0; i < d->n; i++) {
    const Definition *x = &d->v[i];
    bool put = x->used;
    if (begins(x->text, "#if") && depth < 8) put = open[depth++] = has_use(d, i);
    if (begins(x->text, "#endif") && depth) put = open[--depth];
    if (put) str_put(out, x->text, x->n);
  }
}
