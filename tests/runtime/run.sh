#!/bin/bash
# Tests of the runtime with a model written by hand (toy_model.c): no compiler is needed. Prints what failed and a count.
# Usage: tests/runtime/run.sh GRADC BUILD
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${2:-$root/build}/tests/runtime
CC=${CC:-gcc}
mkdir -p "$build"
build=$(cd "$build" && pwd)
work=$(mktemp -d "$build/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
export ASAN_OPTIONS=detect_leaks=0 NO_COLOR=1

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAIL $*"; }

# expect NAME STATUS PATTERN COMMAND…: exit status, and a pattern in what it prints ('' for none)
expect() {
  local name=$1 status=$2 pattern=$3 got
  shift 3
  "$@" > out 2> err
  got=$?
  if [ $got != "$status" ]; then fail "$name: status $got, not $status: $(head -c 300 err)"
  elif [ -n "$pattern" ] && ! cat out err | grep -q -e "$pattern"; then fail "$name: no '$pattern' in: $(cat out err | head -c 400)"
  else pass; fi
}
same() { # NAME FILE FILE
  if cmp -s "$2" "$3"; then pass; else fail "$1: $2 and $3 differ"; fi
}

library() { # NAME FLAGS…: the runtime as an archive
  local d=$build/$1 f o objects=
  shift
  mkdir -p "$d"
  for f in "$root"/runtime/*.c; do
    o=$d/$(basename "$f" .c).o
    objects="$objects $o"
    if [ ! -f "$o" ] || [ -n "$(find "$f" "$root/runtime/rt.h" "$root/runtime/model.h" -newer "$o")" ]; then
      $CC -std=gnu11 -Wall -Wextra -Werror "$@" -c "$f" -o "$o" || exit 1
    fi
  done
  rm -f "$d/libgc.a"
  ar rcs "$d/libgc.a" $objects # none of a source that is gone
}
program() { # OUTPUT LIBRARY FLAGS…
  local out=$1 lib=$2
  shift 2
  $CC -std=gnu11 -O1 -g -Wall -Wextra -Werror "$@" "$here/toy_model.c" "$build/$lib/libgc.a" -lpthread -o "$build/$out" || exit 1
}
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
library plain -O2
library faults -O1 -DGC_FAULTS
library asan -O1 -g $sanitize
program toy plain
program toy_accum plain -DACCUMULATE=3 -DBATCH=4
program toy_order plain -DSHUFFLE=0
program toy_two plain -DTRAINS=2
program toy_faults faults -DSAVE=20
program toy_asan asan $sanitize
program toy_plain asan $sanitize -DPLAIN=1
for s in npy idx text tokens uniform normal none; do program "toy_$s" asan $sanitize -DSOURCE_$s; done
$CC -std=gnu11 -O1 -g -Wall -Wextra -Werror $sanitize "$here/units.c" "$build/asan/libgc.a" -lpthread -o "$build/units" || exit 1
$CC -std=gnu11 -O1 -g -Wall -Wextra -Werror $sanitize "$here/numbers.c" "$build/asan/libgc.a" -lpthread -lm -o "$build/numbers" || exit 1
PATH=$build:$PATH
cd "$work" || exit 1

. "$here/units.sh"
. "$here/data.sh"
. "$here/runs.sh"
. "$here/lock.sh"
. "$here/faults.sh"

echo "runtime: $passed passed, $failed failed"
[ $failed = 0 ]
