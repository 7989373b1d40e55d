/* SPDX-License-Identifier: Apache-2.0 */
/* Random graphs: modules generated from a seed (gen*.c), checked in the interpreter (check.c) and as C (emit.c), and
 * reduced where they fail (shrink.c). A module is passed between these as its IR text. */
#ifndef RANDOM_H
#define RANDOM_H
#include "ir/build.h"
#include "ir/interp.h"
#include "passes/pass.h"

/* ---- gen.c: the state of a generator ---- */

enum { MAX_ELEMS = 3000, MAX_POOL = 256 };
typedef struct Gen {
  uint64_t state;
  Module *m;
  Builder b;         /* of the graph being filled */
  Id pool[MAX_POOL]; /* its values that may become operands */
  int npool;
  int nbody, depth, nmeta; /* bodies so far; nesting of scans; grad and jvp nodes of this graph */
  bool meta;               /* this graph is within a grad-free part when false */
  bool sized;              /* run-time sizes may be used */
  Dim size[2];
  int nsize;
} Gen;

Gen gen_of(uint64_t seed, uint64_t use); /* a separate sequence for each seed and use */
uint32_t rnd(Gen *r, uint32_t n);        /* 0 .. n - 1 */
bool chance(Gen *r, int percent);
Id keep(Gen *r, Id n); /* n into the pool; n */
Dim rnd_size(Gen *r);  /* a run-time size; only where they may be used */
DType rnd_dtype(Gen *r);
DType rnd_float(Gen *r);
TypeId rnd_type(Gen *r, DType t, int max_rank); /* often one that a value has already */
TypeId narrowed(Gen *r, TypeId t, DType dtype); /* of that dtype, and broadcasts to t */
typedef bool Wanted(const Type *t);
Id pick(Gen *r, Wanted *wanted); /* a value of the pool; 0: none is wanted */
Id value_of(Gen *r, TypeId t);   /* a value of that type, made if necessary */
Id leaf_of(Gen *r, TypeId t);
bool small(Gen *r, TypeId t); /* few enough elements */
bool is_float(const Type *t);
bool is_bool(const Type *t);
bool is_number(const Type *t);
bool is_int(const Type *t);
bool is_any(const Type *t);
bool sizes_fixed(const Type *t); /* no run-time size */
void grow_graph(Gen *r, int n);  /* n more nodes */

/* gen_ops.c: one node of that op into the pool; false when none was made. */
bool make_op(Gen *r, Op op);
bool op_has_maker(Op op); /* false for leaves, and for an op that this file lacks */
/* gen_model.c: a pattern of models; a value that is not a plain buffer (0: none). */
bool make_pattern(Gen *r);
Id dressed(Gen *r, TypeId t);
bool make_scan(Gen *r, Op op);   /* gen_scan.c */
bool make_attend(Gen *r, Op op); /* gen_attend.c */

/* gen_net.c: a loss of weights through a few layers. */
Id grow_net(Gen *r);

/* gen_module.c */
char *generate(uint64_t seed); /* the module's IR text, in malloc memory */
/* Values of the run-time sizes, each in 1 .. its bound, that all graphs admit; NULL: none were found. */
const int64_t *admitted_sizes(Module *m, uint64_t seed);

/* ---- check.c ---- */

typedef struct Why {
  char text[600];
  bool late; /* ended by the clock, which other work on the machine decides: nothing is known */
} Why;       /* what failed */
/* Parse, print, verify; run with passes off, on, and in random subsets; compare. */
bool check_interp(const char *text, uint64_t seed, Why *why);
Module *read_module(Ctx *c, const char *text, uint64_t off, bool strict, Why *why); /* NULL: refused */
Interp *reference(Module *m, uint64_t seed, const int64_t *size); /* counters and weights set from the seed */
void fill_vars(Interp *in, uint64_t seed);
/* The inputs of a graph. range (may be NULL) bounds integers per port: 0 = any. */
void fill_ports(Interp *in, const Graph *g, uint64_t seed, const int64_t *range, Val **port);
bool same_bits(DType t, const void *a, const void *b, int64_t count, int64_t *at); /* NaN equals NaN */

/* ---- jit.c: as native and portable C, compiled in this process ---- */

bool check_jit(const char *text, uint64_t seed, Why *why);

/* ---- emit.c ---- */

/* A unit is many modules in one translation unit: dir/unit.c, and for each module dir/data.NUMBER, what it reads and
 * must compute. `dir/unit NUMBER dir` then checks one of them. */
enum { DIALECT_PORTABLE, DIALECT_NATIVE };
bool begin_unit(const char *dir, int dialect);
bool emit_module(const char *text, uint64_t seed, int number, int dialect, const char *dir, Why *why);
bool no_module(const char *dir, int number); /* in the place of one that could not be emitted */
bool end_unit(const char *dir, int n, const char *cc, int dialect, Why *why); /* compiles */
/* One module alone: emitted into dir, compiled, run. */
bool check_c(const char *text, uint64_t seed, int dialect, const char *cc, const char *dir, Why *why);

/* ---- shrink.c ---- */

typedef bool Fails(const char *text, void *arg);
char *shrink(const char *text, Fails *fails, void *arg, int budget); /* the smallest text found that still fails */
#endif
