/* The two ways from C to code, as jit.c sees them: units of C become blobs, which the cache keeps, and blobs code. */
#ifndef GRADC_JIT_WAY_H
#define GRADC_JIT_WAY_H
#include "codegen/jit/jit.h"

typedef struct JitBlob { char *p; size_t n; } JitBlob; /* p malloced; NULL: not there */

/* Functions that return false or NULL fill *error. */
typedef struct JitWay {
  const char *name;
  bool whole;                               /* a job gives one blob; else each unit does, on a thread of its own */
  char *(*identity)(const JitJob *job);     /* what blobs depend on beside texts, flags and objects; malloced */
  bool (*compile)(const JitJob *job, int unit, JitBlob *out, JitError *error);
  void *(*load)(const JitJob *job, const JitBlob *blob, int n, JitError *error);
  const void *(*symbol)(void *code, const char *name);
  void (*free)(void *code);
} JitWay;

extern const JitWay jit_way_cc;
const JitWay *jit_way_clang(void); /* NULL: not here */
#endif
