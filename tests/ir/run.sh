#!/bin/sh
# The IR text: fixpoint, refusals, mutations; with the sanitizers and one malloc an object.
here=$(cd "$(dirname "$0")" && pwd); root=$here/../..; out=$2/tests; mkdir -p "$out"
cd "$root" && cc -std=gnu11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -DGRADC_MALLOC_EACH -I. \
  -o "$out/text_test" tests/ir/text_test.c ir/*.c passes/*.c -lm && "$out/text_test" tests/ir/*.ir
