# SPDX-License-Identifier: Apache-2.0
# npz, safetensors; several files by concat and by patterns. One model for each source must train to the same weights.
: "${gradc:?run.sh sources this file}"
. "$here/points.sh"
if ! command -v python3 >/dev/null; then echo 'arrays.sh: no python3' >&2; return 0; fi
check 'arrays.py' python3 "$here/arrays.py"
array='field("x")'
columns='field(0:4)' kind='classes(field(4))'
model 'csv("all.csv")' "$columns" "$kind" >t.nn
want=$(made t.nn)
same=$want
[ -n "$want" ] && pass || fail "csv: $(head -c 300 err)"
full && trained 'npz, stored' 'npz("stored.npz")' "$array" 'field("y")'
trained 'npz, deflated' 'npz("deflated.npz")' "$array" 'field("y")'
full && trained 'npz, 64-bit sizes' 'npz("wide.npz")' "$array" 'field("y")'
full && trained 'npz by number' 'npz("stored.npz")' 'field(0)' 'field(1)'
trained 'safetensors' 'safetensors("all.safetensors")' "$array" 'field("y")'
full && trained 'npz: a pattern' 'npz("part-*.npz")' "$array" 'field("y")'
trained 'npz: concat' 'concat([npz("part-0.npz"), npz("part-1.npz"), npz("part-2.npz")])' "$array" 'field("y")'
full && trained 'npy: concat' \
  'concat([npy("x-0.npy", "y-0.npy"), npy("x-1.npy", "y-1.npy"), npy("x-2.npy", "y-2.npy")])' 'field(0)' 'field(1)'
trained 'npy: patterns' 'npy("x-*.npy", "y-*.npy")' 'field(0)' 'field(1)'
full && trained 'csv: a pattern' 'csv("part-*.csv")' "$columns" "$kind"
trained 'csv: concat by name' 'concat([csv("part-0.csv"), csv("part-[12].csv")])' 'field("a":"d")' \
  'classes(field("kind"))'
trained 'csv: --data with a pattern' 'csv("all.csv")' "$columns" "$kind" --data 'part-*.csv'
mkdir -p away
model 'npz("none.npz")' "$array" 'field("y")' >away/t.nn
check 'npz that is not there yet' "$gradc" check away/t.nn

wrong() { # wrong STATUS PATTERN SOURCE X Y: status 0, at compile time
  status=$1 pattern=$2; model "$3" "$4" "$5" >wrong.nn
  if [ "$status" = 0 ]; then expect 1 "$pattern" check wrong.nn
  else expect "$status" "$pattern" run wrong.nn --run-dir d --force; fi
}
head -c 300 deflated.npz >short.npz
full && wrong 4 'E0614.*short.npz: not a zip archive, or truncated' 'npz("short.npz")' "$array" 'field("y")'
wrong 4 'E0614.*other.npz: .x. is compressed by another method' 'npz("other.npz")' "$array" 'field("y")'
wrong 4 'E0614.*there is no array `xs`' 'npz("stored.npz")' 'field("xs")' 'field("y")'
grep -q 'did you mean `x`' err && grep -q -- '--> wrong.nn:5:' err && pass || fail "an unknown array: $(cat err)"
wrong 0 'is i32\[\], but\|is f32\[4, 1\] here' 'npz("stored.npz")' 'reshape(field("x"), [4, 1])' 'field("y")'
wrong 0 'one line reads one array' 'npz("stored.npz")' 'field("x":"y")' 'field("y")'
wrong 0 'of one kind' 'concat([csv("all.csv"), npz("stored.npz")])' "$columns" "$kind"
wrong 0 'takes a list of sources' 'concat(csv("all.csv"))' "$columns" "$kind"
wrong 0 'concat(\[csv' 'csv("all.csv", "part-0.csv")' "$columns" "$kind"
wrong 1 'E0680.*cannot open .*no-' 'csv("no-*.csv")' "$columns" "$kind"
full && wrong 1 '3 files are' 'npy("x-*.npy", "y-[01].npy")' 'field(0)' 'field(1)'
sed '3s/^[^,]*/word/' part-2.csv >part-2.bad
wrong 4 'part-2.bad: record 2, field 0: `word` is not a number (line 3)' \
  'concat([csv("part-0.csv"), csv("part-2.bad")])' "$columns" "$kind"
# on_error = skip: the records that cannot be used are counted, and the others trained on.
{ head -1 all.csv; echo 1,2,word,4,p; sed -n 2,30p all.csv; echo 1,2,3; sed '1,30d' all.csv; } >faulty.csv
model 'csv("faulty.csv"); on_error = skip' "$columns" "$kind" >t.nn
equal 'on_error = skip: csv' "$(made t.nn)" "$same"
said='data points: 2 of 62 records cannot be used and are left out; the first: .*faulty.csv: record 1, field 2: `word`'
grep -q "$said" err && pass || fail "on_error = skip: $(head -c 300 err)"
full && wrong 4 'E0610.*faulty.csv: record 1' 'csv("faulty.csv"); on_error = stop' "$columns" "$kind"
# A record that is left out adds no class, so it moves no number of the others.
{ head -1 all.csv; echo a,1,2,word,4; sed -n 2,30p all.csv; echo other,1,,3,4; sed '1,30d' all.csv; } |
  awk -F, -v OFS=, 'NR == 1 || NR == 2 || NR == 32 { print(NR > 1 ? $0 : "kind,a,b,c,d"); next }
    { print $5, $1, $2, $3, $4 }' >first.csv
for how in on_error missing; do
  grep -v "$([ $how = missing ] && echo word || echo other)" first.csv >first-$how.csv
  model "csv(\"first-$how.csv\"); $how = skip" 'field("a":"d")' 'classes(field("kind"))' >t.nn
  equal "$how = skip: classes" "$(made t.nn)" "$same"
  grep -aq '"classes.points.y":"\[\\"p\\",\\"q\\",\\"r\\"\]"' d/weights.safetensors && pass ||
    fail "$how = skip: $(grep -ao '"classes[^]]*' d/weights.safetensors) $(cat err)"
done
# standardize, minmax and missing values of arrays: the numbers are those of the same table.
learned() { # learned NAME X_OF_CSV X_OF_ARRAYS [SETTINGS [CSV NPZ]]
  model "csv(\"${5-all.csv}\"); holdout = 0.2; ${4-}" "$2" 'i32(field(4))' >t.nn
  want=$(made t.nn)
  [ -n "$want" ] && pass || fail "$1: $(head -c 300 err)"
  trained "$1" "npz(\"${6-stored.npz}\"); holdout = 0.2; ${4-}" "$3" 'field("y")'
}
sed 's/p$/0/; s/q$/1/; s/r$/2/' all.csv >numbers.csv
learned standardize 'standardize(field(0:4))' 'standardize(field("x"))' '' numbers.csv
learned minmax 'minmax(field(0:4))' 'field("x") |> minmax' '' numbers.csv
for how in 0 mean skip; do
  learned "missing = $how" 'standardize(field(0:4))' 'standardize(field("x"))' "missing = $how" gaps.csv gaps.npz
  said='gaps.npz: 3 of 60 records have missing values and are left out, the first is record 5'
  [ $how != skip ] || grep -q "$said" err && pass || fail "missing = skip of npz: $(cat err)"
done
full && trained 'missing = skip, records that are not kept' \
  'npz("gaps.npz"); holdout = 0.2; cache = false; missing = skip' 'standardize(field("x"))' 'field("y")'
cat >seen.nn <<'N'
def net(x: f32[B, 4]) { x |> linear(3) }
use model = net()
data points { source = npz("gaps.npz"); missing = mean; x: f32[4] = standardize(field("x")); y: i32 = field("y") }
train { data = points; batch = 16; steps = 7; loss = cross_entropy(model(x), y); optim = adam(lr = 0.05) }
export def seen(x: f32[4]) -> f32[4] { x }
N
check 'build seen.nn' "$gradc" build seen.nn -o seen
check 'seen train' ./seen train --run-dir s --force
./seen predict --weights s/weights.safetensors --input gaps.npz >out 2>err
awk -F, '{ for (i = 1; i <= 4; i++) { s[i] += $i; q[i] += $i * $i } }
  NR == 5 { bad += $2 * $2 > 1e-12 }
  END { for (i = 1; i <= 4; i++) bad += s[i] * s[i] > 1e-6 || (q[i] / 60 - 1) ^ 2 > 1e-6
        exit NR != 60 || bad > 0 }' out && pass || fail "predict of npz: $(head -3 out err)"
sed 's/missing = mean; //' seen.nn >wrong.nn
expect 4 'E0618.*gaps.npz: record 5, .*`x` is not finite' run wrong.nn --run-dir d --force
wrong 0 '`on_error` is stop or skip' 'csv("all.csv"); on_error = ignore' "$columns" "$kind"
full && for f in stored.npz deflated.npz wide.npz all.safetensors; do # any byte changed: the same numbers, or an error
  size=$(wc -c <$f) i=0
  model "$(case $f in *npz) echo 'npz("m")' ;; *) echo 'safetensors("m")' ;; esac)" "$array" 'field("y")' >m.nn
  "$gradc" build m.nn -o m_bin
  while [ $i -lt "$size" ]; do
    cp $f bad.bin
    printf '\245' | dd of=bad.bin bs=1 seek=$i conv=notrunc 2>/dev/null
    ./m_bin eval --data bad.bin --weights d/weights.safetensors >/dev/null 2>err
    case $? in 0 | 4 | 6) ;; *) fail "$f, byte $i: $(head -c 300 err)" ;; esac
    i=$((i + 17))
  done
  pass
done
