# SPDX-License-Identifier: Apache-2.0
# jsonl: the records of a table train to the same weights; lists that are padded, and their lengths; each kind of wrong
# line is refused with its file and line; on_error = skip of all files; a hold-out under a batch that the model fixes.
: "${gradc:?run.sh sources this file}"
. "$here/points.sh"

awk 'BEGIN { s = 7
  print "a,b,c,d,kind"
  for (i = 0; i < 60; i++) { line = ""
    for (j = 1; j <= 4; j++) { s = (s * 16807) % 2147483647
      line = line sprintf("%.3f,", i % 3 * (5 - j) + s / 2147483647) }
    print line substr("pqr", 1 + i % 3, 1) }
}' >all.csv
objects() { # objects FILE: as lines of JSON
  awk -F, 'NR > 1 { printf "{\"id\": {\"n\": [%d, \"\\u00e9}\"]}, \"x\": [[%s, %s], [%s,%s]], ", NR, $1, $2, $3, $4
    printf "\"kind\": \"%s\", \"y\": %d}\n", $5, index("pqr", $5) - 1 }' "$1"
}
objects all.csv >all.jsonl
sed 's/$/\r/; 7s/^/\r\n  \n/; 9s/"x"/"\\u0078"/; $s/\r//' all.jsonl | head -c -1 >dos.jsonl
gzip <all.jsonl >packed.jsonl.gz
head -20 all.jsonl >part-0.jsonl
sed 1,20d all.jsonl >part-1.jsonl
model 'csv("all.csv")' 'field(0:4)' 'classes(field(4))' >t.nn
want=$(made t.nn)
[ -n "$want" ] && pass || fail "csv: $(head -c 300 err)"
x='reshape(field("x"), [4])'
trained 'jsonl' 'jsonl("all.jsonl")' "$x" 'field("y")'
trained 'jsonl: names of classes' 'jsonl("all.jsonl")' "$x" 'classes(field("kind"))'
trained 'jsonl: CRLF, blank lines, escapes, no end of line' 'jsonl("dos.jsonl")' "$x" 'field("kind") |> classes'
trained 'jsonl: a pattern' 'jsonl("part-?.jsonl")' "$x" 'classes(field("kind"))'
full && trained 'jsonl: concat' 'concat([jsonl("part-0.jsonl"), jsonl("part-1.jsonl")])' "$x" 'field("y")'
full && trained 'jsonl, packed' 'jsonl("packed.jsonl.gz")' "$x" 'field("y")'
full && trained 'jsonl: --data' 'jsonl("none.jsonl")' "$x" 'field("y")' --data all.jsonl
sed 's/"x"/"p"/; s/"kind"/"\\u006bind"/' all.jsonl >renamed.jsonl
model 'jsonl("renamed.jsonl")' 'reshape(field("p"), [4])' 'classes(field("kind"))' >t.nn
equal 'jsonl: other names' "$(made t.nn)" "$want"

refused() { # refused CHANGE NAME CODE MESSAGE [HELP]: after a change of sed
  sed "$1" all.jsonl >bad.jsonl; shift
  model 'jsonl("all.jsonl")' "$x" 'field("y")' >wrong.nn
  "$gradc" run wrong.nn --run-dir bad --data bad.jsonl >out 2>err
  got=$?
  if [ $got = 4 ] && grep -q -e "error\[E$2\]: bad.jsonl:3: $3" err && { [ -z "${4-}" ] || grep -q -e "$4" err; }; then
    pass
  else fail "jsonl: $1: status $got: $(cat err)"; fi
}
refused '3s/}$//' 'no end' 0623 'not a JSON object: expected `}`'
refused '3s/^./[/' 'a list' 0623 'not a JSON object: expected `{`'
refused '3s/$/ 1/' 'text after the end' 0623 'not a JSON object: text after'
refused '3s/"y": 2/"y": 2, "y": 1/' 'a member twice' 0623 'the object has `y` twice'
refused '3s/"y"/"Y"/' 'no member' 0620 'there is no member `y`' 'did you mean'
refused '3s/"y": 2/"y": "r"/' 'a string' 0610 '`y`: a string' 'classes(field("y"))'
refused '3s/"y": 2/"y": 2.5/' 'a fraction' 0610 '`y`: `2.5` is not i32' '--> wrong.nn:6:1'
refused '3s/"y": 2/"y": 3/' 'out of range' 0617 '3 is out of range: `y` must be' '--> wrong.nn:6:1'
refused '3s/"y": 2/"y": null/' 'null' 0610 '`y`: `null` is not'
refused '3s/"x": \[\[[^,]*/"x": [[null/' 'null as a float' 0618 '`x` is not finite'
refused '3s/"x": \[\[/"x": [[1,/' 'lists that differ' 0616 '`x` has more than the 4 numbers'
refused '3s/"x": \[\[[^,]*,/"x": [[/' 'lists of other lengths' 0610 '`x`: lists of different'
refused '3s/"x": \[[^]]*\],/"x": [/' 'another shape' 0616 '`x` is f32\[1, 2\], the data section takes f32\[4\]'
expect 1 'the members of jsonl have names' check - <<N
$(model 'jsonl("all.jsonl")' "$x" 'field(1)')
N
wrong() { model "$2" "$3" "$4" >wrong.nn; expect 1 "$1" check wrong.nn; } # wrong PATTERN SOURCE X Y
wrong 'is f32\[2, 2\] here, but its line says f32\[4\]' 'jsonl("all.jsonl")' 'field("x")' 'field("y")'
wrong '`date` takes a field(...) of csv or jsonl' 'uniform(60, [0, 0, 0, 0], 1)' 'date(field(0))' '0'
wrong 'one line reads one array' 'jsonl("all.jsonl")' "$x" 'field("x":"y")'
wrong 'one line reads one member' 'jsonl("all.jsonl")' "$x" 'field("x") + field("y")'
wrong '`padded` takes field(...) of jsonl' 'csv("all.csv")' 'padded(field(0:4), 4)' 'field(4)'
wrong 'integer from 1 to' 'jsonl("all.jsonl")' 'padded(field("x"), 0)' 'field("y")'
wrong 'takes field(...) and the most' 'jsonl("all.jsonl")' 'padded(field("x"))' 'field("y")'
wrong '`on_error = skip` is for files' 'uniform(60, [0, 0, 0, 0], 1); on_error = skip' 'field(0)' '0'
wrong 'one line reads a list in one way' 'jsonl("all.jsonl")' "$x" 'length(field("y")) + field("y")'

# ---- standardize, minmax, dates, missing values: those of the same table, which predict and emitted C apply ----
awk -F, 'NR == 1 { print "a,b,c,d,day,kind" } NR > 1 { printf "%s,%s,%s,%s,2024-%02d-%02dT%02d:30,%s\n", $1, $2, $3, $4,
  1 + NR % 12, 1 + NR % 28, NR % 24, $5 }' all.csv >days.csv
days() { # days CSV: as lines of JSON
  awk -F, 'NR > 1 { printf "{\"kind\": \"%s\", \"when\": \"%s\", ", $6, $5
    printf "\"x\": [%s, %s, %s, %s]}\n", $1, $2, $3, $4 }' "$1" |
    sed 's/"when": ""/"when": null/; s/\([[ ]\)\([],]\)/\1null\2/g'
}
days days.csv >days.jsonl
fitted() { # fitted SETTINGS X D: a model of days, of csv and, with other names, of jsonl
  for kind in csv jsonl; do
    day='"day"' four=$2
    [ $kind = csv ] || { day='"when"'; four=$(echo "$2" | sed 's/"a":"d"/"x"/'); }
    cat >$kind.nn <<N
def net(x: f32[B, 4], d: f32[B]) { concat([x, reshape(d, [-1, 1])], axis = 1) |> linear(3) }
use model = net()
data points {
    source = $kind("days.$kind"); $1
    x: f32[4] = $four
    d: f32 = $(echo "$3" | sed "s/DAY/$day/")
    y: i32 = classes(field("kind"))
}
train { data = points; batch = 8; steps = 40; loss = cross_entropy(model(x, d), y); optim = adam(lr = 0.05) }
export def classify(x: f32[1, 4], d: f32[1]) { argmax(model(x, d)) }
export def scaled(x: f32[4], d: f32) -> f32[5] { concat([x, [d]], axis = 0) }
N
  done
}
same_as_csv() { # same_as_csv NAME ARGUMENTS...: the weights, in d, of jsonl.nn are those of csv.nn
  what=$1; shift
  want=$(made csv.nn "$@"); got=$(made jsonl.nn "$@")
  [ -n "$want" ] && equal "$what" "$got" "$want" || fail "$what: $(head -c 300 err)"
}
fitted 'holdout = 0.25' 'standardize(field("a":"d"))' 'minmax(date(field(DAY)))'
same_as_csv 'standardize, minmax and dates of jsonl'
same_as_csv 'the same of a fold' --fold 2/3
made jsonl.nn >out
check 'build jsonl.nn' "$gradc" build jsonl.nn -o objects
check 'build csv.nn' "$gradc" build csv.nn -o rows
w='--weights d/weights.safetensors'
for fn in classify scaled; do
  ./rows predict $w --fn $fn --input days.csv >want 2>err
  { printf '\357\273\277'; cat days.jsonl; } >marked.jsonl # an initial byte order mark is ignored
  ./objects predict $w --fn $fn --input marked.jsonl >out 2>>err
  [ "$(wc -l <want)" = 60 ] && cmp -s out want && pass || fail "predict of jsonl, $fn: $(head -2 out err)"
done
equal 'eval of jsonl' "$(./objects eval $w --json 2>&1 | sed 's/"weights.*//')" "$(./rows eval $w --json 2>&1 |
  sed 's/"weights.*//')"
"$gradc" emit --c jsonl.nn --weights=d/weights.safetensors --only=infer -o e >log 2>err || fail "emit: $(cat err)"
cat >e/main.c <<'C'
#include "jsonl.h"
#include <stdio.h>
static _Alignas(64) unsigned char mem[jsonl_BYTES + 64];
int main(void) {
  float x[4], d, y[5];
  jsonl_init(mem, 0);
  while (scanf("%f,%f,%f,%f,%f", x, x + 1, x + 2, x + 3, &d) == 5) {
    jsonl_scaled(mem, x, &d, y);
    printf("%.9g,%.9g,%.9g,%.9g,%.9g\n", y[0], y[1], y[2], y[3], y[4]);
  }
}
C
TZ=UTC0 awk -F'[,T:-]' 'NR > 1 { printf "%s,%s,%s,%s,%.9f\n", $1, $2, $3, $4,
  mktime($5 " " $6 " " $7 " " $8 " " $9 " 00") / 86400 }' days.csv >raw.csv
gcc -std=c11 -O1 -o e/main e/main.c e/jsonl.c -lm 2>err && e/main <raw.csv >got
paste -d, got out | awk -F, '{ for (i = 1; i <= 5; i++) bad += ($i - $(i + 5)) ^ 2 > 1e-10 }
  END { exit NR != 60 || bad > 0 }' && pass || fail "emitted C takes raw values: $(head -2 got out err)"
awk -F, -v OFS=, 'NR == 7 || NR == 30 { $2 = "" } NR == 30 || NR == 44 { $5 = "" }
  NR == 50 { $1 = $2 = $3 = $4 = "" } { print }' days.csv >gaps.csv
days gaps.csv >gaps.jsonl
sed '29s/"when": null, //; 43s/"when": null/"when" :  null/; 49s/"x": .*]/"x": null/' gaps.jsonl |
  sed '6s/null/NaN/' >absent.jsonl
for how in 0 mean skip; do
  fitted "holdout = 0.25; missing = $how" 'standardize(field("a":"d"))' 'minmax(date(field(DAY)))'
  want=$(made csv.nn --data gaps.csv)
  [ -n "$want" ] && pass || fail "missing = $how: $(head -c 300 err)"
  equal "missing = $how of jsonl" "$(made jsonl.nn --data gaps.jsonl)" "$want"
  equal "missing = $how, absent members" "$(made jsonl.nn --data absent.jsonl)" "$want"
done
grep -q 'absent.jsonl: 4 of 60 records have missing values and are left out, the first in line 6$' err && pass ||
  fail "missing = skip of jsonl: $(cat err)"
"$gradc" build jsonl.nn -o objects && ./objects predict $w --input gaps.jsonl >out 2>err
equal 'predict of records with missing values' "$(sed -n '6p;29p;43p;49p' out | tr -d '\n')$(wc -l <out)" 60
gap() { # gap NAME CODE MESSAGE CHANGE: of the jsonl.nn that was made last
  sed "$4" days.jsonl >bad.jsonl
  "$gradc" run jsonl.nn --run-dir bad --data bad.jsonl >out 2>err
  got=$?
  [ $got = 4 ] && grep -q -e "E$2\]: bad.jsonl$3" err && pass || fail "jsonl: $1: status $got: $(cat err)"
}
fitted 'missing = mean' 'field("a":"d")' 'f32(date(field(DAY)))'
gap 'no date' 0610 ':3: `when`: `2024-13-01` is not a date' '3s/"when": "[^"]*"/"when": "2024-13-01"/'
gap 'a class that is missing' 0610 ':3: `kind` is missing, and a class has no mean' '3s/"kind": "."/"kind": null/'
gap 'a member of no record' 0620 ': no record has a member `when`' 's/"when"/"then"/'
sed 's/ d: f32 = .*/ d: f32 = f32(length(field("x")))/' jsonl.nn >t.nn && mv t.nn jsonl.nn
gap 'a list that is missing' 0610 ':3: `x` is missing, and a list has no mean' '3s/"x": \[.*\]/"x": null/'
wrong '`standardize` takes field(...) or date' 'jsonl("all.jsonl")' 'standardize(padded(field("x"), 4))' 'field("y")'
wrong '`minmax` gives floats' 'jsonl("all.jsonl")' "$x" 'minmax(field("y"))'
wrong '`missing` is for csv, jsonl and arrays, not uniform' 'uniform(60, [0, 0, 0, 0], 1); missing = 0' 'field(0)' '0'

# ---- lists that are padded ----
awk 'BEGIN { for (i = 0; i < 24; i++) { n = i * 5 % 7; s = ""; t = 0
  for (k = 0; k < n; k++) { v = (i * 3 + k) % 9; s = s (k ? ", " : "") v; t += v }
  p = s; for (k = n; k < 6; k++) p = p (p == "" ? "" : ", ") 9
  printf "{\"t\": [%s], \"p\": [%s], \"n\": %d, \"y\": %g}\n", s, p, n, t / 8 } }' >lists.jsonl
lists() { # lists X N
  cat <<N
def net(t: i32[B, 6], n: i32[B]) {
  used = f32(iota(6) < reshape(n, [-1, 1]))
  sum(embedding(t, 10, 1)[:, :, 0] * used, axes = [1]) |> reshape([-1, 1]) |> linear(1)
}
use model = net()
data d { source = jsonl("lists.jsonl"); t: i32[6] = $1; n: i32 = $2; y: f32[1] = [field("y")] }
train { data = d; batch = 8; epochs = 3; loss = mse(model(t, n), y); optim = adam(lr = 0.05) }
N
}
lists 'field("p")' 'field("n")' >t.nn
want=$(made t.nn)
[ -n "$want" ] && pass || fail "lists: $(head -c 400 err)"
lists 'padded(field("t"), 6, value = 9)' 'length(field("t"))' >t.nn
equal 'padded lists and their lengths' "$(made t.nn)" "$want"
lists 'field("t") |> padded(6, 9)' 'field("t") |> length' >t.nn
equal 'padded lists and their lengths, by |>' "$(made t.nn)" "$want"
sed '5s/"t": \[/"t": [1, 2, 3, 4, 5, 6, /' lists.jsonl >long.jsonl
"$gradc" run t.nn --run-dir bad --data long.jsonl >out 2>err
[ $? = 4 ] && grep -q 'E0616\]: long.jsonl:5: `t` has more than the 6 entries of i32\[6\]' err &&
  grep -q 'padded(field("t"), N)' err && pass || fail "a list that is too long: $(cat err)"

# ---- on_error = skip: what cannot be used is counted, and the others are trained on ----
skipped() { # skipped NAME SAID SOURCE X Y
  model "$3; on_error = skip" "$4" "$5" >t.nn
  equal "on_error = skip: $1" "$(made t.nn)" "$want"
  grep -q "$2" err && pass || fail "on_error = skip: $1: $(cat err)"
}
model 'jsonl("all.jsonl")' "$x" 'classes(field("kind"))' >t.nn
want=$(made t.nn)
{ echo nothing; sed -n 1,30p all.jsonl
  sed '1s/"p"/"o"/; 1s/\[\[/[/; q' all.jsonl; sed '1,30d' all.jsonl; } >faulty.jsonl
skipped jsonl 'points: 2 of 62 records cannot be used.*the first: .*faulty.jsonl:1: not a JSON object' \
  'jsonl("faulty.jsonl")' "$x" 'classes(field("kind"))'
grep -aq '"classes.points.y":"\[\\"p\\",\\"q\\",\\"r\\"\]"' d/weights.safetensors && pass ||
  fail 'a record that is left out adds no classes'
bytes() { for b in "$@"; do printf "\\$(printf %o "$b")"; done; }
idx() { bytes 0 0 "$1" 1 0 0 0 "$2"; } # idx TYPE N
tokens() { # 12 windows of 5, of small numbers
  i=0; while [ $i -lt 49 ]; do bytes $((i * 7 % 5)) 0; i=$((i + 1)); done
}
cat >windows.nn <<'N'
def net(x: i32[B, 5]) { embedding(x[:, 0:4], 8, 4) |> linear(8) }
use model = net()
data d { source = tokens("w.bin", u16, window = 5); x: i32[5] = window }
train { data = d; batch = 4; steps = 6; loss = cross_entropy(model(x), x[:, 1:5]); optim = adam(lr = 0.05) }
N
tokens >w.bin
want=$(made windows.nn)
{ tokens; bytes 1; } >w.bin
"$gradc" run windows.nn --run-dir bad >out 2>err
[ $? = 4 ] && grep -q E0612 err && pass || fail "a truncated token: $(cat err)"
sed 's/window = 5)/window = 5); on_error = skip/' windows.nn >t.nn
equal 'on_error = skip: tokens' "$(made t.nn)" "$want"
grep -q '1 of 13 records cannot be used.*w.bin: record 13: its last token is truncated' err && pass ||
  fail "tokens: $(cat err)"
{ idx 8 12; i=0; while [ $i -lt 12 ]; do bytes $((i * 9 % 7)); i=$((i + 1)); done; } >x.idx
{ idx 8 13; i=0; while [ $i -lt 12 ]; do bytes $((i * 9 % 7)); [ $i = 4 ] && bytes 200; i=$((i + 1)); done; } >y.idx
cat >bytes.nn <<'N'
def net(x: f32[B, 1]) { linear(x, 1) }
use model = net()
data d { source = idx("x.idx"); on_error = skip; k: i8 = field(0) }
train { data = d; batch = 4; steps = 6; x = reshape(f32(k), [-1, 1]); loss = mse(model(x), x); optim = sgd(lr = 0.01) }
N
want=$(made bytes.nn)
equal 'on_error = skip: idx' "$(made bytes.nn --data y.idx)" "$want"
grep -q '1 of 13 records cannot be used.*y.idx: record 6, field 0: 200 is not i8' err && pass || fail "idx: $(cat err)"

# ---- a model that fixes its batch: all records of the hold-out, each as often ----
fixed() { # fixed BATCH: that of the model
  cat <<N
def net(x: f32[$1, 4]) { x |> linear(3) }
use model = net()
data points { source = jsonl("all.jsonl"); x: f32[4] = $x; y: i32 = field("y"); holdout = 13 / 60.0 }
train { data = points; batch = 8; steps = 20; loss = cross_entropy(model(x), y); optim = adam(lr = 0.05)
  metric.hits = total(sum(f32(argmax(model(x)) == y)))
  metric.rows = sum(collect(model(x))) }
N
}
fixed B >free.nn; fixed 8 >fixed.nn
scores() {
  "$gradc" run "$1" --json --run-dir d --force --threads 1 2>err | sed -n 's/.*"done".*"holdout":{\(.*\)},"we.*/\1/p'
}
free=$(scores free.nn) held=$(scores fixed.nn)
printf '%s\n%s\n' "$free" "$held" | tr ':,' '  ' | awk '{ for (i = 2; i <= NF; i += 2) v[NR, i] = $i; n = NF }
  END { for (i = 2; i <= n; i += 2) { d = v[1, i] - v[2, i]; bad += d * d > 1e-10 * (1 + v[1, i] * v[1, i]) }
        exit bad > 0 || n < 4 }' && pass || fail "a fixed batch: $held, not $free: $(head -c 300 err)"
case $free in *'"hits":'[0-9]*) pass ;; *) fail "hits: $free" ;; esac
