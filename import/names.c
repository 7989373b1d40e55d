// SPDX-License-Identifier: Apache-2.0
/* Names of the program: those of ONNX, as far as the language has them. */
#include "import/import.h"
#include "ir/op.h"
#include "lib/embed.h"
#include <string.h>

typedef struct Names {
  const char **name; /* interned, in a table by address */
  size_t n, cap;
} Names;

static bool add(Import *m, const char *name) {
  Names *s = m->names;
  if (2 * s->n >= s->cap) {
    Names old = *s;
    s->cap = old.cap ? 2 * old.cap : 256;
    s->n = 0;
    s->name = ctx_array(m->c, (int)s->cap, sizeof *s->name);
    for (size_t i = 0; i < old.cap; i++)
      if (old.name[i]) add(m, old.name[i]);
  }
  size_t i = (size_t)hash_bytes(&name, sizeof name, 0) % s->cap;
  while (s->name[i] && s->name[i] != name) i = (i + 1) % s->cap;
  if (s->name[i]) return false;
  s->name[i] = name;
  s->n++;
  return true;
}

/* What the language and its library call something: a binding of that name would hide it. */
static void add_reserved(Import *m) {
  static const char *const words[] = {
    "def",       "use",    "const",    "if",     "else",      "for",     "in",           "and",
    "or",        "not",    "true",     "false",  "none",      "None",    "param",        "state",
    "training",  "inf",    "nan",      "pi",     "step",      "steps",   "epoch",        "net",
    "model",     "main",   "failed",   "data",   "train",     "target",  "test",         "import",
    "dim",       "export", "grad",     "return", "scan",      "reshape", "permute",      "concat",
    "shape",     "size",   "len",      "zeros",  "ones",      "iota",    "conv",         "conv_transpose",
    "unfold",    "fold",   "pad_with", "sum",    "max",       "min",     "argmax",       "argmin",
    "cumsum",    "where",  "append",   "random", "gather",    "take",    "broadcast_to", "squeeze",
    "unsqueeze", "stack",  "split",    "einsum", "rearrange", "lowest",  "f32",          "f64",
    "f16",       "bf16",   "i8",       "i16",    "i32",       "u8",      "u16",          "u32",
    "bool",      "int",    "float",    "str",    "list",      "fn",      "any",          "i64",
    "u64"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) add(m, ctx_name(m->c, words[i]));
  for (int i = 0; i < OP_COUNT; i++)
    if (op_info[i].name) add(m, ctx_name(m->c, op_info[i].name));
  for (int i = 0; i < nembedded; i++) {
    if (strncmp(embedded[i].name, "std/", 4) && strncmp(embedded[i].name, "import/", 7)) continue;
    for (const char *p = embedded[i].text; (p = strstr(p, "\ndef ")) != NULL;) {
      p += 5;
      add(m, ctx_intern(m->c, p, strcspn(p, "(")));
    }
  }
}

const char *import_word(Ctx *c, const char *onnx) {
  Str b = {.c = c};
  if (*onnx >= '0' && *onnx <= '9') str_puts(&b, "_");
  for (const char *p = onnx; *p; p++) {
    bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
    str_printf(&b, "%c", letter ? *p : '_');
  }
  return b.n ? b.s : "_";
}

const char *import_name(Import *m, const char *onnx, const char *otherwise) {
  if (!m->names) {
    m->names = ctx_alloc(m->c, sizeof *m->names);
    add_reserved(m);
  }
  const char *base = import_word(m->c, *onnx ? onnx : otherwise), *name = ctx_name(m->c, base);
  for (int i = 1; !add(m, name); i++) name = ctx_name(m->c, ctx_strf(m->c, "%s_%d", base, i));
  return name;
}
