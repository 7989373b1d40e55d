# SPDX-License-Identifier: Apache-2.0
# workers and prefetch: threads that prepare batches while steps run change no bit of a training, nor of a resumed one;
# an error in one of them is that of the batch. bench --data.
: "${gradc:?run.sh sources this file}"

awk 'BEGIN { s = 7; print "a,b,c,d,y"
  for (i = 0; i < 230; i++) { line = ""
    for (j = 1; j <= 4; j++) { s = (s * 16807) % 2147483647
      line = line sprintf("%.3f,", i % 3 * (5 - j) + s / 2147483647) }
    print line i % 3 } }' >all.csv
model() { # model SETTINGS [ACCUMULATE]: on standard output
  cat <<N
def net(x: f32[B, 4]) { x |> linear(3) }
use model = net()
data points {
    source = csv("all.csv"); holdout = 0.1; cache = false; $1
    x: f32[4] = standardize(field(0:4)) |> random_noise(0.1) |> mixup(0.2)
    y: f32[3] = mixup(one_hot(i32(field(4)), 3), 0.2)
}
train { data = points; batch = 8; accumulate = ${2-1}; epochs = 3; validate = every(5); optim = adam(lr = 0.05)
        loss = mse(model(x), y) }
N
}
train() { # train MODEL RUN ARGUMENTS...: the hash of the weights
  program=$1 run=$2; shift 2
  ./"$program" train --json --run-dir "$run" --threads 1 "$@" 2>err | hash_of
}
built() { model "$2" ${3-} >$1.nn; check "build $2" "$gradc" build $1.nn -o $1; }
built none ''
built two 'workers = 2'
built three 'workers = 3; prefetch = 1'
want=$(train none n)
[ -n "$want" ] && pass || fail "no workers: $(cat err)"
equal 'two workers' "$(train two a)" "$want"
equal 'three workers, of which one has work' "$(train three b)" "$want"
train two c --stop-at 30 >out
equal 'workers of a resumed run' "$(train two c --resume)" "$want"
cmp -s n/metrics.csv c/metrics.csv && pass || fail 'workers: the metrics of a resumed run'
if full; then
  built one 'prefetch = 5' 3; built apart '' 3
  equal 'a worker, and passes of a step' "$(train one e)" "$(train apart f)"
  sed 's/validate = every(5);//; s/^train {/train first {/' two.nn >both.nn
  sed -n 's/epochs = 3; validate = every(5)/steps = 20; every = 3/; s/^train/train second/p; /^ *loss/p' two.nn \
    >>both.nn
  sed 's/workers = 2//' both.nn >plain.nn
  for m in both plain; do "$gradc" run $m.nn --json --run-dir $m --threads 1 2>err | hash_of >$m.hash; done
  [ -s plain.hash ] && cmp -s both.hash plain.hash && pass || fail "workers of two sections: $(head -c 300 err)"
fi
# On a device threads prepare batches, too, and what they made is copied to one of two slots while the step in the other
# runs: of 75 steps all but those after a validation.
device() { "$gradc" run --fp=strict --json --device=cuda-host --run-dir "$1.run" "$1.nn" 2>err | hash_of; }
want=$("$gradc" run --fp=strict --json --run-dir strict none.nn 2>err | hash_of)
export GC_DRIVER_LOG="$PWD/calls"
[ -n "$want" ] && equal 'workers of a device' "$(device two)" "$want" || fail "workers of a device: $(head -c 300 err)"
unset GC_DRIVER_LOG
ahead=$(awk '/DtoHAsync.* 64 bytes/ { runs++ } /cuEventSynchronize/ { runs-- }
  /HtoDAsync.* 128 bytes/ && runs > 0 { slot[$3]++ } END { for (s in slot) print slot[s] }' calls | tr '\n' ' ')
equal 'batches that were copied while a step ran, by slot' "$ahead" '30 30 '
full && equal 'workers of a device, without' "$(device none)" "$want"
# A batch that cannot be made: the same message, after the same steps.
cat >broken.nn <<'N'
def net(x: f32[B, 4]) { x |> linear(3) }
use model = net()
data points {
    source = csv("all.csv"); shuffle = false; workers = 2
    x: f32[4] = if training { field(0:4) / (0 * field(0:4) + where(field(0:4) > 900, 0, 1)) } else { field(0:4) }
    y: i32 = field(4)
}
train { data = points; batch = 8; epochs = 3; loss = cross_entropy(model(x), y); optim = adam(lr = 0.05) }
N
sed '81s/^[^,]*/1000/' all.csv >inf.csv
sed 's/ workers = 2//' broken.nn >alone.nn
for m in broken alone; do
  "$gradc" run $m.nn --data inf.csv --run-dir $m --threads 1 >out 2>$m.err
  echo $? >>$m.err
  sed "s/$m/m/g; /parameters/d" $m.err >$m.said
done
grep -q 'E0618\]: inf.csv: record 80, .*`x` is not finite' broken.err && cmp -s broken.said alone.said && pass ||
  fail "an error of a worker: $(cat broken.err)"
wrong() { model "$2" >wrong.nn; expect 1 "$1" check wrong.nn; }
wrong '`workers` is an integer, at least 0' 'workers = -1'
wrong 'at most 256 workers' 'workers = 300'
wrong '`prefetch` is of `workers`, of which there are none' 'workers = 0; prefetch = 2'
model 'workers = 2' | sed 's/csv("all.csv"); holdout = 0.1; cache = false/stream(csv())/; s/ |> mixup(0.2)//
  s/standardize(\(field(0:4)\))/\1/; s/mixup(\(one_hot.*\), 0.2)/\1/' >wrong.nn
expect 1 'the records of a stream come one after the other' check wrong.nn

# bench --data
./two bench --data --steps 10 --json --threads 1 >out 2>err
said='"event":"bench_data","data":"points","records":8,"data_ms":[0-9.e-]*,"step_ms":[0-9.e-]*,"both_ms":[0-9.e-]*,'
json_lines out && grep -q "$said"'"workers":2,"slower":"[ds][at][te][ap]"' out && pass ||
  fail "bench --data: $(cat out err)"
./none bench --steps 10 --data >out 2>err
grep -q '^data points: .* ms for the 8 records of a step, which takes .* ms: the .* is slower$' out && pass ||
  fail "bench --data: $(cat out err)"
./none bench --data all.csv --steps 10 >out 2>err
grep -q '^data points' out && fail 'bench --data FILE' || pass
N=$(awk 'BEGIN { for (i = 0; i < 5; i++) print "1,2,3,4,0" }' >few.csv; ./none bench --data few.csv --data 2>&1)
case $N in *E0684*'are not a step'*) pass ;; *) fail "bench --data of few records: $N" ;; esac
