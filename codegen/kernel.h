/* SPDX-License-Identifier: Apache-2.0 */
/* The target-neutral form of a kernel: loop nests with affine loads, a DAG of scalar values, accumulations and stores.
 * Built from a group of nodes (passes/analysis/group.h); printed by a target.
 *
 * A nest has outer axes, any of which may be partitioned over threads, around a sequence of phases. A phase has inner
 * axes (none: its body runs once) over which it accumulates in the strict order of evaluation; the result is a value
 * in later phases. A softmax is one nest of three phases; a contraction with its epilogue is one of two, the second
 * without inner axes. */
#ifndef GRADC_KERNEL_H
#define GRADC_KERNEL_H
#include "passes/analysis/index_map.h"
#include "passes/analysis/group.h"
#include "ir/attend.h"
#include <string.h>

static inline int64_t divide_up(int64_t n, int64_t by) { return (n + by - 1) / by; }

typedef enum KValKind {
  KV_CONST,  /* c */
  KV_LOAD,   /* buf[at] */
  KV_OP,     /* the op's scalar body over arg[] */
  KV_INDEX,  /* at, converted to the type (iota, run-time size) */
  KV_RANDOM, /* number `stream` of the kernel, element at */
  KV_RUN,    /* the run-time scalar of that name */
  KV_SELECT, /* arg[0] where all quotient axes of `guards` are valid, else c (pad) */
  KV_ACC     /* the result of accumulation arg[0] (an index into acc) */
} KValKind;
/* A value of a 16-bit float type is computed in f32 and rounded to that type; loads widen and stores narrow it. */
typedef struct KVal {
  KValKind kind;
  uint8_t type; /* DType */
  uint16_t op;
  Id node; /* whose value it is */
  int arg[3], nargs;
  int buf, stream;
  double c;
  const char *name;
  Affine at;
  uint32_t guards, needs; /* needs: loop axes that it depends on */
  int phase;              /* the first that uses it */
} KVal;
static inline bool kval_is_cast(const KVal *v) { return v->kind == KV_OP && op_info[v->op].flags & OPF_CAST; }

/* The strict order of an accumulation over the row-major index of the phase's inner axes. seq: term by term from +0.
 * chunk: in chunks of 1024 terms, each from +0, which are added in order. lanes: the same with 16 lanes in a chunk. */
typedef enum KOrder { KO_SEQ, KO_CHUNK, KO_LANES } KOrder;
enum { STRICT_LANES = 16 };
typedef struct KAcc {
  Id node;
  uint16_t op;  /* a reduction, whose body combines two values; sum for contractions and fold */
  uint8_t type; /* of the accumulator (f32 for 16-bit floats); OPF_ARG_REDUCE: of the values compared */
  KOrder order;
  int phase, value; /* what is accumulated */
  Affine index;     /* OPF_ARG_REDUCE: row-major index among the reduced axes */
} KAcc;

typedef enum KStoreAt { KS_OUTER, KS_INNER } KStoreAt;
typedef struct KStore {
  int phase, buf, value;
  KStoreAt level; /* outer: before the inner loops of its phase; inner: in them, after the accumulations */
  bool add;       /* buf[at] += value (scatter) */
  /* A store into a buffer of a 16-bit type rounds, so a cast to that type before it is omitted. */
  Affine at;
} KStore;

typedef struct KPhase {
  int naxis, axis[MAX_AXES];
  uint32_t skip; /* quotient axes: iterations where one is invalid are skipped */
} KPhase;

/* Attention: a point of the nest is a call of a function of prim/prim_attend.h for its row, instead of the phases.
 * These list what the row accesses: each has one operand or result, over its inner axes. */
typedef enum KRows { KR_FORWARD, KR_QUERIES, KR_KEYS } KRows;
typedef struct KRowOperand {
  int at;             /* its load or store; -1: there is none */
  int head, row, col; /* axes that the function iterates over; -1: none, or of extent 1 */
} KRowOperand;
typedef struct KAttend {
  KRows rows;
  Attend a;
  int batch, head, shared, query, key; /* outer axes; -1: none, or of extent 1 */
  KRowOperand load[AT_OPERANDS], store[2];
} KAttend;

/* Operands of which the function takes the value, not the address. */
static inline bool krow_is_number(const KAttend *k, int operand) {
  return operand == AT_LENGTHS || (k->rows == KR_QUERIES && (operand == AT_LSE || operand == AT_DELTA));
}

/* argsort: a point of the nest is a call of the function of prim/prim_sort.h. */
typedef struct KSort {
  DType type;
  Dim terms, count;
  bool descending;
  KRowOperand load, store;
} KSort;

typedef struct KNest {
  Axes axes;
  int nouter, outer[MAX_AXES];
  const KAttend *attend; /* NULL: the nest computes what its phases say */
  const KSort *sort;     /* the same */
  int par_axis;          /* the only axis that threads may partition (scatter); -1: any outer one */
  KPhase *phase;
  int nphase, capphase;
  KVal *val;
  int nval, capval;
  KAcc *acc;
  int nacc, capacc;
  KStore *store;
  int nstore, capstore;
} KNest;

typedef struct KBuf {
  Id node; /* a buffer, or a `const` (printed as a table) */
  uint8_t type;
  bool read, written;
  bool table;         /* constant data; the `const` may also have a buffer, into which it is copied */
  int64_t cols, rows; /* cols > 0: a matrix in panels, addressed as if it were row-major [rows, cols] */
} KBuf;

/* A parameter of the kernel's function: the buffers in order, then the others in the order of their kinds. */
typedef enum KArgKind {
  KA_BUF,     /* pointer to buffer `index` */
  KA_SIZE,    /* run-time size `index` of the module */
  KA_RUN,     /* pointer to the run header */
  KA_COUNTER, /* counter for random numbers: the microbatch, the iteration of the enclosing scan */
  KA_STREAM,  /* stream `index` of random numbers */
  KA_THREAD,  /* number of this thread, number of threads: only where the schedule is parallel */
  KA_SCRATCH, /* pointer to memory that the target adds to the plan, or to Group.scratch: if the schedule has chunks */
  KA_CALL,    /* the call, for barriers: the same */
  /* Of epilogues alone: */
  KA_KEY,    /* key of stream `index` */
  KA_RESIDUE /* residue of axis `index` of m (GemmDesc) */
} KArgKind;
typedef struct KArg {
  KArgKind kind;
  int index;
  const char *name;
} KArg;
static inline bool karg_is_pointer(const KArg *a) {
  return a->kind == KA_BUF || a->kind == KA_RUN || a->kind == KA_SCRATCH || a->kind == KA_CALL;
}

typedef struct Kernel {
  const Groups *gs;
  const Group *group;
  KNest **nest;
  int nnest, capnest;
  KBuf *buf;
  int nbuf, capbuf;
  int64_t *stream;
  int nstream, capstream; /* of its random numbers */
  bool draws;             /* some live value is a random number */
  KArg *arg;
  int narg, caparg;
  bool uses_run;
  uint32_t sizes; /* run-time sizes that extents and addresses use: bit i = Module.size[i] */
} Kernel;

/* The kernel of a group that is not a scan. Never NULL: a group that has none is an internal error (0403), and its
 * kernel has no nests. */
Kernel *kernel_build(const Groups *gs, const Group *group);

/* For kernel_*.c and the printers. */
int nest_level(const KNest *n, const KPhase *p, uint32_t needs); /* number of loops around it, outer first */
void nest_coalesce(KNest *n, Module *m);                         /* joins adjacent axes where every address allows it */
bool nest_join_axes(KNest *n, Module *m, int i,
                    int j); /* the axis i into the next one, j. False: an address forbids it */
#endif
