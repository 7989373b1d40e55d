#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# setup.sh build|check|isa: installs the missing Debian packages that the make target needs.
#   build  lemon, a C compiler, clang's libraries and a C++ compiler (models are compiled in process; LLVM_CONFIG=no:
#   without)    check  also clang, with FULL=1 chromium, zsh and fish    isa  cross compilers, qemu-user, compilers and
#   emulators of microcontrollers, cmake
set -u
want=${1:-build}
need=
has() { command -v "$1" >/dev/null 2>&1; }
add() { has "$1" || need="$need $2"; }

add cc gcc; add make make; add lemon lemon
[ -e /usr/include/stdio.h ] || need="$need libc6-dev"
[ -e /usr/include/png.h ] || need="$need libpng-dev"
[ -e /usr/include/jpeglib.h ] || need="$need libjpeg-dev"
[ -e /usr/include/microhttpd.h ] || need="$need libmicrohttpd-dev"
root=$(cd "$(dirname "$0")/.." && pwd)
[ "${LLVM_CONFIG:-}" = no ] || [ "$(sh "$root/codegen/jit/find_llvm.sh")" != no ] ||
  need="$need g++ llvm-dev libclang-dev"
if [ "$want" = check ] || [ "$want" = isa ]; then
  add clang clang; add gzip gzip; add strace strace; add c++ g++; add pkg-config pkg-config; add groff groff-base
  add script bsdutils; add localedef locales
  [ -d /usr/share/i18n/charmaps ] || need="$need locales"
  [ "${FULL:-}" != 1 ] || { add chromium chromium; add zsh zsh; add fish fish; }
  [ "$want" = isa ] || /usr/bin/python3 -c 'import numpy, ensurepip' 2>/dev/null ||
    need="$need python3-numpy python3-venv"
fi
if [ "$want" = isa ]; then
  for pair in aarch64-linux-gnu:arm64 riscv64-linux-gnu:riscv64 arm-linux-gnueabihf:armhf \
    s390x-linux-gnu:s390x i686-linux-gnu:i386; do
    add "${pair%%:*}-gcc" "gcc-${pair%%:*}"
    [ -e "/usr/${pair%%:*}/include/stdio.h" ] || need="$need libc6-dev-${pair##*:}-cross"
  done
  add qemu-aarch64 qemu-user
  add arm-none-eabi-gcc "gcc-arm-none-eabi libnewlib-arm-none-eabi"; add qemu-system-arm qemu-system-arm
  add riscv64-unknown-elf-gcc gcc-riscv64-unknown-elf; add qemu-system-riscv32 qemu-system-misc
  add cmake cmake
fi
[ -n "$need" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
  if has sudo; then sudo=sudo; else echo "setup: please install as root:$need" >&2; exit 1; fi
fi
has apt-get || { echo "setup: please install:$need" >&2; exit 1; }
echo "installing:$need" >&2
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
$sudo apt-get install -y -q --no-install-recommends $need >/dev/null 2>&1 ||
  { $sudo apt-get update -q >/dev/null && $sudo apt-get install -y -q --no-install-recommends $need >/dev/null; }
