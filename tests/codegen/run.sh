#!/bin/sh
# run.sh GRADC BUILD: every op in generated C against the interpreter, bit for bit: portable by gcc and clang, with fusion
# on and off; native for this machine and without any instruction set, by 1 and 3 threads; with all floats of 64 bits.
# Then each element-wise op and reduction at the numbers where arithmetic changes (special.awk), fast mode included. Last, names
# that could meet (names.sh).
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
cc -std=gnu11 -O1 -Wall -Wextra -I. -o "$tmp/ccheck" tests/codegen/ccheck.c \
  $(ls "$build"/ir/*.o "$build"/frontend/*.o "$build"/passes/*.o "$build"/codegen/*.o "$build"/codegen/c/*.o) \
  "$build/embed.o" -lm || { echo "0 passed, 1 failed"; exit 1; }
clang=
command -v clang >/dev/null 2>&1 && clang="--cc=clang -O2"
files=$(ls tests/codegen/*.ir)
check_ir() { # check_ir OPTIONS...
  "$tmp/ccheck" "$@" $files >"$tmp/log" 2>&1
  line=$(tail -n 1 "$tmp/log")
  case $line in
    *passed*failed) grep -vE '^[0-9]+ passed' "$tmp/log" | head -n 40
                    p=${line%% *}; f=${line#*, }; passed=$((passed + p)); failed=$((failed + ${f%% *})) ;;
    *) fail "$* $(tail -n 5 "$tmp/log")" ;;
  esac
}
if full; then
  check_ir "--cc=gcc -O0" "--cc=gcc -O3" ${clang:+"$clang"}
  check_ir "--cc=gcc -O2" ${clang:+"$clang"} --isa=native
  check_ir "--cc=gcc -O1" --isa=generic --f64
else
  check_ir "--cc=gcc -O0"
  check_ir "--cc=gcc -O1" --isa=native
fi
check_ir "--cc=gcc -O1" --isa=generic
check_ir "--cc=gcc -O1" --isa=native --f64
files=$tmp/special.ir
types=; full || types="f32 bf16 i32 u32 bool"
"$gradc" ops --markdown | awk -v types="$types" -f tests/codegen/special.awk >"$files"
[ "$(grep -c '^graph' "$files")" -gt 250 ] || fail "special.awk: too few graphs"
check_ir --extreme "--cc=gcc -O1"
check_ir --extreme "--cc=gcc -O1" --isa=native --fast
if full; then
  for isa in native generic; do
    check_ir --extreme "--cc=gcc -O1" ${clang:+"$clang"} --isa=$isa
    check_ir --extreme "--cc=gcc -O1" --isa=$isa --f64
  done
fi
# What no lane of a select needs is left out by a branch.
"$tmp/ccheck" --isa=generic --keep="$tmp/windows" tests/codegen/windows.ir >"$tmp/log"
if grep -q 'if (ok[0-9]* && ok[0-9]*) {' "$tmp/windows/windows.c"; then pass
else fail "windows that hold no element are computed"; fi
. tests/codegen/names.sh
# Every class of kernel on every kind of operand (sweep.c).
cc -std=gnu11 -O1 -Wall -Wextra -I. -o "$tmp/sweep" tests/codegen/sweep.c "$build"/ir/*.o "$build"/passes/*.o -lm || fail sweep.c
sweep() { # sweep CLASSES SHARE SEED OPTIONS...
  files="$tmp/sweep.ir"
  "$tmp/sweep" "$1" "$2" "$3" >"$files"; shift 3
  check_ir --some "$@"
}
sweep all 1 1 --fused "--cc=gcc -O0" --isa=native
if full; then
  for seed in 2 3 4; do
    sweep all 2 $seed "--cc=gcc -O1"
    sweep all 2 $seed "--cc=gcc -O1" --isa=native
    sweep all 2 $seed --fused "--cc=gcc -O1" --isa=generic
    sweep bounded 2 $seed --fused "--cc=gcc -O2" --isa=native --bound
  done
fi
counts
