#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_layers.sh GRADC BUILD: the golden values of ops/ops.txt that need weights, states or training, as portable C.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/golden
ops=$here/ops
awk -v nn="$tmp/cases.nn" -v c="$tmp/main.c" -f "$ops/literal.awk" -f "$ops/to_c.awk" "$ops/ops.txt" || exit 2
[ "$(grep -c '^use ' "$tmp/cases.nn")" -gt 20 ] || { echo "golden layers: ops.txt gave too few cases" >&2; exit 1; }
"$gradc" emit --c --no-layout "$tmp/cases.nn" -o "$tmp" && # row-major, as the values are
  ${CC:-cc} -std=c99 -Wall -Wextra -pedantic -Werror -O0 -c "$tmp/cases.c" -o "$tmp/cases.o" &&
  ${CC:-cc} -std=c11 -Wall -Wextra -Werror -I"$ops" -I"$tmp" -o "$tmp/run" "$tmp/main.c" "$tmp/cases.o" -lm &&
  "$tmp/run"
