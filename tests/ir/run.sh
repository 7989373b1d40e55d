#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: the IR text. Print and read again, refusals, mutations; with the sanitizers and one malloc per
# object. Linked only with the objects of ir/: that folder needs no other except the headers of prim/.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
sh tests/asan.sh "$build" || { echo "0 passed, 1 failed"; exit 1; }
asan=$(sh tests/objects.sh "$build/tests/asan" ir)
sanitized text_test tests/ir/text_test.c && tally "IR text" "$tmp/text_test" tests/ir/*.ir
counts
