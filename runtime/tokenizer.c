/* SPDX-License-Identifier: Apache-2.0 */
#include "tokenizer.h"
#include "rand.h"
#include <string.h>

void token_set(Tokenizer *t, int id, char *s, int n, uint8_t kind, double score) {
  while (id >= t->cap) {
    int cap = t->cap ? t->cap * 2 : 512;
    t->token = rt_realloc(t->token, rt_mul((size_t)cap, sizeof *t->token));
    memset(t->token + t->cap, 0, (size_t)(cap - t->cap) * sizeof *t->token);
    t->cap = cap;
  }
  rt_free(t->token[id].s);
  t->token[id] = (Token){s, score, n, kind};
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

/* ---- files ---- */

Tokenizer *tokenizer_parse(Bytes file, const Bytes *merges, char *err) {
  Tokenizer *t = rt_alloc(sizeof *t);
  t->file = file;
  t->unknown = t->begin = t->end = -1;
  t->word_most = 100;
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
  for (int i = 0; i < t->nadded; i++) rt_free(t->added[i].own);
  rt_free(t->added);
  rt_free(t->subword);
  steps_free(&t->normal);
  steps_free(&t->cut);
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

/* The longest added token that the text begins with, of those that are found before or after the normalizer; NULL:
 * none. */
static const Added *added_at(const Tokenizer *t, bool normal, const char *s, size_t n) {
  const Added *best = NULL;
  for (int i = 0; i < t->nadded; i++) {
    const Added *a = &t->added[i];
    if (a->normal != normal || !a->n || a->n > n || memcmp(a->s, s, a->n)) continue;
    if (!best || a->n > best->n) best = a;
  }
  return best;
}

static void encode_words(const Tokenizer *t, const char *s, size_t n, bool begins, Ids *to) {
  static WordFn *const model[] = {bpe_encode, merge_encode, unigram_encode, wordpiece_encode};
  if (!t->pieces) {
    steps_words(t, s, n, begins, model[t->model], to);
    return;
  }
  PiecesText text = pieces_text(t, s, n);
  model[t->model](t, text.s, text.n, to);
  rt_free(text.s);
}

/* The end of white space before `at`, from `from` on; and of that after it. */
static size_t spaces_before(const char *s, size_t from, size_t at) {
  size_t end = from;
  uint32_t c;
  for (size_t i = from, bytes; i < at; i += bytes) {
    bytes = utf8_next(s + i, at - i, &c);
    if (!unicode_is(UNICODE_SPACE, c)) end = i + bytes;
  }
  return end;
}

static size_t spaces_after(const char *s, size_t at, size_t n) {
  uint32_t c;
  while (at < n) {
    size_t bytes = utf8_next(s + at, n - at, &c);
    if (!unicode_is(UNICODE_SPACE, c)) break;
    at += bytes;
  }
  return at;
}

/* Cuts a text at added tokens: those that precede the normalizer, then in what it leaves the others. */
static void encode_part(const Tokenizer *t, bool normal, const char *s, size_t n, bool begins, Ids *to) {
  PiecesText text = {0};
  size_t from = 0;
  if (normal) {
    text = steps_text(&t->normal, s, n);
    s = text.s;
    n = text.n;
  }
  for (size_t at = 0; at <= n; at++) {
    const Added *a = at < n ? added_at(t, normal, s + at, n - at) : NULL;
    if (!a && at < n) continue;
    size_t end = a && a->left ? spaces_before(s, from, at) : at;
    if (end > from && normal) encode_words(t, s + from, end - from, begins && !from, to);
    else if (end > from) encode_part(t, true, s + from, end - from, begins && !from, to);
    if (!a) break;
    ids_add(to, a->id);
    from = a->right ? spaces_after(s, at + a->n, n) : at + a->n;
    at = from - 1;
  }
  rt_free(text.s);
}

int tokenizer_encode(const Tokenizer *t, const char *text, size_t n, int **id) {
  Ids to = {0};
  encode_part(t, false, text, n, true, &to);
  *id = to.id;
  return to.n;
}

int tokenizer_prompt(const Tokenizer *t, const char *text, size_t n, int **id) {
  Ids to = {0};
  int *of_text, count = tokenizer_encode(t, text, n, &of_text);
  if (t->begin >= 0 && !(count && of_text[0] == t->begin)) ids_add(&to, t->begin);
  for (int i = 0; i < count; i++) ids_add(&to, of_text[i]);
  if (!to.n && t->end >= 0) ids_add(&to, t->end);
  rt_free(of_text);
  *id = to.id;
  return to.n;
}

int tokenizer_text(const Tokenizer *t, int id, char *buf, int room) {
  const Token *k = id >= 0 && id < t->n ? &t->token[id] : NULL;
  if (!k || !k->s || k->kind == TOKEN_CONTROL) return 0;
  int n = 0, begin = 0;
  size_t m = t->model == MODEL_WORDPIECE && t->subword ? strlen(t->subword) : 0;
  if (m && (size_t)k->n >= m && !memcmp(k->s, t->subword, m)) begin = (int)m;
  else if (t->model == MODEL_WORDPIECE && room > 0) buf[n++] = ' ';
  for (int i = 0; i < 256 && k->kind == TOKEN_BYTE; i++)
    if (t->byte[i] == id && room > 0) buf[n++] = (char)i;
  for (int i = begin; i < k->n && n < room && k->kind != TOKEN_BYTE; i++) {
    bool space = (t->model == MODEL_CHARS || t->model == MODEL_UNIGRAM) && k->n - i >= 3 &&
                 !memcmp(k->s + i, "\xE2\x96\x81", 3); /* U+2581 */
    buf[n++] = space ? ' ' : k->s[i];
    i += space ? 2 : 0;
  }
  return n;
}
