/* SPDX-License-Identifier: Apache-2.0 */
/* Values along the lane axis as vectors, by the vector extensions of gcc and clang. */
#ifndef GRADC_VECTOR_H
#define GRADC_VECTOR_H
#include "codegen/text/nest.h"

extern const LaneText vector_lanes;

bool vec_has_type(int dtype);                /* there are vectors of it */
bool vec_has_op(Op op, DType t, DType from); /* the op can be applied to vectors */
const char *vec_type(int dtype);
const char *vec_arg(NestText *c, int v); /* value v as a vector: a splat of it if it is a scalar */
const char *vec_splat(NestText *c, int dtype, const char *x);
const char *vec_select(NestText *c, int dtype, const char *mask, const char *a, const char *b);
const char *vec_value(NestText *c, int v); /* its expression */
const char *vec_op(NestText *c, Op op, DType t, DType from, const char *const *arg);
void vec_store(NestText *c, const KStore *s);
void vec_use_half(Emitter *p, int dtype);             /* vectors of that 16-bit type are loaded, stored or rounded to */
const char *vec_index(NestText *c, const Affine *at); /* an affine index as a vector of i32 */
/* vector_prelude.c: types and loads; then functions of prim.h; then conversions of 16-bit floats, which use these. */
void vector_types_print(Emitter *p, Str *o);
void vector_prims_print(Emitter *p, Str *o);
void vector_halves_print(Emitter *p, Str *o);

void vector_columns(NestText *c); /* vector_columns.c: what is computed before the loops of the nest */
/* vector_loops.c */
void emit_inner_vectors(NestText *c, int phase, StrictOrder r);
void emit_outer_vectors(NestText *c, void (*body)(NestText *, int));
void emit_fetch(NestText *c, int phase); /* LaneText */
void emit_main_and_tail(NestText *c, int axis, const char *from, const char *to, int step, bool no_tail,
                        void (*body)(NestText *, int), int phase);
#endif
