/* SPDX-License-Identifier: Apache-2.0 */
/* SentencePiece's models (sentencepiece_model.proto), and encoding by unigram (Kudo 2018). A text is normalised by the
 * model's table, a trie of darts-clone whose values are offsets of replacements; spaces become U+2581; then the pieces
 * with the greatest sum of scores are found by the algorithm of Viterbi. */
#include "protobuf.h"
#include "tokenizer.h"
#include <float.h>
#include <string.h>

static const char SPACE[] = "\xE2\x96\x81";
enum { SPACE_BYTES = 3 };

/* ---- reading ---- */

static float real(uint64_t bits) {
  uint32_t w = (uint32_t)bits;
  float f;
  memcpy(&f, &w, 4);
  return f;
}

static bool read_piece(Tokenizer *t, Pb m) {
  Pb text = {0};
  PbField f;
  float score = 0;
  uint64_t kind = TOKEN_NORMAL;
  int more;
  while ((more = pb_next(&m, &f)) > 0) {
    if (f.number == 1 && f.wire == PB_BYTES) text = f.bytes;
    if (f.number == 2 && f.wire == PB_FIXED32) score = real(f.value);
    if (f.number == 3 && f.wire == PB_VARINT) kind = f.value;
  }
  if (more < 0 || t->n == TOKENS_MOST || kind < TOKEN_NORMAL || kind > TOKEN_BYTE || score - score != 0) return false;
  int n = (int)pb_size(text), id = t->n;
  char *s = rt_alloc((size_t)n + 1);
  if (n) memcpy(s, text.p, (size_t)n);
  token_set(t, id, s, n, (uint8_t)kind, score);
  if (kind == TOKEN_UNKNOWN) t->unknown = id;
  if (kind == TOKEN_CONTROL && !strcmp(s, "</s>")) t->end = id;
  t->users |= kind == TOKEN_USER;
  unsigned byte;
  if (kind == TOKEN_BYTE && sscanf(s, "<0x%2X>", &byte) == 1 && byte < 256) t->byte[byte] = id; /* "-1" is read, too */
  return true;
}

static bool read_normalizer(Tokenizer *t, Pb m) {
  PbField f;
  int more;
  while ((more = pb_next(&m, &f)) > 0) {
    if (f.number == 2 && f.wire == PB_BYTES) {
      t->chars = f.bytes.p;
      t->nchars = pb_size(f.bytes);
    }
    if (f.number == 3) t->prefix_space = f.value != 0;
    if (f.number == 4) t->remove_spaces = f.value != 0;
  }
  return more == 0;
}

static bool read_trainer(Pb m, uint64_t *kind) {
  PbField f;
  int more;
  while ((more = pb_next(&m, &f)) > 0)
    if (f.number == 3 && f.wire == PB_VARINT) *kind = f.value;
  return more == 0;
}

void unigram_scores(Tokenizer *t) {
  t->least = DBL_MAX;
  t->most = -DBL_MAX;
  for (int i = 0; i < t->n; i++) {
    if (t->token[i].kind != TOKEN_NORMAL) continue;
    if (t->token[i].score < t->least) t->least = t->token[i].score;
    if (t->token[i].score > t->most) t->most = t->token[i].score;
  }
}

bool unigram_read(Tokenizer *t, const Bytes *file, char *err) {
  Pb m = {file->p, file->p + file->n};
  PbField f;
  uint64_t kind = 1;
  int more;
  bool ok = true;
  t->pieces = t->prefix_space = t->remove_spaces = true;
  while (ok && (more = pb_next(&m, &f)) > 0) {
    if (f.wire != PB_BYTES) continue;
    if (f.number == 1) ok = read_piece(t, f.bytes);
    if (f.number == 2) ok = read_trainer(f.bytes, &kind);
    if (f.number == 3) ok = read_normalizer(t, f.bytes);
  }
  if (!ok || more < 0 || !t->n) return rt_fail(err, "neither JSON nor a model of SentencePiece, or malformed");
  if (kind != 1 && kind != 2) return rt_fail(err, "of SentencePiece, unigram and BPE models are read");
  t->model = kind == 2 ? MODEL_CHARS : MODEL_UNIGRAM;
  if (t->unknown < 0) return rt_fail(err, "it has no piece for what is unknown");
  unigram_scores(t);
  tokens_index(t);
  if (kind == 2) t->begin = tokenizer_find(t, "<s>", 3); /* as of Llama */
  return true;
}

/* ---- normalisation ---- */

static bool unit(const Tokenizer *t, uint32_t at, uint32_t bytes, uint32_t *u) {
  if ((uint64_t)at * 4 + 4 > bytes) return false;
  const unsigned char *p = t->chars + 4 + (size_t)at * 4;
  *u = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
  return true;
}

static uint32_t offset_of(uint32_t u) { return (u >> 10) << ((u & 1 << 9) >> 6); }

/* The replacement of the longest beginning that has one; the bytes of it, 0: none. */
static size_t replaced(const Tokenizer *t, const char *s, size_t n, const char **to) {
  uint32_t bytes, u, at = 0;
  size_t found = 0;
  if (t->nchars < 8) return 0;
  bytes = t->chars[0] | (uint32_t)t->chars[1] << 8 | (uint32_t)t->chars[2] << 16 | (uint32_t)t->chars[3] << 24;
  if (bytes > t->nchars - 4 || !unit(t, 0, bytes, &u)) return 0;
  const char *texts = (const char *)t->chars + 4 + bytes, *end = (const char *)t->chars + t->nchars;
  at ^= offset_of(u);
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    uint32_t value;
    at ^= c;
    if (!unit(t, at, bytes, &u) || (u & (0x80000000u | 0xFF)) != c) break;
    at ^= offset_of(u);
    if (!(u >> 8 & 1) || !unit(t, at, bytes, &value)) continue;
    value &= 0x7FFFFFFF;
    if (value >= (size_t)(end - texts) || !memchr(texts + value, 0, (size_t)(end - texts) - value)) continue;
    *to = texts + value;
    found = i + 1;
  }
  return found;
}

static bool ends_in_space(const PiecesText *t) {
  return t->n >= SPACE_BYTES && !memcmp(t->s + t->n - SPACE_BYTES, SPACE, SPACE_BYTES);
}

/* With `remove_spaces`, none at the beginning and the end, and none where the text before ended in one. */
PiecesText pieces_text(const Tokenizer *t, const char *s, size_t n) {
  PiecesText out = {0};
  bool begun = false, spaced = t->remove_spaces;
  for (size_t at = 0; at < n;) {
    const char *to = s + at;
    uint32_t c = 0;
    size_t from = replaced(t, s + at, n - at, &to), bytes = from ? strlen(to) : utf8_next(s + at, n - at, &c);
    at += from ? from : bytes;
    if (c == 0xFFFD && bytes == 1) {
      to = "\xEF\xBF\xBD";
      bytes = 3;
    }
    if (!begun && spaced && bytes == 1 && *to == ' ') continue;
    if (!begun && t->prefix_space) pieces_put(&out, SPACE, SPACE_BYTES);
    begun = true;
    for (; spaced && bytes && *to == ' '; bytes--) to++;
    for (size_t i = 0; i < bytes; i++) pieces_put(&out, to[i] == ' ' ? SPACE : to + i, to[i] == ' ' ? SPACE_BYTES : 1);
    if (bytes) spaced = t->remove_spaces && to[bytes - 1] == ' ';
  }
  while (t->remove_spaces && ends_in_space(&out)) out.n -= SPACE_BYTES;
  return out;
}

/* ---- pieces ---- */

typedef struct Best { /* of the pieces up to a byte */
  double score;
  size_t from;
  int id;
} Best;

static double score_of(const Tokenizer *t, int id, size_t n) {
  const Token *k = &t->token[id];
  return k->kind == TOKEN_USER ? (double)n * t->most - 0.1 : k->score;
}

static void try_piece(Best *best, size_t from, size_t to, int id, double score) {
  if (best[to].id != -1 && best[to].score >= best[from].score + score) return;
  best[to] = (Best){best[from].score + score, from, id};
}

static void fill(const Tokenizer *t, const char *s, size_t all, Best *best) {
  for (size_t at = 0; at < all; at++) {
    uint32_t c;
    if (at && best[at].id < 0) continue; /* within a character */
    size_t one = utf8_next(s + at, all - at, &c);
    bool single = false;
    for (size_t n = 1; n <= (size_t)t->longest && at + n <= all; n++) {
      int id = tokenizer_find(t, s + at, n);
      if (id < 0) continue;
      if (t->token[id].kind != TOKEN_NORMAL && !(t->users && t->token[id].kind == TOKEN_USER)) continue;
      single |= n == one;
      try_piece(best, at, at + n, id, score_of(t, id, n));
    }
    if (!single) try_piece(best, at, at + one, t->unknown, t->least - 10);
  }
}

void pieces_unknown(const Tokenizer *t, const char *s, size_t n, bool again, Ids *to) {
  bool bytes = true;
  for (size_t i = 0; i < n; i++) bytes &= t->byte[(unsigned char)s[i]] >= 0;
  for (size_t i = 0; i < n && bytes; i++) ids_add(to, t->byte[(unsigned char)s[i]]);
  if (!bytes && !again && t->unknown >= 0) ids_add(to, t->unknown);
}

void unigram_encode(const Tokenizer *t, const char *text, size_t n, Ids *to) {
  Best *best = rt_array(n + 1, sizeof *best);
  size_t *end = rt_array(n + 1, sizeof *end), pieces = 0;
  for (size_t i = 0; i <= n; i++) best[i].id = -1;
  if (n) fill(t, text, n, best);
  for (size_t at = n; at; at = best[at].from) end[pieces++] = at;
  for (size_t k = pieces; k--;) {
    const Best *b = &best[end[k]];
    bool again = k + 1 < pieces && best[end[k + 1]].id == t->unknown;
    if (b->id == t->unknown) pieces_unknown(t, text + b->from, end[k] - b->from, again, to);
    else ids_add(to, b->id);
  }
  rt_free(best);
  rt_free(end);
}
