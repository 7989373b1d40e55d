# SPDX-License-Identifier: Apache-2.0
# Validation while training: its values are those of `eval` at the same step, an early stop and the best weights follow
# from them, and a resumed run has the same bits as one that was not stopped. Sourced by run.sh.
: "${tmp:?run.sh sources this file}"
awk 'BEGIN { srand(3)
  for (i = 0; i < 60; i++) { a = rand(); b = rand(); printf "%.4f,%.4f,%.4f\n", a, b, a - b + rand() / 4 } }' >own.csv
awk -F, 'NR <= 21 { printf "%d,%.4f,%.4f,%.4f\n", NR, $3 + 0.1, $1, $2 }' own.csv >other.csv
validating() { # validating SETTINGS [HOLDOUT]
  cat <<N
use net = linear(1)
data own { source = csv("own.csv"); ${2:-}; x: f32[2] = field(0:2); y: f32[1] = field(2) }
data val { source = csv("other.csv"); id: i32 = field(0); y: f32[1] = field(1); x: f32[2] = field(2:4) }
train { data = own; batch = 4; seed = 5; optim = adam(lr = 0.2 * cosine(step / steps)); keep = 99
        loss = mse(net(x), y) + step / 2000; metric.far = max(abs(net(x) - y)); metric.close = exp(-loss); $1 }
N
}
built() { # built NAME SETTINGS [HOLDOUT]
  validating "$2" "${3:-}" >"$1.nn"
  "$gradc" build --fp=strict "$1.nn" -o "$1" || fail "$1.nn does not compile"
}
validations() { sed -n 's/^{"event":"validate","step":\([0-9]*\),\(.*\)}$/\1 \2/p' "$1/metrics.jsonl"; }
scores_at() { ./"$1" eval --json --weights "$2" | sed 's/.*"records":[0-9]*,\(.*\),"weights_hash.*/\1/'; }
as_eval() { # as_eval BINARY RUN: every validation has the scores of `eval` with the checkpoint of its step
  validations "$2" >want
  while read -r step _; do echo "$step $(scores_at "$1" "$2/checkpoint-$step.safetensors")"; done <want >got
  if [ -s want ] && cmp -s want got; then pass
  else fail "$2: validations are not as eval: $(diff want got | head -4)"; fi
}
same_run() { # same_run NAME RUN RUN FILE...
  what=$1; one=$2; other=$3; shift 3
  for f; do if cmp -s "$one/$f" "$other/$f"; then pass; else fail "$what: another $f"; fi; done
}

# On a second section, whose fields stand in another order; the hold-out stays for the end.
built second 'epochs = 4; save = every(6); validate.data = val; validate = every(6)'
./second train --json --run-dir v1 >out 2>err || fail "second: $(head -3 err)"
json_lines out && pass || fail 'lines of validation are not JSON'
equal 'validations, every sixth step and the last' "$(validations v1 | cut -d' ' -f1 | tr '\n' ' ')" \
  '6 12 18 24 30 36 42 48 54 60 '
cp v1/checkpoint-60.safetensors at60; as_eval second v1
equal 'the head of metrics.csv' "$(head -n 1 v1/metrics.csv)" 'step,loss,far,close,val_loss,val_far,val_close'
equal 'rows of validations' "$(grep -c '^[0-9]*,,,,[0-9.e-]*,[0-9.e-]*,[0-9.e-]*$' v1/metrics.csv)" 10
equal 'columns of all rows' "$(awk -F, 'NF != 7' v1/metrics.csv)" ''
equal 'lines of events' "$(grep -v '"done"' out)" "$(grep -v '"done"' v1/metrics.jsonl)"
equal 'the end is the last validation' "$(sed -n 's/.*"holdout":{\([^}]*\)}.*/\1/p' out)" \
  "$(validations v1 | tail -n 1 | cut -d' ' -f2)"
"$gradc" run --fp=strict --run-dir v2 second.nn >out 2>err || fail "run second.nn: $(head -3 err)"
same_run 'gradc run' v1 v2 metrics.csv metrics.jsonl weights.safetensors checkpoint-60.safetensors
if command -v strace >/dev/null; then # a step's event does not wait for the validation after it
  strace -f -s 9999 -e trace=write -o writes ./second train --json --run-dir v2 --force >/dev/null 2>&1
  equal 'writes of both events' \
    "$(grep -c 'write(1,.*"step.*"validate' writes) of $(grep -c 'write(1,.*"validate' writes)" \
    '0 of 10'
fi
grep -q '^step 60/60  validation loss ' err && pass || fail "no line of a validation: $(tail -2 err)"
if full; then
  built three 'epochs = 1; validate.data = val' 'holdout = 0.2'
  ./three train --json --run-dir v3 >out 2>err || fail "three: $(head -3 err)"
  [ "$(sed -n 's/.*"holdout":{\([^}]*\)}.*/\1/p' out)" = "$(scores_at three v3/weights.safetensors)" ] &&
    ! grep -q "$(validations v3 | cut -d' ' -f2)" <<N && pass || fail 'the hold-out is not what a run ends with'
$(tail -n 1 out)
N
fi

# By default on the hold-out, after each epoch; an early stop and the best weights by the values of the file.
built stop 'epochs = 40; save = best(loss); early_stop(loss, 3, 0.001)' 'holdout = 0.2'
./stop train --json --run-dir s1 >out 2>err || fail "stop: $(head -3 err)"
validations s1 | sed 's/\([0-9]*\) "loss":\([^,]*\),.*/\1 \2/' >series
awk '{ if (!n || $2 < stop - 0.001) { stop = $2; bad = 0 } else bad++
       if (!n++ || $2 < best) { best = $2; at = $1 }
       if (bad == 3) { print $1, at, best; exit } }' series >want
read -r end at best <want
equal 'stopped early' "$(tail -n 1 series | cut -d' ' -f1)" "$end"
[ "$at" -lt "$end" ] && [ "$end" -lt 480 ] && pass || fail "no early stop: $end, $at"
grep -q "\"steps\":$end,.*\"best_step\":$at,\"early_stop\":true" out && pass || fail "the end: $(tail -n 1 out)"
grep -q resume err && fail 'an early stop is not to be resumed' || pass
equal 'the best weights' "$(scores_at stop s1/weights.safetensors)" \
  "$(validations s1 | sed -n "s/^$at //p")"
equal 'the last weights' "$(scores_at stop s1/last.safetensors)" "$(validations s1 | sed -n "s/^$end //p")"
for k in 3 $((at + 12)) $((at + 17)); do
  rm -rf s2
  ./stop train --stop-at "$k" --run-dir s2 >out 2>err && ./stop train --json --resume --run-dir s2 >out 2>err ||
    fail "stopped at $k: $(head -3 err)"
  same_run "stopped at $k" s1 s2 metrics.csv metrics.jsonl weights.safetensors last.safetensors \
    "checkpoint-$at.safetensors" "checkpoint-$end.safetensors"
  full || [ "$k" = 3 ] || break
done
./stop train --json --resume --run-dir s2 >out 2>err
grep -q "\"steps\":$end,.*\"early_stop\":true" out && pass || fail "an early stop that is resumed: $(tail -n 1 out)"

# A fold splits the records to train on, and no others.
if full; then
  ./second train --fold 2/30 --stop-at 1 --run-dir fold >out 2>err
  equal 'records of a fold' "$(grep -c '^58 records to train on, 2 held out\|^21 records to validate on' err)" 2
fi

# Records that an evaluation would refuse are refused before the first step.
validating 'epochs = 2; metric.most = mean(collect(x[:, 0], most = 5))' 'holdout = 0.2' >most.nn
"$gradc" run --run-dir most most.nn >out 2>err
reports 'more records than a metric collects' 1 'E0688.*at most 5 records, there are 12' $?
[ -e most ] && fail 'a run that cannot be validated began' || pass

# A validation that a stopped process left undone is done first when it is resumed.
if full; then
  built with 'epochs = 2; save = best(close, max); validate = every(7)' 'holdout = 0.2'
  sed 's/validate = every(7)/validate = false/; s/save = best(close, max); //' with.nn >without.nn
  "$gradc" build --fp=strict without.nn -o without || fail 'without.nn does not compile'
  ./with train --run-dir w1 >out 2>err && ./without train --stop-at 14 --run-dir w2 >out 2>err ||
    fail "with: $(head -3 err)"
  equal 'no columns without validation' "$(head -n 1 w2/metrics.csv)" 'step,loss,far,close'
  ./with train --resume --run-dir w2 >out 2>err
  equal 'a validation left undone' "$(validations w2)" "$(validations w1 | sed 1d)"
  equal 'the largest is the best' "$(scores_at with w1/weights.safetensors)" \
    "$(validations w1 | sed 's/.*"close":\(.*\)/\1 &/' | sort -g | tail -n 1 | cut -d' ' -f3)"
fi

# A rate that falls by the values of validations: what ReduceLROnPlateau makes of their series, from the next step on.
falling() { # falling SETTINGS: 0.5 after two bad ones in a row, the one after that does not count
  validating "epochs = 30; $1" 'holdout = 0.2' | sed 's/ optim = adam[^;]*;//
    s/^use net.*/&\nuse factor = plateau(factor = 0.5, patience = 1, threshold = 0.02, cooldown = 1)/'
}
falling 'k = factor(validate.loss); optim = sgd(lr = 0.2 * k); metric.factor = k' >falls.nn
"$gradc" build --fp=strict falls.nn -o falls || fail 'falls.nn does not compile'
./falls train --json --run-dir f1 >out 2>err || fail "falls: $(head -3 err)"
awk -F, 'NR == 1 { best = 1e30; k = 1; next }
  $2 == "" { better = $6 < best * 0.98; n = cool > 0 || better ? 0 : n + 1; if (better) best = $6
             cool = cool > 0 ? cool - 1 : 0; if (n > 1) { k /= 2; n = 0; cool = 1; falls++ } next }
  $5 + 0 != k { print "step " $1 ": " $5 " is not " k } END { if (falls < 2) print falls + 0, "falls" }' \
  f1/metrics.csv >bad
[ -s bad ] && fail "a plateau of validations: $(head -3 bad)" || pass
end=$(awk -F, 'NR > 1 && $5 != "" { if (p && $5 + 0 < p) { print $1; exit } p = $5 + 0 }' f1/metrics.csv)
for k in $((end - 1)) $((end - 14)); do # just before the step that takes the validation, and while bad ones are counted
  rm -rf f2
  ./falls train --stop-at "$k" --run-dir f2 >out 2>err && ./falls train --resume --run-dir f2 >out 2>err ||
    fail "falls, stopped at $k: $(head -3 err)"
  same_run "falls, stopped at $k" f1 f2 metrics.csv metrics.jsonl weights.safetensors checkpoint-360.safetensors
done
if full; then # in the update after several microbatches; with a loss scale; on the host form of a device
  falling 'accumulate = 2; optim = sgd(lr = 0.2 * factor(validate.loss)); precision = f16' >sum.nn
  sed 's/patience = 1,/patience = 1000,/' sum.nn >level.nn
  for of in sum level; do
    "$gradc" run --fp=strict --run-dir "$of" "$of.nn" >out 2>err || fail "$of: $(head -3 err)"
  done
  cmp -s sum/metrics.csv level/metrics.csv && fail 'no plateau under accumulation' || pass
  equal 'the first steps under accumulation' \
    "$(head -n 12 sum/metrics.csv)" "$(head -n 12 level/metrics.csv)"
  "$gradc" run --fp=strict --device=cuda-host --run-dir f3 falls.nn >out 2>err || fail "a device: $(head -3 err)"
  same_run 'falls on a device' f1 f3 metrics.csv metrics.jsonl weights.safetensors
fi

# Of several train sections the first one is validated, by rounds: in rounds without a step of it, too.
cat >pair.nn <<'N'
def generator(z: f32[B, 4]) -> f32[B, 2] { z |> linear(8) |> relu |> linear(2) }
def critic(x: f32[B, 2]) -> f32[B, 1] { x |> linear(8) |> relu |> linear(1) }
use G = generator()
use D = critic()
data points { source = normal(n = 200, mean = [2, -1], std = 0.5); holdout = 0.2; x: f32[2] = field(0) }
train disc {
    data = points; batch = 20; epochs = 5; every = 2; save = best(real, min); keep = 99
    loss = mean(softplus(-D(x))) + mean(softplus(D(stop_gradient(G(normal([size(x, 0), 4]))))))
    metric.real = mean(softplus(-D(x))) + max(0.0, step - 20) / 100
    optim = adam(D, lr = 1e-2)
}
train gen { loss = mean(softplus(-D(G(normal([20, 4]))))); optim = adam(G, lr = 1e-2) }
N
"$gradc" build --fp=strict pair.nn -o pair || fail 'pair.nn does not compile'
./pair train --json --run-dir p1 >out 2>err || fail "pair: $(head -3 err)"
equal 'rounds of validations' "$(validations p1 | cut -d' ' -f1 | tr '\n' ' ')" '16 32 48 64 80 '
equal 'the head of two sections' "$(head -n 1 p1/metrics.csv)" \
  'step,disc.loss,disc.real,gen.loss,val_disc.loss,val_disc.real'
best=$(validations p1 | sed 's/\([0-9]*\) .*"disc.real":\([^,]*\).*/\2 \1/' | sort -g | sed -n '1s/.* //p')
equal 'the best round' "$(sed -n 's/.*"best_step":\([0-9]*\).*/\1/p' out)" "$best"
for of in "last $(validations p1 | tail -n 1 | sed 's/.*"disc.real"://')" \
  "weights $(sed -n 's/.*"holdout":{.*"real":\([0-9.e-]*\).*/\1/p' out)"; do
  ./pair eval --json --weights "p1/${of%% *}.safetensors" | grep -q "\"real\":${of#* }[,}]" && pass ||
    fail "eval of ${of%% *}: no ${of#* } in $(./pair eval --json --weights "p1/${of%% *}.safetensors")"
done
for k in 31 48; do
  rm -rf p2
  ./pair train --stop-at $k --run-dir p2 >out 2>err && ./pair train --resume --run-dir p2 >out 2>err ||
    fail "pair, stopped at $k: $(head -3 err)"
  same_run "pair, stopped at $k" p1 p2 metrics.csv metrics.jsonl weights.safetensors last.safetensors
done
