# SPDX-License-Identifier: Apache-2.0
# --set: constants of a file from outside, in every command that reads one, in run folders, by programs. Sourced by
# run.sh.
: "${tmp:?run.sh sources this file}"
mkdir lib
cat >lib/sizes.nn <<'N'
const HIDDEN = 16
const SPARE = 1 / 3.0
N
cat >s.nn <<'N'
import "lib/sizes.nn"
const LR = 1e-2
const STEPS = 20
const SEED = 3
const EPOCHS = 2
const ACT = tanh
const NAME = "a"
const WIDTHS = [4, 8.5]
const NAMES = ["a"]
const NONE = []
const BIAS = true
const TWICE = 2 * HIDDEN
dim T <= 64
def net(x: f32[B, 2]) { x |> linear(HIDDEN, bias = BIAS) |> ACT |> linear(1) }
use model = net()
data points { source = uniform(n = 1000, lo = [-1, -1], hi = [1, 1]); x: f32[2] = field(0) }
train { data = points; batch = 50; steps = STEPS; seed = SEED; optim = adam(lr = LR)
        loss = mse(model(x), x[:, 0:1] * x[:, 1:2]) }
export def predict(x: f32[1, 2]) { model(x) }
export def pick(x: f32[T]) { sum(x) }
test "sizes" { assert TWICE == 32 and NAME == "a" and WIDTHS[0] == 4 and EPOCHS == 2 }
N
refused() { expect 1 "$1" check s.nn "--set=$2"; } # refused PATTERN SETTING

# ---- values ----
for set in LR=1 LR=-1e-3 LR=inf 'HIDDEN=2*8' HIDDEN=1K ACT=relu 'ACT=leaky_relu' 'NAME=two words' 'WIDTHS=[1,2,3]' \
  'NAMES=["x", "y"]' 'NONE=[1, "a"]' BIAS=false T=128 TWICE=3 SPARE=0.5 'HIDDEN=STEPS' EPOCHS=3; do
  expect 0 '' check s.nn --set "$set"
done
for set in 'HIDDEN=1.5|`HIDDEN` is an int, as 16; 1.5 is not' 'HIDDEN=true|an int, as 16; true is not' \
  'LR="x"|a float, as 0.01; "x" is not' 'BIAS=1|a bool, as true; 1 is not' 'ACT=3|a function; 3 is not' \
  'WIDTHS=[1,"a"]|a list like \[4, 8.5\]' 'WIDTHS=4|a list, as' 'NAMES=[1]|E0322' 'HIDDEN=1;2|one expression' \
  'HIDDEN=(1|is never closed' 'HIDDEN=HIDDEN|is defined by itself' 'HIDDEN=nothing|unknown name `nothing`' \
  'HIDEN=3|did you mean `HIDDEN`' 'xyz=1|the constants of s.nn are' 'net=1|no constant `net`' 'T=0|the bound of `T`' \
  'HIDDEN=-1|E0221' 'LR=ones(2)|E0'; do
  refused "${set#*|}" "${set%%|*}"
done
expect 1 'lib/sizes.nn:1:7' check s.nn --set HIDDEN=1.5
expect 1 'const HIDDEN = 16.0' check s.nn --set HIDDEN=1.5
expect 1 'E0308.*set twice, to 1 and to 2' check s.nn --set HIDDEN=1 --set HIDDEN=2
expect 1 'E0321.*has no constants\|has no constants' check ../product.nn --set LR=1
for set in LR =1 LR= 1LR=2 'L R=1' ''; do expect 2 'takes NAME=VALUE' check s.nn --set "$set"; done

# ---- commands ----
expect 1 '1 failed' test s.nn --set TWICE=3
expect 0 '^65.0\|^65' eval s.nn -e 'HIDDEN * 1.0 + 1' --set HIDDEN=64
expect 0 'f32\[2,7\]' ir s.nn --stop-after=autodiff --set HIDDEN=7
expect 1 'E0321.*IR text' ir ../product.ir --set HIDDEN=7
expect 0 'parameters  *29$' report s.nn --set HIDDEN=7
expect 0 '' emit s.nn -o c --set HIDDEN=7
grep -q '\[7\]\|7' c/s.c && pass || fail "emit has no 7"
expect 0 '' gradcheck s.nn --set HIDDEN=3

# ---- runs ----
expect 0 'loss' run s.nn --run-dir whole --set LR=5e-3 --set HIDDEN=8 --set ACT=relu
expect 0 'loss' run s.nn --run-dir r --stop-at 10 --set LR=5e-3 --set HIDDEN=8 --set ACT=relu
for want in '"set": {"HIDDEN": 8, "LR": 0.005, "ACT": "relu"}' '"TWICE": 16' '"WIDTHS": \[4, 8.5\]'; do
  grep -q "$want" r/run.json && pass || fail "run.json has no $want: $(cat r/run.json)"
done
expect 1 '' check s.nn -W
expect 4 'E0643.*LR = 0.005, here it is 0.002' run s.nn --run-dir r --resume --set LR=2e-3
expect 4 'E0643.*NAME = "a", here it is "b"' run s.nn --run-dir r --resume --set NAME=b
expect 0 'resumed after step 10' run s.nn --run-dir r --resume --set LR=5e-3
check "a resumed run has the weights of the uninterrupted one" cmp r/weights.safetensors whole/weights.safetensors
sed 's/^const LR.*//; s/lr = LR/lr = 1e-2/' s.nn >gone.nn; mkdir g; cp r/* g
expect 1 'E0321.*`LR`' run gone.nn --run-dir g --resume
sed 's/"set".*"LR"/"set": 3, "LR"/' r/run.json >g/run.json
expect 4 'E0642' run s.nn --run-dir g --resume
expect 0 '' run s.nn --run-dir plain --steps 5
grep -q '"set"' plain/run.json && fail "a run without --set has settings" || pass

# ---- programs ----
program() { ./m "$@" >out.txt 2>&1; got=$?; } # its status and text
said() { # said STATUS PATTERN: of the last `program`
  if [ $got -eq "$1" ] && grep -q -e "$2" out.txt; then pass; else fail "m: $got, not $1 '$2': $(cat out.txt)"; fi
}
expect 0 '' build s.nn -o m --set HIDDEN=8
program train --set STEPS=5 --set SEED=9 --run-dir p; said 0 '^5 steps'
grep -q '"set": {"HIDDEN": 8, "STEPS": 5, "SEED": 9}' p/run.json && pass || fail "run.json: $(cat p/run.json)"
./m train --steps 5 --seed 9 --run-dir q >/dev/null 2>&1
check "--set of the plan is --steps and --seed" cmp p/weights.safetensors q/weights.safetensors
program train --resume --run-dir p; said 0 'resumed after step 5'
program train --resume --run-dir p --set STEPS=7; said 4 'E0643.*STEPS = 5, here it is 7'
program train --resume --run-dir r; said 4 'E0643.*LR = 0.005, here it is 0.01'
program train --set LR=1e-3; said 2 'E0605.*`LR` is compiled into this program, as 0.01'
grep -q 'gradc run --set LR=1e-3.*gradc build --set LR=1e-3' out.txt && pass || fail "no way out: $(cat out.txt)"
program train --set EPOCHS=3; said 2 'E0605' # it is in an expression of the test
program train --set STEP=3; said 2 'did you mean `STEPS`'
program train --set xyz=3; said 2 'the constants of s.nn are HIDDEN'
program train --set STEPS; said 2 'takes NAME=VALUE'
for v in 0 -1 1.5 x 99999999999; do program train --set STEPS=$v; said 2 'E0601.*whole number'; done
program train --set STEPS=5 --set STEPS=6; said 2 'set twice'
program train --set STEPS=5 --epochs 2; said 2 'exclude each other'
program train --set SEED=5 --seed 2; said 2 'exclude each other'
