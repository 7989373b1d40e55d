#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# real.sh GRADC BUILD: models that PyTorch and scikit-learn exported (real.tar.gz, by `real.py make DIR --small`, with
# results by onnxruntime). They compute the same, with an open batch too, and train on.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/onnx
cd "$tmp" || exit 2
tar xzf "$here/real.tar.gz" || exit 2

if full; then set -- */; else set -- resnet18/ sklearn_mlp/; fi
"$gradc" import --check "$@" >out 2>err
while read -r folder result rest; do
  if [ "$result" = passed ]; then pass; else fail "$folder: $result $rest"; fi
done <out

# An open batch: the same values as one that is fixed. The constants of BERT depend on it.
expect() { # expect STATUS PATTERN ARGUMENT...
  want=$1; pattern=$2; shift 2
  "$gradc" "$@" >out 2>err; status=$?
  if [ $status = "$want" ] && grep -qE "$pattern" out err; then pass; else fail "$*: $status $(head -n 3 err)"; fi
}
check 'an open batch' "$gradc" import bert_tiny/model.onnx --dim batch=1..16 -o bert
check 'a fixed batch' "$gradc" import bert_tiny/model.onnx --dim batch=3..3 -o fixed
value() {
  "$gradc" eval "$1/model.nn" --weights "$1/model.safetensors" \
    -e 'net(reshape(iota(24), [3, 8]), i32(ones(3, 8)))[1]' 2>&1
}
equal 'values of an open batch' "$(value bert | head -n 3)" "$(value fixed | head -n 3)"
equal 'their number' "$(value bert | grep -c '^ *\[\[*[-0-9]')" 3
equal 'its dimension' "$(grep -c '^dim batch <= 16$' bert/model.nn)" 1
check 'a batch, open where possible' "$gradc" import bert_tiny/model.onnx --dim batch=16 -o possible
check 'the same model' cmp possible/model.nn bert/model.nn
equal 'a fixed dimension' "$(grep -c '^dim' fixed/model.nn)" 0
expect 2 'E0500.*1\.\.N' import bert_tiny/model.onnx --dim batch=2..16 -o d
expect 1 'E0533.*no input has' import lstm/model.onnx --dim batch=1..16 -o d
expect 2 'E0500.*only one' import bert_tiny/model.onnx --dim batch=1..16 --dim t=1..4 -o d

# Modules: those of one structure have one def, those in a chain are a loop, and weights are named by their calls.
"$gradc" import bert_tiny/model.onnx -o modules; equal 'modules' $? 0
equal 'layers in a chain' "$(grep -c '^    for i in 0\.\.2 { x = bert_layer(x, ' modules/model.nn)" 1
equal 'a def of several modules' "$(grep -c '^def bert_self_output(x: f32\[2, 8, D\], ' modules/model.nn)" 1
"$gradc" weights modules/model.safetensors >out
name=net.bert_encoder.bert_layer_2.bert_attention.bert_self_output.dense_weight
equal 'names of weights' "$(grep -c "^$name " out)" 1
"$gradc" import resnet18/model.onnx -o modules
equal 'sizes as arguments' "$(grep -c '^def residual_1(x: f32\[1, C, H, H\], out: int) {$' modules/model.nn)" 1
cp -r bert_tiny plain && sed 's/namespace/namespacX/g' bert_tiny/model.onnx >plain/model.onnx # without its modules
check 'modules by the names of weights' "$gradc" import --check plain

tune() { # tune NAME MODEL LEAST MOST: the loss of the first step is that of the imported weights, the last one is small
  cp "$here/tune_$1.nn" .
  "$gradc" import "$2/model.onnx" --dim batch=1..16 -o "$1" >out 2>err
  "$gradc" run "tune_$1.nn" --init "$1/model.safetensors" --partial --run-dir "run_$1" --json >out 2>err
  if awk -F, -v least="$3" -v most="$4" 'NR == 2 { first = $2 } END { exit !(first > least && $2 < most) }' \
    "run_$1/metrics.csv"; then pass; else fail "tuning $1: $(tail -n 2 "run_$1/metrics.csv") $(head -n 3 err)"; fi
}
tune bert bert_tiny 0.6 0.3
if full; then tune resnet resnet18 2.33 1.7; fi # 2.3026 without the file
counts
