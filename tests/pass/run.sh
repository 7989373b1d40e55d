#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: tests of passes. tests/pass/PASS/NAME.ir goes through PASS (with NAME.flags, after the passes that
# PASS needs) and must give NAME.out; UPDATE=1 writes these files. simplify/rules_*.ir and fuse/rules.ir document the
# passes: a graph for each rule, below a comment that states it. Then pass_test.c: every graph gives the same bits
# before and after all passes, with each of them off, and wrong memory plans are refused. plan_small.c: orders and
# offsets against an exhaustive search; plan_models.c: the plans of models against their lower bound; plan_large.c:
# 20,000 kernels are planned in a second.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/pass

# With a kernel per node, the tests of order and memory do not depend on fuse.
passes() {
  case $1 in
  simplify | cse | fold | affine) echo "$1,dce" ;;
  order) echo layout,fuse,order ;;
  memory) echo layout,fuse,order,memory ;;
  *) echo "$1" ;;
  esac
}
for ir in "$here"/*/*.ir; do
  name=$(basename "$(dirname "$ir")")/$(basename "$ir" .ir); stem=${ir%.ir}
  p=$(passes "$(dirname "$name")"); flags=
  case $p in *order*) flags=--no-fuse ;; esac
  [ ! -f "$stem.flags" ] || flags=$(cat "$stem.flags")
  # shellcheck disable=SC2086
  if ! (cd "$(dirname "$ir")" && "$gradc" opt --verify --passes="$p" $flags "$(basename "$ir")") \
    >"$tmp/out" 2>"$tmp/err"; then
    fail "$name: $(head -n 3 "$tmp/err")"; continue
  fi
  [ -z "$UPDATE" ] || cp "$tmp/out" "$stem.out"
  if cmp -s "$tmp/out" "$stem.out"; then pass; else fail "$name:"; diff "$stem.out" "$tmp/out" | head -n 10; fi
  cp "$tmp/out" "$tmp/again.ir"
  if "$gradc" opt --passes= "$tmp/again.ir" | cmp -s - "$tmp/again.ir"; then pass; else
    fail "$name: printed, read, printed: differs"
  fi
done

# Every rewrite of simplify has a graph that shows it, below a comment with its text.
sed -n 's/^  {OP_[A-Za-z_0-9]*, .*"\(.*\)"},$/\1/p' "$root"/passes/simplify/rewrite_*.c >"$tmp/rewrites"
[ "$(wc -l <"$tmp/rewrites")" -gt 60 ] && pass || fail "the tables of rewrites are not found"
while IFS= read -r rewrite; do
  if grep -qxF "# $rewrite" "$here"/simplify/rules_*.ir; then pass
  else fail "no graph in simplify/rules_*.ir shows: $rewrite"; fi
done <"$tmp/rewrites"

run() { # run NAME ARGUMENTS...: a test program
  t=$1; shift
  program "$t" "$here/$t.c" || return
  tally "$t" "$tmp/$t" "$@"
  grep -v '^ok' "$tmp/tally" | grep '%'
}
run pass_test "$here"/*/*.ir
run plan_small 2000
run plan_large 24500
sed 's/layers = 4/layers = 100/' "$root/examples/models/chargpt.nn" >"$tmp/deep.nn"
run plan_models "$tmp/deep.nn" "$root"/examples/models/*.nn "$root"/bench/models/*.nn
counts
