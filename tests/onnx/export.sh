#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# export.sh GRADC BUILD: models that `gradc export --onnx` writes, read back by `gradc import --check`, which runs them
# in native and portable C on the inputs and results of the original. ort.py runs the same folders in onnxruntime.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/onnx; models=$root/examples
cd "$tmp" || exit 2

export_all() { # export_all FOLDER FILE [OPTION...]: the cases in FOLDER
  folder=$1 file=$2; shift 2
  "$gradc" export --onnx "$file" -o "$folder/m.onnx" --test-data "$folder" "$@" >out 2>err && pass ||
    fail "export of $file: $(head -n 3 err)"
}
back() { # back FOLDER...: equal after the import
  "$gradc" import --check "$@" >out 2>err
  while read -r folder result rest; do
    if [ "$result" = passed ]; then pass; else fail "$folder: $result $rest"; fi
  done <out
}

export_all all "$here/export.nn"
if full; then back all/*/; else back all/image all/stream all/sizes all/lengths all/numbers; fi
equal 'names of files' "$(cd all && echo m.[ilns]*.onnx)" \
  'm.image.onnx m.lengths.onnx m.letters.onnx m.loops.onnx m.numbers.onnx m.sizes.onnx m.slope.onnx m.stream.onnx'
"$gradc" import all/m.image.onnx -o image && "$gradc" export --onnx image/model.nn --weights image/model.safetensors \
  -o image/again.onnx >out && "$gradc" import image/again.onnx -o again
equal 'names and weights of a second export' "$(grep -c 'param conv2d_w: f32\[8, 3, 3, 3\]' image/model.nn)" 1
check 'its import' "$gradc" check again/model.nn

# Weights in a file beside the model are the same weights.
"$gradc" export --onnx "$here/export.nn" --def image --external -o far/m.onnx >out 2>err; equal 'beside' $? 0
"$gradc" import far/m.onnx -o far >out 2>err
if cmp -s far/model.safetensors image/model.safetensors; then pass; else fail "weights beside: $(cat err)"; fi
head -c 100 far/m.onnx.data >cut && mv cut far/m.onnx.data
"$gradc" import far/m.onnx -o far >out 2>err; equal 'a file of weights that ends too early' $? 1

expect() { # expect STATUS PATTERN ARGUMENT...
  want=$1; pattern=$2; shift 2
  "$gradc" "$@" >out 2>err; status=$?
  if [ $status = "$want" ] && grep -qE "$pattern" out err; then pass; else fail "$*: $status $(head -n 3 err)"; fi
}
expect 2 'E0500.*--onnx' export "$here/export.nn" -o m.onnx
expect 2 'E0500' export --onnx "$here/export.nn"
expect 2 'E0500' export --onnx "$here/export.nn" -o m.safetensors
expect 1 'E0804.*export def nothing' export --onnx "$here/export.nn" --def nothing -o m.onnx
expect 1 'E0505' export --onnx "$here/export.nn" --weights "$here/export.nn" -o m.onnx
expect 5 'E0502' export --onnx "$here/export.nn" --def slope -o /dev/null/m.onnx

if full; then
  for file in "$models"/models/*.nn "$models"/classical/*.nn; do
    grep -q '^export def' "$file" || continue
    name=$(basename "$file" .nn)
    [ "$name" = gpt2 ] && continue # of 124 million weights; ort.py has run it
    (cd "$(dirname "$file")" && "$gradc" export --onnx "$name.nn" -o "$tmp/x/$name.onnx" --test-data "$tmp/x/$name") \
      >out 2>err && pass || fail "export of $name: $(head -n 3 err)"
  done
  back x/*/*/
  # Graphs of the codegen suite: all ops, but for what ONNX lacks. u32 is computed with INT64, which an import narrows.
  for file in "$root"/tests/codegen/*.ir; do
    for g in $(sed -n 's/^graph \([a-zA-Z_0-9]*\)(.* export.*/\1/p' "$file"); do
      name=$(basename "$file" .ir)
      "$gradc" export --onnx "$file" --def "$g" -o "g/$name.onnx" --test-data "g/$name" >out 2>err ||
        { rm -rf "g/$name/$g"; grep -q E0540 err || fail "$name $g: $(head -n 3 err)"; }
    done
  done
  rm -r g/elem/ints
  back g/*/*/
fi
counts
