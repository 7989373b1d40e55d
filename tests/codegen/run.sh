#!/bin/sh
# run.sh GRADC BUILD: every op in generated C against the interpreter, bit for bit: portable by gcc and clang, with fusion
# on and off; native for this machine and without any instruction set, by 1 and 3 threads; with all floats of 64 bits. Then
# each element-wise op and reduction at the numbers where arithmetic changes (special.awk), fast mode included.
here=$(cd "$(dirname "$0")" && pwd); root=$here/../..
gradc=$(cd "$(dirname "$1")" && pwd)/$(basename "$1"); build=$(cd "$2" && pwd) || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
cd "$root" || exit 2
cc -std=gnu11 -O1 -Wall -Wextra -I. -o "$tmp/ccheck" tests/codegen/ccheck.c \
  $(ls "$build"/ir/*.o "$build"/frontend/*.o "$build"/passes/*.o "$build"/codegen/*.o "$build"/codegen/c/*.o) \
  "$build/embed.o" -lm || { echo "0 passed, 1 failed"; exit 1; }
clang=
command -v clang >/dev/null 2>&1 && clang="--cc=clang -O2"
pass=0; fail=0
files=$(ls tests/codegen/*.ir)
check() { # check OPTIONS...
  "$tmp/ccheck" "$@" $files >"$tmp/log" 2>&1
  line=$(tail -n 1 "$tmp/log")
  case $line in
    *passed*failed) grep -vE '^[0-9]+ passed' "$tmp/log" | head -n 40
                    p=${line%% *}; f=${line#*, }; pass=$((pass + p)); fail=$((fail + ${f%% *})) ;;
    *) tail -n 5 "$tmp/log"; fail=$((fail + 1)) ;;
  esac
}
check "--cc=gcc -O0" "--cc=gcc -O3" ${clang:+"$clang"}
check "--cc=gcc -O2" --isa=native
check "--cc=gcc -O1" --isa=generic
check "--cc=gcc -O1" --isa=native --f64
check "--cc=gcc -O1" --isa=generic --f64
[ -n "$clang" ] && check "$clang" --isa=native
files=$tmp/special.ir
types=; [ "${FULL:-}" = 1 ] || types="f32 bf16 i32 u32 bool"
"$gradc" ops --markdown | awk -v types="$types" -f tests/codegen/special.awk >"$files"
[ "$(grep -c '^graph' "$files")" -gt 250 ] || { fail=$((fail + 1)); echo "special.awk: too few graphs"; }
check --extreme "--cc=gcc -O1"
check --extreme "--cc=gcc -O1" --isa=native --fast
if [ "${FULL:-}" = 1 ]; then
  for isa in native generic; do
    check --extreme "--cc=gcc -O1" ${clang:+"$clang"} --isa=$isa
    check --extreme "--cc=gcc -O1" --isa=$isa --f64
  done
fi
# What no lane of a select needs is left out by a branch.
"$tmp/ccheck" --isa=generic --keep="$tmp/windows" tests/codegen/windows.ir >"$tmp/log"
if grep -q 'if (ok[0-9]* && ok[0-9]*) {' "$tmp/windows/windows.c"; then pass=$((pass + 1))
else echo "windows that hold no element are computed"; fail=$((fail + 1)); fi
echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
