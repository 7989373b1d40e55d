# SPDX-License-Identifier: Apache-2.0
# The training binary of examples/models/digits.nn, on the real data. Sourced by run.sh: uses gradc, models, pass, fail.
: "${tmp:?run.sh sources this file}"
run() { # run STATUS PATTERN COMMAND...
  want=$1; pattern=$2; shift 2
  "$@" >out 2>err
  got=$?
  if [ $got -ne "$want" ]; then fail "$*: status $got, not $want: $(head -c 200 err)"
  elif [ -n "$pattern" ] && ! cat out err | grep -q -e "$pattern"; then
    fail "$*: no '$pattern' in: $(cat out err | head -c 300)"
  else pass; fi
}
mkdir -p data; cp "$root/examples/data/digits.csv.gz" data/
sed 's|\.\./data/|data/|' "$models/digits.nn" >digits.nn
run 0 '' "$gradc" build digits.nn -o digits --fp=strict
run 0 '"event":"done"' ./digits train --steps 40 --json --run-dir full
json_lines out >bad && pass || fail "train --json: $(cat bad)"
[ "$(grep -c '"event":"step"' out)" -eq 40 ] && pass || fail "40 steps, $(grep -c '"event":"step"' out) lines"
full=$(hash_of <out)
[ ${#full} -eq 16 ] && pass || fail "weights_hash is '$full'"
[ "$(grep -c '^[0-9]*,[0-9]' full/metrics.csv)" -eq 40 ] && head -n 1 full/metrics.csv | grep -q '^step,loss' && pass ||
  fail "metrics.csv: $(head -n 2 full/metrics.csv)"
json_lines full/metrics.jsonl >bad && pass || fail "metrics.jsonl: $(cat bad)"
cmp -s full/digits.nn digits.nn && pass || fail "the run folder does not hold the .nn"
# Stopped and resumed: the bits of the uninterrupted run, with any number of threads.
run 0 '' ./digits train --steps 40 --stop-at 13 --json --run-dir stopped --threads 1
run 0 '"event":"done"' ./digits train --resume --run-dir stopped --json --threads 3
[ "$(hash_of <out)" = "$full" ] && pass || fail "stopped and resumed: $(hash_of <out), uninterrupted $full"
run 2 'E0602' ./digits train --steps 40 --run-dir full
run 0 '' ./digits train --steps 2 --run-dir full --force
run 0 '' ./digits train --steps 0 --json --run-dir zero
[ -s zero/weights.safetensors ] && pass || fail "--steps 0 wrote no weights"
run 0 '"event":"done"' ./digits train --init zero/weights.safetensors --steps 40 --json --run-dir init
[ "$(hash_of <out)" = "$full" ] && pass || fail "--init with the initial weights: $(hash_of <out), not $full"
run 0 '' ./digits train --steps 40 --seed 9 --json --run-dir other
[ "$(hash_of <out)" != "$full" ] && pass || fail "another seed gives the same weights"
# The rest of the commands.
run 0 'acc' ./digits eval --weights init/weights.safetensors
run 0 '"acc":0\.[0-9]*' ./digits eval --weights init/weights.safetensors --json
json_lines out >bad && pass || fail "eval --json: $(cat bad)"
zcat data/digits.csv.gz | head -n 6 | tail -n 5 | cut -d, -f1-64 >new.csv
run 0 '' ./digits predict --weights init/weights.safetensors --input new.csv
[ "$(wc -l <out)" -eq 5 ] && [ ! -s err ] && grep -qv '[^0-9]' out && pass || fail "predict: $(cat out err | head -n 3)"
cp out five
./digits predict --fn predict --weights init/weights.safetensors --input - <new.csv >out 2>err && cmp -s out five &&
  pass || fail "predict from standard input"
run 2 '' ./digits predict --fn no --weights init/weights.safetensors --input new.csv
run 0 'net.linear_1.w' ./digits info --weights init/weights.safetensors
run 0 '"name":"net.linear_1.w","shape":\[64,256\]' ./digits info --json
json_lines out >bad && pass || fail "info --json: $(cat bad)"
times='"step_ms":{"median":[0-9.]*,"min":[0-9.]*,"p90":[0-9.]*},"first_ms":[0-9.]*'
run 0 "$times"',"gflops":.*"arena_bytes":[0-9]*,"peak_rss_bytes":[0-9]*' ./digits bench --steps 5 --json
run 0 '"graph":"predict"' ./digits bench --steps 5 --infer --json --weights init/weights.safetensors
json_lines out >bad && pass || fail "bench --json: $(cat bad)"
# The kernels of a step, by threads that wait for each other; of a scan, each iteration; those of an export.
run 0 'roofline .*ratio' ./digits bench --steps 5 --threads 2 --profile
row='"event":"kernel","kernel":"[^"]*","line":"digits.nn:[0-9]*","class":"[a-z]*","form":"[a-z]*","ms":[0-9.e-]*,'
gemm='"layer":"net.linear_[1-3]","gemm":"f32 [0-9x]* [0-9a-f]*"}'
run 0 "$row"'"flop":[0-9.e+]*,"bytes":[0-9.e+]*,"roofline_ms":[0-9.e-]*,'"$gemm" \
  ./digits bench --steps 5 --infer --profile --json
sed 's|\.\./data/|data/|' "$models/lstm.nn" >lstm.nn
run 0 '' "$gradc" build lstm.nn -o lstm
for model in digits lstm; do
  ./$model bench --steps 2 --threads 2 --profile --json >out 2>err
  json_lines out >bad && tail -n 1 out | grep -q '"event":"bench"' && pass ||
    fail "bench --profile --json of $model: $(cat bad err)"
  # `report --roofline` has the same rows, with predicted times.
  rows() { sed -n '/"event":"kernel"/s/"[a-z_]*ms":[^,}]*//gp' | sort; }
  "$gradc" report --roofline --json $model.nn | rows >predicted
  rows <out | cmp -s - predicted && pass ||
    fail "report --roofline of $model: $(rows <out | diff - predicted | head -n 4)"
  sum=$(sed -n 's/.*"event":"kernel".*"flop":\([0-9.e+]*\).*/\1/p' out | awk '{ n += $1 } END { printf "%.0f", n }')
  want=$("$gradc" report $model.nn --json | sed -n 's/.*"flops_per_step":\([0-9]*\).*/\1/p')
  # Values that several kernels compute for themselves are in none of the rows.
  awk -v a="$sum" -v b="$want" 'BEGIN { exit !(a <= b && a >= 0.999 * b) }' && pass ||
    fail "bench --profile of $model: $sum operations in all kernels, $want in the step"
done
run 2 'did you mean' ./digits trian
run 2 'did you mean' ./digits train --step 3
for c in train eval predict info serve bench; do
  run 0 'digits' ./digits $c --help
  head -n 1 out | grep -q "digits $c" && pass || fail "$c --help does not begin with an example: $(head -n 1 out)"
done
# The trained weights in C: the program on the device predicts what the binary does.
if "$gradc" emit --c digits.nn --weights=init/weights.safetensors --only=infer -o trained 2>err; then
  cat >trained/main.c <<'C'
#include <stdio.h>
#include "digits.h"
static union { unsigned char b[digits_BYTES]; double a; } mem __attribute__((aligned(64)));
int main(void) {
  float x[64];
  int32_t y;
  digits_init(&mem, 1);
  for (int i = 0; scanf(i % 64 ? ",%f" : "%f", &x[i % 64]) == 1; i++)
    if (i % 64 == 63) printf("%d\n", digits_predict(&mem, x, &y) ? -1 : (int)y);
  return 0;
}
C
  gcc -std=gnu99 -O1 -o trained/main trained/main.c trained/digits.c 2>err && trained/main <new.csv >out &&
    cmp -s out five &&
    pass || fail "portable C with trained weights: $(head -n 2 err) $(paste five out | head -n 3)"
else fail "emit --weights: $(head -n 2 err)"; fi
# An installed copy needs no file of the folder where it was built.
mkdir -p away/bin away/data; cp digits away/bin/; cp data/digits.csv.gz away/data/; mv data gone
(cd away && env -i ./bin/digits train --steps 40 --json --run-dir r --data digits=data/digits.csv.gz >out 2>err) &&
  [ "$(hash_of <away/out)" = "$full" ] && pass || fail "an installed copy: $(head -n 2 away/err)"
# Any name of a file, any folder.
mkdir -p 'w"d\x y'; cp ../product.nn 'w"d\x y/q"\n 1.nn'
run 0 '' "$gradc" build 'w"d\x y/q"\n 1.nn' -o 'w"d\x y/the program'
run 0 '' './w"d\x y/the program' train --steps 2 --run-dir 'w"d\x y/run "1"'
run 0 '' './w"d\x y/the program' train --resume --steps 4 --run-dir 'w"d\x y/run "1"'
# A model without weights needs no run.
echo 'export def square(x: f32[1, 2]) { x * x }' >square.nn
run 0 '' "$gradc" build square.nn -o square
printf '1,2\n3,-4\n' >pairs.csv
run 0 '^9,16$' ./square predict --input pairs.csv
# Commands that only compile do not open data: the file is missing.
for c in "check" "fmt --check" "ir" "emit --c -o c" "report" "build -o nodata"; do
  # shellcheck disable=SC2086
  "$gradc" $c digits.nn >out 2>err; got=$?
  case "$c:$got" in
  *:0 | "fmt --check:1") pass ;;
  *) fail "gradc $c without the data file: status $got: $(head -c 200 err)" ;;
  esac
done
if command -v strace >/dev/null; then
  strace -f -e trace=open,openat -o trace "$gradc" report digits.nn >/dev/null 2>&1
  grep -q 'csv' trace && fail "report opens the data file" || pass
fi
run 1 'E0680' ./digits train --steps 1 --run-dir nowhere
mv gone data
