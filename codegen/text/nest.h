/* SPDX-License-Identifier: Apache-2.0 */
/* Printing one nest: nest.c (values), loops.c (loops, stores), accumulate.c (accumulations), attend.c, sort.c. */
#ifndef GRADC_TEXT_NEST_H
#define GRADC_TEXT_NEST_H
#include "codegen/text/text.h"
#include "codegen/strict_order.h"

typedef struct NestText {
  Emitter *p;
  const Kernel *k;
  const NestSchedule *s;
  const KNest *n; /* s->nest */
  Str *o;
  int indent;
  const char **text;                   /* per value: its expression; NULL: not printed yet */
  bool axis_done[MAX_AXES];            /* derived axes that are printed in the current loops */
  const char *valid[MAX_AXES];         /* their conditions */
  const char *remaining;               /* in a tail: the number of its lanes; NULL: a full vector */
  const struct ParallelText *parallel; /* the target's, or those of a form */
  const void *form;                    /* what the form has decided */
  const char *suffix;                  /* of the names of its values */
  struct NestText *next;               /* another block of lanes in the same loops, or NULL */
  int phase;                           /* with NestSchedule.chunks: the phase that is printed */
} NestText;

NestText nest_text(Emitter *p, const Kernel *k, const NestSchedule *s, Str *o); /* prints nothing */
void nest_print_text(NestText *c);
void nest_loops(NestText *c);                 /* what is in nest_print_text after its beginning */
NestText nest_inner_scope(const NestText *c); /* what it prints is printed again outside of the scope */
void nest_line(NestText *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void nest_open_block(NestText *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void nest_close_block(NestText *c);
const char *nest_element(NestText *c, int buf, const Affine *at); /* as an lvalue */
const char *nest_buf_name(NestText *c, int buf);                  /* x0, x1, … loaded; y0, … stored */
const char *nest_index_type(const NestText *c);                   /* the C type of loop counters and addresses */
const char *nest_acc_name(NestText *c, int acc);                  /* the variable that holds its result */
void nest_values(NestText *c, int phase, int level);              /* phase -1: of all phases, in the outer loops */
void nest_stores(NestText *c, int phase, KStoreAt level);
void nest_attend(NestText *c);                         /* attend.c: a point of attention */
void nest_sort(NestText *c);                           /* sort.c: a row of argsort */
const char *nest_guards(NestText *c, const KVal *v);   /* the condition of a select */
const char *nest_constant(NestText *c, const KVal *v); /* the number of a constant, or outside of a select's range */

/* chunks.c: NestSchedule.chunks. */
enum { NO_PHASE = -1 };                          /* of accumulations of phases that are printed before */
void nest_chunks(NestText *c);                   /* all phases */
const char *chunk_element(NestText *c, int acc); /* the address of its result of the chunk that begins at b0 */
bool chunk_has_totals(const NestText *c);        /* the phase uses results of earlier phases: */
void chunk_totals_declare(NestText *c);          /* before the loop over chunks */
void chunk_totals_combine(NestText *c);          /* in it */

/* accumulate.c: accumulations in their strict order. */
const char *acc_identity(NestText *c, const KAcc *a, bool vector); /* the initial value of an accumulation */
const char *acc_type(const NestText *c, const KAcc *a);
const char *acc_start(NestText *c, const KAcc *a); /* the initial value, of that type */
const char *acc_step(NestText *c, const KAcc *a, const char *s, const char *v);
const char *acc_combine(NestText *c, const KAcc *a, const char *s, const char *v, bool vector);
/* Whether the loops of a phase are unrolled: the lanes of its few terms, which are vectors, are in registers then. */
bool acc_unrolls(const NestText *c, StrictOrder r);
void acc_declare(NestText *c, int phase, StrictOrder r); /* variables before the loops of the phase */
void acc_chunk_begin(NestText *c, int phase, StrictOrder r, bool declare);
const char *acc_is_first_chunk(const NestText *c, int phase);
void acc_term(NestText *c, int phase, StrictOrder r);
void acc_take(NestText *c, int acc, const char *s); /* s, or m and at of argmax, takes a term */
/* Updates m, the best value so far, and `at`, its index, with the vector v at the vector `index`. */
void argmax_step(NestText *c, const KAcc *a, const char *m, const char *at, const char *v, const char *index);
/* first: a condition, true for the first chunk. */
void acc_chunk_end(NestText *c, int phase, StrictOrder r, const char *first);

/* A scalar loop; over this thread's iterations if the axis is parallel. A point of the grid has none. */
void nest_open_loop(NestText *c, int axis);
void nest_close_loop(NestText *c, int axis);
bool nest_is_vector(const NestText *c, int v); /* value v differs along the lane axis */

/* How a target prints values that differ along the lane axis. Types and values are vectors. */
typedef struct LaneText {
  void (*begin)(NestText *c); /* at the start of a nest that has a lane axis */
  const char *(*type)(int dtype);
  const char *(*splat)(NestText *c, int dtype, const char *x);
  const char *(*select)(NestText *c, int dtype, const char *mask, const char *a, const char *b);
  const char *(*arg)(NestText *c, int v);   /* value v, splat if it is a scalar */
  const char *(*value)(NestText *c, int v); /* its expression */
  const char *(*op)(NestText *c, Op op, DType t, DType from, const char *const *arg);
  void (*store)(NestText *c, const KStore *s);
  void (*inner_loops)(NestText *c, int phase, StrictOrder o); /* the loops of a phase, whose last axis is the lane */
  void (*outer_loop)(NestText *c, void (*body)(NestText *, int)); /* the loop over an outer lane axis: body(c, 0) */
  void (*fetch)(NestText *c, int phase); /* in the innermost loop of a phase, for blocks of lanes: later loads */
} LaneText;
static inline const LaneText *nest_lanes(const NestText *c) { return c->p->target->lanes; }

/* How a target, or a form, prints the axes whose iterations different threads run. NULL: as one thread runs them. */
typedef struct ParallelText {
  void (*begin)(NestText *c);           /* at the start of a nest that has a parallel axis or is run by a grid */
  void (*open)(NestText *c, int axis);  /* the loop over this thread's iterations of the parallel axis */
  void (*close)(NestText *c, int axis); /* its end; NULL: a brace */
  /* Where an element is instead of in memory, as an lvalue of the buffer's type; NULL: in memory. */
  const char *(*load)(NestText *c, const KVal *v);
  const char *(*store)(NestText *c, const KStore *s);
  const char *(*store_if)(NestText *c, const KStore *s); /* the condition of a store; NULL: it has none */
  /* The inner loops of a phase that has some, with its accumulations and stores. */
  void (*inner_loops)(NestText *c, int phase, StrictOrder r);
  /* Of chunks: the condition of the first thread, the barrier, a result of a chunk, its store. */
  const char *is_first;
  void (*barrier)(NestText *c);
  const char *(*chunk_load)(NestText *c, int acc);
  void (*chunk_store)(NestText *c, int acc, const char *value);
} ParallelText;
static inline const ParallelText *nest_parallel(const NestText *c) { return c->parallel; }
#endif
