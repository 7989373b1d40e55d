#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# first_step.sh [ROUNDS [WORK...]]: milliseconds from the start of a process to the end of its first training step:
# gradc compiling in process, from its cache, and by cc; PyTorch eager and compiled; JAX and tinygrad where they can be
# installed. Medians and minima of the rounds (default 5); only the second row of gradc has a warm cache. GRADC names
# the compiler, PEERS the peers. WORK: digits, chargpt, gpt (see first_step.py).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=$(readlink -f "${GRADC:-$here/../gradc}")
rounds=${1:-5}
[ $# -eq 0 ] || shift
works=${*:-digits chargpt gpt}
peers=${PEERS-torch compile jax tinygrad}
. "$here/common.sh"
environment
[ -z "$peers" ] || "$PYTHON" -m pip install -q jax tinygrad >&2 ||
  echo "first_step: JAX or tinygrad cannot be installed" >&2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
sed 's/layers = 4/layers = 6/' "$here/../examples/models/chargpt.nn" > "$tmp/chargpt.nn"

row() { # LABEL WORK PATTERN COMMAND...
  label=$1; work=$2; pattern=$3; shift 3
  if took=$("$PYTHON" "$here/until.py" "$rounds" "$pattern" "$@" 2>"$tmp/err"); then
    # shellcheck disable=SC2086  # median and minimum
    printf '%-8s %-28s median %9.1f ms   min %9.1f ms\n' "$work" "$label" $took
  else
    printf '%-8s %-28s %s\n' "$work" "$label" "$(tail -n 1 "$tmp/err")"
  fi
}

echo "machine  $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs"
echo "gradc    $("$gradc" --version); cc: $(cc --version | head -n 1)"
"$PYTHON" -m pip list 2>/dev/null | grep -E '^(torch|jax|tinygrad) ' || true
for work in $works; do
  case $work in
    digits) nn=$here/../examples/models/digits.nn ;;
    chargpt) nn=$tmp/chargpt.nn ;;
    gpt) nn=$here/models/gpt.nn ;;
  esac
  set -- "$gradc" run "$nn" --steps 1 --json
  row "gradc, clang in process" $work '"step":1' "$@"
  (export CACHE="$tmp/cache"; row "gradc, from the cache" $work '"step":1' "$@")
  row "gradc, cc and dlopen" $work '"step":1' "$@" --jit=cc
  for peer in $peers; do # PYTHON: tinygrad reads a variable of this name
    row $peer $work 'step 1' env -u PYTHON "$PYTHON" "$here/first_step.py" $peer $work
  done
done
