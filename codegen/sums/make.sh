#!/bin/sh
# make.sh CC SUMS GEMM.INC DIR: the objects of contractions that gradc carries, two at a time, in a new folder DIR.
set -e
cc=$1; sums=$2; gemm=$3; dir=$4
rm -rf "$dir"; mkdir -p "$dir"
"$sums" "$gemm" "$dir" >"$dir/list"
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
