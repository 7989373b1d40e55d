/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of every element type: conversion, text, names. */
#ifndef GRADC_NUM_H
#define GRADC_NUM_H
#include "model.h"
#include <stdbool.h>

enum { GC_DTYPES = GC_I64 + 1 };
extern const unsigned char gc_dtype_size[];
extern const char *const gc_dtype_name[];
static inline bool gc_is_float(int t) { return t >= GC_F32 && t <= GC_BF16; }
bool num_store(GcDType t, void *dst, size_t i, double v); /* false: an integer type that cannot represent v exactly */
double num_load(GcDType t, const void *src, size_t i);    /* of i64 the nearest */
enum { NUM_TEXT = 32 };
/* The shortest text that num_read reads back as the same value; `nan`, `inf`, `-inf`. */
char *num_text(GcDType t, const void *src, size_t i, char to[NUM_TEXT]);
char *num_show(double v, char to[NUM_TEXT]); /* for messages: integers with all digits */
double num_plain(double v);                  /* v for printf: a NaN without its sign */
typedef enum NumRead {
  NUM_OK,
  NUM_NO_NUMBER,  /* the text is not a number */
  NUM_NOT_IN_TYPE /* the type cannot represent the number */
} NumRead;
/* Reads a decimal number, or nan, inf, infinity in any case, with an optional sign and white space around it; rounded
 * once. */
NumRead num_read(GcDType t, void *dst, size_t i, const char *s, size_t n);
/* f32[1, 64]; a dimension < 0 is dims[-1 - dim]: f32[1, T]. */
char *num_shape(int rank, const int64_t *dim, GcDType t, const GcDim *dims);
#endif
