/* SPDX-License-Identifier: Apache-2.0 */
/* The files embedded in gradc: the standard library, the optimizers, the sources of the runtime. The table is
 * written by embed.sh. */
#ifndef GRADC_EMBED_H
#define GRADC_EMBED_H
#include <stddef.h>

typedef struct Embedded {
  const char *name; /* path within the source tree: "std/layers.nn" */
  const char *text; /* n bytes and a terminating NUL */
  size_t n;
} Embedded;
extern const Embedded embedded[];
extern const int nembedded;

/* The text of a file without its licence line, since generated C belongs to its author; n: its length. NULL: none. */
const char *embed_text(const char *name, size_t *n);
#endif
