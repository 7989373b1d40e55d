# SPDX-License-Identifier: Apache-2.0
# Runs: threads, resume, signals, options, weights, predict, bench.
: "${work:?run.sh sources this file}"
expect 'help' 0 'commands:' toy
expect 'help of a command, an example first' 0 '^toy train --threads' toy train --help
expect 'unknown command' 2 'did you mean `train`' toy trian
expect 'unknown option' 2 'did you mean `--steps`' toy train --stesp 3
expect 'option of another command' 2 'not an option of `eval`' toy eval --resume
expect 'missing value' 2 '--steps needs a value' toy train --steps
expect 'not a number' 2 'takes a number' toy train --steps ten
expect 'out of range' 2 'must be between' toy train --threads 0
expect 'more threads than there is use for' 2 'E0601.*1000 threads: this machine allows at most' \
  toy train --threads 1000
expect 'exclude each other' 2 exclude toy train --steps 3 --epochs 3
expect 'an empty value' 2 'needs a value' toy train --run-dir ''
expect 'a source without files' 2 'reads no files' toy_uniform train --data toy=toy.csv
expect 'a stray word' 2 'options only' toy train toy.csv

expect 'no run yet' 1 'E0683' toy eval
done_line='"event":"done","steps":72,"loss":[0-9.e-]*,"holdout":{"loss":[0-9.e-]*,"acc":1}'
expect 'train' 0 "$done_line"',"weights_hash":"[0-9a-f]\{16\}"}$' toy train --json --run-dir r1
hash=$(grep -o 'weights_hash.*' out)
[ "$(grep -c '"event":"step"' out)" = 72 ] && pass || fail 'one event a step'
[ "$(head -1 r1/metrics.csv)" = step,loss,acc ] && [ "$(wc -l < r1/metrics.csv)" = 73 ] && pass || fail 'metrics.csv'
same 'the source is kept' r1/toy.nn <(echo '# toy')
ls r1 | grep -q '^checkpoint-72.safetensors$' && [ "$(ls r1 | grep -c checkpoint)" = 2 ] && pass ||
  fail 'two checkpoints are kept'
for t in 1 2 3 4; do
  expect "$t threads" 0 "$hash" toy train --json --threads $t --run-dir t$t
  same "$t threads" r1/weights.safetensors t$t/weights.safetensors
done
expect 'another seed' 0 'weights_hash' toy train --json --seed 7 --run-dir s7
cmp -s r1/weights.safetensors s7/weights.safetensors && fail 'the seed has no effect' || pass
expect 'sanitized' 0 "$hash" toy_asan train --json --threads 2 --run-dir asan1
expect 'log every' 0 '"step":70,' toy train --json --log-every 10 --run-dir log10
[ "$(cut -d, -f1 log10/metrics.csv | tr '\n' ' ')" = 'step 10 20 30 40 50 60 70 72 ' ] && pass || fail 'log every 10'

toy train --log-every 10 --stop-at 13 --run-dir log13 > out 2>&1
expect 'log every: resumed' 0 "$hash" toy train --json --resume --run-dir log13
for f in metrics.csv metrics.jsonl; do same 'log every: resumed' log10/$f log13/$f; done

expect 'a folder that holds a run' 2 'E0602' toy train --run-dir r1
expect 'force' 0 "$hash" toy train --json --run-dir r1 --force
expect 'epochs' 0 '"steps":24,' toy train --json --epochs 2 --run-dir e2
expect 'steps' 0 '"steps":5,' toy train --json --steps 5 --run-dir st5
expect 'steps 0' 0 '"steps":0,"loss":null' toy train --json --steps 0 --run-dir st0
expect 'init and steps 0 give the weights back' 0 "$hash" \
  toy train --json --steps 0 --init r1/weights.safetensors --run-dir i0
same 'init' r1/weights.safetensors i0/weights.safetensors
cmp -s st0/weights.safetensors r1/weights.safetensors && fail 'training has no effect' || pass

for p in toy toy_accum toy_order; do
  $p train --json --run-dir full_$p > full.json 2> err || fail "$p: $(cat err)"
  for k in 0 1 11 12 13 40; do
    $p train --json --stop-at $k --run-dir stopped > out 2> err || fail "$p stop at $k: $(cat err)"
    grep -q -e '--resume --run-dir stopped' err && pass || fail "$p: stop at $k does not say how to resume"
    expect "$p: resume after $k" 0 '"event":"done"' $p train --resume --json --threads 2 --run-dir stopped
    for f in weights.safetensors metrics.csv metrics.jsonl; do same "$p: resume after $k" full_$p/$f stopped/$f; done
    [ "$(tail -1 out)" = "$(tail -1 full.json)" ] && pass || fail "$p: resume after $k: another last line"
    rm -rf stopped
  done
  a=$(ls full_$p | grep checkpoint | sort -V | tail -1)
  $p train --stop-at 5 --run-dir stopped > out 2>&1; $p train --resume --run-dir stopped > out 2>&1
  same "$p: checkpoints too" full_$p/$a stopped/$a
  rm -rf stopped
done
cp toy.csv moved.csv
toy train --stop-at 9 --run-dir moved --seed 5 --data toy=moved.csv > out 2>&1
mv toy.csv hidden.csv
expect 'resume keeps seed and data' 0 accuracy toy train --resume --run-dir moved
expect 'eval keeps seed and data' 0 accuracy toy eval --weights moved/weights.safetensors
mv hidden.csv toy.csv
GRADC_RUN_AS='gradc run toy.nn' expect 'how to resume' 0 'to continue: gradc run toy.nn --resume' \
  toy train --stop-at 3 --run-dir as
expect 'resume of a finished run' 0 "$hash" toy train --json --resume --run-dir r1
expect 'resume of nothing' 1 'E0683' toy train --resume --run-dir nowhere
expect 'resume with another seed' 2 'E0603' toy train --resume --run-dir r1 --seed 3
expect 'resume with other data' 4 'E0643' toy train --resume --run-dir r1 --data toy=<(head -90 toy.csv)
toy train --stop-at 20 --run-dir flip > out 2>&1
cp flip/checkpoint-20.safetensors keep
for at in 20 200 700 $(($(wc -c < keep) - 3)); do # a changed byte is found wherever it is
  cp keep flip/checkpoint-20.safetensors
  printf '\x35' | dd of=flip/checkpoint-20.safetensors bs=1 seek=$at conv=notrunc 2> /dev/null
  cmp -s keep flip/checkpoint-20.safetensors && continue
  expect "checkpoint: byte $at changed" 4 'error\[E064' toy_asan train --resume --run-dir flip
done
for n in 0 7 100 700 $(($(wc -c < keep) - 1)); do
  head -c $n keep > flip/checkpoint-20.safetensors
  expect "checkpoint: cut to $n bytes" 4 'error\[E0640' toy_asan train --resume --run-dir flip
done
cp flip/weights.safetensors flip/checkpoint-20.safetensors
expect 'weights are no checkpoint' 4 'E0642' toy_asan train --resume --run-dir flip

for sig in INT:130 TERM:143 HUP:129; do
  rm -f out # its lines of the last run
  TOY_SLEEP_MS=40 toy train --json --run-dir sig > out 2> err & pid=$!
  for i in $(seq 500); do grep -qs '"step":2,' out && break; sleep 0.02; done
  kill -${sig%:*} $pid
  wait $pid
  got=$?
  [ $got = ${sig#*:} ] && grep -q -e '--resume' err && pass || fail "SIG${sig%:*}: status $got: $(tail -2 err)"
  n=$(($(wc -l < sig/metrics.csv) - 1))
  [ $n -gt 0 ] && [ $n -lt 72 ] && [ -e sig/checkpoint-$n.safetensors ] && pass ||
    fail "SIG${sig%:*}: saved after step $n?"
  expect "resume after SIG${sig%:*}" 0 "$hash" toy train --json --resume --run-dir sig
  same "resume after SIG${sig%:*}" r1/metrics.csv sig/metrics.csv
  rm -rf sig
done

TOY_NAN_AT=20 expect 'NaN' 6 'toy.nn:7: the result of `log` is not finite in step 20 (batch 8 of epoch 2' \
  toy_asan train --run-dir nan
ls nan/checkpoint-*.safetensors > /dev/null 2>&1 && pass || fail 'NaN: the checkpoint has gone'
[ "$(tail -1 nan/metrics.csv | cut -d, -f1)" = 19 ] && pass || fail 'NaN: the steps before it are logged'
TOY_NAN_AT=9 expect 'NaN under accumulation' 6 'in step 9' toy_accum train --run-dir nan2

toy train --json --run-dir pipe 2> err | head -1 > out
status=${PIPESTATUS[0]}
case $status in 0 | 5) pass ;; *) fail "closed pipe: status $status" ;; esac
expect 'full output' 5 'E0664' sh -c 'toy info > /dev/full'

expect 'without data' 0 '"event":"done","steps":30,"loss":[0-9.e-]*,"weights_hash"' \
  toy_none train --json --run-dir none1
toy_none train --stop-at 9 --run-dir none2 > out 2>&1
expect 'without data: resume' 0 'weights' toy_none train --resume --run-dir none2
same 'without data: resume' none1/metrics.csv none2/metrics.csv
expect 'without data: epochs' 1 'E0684' toy_none train --epochs 3
expect 'without data: eval' 1 'E0687' toy_none eval --weights none1/weights.safetensors
expect 'without data: bench' 0 'median' toy_none bench --steps 3
expect 'a longer plan' 0 '"steps":90,' toy train --json --resume --run-dir log10 --steps 90

mkdir -p runs
toy train > out 2> err
folder=$(grep '^weights' out | cut -d' ' -f2)
expect 'eval of the newest run' 0 'test accuracy 100.0 %' toy_asan eval
toy train --run-dir runs/zebra > out 2>&1; toy train --run-dir runs/1 > out 2>&1
expect 'the newest run, whatever its name' 0 'weights runs/1/' toy eval
toy train --stop-at 5 --force --run-dir runs/zebra > out 2>&1
expect 'the newest run to resume' 0 'weights runs/zebra/' toy train --resume
expect 'eval --json' 0 '"event":"eval","records":24,"loss":.*,"acc":1' \
  toy_asan eval --json --weights r1/weights.safetensors
seeded=$(toy train --json --seed 7 --run-dir s8 2> /dev/null | grep -o '"holdout":{"loss":[^,]*' | sed 's/.*{//')
expect 'eval takes the seed of the run' 0 "$seeded" toy eval --json --weights s8/weights.safetensors
expect 'eval of no file' 1 'E0682' toy eval --weights none
expect 'two sections in turn' 0 '"steps":216,"sections":{"train":{"steps":72,.*"second":{"steps":72,' \
  toy_two train --json --run-dir two
equal 'two sections: columns' "$(head -n 1 two/metrics.csv)" 'step,train.loss,train.acc,second.loss,second.acc'
expect 'info' 0 'net.linear.w  param  f32\[4, 3\]' toy_asan info
toy info --json > out
same 'info --json' out <(printf '%s\n' '{"name":"net.linear.w","shape":[4,3],"dtype":"f32","kind":"param"}' \
  '{"name":"net.linear.b","shape":[3],"dtype":"f32","kind":"param"}' \
  '{"name":"net.seen","shape":[1],"dtype":"f32","kind":"state"}')
expect 'info --weights' 0 "$(echo "$hash" | cut -d'"' -f3)" toy_asan info --weights r1/weights.safetensors

tail -n +2 toy.csv | cut -d, -f1-4 > new.csv
expect 'predict' 0 '' toy_asan predict --input new.csv
right=$(cut -d, -f1 out | awk '$1 == (NR - 1) % 3' | wc -l)
[ "$(wc -l < out)" = 120 ] && [ "$right" -ge 118 ] && pass || fail "predict: $right of $(wc -l < out) right"
cp out first
expect 'predict - with a header' 0 '' sh -c '{ echo a,b,c,d; cat new.csv; } | toy_asan predict --input -'
same 'predict -' first out
expect 'predict npy' 0 '^[012],' toy_asan predict --input x.npy
expect 'predict text' 0 '^294$' sh -c 'printf abc | toy_asan predict --fn length --input -'
expect 'predict a text longer than the bound' 0 '^1160$' \
  sh -c 'yes a | head -c 64 | tr "\n" "0" | toy_asan predict --fn length --input -'
expect 'predict: a length a record' 0 '^6$' sh -c 'printf "1,2,3\n7\n" | toy_asan predict --fn length --input -'
expect 'predict: a length a record' 0 '^7$' sh -c 'printf "1,2,3\n7\n" | toy_asan predict --fn length --input -'
expect 'predict: results of a length' 0 '^1,1.5,2,3,4$' \
  sh -c 'printf "1,2,4\n" | toy_asan predict --fn between --input -'
expect 'predict: above the bound' 4 'E0619.*record 2 has 17 columns: no `T` from 0 to 16 fits `between` (x: f32\[T\])' \
  sh -c '{ echo 1,2; seq -s, 17; } | toy_asan predict --fn between --input -'
{ npy '<i4' '(2, 0)'; } > none.npy
expect 'predict: a size that cannot be' 4 'E0619.*none.npy: record 1: `T` cannot be 0 in `length`' \
  toy_asan predict --fn length --input none.npy
{ npy '|u1' '(5,)'; bytes 1 2 3 4 5; } > row.npy
expect 'predict: an npy row' 0 '^15$' toy_asan predict --fn length --input row.npy
{ npy '|u1' '(2, 3)'; bytes 1 2 3 4 5 6; } > rows.npy
expect 'predict: npy rows' 0 '^6$' toy_asan predict --fn length --input rows.npy
expect 'predict: no such export' 2 'there are predict, length, between' toy predict --fn prdict --input new.csv
expect 'predict: no input' 2 'E0601' toy predict
expect 'predict: a missing file' 1 'E0680' toy predict --input none.csv
expect 'predict: wrong columns' 4 'toy.csv: record 1 has 5 columns, `predict` takes 4 (x: f32\[1, 4\])' \
  toy_asan predict --input toy.csv
expect 'predict: not a number' 4 'record 2, field 1' sh -c 'printf "1,2,3,4\n1,x,3,4\n" | toy_asan predict --input -'
expect 'predict: cut npy' 4 'E0614' toy_asan predict --input cut.npy
expect 'predict: an empty file' 4 'E0615' toy_asan predict --input empty

expect 'bench' 0 'median .* ms' toy bench --steps 20
times='"step_ms":{"median":[0-9.e-]*,"min":[0-9.e-]*,"p90":[0-9.e-]*},"first_ms":[0-9.e-]*'
expect 'bench --json' 0 "$times"',"gflops":[0-9.e-]*,"arena_bytes":256,"peak_rss_bytes":[0-9]*}' \
  toy_asan bench --json --threads 2 --steps 20
expect 'bench --infer' 0 '"graph":"predict"' toy_asan bench --infer --json --steps 20
expect 'bench without its data' 0 'median' toy_asan bench --steps 5 --data toy=toy.csv
(mkdir -p away && cd away && toy_asan bench --steps 5 > ../out 2>&1) && pass || fail "bench with no file: $(cat out)"

rewrite() { sed "$1" r1/weights.safetensors > w.safetensors; }
weights_bad() { # NAME PATTERN
  expect "weights: $1" 4 "$2" toy_asan train --init w.safetensors --run-dir wbad
  [ -e wbad ] && fail "weights: $1: a run folder was made" || pass
}
rewrite 's/net\.linear\.b/net.linear.c/g'
  weights_bad missing 'E0641.*`net.linear.b` is missing'
  weights_bad extra 'the model has no `net.linear.c`'
rewrite 's/"shape":\[4,3\]/"shape":[3,4]/'
  weights_bad 'another shape' 'E0641.*`net.linear.w` is f32\[3, 4\] in the file, the model has f32\[4, 3\]'
rewrite 's/"dtype":"F32","shape":\[3\]/"dtype":"I32","shape":[3]/'; weights_bad 'another type' 'E0641.*is i32\[3\]'
rewrite 's/"F32"/"F99"/'; weights_bad 'an unknown type' 'E0640.*unknown element type'
head -c 400 r1/weights.safetensors > w.safetensors; weights_bad 'cut short' 'E0640'
cp toy.csv w.safetensors; weights_bad 'another file' 'E0640'
: > w.safetensors; weights_bad 'an empty file' 'E0640'
# Folds: of 120 records each is held out once; a resumed run and eval keep the fold.
sum=0
for k in 1 2 3 4 5 6 7; do
  toy_asan train --fold $k/7 --steps 0 --run-dir fold$k >out 2>err || fail "fold $k: $(cat err)"
  n=$(sed -n 's/.* to train on, \([0-9]*\) held out/\1/p' err); sum=$((sum + n))
done
[ "$sum" = 120 ] && pass || fail "the folds have $sum records"
expect 'fold' 0 '"event":"done"' toy train --json --fold 2/3 --run-dir f2
tail -n 1 out >f2.done
grep -q '"fold": "2/3"' f2/run.json && pass || fail "run.json: $(cat f2/run.json)"
expect 'fold: stopped' 0 '' toy train --json --fold 2/3 --run-dir f3 --stop-at 5
expect 'fold: resumed' 0 '"event":"done"' toy train --json --resume --run-dir f3
[ "$(tail -n 1 out)" = "$(cat f2.done)" ] && pass || fail "fold: resumed: $(tail -n 1 out)"
expect 'fold: another' 4 'E0643.*the run has --fold 2/3, not 1/3' toy train --resume --run-dir f3 --fold 1/3
expect 'fold: eval' 0 '"records":40,' toy eval --json --weights f2/weights.safetensors
held=$(grep -o '"loss":[^,]*,"acc":[^,]*' out)
grep -qF -- "$held" f2.done && pass || fail "fold: eval: $held, not $(cat f2.done)"
for f in 0/3 4/3 1/1 3 a/b 1/3x -1/3; do
  expect "fold $f" 2 'E0601.*takes K/N' toy train --fold $f
done
expect 'fold: too few' 2 'E0601.*--fold 1/121: there are only 120 records' toy train --fold 1/121 --run-dir f4

# Parts of a file and other names. WHAT STATUS PATTERN OPTIONS…; the weights come from w.safetensors.
part() {
  what=$1; status=$2; pattern=$3; shift 3; rm -rf wpart
  expect "init: $what" "$status" "$pattern" toy_asan train --init w.safetensors --run-dir wpart --steps 0 --json "$@"
  [ "$status" = 0 ] || { [ -e wpart ] && fail "init: $what: a run folder was made" || pass; }
}
init_says() { # READ INITIAL LEFT
  [ "$(head -n 1 out)" = '{"event":"init","read":'"$1"',"initial":['"$2"'],"left_over":['"$3"']}' ] && pass ||
    fail "init: $what: $(head -n 1 out)"
}
rewrite 's/"net\.linear\.\([wb]\)"/"old.linear.\1"/g; s/"net\.seen"/"old.seen"/'
part 'a renamed use' 0 "$hash" --init-map old=net
init_says 3 '' ''
grep -q '"init_map": \["old=net"\]' wpart/run.json && pass || fail "run.json: $(cat wpart/run.json)"
part 'a dot at the end' 0 "$hash" --init-map=old.=net.
part 'one by one, the longest counts' 0 "$hash" --init-map old.linear.w=net.linear.w --init-map old=net
part 'without a map' 4 'E0641.*the model has no `old.linear.w`'
part 'without a map' 4 'E0641.*`net.linear.b` is missing'
part 'nothing fits' 4 'E0641.*no tensor of the file is one of the model' --partial
part 'half of it' 0 '"event":"init"' --init-map old.linear.b=net.linear.b --partial
init_says 1 '"net.linear.w","net.seen"' '"old.linear.w","old.seen"'
grep -q '^  initial: net.linear.w$' err && grep -q '^  left over: old.seen$' err && pass ||
  fail "not listed: $(cat err)"
grep -q '"partial": true' wpart/run.json && pass || fail "run.json: $(cat wpart/run.json)"
cmp -s wpart/weights.safetensors st0/weights.safetensors && fail 'init: half of it: nothing was read' || pass
part 'half of it must be asked for' 4 'E0641.*`net.linear.w` is missing' --init-map old.linear.b=net.linear.b
part 'left out' 0 '"event":"init"' --init-map old=net --init-map old.linear.w= --partial
init_says 2 '"net.linear.w"' '"old.linear.w"'
part 'no such tensor' 4 'E0644.*w.safetensors: `odl=net`: no tensor' --init-map odl=net --init-map old=net
grep -q 'its names begin with `old`' err && pass || fail "the file's names: $(cat err)"
part 'a part of a name' 4 'E0644.*`old.lin=net.linear`: no tensor' --init-map old.lin=net.linear --partial
part 'to no weight' 4 'E0644.*`old.linear=net.dense`: `old.linear.b` becomes `net.dense.b`, but' \
  --init-map old=net --init-map old.linear=net.dense --partial
part 'two for one' 4 'E0645.*`old.linear.b` and `old.linear.w` are both read into `net.linear.w`' --partial \
  --init-map old.linear.b=net.linear.w --init-map old.linear.w=net.linear.w
part 'another shape' 4 'E0641.*`net.linear.w` (from `old.linear.b`) is f32\[3\] in the file, the model has f32\[4' \
  --partial --init-map old.linear.b=net.linear.w
for map in net = =; do part "map $map" 2 "E0601.*takes 'old=new'" --init-map "$map"; done
part 'twice' 2 'E0601.*names `old` twice' --init-map old=net --init-map old.=other
cp r1/weights.safetensors w.safetensors
part 'below a name' 4 'E0644.*`=base`: `net.linear.b` becomes `base.net.linear.b`' --init-map =base --partial
rewrite 's/"net\.linear\.\([wb]\)":/"linear.\1":    /g; s/"net\.seen":/"seen":    /'
part 'all below a name' 0 "$hash" --init-map =net
expect 'init-map without init' 2 'E0601.*--init-map belongs to --init' toy train --init-map a=b
expect 'partial without init' 2 'E0601.*--partial belongs to --init' toy train --partial
expect 'weights: no file' 1 'E0682' toy train --init none --run-dir wbad
