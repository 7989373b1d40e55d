# SPDX-License-Identifier: Apache-2.0
# Values of `step`, `steps` and `epoch` are the same in the evaluation during training, in `eval` and in a resumed run.
# Sourced by run.sh.
: "${tmp:?run.sh sources this file}"
model() { # model PLAN [OTHER LINES]
  cat <<N
use net = linear(1)
data p { source = uniform(n = 40, lo = [0], hi = [1]); holdout = 0.2; x: f32[1] = field(0) }
train { data = p; batch = 4; $1; seed = 5; save = every(3); optim = sgd(lr = 0.05)
        loss = mse(net(x), x) + (step / 4) * 0.1 * mean(net(x) ** 2) + epoch * 0.01
        metric.rate = 0.1 * cosine(step / steps); metric.epoch = epoch + 0 * loss; ${2:-} }
export def f(x: f32[1]) -> f32[1] { net(x) }
N
}
scores() { sed -n 's/.*"loss":\([^,]*\),"rate":\([^,]*\),"epoch":\([0-9.e+-]*\)}*,.*/\1 \2 \3/p' "$1" | tail -n 1; }
trained() { # trained NAME ARGS...: trains; its own figures of the hold-out into $want
  name=$1; shift
  ./m train --json --run-dir "$@" >out 2>err || fail "$name: $(head -3 err)"
  sed 's/.*"holdout"://' out >held
  want=$(sed -n 's/^{"loss":\([^,]*\),"rate":\([^,]*\),"epoch":\([^}]*\)}.*/\1 \2 \3/p' held | tail -n 1)
  [ -n "$want" ] || fail "$name: no figures in $(tail -n 1 out)"
}
same_scores() { # same_scores NAME ARGS...
  name=$1; shift
  ./m eval --json "$@" >out 2>err || fail "$name: $(head -3 err)"
  equal "$name" "$(scores out)" "$want"
}
for plan in 'steps = 20' 'epochs = 3' 'steps = 20; accumulate = 2' 'epochs = 3; precision = f16' \
  'steps = 20; clip = norm(1)'; do
  model "$plan" >m.nn
  "$gradc" build m.nn -o m || fail "$plan does not compile"
  rm -rf a b c d moved
  trained "$plan" a
  same_scores "$plan: eval" --weights a/weights.safetensors
  same_scores "$plan: eval of the checkpoint" --weights "a/$(ls a | grep checkpoint | sort -V | tail -n 1)"
  cp a/weights.safetensors bare.safetensors
  same_scores "$plan: a file of weights alone is at the end of the file's plan" --weights bare.safetensors
  mv a moved
  same_scores "$plan: a run that was moved" --weights moved/weights.safetensors
  for o in '--steps 7' '--epochs 2' '--steps 9 --stop-at 4' '--stop-at 4' '--stop-at 0' '--seed 8' '--steps 0'; do
    rm -rf b
    # shellcheck disable=SC2086
    trained "$plan, $o" b $o
    same_scores "$plan, $o: eval" --weights b/weights.safetensors
  done
  trained "$plan, stopped" c --stop-at 5
  cp c/checkpoint-5.safetensors five.safetensors; five=$want
  trained "$plan, resumed" c --resume
  same_scores "$plan, resumed: eval" --weights c/weights.safetensors
  equal "$plan: resumed or not" "$want" "$(./m eval --json --weights moved/weights.safetensors >out; scores out)"
  want=$five; same_scores "$plan: an earlier checkpoint" --weights five.safetensors
  trained "$plan, a longer plan" c --resume --steps 30
  same_scores "$plan, a longer plan: eval" --weights c/weights.safetensors
  rm c/checkpoint-*
  ./m train --json --steps 6 --run-dir d >out 2>err && rm d/checkpoint-* &&
    want=$(sed -n 's/.*"holdout":{"loss":\([^,]*\),"rate":\([^,]*\),"epoch":\([^}]*\)}.*/\1 \2 \3/p' out)
  same_scores "$plan: without checkpoints by run.json" --weights d/weights.safetensors
  mkdir -p runs; mv d runs/d
  same_scores "$plan: the newest run" ; rm -rf runs
  full || [ "$plan" != 'steps = 20; accumulate = 2' ] || break
done
# In process: the same figures.
model 'epochs = 3' >m.nn
trained 'gradc run' e
"$gradc" run m.nn --json --run-dir g --fp=fast >out 2>err; sed 's/.*"holdout"://' out >held
got=$(sed -n 's/^{"loss":\([^,]*\),"rate":\([^,]*\),"epoch":\([^}]*\)}.*/\1 \2 \3/p' held | tail -n 1)
"$gradc" build m.nn -o m; ./m eval --json --weights g/weights.safetensors >out; equal 'gradc run' "$got" "$(scores out)"
# Data too small for a step give no plan: an error if the model reads it, otherwise none.
printf '0.5\n0.25\n' >two.csv
sed 's/uniform(n = 40, lo = \[0\], hi = \[1\])/csv("two.csv")/; s/holdout = 0.2; //' m.nn >small.nn
"$gradc" build small.nn -o small && ./small eval --weights bare.safetensors >out 2>err
equal 'no plan' "$? $(grep -c 'E0684.*there is no plan' err)" '1 1'
