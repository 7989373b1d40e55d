#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: rematerialisation. cut_test: minimum cuts against all cuts; chain_test: plans for a budget against
# all plans.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
for test in cut_test chain_test; do
  program $test tests/recompute/$test.c && tally $test "$tmp/$test"
done
counts
