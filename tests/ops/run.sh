#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: the ops. Accuracy of prim.h, vectors against scalars, shape rules, evaluation, the interpreter
# (with the sanitizers). Without FULL=1 fewer arguments of each function.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
cc=${CC:-cc}; flags="-std=gnu11 -Wall -Wextra -Wno-psabi -ffp-contract=off"; out=$tmp
if full; then stride=1009 fast=4099 half=101; else stride=8009 fast=16411 half=401; fi # primes: all low bits
note() { if [ "$2" -eq 0 ]; then pass; else fail "$1"; fi; } # note WHAT STATUS

# Outside of ir/ code reads an op's row, not its name. Names are only in patterns of rewrites, in autodiff's expansion
# of grad and jvp, in kernels for leaves, and in three exceptions: planning of variables, tuned kernels, forms of ONNX.
named=$(grep -rnE '\bOP_[a-z]' frontend passes codegen export driver | grep -vE \
  '^(passes/([a-z]*/)?(rewrite_[a-z]*|affine|autodiff|cycles)|codegen/(kernel|kernel_value|gemm_[a-z]*))\.c:' |
  grep -v '^export/forms\.c:')
[ -z "$named" ] || printf '%s\n' "$named"
note "ops are asked by their rows" "$([ -z "$named" ]; echo $?)"

# The portable dialect includes prim.h unchanged: no warning, and no undefined symbol.
for c in gcc clang; do
  command -v $c >/dev/null || continue
  for o in 0 3; do
    $c -std=c99 -Wall -Wextra -pedantic -ffreestanding -nostdlib -Werror -O$o -c -DSCALAR_ONLY -x c tests/ops/prim.h \
      -o "$out/prim.o" && [ -z "$(nm -u "$out/prim.o")" ]
    note "prim.h as C99 by $c -O$o" $?
  done
done
$cc $flags -O2 -DSCALAR_ONLY -o "$out/prim_accuracy" tests/ops/prim_accuracy.c -lm && "$out/prim_accuracy" $stride
note "prim accuracy" $?
for arch in "" -march=native; do
  $cc $flags -O2 $arch -o "$out/prim_vector" tests/ops/prim_vector.c && "$out/prim_vector"
  note "prim vector $arch" $?
  $cc $flags -O2 $arch -o "$out/prim_half" tests/ops/prim_half.c -lm && "$out/prim_half" $half
  note "floats of 16 bits $arch" $?
done
# In the fast mode products may be contracted: the same bounds hold.
$cc -std=gnu11 -O2 -march=native -ffp-contract=fast -DPRIM_BY_FLAGS -DSCALAR_ONLY \
  -o "$out/prim_fast" tests/ops/prim_accuracy.c -lm &&
  "$out/prim_fast" $fast >"$out/prim_fast.txt" || cat "$out/prim_fast.txt"
note "prim accuracy with FMA" $?

sh tests/asan.sh "$build" || fail "the sanitized archive is not built"
sanitized ops tests/ops/main.c tests/ops/elem.c tests/ops/view.c tests/ops/reduce.c tests/ops/contract.c \
  tests/ops/attend.c tests/ops/rules.c tests/ops/interp.c &&
  tally ops "$tmp/ops"
counts
