# SPDX-License-Identifier: Apache-2.0
# Tables as they are: columns by name, headers, separators, decimal commas; errors that name the place in the file and
# in the .nn.
: "${gradc:?run.sh sources this file}"

awk 'BEGIN {
  split("setosa versicolor virginica", name, " ")
  s = 7
  print "alcohol,malic acid,ash,hue,kind,species"
  for (i = 0; i < 60; i++) {
    line = ""
    for (j = 1; j <= 4; j++) { s = (s * 16807) % 2147483647
      line = line sprintf("%.3f,", i % 3 * (5 - j) + s / 2147483647) }
    print line i % 3 "," name[3 - i % 3]
  }
}' >wine.csv
cat >named.nn <<'N'
def net(x: f32[B, 4]) { x |> linear(3) }
use model = net()
data wine {
    source = csv("wine.csv"); holdout = 0.2
    x: f32[4] = concat([field("malic acid":"hue"), field("alcohol":"alcohol")], axis = 0)
    y: i32 = field("kind")
}
train { data = wine; batch = 8; steps = 6; loss = cross_entropy(model(x), y); optim = adam(lr = 0.05) }
N
sed 's/field("malic acid":"hue")/field(1:4)/; s/field("alcohol":"alcohol")/field(0:1)/; s/field("kind")/field(4)/' \
  named.nn >numbered.nn
table() { "$gradc" run "$@" --json --run-dir d --force --threads 1 2>err | hash_of; }
want=$(table numbered.nn)
equal 'columns by name' "$(table named.nn)" "$want"
[ -n "$want" ] && pass || fail "columns by number: $(cat err)"
awk -F, '{ print $6 "," $5 "," $3 "," $2 "," $1 "," $4 "," 7 }' wine.csv | sed '1s/7$/more/' |
  awk -F, '{ print $1 "," $2 "," $5 "," $4 "," $3 "," $6 "," $7 }' | sed 's/,/ , /g; s/\(.*\)$/\1\r/' >moved.csv
equal 'columns in another order' "$(table named.nn --data moved.csv)" "$want"
tr , ';' <wine.csv >semicolon.csv
equal 'semicolons are found' "$(table named.nn --data semicolon.csv)" "$want"
tr , '\t' <wine.csv | sed '1s/^.*$/"alcohol"\t"malic acid"\tash\thue\t"kind"\t"a,b;c"/' >tab.csv
equal 'tabs are found' "$(table named.nn --data tab.csv)" "$want"
equal 'tabs are found: by number' "$(table numbered.nn --data tab.csv)" "$want"
tr ',.' ';,' <wine.csv >comma.csv
sed 's/csv("wine.csv")/csv("comma.csv", decimal = ",")/' named.nn >comma.nn
equal 'a decimal comma' "$(table comma.nn)" "$want"
tr ',.' '|,' <wine.csv | gzip >bar.csv.gz
sed 's/wine.csv/bar.csv.gz/; s/holdout/decimal = ","; sep = "|"; holdout/' named.nn >bar.nn
equal 'a separator that is set' "$(table bar.nn)" "$want"
tail -n +2 wine.csv >bare.csv
equal 'no header' "$(table numbered.nn --data bare.csv)" "$want"
sed 's/holdout/header = true; holdout/' numbered.nn >header.nn
{ echo 1,2,3,4,5,6; cat bare.csv; } >numbers.csv
equal 'a header of numbers' "$(table header.nn --data numbers.csv)" "$want"

# Without the file the range is as long as the line needs; with it, names are checked at once.
mkdir away; sed 's/, field("alcohol":"alcohol")//; s/malic acid":"hue/alcohol":"hue/' named.nn >away/n.nn
check 'a range of names without the file' "$gradc" check away/n.nn
sed 's/"kind"/"kin"/' named.nn >wrong.nn
expect 1 'wine.csv" has no column `kin`' check wrong.nn
[ "$(grep -c 'did you mean `kind`\|^ --> wrong.nn:6:14' err)" = 2 ] && pass || fail "an unknown column: $(cat err)"
sed 's/malic acid":"hue/hue":"ash/' named.nn >wrong.nn
expect 1 '`ash` comes before `hue`' check wrong.nn
sed '1s/ash/hue/' wine.csv >twice.csv
sed 's/wine.csv/twice.csv/' named.nn >wrong.nn
expect 1 '2 columns of "twice.csv" have the name `hue`' check wrong.nn

check 'build named.nn' "$gradc" build named.nn -o named
refused() { # NAME CODE MESSAGE PLACE, the file on standard input
  cat >bad.csv
  ./named train --run-dir bad --data bad.csv >out 2>err
  got=$?
  if [ $got = 4 ] && grep -q -e "error\[E$2\]: bad.csv: $3" err && grep -q -e "--> named.nn:$4\$" err; then pass
  else fail "$1: status $got: $(cat err)"; fi
}
{ printf '\377\376'; sed 's/./&\x00/g' wine.csv; } >wide.csv
./named train --run-dir bad --data wide.csv >out 2>err
equal 'UTF-16' "$? $(grep -c 'error.E0611.: wide.csv: the text is UTF-16' err)" '4 1'
sed '1s/kind/kid/' wine.csv | refused 'an unknown column' 0620 'there is no column `kind` (line 1)' 6:14
grep -q 'did you mean `kid`' err && pass || fail "the nearest column: $(cat err)"
refused 'no header' 0620 'there is no column `malic acid` (line 1)' 5:25 <bare.csv
grep -q 'the first line has numbers' err && pass || fail "no header: $(cat err)"
refused 'a name twice' 0620 '2 columns have the name `hue` (line 1)' 5:25 <twice.csv
cut -d, -f1,2,4-6 wine.csv | refused 'another range' 0620 'from `malic acid` to `hue` there are 2 columns' 5:25
sed '9s/,[^,]*,[^,]*$/,x,/' wine.csv |
  refused 'not a number' 0610 'record 8, column `kind`: `x` is not a number (line 9)' 6:14
sed '9s/,[^,]*,[^,]*$/,3,/' wine.csv |
  refused 'out of range' 0617 'record 8, column `kind`: 3 is out of range: .* (line 9)' 6:14
refused 'a decimal comma' 0610 'record 1, column `malic acid`: `.,...` is not a number (line 2)' 5:25 <comma.csv
grep -q 'help: `decimal = ","`' err && pass || fail "a decimal comma: $(cat err)"
rm -rf bad

# ---- classes, numbers that come from the training part, dates, missing values ----
state() { # FILE NAME: the numbers of a tensor of f32
  n=$(od -An -tu4 -N4 "$1" | tr -d ' ')
  at=$(head -c $((8 + n)) "$1" | tail -c "$n" | sed 's/.*"'"$2"'":{[^}]*offsets":\[\([0-9]*\),\([0-9]*\)\].*/\1 \2/')
  od -An -tf4 -v -w4 -j $((8 + n + ${at% *})) -N $((${at#* } - ${at% *})) "$1" | tr -d ' ' | tr '\n' ' '
}
awk -F, 'NR == 1 { print $0 ",day" } NR > 1 { printf "%s,2024-%02d-%02d\n", $0, 1 + NR % 12, 1 + NR % 28 }' \
  wine.csv >days.csv
cat >learned.nn <<'N'
def net(x: f32[B, 4], d: f32[B]) { concat([x, reshape(d, [-1, 1])], axis = 1) |> linear(3) }
use model = net()
data wine {
    source = csv("days.csv")
    x: f32[4] = standardize(field("alcohol":"hue"))
    d: f32 = minmax(date(field("day")))
    y: i32 = classes(field("species"))
}
train { data = wine; batch = 8; steps = 40; loss = cross_entropy(model(x, d), y); optim = adam(lr = 0.05) }
export def classify(x: f32[1, 4], d: f32[1]) { argmax(model(x, d)) }
export def scaled(x: f32[4], d: f32) -> f32[5] { concat([x, [d]], axis = 0) }
export def four(x: f32[4, 4], d: f32[4]) -> f32[20] { reshape(concat([x, reshape(d, [4, 1])], axis = 1), [20]) }
N
check 'build learned.nn' "$gradc" build learned.nn -o learned
check 'learned train' ./learned train --run-dir l --threads 1
awk -F, 'NR > 1 { for (i = 1; i <= 4; i++) { s[i] += $i; q[i] += $i * $i } n++ }
  END { for (i = 1; i <= 4; i++) { m = s[i] / n; printf "%.4f %.4f ", m, sqrt(q[i] / n - m * m) } }' days.csv >want
f=l/weights.safetensors
echo "$(state $f wine.x.standardize.mean) $(state $f wine.x.standardize.std)" |
  awk '{ for (i = 1; i <= 4; i++) printf "%.4f %.4f ", $i, $(i + 4) }' >got
cmp -s want got && pass || fail "mean and deviation: $(cat got) are not $(cat want)"
tail -n +2 days.csv | cut -d, -f1-4,7 >bare.csv
TZ=UTC0 awk -F'[,-]' '{ print $1 "," $2 "," $3 "," $4 "," mktime($5 " " $6 " " $7 " 00 00 00") / 86400 }' \
  bare.csv >days.txt
equal 'minimum and range of dates' "$(state $f wine.d.minmax.min)$(state $f wine.d.minmax.range)" \
  "$(cut -d, -f5 days.txt | sort -n | awk 'NR == 1 { a = $1 } { b = $1 } END { printf "%d %d ", a, b - a }')"
grep -aq '"classes.wine.y":"\[\\"setosa\\",\\"versicolor\\",\\"virginica\\"\]"' $f && pass || fail 'no names of classes'
./learned predict --weights $f --input days.csv >out 2>err
cut -d, -f6 days.csv | tail -n +2 | cmp -s - out && pass || fail "predict prints classes: $(head -3 out err)"
cut -d, -f1-4,7 days.csv | awk -F, '{ print $5 "," $1 "," $2 "," $3 "," $4 }' >few.csv
./learned predict --weights $f --input few.csv | cmp -s - out && pass || fail 'predict finds columns by their names'
# The columns of a range are those of the training, by name: their order, and others between them, mean nothing.
awk -F, '{ print $4 "," $2 "," (NR == 1 ? "other" : 7) "," $3 "," $1 "," $7 "," $6 }' days.csv >mixed.csv
./learned predict --weights $f --input mixed.csv | cmp -s - out && pass || fail 'predict finds a range by its names'
equal 'eval finds a range by its names' "$(./learned eval --weights $f --data mixed.csv 2>&1 | sed 's/^.*,//')" \
  "$(./learned eval --weights $f --data days.csv 2>&1 | sed 's/^.*,//')"
./learned predict --weights $f --input bare.csv | cmp -s - out && pass ||
  fail 'predict without a header: in the order of inputs'
./learned predict --weights $f --fn scaled --input days.csv | head -4 | tr '\n' ' ' | sed 's/ $//' | tr ' ' ',' >want
./learned predict --weights $f --input wine.csv 2>err
[ $? = 4 ] && grep -q 'E0620.*wine.csv: there is no column `day` (line 1)' err &&
  grep -q -- '--> learned.nn:6:' err && pass ||
  fail "predict: a column is missing: $(cat err)"
sed 's/setosa/setossa/' days.csv >bad.csv
./learned eval --weights $f --data bad.csv 2>err
[ $? = 4 ] && grep -q 'E0621.*bad.csv: record 3, column `species`: `setossa` is no class of training (line 4)' err &&
  grep -q 'did you mean `setosa`' err && grep -q -- '--> learned.nn:7:' err && pass ||
  fail "an unknown class: $(cat err)"
want=$(./learned eval --weights $f --json)
equal 'eval of a part has the numbers of the whole' "$(head -1 days.csv >part.csv; grep setosa days.csv >>part.csv
  ./learned eval --weights $f --data part.csv --json | grep -c '"records":20')" 1
./learned train --run-dir r --threads 1 --stop-at 17 >/dev/null 2>&1
./learned train --resume --run-dir r --threads 1 >/dev/null 2>&1
cmp -s r/weights.safetensors $f && pass || fail 'a resumed run has the same weights'
"$gradc" run learned.nn --init $f --steps 1 --data part.csv --run-dir i >/dev/null 2>err
equal '--init keeps the numbers' "$(state i/weights.safetensors wine.x.standardize.mean)" \
  "$(state $f wine.x.standardize.mean)"
check 'emit learned.nn' "$gradc" emit --c learned.nn --weights=$f --only=infer -o e
cat >e/main.c <<'C'
#include "learned.h"
#include <stdio.h>
static _Alignas(64) unsigned char mem[learned_BYTES + 64];
int main(void) {
  static const char *const names[] = learned_CLASSES_y;
  float x[4], d;
  int32_t y;
  learned_init(mem, 0);
  while (scanf("%f,%f,%f,%f,%f", x, x + 1, x + 2, x + 3, &d) == 5) {
    learned_classify(mem, x, &d, &y);
    puts(names[y]);
  }
}
C
gcc -std=c11 -O1 -o e/main e/main.c e/learned.c -lm 2>err && e/main <days.txt >got && cmp -s got out && pass ||
  fail "emitted C takes raw values: $(head -3 err got)"
./learned predict --weights $f --fn scaled --input days.csv | head -4 | tr '\n' ',' >want
days=$(head -4 days.txt | cut -d, -f5 | tr '\n' ',' | sed 's/,$//')
echo "$(cut -d, -f1-4 bare.csv | head -4 | tr '\n' ',')$days" >batch.csv
./learned predict --weights $f --fn four --input batch.csv >got 2>err
[ "$(tr ',' '\n' <want | sort | tr -d '\n')" = \
  "$(tr ',' '\n' <got | sort | tr -d '\n')" ] && pass || fail "a batch of raw values: $(cat got err) not $(cat want)"

# The numbers come from the records to train on: of 2^0 to 2^19, the mean says which, as many as are trained on.
awk 'BEGIN { print "p"; for (i = 0; i < 20; i++) print 2 ^ i }' >powers.csv
cat >powers.nn <<'N'
def net(x: f32[B]) { param w: f32 = 1
  x * w }
use model = net()
data d { source = csv("powers.csv"); holdout = 0.25; x: f64 = standardize(field("p")) }
train { data = d; batch = 5; steps = 1; loss = mean(model(f32(x))); optim = sgd(lr = 0.1) }
export def scaled(x: f64) -> f64 { x }
N
check 'powers' "$gradc" run powers.nn --run-dir p
"$gradc" build powers.nn -o powers
printf 'p\n0\n1048576\n' | ./powers predict --input - --weights p/weights.safetensors >out 2>err
bits=$(awk 'NR == 1 { a = $1 } NR == 2 { s = 1048576 / ($1 - a); n = sprintf("%.0f", -a * s * 15)
  for (b = 0; n > 0; n = int(n / 2)) b += n % 2
  print b }' out)
equal 'the mean is of the 15 records to train on' "$bits" 15
"$gradc" run powers.nn --fold 1/2 --run-dir p2 >/dev/null 2>&1
cmp -s p/weights.safetensors p2/weights.safetensors && fail 'a fold has other records' || pass

# Predictions in the units of the file: a line through prices, learned from standardized ones.
awk 'BEGIN { print "area,price"; for (i = 1; i <= 40; i++) printf "%d,%d\n", 20 + 3 * i, 1000 * i + 50000 }' >houses.csv
cat >houses.nn <<'N'
def net(x: f32[B]) -> f32[B] { reshape(reshape(x, [B, 1]) |> linear(1), [B]) }
use model = net()
data houses { source = csv("houses.csv"); holdout = 0.1; x: f32 = standardize(field("area"))
    price: f32 = minmax(field("price")) }
train { data = houses; batch = 9; epochs = 40; loss = mse(model(x), price); optim = sgd(lr = 0.5)
    metric.error = mean(abs(raw(model(x), "price") - raw(price, "price"))) }
export def predict(x: f32[1]) -> f32[1] { raw(model(x), "price") }
N
"$gradc" run houses.nn --run-dir h >out 2>err || fail "raw: $(cat err)"
awk -F, 'NR == 2 { first = $3 } END { exit !($4 < 1e-6 && $5 < 50 && first > 500) }' h/metrics.csv && pass ||
  fail "error in the file's units: $(tail -1 h/metrics.csv)"
"$gradc" build houses.nn -o houses
printf 'area\n23\n140\n' | ./houses predict --weights h/weights.safetensors --input - >out 2>err
near 'a price' "$(sed -n 1p out)" 51000 1e-3
near 'another price' "$(sed -n 2p out)" 90000 1e-3
"$gradc" emit --c houses.nn --weights=h/weights.safetensors --only=infer -o e
cat >e/price.c <<'C'
#include "houses.h"
#include <stdio.h>
static _Alignas(64) unsigned char mem[houses_BYTES + 64];
int main(void) {
  float x = 23, y;
  houses_init(mem, 0);
  houses_predict(mem, &x, &y);
  printf("%.9g\n", y);
}
C
gcc -std=c11 -O1 -o e/price e/price.c e/houses.c 2>err && e/price >got
near 'emitted C gives the units of the file' "$(cat got)" "$(sed -n 1p out)" 1e-4
sed 's/"price") }$/"pric") }/' houses.nn >wrong.nn
expect 1 'E0311.*`pric` is no field whose line is standardize' check wrong.nn

# Missing values.
printf 'a,b,c\n1,2,x\n,4,y\n5,?,x\n7,NA,y\n3,nan,x\n9,6,\n' >gaps.csv
gaps() { # MISSING TYPE: a model of gaps.csv
  printf 'def net(x: f32[B, 2]) { x |> linear(2) }\nuse model = net()\n'
  printf 'data d { source = csv("gaps.csv"); shuffle = false; %s\n' "$1"
  printf 'x: f32[2] = %s\ny: i32 = classes(field("c")) }\n' "$2"
  printf 'train { data = d; batch = 1; steps = 1; loss = cross_entropy(model(x), y); optim = sgd(lr = 0) }\n'
  printf 'export def seen(x: f32[2]) -> f32[2] { x }\n'
}
gaps '' 'field("a":"b")' >g0.nn
expect 4 'record 2, column `a`: `` is not a number, and the field is empty (line 3)' run g0.nn --run-dir g0
grep -q 'missing = 0 | mean | skip' err && pass || fail "no help for missing values: $(cat err)"
gaps 'missing = 0' 'field("a":"b")' >g1.nn
expect 4 'record 6, column `c`: `` is missing, and a class has no mean (line 7)' run g1.nn --run-dir g1
gaps 'missing = skip' 'field("a":"b")' >g2.nn
expect 0 'gaps.csv: 5 of 6 records have missing values and are left out, the first in line 3' run g2.nn --run-dir g2
sed '7s/$/x/' gaps.csv >filled.csv
for how in mean 0; do
  gaps "missing = $how" 'standardize(field("a":"b"))' >g3.nn
  "$gradc" run g3.nn --data filled.csv --run-dir g3_$how >/dev/null 2>err || fail "missing = $how: $(cat err)"
  "$gradc" build g3.nn -o g3
  ./g3 predict --weights g3_$how/weights.safetensors --input filled.csv >seen_$how 2>err
done
equal 'missing = mean' "$(state g3_mean/weights.safetensors d.x.missing)" '5 4 '
equal 'missing = mean: the mean is 0' "$(cut -d, -f2 seen_mean | awk '{ printf "%.5f ", $1 }')" \
  "$(awk 'BEGIN { s = sqrt(8 / 6); printf "%.5f 0.00000 0.00000 0.00000 0.00000 %.5f ", -2 / s, 2 / s }')"
equal 'missing = 0' "$(state g3_0/weights.safetensors d.x.standardize.mean | cut -c1-9)" '4.1666665'
sed 's/standardize(//; s/"b"))/"b")/' g2.nn >g4.nn; "$gradc" build g4.nn -o g4
equal 'skipped rows are empty' \
  "$(./g4 predict --weights g2/weights.safetensors --input gaps.csv | tr '\n' ';')" '1,2;;;;;9,6;'

# A second source has the classes and numbers of the first, whatever it has itself.
sed 's/setosa$/virginica/; s/^0/9/' wine.csv | head -20 >second.csv
cat >val.nn <<'N'
def net(x: f32[B, 4]) { x |> linear(3) }
use model = net()
data val { source = csv("second.csv");
  x: f32[4] = standardize(field("alcohol":"hue")); y: i32 = classes(field("species")) }
data wine { source = csv("wine.csv");
  x: f32[4] = standardize(field("alcohol":"hue")); y: i32 = classes(field("species")) }
train { data = wine; batch = 8; steps = 40; loss = cross_entropy(model(x), y); optim = adam(lr = 0.05)
    validate.data = val; validate = every(20)
}
N
check 'validate.data' "$gradc" run val.nn --run-dir v --threads 1
sed '/^data val/,/^  x/d; /validate.data/d' val.nn >alone.nn
check 'alone' "$gradc" run alone.nn --run-dir va --threads 1
cmp -s v/weights.safetensors va/weights.safetensors && pass || fail 'validate.data changes what is learned'
grep -aq 'val.x' v/weights.safetensors && fail 'validate.data has numbers of its own' || pass
sed '3s/,[^,]*$/,rose/' second.csv >rose.csv
sed 's/second.csv/rose.csv/' val.nn >rose.nn
expect 4 'rose.csv: record 2, column `species`: `rose` is no class of training (line 3)' run rose.nn --run-dir vr

# ---- categories: each column of a field has the range of what it indexes; what indexes nothing has none ----
awk 'BEGIN { print "a,b,c,y"; for (i = 0; i < 40; i++) print i % 2 "," i % 5 "," i % 9 - 4 "," i % 3 }' >kinds.csv
cat >kinds.nn <<'N'
def net(k: i32[B, 3]) {
    concat([embedding(k[:, 0], 2, 4), embedding(k[:, 1], 5, 3), f32(k[:, 2:])], axis = 1) |> linear(3)
}
use model = net()
data kinds { source = csv("kinds.csv"); holdout = 0.2; k: i32[3] = field("a":"c"); y: i32 = field("y") }
train { data = kinds; batch = 8; steps = 6; loss = cross_entropy(model(k), y); optim = adam(lr = 0.05) }
export def classify(k: i32[1, 3]) -> i32[1] { argmax(model(k)) }
N
check 'columns of categories' "$gradc" build kinds.nn -o kinds
check 'columns of categories: training' ./kinds train --run-dir k --threads 1
for wrong in 's/^1,/2,/:2 is out of range: column 0 of `k` must be between 0 and 1' \
  's/,4,/,5,/:5 is out of range: column 1 of `k` must be between 0 and 4'; do
  sed "${wrong%%:*}" kinds.csv >bad.csv
  expect 4 "${wrong#*:}" run kinds.nn --data bad.csv --run-dir kb
done
predicts() { ./kinds predict --weights k/weights.safetensors --input - >out 2>err; }
printf '1,4,-9\n0,0,9\n' | predicts && pass || fail "$(cat err)"
for row in 2,4,0 1,5,0 -1,0,0; do
  printf '%s\n' "$row" | predicts && fail "$row: $(cat out)" ||
    { grep -q 'is out of range' err && pass || fail "$row: $(cat err)"; }
done
