#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_metrics.sh GRADC BUILD: evaluations of metrics/scores.csv against the values of scikit-learn: in batches of any
# size the same, by the training binary, in its run folder, as text and as JSON.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/golden/metrics
cd "$tmp" || exit 2
cp "$here/scores.csv" .

# matches FILE: the values of a line of JSON are those of values.txt to f32's precision, and no other
matches() {
  tr -d '[]' <"$1" | awk -v values="$here/values.txt" '
    { n = split($0, part, /,?"[a-z0-9_]*":/); rest = $0
      for (i = 2; i <= n; i++) {
        match(rest, /"[a-z0-9_]*":/); name = substr(rest, RSTART + 1, RLENGTH - 3)
        rest = substr(rest, RSTART + RLENGTH)
        got[name] = part[i] } }
    END { while ((getline line < values) > 0) {
            k = split(line, want, " "); m = split(got[want[1]], have, ",")
            if (m != k - 1) { print want[1] ": " m " numbers, not " k - 1; exit 1 }
            for (j = 1; j <= m; j++) {
              d = have[j] - want[j + 1]; if (d < 0) d = -d
              a = want[j + 1] < 0 ? -want[j + 1] : want[j + 1]
              if (have[j] + 0 != have[j] || d > 4e-7 * (a < 1 ? 1 : a)) {
                print want[1] ": " have[j] ", not " want[j + 1]; exit 1
              }
            }
            lines++ }
          exit lines < 20 }'
}

batches="7"; full && batches="1 7 64 403"
for b in $batches; do
  sed "s/BATCH/$b/" "$here/metrics.nn" >m.nn
  { "$gradc" build --cflags=-O0 m.nn -o m && ./m train --steps 0 --run-dir run --force; } >log 2>&1 &&
    ./m eval --weights run/weights.safetensors --json >eval.json 2>>log ||
    { fail "batch $b: $(tail -n 3 log)"; continue; }
  what=$(matches eval.json) && pass || fail "batch $b: $what: $(head -c 300 eval.json)"
done

# As text: vectors on a line, matrices in rows. Tensors are of evaluations alone: the lines of steps have the scalars.
./m eval --weights run/weights.safetensors >text 2>&1
row=$(sed -n 's/^confusion //p' "$here/values.txt" | cut -d' ' -f5-8)
grep -A 2 '^confusion$' text | tail -n 1 | tr -s ' ' | grep -qx " $row" && pass ||
  fail "the matrix: $(cat text)"
grep -qE '^recalls( 0\.[0-9]+){4}$' text && pass || fail "the vector: $(cat text)"
scalars=precision,recall,f1,f1_micro,f2,iou,binary,accuracy,top2,mcc,kappa,perplexity,r2,auc,ap,spread,rms
head -n 1 run/metrics.csv | grep -qx "step,loss,$scalars" && pass || fail "metrics.csv: $(head -n 1 run/metrics.csv)"

# Through `gradc run`, with a hold-out: the lines `done` and `validate` have tensors too, the latter also in its file.
sed 's/BATCH/16/; s/shuffle = false/holdout = 0.25/; s/steps = 1/&; validate = every(1)/' "$here/metrics.nn" >held.nn
"$gradc" run --json held.nn --run-dir held 2>log >all.json
tail -n 1 all.json >done.json
grep '"event":"validate"' all.json >validate.json
grep validate held/metrics.jsonl | cmp -s - validate.json && pass ||
  fail "validate: $(head -c 300 validate.json) is not that of metrics.jsonl"
[ "$(grep -o '"confusion":[^a-z]*' validate.json)" = "$(grep -o '"confusion":[^a-z]*' done.json)" ] && pass ||
  fail "the matrix of the validation: $(head -c 900 validate.json)"
grep -q '"confusion":\[\[[0-9]*,[0-9]*,[0-9]*,[0-9]*\],\[' done.json && pass || fail "done: $(cat log done.json)"
sum=$(sed 's/.*"confusion":\[\(.*\)\],"precisions".*/\1/; s/[][]//g; s/,/+/g' done.json)
sum=$(echo "$sum" | tr + '\n' | awk '{ s += $1 } END { print s }')
[ "$sum" = 101 ] && pass || fail "the matrix of the hold-out: $sum"

# More records than are collected.
sed 's/BATCH/16/; s/collect(r, 1000)/collect(r, 402)/' "$here/metrics.nn" >few.nn
"$gradc" build --cflags=-O0 few.nn -o few >log 2>&1 &&
  ./few train --steps 0 --run-dir few.run >>log 2>&1
./few eval --weights few.run/weights.safetensors >>log 2>&1
grep -q 'error\[E0688\].*a metric collects at most 402 records, there are 403' log && pass || fail "402: $(cat log)"
counts
