/* SPDX-License-Identifier: Apache-2.0 */
#include "tokenizer.h"
#include "rand.h"
#include <string.h>

void token_set(Tokenizer *t, int id, char *s, int n, uint8_t kind, float score) {
  while (id >= t->cap) {
    int cap = t->cap ? t->cap * 2 : 512;
    t->token = rt_realloc(t->token, rt_mul((size_t)cap, sizeof *t->token));
    memset(t->token + t->cap, 0, (size_t)(cap - t->cap) * sizeof *t->token);
    t->cap = cap;
  }
  rt_free(t->token[id].s);
  t->token[id] = (Token){s, n, score, kind};
  if (id >= t->n) t->n = id + 1;
  if (n > t->longest) t->longest = n;
}

static uint32_t place(const Tokenizer *t, const char *s, size_t n) {
  return (uint32_t)gc_hash(0, s, n) & (t->slots - 1);
}

int tokenizer_find(const Tokenizer *t, const char *s, size_t n) {
  for (uint32_t at = place(t, s, n); t->slot[at] >= 0; at = (at + 1) & (t->slots - 1)) {
    const Token *k = &t->token[t->slot[at]];
    if ((size_t)k->n == n && !memcmp(k->s, s, n)) return t->slot[at];
  }
  return -1;
}

void tokens_index(Tokenizer *t) {
  t->slots = 1024;
  while (t->slots < (uint32_t)t->n * 2) t->slots *= 2;
  rt_free(t->slot);
  t->slot = rt_array(t->slots, sizeof *t->slot);
  for (uint32_t i = 0; i < t->slots; i++) t->slot[i] = -1;
  for (int i = 0; i < t->n; i++) {
    const Token *k = &t->token[i];
    if (!k->s || tokenizer_find(t, k->s, (size_t)k->n) >= 0) continue;
    uint32_t at = place(t, k->s, (size_t)k->n);
    while (t->slot[at] >= 0) at = (at + 1) & (t->slots - 1);
    t->slot[at] = i;
  }
}

void ids_add(Ids *to, int id) {
  if (to->n == to->cap) to->id = rt_realloc(to->id, rt_mul((size_t)(to->cap = to->cap * 2 + 64), sizeof *to->id));
  to->id[to->n++] = id;
}

size_t utf8_next(const char *s, size_t n, uint32_t *c) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  unsigned char a = (unsigned char)s[0];
  size_t bytes = a < 0x80 ? 1 : a >= 0xC2 && a < 0xE0 ? 2 : a >= 0xE0 && a < 0xF0 ? 3 : a >= 0xF0 && a < 0xF5 ? 4 : 0;
  uint32_t v = bytes == 1 ? a : a & (0x7Fu >> bytes);
  for (size_t i = 1; i < bytes; i++) {
    if (i >= n || ((unsigned char)s[i] & 0xC0) != 0x80) bytes = 0;
    else v = v << 6 | ((unsigned char)s[i] & 0x3F);
  }
  bool valid = bytes && v >= least[bytes] && v < 0x110000 && (v < 0xD800 || v >= 0xE000);
  *c = valid ? v : 0xFFFD;
  return valid ? bytes : 1;
}

/* ---- files ---- */

Tokenizer *tokenizer_parse(Bytes file, const Bytes *merges, char *err) {
  Tokenizer *t = rt_alloc(sizeof *t);
  t->file = file;
  t->unknown = t->begin = t->end = -1;
  for (int i = 0; i < 256; i++) t->byte[i] = -1;
  size_t at = 0;
  while (at < file.n && strchr(" \t\r\n", file.p[at]) && file.p[at]) at++;
  bool json = at < file.n && file.p[at] == '{';
  bool ok = json ? bpe_read_json(t, &file, err) && (!merges->n || bpe_read_merges(t, merges, err)) && bpe_finish(t, err)
                 : unigram_read(t, &file, err);
  if (ok) return t;
  tokenizer_free(t);
  return NULL;
}

void tokenizer_free(Tokenizer *t) {
  for (int i = 0; i < t->n; i++) rt_free(t->token[i].s);
  for (int i = 0; i < t->npair; i++) rt_free(t->pair[i]);
  rt_free(t->token);
  rt_free(t->pair);
  rt_free(t->slot);
  rt_free(t->merge);
  rt_free(t->added);
  rt_free(t->file.p);
  rt_free(t);
}

Tokenizer *tokenizer_open(const char *path) {
  Bytes file, merges = {0};
  char err[ERR_TEXT];
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  if (!io_read_all(path, &file, err)) rt_die(E_TOKENIZER, "%s", err);
  char *beside = rt_printf("%.*smerges.txt", (int)(name - path), path);
  if (!strcmp(name, "vocab.json") && !io_read_all(beside, &merges, err)) rt_die(E_TOKENIZER, "%s", err);
  Tokenizer *t = tokenizer_parse(file, &merges, err);
  if (!t) rt_die(E_TOKENIZER, "%s: %s", path, err);
  rt_free(merges.p);
  rt_free(beside);
  return t;
}

/* ---- text ---- */

/* The longest added token that the text begins with; -1: none. */
static int added_at(const Tokenizer *t, const char *s, size_t n) {
  int best = -1;
  for (int i = 0; i < t->nadded; i++) {
    const Token *k = &t->token[t->added[i]];
    if (!k->n || (size_t)k->n > n || memcmp(k->s, s, (size_t)k->n)) continue;
    if (best < 0 || k->n > t->token[best].n) best = t->added[i];
  }
  return best;
}

static void encode_part(const Tokenizer *t, const char *text, size_t from, size_t end, Ids *to) {
  if (t->unigram) unigram_encode(t, text + from, end - from, to);
  else if (t->merged) merge_encode(t, text + from, end - from, from == 0, to);
  else bpe_encode(t, text + from, end - from, to);
}

int tokenizer_encode(const Tokenizer *t, const char *text, size_t n, int **id) {
  Ids to = {0};
  size_t from = 0;
  for (size_t at = 0; at <= n; at++) {
    int special = at < n ? added_at(t, text + at, n - at) : -1;
    if (special < 0 && at < n) continue;
    if (at > from) encode_part(t, text, from, at, &to);
    if (special < 0) break;
    ids_add(&to, special);
    from = at + (size_t)t->token[special].n;
    at = from - 1;
  }
  *id = to.id;
  return to.n;
}

int tokenizer_text(const Tokenizer *t, int id, char *buf, int room) {
  const Token *k = id >= 0 && id < t->n ? &t->token[id] : NULL;
  if (!k || !k->s || k->kind == TOKEN_CONTROL) return 0;
  int n = 0;
  for (int i = 0; i < 256 && k->kind == TOKEN_BYTE; i++)
    if (t->byte[i] == id && room > 0) buf[n++] = (char)i;
  for (int i = 0; i < k->n && n < room && k->kind != TOKEN_BYTE; i++) {
    bool space = (t->unigram || t->merged) && k->n - i >= 3 && !memcmp(k->s + i, "\xE2\x96\x81", 3); /* U+2581 */
    buf[n++] = space ? ' ' : k->s[i];
    i += space ? 2 : 0;
  }
  return n;
}
