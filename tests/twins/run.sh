#!/bin/sh
# run.sh GRADC BUILD: programs that compute the same are trained to the same bits, see twins.c.
here=$(cd "$(dirname "$0")" && pwd); build=$(cd "$2" && pwd) || exit 2
cd "$here/../.." && mkdir -p "$build/tests" || exit 2
${CC:-cc} -std=gnu11 -Wall -Wextra -O1 -g -I. -o "$build/tests/twins" tests/twins/twins.c \
  "$build"/ir/*.o "$build"/passes/*.o "$build"/frontend/*.o "$build/embed.o" -lm || { echo "0 passed, 1 failed"; exit 1; }
count=40
[ "${FULL:-}" != 1 ] || count=1500
"$build/tests/twins" "${FIRST:-1}" $count
