#!/bin/sh
# The IR text: fixpoint, refusals, mutations; with the sanitizers and one malloc an object.
here=$(cd "$(dirname "$0")" && pwd); root=$here/../..; out=$2/tests; mkdir -p "$out"
cd "$root" && sh tests/asan.sh "$2" &&
  cc -std=gnu11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -I. -o "$out/text_test" tests/ir/text_test.c \
    "$out/asan/gradc.a" -lm && "$out/text_test" tests/ir/*.ir
