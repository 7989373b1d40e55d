#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: the tuned kernels of the native dialect against the interpreter, then training with everything
# that changes how a step is computed. Without FULL=1 the 16-bit forms have a sixth of the cases, clang compiles none
# of them, and compilers optimise less, of whole models not at all.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
program ncheck tests/native/ncheck.c || { counts; exit 1; }
BEFORE=; quick=; light=
full || { quick=--quick; light=--cflags=-O0; }
command -v clang >/dev/null 2>&1 && CLANG=yes
cases() { # cases FILE FORM FORM [OPTION...]: with operands of these forms
  awk -v a="$2" -v b="$3" -f tests/native/cases.awk "$1" > "$tmp/native.ir"
  what="$*"; shift 3
  # shellcheck disable=SC2086  # an option or none
  tally "$what" "$tmp/ncheck" --dir="$tmp" $quick "$@" "$tmp/native.ir"
}
some() { # some NUMBER FILE: every sixth line from that one on, or with FULL=1 all of them
  full && share=1 || share=6
  awk -v share=$share -v number="$1" '/^#|^$/ || NR % share == number % share' "$2" >"$tmp/cases.txt"
}
for file in tests/native/*.txt; do
  cases "$file" f32 f32
  some 0 "$file"; cases "$tmp/cases.txt" bf16 as_bf16 --native
  some 1 "$file"; cases "$tmp/cases.txt" as_f16 f16 --native
done
# Rows that threads partition by chunks.
tally rows "$tmp/ncheck" --dir="$tmp" $quick tests/native/rows.ir
# Images channels-last: gradients by the weights of depthwise and grouped convolutions in 16 bits.
cases tests/native/depthwise.list copied_bf16 copied_bf16
cases tests/native/depthwise.list last_as_f16 copied_f16 --native
cases tests/native/depthwise.list last_bf16 last_f16 --native
# Images channels-last, in f32.
some 0 tests/native/conv.txt; cases "$tmp/cases.txt" copied copied --fast
cases tests/native/rows_f32.list copied copied --fast
# Gradients by the weights that threads partition by chunks of images.
cases tests/native/weights.list copied copied --fast
# The same of groups, and of gradients by the weights of strided ones, which have tiles of their own.
awk '/^#/ || $10 > 1 || ($1 == "conv_dw" && $7 ~ /[2-9]$/)' tests/native/conv.txt >"$tmp/cases.txt"
cases "$tmp/cases.txt" copied copied --fast
# Shapes at the edges of a vector, a panel, an image.
shapes() { # shapes SEED SHARE FORM FORM OPTION...
  awk -v seed="$1" -v share="$2" -f tests/native/shapes.awk /dev/null >"$tmp/shapes.txt"; shift 2
  cases "$tmp/shapes.txt" "$@"
}
shapes 1 4 as_f16 bf16 --native
if full; then
  seed=1
  for forms in "f32 f32" "bf16 as_bf16" "as_bf16 bf16" "bf16 bf16" "f16 as_f16" "as_f16 f16"; do
    seed=$((seed + 1))
    # shellcheck disable=SC2086  # two forms
    shapes $seed 15 $forms --native
  done
fi
# AMX: by the processor, or, where it has only AVX512_BF16, by a signal handler that emulates its instructions.
amx="-mamx-tile -mamx-bf16"
# shellcheck disable=SC2086  # several flags
if cc -march=native $amx -dM -E -x c /dev/null 2>/dev/null | grep -q AVX512BF16; then
  # Without AMX: dot products of pairs in tiles of vectors.
  cases tests/native/rows_bf16.list copied_bf16 as_bf16 --fast --native
  check "rows of pairs have tiles" grep -q 'gc_pair_conv.*_tile' "$tmp/prog.c"
  cases tests/native/weights_bf16.list copied_bf16 copied_as_bf16 --fast --native
  check "gradients by the weights have vectors" grep -q 'vectors = 1' "$tmp/prog.c"
  cc -std=gnu11 -O2 -Wall -Wextra -shared -fPIC -o "$tmp/amx.so" tests/native/amx.c -lm
  export AMX_LOG="$tmp/amx" BEFORE="env LD_PRELOAD=$tmp/amx.so"
  some 2 tests/native/contract.txt; cases "$tmp/cases.txt" bf16 as_bf16 --fast --cflags="$amx"
  cases tests/native/contract_amx.list bf16 as_bf16 --fast --cflags="$amx"
  full && cases tests/native/contract_amx.list bf16 bf16 --fast --cflags="$amx"
  some 3 tests/native/conv.txt; cases "$tmp/cases.txt" bf16 as_bf16 --fast --cflags="$amx"
  some 1 tests/native/conv.txt; cases "$tmp/cases.txt" as_bf16 bf16 --fast --cflags="$amx"
  # Images channels-last.
  cases tests/native/rows_bf16.list copied_bf16 as_bf16 --fast --cflags="$amx"
  cases tests/native/rows_bf16.list copied_as_bf16 bf16 --fast --cflags="$amx"
  # shellcheck disable=SC2086  # an option or none
  tally "attention of bf16" "$tmp/ncheck" --dir="$tmp" $quick --fast --cflags="$amx" tests/native/attend_bf16.ir
  # Gradients by the weights, of images that are stored channels-last.
  cases tests/native/weights_bf16.list copied_bf16 copied_as_bf16 --fast --cflags="$amx"
  check "gradients by the weights have AMX tiles" grep -q 'if (!gc_sum_weights_pairs(&w' "$tmp/prog.c"
  full && cases tests/native/weights_bf16.list copied_as_bf16 copied_bf16 --fast --cflags="$amx"
  if [ -s "$tmp/amx" ] || grep -q amx_bf16 /proc/cpuinfo; then pass; else fail "AMX is not used"; fi
fi
# Stored orders: strict training gives the same weights with and without them, however it runs.
want=
same() { equal "$model: $1" "${2:-none}" "$want"; } # same WHAT HASH
train() { dir=$model.$1; shift; "$tmp/model" train --run-dir "$tmp/$dir" --json "$@" 2>/dev/null; }
strict() { # strict MODEL.nn [OPTION...]: builds $tmp/model; without FULL=1 by a compiler that does not optimise
  # shellcheck disable=SC2086  # an option or none
  "$gradc" build --fp=strict $light "$@" -o "$tmp/model"
}
all_threads() { for n in 1 2 3 4; do same "$n threads" "$(train "threads$n" --threads "$n" | hash_of)"; done; }
resumed() {
  train resumed --stop-at 3 >/dev/null
  same resumed "$(train resumed --resume | hash_of)"
}
rows=$("$tmp/ncheck" --rows | sed 's/^/--isa=/')
[ -n "$rows" ] || fail "no row of the machine table runs here"
# Names of processors, as compilers have them, select the vectors of their row, too.
case $rows in *avx2*)
  rows="$rows --isa=x86-64-v3"
  "$gradc" build --isa=haswell tests/native/panels.nn -o "$tmp/model"
  if objdump -d "$tmp/model" | grep -q 'vfmadd231ps.*%ymm.*%ymm.*%ymm'; then pass; else
    fail "--isa=haswell: no vectors of 256 bits"
  fi ;;
esac
quick_cc
# The prebuilt GEMM unit has a level of its own: other levels do not compile it again, other flags do.
mkdir "$tmp/logging"
printf '#!/bin/sh\necho "$@" >>"%s"\nexec cc "$@"\n' "$tmp/logged" >"$tmp/logging/cc"
chmod +x "$tmp/logging/cc"
for flags in -O0 $(full && echo -g0); do
  : >"$tmp/logged"
  "$gradc" build --cc="$tmp/logging/cc" --cflags="$flags" tests/native/panels.nn -o "$tmp/model"
  [ "$flags" = -O0 ] && want=0 || want=1
  equal "GEMM units compiled with $flags" "$(grep -c 'gemm\.c' "$tmp/logged")" $want
done
for model in panels scans; do
  nn=tests/native/$model.nn
  strict --no-layout "$nn"
  train rows > "$tmp/rows"
  want=$(hash_of < "$tmp/rows")
  strict "$nn"
  all_threads
  resumed
  ways="$rows --no-fuse --no-memory ${CLANG:+--cc=clang}"
  full || case $model in panels) ways="$rows ${CLANG:+--cc=clang}" ;; *) ways="--isa=generic --no-fuse" ;; esac
  for way in $ways; do
    strict "$way" "$nn"
    same "$way" "$(train "run$way" | hash_of)"
  done
  "$gradc" build "$nn" -o "$tmp/model"
  near "$model: fast" "$(train fast | loss_of)" "$(loss_of < "$tmp/rows")"
done

model=constant_gradient
strict --no-layout tests/native/$model.nn
want=$(train rows | hash_of)
strict tests/native/$model.nn
same panels "$(train panels | hash_of)"

# 16 bits together with everything else that changes a step: also strict, and the loss is that of f32. With a scale of
# 2^40 the first steps of f16 overflow and update nothing; a run that stops among them resumes to the same weights.
mixed() { # mixed PRECISION: writes the model
  sed "s/^train {/train { precision = $1;/" tests/native/mixed.nn >"$tmp/mixed.nn"
}
model=mixed
mixed f32
"$gradc" build "$tmp/mixed.nn" -o "$tmp/model"
plain=$(train f32 | loss_of)
for precision in bf16 "f16(scale = 2 ** 40)"; do
  case $precision in
  bf16) ways=--isa=generic ;;
  *) model=scaled; ways="--no-fuse --no-recompute,--no-checkpoint" ;;
  esac
  full && ways="--isa=generic --no-fuse --no-recompute,--no-checkpoint"
  mixed "$precision"
  strict --no-layout "$tmp/mixed.nn"
  train rows >"$tmp/rows"
  want=$(hash_of <"$tmp/rows")
  for way in $ways ""; do
    # shellcheck disable=SC2046  # several options
    strict $(echo "$way" | tr , ' ') "$tmp/mixed.nn"
    same "${way:-default}" "$(train "run$way" | hash_of)"
  done
  all_threads
  resumed
  mixed "${precision%%(*}" # at the usual scale no step is skipped
  "$gradc" build "$tmp/mixed.nn" -o "$tmp/model"
  near "$model: fast" "$(train fast | loss_of)" "$plain" 0.01
done
if [ -n "$BEFORE" ]; then # AMX, by several threads
  mixed bf16
  "$gradc" build ${CLANG:+--cc=clang} --cflags="$amx${light:+ -O0}" "$tmp/mixed.nn" -o "$tmp/model"
  near "$model: AMX" \
    "$($BEFORE "$tmp/model" train --run-dir "$tmp/amx.run" --json --threads 2 2>/dev/null | loss_of)" \
    "$plain" 0.01
fi
case $(cat "$tmp/rows") in
*'"skipped_steps":21,"loss_scale":524288,'*) pass ;;
*) fail "skipped steps: $(tail -n 1 "$tmp/rows")" ;;
esac
check "the loss of a skipped step is finite" awk -F, -v n=0 'NR > 1 && $2 - $2 != 0 { n++ } END { exit n > 0 }' \
  "$tmp/scaled.rows/metrics.csv"

# A step with an overflowing gradient in one microbatch changes no weight or state; any other step does.
model=overflow
strict tests/native/overflow.nn
for k in $(seq 30); do train "$k" --stop-at "$k" | tail -n 1; done |
  sed 's/.*"skipped_steps":\([0-9]*\).*"weights_hash":"\([0-9a-f]*\)".*/\1 \2/' >"$tmp/steps"
if awk 'NR > 1 && ($1 == skipped) == ($2 == hash) { n++ } { skipped = $1; hash = $2 }
  END { exit n || NR < 30 || $1 < 6 }' \
  "$tmp/steps"; then pass; else fail "skipped steps and hashes: $(cat "$tmp/steps")"; fi
loss=$(train complete | loss_of)
if awk "BEGIN { exit !(${loss:-1} < 0.05) }"; then pass; else fail "overflow: the loss is $loss"; fi
# If every step overflows, training ends when the scale underflows.
sed 's/1e30, 1)/1e30, 1e30)/' tests/native/overflow.nn >"$tmp/hopeless.nn"
# shellcheck disable=SC2086  # an option or none
"$gradc" build $light "$tmp/hopeless.nn" -o "$tmp/model"
"$tmp/model" train --run-dir "$tmp/hopeless" >"$tmp/log" 2>&1
if [ $? -eq 6 ] && grep -q 'E0670.*in step 41 .*however small the loss is scaled: the scale is' "$tmp/log"; then pass
else fail "a loss that never is finite: $(cat "$tmp/log")"; fi
counts
