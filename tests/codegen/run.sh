#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: every op in generated C against the interpreter, bit for bit: portable by gcc and clang, with
# fusion on and off; native for this machine and without any instruction set, by 1 and 3 threads; with all floats f64.
# Then each element-wise op and reduction at the edge cases of arithmetic (special.awk), fast mode included; names that
# could clash (names.sh); every class of kernel on every kind of operand (sweep.c). Without FULL=1 few compilers
# optimise.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
program ccheck tests/codegen/ccheck.c tests/codegen/ccheck_main.c || { counts; exit 1; }
clang=
command -v clang >/dev/null 2>&1 && clang="--cc=clang -O2"
plain="--cc=gcc -O0"; full && plain="--cc=gcc -O1"
files=$(ls tests/codegen/*.ir)
check_ir() { # check_ir OPTIONS...
  # shellcheck disable=SC2086  # several files
  tally "$*" "$tmp/ccheck" "$@" $files
}
if full; then
  check_ir "--cc=gcc -O3" ${clang:+"$clang"}
  check_ir "--cc=gcc -O2" ${clang:+"$clang"} --isa=native
  check_ir "--cc=gcc -O1" --isa=native --f64
else
  check_ir "--cc=gcc -O0"
  check_ir "--cc=gcc -O0" --isa=native
fi
# shellcheck disable=SC2046  # an option or none
check_ir "$plain" --isa=generic $(full || echo --fused)
files=$tmp/special.ir
types=; full || types="f32 bf16 i32 u32"
"$gradc" ops --markdown | awk -v types="$types" -f tests/codegen/special.awk >"$files"
[ "$(grep -c '^graph' "$files")" -gt 250 ] || fail "special.awk: too few graphs"
check_ir --extreme "$plain"
# shellcheck disable=SC2046  # an option or none
check_ir --extreme "--cc=gcc -O1" --isa=native --fast $(full || echo --fused)
if full; then
  check_ir --extreme "--cc=gcc -O1" ${clang:+"$clang"} --isa=native
  check_ir --extreme "--cc=gcc -O1" --isa=native --f64
fi
# A branch skips what no lane of a select needs.
"$tmp/ccheck" --isa=generic --keep="$tmp/windows" tests/codegen/windows.ir >"$tmp/log"
if grep -q 'if (ok[0-9]* && ok[0-9]*) {' "$tmp/windows/windows.c"; then pass
else fail "windows that hold no element are computed"; fi
. tests/codegen/names.sh
# Texts that one file of C can have together define no name twice.
definitions() { # definitions FILE...: NAME FILE of every function, type and macro that is ours
  for f in "$@"; do
    tr '\n' ' ' <"$f" | sed 's/\\n/ /g; s/"[[:space:]]*"//g' |
      grep -oE '(static|typedef (struct|union|enum)|GC_LINK|inline|#define) [^;{}()=]*\b(gc|GC)_[A-Za-z0-9_]+' |
      grep -oE '(gc|GC)_[A-Za-z0-9_]+$' | sort -u | sed "s|\$| $f|"
  done
}
definitions codegen/c/*.inc codegen/c/*.c codegen/text/*.c runtime/model.h >"$tmp/definitions"
[ "$(wc -l <"$tmp/definitions")" -gt 150 ] || fail "definitions of generated C: too few are found"
awk '{ file[$1] = file[$1] " " $2; n[$1]++ } END { for (k in n) if (n[k] > 1) print k ":" file[k] }' \
  "$tmp/definitions" >"$tmp/twice"
if [ -s "$tmp/twice" ]; then fail "defined in several texts of generated C: $(cat "$tmp/twice")"; else pass; fi
# Limits of scratch, which a form's code and its generated text both have, are the same numbers.
limit() { grep -oE "\b$2 = [^,}]*" "codegen/c/$1" | head -n 1 | sed 's/.* = //; s/,\{0,1\} *$//'; }
while read -r code name text its_name; do
  equal "$code: $name is $its_name" "$(limit "$code" "$name")" "$(limit "$text" "$its_name")"
  [ -n "$(limit "$code" "$name")" ] || fail "$code has no $name"
done <<'LIMITS'
conv_rows.c MAX_WEIGHTS conv_rows.inc GC_ROW_WEIGHTS
conv_rows.c MAX_SEGMENTS gemm.inc GC_SEGS
conv_weights.c MAX_SUMS conv_rows.inc GC_WEIGHT_SUMS
conv_weights.c MAX_ROWS conv_rows.inc GC_WEIGHT_ROWS
conv_depthwise.c MAX_ROWS conv_rows.inc GC_WEIGHT_ROWS
conv_pairs.c MAX_WEIGHTS conv_pairs.inc GC_PAIR_WEIGHTS
conv_pairs.c MAX_IMAGE conv_pairs.inc GC_PAIR_IMAGE
conv_pairs.c MAX_ROWS conv_pairs.inc GC_PAIR_LINES
conv_pairs.c TILE conv_pairs.inc GC_PAIR_PIXELS
conv_pairs.c STEP conv_pairs.inc GC_PAIR_STEP
conv_pairs.c TOGETHER conv_pairs.inc GC_PAIR_TOGETHER
weights_pairs.c IMAGE_FLOATS weights_pairs.inc GC_IMAGE_PAIRS
weights_pairs.c RIGHT_FLOATS weights_pairs.inc GC_RIGHT_PAIRS
weights_pairs.c MOST_TILES weights_pairs.inc GC_SUMS_PAIRS
weights_pairs.c MOST_TAPS weights_pairs.inc GC_TAPS_PAIRS
weights_pairs.c MOST_PHASES weights_pairs.inc GC_PHASES_PAIRS
weights_pairs.c MOST_LINES weights_pairs.inc GC_LINES_PAIRS
weights_pairs.c TILE_FLOATS weights_pairs.inc GC_TILE_PAIRS
LIMITS
# Every class of kernel on every kind of operand (sweep.c).
program sweep tests/codegen/sweep.c
sweep() { # sweep CLASSES SHARE SEED OPTIONS...: SHARE of a thousand
  files="$tmp/sweep.ir"
  "$tmp/sweep" "$1" "$2" "$3" >"$files"; shift 3
  check_ir --some "$@"
}
sweep all 1 1 --fused "--cc=gcc -O0" --isa=native
if full; then
  sweep all 2 2 "--cc=gcc -O1"
  sweep all 2 3 "--cc=gcc -O1" --isa=native
  sweep all 2 4 --fused "--cc=gcc -O1" --isa=generic
  sweep bounded 2 2 --fused "--cc=gcc -O2" --isa=native --bound
fi
counts
