#!/bin/sh
# run.sh GRADC BUILD: the tuned kernels of the native dialect against the interpreter.
here=$(cd "$(dirname "$0")" && pwd); root=$here/../..
build=$2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
cd "$root" || exit 2
objects=$(ls "$build"/ir/*.o "$build"/frontend/*.o "$build"/passes/*.o "$build"/codegen/*.o "$build"/codegen/c/*.o)
cc -std=gnu11 -O1 -Wall -Wextra -I. -o "$tmp/ncheck" tests/native/ncheck.c $objects "$build/embed.o" -lm || { echo "0 passed, 1 failed"; exit 1; }
pass=0; fail=0
command -v clang >/dev/null 2>&1 && CLANG=yes
for cases in tests/native/*.txt; do
  awk -f tests/native/cases.awk "$cases" > "$tmp/native.ir"
  "$tmp/ncheck" --dir="$tmp" "$tmp/native.ir" > "$tmp/log"
  grep -vE '^[0-9]+ passed' "$tmp/log" | head -n 40
  line=$(tail -n 1 "$tmp/log")
  p=${line%% *}; f=${line#*, }; f=${f%% *}
  case $line in *passed*) pass=$((pass + p)); fail=$((fail + f)) ;; *) echo "$line"; fail=$((fail + 1)) ;; esac
done
# Stored orders: exact training gives the same weights with them and without, however it is run.
gradc=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
hash_of() { sed -n 's/.*"weights_hash":"\([0-9a-f]*\)".*/\1/p' | tail -n 1; }
loss_of() { sed -n 's/.*"event":"done".*"loss":\([-+0-9.e]*\).*/\1/p' | tail -n 1; }
same() { # same WHAT HASH
  if [ -n "$2" ] && [ "$2" = "$want" ]; then pass=$((pass + 1)); else fail=$((fail + 1)); echo "$model: $1: $2, not $want"; fi
}
near() { # near LOSS LOSS
  if awk "BEGIN { d = $1 - $2; exit !(d * d < 1e-10 * $1 * $1) }"; then pass=$((pass + 1))
  else fail=$((fail + 1)); echo "$model: fast: loss $2, not $1"; fi
}
train() { dir=$model.$1; shift; "$tmp/model" train --run-dir "$tmp/$dir" --json "$@" 2>/dev/null; }
rows=$("$tmp/ncheck" --rows | sed 's/^/--isa=/')
[ -n "$rows" ] || { fail=$((fail + 1)); echo "no row of the machine table runs here"; }
for model in panels scans; do
  nn=tests/native/$model.nn
  "$gradc" build --fp=strict --no-layout "$nn" -o "$tmp/model"
  train rows > "$tmp/rows"
  want=$(hash_of < "$tmp/rows")
  "$gradc" build --fp=strict "$nn" -o "$tmp/model"
  for n in 1 2 3 4; do same "$n threads" "$(train "threads$n" --threads "$n" | hash_of)"; done
  train resumed --stop-at 3 >/dev/null
  same resumed "$(train resumed --resume | hash_of)"
  for how in $rows --no-fuse --no-memory ${CLANG:+--cc=clang}; do
    "$gradc" build --fp=strict "$how" "$nn" -o "$tmp/model"
    same "$how" "$(train "run$how" | hash_of)"
  done
  "$gradc" build "$nn" -o "$tmp/model"
  near "$(loss_of < "$tmp/rows")" "$(train fast | loss_of)"
done

echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
