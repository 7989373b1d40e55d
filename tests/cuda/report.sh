# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh. `report --cuda`: the number of launches is what the emitted step launches, operations are those of
# `report`, the sum of the rows is the predicted time, memory is that of the emitted header and of two slots of inputs.
report_of() { "$gradc" report --cuda --json --fp=strict "$@" >"$tmp/report" 2>"$tmp/log"; }
top() { sed -n "1s/.*\"$1\":\([-0-9.e+]*\).*/\1/p" "$tmp/report"; } # top KEY: of the first line
rows() { # rows PROGRAM: of awk, over lines of `times flops bytes ms limit form`
  fields='"times":\(.*\),"flops":\(.*\),"bytes":\(.*\),"ms":\(.*\),"limit":"\(.*\)"'
  sed -n 's/.*"form":"\(.*\)","threads.*'"$fields"'.*/\2 \3 \4 \5 \6 \1/p' \
    "$tmp/report" | awk "$1"
}
launches() { # launches FILE.nn NAME: how often the emitted step launches a kernel, which does not run
  dir=$tmp/launches.$2; stem=$(basename "$1" .nn)
  "$gradc" emit --cuda "$1" -o "$dir" || return
  args=$(sed -n 's/^cudaError_t [a-z0-9_]*_train_step(\(.*\));/\1/p' "$dir/$stem.h" | tail -n 1 | sed 's/[^,]*/0/g')
  {
    printf '#include <%s.h>\n' cuda_runtime_api stdio
    cat <<'C'
static long launches;
#undef GC_LAUNCH
#undef GC_LAUNCH_GRID
#define GC_LAUNCH(kernel, points, ...) (launches += (points) > 0)
#define GC_LAUNCH_GRID(kernel, x, y, z, ...) (launches += (x) > 0 && (y) > 0 && (z) > 0)
C
    printf '#include "%s.cu"\n' "$stem"
    printf 'int main(void) { %s_train_step(%s); return !printf("%%ld\\n", launches); }\n' "$stem" "$args"
  } >"$dir/count.c"
  ${CC:-cc} -std=gnu11 -w -O0 -I"$root" -I"$here/runtime" -I"$dir" -o "$dir/count" "$dir/count.c" \
    "$host" -lm -ldl -lpthread &&
    "$dir/count"
}
reported() { # reported FILE.nn
  name=$(basename "$1" .nn)
  report_of "$1" && check "report --cuda of $name" json_lines "$tmp/report" ||
    fail "report --cuda of $name: $(head -n 3 "$tmp/log")"
  equal "launches of $name" "$(top launches)" "$(launches "$1" "$name" 2>&1 | tail -n 1)"
  equal "launches of the rows of $name" "$(rows '{ n += $1 } END { print n }')" "$(top launches)"
  near "predicted time of $name" "$(rows '{ t += $4 } END { print t }')" "$(top predicted_step_ms)"
  head=$(sed -n 's/^#define .*_BYTES //p' "$tmp/launches.$name/$name.h")
  equal "memory of $name" "$(($(top device_bytes) - $(top slot_bytes)))" "$head"
  flops=$("$gradc" report --json --fp=strict --no-layout "$1" | sed 's/.*"flops_per_step":\([0-9]*\).*/\1/')
  rows "{ f += \$1 * \$2 } END { exit !(f >= 0.99 * $flops && f <= 1.15 * $flops) }" && pass ||
    fail "operations of $name: $(rows '{ f += $1 * $2 } END { print f }'), report has $flops"
}
json_lines() { awk '!/^\{.*\}$/ { bad = 1 } END { exit bad || !NR }' "$1"; }
reported bench/models/mlp.nn
reported bench/models/lstm.nn
reported $curves/mlp_clip_accumulate.nn
if full; then
  for model in bench/models/cnn.nn bench/models/gpt2.nn $curves/[!m]*.nn $curves/m[ao]*.nn \
    tests/exact/scan_checkpoint.nn; do
    reported "$model"
  done
fi

# A contraction alone is limited by operations on a 4090 and, with few rows, by bytes; the launch has 2 us more.
printf 'export def f(x: f32[N, 4096], y: f32[4096, 4096]) -> f32[N, 4096] { x @ y }\ndim N = 4096\n' >"$tmp/square.nn"
for gpu in h100 h200 a100 4090; do
  report_of --gpu=$gpu "$tmp/square.nn"
  rows '$2 > 1e9 { exit !($2 == 2 * 4096 ^ 3 && $3 == 3 * 4 * 4096 ^ 2 && $5 == "flop") }' && pass ||
    fail "a square contraction on $gpu: $(cat "$tmp/report")"
done
rows '$2 > 1e9 { exit !($4 > 1.663 + 0.0019 && $4 < 1.665 + 0.0021) }' && pass || fail "its time on a 4090: $(rows 1)"
sed 's/N = 4096/N = 1/' "$tmp/square.nn" >"$tmp/row.nn"
report_of --gpu=h200 "$tmp/row.nn"
rows '$2 > 1e6 { exit !($5 == "bytes" && $4 > 0.0159 && $4 < 0.0161) }' && pass || fail "a row on an h200: $(rows 1)"
report_of --gpu=h300 "$tmp/row.nn"
equal "status for a GPU that is not known" $? 2
grep -q 'known are h100, h200, a100, 4090' "$tmp/log" && pass || fail "a GPU that is not known: $(cat "$tmp/log")"
report_of --svg=x.svg "$tmp/row.nn"
equal "status of --cuda with --svg" $? 2
{ cat "$tmp/row.nn"; echo 'target gpu { device = cuda }'; } >"$tmp/device.nn"
"$gradc" report --json "$tmp/device.nn" >"$tmp/report" 2>"$tmp/log"
grep -q '"device_bytes"' "$tmp/report" && pass || fail "a file with device = cuda: $(cat "$tmp/report" "$tmp/log")"
"$gradc" report --gpu=h100 "$tmp/row.nn" >"$tmp/log" 2>&1
equal "status of --gpu without --cuda" $? 2
"$gradc" report --cuda "$tmp/square.nn" >"$tmp/report" 2>&1
grep -q '^predicted time .* ms on h100' "$tmp/report" && pass || fail "report --cuda as text: $(cat "$tmp/report")"
# The budget bounds all of the device's memory, of `report` as of programs: at its line of the file.
report_of --ram=$(($(sed -n 's/^device memory *\([0-9,]*\) bytes/\1/p' "$tmp/report" | tr -d ,) - 100)) "$tmp/square.nn"
equal "status beyond the budget" $? 1
grep -q 'E0508.*takes .* bytes of the device' "$tmp/log" && pass || fail "beyond the budget: $(head -n 3 "$tmp/log")"
{ cat "$tmp/row.nn"; echo 'target gpu { device = cuda; ram <= 20K }'; } >"$tmp/small.nn"
for command in report "build -o $tmp/small" run; do
  # shellcheck disable=SC2086  # several words
  "$gradc" $command "$tmp/small.nn" >"$tmp/log" 2>&1
  equal "status of $command beyond the budget of the file" $? 1
  grep -q 'E0508.*takes [0-9]* bytes of the device, its budget is 20480' "$tmp/log" &&
    grep -q 'small.nn:3:29' "$tmp/log" && grep -q 'inputs and results of calls: 134283264 bytes' "$tmp/log" && pass ||
    fail "$command: $(head -n 9 "$tmp/log")"
done
