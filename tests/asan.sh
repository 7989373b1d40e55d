#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# asan.sh BUILD: builds gradc with the sanitizers and one malloc per object, for all suites that need it: the program,
# an archive of everything except the driver, and one of the runtime, in BUILD/tests/asan. A lock lets one suite build
# while others wait; the build is kept. At -O0 it compiles in half the time, and the tests that it runs are small.
# Without FULL=1 there is no program, and code generation only as far as the library's tests link it.
set -e
build=$(cd "$1" && pwd); asan=$build/tests/asan
cd "$(dirname "$0")/.."
mkdir -p "$asan"
exec 9>"$asan/lock"
flock 9
flags="-fsanitize=address,undefined -fno-sanitize-recover=all"
full() { [ "${FULL:-}" = 1 ]; }
full || set -- "$1" DIRS="$(find ir frontend passes codegen/jit lib -type d | tr '\n' ' ')"
shift
make -s LLVM_CONFIG=no "$@" BUILD="$asan" WARN=-w CFLAGS="-O0 -g1 $flags -DGRADC_MALLOC_EACH" \
  RT_CFLAGS="-O0 -g1 $flags" \
  objects "$asan/libgradc_rt.a"
find "$asan" -name '*.o' ! -path "$asan/driver/*" ! -path "$asan/runtime/*" | sort >"$asan/list"
rm -f "$asan/new.a" # another suite may be linking the old one
xargs ar rcs "$asan/new.a" <"$asan/list"
mv "$asan/new.a" "$asan/gradc.a"
full || exit 0
# shellcheck disable=SC2086  # flags
cc $flags -o "$asan/new" "$asan"/driver/*.o "$asan"/driver/*/*.o "$asan/gradc.a" "$build/embed.o" \
  "$build/libgradc_rt.a" -lm -ldl -lpthread
mv "$asan/new" "$asan/gradc"
