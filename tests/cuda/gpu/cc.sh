#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# cc.sh ARG...: the compiler of ccheck --cuda that also keeps the case for a GPU. Compiles main.c over the host form, as
# ccheck wants it; its output, which ccheck compares with the interpreter's, is `want` of a case in $GPU_CASES, whose
# program is compiled by nvcc for $GPU_CODE, or is that of the host form (GPU_CODE=host).
set -e
${CC:-cc} "$@" -O1 -w
name=$(sed -n 's/^#include "\(.*\)\.cu"$/\1/p' main.c)
case=$GPU_CASES/$name$(find "$GPU_CASES" -mindepth 1 -maxdepth 1 -name "$name*" | wc -l)
mkdir -p "$case"
./prog <in.bin >"$case/want"
cp in.bin "$case/in.bin"
if [ "$GPU_CODE" = host ]; then cp prog "$case/prog"; exit; fi
cp main.c "$name.cu" "$name.h" "$case/"
echo "$case $name" >>"$GPU_CASES.list"
