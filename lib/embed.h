/* What gradc carries inside itself: the standard library, the optimizers, the sources of the runtime. The table is
 * written by embed.sh. */
#ifndef GRADC_EMBED_H
#define GRADC_EMBED_H
#include <stddef.h>

typedef struct Embedded {
  const char *name;  /* path within the source tree: "std/layers.nn" */
  const char *text;  /* n bytes and a terminating NUL */
  size_t n;
} Embedded;
extern const Embedded embedded[];
extern const int nembedded;

const char *embed_text(const char *name, size_t *n); /* its text, n: its length; NULL: none */
#endif
