/* SPDX-License-Identifier: Apache-2.0 */
/* Helper functions of generated code. Only those that it calls are printed. */
#include "codegen/text/graph.h"
#include <string.h>

/* Common to all targets, unless their own ones have the name. $P: PANEL_WIDTH. */
static const HelperText HELPERS[] = {
  {"gc_clamp", "static inline ptrdiff_t gc_clamp(ptrdiff_t i, ptrdiff_t n) {\n"
               "  return i < 0 ? 0 : i < n ? i : n - 1;\n}\n\n"},
  {"gc_clamp64", "static inline ptrdiff_t gc_clamp64(int64_t i, ptrdiff_t n) {\n"
                 "  return i < 0 ? 0 : i < n ? (ptrdiff_t)i : n - 1;\n}\n\n"},
  {"gc_finite", "static inline int gc_finite(float x) {\n  union { float f; uint32_t i; } u;\n  u.f = x;\n"
                "  return (u.i & 0x7f800000u) != 0x7f800000u;\n}\n\n"},
  {"gc_minus_zero",
   "/* -0 as a value that compilers do not know: clang 14 reads x < 0 ? -0.0f : x as x <= 0 ? -0.0f : x. */\n"
   "static inline float gc_minus_zero(void) {\n  const volatile float x = -0.0f;\n  return x;\n}\n\n"},
  {"gc_rows", "/* Copies rows of `bytes`, `dstep` and `sstep` bytes apart. */\n"
              "static inline void gc_rows(unsigned char *d, ptrdiff_t dstep, const unsigned char *s, "
              "ptrdiff_t sstep,\n"
              "                           ptrdiff_t rows, ptrdiff_t bytes) {\n"
              "  for (ptrdiff_t r = 0; r < rows; r++)\n"
              "    for (ptrdiff_t i = 0; i < bytes; i++) d[r * dstep + i] = s[r * sstep + i];\n}\n\n"},
  {"gc_panel_at", "/* Offset of an element of a matrix in panels; `at`: its row-major index. */\n"
                  "static inline ptrdiff_t gc_panel_at(ptrdiff_t at, ptrdiff_t cols, ptrdiff_t rows) {\n"
                  "  const ptrdiff_t c = at % cols, q = c / $P * $P, wide = cols - q < $P ? cols - q : $P;\n"
                  "  return q * rows + at / cols * wide + c - q;\n}\n\n"},
  {NULL, NULL},
};

static void put_helper(Str *out, const char *text) {
  for (; *text; text++) {
    if (*text != '$') {
      str_put(out, text, 1);
      continue;
    }
    str_printf(out, "%d", PANEL_WIDTH);
    text++;
  }
}

static const HelperText *find_helper(const HelperText *h, const char *name) {
  for (; h && h->name; h++)
    if (!strcmp(h->name, name)) return h;
  return NULL;
}

static bool is_used(const Emitter *p, const HelperText *h) {
  for (int i = 0; i < p->nhelper; i++)
    if (p->helper[i] == h) return true;
  return false;
}

void helper_use(Emitter *p, const char *name) {
  const HelperText *h = find_helper(p->target->helpers, name);
  if (!h) h = find_helper(HELPERS, name);
  if (!h) diag_error(p->c, E_INTERNAL, 0, 1, "internal: the target `%s` has no helper `%s`", p->target->name, name);
  else if (!is_used(p, h)) *VEC_PUSH(p->c, p->helper, p->nhelper, p->caphelper) = h;
}

bool helper_used(const Emitter *p, const char *name) {
  for (int i = 0; i < p->nhelper; i++)
    if (!strcmp(p->helper[i]->name, name)) return true;
  return false;
}

static void put_used(const Emitter *p, const HelperText *h, Str *out) {
  for (; h && h->name; h++)
    if (is_used(p, h)) put_helper(out, h->text);
}

void helpers_print(Emitter *p, Str *out) {
  put_used(p, HELPERS, out);
  put_used(p, p->target->helpers, out);
  if (p->helpers.n) str_put(out, p->helpers.s, p->helpers.n);
}
