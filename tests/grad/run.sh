#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: gradients of every op and of programs against difference quotients.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
# shellcheck disable=SC2046  # several files
program grad tests/grad/*.c && tally gradients "$tmp/grad" tests/grad/ops.cases tests/grad/*.ir tests/grad/expand/*.ir \
  $(ls tests/grad/*.nn 2>/dev/null)
counts
