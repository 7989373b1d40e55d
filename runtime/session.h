/* SPDX-License-Identifier: Apache-2.0 */
/* A running model: its memory, its threads, the calls of its graphs; and the commands of a training binary. */
#ifndef GRADC_SESSION_H
#define GRADC_SESSION_H
#include "opt.h"
#include "pool.h"

typedef struct SectionRun { /* a train section; with several, its numbers of the run header while others have that */
  const GcTrain *t;
  struct Data *data; /* NULL: none, or not opened */
  uint32_t step, steps, steps_per_epoch;
  bool ran;     /* in the last round */
  bool scored;  /* `score` is known: it had a step in this process */
  float *score; /* loss and metrics of its last step */
  float *sum;   /* of them over the microbatches of a step */
} SectionRun;

/* What a run remembers of its validations; all of it is in checkpoints. */
typedef struct Watched {
  float best;
  uint32_t step, bad; /* of the best; 0: there is none. Validations since then that were no better */
} Watched;
typedef struct Validations {
  uint32_t step; /* of the newest; 0: there is none */
  Watched best, stop;
} Validations;

typedef struct Session {
  const GcModel *m;
  const GcTrain *t;                 /* the section that runs, else the first; NULL: no training */
  const char *prog, *train_command; /* what messages call the program and its `train` command */
  Opts o;
  void *mem;
  GcRun *run; /* the run header, at the beginning of mem */
  Pool *pool;
  int threads;
  GcProfile *profile;  /* not NULL: kernels are measured */
  double *least;       /* then also: per kernel, the least time of a call */
  float *sum;          /* SectionRun.sum of t */
  struct Data *data;   /* of t; NULL: none */
  struct Data *other;  /* of `validate.data`; NULL: it is not set, or not open */
  SectionRun *section; /* all train sections */
  int nsections, current;
  GcRun rounds; /* the run header while no section is entered */
  Validations seen;
  struct Learned *learned;  /* classes and states that come from data (learned.h); NULL: nothing is known yet */
  const volatile int *stop; /* not NULL: an evaluation ends when it is not 0 */
  struct Device *dev;       /* NULL: all graphs run on the CPU. Else `mem` is the mirror of what it holds (device.h) */
} Session;

extern volatile int gc_signal;                 /* SIGINT, SIGTERM or SIGHUP, once received */
extern volatile int gc_training;               /* nonzero: the step loop checks gc_signal; 0: a signal exits at once */
void session_needs_train(const Session *sess); /* dies if there is no train section */
void session_memory(Session *sess);            /* allocates the memory, starts the threads, opens the device */
void session_close(Session *sess);             /* gives the device back */
/* Both return a GcFn status. size NULL: the bounds. bad not NULL: check mode, see GcCall. */
int session_call(Session *sess, const GcGraph *g, const void *const *in, void *const *out, const int64_t *size);
int session_call_train(Session *sess, const GcGraph *g, const void *const *in, uint32_t microbatch, int32_t *bad);
void session_check(const GcGraph *g, int status);          /* dies of a status other than 0 */
const float *session_scalar(const Session *sess, int var); /* the value of variable var - 1, a scalar; NULL: var is 0 */
void session_init(Session *sess);                          /* runs the init graph with run->seed, at step 0 */
uint64_t session_seed(const Session *sess);                /* --seed, or the seed of the file */
int64_t session_dim(const GcGraph *g, int64_t dim, const int64_t *size); /* the value of a port's dimension < 0 */
int session_size_of(const GcGraph *g, int64_t dim); /* the run-time size that a dimension is; -1: it is none */
uint64_t session_elements(const GcGraph *g, const GcPort *p, const int64_t *size); /* size NULL: at the bounds */
/* The values that element i of an integer input or field may have: 0 to that - 1; 0: any. */
#define session_range(p, i) ((p)->nranges ? (p)->ranges[(i) % (uint64_t)(p)->nranges] : (p)->range)
const char *session_range_text(const GcPort *p);         /* " (0 to 9)", "": that of no value */
void *session_buffer(const GcGraph *g, const GcPort *p); /* large enough for all sizes */

float *session_score(const Session *sess, int i); /* in the run header: the loss (0), or metric i - 1 of sess->t */

/* sections.c: steps of several train sections. Between enter and leave, sess->t, data and run are those of section i.
 */
void sections_make(Session *sess);
/* The steps that the file fixes for each section: its own, or its share in those of the others; 0: epochs. */
void sections_plan(Session *sess);
void section_enter(Session *sess, int i);
void section_leave(Session *sess);
bool section_is_due(const Session *sess, int i); /* whether it has a step in the round after run->step rounds */
uint32_t section_steps_after(const Session *sess, int i, uint32_t rounds); /* its steps in the first `rounds` */
void section_keep_scores(Session *sess, int i);                            /* those in the run header, after its step */
const char *section_name(const SectionRun *u);                             /* in logs and messages */

/* The commands. Each returns the exit status. */
int gc_train(Session *sess);
int gc_eval(Session *sess);
int gc_predict(Session *sess);
int gc_info(Session *sess);
int gc_bench(Session *sess);
int gc_serve(Session *sess);                            /* serve/serve.c */
void profile_begin(Session *sess);                      /* bench_profile.c: measures kernels in the calls that follow */
void profile_call(Session *sess, int64_t call);         /* after each of them, from 0 */
void profile_print(const Session *sess, int64_t calls); /* a row for each kernel, per call */
#endif
