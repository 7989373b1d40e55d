/* SPDX-License-Identifier: Apache-2.0 */
/* The runner of golden programs: reads a script (read.c), performs it on an engine, compares (main.c). */
#ifndef GOLDEN_H
#define GOLDEN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- arrays: every element type as doubles, which hold all of them exactly ---- */

enum { MAX_DIMS = 8, MAX_ARRAYS = 32 };
typedef enum Kind { K_BOOL, K_U8, K_I8, K_U16, K_I16, K_U32, K_I32, K_F32, K_F64, K_F16, K_BF16 } Kind;

typedef struct Array {
  Kind kind;
  int rank;
  int64_t dim[MAX_DIMS], count;
  double *v;
} Array;

extern const char *const kind_name[], *const kind_c[]; /* "f32", "float"; a 16-bit float is a uint16_t in C */
size_t kind_bytes(Kind k);
void *array_bytes(const Array *a);            /* dense, as C has it; values NULL: zeros. malloc */
void array_take(Array *a, const void *bytes); /* the values */

/* ---- the script: one line an action, in order ---- */

typedef enum Act { A_PROGRAM, A_SET, A_CALL, A_STEP, A_GET, A_LOSS } Act;

/* An expected value: `want`, or in an engine of single precision `single`, with tolerance `tol` per element. tol is for
 * single precision; in double precision it is divided by `ratio`. */
typedef struct Expected {
  Array want;
  double *single, *tol; /* single NULL: as want; tol NULL: equal */
  double ratio;
  bool signed_zeros;
} Expected;

typedef struct Action {
  Act act;
  const char *name;         /* of the program, weight, export */
  int line, nin, nout;      /* A_CALL: inputs, results; A_STEP: fields */
  Array in[MAX_ARRAYS];     /* A_SET: in[0] */
  Expected out[MAX_ARRAYS]; /* A_GET, A_LOSS: out[0] */
  int64_t number;           /* A_STEP: of the export's first call; unused else */
} Action;

typedef struct Script {
  Action *v;
  int n, cap;
} Script;
Script script_read(const char *path); /* ends the process at an error */

/* ---- engines ---- */

typedef struct Engine {
  bool f64;
  void *state;
  /* Each returns NULL, or what went wrong. Results of call and get are written into their arrays' values. */
  const char *(*set)(void *state, const char *weight, const Array *a);
  const char *(*get)(void *state, const char *weight, Array *a);
  const char *(*call)(void *state, const char *export, const Array *in, int nin, Array *out, int nout);
  const char *(*step)(void *state, const Array *field, int n);
  double (*loss)(void *state);
} Engine;

typedef struct Source {
  const char *nn, *dir, *gradc, *cc;
  const Script *script;
} Source; /* dir: for what it writes */
/* NULL, or what went wrong. */
const char *engine_double(Engine *e, const Source *s);
const char *engine_native(Engine *e, const Source *s, bool strict);
const char *engine_portable(Engine *e, const Source *s);
#endif
