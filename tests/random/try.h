#ifndef RANDOM_TRY_H
#define RANDOM_TRY_H
#include "random.h"

/* Beside the dialects of C: a graph by the interpreter, or as code made in this process; a program in every way, or
 * spoilt a little. */
enum { BY_INTERP = -1, BY_JIT = -2, PROGRAM = -3, SPOILT = -4 };

typedef struct Task {
  uint64_t seed;
  int dialect, number;    /* number: of the graph in its unit */
  const char *cc, *dir;
  char one[1000];         /* C: a folder for single graphs */
  char kind[24];          /* how the reason begins, while it is being made small */
  Why *why;
  const char *save;       /* folder for what is left of it; NULL: none */
  long until;             /* the time when it is small enough; 0: any */
} Task;

/* What is made of a seed, in malloc memory, and the word for it on the command line. */
char *make_text(int dialect, uint64_t seed);
const char *dialect_word(int dialect);
typedef bool Doing(const char *text, const Task *t, Why *why);
bool check(const char *text, const Task *t, Why *why);
bool emit(const char *text, const Task *t, Why *why);
/* In a process of its own, so that a crash or an endless loop is a failure like any other. */
bool in_child(Doing *doing, const char *text, const Task *t);
void name_kind(Task *t);                     /* t->kind, of t->why */
/* Prints what failed, made small, and the command `how` that runs it again. */
void report(const char *text, Task *t, const char *how);

/* fuzz.c: graphs and programs from that seed on for so many seconds; the exit status. */
int fuzz(long seconds, uint64_t seed, const char *save);
#endif
