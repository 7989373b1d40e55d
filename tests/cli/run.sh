#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: the command line. Exit statuses, help, suggestions, what each command prints and writes, and that
# no file is left behind. Prints failures and a count.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/cli
models=$root/examples/models
quick_cc
cd "$tmp" || exit 2
mkdir t
TMPDIR=$tmp/t; export TMPDIR
unset NO_COLOR

# expect STATUS PATTERN ARGS…: the exit status, and a pattern in what is printed ('' for none)
expect() {
  want=$1; pattern=$2; shift 2
  "$gradc" "$@" >out 2>err
  got=$?
  if [ $got -ne "$want" ]; then fail "gradc $*: status $got, not $want: $(head -c 200 err)"
  elif [ -n "$pattern" ] && ! cat out err | grep -q -e "$pattern"; then
    fail "gradc $*: no '$pattern' in: $(cat out err | head -c 300)"
  else pass; fi
}
json_lines() { # every line of a file is one JSON object
  awk '{ s = $0; gsub(/\\./, "", s); gsub(/"[^"]*"/, "0", s)
         if (s !~ /^\{.*\}$/ || s ~ /[^][{}:,0-9.eE+truefalsn-]/) { print "line " NR ": " $0; bad = 1 } }
       END { exit bad || NR == 0 }' "$1"
}
nothing_left() { if [ -z "$(ls -A t)" ]; then pass; else fail "$1 left $(ls t)"; rm -rf t/*; fi; }

cat >product.nn <<'N'
def net(x: f32[B, 2]) { x |> linear(16) |> tanh |> linear(1) }
use model = net()
data points { source = uniform(n = 1000, lo = [-1, -1], hi = [1, 1]); x: f32[2] = field(0) }
train { data = points; batch = 50; steps = 20; seed = 3; optim = adam(lr = 1e-2)
        loss = mse(model(x), x[:, 0:1] * x[:, 1:2]) }
export def predict(x: f32[1, 2]) { model(x) }
test "one is one" { assert 1.0 + 0 == 1 }
N
printf 'test "holds" { assert 1 < 2 }\ntest "fails" {\n  x = [1.5, 2]\n  assert sum(x) == 4\n}\n' >fails.nn
printf 'def f(x: f32[B, 4]) { y = x; x }\nexport def g(x: f32[1, 4]) { f(x) }\n' >warned.nn
printf 'def f(x: f32[B, 4]) {\n  y = x @ nothing\n  y }\nuse m = f()\nexport def g(x: f32[1, 4]) { m(x) }\n' >wrong.nn

# ---- the table of options ----
expect 0 'product.nn'
[ "$(wc -l <out)" -le 34 ] && pass || fail "the overview has $(wc -l <out) lines"
expect 0 '^gradc [0-9]' --version
expect 2 'did you mean `build`' biuld
expect 2 'did you mean `--cflags`' build product.nn -o m --cflag=-O1
expect 2 'did you mean `--no-layout`' ir product.nn --no-layuot
expect 2 'did you mean `fast`' build product.nn -o m --fp=fats
expect 2 'needs a value' build product.nn -o
expect 2 'takes no value' report product.nn --json=1
expect 2 'needs an operand' check
expect 2 'E0500' build product.nn
for c in check build run sweep tune runs plot emit ir opt ops explain fmt test eval gradcheck report import weights \
  doctor; do
  expect 0 '^Example: gradc' $c --help
  head -n 1 out | grep -q "gradc $c" && pass || fail "$c --help does not begin with an example"
done
expect 1 'E0501' check no-such-file.nn
expect 1 'E0501' check .
expect 1 'wrong.nn:2:' check wrong.nn
[ -s out ] && fail "an error went to standard output" || pass
grep -q "$(printf '\033')" err && fail "colour in a file" || pass
expect 0 '' check product.nn fails.nn
printf 'def f(x: f32[B, 4]) {\n  param w: f32[4] = [1, 2]\n  x * w }\nuse m = f()\n' >initial.nn
printf 'export def g(x: f32[1, 4]) { m(x) }\n' >>initial.nn
expect 1 'E0217.*initial value' check wrong.nn initial.nn
expect 1 'wrong.nn:2:' check initial.nn wrong.nn
[ -s out ] && fail "check printed something" || pass
if [ -w /dev/full ]; then
  for cmd in ops "ir product.nn" "fmt product.nn" "report product.nn" --help "help --man"; do
    "$gradc" $cmd >/dev/full 2>err; [ $? -eq 5 ] && pass || fail "$cmd: a full device is not status 5"
    grep -q 'E0502.*standard output: No space left' err && pass || fail "$cmd: the reason is missing: $(cat err)"
  done
fi
"$gradc" ir product.nn >&- 2>err; [ $? -eq 5 ] && pass || fail "a closed output is not status 5"
grep -q 'E0502.*standard output: Bad file' err && pass || fail "a closed output: $(cat err)"
"$gradc" check - <&- 2>err; [ $? -eq 1 ] && grep -q 'E0501.*standard input: Bad file' err && pass ||
  fail "closed input: $(cat err)"
"$gradc" check - </ 2>err; grep -q 'E0501.*standard input: Is a dir' err && pass || fail "a folder as input: $(cat err)"

# ---- warnings ----
cat >warned.nn <<'N'
def net(x: f32[B, 2]) { h = relu(x)
  exp(x)
  y = linear(x, 2)
  y = linear(x, 1)
  y }
def spare(x: f32[B]) { x }
const unread = 3
const _unread = 3
use model = net()
use other = linear(3)
use none_out = linear(0)
train { steps = 2; loss = mean(model(ones(3, 2)) * ones(3)); metric.all = mean(model(ones(3, 2)) > ones(3)[none, :])
  metric.none = sum(none_out(ones(3, 2)))
  metric.twice = cross_entropy(softmax(ones(3, 2)), [0, 1, 0])
  metric.sigmoid = bce_with_logits(z = ones(3) |> sigmoid, t = ones(3))
  metric.once = soft_cross_entropy(log(softmax(ones(3, 2))), softmax(ones(3, 2))) + bce(sigmoid(ones(3)), ones(3))
  optim = sgd(lr = 0.1) }
N
expect 0 '' check warned.nn
[ -s out ] && fail "a warning went to standard output" || pass
for w in "E0243.*\`h\` is never read" "E0242.*neither bound nor used" "E0243.*\`y\` is bound again" \
  "E0241.*nothing calls \`spare\`" "E0244.*.3, 1. and f32.3. give f32.3, 3." \
  "E0243.*\`unread\` is never read" "E0240.*nothing calls \`other\`" \
  "E0245.*\`w\` is f32.2, 0., which has no elements" "E0246.*\`cross_entropy\` contains the softmax" \
  "E0246.*\`bce_with_logits\` contains the sigmoid"; do
  grep -q "^warning\[$w" err && pass || fail "no warning $w: $(grep '^warning' err)"
done
equal "warnings" "$(grep -c '^warning' err)" 10
expect 1 '^error.E0240' check -W warned.nn
expect 1 '^error.E0243' build -W warned.nn -o warned
[ -e warned ] && fail "-W built it" || pass
expect 0 '^warning.E0240' build warned.nn -o warned
expect 0 '' ir warned.nn
expect 0 '' emit warned.nn -o folder
printf 'def spare(x: f32[B]) { x }\nconst n = 3\n' >library.nn
printf 'import "library.nn"\nexport def f(x: f32[1]) { x }\n' >imports.nn
expect 0 '' check -W library.nn imports.nn # the defs of a library are for its importers
printf 'def f(x: f32[B]) { state n: f32 = 0\n  n := n + 1\n  x }\nuse c = f()\n' >effect.nn
printf 'export def g(x: f32[2]) { c(x)\n  x }\n' >>effect.nn
expect 0 '' check -W effect.nn
for m in "$models"/*.nn "$root"/bench/models/*.nn; do expect 0 '' check -W "$m"; done

# ---- the shapes of data files ----
header="{'descr': '|u1', 'fortran_order': False, 'shape': (6, 2, 2, 3), }                                         "
{ printf '\223NUMPY\001\000\166\000'; printf '%-117s\n' "$header"; head -c 72 /dev/zero; } >image.npy
gzip -c image.npy >packed.npy.gz
field() { # STATUS PATTERN FILE TYPE EXPRESSION
  printf 'data d { source = npy("%s"); x: %s = %s }\nuse n = linear(1)\ntrain { data = d; batch = 2; epochs = 1
  loss = mean(n(x)); optim = sgd(lr = 0.1) }\n' "$3" "$4" "$5" >field.nn
  expect "$1" "$2" check field.nn
}
field 0 '' image.npy 'f32[3, 2, 2]' 'permute(field(0), 2, 0, 1) / 255'
expect 0 '' run field.nn --run-dir shaped
field 0 '' packed.npy.gz 'f32[3, 2, 2]' 'permute(field(0), 2, 0, 1) / 255'
field 0 '' nowhere.npy 'f32[3, 2, 2]' 'permute(field(0), 2, 0, 1) / 255'
cp image.npy nowhere.npy
expect 0 '' run field.nn --run-dir shaped --force
field 0 '' image.npy 'f32[2, 2]' 'mean(field(0), axes = [2])'
field 0 '' image.npy 'f32[12]' 'reshape(field(0), [-1])'
field 1 'E0311.*`x` is f32\[2, 2, 3\] here, but its line says f32\[3, 2, 2\]' image.npy 'f32[3, 2, 2]' 'field(0)'
grep -q 'field(0) is f32\[2, 2, 3\]: the records of "image.npy"' err && pass || fail "the file is not named: $(cat err)"
field 1 'E0311.*`x` is f32\[12\] here' image.npy 'f32[3, 2, 2]' 'reshape(field(0), [12])'
field 1 'E0311' image.npy 'f32[12]' 'field(0)'
field 0 '' elsewhere.npy 'f32[3, 2, 2]' 'field(0)'
cp image.npy elsewhere.npy
"$gradc" build field.nn -o shaped.bin 2>err && fail "a shape that the header refuses is built" || pass
rm elsewhere.npy; "$gradc" build field.nn -o shaped.bin; cp image.npy elsewhere.npy
./shaped.bin train --run-dir shaped --force >out 2>&1
grep -q 'E0616.*a record is \[2, 2, 3\], `x` takes field(0) as \[3, 2, 2\]' out && pass ||
  fail "another shape at run time: $(cat out)"
for e in 'field(0:4)' 'field(0:4) / 2'; do
  printf 'data d { source = csv("n.csv"); x: f32[2, 2] = %s }\n' "$e" >field.nn
  expect 0 '' check field.nn # a flat record fills row by row
done
printf 'data d { source = csv("n.csv"); x: f32[2, 3] = reshape(field(0:6), [3, 2]) }\n' >field.nn
expect 1 'E0311' check field.nn

# ---- output paths ----
cp product.nn kept.nn
expect 2 'writes a folder' emit --c product.nn -o out.c
expect 2 'writes a folder' emit product.nn -o w/out.h
for o in out.c out.h m.o libm.so libm.a other.nn other.ir; do expect 2 'writes a program' build product.nn -o $o; done
for o in product.nn ./product.nn; do
  expect 2 'would overwrite' build product.nn -o $o
  expect 2 'would overwrite' emit product.nn -o $o
  expect 2 'would overwrite' report product.nn --svg $o
done
expect 2 'writes a picture' report product.nn --svg x.nn
cmp -s product.nn kept.nn && pass || fail "the model was overwritten"
[ ! -e out.c ] && [ ! -e w ] && [ ! -e other.nn ] && pass || fail "something was written: $(ls)"
mkdir folder.c
expect 0 '' emit product.nn -o folder.c
[ -f folder.c/product.c ] && pass || fail "a folder whose name ends with .c is not taken"

# ---- IR is not a program ----
"$gradc" ir product.nn --stop-after=autodiff >product.ir
expect 1 'E0509.*train_step' build product.ir -o m
expect 1 'E0509.*train_step' run product.ir
expect 0 '' emit product.ir -o folder.c
awk '/^graph (train_step|eval_step)/ { skip = 1 } !skip { print } /^}/ { skip = 0 }' product.ir >predict.ir
expect 0 '' build predict.ir -o m
[ -x m ] && pass || fail "IR of an export is not built"

# ---- machines ----
for isa in banana '' cortex-m99; do expect 2 'there is no machine' report product.nn --isa="$isa"; done
expect 2 'native avx512 avx2 neon generic.*skylake.*cortex-m4' report product.nn --isa=banana
expect 0 'predicted time  *not known' report product.nn --isa=cortex-m4
expect 0 '"predicted_step_ms":null' report product.nn --isa=cortex-m4 --json
for isa in native avx2 skylake; do expect 0 '"predicted_step_ms":[0-9]' report product.nn --isa=$isa --json; done
# The predicted time is the sum of those of the kernels; a machine that was not measured has none.
expect 0 'roofline  *ratio' report product.nn --roofline
expect 0 '"event":"kernel","kernel":"contract' report product.nn --roofline --json
awk -F'"ms":|"predicted_step_ms":' '{ split($2, v, ","); if (NR == 1) all = v[1]; else sum += v[1] }
  END { exit !(NR > 1 && sum > 0.9999 * all && sum < 1.0001 * all) }' out && pass ||
  fail "report --roofline: $(cat out)"
cat >strided.nn <<'N'
def net(x: f32[B, 3, 9, 9]) { x |> conv2d(4, k = 1) |> relu |> conv2d(8, k = 3, stride = 2, pad = 1, groups = 4) }
use model = net()
data d { source = uniform(n = 8, lo = [-1], hi = [1]); p: f32[1] = field(0) }
train { data = d; batch = 2; steps = 1; optim = sgd(lr = 1e-3)
        loss = sum(model(random(2, 3, 9, 9)) ** 2) + 0 * sum(p) }
N
expect 0 '"predicted_step_ms":[0-9]' report strided.nn --roofline --json
json_lines out && pass || fail "report --roofline of iterations that are skipped: $(cat out)"
expect 2 'exclude each other' report product.nn --roofline --cuda
expect 0 'FLOPs per step' report product.nn --isa=cortex-m4

# ---- terminals ----
LC_ALL=C "$gradc" report --memory product.nn >out 2>&1
LC_ALL=C grep -q "$(printf '[\200-\377]')" out && fail "UTF-8 under LC_ALL=C" || pass
grep -q 'peak at' out && pass || fail "no map under LC_ALL=C"
LC_ALL=C.UTF-8 "$gradc" report --memory product.nn >out 2>&1
grep -q '└' out && pass || fail "no UTF-8 under C.UTF-8"

# ---- explain, ops, fmt ----
expect 0 'matmul' explain E0214
expect 0 'matmul' explain 214
expect 2 'no error code' explain E9999
expect 0 '^E0214  ' explain
[ "$(cut -c 1-5 out | sort -u | wc -l)" -ge 150 ] && pass || fail "explain lists $(wc -l <out) codes"
[ -z "$(cut -c 1-5 out | sort | uniq -d)" ] && pass || fail "codes of two errors: $(cut -c 1-5 out | sort | uniq -d)"

# ---- messages: the last line; the members of LSP; what is written for a command ----
expect 1 '^1 error: `gradc explain E0201` says more$' check wrong.nn
printf 'test "\303\251\360\235\204\236" { assert absent; two = 2 }\n' >wide.nn
printf 'def f(x: f32[B, 4]) { x.view(2) }\nexport def g(x: f32[1, 4]) { f(x) }\n' >inside.nn
expect 1 '' check --json wide.nn inside.nn
json_lines out && pass || fail "check --json: $(cat out)"
[ ! -s err ] && pass || fail "check --json wrote: $(cat err)"
printf '%s' '{"uri":"wide.nn","range":{"start":{"line":0,"character":20},"end":{"line":0,"character":26}},' \
  '"severity":1,"code":"E0201","source":"gradc","message":"unknown name `absent`"' >wanted
grep -qFf wanted out && pass || fail "columns are not of UTF-16: $(cat out)"
printf '%s' '"relatedInformation":[{"location":{"uri":"inside.nn","range":{"start":{"line":1,"character":29}' >wanted
grep -qFf wanted out && pass || fail "no call in: $(cat out)"
expect 0 '"severity":2,"code":"E0243"' check --json warned.nn
expect 2 '`gradc run m.nn` trains' m.nn
expect 2 '`gradc run m.nn` trains' train m.nn
expect 2 '`gradc run m.nn` trains' trian m.nn
for e in $(sed -n 's/^E(\([0-9]*\),.*/\1/p' "$root/ir/errors.def"); do expect 0 'wrong:\|now:' explain "$e"; done
expect 0 '^contract ' ops
expect 0 '^| `contract`' ops --markdown
cmp -s out "$root/docs/ops.md" && pass || fail "docs/ops.md is not what gradc ops --markdown prints"
expect 0 '"name":"contract"' ops --json
expect 0 'linear(16)' fmt product.nn
cp out formatted.nn
expect 0 '' fmt --check formatted.nn
cp product.nn f.nn
expect 0 '' fmt --write f.nn
cmp -s f.nn formatted.nn && pass || fail "fmt --write differs from fmt"

# ---- ir, opt ----
expect 0 '^graph train_step' ir product.nn --stop-after=autodiff
grep -q '!kernel' out && fail "--stop-after=autodiff ran fuse" || pass
expect 0 'arena=' ir product.nn
expect 2 '' ir product.nn --stop-after
expect 1 'E0410' ir product.nn --stop-after=autodif
expect 1 'E0410.*cse. is not among' ir product.nn --stop-after=autodiff --dump-after=cse
expect 0 '' ir product.nn --dump-after=all --dump-dir d
n=0
for f in d/*.ir; do
  n=$((n + 1))
  "$gradc" opt --passes= "$f" >again.ir 2>err && cmp -s "$f" again.ir && pass ||
    fail "$f is not printed back: $(head -c 200 err)"
done
[ $n -ge 9 ] && pass || fail "only $n dumps"
expect 5 'E0502' ir product.nn --dump-dir product.nn
expect 0 '# after pass .* cse' ir product.nn --dump-after=cse
expect 0 '' opt --passes=simplify,dce d/01-autodiff.ir
expect 1 'E0410' opt --passes=no d/01-autodiff.ir
expect 1 'E0413' opt --passes=memory d/01-autodiff.ir

# ---- test, gradcheck, report ----
expect 0 'ok .*one is one' test product.nn
expect 1 'failed .*fails' test fails.nn
grep -q 'fails.nn:4:.*3.5 .*4' out && pass || fail "test does not show place and both sides: $(cat out)"
expect 1 '"test":"fails","ok":false' test fails.nn --json
expect 0 '^warned.nn has no tests, such as' test warned.nn
tail -n 1 out | grep -qx '0 passed, 0 failed' && pass || fail "no tests: $(cat out)"
expect 0 'ok .*model.linear_1.w' gradcheck product.nn
expect 0 '"weight":"model.linear_1.w","ok":true' gradcheck product.nn --json
expect 1 'E0506' gradcheck fails.nn
sed 's/mse(model(x),/mse(model(stop_gradient(model(x)) * x) + 0 * floor(model(x)),/' product.nn >held.nn
expect 0 'ok .*model.linear_1.w' gradcheck held.nn
sed 's/mse(model(x),/mse(sqrt(0 * model(x)),/' product.nn >nan.nn
expect 1 '"ok":false,.*"error":null' gradcheck nan.nn --json
cat >drops.nn <<'X' # every evaluation of the loss draws the same random numbers
use l = linear(3)
train { steps = 2; loss = mean(dropout(l(ones(4, 5)), 0.5) ** 2); optim = sgd(lr = 0.1) }
X
for how in interpret jit=cc; do expect 0 'ok .*l.w' gradcheck drops.nn --$how; done
expect 0 'parameters  *65$' report product.nn
expect 0 '"parameters":65,"flops_per_step":[0-9]*,"ram_bytes":[0-9]*,"activation_bytes":[0-9]*' report product.nn --json
ram=$(sed 's/.*"ram_bytes":\([0-9]*\).*/\1/' out)

# ---- emit ----
expect 0 '' emit --c product.nn -o e/sub
[ "$(ls e/sub | tr '\n' ' ')" = "product.c product.h " ] && pass || fail "emit wrote $(ls e/sub)"
check "the emitted C does not compile" cc -std=c99 -Wall -Wextra -Werror -pedantic -ffreestanding -nostdlib \
  -c e/sub/product.c -o e.o
[ -z "$(nm -u e.o)" ] && pass || fail "undefined: $(nm -u e.o)"
"$gradc" report product.nn --fp=strict --json >out
ram=$(sed 's/.*"ram_bytes":\([0-9]*\).*/\1/' out)
grep -q "product_BYTES $ram\$" e/sub/product.h && pass || fail "ram_bytes $ram is not product_BYTES"
expect 0 '' emit --c product.nn --only=infer -o i
grep -q "product_train_step" i/product.h && fail "--only=infer has a training step" || pass
expect 0 '' emit --cuda product.nn -o cu
[ "$(ls cu | tr '\n' ' ')" = "product.cu product.h " ] && pass || fail "emit --cuda wrote $(ls cu)"
expect 2 'exclude each other' emit --c --cuda product.nn -o cu2
expect 2 "memory of the host" emit --cuda --only=infer product.nn --weights=x.safetensors --weights-as=extern -o cu2
expect 2 'writes a folder' emit --cuda product.nn -o out.cu
expect 0 '' emit --cuda --forms=plain product.nn -o cu3
expect 2 'it needs --cuda' emit --c --forms=plain product.nn -o cu3
[ -e cu2 ] && fail "emit wrote a folder beside an error" || pass

# ---- the C that runs ----
expect 0 '' build product.nn --cflags=-O0 --fp=strict -o kept --keep-c keep
expect 0 '' emit --native product.nn --cflags=-O0 --fp=strict -o w/nat
diff -r keep w/nat >out 2>&1 && pass || fail "build --keep-c and emit --native: $(head -n 3 out)"
sh w/nat/build.sh >out 2>&1 && cmp w/nat/program kept >>out 2>&1 && pass || fail "build.sh: $(cat out)"
# The level of the units with kernels: of GCC its passes that pay, of other compilers -O3.
mkdir other
other_cc() { # NAME VERSION: a compiler that says it is this
  printf '%s\n' '#!/bin/sh' "[ \"\$*\" != --version ] || { echo '$2'; exit; }" 'exec cc "$@" -O0' >"other/$1"
  chmod +x "other/$1"
}
other_cc cc 'other 1.0'
other_cc gcc 'Free Software Foundation'
levels() { sed -n "s/.*\/$1 -O\(.\) .*GC_PART=.*/\1/p" "$2/build.sh" | tr '\n' ' '; }
expect 0 '' build product.nn --cc=other/cc -o other/a --keep-c other/keep
expect 0 '' build product.nn --cc=other/gcc -o other/b --keep-c other/keep_gcc
[ "$(levels cc other/keep)$(levels gcc other/keep_gcc)" = '3 3 1 1 ' ] && pass ||
  fail "levels: $(grep -h GC_PART other/keep*/build.sh)"
expect 2 'exclude each other' emit --native --only=infer product.nn -o cu2
expect 2 'it needs --native' emit --isa=generic product.nn -o cu2
expect 2 'it needs --native' emit --cc=cc product.nn -o cu2
expect 5 'E0505\|product.nn' build product.nn --cflags=-O0 -o kept --keep-c product.nn
expect 1 'E0505' emit --c product.nn --weights=product.nn -o w
[ -e w/product.c ] && fail "emit wrote a file beside an error" || pass

# ---- write errors: existing files stay as they are, and no partial file is left ----
i=0; while [ $i -lt 300 ]; do echo "const  a$i=$i"; i=$((i + 1)); done >long.nn
cp long.nn long; cp e/sub/product.c old.c; mkdir full; cp e/sub/product.c full/; chmod 600 long.nn
limited() { (trap '' XFSZ; ulimit -f 4; exec "$gradc" "$@" >out 2>err); }
limited emit --c product.nn -o full; got=$?
[ $got -eq 5 ] && grep -q E0502 err && pass || fail "emit on a full disk: status $got: $(cat err)"
cmp -s full/product.c old.c && [ "$(ls full)" = product.c ] && pass || fail "emit on a full disk left $(ls -l full)"
limited emit --c product.nn -o none; [ -z "$(ls none)" ] && pass || fail "emit on a full disk left $(ls none)"
limited fmt --write long.nn; got=$?
[ $got -eq 5 ] && cmp -s long.nn long && pass ||
  fail "fmt --write on a full disk: status $got, $(wc -c <long.nn) bytes left"
chmod 400 long.nn
if [ ! -w long.nn ]; then # not as root
  expect 5 'E0502' fmt --write long.nn
fi
chmod 600 long.nn
mkdir there; mv long.nn there/; ln -s there/long.nn linked.nn
expect 0 '' fmt --write linked.nn
[ -L linked.nn ] && [ "$(ls -l there/long.nn | cut -c1-10)" = -rw------- ] && ! cmp -s there/long.nn long && pass ||
  fail "fmt --write through a link: $(ls -l linked.nn there)"

# ---- build, run ----
expect 0 '' build product.nn -o m
nothing_left build
check "m train" ./m train --run-dir r1 --json
expect 1 'E0504' build product.nn -o m --isa=
expect 0 '' build product.nn -o m --isa=generic --fp=strict --cflags='-O1 -g0'
check "m info" ./m info --weights r1/weights.safetensors
expect 1 'E0503' build product.nn -o n --cc=no-such-compiler
expect 1 'E0504' build product.nn -o n --cflags=--no-such-flag
expect 5 'E0502' build product.nn -o no/such/folder/m
[ -e n ] && fail "a failed build left a program" || pass
[ "$(ls -d m.* 2>/dev/null)" ] && fail "build left $(ls -d m.*)" || pass
nothing_left "a failed build"
expect 0 '"event":"done"' run product.nn --steps 5 --json --run-dir r2
nothing_left run
expect 2 '' run product.nn --steps 5 --run-dir r2
expect 0 '' emit --c product.nn --weights=r1/weights.safetensors -o w
for name in settings runs sweep numbers i64 streams plan validate cpu draws portable memory binary init weights doctor \
  tables glass images arrays jsonl stream workers sample projects terminal completion new; do
  mkdir "$tmp/$name"; cd "$tmp/$name" || exit 2
  # shellcheck disable=SC1090
  . "$here/$name.sh"
done
counts
