#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# hooked_cc.sh ARG...: a C compiler for one source, with the hooks of the host form: -fsanitize=thread when it compiles,
# but not when it links, where libgradc_cuda_host.a has them.
out=a.out; source=; flags=; libs=
while [ $# -gt 0 ]; do
  case $1 in
  -o) out=$2; shift ;;
  *.c) source=$1 ;;
  *.a | -l*) libs="$libs $1" ;;
  *) flags="$flags $1" ;;
  esac
  shift
done
# shellcheck disable=SC2086  # several flags
${HOOKED_CC:-cc} -O1 $flags -fno-tree-vectorize -fsanitize=thread -g1 -c "$source" -o "$out.o" &&
  ${HOOKED_CC:-cc} "$out.o" $libs -o "$out"
