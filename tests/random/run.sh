#!/bin/sh
# run.sh GRADC BUILD: random graphs and programs, see main.c and docs/testing.md. FIRST is the first seed; COUNT, JIT, C,
# NATIVE and PROGRAMS are how many graphs go through the interpreter, code made in process, portable C under the
# sanitizers, native C by gcc, and how many programs are made.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
first=${FIRST:-1}; unit=20
if full; then set -- 4000 300 200 80 300; else set -- 120 20 20 0 8; fi
count=${COUNT:-$1}; jit=${JIT:-$2}; portable=${C:-$3}; native=${NATIVE:-$4}; programs=${PROGRAMS:-$5}
sh tests/random/build.sh "$build" "$tmp/random" || { echo "0 passed, 1 failed"; exit 1; }

sanitize="gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all"
units() { # units KIND N CC
  n=0
  while [ $n -lt "$2" ]; do
    mkdir -p "$tmp/$1"
    "$tmp/random" "$1" $((first + n)) $unit "$3" "$tmp/$1" >>"$tmp/log.$1" 2>&1
    n=$((n + unit))
  done
}
found() { # what failed once: programs; graphs with all passes on (1), and some off (3)
  for seed in 1 3; do
    for text in tests/random/found/*.ir tests/random/found/*.nn; do
      case $seed$text in 3*.nn) continue ;; esac
      "$tmp/random" file "$text" $seed >>"$tmp/log.found" 2>&1 || echo "FAIL  $text $seed" >>"$tmp/log.found"
      case $text in *.nn) continue ;; esac
      "$tmp/random" file "$text" $seed jit >>"$tmp/log.found" 2>&1 || echo "FAIL  $text $seed jit" >>"$tmp/log.found"
    done
  done
}
(units native "$native" "gcc -O1 -g"; "$tmp/random" nn "$first" "$programs" >"$tmp/log.nn" 2>&1) & beside=$!
"$tmp/random" check "$first" "$count" >"$tmp/log.check" 2>&1
"$tmp/random" jit "$first" "$jit" >"$tmp/log.jit" 2>&1
"$tmp/random" spoilt "$first" $((10 * jit)) >"$tmp/log.spoilt" 2>&1
units c "$portable" "$sanitize"
found
wait $beside
for log in "$tmp"/log.*; do
  grep -vE '^$|^[0-9]+ passed' "$log"
  passed=$((passed + $(sed -n 's/^\([0-9]*\) passed.*/\1/p' "$log" | awk '{s += $1} END {print s + 0}')))
  failed=$((failed + $(sed -n 's/^[0-9]* passed, \([0-9]*\) failed$/\1/p' "$log" | awk '{s += $1} END {print NR ? s : 1}')))
done
counts
