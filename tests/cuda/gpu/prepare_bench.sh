# SPDX-License-Identifier: Apache-2.0
# Sourced by prepare.sh: what bench-gpu measures, most wanted first.
ceilings() { # ceilings NAME
  if [ -x "$out/ceilings" ]; then printf '%s\t15\t./ceilings %s\n' "$1" "${dry:+65536}" >>"$list"
  else absent "$1" "$(why)"; fi
}
product() { # product TYPE M N K: one contraction
  name=gemm_$1_$2_$3_$4
  echo "export def predict(x: $1[$2, $4], w: $1[$3, $4]) -> $1[$2, $3] { x @ w' }" >"$out/programs/$name.nn"
  measured "gemm $1 $2 x $3 x $4" 15 "$name" --infer --steps "$([ -n "$dry" ] && echo 1 || echo 50)"
}

begin bench
rm -f "$out/ceilings"
can_compile ceilings && compiled "$out/ceilings" "$here/ceilings.cu"
ceilings "ceilings before"
if [ -n "$dry" ]; then product f32 16 16 16
else
  for n in 256 512 1024 2048 4096 8192; do product f32 $n $n $n; product bf16 $n $n $n; done
  for shape in "2304 768" "768 768" "3072 768" "768 3072"; do
    # shellcheck disable=SC2086  # two numbers
    product bf16 16384 $shape
  done
fi
absent "gemm beside cuBLASLt" "a program that calls cuBLASLt"
if [ -n "$dry" ]; then absent "gpt2 bf16" "a GPU: too large for a dry run"
else
  cp LICENSE "$out/programs/text.txt"
  sed 's/^dim T = 64/dim T = 1024/; s|text("[^"]*"|text("text.txt"|; s/batch = 4/batch = 16/
    s/^train {/train { precision = bf16;/' \
    bench/models/gpt2.nn >"$out/programs/gpt2.nn"
  measured "gpt2 bf16" 40 gpt2 --steps 20
fi
absent "gpt2 bf16, profile" "--profile on a device"
absent "gpt2 bf16, PyTorch eager" "bench/torch_step.py measures PyTorch on the CPU only"
absent "gpt2 bf16, torch.compile" "bench/torch_step.py measures PyTorch on the CPU only"
absent "attention" "attention as one op"
for name in $([ -n "$dry" ] || echo mlp gpt cnn lstm); do
  copied tests/golden/curves/"$name".nn "small_$name"
  measured "small $name" 15 "small_$name" --steps 200
done
absent "bandwidth kernels beside a copy" "a program for each"
cp "$gradc" "$out/gradc"
copied tests/golden/curves/mlp.nn start
row "cold and warm start" 20 "start start $device"
ceilings "ceilings after"
