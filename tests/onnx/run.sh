#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: imported ONNX models. cases.tar.gz has some of ONNX's own backend cases (Apache-2.0), which
# `gradc import --check` runs through native and portable C; fuzz.c mutates them, with the sanitizers.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/onnx
cd "$tmp" || exit 2
tar xzf "$here/cases.tar.gz" || exit 2

# Cases: all, or a few.
if full; then set -- cases/*; else set -- cases/test_slice_neg_steps \
  cases/test_reduce_mean_* cases/test_softmax_axis_* cases/test_shape_*; fi
for d in "$@"; do [ -d "$d" ] && list="$list $d"; done
# shellcheck disable=SC2086  # several folders
"$gradc" import --check $list >out 2>err
while read -r folder result rest; do
  if [ "$result" = passed ]; then pass; else fail "$folder: $result $rest"; fi
done <out

# Forms that those lack, made by made.py; of random results only types and shapes are compared.
tar xzf "$here/made.tar.gz" || exit 2
if full; then set -- made/*; else set -- made/lstm_lengths_reverse made/scan_8 made/gradient made/random_dropout; fi
"$gradc" import --check "$@" >out 2>err
equal 'made cases that do not pass' "$(grep -v '  passed  ' out; cat err)" ''
equal 'random ones' "$(grep -c '  passed  .*random results' out)" "$(printf '%s\n' "$@" | grep -c random)"
"$gradc" import made/random_dropout/model.onnx -o random >out 2>&1; equal 'random numbers' $? 0
grep -q 'random(\[2, 3\])' random/model.nn; equal 'their text' $? 0
grep -q '^test' random/model.nn; equal 'no test of random results' $? 1

# A wrong expectation is reported as such.
cp -r cases/test_relu wrong
printf '\220\001\001' >>wrong/test_data_set_0/output_0.pb # an unknown field changes nothing
check 'unknown fields' "$gradc" import --check wrong
cp wrong/test_data_set_0/input_0.pb wrong/test_data_set_0/output_0.pb
"$gradc" import --check wrong >out; equal 'status of a wrong result' $? 1
case $(cat out) in *'  wrong  Relu  E0536 native: result 1, element '*) pass ;; *) fail \
  "a wrong result: $(cat out)" ;; esac

# A file and its weights.
"$gradc" import cases/test_Linear_no_bias/model.onnx -o linear >out 2>&1; equal 'import' $? 0
grep -q '^    param .*: f32\[10, 8\] = 0$' linear/model.nn; equal 'its weight' $? 0
check 'its text' "$gradc" check linear/model.nn
check 'its test, with weights' "$gradc" test linear/model.nn --weights linear/model.safetensors
"$gradc" test linear/model.nn >out 2>&1; equal 'its test, without' $? 1
check 'its C with weights' "$gradc" emit --c linear/model.nn --weights linear/model.safetensors -o linear

# Refusals: a code, the node, the operator; all at once.
expect() { # expect STATUS PATTERN ARGUMENT...
  want=$1; pattern=$2; shift 2
  "$gradc" "$@" >out 2>err; status=$?
  if [ $status = "$want" ] && grep -qE "$pattern" out err; then pass; else fail "$*: $status $(head -n 3 err)"; fi
}
expect 1 'E0533.*: ImageDecoder `' import refused/model.onnx -o d
sed 's/ImageDecoder/ImageUnknown/' refused/model.onnx >unknown.onnx
expect 1 'E0531.*: ImageUnknown `' import unknown.onnx -o d
mkdir alone && cp cases/test_reshape_reordered_last_dims/model.onnx alone || exit 2 # without its test data
expect 1 'E0533.*: Reshape .*operand 2' import alone/model.onnx -o d
check 'an input as a constant from the test data' "$gradc" import cases/test_reshape_reordered_last_dims/model.onnx -o d
check 'an input as a constant' "$gradc" import alone/model.onnx -o d \
  --const shape=cases/test_reshape_reordered_last_dims/test_data_set_0/input_1.pb
for equation in '...ijk,->' '......,->' 'ij,jk->i\xeb'; do # axes that there are not, letters that there are not
  sed "s/ij,jk->ik/$equation/" made/einsum_ints/model.onnx >equation.onnx
  expect 1 'E0534.*: Einsum .*equation' import equation.onnx -o d
done
expect 2 'E0500.*NAME=N' import cases/test_relu/model.onnx -o d --dim 3
expect 2 'E0500.*one model' import cases/test_relu/model.onnx
expect 1 'E0530' import "$here/run.sh" -o d
expect 1 'E0501' import missing.onnx -o d
for n in 1 7 20 60; do
  head -c $n cases/test_relu/model.onnx >cut.onnx; expect 1 'E053' import cut.onnx -o d
done

if full; then
  # shellcheck disable=SC2046  # several objects
  if cc -std=gnu11 -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -DGRADC_MALLOC_EACH -I"$root" \
    -I"$build" -o fuzz "$here/fuzz.c" "$root"/import/*.c "$root/ir/ctx.c" \
    $(objects | tr ' ' '\n' | grep -v '/ir/ctx.o$') "$build/libgradc_rt.a" -lm -ldl -lpthread 2>log; then
    tally fuzz ./fuzz cases/*/model.onnx
  else fail "fuzz does not compile: $(head -n 5 log)"; fi
fi
tally export sh "$here/export.sh" "$gradc" "$build"
tally real sh "$here/real.sh" "$gradc" "$build"
counts
