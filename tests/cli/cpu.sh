# SPDX-License-Identifier: Apache-2.0
# A processor without the instructions that a model was built for: exit status 5 and their names, before any code of the
# model runs. Sourced by run.sh.
: "${tmp:?run.sh sources this file}"
cat >m.nn <<'N'
use net = linear(8)
data p { source = uniform(n = 30, lo = [0], hi = [1]); holdout = 0.2; x: f32[1] = field(0) }
train { data = p; batch = 6; steps = 3; loss = mean(net(x) ** 2); optim = sgd(lr = 0.1) }
export def f(x: f32[8, 1]) -> f32[8, 8] { net(x) }
N
seq 8 | paste -sd, >in.csv
# The runtime has all feature names of generated code.
sed -n 's/^ *" \([a-z0-9.]*\)"$/\1/p' "$root/runtime/needs.h" | sort -u >asked
grep -o '{"[a-z0-9.][a-z0-9.]*"' "$root/runtime/cpu.c" | tr -d '{"' | sort -u >known
equal 'names that nobody knows, or asks for' "$(comm -3 asked known | tr -d '\n')" ''
"$gradc" build m.nn -o here && ./here train --run-dir w >out 2>err || fail "native: $(head -3 err)"

lacks() { # lacks WHAT NAMES COMMAND...: each command of the program says so, and does nothing
  what=$1 names=$2; shift 2
  for c in 'train --run-dir r' 'train --json --run-dir w --force' 'eval --weights w/weights.safetensors' \
    'bench --steps 2' 'bench --infer --steps 2' \
    'predict --input in.csv --weights w/weights.safetensors' 'info --weights w/weights.safetensors'; do
    "$@" $c >out 2>err; got=$?
    found=$(grep -c "error\[E0661\].*lacks.*$names.*m was built for\|error\[E0661\].*lacks.*$names.* was built for" err)
    equal "$what: $c" "$got $found $(cat out)" '5 1 '
  done
  [ -d r ] && fail "$what: a run folder was made" || pass
  for c in --help --version info 'info --json' 'train --help'; do
    "$@" $c >out 2>err; equal "$what: $c" "$? $(grep -c . err)" '0 0'
  done
}
other=
[ "$(uname -m)" = x86_64 ] && ! grep -qw xop /proc/cpuinfo && other=bdver4
if [ -n "$other" ]; then
  "$gradc" build m.nn -o other --isa=$other || fail "--isa=$other does not compile"
  lacks "--isa=$other" xop ./other
  "$gradc" run m.nn --isa=$other --run-dir r >out 2>err
  equal "gradc run --isa=$other" "$? $(grep -c 'E0661.*xop' err)" '5 1'
  [ -d r ] && fail 'gradc run made a run folder' || pass
  foreign=$(command -v x86_64-linux-gnu-gcc-12 || command -v x86_64-linux-gnu-gcc)
  if full && [ -n "$foreign" ]; then # which compiles the runtime, too
    "$gradc" build m.nn -o foreign --isa=$other --cc="$foreign" && lacks "$foreign" xop ./foreign
  fi
fi
# The program of this machine on an older one.
if [ "$(uname -m)" = x86_64 ] && grep -qw avx /proc/cpuinfo && command -v qemu-x86_64 >/dev/null; then
  lacks 'Nehalem' avx qemu-x86_64 -cpu Nehalem ./here
  "$gradc" build m.nn -o generic --isa=generic; qemu-x86_64 -cpu Nehalem ./generic train --run-dir g >out 2>err
  equal 'generic on a Nehalem' $? 0
fi
if full && command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64 >/dev/null; then
  "$gradc" build m.nn -o arm --cc=aarch64-linux-gnu-gcc --isa=armv8.2-a+sve || fail 'aarch64 does not compile'
  lacks 'cortex-a53' sve qemu-aarch64 -L /usr/aarch64-linux-gnu -cpu cortex-a53 ./arm
  qemu-aarch64 -L /usr/aarch64-linux-gnu -cpu max ./arm train --run-dir a >out 2>err; equal 'SVE where it is' $? 0
fi
