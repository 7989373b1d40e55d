/* SPDX-License-Identifier: Apache-2.0 */
/* Continues a list of tokens by an export from i32[1, T] to the scores of what follows, f32[1, V] or f32[1, T, V]. Each
 * step computes all tokens again, of which the export takes as many as T is bounded by: the last ones. An export with a
 * second input i32, the number of the first token, keeps what it needs of earlier tokens in states: it is called with
 * all tokens once, then with each new one. */
#ifndef GRADC_GENERATOR_H
#define GRADC_GENERATOR_H
#include "session.h"

typedef struct Sampling {
  double temperature, top_p; /* 0: the most likely token. Of those left the fewest that have this probability */
  int top_k;                 /* only the most likely ones; 0: all */
  uint64_t seed;
} Sampling;

typedef struct Candidate {
  int id;
  double score;
} Candidate;

typedef struct Generator {
  Session *sess;
  const GcGraph *g;
  Sampling s;
  int32_t *id; /* all tokens */
  int n, vocab;
  int64_t context; /* the most tokens that the export takes */
  bool cached;
  int first, done; /* cached: the token whose number is 0, and how many from there on are in the states */
  uint64_t drawn;
  void *in, *out;
  Candidate *heap;
  int nheap, ntop; /* the most likely are taken out of the heap, to the end of its memory, the first one last */
  double most;     /* the greatest score */
} Generator;

bool generator_suits(const GcGraph *g);
const GcGraph *generator_export(const Session *sess, const char *name); /* NULL: any. Dies if there is none */
/* For `most` tokens after the n >= 1 of the prompt. */
void generator_begin(Generator *k, Session *sess, const GcGraph *g, const Sampling *s, const int32_t *prompt, int n,
                     int most);
int generator_next(Generator *k); /* the token that follows, not yet one of all */
void generator_add(Generator *k, int id);
#endif
