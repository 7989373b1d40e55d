/* SPDX-License-Identifier: Apache-2.0 */
/* Elementary functions: prints the sections of prim.h that a program uses. */
#include "codegen/text/text.h"
#include <string.h>

/* Splits a file at its section marks. A section that is an #include is replaced by the sections of that file. */
static void find_sections(Emitter *p, const char *file) {
  static const char include[] = "#include \"";
  size_t n;
  const char *s = p->o->builtin(file, &n), *next;
  for (s = s ? strstr(s, "/*@ ") : NULL; s; s = next) {
    const char *colon = strchr(s, ':'), *end = strstr(s, "*/");
    if (!colon || !end || colon > end) return;
    const char *text = end + 2 + (end[2] == '\n'), *needs = colon + 1, *name = text + sizeof include - 1;
    while (*needs == ' ') needs++;
    next = strstr(text, "/*@ ");
    n = next ? (size_t)(next - text) : strlen(text);
    while (n && text[n - 1] == '\n') n--;
    if (!strncmp(text, include, sizeof include - 1))
      find_sections(p, ctx_strf(p->c, "prim/%.*s", (int)strcspn(name, "\""), name));
    else
      *VEC_PUSH(p->c, p->section, p->nsection, p->capsection) =
        (PrimSection){.name = ctx_intern(p->c, s + 4, (size_t)(colon - s - 4)),
                      .needs = ctx_intern(p->c, needs, (size_t)(end - needs)),
                      .text = text,
                      .n = n};
  }
}

static void use_section(Emitter *p, PrimForm form, const char *want) {
  if (!p->nsection) find_sections(p, "prim/prim.h");
  for (int i = 0; i < p->nsection; i++) {
    if (strcmp(p->section[i].name, want)) continue;
    if (p->section[i].used[form]) return;
    p->section[i].used[form] = true;
    for (const char *s = p->section[i].needs; *s; s += strspn(s, " ")) {
      size_t n = strcspn(s, " ");
      if (n) use_section(p, form, ctx_intern(p->c, s, n));
      s += n;
    }
    return;
  }
  diag_error(p->c, E_INTERNAL, 0, 1, "internal: prim.h has no section `%s`", want);
}

void prim_use_form(Emitter *p, PrimForm form, const char *want) {
  p->prim[form] = true;
  use_section(p, form, want);
}

void prim_use(Emitter *p, const char *want) { prim_use_form(p, PRIM_SCALAR, want); }

void prim_print_form(Emitter *p, PrimForm form, const char *types, Str *out) {
  if (!p->prim[form]) return;
  str_puts(out, types);
  use_section(p, form, "vocabulary");
  use_section(p, form, "end");
  for (int i = 0; i < p->nsection; i++)
    if (p->section[i].used[form]) str_printf(out, "%.*s\n\n", (int)p->section[i].n, p->section[i].text);
}

/* Of a line that begins a condition: whether it holds; -1: that is not known. */
static int condition(const char *line) {
  static const struct {
    const char *text;
    int holds;
  } known[] = {{"#if PRIM_LANES == 1\n", 1}, {"#if PRIM_LANES > 1\n", 0}, {"#ifndef PRIM_BY_FLAGS\n", 1}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (!strncmp(line, known[i].text, strlen(known[i].text))) return known[i].holds;
  return -1;
}

void text_put_live(Str *out, const char *text, size_t n) {
  enum { DEPTH = 16 };
  int state[DEPTH] = {-1}, depth = 0, off = 0; /* off: how many of the conditions do not hold */
  for (const char *line = text, *next; line < text + n; line = next) {
    size_t left = (size_t)(text + n - line);
    const char *end = memchr(line, '\n', left);
    next = end ? end + 1 : text + n;
    bool opens = !strncmp(line, "#if", 3), other = !strncmp(line, "#else", 5), closes = !strncmp(line, "#endif", 6);
    if (opens && depth + 1 < DEPTH) state[++depth] = condition(line), off += !state[depth];
    bool known = depth && state[depth] >= 0 && (opens || other || closes);
    if (other && known) off += state[depth] ? 1 : -1, state[depth] = !state[depth];
    if (!known && !off) str_put(out, line, (size_t)(next - line));
    if (closes && depth) off -= !state[depth--];
  }
}

void prim_print(Emitter *p, Str *out) {
  Str text = {.c = p->c};
  prim_print_form(p, PRIM_SCALAR,
                  "#define PRIM(name) p_##name\n#define PRIM_F float\n#define PRIM_I int32_t\n"
                  "#define PRIM_U uint32_t\n#define PRIM_D double\n",
                  &text);
  text_put_live(out, text.s ? text.s : "", text.n);
}

/* Whether the text calls a function that the section defines. */
static bool calls_section(Ctx *c, const PrimSection *x, const char *text) {
  static const char mark[] = "PRIM(";
  for (const char *line = x->text; line && line < x->text + x->n; line = strchr(line, '\n'), line += line != NULL) {
    if (strncmp(line, "static", 6)) continue;
    const char *at = strstr(line, mark) + strlen(mark);
    if (strstr(text, ctx_strf(c, "p_%.*s(", (int)strcspn(at, ")"), at))) return true;
  }
  return false;
}

void prim_print_called(Emitter *p, const char *text, Str *out) {
  bool *used = ctx_array(p->c, p->nsection, sizeof *used), any = p->prim[PRIM_SCALAR];
  for (int i = 0; i < p->nsection; i++)
    used[i] = p->section[i].used[PRIM_SCALAR], p->section[i].used[PRIM_SCALAR] = false;
  p->prim[PRIM_SCALAR] = false;
  for (int i = 0; i < p->nsection; i++)
    if (used[i] && calls_section(p->c, &p->section[i], text)) prim_use(p, p->section[i].name);
  prim_print(p, out);
  for (int i = 0; i < p->nsection; i++) p->section[i].used[PRIM_SCALAR] = used[i];
  p->prim[PRIM_SCALAR] = any;
}
