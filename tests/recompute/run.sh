#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: rematerialisation. cut_test: minimum cuts against all cuts; chain_test: plans for a budget against
# all plans, of chains of up to 12 layers; without FULL=1 up to 9. scan_in_region.nn: a scan that is rematerialised for
# its region, and again for the budget.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
program cut_test tests/recompute/cut_test.c && tally cut_test "$tmp/cut_test"
longest=9; full && longest=12
program chain_test tests/recompute/chain_test.c && tally chain_test "$tmp/chain_test" $longest
got=$(timeout 20 "$gradc" report --ram=1 tests/recompute/scan_in_region.nn 2>&1 | head -n 1 | cut -c1-12)
equal "a scan that is rematerialised twice" "$got" "error[E0508]"
counts
