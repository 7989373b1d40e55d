#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: numbers. kinks.nn: every def of std at its kinks, ties and zeros. half.nn: every def that takes
# 16-bit floats against f64. fast.nn: values that are exact or finite in strict mode have the same bits in fast mode,
# and exact quotients of integers are integers. clip.nn: gradients whose squares overflow.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/numbers
cd "$tmp" || exit 2

# ---- kinks ----
tests_of() { # NAME OPTION...: the tests of a file, each counted
  file=$1; shift
  "$gradc" test "$here/$file" "$@" >log 2>&1
  line=$(tail -n 1 log)
  case $line in
  *" passed, "*failed) passed=$((passed + ${line%% *})); line=${line#*, }; failed=$((failed + ${line%% *})) ;;
  *) fail "$file $*" ;;
  esac
  grep -A3 -E '^(failed|error)' log
}
tests_of kinks.nn --interpret
path=$PATH; quick_cc; tests_of kinks.nn --jit=cc; PATH=$path
# Each public def: here, or in the programs that PyTorch has run at kinks and extremes.
golden=$root/tests/golden/programs
grep -hv '^#' "$here/kinks.nn" "$golden"/*.nn "$golden"/train/*.nn | grep -ow '[a-z][a-z_0-9]*' | sort -u >words
for def in $(sed -n 's/^def \([a-z][a-z_0-9]*\)(.*/\1/p' "$root"/std/*.nn "$root"/runtime/*.nn); do
  if grep -qx "$def" words; then pass
  else fail "kinks.nn says nothing of \`$def\`: its values and gradients where it has kinks, at ties and at zero"; fi
done

# ---- 16-bit floats ----
tests_of half.nn --interpret
for def in $(sed -n 's/^def \([a-z][a-z_0-9]*\)([a-z]*: \(float\|any\)\[.*/\1/p' "$root"/std/*.nn); do
  if grep -qw "$def" "$here/half.nn"; then pass; else fail "half.nn says nothing of \`$def\`"; fi
done

# ---- fast mode ----
many=300; full && many=2000
sed "s/^const MANY = .*/const MANY = $many/" "$here/fast.nn" >fast.nn
for mode in strict fast; do
  check "build $mode" "$gradc" build --fp=$mode fast.nn -o $mode
  ./$mode train --run-dir run_$mode --log-every 1 >log 2>&1 || fail "train $mode: $(tail -n 3 log)"
done
# Rows of 64 numbers: integer multiples and the neighbours of multiples; equal operands; the extremes.
awk 'BEGIN {
  srand(7)
  split("1 41 55 0.1 0.7 110 7 94 0.001 3", unit, " ")
  for (u = 1; u in unit; u++) for (row = 0; row < 3; row++) for (i = 0; i < 64; i++)
    printf "%.9g%s", unit[u] * (row * 64 + i - 32), i < 63 ? "," : "\n"
  for (row = 0; row < 8; row++) for (i = 0; i < 64; i++)
    printf "%.9g%s", (rand() - 0.5) * 10 ^ (row - 2), i < 63 ? "," : "\n"
  n = split("0 -0 1 -1 0.5 1e-45 -1e-45 1.17549435e-38 -3e-39 1e-30 -1e-30 1e-20 1e20 -1e20 1e30 -1e30 3e38 -3e38 " \
            "3.4028234e38 -3.4028234e38 16777216 16777215 8388607.5 88.7 -103.9 3217", x, " ")
  for (row = 1; row <= n; row++) for (i = 0; i < 64; i++)
    printf "%s%s", row % 2 ? x[row] : x[1 + (row + i) % n], i < 63 ? "," : "\n"
}' >rows.csv
predict() { # predict MODE FN: by that program, from standard input
  ./"$1" predict --fn "$2" --weights "run_$1/weights.safetensors" --input - 2>log || fail "$2: $(cat log)"
}
for fn in counted compared cancelled powers elements reduced; do
  for mode in strict fast; do predict $mode $fn <rows.csv >$mode.out; done
  if [ -s strict.out ] && cmp -s strict.out fast.out; then pass
  else fail "$fn: fast differs from strict: $(diff strict.out fast.out | head -n 2 | cut -c 1-200)"; fi
done
for fn in contracted whole normed; do
  rows=$(wc -l <rows.csv); [ $fn = contracted ] || rows=30 # whole multiples
  head -n "$rows" rows.csv >head.csv
  predict fast $fn <head.csv >fast.out
  if [ "$(wc -l <fast.out)" -eq "$rows" ] && ! grep -q 0 fast.out; then pass
  else fail "$fn: $(tr ',' '\n' <fast.out | grep -c 0) of $((rows * 4096)) are off"; fi
done
for k in 1 2 3 7 1000 4095; do
  echo $k >k.csv
  whole=$(predict fast quotients <k.csv | tr ',' '\n' | sort -u | tr '\n' ' ')
  equal "k c / c for k = $k, c up to $many" "$whole" "$k "
done
if cmp -s run_strict/metrics.csv run_fast/metrics.csv && [ "$(wc -l <run_fast/metrics.csv)" -gt 2000 ]; then pass
else fail "schedules: $(diff run_strict/metrics.csv run_fast/metrics.csv | head -n 3)"; fi
# floor(step / 220) and floor(step / 55) in integers, by awk.
if awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
  { s = $1 - 1; d = $at["decay"]; w = 0.1 ^ int(s / 220); if (d < w * 0.999999 || d > w * 1.000001) bad++
    f = $at["floored"]; w = int(s / 55) + (s % 41) * 0.1; if (f < w - 1e-5 || f > w + 1e-5) bad++ }
  END { exit bad || NR < 2001 }' run_fast/metrics.csv; then pass; else fail "schedules: a step is delayed"; fi

# ---- clipping ----
trained() { # GRADIENT OPTIM: the weight after 5 steps of a loss of that gradient, or the exit status
  printf '%s\n%s\n' "$1" "$1" >g.csv
  sed "s/OPTIM/$2/" "$here/clip.nn" >clip.nn
  "$gradc" run clip.nn --run-dir run_clip --force >log 2>&1
  status=$?
  if [ $status -ne 0 ]; then echo "exit $status"
  else "$gradc" eval clip.nn -e 'n([[1.0]])' --weights run_clip/weights.safetensors; fi
}
clipped='clip = norm(2.0); optim = sgd(lr = 0.5)'
equal "clip = norm, gradient 1e10" "$(trained 1e10 "$clipped")" "[-5]"
equal "clip = norm, gradient 1e20" "$(trained 1e20 "$clipped")" "[-5]"
equal "clip = norm, gradient 1e37" "$(trained 1e37 "$clipped")" "[-5]"
equal "clip = norm, gradient 0" "$(trained 0 "$clipped")" "[0]"
equal "adam, squares overflow" "$(trained 1e20 "optim = adam(lr = 0.5)")" "exit 6"
equal "rmsprop, squares overflow" "$(trained 1e20 "optim = rmsprop(lr = 0.5)")" "exit 6"
counts
