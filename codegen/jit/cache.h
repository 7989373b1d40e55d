/* A folder of compiled code by content, for all processes of a user. Nothing about it is an error: what cannot be read
 * is not there, what cannot be written is not kept. */
#ifndef GRADC_JIT_CACHE_H
#define GRADC_JIT_CACHE_H
#include "codegen/jit/way.h"
#include <stdint.h>

typedef struct CacheKey { uint64_t a, b; } CacheKey;
CacheKey cache_key(void);
void cache_key_add(CacheKey *k, const void *p, size_t n);

bool cache_get(const char *folder, CacheKey k, JitBlob *b); /* false: not there, or damaged */
void cache_put(const char *folder, CacheKey k, const JitBlob *b);
#endif
