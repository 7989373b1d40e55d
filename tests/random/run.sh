#!/bin/sh
# run.sh GRADC BUILD: random graphs, see main.c. FIRST, COUNT, C and NATIVE choose the first seed and how many graphs go
# through the interpreter, the portable C and the native C: `COUNT=100000 FIRST=7 sh tests/random/run.sh gradc build`.
here=$(cd "$(dirname "$0")" && pwd); root=$(cd "$here/../.." && pwd)
build=$(cd "$2" && pwd) || exit 2
cd "$root" || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
first=${FIRST:-1}; count=${COUNT:-2000}; portable=${C:-200}; native=${NATIVE:-40}; unit=40
sh tests/random/build.sh "$build" "$tmp/random" || { echo "0 passed, 1 failed"; exit 1; }

sanitize="gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all"
interpret() { # half of the graphs, in the background
  "$tmp/random" check "$first" $((count / 2)) >"$tmp/log.1" 2>&1
}
units() { # units KIND N CC
  n=0
  while [ $n -lt "$2" ]; do
    mkdir -p "$tmp/$1"
    "$tmp/random" "$1" $((first + n)) $unit "$3" "$tmp/$1" >>"$tmp/log.$1" 2>&1
    n=$((n + unit))
  done
}
(interpret; units native "$native" "gcc -O1 -g") & half=$!
"$tmp/random" check $((first + count / 2)) $((count - count / 2)) >"$tmp/log.2" 2>&1
units c "$portable" "$sanitize"
wait $half
for ir in tests/random/found/*.ir; do # graphs that failed once: with all passes on (1), and some off (3)
  for seed in 1 3; do
    "$tmp/random" file "$ir" $seed >>"$tmp/log.found" 2>&1
    for kind in c native; do
      "$tmp/random" file "$ir" $seed $kind "gcc -O1" "$tmp/$kind" >>"$tmp/log.found" 2>&1
    done
  done
done
pass=0; fail=0
for log in "$tmp"/log.*; do
  grep -vE '^$|^[0-9]+ passed' "$log"
  pass=$((pass + $(sed -n 's/^\([0-9]*\) passed.*/\1/p' "$log" | awk '{s += $1} END {print s + 0}')))
  bad=$(sed -n 's/^[0-9]* passed, \([0-9]*\) failed$/\1/p' "$log" | awk '{s += $1} END {print NR ? s : 1}')
  fail=$((fail + bad))
done
echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
