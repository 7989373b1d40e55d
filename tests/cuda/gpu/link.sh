#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# link.sh FOLDER: for prepare.sh. The program FOLDER/run of its model, by nvcc, and unit.c, by cc; messages in log.
cd "$1" || exit 2
model=$(echo *.cu)
{
  # shellcheck disable=SC2086  # several flags
  "$NVCC" --fmad=false $CODE -c "$model" -o model.o &&
    ${CC:-cc} -std=gnu11 -O1 -w -fno-strict-aliasing -I"$ROOT" -I"$ROOT/tests/exact" -I"$ROOT/tests/cuda/gpu" -I. \
      -I"$INCLUDE" -c unit.c -o unit.o &&
    "$NVCC" unit.o model.o -o run
} >log 2>&1
exit 0
