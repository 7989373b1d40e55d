/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a Ctx, for ctx.c and diag.c only. */
#ifndef GRADC_CTX_STATE_H
#define GRADC_CTX_STATE_H
#include "ctx.h"

typedef struct Block Block;
typedef struct Name {
  const char *s;
  size_t n;
  uint64_t hash;
} Name;

typedef struct HeapBlock HeapBlock;

struct Ctx {
  MemoryFn *memory; /* NULL: calloc and free, whose zeroed pages cost nothing until they are touched */
  void *user;
  Block *blocks;
  HeapBlock *heap;
  jmp_buf *unwind;
  Name *names; /* open addressing, capnames a power of two */
  size_t nnames, capnames;
  struct DiagState *diag; /* made by diag.c at first use */
};
#endif
