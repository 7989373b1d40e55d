#!/bin/sh
# run.sh GRADC BUILD: the gradient suite. Links against the objects that BUILD holds.
here=$(cd "$(dirname "$0")" && pwd); build=$(cd "$2" && pwd) || exit 2
cd "$here/../.." && mkdir -p "$build/tests" || exit 2
${CC:-cc} -std=gnu11 -Wall -Wextra -O1 -g -I. -o "$build/tests/grad" tests/grad/*.c \
  "$build"/ir/*.o "$build"/passes/*.o "$build"/frontend/*.o "$build"/embed.o -lm || exit 1
cases=$(ls tests/grad/*.nn 2>/dev/null)
"$build/tests/grad" tests/grad/ops.cases tests/grad/*.ir tests/grad/expand/*.ir $cases
