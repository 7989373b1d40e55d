/* The target-neutral form of a kernel: loop nests over axes, affine loads, a DAG of scalar values, accumulations, and
 * stores. Built from a group of nodes (passes/group.h); printed by a target (codegen/c, codegen/cuda).
 *
 * A nest is: the outer axes (any of them may be split over threads), and within them phases, one after another. A phase
 * has inner axes of its own (none: its body runs once per outer point), accumulates over them in the strict order of
 * evaluation, and what it accumulated is a value from the next phase on. A softmax is one nest of three phases; a
 * contraction with its epilogue two, the second without inner axes. */
#ifndef GRADC_KERNEL_H
#define GRADC_KERNEL_H
#include "passes/access.h"
#include "passes/group.h"
#include <string.h>

typedef enum KValKind {
  KV_CONST,   /* c */
  KV_LOAD,    /* buf[at] */
  KV_OP,      /* the op's scalar body over arg[] */
  KV_INDEX,   /* at, converted to the type (iota, run-time size) */
  KV_RANDOM,  /* number `stream` of the kernel, element at */
  KV_RUN,     /* the run-time scalar of that name */
  KV_SELECT,  /* arg[0] where all quotient axes of `guards` are valid, else c (pad) */
  KV_ACC      /* the result of accumulation arg[0] (an index into acc) */
} KValKind;
/* A value of a 16-bit float type is an f32 that such a number can hold: loads widen, stores narrow, and whatever gives
 * a value of that type rounds it. */
typedef struct KVal {
  KValKind kind;
  uint8_t type;        /* DType */
  uint16_t op;
  Id node;             /* that it stands for */
  int arg[3], nargs;
  int buf, stream;
  double c;
  const char *name;
  Affine at;
  uint32_t guards, needs; /* needs: loop axes that it depends on */
  int phase;           /* the first that needs it */
} KVal;
static inline bool kval_is_cast(const KVal *v) {
  return v->kind == KV_OP && !strncmp(op_info[v->op].body, "CAST(", 5);
}

/* Strict order of an accumulation: seq, from +0 term by term; chunk, chunks of 1024, each from +0, added in order;
 * lanes, the same with 16 lanes in a chunk. Over the row-major index of the phase's inner axes. */
typedef enum KOrder { KO_SEQ, KO_CHUNK, KO_LANES } KOrder;
enum { STRICT_CHUNK = 1024, STRICT_LANES = 16 };
typedef struct KAcc {
  Id node;
  uint16_t op;         /* a reduction, whose body combines two values; of contractions and fold: sum */
  uint8_t type;        /* of the accumulator (f32 for 16-bit floats); ARG: of the values compared */
  KOrder order;
  int phase, value;    /* what is accumulated */
  Affine index;        /* ARG: row-major index among the reduced axes */
} KAcc;

typedef enum KStoreAt { KS_OUTER, KS_INNER } KStoreAt;
typedef struct KStore {
  int phase, buf, value;
  KStoreAt level;      /* outer: before the inner loops of its phase; inner: in them, behind the accumulations */
  bool add;            /* buf[at] += value (scatter) */
  /* A store into a buffer of a 16-bit type rounds; the cast before it, if any, was left out. */
  Affine at;
} KStore;

typedef struct KPhase {
  int naxis, axis[MAX_AXES];
  uint32_t skip;       /* quotient axes: iterations where one is invalid are left out */
} KPhase;

typedef struct KNest {
  Axes axes;
  int nouter, outer[MAX_AXES];
  int split;           /* the only loop axis that threads may share out (scatter); -1: any outer one */
  KPhase *phase; int nphase, capphase;
  KVal *val; int nval, capval;
  KAcc *acc; int nacc, capacc;
  KStore *store; int nstore, capstore;
} KNest;

typedef struct KBuf {
  Id node;             /* a buffer, or a `const` (printed as a table) */
  uint8_t type;
  bool read, written;
  bool table;          /* constant data (the const may have a buffer, too, that it is copied to) */
  int64_t cols, rows;  /* cols > 0: a matrix in panels; its addresses are those of [rows, cols] row by row */
} KBuf;

typedef struct Kernel {
  const Groups *gs;
  const Group *group;
  KNest **nest; int nnest, capnest;
  KBuf *buf; int nbuf, capbuf;
  int64_t *stream; int nstream, capstream; /* of its random numbers */
  bool uses_run;
  uint32_t sizes;      /* run-time sizes that extents and addresses use: bit i = Module.size[i] */
} Kernel;

/* The kernel of a group; never NULL (scans have none and must not be asked for). An impossible group is an internal
 * error (0403), after which the kernel has no nests. */
Kernel *kernel_build(const Groups *gs, const Group *group);

/* For kernel_*.c and the printers. */
int nest_level(const KNest *n, const KPhase *p, uint32_t needs); /* number of loops, outer first, that it stands in */
void nest_coalesce(KNest *n, Module *m); /* makes adjacent axes one where every address allows it */
#endif
