#!/bin/sh
# run.sh GRADC BUILD: the memory plan. plant.c: faults planted into the plans and loop nests of random modules, which the
# checker must find where an execution on tagged memory goes wrong. orders.c: what is stored in an order of its own, read
# by every class of op, as C against the interpreter.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
plans=20; modules=4; graphs=26
full && plans=1500 modules=120
program() { # NAME SOURCE...
  out=$tmp/$1; shift
  # shellcheck disable=SC2086
  ${CC:-cc} -std=gnu11 -Wall -Wextra -O1 -g -I. -o "$out" "$@" "$build"/ir/*.o "$build"/passes/*.o "$build"/codegen/*.o \
    "$build"/codegen/c/*.o "$build/embed.o" -lm
}
program plant tests/plan/plant.c tests/plan/execute.c tests/random/gen*.c && program orders tests/plan/orders.c &&
  sh tests/random/build.sh "$build" "$tmp/random" || { echo "0 passed, 1 failed"; exit 1; }
"$tmp/plant" "${FIRST:-1}" $plans tests/pass/*/*.ir tests/random/found/*.ir >"$tmp/plant.log" 2>&1
grep FAIL "$tmp/plant.log"
line=$(tail -n 1 "$tmp/plant.log")
p=$(echo "$line" | sed -n 's/^\([0-9]*\) passed, [0-9]* failed$/\1/p'); f=$(echo "$line" | sed -n 's/.* \([0-9]*\) failed$/\1/p')
passed=${p:-0}; failed=${f:-1}
mkdir "$tmp/c"
s=0
while [ $s -lt $modules ]; do
  s=$((s + 1)); seed=$((${FIRST:-1} + s)); kind=c
  [ $((s % 3)) -ne 0 ] || kind=native
  if "$tmp/orders" $seed $graphs >"$tmp/orders.ir" &&
    "$tmp/random" file "$tmp/orders.ir" 1 $kind "gcc -O1" "$tmp/c" >"$tmp/out" 2>&1; then passed=$((passed + graphs))
  else fail "orders $seed $graphs as $kind: $(head -n 3 "$tmp/out")"; fi
done
counts
