#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: gradc against the committed results of PyTorch (README.md): operations, layers, programs, then
# loss curves in both floating-point modes.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/golden
for group in ops layers programs metrics curves "curves --fp=strict"; do
  # shellcheck disable=SC2086  # a script and an option
  set -- $group
  tally "$group" sh "$here/run_$1.sh" "$gradc" "$build" ${2:+"$2"}
  grep -aE '^ok' "$tmp/tally"
done

check properties "$gradc" test "$here/properties.nn"
counts
