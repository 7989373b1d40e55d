#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: equivalent programs are trained to the same bits, see twins.c.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
count=40; full && count=1500
program twins tests/twins/twins.c && tally twins "$tmp/twins" "${FIRST:-1}" $count
counts
