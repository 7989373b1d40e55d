#!/bin/sh
# run.sh GRADC BUILD: the strict training steps of tests/exact on AArch64, RISC-V 64 and ARMv7 (VFP; NEON flushes
# denormals) under qemu-user.
here=$(cd "$(dirname "$0")" && pwd)
MODELS="mlp cnn gpt" CROSS="aarch64-linux-gnu-gcc:qemu-aarch64 riscv64-linux-gnu-gcc:qemu-riscv64 arm-linux-gnueabihf-gcc:qemu-arm" \
  exec sh "$here/../exact/run.sh" "$@"
