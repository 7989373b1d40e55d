#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: the runtime with a model written by hand (toy_model.c), so that no compiler is needed. Without
# FULL=1 every third system call fails or is interrupted.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/runtime
CC=${CC:-gcc}
work=$(mktemp -d /dev/shm/gradc.XXXXXX 2> /dev/null || mktemp -d) || exit 2 # in memory: every save waits for its disk
trap 'rm -rf "$tmp" "$work"' EXIT
export ASAN_OPTIONS=detect_leaks=0 NO_COLOR=1

# expect NAME STATUS PATTERN COMMAND…: exit status, and a pattern in what it prints ('' for none)
expect() {
  local name=$1 status=$2 pattern=$3 got
  shift 3
  "$@" > out 2> err
  got=$?
  if [ $got != "$status" ]; then fail "$name: status $got, not $status: $(head -c 300 err)"
  elif [ -n "$pattern" ] && ! cat out err | grep -q -e "$pattern"; then
    fail "$name: no '$pattern' in: $(cat out err | head -c 400)"
  else pass; fi
}
same() { # NAME FILE FILE
  if cmp -s "$2" "$3"; then pass; else fail "$1: $2 and $3 differ"; fi
}

library() { # library NAME FLAGS...: compiles the runtime into an archive
  mkdir "$tmp/$1.o"
  ls "$root"/runtime/*.c "$root"/serve/*.c | xargs -P 2 -I{} sh -c \
    '$0 -std=gnu11 -Wall -Wextra -Werror -I"$2" '"${*:2}"' -c {} -o "$1/$(echo {} | tr / _).o"' \
    "$CC" "$tmp/$1.o" "$root" || exit 1
  ar rcs "$tmp/$1.a" "$tmp/$1".o/*.o
}
program() { # program NAME LIBRARY FLAGS|SOURCE...
  $CC -std=gnu11 -O0 -g1 -Wall -Wextra -Werror "${@:3}" "$2" -lpthread -lm -o "$tmp/$1" || exit 1
}
toy() { program "$1" "$2" "${@:3}" "$here/toy_model.c"; }
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
plain=$build/libgradc_rt.a faults=$tmp/faults.a asan=$build/tests/asan/libgradc_rt.a
library faults -O0 -DGC_FAULTS
sh "$root/tests/asan.sh" "$build" || exit 1
toy toy $plain
toy toy_accum $plain -DACCUMULATE=3 -DBATCH=4
toy toy_order $plain -DSHUFFLE=0
toy toy_two $plain -DTRAINS=2
toy toy_faults $faults -DSAVE=20
toy toy_asan $asan $sanitize
toy toy_plain $asan $sanitize -DPLAIN=1
for s in npy idx text tokens uniform normal none; do toy "toy_$s" $asan $sanitize -DSOURCE_$s; done
program units $asan $sanitize "$here/units.c" "$here/units_files.c"
program numbers $asan $sanitize "$here/numbers.c"
unset -f toy program
PATH=$tmp:$PATH
cd "$work" || exit 1

. "$here/units.sh"
. "$here/data.sh"
. "$here/runs.sh"
. "$here/lock.sh"
. "$here/faults.sh"

counts
