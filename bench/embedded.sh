#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# embedded.sh GRADC [MODEL...]: instructions of training steps and of inference, counted in qemu on each processor of
# gradc emit --target (arm-none-eabi-gcc, riscv64-unknown-elf-gcc, qemu-system-arm, qemu-system-riscv32), as rows of
# embedded.csv. embedded.sh fit [FILE]: of such rows, the instructions of a multiply-add and of another multiplication
# (work, in the costs of ir/ops.def), by least squares of the relative errors of rows above 10,000 multiply-adds, and
# the largest error: the numbers of driver/board.c.
set -u
here=$(cd "$(dirname "$0")" && pwd)
if [ "${1:-}" = fit ]; then
  awk -F , 'NR > 1 && $4 > 1e4 { # of each row 1 = mac * x + work * y
      x = $4 / $6; y = $5 / $6; t = $1
      if (!(t in n)) order[++targets] = t
      n[t]++; X[t, n[t]] = x; Y[t, n[t]] = y
      xx[t] += x * x; xy[t] += x * y; yy[t] += y * y; sx[t] += x; sy[t] += y }
    END { for (k = 1; k <= targets; k++) {
      t = order[k]; d = xx[t] * yy[t] - xy[t] * xy[t]; worst = 0
      mac = (sx[t] * yy[t] - sy[t] * xy[t]) / d; work = (sy[t] * xx[t] - sx[t] * xy[t]) / d
      for (i = 1; i <= n[t]; i++) {
        e = mac * X[t, i] + work * Y[t, i] - 1
        if (e < 0) e = -e
        if (e > worst) worst = e
      }
      printf "%s %.1f %.1f worst %.0f %%\n", t, mac, work, 100 * worst } }' "${2:-$here/embedded.csv}"
  exit
fi
gradc=$(cd "$(dirname "$1")" && pwd)/$(basename "$1"); shift
[ $# -gt 0 ] || set -- iris digits digits_cnn autoencoder distil dqn pinn lora
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
field() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$tmp/json"; }
echo target,model,part,macs,work,instructions
for target in cortex-m0plus cortex-m4 cortex-m7 cortex-m33 rv32; do
  for model; do
    for part in train infer; do
      flag=; [ $part = train ] || flag=--only=infer
      # shellcheck disable=SC2086  # no flag, or one
      "$gradc" emit --project=make --target=$target $flag "$here/../examples/models/$model.nn" --json --force \
        -o "$tmp/project" >"$tmp/json" || exit 1
      n=$(field instructions)
      [ -n "$n" ] || { echo "$model on $target: $(cat "$tmp/json")" >&2; continue; }
      echo "$target,$model,$part,$(field macs),$(field work),$n"
    done
  done
done
