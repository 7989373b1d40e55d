/* SPDX-License-Identifier: Apache-2.0 */
/* Text to tokens and back: BPE of bytes and of characters (tokenizer.json; vocab.json with merges.txt beside it), and
 * SentencePiece's models (tokenizer.model). Only programs with a `generate` command link it. */
#ifndef GRADC_TOKENIZER_H
#define GRADC_TOKENIZER_H
#include "io.h"

typedef struct Token {
  char *s; /* bytes; NULL: the number is not used */
  int n;
  float score; /* of unigram */
  uint8_t kind;
} Token;
enum { WORDS_NONE, WORDS_GPT2, WORDS_LLAMA3, WORDS_QWEN2 };
enum { TOKEN_NORMAL = 1, TOKEN_UNKNOWN, TOKEN_CONTROL, TOKEN_USER, TOKEN_UNUSED, TOKEN_BYTE }; /* as SentencePiece */

typedef struct Merge {
  int left, right, rank, id; /* id -1: empty slot */
} Merge;

typedef struct Tokenizer {
  Token *token;
  int n, cap;
  int *slot; /* hash table of tokens, by their bytes; -1: empty */
  uint32_t slots, merge_slots;
  Merge *merge; /* hash table, by left and right */
  char **pair;  /* merges that were read: left, right, in byte form */
  int npair, cappair;
  int *added, nadded;             /* tokens found in the text before it is split */
  int byte[256];                  /* of BPE, and of unigram with bytes; -1: none */
  int longest;                    /* bytes of the longest token */
  int unknown, begin, end;        /* -1: none; tokens of unknown text, and that begin and end a text */
  uint8_t words;                  /* the pattern of words of bytes */
  bool unigram, merged;           /* tokens of characters, with spaces as U+2581, by unigram or BPE; else of bytes */
  bool users, ignore_merges;      /* there are pieces of the user; a word that is a token is not split */
  bool prefix_space;              /* a text is read as if a space preceded it: */
  bool prefix_bare, prefix_first; /* unless it begins with one; not after added tokens */
  bool remove_spaces;
  float least, most;          /* scores */
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
/* Appends the text of a token to buf[room]; the number of bytes. */
int tokenizer_text(const Tokenizer *t, int id, char *buf, int room);

/* ---- between the files ---- */

enum { TOKENS_MOST = 1 << 22 };
void token_set(Tokenizer *t, int id, char *s, int n, uint8_t kind, float score); /* takes s */
int tokenizer_find(const Tokenizer *t, const char *s, size_t n);                 /* -1: none */
void tokens_index(Tokenizer *t);                                                 /* after all were set */
typedef struct Ids {
  int *id, n, cap;
} Ids;
void ids_add(Ids *to, int id);
bool bpe_read_json(Tokenizer *t, const Bytes *file, char *err);
bool bpe_read_merges(Tokenizer *t, const Bytes *text, char *err);
bool bpe_finish(Tokenizer *t, char *err);                        /* resolves the merges */
const Merge *bpe_merge(const Tokenizer *t, int left, int right); /* NULL: they are not merged */
void bpe_merge_table(Tokenizer *t);                              /* empty, with room for all pairs */
void bpe_add_merge(Tokenizer *t, Merge m);                       /* unless there is one of the pair */
void bpe_encode(const Tokenizer *t, const char *text, size_t n, Ids *to);
bool unigram_read(Tokenizer *t, const Bytes *file, char *err);
void unigram_encode(const Tokenizer *t, const char *text, size_t n, Ids *to);
/* begins: it is the beginning of a text, not what follows an added token. */
void merge_encode(const Tokenizer *t, const char *text, size_t n, bool begins, Ids *to);
typedef struct PiecesText {
  char *s;
  size_t n, cap;
} PiecesText;
PiecesText pieces_text(const Tokenizer *t, const char *s, size_t n, bool begins); /* normalised, in new memory */
/* Text without a piece: its bytes if there are pieces for them, else the unknown one; `again`: it was the last one. */
void pieces_unknown(const Tokenizer *t, const char *s, size_t n, bool again, Ids *to);
size_t utf8_next(const char *s, size_t n, uint32_t *c); /* bytes of the first character; invalid: 1, and 0xFFFD */
#endif
