/* SPDX-License-Identifier: Apache-2.0 */
/* The reference interpreter: evaluates a graph node by node with the eval_ rules of ir/op_*.c.
 *
 * Two modes. Strict (f64 = false): every value is stored in the C type of its dtype, float arithmetic is f32 with the
 * bodies of prim.h, in the order of evaluation that belongs to the op; these are the bits every other way to compute a
 * graph must reproduce. A value of a 16-bit float type is stored as f32, and rounded once when its node is computed, so
 * that no rule need know of these types. Double (f64 = true): all floats are stored and computed as double, in the same
 * order; integers and bools keep their types. Values are dense and row-major in logical shape, whatever a graph's
 * annotations say; run-time sizes have the values of Interp.size.
 *
 * Values are reference-counted, in memory of the Ctx (ctx_heap_alloc), and released after their last use. A rule never
 * sees a failure: running out of memory, or eval_fail, unwinds to interp_run, which releases all values of that run and
 * returns false. */
#ifndef GRADC_INTERP_H
#define GRADC_INTERP_H
#include "ir.h"
#include "prim/prim_ieee.h"

typedef struct Val {
  DType type; /* of the storage: DT_F64 for every float in double mode */
  int rank;
  int64_t dim[MAX_RANK], count; /* count: number of elements */
  void *data;                   /* dense, row-major; shared between Vals that are reshapes of each other */
  struct Val **elem;
  int nelem; /* of a tuple (data is NULL, type is DT_TUPLE) */
  int refs;
  struct Val *owner;       /* the Val that owns `data`, if not this one */
  struct Val *prev, *next; /* all values of an Interp */
} Val;

typedef struct Interp {
  Module *m;
  bool f64;
  int64_t *size; /* value of each run-time size; starts at its bound */
  uint64_t seed;
  uint32_t step, steps, steps_per_epoch, pass;
  uint32_t calls;    /* of exports that draw random numbers: what is `pass` elsewhere */
  Val **var;         /* value of each module var; NULL: not set yet */
  bool finite;       /* after interp_run: whether the result "loss" was; if not, nothing was written */
  const char *error; /* after interp_run returned false */
  Loc error_loc;
  Val live;     /* head of the ring of all values */
  void *unwind; /* jmp_buf of the run in progress */
  /* Of tests, NULL: none. Called with each value that node n computes into memory of its own, before it is read. */
  void (*computed)(void *arg, const Graph *g, Id n, Val *v);
  void *computed_arg;
} Interp;

/* ---- for tests and drivers ---- */
Interp *interp_new(Module *m, bool f64); /* seed 1; freed by interp_free, at the latest with the Ctx */
void interp_free(Interp *in);
bool interp_size(Interp *in, const char *name, int64_t value); /* false: no such size, or out of its bound */
/* A zeroed value of that type at the present sizes; the caller holds one reference. NULL: out of memory. */
Val *interp_value(Interp *in, TypeId type);
void interp_set_var(Interp *in, int var, Val *v); /* consumes the caller's reference */
/* Runs the graph: ports[i] is the value of g->port[i] (not consumed), results (may be NULL) receives one reference for
 * each result, in the order of g->out without the writes; it may share its data with a port or a weight. Writes take
 * effect together at the end. False: in->error says why, and nothing was written. */
bool interp_run(Interp *in, const Graph *g, Val *const *ports, Val **results);
int interp_nresults(const Graph *g);
void val_release(Val *v);                  /* releases one reference; NULL is allowed */
Val *val_retain(Val *v);                   /* adds one reference */
double val_get(const Val *v, int64_t i);   /* element i in row-major order; of i64 the nearest double */
void val_set(Val *v, int64_t i, double x); /* converts as `cast` does: rounds, saturates, NaN to 0 in integers */
int64_t val_int(const Val *v, int64_t i);  /* of an integer or bool */
const char *val_number_text(Ctx *c, DType t, const Val *v, int64_t i); /* as dtype_number_text, of logical dtype t */
void val_set_int(Val *v, int64_t i, int64_t x);                        /* keeps the low bits */
/* Sets element i to element `at` of another as `cast` does: exactly, or rounded once. */
void val_convert(Val *to, int64_t i, const Val *from, int64_t at);
void val_fill(Val *v, DType from, const void *p); /* sets all elements from a dense array of that dtype */
void val_round(Val *v, DType t);                  /* where t has 16 bits: every f32 element to the nearest of type t */
void val_store(const Val *v, DType t, void *to);  /* the elements as a dense array of v's logical dtype */
/* An op's scalar body on numbers: as the double mode computes it, and on signed integers of 64 bits, wrapping. */
double body_f64(Op op, double a, double b, double c);
int64_t body_i64(Op op, int64_t a, int64_t b, int64_t c);

/* ---- for the eval_ rules ---- */
typedef struct Eval {
  Interp *in;
  const Graph *g;
  Val **val;          /* per node; NULL: not computed, or released */
  uint32_t iteration; /* scan iteration of this evaluation (Philox counter): 0 outside of scans */
  struct Eval *up;    /* the evaluation whose scan node runs this body */
} Eval;
static inline Val *eval_in(const Eval *e, Id n, int i) { return e->val[node_in(e->g, n, i)]; }
int64_t eval_dim(const Eval *e, Dim d);                       /* the dimension's value in this run */
int64_t eval_dim_attr(const Eval *e, Id n, int field, int k); /* element k of a DIMS attribute */
DType eval_dtype(const Eval *e, DType t);                     /* the storage type of that dtype in this mode */
Val *eval_new(Eval *e, TypeId type); /* a zeroed value of that type, one reference, never NULL */
Val *eval_new_shape(Eval *e, DType storage, int rank, const int64_t *dim);
Val *eval_out(Eval *e, Id n);         /* a zeroed value of the node's type, set as its value */
void eval_set(Eval *e, Id n, Val *v); /* sets the node's value; consumes the reference */
Val *eval_share(Eval *e, Val *v, int rank, const int64_t *dim); /* a new Val of another shape on the same data */
Val *eval_tuple(Eval *e, int n, Val *const *elem);              /* consumes the elements' references */
void *eval_scratch(Eval *e, size_t bytes, Val **holder);        /* zeroed; given back by val_release(*holder) */
/* Runs one of `length` iterations of a scan's body: ports as in interp_run; results receives one reference each. The
 * body's random counter is e->iteration * length + iteration, so nested scans do not repeat numbers. */
void eval_body(Eval *e, const Graph *body, uint32_t iteration, uint32_t length, Val *const *ports, Val **results);
_Noreturn void eval_fail(Eval *e, Id n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A row-major walk over an index space of `rank` axes, keeping the element offsets `at` of up to 4 operands, each with
 * its own strides (in elements; 0 along a broadcast axis). The last axis, after adjacent axes were joined where every
 * operand allows it, is left to the caller: `len` steps of `step[k]`.
 *   for (bool more = walk_begin(&w); more; more = walk_next(&w)) for (i < w.len) … w.at[k] + i * w.step[k] … */
enum { WALK_OPERANDS = 4 };
typedef struct Walk {
  int rank, n;
  int64_t dim[2 * MAX_RANK], stride[WALK_OPERANDS][2 * MAX_RANK], base[WALK_OPERANDS];
  int64_t len, step[WALK_OPERANDS], at[WALK_OPERANDS], index[2 * MAX_RANK];
  int outer; /* axes walked by walk_next */
} Walk;
void walk_init(Walk *w, int rank, const int64_t *dim);
int walk_add(Walk *w, int64_t base, const int64_t *stride); /* an operand; returns its number */
int walk_add_val(Walk *w, const Val *v);                    /* v broadcasts to the walk's shape */
bool walk_begin(Walk *w);                                   /* false: no elements */
bool walk_next(Walk *w);
void val_strides(const Val *v, int64_t *stride); /* row-major, in elements */
#endif
