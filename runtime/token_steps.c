/* SPDX-License-Identifier: Apache-2.0 */
/* The normalizer and the pre_tokenizer of tokenizer.json: lists of steps, which are read here, and what they do. */
#include "tokenizer.h"
#include <string.h>

/* ---- reading ---- */

typedef struct Step {
  TokenFile *file;
  char *type, *prepend, *content, *string, *regex, *scheme, *behavior;
  bool prefix, plain, unsplit, invert; /* plain: without the pattern of GPT-2; unsplit: the text is one word */
  bool strip_left, strip_right, clean, chinese, lower, accents, accents_given, single;
} Step;

static bool pattern_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  Step *s = arg;
  (void)t;
  if (!strcmp(key, "String")) return token_text(j, &s->string);
  if (!strcmp(key, "Regex")) return token_text(j, &s->regex);
  return json_skip(j, 0);
}

static bool step_member(Tokenizer *t, const char *key, Json *j, void *arg) {
  Step *s = arg;
  const struct {
    const char *key;
    char **text;
    bool *flag;
  } known[] = {{"type", &s->type, NULL},
               {"prepend", &s->prepend, NULL},
               {"content", &s->content, NULL},
               {"replacement", &s->content, NULL},
               {"prepend_scheme", &s->scheme, NULL},
               {"behavior", &s->behavior, NULL},
               {"add_prefix_space", NULL, &s->prefix},
               {"invert", NULL, &s->invert},
               {"strip_left", NULL, &s->strip_left},
               {"strip_right", NULL, &s->strip_right},
               {"clean_text", NULL, &s->clean},
               {"handle_chinese_chars", NULL, &s->chinese},
               {"lowercase", NULL, &s->lower},
               {"strip_accents", NULL, &s->accents},
               {"individual_digits", NULL, &s->single}};
  if (!strcmp(key, "normalizers") || !strcmp(key, "pretokenizers")) return token_list(t, j, step_read, s->file);
  if (!strcmp(key, "pattern") && token_is(j, "{")) return token_object(t, j, pattern_member, s);
  if (!strcmp(key, "use_regex")) s->plain = token_is(j, "false");
  if (!strcmp(key, "split")) s->unsplit = token_is(j, "false");
  if (!strcmp(key, "strip_accents")) s->accents_given = !token_is(j, "null");
  for (int i = 0; i < COUNT(known); i++)
    if (!strcmp(key, known[i].key)) return known[i].text ? token_text(j, known[i].text) : token_flag(j, known[i].flag);
  return json_skip(j, 0);
}

static void add(TextSteps *to, TextStep s) {
  to->step = rt_realloc(to->step, rt_mul((size_t)to->n + 1, sizeof *to->step));
  to->step[to->n++] = s;
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
    if (!token_same(s->regex, known[i].regex)) continue;
    t->words = known[i].words;
    return true;
  }
  return false;
}

/* False: not read. */
static bool add_bytes(Tokenizer *t, const Step *s) {
  bool again = s->file->bytes, cut = t->words != WORDS_NONE;
  s->file->bytes = true;
  t->prefix_space = s->prefix;
  if (!s->plain && !cut) t->words = WORDS_GPT2;
  return !again && cut == s->plain; /* words of words, and a text as one word, are not read */
}

static bool add_bert(TextSteps *to, const Step *s) {
  if (s->clean) add(to, (TextStep){.kind = STEP_CLEAN});
  if (s->chinese) add(to, (TextStep){.kind = STEP_CHINESE});
  if (s->accents_given ? s->accents : s->lower) add(to, (TextStep){.kind = STEP_MARKS, .left = true});
  if (s->lower) add(to, (TextStep){.kind = STEP_LOWER});
  return true;
}

static bool add_normal(TextSteps *to, Step *s) {
  static const char *const form[] = {"NFC", "NFD", "NFKC", "NFKD"};
  for (int i = 0; i < COUNT(form); i++) {
    if (!token_same(s->type, form[i])) continue;
    add(to, (TextStep){.kind = STEP_FORM, .form = (UnicodeForm)i});
    return true;
  }
  TextStep step = {.kind = STEP_LOWER, .left = s->strip_left, .right = s->strip_right};
  if (token_same(s->type, "BertNormalizer")) return add_bert(to, s);
  if (token_same(s->type, "StripAccents")) step.kind = STEP_MARKS, step.left = false;
  else if (token_same(s->type, "Strip")) step.kind = STEP_STRIP;
  else if (token_same(s->type, "Prepend") && s->prepend) {
    step.kind = STEP_PREPEND;
    step.to = rt_strdup(s->prepend);
  } else if (token_same(s->type, "Replace") && s->string && *s->string && s->content) {
    step.kind = STEP_REPLACE;
    step.from = rt_strdup(s->string);
    step.to = rt_strdup(s->content);
  } else if (!token_same(s->type, "Lowercase")) return false;
  add(to, step);
  return true;
}

static bool add_cut(Tokenizer *t, Step *s) {
  TextSteps *to = &t->cut;
  bool isolated = !s->behavior || token_same(s->behavior, "Isolated");
  if (token_same(s->type, "ByteLevel")) return add_bytes(t, s);
  if (s->file->bytes) return false; /* words of bytes are not cut again */
  if (token_same(s->type, "Split"))
    return isolated && s->behavior && !s->invert && t->words == WORDS_NONE && known_pattern(t, s);
  if (t->words != WORDS_NONE) return false;
  bool bert = token_same(s->type, "BertPreTokenizer"), always = token_same(s->scheme, "always");
  if (bert || token_same(s->type, "WhitespaceSplit")) add(to, (TextStep){.kind = CUT_SPACES});
  if (bert || (token_same(s->type, "Punctuation") && isolated)) add(to, (TextStep){.kind = CUT_MARKS});
  else if (token_same(s->type, "Digits")) add(to, (TextStep){.kind = CUT_DIGITS, .left = !s->single});
  else if (token_same(s->type, "Metaspace") && s->content) {
    bool first = token_same(s->scheme, "first"), never = !always && !first && !(s->prefix && !s->scheme);
    add(to, (TextStep){.kind = CUT_PIECES,
                       .left = first,
                       .right = !s->unsplit,
                       .to = rt_strdup(s->content),
                       .from = never ? NULL : rt_strdup(" ")});
  } else if (!bert && !token_same(s->type, "WhitespaceSplit")) return false;
  return true;
}

bool step_read(Tokenizer *t, Json *j, void *arg) {
  Step s = {.file = arg};
  bool ok = s.file->depth++ < JSON_DEPTH ? token_object(t, j, step_member, &s) : rt_fail(j->err, "too many levels");
  s.file->depth--;
  char *const text[] = {s.type, s.prepend, s.content, s.string, s.regex, s.scheme, s.behavior};
  bool known = !ok || token_same(s.type, "Sequence") || (s.file->cutting ? add_cut(t, &s) : add_normal(&t->normal, &s));
  if (!known) token_refuse(s.file, s.regex ? s.regex : s.type ? s.type : "a step without a type");
  for (int i = 0; i < COUNT(text); i++) rt_free(text[i]);
  return ok;
}

void steps_free(TextSteps *s) {
  for (int i = 0; i < s->n; i++) {
    rt_free(s->step[i].from);
    rt_free(s->step[i].to);
  }
  rt_free(s->step);
}

/* ---- the normalizer ---- */

void pieces_put(PiecesText *t, const char *s, size_t n) {
  if (t->n + n > t->cap) t->s = rt_realloc(t->s, t->cap = (t->n + n) * 2 + 64);
  if (n) memcpy(t->s + t->n, s, n);
  t->n += n;
}

static void put_char(PiecesText *t, uint32_t c) {
  char bytes[4];
  pieces_put(t, bytes, (size_t)utf8_put(c, bytes));
}

static bool is_chinese(uint32_t c) { /* the ranges of BERT's tokenizer */
  static const uint32_t range[][2] = {{0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F},
                                      {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F}};
  for (int i = 0; i < COUNT(range); i++)
    if (c >= range[i][0] && c <= range[i][1]) return true;
  return false;
}

static void put_step(PiecesText *to, const TextStep *k, uint32_t c) {
  uint32_t lower[3];
  int n = k->kind == STEP_LOWER ? unicode_lower(c, lower) : 0;
  for (int i = 0; i < n; i++) put_char(to, lower[i]);
  if (k->kind == STEP_MARKS && !unicode_is(k->left ? UNICODE_NONSPACING : UNICODE_MARK, c)) put_char(to, c);
  if (k->kind == STEP_CHINESE) {
    bool chinese = is_chinese(c);
    if (chinese) put_char(to, ' ');
    put_char(to, c);
    if (chinese) put_char(to, ' ');
  }
  bool blank = unicode_is(UNICODE_SPACE, c);
  bool control = c == 0 || c == 0xFFFD || (unicode_is(UNICODE_CONTROL, c) && c != '\t' && c != '\n' && c != '\r');
  if (k->kind == STEP_CLEAN && !control) put_char(to, blank ? ' ' : c);
}

static void replace(PiecesText *to, const TextStep *k, const char *s, size_t n) {
  size_t m = strlen(k->from), begin = 0;
  for (size_t at = 0; at + m <= n;) {
    if (memcmp(s + at, k->from, m)) {
      at++;
      continue;
    }
    pieces_put(to, s + begin, at - begin);
    pieces_put(to, k->to, strlen(k->to));
    begin = at += m;
  }
  pieces_put(to, s + begin, n - begin);
}

static bool space_at(const char *s, size_t n, size_t at, size_t *bytes) {
  uint32_t c;
  *bytes = utf8_next(s + at, n - at, &c);
  return unicode_is(UNICODE_SPACE, c);
}

static void strip(PiecesText *to, const TextStep *k, const char *s, size_t n) {
  size_t first = n, last = 0, bytes;
  for (size_t at = 0; at < n; at += bytes) {
    bool blank = space_at(s, n, at, &bytes);
    if (!blank && first == n) first = at;
    if (!blank) last = at + bytes;
  }
  size_t begin = k->left ? first : 0, end = k->right ? last : n;
  if (begin < end) pieces_put(to, s + begin, end - begin);
}

static PiecesText apply(const TextStep *k, const char *s, size_t n) {
  PiecesText to = {0};
  if (k->kind == STEP_FORM) to.s = unicode_normal(k->form, s, n, &to.n), to.cap = to.n;
  else if (k->kind == STEP_REPLACE) replace(&to, k, s, n);
  else if (k->kind == STEP_STRIP) strip(&to, k, s, n);
  else if (k->kind == STEP_PREPEND) {
    if (n) pieces_put(&to, k->to, strlen(k->to));
    pieces_put(&to, s, n);
  } else {
    uint32_t c;
    for (size_t at = 0; at < n; put_step(&to, k, c)) at += utf8_next(s + at, n - at, &c);
  }
  return to;
}

PiecesText steps_text(const TextSteps *s, const char *text, size_t n) {
  PiecesText now = {0};
  pieces_put(&now, text, n);
  for (int i = 0; i < s->n; i++) {
    TextStep form = {.kind = STEP_FORM, .form = UNICODE_NFD};
    bool decomposed = s->step[i].kind == STEP_MARKS && s->step[i].left;
    for (int k = decomposed ? 0 : 1; k < 2; k++) {
      PiecesText next = apply(k ? &s->step[i] : &form, now.s, now.n);
      rt_free(now.s);
      now = next;
    }
  }
  return now;
}

/* ---- the pre_tokenizer ---- */

typedef struct Words {
  const Tokenizer *t;
  WordFn *fn;
  Ids *to;
} Words;

static void cut(const Words *w, int step, const char *s, size_t n, bool begins);

static void cut_pieces(const Words *w, int step, const char *s, size_t n, bool begins) {
  const TextStep *k = &w->t->cut.step[step];
  size_t m = strlen(k->to), begin = 0;
  PiecesText text = {0};
  bool bare = (n && s[0] == ' ') || (n >= m && !memcmp(s, k->to, m));
  if (k->from && n && !bare && (begins || !k->left)) pieces_put(&text, k->to, m);
  for (size_t i = 0; i < n; i++) pieces_put(&text, s[i] == ' ' ? k->to : s + i, s[i] == ' ' ? m : 1);
  for (size_t at = 1; k->right && m && at + m <= text.n; at++) {
    if (memcmp(text.s + at, k->to, m)) continue;
    cut(w, step + 1, text.s + begin, at - begin, begins && !begin);
    begin = at;
    at += m - 1;
  }
  if (begin < text.n) cut(w, step + 1, text.s + begin, text.n - begin, begins && !begin);
  rt_free(text.s);
}

/* What a character is for a step: 0: within a word; 1: a word by itself; 2: left out; 3: a word with its neighbours */
static int role(const TextStep *k, uint32_t c) {
  bool ascii = (c >= 33 && c < 48) || (c >= 58 && c < 65) || (c >= 91 && c < 97) || (c >= 123 && c < 127);
  if (k->kind == CUT_SPACES) return unicode_is(UNICODE_SPACE, c) ? 2 : 0;
  if (k->kind == CUT_MARKS) return ascii || unicode_is(UNICODE_PUNCTUATION, c);
  return unicode_is(UNICODE_NUMBER, c) ? k->left ? 3 : 1 : 0;
}

static void cut(const Words *w, int step, const char *s, size_t n, bool begins) {
  if (step == w->t->cut.n) {
    w->fn(w->t, s, n, w->to);
    return;
  }
  const TextStep *k = &w->t->cut.step[step];
  if (k->kind == CUT_PIECES) {
    cut_pieces(w, step, s, n, begins);
    return;
  }
  size_t begin = 0;
  int before = 0;
  for (size_t at = 0, bytes; at < n; at += bytes) {
    uint32_t c;
    bytes = utf8_next(s + at, n - at, &c);
    int now = role(k, c);
    bool apart = now != before || now == 1 || now == 2;
    if (apart && begin < at && before != 2) cut(w, step + 1, s + begin, at - begin, begins && !begin);
    if (apart) begin = at;
    before = now;
  }
  if (begin < n && before != 2) cut(w, step + 1, s + begin, n - begin, begins && !begin);
}

void steps_words(const Tokenizer *t, const char *text, size_t n, bool begins, WordFn *fn, Ids *to) {
  Words w = {t, fn, to};
  if (n) cut(&w, 0, text, n, begins);
}
