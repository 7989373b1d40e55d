/* SPDX-License-Identifier: Apache-2.0 */
/* Reads tokenizer.json of Hugging Face, and vocab.json with merges.txt: BPE of bytes or of characters. In those of
 * bytes, a byte is written as a character: itself if it is printable in Latin-1, else one from U+0100 on. */
#include "json.h"
#include "tokenizer.h"
#include <string.h>

static const char PIECE_SPACE[] = "\xE2\x96\x81";

/* ---- JSON ---- */

typedef bool ItemFn(Tokenizer *t, Json *j, void *arg);
static bool read_list(Tokenizer *t, Json *j, ItemFn *item, void *arg) {
  if (!json_expect(j, '[')) return false;
  if (json_accept(j, ']')) return true;
  do
    if (!item(t, j, arg)) return false;
  while (json_accept(j, ','));
  return json_expect(j, ']');
}

typedef bool MemberFn(Tokenizer *t, const char *key, Json *j, void *arg);
static bool read_object(Tokenizer *t, Json *j, MemberFn *fn, void *arg) {
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

static bool is_word(Json *j, const char *want) { /* true, null; or how the value begins */
  json_accept(j, ' ');
  size_t n = strlen(want);
  return (size_t)(j->end - j->p) >= n && !memcmp(j->p, want, n);
}

static bool read_flag(Json *j, bool *to) {
  *to = is_word(j, "true");
  return json_skip(j, 0);
}

/* A text, the first of its key; other values are skipped. */
static bool read_text(Json *j, char **to) {
  if (*to || !is_word(j, "\"")) return json_skip(j, 0);
  return (*to = json_string(j)) != NULL;
}

static bool same(const char *s, const char *want) { return s && !strcmp(s, want); }

/* ---- what the file says ---- */

typedef struct Seen {
  bool model, bytes, replaced, other; /* other: something that is not read */
  char *type, *unknown, *begin;       /* of the model; the tokens of unknown text and of the beginning */
  bool fallback, sequence;            /* characters become bytes; the text was named by the post_processor */
} Seen;

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

static bool model_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  Seen *s = arg;
  if (!strcmp(key, "type")) return read_text(j, &s->type);
  if (!strcmp(key, "unk_token")) return read_text(j, &s->unknown);
  if (!strcmp(key, "byte_fallback")) return read_flag(j, &s->fallback);
  if (!strcmp(key, "ignore_merges")) return read_flag(j, &t->ignore_merges);
  if (!strcmp(key, "vocab") && !is_word(j, "[")) return read_object(t, j, vocab_member, NULL);
  if (!strcmp(key, "merges")) return read_list(t, j, read_merge, NULL);
  bool affix = !strcmp(key, "continuing_subword_prefix") || !strcmp(key, "end_of_word_suffix");
  if (affix && !is_word(j, "null") && !is_word(j, "\"\"")) s->other = true;
  return json_skip(j, 0);
}

/* ---- added tokens ---- */

typedef struct Added {
  char *content;
  uint64_t id;
  bool special;
} Added;

static bool added_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  Added *a = arg;
  (void)t;
  if (!strcmp(key, "id")) return json_u64(j, &a->id);
  if (!strcmp(key, "special")) return read_flag(j, &a->special);
  if (!strcmp(key, "content")) return read_text(j, &a->content);
  return json_skip(j, 0);
}

static bool read_added(Tokenizer *t, Json *j, void *arg) {
  Added a = {0};
  (void)arg;
  bool ok = read_object(t, j, added_member, &a);
  if (ok && (!a.content || a.id >= TOKENS_MOST)) ok = rt_fail(j->err, "an added token has no text or number");
  if (!ok) {
    rt_free(a.content);
    return false;
  }
  t->added = rt_realloc(t->added, rt_mul((size_t)t->nadded + 1, sizeof *t->added));
  t->added[t->nadded++] = (int)a.id;
  token_set(t, (int)a.id, a.content, (int)strlen(a.content), a.special ? TOKEN_CONTROL : TOKEN_USER, 0);
  return true;
}

/* ---- normalizer and pre_tokenizer: steps, which may be lists of steps ---- */

typedef struct Step {
  Seen *seen;
  char *type, *prepend, *content, *string, *regex, *scheme, *behavior;
  bool prefix, plain, unsplit, invert; /* plain: without the pattern of GPT-2; unsplit: the text is one word */
} Step;

static bool read_step(Tokenizer *t, Json *j, void *arg);

static bool pattern_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  Step *s = arg;
  (void)t;
  if (!strcmp(key, "String")) return read_text(j, &s->string);
  if (!strcmp(key, "Regex")) return read_text(j, &s->regex);
  return json_skip(j, 0);
}

static bool step_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  Step *s = arg;
  if (!strcmp(key, "normalizers") || !strcmp(key, "pretokenizers")) return read_list(t, j, read_step, s->seen);
  if (!strcmp(key, "type")) return read_text(j, &s->type);
  if (!strcmp(key, "prepend")) return read_text(j, &s->prepend);
  if (!strcmp(key, "content") || !strcmp(key, "replacement")) return read_text(j, &s->content);
  if (!strcmp(key, "prepend_scheme")) return read_text(j, &s->scheme);
  if (!strcmp(key, "behavior")) return read_text(j, &s->behavior);
  if (!strcmp(key, "pattern") && is_word(j, "{")) return read_object(t, j, pattern_member, s);
  if (!strcmp(key, "add_prefix_space")) return read_flag(j, &s->prefix);
  if (!strcmp(key, "invert")) return read_flag(j, &s->invert);
  if (!strcmp(key, "use_regex")) s->plain = is_word(j, "false");
  if (!strcmp(key, "split")) s->unsplit = is_word(j, "false");
  return json_skip(j, 0);
}

static bool known_pattern(Tokenizer *t, const Step *s) {
  static const struct {
    uint8_t words;
    const char *regex;
  } known[] = {{WORDS_LLAMA3,
                "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
                "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
               {WORDS_QWEN2,
                "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
                "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
               {WORDS_GPT2, "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"},
               {WORDS_GPT2, "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"}};
  for (int i = 0; i < COUNT(known); i++) {
    if (!same(s->regex, known[i].regex)) continue;
    t->words = known[i].words;
    return true;
  }
  return false;
}

static void apply_step(Tokenizer *t, const Step *s) {
  Seen *seen = s->seen;
  if (same(s->type, "Sequence")) return;
  if (same(s->type, "ByteLevel")) {
    seen->bytes = true;
    t->prefix_space = s->prefix;
    if (s->plain && t->words == WORDS_NONE) seen->other = true;
    if (!s->plain && t->words == WORDS_NONE) t->words = WORDS_GPT2;
    else if (!s->plain) seen->other = true; /* words of words */
  } else if (same(s->type, "Split")) {
    seen->other |= !same(s->behavior, "Isolated") || s->invert || t->words != WORDS_NONE || !known_pattern(t, s);
  } else if (same(s->type, "Prepend") && same(s->prepend, PIECE_SPACE)) {
    t->prefix_space = true;
  } else if (same(s->type, "Replace") && same(s->string, " ") && same(s->content, PIECE_SPACE)) {
    seen->replaced = true;
  } else if (same(s->type, "Metaspace") && s->unsplit && same(s->content, PIECE_SPACE)) {
    seen->replaced = t->prefix_bare = true;
    t->prefix_space = s->prefix || same(s->scheme, "always") || same(s->scheme, "first");
    t->prefix_first = same(s->scheme, "first");
  } else {
    seen->other = true;
  }
}

static bool read_step(Tokenizer *t, Json *j, void *arg) {
  Step s = {.seen = arg};
  bool ok = read_object(t, j, step_member, &s);
  char *const text[] = {s.type, s.prepend, s.content, s.string, s.regex, s.scheme, s.behavior};
  if (ok) apply_step(t, &s);
  for (int i = 0; i < COUNT(text); i++) rt_free(text[i]);
  return ok;
}

/* ---- post_processor: the token that a text begins with ---- */

static bool special_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  Seen *s = arg;
  (void)t;
  return !strcmp(key, "id") && !s->sequence ? read_text(j, &s->begin) : json_skip(j, 0);
}

static bool single_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  Seen *s = arg;
  if (!strcmp(key, "SpecialToken") && is_word(j, "{")) return read_object(t, j, special_member, s);
  s->sequence |= !strcmp(key, "Sequence");
  return json_skip(j, 0);
}

static bool read_single(Tokenizer *t, Json *j, void *arg) { return read_object(t, j, single_member, arg); }

static bool read_post(Tokenizer *t, Json *j, void *arg);
static bool post_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  if (!strcmp(key, "processors")) return read_list(t, j, read_post, arg);
  if (!strcmp(key, "single") && is_word(j, "[")) return read_list(t, j, read_single, arg);
  return json_skip(j, 0);
}
static bool read_post(Tokenizer *t, Json *j, void *arg) { return read_object(t, j, post_member, arg); }

/* ---- files ---- */

static bool file_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  Seen *s = arg;
  if (is_word(j, "null")) return json_skip(j, 0);
  if (!strcmp(key, "model")) {
    s->model = true;
    return read_object(t, j, model_member, s);
  }
  if (!strcmp(key, "added_tokens")) return read_list(t, j, read_added, s);
  if (!strcmp(key, "normalizer") || !strcmp(key, "pre_tokenizer")) return read_step(t, j, s);
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

static void free_seen(Seen *s) {
  rt_free(s->type);
  rt_free(s->unknown);
  rt_free(s->begin);
}

static bool accept_file(Tokenizer *t, const Seen *s, char *err) {
  if (!s->model) return rt_fail(err, "it has no model");
  if ((s->type && !same(s->type, "BPE")) || s->other || s->bytes == s->replaced)
    return rt_fail(err, "of tokenizer.json, BPE is read: of bytes, with the words of GPT-2, Llama 3 or Qwen 2, or of\n"
                        "characters with spaces as U+2581");
  t->merged = s->replaced;
  tokens_index(t);
  t->unknown = find_text(t, s->unknown);
  t->begin = find_text(t, s->begin);
  for (int i = 0; i < 256 && s->fallback; i++) {
    char name[8];
    snprintf(name, sizeof name, "<0x%02X>", (unsigned)i);
    t->byte[i] = find_text(t, name);
    if (t->byte[i] >= 0) t->token[t->byte[i]].kind = TOKEN_BYTE;
  }
  return true;
}

bool bpe_read_json(Tokenizer *t, const Bytes *file, char *err) {
  char why[ERR_TEXT];
  const char *text = (const char *)file->p;
  Json j = {text, text + file->n, why};
  Seen s = {0};
  bool vocab = begins_with_number(file);
  bool ok = vocab ? read_object(t, &j, vocab_member, NULL) : read_object(t, &j, file_member, &s);
  if (!ok) rt_fail(err, "byte %zu: %.300s", (size_t)(j.p - text), why);
  if (ok && vocab) t->words = WORDS_GPT2;
  if (ok && !vocab) ok = accept_file(t, &s, err);
  free_seen(&s);
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
    if (!t->merged) t->pair[2 * k + i] = byte_form(t->pair[2 * k + i], &n[i]);
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
  static const char *const ends[] = {"<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>"};
  for (int i = 0; i < t->n && !t->merged; i++) {
    Token *k = &t->token[i];
    if (k->s && k->kind == TOKEN_NORMAL) k->s = byte_form(k->s, &k->n);
  }
  tokens_index(t);
  for (int i = 0; i < 256 && !t->merged; i++) t->byte[i] = tokenizer_find(t, (char[]){(char)i}, 1);
  bpe_merge_table(t);
  for (int k = 0; 2 * k < t->npair; k++)
    if (!add_merge(t, k, err)) return false;
  for (int i = 0; i < COUNT(ends) && t->end < 0; i++) t->end = find_text(t, ends[i]);
  if (t->end >= 0 && !t->nadded) { /* vocab.json has no list of them */
    t->added = rt_array(1, sizeof *t->added);
    t->added[t->nadded++] = t->end;
    t->token[t->end].kind = TOKEN_CONTROL;
  }
  return true;
}
