#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# onnx.sh [DIR]: models of `tests/onnx/real.py make DIR` imported by gradc, beside onnxruntime: least time of a call
# and peak resident memory of a process of Python, with one thread and with two. PYTHON names one with numpy, onnx and
# onnxruntime (and torch, transformers, scikit-learn, skl2onnx, if DIR is to be made). Writes CSV.
here=$(cd "$(dirname "$0")" && pwd); root=$(dirname "$here")
. "$here/common.sh"
dir=${1:-$root/build/onnx}; python=${PYTHON:-python3}; real=$root/tests/onnx/real.py
make -s -C "$root" all lib || exit 1
[ -d "$dir" ] || "$python" "$real" make "$dir" >&2 || exit 1
echo "model,side,threads,ms,peak_mb"
for folder in "$dir"/*/; do
  for threads in 1 2; do
    for side in gradc onnxruntime; do
      name=$(basename "$folder")
      line=$(bound $threads "$python" "$real" time $side "$root/gradc" "$dir" "$name" $threads) || exit 1
      echo "$(word "$line" name),$side$(fields "$line" threads ms peak_mb)"
    done
  done
done
