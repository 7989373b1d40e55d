# SPDX-License-Identifier: Apache-2.0
# gradc runs and gradc plot, over runs of training and over files made for them. Sourced by run.sh.
: "${tmp:?run.sh sources this file}"
cat >v.nn <<'N'
const LR = 1e-2
const H = 4
const WIDE = 2 * H
def net(x: f32[B, 2]) { x |> linear(WIDE) |> tanh |> linear(1) }
use model = net()
data points { source = uniform(n = 200, lo = [-1, -1], hi = [1, 1]); holdout = 0.2; x: f32[2] = field(0) }
train { data = points; batch = 40; epochs = 5; seed = 1; optim = adam(lr = LR)
        loss = mse(model(x), x[:, 0:1] * x[:, 1:2])
        metric.near = mean(abs(model(x) - x[:, 0:1] * x[:, 1:2]) < 0.05) }
N
for lr in 1e-3 1e-2 1e-1; do expect 0 '' run v.nn --set LR=$lr --run-dir "r/lr$lr"; done
only() { # only NAME WANT COMMAND…: what the command prints
  name=$1; want=$2; shift 2
  "$gradc" "$@" >out 2>err; equal "$name" "$(cat out)" "$want"
}

# ---- runs ----
expect 0 '^run  *LR  *best val_loss  *at  *val_loss  *val_near  *loss  *near  *steps  *time  *state$' runs r
grep -q '^lr1e-1  *0.1 .*  20 .* done$' out && pass || fail "runs: $(cat out)"
grep -q 'WIDE\|source' out && fail "runs shows what does not differ" || pass
equal "the best run is first" "$("$gradc" runs r --by loss | sed -n '2s/ .*//p')" lr1e-1
"$gradc" runs r --by val_loss:max | awk 'NR > 1 { print $3 }' >got; sort -gr got >want
check "the order of a given direction" cmp got want
expect 2 'near:min or near:max' runs r --by near
expect 2 'did you mean `val_loss`' runs r --by val_los
COLUMNS=50; export COLUMNS; expect 0 '^[0-9] columns do not fit' runs r; unset COLUMNS
equal "every line fits 50 columns" "$(awk 'length > 50' out)" ""
expect 0 '"settings":{"seed":1,"LR":0.1,"H":4,"WIDE":8,' runs r --json
json_lines out && pass || fail "runs --json"
loss=$(sed -n 's/^20,\([^,]*\),.*/\1/p' r/lr1e-1/metrics.csv | head -n 1)
near "the last loss" "$(sed -n 's/.*lr1e-1.*"last":{"loss":\([^,]*\),.*/\1/p' out)" "$loss" 1e-6
least=$(tail -n +2 r/lr1e-1/metrics.csv | cut -d, -f4 | grep . | sort -g | head -n 1)
near "the best validation" "$(sed -n 's/.*lr1e-1.*"val_loss":{"value":\([^,]*\),.*/\1/p' out)" "$least" 1e-6
expect 0 '^lr1e-1 *0.1\|^run' runs r/lr1e-1
sed -i 's/tanh/relu/' v.nn; expect 0 '' run v.nn --set LR=1e-1 --set H=6 --run-dir r/relu --epochs 1
expect 0 '^run  *LR  *source  *H  *WIDE  *epochs\|^run  *LR  *H  *WIDE' runs r
expect 1 'E0501' runs none
mkdir empty; expect 1 'E0512.*no runs in empty' runs empty
expect 1 'E0512' runs v.nn
equal "a sweep's files among runs" "$("$gradc" runs r/sweep.json r/* r/trials.jsonl)" "$("$gradc" runs r/*)"

# ---- folders that were made by something else, broken, or being written ----
mkdir -p a/b; printf 'step,loss,disc.acc\n1,0.5,\n2,nan,0.25\n3,0.25,inf\n4,0.75,0.' >a/b/metrics.csv
expect 0 '^b  *0.25  *3  *0.25  *inf  *3  *stopped$' runs a
mkdir a/c; printf '{"model": "c", "seed": 3, "flags": "\\u0041", "data": [], "x": {"y": 1}}' >a/c/run.json
expect 0 '^c  *3  *A  *{"y": 1}\|^run  *seed' runs a
for bad in 'step,loss\n1,a' 'step,loss\n1' 'loss\n1' 'step,loss\n1,2,3' 'step,loss\n,2'; do
  mkdir -p bad; printf "$bad\n" >bad/metrics.csv; expect 1 'E0512.*bad/metrics.csv' runs bad
done
printf 'step,loss\n' >bad/metrics.csv; printf '{"a": ' >bad/run.json; expect 1 'E0512.*bad/run.json' runs bad

# ---- plot ----
mkdir p q
awk 'BEGIN { print "step,loss,val_loss"
             for (i = 1; i <= 9; i++) { print i "," 9 - i ","; if (i % 4 == 0) print i ",," 10 - i } }' >p/metrics.csv
awk 'BEGIN { print "step,loss"; for (i = 1; i <= 9; i++) print i "," i - 1 }' >q/metrics.csv
mkdir k; printf 'step,loss\n1,1\n2,1\n3,1\n4,nan\n5,1\n' >k/metrics.csv
only "two runs" 'loss
    8 |aa                   cc
      |  aaa             ccc
      |     aaaBB   ccccc
      |          cccB
      |       ccc   aBBBB
      |  ccccc         aaBBa
    0 |cc                   aa
      +-----------------------
       1        step         9
a  p loss  B  p val_loss
c  q loss' plot p q --width 30 --height 7
only "braille" 'loss
    8 │⠑⢄
      │  ⠑⢕⡀⡀
      │    ⠈⠒⢆⢄
    0 │       ⠑⢄
      └─────────
       1 step  9
⠉⠉ loss
⠑⠤ val_loss' plot p --width 16 --height 4 --chars=braille
only "a constant, one step, no finite value between" 'loss
  1.5 |
      |aaaaa  a
  0.5 |
      +--------
       1      5
a  loss' plot k --width 15 --height 3
for w in 12 20 39 40 79 200 1000; do
  "$gradc" plot p q --width $w >out 2>err || fail "plot --width $w: $(cat err)"
  equal "plot fits $w columns" "$(head -n 18 out | awk -v w=$w 'length > w')" ""
done
for y in --log '--smooth=3' '--y=loss,val_loss' '--height=1' '--height=60'; do expect 0 'loss' plot p q "$y"; done
for bad in --width=5 --width=x --height=0 --smooth=0 --chars=dots --y=los --y= -o=out.png; do
  expect 2 '' plot p $bad
done
expect 2 'did you mean `loss`' plot p --y los
expect 2 'there are loss' plot p --y zzzzzz
expect 1 'E0512' plot a/c v.nn
expect 2 'no run has values of `loss`' plot a/c
NO_COLOR=1 LC_ALL=C.UTF-8 "$gradc" plot p | grep -q '|' && pass || fail "plot is not in ASCII without colours"
expect 0 '' plot p q -o out.svg
python3 -c 'import sys, xml.dom.minidom as m
d = m.parse(sys.argv[1]); p = d.getElementsByTagName("path")
x = [[float(v) for v in t.replace("M", " ").replace("L", " ").split()[::2]] for t in (e.getAttribute("d") for e in p)]
sys.exit(not (len(p) == 3 and all(76 <= min(v) and max(v) <= 936 and v == sorted(v) for v in x)))' out.svg &&
  pass || fail "the SVG: $(head -c 300 out.svg)"
awk 'BEGIN { print "step,loss"; for (i = 1; i <= 100000; i++) print i "," (i * 7919) % 1000 }' >q/metrics.csv
expect 0 '' plot q -o big.svg
[ "$(wc -c <big.svg)" -lt 200000 ] && pass || fail "the SVG of 100000 steps has $(wc -c <big.svg) bytes"
