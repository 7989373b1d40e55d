#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# compile_time.sh [ROUNDS]: wall time from .nn to binary (the C compiler included) and of gradc alone, for MLP and GPT.
# Prints median and minimum of the rounds in ms. GRADC names the compiler (default: ../gradc), BUILD_FLAGS: for `build`.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${GRADC:-$here/../gradc}
rounds=${1:-7}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

now() { date +%s%N; }

time_of() { # LABEL COMMAND...
  label=$1; shift
  "$@" >/dev/null # warms the file cache; a failure ends the script here
  i=0
  while [ "$i" -lt "$rounds" ]; do
    begin=$(now); "$@" >/dev/null; end=$(now)
    echo $(((end - begin) / 1000))
    i=$((i + 1))
  done | sort -n | awk -v label="$label" '{ v[NR] = $1 / 1000 } END {
    m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
    printf "%-32s median %8.1f ms   min %8.1f ms\n", label, m, v[1] }'
}

for w in mlp gpt; do
  # shellcheck disable=SC2086  # several flags
  time_of "$w: .nn -> binary" "$gradc" build "$here/models/$w.nn" -o "$tmp/$w" ${BUILD_FLAGS:-}
  time_of "$w: gradc alone (emit --c)" "$gradc" emit --c "$here/models/$w.nn" -o "$tmp/c"
  time_of "$w: gradc alone (check)" "$gradc" check "$here/models/$w.nn"
done
