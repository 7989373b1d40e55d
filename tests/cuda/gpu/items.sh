#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# items.sh ITEM ARG...: one item of check-gpu or bench-gpu, in the folder that prepare.sh has filled. Status 77: it
# cannot be measured here, for the reason printed. What is found is the last line, as JSON.
item=$1; shift
hash_of() { sed -n 's/.*"weights_hash":"\([0-9a-f]*\)".*/\1/p' | tail -n 1; }
loss_of() { sed -n 's/.*"event":"done".*"loss":\([-+0-9.e]*\).*/\1/p' | tail -n 1; }
trained() { # trained NAME STEPS RUN: programs/NAME in programs/RUN; its last line in programs/RUN.json
  (cd programs && ./"$1" train --steps "$2" --run-dir "$3" --force --json >"$3.log" 2>&1 &&
    tail -n 1 "$3.log" >"$3.json") ||
    { tail -n 3 "programs/$3.log"; exit 1; }
}
case $item in
  prim) # each primitive by its definition, and its hash
    ./prim >prim.log 2>&1; status=$?
    grep -E '	[0-9a-f]{16}$' prim.log | grep -vxFf prim.tsv && exit 1
    [ $status -eq 0 ] || { grep -v '	' prim.log | tail -n 3; exit 1; }
    echo "{\"primitives\":$(grep -c '	' prim.log)}" ;;
  cases) # cases FOLDER: FOLDER/*/prog, with FOLDER/*/in.bin if there is one, prints what is in want
    n=0; failed=; said=
    for case in "$1"/*/; do
      input=/dev/null; [ ! -f "$case/in.bin" ] || input=$case/in.bin
      n=$((n + 1))
      "$case/prog" <"$input" >"$case/got" 2>"$case/errors" && cmp -s "$case/want" "$case/got" && continue
      failed="$failed $(basename "$case")"
      said=${said:-$(head -n 1 "$case/errors")}
    done
    [ -z "$failed" ] || { echo "differ:$failed${said:+: $said}"; exit 1; }
    [ "$n" -gt 0 ] || { echo "no cases"; exit 1; }
    echo "{\"equal\":$n}" ;;
  sanitize) # sanitize TOOL: of compute-sanitizer, for the primitives and the models
    command -v compute-sanitizer >/dev/null || { echo "compute-sanitizer is not installed"; exit 77; }
    n=0
    for program in ./prim models/*/run; do
      compute-sanitizer --tool "$1" --error-exitcode 9 "$program" >sanitizer.log 2>&1 ||
        { echo "$program: $(grep -m 1 '=========.*[a-z]' sanitizer.log)"; exit 1; }
      n=$((n + 1))
    done
    echo "{\"programs\":$n}" ;;
  weights) # weights NAME STEPS HASH: strict training gives these weights
    trained "$1" "$2" "run_$1"
    got=$(hash_of <"programs/run_$1.json")
    [ "$got" = "$3" ] || { echo "weights $got, not $3"; exit 1; }
    echo "{\"weights_hash\":\"$got\"}" ;;
  curve) # curve NAME STEPS LOSS: twice, with the same bits, and nearly this loss at the end
    for run in "run_$1" "again_$1"; do trained "$1" "$2" "$run"; done
    cmp "programs/run_$1/metrics.csv" "programs/again_$1/metrics.csv" || exit 1
    loss=$(loss_of <"programs/run_$1.json")
    awk -v x="${loss:-nan}" -v want="$3" 'BEGIN { d = x / want - 1; exit !(d * d < 0.0025) }' ||
      { echo "loss $loss, $3 on the CPU"; exit 1; }
    echo "{\"loss\":$loss,\"cpu\":$3}" ;;
  bench) # bench NAME ARG...: the program's own measurement
    name=$1; shift
    (cd programs && ./"$name" bench --json "$@") ;;
  start) # start NAME DEVICE: one step of gradc run, with nothing in its cache and then with everything
    cd programs || exit 1
    rm -rf cache
    for run in cold warm; do
      begin=$(date +%s.%N)
      XDG_CACHE_HOME=$PWD/cache ../gradc run --device="$2" "$1.nn" --steps 1 --run-dir run_start --force \
        >start.log 2>&1 || {
        grep -m 1 'error' start.log
        if grep -q NVRTC start.log; then exit 77; else exit 1; fi
      }
      seconds=$(awk -v a="$begin" -v b="$(date +%s.%N)" 'BEGIN { printf "%.3f", b - a }')
      result="${result:-}${result:+,}\"${run}_s\":$seconds"
    done
    echo "{$result}" ;;
  torch) # torch SCRIPT ARG...: the peer, where PyTorch is and sees a GPU
    python3 -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null ||
      { echo "PyTorch with CUDA is not installed"; exit 77; }
    python3 "$@" ;;
esac
