/* SPDX-License-Identifier: Apache-2.0 */
/* What the forms of attention have in common: the rows of a block, operands, what a query sees. */
#ifndef GRADC_CUDA_ATTEND_TEXT_H
#define GRADC_CUDA_ATTEND_TEXT_H
#include "codegen/cuda/cuda.h"

enum { ATTEND_ROWS = 64 };    /* queries or keys of a block, and of a tile */
#define ATTEND_LOW "-1.0e30f" /* where maxima start: finite, so that none is subtracted from itself as -inf */

/* One row of an operand or result for each query or key of the block's heads: name[row * step + column]. */
typedef struct AttendRows {
  const char *name, *step, *limit; /* limit: the number of rows */
  int len;                         /* of a row */
  DType type;
  bool aligned; /* of a result: rows begin at multiples of 16 bytes, and have groups of 4 elements */
} AttendRows;

typedef struct AttendText {
  NestText n;
  const KAttend *a;
  AttendRows q, k, v, g;
} AttendText;

/* Fills the grid: x are blocks of rows, y heads. False: strict mode, types and strides that the forms do not take, or
 * rows so few that the plain form is as good. */
bool attend_suits(const Kernel *k, const NestSchedule *s, FormShape *f);
/* All rows of the operand or result x begin at multiples of 16 bytes of `buf`. */
bool attend_is_aligned(const Kernel *k, const KNest *n, int buf, const Affine *at, const KRowOperand *x);

AttendText attend_text(Emitter *p, const Launch *l, Str *o);
/* Declares the indices of heads, the operands, limit (the keys that there are), ahead (query i of a causal attention
 * sees keys before i + ahead), keys (those that the last query of the block sees). row0 is declared. */
void attend_begin(AttendText *c);
/* Declares `from`, a multiple of 64: no query before it sees a key of the block. */
void attend_first_query(AttendText *c);
/* Declares the operands whose rows are of queries, for head `h` of those that share the block's keys. */
void attend_declare_walked(AttendText *c);
/* The loops over heads and tiles of queries, from query0 on, of which some see a key of the block. */
void attend_open_queries(AttendText *c);
void attend_close_queries(AttendText *c);

/* Declares the address of element (r, d), from which others are at constant offsets if the step is a number. */
void attend_declare_source(AttendText *c, const char *name, const AttendRows *x, const char *r, const char *d);
/* name[offset] as f32; 0 if the row r, or the column d, is out of range. d may be NULL: all columns are in range. */
const char *attend_element(AttendText *c, const char *name, const AttendRows *x, const char *r, const char *d,
                           const char *offset);
const char *attend_place(AttendText *c, const AttendRows *x, const char *r, const char *d); /* as an lvalue */
AttendRows attend_result(AttendText *c, int store);
const char *attend_number(AttendText *c, int store, const char *r);         /* of a result that is one number a row */
const char *attend_value(AttendText *c, AttendOperand role, const char *r); /* of such an operand */

const char *attend_seen(AttendText *c, const char *query); /* the keys that it sees are those before this one */
const char *attend_scale(AttendText *c);
const char *attend_scale2(AttendText *c); /* for exponentials of base 2 */
#endif
