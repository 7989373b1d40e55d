# SPDX-License-Identifier: Apache-2.0
# gradc sweep: grids and random draws, several trials at a time, trials that fail, interruption. Sourced by run.sh.
: "${tmp:?run.sh sources this file}"
cat >v.nn <<'N'
const LR = 1e-2
const H = 4
const ACT = tanh
const NAME = "x"
const L = [1]
def net(x: f32[B, 2]) { x |> linear(H) |> ACT |> linear(1) }
use model = net()
data points { source = uniform(n = 200, lo = [-1, -1], hi = [1, 1]); holdout = 0.2; x: f32[2] = field(0) }
train { data = points; batch = 40; epochs = 5; seed = 1; optim = adam(lr = LR)
        loss = mse(model(x), x[:, 0:1] * x[:, 1:2]) }
test "t" { assert NAME == "x" and sum(L) > 0 }
N
folders() { ls "$1" | grep = | tr '\n' ' ' | sed 's/ $//'; } # the trials of a sweep

# ---- grids ----
expect 0 '^6 trials: 6 done, 0 failed' sweep v.nn --set LR=1e-3..1e-1:log3,1e-2 --set H=2,8 --out g --steps 4 --jobs 2
equal "a grid" "$(folders g)" "LR=0.001,H=2 LR=0.001,H=8 LR=0.01,H=2 LR=0.01,H=8 LR=0.1,H=2 LR=0.1,H=8"
grep -q '^  1/6  0.001  2 ' out && grep -q '^trial  LR     H  *best val_loss  *at ' out && pass || fail "$(cat out)"
equal "the best trial" "$(sed -n 's/^best: \([^ ]*\) .*/\1/p' out)" \
  "g/$("$gradc" runs g --by val_loss | sed -n '2s/ .*//p')"
expect 0 '' run v.nn --set LR=0.01 --set H=8 --steps 4 --run-dir one --threads 1
check "a trial is a run" cmp one/weights.safetensors "g/LR=0.01,H=8/weights.safetensors"
ls -l --time-style=full-iso g/*/weights.safetensors >before
expect 0 '"trials":8,"done":8,"failed":0' sweep v.nn --set LR=1e-3..1e-1:log3,0.2 --set H=2,8 --out g --steps 4 --json
json_lines out && pass || fail "sweep --json"
equal "events" "$(grep -c '"event":"trial","trial":"LR=[^"]*","status":0,"error":null,"result":{"run":"g/LR' out)" 8
ls -l --time-style=full-iso g/*/weights.safetensors | grep -v 'LR=0.2' >after
check "trials that are done are not trained again" cmp before after
expect 1 'E0513' sweep v.nn --set LR=1e-3 --out g --steps 5
expect 0 '' sweep v.nn --set LR=1e-3 --set H=2 --out g --steps 5 --force
sed -i 's/^const NAME.*/& # another text/' v.nn; expect 1 'E0513' sweep v.nn --set LR=1e-3 --out g --steps 5
# ---- failures ----
expect 1 '^4 trials: 1 done, 3 failed' sweep v.nn --set LR=0.01,1e30 --set H=4,-1 --steps 9 --out f --jobs 3
[ "$(grep -c '^LR=.*error\[E' err)" = 3 ] && pass || fail "failed trials are not reported: $(cat err)"
expect 1 '^4 trials: 1 done, 3 failed' sweep v.nn --set LR=0.01,1e30 --set H=4,-1 --steps 9 --out f --jobs 3
grep -q 'LR=1e+30,H=4: the loss was not finite' err && pass || fail "what failed before is not said: $(cat err)"
for bad in LR=1e-4..1e-1 LR=1..a LR=-1..1:log3 LR=3..1:lin2 LR=1:log LR=1..2:log0 \
  H=1.5..3 H=1..1e9 LR=1,,2 LR=1, ACT=1..2; do
  expect 2 'E0500.*--set' sweep v.nn --set $bad --out n
done
expect 2 'needs the values to try' sweep v.nn
expect 2 'set twice' sweep v.nn --set H=1 --set H=2 --out n
expect 1 'E0321.*did you mean `LR`\|E0321' sweep v.nn --set LRR=1 --out n
expect 2 'takes a number' sweep v.nn --set H=1 --jobs 0
expect 2 'more than 10000 trials' sweep v.nn --set H=1..5000 --set LR=1,2,3 --out n
expect 2 'no run has a score `acc`' sweep v.nn --set H=1 --steps 1 --by acc --out n

expect 0 '' check -W "$root/examples/tuning/digits.nn"

# ---- more of it, and an interruption ----
if full; then
  mkdir -p ex; cp -r "$root/examples/tuning" "$root/examples/data" ex; cd ex/tuning || exit 2
  expect 0 '^12 trials: 12 done' sweep digits.nn --set LR=1e-4..1e-1:log4 --set HIDDEN=32,64,128 --jobs 2 --epochs 2
  grep -q '^  *1/12  0.0001  32  ' out && pass || fail "no row of the first trial: $(cat out)"
  cd ../.. || exit 2
expect 0 '4 done' sweep v.nn --set H=1..4 --steps 1
equal "a range of ints, in its own folder" "$(folders sweeps/v)" "H=1 H=2 H=3 H=4"
expect 0 '4 done' sweep v.nn --set 'L=[1, 2],[3]' --set 'ACT=relu,tanh' --set 'NAME=a b/c' --steps 1 --out s
ls s | grep -q '^L=_1,_2_,ACT=relu,NAME=a_b_c-[0-9a-f]*$' && pass || fail "names of trials: $(ls s)"
expect 0 '3 done' sweep v.nn --set H=2..32:log3 --steps 1 --out i
equal "logarithmic ints" "$(folders i)" "H=2 H=32 H=8"

# ---- random draws ----
expect 0 '^3 trials: 3 done' sweep v.nn --set LR=1e-4..1:log --set H=1..9 --random 3 --steps 1 --out r
folders r | tr ' ' '\n' >three
expect 0 '^5 trials: 5 done' sweep v.nn --set LR=1e-4..1:log --set H=1..9 --random 5 --steps 1 --out r
equal "more draws keep the first ones" "$(folders r | tr ' ' '\n' | grep -cFxf three)" 3
equal "draws are in their ranges" "$(folders r | tr ' ' '\n' | sed 's/[A-Z]*=//g' |
  awk -F, '$1 < 1e-4 || $1 > 1 || $2 < 1 || $2 > 9 || $2 != int($2)')" ""
expect 0 '^2 trials' sweep v.nn --set ACT=relu,tanh --random 9 --random-seed 5 --steps 1 --out r2
  sed 's/epochs = 5/steps = 30000/' v.nn >long.nn
  "$gradc" sweep long.nn --set LR=1e-3,1e-2,1e-1 --jobs 2 >out 2>err & pid=$!
  n=0
  until ls sweeps/long/*/metrics.csv >ls 2>&1 && [ "$(wc -l <ls)" -ge 2 ] || [ $n -gt 200 ]; do
    sleep 0.05; n=$((n + 1))
  done
  kill -INT $pid; wait $pid; equal "the status after SIGINT" $? 130
  grep -q 'the same command continues' out && grep -q stopped out && pass || fail "an interrupted sweep: $(cat out)"
  expect 0 '^3 trials: 3 done' sweep long.nn --set LR=1e-3,1e-2,1e-1 --jobs 2
  grep -q 'resumed after step' sweeps/long/LR=0.001/log.txt && pass || fail "an interrupted trial was not resumed"
  expect 0 '' run long.nn --set LR=0.001 --run-dir whole
  check "an interrupted trial has the weights of a run" \
    cmp whole/weights.safetensors sweeps/long/LR=0.001/weights.safetensors
fi
