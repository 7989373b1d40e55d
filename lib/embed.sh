#!/bin/sh
# embed.sh BUILD FILE...: the files as a C table (embed.h), on standard output. Their bytes come in when it is
# assembled.
# Files below BUILD are named from there.
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
    if (!strcmp(embedded[i].name, name)) return *n = embedded[i].n, embedded[i].text;
  return 0;
}
C
