#!/bin/sh
# run.sh GRADC BUILD: the tuned kernels of the native dialect against the interpreter.
here=$(cd "$(dirname "$0")" && pwd); root=$here/../..
build=$2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
cd "$root" || exit 2
objects=$(ls "$build"/ir/*.o "$build"/frontend/*.o "$build"/passes/*.o "$build"/codegen/*.o "$build"/codegen/c/*.o)
cc -std=gnu11 -O1 -Wall -Wextra -I. -o "$tmp/ncheck" tests/native/ncheck.c $objects -lm || { echo "0 passed, 1 failed"; exit 1; }
pass=0; fail=0
for cases in tests/native/*.txt; do
  awk -f tests/native/cases.awk "$cases" > "$tmp/native.ir"
  "$tmp/ncheck" --dir="$tmp" "$tmp/native.ir" > "$tmp/log"
  grep -vE '^[0-9]+ passed' "$tmp/log" | head -n 40
  line=$(tail -n 1 "$tmp/log")
  p=${line%% *}; f=${line#*, }; f=${f%% *}
  case $line in *passed*) pass=$((pass + p)); fail=$((fail + f)) ;; *) echo "$line"; fail=$((fail + 1)) ;; esac
done
echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
