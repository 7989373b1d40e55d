# SPDX-License-Identifier: Apache-2.0
# The glass box: layers, remarks.
: "${gradc:?run.sh sources this file}"
GRADC=$gradc; export GRADC

cat >layers.nn <<'N'
def block(x: f32[B, D]) { x + (x |> linear(D) |> relu |> linear(D)) }
def mlp(x: f32[B, 4]) -> f32[B, 3] {
    h = linear(x, 8)
    for i in 0..2 { h = block(h) }
    linear(h, 3)
}
use net = mlp()
data d { source = uniform(n = 100, lo = [0, 0, 0, 0], hi = [1, 1, 1, 1]); x: f32[4] = field(0) }
train { data = d; batch = 5; steps = 3; loss = mean(net(x) ** 2); optim = sgd(lr = 0.1) }
export def predict(x: f32[1, 4]) -> f32[1, 3] { net(x) }
N
"$gradc" report --layers --json --isa=avx512 layers.nn >layers.jsonl
# Layers by hand: rows times columns of the weight, plus its bias; batch times rows times columns.
layers() {
  n='([0-9]*)'
  form='.*"layer":"([^"]*)","shape":([^a-z"]*),"parameters":'$n',"macs":'$n',"line":'$n',.*'
  sed -E "s/$form/\1 \2 \3 \4 \5/" "$1"
}
layers layers.jsonl | grep '^net' >got
cat >want <<'E2'
net.linear_1 [5,8] 40 160 3
net.block_1.linear_1 [5,8] 72 320 1
net.block_1.relu [5,8] 0 0 1
net.block_1.linear_2 [5,8] 72 320 1
net.block_1 [5,8] 0 0 4
net.block_2.linear_1 [5,8] 72 320 1
net.block_2.relu [5,8] 0 0 1
net.block_2.linear_2 [5,8] 72 320 1
net.block_2 [5,8] 0 0 4
net.linear_2 [5,3] 27 120 5
E2
check "layers of a model" diff want got
all=$("$gradc" report --json --isa=avx512 layers.nn |
  sed -E 's/.*"parameters":([0-9]*).*"predicted_step_ms":([0-9.a-z]*).*/\1 \2/')
sum=$(sed -E 's/.*"parameters":([0-9]*),.*"predicted_ms":([0-9.e-]*).*/\1 \2/' layers.jsonl | awk '{ p += $1; t += $2 }
  END { print p, t }')
equal "parameters of all layers" "${sum% *}" "${all% *}"
[ "${all#* }" = null ] || near "predicted time of all layers" "${sum#* }" "${all#* }" 1e-4
"$gradc" report --layers layers.nn | awk '/^total/ { print $2, $3 }' >got
equal "the table's totals" "$(cat got)" "355 1,560"
"$gradc" ir layers.nn >layers.ir
expect 2 'IR text does not say' report --layers layers.ir
expect 2 'needs --layers' report --profile layers.nn
if full; then
  mkdir -p "it's"
  TMPDIR="$PWD/it's" "$gradc" report --layers --profile --json --isa=generic layers.nn >profile.jsonl
  grep -q '"layer":"net.linear_1".*"measured_ms":[0-9.e-]*[1-9]' profile.jsonl && pass ||
    fail "measured layers: $(cat profile.jsonl)"
fi

# Remarks: FILE:LINE: KIND: text, of the kinds that are asked for, and nothing of the result changes.
"$gradc" check --remarks layers.nn >out 2>err
check "check --remarks prints to standard error alone" test ! -s out
grep -vE '^(layers|std/layer)\.nn:[0-9]+: (fuse|memory|precision|recompute|gemm): .' err >odd
check "the form of remarks" test ! -s odd
check "remarks are printed once" test "$(sort err | uniq -d | wc -l)" = 0
grep -q '^layers.nn:1: fuse: `.*net.block_1.relu is one kernel of [0-9]* operations: contract, add' err && pass ||
  fail "what is fused: $(cat err)"
grep -q '^layers.nn:[0-9]*: fuse: .* is stored, not computed in the kernel of .*: .' err && pass ||
  fail "what is not fused"
grep -q '^layers.nn:[0-9]*: gemm: .* is loops: it is too small' err && pass || fail "a product that is too small"
# Of all graphs, not the first alone.
printf 'export def %s(x: f32[64, 96], w: f32[96, %s]) { x @ w }\n' f 40 g 20 >two.nn
"$gradc" check --remarks=gemm two.nn 2>err
equal "remarks of all exports" "$(grep -o 'of [fg] is a matrix product' err | cut -c4 | tr -d '\n')" fg
# The register tile of a product is that of the C.
printf '%s\n' 'def f(x: f32[B, 96]) { x |> linear(128) }' 'use n = f()' 'export def g(x: f32[64, 96]) { n(x) }' >wide.nn
"$gradc" check --remarks=gemm wide.nn 2>err
"$gradc" emit --native wide.nn -o wide
sed -n 's/^enum { GC_VEC = \([0-9]*\), GC_MR = \([0-9]*\), GC_NV = \([0-9]*\),.*/\1 \2 \3/p' wide/*.c >sizes
tile=$(awk 'NR == 1 { printf "register tiles of %d x %d, vectors of %d", $2, $1 * $3, $1 }' sizes)
grep -q ": gemm: .* is a matrix product of 64 x 128 by 96.*, in $tile\$" err && pass || fail "a tile, $tile: $(cat err)"
"$gradc" ir --remarks=memory,recompute layers.nn >with.ir 2>err
check "remarks change nothing" cmp with.ir layers.ir
check "kinds of remarks" test "$(sed -E 's/^[^ ]* ([a-z]*):.*/\1/' err | sort -u | tr '\n' ' ')" = "memory recompute "
expect 2 'did you mean `fuse`' check --remarks=fus layers.nn
"$gradc" check layers.nn 2>err
check "no remarks" test ! -s err
sed 's/batch = 5/batch = 5; precision = bf16/' layers.nn >half.nn
"$gradc" check --remarks=precision half.nn 2>err
grep -q 'precision: `contract` f32\[5,8\] of net.linear_1 multiplies bf16 and adds in f32' err && pass ||
  fail "products in bf16"
grep -q 'precision: .* stays in f32' err && pass || fail "what stays in f32: $(cat err)"

# Names of kernels: number, layer, other calls; valid, unique, at most 64 characters. Offsets by their names.
"$gradc" emit --c layers.nn -o named
grep -oE '^static void k[0-9]+_[A-Za-z0-9_]*\(' named/layers.c | sed 's/.* //' >kernels
check "names of kernels are unique" test "$(sort kernels | uniq -d | wc -l)" = 0
check "names of kernels are short" test "$(awk 'length > 64' kernels | wc -l)" = 0
grep -q '^k[0-9]*_net_block_1_linear_1_relu($' kernels && pass || fail "a kernel of two calls: $(cat kernels)"
# Both blocks have one function; the comments of its calls tell them apart.
f=$(grep -o 'k[0-9]*_net_block_1_linear_1_relu' kernels)
grep -B1 "^  $f(" named/layers.c | grep -q 'layers.nn:1: net.block_2.linear_1: .*net.block_2.linear_1.w' && pass ||
  fail "the comment at a call"
grep -q "^  $f(.*(m + layers_AT_net_block_1_linear_1_w)" named/layers.c && pass || fail "offsets by name"

# Differences by values, not by numbers or lines of text.
cat >a.ir <<'N'
module a
param "w": f32[4,8]
graph f(x: f32[2,4]) export {
  %1: f32[2,4] = input "x"
  %2: f32[4,8] = param "w"
  %3: f32[2,8] = contract(%1, %2) {spec="mk,kn->mn"}    # a.nn:2:5
  %4: f32[2,8] = tanh(%3)                               # a.nn:3:5
  %5: f32[2,8] = mul(%4, 2)                             # a.nn:4:5
  y = %5
}
N
cat >b.ir <<'N'
module a
param "w": f32[4,8]
graph f(x: f32[2,4]) export {
  %1: f32[2,4] = input "x"
  %2: f32[4,8] = param "w"
  %3: f32[2,4] = add(%1, 1)                             # a.nn:1:9
  %4: f32[2,8] = contract(%3, %2) {spec="mk,kn->mn"}    # a.nn:2:5
  %5: f32[2,8] = exp(%4)                                # a.nn:3:5
  %6: f32[2,8] = mul(%5, 2)                             # a.nn:4:5
  y = %6
}
N
expect 0 '' diff a.ir a.ir
check "no difference prints nothing" test ! -s out
expect 1 '' diff a.ir b.ir
cat >want <<'E2'
graph f: 2 changed (~ >), 1 added (+), 0 removed (-), 3 the same
  ~ %3: f32[2,8] = contract(%1, %2) {spec="mk,kn->mn"}  # a.nn:2:5
  > %4: f32[2,8] = contract(%3, %2) {spec="mk,kn->mn"}  # a.nn:2:5
  ~ %4: f32[2,8] = tanh(%3)  # a.nn:3:5
  > %5: f32[2,8] = exp(%4)  # a.nn:3:5
  + %3: f32[2,4] = add(%1, 1)  # a.nn:1:9
E2
check "differences of two graphs" diff want out
sed "s/linear(x, 8)/linear(x, 9)/" layers.nn >nine.nn
expect 1 ".net.linear_1.w.: f32.4,8., now f32.4,9." ir --diff layers.nn nine.nn --stop-after=autodiff
expect 2 'with --diff only' ir layers.nn layers.nn
expect 2 'takes two files' ir --diff layers.nn

# The first pass that changes numbers: none here; one that a dump is edited to be.
expect 0 'passes change no number' bisect layers.nn
"$gradc" ir layers.nn --dump-dir dumps >/dev/null
expect 0 'passes change no number' bisect dumps
for d in dumps/0[7-9]-*.ir dumps/1*.ir; do sed -i 's/mul(\(%[0-9]*\), 0.1)/mul(\1, 0.2)/' "$d"; done
expect 1 '^pass 7, cse: graph `train_step`, result `net.linear_1.w`.*: element 0 is .*, was .*, by at most' bisect dumps
expect 1 'there are no dumps' bisect .

# The fewest lines that still have an error.
sed 's/^    linear(h, 3)/    linear(h, width)/' layers.nn >bad.nn
expect 0 'of 10 lines' reduce bad.nn --test '"$GRADC" check "$FILE" 2>&1 | grep -q width' -o small.nn
check "reduce: the line with the error is left" grep -q 'linear(h, width)' small.nn
check "reduce: few lines are left" test "$(wc -l <small.nn)" -le 4
expect 2 'does not succeed' reduce layers.nn --test false

expect 0 'digraph "layers"' ir --dot layers.nn
! command -v dot >/dev/null || check "Graphviz reads the graph" dot -Tsvg out
equal "braces of the graph" "$(tr -cd '{' <out | wc -c)" "$(tr -cd '}' <out | wc -c)"
expect 0 '^   1  autodiff .*[0-9]' ir --time-passes --stats layers.nn

# The page: one file that needs no other, whose data is one JSON object; in a browser, if there is one, without errors.
"$gradc" run layers.nn --run-dir lr >/dev/null 2>&1
expect 0 '' report --html page.html --run lr layers.nn
check "the page loads no other file" test "$(grep -cE '(src|href)=|url\(http|@import|fetch\(' page.html)" = 0
grep -o '<script type="application/json" id="data">.*</script>' page.html | sed 's/<[^>]*>//g' >data.json
check "the page's data is JSON" json_lines data.json
check "no tag in the data" test "$(grep -c '<' data.json)" = 0
for what in '"pass":"memory"' '"layer":"net.block_2.linear_2"' '"svg":"\\u003csvg' '"name":"loss"' \
  'graph train_step: .* changed' 'k[0-9]*_net_block_1_linear_1_relu'; do
  grep -q "$what" data.json && pass || fail "the page has no $what"
done
expect 2 'IR text has no source' report --html page.html layers.ir
expect 2 'needs --html' report --run lr layers.nn
if full && ! command -v chromium >/dev/null; then fail "chromium is missing: FULL=1 sh tests/setup.sh check"; fi
if full && command -v chromium >/dev/null; then
  # in_page TAB PATTERN: in the document after its scripts have run
  in_page() {
    timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/profile" \
      --virtual-time-budget=4000 --dump-dom "file://$PWD/page.html#$1" >dom 2>/dev/null
    grep -q '<div id="error"></div>' dom && grep -q "$2" dom && pass ||
      fail "the page's tab $1: $(grep -A3 'id="error"' dom)"
  }
  in_page code '<div data-l="1 [^"]*">static void k[0-9]*_net_block_1_linear_1_relu\|<div data-l="1">static void k'
  in_page layers '<td>net.block_2.linear_2</td><td>5 x 8</td><td class="n">72</td>'
  in_page graph '<title>kernel 1: '
  in_page memory '<g data-l="[0-9]*"><title>'
  in_page roofline '<circle [^>]*data-l="[0-9]"'
  in_page training '<polyline points="[0-9]'
fi

# After an internal error, a folder that shows it again: here of a plan that a module was edited to have.
mkdir broken; cd broken || exit 2
sed -n '/^#### E0412/,/^####/p' "$root/tests/bad/codes.txt" | grep -v '^#[#=]' >plan.ir
"$gradc" opt --passes= plan.ir >/dev/null 2>../err
"$gradc" opt --passes=memory plan.ir >out 2>err
if grep -q 'E0412' err; then
  grep -q '^gradc-repro-1 has the sources' err && pass || fail "an internal error: $(cat err)"
  check "the reproducer has the source" cmp plan.ir gradc-repro-1/plan.ir
  sh gradc-repro-1/run.sh >out 2>again
  check "the reproducer shows the error again" grep -q E0412 again
  check "the reproducer has the message" grep -q E0412 gradc-repro-1/message.txt
else fail "no internal error: $(cat err)"; fi
cd ..
