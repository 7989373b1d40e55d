/* SPDX-License-Identifier: Apache-2.0 */
/* Mutates a text: bytes changed, pieces left out, repeated or moved, tokens of the same text in other places, brackets,
 * very long runs. The result is determined by seed and text. */
#ifndef BAD_MUTATE_H
#define BAD_MUTATE_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t mutate_state;
static size_t mutate_rnd(size_t n) {
  mutate_state = mutate_state * 6364136223846793005u + 1442695040888963407u;
  return n ? (size_t)(mutate_state >> 33) % n : 0;
}

typedef struct Mutant {
  char *s;
  size_t n;
} Mutant; /* s: malloc memory */

static void splice(Mutant *t, size_t at, size_t drop, const char *p, size_t n) {
  if (at > t->n) at = t->n;
  if (drop > t->n - at) drop = t->n - at;
  char *s = malloc(t->n - drop + n + 1);
  if (!s) exit(2);
  memcpy(s, t->s, at);
  memcpy(s + at, p, n);
  memcpy(s + at + n, t->s + at + drop, t->n - at - drop);
  free(t->s);
  t->s = s;
  t->n = t->n - drop + n;
}

static size_t line_at(const Mutant *t, size_t at, size_t *n) {
  while (at > 0 && t->s[at - 1] != '\n') at--;
  size_t end = at;
  while (end < t->n && t->s[end] != '\n') end++;
  *n = end - at + (end < t->n);
  return at;
}

static size_t word_at(const Mutant *t, size_t at, size_t *n) {
  size_t end = at;
  while (end < t->n && end < at + 24 && t->s[end] > ' ') end++;
  *n = end - at;
  return at;
}

static void mutate_once(Mutant *t) {
  static const char *const some[] = {
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "=",
    ":=",
    "|>",
    "@",
    "...",
    "'",
    "\"",
    "0",
    "-1",
    "1e400",
    "9223372036854775807",
    "256G",
    "if",
    "else",
    "for",
    "def",
    "param",
    "state",
    "use",
    "grad",
    "\x00",
    "\xff\xfe",
    "\n",
    "#",
    ";",
    "%",
    "..",
    "//",
    "**",
    "[0:0]",
    "f32[",
    "i32",
    "1/0",
  };
  size_t at = mutate_rnd(t->n), n, m, from;
  char piece[200];
  switch (mutate_rnd(8)) {
  case 0: splice(t, at, 1, (char[]){(char)mutate_rnd(256)}, 1); break;
  case 1: splice(t, at, 1 + mutate_rnd(6), "", 0); break;
  case 2: from = line_at(t, at, &n), splice(t, from, n, "", 0); break;
  case 3: { /* a line elsewhere */
    from = line_at(t, at, &n);
    if (n > sizeof piece) n = sizeof piece;
    memcpy(piece, t->s + from, n);
    at = line_at(t, mutate_rnd(t->n), &m);
    splice(t, at, mutate_rnd(2) ? m : 0, piece, n);
    break;
  }
  case 4:
  case 5: { /* a word elsewhere */
    from = word_at(t, at, &n);
    memcpy(piece, t->s + from, n);
    at = word_at(t, mutate_rnd(t->n), &m);
    splice(t, at, mutate_rnd(2) ? m : 0, piece, n);
    break;
  }
  case 6: {
    const char *w = some[mutate_rnd(sizeof some / sizeof *some)];
    splice(t, at, mutate_rnd(3), w, *w ? strlen(w) : 1);
    break;
  }
  default: /* many of the same */
    for (size_t k = 1 + mutate_rnd(mutate_rnd(20) ? 8 : 400); k > 0; k--) splice(t, at, 0, some[mutate_rnd(6)], 1);
  }
}

static void mutate(Mutant *t, uint64_t seed) {
  mutate_state = seed * 2654435761u + 12345;
  for (size_t k = 1 + mutate_rnd(3); k > 0; k--) mutate_once(t);
  if (mutate_rnd(25) == 0) t->n = mutate_rnd(t->n);
}
#endif
