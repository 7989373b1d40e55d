# SPDX-License-Identifier: Apache-2.0
# Streams: records of standard input and of a pipe, in order or drawn from a buffer; --resume reads the stream again; a
# stream that ends, that is waited for, or that has a wrong line; what has no meaning for a stream is refused.
: "${gradc:?run.sh sources this file}"

awk 'BEGIN { s = 7; print "a,b,c,d,y"
  for (i = 0; i < 400; i++) { line = ""
    for (j = 1; j <= 4; j++) { s = (s * 16807) % 2147483647; line = line i % 3 * (5 - j) + s % 64 "," }
    print line i % 3 } }' >all.csv
awk -F, 'NR > 1 { printf "{\"x\": [%s, %s, %s, %s], \"y\": %s}\n", $1, $2, $3, $4, $5 }' all.csv >all.jsonl
model() { # model SOURCE X [SETTINGS]: on standard output; `seen` is the sum of all records that it was trained on
  cat <<N
def net(x: f32[B, 4]) {
  state seen: f32[4] = 0
  if training { seen := seen + sum(x, axes = [0]) }
  linear(x / 64, 3)
}
use model = net()
data points { source = $1; x: f32[4] = $2; y: i32 = field("y"); ${3-} }
train { data = points; batch = 8; accumulate = 2; steps = 25
        loss = cross_entropy(model(x), y); optim = adam(lr = 0.05) }
N
}
train() { # train RUN ARGUMENTS...: of ./m; the hash of the weights
  run=$1; shift
  ./m train --json --run-dir "$run" --threads 1 "$@" 2>err | hash_of
}
seen() { # the sums, of f32 in a weights file
  n=$(od -An -tu4 -N4 "$1" | tr -d ' ')
  at=$(head -c $((8 + n)) "$1" | tail -c "$n" | sed 's/.*seen":{[^}]*offsets":\[\([0-9]*\),.*/\1/')
  od -An -tf4 -v -w4 -j $((8 + n + at)) -N 16 "$1" | tr -d ' ' | tr '\n' ' '
}
built() { model "$@" >m.nn; check "build $1" "$gradc" build m.nn -o m; }
built 'csv("all.csv")' 'field("a":"d")' 'shuffle = false'
want=$(train file)
sums=$(seen file/weights.safetensors)
built 'stream(csv())' 'field("a":"d")' 'shuffle = false'
equal 'a stream in order: csv' "$(train s1 <all.csv)" "$want"
full && equal 'a stream by --data' "$(train s1f --data all.csv </dev/null)" "$want"
built 'stream(jsonl("pipe"), buffer = 7)' 'field("x")' 'shuffle = false'
mkfifo pipe
{ head -200 all.jsonl; sleep 0.2; tail -200 all.jsonl; } >pipe &
equal 'a stream in order: a pipe of jsonl' "$(train s2)" "$want"
wait
built 'stream(csv(), buffer = 100)' 'field("a":"d")'
other=$want want=$(train s3 <all.csv)
equal 'a shuffled stream has each record once' "$(seen s3/weights.safetensors)" "$sums"
[ -n "$want" ] && [ "$want" != "$other" ] && pass || fail "a shuffled stream: $(head -c 300 err)"
train s4 --stop-at 11 <all.csv >out
equal 'a resumed stream' "$(train s4 --resume <all.csv)" "$want"
sed 's/$/\r/; 5s/^/\r\n/' all.csv | head -c -2 >dos.csv
equal 'CRLF, blank lines, no end of line' "$(train s5 <dos.csv)" "$want"
train s6 --steps 40 <all.csv >hash
grep -q 'data points: the stream has ended after 400 records, which are 25 of 40 steps' err &&
  grep -q 'saved after step 25 of 40' err && [ -s hash ] && pass || fail "a stream that ends: $(cat err)"
{ head -300 all.csv; until [ -e stopped ]; do sleep 0.1; done; } >pipe &
rm -f out
./m train --json --run-dir s9 <pipe >out 2>err &
p=$! i=0
until grep -qs '"step":12' out || [ $i = 600 ]; do sleep 0.1; i=$((i + 1)); done # 299 records less the buffer's 100
[ $i -lt 600 ] && pass || fail "a stream that is waited for: $(tail -n 1 out)"
kill -INT $p
wait $p
echo $? >status
touch stopped
equal 'a signal while a stream is waited for' "$(cat status) $(grep -c 'to continue: ./m train --resume' err)" '130 1'

# Lines that are wrong, and that are left out.
wrong_line() { # wrong_line CHANGE MESSAGE
  sed "$1" all.csv >bad.csv
  ./m train --run-dir bad --force <bad.csv >out 2>err
  got=$?
  [ $got = 4 ] && grep -q -e "$2" err && pass || fail "stream: $1: status $got: $(cat err)"
}
wrong_line '301s/^[^,]*/x/' 'E0610\]: standard input: record 300, column `a`: `x` is not a number (line 301)'
wrong_line '301s/.$/3/' 'E0617\]: standard input:301: 3 is out of range: `y` must be'
gzip <all.csv | ./m train --run-dir bad --force >out 2>err
[ $? = 4 ] && grep -q 'E0611.*standard input is compressed' err && pass || fail "a compressed stream: $(cat err)"
built 'stream(csv(), buffer = 100); on_error = skip' 'field("a":"d")'
sed '17s/^/x/; 200s/$/,1/; 40s/$/\nword,1,2,3,0/' all.csv >faulty.csv
sed '17d; 200d' all.csv >fewer.csv
want=$(train s11 --steps 24 <fewer.csv)
equal 'a stream with on_error = skip' "$(train s10 --steps 24 <faulty.csv)" "$want"
said='data points: 3 of 401 records cannot be used and are left out; the first: standard input: record 16'
grep -q "$said" err && pass || fail "a stream with on_error = skip: $(cat err)"

# What has no meaning for a stream.
refused() { # refused PATTERN SETTINGS [X]
  model 'stream(csv())' "${3-field("a":"d")}" "$2" >wrong.nn
  expect 1 "$1" check wrong.nn
}
refused 'a stream is read once, so it has no `holdout`; `validate.data`' 'holdout = 0.1'
refused 'a stream is read once, so it has no `cache`' 'cache = true'
refused 'a stream is read once, so it has no `missing` of the mean' 'missing = mean'
refused '`standardize` needs all records, and a stream' '' 'standardize(field("a":"d"))'
refused '`mixup` needs all records' '' 'mixup(field("a":"d"), 0.2)'
refused '`classes` needs all records' 'z: i32 = classes(field("e"))'
bad() { model "$2" 'field("a":"d")' >wrong.nn; expect 1 "$1" check wrong.nn; }
bad 'a stream is of csv or jsonl' 'stream(npy("x.npy"))'
bad 'a stream is of csv or jsonl' 'stream()'
bad '`stream` has no argument `size`' 'stream(csv(), size = 3)'
bad '`buffer` is the number of records' 'stream(csv(), buffer = 0)'
{ model 'csv("all.csv")' 'field("a":"d")' | sed 's/data = points/&; validate.data = live/'
  echo 'data live { source = stream(csv()); x: f32[4] = field("a":"d"); y: i32 = field("y") }'; } >wrong.nn
expect 1 'data live is a stream, which is read once' check wrong.nn
built 'stream(csv())' 'field("a":"d")'
none() { # none PATTERN ARGUMENTS...: of ./m
  what=$1; shift
  ./m "$@" <all.csv >out 2>err
  grep -q -e "$what" err && pass || fail "m $*: no '$what': $(cat err)"
}
none 'E0684.*data points is a stream, which has no epochs' train --run-dir x --epochs 2
none 'E0601.*data points is a stream, which has no folds' train --run-dir x --fold 1/2
none 'E0687.*data points is a stream, which holds no records out' eval --weights s3/weights.safetensors
check 'm bench of a stream' ./m bench --steps 2
head -101 all.csv >held.csv
{ model 'stream(csv())' 'field("a":"d")' | sed 's/data = points/&; validate = every(10); validate.data = held/'
  echo 'data held { source = csv("held.csv"); x: f32[4] = field("a":"d"); y: i32 = field("y") }'; } >valid.nn
check "build valid.nn" "$gradc" build valid.nn -o m
./m train --json --run-dir v --threads 1 <all.csv >out 2>err
equal 'validation beside a stream' "$(grep -c '"event":"validate"' out) $(grep -c '"holdout":{"loss"' out)" '3 1'
./m eval --json --weights v/weights.safetensors </dev/null >eval 2>err
equal 'eval beside a stream' "$(sed 's/.*"loss":\([^,}]*\).*/\1/' eval)" \
  "$(sed -n 's/.*"holdout":{"loss":\([^,}]*\).*/\1/p' out)"
