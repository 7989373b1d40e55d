/* The two ways from C to code, as jit.c sees them: units of C become blobs, which the cache keeps, and blobs code. */
#ifndef GRADC_JIT_WAY_H
#define GRADC_JIT_WAY_H
#include "codegen/jit/jit.h"

typedef struct JitBlob { char *p; size_t n; } JitBlob; /* p malloced; NULL: not there */

/* Functions that return false or NULL leave *error as jit_load does. */
typedef struct JitWay {
  const char *name;
  bool whole;                               /* a job is one unit; else each of its parts is one */
  char *(*identity)(const JitJob *job);     /* what blobs depend on beside text, flags and objects; malloced */
  bool (*compile)(const JitJob *job, int unit, JitBlob *out, JitError *error);
  void *(*load)(const JitJob *job, const JitBlob *blob, int n, JitError *error);
  const void *(*symbol)(void *code, const char *name);
  void (*free)(void *code);
} JitWay;

extern const JitWay jit_way_cc;
#endif
