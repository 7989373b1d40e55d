#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh BUILD SECONDS [SEED [JOBS]]: random graphs and programs for SECONDS, from a new seed or from SEED on, by JOBS
# processes (one per core). A failure is reduced, printed with the command that runs it again, and kept in BUILD/fuzz.
# The last line is `N passed, N failed`. See docs/testing.md.
root=$(cd "$(dirname "$0")/../.." && pwd); build=$(cd "$1" && pwd) || exit 2
cd "$root" || exit 2
seconds=$2; seed=${3:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}; jobs=${4:-$(nproc)}
mkdir -p "$build/fuzz"
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
sh tests/random/build.sh "$build" "$build/fuzz/random" || { echo "0 passed, 1 failed"; exit 1; }
XDG_CACHE_HOME=$tmp; export XDG_CACHE_HOME
echo "fuzz: seed $seed, $seconds s, $jobs processes; again: make fuzz SECONDS=$seconds SEED=$seed JOBS=$jobs"
i=0
while [ $i -lt "$jobs" ]; do # seeds far from one another
  "$build/fuzz/random" fuzz "$seconds" $((seed + i * 1000000)) "$build/fuzz" >"$tmp/log.$i" 2>&1 &
  i=$((i + 1))
done
wait
pass=0; fail=0
for log in "$tmp"/log.*; do
  grep -vE '^[0-9]+ passed' "$log"
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
  p=${line%% passed*}; f=${line##*, }; f=${f%% failed}
  pass=$((pass + ${p:-0})); fail=$((fail + ${f:-1}))
done
[ $((pass + fail)) -gt 0 ] || { fail=1; echo "FAIL  nothing was tested: every program was skipped"; }
echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
