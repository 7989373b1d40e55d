# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh. Programs that run on a device, over the host form's driver, have in strict mode the bits of those
# that run on the CPU: metrics, weights, states, checkpoints, which move between both, results of exports; and they
# report what fails.
device_hash() { "$gradc" run --fp=strict --json --run-dir "$tmp/$3" --device="$1" "$2" --steps "$4" 2>&1 | tail -n 1; }
trains() { # trains FILE.nn STEPS: the same losses, scores and weights
  rm -rf "$tmp/on_cpu" "$tmp/on_device"
  want=$(device_hash cpu "$1" on_cpu "$2"); got=$(device_hash cuda-host "$1" on_device "$2")
  case $want in *weights_hash*) equal "$(basename "$1") on a device" "$got" "$want" ;; *) fail "$1: $want" ;; esac
  check "metrics of $1" cmp "$tmp/on_cpu/metrics.csv" "$tmp/on_device/metrics.csv"
}
program_of() { # program_of NAME DEVICE FILE.nn
  check "build of $1" "$gradc" build --fp=strict --device="$2" "$3" -o "$tmp/$1"
}
refused_by() { # refused_by NAME CODE COMMAND...: status 5 and the error
  what=$1; code=$2; shift 2
  "$@" >"$tmp/log" 2>&1; status=$?
  if [ $status = 5 ] && grep -q "error\[$code\]" "$tmp/log"; then pass
  else fail "$what: status $status: $(tail -n 3 "$tmp/log")"; fi
}

trains "$here/device.nn" 6
cp -r "$tmp/on_cpu" "$tmp/want"
trains "$here/odd.nn" 3
if full; then
  # Others are trained by models.sh. turns: several sections.
  for name in cnn_batchnorm cnn_variety gpt mlp_momentum; do trains "$root/$curves/$name.nn" 4; done
  trains "$here/mixed.nn" 8
  for name in exact/residual exact/tied forms/turns models/zoo/dlrm models/zoo/realnvp models/zoo/reinforce; do
    trains "$root/tests/$name.nn" 4
  done
fi
for type in f16 $(full && echo bf16); do # beside their models, whose paths of data are relative
  for name in mlp $(full && echo lstm); do
    sed "s/^train {/train { precision = $type;/; s|\"\(\.\./\)*|\"$root/|; s|$root/numbers|$root/$curves/numbers|" \
      "$curves/$name.nn" >"$tmp/${name}_$type.nn"
    trains "$tmp/${name}_$type.nn" 4
  done
done

# wgmma: tensor maps by the driver, in launches and in a recorded graph; nearly the loss of mma.
wide() { # wide ARCH: the loss of the last step
  "$gradc" run --fp=fast --json --run-dir "$tmp/$1" --device=cuda-host --gpu="$1" "$tmp/wide.nn" 2>&1 | tail -n 1 |
    sed 's/.*"loss":\([0-9.]*\).*/\1/'
}
if full; then
  cat >"$tmp/wide.nn" <<'NN'
def mlp(x: f32[B, 64]) -> f32[B, 64] { x |> linear(1024) |> relu |> linear(64) }
use net = mlp()
data rows { source = normal(4096); x: f32[64] = reshape(field(0) * ones(64), 64) }
train { data = rows; loss = mean((net(x) - x) ** 2); optim = sgd(lr = 0.01); batch = 2048; steps = 2; precision = bf16 }
NN
  "$gradc" report --cuda --json --fp=fast --gpu=h200 "$tmp/wide.nn" | grep -q '"form":"wgmma"' && pass ||
    fail "no wgmma in wide.nn"
  near "wgmma in a program" "$(wide sm_90a)" "$(wide sm_80)" 1e-5
fi

program_of cpu cpu "$here/device.nn" && program_of device cuda-host "$here/device.nn"
(
  cd "$tmp" || exit
  ./cpu train --stop-at 3 --run-dir a && ./device train --resume --run-dir a &&
    ./device train --stop-at 3 --run-dir b && ./cpu train --resume --run-dir b
) >"$tmp/log" 2>&1
for of in a b; do
  equal "resumed, run $of" "$(tail -n 1 "$tmp/$of/metrics.csv")" "$(tail -n 1 "$tmp/want/metrics.csv")"
  check "checkpoint of run $of" cmp "$tmp/$of/checkpoint-6.safetensors" "$tmp/want/checkpoint-6.safetensors"
done
check "run.json names the device" grep -q '"device": "cuda-host' "$tmp/b/run.json"
weights="--weights $tmp/a/weights.safetensors"
printf '0.1,0.2,0.3,0.4\n1,2\n' >"$tmp/read.csv"
seq -s, 1 64 >"$tmp/digit.csv"
for of in cpu device; do
  # shellcheck disable=SC2086  # two words
  {
    "$tmp/$of" eval $weights --json; "$tmp/$of" info $weights
    "$tmp/$of" predict $weights --fn read --input "$tmp/read.csv"
    "$tmp/$of" predict $weights --fn digit --input "$tmp/digit.csv"
    printf '1,2,3\n' | "$tmp/$of" predict $weights --fn read --input -
  } >"$tmp/$of.out" 2>&1
  for what in "" --infer; do
    check "bench $what of $of" "$tmp/$of" bench $what --steps 2
  done
done
grep -q weights_hash "$tmp/cpu.out" && check "eval, info and predict" cmp "$tmp/cpu.out" "$tmp/device.out" ||
  fail "$(cat "$tmp/cpu.out")"
# Each launch of a step is in a row; a row has the members that one of the CPU has, but the key of `gradc tune`.
for of in cpu device; do
  "$tmp/$of" bench --profile --json --steps 2 >"$tmp/profile.$of" 2>&1
  grep '"event":"kernel"' "$tmp/profile.$of" | sed 's/"\([a-z_]*\)":\("[^"]*"\|[-0-9.e+]*\)/\1/g' |
    sed "s|,gemm}|}|" | sort -u >"$tmp/members.$of"
done
equal "members of bench --profile" "$(cat "$tmp/members.device")" \
  "{event,kernel,line,class,form,ms,flop,bytes,roofline_ms,layer}"
check "the same on the CPU" cmp "$tmp/members.cpu" "$tmp/members.device"
sed -n 's/.*"event":"kernel".*"form":"\([a-z]*\)".*"ms":\([-0-9.e+]*\),.*/\2 \1/p' "$tmp/profile.device" >"$tmp/rows"
awk -v step="$(sed -n 's/.*"step_ms":{"median":\([0-9.]*\).*/\1/p' "$tmp/profile.device")" \
  '$1 < 0 { bad = 1 } { all += $1; n += $2 != "" } END { exit bad || !n || !(all > 0.01 * step) || all > 3 * step }' \
  "$tmp/rows" && pass || fail "bench --profile on a device: $(head -n 3 "$tmp/profile.device")"
flops=$(sed -n 's/.*"event":"kernel".*"flop":\([0-9.e+]*\).*/\1/p' "$tmp/profile.device" |
  awk '{ n += $1 } END { print n }')
# The roofline of an H200, 66.9 TFLOP/s and 4.8 TB/s, of the first row that computes.
GC_DRIVER_NAME="NVIDIA H200" "$tmp/device" bench --profile --json --steps 1 |
  sed -n 's/.*"flop":\([1-9][0-9.e+]*\),"bytes":\([0-9.e+]*\),"roofline_ms":\([0-9.e-]*\),.*/\1 \2 \3/p' |
  awk 'NR == 1 { flop = $1 / 66.9e9; byte = $2 / 4.8e9; want = flop > byte ? flop : byte
    right = $3 > 0.999 * want && $3 < 1.001 * want } END { exit !right }' && pass || fail "the roofline of an H200"
near "operations of its rows" "$flops" "$("$gradc" report --cuda --json --fp=strict "$here/device.nn" |
  sed -n 's/.*"times":\(.*\),"flops":\([^,]*\),.*/\1 \2/p' | awk '{ n += $1 * $2 } END { print n }')"
equal "gradc test" "$("$gradc" test --device=cuda-host "$here/device.nn" 2>&1)" \
  "$("$gradc" test "$here/device.nn" 2>&1)"
crashes=0 # threads of the kernels that outlive their code
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  "$gradc" test --device=cuda-host "$here/device.nn" >/dev/null 2>&1 || crashes=$((crashes + 1))
done
equal "tests of 20 that crash" "$crashes" 0

# A step is begun before the end of the one before it is looked at, unless that one ends the run or is saved. With a
# driver that executes work when it is waited for, in any order that streams, events and graphs permit; stopped at a
# step; saved after each second step; stopped by a signal.
sed "s|\"\(\.\./\)*|\"$root/|; s/steps = 20;/steps = 2000; save = every(2);/" "$curves/mlp.nn" >"$tmp/ahead.nn"
ahead() { "$gradc" run --fp=strict "--device=$1" "$tmp/ahead.nn" --run-dir "$tmp/ahead" --json $2 >"$tmp/log" 2>&1; }
rm -rf "$tmp/ahead"; ahead cpu --steps=9; mv "$tmp/ahead" "$tmp/ahead.want"
for order in random $(full && echo rising); do
  rm -rf "$tmp/ahead"
  GC_DRIVER_LAZY=1 GC_ORDER=$order ahead cuda-host --steps=9
  check "a lazy driver, $order" cmp "$tmp/ahead.want/metrics.csv" "$tmp/ahead/metrics.csv"
  for step in 8 9; do
    check "its checkpoint $step" cmp "$tmp/ahead.want/checkpoint-$step.safetensors" \
      "$tmp/ahead/checkpoint-$step.safetensors"
  done
done
rm -rf "$tmp/ahead"; ahead cuda-host "--steps=9 --stop-at=4"; ahead cpu --resume
check "stopped at a step" cmp "$tmp/ahead.want/checkpoint-9.safetensors" "$tmp/ahead/checkpoint-9.safetensors"
sed -i "s/save = every(2)/save = every(1000)/" "$tmp/ahead.nn"
rm -rf "$tmp/ahead" "$tmp/ahead.want"; ahead cpu; mv "$tmp/ahead" "$tmp/ahead.want"
"$gradc" run --fp=strict --device=cuda-host "$tmp/ahead.nn" --run-dir "$tmp/ahead" >"$tmp/signal.log" 2>&1 &
for _ in $(seq 200); do [ -e "$tmp/ahead/checkpoint-0.safetensors" ] && break; sleep 0.05; done
sleep 0.3; kill -TERM $!; wait $!
check "a signal" grep -q '^saved after step' "$tmp/signal.log"
ahead cpu --resume
check "stopped by a signal" cmp "$tmp/ahead.want/weights.safetensors" "$tmp/ahead/weights.safetensors"

# A step that is not finite is named alike, and changes nothing.
sed "s/lr = 3e-3/lr = 1e30/" "$tmp/ahead.nn" >"$tmp/nan.nn"
for of in cpu cuda-host; do
  rm -rf "$tmp/nan"
  "$gradc" run --fp=strict --device=$of --run-dir "$tmp/nan" "$tmp/nan.nn" 2>&1 | grep -A1 'error\[' >"$tmp/nan.$of"
done
check "the first node that is not finite" grep -q 'E0670.*nan.nn:[0-9]*: the result of' "$tmp/nan.cpu"
check "the same on a device" cmp "$tmp/nan.cpu" "$tmp/nan.cuda-host"

# Calls of the driver that fail, in the middle of a run as at its beginning: a coded error; the CPU continues the run.
for call in 1 6 9 13 16 $(full && seq 20 23 300); do
  rm -rf "$tmp/c"
  refused_by "call $call of the driver fails" E0697 env GC_DRIVER_FAIL=$call "$tmp/device" train --run-dir "$tmp/c"
done
rm -rf "$tmp/c"
refused_by "a kernel fails" E0696 env GC_DRIVER_FAIL=700:719 "$tmp/device" train --run-dir "$tmp/c" --check-launches
check "continued on the CPU" "$tmp/cpu" train --resume --run-dir "$tmp/c"
check "its checkpoint" cmp "$tmp/c/checkpoint-6.safetensors" "$tmp/want/checkpoint-6.safetensors"
refused_by "too little memory" E0695 env GC_DRIVER_BYTES=20000 "$tmp/device" train --run-dir "$tmp/d"
# What `report --cuda` counts is what a program allocates.
needs=$("$gradc" report --cuda --fp=strict --json "$here/device.nn" | sed -n '1s/.*"device_bytes":\([0-9]*\).*/\1/p')
check "memory of the report" env GC_DRIVER_BYTES="$needs" "$tmp/device" train --steps 1 --run-dir "$tmp/needs"
refused_by "a byte less" E0695 env GC_DRIVER_BYTES=$((needs - 1)) "$tmp/device" train --run-dir "$tmp/d"
refused_by "no GPU" E0692 env GC_DRIVER_DEVICES=0 "$tmp/device" train --run-dir "$tmp/d"
refused_by "no GPU 7" E0692 "$tmp/device" train --device 7 --run-dir "$tmp/d"
check "what is taken is given back" env GC_DRIVER_LEAKS=1 "$tmp/device" train --steps 2 --run-dir "$tmp/d"

# Without a driver, a coded error: of a program that has code for GPUs, and of `run`, which then compiles none.
refused_by "no driver" E0690 env GRADC_CUDA_DRIVER=/none "$gradc" run --cuda "$here/device.nn" --run-dir "$tmp/e"
{ sed "s|../../examples|$root/examples|" "$here/device.nn"; echo 'target gpu { device = cuda }'; } >"$tmp/target.nn"
refused_by "device = cuda" E0690 env GRADC_CUDA_DRIVER=/none "$gradc" run "$tmp/target.nn" --run-dir "$tmp/e"
check "--cpu" "$gradc" run --cpu "$tmp/target.nn" --steps 1 --run-dir "$tmp/cpu_again"
"$gradc" build --cuda --gpu=sm_70 "$here/device.nn" -o "$tmp/old" >"$tmp/log" 2>&1
equal "status of --gpu=sm_70" $? 1
GRADC_CUDA_DRIVER=/none "$gradc" build --cuda --gpu=native "$here/device.nn" -o "$tmp/old" >"$tmp/log" 2>&1
equal "--gpu=native without a GPU" "$? $(grep -c 'there is no GPU on this machine' "$tmp/log")" "1 1"
if full && "$gradc" doctor | grep -q '^nvrtc *[0-9]'; then
  check "build --cuda" "$gradc" build --cuda --fp=strict --gpu=sm_90a "$here/device.nn" -o "$tmp/gpu"
  refused_by "no driver of a program" E0690 env GRADC_CUDA_DRIVER=/none "$tmp/gpu" train --run-dir "$tmp/e"
  refused_by "code that the driver refuses" E0697 env GRADC_CUDA_DRIVER="$build/libgradc_cuda_driver.so" \
    "$tmp/gpu" train --run-dir "$tmp/e"
fi
