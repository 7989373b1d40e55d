# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh with FULL=1. Where nvcc is, it compiles emitted models, and every op, without a message, for
# sm_90a, with ALL=1 also for the oldest architecture, and no kernel spills registers.
nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null)
compiles() { # compiles FILE MODE
  name=$(basename "${1%.*}"); dir=$tmp/nvcc
  rm -rf "$dir"
  "$gradc" emit --cuda "--fp=$2" "$1" -o "$dir" >"$tmp/log" 2>&1 || { fail "$name: $(head -n 3 "$tmp/log")"; return; }
  set -- "$dir"/*.cu "$2" # a text of the IR names its module
  for arch in 90a $([ "${ALL:-}" != 1 ] || echo 80); do
    [ "$2" = strict ] && fma=false || fma=true
    if timeout 300 "$nvcc" --fmad=$fma -Xptxas -v -gencode "arch=compute_$arch,code=sm_$arch" -c "$1" \
         -o "$dir/unit.o" >"$dir/messages" 2>&1 &&
       ! grep -vE '^ptxas info| 0 bytes spill stores, 0 bytes spill loads' "$dir/messages" >"$tmp/log"; then pass
    else fail "$name, sm_$arch: $(head -n 3 "$tmp/log" "$dir/messages")"; fi
  done
}
if [ -n "$nvcc" ]; then
  models="gpt"
  [ "${ALL:-}" != 1 ] || models="mlp cnn gpt lstm"
  for model in tests/codegen/*.ir; do compiles "$model" strict; done
  for name in $models; do compiles "$(with_type bench/models/$name.nn bf16)" fast; done
  [ "${ALL:-}" != 1 ] || for name in cnn gpt lstm; do compiles bench/models/$name.nn strict; done
  # Tiles and chunks of all kinds of the forms of contractions, at their largest.
  for forms in "bf16 bf16" "f16 as_f16" "f32 f32"; do
    awk -v a="${forms% *}" -v b="${forms#* }" -f tests/native/cases.awk tests/cuda/large.txt >"$tmp/large.ir"
    compiles "$tmp/large.ir" fast
  done
else echo "skipped: nvcc is not installed"; fi
