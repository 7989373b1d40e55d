#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make.sh CC MKGEMM GEMM.INC CONV_ROWS.INC DIR: compiles the prebuilt GEMM units into a new folder DIR, two at a time.
set -e
cc=$1; mkgemm=$2; gemm=$3; rows=$4; dir=$5
rm -rf "$dir"; mkdir -p "$dir"
"$mkgemm" "$gemm" "$rows" "$dir" >"$dir/list"
compile() { # HASH FLAGS...
  hash=$1; shift
  # shellcheck disable=SC2086  # CC may be several words
  $cc -std=gnu11 -O1 -fexpensive-optimizations -fno-math-errno -fno-trapping-math -w -fPIC "$@" -c "$dir/$hash.c" \
    -o "$dir/$hash.obj"
}
while read -r first && { read -r second || true; }; do
  # shellcheck disable=SC2086  # flags
  compile $first & one=$!
  # shellcheck disable=SC2086
  [ -z "$second" ] || compile $second
  wait $one
done <"$dir/list"
