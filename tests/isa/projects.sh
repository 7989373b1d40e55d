#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# projects.sh GRADC BUILD: the projects of gradc emit. The commands of docs/embedded.md run as they are written; several
# models print the same on every board of qemu and on this machine; sizes and counts are those of the project's own
# commands. Boards whose compiler or emulator is not installed are named and left out (setup.sh installs those of Arm).
. "$(dirname "$0")/../suite.sh"
models=$root/examples/models
cd "$tmp" || exit 2
targets=
has() { command -v "$1" >/dev/null && command -v "$2" >/dev/null; }
if has arm-none-eabi-gcc qemu-system-arm; then targets="cortex-m0plus cortex-m4 cortex-m7 cortex-m33"
else fail "arm-none-eabi-gcc or qemu-system-arm is missing: sh tests/setup.sh isa"; fi
if has riscv64-unknown-elf-gcc qemu-system-riscv32; then targets="$targets rv32"
else echo "rv32 is left out: riscv64-unknown-elf-gcc or qemu-system-riscv32 is missing"; fi

# ---- the page ----
mkdir page bin && ln -s "$gradc" bin/gradc && cp "$models/digits.nn" "$models/iris.nn" page/ &&
  cp -r "$root/examples/data" data
sed -n '/^```sh$/,/^```$/p' "$root/docs/embedded.md" | grep -v '^```' >page.sh
case $targets in *rv32*) ;; *) sed -i '/rv32/d' page.sh ;; esac
[ -s page.sh ] && (PATH=$tmp/bin:$PATH; cd page && sh -ex ../page.sh) >page.log 2>&1 && pass ||
  fail "docs/embedded.md: $(tail -n 5 page.log)"

# ---- same MODEL TARGET DIR: the board and this machine print the same lines ----
same() {
  timeout 60 make -s -C "$3" run CFLAGS=-Werror >"$3.board" 2>&1 &&
    make -s -C "$3" host CFLAGS=-Werror >"$3.host" 2>&1 &&
    [ -s "$3.host" ] && cmp -s "$3.board" "$3.host" && pass ||
    fail "$1 on $2: $(diff "$3.board" "$3.host" | head -n 5)"
}
field() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$2"; }
counted() { # counted MODEL TARGET DIR REPORT: what emit printed is what the project's commands say
  equal "$1 on $2, instructions" "$(field instructions "$4")" "$(make -s -C "$3" count | sed -n 's/ instructions$//p')"
  equal "$1 on $2, flash" "$(field flash_bytes "$4")" \
    "$(make -s -C "$3" size | awk '/^\.(text|data|ARM.exidx)/ { n += $2 } END { print n }')"
}
project() { # project MODEL TARGET FLAG DIR
  # shellcheck disable=SC2086  # no flag, or one
  if "$gradc" emit --project=make --target="$2" "$1" -o "$4" --json $3 >"$4.json" 2>err; then
    same "$(basename "$1") $3" "$2" "$4"
  else fail "$1 for $2: $(head -n 3 err)"; fi
}
for target in $targets; do
  project "$models/iris.nn" "$target" "" "iris-$target"
  counted iris "$target" "iris-$target" "iris-$target.json"
  project "$models/iris.nn" "$target" --only=infer "infer-$target"
done
for model in examples/models/dqn tests/exact/scan_checkpoint tests/native/mixed; do
  project "$root/$model.nn" cortex-m4 "" "$(basename $model)"
done
for model in examples/models/dqn examples/models/lora examples/models/gan tests/exact/bounded; do
  project "$root/$model.nn" cortex-m4 --only=infer "$(basename $model)-infer"
done
counts
