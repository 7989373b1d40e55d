#!/bin/sh
# The ops: accuracy of prim.h, vectors against scalars, shape rules, evaluation, the interpreter (with the sanitizers).
# Last line: "N passed, N failed".
here=$(cd "$(dirname "$0")" && pwd); root=$here/../..; out=$2/tests; mkdir -p "$out"
cd "$root" || exit 2
cc=${CC:-cc}; flags="-std=gnu11 -Wall -Wextra -Wno-psabi -ffp-contract=off"
pass=0; fail=0
note() { if [ "$2" -eq 0 ]; then pass=$((pass + 1)); else fail=$((fail + 1)); echo "FAIL $1"; fi; }

# Outside of ir/ an op is asked by its row. Its name stands in patterns of rewrites, where autodiff expands grad and jvp,
# where kernels say what a leaf is, and in what is still to mend: planning of variables, tuned kernels.
named=$(grep -nE '\bOP_[a-z]' frontend/* passes/* codegen/*.[ch] codegen/c/* driver/* | grep -vE \
  '^(passes/(rewrite_[a-z]*|autodiff|memory|order_state)|codegen/(kernel|kernel_value)|codegen/c/native_[a-z]*)\.c:')
[ -z "$named" ] || printf '%s\n' "$named"
note "ops are asked by their rows" "$([ -z "$named" ]; echo $?)"

# The portable dialect takes prim.h as it is: nothing but silence, and no symbol left open.
for c in gcc clang; do
  command -v $c >/dev/null || continue
  for o in 0 3; do
    $c -std=c99 -Wall -Wextra -pedantic -ffreestanding -nostdlib -Werror -O$o -c -DSCALAR_ONLY -x c tests/ops/prim.h \
      -o "$out/prim.o" && [ -z "$(nm -u "$out/prim.o")" ]
    note "prim.h as C99 by $c -O$o" $?
  done
done
$cc $flags -O2 -DSCALAR_ONLY -o "$out/prim_accuracy" tests/ops/prim_accuracy.c -lm && "$out/prim_accuracy" 1009
note "prim accuracy" $?
for arch in "" -march=native; do
  $cc $flags -O2 $arch -o "$out/prim_vector" tests/ops/prim_vector.c && "$out/prim_vector"
  note "prim vector $arch" $?
  $cc $flags -O2 $arch -o "$out/prim_half" tests/ops/prim_half.c -lm && "$out/prim_half" 101
  note "floats of 16 bits $arch" $?
done
# In the fast mode products may be contracted: the same bounds hold.
$cc -std=gnu11 -O2 -march=native -ffp-contract=fast -DPRIM_BY_FLAGS -DSCALAR_ONLY -o "$out/prim_fast" tests/ops/prim_accuracy.c -lm &&
  "$out/prim_fast" >"$out/prim_fast.txt" || cat "$out/prim_fast.txt"
note "prim accuracy with FMA" $?

sh tests/asan.sh "$2"
$cc $flags -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -I. -o "$out/ops" \
  tests/ops/main.c tests/ops/elem.c tests/ops/view.c tests/ops/reduce.c tests/ops/sums.c tests/ops/rules.c tests/ops/interp.c \
  "$2/tests/asan/gradc.a" -lm
line=$("$out/ops" | tee /dev/stderr | tail -n 1)
p=$(echo "$line" | sed -n 's/.* \([0-9]*\) passed.*/\1/p'); f=$(echo "$line" | sed -n 's/.* \([0-9]*\) failed.*/\1/p')
pass=$((pass + ${p:-0})); fail=$((fail + ${f:-1}))
echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
