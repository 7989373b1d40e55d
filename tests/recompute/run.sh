#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: rematerialisation. cut_test: minimum cuts against all cuts; chain_test: plans for a budget against
# all plans, of chains of up to 12 layers; without FULL=1 up to 9.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
program cut_test tests/recompute/cut_test.c && tally cut_test "$tmp/cut_test"
longest=9; full && longest=12
program chain_test tests/recompute/chain_test.c && tally chain_test "$tmp/chain_test" $longest
counts
