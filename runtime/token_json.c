/* SPDX-License-Identifier: Apache-2.0 */
/* Reads tokenizer.json of Hugging Face, and vocab.json with merges.txt. In BPE of bytes, a byte is written as a
 * character: itself if it is printable in Latin-1, else one from U+0100 on. */
#include "num.h"
#include "tokenizer.h"
#include <string.h>

/* ---- JSON ---- */

bool token_list(Tokenizer *t, Json *j, TokenItem *item, void *arg) {
  if (!json_expect(j, '[')) return false;
  if (json_accept(j, ']')) return true;
  do
    if (!item(t, j, arg)) return false;
  while (json_accept(j, ','));
  return json_expect(j, ']');
}

bool token_object(Tokenizer *t, Json *j, TokenMember *fn, void *arg) {
  if (!json_expect(j, '{')) return false;
  if (json_accept(j, '}')) return true;
  do {
    char *key = json_string(j);
    bool ok = key && json_expect(j, ':') && fn(t, key, j, arg);
    rt_free(key);
    if (!ok) return false;
  } while (json_accept(j, ','));
  return json_expect(j, '}');
}

bool token_is(Json *j, const char *want) {
  json_accept(j, ' ');
  size_t n = strlen(want);
  return (size_t)(j->end - j->p) >= n && !memcmp(j->p, want, n);
}

bool token_flag(Json *j, bool *to) {
  *to = token_is(j, "true");
  return json_skip(j, 0);
}

bool token_text(Json *j, char **to) {
  if (*to || !token_is(j, "\"")) return json_skip(j, 0);
  return (*to = json_string(j)) != NULL;
}

bool token_same(const char *s, const char *want) { return s && !strcmp(s, want); }

void token_refuse(TokenFile *f, const char *what) {
  if (!f->other) f->other = rt_strdup(what);
}

/* ---- vocabulary and merges ---- */

static void add_pair(Tokenizer *t, char *left, char *right) {
  if (t->npair + 2 > t->cappair)
    t->pair = rt_realloc(t->pair, rt_mul((size_t)(t->cappair = t->cappair * 2 + 512), sizeof *t->pair));
  t->pair[t->npair++] = left;
  t->pair[t->npair++] = right;
}

static bool split_pair(Tokenizer *t, const char *s, size_t n, char *err) { /* "left right" */
  const char *space = memchr(s, ' ', n);
  if (!space || space == s || space + 1 == s + n) return rt_fail(err, "merge %d is no pair", t->npair / 2 + 1);
  add_pair(t, rt_printf("%.*s", (int)(space - s), s), rt_printf("%.*s", (int)(s + n - space - 1), space + 1));
  return true;
}

static bool vocab_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  uint64_t id = 0;
  (void)arg;
  if (!json_u64(j, &id)) return false;
  if (id >= TOKENS_MOST) return rt_fail(j->err, "a token has the number %llu", (unsigned long long)id);
  token_set(t, (int)id, rt_strdup(key), (int)strlen(key), TOKEN_NORMAL, 0);
  return true;
}

static bool read_merge(Tokenizer *t, Json *j, void *arg) {
  (void)arg;
  if (!json_accept(j, '[')) {
    char *s = json_string(j);
    bool ok = s && split_pair(t, s, strlen(s), j->err);
    rt_free(s);
    return ok;
  }
  char *left = json_string(j), *right = left && json_expect(j, ',') ? json_string(j) : NULL;
  if (right) add_pair(t, left, right);
  else rt_free(left);
  return right && json_expect(j, ']');
}

/* ["piece", score], of unigram: in the order of their numbers. */
static bool read_piece(Tokenizer *t, Json *j, void *arg) {
  TokenFile *s = arg;
  double score = 0;
  if (!json_expect(j, '[')) return false;
  char *text = json_string(j);
  if (!text || !json_expect(j, ',')) return rt_free(text), false;
  json_accept(j, ' ');
  size_t n = 0;
  while (j->p + n < j->end && j->p[n] != ']' && j->p[n] != ' ' && j->p[n] != '\n') n++;
  bool ok = num_read(GC_F64, &score, 0, j->p, n) == NUM_OK && score - score == 0 && s->pieces < TOKENS_MOST;
  j->p += n;
  if (!ok) rt_fail(j->err, "a piece has no score");
  if (ok) token_set(t, s->pieces++, text, (int)strlen(text), TOKEN_NORMAL, score);
  else rt_free(text);
  return ok && json_expect(j, ']');
}

static bool model_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  TokenFile *s = arg;
  if (!strcmp(key, "type")) return token_text(j, &s->type);
  if (!strcmp(key, "unk_token")) return token_text(j, &s->unknown);
  if (!strcmp(key, "unk_id")) return token_is(j, "null") ? json_skip(j, 0) : json_u64(j, &s->unknown_id);
  if (!strcmp(key, "byte_fallback")) return token_flag(j, &s->fallback);
  if (!strcmp(key, "ignore_merges")) return token_flag(j, &t->ignore_merges);
  if (!strcmp(key, "fuse_unk")) t->each_unknown = token_is(j, "false");
  if (!strcmp(key, "vocab") && token_is(j, "[")) return token_list(t, j, read_piece, s);
  if (!strcmp(key, "vocab")) return token_object(t, j, vocab_member, NULL);
  if (!strcmp(key, "merges")) return token_list(t, j, read_merge, NULL);
  if (!strcmp(key, "continuing_subword_prefix")) return token_text(j, &t->subword);
  if (!strcmp(key, "max_input_chars_per_word")) return json_u64(j, &t->word_most);
  if (!strcmp(key, "end_of_word_suffix") && !token_is(j, "null") && !token_is(j, "\"\""))
    token_refuse(s, "end_of_word_suffix");
  return json_skip(j, 0);
}

/* ---- added tokens ---- */

typedef struct AddedText {
  Added a;
  char *content;
  uint64_t id;
  bool special, single;
} AddedText;

static bool added_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  AddedText *k = arg;
  (void)t;
  if (!strcmp(key, "id")) return json_u64(j, &k->id);
  if (!strcmp(key, "content")) return token_text(j, &k->content);
  if (!strcmp(key, "special")) return token_flag(j, &k->special);
  if (!strcmp(key, "single_word")) return token_flag(j, &k->single);
  if (!strcmp(key, "lstrip")) return token_flag(j, &k->a.left);
  if (!strcmp(key, "rstrip")) return token_flag(j, &k->a.right);
  if (!strcmp(key, "normalized")) return token_flag(j, &k->a.normal);
  return json_skip(j, 0);
}

static bool read_added(Tokenizer *t, Json *j, void *arg) {
  AddedText k = {.id = TOKENS_MOST};
  bool ok = token_object(t, j, added_member, &k);
  if (ok && (!k.content || k.id >= TOKENS_MOST)) ok = rt_fail(j->err, "an added token has no text or number");
  if (!ok) {
    rt_free(k.content);
    return false;
  }
  if (k.single) token_refuse(arg, "an added token with single_word");
  k.a.id = (int)k.id;
  k.a.special = k.special;
  t->added = rt_realloc(t->added, rt_mul((size_t)t->nadded + 1, sizeof *t->added));
  t->added[t->nadded++] = k.a;
  token_set(t, k.a.id, k.content, (int)strlen(k.content), TOKEN_USER, 0);
  return true;
}

/* ---- post_processor: the token that a text begins with ---- */

static bool special_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  TokenFile *s = arg;
  (void)t;
  return !strcmp(key, "id") && !s->sequence ? token_text(j, &s->begin) : json_skip(j, 0);
}

static bool single_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  TokenFile *s = arg;
  if (!strcmp(key, "SpecialToken") && token_is(j, "{")) return token_object(t, j, special_member, s);
  s->sequence |= !strcmp(key, "Sequence");
  return json_skip(j, 0);
}

static bool read_single(Tokenizer *t, Json *j, void *arg) { return token_object(t, j, single_member, arg); }

/* ["[CLS]", 101] of BertProcessing and RobertaProcessing */
static bool read_cls(Tokenizer *t, Json *j, void *arg) {
  TokenFile *s = arg;
  uint64_t id;
  (void)t;
  return json_expect(j, '[') && token_text(j, &s->begin) && json_expect(j, ',') && json_u64(j, &id) &&
         json_expect(j, ']');
}

static bool read_post(Tokenizer *t, Json *j, void *arg);
static bool post_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  if (!strcmp(key, "cls") && token_is(j, "[")) return read_cls(t, j, arg);
  if (!strcmp(key, "processors")) return token_list(t, j, read_post, arg);
  if (!strcmp(key, "single") && token_is(j, "[")) return token_list(t, j, read_single, arg);
  return json_skip(j, 0);
}
static bool read_post(Tokenizer *t, Json *j, void *arg) {
  TokenFile *s = arg;
  bool ok = s->depth++ < JSON_DEPTH ? token_object(t, j, post_member, arg) : rt_fail(j->err, "too many levels");
  s->depth--;
  return ok;
}

/* ---- files ---- */

static bool file_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  TokenFile *s = arg;
  if (token_is(j, "null")) return json_skip(j, 0);
  if (!strcmp(key, "model")) {
    s->model = true;
    return token_object(t, j, model_member, s);
  }
  if (!strcmp(key, "added_tokens")) return token_list(t, j, read_added, s);
  s->cutting = !strcmp(key, "pre_tokenizer");
  if (s->cutting || !strcmp(key, "normalizer")) return step_read(t, j, s);
  if (!strcmp(key, "post_processor")) return read_post(t, j, s);
  return json_skip(j, 0);
}

static bool begins_with_number(const Bytes *file) { /* {"token": 0 */
  char ignored[ERR_TEXT];
  const char *text = (const char *)file->p;
  Json probe = {text, text + file->n, ignored};
  json_accept(&probe, '{');
  char *first = json_string(&probe);
  bool vocab = first && json_accept(&probe, ':');
  json_accept(&probe, ' '); /* skips blanks */
  rt_free(first);
  return vocab && probe.p < probe.end && *probe.p >= '0' && *probe.p <= '9';
}

static int find_text(const Tokenizer *t, const char *s) { return s ? tokenizer_find(t, s, strlen(s)) : -1; }

static void free_file(TokenFile *s) {
  rt_free(s->other);
  rt_free(s->type);
  rt_free(s->unknown);
  rt_free(s->begin);
}

static const char READ[] =
  "gradc reads BPE, unigram and WordPiece, the normal forms of Unicode, Lowercase, StripAccents, Strip, Prepend,\n"
  "Replace of a string, BertNormalizer; BertPreTokenizer, WhitespaceSplit, Punctuation, Digits, Metaspace, ByteLevel\n"
  "with the words of GPT-2, Llama 3 or Qwen 2; for others there may be a tokenizer.model";

/* The model, and whether its parts fit. */
static bool choose_model(Tokenizer *t, TokenFile *s) {
  bool unigram = token_same(s->type, "Unigram"), wordpiece = token_same(s->type, "WordPiece");
  t->model = unigram ? MODEL_UNIGRAM : wordpiece ? MODEL_WORDPIECE : s->bytes ? MODEL_BYTES : MODEL_CHARS;
  if (s->type && !unigram && !wordpiece && !token_same(s->type, "BPE")) token_refuse(s, s->type);
  if (s->bytes && t->model != MODEL_BYTES) token_refuse(s, "ByteLevel of a model that is not BPE");
  if (!s->bytes && t->words != WORDS_NONE) token_refuse(s, "Split without ByteLevel");
  if (!wordpiece && t->subword && *t->subword) token_refuse(s, "continuing_subword_prefix of a model of another type");
  return !s->other;
}

static void set_bytes(Tokenizer *t) {
  for (int i = 0; i < 256; i++) {
    char name[8];
    snprintf(name, sizeof name, "<0x%02X>", (unsigned)i);
    t->byte[i] = find_text(t, name);
    if (t->byte[i] >= 0) t->token[t->byte[i]].kind = TOKEN_BYTE;
  }
}

/* Tokens that are found in a normalised text are so themselves. */
static void normalise_added(Tokenizer *t) {
  for (int i = 0; i < t->nadded; i++) {
    Added *a = &t->added[i];
    Token *k = &t->token[a->id];
    k->kind = a->special ? TOKEN_CONTROL : TOKEN_USER;
    a->normal &= t->normal.n > 0;
    a->s = k->s;
    a->n = (size_t)k->n;
    if (!a->normal) continue;
    PiecesText text = steps_text(&t->normal, k->s, (size_t)k->n);
    a->s = a->own = text.s;
    a->n = text.n;
  }
}

static bool accept_file(Tokenizer *t, TokenFile *s, char *err) {
  if (!s->model) return rt_fail(err, "it has no model");
  if (!choose_model(t, s)) return rt_fail(err, "`%.100s` is not read\n%s", s->other, READ);
  tokens_index(t);
  normalise_added(t);
  t->unknown = find_text(t, s->unknown);
  if (t->model == MODEL_UNIGRAM) t->unknown = s->unknown_id < (uint64_t)t->n ? (int)s->unknown_id : -1;
  if (t->model == MODEL_WORDPIECE && t->unknown < 0) return rt_fail(err, "it has no token for what is unknown");
  if (t->model == MODEL_UNIGRAM && t->unknown < 0) return rt_fail(err, "it has no piece for what is unknown");
  if (t->model == MODEL_UNIGRAM) {
    unigram_scores(t);
    t->each_unknown = false;
  }
  t->begin = find_text(t, s->begin);
  if (s->fallback) set_bytes(t);
  return true;
}

bool bpe_read_json(Tokenizer *t, const Bytes *file, char *err) {
  char why[ERR_TEXT];
  const char *text = (const char *)file->p;
  Json j = {text, text + file->n, why};
  TokenFile s = {.unknown_id = UINT64_MAX};
  bool vocab = begins_with_number(file);
  bool ok = vocab ? token_object(t, &j, vocab_member, NULL) : token_object(t, &j, file_member, &s);
  if (!ok) rt_fail(err, "byte %zu: %.300s", (size_t)(j.p - text), why);
  if (ok && vocab) t->words = WORDS_GPT2;
  if (ok && !vocab) ok = accept_file(t, &s, err);
  free_file(&s);
  return ok;
}

bool bpe_read_merges(Tokenizer *t, const Bytes *text, char *err) {
  const char *p = (const char *)text->p, *end = p + text->n;
  while (p < end) {
    const char *e = memchr(p, '\n', (size_t)(end - p));
    if (!e) e = end;
    size_t n = (size_t)(e - p) - (e > p && e[-1] == '\r');
    bool comment = n > 9 && !memcmp(p, "#version:", 9);
    if (n && !comment && (memchr(p, 0, n) || !split_pair(t, p, n, err))) return rt_fail(err, "a line is no merge");
    p = e + 1;
  }
  return true;
}

/* ---- after all was read ---- */

/* Characters of the file to bytes, in place; false: one is no byte's. */
static bool to_bytes(char *s, int *n) {
  static const int other = 0x100;
  int to = 0;
  for (int at = 0; at < *n;) {
    uint32_t c;
    at += (int)utf8_next(s + at, (size_t)(*n - at), &c);
    bool itself = (c > 32 && c < 127) || (c > 160 && c < 256 && c != 173);
    uint32_t rest = c - (uint32_t)other; /* the k-th of those that are not themselves */
    if (!itself && (c < 256 || rest > 67)) return false;
    if (!itself) c = rest < 33 ? rest : rest < 67 ? rest - 33 + 127 : 173;
    s[to++] = (char)c;
  }
  *n = to;
  return true;
}

static char *byte_form(char *s, int *n) { /* as it is if it has other characters; takes s */
  char *copy = rt_strdup(s);
  *n = (int)strlen(s);
  if (to_bytes(copy, n)) {
    rt_free(s);
    copy[*n] = 0;
    return copy;
  }
  rt_free(copy);
  *n = (int)strlen(s);
  return s;
}

static bool add_merge(Tokenizer *t, int k, char *err) {
  int n[2], id[2];
  for (int i = 0; i < 2; i++) {
    if (t->model == MODEL_BYTES) t->pair[2 * k + i] = byte_form(t->pair[2 * k + i], &n[i]);
    else n[i] = (int)strlen(t->pair[2 * k + i]);
    id[i] = tokenizer_find(t, t->pair[2 * k + i], (size_t)n[i]);
  }
  char *both = rt_alloc((size_t)n[0] + (size_t)n[1] + 1);
  memcpy(both, t->pair[2 * k], (size_t)n[0]);
  memcpy(both + n[0], t->pair[2 * k + 1], (size_t)n[1]);
  int to = tokenizer_find(t, both, (size_t)n[0] + (size_t)n[1]);
  rt_free(both);
  if (to < 0 || id[0] < 0 || id[1] < 0) return rt_fail(err, "merge %d is of tokens that are not there", k + 1);
  bpe_add_merge(t, (Merge){id[0], id[1], k, to});
  return true;
}

bool bpe_finish(Tokenizer *t, char *err) {
  static const char *const ends[] = {"<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>", "[SEP]"};
  for (int i = 0; i < t->n && t->model == MODEL_BYTES; i++) {
    Token *k = &t->token[i];
    if (k->s && k->kind == TOKEN_NORMAL) k->s = byte_form(k->s, &k->n);
  }
  tokens_index(t);
  for (int i = 0; i < 256 && t->model == MODEL_BYTES; i++) t->byte[i] = tokenizer_find(t, (char[]){(char)i}, 1);
  bpe_merge_table(t);
  for (int k = 0; 2 * k < t->npair; k++)
    if (!add_merge(t, k, err)) return false;
  for (int i = 0; i < COUNT(ends) && t->end < 0; i++) t->end = find_text(t, ends[i]);
  if (t->end >= 0 && !t->nadded) { /* vocab.json has no list of them */
    t->added = rt_array(1, sizeof *t->added);
    t->added[t->nadded++] = (Added){.id = t->end, .s = t->token[t->end].s, .n = (size_t)t->token[t->end].n};
    t->token[t->end].kind = TOKEN_CONTROL;
  }
  return true;
}
