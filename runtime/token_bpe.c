/* SPDX-License-Identifier: Apache-2.0 */
/* Byte-level BPE. A text is cut into words by the pattern of GPT-2,
 *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * and the bytes of a word are merged, the pair of the lowest rank first (Sennrich et al. 2016; Radford et al. 2019). In
 * the files a byte is written as a character: itself if it is printable in Latin-1, else one from U+0100 on. */
#include "json.h"
#include "tokenizer.h"
#include <string.h>

/* ---- classes of characters ---- */

typedef struct Range {
  uint32_t first, last;
} Range;
#define SPACE(a, b)
#define NUMBER(a, b)
#define LETTER(a, b) {a, b},
static const Range letters[] = {
#include "unicode.def"
};
#undef LETTER
#undef NUMBER
#define LETTER(a, b)
#define NUMBER(a, b) {a, b},
static const Range numbers[] = {
#include "unicode.def"
};
#undef NUMBER
#undef SPACE
#define NUMBER(a, b)
#define SPACE(a, b) {a, b},
static const Range spaces[] = {
#include "unicode.def"
};

static bool within(const Range *r, int n, uint32_t c) {
  int low = 0, high = n;
  while (low < high) {
    int mid = (low + high) / 2;
    if (r[mid].last < c) low = mid + 1;
    else high = mid;
  }
  return low < n && r[low].first <= c;
}

typedef enum Class { OTHER, LETTERS, NUMBERS, SPACES } Class;
static Class class_of(uint32_t c) {
  return within(letters, COUNT(letters), c)   ? LETTERS
         : within(numbers, COUNT(numbers), c) ? NUMBERS
         : within(spaces, COUNT(spaces), c)   ? SPACES
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

static size_t contraction(const char *s, size_t n) {
  static const char *const ends[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
  for (int i = 0; i < COUNT(ends); i++)
    if (n >= strlen(ends[i]) && !memcmp(s, ends[i], strlen(ends[i]))) return strlen(ends[i]);
  return 0;
}

/* The length of the first word. */
static size_t word(const char *s, size_t n) {
  uint32_t c;
  size_t end = contraction(s, n), first = utf8_next(s, n, &c);
  if (end) return end;
  Class k = class_of(c);
  if (c == ' ' && n > 1) { /* one space belongs to the word that follows */
    utf8_next(s + 1, n - 1, &c);
    if (class_of(c) != SPACES) return run_of(s, n, 1, class_of(c));
  }
  end = run_of(s, n, 0, k);
  if (k != SPACES || end == n) return end;
  size_t last = 0; /* of several spaces the last is left to what follows */
  for (size_t at = 0; at < end; at += utf8_next(s + at, n - at, &c)) last = at;
  return last ? last : first;
}

/* ---- merging ---- */

static uint32_t merge_place(const Tokenizer *t, int left, int right) {
  uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9E3779B97F4A7C15u;
  return (uint32_t)(h >> 32) & (t->merge_slots - 1);
}

static const Merge *merge_find(const Tokenizer *t, int left, int right) {
  for (uint32_t at = merge_place(t, left, right); t->merge[at].id >= 0; at = (at + 1) & (t->merge_slots - 1))
    if (t->merge[at].left == left && t->merge[at].right == right) return &t->merge[at];
  return NULL;
}

static void encode_word(const Tokenizer *t, const char *s, size_t n, Ids *to) {
  int first = to->n;
  for (size_t i = 0; i < n; i++)
    if (t->byte[(unsigned char)s[i]] >= 0) ids_add(to, t->byte[(unsigned char)s[i]]);
  while (true) {
    const Merge *best = NULL;
    for (int i = first; i + 1 < to->n; i++) {
      const Merge *m = merge_find(t, to->id[i], to->id[i + 1]);
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
  char *spaced = t->prefix_space && n && text[0] != ' ' ? rt_printf(" %.*s", (int)n, text) : NULL;
  const char *s = spaced ? spaced : text;
  if (spaced) n = strlen(spaced);
  for (size_t at = 0; at < n;) {
    size_t w = word(s + at, n - at);
    encode_word(t, s + at, w, to);
    at += w;
  }
  rt_free(spaced);
}

/* ---- reading ---- */

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

static bool read_vocab(Tokenizer *t, Json *j) {
  if (!json_expect(j, '{')) return false;
  if (json_accept(j, '}')) return true;
  do {
    uint64_t id = 0;
    char *s = json_string(j);
    bool ok = s && json_expect(j, ':') && json_u64(j, &id);
    if (ok && id >= TOKENS_MOST) ok = rt_fail(j->err, "a token has the number %llu", (unsigned long long)id);
    if (!ok) {
      rt_free(s);
      return false;
    }
    int n;
    s = byte_form(s, &n);
    token_set(t, (int)id, s, n, TOKEN_NORMAL, 0);
  } while (json_accept(j, ','));
  return json_expect(j, '}');
}

static bool read_merge(Tokenizer *t, Json *j) {
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

static bool read_list(Tokenizer *t, Json *j, bool (*item)(Tokenizer *, Json *)) {
  if (!json_expect(j, '[')) return false;
  if (json_accept(j, ']')) return true;
  do
    if (!item(t, j)) return false;
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

/* Whether the value is this text; another value is skipped. */
static bool is_text(Json *j, const char *want, bool *same) {
  Json at = *j;
  char why[ERR_TEXT], *s;
  at.err = why;
  s = json_string(&at);
  *same = s && !strcmp(s, want);
  rt_free(s);
  return json_skip(j, 0);
}

static bool is_word(Json *j, const char *want) { /* true, null */
  json_accept(j, ' ');
  size_t n = strlen(want);
  return (size_t)(j->end - j->p) >= n && !memcmp(j->p, want, n);
}

typedef struct Added {
  char *content;
  uint64_t id;
} Added;

static bool added_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  Added *a = arg;
  (void)t;
  if (!strcmp(key, "id")) return json_u64(j, &a->id);
  if (strcmp(key, "content") != 0 || a->content) return json_skip(j, 0);
  return (a->content = json_string(j)) != NULL;
}

static bool read_added(Tokenizer *t, Json *j) {
  Added a = {0};
  bool ok = read_object(t, j, added_member, &a);
  if (ok && (!a.content || a.id >= TOKENS_MOST)) ok = rt_fail(j->err, "an added token has no text or number");
  if (!ok) {
    rt_free(a.content);
    return false;
  }
  t->added = rt_realloc(t->added, rt_mul((size_t)t->nadded + 1, sizeof *t->added));
  t->added[t->nadded++] = (int)a.id;
  token_set(t, (int)a.id, a.content, (int)strlen(a.content), TOKEN_CONTROL, 0);
  return true;
}

typedef struct Seen {
  bool bpe, bytes, normalizer, model;
} Seen;

static bool model_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  Seen *s = arg;
  if (!strcmp(key, "type")) return is_text(j, "BPE", &s->bpe);
  if (!strcmp(key, "vocab") && !is_word(j, "[")) return read_vocab(t, j);
  if (!strcmp(key, "merges")) return read_list(t, j, read_merge);
  return json_skip(j, 0);
}

static bool cut_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  Seen *s = arg;
  if (!strcmp(key, "type")) return is_text(j, "ByteLevel", &s->bytes);
  if (!strcmp(key, "add_prefix_space")) t->prefix_space = is_word(j, "true");
  if (!strcmp(key, "use_regex") && is_word(j, "false")) s->bytes = false;
  return json_skip(j, 0);
}

static bool file_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  Seen *s = arg;
  if (!strcmp(key, "model")) {
    s->model = true;
    return read_object(t, j, model_member, s);
  }
  if (!strcmp(key, "added_tokens")) return read_list(t, j, read_added);
  if (!strcmp(key, "normalizer")) s->normalizer = !is_word(j, "null");
  if (!strcmp(key, "pre_tokenizer") && !is_word(j, "null")) return read_object(t, j, cut_member, s);
  return json_skip(j, 0);
}

bool bpe_read_json(Tokenizer *t, const Bytes *file, char *err) {
  char why[ERR_TEXT], ignored[ERR_TEXT];
  const char *text = (const char *)file->p;
  Json j = {text, text + file->n, why};
  Json probe = {text, text + file->n, ignored};
  Seen s = {0};
  json_accept(&probe, '{');
  char *first = json_string(&probe);
  bool vocab = first && json_accept(&probe, ':');
  json_accept(&probe, ' '); /* skips blanks */
  vocab = vocab && probe.p < probe.end && *probe.p >= '0' && *probe.p <= '9';
  rt_free(first);
  bool ok = vocab ? read_vocab(t, &j) : read_object(t, &j, file_member, &s);
  if (!ok) return rt_fail(err, "byte %zu: %.300s", (size_t)(j.p - text), why);
  if (!vocab && !s.model) return rt_fail(err, "it has no model");
  if (!vocab && (!s.bpe || !s.bytes || s.normalizer))
    return rt_fail(err, "of tokenizer.json, BPE with ByteLevel as its only pre_tokenizer and no normalizer is read");
  return true;
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

static bool add_merge(Tokenizer *t, int k, char *err) {
  int n[2], id[2];
  for (int i = 0; i < 2; i++) {
    t->pair[2 * k + i] = byte_form(t->pair[2 * k + i], &n[i]);
    id[i] = tokenizer_find(t, t->pair[2 * k + i], (size_t)n[i]);
  }
  char *both = rt_alloc((size_t)n[0] + (size_t)n[1] + 1);
  memcpy(both, t->pair[2 * k], (size_t)n[0]);
  memcpy(both + n[0], t->pair[2 * k + 1], (size_t)n[1]);
  int to = tokenizer_find(t, both, (size_t)n[0] + (size_t)n[1]);
  rt_free(both);
  if (to < 0 || id[0] < 0 || id[1] < 0) return rt_fail(err, "merge %d is of tokens that are not there", k + 1);
  if (merge_find(t, id[0], id[1])) return true;
  uint32_t at = merge_place(t, id[0], id[1]);
  while (t->merge[at].id >= 0) at = (at + 1) & (t->merge_slots - 1);
  t->merge[at] = (Merge){id[0], id[1], k, to};
  return true;
}

bool bpe_finish(Tokenizer *t, char *err) {
  static const char *const ends[] = {"<|endoftext|>", "</s>", "<|end_of_text|>"};
  tokens_index(t);
  for (int i = 0; i < 256; i++) t->byte[i] = tokenizer_find(t, (char[]){(char)i}, 1);
  t->merge_slots = 1024;
  while (t->merge_slots < (uint32_t)t->npair * 2) t->merge_slots *= 2;
  t->merge = rt_array(t->merge_slots, sizeof *t->merge);
  for (uint32_t i = 0; i < t->merge_slots; i++) t->merge[i].id = -1;
  for (int k = 0; 2 * k < t->npair; k++)
    if (!add_merge(t, k, err)) return false;
  for (int i = 0; i < COUNT(ends) && t->end < 0; i++) t->end = tokenizer_find(t, ends[i], strlen(ends[i]));
  if (t->end >= 0 && !t->nadded) { /* vocab.json has no list of them */
    t->added = rt_array(1, sizeof *t->added);
    t->added[t->nadded++] = t->end;
    t->token[t->end].kind = TOKEN_CONTROL;
  }
  return true;
}
