/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RANDOM_TRY_H
#define RANDOM_TRY_H
#include "random.h"

/* In addition to the dialects of C: a graph by the interpreter, or as code made in this process; a program in every
 * way, or mutated. */
enum { BY_INTERP = -1, BY_JIT = -2, PROGRAM = -3, MUTATED = -4 };

typedef struct Task {
  uint64_t seed;
  int dialect, number; /* number: of the graph in its unit */
  const char *cc, *dir;
  char one[1000]; /* C: a folder for single graphs */
  char kind[24];  /* how the reason begins, while it is being reduced */
  Why *why;
  const char *save; /* folder for the reduced text; NULL: none */
  long until;       /* the time when reducing ends; 0: no limit */
} Task;

/* The text generated from a seed, in malloc memory, and the word for its kind on the command line. */
char *make_text(int dialect, uint64_t seed);
const char *dialect_word(int dialect);
typedef bool Doing(const char *text, const Task *t, Why *why);
bool check(const char *text, const Task *t, Why *why);
bool emit(const char *text, const Task *t, Why *why);
/* In a separate process, so that a crash or an endless loop, which runs into the limit of processor time, is a failure
 * like any other. */
bool in_child(Doing *doing, const char *text, const Task *t);
void name_kind(Task *t); /* t->kind, of t->why */
/* Prints the reduced failure, and the command `how` that runs it again. */
void report(const char *text, Task *t, const char *how);

/* fuzz.c: graphs and programs from that seed on for so many seconds; the exit status. */
int fuzz(long seconds, uint64_t seed, const char *save);
#endif
