#!/bin/sh
# run.sh GRADC BUILD: the tuned kernels of the native dialect against the interpreter. Without FULL=1 the forms of 16 bits
# have every other case, and clang compiles none of them.
here=$(cd "$(dirname "$0")" && pwd); root=$here/../..
build=$2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
cd "$root" || exit 2
objects=$(ls "$build"/ir/*.o "$build"/frontend/*.o "$build"/passes/*.o "$build"/codegen/*.o "$build"/codegen/c/*.o)
cc -std=gnu11 -O1 -Wall -Wextra -I. -o "$tmp/ncheck" tests/native/ncheck.c $objects "$build/embed.o" -lm || { echo "0 passed, 1 failed"; exit 1; }
pass=0; fail=0; BEFORE=
command -v clang >/dev/null 2>&1 && CLANG=yes
check() { # check CASES FORM FORM [OPTION...]: with operands of these forms
  awk -v a="$2" -v b="$3" -f tests/native/cases.awk "$1" > "$tmp/native.ir"
  shift 3
  "$tmp/ncheck" --dir="$tmp" "$@" "$tmp/native.ir" > "$tmp/log"
  grep -vE '^[0-9]+ passed' "$tmp/log" | head -n 40
  line=$(tail -n 1 "$tmp/log")
  p=${line%% *}; f=${line#*, }; f=${f%% *}
  case $line in *passed*) pass=$((pass + p)); fail=$((fail + f)) ;; *) echo "$line"; fail=$((fail + 1)) ;; esac
}
full() { [ "${FULL:-}" = 1 ]; }
some() { # some PARITY CASES...: every other line, or all
  full && parity=2 || parity=$1; shift
  awk -v parity="$parity" '/^#|^$/ || parity == 2 || NR % 2 == parity' "$@" >"$tmp/cases.txt"
}
few=; full || few=--gcc
for cases in tests/native/*.txt; do
  check "$cases" f32 f32 $few
  some 0 "$cases"; check "$tmp/cases.txt" bf16 as_bf16 --native $few
  some 1 "$cases"; check "$tmp/cases.txt" as_f16 f16 --native $few
done
# Shapes that begin or end a vector, a panel, an image.
shapes() { # shapes SEED SHARE FORM FORM OPTION...
  awk -v seed="$1" -v share="$2" -f tests/native/shapes.awk /dev/null >"$tmp/shapes.txt"; shift 2
  check "$tmp/shapes.txt" "$@"
}
shapes 1 4 as_f16 bf16 --native
if full; then
  seed=1
  for forms in "f32 f32" "bf16 as_bf16" "as_bf16 bf16" "bf16 bf16" "f16 as_f16" "as_f16 f16"; do
    seed=$((seed + 1))
    # shellcheck disable=SC2086  # two forms
    shapes $seed 30 $forms --native
  done
fi
# AMX: done by the processor, or, where it has only AVX512_BF16, by a handler of its instructions.
amx="-mamx-tile -mamx-bf16"
# shellcheck disable=SC2086  # several flags
if cc -march=native $amx -dM -E -x c /dev/null 2>/dev/null | grep -q AVX512BF16; then
  cc -std=gnu11 -O2 -Wall -Wextra -shared -fPIC -o "$tmp/amx.so" tests/native/amx.c -lm
  export AMX_LOG="$tmp/amx" BEFORE="env LD_PRELOAD=$tmp/amx.so"
  some 1 tests/native/contract.txt; check "$tmp/cases.txt" bf16 as_bf16 --fast --cflags="$amx"
  some 0 tests/native/conv.txt; check "$tmp/cases.txt" bf16 as_bf16 --fast --cflags="$amx"
  some 1 tests/native/conv.txt; check "$tmp/cases.txt" as_bf16 bf16 --fast --cflags="$amx"
  if [ -s "$tmp/amx" ] || grep -q amx_bf16 /proc/cpuinfo; then pass=$((pass + 1)); else fail=$((fail + 1)); echo "AMX was not used"; fi
fi
# Stored orders: exact training gives the same weights with them and without, however it is run.
gradc=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
hash_of() { sed -n 's/.*"weights_hash":"\([0-9a-f]*\)".*/\1/p' | tail -n 1; }
loss_of() { sed -n 's/.*"event":"done".*"loss":\([-+0-9.e]*\).*/\1/p' | tail -n 1; }
same() { # same WHAT HASH
  if [ -n "$2" ] && [ "$2" = "$want" ]; then pass=$((pass + 1)); else fail=$((fail + 1)); echo "$model: $1: $2, not $want"; fi
}
near() { # near LOSS LOSS [RELATIVE]
  if awk "BEGIN { d = $1 - $2; r = ${3:-1e-5}; exit !(d * d < r * r * $1 * $1) }"; then pass=$((pass + 1))
  else fail=$((fail + 1)); echo "$model: fast: loss $2, not $1"; fi
}
train() { dir=$model.$1; shift; "$tmp/model" train --run-dir "$tmp/$dir" --json "$@" 2>/dev/null; }
rows=$("$tmp/ncheck" --rows | sed 's/^/--isa=/')
[ -n "$rows" ] || { fail=$((fail + 1)); echo "no row of the machine table runs here"; }
# What compilers call processors has the vectors of its row, too.
case $rows in *avx2*)
  rows="$rows --isa=x86-64-v3"
  "$gradc" build --isa=haswell tests/native/panels.nn -o "$tmp/model"
  if objdump -d "$tmp/model" | grep -q 'vfmadd231ps.*%ymm.*%ymm.*%ymm'; then pass=$((pass + 1))
  else fail=$((fail + 1)); echo "--isa=haswell: no vectors of 256 bits"; fi ;;
esac
for model in panels scans; do
  nn=tests/native/$model.nn
  "$gradc" build --fp=strict --no-layout "$nn" -o "$tmp/model"
  train rows > "$tmp/rows"
  want=$(hash_of < "$tmp/rows")
  "$gradc" build --fp=strict "$nn" -o "$tmp/model"
  for n in 1 2 3 4; do same "$n threads" "$(train "threads$n" --threads "$n" | hash_of)"; done
  train resumed --stop-at 3 >/dev/null
  same resumed "$(train resumed --resume | hash_of)"
  full || [ $model = panels ] || rows=--isa=generic
  for how in $rows --no-fuse --no-memory ${CLANG:+--cc=clang}; do
    "$gradc" build --fp=strict "$how" "$nn" -o "$tmp/model"
    same "$how" "$(train "run$how" | hash_of)"
  done
  "$gradc" build "$nn" -o "$tmp/model"
  near "$(loss_of < "$tmp/rows")" "$(train fast | loss_of)"
done

model=constant_gradient
for how in --no-layout ""; do
  # shellcheck disable=SC2086  # an option or none
  "$gradc" build --fp=strict $how tests/native/$model.nn -o "$tmp/model"
  if [ -n "$how" ]; then want=$(train "rows" | hash_of); else same panels "$(train panels | hash_of)"; fi
  rm -f "$tmp/model"
done

# 16 bits beside all else that changes a step: exact, too, and the loss is that of f32. From a scale of 2^40 on, steps of
# f16 update nothing until no gradient overflows; a run that stops in their midst goes on as if it had not.
mixed() { # mixed PRECISION OPTION...
  sed "s/^train {/train { precision = $1;/" tests/native/mixed.nn >"$tmp/mixed.nn"; shift
  "$gradc" build "$@" "$tmp/mixed.nn" -o "$tmp/model"
}
model=mixed
mixed f32
plain=$(train f32 | loss_of)
for precision in bf16 "f16(scale = 2 ** 40)"; do
  case $precision in bf16) ;; *) model=scaled ;; esac
  mixed "$precision" --fp=strict --no-layout
  train rows >"$tmp/rows"
  want=$(hash_of <"$tmp/rows")
  for how in "" --isa=generic --no-fuse "--no-recompute --no-checkpoint"; do
    # shellcheck disable=SC2086  # several options
    mixed "$precision" --fp=strict $how
    same "$how" "$(train "run${how%% *}" | hash_of)"
  done
  for n in 1 2 3 4; do same "$n threads" "$(train "threads$n" --threads "$n" | hash_of)"; done
  train resumed --stop-at 3 >/dev/null
  same resumed "$(train resumed --resume | hash_of)"
  mixed "${precision%%(*}"
  near "$plain" "$(train fast | loss_of)" 0.01
done
if [ -n "$BEFORE" ]; then # AMX, by several threads
  mixed bf16 ${CLANG:+--cc=clang} --cflags="$amx"
  near "$plain" "$($BEFORE "$tmp/model" train --run-dir "$tmp/amx.run" --json --threads 2 2>/dev/null | loss_of)" 0.01
fi
case $(cat "$tmp/rows") in
*'"skipped_steps":21,"loss_scale":524288,'*) pass=$((pass + 1)) ;;
*) fail=$((fail + 1)); echo "skipped steps: $(tail -n 1 "$tmp/rows")" ;;
esac
if awk -F, -v n=0 'NR > 1 && $2 - $2 != 0 { n++ } END { exit n > 0 }' "$tmp/scaled.rows/metrics.csv"; then pass=$((pass + 1))
else fail=$((fail + 1)); echo "the loss of a step that updated nothing is not finite"; fi

# Gradients that overflow in one pass of a step leave weights and states as they were; any other step changes them.
model=overflow
"$gradc" build --fp=strict tests/native/overflow.nn -o "$tmp/model"
for k in $(seq 30); do train "$k" --stop-at "$k" | tail -n 1; done |
  sed 's/.*"skipped_steps":\([0-9]*\).*"weights_hash":"\([0-9a-f]*\)".*/\1 \2/' >"$tmp/steps"
if awk 'NR > 1 && ($1 == skipped) == ($2 == hash) { n++ } { skipped = $1; hash = $2 } END { exit n || NR < 30 || $1 < 6 }' \
  "$tmp/steps"; then pass=$((pass + 1)); else fail=$((fail + 1)); echo "skipped steps and hashes:"; cat "$tmp/steps"; fi
loss=$(train whole | loss_of)
if awk "BEGIN { exit !($loss < 0.05) }"; then pass=$((pass + 1)); else fail=$((fail + 1)); echo "overflow: the loss is $loss"; fi
# Where every step overflows training ends, once the scale has fallen to nothing.
sed 's/1e30, 1)/1e30, 1e30)/' tests/native/overflow.nn >"$tmp/hopeless.nn"
"$gradc" build "$tmp/hopeless.nn" -o "$tmp/model"
"$tmp/model" train --run-dir "$tmp/hopeless" >"$tmp/log" 2>&1
if [ $? -eq 6 ] && grep -q 'E0670.*in step 41 .*however small the loss is scaled: the scale is' "$tmp/log"; then pass=$((pass + 1))
else fail=$((fail + 1)); cat "$tmp/log"; fi

echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
