/* SPDX-License-Identifier: Apache-2.0 */
/* Words of other languages and libraries, and what is written here instead: the table is foreign.def. */
#include "frontend/syntax/foreign.h"
#include <ctype.h>
#include <string.h>

static const struct {
  uint8_t kind;
  const char *word, *help;
} ROWS[] = {
#define FOREIGN(kind, word, help) {FOREIGN_##kind, word, help},
#include "frontend/syntax/foreign.def"
#undef FOREIGN
};

static const char *const MODULES[] = {"torch",  "nn",   "F",   "np",    "numpy", "tf",     "keras",
                                      "layers", "jnp",  "jax", "optim", "linen", "math",   "torchvision",
                                      "einops", "init", "K",   "lax",   "pd",    "sklearn"};

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Whether it is one of the words, which have spaces between them. */
static bool one_of(const char *words, const char *word) {
  size_t n = strlen(word), len;
  for (; *words; words += len + (words[len] == ' ')) {
    len = strcspn(words, " ");
    if (len == n && !memcmp(words, word, n)) return true;
  }
  return false;
}

const char *foreign_help(ForeignKind kind, const char *word) {
  for (size_t i = 0; i < COUNT(ROWS); i++)
    if (ROWS[i].kind == kind && one_of(ROWS[i].word, word)) return ROWS[i].help;
  return NULL;
}

const char *foreign_symbol(const char *s, size_t n, size_t *len) {
  for (size_t i = 0; i < COUNT(ROWS); i++) {
    size_t k = strlen(ROWS[i].word);
    if (ROWS[i].kind != FOREIGN_SYMBOL || k > n || memcmp(s, ROWS[i].word, k) != 0) continue;
    *len = k;
    return ROWS[i].help;
  }
  return NULL;
}

const char *foreign_name(Ctx *c, const char *word, const char *tensor) {
  const char *help = foreign_help(FOREIGN_NAME, word);
  if (!help || !strchr(help, '$')) return help;
  Str s = {.c = c};
  for (; *help; help++)
    if (*help == '$') str_puts(&s, tensor);
    else str_put(&s, help, 1);
  return s.s;
}

bool foreign_module(const char *dotted) {
  size_t n = strcspn(dotted, ".");
  for (size_t i = 0; dotted[n] && i < COUNT(MODULES); i++)
    if (strlen(MODULES[i]) == n && !memcmp(MODULES[i], dotted, n)) return true;
  return false;
}

/* Without case, underscores, and `loss` at the end; cut to what fits. */
static void plain(const char *name, char *to, size_t size) {
  size_t n = 0;
  for (; *name && n + 1 < size; name++)
    if (*name != '_') to[n++] = (char)tolower((unsigned char)*name);
  if (n > 4 && !memcmp(to + n - 4, "loss", 4)) n -= 4;
  to[n] = 0;
}

bool foreign_same(const char *a, const char *b) {
  char x[64], y[64];
  plain(a, x, sizeof x);
  plain(b, y, sizeof y);
  return *x && !strcmp(x, y);
}
