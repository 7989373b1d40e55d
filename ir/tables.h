/* SPDX-License-Identifier: Apache-2.0 */
/* Interning tables of a module, for type.c, attr.c, graph.c and vars.c only, and their representation: a pool
 * holds each record once, in order of first use, so nothing depends on hash order. */
#ifndef GRADC_TABLES_H
#define GRADC_TABLES_H
#include "ir.h"

typedef struct InternPool {
  void **rec; /* rec[0] unused */
  uint64_t *hash;
  int n, cap;
  int *slot; /* open addressing into rec; 0: free */
  int nslots;
} InternPool;
typedef bool InternEqual(const void *a, const void *b);

/* Number of a record equal to `key`; 0 when there is none. */
int intern_find(const InternPool *p, const void *key, uint64_t hash, InternEqual *same);
int intern_add(Ctx *c, InternPool *p, void *rec, uint64_t hash); /* appends; returns its number, from 1 */

typedef struct Poly {
  int n;
  DimTerm *t;
  const char *text;
} Poly;
/* The attributes by which nodes are compared: a region of @checkpoint does not change a value. */
AttrId attr_key(const Module *m, AttrId a);
struct Tables {
  InternPool types, polys, attrs, vars;
};
#endif
