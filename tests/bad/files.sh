#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# files.sh GRADC BUILD: weights, checkpoints, data and IR files that are truncated, damaged or of another model: status
# 1 (gradc) or 4 (training binary) with a coded error, never a signal. tests/runtime has each kind of data file.
. "$(dirname "$0")/../suite.sh"
cd "$tmp" || exit 2
refused() { # refused STATUS WHAT COMMAND...
  want=$1; what=$2; shift 2
  timeout 20 "$@" >out 2>err
  got=$?
  if [ $got -eq "$want" ] && grep -q '^error\[E[0-9]*\]' err; then pass
  else fail "$what: $*: status $got, not $want: $(head -c 200 err)"; fi
}
cat >toy.nn <<'N'
def f(x: f32[B, 3]) { x |> linear(4) |> tanh |> linear(2) }
use net = f()
data points { source = csv("toy.csv"); x: f32[3] = field(0:3); y: i32 = field(3) }
train { data = points; batch = 4; steps = 6; optim = adam(lr = 1e-2); loss = cross_entropy(net(x), y) }
export def predict(x: f32[1, 3]) { net(x) }
N
sed 's/linear(4)/linear(5)/' toy.nn >other.nn
awk 'BEGIN { for (i = 0; i < 24; i++) print i % 5 "," i % 3 / 2 "," i * 0.25 "," i % 2 }' >toy.csv
"$gradc" build toy.nn -o toy && "$gradc" build other.nn -o other && ./toy train --run-dir run >/dev/null 2>&1 &&
  ./other train --run-dir elsewhere >/dev/null 2>&1 || { fail "the model is not built"; counts; exit 1; }

# ---- weights ----
w=run/weights.safetensors
size=$(wc -c <$w); header=$(od -An -tu4 -N4 $w | tr -d ' ')
bytes() { for b in "$@"; do printf "\\$(printf %03o "$b")"; done; }
with_header() { # with_header TEXT: another header before the same data
  n=${#1}
  bytes $((n & 255)) $((n >> 8 & 255)) $((n >> 16 & 255)) 0 0 0 0 0; printf %s "$1"; tail -c +$((header + 9)) $w
}
old=$(tail -c +9 $w | head -c "$header")
mkdir w
: >w/empty
head -c 7 $w >w/short_length
head -c $((header / 2)) $w >w/half_header
head -c $((size - 1)) $w >w/one_byte_less
{ cat $w; printf x; } >w/one_byte_more
{ bytes 255 255 255 255 255 255 255 127; tail -c +9 $w; } >w/huge_header
{ bytes 0 0 0 0 0 0 0 0; tail -c +9 $w; } >w/no_header
with_header "$(echo "$old" | tr '{' '[')" >w/not_json
with_header "$(echo "$old" | sed 's/"F32"/"F16"/')" >w/other_type
with_header "$(echo "$old" | sed 's/"X32"/"F99"/; s/"F32"/"F99"/')" >w/unknown_type
with_header "$(echo "$old" | sed 's/\[3,4\]/[4,3]/; s/\[3, 4\]/[4, 3]/')" >w/other_shape
with_header "$(echo "$old" | sed 's/\[3,4\]/[3,-4]/')" >w/negative_shape
with_header "$(echo "$old" | sed 's/\[3,4\]/[9223372036854775807,9]/')" >w/overflow
with_header "$(echo "$old" | sed 's/net\.linear_2\.w/net.linear_1.w/g')" >w/twice
with_header "$(echo "$old" | sed 's/net\.linear_2\.w/net.linear_9.w/g')" >w/other_name
with_header "$(echo "$old" | sed 's/"data_offsets":\[0,/"data_offsets":[4,/')" >w/hole
with_header "$(echo "$old" | sed 's/"data_offsets":\[[0-9]*,[0-9]*\]/"data_offsets":[0,999999]/')" >w/beyond
{ head -c $((size - 5)) $w; bytes 1 2 3 4 5; } >w/corrupt_data
cp elsewhere/weights.safetensors w/other_model
cp toy.csv w/a_csv
for f in w/*; do
  cmp -s "$f" $w && { fail "$f is not damaged"; continue; }
  refused 4 "weights" ./toy eval --weights "$f"
  refused 4 "weights" ./toy predict --weights "$f" --input toy.csv
  refused 4 "weights" ./toy train --init "$f" --run-dir never
  refused 1 "weights" "$gradc" emit --c toy.nn --weights="$f" -o never
  [ ! -e never ] || { fail "$f: something was written"; rm -rf never; }
done
refused 1 "no weights" ./toy eval --weights nowhere.safetensors
refused 1 "no weights" "$gradc" emit --c toy.nn --weights=nowhere.safetensors -o never

# ---- checkpoints ----
c=$(ls run/checkpoint-*.safetensors | tail -n 1)
for damage in 'head -c 100' 'head -c 1000' 'tail -c +3' 'sed y/a/b/'; do
  rm -rf corrupt; cp -r run corrupt
  for f in corrupt/checkpoint-*; do $damage "$f" >new; mv new "$f"; done
  refused 4 "checkpoint: $damage" ./toy train --resume --run-dir corrupt --steps 12
done
rm -rf corrupt; cp -r run corrupt; for f in corrupt/checkpoint-*; do cp elsewhere/"$(basename "$c")" "$f"; done
refused 4 "another model's checkpoint" ./toy train --resume --run-dir corrupt

# ---- data ----
mkdir d
sed '7s/,[^,]*$//' toy.csv >d/column_less
sed '7s/$/,1/' toy.csv >d/column_more
sed '7s/^[^,]*/abc/' toy.csv >d/word
sed '7s/^[^,]*//' toy.csv >d/nothing
sed '7s/^[^,]*/1e999/' toy.csv >d/infinite
sed '7s/^[^,]*/nan/' toy.csv >d/nan
sed '7s/[^,]*$/2/' toy.csv >d/label_above
sed '7s/[^,]*$/-1/' toy.csv >d/label_below
sed '7s/[^,]*$/0.5/' toy.csv >d/label_half
: >d/empty
gzip -c toy.csv | head -c 60 >d/cut.gz
{ gzip -c toy.csv | head -c 40; printf 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'; } >d/corrupt.gz
head -c 3000 "$w" >d/binary
for f in d/*; do
  refused 4 "data" ./toy train --data "points=$f" --run-dir never
  [ ! -e never/weights.safetensors ] || { fail "$f: weights were written"; }
  rm -rf never
done
for f in d/word d/label_above d/column_less d/nan; do
  ./toy train --data "points=$f" --run-dir never 2>&1 | grep -q "$f.*record 7" && pass ||
    { fail "$f: file and record are not named"; }
  rm -rf never
done
refused 4 "predict" ./toy predict --weights $w --input d/word

# ---- programs that are not text: one error, which says what they are ----
mkdir p
bytes 255 254 100 0 101 0 102 0 >p/utf16.nn
bytes 100 0 101 0 102 0 32 0 102 0 40 0 41 0 10 0 >p/utf16_without_mark.nn
bytes 254 255 0 100 0 101 0 102 >p/utf16_big.nn
gzip -c toy.nn >p/gzip.nn
gzip -c toy.nn >p/gzip.ir
cp $w p/weights.nn
head -c 4000000 "$gradc" >p/program.nn # below the limit of a file
head -c 3000 "$gradc" | tail -c 2000 >p/binary.nn
for f in p/*; do
  refused 1 "no text" "$gradc" check "$f"
  n=$(grep -c '^error' err); code=$(head -n 1 err | cut -c 1-12)
  if [ "$n $code" = "1 error[E0115]" ]; then pass; else fail "$f: $n errors, $code"; fi
done
refused 1 "no text" "$gradc" fmt p/utf16.nn

# ---- IR: every prefix of a dump, and without one line ----
"$gradc" ir toy.nn --stop-after=memory >toy.ir 2>/dev/null || "$gradc" ir toy.nn >toy.ir
i=0; n=$(wc -c <toy.ir)
while [ $i -lt "$n" ]; do
  head -c $i toy.ir >cut.ir
  timeout 10 "$gradc" opt --passes= cut.ir >/dev/null 2>err; got=$?
  case $got in 0) pass ;; 1) grep -q '^error\[E0' err && pass || { fail "IR cut at $i: $(head -n 1 err)"; } ;;
  *) fail "IR cut at $i: status $got" ;; esac
  i=$((i + n / 120 + 1))
done
counts
