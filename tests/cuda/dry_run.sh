# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh: what a GPU is to run (gpu/), a small share of it over the host form, whose driver is lazy; and how
# run.sh reports items that fail, take too long, or cannot be run.
dry=$tmp/dry_run
dry_list() { # dry_list LIST SECONDS: runs it; the items with their statuses, and the status of run.sh
  env GC_DRIVER_LAZY=1 GC_ORDER=random sh "$here/gpu/run.sh" "$dry" "$1" "$2" >"$tmp/dry.log" 2>&1
  echo "run.sh: $?" >"$tmp/dry.status"
  sed -n 's/^{"item":"\([^"]*\)","status":"\([^"]*\)","seconds":[0-9.]*.*}$/\1: \2/p' "$dry/$1.jsonl" |
    cat - "$tmp/dry.status"
}
if sh "$here/gpu/prepare.sh" "$gradc" "$build" "$dry" host >"$tmp/prepare.log" 2>&1; then
  equal "dry run of check-gpu" "$(dry_list check 240)" "prim: ok
ops: ok
models: ok
weights mlp: ok
memcheck, racecheck: missing
curve mlp_bf16: ok
run.sh: 0"
  equal "dry run of bench-gpu" "$(dry_list bench 240 | grep -v ': missing$')" "ceilings before: ok
gemm f32 16 x 16 x 16: ok
cold and warm start: ok
ceilings after: ok
run.sh: 0"
  # What has been prepared is compared: another hash, output or loss is a failure.
  sed -i 's/^sync	./sync	x/' "$dry/prim.tsv"
  for want in "$dry"/models/*/want; do echo more >>"$want"; done
  sed -i 's/\(weights mlp [0-9]* \)./\1x/; s/\(curve mlp_bf16 [0-9]* \)/\19/' "$dry/check.tsv"
  equal "wrong results" "$(dry_list check 240 | grep -v ': missing$')" "prim: failed
ops: ok
models: failed
weights mlp: failed
curve mlp_bf16: failed
run.sh: 1"
else
  fail "gpu/prepare.sh: $(tail -n 3 "$tmp/prepare.log")"
fi
printf '%s\n' "a	60	echo '{\"x\":1}'" "b	60	echo '\"no\"'; false" "c	1	sleep 60" "d	60	echo none; exit 77" "e	-	that" \
  >"$dry/faults.tsv"
equal "items that fail" "$(dry_list faults 240)" "a: ok
b: failed
c: stopped
d: skipped
e: missing
run.sh: 1"
check "a result" grep -qxE '\{"item":"a","status":"ok","seconds":[0-9.]+,"result":\{"x":1\}\}' "$dry/faults.jsonl"
check "a message" grep -q '"message":"\\"no\\""}$' "$dry/faults.jsonl"
check "the table" grep -qE '^1 failed|  1 failed' "$tmp/dry.log"
printf '%s\n' "f	60	sleep 60" "g	60	true" >"$dry/late.tsv"
equal "no time" "$(dry_list late 5)" "f: stopped
g: no time
run.sh: 1"
