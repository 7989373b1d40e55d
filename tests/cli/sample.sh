# SPDX-License-Identifier: Apache-2.0
# sample and stratify: how often the records of each class are drawn, in each batch and in all; hold-outs and folds that
# have each class's share; neither --resume nor workers change a bit.
: "${gradc:?run.sh sources this file}"

# 100 records: 70 of class a, 20 of b, 10 of c; weights 1, 3, 0
awk 'BEGIN { s = 7; print "v,w,y"
  for (i = 0; i < 100; i++) { s = (s * 16807) % 2147483647; k = i * 37 % 100; c = k < 70 ? 1 : k < 90 ? 2 : 3
    printf "%.3f,%s,%s\n", s / 2147483647, substr("130", c, 1), substr("abc", c, 1) } }' >all.csv
model() { # model SETTINGS: on standard output
  cat <<N
def net(x: f32[B, 1]) { x |> linear(3) }
use model = net()
data points { source = csv("all.csv"); $1
    x: f32[1] = [field("v")]; w: f32 = field("w"); y: i32 = classes(field("y")) }
train { data = points; batch = 10; epochs = 20; loss = cross_entropy(model(x), y) + 0 * sum(w); optim = sgd(lr = 0.1)
        metric.a = total(sum(f32(y == 0))); metric.b = total(sum(f32(y == 1))); metric.c = total(sum(f32(y == 2))) }
N
}
train() { # train RUN ARGUMENTS...: of ./m; the hash of the weights
  run=$1; shift
  ./m train --json --run-dir "$run" --threads 1 "$@" 2>err >"$run.out"; hash_of <"$run.out"
}
built() { model "$1" >m.nn; check "build $1" "$gradc" build m.nn -o m; }
counts_of() { # counts_of RUN: of all steps how often each class was drawn, and of a step the least and the most of b
  awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; low = 99; next }
    { a += $at["a"]; b += $at["b"]; c += $at["c"]; n = $at["b"]; if (n < low) low = n; if (n > high) high = n }
    END { print a, b, c, low, high }' "$1/metrics.csv"
}
built ''
plain=$(train p)
[ -n "$plain" ] && pass || fail "plain: $(head -c 400 err)"
equal 'without sample' "$(counts_of p | cut -d' ' -f1-3)" '1400 400 200'
built 'sample = stratified(y)'
want=$(train s)
equal 'stratified: each record once, each batch has its share' \
  "$(counts_of s | awk '{ print $1, $2, $3, ($4 >= 1), ($5 <= 3) }')" '1400 400 200 1 1'
train t --stop-at 77 >out
equal 'stratified: a resumed run' "$(train t --resume)" "$want"
built 'sample = stratified(y); workers = 2; cache = false'
equal 'stratified: workers' "$(train u)" "$want"
built 'sample = balanced(y)'
want=$(train b)
counts_of b | awk '{ exit !($1 > 600 && $1 < 734 && $2 > 600 && $2 < 734 && $3 > 600 && $3 < 734) }' && pass ||
  fail "balanced: $(counts_of b)"
train c --stop-at 77 >out
equal 'balanced: a resumed run' "$(train c --resume)" "$want"
built 'sample = weighted(w)'
train w >out
counts_of w | awk '{ exit !($3 == 0 && $1 / $2 > 1.02 && $1 / $2 < 1.32) }' && pass || fail "weighted: $(counts_of w)"

held() { sed -n 's/.*"done".*"holdout":{.*"a":\([0-9]*\),"b":\([0-9]*\),"c":\([0-9]*\).*/\1 \2 \3/p' "$1.out"; }
built 'holdout = 0.2; stratify = y'
train h >out
equal 'a stratified hold-out' "$(held h)" '14 4 2'
equal 'its other records' "$(counts_of h | cut -d' ' -f1-3)" '1120 320 160'
equal 'eval of a stratified hold-out' "$(./m eval --json --weights h/weights.safetensors 2>err |
  sed 's/.*"a":\([0-9]*\),"b":\([0-9]*\),"c":\([0-9]*\).*/\1 \2 \3/')" '14 4 2'
folds=
for k in 1 2 3 4 5; do train f$k --fold $k/5 --epochs 1 >out; folds="$folds$(held f$k), "; done
equal 'stratified folds' "$folds" '14 4 2, 14 4 2, 14 4 2, 14 4 2, 14 4 2, '
built 'holdout = 0.07; stratify = y; shuffle = false'
train g >out
held g | awk '{ exit !($1 + $2 + $3 == 7 && $1 >= 4 && $1 <= 5 && $2 >= 1 && $2 <= 2 && $3 <= 1) }' && pass ||
  fail "a small stratified hold-out: $(held g)"

wrong() { model "$2" >wrong.nn; expect 1 "$1" check wrong.nn; }
wrong '`sample` is weighted(w), balanced(y) or stratified(y)' 'sample = uniformly(y)'
wrong 'a field of data points belongs here, not z' 'stratify = z'
wrong '`x` is f32\[1\]; a weight is one number' 'sample = weighted(x)'
wrong '`w` is f32; a class is one integer' 'stratify = w'
wrong 'and `shuffle = false` keeps their order' 'shuffle = false; sample = balanced(y)'
model 'sample = balanced(y)' | sed 's/csv("all.csv")/stream(csv())/; s/classes(field("y"))/field("w")/' >wrong.nn
expect 1 '`sample` needs all records' check wrong.nn
built 'sample = weighted(w)'
sed '5s/,[^,]*,/,-1,/' all.csv >bad.csv
./m train --data bad.csv --run-dir bad >out 2>err
[ $? = 4 ] && grep -q 'E0610\]: bad.csv: record 4, column `w`: `w` is -1, but a weight is a finite' err &&
  grep -q '(line 5)' err && pass || fail "a negative weight: $(cat err)"
sed '2,$s/,[^,]*,/,0,/' all.csv >bad.csv
./m train --data bad.csv --run-dir bad >out 2>err
[ $? = 4 ] && grep -q 'E0610\]: data points: the sum of the weights `w` is 0' err && pass ||
  fail "no weights: $(cat err)"
