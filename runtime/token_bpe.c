/* SPDX-License-Identifier: Apache-2.0 */
/* Byte-level BPE. A text is cut into words by a pattern, and the bytes of a word are merged, the pair of the lowest
 * rank first (Sennrich et al. 2016; Radford et al. 2019). The pattern is that of GPT-2,
 *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * or that of Llama 3, or the same with single digits, of Qwen 2:
 *   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|
 *   \s*[\r\n]+|\s+(?!\S)|\s+ */
#include "tokenizer.h"
#include <string.h>

typedef enum Class { OTHER, LETTERS, NUMBERS, SPACES } Class;
static Class class_of(uint32_t c) {
  return unicode_is(UNICODE_LETTER, c)   ? LETTERS
         : unicode_is(UNICODE_NUMBER, c) ? NUMBERS
         : unicode_is(UNICODE_SPACE, c)  ? SPACES
                                         : OTHER;
}

/* ---- words ---- */

static size_t run_of(const char *s, size_t n, size_t at, Class k) { /* the end of the characters of a class */
  uint32_t c;
  while (at < n) {
    size_t bytes = utf8_next(s + at, n - at, &c);
    if (class_of(c) != k) break;
    at += bytes;
  }
  return at;
}

/* fold: small and capital letters are equal. */
static size_t contraction(const char *s, size_t n, bool fold) {
  static const char *const ends[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
  for (int i = 0; i < COUNT(ends); i++) {
    size_t k = 0;
    while (ends[i][k] && k < n && (s[k] == ends[i][k] || (fold && k && s[k] == ends[i][k] - 32))) k++;
    if (!ends[i][k]) return k;
  }
  return 0;
}

/* The end of spaces that precede something, up to `end`: the last one belongs to that, if there are several. */
static size_t but_one(const char *s, size_t n, size_t end) {
  size_t last = 0;
  uint32_t c;
  for (size_t at = 0; at < end; at += utf8_next(s + at, n - at, &c)) last = at;
  return last ? last : end;
}

/* The length of the first word, of GPT-2. */
static size_t word_gpt2(const char *s, size_t n) {
  uint32_t c;
  size_t end = contraction(s, n, false);
  if (end) return end;
  utf8_next(s, n, &c);
  Class k = class_of(c);
  if (c == ' ' && n > 1) { /* one space belongs to the word that follows */
    utf8_next(s + 1, n - 1, &c);
    if (class_of(c) != SPACES) return run_of(s, n, 1, class_of(c));
  }
  end = run_of(s, n, 0, k);
  return k != SPACES || end == n ? end : but_one(s, n, end);
}

static size_t newlines(const char *s, size_t n, size_t at) {
  while (at < n && (s[at] == '\n' || s[at] == '\r')) at++;
  return at;
}

static size_t number(const char *s, size_t n, int digits) {
  size_t at = 0;
  uint32_t c;
  for (int i = 0; i < digits && at < n; i++) {
    size_t bytes = utf8_next(s + at, n - at, &c);
    if (class_of(c) != NUMBERS) break;
    at += bytes;
  }
  return at;
}

/* The same of Llama 3; `digits`: of a number at most. */
static size_t word_llama3(const char *s, size_t n, int digits) {
  uint32_t c, d = 0;
  size_t end = contraction(s, n, true), first = utf8_next(s, n, &c);
  if (end) return end;
  if (first < n) utf8_next(s + first, n - first, &d);
  Class k = class_of(c), second = first < n ? class_of(d) : SPACES;
  if (k == LETTERS) return run_of(s, n, 0, LETTERS);
  if (k == NUMBERS) return number(s, n, digits);
  if (c != '\n' && c != '\r' && second == LETTERS) return run_of(s, n, first, LETTERS);
  if (k == OTHER) return newlines(s, n, run_of(s, n, 0, OTHER));
  if (c == ' ' && second == OTHER) return newlines(s, n, run_of(s, n, 1, OTHER));
  end = run_of(s, n, 0, SPACES);
  for (size_t at = end; at; at--)
    if (s[at - 1] == '\n' || s[at - 1] == '\r') return at;
  return end == n ? end : but_one(s, n, end);
}

static size_t word(const Tokenizer *t, const char *s, size_t n) {
  return t->words == WORDS_GPT2 ? word_gpt2(s, n) : word_llama3(s, n, t->words == WORDS_LLAMA3 ? 3 : 1);
}

/* ---- merging ---- */

static uint32_t merge_place(const Tokenizer *t, int left, int right) {
  uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9E3779B97F4A7C15u;
  return (uint32_t)(h >> 32) & (t->merge_slots - 1);
}

const Merge *bpe_merge(const Tokenizer *t, int left, int right) {
  for (uint32_t at = merge_place(t, left, right); t->merge[at].id >= 0; at = (at + 1) & (t->merge_slots - 1))
    if (t->merge[at].left == left && t->merge[at].right == right) return &t->merge[at];
  return NULL;
}

void bpe_merge_table(Tokenizer *t) {
  t->merge_slots = 1024;
  while (t->merge_slots < (uint32_t)t->npair * 2) t->merge_slots *= 2;
  t->merge = rt_array(t->merge_slots, sizeof *t->merge);
  for (uint32_t i = 0; i < t->merge_slots; i++) t->merge[i].id = -1;
}

void bpe_add_merge(Tokenizer *t, Merge m) {
  if (bpe_merge(t, m.left, m.right)) return;
  uint32_t at = merge_place(t, m.left, m.right);
  while (t->merge[at].id >= 0) at = (at + 1) & (t->merge_slots - 1);
  t->merge[at] = m;
}

static void encode_word(const Tokenizer *t, const char *s, size_t n, Ids *to) {
  int first = to->n, all = t->ignore_merges ? tokenizer_find(t, s, n) : -1;
  if (all >= 0) {
    ids_add(to, all);
    return;
  }
  for (size_t i = 0; i < n; i++)
    if (t->byte[(unsigned char)s[i]] >= 0) ids_add(to, t->byte[(unsigned char)s[i]]);
  while (true) {
    const Merge *best = NULL;
    for (int i = first; i + 1 < to->n; i++) {
      const Merge *m = bpe_merge(t, to->id[i], to->id[i + 1]);
      if (m && (!best || m->rank < best->rank)) best = m;
    }
    if (!best) return;
    int n2 = first; /* all of this pair, from the left */
    for (int i = first; i < to->n; i++) {
      bool hit = i + 1 < to->n && to->id[i] == best->left && to->id[i + 1] == best->right;
      to->id[n2++] = hit ? best->id : to->id[i];
      i += hit;
    }
    to->n = n2;
  }
}

void bpe_encode(const Tokenizer *t, const char *text, size_t n, Ids *to) {
  PiecesText spaced = {0};
  const char *s = text;
  if (t->prefix_space && n && text[0] != ' ') {
    pieces_put(&spaced, " ", 1);
    pieces_put(&spaced, text, n);
    s = spaced.s;
    n = spaced.n;
  }
  for (size_t at = 0; at < n;) {
    size_t w = word(t, s + at, n - at);
    encode_word(t, s + at, w, to);
    at += w;
  }
  rt_free(spaced.s);
}
