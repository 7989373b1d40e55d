/* Interning tables of a module, for type.c, graph.c and vars.c only, and the pool that they are made of: it holds each
 * record once, in order of first use, so nothing depends on hash order. */
#ifndef GRADC_TABLES_H
#define GRADC_TABLES_H
#include "ir.h"

typedef struct Pool {
  void **rec;     /* rec[0] unused */
  uint64_t *hash;
  int n, cap;
  int *slot;      /* open addressing into rec; 0: free */
  int nslots;
} Pool;
typedef bool PoolSame(const void *a, const void *b);

/* Number of a record equal to `key`; 0 when there is none. */
int pool_find(const Pool *p, const void *key, uint64_t hash, PoolSame *same);
int pool_add(Ctx *c, Pool *p, void *rec, uint64_t hash); /* appends; returns its number, from 1 */

typedef struct Poly { int n; DimTerm *t; const char *text; } Poly;
struct Tables {
  Pool types, polys, attrs, vars;
};
#endif
