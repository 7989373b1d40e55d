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

typedef struct Taken Taken;

struct Ctx {
  MemoryFn *memory; /* NULL: calloc and free, whose zeroed pages cost nothing until they are touched */
  void *user;
  Block *blocks;
  Taken *taken;
  jmp_buf *unwind;
  Name *names; /* open addressing, names_cap a power of two */
  size_t names_n, names_cap;
  struct DiagState *diag; /* made by diag.c at first use */
};
#endif
