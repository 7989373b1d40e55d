#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: forms of training. turns.nn, whose three sections use all of them, has the same strict bits in the
# interpreter, in portable and in native C, and when a run is resumed; forms that say the same thing train the same
# bits; several sections in the command line, the library and Python. Without FULL=1 only the first, and second order.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/forms
cd "$root" || exit 2
export NO_COLOR=1

trained() { # trained NAME: the hash of the weights of $tmp/NAME.nn after its training
  "$gradc" run --fp=strict "$tmp/$1.nn" --json --run-dir "$tmp/run_$1" --force 2>"$tmp/log" >"$tmp/$1.out" &&
    hash_of <"$tmp/$1.out"
}
binary() { check "$1 is built" "$gradc" build --fp=strict "$tmp/$1.nn" -o "$tmp/$1"; } # binary NAME
refused() { # refused NAME CODE TEXT COMMAND...
  name=$1; code=$2; text=$3; shift 3
  if "$@" >"$tmp/out" 2>&1; then fail "$name: is accepted"
  elif grep -q "$code" "$tmp/out" && grep -q "$text" "$tmp/out"; then pass
  else fail "$name: $(head -n 3 "$tmp/out")"; fi
}

# ---- the same bits everywhere ----
program reference "$here/reference.c" runtime/hash.c || { counts; exit 1; }
cp "$here"/*.nn "$tmp"
everywhere() { # everywhere NAME ROUNDS: the same strict bits by the interpreter, whose hash is $want, and both dialects
  want=$("$tmp/reference" "$tmp/$1.nn" "$2" "$tmp/spec.h")
  [ ${#want} = 16 ] && pass || fail "$1: the interpreter: $want"
  check "$1: portable C" "$gradc" emit --c "$tmp/$1.nn" -o "$tmp"
  check "$1: portable C compiles" gcc -O0 -std=c99 -Wall -Wno-unused -Werror -ffp-contract=off -c \
    -o "$tmp/$1.o" "$tmp/$1.c"
  check "$1: its program compiles" gcc -O0 -std=gnu11 -I"$tmp" -o "$tmp/portable" "$here/main_portable.c" \
    "$tmp/$1.o" runtime/hash.c
  equal "$1: portable C" "$("$tmp/portable")" "$want"
  binary "$1"
  "$tmp/$1" train --json --run-dir "$tmp/run_$1" >"$tmp/$1.out" 2>"$tmp/log"
  equal "$1: native C" "$(hash_of <"$tmp/$1.out")" "$want"
}
resumed() { # resumed NAME ROUND: the same bits and metrics as the run of everywhere
  "$tmp/$1" train --json --run-dir "$tmp/half" --force --stop-at "$2" >"$tmp/out" 2>&1
  equal "$1: resumed after round $2" \
    "$("$tmp/$1" train --resume --json --run-dir "$tmp/half" 2>/dev/null | hash_of)" "$want"
  check "$1: metrics of the resumed run" cmp "$tmp/half/metrics.csv" "$tmp/run_$1/metrics.csv"
}

# ---- a step that is evaluated several times ----
if full; then
  everywhere wolfe 9
  resumed wolfe 4
  equal "wolfe: one thread" \
    "$("$tmp/wolfe" train --json --threads 1 --run-dir "$tmp/alone" 2>/dev/null | hash_of)" "$want"
  check "wolfe: cuda-host" "$gradc" run --fp=strict --device=cuda-host "$tmp/wolfe.nn" --run-dir "$tmp/device" --force
  check "wolfe: metrics on cuda-host" awk -F, 'NR == FNR { row[FNR] = $0; next }
    { n = split(row[FNR], a); for (i = 2; FNR > 1 && i <= n; i++)
        if ((a[i] - $i) ^ 2 > 1e-8 * $i ^ 2) exit 1 }' "$tmp/run_wolfe/metrics.csv" "$tmp/device/metrics.csv"
  refused "wolfe: kernels alone" E0707 "waits for the loss" "$gradc" emit --cuda "$tmp/wolfe.nn" -o "$tmp/cu"
fi

everywhere turns 12

# ---- resumed ----
for at in $(if full; then echo 1 7; else echo 7; fi); do resumed turns $at; done
grep -q '"critic":{"steps":12,.*"gen":{"steps":4,.*"other":{"steps":5,' "$tmp/turns.out" && pass ||
  fail "turns: steps of the sections: $(tail -n 1 "$tmp/turns.out")"
equal "turns: columns" "$(head -n 1 "$tmp/run_turns/metrics.csv")" \
  "step,critic.loss,critic.size,critic.gap,gen.loss,other.loss"

# ---- second order ----
check "penalty: values" "$gradc" test "$here/penalty.nn"

full || { counts; exit 0; }

equal "turns: one thread" \
  "$("$tmp/turns" train --json --threads 1 --run-dir "$tmp/one" 2>/dev/null | hash_of)" "$want"

"$tmp/turns" train --json --steps 6 --run-dir "$tmp/six" >"$tmp/out" 2>/dev/null
grep -q '"critic":{"steps":6,.*"gen":{"steps":2,.*"other":{"steps":3,' "$tmp/out" && pass ||
  fail "turns: --steps 6: $(tail -n 1 "$tmp/out")"
sed 's/critic 12 12/critic 13 12/' "$tmp/run_turns/checkpoint-12.safetensors" >"$tmp/bad.safetensors"
mkdir "$tmp/damaged"
cp "$tmp/run_turns/run.json" "$tmp/run_turns/turns.nn" "$tmp/damaged"
cp "$tmp/bad.safetensors" "$tmp/damaged/checkpoint-12.safetensors"
refused "turns: a damaged checkpoint" E0640 "its numbers are not those" \
  "$tmp/turns" train --resume --run-dir "$tmp/damaged"

# ---- forms that say the same ----
model() { # model NAME BEFORE-USE OPTIM [LINES]: a section over drawn data
  cat >"$tmp/$1.nn" <<NN
def body(x: f32[B, 4]) -> f32[B, 6] { x |> linear(5) |> tanh |> linear(6) |> tanh }
def head(x: f32[B, 6]) -> f32[B, 2] { linear(x, 2) }
$2
use net = body()
use top = head()
train {
    steps = 8; seed = 3
    x = normal([16, 4])
    loss = mse(top(net(x)), x[:, 0:2]) + 0.01 * sum(net.linear_1.w ** 2)
    optim = $3
    ${4:-}
}
NN
}
same() { equal "$1 is $2" "$(trained "$1")" "$(trained "$2")"; }
model plain "" "adamw(lr = 0.1, decay = 0.1)"
model list "" "[adamw(net, lr = 0.1, decay = 0.1), adamw(lr = 0.1, decay = 0.1)]"
model names "" "[adamw(net.linear_1, top.linear.b, lr = 0.1, decay = 0.1), adamw(net.linear_2.w, net.linear_2.b, \
top.linear.w, lr = 0.1, decay = 0.1)]"
same list plain; same names plain
model rates "@lr(0.5)" "sgd(lr = 0.2 * cosine(step / steps), momentum = 0.5)"
model groups "" "[sgd(net, lr = 0.1 * cosine(step / steps), momentum = 0.5), \
sgd(top, lr = 0.2 * cosine(step / steps), momentum = 0.5)]"
same rates groups
model default_rate "@lr(0.5)" "rmsprop()"
model default_given "" "[rmsprop(net, lr = 0.005), rmsprop(top)]"
same default_rate default_given
model part "" "adam(top, lr = 0.1)"
model frozen "@freeze" "adam(lr = 0.1)"
same part frozen
model clip "" "sgd(lr = 0.1)" "clip = [norm(net, top, 0.05)]"
model clip_all "" "sgd(lr = 0.1)" "clip = norm(0.05)"
same clip clip_all
model quiet "" "adamw(lr = 0.1, decay = 0.1)" "grad_noise = 0"
same quiet plain
model noisy "" "adamw(lr = 0.1, decay = 0.1)" "grad_noise = 0.1"
[ "$(trained noisy)" != "$(trained plain)" ] && pass || fail "grad_noise changes nothing"
"$gradc" emit --c "$tmp/frozen.nn" -o "$tmp/c" >/dev/null 2>&1
"$gradc" emit --c "$tmp/part.nn" -o "$tmp/c" >/dev/null 2>&1
equal "memory of a part that is not trained" "$(sed -n 's/#define part_BYTES //p' "$tmp/c/part.h")" \
  "$(sed -n 's/#define frozen_BYTES //p' "$tmp/c/frozen.h")"

# ---- target := online ----
cat >"$tmp/target.nn" <<'NN'
def q(x: f32[B, 4]) -> f32[B, 2] { x |> linear(5) |> tanh |> linear(2) }
use online = q()
@freeze
use target = q()
train {
    steps = 9
    x = normal([8, 4])
    loss = mse(online(x), 1 + 0.9 * target(x))
    optim = sgd(lr = 0.1)
    target := RULE
}
export def both(x: f32[1, 4]) -> f32[1, 2] { online(x) - target(x) }
NN
cp "$tmp/target.nn" "$tmp/target.in"
sed "s/RULE/online/" "$tmp/target.in" >"$tmp/online.nn" # lists the weights of all of them
binary online
hashes() { "$tmp/online" info --json --weights "$tmp/run_target/weights.safetensors" |
  sed -n "s/.*\"name\":\"$1\.\([^\"]*\)\".*\"hash\":\"\([0-9a-f]*\)\".*/\1 \2/p"; }
for rule in online "lerp(target, online, 1)" "where(mod(step + 1, 3) == 0, online, target)" \
  "0 * target + 1 * online"; do
  sed "s/RULE/$rule/" "$tmp/target.in" >"$tmp/target.nn"
  check "target := $rule" trained target
  equal "target := $rule" "$(hashes target)" "$(hashes online)"
done
sed "s/RULE/where(mod(step + 1, 4) == 0, online, target)/" "$tmp/target.in" >"$tmp/target.nn"
check "target := at other steps" trained target
[ -n "$(hashes target)" ] && [ "$(hashes target)" != "$(hashes online)" ] && pass ||
  fail "target := at other steps: nothing is kept"

# ---- curvature: the mean of Hutchinson's estimates is the diagonal of the Hessian, over weights together ----
cat >"$tmp/estimates.nn" <<'NN'
def model() -> f32 {
    param a: f32[2] = 0
    param b: f32[2, 1] = 0
    q = f32([[4.0, 1.0, -2.0, 0.5], [1.0, -3.0, 0.25, 1.0], [-2.0, 0.25, 2.0, -1.0], [0.5, 1.0, -1.0, 0.5]])
    w = concat([a, reshape(b, [2])], axis = 0)
    0.5 * sum(w * (q @ w))
}
def mean_of(w: f32[...], g: f32[...], curvature: f32[...]) { (step * w + curvature) / (step + 1) + 0 * g }
use net = model()
train { steps = 10000; loss = net(); optim = mean_of()
  metric.off = max(max(abs(net.a - f32([4.0, -3.0]))), max(abs(net.b - f32([[2.0], [0.5]])))) }
NN
check "estimates" trained estimates
off=$(tail -n 1 "$tmp/run_estimates/metrics.csv" | sed 's/.*,//')
awk -v x="$off" 'BEGIN { exit !(x != "" && x > 1e-4 && x < 0.1) }' && pass || # 4.4 standard deviations
  fail "estimates are $off off"
for with in "accumulate = 2" "precision = f16"; do
  sed "s/steps = 10000/steps = 1; $with/" "$tmp/estimates.nn" >"$tmp/refused.nn"
  refused "curvature with $with" E0707 "$with\|accumulate" "$gradc" check "$tmp/refused.nn"
done

# ---- ema ----
averaged() { # averaged NAME EMA: evaluations of ema.nn with these averages, and of what it trained as weights of plain
  sed "s/EMA/$2/" "$tmp/ema.in" >"$tmp/$1.nn"
  binary "$1"
  check "ema: $1 trains" "$tmp/$1" train --json --run-dir "$tmp/run_$1"
}
scores() { "$tmp/$1" eval --weights "$2" --json | sed 's/.*"loss":\([^,]*\),.*"bias":\([^,}]*\).*/\1 \2/'; }
answers() { printf '1,2\n-0.5,0.25\n' | "$tmp/$1" predict --weights "$2" --input -; }
as_plain() { # as_plain NAME MAP...: the weights of NAME's run, under other names, as a file of plain
  run=$1; shift
  check "ema: weights of $run" "$tmp/plain_ema" train --steps 0 --run-dir "$tmp/as_plain" --force \
    --init "$tmp/run_$run/weights.safetensors" "$@"
}
cat >"$tmp/ema.in" <<'NN'
def f(x: f32[B, 2]) -> f32[B, 3] { x |> linear(6) |> batchnorm |> tanh |> linear(3) }
use net = f()
data d { source = normal(n = 100, mean = [1, 2, 3, 0], std = 1); holdout = 0.2
  x: f32[2] = field(0)[0:2]
  y: f32[2] = field(0)[2:4] }
train { data = d; batch = 8; steps = 20; seed = 4; EMA
  loss = mse(net(x)[:, 0:2], y); optim = adam(lr = 0.1); metric.bias = mean(net.linear_2.b) }
export def answer(x: f32[1, 2]) -> f32[1, 3] { net(x) }
NN
averaged plain_ema ""
averaged both "ema = 0.75"
averaged trained_only "ema = average(0.75, eval = false, export = false)"
averaged exported "ema = average(0.75, eval = false)"
w=$tmp/run_both/weights.safetensors
check "ema: the same run, whatever reads its averages" cmp "$tmp/run_exported/weights.safetensors" "$w"
as_plain both --init-map net.linear_1= --init-map net.linear_2= --init-map net.batchnorm.g= \
  --init-map net.batchnorm.b= --init-map ema.net=net
p=$tmp/as_plain/weights.safetensors
equal "ema: evaluated" "$(scores both "$w")" "$(scores plain_ema "$p")"
equal "ema: exported" "$(answers both "$w")" "$(answers plain_ema "$p")"
equal "ema: exported alone" "$(answers exported "$w")" "$(answers plain_ema "$p")"
as_plain both --init-map ema=
equal "ema: not evaluated" "$(scores exported "$w") $(scores trained_only "$w")" \
  "$(scores plain_ema "$p") $(scores plain_ema "$p")"
equal "ema: not exported" "$(answers trained_only "$w")" "$(answers plain_ema "$p")"
[ "$(scores both "$w")" != "$(scores plain_ema "$p")" ] && pass || fail "ema: the averages are the weights"
equal "ema: a file without averages" "$(scores both "$p") $(answers both "$p")" \
  "$(scores plain_ema "$p") $(answers plain_ema "$p")"
"$tmp/both" train --json --run-dir "$tmp/half_ema" --stop-at 9 >"$tmp/out" 2>&1
check "ema: resumed" "$tmp/both" train --resume --run-dir "$tmp/half_ema"
check "ema: resumed, the same file" cmp "$tmp/half_ema/weights.safetensors" "$w"
call() { # call MODEL WEIGHTS: the answer of the C with weights in it, to the first record
  check "ema: $1 with weights" "$gradc" emit --c --only=infer --weights "$2" "$tmp/$1.nn" -o "$tmp/c"
  printf '#include <stdio.h>\n#include "%s.h"\nstatic char m[%s_BYTES];\nint main(void) {\n' "$1" "$1" >"$tmp/c/m.c"
  printf '  static const float x[2] = {1, 2};\n  float y[3];\n  %s_init(m, 0);\n  %s_answer(m, x, y);\n' "$1" "$1" \
    >>"$tmp/c/m.c"
  printf '  printf("%%.6g %%.6g %%.6g\\n", y[0], y[1], y[2]);\n}\n' >>"$tmp/c/m.c"
  check "ema: $1 in C" gcc -O0 -I"$tmp/c" -o "$tmp/c/m" "$tmp/c/m.c" "$tmp/c/$1.c" -lm
  "$tmp/c/m"
}
call both "$w" >"$tmp/of_both"; call both "$p" >"$tmp/of_file"; call plain_ema "$p" >"$tmp/of_plain"
check "ema: C of a file without averages" cmp "$tmp/of_file" "$tmp/of_plain"
! cmp -s "$tmp/of_both" "$tmp/of_plain" && pass || fail "ema: C has no averages"

# ---- in half precision, with budgets ----
sed 's/^train critic {/train critic { precision = f16;/' "$here/turns.nn" >"$tmp/f16.nn"
check "turns in f16" trained f16
check "turns under a budget" "$gradc" build --ram 64K "$tmp/turns.nn" -o "$tmp/small"

# ---- data, evaluation, Python ----
cat >"$tmp/duel.nn" <<'NN'
def f(x: f32[B, 2]) -> f32[B, 1] { x |> linear(6) |> relu |> linear(1) }
use a = f()
use b = f()
data d { source = normal(n = 100, mean = [1, 2, 3], std = 1); holdout = 0.2
  x: f32[2] = field(0)[0:2]
  y: f32[1] = field(0)[2:3] }
train { data = d; batch = 8; epochs = 3; seed = 4
  loss = mse(a(x), y); optim = adam(lr = 0.01 * cosine(step / steps)); metric.m = mean(a(x)); metric.n = mean(y) }
train second { data = d; batch = 4; every = 2
  loss = mse(b(x), a(x)) + 0 * epoch; optim = [sgd(b, lr = 0.1)]; metric.n = mean(b(x)) }
NN
binary duel
want=$(trained duel)
equal "duel: what is evaluated" "$("$tmp/duel" eval --json --weights "$tmp/run_duel/weights.safetensors" |
  sed 's/.*"section":\("[a-z]*"\).*"loss":\([^,]*\),.*/\1:\2/' | tr '\n' ' ')" \
  "$(tail -n 1 "$tmp/duel.out" |
     sed 's/.*"train":{[^{]*{"loss":\([^,]*\),.*"second":{[^{]*{"loss":\([^,]*\),.*/"train":\1 "second":\2 /')"
equal "duel: a binary" \
  "$("$tmp/duel" train --json --run-dir "$tmp/ran" 2>/dev/null | hash_of)" "$want"
python=$(command -v python3)
[ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import numpy' 2>/dev/null && python=/usr/bin/python3
if "$python" -c 'import numpy' 2>/dev/null; then
  make -s lib BUILD="$2" >"$tmp/log" 2>&1
  GRADC_LIBRARY=$build/libgradc.so.0 PYTHONPATH=$root/python "$python" "$here/duel.py" "$tmp/duel.nn" "$tmp" \
    >"$tmp/out" 2>&1
  equal "duel: Python" "$(tail -n 1 "$tmp/out")" "$want"
fi

# ---- batches of each section ----
cat >"$tmp/batches.nn" <<'NN'
use a = linear(1)
use b = linear(1)
data d { source = normal(n = 100, mean = [0, 0], std = 1); holdout = 0.1; x: f32[2] = field(0) }
train one { data = d; batch = 8; epochs = 1; loss = mean(a(x) ** 2); optim = sgd(a, lr = 0.1) }
train { data = d; batch = 9; loss = mean(b(x) ** 2); optim = sgd(b, lr = 0.1) }
NN
check "hold-outs in batches that differ" "$gradc" run "$tmp/batches.nn" --run-dir "$tmp/run_batches"

# ---- wrong use ----
refused "every alone" E0308 "several train sections" "$gradc" check - <<'NN'
def f(x: f32[B, 2]) { linear(x, 1) }
use a = f()
train { steps = 1; every = 2; loss = mean(a(ones(1, 2))); optim = sgd(lr = 1) }
NN
counts
