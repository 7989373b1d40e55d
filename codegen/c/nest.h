/* Printing one nest: c_nest.c (values), c_loops.c (loops, accumulations, stores). */
#ifndef GRADC_C_NEST_H
#define GRADC_C_NEST_H
#include "codegen/c/c.h"

typedef struct CNest {
  CPrint *p;
  const Kernel *k;
  const KNest *n;
  Str *o;
  int indent;
  const char **text;   /* per value: its expression; NULL: not printed yet */
  int *uses;           /* per value: uses in values, axes, stores and accumulations that are printed */
  bool *same_loop;     /* per value: its uses stand in its own loop */
  int *under;          /* per value: the select of vectors that alone needs it and in whose branch it stands; 0: none */
  bool made[MAX_AXES]; /* derived axes printed in the present loops */
  const char *valid[MAX_AXES]; /* their conditions */
  uint32_t indexed;    /* axes that some address uses */
  uint32_t select;     /* quotient axes that get index 0 where they are not valid */
  uint32_t skip;       /* quotient axes whose loop goes on to its next turn there */
  int lane, vec;       /* native: the axis along which values are vectors, -1: none; lanes of a vector */
  bool lane_outer;     /* it is an outer axis: each lane has sums of its own */
  const char *left;    /* number of lanes in the present copy of the loop; NULL: all */
  bool panels_open;    /* addresses of matrices in panels were made plain (native_call.c) */
  int split;           /* native: the loop axis that threads share out; -1: none */
  uint32_t *used_axes; /* [0]: derived axes that anything uses; [p + 1]: that phase p uses */
} CNest;

CNest cn_begin(CPrint *p, const Kernel *k, const KNest *n, Str *o); /* counts uses; prints nothing */
void cn_line(CNest *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cn_open_block(CNest *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cn_close_block(CNest *c);
const char *cn_element(CNest *c, int buf, const Affine *at); /* as an lvalue */
const char *cn_buf(CNest *c, int buf);   /* x0, x1, … loaded; y0, … stored */
const char *cn_acc(CNest *c, int acc);   /* the variable that holds its result */
void cn_values(CNest *c, int phase, int level); /* phase -1: of all phases, in the outer loops */
void cn_stores(CNest *c, int phase, KStoreAt level);
const char *cn_guards(CNest *c, const KVal *v); /* the condition of a select */
int cn_level(const CNest *c, int phase, uint32_t needs);

/* c_acc.c. How the chunks of a phase's strict order are walked: not at all (all terms in one), as an outer loop over
 * chunks of its only axis, or by counting terms. */
typedef enum Chunking { ONE_CHUNK, CHUNK_LOOP, CHUNK_COUNT } Chunking;
typedef struct PhaseAcc { Chunking how; bool lanes, any, counts; } PhaseAcc;
PhaseAcc ca_phase(CNest *c, int phase);
bool ca_is_arg(const KAcc *a); /* keeps the index of the best */
bool ca_is_sum(const KAcc *a); /* starts from 0 */
const char *ca_zero(CNest *c, const KAcc *a, bool vector);  /* what an accumulation starts from */
const char *ca_body(CNest *c, const KAcc *a, const char *s, const char *v, bool vector);
void ca_declare(CNest *c, int phase, PhaseAcc r);           /* what the phase needs before its loops */
void ca_chunk_begin(CNest *c, int phase, PhaseAcc r, bool declare);
const char *ca_first(const CNest *c, int phase);
void ca_term(CNest *c, int phase, PhaseAcc r);
/* The best so far, m, and where it is, at, after the vector v with those indices. */
void ca_arg_term(CNest *c, const KAcc *a, const char *m, const char *at, const char *v, const char *index);
void ca_chunk_end(CNest *c, int phase, PhaseAcc r, const char *first); /* first: C text, true for the first chunk */

/* c_vector.c */
void cnv_choose(CNest *c);
void cnv_branches(CNest *c);                  /* finds what stands in the branch of a select */
bool cnv_is(const CNest *c, int v);           /* whether value v is a vector */
const char *cnv_type(int dtype);
const char *cnv_arg(CNest *c, int v);         /* value v as a vector, splat if it is none */
const char *cnv_splat(CNest *c, int dtype, const char *x);
const char *cnv_select(CNest *c, int dtype, const char *mask, const char *a, const char *b);
const char *cnv_text(CNest *c, int v);        /* its expression */
const char *cnv_body(CNest *c, Op op, DType t, DType from, const char *const *arg);
void cnv_store(CNest *c, const KStore *s);
const char *cnv_index(CNest *c, const Affine *at); /* as a vector of i32 */
void cn_inner_lanes(CNest *c, int phase, PhaseAcc r); /* c_lanes.c: the loops of a phase, its last axis in vectors */
void cn_open_loop(CNest *c, int axis);
void cn_lane_copies(CNest *c, int axis, const char *from, const char *to, int step, bool whole,
                    void (*body)(CNest *, int), int phase);
#endif
