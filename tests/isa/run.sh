#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: the strict training steps of tests/exact on AArch64, RISC-V 64 and ARMv7 (VFP; NEON flushes
# denormals) under qemu-user. Then a model in bf16 with the dot products of AArch64 and without; the projects of gradc
# emit (projects.sh); and the table of docs/compilers.md, which is printed.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/isa
export MODELS="mlp cnn gpt" \
  CROSS="aarch64-linux-gnu-gcc:qemu-aarch64 riscv64-linux-gnu-gcc:qemu-riscv64 arm-linux-gnueabihf-gcc:qemu-arm"
tally "strict training" sh "$root/tests/exact/run.sh" "$gradc" "$build"
unset MODELS CROSS

cp -r "$root/examples" "$tmp/examples" && cd "$tmp" || exit 2
sed 's/^train {/train { precision = bf16;/' examples/models/digits.nn >examples/models/half.nn
loss() { # NAME CFLAGS: after 40 steps
  "$gradc" build examples/models/half.nn -o "$1" --cc aarch64-linux-gnu-gcc --isa neon --cflags "-static $2" &&
    qemu-aarch64 -cpu max "./$1" train --steps 40 --threads 1 --json 2>err |
      sed -n 's/.*"event":"done".*"steps":40,"loss":\([0-9.]*\).*/\1/p'
}
plain=$(loss plain ""); dots=$(loss dots -march=armv8.2-a+bf16)
used=$(aarch64-linux-gnu-objdump -d dots | grep -c bfdot)
if awk "BEGIN { d = ${dots:-9} / ${plain:-1} - 1; exit !(d * d < 1e-4) }" && [ "$used" -gt 0 ]; then pass
else fail "bf16: loss $dots with $used dot products, $plain without"; fi
tally projects sh "$here/projects.sh" "$gradc" "$build"
cd "$root" || exit 2
tally tutorial python3 tests/docs/tutorial.py "$gradc" "$root" docs/tutorial/microcontroller.md
sh "$here/compilers.sh" "$gradc" "$build" host fma cross cortex >"$tmp/table" 2>"$tmp/err"
cat "$tmp/table"
sed -n '/^| compiler /,/^$/p' docs/compilers.md | sed '/^$/d' >"$tmp/committed"
if cmp -s "$tmp/table" "$tmp/committed" && [ ! -s "$tmp/err" ]; then pass
else fail "the table of docs/compilers.md:"; head -n 20 "$tmp/err"; diff "$tmp/committed" "$tmp/table" | head -n 20; fi
counts
