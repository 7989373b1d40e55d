/* SPDX-License-Identifier: Apache-2.0 */
/* Text to tokens and back: BPE of bytes and of characters, unigram and WordPiece of tokenizer.json; vocab.json with
 * merges.txt beside it; SentencePiece's models (tokenizer.model). Of programs, those with a `generate` command link it.
 */
#ifndef GRADC_TOKENIZER_H
#define GRADC_TOKENIZER_H
#include "io.h"
#include "json.h"
#include "unicode.h"

typedef struct Token {
  char *s;      /* bytes; NULL: the number is not used */
  double score; /* of unigram */
  int n;
  uint8_t kind;
} Token;
enum { WORDS_NONE, WORDS_GPT2, WORDS_LLAMA3, WORDS_QWEN2 };
enum { TOKEN_NORMAL = 1, TOKEN_UNKNOWN, TOKEN_CONTROL, TOKEN_USER, TOKEN_UNUSED, TOKEN_BYTE }; /* as SentencePiece */
enum { MODEL_BYTES, MODEL_CHARS, MODEL_UNIGRAM, MODEL_WORDPIECE };                             /* the first two: BPE */

typedef struct Merge {
  int left, right, rank, id; /* id -1: empty slot */
} Merge;

typedef struct Added { /* a token that is found in the text before the model splits it */
  int id;
  const char *s; /* its text, which is `own` if the normalizer has changed it */
  char *own;
  size_t n;
  bool left, right; /* it takes the white space before or after it */
  bool normal;      /* it is found after the normalizer */
  bool special;
} Added;

/* A step of the normalizer, which changes a text, or of the pre_tokenizer, which cuts it into words. */
typedef enum StepKind {
  STEP_FORM,    /* `form` */
  STEP_LOWER,   /* small letters */
  STEP_MARKS,   /* without marks; `left`: without those that take no space, in the form NFD */
  STEP_STRIP,   /* without white space at the ends `left` and `right` */
  STEP_PREPEND, /* `to`, unless it is empty */
  STEP_REPLACE, /* all `from` by `to` */
  STEP_CLEAN,   /* without control characters, white space as blanks */
  STEP_CHINESE, /* Chinese characters between blanks */
  CUT_SPACES,   /* at white space, which is left out */
  CUT_MARKS,    /* each punctuation character is a word */
  CUT_DIGITS,   /* each digit is a word; `left`: runs of them are */
  CUT_PIECES    /* blanks become `to`, one is put before: `left` only the first word. `right`: cut before each */
} StepKind;
typedef struct TextStep {
  StepKind kind;
  UnicodeForm form;
  bool left, right;
  char *from, *to;
} TextStep;
typedef struct TextSteps {
  TextStep *step;
  int n;
} TextSteps;

typedef struct Tokenizer {
  Token *token;
  int n, cap;
  int *slot; /* hash table of tokens, by their bytes; -1: empty */
  uint32_t slots, merge_slots;
  Merge *merge; /* hash table, by left and right */
  char **pair;  /* merges that were read: left, right, in byte form */
  int npair, cappair;
  Added *added;
  int nadded;
  int byte[256];             /* of BPE, and of unigram with bytes; -1: none */
  int longest;               /* bytes of the longest token */
  int unknown, begin, end;   /* -1: none; tokens of unknown text, and that begin and end a text */
  uint8_t model, words;      /* the pattern of words of bytes */
  bool users, ignore_merges; /* there are pieces of the user; a word that is a token is not split */
  bool each_unknown;         /* unknown characters beside each other are not one token */
  char *subword;             /* of WordPiece: what tokens within a word begin with */
  uint64_t word_most;        /* characters of a word that is not unknown */
  TextSteps normal, cut;     /* of tokenizer.json */
  bool pieces;               /* the text is normalised as SentencePiece does it: */
  bool prefix_space;         /* a text is read as if a space preceded it; of bytes, too: unless it begins with one */
  bool remove_spaces;
  double least, most;         /* scores */
  const unsigned char *chars; /* precompiled_charsmap: a trie, then texts */
  size_t nchars;
  Bytes file;
} Tokenizer;

Tokenizer *tokenizer_open(const char *path); /* dies of a file that is none */
/* Parse bytes; takes `file`. merges: of vocab.json, else empty. NULL: err. tokenizer_free also frees `file`. */
Tokenizer *tokenizer_parse(Bytes file, const Bytes *merges, char *err);
void tokenizer_free(Tokenizer *t);
/* The tokens of a text, in new memory. */
int tokenizer_encode(const Tokenizer *t, const char *text, size_t n, int **id);
/* Those of a text to continue: with the token that begins a text; of an empty one that which ends one. 0: there is
 * none. */
int tokenizer_prompt(const Tokenizer *t, const char *text, size_t n, int **id);
/* Appends the text of a token to buf[room]; the number of bytes. */
int tokenizer_text(const Tokenizer *t, int id, char *buf, int room);

/* ---- between the files ---- */

enum { TOKENS_MOST = 1 << 22 };
void token_set(Tokenizer *t, int id, char *s, int n, uint8_t kind, double score); /* takes s */
int tokenizer_find(const Tokenizer *t, const char *s, size_t n);                  /* -1: none */
void tokens_index(Tokenizer *t);                                                  /* after all were set */
typedef struct Ids {
  int *id, n, cap;
} Ids;
void ids_add(Ids *to, int id);
typedef struct PiecesText {
  char *s;
  size_t n, cap;
} PiecesText;
void pieces_put(PiecesText *t, const char *s, size_t n);

/* token_json.c: what it reads. */
typedef struct TokenFile {
  bool model, bytes;            /* there is a model; the pre_tokenizer makes words of bytes */
  bool cutting;                 /* the pre_tokenizer is read, not the normalizer */
  char *other;                  /* something that is not read */
  char *type, *unknown, *begin; /* of the model; the tokens of unknown text and of the beginning */
  uint64_t unknown_id;
  int pieces, depth;       /* of unigram, which were read; steps that are open */
  bool fallback, sequence; /* characters become bytes; the text was named by the post_processor */
} TokenFile;
typedef bool TokenItem(Tokenizer *t, Json *j, void *arg);
typedef bool TokenMember(Tokenizer *t, const char *key, Json *j, void *arg);
bool token_list(Tokenizer *t, Json *j, TokenItem *item, void *arg);
bool token_object(Tokenizer *t, Json *j, TokenMember *fn, void *arg);
bool token_is(Json *j, const char *want); /* true, null; or how the value begins */
bool token_flag(Json *j, bool *to);
bool token_text(Json *j, char **to); /* the first of its key; other values are skipped */
bool token_same(const char *s, const char *want);
void token_refuse(TokenFile *f, const char *what); /* the first one is kept */
bool bpe_read_json(Tokenizer *t, const Bytes *file, char *err);
bool bpe_read_merges(Tokenizer *t, const Bytes *text, char *err);
bool bpe_finish(Tokenizer *t, char *err); /* resolves the merges */

/* token_steps.c */
bool step_read(Tokenizer *t, Json *j, void *token_file);
void steps_free(TextSteps *s);
PiecesText steps_text(const TextSteps *s, const char *text, size_t n); /* in new memory */
typedef void WordFn(const Tokenizer *t, const char *word, size_t n, Ids *to);
/* begins: the text is the beginning of all. */
void steps_words(const Tokenizer *t, const char *text, size_t n, bool begins, WordFn *fn, Ids *to);

/* the models */
const Merge *bpe_merge(const Tokenizer *t, int left, int right); /* NULL: they are not merged */
void bpe_merge_table(Tokenizer *t);                              /* empty, with room for all pairs */
void bpe_add_merge(Tokenizer *t, Merge m);                       /* unless there is one of the pair */
WordFn bpe_encode, merge_encode, unigram_encode, wordpiece_encode;
bool unigram_read(Tokenizer *t, const Bytes *file, char *err);
void unigram_scores(Tokenizer *t);                                   /* the least and the greatest */
PiecesText pieces_text(const Tokenizer *t, const char *s, size_t n); /* normalised, in new memory */
/* Text without a piece: its bytes if there are pieces for them, else the unknown one; `again`: it was the last one. */
void pieces_unknown(const Tokenizer *t, const char *s, size_t n, bool again, Ids *to);
#endif
