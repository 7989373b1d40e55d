/* SPDX-License-Identifier: Apache-2.0 */
/* WordPiece of tokenizer.json (Schuster and Nakajima 2012; Devlin et al. 2018): a word becomes the longest token that
 * it begins with, then of the rest the longest that continues a word; it is unknown if there is none. */
#include "tokenizer.h"
#include <string.h>

/* The token of n bytes within a word; -1: none. */
static int continuing(const Tokenizer *t, const char *s, size_t n, char *room) {
  size_t m = t->subword ? strlen(t->subword) : 0;
  if (m) memcpy(room, t->subword, m);
  memcpy(room + m, s, n);
  return tokenizer_find(t, room, m + n);
}

void wordpiece_encode(const Tokenizer *t, const char *word, size_t n, Ids *to) {
  int first = to->n;
  uint64_t chars = 0;
  for (size_t i = 0; i < n; i++) chars += ((unsigned char)word[i] & 0xC0) != 0x80;
  char *room = rt_alloc(n + (t->subword ? strlen(t->subword) : 0) + 1);
  for (size_t at = 0; at < n;) {
    size_t k = n - at < (size_t)t->longest ? n - at : (size_t)t->longest;
    int id = -1;
    for (; k && chars <= t->word_most; k--) {
      if (at + k < n && ((unsigned char)word[at + k] & 0xC0) == 0x80) continue; /* within a character */
      id = at ? continuing(t, word + at, k, room) : tokenizer_find(t, word, k);
      if (id >= 0) break;
    }
    if (id < 0) { /* the word is */
      to->n = first;
      ids_add(to, t->unknown);
      break;
    }
    ids_add(to, id);
    at += k;
  }
  rt_free(room);
}
