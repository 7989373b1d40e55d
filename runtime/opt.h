/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of a training binary. */
#ifndef GRADC_OPT_H
#define GRADC_OPT_H
#include "model.h"
#include <stdbool.h>

enum { OPT_TIMES = 64 };
typedef struct OptList { /* of an option that may be given several times */
  const char *v[OPT_TIMES];
  int n;
} OptList;
typedef struct Fold { /* the k-th of n, from 1; n = 0: not given */
  uint32_t k, n;
} Fold;
typedef struct Opts {
  int64_t steps, epochs, stop_at, threads, log_every, device;    /* -1: not given */
  int64_t port, batch_max, batch_wait, queue, max_body, timeout; /* likewise */
  uint64_t seed;
  bool seed_set, resume, force, json, infer, help, check_launches, profile, partial, watch, time_data;
  const char *init, *weights, *run_dir, *fn, *input, *output, *format, *host;
  const char *prompt, *tokenizer, *temperature, *top_p; /* of generate */
  int64_t tokens, top_k;                                /* -1: not given */
  OptList data, init_map, set;
  Fold fold;
} Opts;
typedef struct Nearest { /* of the words considered so far; begins as {NULL, 64} */
  const char *word;
  int distance;
} Nearest;
struct Session;
typedef struct Command {
  const char *name;
  unsigned bit;
  int (*run)(struct Session *);
  const char *args, *summary;
} Command;
extern const Command gc_commands[];
extern const int gc_ncommands;
void opt_parse(Opts *o, const Command *c, int argc, char **argv);   /* argv after the command; dies of a usage error */
void opt_consider(Nearest *n, const char *typed, const char *word); /* words too far from `typed` do not count */
bool opt_number(const char *s, uint64_t *v);                        /* an integer from 0 on */
bool opt_fold(const char *s, Fold *f);                              /* "k/n" */
void opt_help(const char *prog, const Command *c);
void opt_overview(const GcModel *m, const char *prog);
const Command *opt_command(const char *name); /* dies of an unknown name, with a suggestion */
#endif
