#!/bin/sh
# run.sh GRADC [BUILD]: gradc against the committed results of PyTorch (README.md): operations, layers, programs, then
# loss curves in both floating-point modes.
here=$(cd "$(dirname "$0")" && pwd)
gradc=${1:-./gradc}; build=${2:-build}
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM
pass=0; fail=0

part() { # COMMAND...: adds up its last line "…: N passed, N failed"
  "$@" >"$log" 2>&1
  status=$?
  cat "$log"
  counts=$(sed -n 's/^[a-z]*: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)
  p=${counts% *}; f=${counts#* }
  # A part that ends badly without saying so counts as one failure.
  [ -n "$counts" ] && { [ "$status" -eq 0 ] || [ "$f" -gt 0 ]; } || f=$((${f:-0} + 1))
  pass=$((pass + ${p:-0})); fail=$((fail + f))
}

part sh "$here/run_ops.sh" "$gradc"
part sh "$here/run_layers.sh" "$gradc"
part sh "$here/run_programs.sh" "$gradc" "$build"
part sh "$here/run_curves.sh" "$gradc"
part sh "$here/run_curves.sh" "$gradc" --fp=strict
echo "golden: $pass passed, $fail failed"
[ "$fail" -eq 0 ] && [ "$pass" -gt 0 ]
