#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: the memory plan. plant.c: faults injected into the plans and loop nests of random modules, which
# the checker must find if an execution on tagged memory goes wrong. orders.c: values in other stored orders, read by
# every class of op, as C against the interpreter. least.nn: sizes that a graph's constraints bound from below.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
plans=20; modules=4; graphs=26; share=3
full && plans=1500 modules=120 share=1
program plant tests/plan/plant.c tests/plan/execute.c tests/random/gen*.c && program orders tests/plan/orders.c &&
  program random -O0 tests/random/*.c tests/random/nn/*.c $(sh tests/objects.sh "$build" codegen/jit) ||
    { counts; exit 1; }
# shellcheck disable=SC2046  # several files
tally plant "$tmp/plant" "${FIRST:-1}" $plans $(ls tests/pass/*/*.ir | awk -v share=$share 'NR % share == 1 % share') \
  tests/random/found/*.ir tests/plan/chunks.ir
mkdir "$tmp/c"
s=0
while [ $s -lt $modules ]; do
  s=$((s + 1)); seed=$((${FIRST:-1} + s)); kind=c
  [ $((s % 3)) -ne 0 ] || kind=native
  if "$tmp/orders" $seed $graphs >"$tmp/orders.ir" &&
    "$tmp/random" file "$tmp/orders.ir" 1 $kind "gcc -O0" "$tmp/c" >"$tmp/out" 2>&1; then passed=$((passed + graphs))
  else fail "orders $seed $graphs as $kind: $(head -n 3 "$tmp/out")"; fi
done
check least.nn "$gradc" emit --c tests/plan/least.nn -o "$tmp/c"
check least.c ${CC:-cc} -O1 -Wall -Wextra -I"$tmp/c" -o "$tmp/least" tests/plan/least.c "$tmp/c/least.c"
tally least "$tmp/least"
counts
