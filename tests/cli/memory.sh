# SPDX-License-Identifier: Apache-2.0
# Budgets of memory. Sourced by run.sh: uses gradc, models, expect, pass, fail.
: "${tmp:?run.sh sources this file}"
ram_of() { sed 's/.*"ram_bytes":\([0-9]*\).*/\1/'; }

# N works and N - 1 does not, in every command; the C has exactly N bytes and refuses to compile with more. Only under
# tight budgets are offsets multiples of less than a cache line.
for model in digits iris $(full && echo digits_cnn lstm); do
  expect 1 'E0508' report --fp=strict --ram 1 "$models/$model.nn"
  least=$(sed -n '/./h; ${x; s/^ *= help: the least budget that works is \([0-9]*\) bytes$/\1/p}' err)
  [ -n "$least" ] || { fail "$model: the message does not end with the least budget: $(tail -n 2 err)"; continue; }
  grep -q -- " $models/$model.nn:[0-9]" err && pass || fail "$model: the message has no source line"
  expect 0 '' report --json --fp=strict --ram "$least" "$models/$model.nn"
  [ "$(ram_of <out)" = "$least" ] && pass || fail "$model: ram_bytes $(ram_of <out) under a least budget of $least"
  expect 0 '' emit --c "$models/$model.nn" --ram "$least" -o c
  grep -q "^#define ${model}_BYTES $least\$" c/$model.h && pass ||
    fail "$model: $(grep _BYTES c/$model.h), ram_bytes $least"
  align=64; [ $model = iris ] && align=16
  grep -q "aligned to $align:" c/$model.h && pass || fail "$model: $(grep "aligned to" c/$model.h)"
  check "$model: C under a budget does not compile" cc -std=c99 -Wall -Wextra -Werror -pedantic -c c/$model.c -o c.o
  sed "s/${model}_BYTES $least/${model}_BYTES $((least + 1))/" c/$model.h >c.h && mv c.h c/$model.h
  cc -std=c99 -c c/$model.c -o c.o 2>err && fail "$model: more bytes than the budget compile" || pass
  rm -rf c
  expect 1 "the least budget that works is $least bytes" emit --c "$models/$model.nn" --ram $((least - 1)) -o c
  [ -e c ] && fail "$model: emit wrote a file beside an error" || pass
done

# The file's budget, that of a target, and --ram, which replaces them.
sed 's/batch = /ram <= 1000K; batch = /' "$models/digits.nn" >file.nn
for c in report "build -o m" run "emit --c -o c"; do
  # shellcheck disable=SC2086
  expect 1 'ram <= 1000K' $c file.nn
done
[ -e m ] || [ -e c ] && fail "something was written beside an error" || pass
expect 0 '' check file.nn
expect 0 '^graph train_step' ir file.nn
expect 0 'total memory' report --ram 2M file.nn
expect 0 '' build --ram 2M -o m file.nn
expect 0 'clone=2' ir --ram 1000000 --stop-after checkpoint "$models/digits_cnn.nn"
expect 0 '' ir "$models/digits_cnn.nn" --stop-after dce
cp out dce.ir
expect 0 'clone=2' opt --passes=checkpoint --ram 1000000 dce.ir
(cat "$models/iris.nn"; echo 'target chip { ram <= 1K }') >target.nn
expect 1 'target chip { ram <= 1K }' report target.nn
(cat "$models/iris.nn"; printf 'target chip { ram <= 3K }\ntarget other { ram <= 4K }\n') >target.nn
expect 0 '' emit --c target.nn -o c
grep -q 'target_BYTES <= 3072 ? 1 : -1' c/target.c && pass || fail "the smaller of two budgets is not in the C"
expect 0 '' emit --c target.nn --ram 1G -o c
grep -q 'target_BYTES <= 1073741824 ? 1 : -1' c/target.c && pass ||
  fail "--ram does not take the place of the file's budget"
for wrong in 0 -1 K 1k 1.5K 256KB 9999999999G ''; do
  expect 2 'E0500.*`--ram` takes bytes' report target.nn "--ram=$wrong"
done

# A small network whose training needs 44 KB in all: memory and static data of its C, which needs no symbol.
cat >yard.nn <<'N'
def mlp(x: f32[B, 64]) -> f32[B, 10] { x |> linear(32) |> relu |> linear(10) }
use net = mlp()
data digits { source = csv("digits.csv.gz"); x: f32[64] = field(0:64) / 16; y: i32 = field(64) }
train { data = digits; batch = 16; epochs = 10; loss = cross_entropy(net(x), y); optim = adam(lr = 1e-3); ram <= 44K }
N
expect 0 '' emit --c yard.nn -o yard
check "the small network does not compile" cc -std=c99 -Os -ffreestanding -nostdlib -c yard/yard.c -o yard.o
[ -z "$(nm -u yard.o)" ] && pass || fail "the small network needs $(nm -u yard.o)"
static=$(size yard.o | awk 'NR == 2 { print $2 + $3 }'); bytes=$(sed -n 's/^#define yard_BYTES //p' yard/yard.h)
[ $((static + bytes)) -le 45056 ] && pass || fail "the small network takes $bytes bytes and $static of static data"

# The plan as a drawing, as lines of JSON, as a picture; the deepest stack; what keeps gradients.
expect 0 'maximum stack  *[1-9][0-9,]*$' report --memory yard.nn
grep -q '█' out && grep -q '▲' out && grep -q 'lower bound' out && pass ||
  fail "report --memory draws nothing: $(head -n 20 out)"
grep -q "$(printf '\033')" out && fail "colour in a file" || pass
[ "$(grep -c -e '│' -e '┤' -e '└' out)" -eq 17 ] && pass || fail "the drawing has not 16 rows and an axis"
COLUMNS=70 "$gradc" report --memory yard.nn >narrow 2>&1
[ "$(sed -n 's/└/x/; s/▲/x/; s/─/x/g; /xx/p' narrow | awk '{ print length($0) }')" -le 70 ] && pass ||
  fail "the drawing does not keep to 70 columns"
if command -v script >/dev/null; then
  script -qc "$gradc report --memory yard.nn" /dev/null >tty </dev/null
  grep -q "$(printf '\033\\[97;48;5')" tty && pass || fail "no colour on a terminal"
  NO_COLOR=1 script -qc "$gradc report --memory yard.nn" /dev/null >tty </dev/null
  grep -q "$(printf '\033')" tty && fail "colour in spite of NO_COLOR" || pass
fi
expect 0 '"stack_bytes":[1-9]' report --memory --json yard.nn
json_lines out >bad && pass || fail "report --memory --json: $(cat bad)"
# No two values share a byte in a step; the values of all steps fit into the arena.
awk -F'[:,}]' '
  function get(key,   i) { for (i = 1; i < NF; i++) if ($i == "\"" key "\"" || $i == "{\"" key "\"") return $(i + 1) }
  /"arena_bytes"/ && /"turns"/ { arena = get("arena_bytes"); turns = get("turns") }
  /"first_turn"/ { n++; at[n] = get("offset"); end[n] = at[n] + get("bytes")
                   a[n] = get("first_turn"); b[n] = get("last_turn")
                   if (end[n] > arena) bad = 1
                   for (i = 1; i < n; i++)
                     if (a[i] <= b[n] && a[n] <= b[i] && at[i] < end[n] && at[n] < end[i]) bad = 1 }
  END { exit bad || n < 5 || !turns }' out && pass || fail "values of report --memory --json overlap"
expect 0 'maximum stack  *not known: .*no-such-compiler' report --memory --cc=no-such-compiler yard.nn
# The stack is that of the reported plan, also where the other mode would exceed the budget.
cat >modes.nn <<'N'
def net(x: f32[B, 64]) -> f32[B, 10] { x |> linear(64) |> gelu |> batchnorm |> linear(10) }
use modes = net()
data digits { source = csv("digits.csv.gz"); x: f32[64] = field(0:64) / 16; y: i32 = field(64) }
train { data = digits; loss = cross_entropy(modes(x), y); optim = sgd(lr = 1e-3); batch = 32; steps = 1 }
N
fast=$("$gradc" report --fp=fast --ram 1 modes.nn 2>&1 | sed -n 's/.*budget that works is \([0-9]*\) bytes/\1/p')
expect 1 'E0508' report --fp=strict --ram "$fast" modes.nn
expect 0 'maximum stack  *[1-9]' report --memory --ram "$fast" modes.nn
[ -s err ] && fail "report --memory --ram $fast: $(head -n 1 err)" || pass
expect 0 '' report --svg plan.svg yard.nn
grep -q '^<svg' plan.svg && grep -q '</svg>' plan.svg && grep -q 'lower bound' plan.svg &&
  grep -q 'yard.nn:1' plan.svg && pass || fail "no picture"
[ "$(grep -o '<[a-z][a-z]*' plan.svg | wc -l)" -eq "$(grep -o -e '</[a-z]*' -e '/>' plan.svg | wc -l)" ] && pass ||
  fail "plan.svg leaves a tag open"
expect 5 'E0502' report --svg no/such/folder/plan.svg yard.nn
# Gradients are consumed by the kernels that compute them, unless something needs them together.
for optim in 'sgd(lr = 0.1)' 'sgd(lr = 0.1, momentum = 0.9, nesterov = true)' 'adam(lr = 1e-3)' \
  'adamw(lr = 1e-3)' 'rmsprop(lr = 1e-3)'; do
  sed "s/optim = adam(lr = 1e-3)/optim = $optim/" yard.nn >optim.nn
  expect 0 '"gradient_bytes":0,' report --json optim.nn
  expect 0 '4 of 4 are consumed' report optim.nn
done
sed 's/batch = 16/clip = value(0.1); batch = 16/' yard.nn >optim.nn
expect 0 '"gradient_bytes":0,' report --json optim.nn
sed -i 's/batch = 16/clip = norm(1.0); batch = 16/' yard.nn
expect 0 'clip = norm.*yard.nn:4:' report yard.nn
expect 0 '"gradients_kept_by":"clip"' report --json yard.nn
sed -i 's/clip = norm(1.0)/accumulate = 4/' yard.nn
expect 0 'accumulate.*yard.nn:4:' report --ram 64K yard.nn
# The gradient of an embedding is sparse, also with a tied head, which adds to it; and a chain of blocks has a small
# plan, although the logits are 250 times larger than the activations between blocks: the plan has little more than the
# logits, and they are not kept until the embedding's gradient, which the tied head's is added to.
cat >words.nn <<'M'
dim T = 32
def gpt(tok: i32[B, T]) -> f32[B, T, 8000] {
    param wte: f32[8000, 32] = normal(0.02)
    h = wte[tok]
    for i in 0..6 { h = transformer_block(h, 4) }
    layernorm(h) @ wte'
}
use net = gpt()
data words { source = text("words.nn", window = T + 1); x: i32[T] = window[0:T]; y: i32[T] = window[1:T+1] }
train { data = words; loss = cross_entropy(net(x), y); optim = adamw(lr = 1e-3); batch = 2; steps = 1 }
M
expect 0 '"gradient_bytes":0,' report --json words.nn
least=$("$gradc" report --ram 1K words.nn 2>&1 | sed -n 's/.*budget that works is \([0-9]*\) bytes/\1/p')
logits=$((2 * 32 * 8000 * 4)) kept=$((332288 * 3 * 4))
[ "$least" -lt $((kept + logits + logits / 32)) ] && pass ||
  fail "the least of words.nn is $least, of it kept $kept, logits $logits"
# A network that begins like a ResNet: apart from the image before the pooling, no gradient of that size is stored, nor
# is the input's copy kept; if the budget allows, the gradient is stored once, masked and without padding.
cat >stem.nn <<'M'
def net(x: f32[B, 3, H, W]) -> f32[B, 10] {
    h = x |> conv2d(16, 7, stride = 2, pad = 3, bias = false) |> batchnorm |> relu |> max_pool2d(3, stride = 2, pad = 1)
    h |> conv2d(16, 3, pad = 1, bias = false) |> batchnorm |> relu |> mean(axes = [2, 3]) |> linear(10)
}
use stem = net()
data images { source = npy("x.npy", "y.npy"); x: f32[3, 64, 64] = field(0); y: i32 = field(1) }
train { data = images; loss = cross_entropy(stem(x), y); optim = sgd(lr = 0.1); batch = 8; steps = 1 }
M
for fp in fast $(full && echo strict); do
  least=$("$gradc" report --fp=$fp --ram 1K stem.nn 2>&1 | sed -n 's/.*budget that works is \([0-9]*\) bytes/\1/p')
  image=$((8 * 16 * 32 * 32 * 4))
  [ "$least" -lt $((image * 2)) ] && pass || fail "$fp: the least of stem.nn is $least, of it the image $image"
done
# The backward pass of a residual block needs at most five of its images at a time: the input of the second convolution
# is dead once that convolution's weight is updated, before the gradient of that input is computed.
cat >residual.nn <<'M'
def unit(x: f32[B, C, H, W]) { x |> conv2d(C, 3, pad = 1, bias = false) |> batchnorm }
def net(x: f32[B, 3, H, W]) -> f32[B, 10] {
    h = x |> conv2d(16, 3, pad = 1, bias = false)
    for i in 0..3 { h = relu(h + (h |> unit |> relu |> unit)) }
    h |> mean(axes = [2, 3]) |> linear(10)
}
use res = net()
data images { source = npy("x.npy", "y.npy"); x: f32[3, 32, 32] = field(0); y: i32 = field(1) }
train { data = images; loss = cross_entropy(res(x), y); optim = sgd(lr = 0.1); batch = 8; steps = 1 }
M
for fp in fast $(full && echo strict); do
  least=$("$gradc" report --fp=$fp --ram 1K residual.nn 2>&1 | sed -n 's/.*budget that works is \([0-9]*\) bytes/\1/p')
  image=$((8 * 16 * 32 * 32 * 4))
  [ "$least" -lt $((image * 11 / 2)) ] && pass || fail "$fp: the least of residual.nn is $least, an image $image"
done
expect 0 '' ir --stop-after fuse stem.nn
[ "$(sed -n 's/.* fold(.*\(!kernel=[0-9]*\).*/\1/p' out)" = \
   "$(sed -n 's/.*f32\[8,16,32,32\] = where(.*\(!kernel=[0-9]*\).*/\1/p' out | tail -n 1)" ] &&
  pass || fail "the pooling's gradient is stored before it is masked"
cat >again.ir <<'I'
module again
param "w": f32[64,64]

graph train_step(x: f32[16,64]) training {
  %1: f32[16,64] = input "x"
  %2: f32[64,64] = param "w"
  %3: f32[16,64] = contract(%1, %2) {spec="mk,kn->mn"}
  %4: f32[16,64] = exp(%3)
  %5: f32[16,64] = contract(%4, %2) {spec="mk,kn->mn"}
  %6: f32 = sum(%5) {axes=[0,1], keep=false}
  %7: f32[16,64] = exp(%3) {clone=1}
  %8: f32[64,64] = contract(%7, %5) {spec="mk,mn->kn"}
  %9: f32[64,64] = sub(%2, %8)
  loss = %6
  "w" := %9
}
I
expect 0 '↻ recomputed' report --memory --no-fuse --svg again.svg again.ir
grep -q 'url(#again)' again.svg && pass || fail "the picture does not mark what is recomputed"
