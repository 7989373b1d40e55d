#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: `gradc lsp`, by the messages that editors send; the files of editors/. With FULL=1 also messages
# and texts with random faults, with the sanitizers.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
XDG_CACHE_HOME=$tmp/cache; export XDG_CACHE_HOME
mkdir "$tmp/work"
# shellcheck disable=SC2046  # a flag or none
for t in session requests editors; do
  tally $t python3 -B tests/lsp/$t.py "$gradc" "$tmp/work" $(full && echo full)
done
if full; then
  sh tests/asan.sh "$build" || { echo "0 passed, 1 failed"; exit 1; }
  tally fuzz python3 -B tests/lsp/fuzz.py "$build/tests/asan/gradc" 60
fi
counts
