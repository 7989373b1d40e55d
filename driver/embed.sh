#!/bin/sh
# embed.sh FILE...: the files as a C table (embed.h), on standard output. Texts are arrays of bytes: string literals
# have a length limit in ISO C.
set -e
echo '/* Written by driver/embed.sh. */'
echo '#include "driver/embed.h"'
echo '#include <string.h>'
i=0
for f; do
  echo "static const unsigned char text_$i[] = {"
  od -An -v -tu1 "$f" | sed 's/^ *//; s/  */,/g; s/$/,/'
  echo '0};'
  i=$((i + 1))
done
echo 'const Embedded embedded[] = {'
i=0
for f; do
  echo "  {\"$f\", (const char *)text_$i, sizeof text_$i - 1},"
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
