#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# embed.sh BUILD FILE...: prints a C table of the files (embed.h); the assembler includes their bytes. Files below BUILD
# are named relative to it.
set -e
build=$1; shift
cat <<'C'
/* Written by lib/embed.sh. */
#include "lib/embed.h"
#include <string.h>
#define EMBED(i, path) \
  __asm__(".pushsection .rodata\n.balign 16\ntext_" #i ":\n.incbin \"" path "\"\n.byte 0\n.popsection"); \
  extern const char text_##i[]
C
i=0
for f; do
  echo "EMBED($i, \"$f\");"
  i=$((i + 1))
done
echo 'const Embedded embedded[] = {'
i=0
for f; do
  echo "  {\"${f#"$build"/}\", text_$i, $(($(wc -c <"$f")))},"
  i=$((i + 1))
done
echo '  {0, 0, 0}'
echo '};'
echo "const int nembedded = $i;"
cat <<'C'

const char *embed_text(const char *name, size_t *n) {
  for (int i = 0; i < nembedded; i++)
    if (!strcmp(embedded[i].name, name)) {
      size_t licence = strncmp(embedded[i].text, "/* SPDX-", 8) ? 0 : strcspn(embedded[i].text, "\n") + 1;
      *n = embedded[i].n - licence;
      return embedded[i].text + licence;
    }
  return 0;
}
C
