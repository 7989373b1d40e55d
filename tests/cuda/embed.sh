# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh. Emitted models in programs of others: examples/embed/cuda.cu, which makes a step a CUDA graph, over
# the host form, and compiled by nvcc where it is; trained weights in the unit and in a file: the bits of portable C.
embedded() { # embedded PROGRAM SOURCE...: C and CUDA over the host form
  out=$tmp/$1; shift
  # shellcheck disable=SC2086  # several flags
  ${CC:-cc} -std=gnu11 -O1 -w -ffp-contract=off -fno-strict-aliasing -DGC_TEST_GRAPHS -I"$root" -I"$here/runtime" \
    -I"$tmp/embed" -x c "$@" -x none "$host" -o "$out" -lm -ldl -lpthread
}
check "digits as CUDA" "$gradc" emit --cuda examples/models/digits.nn -o "$tmp/embed"
check "examples/embed/cuda.cu compiles" embedded digits examples/embed/cuda.cu "$tmp/embed/digits.cu"
"$tmp/digits" >"$tmp/log" 2>&1
grep -q '^step 50: loss 0\.[0-9]*, accuracy 1$' "$tmp/log" && grep -qx 'this is a 7' "$tmp/log" && pass ||
  fail "examples/embed/cuda.cu: $(cat "$tmp/log")"
nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null)
if [ -n "$nvcc" ]; then
  for unit in examples/embed/cuda.cu $(full && echo "$tmp/embed/digits.cu"); do
    "$nvcc" -I"$tmp/embed" -gencode arch=compute_90a,code=sm_90a -c "$unit" -o "$tmp/unit.o" >"$tmp/log" 2>&1
    equal "nvcc of ${unit##*/}: status, messages" "$? $(wc -c <"$tmp/log")" "0 0"
  done
else echo "skipped: nvcc is not installed"; fi

# Weights of a short run, read by a program that only infers, in C and in CUDA.
{ sed "s|../../examples|$root/examples|" "$here/device.nn"; } >"$tmp/trained.nn"
check "weights" "$gradc" run --cpu --fp=strict "$tmp/trained.nn" --steps 2 --run-dir "$tmp/short"
cat >"$tmp/embed/main.c" <<'C'
#include <stdio.h>
#define ALIGNED __attribute__((aligned(64)))
static ALIGNED unsigned char mem[trained_BYTES], file[1 << 16];
int main(int argc, char **argv) {
  float pixel[64], x[2 * 2] = {0.1f, -0.2f, 0.3f, 0.4f}, y[2 * 3];
  int32_t digit = -1;
  FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;
  size_t n = f ? fread(file, 1, sizeof file, f) : 0;
  for (int i = 0; i < 64; i++) pixel[i] = (float)(i % 17);
  trained_init(mem, 1);
#ifdef BLOB
  printf("damaged %d ", LOAD(mem, file, n - 1) != 0);
  if (LOAD(mem, file, n)) return 1;
#endif
  if (trained_digit(mem, pixel, &digit) || trained_read(mem, x, 2, y)) return 1;
  printf("digit %d\n", (int)digit);
  for (int i = 0; i < 6; i++) printf("%a\n", y[i]);
  return 0;
}
C
weights="--only=infer --weights=$tmp/short/weights.safetensors"
in_cuda='#define trained_init(...) (trained_init)(__VA_ARGS__, 0)
#define trained_digit(...) (trained_digit)(__VA_ARGS__, 0)
#define trained_read(...) (trained_read)(__VA_ARGS__, 0)
#define LOAD(...) trained_load(__VA_ARGS__, 0)'
for as in embed blob; do
  blob=; [ $as = embed ] || blob="#define BLOB"
  for target in c cuda; do
    rm -f "$tmp"/embed/trained.*; before=$in_cuda; [ $target = cuda ] || before='#define LOAD trained_load'
    # shellcheck disable=SC2086  # several options
    check "$as as $target" "$gradc" emit --$target --fp=strict $weights --weights-as=$as "$tmp/trained.nn" \
      -o "$tmp/embed"
    printf '#include "trained.%s"\n%s\n%s\n#include "main.c"\n' "${target%uda}$([ $target = c ] || echo u)" "$before" \
      "$blob" >"$tmp/embed/unit.c"
    check "$as in $target compiles" embedded trained "$tmp/embed/unit.c"
    "$tmp/trained" "$tmp/embed/trained.weights" >"$tmp/trained.$target" 2>&1
  done
  grep -q 'digit [0-9]' "$tmp/trained.c" && cmp -s "$tmp/trained.c" "$tmp/trained.cuda" && pass ||
    fail "weights, $as: $(diff "$tmp/trained.c" "$tmp/trained.cuda" | head -n 3)"
done
# shellcheck disable=SC2086  # several options
"$gradc" emit --cuda $weights --weights-as=extern "$tmp/trained.nn" -o "$tmp/no" 2>"$tmp/log"
equal "status of --weights-as=extern" "$? $(grep -c 'memory of the host' "$tmp/log")" "2 1"
