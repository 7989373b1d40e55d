/* SPDX-License-Identifier: Apache-2.0 */
/* Random programs of the language: generated from a seed (gen*.c), checked by every way to compute them (check.c), and
 * reduced where they fail (shrink.c). A program is passed between these as its text. */
#ifndef RANDOM_NN_H
#define RANDOM_NN_H
#include "tests/random/random.h"

/* ---- gen.c: the state of a generator ---- */

/* Dimensions below 0: the batch of a training section, and the bounded size of an export. They lead, where they are. */
enum { DIM_B = -1, DIM_T = -2, MAX_VALUES = 100 };
typedef struct Ty {
  DType t;
  int rank, dim[8];
} Ty;
typedef struct Value {
  int id;
  Ty ty;
} Value;
typedef struct Text {
  char *s;
  size_t n, cap;
} Text;

typedef struct Prog {
  Gen r;           /* for its random numbers */
  Text defs, body; /* helper defs; the statements of the def being written */
  Value v[MAX_VALUES];
  int n;            /* values in scope */
  int next;         /* number of the next name */
  int batch, bound; /* the values of B and T */
  int least_batch;  /* that the program is right for */
  int max_elements; /* elements of a value */
  bool roomy;       /* extents for which contractions and convolutions have tuned kernels */
  bool layers;      /* weights may be made */
  int nlayer;
  uint64_t wanted; /* number of a def of std, modulo their number, that it has to call, */
  int wants;       /* and of how many from there */
} Prog;

void put(Text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint32_t pr(Prog *p, uint32_t n); /* 0 .. n - 1 */
bool pc(Prog *p, int percent);
int pdim(Prog *p);   /* an extent, often a degenerate one */
int pdepth(Prog *p); /* of channels and the like */
Ty ty_of(DType t, int rank, ...);
int64_t ty_count(const Prog *p, const Ty *t); /* at the bounds */
bool ty_known(const Ty *t);                   /* no dimension below 0 */
bool ty_same(const Ty *a, const Ty *b);       /* the same shape */
Ty ty_without(Ty t, int axis);
const char *ty_text(const Ty *t);            /* "f32[B, 3]"; valid until some calls later */
const char *ty_dims(const Ty *t, int first); /* "-1, 3": for reshape */
const char *ty_sizes(const Ty *t);           /* "B, 3": for zeros */
typedef bool Pred(const Ty *t);
bool ty_float(const Ty *t);
bool ty_f32(const Ty *t);
const Value *pv(Prog *p, Pred *pred); /* one of the values; NULL: none of the kind */
const Value *bind(Prog *p, Ty t, const char *fmt, ...) __attribute__((format(printf, 3, 4))); /* v7 = ... */
const Value *bound_as(Prog *p, int id, Ty t); /* of a statement that was written already */
int axis_of(Prog *p, const Ty *t);            /* any axis */
int known_axis(Prog *p, const Ty *t);         /* one of known extent above 0; -1: there is none */

/* Makers: a statement or two; false: no statement. */
typedef bool Maker(Prog *p);
bool make_elementwise(Prog *p), make_broadcast(Prog *p), make_outer(Prog *p), make_reduction(Prog *p); /* gen_expr.c */
bool make_cumsum(Prog *p), make_view(Prog *p), make_matmul(Prog *p), make_epilogue_of(Prog *p);
bool make_derivative(Prog *p);
bool make_index_notation(Prog *p);            /* gen_index.c */
bool make_nn_scan(Prog *p);                   /* gen_scan.c */
bool make_std(Prog *p);                       /* gen_std.c: a def of std by name */
void make_wanted(Prog *p);                    /* those defs, so that programs of consecutive seeds call all */
bool make_std_row(Prog *p, const char *name); /* gen_std_more.c: one of its rows, which are calls as text */
bool write_std_row(Prog *p, int k);
int std_rows(void);
const char *std_row_name(int k);
bool std_has_row(const char *name, size_t n);
bool make_weight(Prog *p); /* a param or state of the def itself, and a use of it */
void grow(Prog *p, int n);
/* Names of std and of the optimizers that have no maker; the number of them. */
int std_without_maker(void);
/* Marks in seen[] which of the names of std are in the text; NULL: the number of names. */
int std_seen(const char *text, bool *seen, const char **name);

/* A program being written: gen_program.c, and gen_train.c its training sections. */
enum { MAX_PARTS = 8 };
typedef struct Program {
  Prog p;
  Text defs, items; /* items: sections and exports */
  Ty in, out;       /* of the net */
  bool has_net, has_in, labels, averaged;
  int weight[MAX_PARTS], nweight; /* numbers of params of the net that may be named */
} Program;

void write_train(Program *g);
char *nn_generate(uint64_t seed); /* gen_program.c: in malloc memory */

/* ---- code.c: machine code instead of the interpreter ---- */

typedef struct Code Code;
/* Of a planned module. NULL: *why has the reason. */
Code *code_native(Module *m, const char *isa, Why *why);
Code *code_portable(Module *m, const char *flags, Why *why);
bool code_has(const Code *k, const Graph *g);
/* As interp_run, on the weights of `in`, which belongs to the planned module. */
bool code_run(Code *k, int threads, Interp *in, const Graph *g, Val *const *ports, Val **results);
void code_free(Code *k);

/* ---- trace.c: what a program computes ---- */

/* slack: how far off a difference of two rounded numbers may be by that alone. */
typedef struct Item {
  const char *name;
  DType t;
  int64_t n;
  double *v, slack;
} Item;
typedef struct Trace {
  Ctx *c;
  Item *item;
  int n, cap;
} Trace;
/* Runs init, training steps, evaluation, exports and (by the interpreter) tests. noise: the relative perturbation of
 * input floats. */
bool trace_program(Interp *in, Code *code, int threads, double noise, uint64_t seed, Trace *t, Why *why);
/* Every item of got is in want, with the same bits. */
bool trace_same(const Trace *want, const Trace *got, const char *how, Why *why);

/* The loss of the first step, by the interpreter at its present weights, which the step changes. */
bool trace_loss(Interp *in, uint64_t seed, double *loss, Why *why);

/* ---- bounds.c: against float64 ---- */

typedef struct Bounds Bounds;
/* The program's results in float64, and how far they move when inputs are perturbed by rounding. NULL: refused. */
Bounds *bounds_make(const char *text, uint64_t seed, Why *why);
bool bounds_keep(Bounds *b, const Trace *got, const char *how, Why *why);
void bounds_free(Bounds *b);

/* Whether the program compares, or rounds to integers, or takes difference quotients. */
bool nn_jumps(const char *text);

/* ---- gradients.c, check.c, shrink.c ---- */

bool nn_gradients(const char *text, uint64_t seed, Why *why); /* against difference quotients */
bool nn_check(const char *text, uint64_t seed, Why *why);
Module *nn_module(Ctx *c, const char *text, const Options *opt, Why *why); /* elaborated; NULL: refused */
const char *nn_isa(Gen *r); /* a row of the machine table that this processor runs, or "native" */
void nn_refused(Ctx *c, const char *what, Why *why); /* by the first error */
char *nn_mutate(uint64_t seed);                      /* mutated.c: a mutated program */
bool nn_mutated(const char *text, Why *why);         /* is refused by an error of the language, or compiled */
char *nn_shrink(const char *text, Fails *fails, void *arg, int budget);
#endif
