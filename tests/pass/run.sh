#!/bin/sh
# run.sh GRADC BUILD: tests of passes. tests/pass/PASS/NAME.ir goes through PASS (with NAME.flags, and behind what PASS
# needs) and must give NAME.out. UPDATE=1 writes the expected files instead. Then pass_test.c: every graph gives the
# same bits before and after all passes, with each of them off, and wrong memory plans are refused. plan_small.c: orders
# and placements against the best of all; plan_models.c: how near the plans of models are to their bound;
# plan_large.c: 20,000 kernels are planned in a second.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
gradc=${1:-$root/gradc}; build=${2:-$root/build}
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
pass=0; fail=0
ok() { pass=$((pass + 1)); }
bad() { fail=$((fail + 1)); echo "FAIL  $*"; }

# The plain kernels let the tests of order and memory stand on their own, whatever fuse joins.
passes() {
  case $1 in
  simplify | cse | fold) echo "$1,dce" ;;
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
  if ! (cd "$(dirname "$ir")" && "$gradc" opt --verify --passes="$p" $flags "$(basename "$ir")") >"$tmp/out" 2>"$tmp/err"; then
    bad "$name: $(head -n 3 "$tmp/err")"; continue
  fi
  [ -z "$UPDATE" ] || cp "$tmp/out" "$stem.out"
  if cmp -s "$tmp/out" "$stem.out"; then ok; else bad "$name:"; diff "$stem.out" "$tmp/out" | head -n 10; fi
  cp "$tmp/out" "$tmp/again.ir"
  if "$gradc" opt --passes= "$tmp/again.ir" | cmp -s - "$tmp/again.ir"; then ok; else bad "$name: printed, read, printed: differs"; fi
done

objs=$(find "$build" -name '*.o' ! -path "$build/driver/*" ! -path "$build/lib/*" ! -path "$build/runtime/*" ! -path "$build/tests/*")
program() { # NAME ARGUMENTS…: compiles tests/pass/NAME.c and runs it; its last line counts
  t=$1; shift
  # shellcheck disable=SC2086
  if ! ${CC:-cc} -std=gnu11 -Wall -Wextra -O1 -g -I"$root" "$here/$t.c" $objs -lm -o "$tmp/$t"; then bad "$t.c does not compile"; return; fi
  "$tmp/$t" "$@" >"$tmp/out" 2>&1; status=$?
  grep FAIL "$tmp/out" | head -n 20
  grep -v '^ok' "$tmp/out" | grep '%'
  line=$(tail -n 1 "$tmp/out")
  pass=$((pass + $(echo "$line" | sed -n 's/^\([0-9]*\) passed.*/\1/p' | grep . || echo 0)))
  fail=$((fail + $(echo "$line" | sed -n 's/.* \([0-9]*\) failed$/\1/p' | grep . || echo 1)))
  [ $status -le 1 ] || bad "$t ended with status $status"
}
program pass_test "$here"/*/*.ir
program plan_small 2000
program plan_large 24500
sed 's/layers = 4/layers = 100/' "$root/examples/models/chargpt.nn" >"$tmp/deep.nn"
program plan_models "$tmp/deep.nn" "$root"/examples/models/*.nn "$root"/bench/models/*.nn
echo "pass: $pass passed, $fail failed"
[ $fail -eq 0 ]
