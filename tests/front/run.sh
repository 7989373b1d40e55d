#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: the front end. Diagnostics, lexer, parser, fmt and elaborator, with the sanitizers and one malloc
# per object; the programs in README.md and docs/. Without FULL=1 a share of the mutations, of the long inputs and of
# the limits.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
sh tests/asan.sh "$build" || { echo "0 passed, 1 failed"; exit 1; }
sanitized diag_test tests/front/diag_test.c && tally diag "$tmp/diag_test"
mutations="--quick --mutations=100"; full && mutations=--mutations=3000
for t in parse elab; do
  # shellcheck disable=SC2086  # several options
  sanitized ${t}_test tests/front/${t}_test.c && tally $t "$tmp/${t}_test" $mutations
done
# Tests written in the language itself.
for f in tests/front/elab/*_values.nn; do check "$f" "$gradc" test "$f"; done
# Arguments of the standard library, by position and by name.
awk -f tests/front/args.awk std/*.nn runtime/*.nn > "$tmp/args.nn"
check "arguments of the standard library" "$gradc" test "$tmp/args.nn"
# Names of the standard library are free for programs.
mkdir "$tmp/names"
check names sh tests/front/names.sh "$root" "$tmp/names"
for f in "$tmp"/names/*.nn; do
  check "$f" "$gradc" check -W "$f"
  case $f in */def.nn | */library.nn) check "$f" "$gradc" test "$f" ;; esac
done
# The programs in the pages compile.
mkdir "$tmp/pages"
check pages awk -v dir="$tmp/pages" -f tests/front/snippets.awk README.md docs/*.md
[ "$(ls "$tmp/pages" | wc -l)" -ge 5 ] && pass || fail "pages: programs are missing"
for f in "$tmp"/pages/*; do
  case $f in *.nn) check "$f" "$gradc" check -W "$f" ;; *) check "$f" "$gradc" opt --verify --passes= "$f" ;; esac
done
# 20,000 lines whose names nothing reads, which once took 30 s.
awk 'BEGIN { print "export def f(x: f32[1]) {"; for (i = 0; i < 20000; i++) print "y" i " = x"; print "x }" }' \
  >"$tmp/long.nn"
check "a long def" sh -c 'ulimit -t 8; exec "$1" check "$2"' - "$gradc" "$tmp/long.nn"
counts
