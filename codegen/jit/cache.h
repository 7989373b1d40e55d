/* SPDX-License-Identifier: Apache-2.0 */
/* A content-addressed cache of compiled code, shared by all processes of a user. It never fails: an entry that cannot
 * be read is a miss, an entry that cannot be written is dropped. */
#ifndef GRADC_JIT_CACHE_H
#define GRADC_JIT_CACHE_H
#include "codegen/jit/backend.h"
#include <stdint.h>

typedef struct CacheKey {
  uint64_t a, b;
} CacheKey;
CacheKey cache_key(void);
void cache_key_add(CacheKey *k, const void *p, size_t n);

bool cache_get(const char *folder, CacheKey k, JitBlob *b); /* false: no such entry, or it is damaged */
void cache_put(const char *folder, CacheKey k, const JitBlob *b);

typedef struct CacheUse {
  int entries;
  int64_t bytes, max;
} CacheUse;
CacheUse cache_use(const char *folder);
#endif
